// SPDX-License-Identifier: GPL-2.0-only
/* hrtimer_setup() takes the callback, and hrtimer_init() is gone or going. */
#include <linux/hrtimer.h>

void probe(struct hrtimer *timer, enum hrtimer_restart (*fn)(struct hrtimer *))
{
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}
