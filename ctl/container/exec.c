// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way into a container that runs.  A first process joins its cgroup and all
 * of its namespaces, and there forks the command as a child of its own parent:
 * inside the PID namespace is nobody but who will be the command, and that one
 * has nothing of the host any more.
 */
#include "container/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "container/cgroup.h"
#include "container/channel.h"
#include "container/relay.h"
#include "container/streams.h"
#include "container/sys.h"
#include "tty.h"

enum {
	CHANNEL_FD = STDERR_FILENO + 1,
	INIT_FD,
	NR_FDS,
};

/**
 * struct visit - a process on its way into a container
 * @state: of the container
 * @process: what it is to be
 * @init: the container's PID 1
 * @channel: to who called `exec`
 * @streams: its ends, -1: /dev/null
 * @filter: its seccomp filter
 * @nr_filter: instructions of it
 */
struct visit {
	const struct state *state;
	const struct process *process;
	int init;
	int channel;
	int streams[3];
	struct sock_filter *filter;
	size_t nr_filter;
};

__attribute__((noreturn))
static void fail(int status, const struct error *error)
{
	channel_fail(CHANNEL_FD, status, error);
	_exit(status);
}

static int join_container(const struct visit *visit, struct error *error)
{
	const int fds[NR_FDS] = {
		visit->streams[0], visit->streams[1], visit->streams[2],
		visit->channel, visit->init,
	};
	int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS |
			 CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWTIME;

	if (visit->state->userns)
		namespaces |= CLONE_NEWUSER;
	if (streams_arrange(fds, NR_FDS, error) ||
	    rlimits_set(&visit->process->limits, error))
		return -1;
	prctl(PR_SET_NAME, "lodge-exec", 0, 0, 0);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setns(INIT_FD, namespaces))
		return error_set(error, errno, "cannot join the container '%s'",
				 visit->state->name);
	if (visit->state->userns &&
	    (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0) ||
	     prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)))
		return error_set(error, errno, "cannot become the container's root");
	close(INIT_FD);
	if (channel_renew(CHANNEL_FD, error))
		return -1;
	return streams_use_null(visit->streams, error);
}

/* In the container, a child of who called `exec` */
__attribute__((noreturn))
static void become_command(const struct visit *visit, const struct identity *identity,
			   int terminal)
{
	struct error error = { .text = "" };

	streams_use_terminal(terminal);
	fail(process_exec(visit->process, identity, visit->filter, visit->nr_filter,
			  &error), &error);
}

__attribute__((noreturn)) static void go_in(const struct visit *visit)
{
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_PIDFD };
	struct error error = { .text = "" };
	int terminal = -1, master = -1, pidfd = -1;
	struct identity identity;
	pid_t pid;

	args.pidfd = (uintptr_t)&pidfd;
	if (join_container(visit, &error) ||
	    process_identify(visit->process->user, &identity, &error))
		fail(STATUS_LODGE, &error);
	streams_give(visit->streams, &identity);
	if (visit->process->tty) {
		terminal = streams_make_terminal(identity.uid, false, &master, &error);
		if (terminal < 0)
			fail(STATUS_LODGE, &error);
	}
	if (channel_send(CHANNEL_FD, MESSAGE_READY, NULL, 0, master))
		_exit(STATUS_LODGE);
	if (master >= 0)
		close(master);
	pid = sys_clone3(&args);
	if (!pid)
		become_command(visit, &identity, terminal);
	if (pid < 0) {
		error_set(&error, errno, "cannot start a process in the container");
		fail(STATUS_LODGE, &error);
	}
	channel_send(CHANNEL_FD, MESSAGE_STARTED, NULL, 0, pidfd);
	_exit(0);
}

static int start_visit(struct visit *visit, struct error *error)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	int cgroup = open(visit->state->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	if (cgroup < 0)
		return error_set(error, errno, "cannot open the container's cgroup");
	args.cgroup = (uint64_t)cgroup;
	pid = sys_clone3(&args);
	if (!pid)
		go_in(visit);
	close(cgroup);
	if (pid < 0)
		return error_set(error, errno, "cannot start a process in the container's cgroup");
	return 0;
}

/* Return: 0, or -1 with @failure's error */
static int wait_for(int channel, enum message_type type, int *fd,
		    struct failure *failure)
{
	if (!channel_receive(channel, type, NULL, NULL, fd, failure))
		return 0;
	if (!failure->error.text[0])
		error_set(&failure->error, 0, "the container ended before the command ran");
	return -1;
}

/* Return: an exit status */
static int visit_container(struct visit *visit, struct relay *relay, int *channel,
			   bool interactive, struct error *error)
{
	struct failure failure;
	int master = -1, wait_status, own, i;

	if (start_visit(visit, error))
		return STATUS_LODGE;
	/* What the other side has is closed here, or its end could not be seen. */
	close(visit->channel);
	visit->channel = -1;
	for (i = 0; i < 3; i++) {
		if (visit->streams[i] >= 0)
			close(visit->streams[i]);
		visit->streams[i] = -1;
	}
	if (wait_for(*channel, MESSAGE_CHANNEL, &own, &failure)) {
		*error = failure.error;
		return failure.status;
	}
	close(*channel);
	*channel = own;
	if (wait_for(own, MESSAGE_READY, &master, &failure) ||
	    wait_for(own, MESSAGE_STARTED, &relay->pidfd, &failure)) {
		if (master >= 0)
			close(master);
		*error = failure.error;
		return failure.status;
	}
	if (master >= 0)
		relay_terminal(relay, master, interactive);
	/* The command's exec closes the channel. */
	channel_receive(own, MESSAGE_STARTED, NULL, NULL, NULL, &failure);
	if (failure.error.text[0]) {
		tty_restore();
		*error = failure.error;
		return failure.status;
	}
	wait_status = relay_run(relay, error);
	if (wait_status < 0)
		return STATUS_LODGE;
	return WIFSIGNALED(wait_status) ? STATUS_SIGNAL + WTERMSIG(wait_status) :
					  WEXITSTATUS(wait_status);
}

int container_exec(const struct state *state, const struct process *process,
		   bool interactive)
{
	struct visit visit = {
		.state = state,
		.process = process,
		.channel = -1,
		.streams = { -1, -1, -1 },
	};
	static struct relay relay;
	struct error error = { .text = "" };
	int status = STATUS_LODGE, ends[2] = { -1, -1 };

	relay_init(&relay);
	visit.init = state_open_init(state, &error);
	if (visit.init < 0 || state_check_running(state, &error))
		goto out;
	if (process->seccomp) {
		visit.filter = seccomp_filter(process->caps, &visit.nr_filter, &error);
		if (!visit.filter)
			goto out;
	}
	if ((!process->tty &&
	     relay_pipes(&relay, interactive, visit.streams, &error)) ||
	    relay_block_signals(&relay, &error) || channel_open(ends, &error))
		goto out;
	visit.channel = ends[1];
	status = visit_container(&visit, &relay, &ends[0], interactive, &error);
out:
	relay_close(&relay);
	if (relay.pidfd >= 0)
		close(relay.pidfd);
	if (ends[0] >= 0)
		close(ends[0]);
	if (visit.init >= 0)
		close(visit.init);
	free(visit.filter);
	if (error.text[0])
		error_print(&error);
	return status;
}
