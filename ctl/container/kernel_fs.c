// SPDX-License-Identifier: GPL-2.0-only
/* /proc, /sys, /dev and what is below them, each the container's own. */
#include "container/kernel_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "container/mount.h"
#include "container/sys.h"

#define NO_PROGRAMS	(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* What says too much of the host: seen as empty. */
static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore",
	"/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
	"/proc/timer_list", "/proc/timer_stats",
	"/sys/devices/virtual/powercap", "/sys/firmware",
};

/* What steers the host */
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static const struct {
	const char *name;
	unsigned int major, minor;
} devices[] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
};

static const char *const links[][2] = {
	{ "pts/ptmx", "ptmx" },
	{ "/proc/self/fd", "fd" },
	{ "/proc/self/fd/0", "stdin" },
	{ "/proc/self/fd/1", "stdout" },
	{ "/proc/self/fd/2", "stderr" },
};

static const char *const folders[] = { "pts", "shm", "mqueue" };

int kernel_fs_proc(struct error *error)
{
	return mount_new("proc", NULL, NO_PROGRAMS, error);
}

static int make_device(int dir, const char *name, mode_t mode, dev_t device,
		       uid_t owner, struct error *error)
{
	if (mknodat(dir, name, mode, device) ||
	    fchownat(dir, name, owner, owner, AT_SYMLINK_NOFOLLOW))
		return error_set(error, errno, "cannot make the device /dev/%s", name);
	return 0;
}

/* --device: the target is beneath /dev, where alone devices work. */
static int make_chosen_device(int dir, const struct container_device *device,
			      uid_t owner, struct error *error)
{
	const char *name = device->target;
	struct stat status;
	char parent[256];
	char *slash;
	int place;

	if (stat(device->source, &status))
		return error_set(error, errno, "cannot look at the device %s",
				 device->source);
	if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
		return error_set(error, 0, "'%s' is not a device", device->source);
	if (strncmp(name, "/dev/", 5) || strstr(name, "..") ||
	    strlen(name) >= sizeof(parent) || name[strlen(name) - 1] == '/') {
		error_set(error, 0, "'%s' is not a place for a device", name);
		return error_advise(error, "give one beneath /dev: --device %s:/dev/NAME",
				    device->source);
	}
	name += 5;
	snprintf(parent, sizeof(parent), "%s", name);
	slash = strrchr(parent, '/');
	if (slash) {
		*slash = '\0';
		place = mount_place(dir, parent, S_IFDIR | 0755, error);
		if (place < 0)
			return -1;
		close(place);
	}
	unlinkat(dir, name, 0);
	return make_device(dir, name, (status.st_mode & S_IFMT) | (status.st_mode & 0777),
			   status.st_rdev, owner, error);
}

static int fill_dev(int dir, const struct container_config *config, uid_t owner,
		    struct error *error)
{
	size_t i;

	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (make_device(dir, devices[i].name, S_IFCHR | 0666,
				makedev(devices[i].major, devices[i].minor), owner,
				error))
			return -1;
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i][0], dir, links[i][1]))
			return error_set(error, errno, "cannot make /dev/%s",
					 links[i][1]);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdirat(dir, folders[i], 0755))
			return error_set(error, errno, "cannot make /dev/%s",
					 folders[i]);
	if (config->run.process.tty &&
	    mknodat(dir, "console", S_IFREG | 0600, 0))
		return error_set(error, errno, "cannot make /dev/console");
	for (i = 0; i < config->nr_devices; i++)
		if (make_chosen_device(dir, &config->devices[i], owner, error))
			return -1;
	return 0;
}

int kernel_fs_dev(const struct container_config *config, uid_t owner,
		  struct error *error)
{
	static const char *const options[] = { "mode=0755", "size=64k", NULL };
	int dev = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
			    error);
	mode_t mask;
	int result;

	if (dev < 0)
		return -1;
	mask = umask(0);
	result = fill_dev(dev, config, owner, error);
	umask(mask);
	if (!result && fchownat(dev, "", owner, owner, AT_EMPTY_PATH))
		result = error_set(error, errno, "cannot give /dev to the container");
	if (!result)
		return dev;
	close(dev);
	return -1;
}

static int attach_at(const struct rootfs *rootfs, int mount, const char *path,
		     struct error *error)
{
	int place = mount_place(rootfs->root, path, S_IFDIR | 0755, error);
	int result;

	if (place < 0)
		return -1;
	result = mount_attach(mount, place, path, error);
	close(place);
	return result;
}

static int attach_new(const struct rootfs *rootfs, const char *type,
		      const char *const *options, uint64_t attributes,
		      const char *path, struct error *error)
{
	int mount = mount_new(type, options, attributes, error);
	int result;

	if (mount < 0)
		return -1;
	result = attach_at(rootfs, mount, path, error);
	close(mount);
	return result;
}

static int open_inside(const struct rootfs *rootfs, const char *path)
{
	return sys_openat2(rootfs->root, path, O_PATH,
			   RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/* Puts @cover, or a clone of it if it is attached, over @place. */
static int cover_path(int cover, bool clone, int place, const char *path,
		      struct error *error)
{
	int mount = cover, result;

	if (clone)
		mount = open_tree(cover, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				  AT_EMPTY_PATH);
	if (mount < 0)
		return error_set(error, errno, "cannot cover %s", path);
	result = mount_attach(mount, place, path, error);
	if (clone)
		close(mount);
	return result;
}

static int mask_paths(const struct rootfs *rootfs, struct error *error)
{
	static const char *const options[] = { "size=4k", "mode=0555", NULL };
	int folder = mount_new("tmpfs", options, NO_PROGRAMS | MOUNT_ATTR_RDONLY,
			       error);
	int file, place, result = 0;
	bool used = false;	/* cloned can be only what is attached */
	struct stat status;
	size_t i;

	if (folder < 0)
		return -1;
	file = open_inside(rootfs, "/dev/null");
	if (file < 0)
		result = error_set(error, errno, "cannot open the container's /dev/null");
	for (i = 0; i < sizeof(masked) / sizeof(masked[0]) && !result; i++) {
		place = open_inside(rootfs, masked[i]);
		if (place < 0)
			continue;	/* this kernel does not have it */
		if (!fstat(place, &status) && S_ISDIR(status.st_mode)) {
			result = cover_path(folder, used, place, masked[i], error);
			used = true;
		} else {
			result = cover_path(file, true, place, masked[i], error);
		}
		close(place);
	}
	if (file >= 0)
		close(file);
	close(folder);
	return result;
}

static int protect_paths(const struct rootfs *rootfs, struct error *error)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	int place, cover, result = 0;
	size_t i;

	for (i = 0; i < sizeof(read_only) / sizeof(read_only[0]) && !result; i++) {
		place = open_inside(rootfs, read_only[i]);
		if (place < 0)
			continue;
		cover = open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				  AT_EMPTY_PATH | AT_RECURSIVE);
		if (cover < 0 ||
		    mount_setattr(cover, "", AT_EMPTY_PATH | AT_RECURSIVE,
				  &attributes, sizeof(attributes)))
			result = error_set(error, errno, "cannot protect %s",
					   read_only[i]);
		else
			result = mount_attach(cover, place, read_only[i], error);
		if (cover >= 0)
			close(cover);
		close(place);
	}
	return result;
}

int kernel_fs_attach(const struct rootfs *rootfs,
		     const struct container_config *config, struct error *error)
{
	static const char *const pts_options[] = {
		"ptmxmode=0666", "mode=0620", "gid=5", NULL
	};
	static const char *const shm_options[] = { "mode=1777", "size=64m", NULL };
	uint64_t protection = config->privileged ? 0 : MOUNT_ATTR_RDONLY;

	if (attach_at(rootfs, rootfs->proc, "/proc", error) ||
	    attach_at(rootfs, rootfs->dev, "/dev", error) ||
	    attach_new(rootfs, "devpts", pts_options,
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "/dev/pts", error) ||
	    attach_new(rootfs, "tmpfs", shm_options, NO_PROGRAMS, "/dev/shm", error) ||
	    attach_new(rootfs, "mqueue", NULL, NO_PROGRAMS, "/dev/mqueue", error) ||
	    attach_new(rootfs, "sysfs", NULL, NO_PROGRAMS | protection, "/sys", error) ||
	    attach_new(rootfs, "cgroup2", NULL, NO_PROGRAMS | protection,
		       "/sys/fs/cgroup", error))
		return -1;
	if (config->privileged)
		return 0;
	/* From inside to outside: /proc/sys is covered, not what covers it. */
	if (protect_paths(rootfs, error))
		return -1;
	return mask_paths(rootfs, error);
}
