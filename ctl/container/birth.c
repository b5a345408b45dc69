// SPDX-License-Identifier: GPL-2.0-only
/*
 * A container's beginning: the child of the keeper makes its world around
 * itself, waits for the wall, starts the command and stays as PID 1.
 *
 * It never executes a program of the host, and holds the host's files no longer
 * than until it has entered its own root.  The tool's own program, /proc/1/exe,
 * cannot be opened from inside: PID 1 is not dumpable and has rights that the
 * command lacks; and nobody can write to it while the keeper runs it.
 */
#include "container/birth.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "container/channel.h"
#include "container/rootfs.h"
#include "container/streams.h"
#include "init/init.h"
#include "init/vm.h"

enum {
	CHANNEL_FD = STDERR_FILENO + 1,
	IMAGE_FD,
	USERNS_FD,
	NR_FDS,
};

__attribute__((noreturn))
static void fail(int status, const struct error *error)
{
	channel_fail(CHANNEL_FD, status, error);
	_exit(status);
}

static int die_with_keeper(struct error *error)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return error_set(error, errno, "cannot protect PID 1");
	return 0;
}

static int enter_userns(const struct container_config *config, struct error *error)
{
	int namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

	if (config->net != CONTAINER_NET_HOST)
		namespaces |= CLONE_NEWNET;
	if (setns(USERNS_FD, CLONE_NEWUSER) || setgroups(0, NULL) ||
	    setresgid(0, 0, 0) || setresuid(0, 0, 0))
		return error_set(error, errno, "cannot enter the user namespace");
	if (unshare(namespaces) || unshare(CLONE_NEWTIME))
		return error_set(error, errno, "cannot make namespaces");
	/* All of that took it back. */
	if (die_with_keeper(error))
		return -1;
	return channel_send(CHANNEL_FD, MESSAGE_UNSHARED, NULL, 0, -1);
}

static int write_files(const struct birth *birth, const struct rootfs *rootfs,
		       const char *host_lines, struct error *error)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s\n", birth->hostname);
	if (rootfs_write(rootfs, "/etc/hostname", text, error))
		return -1;
	snprintf(text, sizeof(text), INIT_HOSTS "%s", host_lines);
	if (rootfs_write(rootfs, "/etc/hosts", text, error))
		return -1;
	if (!birth->resolv_conf[0])
		return 0;
	return rootfs_write(rootfs, "/etc/resolv.conf", birth->resolv_conf, error);
}

static void make_world(struct birth *birth, struct identity *identity,
		       struct error *error)
{
	const struct container_config *config = birth->config;
	struct rootfs rootfs = { .owner = birth->owner };
	struct failure failure;
	char host_lines[256];
	size_t size = sizeof(host_lines) - 1;
	const int fds[NR_FDS] = {
		birth->streams[0], birth->streams[1], birth->streams[2],
		birth->channel, birth->image, birth->userns,
	};

	if (streams_arrange(fds, NR_FDS, error) || die_with_keeper(error) ||
	    rlimits_set(&config->run.process.limits, error) ||
	    rootfs_prepare(&rootfs, config, IMAGE_FD, error))
		fail(STATUS_LODGE, error);
	if (birth->userns >= 0 && enter_userns(config, error))
		fail(STATUS_LODGE, error);
	/* From here on what it makes is as its root sees it. */
	rootfs.owner = 0;
	if (rootfs_assemble(&rootfs, config, error))
		fail(STATUS_LODGE, error);
	if (channel_receive(CHANNEL_FD, MESSAGE_NET, host_lines, &size, NULL, &failure))
		_exit(STATUS_LODGE);
	host_lines[size] = '\0';
	if (write_files(birth, &rootfs, host_lines, error) ||
	    rootfs_enter(&rootfs, config, error) || channel_renew(CHANNEL_FD, error))
		fail(STATUS_LODGE, error);
	if (channel_send(CHANNEL_FD, MESSAGE_SCRATCH, NULL, 0, rootfs.scratch))
		_exit(STATUS_LODGE);
	close_range(IMAGE_FD, ~0U, 0);
	if (sethostname(birth->hostname, strlen(birth->hostname))) {
		error_set(error, errno, "cannot set the host name '%s'",
			  birth->hostname);
		fail(STATUS_LODGE, error);
	}
	if (process_identify(config->run.process.user, identity, error))
		fail(STATUS_LODGE, error);
}

/* The command's own process, between fork and exec. */
__attribute__((noreturn))
static void become_command(const struct birth *birth, const struct identity *identity,
			   const struct sock_filter *filter, size_t nr_filter,
			   int terminal, struct error *error)
{
	streams_use_terminal(terminal);
	fail(process_exec(&birth->config->run.process, identity, filter, nr_filter, error),
	     error);
}

void birth_run(struct birth *birth)
{
	static struct sock_filter filter[4096];
	static const int none[3] = { -1, -1, -1 };
	size_t size = sizeof(filter);
	struct identity identity;
	struct failure failure;
	struct error error = { .text = "" };
	int terminal = -1, master = -1;
	pid_t command;

	init_block_signals();
	prctl(PR_SET_NAME, "lodge-init", 0, 0, 0);
	setsid();
	make_world(birth, &identity, &error);
	if (streams_use_null(birth->streams, &error))
		fail(STATUS_LODGE, &error);
	streams_give(birth->streams, &identity);
	if (birth->config->run.process.tty) {
		terminal = streams_make_terminal(identity.uid, true, &master, &error);
		if (terminal < 0)
			fail(STATUS_LODGE, &error);
	}
	if (channel_send(CHANNEL_FD, MESSAGE_READY, NULL, 0, master) ||
	    channel_receive(CHANNEL_FD, MESSAGE_GO, filter, &size, NULL, &failure))
		_exit(STATUS_LODGE);
	if (master >= 0)
		close(master);
	command = fork();
	if (command < 0) {
		error_set(&error, errno, "cannot start the container's command");
		fail(STATUS_LODGE, &error);
	}
	if (!command)
		become_command(birth, &identity, filter, size / sizeof(filter[0]),
			       terminal, &error);
	/* With no stream left here, the keeper sees when the command's end. */
	streams_use_null(none, &error);
	close_range(CHANNEL_FD, ~0U, 0);
	/* The host's command line, and secrets in -e, are not for `ps` inside. */
	memset(birth->title, 0, birth->title_size);
	_exit(init_run(command));
}
