// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounts of images. One file means one loop device, and one loop device means one
 * super block, so that all guests of an image share its page cache. The device
 * clears itself when the last mount has gone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "image/image.h"

#define TRIES	100

/* What fsopen() and its kin say in words, one line of it. */
static void read_reason(int fs, char *text, size_t size)
{
	ssize_t n;

	*text = '\0';
	while ((n = read(fs, text, size - 1)) > 0) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		/* "e " marks an error. */
		if (!strncmp(text, "e ", 2)) {
			memmove(text, text + 2, strlen(text + 2) + 1);
			return;
		}
		*text = '\0';
	}
}

/* Return: whether a device is bound to just this file, as we would do it */
static bool is_bound(int loop, const struct stat *file)
{
	struct loop_info64 info;

	return !ioctl(loop, LOOP_GET_STATUS64, &info) &&
	       info.lo_device == file->st_dev && info.lo_inode == file->st_ino &&
	       !info.lo_offset && !info.lo_sizelimit &&
	       (info.lo_flags & LO_FLAGS_READ_ONLY) && (info.lo_flags & LO_FLAGS_AUTOCLEAR);
}

/*
 * Whether the device is still bound is asked after it was opened: what we hold
 * open does not clear itself.
 */
static int find_bound(const struct stat *file, char *path, size_t size)
{
	const struct dirent *entry;
	char state[64];
	DIR *dir = opendir("/sys/block");
	int loop = -1;

	while (dir && loop < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "loop", 4) ||
		    strlen(entry->d_name) > 20)
			continue;
		snprintf(state, sizeof(state), "/sys/block/%.20s/loop", entry->d_name);
		if (access(state, F_OK))
			continue;
		snprintf(path, size, "/dev/%.20s", entry->d_name);
		loop = open(path, O_RDONLY | O_CLOEXEC);
		if (loop >= 0 && !is_bound(loop, file)) {
			close(loop);
			loop = -1;
		}
	}
	if (dir)
		closedir(dir);
	return loop;
}

static int bind_new(const struct image *image, char *path, size_t size, struct error *error)
{
	struct loop_config config = {
		.fd = (uint32_t)image->fd,
		.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
	};
	int control, loop, number, tries;

	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", image->path);
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		error_set(error, errno, "cannot open /dev/loop-control");
		if (errno == EACCES)
			return error_advise(error, "run lodge as root");
		return error_advise(error, "this kernel has no loop devices: CONFIG_BLK_DEV_LOOP, or modprobe loop");
	}
	/* Others look for a free device, too. */
	for (tries = 0, loop = -1; loop < 0 && tries < TRIES; tries++) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			break;
		snprintf(path, size, "/dev/loop%d", number);
		loop = open(path, O_RDONLY | O_CLOEXEC);
		if (loop < 0 && errno == ENXIO)
			continue;
		if (loop < 0)
			break;
		if (!ioctl(loop, LOOP_CONFIGURE, &config))
			break;
		number = errno;
		close(loop);
		loop = -1;
		errno = number;
		if (errno != EBUSY)
			break;
	}
	if (loop < 0)
		error_set(error, errno, "cannot bind %s to a loop device", image->path);
	close(control);
	return loop;
}

static int mount_failed(const struct image *image, int fs, int errnum, struct error *error)
{
	char reason[160];

	read_reason(fs, reason, sizeof(reason));
	error_set(error, errnum, "cannot mount the image %s%s%s", image->name,
		  *reason ? ": " : "", reason);
	if (errnum == EPERM)
		return error_advise(error, "run lodge as root");
	return error_advise(error, "if it is broken: lodge image rm %s, and import it again",
			    image->name);
}

static int make_mount(const struct image *image, const char *device, struct error *error)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	int fs, mount = -1, ret, tries;

	fs = (int)syscall(SYS_fsopen, "erofs", FSOPEN_CLOEXEC);
	if (fs < 0) {
		error_set(error, errno, "cannot mount the image %s", image->name);
		if (errno == EPERM)
			return error_advise(error, "run lodge as root");
		return error_advise(error, "this kernel has no EROFS: CONFIG_EROFS_FS, or modprobe erofs");
	}
	ret = (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", device, 0) ||
	      syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	/* A super block whose last mount is just going away is in the way. */
	for (tries = 0; !ret && tries < TRIES; tries++) {
		ret = (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
		if (!ret || errno != EBUSY)
			break;
		nanosleep(&moment, NULL);
	}
	if (!ret)
		mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
				     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
	if (mount < 0)
		mount_failed(image, fs, errno, error);
	close(fs);
	return mount;
}

int image_mount(const struct image *image, struct error *error)
{
	char device[32];
	struct stat file;
	int loop, mount = -1;

	if (fstat(image->fd, &file))
		return error_set(error, errno, "cannot read %s", image->path);
	/* Two that mount at the same time would bind two devices. */
	if (flock(image->fd, LOCK_EX))
		return error_set(error, errno, "cannot lock %s", image->path);
	loop = find_bound(&file, device, sizeof(device));
	if (loop < 0)
		loop = bind_new(image, device, sizeof(device), error);
	if (loop >= 0) {
		mount = make_mount(image, device, error);
		close(loop);
	}
	flock(image->fd, LOCK_UN);
	return mount;
}
