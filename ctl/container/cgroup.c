// SPDX-License-Identifier: GPL-2.0-only
/* Control groups, version 2. */
#include "container/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <mntent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define USUAL_MOUNT	"/sys/fs/cgroup"
#define PARENT		"lodge"
#define FREEZE_MS	5000

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Return: 0 or -1 */
static int find_mount(char *path, size_t size)
{
	struct mntent *entry;
	FILE *mounts;
	int result = -1;

	if (is_cgroup2(USUAL_MOUNT)) {
		snprintf(path, size, "%s", USUAL_MOUNT);
		return 0;
	}
	mounts = setmntent("/proc/self/mounts", "re");
	if (!mounts)
		return -1;
	while (result && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2") &&
		    strlen(entry->mnt_dir) < size && is_cgroup2(entry->mnt_dir)) {
			snprintf(path, size, "%s", entry->mnt_dir);
			result = 0;
		}
	endmntent(mounts);
	return result;
}

int cgroup_path(char *path, const char *name, struct error *error)
{
	char mount[PATH_MAX - 128];

	if (find_mount(mount, sizeof(mount))) {
		error_set(error, 0, "cgroup version 2 is not mounted, and a container needs it");
		return error_advise(error, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	}
	snprintf(path, PATH_MAX, "%s/" PARENT "/%s", mount, name);
	return 0;
}

int cgroup_below_root(char *path, const char *below_root)
{
	char mount[PATH_MAX - 128];

	return find_mount(mount, sizeof(mount)) ||
	       snprintf(path, PATH_MAX, "%s%s", mount, below_root) >= PATH_MAX ?
	       -1 : 0;
}

static int write_file(int dir, const char *name, const char *text)
{
	size_t length = strlen(text);
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t count;
	int errnum;

	if (fd < 0)
		return -1;
	count = write(fd, text, length);
	errnum = errno;
	close(fd);
	errno = errnum;
	return count == (ssize_t)length ? 0 : -1;
}

/* Reads a list of words. Return: whether there is one */
static bool read_words(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t count;

	if (fd < 0)
		return false;
	count = read(fd, text, size - 1);
	close(fd);
	text[count < 0 ? 0 : count] = '\0';
	return count >= 0;
}

static bool is_among(const char *word, const char *words)
{
	size_t length = strlen(word);
	const char *at = words;

	while ((at = strstr(at, word))) {
		if ((at == words || strchr("\n ", at[-1])) && strchr("\n ", at[length]))
			return true;
		at += length;
	}
	return false;
}

/* Is @word in the file @name?  */
static bool has_word(int dir, const char *name, const char *word)
{
	char text[256];

	return read_words(dir, name, text, sizeof(text)) && is_among(word, text);
}

/* Lets the children of the folder @path use @controller. */
static int enable_controller(const char *path, const char *controller,
			     struct error *error)
{
	int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	char wish[16];
	int result = 0;

	if (dir < 0)
		return error_set(error, errno, "cannot open the cgroup %s", path);
	snprintf(wish, sizeof(wish), "+%s", controller);
	if (!has_word(dir, "cgroup.subtree_control", controller) &&
	    write_file(dir, "cgroup.subtree_control", wish)) {
		result = error_set(error, errno, "the kernel does not limit '%s' in the cgroup %s",
				   controller, path);
		if (!has_word(dir, "cgroup.controllers", controller))
			error_advise(error, "enable the controller (kernel command line: cgroup_no_v1=%s), or leave the limit out",
				     controller);
	}
	close(dir);
	return result;
}

static void parent_of(char parent[PATH_MAX], const char *path)
{
	char *slash;

	snprintf(parent, PATH_MAX, "%s", path);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
}

/**
 * struct limit - a line for a file of the cgroup
 * @controller: whose it is
 * @file: its name
 * @text: what to write
 * @option: what asked for it
 */
struct limit {
	const char *controller;
	const char *file;
	const char *text;
	const char *option;
};

static int explain_missing(const struct limit *limit, struct error *error)
{
	error_set(error, 0, "the kernel has no %s, which %s needs", limit->file,
		  limit->option);
	return error_advise(error, "leave it out, or boot a kernel that has it");
}

static int set_limit(int dir, const char *parent, const struct limit *limit,
		     struct error *error)
{
	char root[PATH_MAX];

	parent_of(root, parent);
	if (enable_controller(root, limit->controller, error) ||
	    enable_controller(parent, limit->controller, error))
		return -1;
	if (!write_file(dir, limit->file, limit->text))
		return 0;
	if (errno == ENOENT)
		return explain_missing(limit, error);
	if (errno == ENODEV) {
		error_set(error, 0, "there is no disk with the number of '%s' (%s)",
			  limit->text, limit->option);
		return error_advise(error, "'lsblk' lists disks and their numbers");
	}
	error_set(error, errno, "the kernel refuses the limit '%s' (%s)",
		  limit->text, limit->option);
	return error_advise(error, "give another value, or leave it out");
}

static int set_number(int dir, const char *parent, const char *const names[3],
		      uint64_t number, const char *behind, struct error *error)
{
	char text[64];
	const struct limit limit = { names[0], names[1], text, names[2] };

	if (!number)
		return 0;
	if (number == LIMIT_MAX)
		snprintf(text, sizeof(text), "max%s", behind);
	else
		snprintf(text, sizeof(text), "%" PRIu64 "%s", number, behind);
	return set_limit(dir, parent, &limit, error);
}

/*
 * Two schedulers know of weights, and either may be there: iocost, for the disks for
 * which it was switched on, and BFQ, for those that have it.
 */
static int set_io_weight(int dir, const char *parent, uint64_t weight,
			 struct error *error)
{
	static const char *const names[] = { "io", "io.weight", "--io-weight" };
	char text[32];
	const struct limit bfq = { "io", "io.bfq.weight", text, "--io-weight" };
	struct error ignored;

	if (!weight)
		return 0;
	if (enable_controller(parent, "io", &ignored) ||
	    faccessat(dir, "io.bfq.weight", W_OK, 0))
		return set_number(dir, parent, names, weight, "", error);
	/* BFQ's go to 1000 only. */
	snprintf(text, sizeof(text), "%" PRIu64, weight < 1000 ? weight : 1000);
	if (set_limit(dir, parent, &bfq, error))
		return -1;
	if (faccessat(dir, "io.weight", W_OK, 0))
		return 0;
	return set_number(dir, parent, names, weight, "", error);
}

static int set_limits(int dir, const char *parent, const struct limits *limits,
		      struct error *error)
{
	static const char *const memory[] = { "memory", "memory.max", "--memory" };
	static const char *const quota[] = { "cpu", "cpu.max", "--cpus" };
	static const char *const weight[] = { "cpu", "cpu.weight", "--cpu-weight" };
	static const char *const pids[] = { "pids", "pids.max", "--pids" };
	char period[16];
	size_t i;

	snprintf(period, sizeof(period), " %u", CGROUP_CPU_PERIOD);
	if (set_number(dir, parent, memory, limits->memory, "", error) ||
	    set_number(dir, parent, quota, limits->cpu_quota, period, error) ||
	    set_number(dir, parent, weight, limits->cpu_weight, "", error) ||
	    set_number(dir, parent, pids, limits->pids, "", error) ||
	    set_io_weight(dir, parent, limits->io_weight, error))
		return -1;
	for (i = 0; i < limits->nr_io_max; i++)
		if (set_limit(dir, parent, &(struct limit){
				"io", "io.max", limits->io_max[i], "--io-max" },
				error))
			return -1;
	return 0;
}

int cgroup_set_limits(const char *path, const struct limits *limits,
		      struct error *error)
{
	char parent[PATH_MAX];
	int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC), result;

	if (dir < 0)
		return error_set(error, errno, "cannot open the cgroup %s", path);
	parent_of(parent, path);
	result = set_limits(dir, parent, limits, error);
	close(dir);
	return result;
}

/*
 * Lets cgroups be counted without limits, too. What the kernel does not have is
 * not known of them then.
 */
static void count(const char *parent)
{
	static const char *const controllers[] = { "memory", "pids", "io" };
	char root[PATH_MAX], on[256];
	struct error error;
	size_t i;
	int dir = open(parent, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	/* What is on here is on further up, too. */
	if (dir < 0 || !read_words(dir, "cgroup.subtree_control", on, sizeof(on)))
		on[0] = '\0';
	if (dir >= 0)
		close(dir);
	snprintf(root, sizeof(root), "%.*s", (int)(strrchr(parent, '/') - parent),
		 parent);
	for (i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		if (!is_among(controllers[i], on) &&
		    !enable_controller(root, controllers[i], &error))
			enable_controller(parent, controllers[i], &error);
}

int cgroup_create(const char *path, const struct limits *limits,
		  struct error *error)
{
	char parent[PATH_MAX];
	int dir;

	parent_of(parent, path);
	if (mkdir(path, 0755) &&
	    (errno != ENOENT || (mkdir(parent, 0755) && errno != EEXIST) ||
	     mkdir(path, 0755)))
		return error_set(error, errno, "cannot make the cgroup %s", path);
	dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (dir < 0) {
		error_set(error, errno, "cannot open the cgroup %s", path);
		goto fail;
	}
	count(parent);
	if (set_limits(dir, parent, limits, error))
		goto fail;
	return dir;
fail:
	if (dir >= 0)
		close(dir);
	rmdir(path);
	return -1;
}

static int write_in(const char *path, const char *name, const char *text)
{
	int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int result, errnum;

	if (dir < 0)
		return -1;
	result = write_file(dir, name, text);
	errnum = errno;
	close(dir);
	errno = errnum;
	return result;
}

int cgroup_kill(const char *path)
{
	return write_in(path, "cgroup.kill", "1");
}

void cgroup_destroy(const char *path)
{
	struct timespec pause = { 0, 500000 };
	int i;

	cgroup_kill(path);
	/* About 4 s in all: those who die may have much to free. */
	for (i = 0; i < 14; i++) {
		if (!rmdir(path) || errno != EBUSY)
			return;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 400000000)
			pause.tv_nsec *= 2;
	}
}

bool cgroup_is_frozen(int fd)
{
	char text[128];
	ssize_t count = pread(fd, text, sizeof(text) - 1, 0);

	if (count <= 0)
		return false;
	text[count] = '\0';
	return strstr(text, "frozen 1");
}

int cgroup_freeze(const char *path, bool freeze, struct error *error)
{
	char events[PATH_MAX + 16];
	struct pollfd change = { .events = POLLPRI };
	int result = 0;

	snprintf(events, sizeof(events), "%s/cgroup.events", path);
	change.fd = open(events, O_RDONLY | O_CLOEXEC);
	if (change.fd < 0 ||
	    write_in(path, "cgroup.freeze", freeze ? "1" : "0")) {
		result = error_set(error, errno, "cannot %s the cgroup %s",
				   freeze ? "freeze" : "thaw", path);
		goto out;
	}
	while (cgroup_is_frozen(change.fd) != freeze)
		if (poll(&change, 1, FREEZE_MS) <= 0) {
			result = error_set(error, 0, "the cgroup %s does not %s", path,
					   freeze ? "freeze" : "thaw");
			break;
		}
out:
	if (change.fd >= 0)
		close(change.fd);
	return result;
}
