// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest sees of files: its mounts, from /proc/PID/mountinfo, each opened
 * through the guest's own root, where its symbolic links cannot lead out.
 */
#include "cell/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

void trees_unescape(char *text)
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

/* A mount of the guest's */
struct mount {
	unsigned long id;
	const char *device;
	char *root;
	char *point;
	bool read_only;
};

typedef int mount_fn(int root, const struct mount *mount, void *arg,
		     struct error *error);

/* A line of mountinfo: "36 35 98:0 /root /mountpoint rw,noatime - ext4 ..." */
static int parse_mount(char *line, struct mount *mount, struct error *error)
{
	char *fields[6], *super;
	size_t i;

	for (i = 0; i < 6; i++) {
		fields[i] = strsep(&line, " ");
		if (!fields[i]) {
			error_set(error, 0, "/proc/PID/mountinfo has a line that is too short");
			return -1;
		}
	}
	super = line ? strrchr(line, ' ') : NULL;
	mount->id = strtoul(fields[0], NULL, 10);
	mount->device = fields[2];
	mount->root = fields[3];
	mount->point = fields[4];
	mount->read_only = is_read_only(fields[5]) ||
			   (super && is_read_only(super + 1));
	trees_unescape(mount->root);
	trees_unescape(mount->point);
	return 0;
}

/* Calls @fn with the guest's root for each of its mounts, until it fails. */
static int each_mount(pid_t init, mount_fn *fn, void *arg, struct error *error)
{
	char path[40];
	struct mount mount;
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
		ret = parse_mount(line, &mount, error);
		if (!ret)
			ret = fn(root, &mount, arg, error);
	}
	free(line);
	fclose(file);
	close(root);
	return ret;
}

static int add_mount(int root, const struct mount *mount, void *arg,
		     struct error *error)
{
	uint32_t access = LODGE_ACCESS_READ | LODGE_ACCESS_EXECUTE;
	struct policy *policy = arg;
	int fd, ret = 0;

	fd = open_in(root, mount->point);
	/* One that is under another cannot be reached, or is another's. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return error_set(error, errno, "cannot open the guest's mount '%s'",
				 mount->point);
	if (!mount->read_only)
		access |= LODGE_ACCESS_WRITE;
	if (is_mount(fd, mount->id))
		ret = policy_add_tree(policy, fd, access, error);
	close(fd);
	return ret;
}

int trees_of_mounts(struct policy *policy, pid_t init, struct error *error)
{
	return each_mount(init, add_mount, policy, error);
}

/**
 * struct sought - a file that the guest may see
 * @device: "MAJOR:MINOR" of its file system
 * @path: in there
 * @found: what the guest calls it
 * @size: bytes in @found
 * @depth: how much of @path the mount has for its root
 */
struct sought {
	char device[24];
	const char *path;
	char *found;
	size_t size;
	size_t depth;
};

/* "/" is above all, "/a" above "/a/b" but not "/ab". */
static bool is_above(const char *root, size_t length, const char *path)
{
	return !length || (!strncmp(root, path, length) &&
			   (!path[length] || path[length] == '/'));
}

static int look_in_mount(int root, const struct mount *mount, void *arg,
			 struct error *error)
{
	struct sought *sought = arg;
	size_t length = strcmp(mount->root, "/") ? strlen(mount->root) : 0;
	char path[PATH_MAX] = "";
	int fd;

	(void)error;
	if (strcmp(mount->device, sought->device) ||
	    !is_above(mount->root, length, sought->path) ||
	    (sought->found[0] && length < sought->depth) ||
	    snprintf(path, sizeof(path), "%s%s",
		     strcmp(mount->point, "/") ? mount->point : "",
		     sought->path + length) >= (int)sizeof(path))
		return 0;
	/* The root of a file system that is the guest's root */
	if (!path[0])
		path[0] = '/';
	else if (path[1] && path[strlen(path) - 1] == '/')
		path[strlen(path) - 1] = '\0';
	fd = open_in(root, path);
	if (fd < 0)
		return 0;
	if (is_mount(fd, mount->id) && strlen(path) < sought->size) {
		memcpy(sought->found, path, strlen(path) + 1);
		sought->depth = length;
	}
	close(fd);
	return 0;
}

bool trees_find(pid_t init, uint32_t major, uint32_t minor, const char *path,
		char *found, size_t size)
{
	struct sought sought = { .path = path, .found = found, .size = size };
	struct error error;

	found[0] = '\0';
	snprintf(sought.device, sizeof(sought.device), "%u:%u", major, minor);
	return path[0] && !each_mount(init, look_in_mount, &sought, &error) &&
	       found[0];
}
