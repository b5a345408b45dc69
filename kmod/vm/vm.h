/* SPDX-License-Identifier: GPL-2.0-only */
/* The two objects: a VM and its virtual CPUs. */
#ifndef LODGE_VM_H
#define LODGE_VM_H

#include <linux/kref.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/srcu.h>
#include "../lodge.h"
#include "ops.h"
#include "stats.h"

struct lodge_guest;
struct lodge_memory_map;
struct lodge_ioapic;
struct lodge_pic;
struct lodge_pit;
struct lodge_eventfds;
struct lodge_lapic;
struct lodge_emulation;

/* General registers, in the order in which instructions encode them. */
enum lodge_reg {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	NR_REGS
};

/* Segment registers, in the order in which instructions encode them. */
enum lodge_seg {
	SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDT, SEG_TR,
	NR_SEGS
};

/**
 * struct lodge_vm - a virtual machine
 * @ref: one for the VM descriptor, one for each vCPU descriptor
 * @id: from 1, never used again while the module is loaded
 * @guest: what others are told of it
 * @mm: the address space that its memory is taken from (mm_count is held)
 * @lock: protects @vcpus against creation, @memory's slots against changes and
 *        @eventfds' lists against changes.  Taken before all other locks of
 *        the module and after none; never by a vCPU that runs.
 * @vcpus: by APIC ID; set once, under @lock, read without
 * @nr_vcpus: how many
 * @irq_turn: whose turn it is to take an interrupt that goes to one of several
 * @srcu: readers of @memory's slots and of @eventfds
 * @memory: slots and nested page tables (vm/memory.h)
 * @ioapic: the I/O APIC (vm/irq.h)
 * @pic: the 8259As (vm/irq.h), or NULL without LODGE_VM_PC
 * @pit: the 8254 (vm/irq.h), likewise
 * @eventfds: ioeventfds and irqfds (vm/eventfd.h)
 * @boot_ns: host's CLOCK_BOOTTIME at creation, in ns: the paravirtual clock's 0
 * @boot_tsc: host's time stamp counter at the same moment: the guest's 0
 * @tsc_khz: rate of that counter as the paravirtual clock counts it; 0 until the
 *           first vCPU asks for the clock
 * @wall_clock_gpa: where the guest wants its wall clock written, 0 for nowhere
 */
struct lodge_vm {
	struct kref ref;
	u64 id;
	struct lodge_guest *guest;
	struct mm_struct *mm;
	struct mutex lock;	/* vcpus, slots and eventfds against changes */
	struct lodge_vcpu *vcpus[LODGE_MAX_VCPUS];
	int nr_vcpus;
	u32 irq_turn;
	struct srcu_struct srcu;
	struct lodge_memory_map *memory;
	struct lodge_ioapic *ioapic;
	struct lodge_pic *pic;
	struct lodge_pit *pit;
	struct lodge_eventfds *eventfds;
	u64 boot_ns;
	u64 boot_tsc;
	u32 tsc_khz;
	u64 wall_clock_gpa;
};

/* lodge_vcpu.requests: what the run loop must see to before the next entry */
enum lodge_request {
	REQ_FLUSH_TLB,		/* nested translations changed */
	REQ_EVENT,		/* look for interrupts, NMIs, INIT and SIPI */
	REQ_CLOCK,		/* write the paravirtual clock's page */
	REQ_DEAD,		/* the VM must not run again */
	REQ_TRIPLE_FAULT,	/* the guest shuts down */
	REQ_STEPPED,		/* a debugger's step is over */
};

/* lodge_vcpu.mode: tells who kicks whether an IPI is needed */
enum lodge_vcpu_mode {
	VCPU_OUTSIDE,
	VCPU_IN_GUEST,
};

enum lodge_event_type {
	EVENT_NONE,
	EVENT_INTERRUPT,
	EVENT_NMI,
	EVENT_EXCEPTION,
	EVENT_SOFTWARE,		/* INT n, which a debugger has come upon */
};

/**
 * struct lodge_event - what the next entry injects
 * @type: enum lodge_event_type
 * @vector: 0 to 255
 * @has_error: push @error
 * @error: error code; of INT n, its length, by which RIP has gone on
 */
struct lodge_event {
	u8 type;
	u8 vector;
	bool has_error;
	u32 error;
};

/**
 * struct lodge_access - one access to what is not memory, as far as it got
 * @gpa: guest physical address, or port
 * @width: 1 to 8 bytes, within one page
 * @write: direction
 * @port: it is a port
 * @done: answered
 * @data: value, little endian
 */
struct lodge_access {
	u64 gpa;
	u8 width;
	bool write;
	bool port;
	bool done;
	u8 data[8];
};

#define LODGE_MAX_ACCESSES	8

/**
 * struct lodge_vcpu - a virtual CPU
 * @vm: its VM (referenced)
 * @id: APIC ID
 * @lock: protects all that has no other rule; held through LODGE_RUN and each
 *        other request on the vCPU.  Taken after vm->lock.
 * @run: the page shared with the tool: hostile, read each field once
 * @regs: general registers, valid outside @ops->enter
 * @rip: likewise
 * @rflags: likewise
 * @arch: the vendor's control block and what belongs to it
 * @requests: bits of enum lodge_request, set by anyone, with barriers as in
 *            lodge_vcpu_request()
 * @mode: enum lodge_vcpu_mode
 * @cpu: the CPU it is or was loaded on, -1 for none
 * @wait: where the vCPU's thread sleeps while the guest halts
 * @task: the thread in LODGE_RUN, or NULL (RCU)
 * @mp_state: enum lodge_mp_state; changed by the vCPU's own thread only
 * @init_pending: an INIT came in (set by others)
 * @sipi_vector: a SIPI came in: its vector, else -1 (set by others)
 * @event: what the next entry injects
 * @nmi_queued: NMIs waiting, up to 2 (set by others)
 * @pv_unhalted: another vCPU's hypercall ends its next or present halt (set by
 *               others)
 * @nmi_masked: an NMI handler runs
 * @shadow: interrupt shadow of STI or MOV SS
 * @exit: the last exit
 * @emulation: the instruction being emulated (vm/emulate.h)
 * @access: its accesses to what is not memory, in order
 * @nr_accesses: how many
 * @pending_port: an IN waits for the tool's answer
 * @xcr0: the guest's XCR0
 * @xsave: its XSAVE area, standard format, 64-byte aligned
 * @host_pkru: the host's PKRU while the guest's is loaded
 * @fpu_loaded: between lodge_fpu_load() and lodge_fpu_put()
 * @dr: DR0 to DR3
 * @dr6: DR6
 * @dr7: DR7
 * @debug: what the tool's debugger wants: LODGE_DEBUG_*
 * @int3_len: length of the INT3 that it was told of last, or 0
 * @tsc_offset: guest's minus host's time stamp counter
 * @tsc_adjust: IA32_TSC_ADJUST
 * @tsc_aux: IA32_TSC_AUX
 * @spec_ctrl: the guest's SPEC_CTRL
 * @lapic: the local APIC
 * @apic_base: IA32_APIC_BASE
 * @pv_clock: MSR_KVM_SYSTEM_TIME_NEW as written, bit 0 enables
 * @msr: the MSRs that are only storage, see vm/msr.c
 * @failed: the guest was told to have failed (vm/report.c)
 * @stats: counted by the vCPU's own thread
 */
struct lodge_vcpu {
	struct lodge_vm *vm;
	u32 id;
	struct mutex lock;	/* all that has no other rule */
	struct lodge_run *run;

	u64 regs[NR_REGS];
	u64 rip;
	u64 rflags;
	void *arch;

	unsigned long requests;
	int mode;
	int cpu;
	struct rcuwait wait;
	struct task_struct __rcu *task;

	u32 mp_state;
	atomic_t init_pending;
	atomic_t sipi_vector;
	atomic_t nmi_queued;
	atomic_t pv_unhalted;
	struct lodge_event event;
	bool nmi_masked;
	bool shadow;

	struct lodge_exit exit;
	struct lodge_emulation *emulation;
	struct lodge_access access[LODGE_MAX_ACCESSES];
	int nr_accesses;
	bool pending_port;

	u64 xcr0;
	void *xsave;
	u32 host_pkru;
	bool fpu_loaded;
	u64 dr[4];
	u64 dr6;
	u64 dr7;
	u32 debug;
	u8 int3_len;
	u64 tsc_offset;
	u64 tsc_adjust;
	u32 tsc_aux;
	u64 spec_ctrl;

	struct lodge_lapic *lapic;
	u64 apic_base;
	u64 pv_clock;
	struct lodge_vcpu_msrs *msr;

	bool failed;
	struct lodge_vcpu_stats stats;
};

/*
 * How an exit handler goes on.  Negative values are an errno for the caller of
 * LODGE_RUN.
 */
enum lodge_next {
	NEXT_ENTER = 0,	/* back into the guest */
	NEXT_SLEEP = 1,	/* call me again where I may sleep */
	NEXT_USER = 2,	/* to the tool, with run->exit_reason set */
};

/* vm/vm.c */
int lodge_vm_create(const struct lodge_create_vm *args);
void lodge_vm_get(struct lodge_vm *vm);
void lodge_vm_put(struct lodge_vm *vm);

/**
 * lodge_vm_guest() - the guest of a VM descriptor of the calling process
 * @fd: the descriptor
 *
 * Return: the guest, referenced, or -EBADF, or -EINVAL if it is no VM's
 */
struct lodge_guest *lodge_vm_guest(int fd);

/**
 * lodge_vm_flush_tlbs() - make all vCPUs forget their nested translations
 * @vm: the VM
 *
 * When it returns, no vCPU is in the guest with a translation from before the
 * call, and none will be.
 *
 * Context: any that may send IPIs and wait for them; takes no lock.
 */
void lodge_vm_flush_tlbs(struct lodge_vm *vm);

/**
 * lodge_vm_kill() - a VM that must not run again (its memory is gone)
 * @vm: the VM
 */
void lodge_vm_kill(struct lodge_vm *vm);

/* vm/vcpu.c */
int lodge_vcpu_create(struct lodge_vm *vm, const struct lodge_create_vcpu *args);
void lodge_vcpus_destroy(struct lodge_vm *vm);

/**
 * lodge_vcpu_reset() - registers to their values after RESET or INIT
 * @vcpu: the vCPU, by its own thread
 * @init: INIT, which leaves the floating point state and some MSRs alone
 */
void lodge_vcpu_reset(struct lodge_vcpu *vcpu, bool init);

/* vm/run.c */
int lodge_vcpu_run(struct lodge_vcpu *vcpu);

/**
 * lodge_vcpu_request() - ask a vCPU's loop for something, without waiting
 * @vcpu: the vCPU
 * @req: enum lodge_request
 *
 * Only sets the bit; lodge_vcpu_kick() makes it be seen at once.
 * Context: any.
 */
void lodge_vcpu_request(struct lodge_vcpu *vcpu, enum lodge_request req);

/**
 * lodge_vcpu_kick() - wake a halted vCPU, or make a running one exit
 * @vcpu: the vCPU
 *
 * Context: any, hard interrupts too.
 */
void lodge_vcpu_kick(struct lodge_vcpu *vcpu);

/**
 * lodge_queue_exception() - the instruction at RIP faults
 * @vcpu: the vCPU, by its own thread
 * @vector: 0 to 31
 * @has_error: whether @error is pushed
 * @error: error code
 *
 * Combines with an exception that is queued already to #DF or, after #DF, to a
 * triple fault (Intel SDM vol. 3, table 6-5; AMD APM vol. 2, 8.2.9).
 */
void lodge_queue_exception(struct lodge_vcpu *vcpu, u8 vector, bool has_error,
			   u32 error);

static inline void lodge_queue_gp(struct lodge_vcpu *vcpu)
{
	lodge_queue_exception(vcpu, 13, true, 0);
}

static inline void lodge_queue_ud(struct lodge_vcpu *vcpu)
{
	lodge_queue_exception(vcpu, 6, false, 0);
}

/* vm/exits.c */

/**
 * lodge_handle_exit() - see to vcpu->exit
 * @vcpu: the vCPU, by its own thread
 * @can_sleep: false in the stretch without preemption: then NEXT_SLEEP may come
 *
 * Return: enum lodge_next or -errno
 */
int lodge_handle_exit(struct lodge_vcpu *vcpu, bool can_sleep);

/**
 * lodge_complete_exit() - take the tool's answer to the last exit
 * @vcpu: the vCPU, by its own thread, at the start of LODGE_RUN
 *
 * Return: enum lodge_next or -errno
 */
int lodge_complete_exit(struct lodge_vcpu *vcpu);

/**
 * lodge_fail() - end a guest that cannot go on: fills run->fail
 * @vcpu: the vCPU, by its own thread
 * @reason: LODGE_EXIT_SHUTDOWN, LODGE_EXIT_FAIL_ENTRY or LODGE_EXIT_INTERNAL
 * @fmt: why, in words
 *
 * Return: NEXT_USER
 */
__printf(3, 4)
int lodge_fail(struct lodge_vcpu *vcpu, u32 reason, const char *fmt, ...);

/**
 * lodge_exit_memory() - a slot's memory cannot be had: fills run->memory
 * @vcpu: the vCPU, by its own thread
 * @gpa: guest physical address
 * @error: why, as -errno
 * @write: it was to be written
 *
 * Return: NEXT_USER
 */
int lodge_exit_memory(struct lodge_vcpu *vcpu, u64 gpa, int error, bool write);

/* vm/debug.c */

/**
 * lodge_debug_exit() - to the tool's debugger: fills run->debug
 * @vcpu: the vCPU, by its own thread
 * @vector: 1 for a step, 3 for INT3
 *
 * Return: NEXT_USER
 */
int lodge_debug_exit(struct lodge_vcpu *vcpu, u32 vector);

/**
 * lodge_debug_int() - INT3 or INT n, of which one was to be intercepted
 * @vcpu: the vCPU, by its own thread
 * @can_sleep: false in the stretch without preemption: then NEXT_SLEEP may come
 *
 * Return: enum lodge_next
 */
int lodge_debug_int(struct lodge_vcpu *vcpu, bool can_sleep);

/* LODGE_STATE_GUEST_DEBUG. Return: 0 or -EINVAL */
int lodge_debug_set(struct lodge_vcpu *vcpu, const struct lodge_guest_debug *in);

/* vm/report.c */

/**
 * lodge_report_failure() - tell the registry and listeners that a VM cannot go on
 * @vcpu: the vCPU, by its own thread
 * @exit_reason: LODGE_EXIT_SHUTDOWN, LODGE_EXIT_FAIL_ENTRY or LODGE_EXIT_INTERNAL
 * @message: why, in words
 * @insn: instruction at RIP
 * @len: bytes of it
 */
void lodge_report_failure(struct lodge_vcpu *vcpu, u32 exit_reason,
			  const char *message, const u8 *insn, u32 len);

/**
 * lodge_report_memory() - the same for memory that cannot be had
 * @vcpu: the vCPU, by its own thread
 * @gpa: guest physical address
 * @error: why, as -errno
 * @write: it was to be written
 */
void lodge_report_memory(struct lodge_vcpu *vcpu, u64 gpa, int error, bool write);

/**
 * lodge_report_recovery() - it goes on after all: the tool has mended it
 * @vcpu: the vCPU, by its own thread
 */
void lodge_report_recovery(struct lodge_vcpu *vcpu);

/* vm/fpu.c */
int lodge_fpu_init(void);
void lodge_fpu_exit(void);
int lodge_fpu_create(struct lodge_vcpu *vcpu);
void lodge_fpu_destroy(struct lodge_vcpu *vcpu);
void lodge_fpu_reset(struct lodge_vcpu *vcpu);
void lodge_fpu_load(struct lodge_vcpu *vcpu);
void lodge_fpu_put(struct lodge_vcpu *vcpu);
u64 lodge_fpu_features(void);	/* XCR0 bits that a guest may set */
u32 lodge_fpu_size(void);	/* bytes of XSAVE area that they need */

#endif /* LODGE_VM_H */
