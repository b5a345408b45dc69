// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC (Intel SDM vol. 3, chapter 11; AMD APM vol. 2, chapter 16).
 *
 * Here is what the vCPU does with its own: registers, priorities, ends of
 * interrupts.  How interrupts come in is in lapic_deliver.c.
 */
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

static bool lint0_extint(const struct lodge_lapic *apic)
{
	u32 lvt = READ_ONCE(apic->lvt[LVT_LINT0]);

	return !(lvt & LVT_MASKED) && LVT_DELIVERY(lvt) == DELIVER_EXTINT;
}

bool lodge_lapic_extint(struct lodge_vcpu *vcpu)
{
	struct lodge_lapic *apic = vcpu->lapic;

	if (READ_ONCE(apic->extint))
		return true;
	if (!lodge_pic_output(vcpu->vm))
		return false;
	return lapic_enabled(vcpu) ? lint0_extint(apic) : !vcpu->id;
}

void lodge_lapic_extint_done(struct lodge_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->lapic->extint, false);
}

bool lodge_lapic_requested(struct lodge_vcpu *vcpu, u8 vector)
{
	return test_bit(vector, vcpu->lapic->irr);
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
		lapic_error(apic, ESR_SEND_VECTOR);
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
	/* The PIC may have waited for that. */
	if (entry == LVT_LINT0 && apic->vcpu->vm->pic)
		lodge_vcpu_request(apic->vcpu, REQ_EVENT);
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
		lapic_error(apic, ESR_REGISTER);
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
	lapic_error(apic, ESR_REGISTER);
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
			lapic_error(apic, ESR_REGISTER);
		return true;
	}

	if (reg < NR_LAPIC_REGS)
		value = xapic_read(apic, reg);
	else
		lapic_error(apic, ESR_REGISTER);
	memset(data, 0, width);
	if (skip < sizeof(value))
		memcpy(data, (u8 *)&value + skip,
		       min_t(int, width, sizeof(value) - skip));
	return true;
}

static void discard_received(struct lodge_lapic *apic)
{
	int i;

	for (i = 0; i < VECTOR_LONGS; i++) {
		WRITE_ONCE(apic->irr[i], 0);
		WRITE_ONCE(apic->tmr[i], 0);
	}
	WRITE_ONCE(apic->errors, 0);
	WRITE_ONCE(apic->extint, false);
}

/* All but what IA32_APIC_BASE says. */
static void reset_registers(struct lodge_lapic *apic)
{
	int i;

	lapic_timer_stop(apic);
	discard_received(apic);
	for (i = 0; i < VECTOR_LONGS; i++)
		apic->isr[i] = 0;
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

void lodge_lapic_startup(struct lodge_vcpu *vcpu)
{
	discard_received(vcpu->lapic);
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
	if (vcpu->vm->pic)
		lodge_vcpu_request(vcpu, REQ_EVENT);
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
