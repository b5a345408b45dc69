// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model specific registers.  Each is one of three: known and emulated or stored,
 * with the faults that its bits ask for; on the list of those that stock kernels
 * touch without asking CPUID, read as 0 and not written; or #GP.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include <asm/tsc.h>
#include <uapi/asm/kvm_para.h>
#include "../compat.h"
#include "arch.h"
#include "irq.h"
#include "msr.h"

#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff

/* Memory type ranges (Intel SDM vol. 3, table 12-8) */
#define MTRR_CAP		0xfe
/* 8 variable ranges, fixed ranges, write combining */
#define MTRR_CAP_VALUE		(NR_MTRR_VAR | BIT(8) | BIT(10))
#define MTRR_VAR_FIRST		0x200
#define MTRR_VAR_LAST		(MTRR_VAR_FIRST + NR_MTRR_VAR * 2 - 1)
#define MTRR_FIX64K		0x250
#define MTRR_FIX16K_FIRST	0x258
#define MTRR_FIX16K_LAST	0x259
#define MTRR_FIX4K_FIRST	0x268
#define MTRR_FIX4K_LAST		0x26f
#define MTRR_DEF_TYPE		0x2ff
#define MTRR_ENABLE		BIT(11)
#define MTRR_FIXED_ON		BIT(10)
#define MTRR_ALL_WB		0x0606060606060606ULL

/* PRED_CMD's bits; SBPB is newer than the oldest kernel's headers. */
#define PRED_IBPB	BIT_ULL(0)
#define PRED_SBPB	BIT_ULL(7)

/* HWCR: TSC counts at the nominal rate; some bits that kernels set are kept. */
#define HWCR_TSC_FREQ_SEL	BIT_ULL(24)
#define HWCR_STORED	(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8) | BIT_ULL(18) | \
			 HWCR_TSC_FREQ_SEL)

/* VM_CR: SVM is disabled, and that is locked. */
#define VM_CR_NO_SVM	(BIT_ULL(3) | BIT_ULL(4))
#define DE_CFG_LFENCE	BIT_ULL(1)

#define FEAT_CTL_LOCK	BIT_ULL(0)
#define MCG_STATUS_BITS	7ULL

/* Fast strings may be switched; no branch trace, no PEBS. */
#define MISC_ENABLE_ONES	(BIT_ULL(11) | BIT_ULL(12))
#define MISC_ENABLE_RESET	(BIT_ULL(0) | MISC_ENABLE_ONES)
#define MISC_ENABLE_STORED	(BIT_ULL(0) | BIT_ULL(3) | BIT_ULL(7) | \
				 BIT_ULL(16) | BIT_ULL(22) | BIT_ULL(23) | \
				 BIT_ULL(34) | BIT_ULL(38))

#define DEBUGCTL_STORED	(BIT_ULL(0) | BIT_ULL(1))

/* Read as 0, writes dropped. */
static const u32 ignored[] = {
	/* Microcode: Linux's loader asks for the platform before anything. */
	MSR_IA32_PLATFORM_ID,
	MSR_IA32_UCODE_WRITE,
	MSR_AMD64_PATCH_LOADER,
	/* Bus ratio on Intel's family 15 and the Atoms that have it. */
	MSR_EBC_FREQUENCY_ID,
	MSR_FSB_FREQ,
	/* Power-on configuration: firmware and Windows look at it. */
	MSR_IA32_EBL_CR_POWERON,
	/* Counters of before CPUID told of them: old NMI watchdogs, perf. */
	MSR_P6_PERFCTR0,
	MSR_P6_PERFCTR1,
	MSR_P6_EVNTSEL0,
	MSR_P6_EVNTSEL1,
	MSR_K7_EVNTSEL0,
	MSR_K7_EVNTSEL1,
	MSR_K7_EVNTSEL2,
	MSR_K7_EVNTSEL3,
	MSR_K7_PERFCTR0,
	MSR_K7_PERFCTR1,
	MSR_K7_PERFCTR2,
	MSR_K7_PERFCTR3,
	/* Speed stepping: cpufreq drivers probe before they know better. */
	MSR_IA32_PERF_STATUS,
	MSR_IA32_PERF_CTL,
	/* AMD: Linux's MTRR code asks whether memory above 4 GiB is WB. */
	MSR_AMD64_SYSCFG,
	MSR_K8_TOP_MEM1,
	MSR_K8_TOP_MEM2,
	/* AMD: northbridge access to configuration space (PCI probing). */
	MSR_AMD64_NB_CFG,
	MSR_FAM10H_MMIO_CONF_BASE,
	/* AMD: is C1E on?  Read on families with erratum 400. */
	MSR_K8_INT_PENDING_MSG,
	/* AMD: workarounds that init_amd() sets on families 10h to 17h. */
	MSR_AMD64_BU_CFG2,
	MSR_AMD64_DC_CFG,
	MSR_F15H_IC_CFG,
};

/**
 * lodge_msrs_create() - storage for a vCPU's MSRs
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM
 */
int lodge_msrs_create(struct lodge_vcpu *vcpu)
{
	vcpu->msr = kzalloc(sizeof(*vcpu->msr), GFP_KERNEL_ACCOUNT);
	return vcpu->msr ? 0 : -ENOMEM;
}

/**
 * lodge_msrs_destroy() - free it
 * @vcpu: the vCPU
 */
void lodge_msrs_destroy(struct lodge_vcpu *vcpu)
{
	kfree(vcpu->msr);
	vcpu->msr = NULL;
}

/**
 * lodge_msrs_reset() - values after RESET or INIT
 * @vcpu: the vCPU
 * @init: INIT, which leaves all of these MSRs as they are (Intel SDM vol. 3,
 *        table 9-1; AMD APM vol. 2, table 14-1)
 *
 * Memory types are as firmware leaves them, since none runs before a kernel that
 * is booted directly: all memory is write-back.
 */
void lodge_msrs_reset(struct lodge_vcpu *vcpu, bool init)
{
	struct lodge_vcpu_msrs *msr = vcpu->msr;
	int i;

	if (init)
		return;

	memset(msr, 0, sizeof(*msr));
	for (i = 0; i < NR_MTRR_FIXED; i++)
		msr->mtrr_fixed[i] = MTRR_ALL_WB;
	msr->mtrr_def_type = MTRR_ENABLE | MTRR_FIXED_ON | MTRR_TYPE_WRBACK;
	msr->misc_enable = MISC_ENABLE_RESET;
	msr->hwcr = HWCR_TSC_FREQ_SEL;
	msr->clock_cpu = -1;
	vcpu->pv_clock = 0;
	vcpu->tsc_adjust = 0;
	vcpu->tsc_aux = 0;
	vcpu->spec_ctrl = 0;
}

/* Intel SDM vol. 3, 12.11.2.1 and 12.12.4: 2, 3 and 7 are reserved. */
static bool memory_type_valid(u8 type, bool pat)
{
	return type <= 1 || (type >= 4 && type <= (pat ? 7 : 6));
}

static bool memory_types_valid(u64 types, bool pat)
{
	int i;

	for (i = 0; i < 8; i++, types >>= 8)
		if (!memory_type_valid(types, pat))
			return false;
	return true;
}

static int fixed_mtrr(u32 index)
{
	switch (index) {
	case MTRR_FIX64K:
		return 0;
	case MTRR_FIX16K_FIRST ... MTRR_FIX16K_LAST:
		return index - MTRR_FIX16K_FIRST + 1;
	case MTRR_FIX4K_FIRST ... MTRR_FIX4K_LAST:
		return index - MTRR_FIX4K_FIRST + 3;
	default:
		return -1;
	}
}

/* Storage: the processor takes memory types from the PAT and nested tables. */
static int mtrr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write)
{
	struct lodge_vcpu_msrs *msr = vcpu->msr;
	u64 v = *value, *slot;
	int fixed = fixed_mtrr(index);

	if (index == MTRR_DEF_TYPE) {
		slot = &msr->mtrr_def_type;
		if (write && ((v & ~(MTRR_ENABLE | MTRR_FIXED_ON | 0xffULL)) ||
			      !memory_type_valid(v, false)))
			return 1;
	} else if (fixed >= 0) {
		slot = &msr->mtrr_fixed[array_index_nospec(fixed, NR_MTRR_FIXED)];
		if (write && !memory_types_valid(v, false))
			return 1;
	} else {
		u32 i = index - MTRR_VAR_FIRST;

		if (i >= NR_MTRR_VAR * 2)
			return 1;
		slot = &msr->mtrr_var[array_index_nospec(i, NR_MTRR_VAR * 2)];
		if (write && v >> lodge_phys_bits())
			return 1;
		/* Odd ones are masks with a valid bit, even ones bases. */
		if (write && (i & 1 ? v & 0x7ff :
				      (v & 0xf00) || !memory_type_valid(v, false)))
			return 1;
	}
	if (write)
		*slot = v;
	else
		*value = *slot;
	return 0;
}

static void move_tsc(struct lodge_vcpu *vcpu, u64 delta)
{
	if (!delta)
		return;
	vcpu->tsc_offset += delta;
	lodge_vendor->set_tsc_offset(vcpu);
	lodge_lapic_tsc_moved(vcpu);
	lodge_vcpu_request(vcpu, REQ_CLOCK);
}

/*
 * Intel SDM vol. 3, 18.17.3: a write to either moves the counter and the other.
 * The tool sets them one by one.
 */
static int tsc(struct lodge_vcpu *vcpu, u64 *value, bool write, bool host)
{
	u64 now = rdtsc() + vcpu->tsc_offset;

	if (!write) {
		*value = now;
		return 0;
	}
	if (!host)
		vcpu->tsc_adjust += *value - now;
	move_tsc(vcpu, *value - now);
	return 0;
}

static int tsc_adjust(struct lodge_vcpu *vcpu, u64 *value, bool write, bool host)
{
	u64 delta = *value - vcpu->tsc_adjust;

	if (!write) {
		*value = vcpu->tsc_adjust;
		return 0;
	}
	vcpu->tsc_adjust = *value;
	if (!host)
		move_tsc(vcpu, delta);
	return 0;
}

/* Barriers are carried out at once; there is nothing to read. */
static int pred_cmd(u64 value, bool write, bool host)
{
	u64 valid = 0;

	if (lodge_cpuid_has(CAP_IBPB))
		valid |= PRED_IBPB;
	if (lodge_cpuid_has(CAP_SBPB))
		valid |= PRED_SBPB;
	if (!valid || !write || (value & ~valid))
		return 1;
	if (value && !host)
		wrmsrq(MSR_IA32_PRED_CMD, value);
	return 0;
}

/* A register that a guest can read and not write. */
static int read_only(u64 *value, u64 is, bool write, bool host)
{
	/* The tool may write what is there: a restore does. */
	if (write)
		return !host || *value != is;
	*value = is;
	return 0;
}

static int stored(u64 *slot, u64 *value, bool write, u64 valid)
{
	if (!write) {
		*value = *slot;
		return 0;
	}
	if (*value & ~valid)
		return 1;
	*slot = *value;
	return 0;
}

static int vendor_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write)
{
	return lodge_vendor->msr(vcpu, index, value, write) ? 1 : 0;
}

/*
 * MSRs that hold an address.  The tool may set them before it sets the CR4 with
 * which they are canonical.
 */
static int address_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value,
		       bool write, bool host)
{
	int unused = 64 - lodge_virt_bits();

	if (write && !lodge_canonical(vcpu, *value) &&
	    !(host && (u64)((s64)(*value << unused) >> unused) == *value))
		return 1;
	return vendor_msr(vcpu, index, value, write);
}

static int efer(struct lodge_vcpu *vcpu, u64 *value, bool write)
{
	if (write)
		return lodge_set_efer(vcpu, *value);
	*value = lodge_vendor->get_cr(vcpu, LODGE_CR_EFER);
	return 0;
}

static int tsc_aux(struct lodge_vcpu *vcpu, u64 *value, bool write)
{
	if (!lodge_cpuid_has(CAP_TSC_AUX))
		return 1;
	if (!write) {
		*value = vcpu->tsc_aux;
		return 0;
	}
	/* Intel's processors fault, AMD's drop the upper half. */
	if (lodge_cpuid_intel() && *value >> 32)
		return 1;
	vcpu->tsc_aux = *value;
	/* The vendor loads and unloads it with the vCPU. */
	if (vcpu->fpu_loaded)
		wrmsrq(MSR_TSC_AUX, vcpu->tsc_aux);
	return 0;
}

/* Both vendors have one at this index, in different halves. */
static int microcode_revision(u64 *value, bool write)
{
	/* Linux writes 0 before it asks: that has no effect here. */
	if (!write)
		*value = lodge_cpuid_intel() ? (u64)boot_cpu_data.microcode << 32 :
					       boot_cpu_data.microcode;
	return 0;
}

static int is_ignored(u32 index, u64 *value, bool write)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ignored); i++) {
		if (ignored[i] != index)
			continue;
		if (!write)
			*value = 0;
		return 0;
	}
	return 1;
}

static int intel_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write,
		     bool host)
{
	switch (index) {
	case MSR_IA32_FEAT_CTL:
		return read_only(value, FEAT_CTL_LOCK, write, host);
	case MSR_IA32_MISC_ENABLE:
		if (write)
			*value |= MISC_ENABLE_ONES;
		return stored(&vcpu->msr->misc_enable, value, write,
			      MISC_ENABLE_STORED | MISC_ENABLE_ONES);
	case MSR_PLATFORM_INFO:
		/* Ratio to 100 MHz; no CPUID faulting. */
		return read_only(value, (u64)(tsc_khz / 100000 & 0xff) << 8,
				 write, host);
	case MSR_MISC_FEATURES_ENABLES:
		return read_only(value, 0, write, true);
	default:
		return is_ignored(index, value, write);
	}
}

static int amd_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write,
		   bool host)
{
	switch (index) {
	case MSR_K7_HWCR:
		return stored(&vcpu->msr->hwcr, value, write, HWCR_STORED);
	case MSR_VM_CR:
		return read_only(value, VM_CR_NO_SVM, write, host);
	case MSR_AMD64_DE_CFG:
		/* Linux sets this bit, and chicken bits, without a question. */
		if (!write)
			*value = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ?
				 DE_CFG_LFENCE : 0;
		return 0;
	default:
		return is_ignored(index, value, write);
	}
}

int lodge_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write,
	      bool host)
{
	struct lodge_vcpu_msrs *msr = vcpu->msr;

	/* A guest with many timer interrupts does little else. */
	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return lodge_lapic_msr(vcpu, index, value, write);

	switch (index) {
	case MSR_IA32_TSC_DEADLINE:
		return lodge_lapic_msr(vcpu, index, value, write);
	case MSR_IA32_APICBASE:
		if (write)
			return lodge_lapic_set_base(vcpu, *value, host);
		return lodge_lapic_msr(vcpu, index, value, write);
	case MSR_IA32_SPEC_CTRL:
		if (!lodge_spec_ctrl_mask())
			return 1;
		return stored(&vcpu->spec_ctrl, value, write,
			      lodge_spec_ctrl_mask());
	case MSR_IA32_PRED_CMD:
		return pred_cmd(*value, write, host);
	case MSR_IA32_TSC:
		return tsc(vcpu, value, write, host);
	case MSR_IA32_TSC_ADJUST:
		return tsc_adjust(vcpu, value, write, host);
	case MSR_TSC_AUX:
		return tsc_aux(vcpu, value, write);

	case MSR_EFER:
		return efer(vcpu, value, write);
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		return address_msr(vcpu, index, value, write, host);
	case MSR_STAR:
		return vendor_msr(vcpu, index, value, write);
	case MSR_SYSCALL_MASK:
	case MSR_IA32_SYSENTER_CS:
		if (write)
			*value = (u32)*value;
		return vendor_msr(vcpu, index, value, write);
	case MSR_IA32_CR_PAT:
		if (write && !memory_types_valid(*value, true))
			return 1;
		return vendor_msr(vcpu, index, value, write);
	case MSR_IA32_DEBUGCTLMSR:
		if (write && (*value & ~DEBUGCTL_STORED))
			return 1;
		return vendor_msr(vcpu, index, value, write);

	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return lodge_pvclock_msr(vcpu, index, value, write);

	case MTRR_CAP:
		return read_only(value, MTRR_CAP_VALUE, write, host);
	case MTRR_VAR_FIRST ... MTRR_VAR_LAST:
	case MTRR_FIX64K:
	case MTRR_FIX16K_FIRST ... MTRR_FIX16K_LAST:
	case MTRR_FIX4K_FIRST ... MTRR_FIX4K_LAST:
	case MTRR_DEF_TYPE:
		return mtrr(vcpu, index, value, write);

	case MSR_IA32_UCODE_REV:
		return microcode_revision(value, write);
	case MSR_IA32_MCG_CAP:
		/* Machine checks, but no bank that could report one. */
		return read_only(value, 0, write, host);
	case MSR_IA32_MCG_STATUS:
		return stored(&msr->mcg_status, value, write, MCG_STATUS_BITS);
	case MSR_IA32_ARCH_CAPABILITIES:
		if (!lodge_cpuid_has(CAP_ARCH_CAPS))
			return 1;
		return read_only(value, lodge_arch_capabilities(), write, host);
	case MSR_IA32_XSS:
		/* No supervisor state: 0 is all it can be. */
		return read_only(value, 0, write, true);
	}

	return lodge_cpuid_intel() ? intel_msr(vcpu, index, value, write, host) :
				     amd_msr(vcpu, index, value, write, host);
}
