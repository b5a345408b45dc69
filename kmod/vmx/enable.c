// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root mode of one CPU: CR4.VMXE and VMXON.
 *
 * The kernel keeps a copy of CR4 and writes it back at any time, from the
 * handlers of IPIs too; without VMXE in it, that write faults in VMX operation
 * (Intel SDM vol. 3, 24.8).  Where modules may tell the kernel of the bit
 * (cr4_update_irqsoff(), 6.x), VMX operation lasts as long as VMs do.  Where KVM
 * alone may (7.x), it lasts from right before an entry to right after the exit,
 * with interrupts off: nobody else sees VMXE set, and none of the host's code can
 * write CR4 meanwhile.  That costs each exit a VMXON, a VMLAUNCH instead of a
 * VMRESUME, and reading back the whole of the guest's state.
 */
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/io.h>
#include <asm/msr-index.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>
#include "vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);

#ifndef HAVE_CR4_UPDATE
bool vmx_root_each_entry = true;
#else
bool vmx_root_each_entry;
module_param_named(vmx_root_each_entry, vmx_root_each_entry, bool, 0444);
MODULE_PARM_DESC(vmx_root_each_entry,
		 "VMX: leave root mode after each exit (slow; a crash kernel can start while guests run)");
#endif

/* The kernel's copy of CR4 does not change. */
static void write_cr4_behind(unsigned long cr4)
{
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}

static void cr4_vmxe(bool on)
{
#ifdef HAVE_CR4_UPDATE
	if (!vmx_root_each_entry) {
		if (on)
			cr4_set_bits_irqsoff(X86_CR4_VMXE);
		else
			cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		return;
	}
#endif
	write_cr4_behind(on ? __read_cr4() | X86_CR4_VMXE :
			      __read_cr4() & ~(unsigned long)X86_CR4_VMXE);
}

static bool vmx_on(struct vmx_cpu *vc)
{
	u64 pa = page_to_phys(vc->vmxon);
	bool failed = true;

	/* A fault goes on behind the SETBE, as a failure. */
	asm volatile("1: vmxon %[pa]\n\t"
		     "setbe %[failed]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [failed] "+qm" (failed) : [pa] "m" (pa) : "cc", "memory");
	return !failed;
}

/* Some processors cannot trace (Intel PT) in VMX operation: perf must know. */
static void tell_perf(bool on)
{
#ifdef HAVE_INTEL_PT_HANDLE_VMX
	intel_pt_handle_vmx(on);
#endif
}

/* CR4 tells: whoever sets VMXE is in VMX operation, or about to be. */
bool vmx_busy(void)
{
	return __read_cr4() & X86_CR4_VMXE;
}

static bool root_on(struct vmx_cpu *vc)
{
	/* Whoever set it has a VMCS of its own: leave it alone. */
	if (vmx_busy())
		return false;
	cr4_vmxe(true);
	if (vmx_on(vc))
		return true;
	cr4_vmxe(false);
	return false;
}

static void root_off(void)
{
	asm volatile("vmxoff" : : : "cc", "memory");
	cr4_vmxe(false);
}

/* What the descriptor says that the task register was loaded from. */
static u64 host_tr_base(void)
{
	const struct ldttss_desc *tss;
	struct desc_ptr gdt;
	u16 tr;

	native_store_gdt(&gdt);
	asm volatile("str %0" : "=r" (tr));
	tss = (const void *)(gdt.address + tr);
	return tss->base0 | (u64)tss->base1 << 16 | (u64)tss->base2 << 24 |
	       (u64)tss->base3 << 32;
}

/* Intel SDM vol. 3, 24.7. */
int vmx_enable_cpu(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	int i;

	if (!root_on(vc))
		return -EBUSY;
	/* See that it works; from now on, each entry does the same. */
	if (vmx_root_each_entry)
		root_off();
	else
		tell_perf(true);

	/* Others' translations may have our VPIDs: let all be flushed. */
	vc->asid_generation++;
	vc->next_asid = lodge_vmx_ops.nr_asids;
	vc->last_vm = 0;
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		rdmsrq(MSR_TSC_AUX, vc->tsc_aux);
	for (i = 0; i < NR_VMX_SYSCALL_MSRS; i++)
		rdmsrq(vmx_syscall_msrs[i], vc->syscall[i]);
	rdmsrq(MSR_GS_BASE, vc->gs_base);
	vc->tr_base = host_tr_base();
	rdmsrq(MSR_IA32_SYSENTER_CS, vc->sysenter_cs);
	rdmsrq(MSR_IA32_SYSENTER_ESP, vc->sysenter_esp);
	rdmsrq(MSR_IA32_SYSENTER_EIP, vc->sysenter_eip);
	return 0;
}

void vmx_disable_cpu(void)
{
	if (vmx_root_each_entry)
		return;
	root_off();
	tell_perf(false);
}

/* Around one entry, with interrupts off.  False: somebody else has root mode. */
bool vmx_root_enter(void)
{
	return !vmx_root_each_entry || root_on(this_cpu_ptr(&vmx_cpus));
}

void vmx_root_leave(void)
{
	if (vmx_root_each_entry)
		root_off();
}
