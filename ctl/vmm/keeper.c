// SPDX-License-Identifier: GPL-2.0-only
/* The VMM's side of its wall: what it gives up before the guest runs. */
#include "vmm/keeper.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "fd.h"
#include "signals.h"

/*
 * A wall knows of files, sockets and other processes.  What is left are new
 * processes, programs and namespaces, and to type into the user's terminal.
 */
static int add_rules(scmp_filter_ctx filter)
{
	static const int refused[] = {
		SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(execve),
		SCMP_SYS(execveat), SCMP_SYS(unshare), SCMP_SYS(setns),
	};
	static const unsigned int requests[] = { TIOCSTI, TIOCLINUX };
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0))
			return -1;
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff,
					     requests[i])))
			return -1;
	/* Threads are welcome; without clone3() the C library takes clone(). */
	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0))
		return -1;
	return 0;
}

static int load_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = -1;

	if (!filter)
		return -1;
	/* For the threads that devices have, too */
	if (!seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) &&
	    !add_rules(filter))
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}

int keeper_wall(struct keeper *keeper, int vm, struct error *error)
{
	char byte = 0;
	const struct iovec part = { &byte, 1 };
	ssize_t count;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || load_filter())
		return error_set(error, 0, "cannot limit the system calls of the VM's process");
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOTH))
		return error_set(error, 0, "cannot give up the capabilities of the VM's process");
	if (fd_send(keeper->socket, &part, 1, vm) != 1)
		return error_set(error, errno, "cannot ask for a wall");
	/* Either the word comes, or our end does. */
	do
		count = read(keeper->socket, &byte, 1);
	while (count < 0 && errno == EINTR);
	if (count != 1)
		return error_set(error, count ? errno : 0, "there is no wall");
	close(keeper->socket);
	keeper->socket = -1;
	return 0;
}

int keeper_signals(bool stops, struct error *error)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	static const int stop[] = { SIGTSTP, SIGTTIN, SIGTTOU };
	sigset_t set;

	sigemptyset(&set);
	signals_add(&set, ends, sizeof(ends) / sizeof(ends[0]));
	if (stops)
		signals_add(&set, stop, sizeof(stop) / sizeof(stop[0]));
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signals_open(&set, error);
}
