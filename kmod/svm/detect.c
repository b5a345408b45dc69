// SPDX-License-Identifier: GPL-2.0-only
/* Is there a usable SVM?  And the pages that all its users share. */
#include <linux/cc_platform.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <uapi/asm/svm.h>
#include "svm.h"

#define SVM_CPUID_LEAF	0x8000000a
#define IOPM_ORDER	2	/* three pages are needed, contiguous */
#define MSRPM_ORDER	1

struct page *svm_iopm, *svm_msrpm;

/*
 * MSRs that live in the VMCB, so that the guest may have them for itself.  All
 * others exit (AMD APM vol. 2, 15.11).
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

/* Two bits an MSR, read and write; three ranges of 8192 MSRs. */
static void msrpm_pass(unsigned long *map, u32 msr)
{
	unsigned int bit;

	if (msr < 0x2000)
		bit = msr * 2;
	else if (msr >= 0xc0000000 && msr < 0xc0002000)
		bit = 0x800 * 8 + (msr - 0xc0000000) * 2;
	else
		return;
	__clear_bit(bit, map);
	__clear_bit(bit + 1, map);
}

static int alloc_maps(void)
{
	int i;

	svm_iopm = alloc_pages(GFP_KERNEL, IOPM_ORDER);
	svm_msrpm = alloc_pages(GFP_KERNEL, MSRPM_ORDER);
	if (!svm_iopm || !svm_msrpm)
		return -ENOMEM;

	/* Deny by default. */
	memset(page_address(svm_iopm), 0xff, PAGE_SIZE << IOPM_ORDER);
	memset(page_address(svm_msrpm), 0xff, PAGE_SIZE << MSRPM_ORDER);
	for (i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		msrpm_pass(page_address(svm_msrpm), passed_msrs[i]);
	return 0;
}

static int alloc_cpus(void)
{
	struct svm_cpu *sc;
	int cpu;

	/* For all that could ever come, so that going online cannot fail. */
	for_each_possible_cpu(cpu) {
		sc = per_cpu_ptr(&svm_cpus, cpu);
		sc->hsave = alloc_pages_node(cpu_to_node(cpu),
					     GFP_KERNEL | __GFP_ZERO, 0);
		sc->host = alloc_pages_node(cpu_to_node(cpu),
					    GFP_KERNEL | __GFP_ZERO, 0);
		if (!sc->hsave || !sc->host)
			return -ENOMEM;
		sc->asid_generation = 1;
		sc->next_asid = 1;
		sc->last_vm = 0;
	}
	return 0;
}

void svm_teardown(void)
{
	struct svm_cpu *sc;
	int cpu;

	for_each_possible_cpu(cpu) {
		sc = per_cpu_ptr(&svm_cpus, cpu);
		if (sc->hsave)
			__free_page(sc->hsave);
		if (sc->host)
			__free_page(sc->host);
		sc->hsave = NULL;
		sc->host = NULL;
	}
	if (svm_msrpm)
		__free_pages(svm_msrpm, MSRPM_ORDER);
	if (svm_iopm)
		__free_pages(svm_iopm, IOPM_ORDER);
	svm_msrpm = NULL;
	svm_iopm = NULL;
}

/*
 * TOUR 1.2: what a host must have
 *
 * AMD APM vol. 2, 15.4 and 15.25.1.
 */
int svm_setup(const char **reason)
{
	u64 vm_cr, features = 0;
	u32 edx;
	int ret;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		/* The kernel clears the flag when firmware has locked SVM off. */
		if (cpuid_eax(0x80000000) < 0x80000001 ||
		    !(cpuid_ecx(0x80000001) & BIT(2)))
			return -ENODEV;	/* *reason is right as it is */
		*reason = "SVM is switched off in the firmware: enable it in the BIOS set-up";
		return -ENODEV;
	}
	if (rdmsrq_safe(MSR_VM_CR, &vm_cr) || (vm_cr & BIT(4))) {
		*reason = "SVM is switched off by VM_CR: enable it in the BIOS set-up";
		return -ENODEV;
	}
	if (!boot_cpu_has(X86_FEATURE_NPT)) {
		*reason = "the processor's SVM has no nested paging";
		return -ENODEV;
	}
	/* Each physical address in the VMCB would have to carry the C-bit. */
	if (cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT)) {
		*reason = "the host's memory is encrypted (SME): boot with mem_encrypt=off";
		return -ENODEV;
	}
	lodge_svm_ops.nr_asids = cpuid_ebx(SVM_CPUID_LEAF);
	if (lodge_svm_ops.nr_asids < 2) {
		*reason = "the processor's SVM has no address space identifiers";
		return -ENODEV;
	}

	edx = cpuid_edx(SVM_CPUID_LEAF);
	if (edx & BIT(3))
		features |= LODGE_FEATURE_NEXT_RIP;
	if (edx & BIT(5))
		features |= LODGE_FEATURE_CLEAN_BITS;
	if (edx & BIT(6))
		features |= LODGE_FEATURE_FLUSH_BY_ASID;
	if (edx & BIT(7))
		features |= LODGE_FEATURE_DECODE_ASSISTS;
	if (edx & BIT(10))
		features |= LODGE_FEATURE_PAUSE_FILTER;
	if (edx & BIT(20))
		features |= LODGE_FEATURE_VIRTUAL_SPEC_CTRL;
	if (boot_cpu_has(X86_FEATURE_GBPAGES))
		features |= LODGE_FEATURE_HUGE_1G;
	features |= LODGE_FEATURE_STEP;
	lodge_svm_ops.features = features;
	/* Nested tables have as many levels as the host's own (15.25.3). */
	lodge_svm_ops.npt.levels = __read_cr4() & X86_CR4_LA57 ? 5 : 4;

	ret = alloc_maps();
	if (!ret)
		ret = alloc_cpus();
	if (ret)
		svm_teardown();
	return ret;
}

struct lodge_vendor_ops lodge_svm_ops = {
	.vendor = LODGE_VENDOR_SVM,
	.name = "SVM",
	/*
	 * Nested tables have the form of ordinary ones, and every access of a
	 * guest counts as a user's (15.25.5).
	 */
	.npt = {
		.leaf = _PAGE_PRESENT | _PAGE_USER,
		.table = _PAGE_PRESENT | _PAGE_USER | _PAGE_RW | _PAGE_ACCESSED,
		.write = _PAGE_RW,
		.huge = _PAGE_PSE,
		.accessed = _PAGE_ACCESSED,
		.dirty = _PAGE_DIRTY,
	},
	.setup = svm_setup,
	.teardown = svm_teardown,
	.busy = svm_busy,
	.enable_cpu = svm_enable_cpu,
	.disable_cpu = svm_disable_cpu,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.enter = svm_enter,
	.decode_exit = svm_decode_exit,
	.inject = svm_inject,
	.can_inject = svm_can_inject,
	.want_window = svm_want_window,
	.get_segment = svm_get_segment,
	.get_sregs = svm_get_sregs,
	.set_sregs = svm_set_sregs,
	.get_cr = svm_get_cr,
	.set_cr = svm_set_cr,
	.msr = svm_msr,
	.set_debug = svm_set_debug,
	.set_tsc_offset = svm_set_tsc_offset,
	.insn_bytes = svm_insn_bytes,
	.flush_tlb = svm_flush_tlb,
};
