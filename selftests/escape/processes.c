// SPDX-License-Identifier: GPL-2.0-only
/* Ways to the host's processes and namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "box.h"
#include "guest.h"
#include "vm.h"

#define NO_NUMBER	"a process outside has no number in a pid namespace"

static void have_victim(struct box *box)
{
	box->victim = start_victim();
}

static void leak_pidfd(struct box *box)
{
	box->victim = start_victim();
	box->fd = CHECK(syscall(SYS_pidfd_open, box->victim, 0));
}

/* Its input */
static int run_pidfd_getfd(struct box *box)
{
	return syscall(SYS_pidfd_getfd, box->fd, 0, 0) < 0 ? errno : 0;
}

static int run_pidfd_signal(struct box *box)
{
	return syscall(SYS_pidfd_send_signal, box->fd, SIGUSR1, NULL, 0) ? errno : 0;
}

static int run_vm_readv(struct box *box)
{
	char text[8];
	struct iovec local = { text, sizeof(text) };
	struct iovec remote = { run_vm_readv, sizeof(text) };

	return process_vm_readv(box->victim, &local, 1, &remote, 1, 0) < 0 ?
	       errno : 0;
}

static int run_ptrace(struct box *box)
{
	return ptrace(PTRACE_ATTACH, box->victim, 0, 0) ? errno : 0;
}

static int run_kcmp(struct box *box)
{
	return syscall(SYS_kcmp, box->victim, getpid(), 0, 0, 0) < 0 ? errno : 0;
}

static int run_prlimit(struct box *box)
{
	struct rlimit limit;

	return prlimit(box->victim, RLIMIT_NOFILE, NULL, &limit) ? errno : 0;
}

static int run_kill(struct box *box)
{
	return kill(box->victim, SIGUSR1) ? errno : 0;
}

/*
 * A process group is known without a number: that of the caller may be the
 * host's, with processes of the host in it.
 */
static void have_group(struct box *box)
{
	/* A session's leader has one already. */
	if (getpgrp() != getpid())
		CHECK(setpgid(0, 0));
	signal(SIGUSR1, SIG_IGN);
	box->victim = start_victim();
}

/* The victim was killed by the group's signal. */
static bool victim_is_dead(struct box *box)
{
	int status, tries;

	for (tries = 0; tries < 20; tries++) {
		if (waitpid(box->victim, &status, WNOHANG) == box->victim) {
			box->victim = 0;
			return true;
		}
		usleep(10000);
	}
	return false;
}

static int run_kill_group(struct box *box)
{
	signal(SIGUSR2, SIG_IGN);
	return kill(0, SIGUSR2) ? errno : 0;
}

static void have_deaf_group(struct box *box)
{
	have_group(box);
	signal(SIGUSR2, SIG_IGN);
	/* One that hears it, unlike us */
	kill(box->victim, SIGKILL);
	waitpid(box->victim, NULL, 0);
	box->victim = CHECK(fork());
	if (!box->victim) {
		signal(SIGUSR2, SIG_DFL);
		for (;;)
			pause();
	}
	usleep(50000);
}

static int run_setpriority(struct box *box)
{
	return setpriority(PRIO_PGRP, 0, 5) ? errno : 0;
}

static bool victim_is_nice(struct box *box)
{
	int priority = getpriority(PRIO_PROCESS, box->victim);

	CHECK(setpriority(PRIO_PGRP, 0, 0));
	return priority == 5;
}

#define SETNS(what)							\
	static void leak_##what##_ns(struct box *box)			\
	{								\
		box->fd = leak("/proc/self/ns/" #what, O_RDONLY);	\
	}

SETNS(mnt)
SETNS(net)
SETNS(uts)
SETNS(ipc)
SETNS(pid)
SETNS(cgroup)
SETNS(time)
SETNS(user)

static int run_setns(struct box *box)
{
	return setns(box->fd, 0) ? errno : 0;
}

const struct attack process_attacks[] = {
	{ "pidfd_getfd", "security_ptrace_access_check",
	  .prepare = leak_pidfd, .run = run_pidfd_getfd },
	{ "pidfd_send_signal", "security_task_kill",
	  .prepare = leak_pidfd, .run = run_pidfd_signal,
	  .impossible = "a pidfd of a process outside the pid namespace takes no signal" },
	{ "process_vm_readv", "security_ptrace_access_check",
	  .prepare = have_victim, .run = run_vm_readv, .impossible = NO_NUMBER },
	{ "ptrace", "security_ptrace_access_check",
	  .prepare = have_victim, .run = run_ptrace, .impossible = NO_NUMBER },
	{ "kcmp", "security_ptrace_access_check",
	  .prepare = have_victim, .run = run_kcmp, .impossible = NO_NUMBER },
	{ "prlimit", "security_task_setrlimit",
	  .prepare = have_victim, .run = run_prlimit, .impossible = NO_NUMBER },
	{ "kill", "security_task_kill",
	  .prepare = have_victim, .run = run_kill, .impossible = NO_NUMBER },
	{ "a signal to the host's process group", "security_task_kill",
	  BOX_HOST_GROUP, .prepare = have_deaf_group, .run = run_kill_group,
	  .clean = victim_is_dead },
	{ "setpriority on the host's process group", "security_task_setnice",
	  BOX_HOST_GROUP, .prepare = have_group, .run = run_setpriority,
	  .clean = victim_is_nice },
	{ "setns to the host's mount namespace", "mntns_install",
	  .prepare = leak_mnt_ns, .run = run_setns },
	{ "setns to the host's network namespace", "netns_install",
	  .prepare = leak_net_ns, .run = run_setns },
	{ "setns to the host's UTS namespace", "utsns_install",
	  .prepare = leak_uts_ns, .run = run_setns },
	{ "setns to the host's IPC namespace", "ipcns_install",
	  .prepare = leak_ipc_ns, .run = run_setns },
	{ "setns to the host's cgroup namespace", "cgroupns_install",
	  .prepare = leak_cgroup_ns, .run = run_setns },
	{ "setns to the host's time namespace", "timens_install",
	  .prepare = leak_time_ns, .run = run_setns },
	{ "setns to the host's pid namespace", "pidns_install",
	  .prepare = leak_pid_ns, .run = run_setns,
	  .impossible = "a pid namespace can only be joined downwards" },
	{ "setns to the host's user namespace", "userns_install",
	  .prepare = leak_user_ns, .run = run_setns,
	  .impossible = "the box is in this user namespace already" },
	{ NULL },
};
