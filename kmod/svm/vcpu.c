// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU on a CPU: loaded, entered, given events, put away. */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <asm/io.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>
#include <asm/smp.h>
#include <asm/trapnr.h>
#include <uapi/asm/svm.h>
#include "svm.h"

#define DR_ACTIVE	0xffUL	/* L0 to G3: any breakpoint enabled */

void svm_vcpu_load(struct lodge_vcpu *vcpu)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpus);

	/* Another VM's code must not be steered by what this one trained. */
	if (sc->last_vm != vcpu->vm->id) {
		if (boot_cpu_has(X86_FEATURE_IBPB))
			wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
		sc->last_vm = vcpu->vm->id;
	}
	if (boot_cpu_has(X86_FEATURE_RDTSCP) && vcpu->tsc_aux != sc->tsc_aux)
		wrmsrq(MSR_TSC_AUX, vcpu->tsc_aux);

	to_svm(vcpu)->host_saved = false;
}

void svm_vcpu_put(struct lodge_vcpu *vcpu)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpus);

	if (boot_cpu_has(X86_FEATURE_RDTSCP) && vcpu->tsc_aux != sc->tsc_aux)
		wrmsrq(MSR_TSC_AUX, sc->tsc_aux);
}

void svm_flush_tlb(struct lodge_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	/* Without flush by ASID, a new ASID does the same. */
	if (lodge_svm_ops.features & LODGE_FEATURE_FLUSH_BY_ASID)
		svm->vmcb->tlb_control = TLB_CTL_ASID;
	else
		svm->asid_generation = 0;
}

/* AMD APM vol. 2, 15.16.1. */
static void new_asid(struct svm_vcpu *svm, struct svm_cpu *sc)
{
	if (sc->next_asid >= lodge_svm_ops.nr_asids) {
		sc->asid_generation++;
		sc->next_asid = 1;
		svm->vmcb->tlb_control = TLB_CTL_ALL;
	}
	svm->vmcb->asid = sc->next_asid++;
	svm->asid_generation = sc->asid_generation;
	if (svm->asid_cpu != smp_processor_id()) {
		svm->asid_cpu = smp_processor_id();
		/* What this CPU remembers of the VMCB is older (15.15.1). */
		svm->vmcb->clean = 0;
	}
	svm_dirty(svm, CLEAN_ASID);
}

struct host_debug {
	unsigned long dr[4];
};

/*
 * Debug registers 0 to 3 are not in the VMCB, and #VMEXIT leaves DR7 disabled.
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

/* SPEC_CTRL, where the processor does not switch it by itself. */
static void swap_spec_ctrl(struct lodge_vcpu *vcpu, bool to_guest)
{
	u64 host = this_cpu_read(x86_spec_ctrl_current);

	if (vcpu->spec_ctrl != host)
		wrmsrq(MSR_IA32_SPEC_CTRL, to_guest ? vcpu->spec_ctrl : host);
}

static void fail_entry(struct lodge_vcpu *vcpu, const char *rule)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->failed_rule = rule;
	svm_dump_state(svm->vmcb, vcpu->run);
	svm->vmcb->exit_code = SVM_EXIT_ERR;
	svm->vmcb->exit_info1 = 0;
	svm->vmcb->exit_info2 = 0;
	svm->vmcb->exit_int_info = 0;
	svm->vmcb->event_inj = 0;
}

/*
 * A debugger's step: TF, which must not be there while an event is delivered, for
 * that would push it.  There an interrupt, which waits for the guest to be
 * entered, makes it exit again before it executes anything.
 */
static void prepare_step(struct lodge_vcpu *vcpu, bool injects)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	void (*send_interrupt)(int cpu);

	svm->step_injected = injects;
	if (injects) {
		/* Newer kernels have a macro of this name, which is not for us. */
		send_interrupt = smp_ops.smp_send_reschedule;
		send_interrupt(smp_processor_id());
	} else if (!svm->stepping) {
		svm->stepping = true;
		svm->guest_tf = vcpu->rflags & X86_EFLAGS_TF;
	}
}

void svm_enter(struct lodge_vcpu *vcpu)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpus);
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	unsigned long host_dr7 = __this_cpu_read(cpu_dr7);
	bool swap_debug = (vcpu->dr7 | host_dr7) & DR_ACTIVE;
	bool injects = vcpu->event.type;
	bool swap_spec = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) &&
			 !(lodge_svm_ops.features & LODGE_FEATURE_VIRTUAL_SPEC_CTRL);
	struct host_debug host_debug;

	/*
	 * FS, GS and KERNEL_GS_BASE are the calling thread's.  Not at loading:
	 * only here, with interrupts off, is it sure that SVM is still on.
	 */
	if (!svm->host_saved) {
		asm volatile("vmsave %0"
			     : : "a"(page_to_phys(sc->host)) : "memory");
		svm->host_saved = true;
	}
	/* An ASID means something on its own CPU only. */
	if (unlikely(svm->asid_generation != sc->asid_generation ||
		     svm->asid_cpu != smp_processor_id()))
		new_asid(svm, sc);

	svm->software.type = EVENT_NONE;
	if (injects)
		svm_inject(vcpu);
	if (unlikely(vcpu->debug & LODGE_DEBUG_STEP))
		prepare_step(vcpu, injects);
	/* The IRET that ends an NMI's handler opens the door for the next. */
	if (unlikely(vcpu->nmi_masked && !svm->iret_seen &&
		     !(vmcb->intercept1 & INTERCEPT_IRET))) {
		vmcb->intercept1 |= INTERCEPT_IRET;
		svm_dirty(svm, CLEAN_INTERCEPTS);
	}

	vmcb->rax = vcpu->regs[REG_RAX];
	vmcb->rsp = vcpu->regs[REG_RSP];
	vmcb->rip = vcpu->rip;
	vmcb->rflags = vcpu->rflags;
	if (unlikely(svm->stepping))
		vmcb->rflags |= X86_EFLAGS_TF;
	vmcb->int_state = vcpu->shadow ? INT_STATE_SHADOW : 0;
	svm->shadow_rip = vcpu->shadow ? vcpu->rip : -1ULL;
	/* Used where the processor switches SPEC_CTRL by itself (15.38). */
	vmcb->spec_ctrl = vcpu->spec_ctrl;
	if (!(lodge_svm_ops.features & LODGE_FEATURE_CLEAN_BITS))
		vmcb->clean = 0;

	if (lodge_check_state) {
		const char *rule = svm_check_state(vmcb);

		if (unlikely(rule)) {
			fail_entry(vcpu, rule);
			return;
		}
	}

	if (unlikely(swap_debug))
		debug_to_guest(vcpu, &host_debug);
	if (swap_spec)
		swap_spec_ctrl(vcpu, true);

	svm_vmrun(vcpu->regs, svm->vmcb_pa, page_to_phys(sc->host));

	if (swap_spec)
		swap_spec_ctrl(vcpu, false);
	if (unlikely(swap_debug))
		debug_to_host(&host_debug, host_dr7);
	else if (unlikely(vmcb->dr6 != DR6_RESERVED))
		native_set_debugreg(6, DR6_RESERVED);

	vcpu->regs[REG_RAX] = vmcb->rax;
	vcpu->regs[REG_RSP] = vmcb->rsp;
	vcpu->rip = vmcb->rip;
	vcpu->rflags = vmcb->rflags;
	vcpu->shadow = vmcb->int_state & INT_STATE_SHADOW;
	vmcb->tlb_control = TLB_CTL_NONE;
	vmcb->event_inj = 0;
	vmcb->clean = CLEAN_ALL;
}

static bool is_software(const struct lodge_event *event)
{
	return event->type == EVENT_SOFTWARE ||
	       (event->type == EVENT_EXCEPTION &&
		(event->vector == X86_TRAP_BP || event->vector == X86_TRAP_OF));
}

/* AMD APM vol. 2, 15.20. */
void svm_inject(struct lodge_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct lodge_event *event = &vcpu->event;
	u64 inj = event->vector | INJ_VALID;

	switch (event->type) {
	case EVENT_INTERRUPT:
		inj |= INJ_TYPE_INTR;
		break;
	case EVENT_NMI:
		inj |= INJ_TYPE_NMI;
		svm->iret_seen = false;
		break;
	case EVENT_SOFTWARE:
		inj |= INJ_TYPE_SOFT;
		vcpu->shadow = false;
		break;
	default:
		inj |= INJ_TYPE_EXCEPTION;
		if (event->has_error)
			inj |= INJ_ERROR_VALID | (u64)event->error << 32;
		/* A fault has no interrupt shadow to leave behind. */
		vcpu->shadow = false;
		break;
	}
	if (is_software(event)) {
		svm->software = *event;
		/* What is pushed, where the processor has this field (15.20) */
		svm->vmcb->next_rip = vcpu->rip;
	}
	svm->vmcb->event_inj = inj;
	/* Delivery pushes RFLAGS: a TF of ours must not be in there. */
	svm->stepping = false;
	event->type = EVENT_NONE;
}

bool svm_can_inject(struct lodge_vcpu *vcpu, bool nmi)
{
	if (vcpu->shadow)
		return false;
	return nmi ? !vcpu->nmi_masked : vcpu->rflags & X86_EFLAGS_IF;
}

void svm_want_window(struct lodge_vcpu *vcpu, bool nmi)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;

	if (!nmi) {
		/*
		 * A virtual interrupt that never arrives: it exits at the
		 * moment when the guest could take it (15.21.4).
		 */
		vmcb->int_ctl |= V_IRQ | V_INTR_PRIO_HIGHEST | V_IGN_TPR;
		vmcb->int_vector = 0;
		vmcb->intercept1 |= INTERCEPT_VINTR;
		svm_dirty(svm, CLEAN_TPR | CLEAN_INTERCEPTS);
		return;
	}
	/* In the handler the IRET intercept tells; else one step is enough. */
	if (vcpu->nmi_masked && !svm->iret_seen)
		return;
	if (!svm->stepping) {
		svm->stepping = true;
		svm->guest_tf = vcpu->rflags & X86_EFLAGS_TF;
	}
}
