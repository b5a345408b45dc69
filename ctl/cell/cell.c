// SPDX-License-Identifier: GPL-2.0-only
/* Cells, as /dev/lodge makes them. */
#include "cell/cell.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/lodge.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cell/policy.h"

static int explain(const struct cell_config *config, struct error *error)
{
	switch (errno) {
	case EEXIST:
		error_set(error, 0, "the name '%s' is taken", config->name);
		return error_advise(error, "'lodge ps' lists guests; give another name with --name");
	case EPERM:
		return error_set(error, 0, "only root outside any container can make one");
	case ENOTTY:
		error_set(error, 0, "the loaded module is too old to guard containers");
		return error_advise(error, "load the lodge.ko that belongs to this tool");
	default:
		return error_set(error, errno, "the module cannot guard the container");
	}
}

static int open_device(struct error *error)
{
	int device = open("/dev/lodge", O_RDWR | O_CLOEXEC);

	if (device >= 0)
		return device;
	error_set(error, errno, "cannot open /dev/lodge");
	if (errno == ENOENT)
		error_advise(error, "load the module: modprobe lodge");
	else if (errno == EACCES)
		error_advise(error, "run lodge as root");
	return -1;
}

/* The policy file, and what the command line adds to it */
static int make_policy(const struct cell_config *config, struct policy *policy,
		       struct error *error)
{
	const uint32_t all = LODGE_ACCESS_READ | LODGE_ACCESS_WRITE |
			     LODGE_ACCESS_EXECUTE;
	size_t i;

	if (policy_load(policy, config->policy, config->init, error))
		return -1;
	for (i = 0; i < config->nr_trees; i++)
		if (policy_add_tree(policy, config->trees[i], all, error))
			return -1;
	for (i = 0; i < config->nr_devices; i++)
		if (policy_add_device(policy, config->devices[i],
				      LODGE_ACCESS_READ | LODGE_ACCESS_WRITE,
				      error))
			return -1;
	if (config->privileged)
		policy_widen(policy);
	if (config->complain)
		policy->complain = true;
	return 0;
}

int cell_create(const struct cell_config *config, struct error *error)
{
	struct lodge_policy for_module;
	struct lodge_create_cell args = {
		.size = sizeof(args),
		.pid = config->init,
		.cgroup = config->cgroup,
		.policy = (uintptr_t)&for_module,
	};
	struct policy policy = { 0 };
	int device, cell = -1;

	if (config->name && strlen(config->name) >= sizeof(args.name))
		return error_set(error, 0, "the name '%s' is too long", config->name);
	if (config->name)
		memcpy(args.name, config->name, strlen(config->name));
	device = open_device(error);
	if (device < 0)
		return -1;
	if (make_policy(config, &policy, error))
		goto out;
	policy_to_module(&policy, &for_module);
	cell = ioctl(device, LODGE_CREATE_CELL, &args);
	if (cell < 0)
		explain(config, error);
out:
	policy_close(&policy);
	close(device);
	return cell;
}

/*
 * Return: what a process may do to a file as far as it has opened it; 0 for what
 * needs no leave, as it is nowhere in a file system
 */
static uint32_t access_of(int dir, const char *name)
{
	char target[16] = "";
	struct stat link, file;
	uint32_t access = 0;

	if (fstatat(dir, name, &link, AT_SYMLINK_NOFOLLOW) ||
	    readlinkat(dir, name, target, sizeof(target) - 1) < 0 ||
	    !strncmp(target, "pipe:", 5) || !strncmp(target, "anon_inode:", 11))
		return 0;
	/* A folder would be all that is in it. */
	if (fstatat(dir, name, &file, 0) || S_ISDIR(file.st_mode))
		return 0;
	if (link.st_mode & 0400)
		access |= LODGE_ACCESS_READ;
	if (link.st_mode & 0200)
		access |= LODGE_ACCESS_WRITE;
	return access;
}

static int add_descriptor(struct policy *policy, int dir, const char *name,
			  struct error *error)
{
	uint32_t access = access_of(dir, name);
	int fd, ret;

	if (!access)
		return 0;
	fd = openat(dir, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, errno, "cannot find descriptor %s of the VM's process",
				 name);
	ret = policy_add_tree(policy, fd, access, error);
	close(fd);
	return ret;
}

static int add_descriptors(struct policy *policy, pid_t pid, struct error *error)
{
	const struct dirent *entry;
	char path[32];
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir) {
		error_set(error, errno, "cannot look at the VM's process in %s", path);
		return error_advise(error, "mount /proc");
	}
	while (!ret && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			ret = add_descriptor(policy, dirfd(dir), entry->d_name, error);
	closedir(dir);
	return ret;
}

int cell_wall_vm(pid_t pid, int vm, struct error *error)
{
	struct lodge_policy for_module;
	struct lodge_create_cell args = {
		.size = sizeof(args),
		.flags = LODGE_CELL_VM,
		.pid = pid,
		.cgroup = -1,
		.vm = vm,
		.policy = (uintptr_t)&for_module,
	};
	struct policy policy = { 0 };
	int device, cell = -1;

	device = open_device(error);
	if (device < 0)
		return -1;
	if (add_descriptors(&policy, pid, error))
		goto out;
	policy_to_module(&policy, &for_module);
	cell = ioctl(device, LODGE_CREATE_CELL, &args);
	if (cell < 0 && (errno == E2BIG || errno == EINVAL || errno == ENOTTY)) {
		error_set(error, 0, "the loaded module is too old to put a wall around a VM's process");
		error_advise(error, "load the lodge.ko that belongs to this tool");
	} else if (cell < 0) {
		error_set(error, errno, "the module cannot put a wall around the VM's process");
	}
out:
	policy_close(&policy);
	close(device);
	return cell;
}

static void set_state(int cell, uint32_t flags, int status)
{
	struct lodge_cell_state state = {
		.size = sizeof(state),
		.flags = flags,
		.status = status,
	};

	/* What it is told is for people: nothing depends on it. */
	(void)!ioctl(cell, LODGE_CELL_SET_STATE, &state);
}

void cell_ended(int cell, int status)
{
	set_state(cell, LODGE_CELL_ENDED, status);
}

void cell_paused(int cell, bool paused)
{
	set_state(cell, paused ? LODGE_CELL_PAUSED : 0, 0);
}
