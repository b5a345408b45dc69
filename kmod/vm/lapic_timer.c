// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer (Intel SDM vol. 3, 11.5.4) over a timer of the host.
 *
 * The bus runs at 1 GHz: one count, undivided, is one ns.  The host's timer
 * only notes that it has expired; the vCPU's own thread makes an interrupt of
 * it.  A period is not started before the vCPU has seen the last one, so a
 * guest that does not run costs the host nothing, and ticks that it could not
 * have taken are dropped.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/msr.h>
#include <asm/tsc.h>
#include "lapic.h"

/* A guest with a shorter period gets fewer ticks, so that the host has time. */
#define MIN_PERIOD_NS	200000ULL

/* Deadlines further away are approached in steps: no overflow. */
#define MAX_TSC_DELTA	(U64_MAX / USEC_PER_SEC)

static enum hrtimer_restart timer_callback(struct hrtimer *hrtimer)
{
	struct lodge_lapic *apic = container_of(hrtimer, struct lodge_lapic,
						hrtimer);

	WRITE_ONCE(apic->timer_pending, true);
	lodge_vcpu_request(apic->vcpu, REQ_EVENT);
	lodge_vcpu_kick(apic->vcpu);
	return HRTIMER_NORESTART;
}

void lapic_timer_create(struct lodge_lapic *apic)
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(&apic->hrtimer, timer_callback, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_PINNED_HARD);
#else
	hrtimer_init(&apic->hrtimer, CLOCK_MONOTONIC,
		     HRTIMER_MODE_ABS_PINNED_HARD);
	apic->hrtimer.function = timer_callback;
#endif
}

void lapic_timer_destroy(struct lodge_lapic *apic)
{
	hrtimer_cancel(&apic->hrtimer);
}

static u32 timer_mode(const struct lodge_lapic *apic)
{
	return TIMER_MODE(apic->lvt[LVT_TIMER]);
}

/* Intel SDM vol. 3, figure 11-10: 1 to 128 */
static unsigned int divide_shift(u32 tdcr)
{
	return ((tdcr & 3) + (tdcr >> 1 & 4) + 1) & 7;
}

static u64 timer_period(const struct lodge_lapic *apic)
{
	return (u64)apic->tmict << divide_shift(apic->tdcr);
}

static void timer_arm(struct lodge_lapic *apic, u64 ns)
{
	apic->timer_armed = true;
	hrtimer_start(&apic->hrtimer, ns_to_ktime(ns),
		      HRTIMER_MODE_ABS_PINNED_HARD);
}

/* No callback runs when it returns, and none will. */
static void timer_disarm(struct lodge_lapic *apic)
{
	if (apic->timer_armed) {
		hrtimer_cancel(&apic->hrtimer);
		apic->timer_armed = false;
	}
	WRITE_ONCE(apic->timer_pending, false);
}

void lapic_timer_stop(struct lodge_lapic *apic)
{
	timer_disarm(apic);
	apic->timer_target = 0;
	apic->tsc_deadline = 0;
}

static u64 guest_tsc(const struct lodge_lapic *apic)
{
	return rdtsc() + apic->vcpu->tsc_offset;
}

/* False: the deadline has passed. */
static bool arm_deadline(struct lodge_lapic *apic)
{
	u64 now = guest_tsc(apic), delta = apic->tsc_deadline - now;

	if (apic->tsc_deadline <= now)
		return false;
	delta = min(delta, MAX_TSC_DELTA);
	/* Rounded up: never early. */
	timer_arm(apic, ktime_get_ns() + 1 +
		  div_u64(delta * USEC_PER_SEC, max(tsc_khz, 1000U)));
	return true;
}

/* The first multiple of the period that leaves the host its time. */
static void next_period(struct lodge_lapic *apic, u64 period)
{
	u64 now = ktime_get_ns(), earliest, skip;

	earliest = max(now + 1, apic->timer_target + MIN_PERIOD_NS);
	skip = div64_u64(earliest - apic->timer_target + period - 1, period);
	apic->timer_target += skip * period;
	timer_arm(apic, apic->timer_target);
}

void lapic_timer_expired(struct lodge_lapic *apic)
{
	u64 period;

	/* It is not queued; if its callback still runs, it has done its work. */
	WRITE_ONCE(apic->timer_pending, false);
	apic->timer_armed = false;

	switch (timer_mode(apic)) {
	case TIMER_DEADLINE:
		/* The host's clocks do not keep exactly the same time. */
		if (!apic->tsc_deadline || arm_deadline(apic))
			return;
		apic->tsc_deadline = 0;
		break;
	case TIMER_PERIODIC:
		if (!apic->timer_target)
			return;
		period = timer_period(apic);
		next_period(apic, period);
		break;
	default:
		if (!apic->timer_target)
			return;
		apic->timer_target = 0;
		break;
	}
	lapic_local_interrupt(apic, LVT_TIMER);
}

/* What has expired before the guest changed something is the guest's. */
static void timer_settle(struct lodge_lapic *apic)
{
	if (READ_ONCE(apic->timer_pending))
		lapic_timer_expired(apic);
}

static void deadline_or_now(struct lodge_lapic *apic)
{
	if (arm_deadline(apic))
		return;
	WRITE_ONCE(apic->timer_pending, true);
	lodge_vcpu_request(apic->vcpu, REQ_EVENT);
}

void lapic_timer_set_deadline(struct lodge_lapic *apic, u64 deadline)
{
	if (timer_mode(apic) != TIMER_DEADLINE)
		return;
	timer_settle(apic);
	timer_disarm(apic);
	apic->tsc_deadline = deadline;
	if (deadline)
		deadline_or_now(apic);
}

u64 lapic_timer_deadline(struct lodge_lapic *apic)
{
	timer_settle(apic);
	return apic->tsc_deadline;
}

void lodge_lapic_tsc_moved(struct lodge_vcpu *vcpu)
{
	struct lodge_lapic *apic = vcpu->lapic;

	if (!apic || !apic->tsc_deadline)
		return;
	timer_disarm(apic);
	deadline_or_now(apic);
}

static u64 timer_left(struct lodge_lapic *apic)
{
	u64 now = ktime_get_ns(), target = apic->timer_target;
	u64 period = timer_period(apic);

	if (!target)
		return 0;
	if (target > now)
		/* More than a period where ticks were dropped. */
		return (target - now - 1) % period + 1;
	if (timer_mode(apic) != TIMER_PERIODIC)
		return 0;
	return period - (now - target) % period;
}

static bool has_count(const struct lodge_lapic *apic)
{
	return timer_mode(apic) == TIMER_ONE_SHOT ||
	       timer_mode(apic) == TIMER_PERIODIC;
}

/* Rounded up: 0 means that it has expired. */
u32 lapic_timer_count(struct lodge_lapic *apic)
{
	unsigned int shift = divide_shift(apic->tdcr);

	if (!has_count(apic))
		return 0;
	return (timer_left(apic) + BIT_ULL(shift) - 1) >> shift;
}

/* @left in ns; 0: it stays stopped. */
static void timer_count_from(struct lodge_lapic *apic, u64 left)
{
	timer_disarm(apic);
	apic->timer_target = 0;
	if (!left)
		return;
	apic->timer_target = ktime_get_ns() + left;
	timer_arm(apic, apic->timer_target);
}

void lapic_timer_set_count(struct lodge_lapic *apic, u32 count)
{
	if (!has_count(apic))
		return;
	timer_settle(apic);
	apic->tmict = count;
	timer_count_from(apic, timer_period(apic));
}

/* The count goes on from where it is, at the new rate. */
void lapic_timer_set_divide(struct lodge_lapic *apic, u32 value)
{
	u64 count;

	timer_settle(apic);
	count = lapic_timer_count(apic);
	apic->tdcr = value;
	/* Due by now, and its callback has not run yet: at once then. */
	if (apic->timer_target)
		timer_count_from(apic, max(count, 1ULL) << divide_shift(value));
}

/* Changing to or from TSC-deadline mode disarms (SDM vol. 3, 11.5.4.1). */
void lapic_timer_set_lvt(struct lodge_lapic *apic, u32 value)
{
	u32 old = timer_mode(apic), new = TIMER_MODE(value);

	timer_settle(apic);
	if (old != new && (old >= TIMER_DEADLINE || new >= TIMER_DEADLINE)) {
		lapic_timer_stop(apic);
		apic->tmict = 0;
	}
	WRITE_ONCE(apic->lvt[LVT_TIMER], value);
}

void lapic_timer_restore(struct lodge_lapic *apic, u32 left)
{
	if (has_count(apic)) {
		apic->tsc_deadline = 0;
		if (timer_mode(apic) == TIMER_PERIODIC && !left)
			left = apic->tmict;
		timer_count_from(apic, (u64)left << divide_shift(apic->tdcr));
		return;
	}
	apic->timer_target = 0;
	timer_disarm(apic);
	if (timer_mode(apic) != TIMER_DEADLINE)
		apic->tsc_deadline = 0;
	else if (apic->tsc_deadline)
		deadline_or_now(apic);
}
