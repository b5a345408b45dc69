// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC (Intel SDM vol. 3, chapter 11; AMD APM vol. 2, chapter 16).
 *
 * Senders touch only IRR, TMR, the pending errors and atomics of the vCPU, so
 * there is no lock: a sender sets TMR, then IRR, then asks the vCPU to look.
 * All other state is the vCPU's own.
 */
#include <linux/preempt.h>
#include <linux/slab.h>
#include <asm/msr-index.h>
#include "arch.h"
#include "lapic.h"

#define APIC_FIRST_MSR	0x800

/* What is not here cannot be written, or is handled before it is looked up. */
static const u32 reg_bits[NR_LAPIC_REGS] = {
	[LAPIC_TPR] = 0xff,
	[LAPIC_SVR] = SVR_BITS,
	[LAPIC_LVT + LVT_TIMER] = 0x710ff,
	[LAPIC_LVT + LVT_THERMAL] = 0x117ff,
	[LAPIC_LVT + LVT_PERF] = 0x117ff,
	[LAPIC_LVT + LVT_LINT0] = 0x1f7ff,
	[LAPIC_LVT + LVT_LINT1] = 0x1f7ff,
	[LAPIC_LVT + LVT_ERROR] = 0x110ff,
	[LAPIC_TMICT] = ~0U,
	[LAPIC_TDCR] = TDCR_BITS,
	[LAPIC_SELF_IPI] = 0xff,
};

u32 lapic_reg_bits(unsigned int reg)
{
	return reg_bits[reg];
}

static bool lapic_enabled(const struct lodge_vcpu *vcpu)
{
	return READ_ONCE(vcpu->apic_base) & APIC_BASE_ENABLE;
}

static bool lapic_software_enabled(const struct lodge_lapic *apic)
{
	return READ_ONCE(apic->svr) & SVR_ENABLED;
}

/* By the sender, before IRR */
static void set_tmr(struct lodge_lapic *apic, u8 vector, bool level)
{
	if (level)
		set_bit(vector, apic->tmr);
	else if (test_bit(vector, apic->tmr))
		clear_bit(vector, apic->tmr);
}

/*
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

static void raise_error(struct lodge_lapic *apic, int error)
{
	if (!test_and_set_bit(error, &apic->errors))
		lapic_local_interrupt(apic, LVT_ERROR);
}

/* Only the timer and errors get here, both of which are always edges. */
void lapic_local_interrupt(struct lodge_lapic *apic, enum lapic_lvt entry)
{
	u32 lvt = READ_ONCE(apic->lvt[entry]);
	u8 vector = lvt;

	if (lvt & LVT_MASKED)
		return;
	if (vector < FIRST_VECTOR) {
		if (entry != LVT_ERROR)
			raise_error(apic, ESR_RECEIVE_VECTOR);
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

/* Is anything deliverable now that a priority has changed? */
static void recheck(struct lodge_lapic *apic)
{
	int vector = lapic_highest(apic->irr);

	if (vector >= 0 && (vector & 0xf0) > (apic->ppr & 0xf0))
		lodge_vcpu_request(apic->vcpu, REQ_EVENT);
}

/* Intel SDM vol. 3, 11.8.3.1 */
void lapic_update_ppr(struct lodge_lapic *apic)
{
	int vector = lapic_highest(apic->isr);
	u32 class = vector < 0 ? 0 : vector & 0xf0;

	WRITE_ONCE(apic->ppr,
		   (apic->tpr & 0xf0) >= class ? apic->tpr : class);
}

int lodge_lapic_next_irq(struct lodge_vcpu *vcpu)
{
	struct lodge_lapic *apic = vcpu->lapic;
	int vector;

	if (READ_ONCE(apic->timer_pending))
		lapic_timer_expired(apic);
	vector = lapic_highest(apic->irr);
	if (vector < 0 || (vector & 0xf0) <= (apic->ppr & 0xf0) ||
	    !lapic_enabled(vcpu))
		return -1;
	return vector;
}

void lodge_lapic_ack(struct lodge_vcpu *vcpu, int vector)
{
	struct lodge_lapic *apic = vcpu->lapic;

	clear_bit(vector, apic->irr);
	__set_bit(vector, apic->isr);
	/* Its class is above what PPR was, and so above the task priority. */
	WRITE_ONCE(apic->ppr, vector & 0xf0);
}

static void end_of_interrupt(struct lodge_lapic *apic)
{
	int vector = lapic_highest(apic->isr);

	if (vector < 0)
		return;
	__clear_bit(vector, apic->isr);
	lapic_update_ppr(apic);
	if (test_bit(vector, apic->tmr))
		lodge_ioapic_eoi(apic->vcpu->vm, vector);
	recheck(apic);
}

static void set_tpr(struct lodge_lapic *apic, u32 tpr)
{
	if (apic->tpr == tpr)
		return;
	apic->tpr = tpr;
	lapic_update_ppr(apic);
	recheck(apic);
}

u64 lodge_lapic_get_cr8(struct lodge_vcpu *vcpu)
{
	return vcpu->lapic->tpr >> 4;
}

void lodge_lapic_set_cr8(struct lodge_vcpu *vcpu, u64 cr8)
{
	struct lodge_lapic *apic = vcpu->lapic;

	/* The vendor hands over what the guest has had all along: no change. */
	if (apic->tpr >> 4 != (cr8 & 0xf))
		set_tpr(apic, (cr8 & 0xf) << 4);
}

/*
 * The processor remembers one NMI beside the one that it serves.  Before the
 * vCPU has looked, that one may be among those that wait.
 */
void lodge_vcpu_nmi(struct lodge_vcpu *vcpu)
{
	atomic_fetch_add_unless(&vcpu->nmi_queued, 1,
				READ_ONCE(vcpu->nmi_masked) ? 1 : 2);
	lodge_vcpu_request(vcpu, REQ_EVENT);
	lodge_vcpu_kick(vcpu);
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
			raise_error(apic, ESR_RECEIVE_VECTOR);
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
	default:
		/* No SMM, and no PIC behind ExtINT. */
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

/* The trigger mode of an IPI counts for INIT only (SDM vol. 3, 11.6.1). */
static void send_ipi(struct lodge_lapic *apic, u64 icr, u32 dest)
{
	struct lodge_irq_msg msg = {
		.dest = dest,
		.vector = icr,
		.delivery = icr >> 8 & 7,
		.logical = icr & BIT(11),
		.level = icr & BIT(14),
		.shorthand = icr >> 18 & 3,
	};

	msg.trigger_level = msg.delivery == DELIVER_INIT && (icr & BIT(15));
	if (msg.delivery <= DELIVER_LOWEST && msg.vector < FIRST_VECTOR) {
		raise_error(apic, ESR_SEND_VECTOR);
		return;
	}
	lodge_lapic_deliver(apic->vcpu->vm, apic->vcpu, &msg);
}

static void set_svr(struct lodge_lapic *apic, u32 svr)
{
	int i;

	WRITE_ONCE(apic->svr, svr);
	if (svr & SVR_ENABLED)
		return;
	for (i = 0; i < NR_LVTS; i++)
		WRITE_ONCE(apic->lvt[i], apic->lvt[i] | LVT_MASKED);
}

static void set_lvt(struct lodge_lapic *apic, enum lapic_lvt entry, u32 value)
{
	value &= ~(DELIVERY_STATUS | LVT_REMOTE_IRR);
	if (!lapic_software_enabled(apic))
		value |= LVT_MASKED;
	if (entry == LVT_TIMER)
		lapic_timer_set_lvt(apic, value);
	else
		WRITE_ONCE(apic->lvt[entry], value);
}

/* What both modes have; reserved bits are gone.  False: no such register. */
static bool lapic_write(struct lodge_lapic *apic, unsigned int reg, u32 value)
{
	switch (reg) {
	case LAPIC_TPR:
		set_tpr(apic, value);
		return true;
	case LAPIC_EOI:
		end_of_interrupt(apic);
		return true;
	case LAPIC_SVR:
		set_svr(apic, value);
		return true;
	case LAPIC_ESR:
		/* A write latches what has come up since the last one. */
		apic->esr = xchg(&apic->errors, 0);
		return true;
	case LAPIC_LVT ... LAPIC_LVT + NR_LVTS - 1:
		set_lvt(apic, reg - LAPIC_LVT, value);
		return true;
	case LAPIC_TMICT:
		lapic_timer_set_count(apic, value);
		return true;
	case LAPIC_TDCR:
		lapic_timer_set_divide(apic, value);
		return true;
	default:
		return false;
	}
}

static bool lapic_read(struct lodge_lapic *apic, unsigned int reg, u32 *value)
{
	switch (reg) {
	case LAPIC_VERSION:
		*value = LAPIC_VERSION_VALUE;
		break;
	case LAPIC_TPR:
		*value = apic->tpr;
		break;
	case LAPIC_PPR:
		*value = apic->ppr;
		break;
	case LAPIC_SVR:
		*value = apic->svr;
		break;
	case LAPIC_ISR ... LAPIC_ISR + 7:
		*value = lapic_word(apic->isr, reg - LAPIC_ISR);
		break;
	case LAPIC_TMR ... LAPIC_TMR + 7:
		*value = lapic_word(apic->tmr, reg - LAPIC_TMR);
		break;
	case LAPIC_IRR ... LAPIC_IRR + 7:
		/* The guest may poll for a timer that expires meanwhile. */
		if (READ_ONCE(apic->timer_pending))
			lapic_timer_expired(apic);
		*value = lapic_word(apic->irr, reg - LAPIC_IRR);
		break;
	case LAPIC_ESR:
		*value = apic->esr;
		break;
	case LAPIC_LVT ... LAPIC_LVT + NR_LVTS - 1:
		*value = apic->lvt[reg - LAPIC_LVT];
		break;
	case LAPIC_TMICT:
		*value = apic->tmict;
		break;
	case LAPIC_TMCCT:
		*value = lapic_timer_count(apic);
		break;
	case LAPIC_TDCR:
		*value = apic->tdcr;
		break;
	default:
		return false;
	}
	return true;
}

static int x2apic_write(struct lodge_lapic *apic, unsigned int reg, u64 value)
{
	switch (reg) {
	case LAPIC_EOI:
		if (value)
			return 1;
		end_of_interrupt(apic);
		return 0;
	case LAPIC_ICR:
		if (value & ICR_RESERVED)
			return 1;
		apic->icr = value & ~(u64)DELIVERY_STATUS;
		send_ipi(apic, value, value >> 32);
		return 0;
	case LAPIC_SELF_IPI:
		if (value & ~0xffULL)
			return 1;
		/* Intel SDM vol. 3, 11.12.11: a fixed, edge-triggered IPI. */
		send_ipi(apic, value | DEST_SELF << 18, 0);
		return 0;
	case LAPIC_LVT + LVT_TIMER:
		if (TIMER_MODE(value) == 3)
			return 1;
	}
	if (value & ~(u64)reg_bits[reg])
		return 1;
	return !lapic_write(apic, reg, value);
}

static int x2apic_read(struct lodge_lapic *apic, unsigned int reg, u64 *value)
{
	u32 low;

	switch (reg) {
	case LAPIC_ID:
		*value = apic->vcpu->id;
		return 0;
	case LAPIC_LDR:
		*value = lapic_x2apic_ldr(apic->vcpu->id);
		return 0;
	case LAPIC_ICR:
		*value = apic->icr;
		return 0;
	}
	if (!lapic_read(apic, reg, &low))
		return 1;
	*value = low;
	return 0;
}

int lodge_lapic_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write)
{
	struct lodge_lapic *apic = vcpu->lapic;
	unsigned int reg = index - APIC_FIRST_MSR;

	if (reg < NR_LAPIC_REGS) {
		if (!lapic_x2apic(vcpu))
			return 1;
		return write ? x2apic_write(apic, reg, *value) :
			       x2apic_read(apic, reg, value);
	}

	switch (index) {
	case MSR_IA32_TSC_DEADLINE:
		if (write)
			lapic_timer_set_deadline(apic, *value);
		else
			*value = lapic_timer_deadline(apic);
		return 0;
	case MSR_IA32_APICBASE:
		if (write)
			return lodge_lapic_set_base(vcpu, *value, false);
		*value = vcpu->apic_base;
		return 0;
	default:
		return 1;
	}
}

static void xapic_write(struct lodge_lapic *apic, unsigned int reg, u32 value)
{
	u32 dest;

	switch (reg) {
	case LAPIC_LDR:
		WRITE_ONCE(apic->ldr, value & ~0U << LDR_SHIFT);
		return;
	case LAPIC_DFR:
		/* All but the model's four bits are ones. */
		WRITE_ONCE(apic->dfr, value | DFR_CLUSTER);
		return;
	case LAPIC_ICR_HIGH:
		apic->icr = (u32)apic->icr |
			    (u64)(value & ~0U << LDR_SHIFT) << 32;
		return;
	case LAPIC_ICR:
		value &= ICR_BITS;
		apic->icr = (apic->icr & ~0xffffffffULL) | value;
		dest = apic->icr >> 56;
		send_ipi(apic, value, dest == 0xff ? DEST_BROADCAST : dest);
		return;
	case LAPIC_ID:
	case LAPIC_VERSION:
	case LAPIC_APR:
	case LAPIC_PPR:
	case LAPIC_RRD:
	case LAPIC_ISR ... LAPIC_ESR - 1:
	case LAPIC_TMCCT:
		return;		/* read-only */
	}
	if (!lapic_write(apic, reg, value & reg_bits[reg]))
		raise_error(apic, ESR_REGISTER);
}

static u32 xapic_read(struct lodge_lapic *apic, unsigned int reg)
{
	u32 value;

	switch (reg) {
	case LAPIC_ID:
		return apic->vcpu->id << LDR_SHIFT;
	case LAPIC_LDR:
		return apic->ldr;
	case LAPIC_DFR:
		return apic->dfr;
	case LAPIC_ICR:
		return apic->icr;
	case LAPIC_ICR_HIGH:
		return apic->icr >> 32;
	case LAPIC_EOI:
	case LAPIC_APR:
	case LAPIC_RRD:
		return 0;
	}
	if (lapic_read(apic, reg, &value))
		return value;
	raise_error(apic, ESR_REGISTER);
	return 0;
}

bool lodge_lapic_mmio(struct lodge_vcpu *vcpu, u64 gpa, void *data, int width,
		      bool write)
{
	struct lodge_lapic *apic = vcpu->lapic;
	unsigned int reg = (gpa & ~PAGE_MASK) >> 4, skip = gpa & 0xf;
	u32 value = 0;

	if ((vcpu->apic_base & APIC_BASE_MODE) != APIC_BASE_ENABLE ||
	    ((vcpu->apic_base ^ gpa) & PAGE_MASK))
		return false;

	if (write) {
		/* Other widths are undefined (SDM vol. 3, 11.4.1): no effect. */
		if (width != sizeof(value) || skip)
			return true;
		memcpy(&value, data, sizeof(value));
		if (reg < NR_LAPIC_REGS)
			xapic_write(apic, reg, value);
		else
			raise_error(apic, ESR_REGISTER);
		return true;
	}

	if (reg < NR_LAPIC_REGS)
		value = xapic_read(apic, reg);
	else
		raise_error(apic, ESR_REGISTER);
	memset(data, 0, width);
	if (skip < sizeof(value))
		memcpy(data, (u8 *)&value + skip,
		       min_t(int, width, sizeof(value) - skip));
	return true;
}

/* All but what IA32_APIC_BASE says. */
static void reset_registers(struct lodge_lapic *apic)
{
	int i;

	lapic_timer_stop(apic);
	for (i = 0; i < VECTOR_LONGS; i++) {
		WRITE_ONCE(apic->irr[i], 0);
		WRITE_ONCE(apic->tmr[i], 0);
		apic->isr[i] = 0;
	}
	WRITE_ONCE(apic->errors, 0);
	WRITE_ONCE(apic->ppr, 0);
	apic->tpr = 0;
	set_svr(apic, SVR_RESET);
	WRITE_ONCE(apic->ldr, 0);
	WRITE_ONCE(apic->dfr, DFR_FLAT);
	apic->esr = 0;
	apic->icr = 0;
	for (i = 0; i < NR_LVTS; i++)
		WRITE_ONCE(apic->lvt[i], LVT_MASKED);
	apic->tmict = 0;
	apic->tdcr = 0;
}

void lodge_lapic_reset(struct lodge_vcpu *vcpu, bool init)
{
	if (!init)
		WRITE_ONCE(vcpu->apic_base,
			   APIC_BASE_RESET | APIC_BASE_ENABLE |
			   (vcpu->id ? 0 : APIC_BASE_BSP));
	reset_registers(vcpu->lapic);
}

int lodge_lapic_set_base(struct lodge_vcpu *vcpu, u64 value, bool host)
{
	u64 old = vcpu->apic_base;
	u64 address = GENMASK_ULL(lodge_phys_bits() - 1, PAGE_SHIFT);

	if (value & ~(address | APIC_BASE_MODE | APIC_BASE_BSP))
		return 1;
	if ((value & APIC_BASE_MODE) == APIC_BASE_X2APIC)
		return 1;
	if (!host) {
		/* Intel SDM vol. 3, figure 11-27 */
		if ((old & APIC_BASE_X2APIC) &&
		    (value & APIC_BASE_MODE) == APIC_BASE_ENABLE)
			return 1;
		if (!(old & APIC_BASE_ENABLE) && (value & APIC_BASE_X2APIC))
			return 1;
		value = (value & ~APIC_BASE_BSP) | (old & APIC_BASE_BSP);
	}

	/* Off and on again: as after power-up. */
	if ((old ^ value) & APIC_BASE_ENABLE)
		reset_registers(vcpu->lapic);
	WRITE_ONCE(vcpu->apic_base, value);
	return 0;
}

int lodge_lapic_create(struct lodge_vcpu *vcpu)
{
	struct lodge_lapic *apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);

	if (!apic)
		return -ENOMEM;
	apic->vcpu = vcpu;
	lapic_timer_create(apic);
	vcpu->lapic = apic;
	lodge_lapic_reset(vcpu, false);
	return 0;
}

void lodge_lapic_destroy(struct lodge_vcpu *vcpu)
{
	if (!vcpu->lapic)
		return;
	lapic_timer_destroy(vcpu->lapic);
	kfree(vcpu->lapic);
	vcpu->lapic = NULL;
}
