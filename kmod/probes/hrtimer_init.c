// SPDX-License-Identifier: GPL-2.0-only
/* hrtimer_init(), where the callback is assigned by hand. */
#include <linux/hrtimer.h>

void probe(struct hrtimer *timer)
{
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}
