// SPDX-License-Identifier: GPL-2.0-only
/* Exit codes of the VMCB turned into struct lodge_exit. */
#include <linux/bitfield.h>
#include <linux/percpu.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <uapi/asm/svm.h>
#include "../vm/insn.h"
#include "svm.h"

/* Exceptions that push an error code (AMD APM vol. 2, table 8-1) */
#define WITH_ERROR \
	(BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
	 BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF))

/*
 * An exit came while an event was being delivered: it has to be delivered
 * again.  INT3, INTO and INT n are not, unless injected: RIP is still at the
 * instruction, which simply executes again (AMD APM vol. 2, 15.7.2).
 */
static void requeue_event(struct lodge_vcpu *vcpu, u64 info)
{
	const struct lodge_event *software = &to_svm(vcpu)->software;
	struct lodge_event *event = &vcpu->event;
	u8 vector = FIELD_GET(INJ_VECTOR, info);

	switch (info & INJ_TYPE) {
	case INJ_TYPE_INTR:
		event->type = EVENT_INTERRUPT;
		break;
	case INJ_TYPE_NMI:
		event->type = EVENT_NMI;
		break;
	case INJ_TYPE_EXCEPTION:
		if ((vector == X86_TRAP_BP || vector == X86_TRAP_OF) &&
		    software->type != EVENT_EXCEPTION)
			return;
		event->type = EVENT_EXCEPTION;
		break;
	case INJ_TYPE_SOFT:
		if (software->type == EVENT_SOFTWARE)
			*event = *software;
		return;
	default:
		return;
	}
	event->vector = vector;
	event->has_error = info & INJ_ERROR_VALID;
	event->error = info >> 32;
}

static void decode_port(const struct vmcb *vmcb, struct lodge_vcpu *vcpu,
			struct lodge_exit *exit)
{
	u64 info = vmcb->exit_info1;

	exit->kind = EXIT_PORT;
	exit->port.port = FIELD_GET(IOIO_PORT, info);
	exit->port.width = FIELD_GET(IOIO_WIDTH, info);
	exit->port.in = info & IOIO_IN;
	exit->port.string = info & IOIO_STRING;
	/* Every processor tells the next RIP of these (15.10.2). */
	exit->insn_len = vmcb->exit_info2 - vmcb->rip;
}

static void decode_npf(const struct vmcb *vmcb, struct lodge_exit *exit)
{
	u64 info = vmcb->exit_info1;

	exit->kind = EXIT_NPF;
	exit->npf.gpa = vmcb->exit_info2;
	exit->npf.flags = 0;
	if (info & NPF_INFO_P)
		exit->npf.flags |= NPF_PRESENT;
	if (info & NPF_INFO_W)
		exit->npf.flags |= NPF_WRITE;
	if (info & NPF_INFO_ID)
		exit->npf.flags |= NPF_FETCH;
	if (info & NPF_INFO_WALK)
		exit->npf.flags |= NPF_TABLE_WALK;
	/* A reserved bit in our own tables: a bug, never to be retried. */
	if (info & NPF_INFO_RSV)
		exit->kind = EXIT_UNKNOWN;
}

static void decode_cr(const struct vmcb *vmcb, struct lodge_exit *exit, u32 code)
{
	exit->kind = EXIT_CR;
	exit->cr.write = code >= SVM_EXIT_WRITE_CR0;
	exit->cr.nr = code & 0xf;
	/* LMSW, SMSW and CLTS come here too, without the MOV bit. */
	exit->cr.valid = (lodge_svm_ops.features & LODGE_FEATURE_DECODE_ASSISTS) &&
			 (vmcb->exit_info1 & CR_INFO_MOV);
	exit->cr.reg = vmcb->exit_info1 & CR_INFO_REG;
}

/* The step over an instruction that svm_want_window() or an IRET asked for. */
static bool step_done(struct lodge_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 before = vcpu->dr6;

	if (!svm->stepping)
		return false;
	svm->stepping = false;
	lodge_vcpu_request(vcpu, REQ_EVENT);
	if (svm->guest_tf)
		return false;	/* the guest wanted this #DB as well */
	/* What an IRET has popped is the guest's own; else it is still ours. */
	if (!svm->iret_seen)
		vcpu->rflags &= ~(u64)X86_EFLAGS_TF;
	/* Not the guest's: neither the flag nor the trace in DR6. */
	svm->vmcb->dr6 &= ~(u64)DR_STEP | before;
	svm_dirty(svm, CLEAN_DR);
	/* Breakpoints that the guest has seen already stay noted in DR6. */
	return !(svm->vmcb->dr6 & ~before & DR_TRAP_BITS);
}

static void decode_db(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	bool stepped = to_svm(vcpu)->stepping && (vcpu->debug & LODGE_DEBUG_STEP);
	bool ours = step_done(vcpu);

	if (unlikely(stepped))
		lodge_vcpu_request(vcpu, REQ_STEPPED);

	vcpu->dr6 = to_svm(vcpu)->vmcb->dr6;
	/* Delivery clears the general detect enable (15.12.2). */
	exit->kind = ours ? EXIT_HOST : EXIT_EXCEPTION;
	exit->exception.vector = X86_TRAP_DB;
	exit->exception.has_error = false;
}

/* A fault of an instruction that a debugger steps over, or its INT3 */
static bool decode_exception(struct lodge_vcpu *vcpu, struct lodge_exit *exit,
			     u64 code)
{
	const struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	u64 vector = code - SVM_EXIT_EXCP_BASE;

	if (vector > 31 || vector == X86_TRAP_MC)
		return false;
	exit->kind = EXIT_EXCEPTION;
	exit->exception.vector = vector;
	exit->exception.has_error = WITH_ERROR & BIT(vector);
	exit->exception.maybe_int_n = false;
	exit->exception.error = vmcb->exit_info1;
	/* The exit comes before the address gets there (15.12.15). */
	if (vector == X86_TRAP_PF)
		svm_set_cr(vcpu, 2, vmcb->exit_info2);
	return true;
}

/*
 * A step is also over when it was the delivery of an event, and nothing more
 * happened.  Elsewhere it begins anew with the next entry.
 */
static void step_exit(struct lodge_vcpu *vcpu, u64 code)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->stepping = false;
	if (svm->step_injected && code == SVM_EXIT_INTR && !vcpu->event.type)
		lodge_vcpu_request(vcpu, REQ_STEPPED);
}

/*
 * An NMI handler's IRET: NMIs are let in once it has executed.  If one waits,
 * step over it; else the next exit of any kind will do.
 */
static void decode_iret(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->intercept1 &= ~INTERCEPT_IRET;
	svm_dirty(svm, CLEAN_INTERCEPTS);
	svm->iret_seen = true;
	svm->iret_rip = vcpu->rip;
	exit->kind = EXIT_HOST;
	lodge_vcpu_request(vcpu, REQ_EVENT);
}

/*
 * The guest can take an interrupt.  A processor tells so only behind a shadow;
 * QEMU's emulation forgets the shadow at VMRUN and tells it within.  That would
 * break the pair STI, HLT: the interrupt would be served before the HLT, which
 * then sleeps with nothing left to wake it.  So do the HLT first.
 */
static void decode_window(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u8 insn[15];

	exit->kind = EXIT_WINDOW;
	svm->vmcb->int_ctl &= ~V_IRQ;
	svm->vmcb->intercept1 &= ~INTERCEPT_VINTR;
	svm_dirty(svm, CLEAN_TPR | CLEAN_INTERCEPTS);

	if (unlikely(vcpu->rip == svm->shadow_rip) &&
	    lodge_fetch_insn(vcpu, insn, false) > 0 && insn[0] == 0xf4) {
		exit->kind = EXIT_HLT;
		exit->insn_len = 1;
	}
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

/* The rare ones, by what becomes of them. */
static enum lodge_exit_kind decode_other(struct lodge_vcpu *vcpu, u32 code)
{
	switch (code) {
	case SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7:
	case SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7:
		return EXIT_DR;
	case SVM_EXIT_EXCP_BASE + X86_TRAP_MC:
		host_machine_check();
		return EXIT_HOST;
	case SVM_EXIT_SMI:
	case SVM_EXIT_INIT:
	case SVM_EXIT_FERR_FREEZE:
		return EXIT_HOST;
	case SVM_EXIT_RDPMC:
		return EXIT_GP;
	case SVM_EXIT_INVD:
	case SVM_EXIT_WBINVD:
		return EXIT_NOP;
	case SVM_EXIT_PAUSE:
		return EXIT_PAUSE;
	case SVM_EXIT_XSETBV:
		return EXIT_XSETBV;
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_MONITOR:
	case SVM_EXIT_MWAIT:
	case SVM_EXIT_RDPRU:
	case VMEXIT_INVLPGB:
	case VMEXIT_INVLPGB_ILLEGAL:
	case VMEXIT_MCOMMIT:
	case VMEXIT_TLBSYNC:
		return EXIT_UD;
	default:
		return EXIT_UNKNOWN;
	}
}

void svm_decode_exit(struct lodge_vcpu *vcpu, struct lodge_exit *exit)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb *vmcb = svm->vmcb;
	u64 code = vmcb->exit_code;

	exit->code = code;
	exit->info1 = vmcb->exit_info1;
	exit->info2 = vmcb->exit_info2;
	exit->reason = NULL;
	exit->insn_len = 0;

	if (unlikely(vmcb->exit_int_info & INJ_VALID))
		requeue_event(vcpu, vmcb->exit_int_info);

	if (unlikely(svm->stepping) && code != SVM_EXIT_EXCP_BASE + X86_TRAP_DB &&
	    !svm->guest_tf)
		vcpu->rflags &= ~X86_EFLAGS_TF;
	if (unlikely(vcpu->debug & LODGE_DEBUG_STEP) &&
	    code != SVM_EXIT_EXCP_BASE + X86_TRAP_DB)
		step_exit(vcpu, code);
	/*
	 * The next RIP is there for instruction intercepts only; it is used
	 * only by handlers of those (15.7.1).
	 */
	if (lodge_svm_ops.features & LODGE_FEATURE_NEXT_RIP) {
		u64 len = vmcb->next_rip - vmcb->rip;

		exit->insn_len = len <= 15 ? len : 0;
	}

	switch (code) {
	case SVM_EXIT_INTR:
	case SVM_EXIT_NMI:
		exit->kind = EXIT_HOST;
		break;
	case SVM_EXIT_MSR:
		exit->kind = EXIT_MSR;
		exit->msr.write = vmcb->exit_info1 & 1;
		break;
	case SVM_EXIT_CPUID:
		exit->kind = EXIT_CPUID;
		break;
	case SVM_EXIT_IOIO:
		decode_port(vmcb, vcpu, exit);
		break;
	case SVM_EXIT_NPF:
		decode_npf(vmcb, exit);
		break;
	case SVM_EXIT_HLT:
		exit->kind = EXIT_HLT;
		break;
	case SVM_EXIT_VINTR:
		decode_window(vcpu, exit);
		break;
	case SVM_EXIT_VMMCALL:
		exit->kind = EXIT_HYPERCALL;
		break;
	case SVM_EXIT_READ_CR0 ... SVM_EXIT_READ_CR0 + 15:
	case SVM_EXIT_WRITE_CR0 ... SVM_EXIT_WRITE_CR0 + 15:
		decode_cr(vmcb, exit, code);
		break;
	case SVM_EXIT_EXCP_BASE + X86_TRAP_DB:
		decode_db(vcpu, exit);
		break;
	case SVM_EXIT_EXCP_BASE + X86_TRAP_AC:
		exit->kind = EXIT_EXCEPTION;
		exit->exception.vector = X86_TRAP_AC;
		exit->exception.has_error = true;
		exit->exception.error = 0;
		break;
	case SVM_EXIT_SWINT:
		/* QEMU's emulation has this for INT3, too. */
		exit->kind = EXIT_EXCEPTION;
		exit->exception.vector = X86_TRAP_BP;
		exit->exception.has_error = false;
		exit->exception.maybe_int_n = true;
		break;
	case SVM_EXIT_IRET:
		decode_iret(vcpu, exit);
		break;
	case SVM_EXIT_SHUTDOWN:
		exit->kind = EXIT_SHUTDOWN;
		break;
	case (u32)SVM_EXIT_ERR:		/* QEMU writes the lower half only */
	case SVM_EXIT_ERR:
		exit->kind = EXIT_FAIL;
		/* The processor did not say which rule it was. */
		if (!svm->failed_rule) {
			svm->failed_rule = svm_check_state(vmcb);
			svm_dump_state(vmcb, vcpu->run);
		}
		exit->reason = svm->failed_rule;
		svm->failed_rule = NULL;
		break;
	default:
		if (!decode_exception(vcpu, exit, code))
			exit->kind = decode_other(vcpu, code);
		break;
	}
	if (unlikely(svm->iret_seen) && vcpu->rip != svm->iret_rip) {
		svm->iret_seen = false;
		vcpu->nmi_masked = false;
		lodge_vcpu_request(vcpu, REQ_EVENT);
	}
}
