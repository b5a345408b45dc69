// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's state, out and in.  What comes in is checked to be something that a
 * processor could be in, as far as that can be said of one kind alone; what
 * VMRUN or VM entry refuses is theirs to refuse.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "arch.h"
#include "insn.h"
#include "irq.h"

#define RFLAGS_DEFINED \
	(X86_EFLAGS_CF | X86_EFLAGS_FIXED | X86_EFLAGS_PF | X86_EFLAGS_AF | \
	 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF | \
	 X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | \
	 X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF | \
	 X86_EFLAGS_VIP | X86_EFLAGS_ID)

/**
 * struct state_kind - how one kind of state moves
 * @size: of its struct
 * @get: fill the struct; it is zero but for what @in brought
 * @set: check and take it
 * @in: a get reads the caller's struct first
 * @out: a set writes the struct back
 *
 * All run with vcpu->lock held on a kernel copy.  Return: 0 or -EINVAL
 */
struct state_kind {
	size_t size;
	int (*get)(struct lodge_vcpu *vcpu, void *data);
	int (*set)(struct lodge_vcpu *vcpu, void *data);
	bool in, out;
};

/* What the tool answered to the last exit is not for registers it replaces. */
static void cancel_exit(struct lodge_vcpu *vcpu)
{
	lodge_emulate_cancel(vcpu);
	vcpu->pending_port = false;
}

static int get_regs(struct lodge_vcpu *vcpu, void *data)
{
	struct lodge_regs *regs = data;

	/* Both are in the order of the instruction set. */
	BUILD_BUG_ON(offsetof(struct lodge_regs, rip) != sizeof(vcpu->regs));
	memcpy(regs, vcpu->regs, sizeof(vcpu->regs));
	regs->rip = vcpu->rip;
	regs->rflags = vcpu->rflags;
	return 0;
}

static int set_regs(struct lodge_vcpu *vcpu, void *data)
{
	const struct lodge_regs *regs = data;

	if ((regs->rflags & ~(u64)RFLAGS_DEFINED) ||
	    !(regs->rflags & X86_EFLAGS_FIXED))
		return -EINVAL;

	memcpy(vcpu->regs, regs, sizeof(vcpu->regs));
	vcpu->rip = regs->rip;
	vcpu->rflags = regs->rflags;
	vcpu->int3_len = 0;
	cancel_exit(vcpu);
	lodge_vcpu_request(vcpu, REQ_EVENT);
	return 0;
}

static bool segment_valid(const struct lodge_segment *seg, bool system)
{
	if (seg->type > 15 || seg->s > 1 || seg->dpl > 3 || seg->present > 1 ||
	    seg->avl > 1 || seg->l > 1 || seg->db > 1 || seg->g > 1 ||
	    seg->unusable > 1 || seg->padding[0])
		return false;
	/* What a null selector leaves in the hidden part has no meaning. */
	if (seg->unusable || !seg->present)
		return true;
	if (seg->s == system)
		return false;
	/* A limit in pages has all of its last page. */
	return seg->g ? (seg->limit & ~PAGE_MASK) == ~PAGE_MASK :
			seg->limit <= 0xfffff;
}

static bool table_valid(const struct lodge_table *table)
{
	return !memchr_inv(table->padding, 0, sizeof(table->padding));
}

static bool sregs_valid(const struct lodge_sregs *s)
{
	bool lma = (s->efer & EFER_LME) && (s->cr0 & X86_CR0_PG);

	if (!segment_valid(&s->es, false) || !segment_valid(&s->cs, false) ||
	    !segment_valid(&s->ss, false) || !segment_valid(&s->ds, false) ||
	    !segment_valid(&s->fs, false) || !segment_valid(&s->gs, false) ||
	    !segment_valid(&s->ldt, true) || !segment_valid(&s->tr, true))
		return false;
	if (!table_valid(&s->gdt) || !table_valid(&s->idt))
		return false;
	if (!lodge_cr0_valid(s->cr0) || !lodge_cr4_valid(s->cr4) ||
	    !lodge_efer_valid(s->efer) || s->cr8 > 15)
		return false;
	if (s->cr3 >> lodge_phys_bits())
		return false;
	if (!!(s->efer & EFER_LMA) != lma)
		return false;
	return lma ? s->cr4 & X86_CR4_PAE : !(s->cr4 & X86_CR4_PCIDE);
}

static int get_sregs(struct lodge_vcpu *vcpu, void *data)
{
	struct lodge_sregs *sregs = data;

	lodge_vendor->get_sregs(vcpu, sregs);
	sregs->cr8 = lodge_lapic_get_cr8(vcpu);
	sregs->apic_base = vcpu->apic_base;
	return 0;
}

static int set_sregs(struct lodge_vcpu *vcpu, void *data)
{
	struct lodge_sregs *sregs = data;

	if (!sregs_valid(sregs) ||
	    lodge_lapic_set_base(vcpu, sregs->apic_base, true))
		return -EINVAL;

	sregs->cr0 |= X86_CR0_ET;
	lodge_vendor->set_sregs(vcpu, sregs);
	lodge_lapic_set_cr8(vcpu, sregs->cr8);
	cancel_exit(vcpu);
	lodge_vcpu_request(vcpu, REQ_EVENT);
	return 0;
}

static int get_xsave(struct lodge_vcpu *vcpu, void *data)
{
	lodge_fpu_get(vcpu, data);
	return 0;
}

static int set_xsave(struct lodge_vcpu *vcpu, void *data)
{
	return lodge_fpu_set(vcpu, data);
}

/* Stops at the first MSR that fails; @done tells the caller which it was. */
static int move_msrs(struct lodge_vcpu *vcpu, struct lodge_msrs *msrs, bool write)
{
	u32 i;

	msrs->done = 0;
	if (msrs->count > LODGE_MAX_MSRS)
		return -EINVAL;
	for (i = 0; i < msrs->count; i++) {
		struct lodge_msr *msr = &msrs->entries[i];
		u64 value = msr->value;

		if (msr->reserved ||
		    lodge_msr(vcpu, msr->index, &value, write, true))
			return -EINVAL;
		if (!write)
			msr->value = value;
		msrs->done++;
	}
	return 0;
}

static int get_msrs(struct lodge_vcpu *vcpu, void *data)
{
	return move_msrs(vcpu, data, false);
}

static int set_msrs(struct lodge_vcpu *vcpu, void *data)
{
	return move_msrs(vcpu, data, true);
}

static int get_lapic(struct lodge_vcpu *vcpu, void *data)
{
	lodge_lapic_get_state(vcpu, data);
	return 0;
}

static int set_lapic(struct lodge_vcpu *vcpu, void *data)
{
	return lodge_lapic_set_state(vcpu, data);
}

static int get_events(struct lodge_vcpu *vcpu, void *data)
{
	const struct lodge_event *event = &vcpu->event;
	struct lodge_events *e = data;

	e->mp_state = vcpu->mp_state;
	e->nmi_pending = clamp(atomic_read(&vcpu->nmi_queued), 0, 2);
	e->nmi_masked = vcpu->nmi_masked;
	e->interrupt_shadow = vcpu->shadow;
	switch (event->type) {
	case EVENT_EXCEPTION:
		e->exception_pending = 1;
		e->exception_vector = event->vector;
		e->exception_has_error = event->has_error;
		e->exception_error = event->has_error ? event->error : 0;
		break;
	case EVENT_INTERRUPT:
		e->interrupt_pending = 1;
		e->interrupt_vector = event->vector;
		break;
	case EVENT_NMI:
		/* Chosen, so masked, but not delivered: it is pending still. */
		e->nmi_pending = min(e->nmi_pending + 1, 2);
		e->nmi_masked = 0;
		break;
	}
	return 0;
}

static bool events_valid(const struct lodge_events *e)
{
	if (e->mp_state > LODGE_MP_HALTED ||
	    e->exception_pending > 1 || e->exception_has_error > 1 ||
	    e->interrupt_pending > 1 || e->interrupt_shadow > 1 ||
	    e->nmi_pending > 2 || e->nmi_masked > 1 || e->exception_padding ||
	    memchr_inv(e->padding, 0, sizeof(e->padding)))
		return false;
	/* One event at a time, and an NMI is no exception. */
	if (e->exception_pending && e->interrupt_pending)
		return false;
	if (e->exception_has_error && !e->exception_pending)
		return false;
	return e->exception_vector < 32 && e->exception_vector != X86_TRAP_NMI;
}

static int set_events(struct lodge_vcpu *vcpu, void *data)
{
	const struct lodge_events *e = data;
	struct lodge_event event = {};

	if (!events_valid(e))
		return -EINVAL;

	if (e->exception_pending) {
		event.type = EVENT_EXCEPTION;
		event.vector = e->exception_vector;
		event.has_error = e->exception_has_error;
		event.error = e->exception_error;
	} else if (e->interrupt_pending) {
		event.type = EVENT_INTERRUPT;
		event.vector = e->interrupt_vector;
	}
	vcpu->event = event;
	vcpu->mp_state = e->mp_state;
	vcpu->shadow = e->interrupt_shadow;
	vcpu->nmi_masked = e->nmi_masked;
	atomic_set(&vcpu->nmi_queued, e->nmi_pending);
	lodge_vcpu_request(vcpu, REQ_EVENT);
	return 0;
}

static int get_debug(struct lodge_vcpu *vcpu, void *data)
{
	struct lodge_debugregs *debug = data;

	memcpy(debug->dr, vcpu->dr, sizeof(debug->dr));
	debug->dr6 = vcpu->dr6;
	debug->dr7 = vcpu->dr7;
	return 0;
}

static int set_debug(struct lodge_vcpu *vcpu, void *data)
{
	return lodge_set_debugregs(vcpu, data) ? -EINVAL : 0;
}

static int get_guest_debug(struct lodge_vcpu *vcpu, void *data)
{
	struct lodge_guest_debug *debug = data;

	debug->flags = vcpu->debug;
	return 0;
}

static int set_guest_debug(struct lodge_vcpu *vcpu, void *data)
{
	return lodge_debug_set(vcpu, data);
}

static int get_cpuid(struct lodge_vcpu *vcpu, void *data)
{
	struct lodge_cpuid *cpuid = data;
	u32 regs[4] = { cpuid->leaf, 0, cpuid->subleaf, 0 };

	lodge_cpuid(vcpu, regs);
	cpuid->eax = regs[0];
	cpuid->ebx = regs[1];
	cpuid->ecx = regs[2];
	cpuid->edx = regs[3];
	return 0;
}

static const struct state_kind kinds[] = {
	[LODGE_STATE_REGS] = {
		sizeof(struct lodge_regs), get_regs, set_regs },
	[LODGE_STATE_SREGS] = {
		sizeof(struct lodge_sregs), get_sregs, set_sregs },
	[LODGE_STATE_XSAVE] = {
		sizeof(struct lodge_xsave), get_xsave, set_xsave },
	[LODGE_STATE_MSRS] = {
		sizeof(struct lodge_msrs), get_msrs, set_msrs, true, true },
	[LODGE_STATE_LAPIC] = {
		sizeof(struct lodge_lapic_state), get_lapic, set_lapic },
	[LODGE_STATE_EVENTS] = {
		sizeof(struct lodge_events), get_events, set_events },
	[LODGE_STATE_DEBUG] = {
		sizeof(struct lodge_debugregs), get_debug, set_debug },
	[LODGE_STATE_CPUID] = {
		sizeof(struct lodge_cpuid), get_cpuid, NULL, true },
	[LODGE_STATE_GUEST_DEBUG] = {
		sizeof(struct lodge_guest_debug), get_guest_debug, set_guest_debug },
};

/* NULL if the kind is not a vCPU's or the caller's size is not its size. */
static const struct state_kind *find_kind(const struct lodge_state *args)
{
	const struct state_kind *kind;

	if (args->reserved || args->kind >= ARRAY_SIZE(kinds))
		return NULL;
	kind = &kinds[array_index_nospec(args->kind, ARRAY_SIZE(kinds))];
	return kind->size && kind->size == args->data_size ? kind : NULL;
}

/**
 * lodge_state_get() - LODGE_GET_STATE of a vCPU
 * @vcpu: the vCPU, locked and not loaded
 * @args: the caller's request
 *
 * Return: 0, -EINVAL (see struct lodge_state), -EFAULT or -ENOMEM
 */
int lodge_state_get(struct lodge_vcpu *vcpu, const struct lodge_state *args)
{
	const struct state_kind *kind = find_kind(args);
	void __user *user = u64_to_user_ptr(args->data);
	void *data;
	int ret;

	if (!kind)
		return -EINVAL;
	data = kvzalloc(kind->size, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;

	ret = -EFAULT;
	if (kind->in && copy_from_user(data, user, kind->size))
		goto out;
	ret = kind->get(vcpu, data);
	if ((!ret || kind->out) && copy_to_user(user, data, kind->size))
		ret = -EFAULT;
out:
	kvfree(data);
	return ret;
}

/**
 * lodge_state_set() - LODGE_SET_STATE of a vCPU
 * @vcpu: the vCPU, locked and not loaded
 * @args: the caller's request
 *
 * Nothing is changed when it fails, but for MSRs, which are set one by one.
 *
 * Return: 0, -EINVAL (see struct lodge_state), -EFAULT or -ENOMEM
 */
int lodge_state_set(struct lodge_vcpu *vcpu, const struct lodge_state *args)
{
	const struct state_kind *kind = find_kind(args);
	void __user *user = u64_to_user_ptr(args->data);
	void *data;
	int ret;

	if (!kind || !kind->set)
		return -EINVAL;
	data = kvzalloc(kind->size, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;

	ret = -EFAULT;
	if (copy_from_user(data, user, kind->size))
		goto out;
	ret = kind->set(vcpu, data);
	if (kind->out && copy_to_user(user, data, kind->size))
		ret = -EFAULT;
out:
	kvfree(data);
	return ret;
}
