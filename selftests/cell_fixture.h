/* SPDX-License-Identifier: GPL-2.0-only */
/* A process to put a wall around: the first one of a pid namespace, in a cgroup. */
#ifndef LODGE_SELFTEST_CELL_FIXTURE_H
#define LODGE_SELFTEST_CELL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/lodge.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "vm.h"

#define WALLED_CGROUP	"/sys/fs/cgroup/cell-test"
#define HOST_FILE	"/tmp/cell-test"

/**
 * struct walled - a process that does what it is told
 * @init: its pid
 * @cgroup: its cgroup's descriptor
 * @dev: /dev/lodge
 * @file: a file of the host's, open
 * @commands: letters for it
 * @answers: an errno for each
 * @rule: a tree: /proc, as an example
 * @policy: with that rule
 * @args: for LODGE_CREATE_CELL
 */
struct walled {
	pid_t init;
	int cgroup;
	int dev;
	int file;
	int commands[2];
	int answers[2];
	struct lodge_cell_rule rule;
	struct lodge_policy policy;
	struct lodge_create_cell args;
};

enum {
	DO_READ = 'r',		/* read the host's file */
	DO_READ_NESTED = 'n',	/* the same in a pid namespace within */
	DO_CREATE = 'c',	/* make a cell */
};

static inline int walled_read(const struct walled *w)
{
	char text[8];

	return pread(w->file, text, sizeof(text), 0) < 0 ? errno : 0;
}

static inline int walled_read_nested(const struct walled *w)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return errno;
	pid = fork();
	if (!pid)
		_exit(walled_read(w));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static inline void walled_run(const struct walled *w)
{
	unsigned char command, answer;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(w->commands[1]);
	while (read(w->commands[0], &command, 1) == 1) {
		answer = 255;
		if (command == DO_READ)
			answer = walled_read(w);
		else if (command == DO_READ_NESTED)
			answer = walled_read_nested(w);
		else if (command == DO_CREATE)
			answer = ioctl(w->dev, LODGE_CREATE_CELL, &w->args) < 0 ?
				 errno : 0;
		if (write(w->answers[1], &answer, 1) != 1)
			break;
	}
	_exit(7);
}

static inline pid_t walled_clone(const struct walled *w, u64 flags)
{
	struct clone_args args = {
		.flags = flags | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = w->cgroup,
	};
	pid_t pid = CHECK(syscall(SYS_clone3, &args, sizeof(args)));

	if (!pid)
		walled_run(w);
	return pid;
}

static inline void walled_create(struct walled *w)
{
	memset(w, 0, sizeof(*w));
	w->dev = lodge_open();
	mkdir(WALLED_CGROUP, 0755);
	w->cgroup = CHECK(open(WALLED_CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	w->file = CHECK(open(HOST_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	CHECK(pipe2(w->commands, O_CLOEXEC));
	CHECK(pipe2(w->answers, O_CLOEXEC));
	w->init = walled_clone(w, CLONE_NEWPID);
	w->rule.kind = LODGE_RULE_TREE;
	w->rule.access = LODGE_ACCESS_READ;
	w->rule.fd = CHECK(open("/proc", O_PATH | O_CLOEXEC));
	w->policy.size = sizeof(w->policy);
	w->policy.rules = (u64)&w->rule;
	w->policy.nr_rules = 1;
	w->args.size = sizeof(w->args);
	w->args.pid = w->init;
	w->args.cgroup = w->cgroup;
	w->args.policy = (u64)&w->policy;
}

/* What it answers, which is an errno, or 256 if it has gone */
static inline int walled_do(const struct walled *w, unsigned char command)
{
	unsigned char answer;

	CHECK(write(w->commands[1], &command, 1));
	return read(w->answers[0], &answer, 1) == 1 ? answer : 256;
}

static inline int walled_wall(struct walled *w)
{
	return ioctl(w->dev, LODGE_CREATE_CELL, &w->args);
}

/* Return: its wait status */
static inline int walled_free(struct walled *w)
{
	int status = 0, tries;

	close(w->commands[0]);
	close(w->commands[1]);
	close(w->answers[0]);
	close(w->answers[1]);
	kill(w->init, SIGKILL);
	waitpid(w->init, &status, 0);
	close(w->rule.fd);
	close(w->file);
	close(w->cgroup);
	close(w->dev);
	for (tries = 0; tries < 500 && rmdir(WALLED_CGROUP); tries++)
		usleep(10000);
	return status;
}

#endif
