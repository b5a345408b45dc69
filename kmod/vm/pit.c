// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254: channel 0 is IRQ 0, channel 1 refreshes memory that needs it, channel 2
 * makes sounds, with its gate and its output in port 0x61 (Intel 8254 datasheet).
 *
 * A counter is not counted, but computed from the time since it began.  A new count
 * begins at once, also where the 8254 would finish the period first.
 *
 * Ticks of channel 0 that come due while the guest has not taken the last one are
 * not lost, but late: up to a second's worth of them are made up for at twice the
 * rate, for guests that count them to know the time.  More are dropped.  While the
 * guest takes none (it is paused, or interrupts are off), the host's timer looks
 * after it less and less often.
 *
 * The lock is taken in hard interrupts; within it, those of the PIC and the I/O
 * APIC are.
 */
#include <linux/bitops.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "irq.h"

#define PIT_HZ		1193182U
#define NR_CHANNELS	3
#define SPEAKER		2	/* channel */

#define TIMER_GSI	2

#define CONTROL_PORT	0x43
#define SYSTEM_PORT	0x61

/* Port 0x61 */
#define SYSTEM_GATE	BIT(0)
#define SYSTEM_WRITABLE	0x0f
#define SYSTEM_REFRESH	BIT(4)
#define SYSTEM_OUTPUT	BIT(5)
#define REFRESH_NS	15085

/* The control word */
#define SELECT(value)	((value) >> 6)
#define SELECT_READ_BACK 3
#define READ_NO_COUNT	BIT(5)
#define READ_NO_STATUS	BIT(4)
#define ACCESS(value)	((value) >> 4 & 3)
#define ACCESS_LATCH	0
#define ACCESS_LOW	1
#define ACCESS_HIGH	2
#define ACCESS_BOTH	3
#define BCD		BIT(0)

#define STATUS_OUTPUT	BIT(7)
#define STATUS_NULL	BIT(6)

/* As for the local APIC's timer: the host needs time, too. */
#define MIN_PERIOD_NS	200000ULL
#define MAX_WAIT_NS	50000000ULL

#define MAX_ELAPSED	BIT_ULL(62)

/**
 * struct pit_channel - a counter
 * @s: as the tool sees it; @s.elapsed holds while it does not run
 * @start: when it would have begun, had it run all the time (ns)
 */
struct pit_channel {
	struct lodge_pit_channel s;
	u64 start;
};

/**
 * struct lodge_pit - the 8254
 * @lock: protects all of it
 * @vm: its VM
 * @channels: its counters
 * @control: port 0x61, what can be written of it
 * @seen: ticks of channel 0 since its start that were counted
 * @backlog: those that are due and were not delivered
 * @wait: how long the guest has been left alone, in ns, while it takes no ticks
 * @hrtimer: the host's timer behind channel 0
 */
struct lodge_pit {
	raw_spinlock_t lock;
	struct lodge_vm *vm;
	struct pit_channel channels[NR_CHANNELS];
	u8 control;
	u64 seen;
	u32 backlog;
	u64 wait;
	struct hrtimer hrtimer;
};

/* ---- Counters ---- */

static bool periodic(const struct lodge_pit_channel *s)
{
	return s->mode == 2 || s->mode == 3;
}

/* Begun by a rising gate, which has no other effect then */
static bool triggered(const struct lodge_pit_channel *s)
{
	return s->mode == 1 || s->mode == 5;
}

static bool runs(const struct lodge_pit_channel *s)
{
	return s->counting && (s->gate || triggered(s));
}

static u64 elapsed(const struct pit_channel *c)
{
	return runs(&c->s) ? ktime_get_ns() - c->start : c->s.elapsed;
}

static u64 clocks(const struct pit_channel *c)
{
	return mul_u64_u32_div(elapsed(c), PIT_HZ, NSEC_PER_SEC);
}

/* Rounded up: never early. */
static u64 clocks_to_ns(u64 n)
{
	return mul_u64_u32_div(n, NSEC_PER_SEC, PIT_HZ) + 1;
}

static void begin(struct pit_channel *c)
{
	c->s.counting = 1;
	c->s.elapsed = 0;
	c->start = ktime_get_ns();
}

static bool output(const struct pit_channel *c)
{
	const struct lodge_pit_channel *s = &c->s;
	u64 n;

	if (!s->counting || !s->count)
		return s->mode != 0;
	if (periodic(s) && !s->gate)
		return true;
	n = clocks(c);
	switch (s->mode) {
	case 0:
	case 1:
		return n >= s->count;
	case 2:
		return n % s->count != s->count - 1;
	case 3:
		return n % s->count < (s->count + 1) / 2;
	default:
		return n != s->count;
	}
}

static u16 to_bcd(u32 n)
{
	return n % 10 | n / 10 % 10 << 4 | n / 100 % 10 << 8 |
	       n / 1000 % 10 << 12;
}

static u32 from_bcd(u16 n)
{
	return (n & 0xf) + (n >> 4 & 0xf) * 10 + (n >> 8 & 0xf) * 100 +
	       (n >> 12) * 1000;
}

static u16 current_count(const struct pit_channel *c)
{
	const struct lodge_pit_channel *s = &c->s;
	u32 all = s->bcd ? 10000 : 0x10000, value;
	u64 n;

	if (!s->count)
		return 0;
	n = s->counting ? clocks(c) : 0;
	switch (s->mode) {
	case 2:
		value = s->count - n % s->count;
		break;
	case 3:
		/* Twice a period, by two */
		value = s->count - 2 * (n % s->count) % s->count;
		value &= ~1U;
		break;
	default:
		value = (s->count + all - n % all) % all;
		break;
	}
	value %= all;
	return s->bcd ? to_bcd(value) : value;
}

static u8 status(const struct pit_channel *c)
{
	const struct lodge_pit_channel *s = &c->s;

	return (output(c) ? STATUS_OUTPUT : 0) | (s->count ? 0 : STATUS_NULL) |
	       s->access << 4 | s->mode << 1 | s->bcd;
}

static void latch_count(struct pit_channel *c)
{
	if (c->s.latched)
		return;		/* the first one counts */
	c->s.latch = current_count(c);
	c->s.latched = c->s.access == ACCESS_BOTH ? 2 : 1;
}

static void latch_status(struct pit_channel *c)
{
	if (c->s.status_latched)
		return;
	c->s.status = status(c);
	c->s.status_latched = 1;
}

static void set_mode(struct pit_channel *c, u8 value)
{
	u8 mode = value >> 1 & 7;

	c->s = (struct lodge_pit_channel){
		/* 6 and 7 are 2 and 3. */
		.mode = mode > 5 ? mode - 4 : mode,
		.access = ACCESS(value),
		.bcd = value & BCD,
		.gate = c->s.gate,
	};
}

static void load(struct pit_channel *c, u16 value)
{
	c->s.count = c->s.bcd ? min(from_bcd(value), 9999U) : value;
	if (!c->s.count)
		c->s.count = c->s.bcd ? 10000 : 0x10000;
	if (!triggered(&c->s))
		begin(c);
}

/* Return: true if a count was loaded, or an old one stopped */
static bool write_count(struct pit_channel *c, u8 value)
{
	struct lodge_pit_channel *s = &c->s;

	switch (s->access) {
	case ACCESS_LOW:
		load(c, value);
		return true;
	case ACCESS_HIGH:
		load(c, value << 8);
		return true;
	case ACCESS_BOTH:
		s->write_high = !s->write_high;
		if (!s->write_high) {
			load(c, s->low | value << 8);
			return true;
		}
		s->low = value;
		if (s->mode != 0)
			return false;
		s->counting = 0;
		return true;
	default:
		return false;
	}
}

static u8 read_count(struct pit_channel *c)
{
	struct lodge_pit_channel *s = &c->s;
	u16 count;
	bool high;

	if (s->status_latched) {
		s->status_latched = 0;
		return s->status;
	}
	high = s->access == ACCESS_HIGH ||
	       (s->access == ACCESS_BOTH && s->read_high);
	if (s->access == ACCESS_BOTH)
		s->read_high = !s->read_high;
	if (s->latched) {
		count = s->latch;
		s->latched--;
	} else {
		count = current_count(c);
	}
	return high ? count >> 8 : count;
}

static void set_gate(struct pit_channel *c, bool gate)
{
	struct lodge_pit_channel *s = &c->s;

	if (s->gate == gate)
		return;
	if (!gate) {
		s->elapsed = elapsed(c);
		s->gate = 0;
		/* Triggered ones go on. */
		return;
	}
	s->gate = 1;
	if (!s->count)
		return;
	if (triggered(s) || periodic(s))
		begin(c);
	else
		c->start = ktime_get_ns() - s->elapsed;
}

/* ---- Ticks ---- */

static u64 period(const struct pit_channel *c)
{
	return clocks_to_ns(c->s.count);
}

static bool ticking(const struct pit_channel *c)
{
	return runs(&c->s) && c->s.count && !triggered(&c->s);
}

static u64 ticks_due(const struct pit_channel *c)
{
	u64 n = clocks(c);

	if (periodic(&c->s))
		return div_u64(n, c->s.count);
	return n >= c->s.count;
}

/* When the next tick is due, or 0 for never */
static u64 next_tick(const struct lodge_pit *pit)
{
	const struct pit_channel *c = &pit->channels[0];

	if (!periodic(&c->s) && pit->seen)
		return 0;
	return c->start + clocks_to_ns((pit->seen + 1) * c->s.count);
}

static void arm(struct lodge_pit *pit)
{
	struct pit_channel *c = &pit->channels[0];
	u64 now = ktime_get_ns(), next;

	/* If its callback runs already, it finds nothing to be done. */
	hrtimer_try_to_cancel(&pit->hrtimer);
	if (!ticking(c))
		return;
	next = next_tick(pit);
	if (pit->backlog && !pit->wait)
		next = now + period(c) / 2;
	if (!next)
		return;
	next = max(next, now + max(pit->wait, MIN_PERIOD_NS));
	hrtimer_start(&pit->hrtimer, ns_to_ktime(next), HRTIMER_MODE_ABS_HARD);
}

static void raise_irq(struct lodge_pit *pit)
{
	lodge_irq_set_line(pit->vm, TIMER_GSI, false, IRQ_SOURCE_PIT);
	lodge_irq_set_line(pit->vm, TIMER_GSI, true, IRQ_SOURCE_PIT);
}

/* Looks what is due, and delivers one tick at the most. */
static void tick(struct lodge_pit *pit)
{
	struct pit_channel *c = &pit->channels[0];
	enum lodge_irq_fate fate;
	u64 due, limit;

	if (!ticking(c))
		return;
	due = ticks_due(c);
	limit = periodic(&c->s) ? max(PIT_HZ / c->s.count, 1U) : 1;
	pit->backlog = min(pit->backlog + due - pit->seen, limit);
	pit->seen = due;
	if (!pit->backlog)
		return;

	fate = lodge_irq_fate(pit->vm, TIMER_GSI);
	if (fate == IRQ_WAITS && periodic(&c->s)) {
		pit->wait = min(max(2 * pit->wait, period(c)), MAX_WAIT_NS);
		return;
	}
	raise_irq(pit);
	pit->backlog--;
	pit->wait = 0;
	if (fate == IRQ_MASKED) {
		/* Nobody counts them. */
		pit->backlog = 0;
		pit->wait = MAX_WAIT_NS;
	}
}

static enum hrtimer_restart pit_callback(struct hrtimer *hrtimer)
{
	struct lodge_pit *pit = container_of(hrtimer, struct lodge_pit, hrtimer);
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	tick(pit);
	arm(pit);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return HRTIMER_NORESTART;
}

/* Channel 0 was given a mode or a count. */
static void restart(struct lodge_pit *pit)
{
	pit->seen = 0;
	pit->backlog = 0;
	pit->wait = 0;
	/* That the output may rise now is no tick. */
	lodge_irq_set_line(pit->vm, TIMER_GSI, false, IRQ_SOURCE_PIT);
	arm(pit);
}

/* ---- Ports ---- */

static void write_control(struct lodge_pit *pit, u8 value)
{
	unsigned int i;

	if (SELECT(value) == SELECT_READ_BACK) {
		for (i = 0; i < NR_CHANNELS; i++) {
			if (!(value & BIT(i + 1)))
				continue;
			if (!(value & READ_NO_COUNT))
				latch_count(&pit->channels[i]);
			if (!(value & READ_NO_STATUS))
				latch_status(&pit->channels[i]);
		}
		return;
	}
	i = SELECT(value);
	if (ACCESS(value) == ACCESS_LATCH) {
		latch_count(&pit->channels[i]);
		return;
	}
	set_mode(&pit->channels[i], value);
	if (!i)
		restart(pit);
}

static u8 read_system(const struct lodge_pit *pit)
{
	u8 value = pit->control;

	if (div_u64(ktime_get_ns(), REFRESH_NS) & 1)
		value |= SYSTEM_REFRESH;
	if (output(&pit->channels[SPEAKER]))
		value |= SYSTEM_OUTPUT;
	return value;
}

bool lodge_pit_port(struct lodge_vm *vm, u16 port, u8 *value, bool write)
{
	struct lodge_pit *pit = vm->pit;
	unsigned int i = port & 3;
	unsigned long flags;

	if ((port & ~3) != 0x40 && port != SYSTEM_PORT)
		return false;

	raw_spin_lock_irqsave(&pit->lock, flags);
	if (port == SYSTEM_PORT) {
		if (write) {
			pit->control = *value & SYSTEM_WRITABLE;
			set_gate(&pit->channels[SPEAKER],
				 pit->control & SYSTEM_GATE);
		} else {
			*value = read_system(pit);
		}
	} else if (port == CONTROL_PORT) {
		if (write)
			write_control(pit, *value);
		else
			*value = 0xff;
	} else if (!write) {
		*value = read_count(&pit->channels[i]);
	} else if (write_count(&pit->channels[i], *value) && !i) {
		restart(pit);
	}
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return true;
}

/* ---- State ---- */

void lodge_pit_get_state(struct lodge_vm *vm, struct lodge_pit_state *s)
{
	struct lodge_pit *pit = vm->pit;
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&pit->lock, flags);
	/* What has come due is in the backlog then. */
	tick(pit);
	for (i = 0; i < NR_CHANNELS; i++) {
		s->channels[i] = pit->channels[i].s;
		s->channels[i].elapsed = min(elapsed(&pit->channels[i]),
					     MAX_ELAPSED - 1);
	}
	s->backlog = pit->backlog;
	s->control = pit->control;
	arm(pit);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static bool channel_valid(const struct lodge_pit_channel *s)
{
	if (s->elapsed >= MAX_ELAPSED || s->count > (s->bcd ? 10000 : 0x10000) ||
	    s->latched > (s->access == ACCESS_BOTH ? 2 : 1) ||
	    s->status_latched > 1 || s->mode > 5 || s->access > ACCESS_BOTH ||
	    s->bcd > 1 || s->gate > 1 || s->counting > 1 || s->read_high > 1 ||
	    s->write_high > 1 || memchr_inv(s->padding, 0, sizeof(s->padding)))
		return false;
	return !s->counting || s->count;
}

static bool state_valid(const struct lodge_pit_state *s)
{
	int i;

	for (i = 0; i < NR_CHANNELS; i++) {
		bool gate = i != SPEAKER || s->control & SYSTEM_GATE;

		if (!channel_valid(&s->channels[i]) ||
		    s->channels[i].gate != gate)
			return false;
	}
	return !(s->control & ~SYSTEM_WRITABLE) && s->backlog <= PIT_HZ &&
	       !memchr_inv(s->padding, 0, sizeof(s->padding));
}

int lodge_pit_set_state(struct lodge_vm *vm, const struct lodge_pit_state *s)
{
	struct lodge_pit *pit = vm->pit;
	unsigned long flags;
	u64 now;
	int i;

	if (!state_valid(s))
		return -EINVAL;

	raw_spin_lock_irqsave(&pit->lock, flags);
	now = ktime_get_ns();
	for (i = 0; i < NR_CHANNELS; i++) {
		pit->channels[i].s = s->channels[i];
		pit->channels[i].start = now - s->channels[i].elapsed;
	}
	pit->control = s->control;
	/* What was due before has been counted where it comes from. */
	pit->seen = ticking(&pit->channels[0]) ? ticks_due(&pit->channels[0]) : 0;
	pit->backlog = s->backlog;
	pit->wait = 0;
	arm(pit);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

int lodge_pit_create(struct lodge_vm *vm)
{
	struct lodge_pit *pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);

	if (!pit)
		return -ENOMEM;
	raw_spin_lock_init(&pit->lock);
	pit->vm = vm;
	pit->channels[0].s.gate = 1;
	pit->channels[1].s.gate = 1;
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(&pit->hrtimer, pit_callback, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
#else
	hrtimer_init(&pit->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	pit->hrtimer.function = pit_callback;
#endif
	vm->pit = pit;
	return 0;
}

void lodge_pit_destroy(struct lodge_vm *vm)
{
	if (!vm->pit)
		return;
	hrtimer_cancel(&vm->pit->hrtimer);
	kfree(vm->pit);
	vm->pit = NULL;
}
