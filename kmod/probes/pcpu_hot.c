// SPDX-License-Identifier: GPL-2.0-only
/* The current task is in a struct with other hot variables. */
/* exported: pcpu_hot */
#include <linux/sched.h>
#include <asm/current.h>

int probe(void)
{
	return offsetof(struct pcpu_hot, current_task);
}
