// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounts by descriptors.  A path in a container is never resolved by its name
 * alone: a link in an image could lead a mount to the host.
 */
#include "container/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/sys.h"

static int set_option(int context, const char *option)
{
	char name[64];
	const char *value = strchr(option, '=');

	if (!value)
		return fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0);
	snprintf(name, sizeof(name), "%.*s", (int)(value - option), option);
	return fsconfig(context, FSCONFIG_SET_STRING, name, value + 1, 0);
}

int mount_new(const char *type, const char *const *options, uint64_t attributes,
	      struct error *error)
{
	int context = fsopen(type, FSOPEN_CLOEXEC);
	int mount = -1;

	if (context < 0) {
		error_set(error, errno, "the kernel has no file system '%s'", type);
		return error_advise(error, "load its module: modprobe %s", type);
	}
	/* What /proc/mounts shows in place of a device */
	fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0);
	for (; options && *options; options++)
		if (set_option(context, *options)) {
			error_set(error, errno, "%s does not take the option '%s'",
				  type, *options);
			goto out;
		}
	if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned int)attributes);
	if (mount < 0)
		error_set(error, errno, "cannot mount the container's %s", type);
out:
	close(context);
	return mount;
}

int mount_attach(int mount, int place, const char *what, struct error *error)
{
	if (move_mount(mount, "", place, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		return error_set(error, errno, "cannot mount at the container's %s",
				 what);
	return 0;
}

static int open_beneath(int root, const char *path)
{
	return sys_openat2(root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* Makes the last component of @path, whose folder is there. */
static int make_last(int root, const char *path, mode_t mode)
{
	char parent[PATH_MAX + 1];
	char *slash;
	int dir, result;

	snprintf(parent, sizeof(parent), "/%s", path);
	slash = strrchr(parent, '/');
	if (!slash)
		return -1;
	*slash = '\0';
	dir = open_beneath(root, parent[0] ? parent : "/");
	if (dir < 0)
		return -1;
	if (S_ISDIR(mode))
		result = mkdirat(dir, slash + 1, mode & 07777);
	else
		result = mknodat(dir, slash + 1, mode, 0);
	if (result && errno == EEXIST)
		result = 0;
	close(dir);
	return result;
}

int mount_place(int root, const char *path, mode_t mode, struct error *error)
{
	char prefix[PATH_MAX];
	size_t end = 0, length = strlen(path);
	int fd = open_beneath(root, path);

	if (fd < 0 && length >= sizeof(prefix)) {
		errno = ENAMETOOLONG;
	} else if (fd < 0 && errno == ENOENT) {
		while (length > 1 && path[length - 1] == '/')
			length--;
		while (end < length) {
			end += strspn(path + end, "/");
			end += strcspn(path + end, "/");
			if (end > length)
				end = length;
			snprintf(prefix, sizeof(prefix), "%.*s", (int)end, path);
			fd = open_beneath(root, prefix);
			if (fd < 0 && errno == ENOENT &&
			    !make_last(root, prefix,
				       end == length ? mode : S_IFDIR | 0755))
				fd = open_beneath(root, prefix);
			if (fd < 0 || end == length)
				break;
			close(fd);
		}
	}
	if (fd < 0)
		error_set(error, errno, "cannot make %s in the container", path);
	return fd;
}
