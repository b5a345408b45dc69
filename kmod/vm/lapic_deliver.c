// SPDX-License-Identifier: GPL-2.0-only
/*
 * How an interrupt gets to the local APICs (Intel SDM vol. 3, 11.6, 11.8).
 *
 * Senders touch only IRR, TMR, the pending errors and atomics of the vCPU, so
 * there is no lock: a sender sets TMR, then IRR, then asks the vCPU to look.
 */
#include <linux/preempt.h>
#include "lapic.h"

/* By the sender, before IRR */
static void set_tmr(struct lodge_lapic *apic, u8 vector, bool level)
{
	if (level)
		set_bit(vector, apic->tmr);
	else if (test_bit(vector, apic->tmr))
		clear_bit(vector, apic->tmr);
}

/*
 * TOUR 4.1: an interrupt comes for a vCPU
 *
 * Into IRR.  If the bit was set already, whoever set it has made the vCPU look,
 * or is about to: not to be preempted in between.
 */
static void set_irr(struct lodge_lapic *apic, u8 vector, bool level, bool kick)
{
	set_tmr(apic, vector, level);
	preempt_disable();
	if (!test_and_set_bit(vector, apic->irr)) {
		lodge_vcpu_request(apic->vcpu, REQ_EVENT);
		if (kick)
			lodge_vcpu_kick(apic->vcpu);
	}
	preempt_enable();
}

void lapic_error(struct lodge_lapic *apic, int error)
{
	if (!test_and_set_bit(error, &apic->errors))
		lapic_local_interrupt(apic, LVT_ERROR);
}

/* Always as an edge: the timer and errors are, and what comes in by LINT0 is here. */
void lapic_local_interrupt(struct lodge_lapic *apic, enum lapic_lvt entry)
{
	u32 lvt = READ_ONCE(apic->lvt[entry]);
	u8 vector = lvt;

	if (lvt & LVT_MASKED)
		return;
	if (vector < FIRST_VECTOR) {
		if (entry != LVT_ERROR)
			lapic_error(apic, ESR_RECEIVE_VECTOR);
		else
			set_bit(ESR_RECEIVE_VECTOR, &apic->errors);
	} else if (entry == LVT_TIMER) {
		/* Whoever set timer_pending makes the vCPU look. */
		set_tmr(apic, vector, false);
		set_bit(vector, apic->irr);
	} else {
		set_irr(apic, vector, false, true);
	}
}

/*
 * The processor remembers one NMI beside the one that it serves.  Before the
 * vCPU has looked, that one may be among those that wait.
 */
void lodge_vcpu_nmi(struct lodge_vcpu *vcpu)
{
	int limit = READ_ONCE(vcpu->nmi_masked) ? 1 : 2;
	int queued = atomic_read(&vcpu->nmi_queued);

	while (queued < limit &&
	       !atomic_try_cmpxchg(&vcpu->nmi_queued, &queued, queued + 1))
		;
	lodge_vcpu_request(vcpu, REQ_EVENT);
	lodge_vcpu_kick(vcpu);
}

/* The pins of a local APIC (Intel SDM vol. 3, 11.5.1). */
static void lint(struct lodge_vcpu *vcpu, enum lapic_lvt entry)
{
	u32 lvt = READ_ONCE(vcpu->lapic->lvt[entry]);

	if (lvt & LVT_MASKED)
		return;
	switch (LVT_DELIVERY(lvt)) {
	case DELIVER_FIXED:
		lapic_local_interrupt(vcpu->lapic, entry);
		break;
	case DELIVER_NMI:
		lodge_vcpu_nmi(vcpu);
		break;
	case DELIVER_EXTINT:
		/* lodge_lapic_extint() sees for itself. */
		lodge_vcpu_request(vcpu, REQ_EVENT);
		lodge_vcpu_kick(vcpu);
		break;
	}
}

void lodge_lapic_intr(struct lodge_vm *vm)
{
	struct lodge_vcpu *vcpu;
	int i;

	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		vcpu = READ_ONCE(vm->vcpus[i]);
		if (!vcpu)
			continue;
		if (lapic_enabled(vcpu)) {
			lint(vcpu, LVT_LINT0);
		} else if (!vcpu->id) {
			lodge_vcpu_request(vcpu, REQ_EVENT);
			lodge_vcpu_kick(vcpu);
		}
	}
}

void lodge_lapic_nmi(struct lodge_vcpu *vcpu)
{
	if (lapic_enabled(vcpu))
		lint(vcpu, LVT_LINT1);
	else
		lodge_vcpu_nmi(vcpu);
}

/* A message has reached its destination. */
static bool lapic_accept(struct lodge_vcpu *vcpu, struct lodge_vcpu *source,
			 const struct lodge_irq_msg *msg)
{
	struct lodge_lapic *apic = vcpu->lapic;

	if (!lapic_enabled(vcpu))
		return false;

	switch (msg->delivery) {
	case DELIVER_FIXED:
	case DELIVER_LOWEST:
		if (!lapic_software_enabled(apic))
			return false;
		if (msg->vector < FIRST_VECTOR) {
			lapic_error(apic, ESR_RECEIVE_VECTOR);
			return false;
		}
		set_irr(apic, msg->vector, msg->trigger_level, vcpu != source);
		return true;
	case DELIVER_NMI:
		lodge_vcpu_nmi(vcpu);
		return true;
	case DELIVER_INIT:
		/* A STARTUP from before the INIT is void. */
		atomic_set(&vcpu->sipi_vector, -1);
		atomic_set(&vcpu->init_pending, 1);
		break;
	case DELIVER_STARTUP:
		atomic_cmpxchg(&vcpu->sipi_vector, -1, msg->vector);
		break;
	case DELIVER_EXTINT:
		if (!vcpu->vm->pic)
			return false;
		WRITE_ONCE(apic->extint, true);
		break;
	default:
		/* No SMM */
		return false;
	}

	lodge_vcpu_request(vcpu, REQ_EVENT);
	lodge_vcpu_kick(vcpu);
	return true;
}

/* Intel SDM vol. 3, 11.6.2.2 and 11.12.10.1 */
static bool match_logical(struct lodge_vcpu *vcpu, u32 dest)
{
	struct lodge_lapic *apic = vcpu->lapic;
	u32 ldr;

	if (lapic_x2apic(vcpu)) {
		ldr = lapic_x2apic_ldr(vcpu->id);
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
	}
	if (dest > 0xff)
		return false;

	ldr = READ_ONCE(apic->ldr) >> LDR_SHIFT;
	switch (READ_ONCE(apic->dfr)) {
	case DFR_FLAT:
		return dest & ldr;
	case DFR_CLUSTER:
		return (dest >> 4 == ldr >> 4 || dest >> 4 == 0xf) &&
		       (dest & ldr & 0xf);
	default:
		return false;
	}
}

static bool lapic_match(struct lodge_vcpu *vcpu, struct lodge_vcpu *source,
			const struct lodge_irq_msg *msg)
{
	switch (msg->shorthand) {
	case DEST_SELF:
		return vcpu == source;
	case DEST_ALL:
		return true;
	case DEST_OTHERS:
		return vcpu != source;
	}
	if (msg->dest == DEST_BROADCAST)
		return true;
	return msg->logical ? match_logical(vcpu, msg->dest) :
			      msg->dest == vcpu->id;
}

/* The least busy of them, in turns where they are equal. */
static struct lodge_vcpu *lowest_priority(struct lodge_vm *vm,
					  struct lodge_vcpu *source,
					  const struct lodge_irq_msg *msg)
{
	struct lodge_vcpu *vcpu, *best = NULL;
	u32 i, ppr, best_ppr = 0, turn = READ_ONCE(vm->irq_turn);

	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		vcpu = READ_ONCE(vm->vcpus[(turn + i) % LODGE_MAX_VCPUS]);
		if (!vcpu || !lapic_match(vcpu, source, msg) ||
		    !lapic_enabled(vcpu) || !lapic_software_enabled(vcpu->lapic))
			continue;
		ppr = READ_ONCE(vcpu->lapic->ppr);
		if (!best || ppr < best_ppr) {
			best = vcpu;
			best_ppr = ppr;
		}
	}
	if (best)
		WRITE_ONCE(vm->irq_turn, best->id + 1);
	return best;
}

int lodge_lapic_deliver(struct lodge_vm *vm, struct lodge_vcpu *source,
			const struct lodge_irq_msg *msg)
{
	struct lodge_vcpu *vcpu;
	int i, taken = 0;

	/* Deasserting a level takes nothing back; INIT did more long ago. */
	if (msg->trigger_level && !msg->level)
		return 0;

	if (!msg->shorthand && !msg->logical && msg->dest != DEST_BROADCAST) {
		if (msg->dest >= LODGE_MAX_VCPUS)
			return 0;
		vcpu = READ_ONCE(vm->vcpus[msg->dest]);
		return vcpu && lapic_accept(vcpu, source, msg);
	}
	if (msg->delivery == DELIVER_LOWEST) {
		vcpu = lowest_priority(vm, source, msg);
		return vcpu && lapic_accept(vcpu, source, msg);
	}
	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		vcpu = READ_ONCE(vm->vcpus[i]);
		if (vcpu && lapic_match(vcpu, source, msg))
			taken += lapic_accept(vcpu, source, msg);
	}
	return taken;
}
