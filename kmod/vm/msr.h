/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to msr.c and pvclock.c. */
#ifndef LODGE_VM_MSR_H
#define LODGE_VM_MSR_H

#include <linux/types.h>

#define NR_MTRR_VAR	8
#define NR_MTRR_FIXED	11

/**
 * struct lodge_vcpu_msrs - MSRs that are only storage, and the clock's
 * @mtrr_var: base and mask of each variable range
 * @mtrr_fixed: memory types of the first MiB
 * @mtrr_def_type: default memory type
 * @misc_enable: IA32_MISC_ENABLE
 * @mcg_status: IA32_MCG_STATUS
 * @hwcr: AMD's HWCR
 * @wall_clock: MSR_KVM_WALL_CLOCK as written
 * @clock_version: even; counts writes of the clock page
 * @clock_cpu: the CPU for which it was written last, -1 for none
 */
struct lodge_vcpu_msrs {
	u64 mtrr_var[NR_MTRR_VAR * 2];
	u64 mtrr_fixed[NR_MTRR_FIXED];
	u64 mtrr_def_type;
	u64 misc_enable;
	u64 mcg_status;
	u64 hwcr;
	u64 wall_clock;
	u32 clock_version;
	int clock_cpu;
};

#endif /* LODGE_VM_MSR_H */
