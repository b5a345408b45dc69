/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest sees of the architecture: CPUID, MSRs, control registers, the
 * paravirtual clock; and the way in and out of a vCPU's state.
 */
#ifndef LODGE_VM_ARCH_H
#define LODGE_VM_ARCH_H

#include "vm.h"

/* vm/cpuid.c */
int lodge_cpuid_init(void);	/* module load: what this host can show */

/**
 * lodge_cpuid() - a CPUID leaf as the guest sees it
 * @vcpu: the vCPU, by its own thread
 * @regs: EAX, EBX, ECX, EDX; in: the first is the leaf, the third the subleaf
 *
 * Context: must not sleep; hot.
 */
void lodge_cpuid(struct lodge_vcpu *vcpu, u32 regs[4]);

u32 lodge_phys_bits(void);		/* guest physical address width */
u32 lodge_virt_bits(void);		/* the most that linear addresses can have */
bool lodge_cpuid_intel(void);		/* the guest sees an Intel processor */

/* Features of the guest's CPUID on which other things hang. */
enum lodge_cap {
	CAP_FSGSBASE, CAP_PCID, CAP_SMEP, CAP_SMAP, CAP_UMIP, CAP_PKU, CAP_LA57,
	CAP_VME, CAP_NX, CAP_FXSR_OPT, CAP_TSC_AUX, CAP_IBPB, CAP_SBPB,
	CAP_ARCH_CAPS,
};

bool lodge_cpuid_has(enum lodge_cap cap);
u64 lodge_spec_ctrl_mask(void);		/* bits of SPEC_CTRL that it may set */
u64 lodge_arch_capabilities(void);

/* vm/cr.c: all return 0, or 1 for #GP; they change the vCPU when they return 0 */
int lodge_set_cr0(struct lodge_vcpu *vcpu, u64 value);
int lodge_set_cr3(struct lodge_vcpu *vcpu, u64 value);
int lodge_set_cr4(struct lodge_vcpu *vcpu, u64 value);
int lodge_set_cr8(struct lodge_vcpu *vcpu, u64 value);
int lodge_set_efer(struct lodge_vcpu *vcpu, u64 value);
int lodge_set_xcr0(struct lodge_vcpu *vcpu, u32 index, u64 value);
/*
 * These two return 0 or the vector of the fault: 1 (#DB for DR7.GD; DR6 and DR7
 * are set for it), 6 (#UD for DR4 and DR5) or 13 (#GP).
 */
int lodge_get_dr(struct lodge_vcpu *vcpu, int nr, u64 *value);
int lodge_set_dr(struct lodge_vcpu *vcpu, int nr, u64 value);
int lodge_set_debugregs(struct lodge_vcpu *vcpu, const struct lodge_debugregs *in);
bool lodge_cr0_valid(u64 cr0);
bool lodge_cr4_valid(u64 cr4);		/* only bits that CPUID offers */
bool lodge_efer_valid(u64 efer);	/* likewise; with or without LMA */
bool lodge_canonical(struct lodge_vcpu *vcpu, u64 address);
int lodge_cpl(struct lodge_vcpu *vcpu);

/* vm/msr.c */
int lodge_msrs_create(struct lodge_vcpu *vcpu);
void lodge_msrs_destroy(struct lodge_vcpu *vcpu);
void lodge_msrs_reset(struct lodge_vcpu *vcpu, bool init);

/**
 * lodge_msr() - get or set an MSR
 * @vcpu: the vCPU, by its own thread
 * @index: MSR
 * @value: in or out
 * @write: direction
 * @host: the tool asks, not the guest: may write what is read-only to a guest
 *
 * Context: must not sleep unless @host.
 * Return: 0, or 1 for #GP
 */
int lodge_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write,
	      bool host);

/* vm/pvclock.c */
/* Do the host's time stamp counters agree, now and for good? */
bool lodge_tsc_stable(void);
/* Writes the clock page; for REQ_CLOCK. Context: may sleep. */
int lodge_pvclock_update(struct lodge_vcpu *vcpu);
/* Sets REQ_CLOCK if that was for another CPU and they do not agree. Loaded. */
void lodge_pvclock_load(struct lodge_vcpu *vcpu);
int lodge_pvclock_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write);
/*
 * VMCALL or VMMCALL: sets RAX.  RIP is behind the instruction already, so that
 * it is not executed twice.  Return: enum lodge_next
 */
int lodge_hypercall(struct lodge_vcpu *vcpu);

/* vm/fpu.c, beside what vm.h has */
bool lodge_xcr0_valid(u64 xcr0);
u64 lodge_fpu_xcr0(struct lodge_vcpu *vcpu);
void lodge_fpu_set_xcr0(struct lodge_vcpu *vcpu, u64 xcr0);
int lodge_fpu_set(struct lodge_vcpu *vcpu, const struct lodge_xsave *in);
void lodge_fpu_get(struct lodge_vcpu *vcpu, struct lodge_xsave *out);

/* vm/state.c */
int lodge_state_get(struct lodge_vcpu *vcpu, const struct lodge_state *args);
int lodge_state_set(struct lodge_vcpu *vcpu, const struct lodge_state *args);

#endif /* LODGE_VM_ARCH_H */
