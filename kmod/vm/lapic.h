/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to lapic.c, lapic_deliver.c, lapic_timer.c and lapic_state.c. */
#ifndef LODGE_VM_LAPIC_H
#define LODGE_VM_LAPIC_H

#include <linux/bitops.h>
#include <linux/hrtimer.h>
#include "irq.h"

/* Registers: the x2APIC MSR less 0x800, or the offset in the page over 16. */
enum lapic_reg {
	LAPIC_ID	= 0x02,
	LAPIC_VERSION	= 0x03,
	LAPIC_TPR	= 0x08,
	LAPIC_APR	= 0x09,
	LAPIC_PPR	= 0x0a,
	LAPIC_EOI	= 0x0b,
	LAPIC_RRD	= 0x0c,
	LAPIC_LDR	= 0x0d,
	LAPIC_DFR	= 0x0e,
	LAPIC_SVR	= 0x0f,
	LAPIC_ISR	= 0x10,	/* eight each */
	LAPIC_TMR	= 0x18,
	LAPIC_IRR	= 0x20,
	LAPIC_ESR	= 0x28,
	LAPIC_ICR	= 0x30,
	LAPIC_ICR_HIGH	= 0x31,
	LAPIC_LVT	= 0x32,	/* enum lapic_lvt */
	LAPIC_TMICT	= 0x38,
	LAPIC_TMCCT	= 0x39,
	LAPIC_TDCR	= 0x3e,
	LAPIC_SELF_IPI	= 0x3f,
	NR_LAPIC_REGS	= 0x40,
};

enum lapic_lvt {
	LVT_TIMER,
	LVT_THERMAL,
	LVT_PERF,
	LVT_LINT0,
	LVT_LINT1,
	LVT_ERROR,
	NR_LVTS
};

/* Not an 82489DX, six LVT entries, no suppression of EOI broadcasts. */
#define LAPIC_VERSION_VALUE	(0x14 | (NR_LVTS - 1) << 16)

#define SVR_ENABLED	BIT(8)
#define SVR_BITS	0x3ff
#define SVR_RESET	0xff
#define DFR_FLAT	0xffffffff
#define DFR_CLUSTER	0x0fffffff
#define LDR_SHIFT	24

/* In ICR and in LVT entries: read-only, and never seen set */
#define DELIVERY_STATUS	BIT(12)

#define LVT_MASKED	BIT(16)
#define LVT_REMOTE_IRR	BIT(14)

#define LVT_DELIVERY(lvt)	((lvt) >> 8 & 7)

#define TIMER_MODE(lvt)	(((lvt) >> 17) & 3)
#define TIMER_ONE_SHOT	0
#define TIMER_PERIODIC	1
#define TIMER_DEADLINE	2

#define TDCR_BITS	0x0b

#define ICR_BITS	0xccfffULL	/* without the delivery status */
#define ICR_RESERVED	0xfff32000ULL	/* in x2APIC mode */

/* Bit numbers in the error status register (Intel SDM vol. 3, 11.5.3). */
#define ESR_SEND_VECTOR		5
#define ESR_RECEIVE_VECTOR	6
#define ESR_REGISTER		7
#define ESR_BITS		0xe0

#define APIC_BASE_BSP		BIT_ULL(8)
#define APIC_BASE_X2APIC	BIT_ULL(10)
#define APIC_BASE_ENABLE	BIT_ULL(11)
#define APIC_BASE_MODE		(APIC_BASE_ENABLE | APIC_BASE_X2APIC)
#define APIC_BASE_RESET		0xfee00000ULL

/* Vectors below are the processor's own: an APIC refuses them. */
#define FIRST_VECTOR	16
#define NR_VECTORS_256	256
#define VECTOR_LONGS	(NR_VECTORS_256 / BITS_PER_LONG)

/**
 * struct lodge_lapic - a local APIC
 * @irr: interrupts that wait; set atomically by anyone, cleared by the owner
 * @tmr: which of them are level-triggered; written before @irr by the sender
 * @errors: error bits not yet latched into @esr, set atomically by anyone
 * @timer_pending: the timer has expired; set by its callback, or by the owner
 * @extint: a message says that the PIC has an interrupt; set by anyone
 *
 * What follows is written by the vCPU's own thread only (or, with vcpu->lock,
 * while there is none).  Senders read @svr, @ldr, @dfr, @ppr and @lvt.
 *
 * @vcpu: whose it is
 * @isr: interrupts in service
 * @ppr: processor priority, derived from @tpr and @isr
 * @tpr: task priority
 * @svr: spurious interrupt vector, and the software enable bit
 * @ldr: logical destination, xAPIC mode only
 * @dfr: how it is read, xAPIC mode only
 * @esr: error status as latched
 * @icr: interrupt command
 * @lvt: local vector table
 * @tmict: timer's initial count
 * @tdcr: timer's divide configuration
 * @timer_armed: @hrtimer is queued, or its callback may run
 * @timer_target: when the counter reaches 0, in ns of CLOCK_MONOTONIC; 0 while
 *                it is stopped
 * @tsc_deadline: IA32_TSC_DEADLINE, 0 while it is disarmed
 * @hrtimer: the host's timer behind it
 */
struct lodge_lapic {
	unsigned long irr[VECTOR_LONGS];
	unsigned long tmr[VECTOR_LONGS];
	unsigned long errors;
	bool timer_pending;
	bool extint;

	struct lodge_vcpu *vcpu ____cacheline_aligned;
	unsigned long isr[VECTOR_LONGS];
	u32 ppr;
	u32 tpr;
	u32 svr;
	u32 ldr;
	u32 dfr;
	u32 esr;
	u64 icr;
	u32 lvt[NR_LVTS];
	u32 tmict;
	u32 tdcr;

	bool timer_armed;
	u64 timer_target;
	u64 tsc_deadline;
	struct hrtimer hrtimer;
};

static inline bool lapic_enabled(const struct lodge_vcpu *vcpu)
{
	return READ_ONCE(vcpu->apic_base) & APIC_BASE_ENABLE;
}

static inline bool lapic_software_enabled(const struct lodge_lapic *apic)
{
	return READ_ONCE(apic->svr) & SVR_ENABLED;
}

static inline bool lapic_x2apic(const struct lodge_vcpu *vcpu)
{
	return READ_ONCE(vcpu->apic_base) & APIC_BASE_X2APIC;
}

/* Intel SDM vol. 3, 11.12.10.2: the logical ID in x2APIC mode */
static inline u32 lapic_x2apic_ldr(u32 id)
{
	return (id >> 4) << 16 | 1U << (id & 15);
}

static inline int lapic_highest(const unsigned long *map)
{
	int i;

	for (i = VECTOR_LONGS - 1; i >= 0; i--) {
		unsigned long word = READ_ONCE(map[i]);

		if (word)
			return i * BITS_PER_LONG + __fls(word);
	}
	return -1;
}

static inline u32 lapic_word(const unsigned long *map, unsigned int n)
{
	return READ_ONCE(map[n / 2]) >> (n % 2 * 32);
}

/* vm/lapic.c */
/* Bits of a register that software can set, and that hardware can show. */
u32 lapic_reg_bits(unsigned int reg);
void lapic_update_ppr(struct lodge_lapic *apic);

/* vm/lapic_deliver.c: any context */
/* Notes an error, ESR_* */
void lapic_error(struct lodge_lapic *apic, int error);
void lapic_local_interrupt(struct lodge_lapic *apic, enum lapic_lvt entry);

/* vm/lapic_timer.c: all by the vCPU's own thread */
void lapic_timer_create(struct lodge_lapic *apic);
void lapic_timer_destroy(struct lodge_lapic *apic);
void lapic_timer_stop(struct lodge_lapic *apic);
/* @timer_pending was seen: the interrupt, and the next period */
void lapic_timer_expired(struct lodge_lapic *apic);
void lapic_timer_set_lvt(struct lodge_lapic *apic, u32 value);
void lapic_timer_set_count(struct lodge_lapic *apic, u32 count);
void lapic_timer_set_divide(struct lodge_lapic *apic, u32 value);
u32 lapic_timer_count(struct lodge_lapic *apic);
void lapic_timer_set_deadline(struct lodge_lapic *apic, u64 deadline);
u64 lapic_timer_deadline(struct lodge_lapic *apic);
/* Go on from a saved state, with @left of the count */
void lapic_timer_restore(struct lodge_lapic *apic, u32 left);

#endif /* LODGE_VM_LAPIC_H */
