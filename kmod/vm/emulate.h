/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to emulate.c, access.c and fetch.c. */
#ifndef LODGE_VM_EMULATE_H
#define LODGE_VM_EMULATE_H

#include "insn.h"

/**
 * struct lodge_guest_paging - a vCPU's page tables as lodge_walk() wants them
 * @paging: the walk's part
 * @vcpu: the vCPU, by its own thread
 * @can_sleep: false in the stretch without preemption
 * @error: why a walk stopped: 0 (others change the tables all the time),
 *         -EAGAIN (not where sleeping is not allowed), -EFAULT or -EROFS
 * @gpa: the entry that could not be reached
 */
struct lodge_guest_paging {
	struct lodge_paging paging;
	struct lodge_vcpu *vcpu;
	bool can_sleep;
	int error;
	u64 gpa;
};

/* Fills all; CPL is given since it takes a segment register to know it. */
void lodge_guest_paging_init(struct lodge_guest_paging *paging,
			     struct lodge_vcpu *vcpu, u8 cpl, bool can_sleep);

/* Default size of code in bytes */
static inline u8 lodge_code_mode(u64 efer, const struct lodge_segment *cs)
{
	if ((efer & EF_LMA) && cs->l)
		return 8;
	return cs->db ? 4 : 2;
}

/* Translations that one instruction can need at once: two operands, two pages */
#define NR_TRANSLATIONS	4
struct lodge_translation {
	bool valid;
	u32 access;
	u64 page;
	u64 gpa;
};

/**
 * struct lodge_emulation - one instruction in the works
 * @cpu: the registers as they will be
 * @insn: what it says
 * @vcpu: whose they are
 * @can_sleep: false in the stretch without preemption
 * @paging: for translations
 * @segment: segment registers in use
 * @segments: which of these are valid, a bit each
 * @translation: recent ones
 * @evict: the one to be replaced next
 * @accesses: accesses to devices that this execution has made so far
 * @posted: the last was a write that the tool has yet to see
 * @next: enum lodge_next or -errno, for EXEC_STOP
 *
 * It lives as long as its vCPU.  When the tool has answered, execution goes on
 * with what is here: the guest has not run meanwhile, and if the tool changes
 * its registers, lodge_emulate_cancel() makes us forget it.
 */
struct lodge_emulation {
	struct lodge_cpu cpu;
	struct lodge_insn insn;
	struct lodge_vcpu *vcpu;
	bool can_sleep;
	struct lodge_guest_paging paging;
	struct lodge_segment segment[NR_SEGS];
	u8 segments;
	struct lodge_translation translation[NR_TRANSLATIONS];
	unsigned int evict;
	int accesses;
	bool posted;
	int next;
};

static inline struct lodge_emulation *lodge_emulation_of(struct lodge_cpu *cpu)
{
	return container_of(cpu, struct lodge_emulation, cpu);
}

static inline int lodge_stop(struct lodge_emulation *e, int next)
{
	e->next = next;
	return EXEC_STOP;
}

/* vm/access.c: EXEC_* all */
int lodge_translate(struct lodge_emulation *e, u64 linear, u32 access, u64 *gpa);

/*
 * The code at @gpa: up to @len bytes, no further than two aligned words go.
 * They must be within a page.
 */
int lodge_access_code(struct lodge_emulation *e, u64 gpa, void *buf,
		      unsigned int *len);

/* As in struct lodge_cpu_ops. */
int lodge_emu_probe(struct lodge_cpu *cpu, u64 linear, unsigned int len,
		    u32 access);
int lodge_emu_read(struct lodge_cpu *cpu, u64 linear, void *data,
		   unsigned int len, u32 access);
int lodge_emu_write(struct lodge_cpu *cpu, u64 linear, const void *data,
		    unsigned int len, u32 access);
int lodge_emu_replace(struct lodge_cpu *cpu, u64 linear, u64 old, u64 new,
		      unsigned int len);
int lodge_emu_port(struct lodge_cpu *cpu, u16 port, void *data,
		   unsigned int len, bool write);

/* An instruction is over: what has to happen between two instructions. */
void lodge_insn_done(struct lodge_vcpu *vcpu);

#endif /* LODGE_VM_EMULATE_H */
