// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
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
#include "cell.h"
#include "guest.h"
#include "vm.h"

static void live(int go, int (*run)(void *arg), void *arg)
{
	char letter;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &letter, 1))
		_exit(255);
	close(go);
	_exit(run(arg));
}

void cell_create(struct cell *cell, const char *name,
		 const struct lodge_policy *policy, int (*run)(void *arg), void *arg)
{
	struct lodge_create_cell args = {
		.size = sizeof(args),
		.policy = (u64)policy,
	};
	struct clone_args clone_args = {
		.flags = CLONE_NEWPID | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	int go[2], dev, cgroup;

	snprintf(cell->cgroup, sizeof(cell->cgroup), "/sys/fs/cgroup/%s", name);
	mkdir(cell->cgroup, 0755);
	cgroup = CHECK(open(cell->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK(pipe2(go, O_CLOEXEC));
	clone_args.cgroup = cgroup;
	fflush(stdout);
	cell->init = CHECK(syscall(SYS_clone3, &clone_args, sizeof(clone_args)));
	if (!cell->init) {
		close(go[1]);
		live(go[0], run, arg);
	}
	close(go[0]);
	cell->go = go[1];
	args.pid = cell->init;
	args.cgroup = cgroup;
	memcpy(args.name, name, strlen(name));
	dev = CHECK(open("/dev/lodge", O_RDWR | O_CLOEXEC));
	cell->fd = CHECK(ioctl(dev, LODGE_CREATE_CELL, &args));
	close(dev);
	close(cgroup);
}

void cell_start(struct cell *cell)
{
	close(cell->go);
	cell->go = -1;
}

int cell_end(struct cell *cell)
{
	int status, tries;

	/* Cells that were made later may have inherited its descriptor. */
	kill(cell->init, SIGKILL);
	close(cell->fd);
	if (cell->go >= 0)
		close(cell->go);
	CHECK(waitpid(cell->init, &status, 0));
	/* It may take a moment to be gone from its cgroup. */
	for (tries = 0; tries < 1000 && rmdir(cell->cgroup); tries++)
		usleep(10000);
	return status;
}
