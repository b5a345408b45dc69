// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest sees of files: its mounts, from /proc/PID/mountinfo, each opened
 * through the guest's own root, where its symbolic links cannot lead out.
 */
#include "cell/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell/policy.h"

static int open_root(pid_t init, struct error *error)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)init);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error_set(error, errno, "cannot see the guest's files");
	return fd;
}

static int open_in(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

int trees_open(pid_t init, const char *path, struct error *error)
{
	int root = open_root(init, error);
	int fd;

	if (root < 0)
		return -1;
	fd = open_in(root, path);
	if (fd < 0)
		error_set(error, errno, "there is no '%s' in the guest", path);
	close(root);
	return fd;
}

/* "\040" and its like, in place */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
		    text[2] && text[3]) {
			*to++ = (char)((text[1] - '0') << 6 |
				       (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* "rw,nosuid": whether the first option is ro */
static bool is_read_only(const char *options)
{
	return !strncmp(options, "ro", 2) && (!options[2] || options[2] == ',');
}

/* Whether the mount with that number is what the path leads to */
static bool is_mount(int fd, unsigned long number)
{
	struct statx statx_buffer;

	return !statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &statx_buffer) &&
	       statx_buffer.stx_mask & STATX_MNT_ID &&
	       statx_buffer.stx_mnt_id == number;
}

/* A line of mountinfo: "36 35 98:0 /root /mountpoint rw,noatime - ext4 ..." */
static int add_mount(struct policy *policy, int root, char *line,
		     struct error *error)
{
	uint32_t access = LODGE_ACCESS_READ | LODGE_ACCESS_EXECUTE;
	char *fields[6], *super;
	size_t i;
	int fd, ret = 0;

	for (i = 0; i < 6; i++) {
		fields[i] = strsep(&line, " ");
		if (!fields[i])
			return error_set(error, 0, "/proc/PID/mountinfo has a line that is too short");
	}
	super = line ? strrchr(line, ' ') : NULL;
	unescape(fields[4]);
	fd = open_in(root, fields[4]);
	/* One that is under another cannot be reached, or is another's. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return error_set(error, errno, "cannot open the guest's mount '%s'",
				 fields[4]);
	if (!is_read_only(fields[5]) && !(super && is_read_only(super + 1)))
		access |= LODGE_ACCESS_WRITE;
	if (is_mount(fd, strtoul(fields[0], NULL, 10)))
		ret = policy_add_tree(policy, fd, access, error);
	close(fd);
	return ret;
}

int trees_of_mounts(struct policy *policy, pid_t init, struct error *error)
{
	char path[40];
	char *line = NULL;
	size_t size = 0;
	int root, ret = 0;
	FILE *file;

	root = open_root(init, error);
	if (root < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)init);
	file = fopen(path, "re");
	if (!file) {
		close(root);
		return error_set(error, errno, "cannot open %s", path);
	}
	while (!ret && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		ret = add_mount(policy, root, line, error);
	}
	free(line);
	fclose(file);
	close(root);
	return ret;
}
