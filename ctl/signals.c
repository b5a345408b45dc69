// SPDX-License-Identifier: GPL-2.0-only
#include "signals.h"

#include <errno.h>
#include <sys/signalfd.h>

void signals_add(sigset_t *set, const int *signals, size_t count)
{
	struct sigaction action;
	size_t i;

	for (i = 0; i < count; i++)
		if (sigaction(signals[i], NULL, &action) ||
		    action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

int signals_open(const sigset_t *set, struct error *error)
{
	int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		error_set(error, errno, "cannot make a signalfd");
	return fd;
}
