// SPDX-License-Identifier: GPL-2.0-only
/* Threads of a keeper. */
#include "vmm/thread.h"

#include <signal.h>
#include <stddef.h>

/* A stack that is never used is never allocated; yet 8 MiB each look alarming. */
#define STACK_SIZE	(256 * 1024UL)

int thread_start(pthread_t *thread, void *(*body)(void *data), void *data,
		 int signal, const char *what, struct error *error)
{
	static const int faults[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS,
	};
	sigset_t all, before;
	pthread_attr_t attr;
	int result;
	size_t i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	if (signal)
		sigdelset(&all, signal);
	/* Faults of our own must come to their handler, see terminal.c. */
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(thread, &attr, body, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!result)
		return 0;
	error_set(error, result, "cannot start %s", what);
	return error_advise(error, "look at 'ulimit -u' and the cgroup's pids.max");
}
