// SPDX-License-Identifier: GPL-2.0-only
/* A container's root: an overlay over its image, and the way into it. */
#include "container/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "container/kernel_fs.h"
#include "container/mount.h"
#include "container/sys.h"

/*
 * Where all is put together, in the container's own mount namespace: any folder
 * that every host has will do.
 */
#define SCRATCH_PLACE	"/proc"

/* The image, or what --rootfs names, becomes the folder "image". */
static int attach_lower(const struct container_config *config, int image,
			struct error *error)
{
	int place, result;

	place = open("image", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return error_set(error, errno, "cannot open a folder just made");
	result = mount_attach(image, place, config->run.image ? "image" : "rootfs",
			      error);
	close(place);
	return result;
}

/* In the scratch folder. Return: the overlay, detached */
static int make_overlay(struct error *error)
{
	static const char *const options[] = {
		"lowerdir=image", "upperdir=upper", "workdir=work", NULL
	};
	struct stat lower;

	/* The root folder's owner and mode are the upper one's. */
	if (stat("image", &lower) || chown("upper", lower.st_uid, lower.st_gid) ||
	    chmod("upper", lower.st_mode & 07777))
		return error_set(error, errno, "cannot prepare the container's root");
	return mount_new("overlay", options, MOUNT_ATTR_NODEV, error);
}

/* Makes the scratch folder and goes there. Return: a descriptor of it, or -1 */
static int make_scratch(struct error *error)
{
	static const char *const options[] = { "mode=0755", NULL };
	static const char *const folders[] = { "image", "upper", "work", "root" };
	int mount = mount_new("tmpfs", options, MOUNT_ATTR_NODEV, error);
	size_t i;

	if (mount < 0)
		return -1;
	if (move_mount(mount, "", AT_FDCWD, SCRATCH_PLACE, MOVE_MOUNT_F_EMPTY_PATH) ||
	    fchdir(mount)) {
		error_set(error, errno, "cannot mount at " SCRATCH_PLACE);
		goto fail;
	}
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdir(folders[i], 0755)) {
			error_set(error, errno, "cannot make a folder");
			goto fail;
		}
	return mount;
fail:
	close(mount);
	return -1;
}

static int open_volumes(struct rootfs *rootfs, const struct container_config *config,
			struct error *error)
{
	const struct container_volume *volume;
	size_t i;

	rootfs->volumes = calloc(config->nr_volumes + 1, sizeof(int));
	if (!rootfs->volumes)
		return error_set(error, errno, "cannot remember volumes");
	for (i = 0; i < config->nr_volumes; i++) {
		struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NODEV };

		volume = &config->volumes[i];
		if (volume->read_only)
			attributes.attr_set |= MOUNT_ATTR_RDONLY;
		rootfs->volumes[i] = open_tree(AT_FDCWD, volume->source,
					       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					       AT_RECURSIVE);
		if (rootfs->volumes[i] < 0) {
			error_set(error, errno, "cannot open the volume %s",
				  volume->source);
			return error_advise(error, "give a file or folder of the host with -v");
		}
		if (mount_setattr(rootfs->volumes[i], "", AT_EMPTY_PATH | AT_RECURSIVE,
				  &attributes, sizeof(attributes)))
			return error_set(error, errno, "cannot protect the volume %s",
					 volume->source);
	}
	return 0;
}

int rootfs_prepare(struct rootfs *rootfs, const struct container_config *config,
		   int image, struct error *error)
{
	/* What happens to mounts here is not to be seen by the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return error_set(error, errno, "cannot make mounts private");
	if (open_volumes(rootfs, config, error))
		return -1;
	rootfs->proc = kernel_fs_proc(error);
	if (rootfs->proc < 0)
		return -1;
	rootfs->dev = kernel_fs_dev(config, rootfs->owner, error);
	if (rootfs->dev < 0)
		return -1;
	rootfs->scratch = make_scratch(error);
	if (rootfs->scratch < 0 || attach_lower(config, image, error))
		return -1;
	rootfs->root = make_overlay(error);
	return rootfs->root < 0 ? -1 : 0;
}

/* A volume must not hide what the walls are made of. */
static int check_place(int place, const char *target, struct error *error)
{
	struct statfs fs;

	if (fstatfs(place, &fs))
		return error_set(error, errno, "cannot look at %s", target);
	if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ||
	    fs.f_type == CGROUP2_SUPER_MAGIC)
		return error_set(error, 0, "'%s' is in the container's /proc or /sys, where nothing can be mounted",
				 target);
	return 0;
}

static int attach_volume(const struct rootfs *rootfs, int mount, const char *target,
			 struct error *error)
{
	struct stat status;
	int place, result;

	if (fstat(mount, &status))
		return error_set(error, errno, "cannot look at a volume");
	place = mount_place(rootfs->root, target,
			    S_ISDIR(status.st_mode) ? S_IFDIR | 0755 : S_IFREG | 0644,
			    error);
	if (place < 0)
		return -1;
	result = check_place(place, target, error);
	if (!result)
		result = mount_attach(mount, place, target, error);
	close(place);
	return result;
}

/* "size=64m,mode=1777" becomes a list for mount_new(). */
static int make_tmpfs(const struct container_tmpfs *tmpfs, struct error *error)
{
	const char *options[16] = { "mode=1777" };
	size_t nr_options = 1;
	char *text = NULL, *rest = NULL, *option;
	int mount = -1;

	if (tmpfs->options) {
		text = strdup(tmpfs->options);
		if (!text)
			return error_set(error, errno, "cannot read '%s'",
					 tmpfs->options);
		for (option = strtok_r(text, ",", &rest);
		     option && nr_options < 15;
		     option = strtok_r(NULL, ",", &rest))
			options[nr_options++] = option;
		if (option) {
			error_set(error, 0, "'%s' has too many options",
				  tmpfs->options);
			goto out;
		}
	}
	options[nr_options] = NULL;
	mount = mount_new("tmpfs", options, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
			  error);
out:
	free(text);
	return mount;
}

static int attach_extras(const struct rootfs *rootfs,
			 const struct container_config *config, struct error *error)
{
	size_t i;
	int mount, result;

	for (i = 0; i < config->nr_volumes; i++)
		if (attach_volume(rootfs, rootfs->volumes[i],
				  config->volumes[i].target, error))
			return -1;
	for (i = 0; i < config->nr_tmpfs; i++) {
		mount = make_tmpfs(&config->tmpfs[i], error);
		if (mount < 0)
			return -1;
		result = attach_volume(rootfs, mount, config->tmpfs[i].target, error);
		close(mount);
		if (result)
			return -1;
	}
	return 0;
}

int rootfs_assemble(struct rootfs *rootfs, const struct container_config *config,
		    struct error *error)
{
	int place;

	/* By its name: in a new mount namespace it is another mount. */
	place = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return error_set(error, errno, "cannot open a folder just made");
	if (mount_attach(rootfs->root, place, "root", error)) {
		close(place);
		return -1;
	}
	close(place);
	if (kernel_fs_attach(rootfs, config, error))
		return -1;
	return attach_extras(rootfs, config, error);
}

int rootfs_write(const struct rootfs *rootfs, const char *path, const char *text,
		 struct error *error)
{
	char folder[64];
	size_t length = strlen(text);
	const char *name = strrchr(path, '/');
	int dir, fd, result = 0;

	snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
	dir = mount_place(rootfs->root, folder, S_IFDIR | 0755, error);
	if (dir < 0)
		return -1;
	name++;
	/* Images have links there, to what their own init would have made. */
	unlinkat(dir, name, 0);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length ||
	    fchown(fd, rootfs->owner, rootfs->owner)) {
		/* A volume that is mounted there is the user's own wish. */
		if (errno != EBUSY && errno != EEXIST && errno != EROFS)
			result = error_set(error, errno, "cannot write the container's %s",
					   path);
	}
	if (fd >= 0)
		close(fd);
	close(dir);
	return result;
}

int rootfs_enter(const struct rootfs *rootfs, const struct container_config *config,
		 struct error *error)
{
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };

	if (config->run.read_only &&
	    mount_setattr(rootfs->root, "", AT_EMPTY_PATH, &read_only,
			  sizeof(read_only)))
		return error_set(error, errno, "cannot make the container's root read-only");
	if (fchdir(rootfs->root))
		return error_set(error, errno, "cannot enter the container's root");
	if (sys_pivot_root(".", ".")) {
		error_set(error, errno, "cannot make it the container's root");
		if (errno == EINVAL)
			error_advise(error, "the host runs from its initramfs: have it switch to another root first");
		return -1;
	}
	/* The host's root lies on top of the new one. */
	if (umount2(".", MNT_DETACH) || chdir("/"))
		return error_set(error, errno, "cannot leave the host's root");
	return 0;
}
