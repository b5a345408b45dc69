// SPDX-License-Identifier: GPL-2.0-only
/* A guest runs for a while, and gets answers of any kind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "fuzz.h"

#define MAX_RUNS	60

static void answer(struct tape *t, struct lodge_run *run)
{
	u64 value = draw_value(t);

	switch (run->exit_reason) {
	case LODGE_EXIT_IO:
		run->io.data = value;
		break;
	case LODGE_EXIT_MMIO:
		memcpy(run->mmio.data, &value, sizeof(value));
		break;
	}
	/* The page is the tool's as well: the module must not rely on it. */
	if (one_in(t, 40))
		mutate(t, run, sizeof(*run));
	run->immediate_exit = one_in(t, 64);
}

static void tell(const struct lodge_run *run)
{
	char text[160];
	int n;

	if (run->exit_reason == LODGE_EXIT_MEMORY)
		n = snprintf(text, sizeof(text), "# MEMORY error %d\n",
			     run->memory.error);
	else
		n = snprintf(text, sizeof(text), "# %u rip %#llx: %.92s\n",
			     run->exit_reason,
			     (unsigned long long)run->fail.rip,
			     run->fail.reason);
	/* Lines of several processes stay whole. */
	(void)!write(STDOUT_FILENO, text, n);
}

void run_guest(struct thread *t, int vcpu)
{
	struct world *w = t->world;
	struct tape *tape = &t->tape;
	int runs = 1 + below(tape, MAX_RUNS);
	struct lodge_run *run;
	u32 reason;
	long ret;

	if (one_in(tape, 64)) {
		do_ioctl(t, CALL_RUN, any_vcpu(t), LODGE_RUN,
			 (void *)draw_value(tape), 0);
		return;
	}
	while (runs--) {
		run = __atomic_load_n(&w->run[vcpu], __ATOMIC_ACQUIRE);
		ret = do_ioctl(t, CALL_RUN, w->vcpu[vcpu], LODGE_RUN, NULL, 0);
		if (ret || !run)
			return;
		reason = run->exit_reason;
		if (reason < NR_EXITS)
			count(&counts->exit[reason]);
		/* It will not get any further as it is. */
		if (reason == LODGE_EXIT_DEBUG)
			continue;
		if (reason >= LODGE_EXIT_SHUTDOWN) {
			if (verbose)
				tell(run);
			return;
		}
		answer(tape, run);
	}
}
