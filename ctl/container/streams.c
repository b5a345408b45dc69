// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors on their way from the host into a container. */
#include "container/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#define TTY_GROUP	5
#define ARRANGE_MAX	16

int streams_arrange(const int *fds, int count, struct error *error)
{
	int copies[ARRANGE_MAX];
	int i, null;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return error_set(error, errno, "cannot open /dev/null");
	/* First out of the way of each other */
	for (i = 0; i < count; i++) {
		copies[i] = fcntl(fds[i] < 0 ? null : fds[i], F_DUPFD_CLOEXEC, count);
		if (copies[i] < 0)
			return error_set(error, errno, "cannot duplicate a descriptor");
	}
	for (i = 0; i < count; i++)
		if (dup3(copies[i], i, i <= STDERR_FILENO ? 0 : O_CLOEXEC) < 0)
			return error_set(error, errno, "cannot duplicate a descriptor");
	close_range((unsigned int)count, ~0U, 0);
	return 0;
}

int streams_use_null(const int fds[3], struct error *error)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i;

	if (null < 0)
		return error_set(error, errno, "cannot open the guest's /dev/null");
	for (i = 0; i <= STDERR_FILENO; i++)
		if (fds[i] < 0)
			dup2(null, i);
	close(null);
	return 0;
}

void streams_give(const int fds[3], const struct identity *identity)
{
	int i;

	for (i = 0; i <= STDERR_FILENO; i++)
		if (fds[i] >= 0 && fchown(i, identity->uid, identity->gid))
			continue;
}

void streams_use_terminal(int terminal)
{
	int i;

	setsid();
	if (terminal < 0)
		return;
	ioctl(terminal, TIOCSCTTY, 0);
	for (i = 0; i <= STDERR_FILENO; i++)
		dup2(terminal, i);
}

int streams_make_terminal(uid_t uid, bool console, int *master,
			  struct error *error)
{
	int unlocked = 0, slave = -1, cover;

	*master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || ioctl(*master, TIOCSPTLCK, &unlocked))
		goto fail;
	/* Not by its name, which could be another file by now. */
	slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || fchown(slave, uid, TTY_GROUP))
		goto fail;
	if (!console)
		return slave;
	cover = open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			  AT_EMPTY_PATH);
	if (cover >= 0) {
		move_mount(cover, "", AT_FDCWD, "/dev/console",
			   MOVE_MOUNT_F_EMPTY_PATH);
		close(cover);
	}
	return slave;
fail:
	error_set(error, errno, "cannot make a terminal for the guest");
	if (*master >= 0)
		close(*master);
	*master = -1;
	if (slave >= 0)
		close(slave);
	return -1;
}
