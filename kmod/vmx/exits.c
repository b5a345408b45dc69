// SPDX-License-Identifier: GPL-2.0-only
/* Exit reasons of the VMCS turned into struct lodge_exit. */
#include <linux/bitfield.h>
#include <linux/percpu.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>
#include <asm/trapnr.h>
#include "vmx.h"

#define DR7_DETECT	BIT(13)

/*
 * An exit came while an event was being delivered: it has to be delivered
 * again.  INT3, INTO and INT n are not: RIP is still at the instruction, which
 * simply executes again (Intel SDM vol. 3, 28.2.4).
 */
static void requeue_event(struct lodge_vcpu *vcpu, u32 info, u32 error)
{
	struct lodge_event *event = &vcpu->event;

	switch (info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		event->type = EVENT_INTERRUPT;
		break;
	case INTR_TYPE_NMI_INTR:
		event->type = EVENT_NMI;
		vcpu->nmi_masked = true;
		break;
	case INTR_TYPE_HARD_EXCEPTION:
		event->type = EVENT_EXCEPTION;
		break;
	default:
		return;
	}
	event->vector = info & VECTORING_INFO_VECTOR_MASK;
	event->has_error = info & VECTORING_INFO_DELIVER_CODE_MASK;
	event->error = error;
}

/*
 * An IRET lets NMIs in before it is done; if it then faults, it has not
 * happened, and they stay masked (28.2.3, 28.2.1).
 */
static void undo_unblocking(struct lodge_vcpu *vcpu, bool unblocked)
{
	if (unlikely(unblocked) &&
	    !(to_vmx(vcpu)->exit.idt_info & VECTORING_INFO_VALID_MASK))
		vcpu->nmi_masked = true;
}

static void decode_port(const struct vmx_exit *ve, struct lodge_exit *exit)
{
	u64 info = ve->qualification;

	exit->kind = EXIT_PORT;
	exit->port.port = FIELD_GET(IO_QUAL_PORT, info);
	exit->port.width = FIELD_GET(IO_QUAL_SIZE, info) + 1;
	exit->port.in = info & IO_QUAL_IN;
	exit->port.string = info & IO_QUAL_STRING;
}

static void decode_npf(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	const struct vmx_exit *ve = &to_vmx(vcpu)->exit;
	u64 info = ve->qualification;

	exit->kind = EXIT_NPF;
	exit->insn_len = 0;
	exit->npf.gpa = ve->gpa;
	exit->npf.flags = 0;
	if (info & EPT_QUAL_PRESENT)
		exit->npf.flags |= NPF_PRESENT;
	if (info & EPT_QUAL_WRITE)
		exit->npf.flags |= NPF_WRITE;
	if (info & EPT_QUAL_FETCH)
		exit->npf.flags |= NPF_FETCH;
	if ((info & EPT_QUAL_LINEAR) && !(info & EPT_QUAL_TRANSLATED))
		exit->npf.flags |= NPF_TABLE_WALK;
	undo_unblocking(vcpu, info & EPT_QUAL_UNBLOCK_NMI);
}

static void decode_cr(const struct vmx_exit *ve, struct lodge_exit *exit)
{
	u32 type = FIELD_GET(CR_QUAL_TYPE, ve->qualification);

	exit->kind = EXIT_CR;
	exit->cr.write = type == 0;
	exit->cr.nr = FIELD_GET(CR_QUAL_NR, ve->qualification);
	/* 2 and 3 are CLTS and LMSW. */
	exit->cr.valid = type < 2;
	exit->cr.reg = FIELD_GET(CR_QUAL_REG, ve->qualification);
}

/* A machine check is the host's, wherever it struck. */
static void host_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = {
		.cs = 3,	/* as from user mode: the guest can be ended */
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
#endif
}

/*
 * An exit leaves DR6, DR7 and DEBUGCTL as they were, and so does the injection
 * (28.1, 27.6.1.1): do what delivery would do to them (18.2.3, 18.4.2).
 */
static void decode_db(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 info = vmx->exit.qualification, debugctl;

	vcpu->dr6 &= ~(u64)DR_TRAP_BITS;
	vcpu->dr6 |= (info & DB_QUAL_BITS) | DB_QUAL_INVERTED;
	vcpu->dr6 ^= info & DB_QUAL_INVERTED;
	vcpu->dr7 &= ~(u64)DR7_DETECT;
	vmx_set_debug(vcpu);
	vmx_msr(vcpu, MSR_IA32_DEBUGCTLMSR, &debugctl, false);
	if (unlikely(debugctl & (DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF))) {
		debugctl &= ~(u64)(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF);
		vmx_msr(vcpu, MSR_IA32_DEBUGCTLMSR, &debugctl, true);
	}
	/* INT1 is a trap: it is over. */
	if ((vmx->exit.intr_info & INTR_INFO_INTR_TYPE_MASK) ==
	    INTR_TYPE_PRIV_SW_EXCEPTION)
		vcpu->rip += vmx->exit.insn_len;
	exit->kind = EXIT_EXCEPTION;
	exit->exception.vector = X86_TRAP_DB;
	exit->exception.has_error = false;
}

static void decode_exception(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	const struct vmx_exit *ve = &to_vmx(vcpu)->exit;

	exit->insn_len = 0;
	undo_unblocking(vcpu, ve->intr_info & INTR_INFO_UNBLOCK_NMI);
	if ((ve->intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR) {
		exit->kind = EXIT_HOST;		/* seen to in vmx_enter() */
		return;
	}
	switch (ve->intr_info & INTR_INFO_VECTOR_MASK) {
	case X86_TRAP_DB:
		decode_db(vcpu, exit);
		break;
	case X86_TRAP_BP:
		exit->insn_len = ve->insn_len;
		exit->kind = EXIT_EXCEPTION;
		exit->exception.vector = X86_TRAP_BP;
		exit->exception.has_error = false;
		exit->exception.maybe_int_n = false;
		break;
	case X86_TRAP_AC:
		exit->kind = EXIT_EXCEPTION;
		exit->exception.vector = X86_TRAP_AC;
		exit->exception.has_error = true;
		exit->exception.error = 0;
		break;
	case X86_TRAP_MC:
		host_machine_check();
		exit->kind = EXIT_HOST;
		break;
	default:
		exit->kind = EXIT_UNKNOWN;
		break;
	}
}

/* The guest can take an interrupt, or an NMI. */
static void decode_window(struct lodge_vcpu *vcpu, struct lodge_exit *exit,
			  u32 window)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	exit->kind = EXIT_WINDOW;
	vmx->controls &= ~window;
	vmx_dirty(vmx, DIRTY_CONTROLS);
}

/* The rare ones, by what becomes of them. */
static enum lodge_exit_kind decode_other(u32 reason, struct lodge_exit *exit)
{
	switch (reason) {
	case EXIT_REASON_DR_ACCESS:
		return EXIT_DR;
	case EXIT_REASON_INIT_SIGNAL:
	case EXIT_REASON_SIPI_SIGNAL:
		return EXIT_HOST;
	case EXIT_REASON_RDPMC:
		return EXIT_GP;
	case EXIT_REASON_INVD:
	case EXIT_REASON_WBINVD:
		return EXIT_NOP;
	case EXIT_REASON_PAUSE_INSTRUCTION:
		return EXIT_PAUSE;
	case EXIT_REASON_XSETBV:
		return EXIT_XSETBV;
	case EXIT_REASON_VMCLEAR:
	case EXIT_REASON_VMLAUNCH:
	case EXIT_REASON_VMPTRLD:
	case EXIT_REASON_VMPTRST:
	case EXIT_REASON_VMREAD:
	case EXIT_REASON_VMRESUME:
	case EXIT_REASON_VMWRITE:
	case EXIT_REASON_VMOFF:
	case EXIT_REASON_VMON:
	case EXIT_REASON_INVEPT:
	case EXIT_REASON_INVVPID:
	case EXIT_REASON_MONITOR_INSTRUCTION:
	case EXIT_REASON_MWAIT_INSTRUCTION:
	case EXIT_REASON_ENCLS:
	case EXIT_REASON_GETSEC_:
	case EXIT_REASON_ENCLV_:
		return EXIT_UD;
	case EXIT_REASON_TASK_SWITCH:
		exit->reason = "the guest switches tasks by hardware, which is not emulated";
		return EXIT_UNKNOWN;
	case EXIT_REASON_EPT_MISCONFIG:
		exit->reason = "a nested page table entry is malformed";
		return EXIT_UNKNOWN;
	default:
		return EXIT_UNKNOWN;
	}
}

static void decode_fail(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if ((u16)vmx->exit.reason == EXIT_REASON_MCE_DURING_VMENTRY) {
		host_machine_check();
		exit->kind = EXIT_HOST;
		return;
	}
	exit->kind = EXIT_FAIL;
	exit->reason = vmx->failed_rule;
	vmx->failed_rule = NULL;
}

void vmx_decode_exit(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const struct vmx_exit *ve = &vmx->exit;

	exit->code = ve->reason;
	exit->info1 = ve->qualification;
	exit->info2 = ve->gpa;
	exit->reason = NULL;
	/* It is there for instructions only; it is used only by those. */
	exit->insn_len = ve->insn_len <= 15 ? ve->insn_len : 0;

	if (unlikely(ve->idt_info & VECTORING_INFO_VALID_MASK))
		requeue_event(vcpu, ve->idt_info, ve->idt_error);

	if (unlikely(ve->reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		decode_fail(vcpu, exit);
		return;
	}

	switch ((u16)ve->reason) {
	case EXIT_REASON_EXTERNAL_INTERRUPT:
	case EXIT_REASON_PREEMPTION_TIMER:
		exit->kind = EXIT_HOST;
		break;
	case EXIT_REASON_MONITOR_TRAP_FLAG:
		exit->kind = EXIT_HOST;
		lodge_vcpu_request(vcpu, REQ_STEPPED);
		break;
	case EXIT_REASON_MSR_READ:
	case EXIT_REASON_MSR_WRITE:
		exit->kind = EXIT_MSR;
		exit->msr.write = (u16)ve->reason == EXIT_REASON_MSR_WRITE;
		break;
	case EXIT_REASON_CPUID:
		exit->kind = EXIT_CPUID;
		break;
	case EXIT_REASON_IO_INSTRUCTION:
		decode_port(ve, exit);
		break;
	case EXIT_REASON_EPT_VIOLATION:
		decode_npf(vcpu, exit);
		break;
	case EXIT_REASON_HLT:
		exit->kind = EXIT_HLT;
		break;
	case EXIT_REASON_INTERRUPT_WINDOW:
		decode_window(vcpu, exit, CPU_BASED_INTR_WINDOW_EXITING);
		break;
	case EXIT_REASON_NMI_WINDOW:
		decode_window(vcpu, exit, CPU_BASED_NMI_WINDOW_EXITING);
		break;
	case EXIT_REASON_VMCALL:
		exit->kind = EXIT_HYPERCALL;
		break;
	case EXIT_REASON_CR_ACCESS:
		decode_cr(ve, exit);
		break;
	case EXIT_REASON_EXCEPTION_NMI:
		decode_exception(vcpu, exit);
		break;
	case EXIT_REASON_TRIPLE_FAULT:
		exit->kind = EXIT_SHUTDOWN;
		break;
	default:
		exit->kind = decode_other((u16)ve->reason, exit);
		break;
	}
}
