// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU on a CPU: loaded, entered, given events, put away. */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/mmu_context.h>	/* load_gs_index(), wherever it is */
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include <asm/special_insns.h>
#include <asm/trapnr.h>
#include "../vm/memory.h"
#include "../vm/rootmode.h"
#include "vmx.h"

#define DR_ACTIVE	0xffUL	/* L0 to G3: any breakpoint enabled */

/* ---- The VMCS of this CPU, and the host's state around it ---- */

static void vmcs_clear(struct vmx_vcpu *vmx)
{
	u64 pa = vmx->vmcs_pa;

	asm volatile("vmclear %0" : : "m" (pa) : "cc", "memory");
	vmx->current_vmcs = false;
	vmx->launched = false;
}

static void vmcs_load(struct vmx_vcpu *vmx)
{
	u64 pa = vmx->vmcs_pa;

	asm volatile("vmptrld %0" : : "m" (pa) : "cc", "memory");
	vmx->current_vmcs = true;
}

static void save_host(struct vmx_host *host)
{
	native_store_gdt(&host->gdt);
	store_idt(&host->idt);
	asm volatile("sldt %0" : "=r" (host->ldt));
	savesegment(ds, host->ds);
	savesegment(es, host->es);
	savesegment(fs, host->fs);
	savesegment(gs, host->gs);
	rdmsrq(MSR_FS_BASE, host->fs_base);
}

/*
 * LTR wants a TSS that is not busy, and marks it busy: in the table that can be
 * written, not in its read-only twin.
 */
static void restore_tr(const struct desc_ptr *gdt)
{
	struct desc_struct *table = get_current_gdt_rw();
	struct desc_ptr direct = {
		.size = GDT_SIZE - 1,
		.address = (unsigned long)table,
	};
	struct ldttss_desc *tss = (void *)&table[GDT_ENTRY_TSS];

	native_load_gdt(&direct);
	tss->type = DESC_TSS;
	asm volatile("ltr %w0" : : "q" (GDT_ENTRY_TSS * 8) : "memory");
	native_load_gdt(gdt);
}

/*
 * Undo what VM exits have done to the host (28.5.2, 28.5.3).  None of it matters
 * to the kernel's own code, so once for all exits of a stretch will do: limits
 * of GDT, IDT and TSS (behind which the I/O permissions are), and registers that
 * a thread may have in use.
 */
static void restore_host(const struct vmx_host *host)
{
	restore_tr(&host->gdt);
	native_load_idt(&host->idt);
	if (unlikely(host->ldt))
		asm volatile("lldt %w0" : : "r" (host->ldt));
	if (unlikely(host->ds | host->es)) {
		loadsegment(ds, host->ds);
		loadsegment(es, host->es);
	}
	if (unlikely(host->fs))
		loadsegment(fs, host->fs);
	wrmsrq(MSR_FS_BASE, host->fs_base);
	/* Its base goes to where KERNEL_GS_BASE is, which is written later. */
	if (unlikely(host->gs))
		load_gs_index(host->gs);
}

/* 27.2.3: what depends on the CPU or on the thread. */
static void write_host(struct vmx_vcpu *vmx, const struct vmx_cpu *vc)
{
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	vmcs_write(HOST_IA32_EFER, efer);
	vmcs_write(HOST_CR0, read_cr0());
	vmcs_write(HOST_CR3, __read_cr3());
	vmcs_write(HOST_CR4, __read_cr4());
	vmcs_write(HOST_FS_BASE, vmx->host.fs_base);
	vmcs_write(HOST_GS_BASE, vc->gs_base);
	vmcs_write(HOST_TR_BASE, vc->tr_base);
	vmcs_write(HOST_GDTR_BASE, vmx->host.gdt.address);
	vmcs_write(HOST_IDTR_BASE, vmx->host.idt.address);
	vmcs_write(HOST_IA32_SYSENTER_CS, vc->sysenter_cs);
	vmcs_write(HOST_IA32_SYSENTER_ESP, vc->sysenter_esp);
	vmcs_write(HOST_IA32_SYSENTER_EIP, vc->sysenter_eip);
}

void vmx_vcpu_load(struct lodge_vcpu *vcpu)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int i;

	/* Another VM's code must not be steered by what this one trained. */
	if (vc->last_vm != vcpu->vm->id) {
		if (boot_cpu_has(X86_FEATURE_IBPB))
			wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
		vc->last_vm = vcpu->vm->id;
	}
	if (boot_cpu_has(X86_FEATURE_RDTSCP) && vcpu->tsc_aux != vc->tsc_aux)
		wrmsrq(MSR_TSC_AUX, vcpu->tsc_aux);

	/*
	 * Not the VMCS's lists of MSRs, which cost every exit: the kernel has no
	 * use for these until the thread goes back to user mode.
	 */
	rdmsrq(MSR_KERNEL_GS_BASE, vmx->host.kernel_gs_base);
	for (i = 0; i < NR_VMX_SYSCALL_MSRS; i++)
		wrmsrq(vmx_syscall_msrs[i], vmx->syscall[i]);
	vmx->l1d_stale = true;
	vmx->loaded = true;
	vmx->host_saved = false;
}

void vmx_vcpu_put(struct lodge_vcpu *vcpu)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned long flags;
	int i;

	/* Before a GS of the host's overwrites KERNEL_GS_BASE. */
	for (i = 0; i < NR_VMX_SYSCALL_MSRS; i++)
		rdmsrq(vmx_syscall_msrs[i], vmx->syscall[i]);
	vmx->loaded = false;
	if (vmx->host_saved) {
		vmx_read_guest(vmx, SYNCED_ALL);
		local_irq_save(flags);
		if (vmx->current_vmcs && this_cpu_read(lodge_root_on))
			vmcs_clear(vmx);
		vmx->current_vmcs = false;
		restore_host(&vmx->host);
		local_irq_restore(flags);
	}
	for (i = 0; i < VMX_KERNEL_GS_BASE; i++)
		wrmsrq(vmx_syscall_msrs[i], vc->syscall[i]);
	wrmsrq(MSR_KERNEL_GS_BASE, vmx->host.kernel_gs_base);

	if (boot_cpu_has(X86_FEATURE_RDTSCP) && vcpu->tsc_aux != vc->tsc_aux)
		wrmsrq(MSR_TSC_AUX, vc->tsc_aux);
}

/* ---- Translations ---- */

void vmx_flush_tlb(struct lodge_vcpu *vcpu)
{
	to_vmx(vcpu)->flush = true;
}

static void flush_vpid(u64 type, u64 vpid)
{
	struct {
		u64 vpid, linear;
	} operand = { vpid, 0 };

	asm volatile("invvpid %0, %1"
		     : : "m" (operand), "r" (type) : "cc", "memory");
}

static void flush_ept(u64 type, u64 eptp)
{
	struct {
		u64 eptp, reserved;
	} operand = { eptp, 0 };

	asm volatile("invept %0, %1"
		     : : "m" (operand), "r" (type) : "cc", "memory");
}

/*
 * 29.4.3.1: INVVPID for what the guest's own tables say, which is tagged with the
 * VPID; INVEPT for the nested tables, whose tag is the address of their root: all
 * vCPUs of a VM that come to this CPU share it.
 */
static void flush(struct vmx_vcpu *vmx)
{
	vmx->flush = false;
	if (vmx_has_vpid()) {
		if (lodge_vmx_ops.features & LODGE_FEATURE_FLUSH_BY_ASID)
			flush_vpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vmx->vpid);
		else
			flush_vpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
	}
	if (lodge_vmx_ops.features & LODGE_FEATURE_FLUSH_BY_EPT)
		flush_ept(VMX_EPT_EXTENT_CONTEXT, vmx->eptp);
	else
		flush_ept(VMX_EPT_EXTENT_GLOBAL, 0);
}

/* 29.1, 29.4.3.3. */
static void new_asid(struct vmx_vcpu *vmx, struct vmx_cpu *vc)
{
	if (vmx_has_vpid()) {
		if (vc->next_asid >= lodge_vmx_ops.nr_asids) {
			vc->asid_generation++;
			vc->next_asid = 1;
			flush_vpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
		}
		vmx->vpid = vc->next_asid++;
		vmcs_write(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	}
	vmx->asid_generation = vc->asid_generation;
	vmx->asid_cpu = smp_processor_id();
	/* The nested tables may be where those of an earlier VM were. */
	vmx->flush = true;
}

/* ---- What is moved by hand ---- */

struct host_debug {
	unsigned long dr[4];
};

/*
 * Debug registers 0 to 3 are not in the VMCS, and an exit leaves DR7 disabled.
 * So where host or guest uses breakpoints, both are moved by hand, with
 * interrupts off.
 */
static void debug_to_guest(struct lodge_vcpu *vcpu, struct host_debug *host)
{
	host->dr[0] = native_get_debugreg(0);
	host->dr[1] = native_get_debugreg(1);
	host->dr[2] = native_get_debugreg(2);
	host->dr[3] = native_get_debugreg(3);
	/* The host's DR7 must not watch the guest's addresses meanwhile. */
	native_set_debugreg(7, 0);
	native_set_debugreg(0, vcpu->dr[0]);
	native_set_debugreg(1, vcpu->dr[1]);
	native_set_debugreg(2, vcpu->dr[2]);
	native_set_debugreg(3, vcpu->dr[3]);
}

static void debug_to_host(const struct host_debug *host, unsigned long dr7)
{
	native_set_debugreg(0, host->dr[0]);
	native_set_debugreg(1, host->dr[1]);
	native_set_debugreg(2, host->dr[2]);
	native_set_debugreg(3, host->dr[3]);
	native_set_debugreg(6, DR6_RESERVED);
	native_set_debugreg(7, dr7);
}

/*
 * SPEC_CTRL.  Where the kernel itself relies on IBRS, it must be written after
 * each exit, even if the value is the same.
 */
static void swap_spec_ctrl(struct lodge_vcpu *vcpu, bool to_guest)
{
	u64 host = this_cpu_read(x86_spec_ctrl_current);

	if (vcpu->spec_ctrl != host ||
	    (!to_guest && boot_cpu_has(X86_FEATURE_KERNEL_IBRS)))
		wrmsrq(MSR_IA32_SPEC_CTRL, to_guest ? vcpu->spec_ctrl : host);
}

/*
 * What the host has left in the processor's buffers and in its L1 data cache, a
 * guest could find by speculation (MDS, TAA, RFDS; L1TF).  The cache gets
 * something new only from other threads and from interrupts.
 */
static void clear_buffers(struct vmx_vcpu *vmx)
{
	static const u16 selector = __KERNEL_DS;

	if (vmx->l1d_stale && boot_cpu_has_bug(X86_BUG_L1TF) &&
	    boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		wrmsrq(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else if (boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF))
		asm volatile("verw %0" : : "m" (selector) : "cc");
	vmx->l1d_stale = false;
}

/* ---- Entry ---- */

static void fail_entry(struct lodge_vcpu *vcpu, const char *rule)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->failed_rule = rule;
	vmx->exit = (struct vmx_exit){
		.reason = EXIT_REASON_INVALID_STATE |
			  VMX_EXIT_REASONS_FAILED_VMENTRY,
	};
}

/*
 * The processor refused: say why, in words if the checker knows, else by number.
 * The VMCS is current and as it was.
 */
static void refused(struct lodge_vcpu *vcpu, bool instruction_failed)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 error = vmcs_read(VM_INSTRUCTION_ERROR);

	vmx->failed_rule = vmx_check_state();
	vmx_dump_state(vcpu->run);
	/* What was to be injected still is (27.8). */
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	if (instruction_failed) {
		vmx->exit = (struct vmx_exit){
			.reason = EXIT_REASON_INVALID_STATE |
				  VMX_EXIT_REASONS_FAILED_VMENTRY,
			.qualification = error,
		};
		snprintf(vmx->reason, sizeof(vmx->reason),
			 "VM entry failed with instruction error %u", error);
	} else {
		snprintf(vmx->reason, sizeof(vmx->reason),
			 "VM entry failed, reason %u, qualification %llu",
			 (u16)vmx->exit.reason, vmx->exit.qualification);
	}
	if (!vmx->failed_rule)
		vmx->failed_rule = vmx->reason;
}

/*
 * PDPTEs from the guest's memory.  If it is not there, the exit is the one that
 * the processor would make if it looked there itself.
 */
static bool read_pdptrs(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 gpa = vmx->guest.cr3 & 0xffffffe0;
	u64 pdptr[4];
	int i;

	if (lodge_guest_read_nofault(vcpu->vm, gpa, pdptr, sizeof(pdptr))) {
		vmx->exit = (struct vmx_exit){
			.reason = EXIT_REASON_EPT_VIOLATION,
			.qualification = EPT_QUAL_READ | EPT_QUAL_LINEAR,
			.gpa = gpa,
		};
		return false;
	}
	/* Of what is not present all bits are ignored; bit 5 as on a walk. */
	for (i = 0; i < ARRAY_SIZE(pdptr); i++)
		vmcs_write(GUEST_PDPTR0 + 2 * i,
			   pdptr[i] & 1 ? pdptr[i] & ~BIT_ULL(5) : 0);
	vmx->pdptrs_stale = false;
	return true;
}

/*
 * Traps that wait for the end of an interrupt shadow, and there are no others
 * (28.3.4): an exit is a fault, so the instruction has not happened.  Bochs saves
 * the single step that would have followed it all the same.
 */
static void write_pending_debug(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 pending = 0;

	if (vcpu->shadow) {
		pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS) &
			  ~(u64)PENDING_DBG_BS;
		if ((vcpu->rflags & X86_EFLAGS_TF) &&
		    !(vmx->guest.debugctl & DEBUGCTLMSR_BTF))
			pending |= PENDING_DBG_BS;
	}
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, pending);
}

/* Interrupt shadow and NMI masking (25.4.2, 27.3.1.5). */
static void write_interruptibility(struct lodge_vcpu *vcpu, bool nmi_injected)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 info = 0;

	if (vcpu->shadow) {
		info = vmx->shadow_kind;
		/* STI opens a shadow only if it opens interrupts. */
		if (!info || !(vcpu->rflags & X86_EFLAGS_IF))
			info = vcpu->rflags & X86_EFLAGS_IF ?
			       GUEST_INTR_STATE_STI : GUEST_INTR_STATE_MOV_SS;
	}
	if (unlikely(vcpu->shadow || (vcpu->rflags & X86_EFLAGS_TF) ||
		     (vcpu->dr7 & DR_ACTIVE)))
		write_pending_debug(vcpu);
	/* The processor sets it as it delivers an NMI that is injected. */
	if (vcpu->nmi_masked && !nmi_injected)
		info |= GUEST_INTR_STATE_NMI;
	if (info != vmx->interruptibility)
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, info);
	vmx->interruptibility = info;
}

/*
 * The host's own NMI ended the guest, and NMIs are blocked until the next IRET.
 * Its handler is not exported on every kernel, but its gate is always there, and
 * INT 2 goes through it just as the NMI would have, IST and all; the handler's
 * IRET lets NMIs in again.  (Under FRED, INT n is something else: vmx_setup().)
 */
static void host_nmi(void)
{
	asm volatile("int $2" : : : "memory");
}

static void read_exit(struct vmx_vcpu *vmx)
{
	struct vmx_exit *exit = &vmx->exit;

	exit->reason = vmcs_read(VM_EXIT_REASON);
	exit->qualification = vmcs_read(EXIT_QUALIFICATION);
	exit->insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	exit->idt_info = vmcs_read(IDT_VECTORING_INFO_FIELD);
	if (unlikely(exit->idt_info & VECTORING_INFO_VALID_MASK))
		exit->idt_error = vmcs_read(IDT_VECTORING_ERROR_CODE);
	switch (exit->reason) {
	case EXIT_REASON_EXCEPTION_NMI:
		exit->intr_info = vmcs_read(VM_EXIT_INTR_INFO);
		exit->intr_error = vmcs_read(VM_EXIT_INTR_ERROR_CODE);
		break;
	case EXIT_REASON_EPT_VIOLATION:
	case EXIT_REASON_EPT_MISCONFIG:
		exit->gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
		break;
	case EXIT_REASON_EXTERNAL_INTERRUPT:
		vmx->l1d_stale = true;
		break;
	}
}

static bool is_host_nmi(const struct vmx_exit *exit)
{
	return exit->reason == EXIT_REASON_EXCEPTION_NMI &&
	       (exit->intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR;
}

/* VMX operation is on, interrupts are off: everything is made ready. */
static bool prepare(struct lodge_vcpu *vcpu)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool nmi = vcpu->event.type == EVENT_NMI;
	u16 ldt;

	if (!vmx->current_vmcs) {
		/* What a new page holds is not a VMCS yet (25.11.3). */
		if (vmx->dirty & DIRTY_CONST)
			vmcs_clear(vmx);
		vmcs_load(vmx);
	}
	if (!vmx->host_saved) {
		/*
		 * FS, GS and their like are the calling thread's.  Not at
		 * loading: only here is it sure that root mode is on.
		 */
		save_host(&vmx->host);
		write_host(vmx, vc);
		vmx->host_saved = true;
	} else {
		/* Handlers of IPIs may have changed these since. */
		vmcs_write(HOST_CR3, __read_cr3());
		vmcs_write(HOST_CR4, __read_cr4());
		asm volatile("sldt %0" : "=r" (ldt));
		if (unlikely(ldt))
			vmx->host.ldt = ldt;
	}
	/* A VPID means something on its own CPU only. */
	if (unlikely(vmx->asid_generation != vc->asid_generation ||
		     vmx->asid_cpu != smp_processor_id()))
		new_asid(vmx, vc);
	if (unlikely(vmx->pdptrs_stale) && !read_pdptrs(vcpu))
		return false;
	if (unlikely(vmx->flush))
		flush(vmx);

	/* First: it sets to nothing what the lines below fill. */
	if (vmx->dirty)
		vmx_write_guest(vcpu);
	if (vcpu->event.type)
		vmx_inject(vcpu);
	write_interruptibility(vcpu, nmi);
	vmcs_write(GUEST_RIP, vcpu->rip);
	vmcs_write(GUEST_RSP, vcpu->regs[REG_RSP]);
	vmcs_write(GUEST_RFLAGS, vcpu->rflags);

	if (lodge_check_state) {
		const char *rule = vmx_check_state();

		if (unlikely(rule)) {
			vmx_dump_state(vcpu->run);
			vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
			fail_entry(vcpu, rule);
			return false;
		}
	}
	return true;
}

static void run(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned long host_dr7 = __this_cpu_read(cpu_dr7);
	bool swap_debug = (vcpu->dr7 | host_dr7) & DR_ACTIVE;
	bool swap_spec = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	struct host_debug host_debug;
	u64 debugctl;
	bool failed;

	/* An exit clears it, and perf changes it from interrupts. */
	rdmsrq(MSR_IA32_DEBUGCTLMSR, debugctl);
	if (unlikely(swap_debug))
		debug_to_guest(vcpu, &host_debug);
	if (native_read_cr2() != vmx->cr2)
		native_write_cr2(vmx->cr2);
	clear_buffers(vmx);
	if (swap_spec)
		swap_spec_ctrl(vcpu, true);

	failed = vmx_vmenter(vcpu->regs, vmx->launched);

	if (swap_spec)
		swap_spec_ctrl(vcpu, false);
	vmx->cr2 = native_read_cr2();
	if (unlikely(swap_debug))
		debug_to_host(&host_debug, host_dr7);
	if (unlikely(debugctl))
		wrmsrq(MSR_IA32_DEBUGCTLMSR, debugctl);

	if (!failed)
		read_exit(vmx);
	if (unlikely(failed ||
		     (vmx->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY))) {
		refused(vcpu, failed);
		return;
	}
	vmx->launched = true;
	vmx->synced = 0;
	vcpu->regs[REG_RSP] = vmcs_read(GUEST_RSP);
	vcpu->rip = vmcs_read(GUEST_RIP);
	vcpu->rflags = vmcs_read(GUEST_RFLAGS);
	vmx->interruptibility = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	vmx->shadow_kind = vmx->interruptibility &
			   (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	vcpu->shadow = vmx->shadow_kind;
	vcpu->nmi_masked = vmx->interruptibility & GUEST_INTR_STATE_NMI;
	if (unlikely(is_host_nmi(&vmx->exit))) {
		vmx->l1d_stale = true;
		host_nmi();
	}
}

void vmx_enter(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (unlikely(!vmx_root_enter())) {
		vcpu->run->nr_fields = 0;
		fail_entry(vcpu, "another hypervisor (KVM?) has taken root mode");
		return;
	}
	if (prepare(vcpu))
		run(vcpu);
	if (vmx_root_each_entry) {
		vmx_read_guest(vmx, SYNCED_ALL);
		vmcs_clear(vmx);
		vmx_root_leave();
	}
}

/* Intel SDM vol. 3, 25.8.3. */
void vmx_inject(struct lodge_vcpu *vcpu)
{
	struct lodge_event *event = &vcpu->event;
	u32 info = event->vector | INTR_INFO_VALID_MASK;

	switch (event->type) {
	case EVENT_INTERRUPT:
		info |= INTR_TYPE_EXT_INTR;
		break;
	case EVENT_NMI:
		info |= INTR_TYPE_NMI_INTR;
		break;
	default:
		info |= INTR_TYPE_HARD_EXCEPTION;
		/* In real mode none has an error code (27.2.1.3). */
		if (event->has_error && (vmx_get_cr(vcpu, 0) & X86_CR0_PE)) {
			info |= INTR_INFO_DELIVER_CODE_MASK;
			vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, event->error);
		}
		break;
	}
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, info);
	/* An event that is delivered has no interrupt shadow to leave behind. */
	vcpu->shadow = false;
	event->type = EVENT_NONE;
}

bool vmx_can_inject(struct lodge_vcpu *vcpu, bool nmi)
{
	if (vcpu->shadow)
		return false;
	return nmi ? !vcpu->nmi_masked : vcpu->rflags & X86_EFLAGS_IF;
}

void vmx_want_window(struct lodge_vcpu *vcpu, bool nmi)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	/* 26.2: exits at the moment when the guest could take it. */
	vmx->controls |= nmi ? CPU_BASED_NMI_WINDOW_EXITING :
			       CPU_BASED_INTR_WINDOW_EXITING;
	vmx_dirty(vmx, DIRTY_CONTROLS);
}
