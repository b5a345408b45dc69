// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's registers out to the tool, and in again. */
#include <linux/string.h>
#include "lapic.h"

#define SLOT	16	/* bytes from one register to the next */

static u32 get_reg(const struct lodge_lapic_state *s, unsigned int reg)
{
	u32 value;

	memcpy(&value, &s->regs[reg * SLOT], sizeof(value));
	return value;
}

static void put_reg(struct lodge_lapic_state *s, unsigned int reg, u32 value)
{
	memcpy(&s->regs[reg * SLOT], &value, sizeof(value));
}

void lodge_lapic_get_state(struct lodge_vcpu *vcpu, struct lodge_lapic_state *s)
{
	struct lodge_lapic *apic = vcpu->lapic;
	int i;

	/* An expired timer is not saved as such, its interrupt is. */
	if (READ_ONCE(apic->timer_pending))
		lapic_timer_expired(apic);

	memset(s, 0, sizeof(*s));
	put_reg(s, LAPIC_ID, vcpu->id << LDR_SHIFT);
	put_reg(s, LAPIC_VERSION, LAPIC_VERSION_VALUE);
	put_reg(s, LAPIC_TPR, apic->tpr);
	put_reg(s, LAPIC_PPR, apic->ppr);
	put_reg(s, LAPIC_LDR, lapic_x2apic(vcpu) ? lapic_x2apic_ldr(vcpu->id) :
						   apic->ldr);
	put_reg(s, LAPIC_DFR, apic->dfr);
	put_reg(s, LAPIC_SVR, apic->svr);
	for (i = 0; i < 8; i++) {
		put_reg(s, LAPIC_ISR + i, lapic_word(apic->isr, i));
		put_reg(s, LAPIC_TMR + i, lapic_word(apic->tmr, i));
		put_reg(s, LAPIC_IRR + i, lapic_word(apic->irr, i));
	}
	put_reg(s, LAPIC_ESR, apic->esr);
	put_reg(s, LAPIC_ICR, apic->icr);
	put_reg(s, LAPIC_ICR_HIGH, apic->icr >> 32);
	for (i = 0; i < NR_LVTS; i++)
		put_reg(s, LAPIC_LVT + i, apic->lvt[i]);
	put_reg(s, LAPIC_TMICT, apic->tmict);
	put_reg(s, LAPIC_TMCCT, lapic_timer_count(apic));
	put_reg(s, LAPIC_TDCR, apic->tdcr);
}

/* Bits that a register can show; *@fixed is what must be there besides. */
static u32 possible_bits(struct lodge_vcpu *vcpu, unsigned int reg, u32 *fixed)
{
	*fixed = 0;
	switch (reg) {
	case LAPIC_ID:
		*fixed = vcpu->id << LDR_SHIFT;
		return 0;
	case LAPIC_VERSION:
		*fixed = LAPIC_VERSION_VALUE;
		return 0;
	case LAPIC_LDR:
		if (lapic_x2apic(vcpu)) {
			*fixed = lapic_x2apic_ldr(vcpu->id);
			return 0;
		}
		return ~0U << LDR_SHIFT;
	case LAPIC_DFR:
		*fixed = DFR_CLUSTER;
		return ~DFR_CLUSTER;
	case LAPIC_ISR:
	case LAPIC_TMR:
	case LAPIC_IRR:
		return ~0U << FIRST_VECTOR;
	case LAPIC_ISR + 1 ... LAPIC_ISR + 7:
	case LAPIC_TMR + 1 ... LAPIC_TMR + 7:
	case LAPIC_IRR + 1 ... LAPIC_IRR + 7:
		return ~0U;
	case LAPIC_ESR:
		return ESR_BITS;
	case LAPIC_ICR:
		return ICR_BITS;
	case LAPIC_ICR_HIGH:
		return lapic_x2apic(vcpu) ? ~0U : ~0U << LDR_SHIFT;
	case LAPIC_LVT ... LAPIC_LVT + NR_LVTS - 1:
		return lapic_reg_bits(reg) & ~(DELIVERY_STATUS | LVT_REMOTE_IRR);
	case LAPIC_PPR:		/* computed anew */
	case LAPIC_TMCCT:
		return ~0U;
	case LAPIC_SELF_IPI:
		return 0;
	default:
		return lapic_reg_bits(reg);
	}
}

static bool state_valid(struct lodge_vcpu *vcpu,
			const struct lodge_lapic_state *s)
{
	u32 value, fixed, bits;
	unsigned int reg;

	for (reg = 0; reg < NR_LAPIC_REGS; reg++) {
		value = get_reg(s, reg);
		bits = possible_bits(vcpu, reg, &fixed);
		if ((value & ~bits) != fixed)
			return false;
		/* Registers are 16 bytes apart and have 4. */
		if (memchr_inv(&s->regs[reg * SLOT + sizeof(value)], 0,
			       SLOT - sizeof(value)))
			return false;
		if (reg >= LAPIC_LVT && reg < LAPIC_LVT + NR_LVTS &&
		    !(value & LVT_MASKED) &&
		    !(get_reg(s, LAPIC_SVR) & SVR_ENABLED))
			return false;
	}
	return get_reg(s, LAPIC_TMCCT) <= get_reg(s, LAPIC_TMICT);
}

static void set_map(unsigned long *map, const struct lodge_lapic_state *s,
		    unsigned int reg)
{
	int i;

	for (i = 0; i < VECTOR_LONGS; i++)
		WRITE_ONCE(map[i], get_reg(s, reg + 2 * i) |
				   (u64)get_reg(s, reg + 2 * i + 1) << 32);
}

int lodge_lapic_set_state(struct lodge_vcpu *vcpu,
			  const struct lodge_lapic_state *s)
{
	struct lodge_lapic *apic = vcpu->lapic;
	u64 deadline = apic->tsc_deadline;
	int i;

	if (!state_valid(vcpu, s))
		return -EINVAL;

	lapic_timer_stop(apic);
	set_map(apic->tmr, s, LAPIC_TMR);
	set_map(apic->irr, s, LAPIC_IRR);
	set_map(apic->isr, s, LAPIC_ISR);
	WRITE_ONCE(apic->errors, 0);
	WRITE_ONCE(apic->extint, false);
	apic->tpr = get_reg(s, LAPIC_TPR);
	lapic_update_ppr(apic);
	WRITE_ONCE(apic->svr, get_reg(s, LAPIC_SVR));
	if (!lapic_x2apic(vcpu))
		WRITE_ONCE(apic->ldr, get_reg(s, LAPIC_LDR));
	WRITE_ONCE(apic->dfr, get_reg(s, LAPIC_DFR));
	apic->esr = get_reg(s, LAPIC_ESR);
	apic->icr = get_reg(s, LAPIC_ICR) |
		    (u64)get_reg(s, LAPIC_ICR_HIGH) << 32;
	for (i = 0; i < NR_LVTS; i++)
		WRITE_ONCE(apic->lvt[i], get_reg(s, LAPIC_LVT + i));
	apic->tmict = get_reg(s, LAPIC_TMICT);
	apic->tdcr = get_reg(s, LAPIC_TDCR);
	/* IA32_TSC_DEADLINE is not in the page: it stays as it is. */
	apic->tsc_deadline = deadline;
	lapic_timer_restore(apic, get_reg(s, LAPIC_TMCCT));

	lodge_vcpu_request(vcpu, REQ_EVENT);
	return 0;
}
