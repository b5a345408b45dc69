// SPDX-License-Identifier: GPL-2.0-only
/* Is there a usable VMX?  And the pages that all its users share. */
#include <linux/bitfield.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include "vmx.h"

struct page *vmx_msr_bitmap;
struct vmx_caps vmx_caps;

/*
 * MSRs that live in the VMCS or are switched with the vCPU, so that the guest
 * may have them for itself.  All others exit (Intel SDM vol. 3, 25.6.9).
 */
static const u32 passed_msrs[] = {
	MSR_STAR,
	MSR_LSTAR,
	MSR_CSTAR,
	MSR_SYSCALL_MASK,
	MSR_FS_BASE,
	MSR_GS_BASE,
	MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP,
};

/* One bit an MSR; a KiB each for reads low and high, writes low and high. */
static void msr_bitmap_pass(unsigned long *map, u32 msr)
{
	unsigned int bit;

	if (msr < 0x2000)
		bit = msr;
	else if (msr >= 0xc0000000 && msr < 0xc0002000)
		bit = 0x400 * 8 + (msr - 0xc0000000);
	else
		return;
	__clear_bit(bit, map);
	__clear_bit(bit + 0x800 * 8, map);
}

static int alloc_maps(void)
{
	int i;

	vmx_msr_bitmap = alloc_page(GFP_KERNEL);
	if (!vmx_msr_bitmap)
		return -ENOMEM;

	/* Deny by default.  All ports exit, without a map. */
	memset(page_address(vmx_msr_bitmap), 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		msr_bitmap_pass(page_address(vmx_msr_bitmap), passed_msrs[i]);
	return 0;
}

static int alloc_cpus(void)
{
	struct vmx_cpu *vc;
	struct vmx_region *vmxon;
	int cpu;

	/* For all that could ever come, so that going online cannot fail. */
	for_each_possible_cpu(cpu) {
		vc = per_cpu_ptr(&vmx_cpus, cpu);
		vc->vmxon = alloc_pages_node(cpu_to_node(cpu),
					     GFP_KERNEL | __GFP_ZERO, 0);
		if (!vc->vmxon)
			return -ENOMEM;
		vmxon = page_address(vc->vmxon);
		vmxon->revision = vmx_basic_vmcs_revision_id(vmx_caps.basic);
		vc->asid_generation = 1;
		vc->next_asid = 1;
		vc->last_vm = 0;
	}
	return 0;
}

void vmx_teardown(void)
{
	struct vmx_cpu *vc;
	int cpu;

	for_each_possible_cpu(cpu) {
		vc = per_cpu_ptr(&vmx_cpus, cpu);
		if (vc->vmxon)
			__free_page(vc->vmxon);
		vc->vmxon = NULL;
	}
	if (vmx_msr_bitmap)
		__free_page(vmx_msr_bitmap);
	vmx_msr_bitmap = NULL;
}

/*
 * What each control word has beyond what the processor forces.  REQUIRED must
 * be settable, OPTIONAL is set where it is, LATER must be settable and is set
 * when it is needed, and NEVER must be clearable.
 */
enum control_use { REQUIRED, OPTIONAL, LATER, NEVER };

struct control {
	enum vmx_word word;
	enum control_use use;
	u32 bit;
	const char *name;
};

static const struct control controls[] = {
	{ WORD_PIN, REQUIRED, PIN_BASED_EXT_INTR_MASK, "exits for interrupts" },
	{ WORD_PIN, REQUIRED, PIN_BASED_NMI_EXITING, "exits for NMIs" },
	{ WORD_PIN, REQUIRED, PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
	{ WORD_PIN, OPTIONAL, PIN_BASED_VMX_PREEMPTION_TIMER },

	{ WORD_CPU, LATER, CPU_BASED_INTR_WINDOW_EXITING, "interrupt windows" },
	{ WORD_CPU, LATER, CPU_BASED_NMI_WINDOW_EXITING, "NMI windows" },
	{ WORD_CPU, REQUIRED, CPU_BASED_USE_TSC_OFFSETTING, "TSC offsets" },
	{ WORD_CPU, REQUIRED, CPU_BASED_HLT_EXITING, "exits for HLT" },
	{ WORD_CPU, REQUIRED, CPU_BASED_MWAIT_EXITING, "exits for MWAIT" },
	{ WORD_CPU, REQUIRED, CPU_BASED_MONITOR_EXITING, "exits for MONITOR" },
	{ WORD_CPU, REQUIRED, CPU_BASED_RDPMC_EXITING, "exits for RDPMC" },
	{ WORD_CPU, REQUIRED, CPU_BASED_CR8_LOAD_EXITING, "exits for CR8" },
	{ WORD_CPU, REQUIRED, CPU_BASED_CR8_STORE_EXITING, "exits for CR8" },
	{ WORD_CPU, REQUIRED, CPU_BASED_MOV_DR_EXITING,
	  "exits for debug registers" },
	{ WORD_CPU, REQUIRED, CPU_BASED_UNCOND_IO_EXITING, "exits for ports" },
	{ WORD_CPU, REQUIRED, CPU_BASED_USE_MSR_BITMAPS, "MSR bitmaps" },
	{ WORD_CPU, REQUIRED, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
	  "secondary controls" },
	{ WORD_CPU, NEVER, CPU_BASED_CR3_LOAD_EXITING, "CR3 without exits" },
	{ WORD_CPU, NEVER, CPU_BASED_CR3_STORE_EXITING, "CR3 without exits" },
	{ WORD_CPU, NEVER, CPU_BASED_INVLPG_EXITING, "INVLPG without exits" },
	{ WORD_CPU, NEVER, CPU_BASED_RDTSC_EXITING, "RDTSC without exits" },

	{ WORD_CPU2, REQUIRED, SECONDARY_EXEC_ENABLE_EPT,
	  "extended page tables" },
	{ WORD_CPU2, REQUIRED, SECONDARY_EXEC_UNRESTRICTED_GUEST,
	  "unrestricted guests" },
	{ WORD_CPU2, OPTIONAL, SECONDARY_EXEC_ENABLE_VPID },
	{ WORD_CPU2, OPTIONAL, SECONDARY_EXEC_ENABLE_RDTSCP },
	{ WORD_CPU2, OPTIONAL, SECONDARY_EXEC_ENABLE_INVPCID },
	{ WORD_CPU2, OPTIONAL, SECONDARY_EXEC_WBINVD_EXITING },
	{ WORD_CPU2, OPTIONAL, SECONDARY_EXEC_PAUSE_LOOP_EXITING },
	{ WORD_CPU2, OPTIONAL, SECONDARY_EXEC_ENCLS_EXITING },

	{ WORD_EXIT, REQUIRED, VM_EXIT_HOST_ADDR_SPACE_SIZE, "64-bit hosts" },
	{ WORD_EXIT, REQUIRED, VM_EXIT_SAVE_DEBUG_CONTROLS,
	  "saving of debug controls" },
	{ WORD_EXIT, REQUIRED, VM_EXIT_LOAD_IA32_EFER, "loading of EFER" },
	{ WORD_EXIT, NEVER, VM_EXIT_ACK_INTR_ON_EXIT,
	  "interrupts left to the host" },

	{ WORD_ENTRY, LATER, VM_ENTRY_IA32E_MODE, "64-bit guests" },
	{ WORD_ENTRY, REQUIRED, VM_ENTRY_LOAD_DEBUG_CONTROLS,
	  "loading of debug controls" },
	{ WORD_ENTRY, REQUIRED, VM_ENTRY_LOAD_IA32_EFER, "loading of EFER" },
};

/* Appendix A.3 to A.5: the lower half must be 1, the upper half may be. */
static void read_words(void)
{
	static const u32 msrs[NR_WORDS] = {
		[WORD_PIN] = MSR_IA32_VMX_TRUE_PINBASED_CTLS,
		[WORD_CPU] = MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
		[WORD_CPU2] = MSR_IA32_VMX_PROCBASED_CTLS2,
		[WORD_EXIT] = MSR_IA32_VMX_TRUE_EXIT_CTLS,
		[WORD_ENTRY] = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
	};
	u64 value;
	int i;

	for (i = 0; i < NR_WORDS; i++) {
		/* Without secondary controls there is no such MSR. */
		if (rdmsrq_safe(msrs[i], &value))
			value = 0;
		vmx_caps.allowed0[i] = value;
		vmx_caps.allowed1[i] = value >> 32;
		vmx_caps.word[i] = value;
	}
}

/* The one place where control words are made.  What is missing, or NULL */
static const char *build_words(void)
{
	const struct control *c;

	for (c = controls; c < controls + ARRAY_SIZE(controls); c++) {
		if (c->use == NEVER) {
			if (vmx_caps.allowed0[c->word] & c->bit)
				return c->name;
		} else if (vmx_caps.allowed1[c->word] & c->bit) {
			if (c->use != LATER)
				vmx_caps.word[c->word] |= c->bit;
		} else if (c->use != OPTIONAL) {
			return c->name;
		}
	}
	return NULL;
}

/* Appendix A.10. */
static const char *missing_ept(void)
{
	u64 caps = vmx_caps.ept_vpid;

	if (!(caps & VMX_EPT_PAGE_WALK_4_BIT))
		return "extended page tables with four levels";
	if (!(caps & VMX_EPTP_WB_BIT))
		return "write-back extended page tables";
	if (!(caps & VMX_EPT_2MB_PAGE_BIT))
		return "extended page tables with 2 MiB pages";
	if (!(caps & VMX_EPT_INVEPT_BIT) ||
	    !(caps & (VMX_EPT_EXTENT_CONTEXT_BIT | VMX_EPT_EXTENT_GLOBAL_BIT)))
		return "INVEPT";
	return NULL;
}

#define VPID_CAP(bit)	((u64)(bit) << 32)

static void choose_optional(void)
{
	u32 *cpu2 = &vmx_caps.word[WORD_CPU2];
	u64 caps = vmx_caps.ept_vpid, features = LODGE_FEATURE_NEXT_RIP;
	struct lodge_npt_format *npt = &lodge_vmx_ops.npt;

	/* Tags that cannot be flushed are worse than none. */
	if (!(caps & VPID_CAP(VMX_VPID_INVVPID_BIT)) ||
	    !(caps & VPID_CAP(VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT)))
		*cpu2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	if (*cpu2 & SECONDARY_EXEC_ENABLE_VPID)
		features |= LODGE_FEATURE_VPID;
	if (caps & VPID_CAP(VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT))
		features |= LODGE_FEATURE_FLUSH_BY_ASID;
	if (caps & VMX_EPT_EXTENT_CONTEXT_BIT)
		features |= LODGE_FEATURE_FLUSH_BY_EPT;
	lodge_vmx_ops.nr_asids = vmx_has_vpid() ? VMX_NR_VPIDS : 1;

	if (caps & VMX_EPT_AD_BIT) {
		features |= LODGE_FEATURE_NPT_AD;
		npt->accessed = VMX_EPT_ACCESS_BIT;
		npt->dirty = VMX_EPT_DIRTY_BIT;
	}
	if (caps & VMX_EPT_1GB_PAGE_BIT)
		features |= LODGE_FEATURE_HUGE_1G;

	if (vmx_caps.allowed1[WORD_CPU] & CPU_BASED_MONITOR_TRAP_FLAG)
		features |= LODGE_FEATURE_STEP;
	if (*cpu2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING)
		features |= LODGE_FEATURE_PAUSE_FILTER;
	if (*cpu2 & SECONDARY_EXEC_WBINVD_EXITING)
		features |= LODGE_FEATURE_WBINVD_EXIT;
	if (*cpu2 & SECONDARY_EXEC_ENABLE_RDTSCP)
		features |= LODGE_FEATURE_RDTSCP;
	else
		lodge_vmx_ops.hidden |= LODGE_HIDE_RDTSCP;
	if (*cpu2 & SECONDARY_EXEC_ENABLE_INVPCID)
		features |= LODGE_FEATURE_INVPCID;
	else
		lodge_vmx_ops.hidden |= LODGE_HIDE_INVPCID;

	if (vmx_caps.word[WORD_PIN] & PIN_BASED_VMX_PREEMPTION_TIMER)
		features |= LODGE_FEATURE_PREEMPTION_TIMER;

	/* These are told, and not used. */
	if (vmx_caps.allowed1[WORD_CPU2] & SECONDARY_EXEC_TSC_SCALING)
		features |= LODGE_FEATURE_TSC_SCALING;
	if (vmx_caps.allowed1[WORD_CPU2] & VMCS_CONTROL_BIT(XSAVES))
		features |= LODGE_FEATURE_XSAVES;
	if (vmx_caps.allowed1[WORD_ENTRY] & VM_ENTRY_LOAD_IA32_PAT)
		features |= LODGE_FEATURE_LOAD_PAT;
	lodge_vmx_ops.features = features;
}

static void read_fixed_bits(void)
{
	rdmsrq(MSR_IA32_VMX_CR0_FIXED0, vmx_caps.cr0_fixed0);
	rdmsrq(MSR_IA32_VMX_CR0_FIXED1, vmx_caps.cr0_fixed1);
	rdmsrq(MSR_IA32_VMX_CR4_FIXED0, vmx_caps.cr4_fixed0);
	rdmsrq(MSR_IA32_VMX_CR4_FIXED1, vmx_caps.cr4_fixed1);
	/* An unrestricted guest may run without either (27.3.1.1). */
	vmx_caps.cr0_fixed0 &= ~(u64)(X86_CR0_PE | X86_CR0_PG);
}

/*
 * TOUR 1.2: what a host must have
 *
 * Intel SDM vol. 3, 24.6 and 24.7, appendix A.
 */
int vmx_setup(const char **reason)
{
	static char text[80];
	const char *missing;
	u64 control;
	int ret;

	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		/* The kernel clears the flag when firmware has locked VMX off. */
		if (!(cpuid_ecx(1) & BIT(X86_FEATURE_VMX & 31)))
			return -ENODEV;	/* *reason is right as it is */
		*reason = "VMX is switched off in the firmware: enable VT-x in the BIOS set-up";
		return -ENODEV;
	}
	/* VMXON faults without both (24.7). */
	if (rdmsrq_safe(MSR_IA32_FEAT_CTL, &control) ||
	    !(control & FEAT_CTL_LOCKED)) {
		*reason = "FEATURE_CONTROL is not locked: use a kernel with CONFIG_KVM_INTEL";
		return -ENODEV;
	}
	if (!(control & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		*reason = "VMX is switched off by FEATURE_CONTROL: enable VT-x in the BIOS set-up";
		return -ENODEV;
	}
#ifdef X86_FEATURE_FRED
	/* INT 2 would be a software interrupt; see vmx/vcpu.c. */
	if (boot_cpu_has(X86_FEATURE_FRED) && (__read_cr4() & BIT_ULL(32))) {
		*reason = "under FRED, NMIs cannot be handed to the kernel: boot with fred=off";
		return -ENODEV;
	}
#endif
	rdmsrq(MSR_IA32_VMX_BASIC, vmx_caps.basic);
	rdmsrq(MSR_IA32_VMX_MISC, vmx_caps.misc);
	if (!(vmx_caps.basic & BASIC_TRUE) ||
	    FIELD_GET(BASIC_MEMORY, vmx_caps.basic) != MEMORY_WB ||
	    FIELD_GET(BASIC_SIZE, vmx_caps.basic) > PAGE_SIZE) {
		*reason = "the processor's VMX is too old: it has no true controls";
		return -ENODEV;
	}

	read_words();
	missing = build_words();
	if (!missing && rdmsrq_safe(MSR_IA32_VMX_EPT_VPID_CAP, &vmx_caps.ept_vpid))
		missing = "IA32_VMX_EPT_VPID_CAP";
	if (!missing)
		missing = missing_ept();
	if (missing) {
		snprintf(text, sizeof(text), "the processor's VMX has no %s",
			 missing);
		*reason = text;
		return -ENODEV;
	}
	read_fixed_bits();
	choose_optional();

	ret = alloc_maps();
	if (!ret)
		ret = alloc_cpus();
	if (ret)
		vmx_teardown();
	return ret;
}

struct lodge_vendor_ops lodge_vmx_ops = {
	.vendor = LODGE_VENDOR_VMX,
	.name = "VMX",
	/*
	 * EPT entries (29.3.2).  Memory is write-back, whatever the guest's PAT
	 * says: the host uses the same pages, and does so with its caches on.
	 */
	.npt = {
		.leaf = VMX_EPT_READABLE_MASK | VMX_EPT_EXECUTABLE_MASK |
			VMX_EPT_IPAT_BIT | MEMORY_WB << VMX_EPT_MT_EPTE_SHIFT,
		.table = VMX_EPT_RWX_MASK,
		.write = VMX_EPT_WRITABLE_MASK,
		.huge = BIT_ULL(7),
		.levels = 4,
	},
	.setup = vmx_setup,
	.teardown = vmx_teardown,
	.busy = vmx_busy,
	.enable_cpu = vmx_enable_cpu,
	.disable_cpu = vmx_disable_cpu,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_destroy = vmx_vcpu_destroy,
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_put = vmx_vcpu_put,
	.enter = vmx_enter,
	.decode_exit = vmx_decode_exit,
	.inject = vmx_inject,
	.can_inject = vmx_can_inject,
	.want_window = vmx_want_window,
	.get_segment = vmx_get_segment,
	.get_sregs = vmx_get_sregs,
	.set_sregs = vmx_set_sregs,
	.get_cr = vmx_get_cr,
	.set_cr = vmx_set_cr,
	.msr = vmx_msr,
	.set_debug = vmx_set_debug,
	.set_tsc_offset = vmx_set_tsc_offset,
	.insn_bytes = vmx_insn_bytes,
	.flush_tlb = vmx_flush_tlb,
};
