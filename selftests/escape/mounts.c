// SPDX-License-Identifier: GPL-2.0-only
/* Ways through mounts and cgroups. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "box.h"
#include "guest.h"
#include "vm.h"

/* glibc's <sys/mount.h> and the kernel's do not go together. */
#ifndef MS_RDONLY
#define MS_RDONLY	1
#define MS_REMOUNT	32
#endif
int umount2(const char *target, int flags);
int mount(const char *source, const char *target, const char *type,
	  unsigned long flags, const void *data);

/* A disk that has no file system: what the mount says of it is enough. */
static void have_disk(struct box *box)
{
	int file = CHECK(open(HOST_DIR "/disk", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	int loop = CHECK(open("/dev/loop7", O_RDWR | O_CLOEXEC));

	CHECK(ftruncate(file, 1 << 20));
	ioctl(loop, LOOP_CLR_FD);
	CHECK(ioctl(loop, LOOP_SET_FD, file));
	close(file);
	/* Who has it open to write keeps others from mounting it. */
	close(loop);
}

static bool remove_disk(struct box *box)
{
	int loop = CHECK(open("/dev/loop7", O_RDONLY | O_CLOEXEC));

	ioctl(loop, LOOP_CLR_FD);
	close(loop);
	unlink(HOST_DIR "/disk");
	return true;
}

/* It was read, and there is nothing on it. */
static int seen(int error)
{
	return error == EINVAL || error == EUCLEAN || error == EIO ? 0 : error;
}

static int run_mount(struct box *box)
{
	return mount("/dev/loop7", "/mnt", "erofs", MS_RDONLY, NULL) ?
	       seen(errno) : 0;
}

static int run_fsconfig(struct box *box)
{
	int fd = syscall(SYS_fsopen, "erofs", 0);

	if (fd < 0)
		return errno;
	if (syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, "source", "/dev/loop7", 0) ||
	    syscall(SYS_fsconfig, fd, FSCONFIG_SET_FLAG, "ro", NULL, 0))
		return errno;
	return syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ?
	       seen(errno) : 0;
}

static void leak_mount(struct box *box)
{
	box->fd = CHECK(syscall(SYS_open_tree, AT_FDCWD, HOST_DIR, OPEN_TREE_CLONE));
}

static int run_move_mount(struct box *box)
{
	if (syscall(SYS_move_mount, box->fd, "", AT_FDCWD, "/mnt",
		    MOVE_MOUNT_F_EMPTY_PATH))
		return errno;
	return try_read(AT_FDCWD, "/mnt/secret");
}

static int run_remount(struct box *box)
{
	return mount(NULL, "/ro", NULL, MS_REMOUNT, NULL) ? errno : 0;
}

static int run_new_type(const char *type)
{
	return mount(type, "/mnt", type, 0, NULL) ? errno : 0;
}

static int run_tracefs(struct box *box)
{
	int ret = run_new_type("tracefs");

	return ret ? ret : try_write("/mnt/trace_marker", "escape");
}

static int run_debugfs(struct box *box)
{
	int ret = run_new_type("debugfs");

	return ret ? ret : try_write("/mnt/clear_warn_once", "1");
}

static int run_devtmpfs(struct box *box)
{
	return run_new_type("devtmpfs");
}

#define V1_DIR	"/tmp/escape-v1"

/* CVE-2022-0492: a hierarchy of version 1, here without a controller */
static void mount_v1(struct box *box)
{
	mkdir(V1_DIR, 0755);
	CHECK(mount("escape", V1_DIR, "cgroup", 0, "none,name=escape"));
}

static bool umount_v1(struct box *box)
{
	umount2(V1_DIR, 2);	/* MNT_DETACH */
	return true;
}

static int run_release_agent(struct box *box)
{
	if (mount("escape", "/mnt", "cgroup", 0, "none,name=escape"))
		return errno;
	return try_write("/mnt/release_agent", "/bin/true");
}

static void leak_cgroup(struct box *box)
{
	mkdir("/sys/fs/cgroup/escape-other", 0755);
	box->fd = leak("/sys/fs/cgroup/escape-other", O_PATH | O_DIRECTORY);
}

static int run_migrate(struct box *box)
{
	int fd = openat(box->fd, "cgroup.procs", O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return errno;
	if (write(fd, "0", 1) < 0)
		ret = errno;
	return ret;
}

static bool remove_cgroup(struct box *box)
{
	int tries;

	for (tries = 0; tries < 100 && rmdir("/sys/fs/cgroup/escape-other"); tries++)
		usleep(10000);
	return true;
}

const struct attack mount_attacks[] = {
	{ "mounting the host's disk", "vfs_get_tree",
	  .prepare = have_disk, .run = run_mount, .clean = remove_disk },
	{ "mounting the host's disk, the new way", "vfs_get_tree",
	  .prepare = have_disk, .run = run_fsconfig, .clean = remove_disk },
	{ "moving a mount of the host", "security_move_mount",
	  .prepare = leak_mount, .run = run_move_mount },
	{ "remounting read-write", "security_sb_remount", .run = run_remount },
	{ "tracefs", "vfs_get_tree", .run = run_tracefs },
	{ "debugfs", "vfs_get_tree", .run = run_debugfs },
	{ "devtmpfs", "vfs_get_tree", .run = run_devtmpfs },
	{ "release_agent (CVE-2022-0492)", "vfs_get_tree",
	  .prepare = mount_v1, .run = run_release_agent, .clean = umount_v1 },
	{ "another cgroup", "security_file_open",
	  .prepare = leak_cgroup, .run = run_migrate, .clean = remove_cgroup },
	{ NULL },
};
