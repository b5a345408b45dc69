/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of svm/ share. */
#ifndef LODGE_SVM_H
#define LODGE_SVM_H

#include <linux/mm_types.h>
#include <linux/percpu.h>
#include "../compat.h"
#include "../vm/vm.h"
#include "vmcb.h"

/**
 * struct svm_cpu - what belongs to a CPU
 * @hsave: page for the processor's own use (VM_HSAVE_PA)
 * @host: what VMSAVE saves of the host
 * @asid_generation: goes up when the ASIDs are used up and start anew
 * @next_asid: the next one to give away; 0 is the host's
 * @tsc_aux: the host's TSC_AUX, constant for a CPU
 * @last_vm: id of the VM that ran last, for the branch predictor; 0 for none
 */
struct svm_cpu {
	struct page *hsave;
	struct page *host;
	u64 asid_generation;
	u32 next_asid;
	u64 tsc_aux;
	u64 last_vm;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpus);

/**
 * struct svm_vcpu - what belongs to a vCPU
 * @vmcb: its control block
 * @vmcb_pa: physical address of that
 * @cr0: CR0 as the guest sees it: the real one never has CD and NW set, which
 *       would make all the guest's memory uncached
 * @asid_generation: struct svm_cpu.asid_generation that vmcb->asid is from; 0
 *                   for none
 * @asid_cpu: the CPU that it is from
 * @host_saved: VMSAVE of the host was done since loading
 * @iret_rip: where the IRET is that ends the NMI handler
 * @iret_seen: that IRET is about to execute
 * @stepping: RFLAGS.TF is ours, to get an NMI in as soon as it may
 * @guest_tf: RFLAGS.TF as the guest had it before
 * @software: what the last entry has injected, if INT3, INTO or INT n
 * @step_injected: a debugger's step was to be the delivery of an event
 * @shadow_rip: where the guest was entered in an interrupt shadow, else -1
 * @failed_rule: the rule that svm_check_state() found broken, or NULL
 */
struct svm_vcpu {
	struct vmcb *vmcb;
	phys_addr_t vmcb_pa;
	u64 cr0;
	u64 asid_generation;
	int asid_cpu;
	bool host_saved;
	u64 iret_rip;
	bool iret_seen;
	bool stepping;
	bool guest_tf;
	struct lodge_event software;
	bool step_injected;
	u64 shadow_rip;
	const char *failed_rule;
};

static inline struct svm_vcpu *to_svm(struct lodge_vcpu *vcpu)
{
	return vcpu->arch;
}

/* The fields of these clean bits were changed: the processor must read them. */
static inline void svm_dirty(struct svm_vcpu *svm, u32 bits)
{
	svm->vmcb->clean &= ~bits;
}

/* svm/detect.c */
int svm_setup(const char **reason);
void svm_teardown(void);
extern struct page *svm_iopm, *svm_msrpm;

/* svm/enable.c */
bool svm_busy(void);
int svm_enable_cpu(void);
void svm_disable_cpu(void);

/* svm/vmcb.c */
int svm_vcpu_create(struct lodge_vcpu *vcpu);
void svm_vcpu_destroy(struct lodge_vcpu *vcpu);
void svm_vcpu_reset(struct lodge_vcpu *vcpu, bool init);
void svm_get_segment(struct lodge_vcpu *vcpu, int seg, struct lodge_segment *out);
void svm_get_sregs(struct lodge_vcpu *vcpu, struct lodge_sregs *out);
void svm_set_sregs(struct lodge_vcpu *vcpu, const struct lodge_sregs *in);
u64 svm_get_cr(struct lodge_vcpu *vcpu, int cr);
void svm_set_cr(struct lodge_vcpu *vcpu, int cr, u64 value);
int svm_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write);
void svm_set_debug(struct lodge_vcpu *vcpu);
void svm_set_tsc_offset(struct lodge_vcpu *vcpu);
int svm_insn_bytes(struct lodge_vcpu *vcpu, u8 *buf);

/* svm/vcpu.c */
void svm_vcpu_load(struct lodge_vcpu *vcpu);
void svm_vcpu_put(struct lodge_vcpu *vcpu);
void svm_enter(struct lodge_vcpu *vcpu);
void svm_inject(struct lodge_vcpu *vcpu);
bool svm_can_inject(struct lodge_vcpu *vcpu, bool nmi);
void svm_want_window(struct lodge_vcpu *vcpu, bool nmi);
void svm_flush_tlb(struct lodge_vcpu *vcpu);

/* svm/exits.c */
void svm_decode_exit(struct lodge_vcpu *vcpu, struct lodge_exit *exit);

/* svm/check.c: the rule that the control block breaks, or NULL */
const char *svm_check_state(const struct vmcb *vmcb);
void svm_dump_state(const struct vmcb *vmcb, struct lodge_run *run);

/* svm/enter.S */
asmlinkage void svm_vmrun(u64 *regs, phys_addr_t vmcb_pa, phys_addr_t host_pa);

#endif /* LODGE_SVM_H */
