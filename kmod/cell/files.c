// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files: those in trees that the cell was given, on file systems that it mounted
 * itself, and what has no place in any file system (pipes, memfds, epoll...).
 *
 * Opening is not all that is checked: a descriptor may have been inherited from
 * outside, or passed in.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <linux/mman.h>
#include <linux/nsproxy.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include "hook.h"
#include "../compat.h"

/* Names of the files at the top of /proc that tell, or give, too much */
static const char *const proc_secrets[] = {
	"kcore", "kmsg", "keys", "key-users", "kpagecount", "kpageflags",
	"kpagecgroup", "vmcore", "sched_debug", "timer_list", "latency_stats",
	"acpi", "scsi", "mtrr",
};

/* Folders of /proc/sys that belong to a namespace of the cell, whole or in part */
static const char *const sysctl_own[] = {
	"kernel/hostname", "kernel/domainname", "kernel/shmmax",
	"kernel/shmall", "kernel/shmmni", "kernel/shm_rmid_forced",
	"kernel/msgmax", "kernel/msgmni", "kernel/msgmnb", "kernel/sem",
	"kernel/auto_msgmni", "fs/mqueue",
};

static bool has_all(u32 granted, u32 wanted)
{
	return (granted & wanted) == wanted;
}

static bool is_given(const struct lodge_call *call, struct dentry *dentry,
		     u32 access)
{
	const struct lodge_rules *rules = call->rules;
	const struct super_block *sb = dentry->d_sb;
	u32 i;

	/* Pipes, memfds and the like: never mounted where anybody sees them. */
	if (sb->s_flags & SB_NOUSER)
		return true;
	for (i = 0; i < rules->nr_trees; i++) {
		struct dentry *root = rules->trees[i].path.dentry;

		if (root->d_sb == sb && has_all(rules->trees[i].access, access) &&
		    (root == sb->s_root || is_subdir(dentry, root)))
			return true;
	}
	return lodge_cell_has_mounted(call->cell, sb);
}

/* Whether any file of a file system was given: for what is beneath an overlay */
static bool is_fs_given(const struct lodge_call *call, const struct super_block *sb)
{
	u32 i;

	if (sb->s_flags & SB_NOUSER)
		return true;
	for (i = 0; i < call->rules->nr_trees; i++) {
		if (call->rules->trees[i].path.dentry->d_sb == sb)
			return true;
	}
	return lodge_cell_has_mounted(call->cell, sb);
}

static bool name_is(const struct dentry *dentry, const char *name, size_t length)
{
	return dentry->d_name.len == length &&
	       !memcmp(dentry->d_name.name, name, length);
}

/*
 * The first two names of the path of a file in /proc.  Nothing is renamed there.
 * Return: how deep the file is
 */
static int proc_path(const struct dentry *dentry, const struct dentry **first,
		     const struct dentry **second, const struct dentry **third)
{
	int depth = 0;

	*first = NULL;
	*second = NULL;
	*third = NULL;
	for (; !IS_ROOT(dentry); dentry = READ_ONCE(dentry->d_parent)) {
		*third = *second;
		*second = *first;
		*first = dentry;
		depth++;
	}
	return depth;
}

static bool is_own_sysctl(const struct dentry *second, const struct dentry *third)
{
	const char *slash;
	size_t i;

	if (!second)
		return false;
	/* Of the network namespace of who looks; the host's is none of its own. */
	if (name_is(second, "net", 3))
		return current->nsproxy->net_ns != &init_net;
	if (name_is(second, "user", 4))
		return false;
	if (!third)
		return false;
	for (i = 0; i < ARRAY_SIZE(sysctl_own); i++) {
		slash = strchr(sysctl_own[i], '/');
		if (name_is(second, sysctl_own[i], slash - sysctl_own[i]) &&
		    name_is(third, slash + 1, strlen(slash + 1)))
			return true;
	}
	return false;
}

/* /proc is the cell's own, but much in it is not. */
static int check_proc(const struct lodge_call *call, struct dentry *dentry,
		      u32 access)
{
	const struct dentry *first, *second, *third;
	size_t i;

	if (!proc_path(dentry, &first, &second, &third))
		return 0;
	for (i = 0; access && i < ARRAY_SIZE(proc_secrets); i++) {
		if (name_is(first, proc_secrets[i], strlen(proc_secrets[i])))
			return lodge_deny_dentry(call, LODGE_RIGHT_SYSCTL, -EACCES,
						 dentry);
	}
	if (!(access & LODGE_ACCESS_WRITE))
		return 0;
	/* A process's own files; those outside have no number in here. */
	if (first->d_name.name[0] >= '0' && first->d_name.name[0] <= '9')
		return 0;
	if (name_is(first, "sys", 3) && is_own_sysctl(second, third))
		return 0;
	return lodge_deny_dentry(call, LODGE_RIGHT_SYSCTL, -EACCES, dentry);
}

static bool is_device_given(const struct lodge_rules *rules, bool block, dev_t dev,
			    u32 access)
{
	u32 i;

	access &= LODGE_ACCESS_READ | LODGE_ACCESS_WRITE;
	for (i = 0; i < rules->nr_devices; i++) {
		const struct lodge_device *device = &rules->devices[i];

		if (device->block == block &&
		    (device->major == LODGE_DEVICE_ANY ||
		     device->major == MAJOR(dev)) &&
		    (device->minor == LODGE_DEVICE_ANY ||
		     device->minor == MINOR(dev)) &&
		    has_all(device->access, access))
			return true;
	}
	return false;
}

static int check_device(const struct lodge_call *call, umode_t mode, dev_t dev,
			u32 access)
{
	if (!S_ISCHR(mode) && !S_ISBLK(mode))
		return 0;
	if (is_device_given(call->rules, S_ISBLK(mode), dev, access))
		return 0;
	return lodge_deny(call, LODGE_RIGHT_DEVICES, -EPERM, "%s device %u:%u",
			  S_ISBLK(mode) ? "block" : "character", MAJOR(dev),
			  MINOR(dev));
}

static int check_dentry(const struct lodge_call *call, struct dentry *dentry,
			u32 access)
{
	if (!is_given(call, dentry, access))
		return lodge_deny_dentry(call, LODGE_RIGHT_FILES, -EACCES, dentry);
	if (dentry->d_sb->s_magic == PROC_SUPER_MAGIC)
		return check_proc(call, dentry, access);
	if (dentry->d_sb->s_magic == SYSFS_MAGIC && access & LODGE_ACCESS_WRITE)
		return lodge_deny_dentry(call, LODGE_RIGHT_SYSCTL, -EACCES,
					 dentry);
	return 0;
}

/* /dev/null and its like carry nothing, so it does not matter where they are. */
static bool is_harmless(const struct lodge_call *call, const struct inode *inode,
			u32 access)
{
	return S_ISCHR(inode->i_mode) && MAJOR(inode->i_rdev) == MEM_MAJOR &&
	       is_device_given(call->rules, false, inode->i_rdev, access);
}

/*
 * What an overlay opens beneath itself is the overlay's file in the end.  One that
 * was given is given with what is beneath; one that the cell has mounted may be over
 * anything.  The path is the overlay's, or since 6.8 both are known.
 */
static struct dentry *dentry_of(const struct lodge_call *call, struct file *file)
{
#ifdef HAVE_FILE_USER_PATH
	if (file->f_mode & FMODE_BACKING) {
		struct dentry *dentry = file_user_path(file)->dentry;

		if (!lodge_cell_has_mounted(call->cell, dentry->d_sb))
			return dentry;
	}
#endif
	return file->f_path.dentry;
}

static int check_file(const struct lodge_call *call, struct file *file, u32 access)
{
	struct inode *inode = file_inode(file);
	struct dentry *dentry = dentry_of(call, file);

	if (is_harmless(call, inode, access))
		return 0;
	if (inode->i_sb != dentry->d_sb &&
	    lodge_cell_has_mounted(call->cell, dentry->d_sb) &&
	    !is_fs_given(call, inode->i_sb))
		return lodge_deny_dentry(call, LODGE_RIGHT_FILES, -EACCES, dentry);
	return check_dentry(call, dentry, access);
}

int lodge_check_file_open(const struct lodge_call *call, const unsigned long *args)
{
	struct file *file = (struct file *)args[0];
	struct inode *inode = file_inode(file);
	u32 access = 0;
	int ret;

	if (file->f_mode & FMODE_READ)
		access |= LODGE_ACCESS_READ;
	if (file->f_mode & FMODE_WRITE)
		access |= LODGE_ACCESS_WRITE;
	if (file->f_flags & (__force int)FMODE_EXEC)
		access |= LODGE_ACCESS_EXECUTE;
	ret = check_file(call, file, access);
	if (ret)
		return ret;
	return check_device(call, inode->i_mode, inode->i_rdev, access);
}

static u32 access_of_mask(int mask)
{
	u32 access = 0;

	if (mask & MAY_READ)
		access |= LODGE_ACCESS_READ;
	if (mask & (MAY_WRITE | MAY_APPEND))
		access |= LODGE_ACCESS_WRITE;
	if (mask & MAY_EXEC)
		access |= LODGE_ACCESS_EXECUTE;
	return access;
}

int lodge_check_file_permission(const struct lodge_call *call,
				const unsigned long *args)
{
	return check_file(call, (struct file *)args[0], access_of_mask(args[1]));
}

/* A descriptor that is passed in, or asked for something else than its data */
int lodge_check_file_use(const struct lodge_call *call, const unsigned long *args)
{
	return check_file(call, (struct file *)args[0], 0);
}

int lodge_check_file_truncate(const struct lodge_call *call,
			      const unsigned long *args)
{
	return check_file(call, (struct file *)args[0], LODGE_ACCESS_WRITE);
}

int lodge_check_mmap_file(const struct lodge_call *call, const unsigned long *args)
{
	struct file *file = (struct file *)args[0];
	u32 access = LODGE_ACCESS_READ;

	if (!file)
		return 0;
	if (args[1] & PROT_EXEC)
		access |= LODGE_ACCESS_EXECUTE;
	if (args[1] & PROT_WRITE && (args[2] & MAP_TYPE) != MAP_PRIVATE)
		access |= LODGE_ACCESS_WRITE;
	return check_file(call, file, access);
}

int lodge_check_path_read(const struct lodge_call *call, const unsigned long *args)
{
	return check_dentry(call, ((const struct path *)args[0])->dentry, 0);
}

int lodge_check_path_write(const struct lodge_call *call, const unsigned long *args)
{
	return check_dentry(call, ((const struct path *)args[0])->dentry,
			    LODGE_ACCESS_WRITE);
}

int lodge_check_path_mknod(const struct lodge_call *call, const unsigned long *args)
{
	umode_t mode = args[2];
	dev_t dev = new_decode_dev(args[3]);
	int ret = lodge_check_path_write(call, args);

	/* 0:0 is what an overlay makes of a file that was removed. */
	if (ret || (S_ISCHR(mode) && !dev))
		return ret;
	return check_device(call, mode, dev, 0);
}

int lodge_check_path_link(const struct lodge_call *call, const unsigned long *args)
{
	int ret = check_dentry(call, (struct dentry *)args[0], LODGE_ACCESS_WRITE);

	return ret ?: lodge_check_path_write(call, &args[1]);
}

int lodge_check_path_rename(const struct lodge_call *call,
			    const unsigned long *args)
{
	int ret = lodge_check_path_write(call, &args[0]);

	return ret ?: lodge_check_path_write(call, &args[2]);
}

/* (idmap or user namespace, dentry, ...) */
int lodge_check_inode_change(const struct lodge_call *call,
			     const unsigned long *args)
{
	return check_dentry(call, (struct dentry *)args[1], LODGE_ACCESS_WRITE);
}
