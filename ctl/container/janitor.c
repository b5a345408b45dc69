// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel frees nearly all of a container when its keeper dies: PID 1 and with
 * it all processes, mounts and the network.  A cgroup and files in /run stay;
 * they are what a janitor is for. To leave the network in peace takes the kernel a
 * while; the janitor is who waits for it.
 */
#include "container/janitor.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "container/cgroup.h"
#include "container/state.h"

#define NET_LINGER_MS	2000

__attribute__((noreturn))
static void wait_and_clean(int rope, const char *name, const char *cgroup, bool keep)
{
	struct net net;
	ssize_t count;

	prctl(PR_SET_NAME, "lodge-janitor", 0, 0, 0);
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (dup2(rope, STDIN_FILENO) < 0 || close_range(STDOUT_FILENO, ~0U, 0) ||
	    chdir("/"))
		_exit(1);
	count = net_take_over(&net, STDIN_FILENO);
	if (count > 0) {
		net_detach(&net, NET_LINGER_MS);
		_exit(0);
	}
	cgroup_destroy(cgroup);
	if (!keep)
		state_remove(name);
	_exit(0);
}

int janitor_start(struct janitor *janitor, const char *name, const char *cgroup,
		  bool keep, struct error *error)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return error_set(error, errno, "cannot make a socket");
	janitor->pid = fork();
	if (!janitor->pid) {
		close(ends[1]);
		wait_and_clean(ends[0], name, cgroup, keep);
	}
	close(ends[0]);
	if (janitor->pid < 0) {
		close(ends[1]);
		return error_set(error, errno, "cannot start the janitor");
	}
	janitor->rope = ends[1];
	return 0;
}

void janitor_dismiss(struct janitor *janitor, struct net *net)
{
	if (janitor->pid <= 0) {
		if (net)
			net_detach(net, 0);
		return;
	}
	if (!net || net_hand_over(net, janitor->rope)) {
		if (net)
			net_detach(net, 0);
		send(janitor->rope, "", 1, MSG_NOSIGNAL);
	}
	close(janitor->rope);
	janitor->pid = 0;
}
