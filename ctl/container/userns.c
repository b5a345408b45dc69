// SPDX-License-Identifier: GPL-2.0-only
/* User namespaces, each with a range of the IDs that root may give away. */
#include "container/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/state.h"
#include "container/sys.h"

/* Where /etc/subuid has nothing for root: far above what people use */
#define DEFAULT_START	0x70000000UL
#define DEFAULT_COUNT	(1024UL * USERNS_IDS)

struct range {
	unsigned long start, count;
};

/* root's line in /etc/subuid or /etc/subgid */
static struct range read_range(const char *path)
{
	struct range range = { DEFAULT_START, DEFAULT_COUNT };
	FILE *file = fopen(path, "re");
	char line[256], *start, *count, *end;

	if (!file)
		return range;
	while (fgets(line, sizeof(line), file)) {
		start = strchr(line, ':');
		if (!start || (strncmp(line, "root:", 5) && strncmp(line, "0:", 2)))
			continue;
		range.start = strtoul(start + 1, &count, 10);
		range.count = *count == ':' ? strtoul(count + 1, &end, 10) : 0;
		break;
	}
	fclose(file);
	return range;
}

/* Return: the number of a free part of @range, or -1 */
static long lock_part(unsigned long parts, int *lock, struct error *error)
{
	char path[64];
	unsigned long i;

	if (state_make_folder("/run/lodge/userns", error))
		return -1;
	for (i = 0; i < parts; i++) {
		snprintf(path, sizeof(path), "/run/lodge/userns/%lu", i);
		*lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (*lock < 0)
			return error_set(error, errno, "cannot open %s", path);
		if (!flock(*lock, LOCK_EX | LOCK_NB))
			return (long)i;
		close(*lock);
	}
	*lock = -1;
	error_set(error, 0, "all subordinate user IDs are in use");
	return error_advise(error, "give root a line with more of them in /etc/subuid and /etc/subgid: root:%lu:%lu",
			    DEFAULT_START, DEFAULT_COUNT);
}

static int write_map(pid_t pid, const char *which, unsigned long start)
{
	char path[64], text[64];
	int length, fd;
	ssize_t count;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	length = snprintf(text, sizeof(text), "0 %lu %u\n", start, USERNS_IDS);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	count = write(fd, text, (size_t)length);
	close(fd);
	return count == length ? 0 : -1;
}

/* A process is needed to make one; it is not needed any longer. */
static int make_namespace(unsigned long uid, unsigned long gid, struct error *error)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER,
		.exit_signal = SIGCHLD,
	};
	char path[64];
	int fd = -1;
	pid_t pid = sys_clone3(&args);

	if (!pid)
		for (;;)
			pause();
	if (pid < 0) {
		error_set(error, errno, "cannot make a user namespace");
		return error_advise(error, "see /proc/sys/user/max_user_namespaces");
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (!write_map(pid, "uid_map", uid) && !write_map(pid, "gid_map", gid))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		error_set(error, errno, "cannot map the container's user IDs to %lu",
			  uid);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return fd;
}

int userns_create(uid_t *owner, int *lock, struct error *error)
{
	struct range uids = read_range("/etc/subuid");
	struct range gids = read_range("/etc/subgid");
	unsigned long count = uids.count < gids.count ? uids.count : gids.count;
	long part;

	*lock = -1;
	if (count < USERNS_IDS || uids.start + count > UINT32_MAX ||
	    uids.start != gids.start) {
		error_set(error, 0, "root's lines in /etc/subuid and /etc/subgid give no range of %u IDs, equal in both",
			  USERNS_IDS);
		return error_advise(error, "write root:%lu:%lu into both",
				    DEFAULT_START, DEFAULT_COUNT);
	}
	part = lock_part(count / USERNS_IDS, lock, error);
	if (part < 0)
		return -1;
	*owner = (uid_t)(uids.start + (unsigned long)part * USERNS_IDS);
	return make_namespace(*owner, *owner, error);
}

int userns_map_mount(int userns, int mount, struct error *error)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)userns,
	};

	if (!mount_setattr(mount, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)))
		return 0;
	error_set(error, errno, "the kernel cannot map the user IDs of the container's image");
	return error_advise(error, "EROFS can since Linux 5.19; or leave --userns out");
}
