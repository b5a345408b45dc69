// SPDX-License-Identifier: GPL-2.0-only
/*
 * lodge-init: PID 1 of a guest.  The kernel gives it every orphan, and would drop
 * a signal that a PID 1 has no handler for: as a process of its own behind it, a
 * command has neither problem.
 */
#include "init/init.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>

static void signals_to_wait_for(sigset_t *set)
{
	static const int faults[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS,
	};
	size_t i;

	sigfillset(set);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(set, faults[i]);
}

void init_block_signals(void)
{
	sigset_t set;

	signals_to_wait_for(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	/* Ignored, children would vanish without their status. */
	signal(SIGCHLD, SIG_DFL);
}

/* Return: has @command ended? */
static bool reap(pid_t command, int *status)
{
	bool ended = false;
	int one;
	pid_t pid;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0)
		if (pid == command) {
			*status = WIFSIGNALED(one) ? 128 + WTERMSIG(one) :
						     WEXITSTATUS(one);
			ended = true;
		}
	return ended;
}

/* Job control and a closed pipe are for PID 1 itself, and nothing to it. */
static bool is_for_command(int signal)
{
	return signal != SIGCHLD && signal != SIGTSTP && signal != SIGTTIN &&
	       signal != SIGTTOU && signal != SIGPIPE;
}

int init_run(int command)
{
	siginfo_t info;
	sigset_t set;
	int status = 0;

	signals_to_wait_for(&set);
	while (!reap(command, &status)) {
		if (sigwaitinfo(&set, &info) < 0)
			continue;
		if (is_for_command(info.si_signo))
			kill(command, info.si_signo);
	}
	return status;
}
