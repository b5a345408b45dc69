// SPDX-License-Identifier: GPL-2.0-only
/* Files with one word in them, and what can be learned from some. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "sys.h"
#include "vm.h"

long read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atol(text) : -1;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static cpu_set_t cpus;

__attribute__((constructor)) static void note_cpus(void)
{
	sched_getaffinity(0, sizeof(cpus), &cpus);
}

int nr_cpus(void)
{
	return CPU_COUNT(&cpus);
}

int cpu_nr(int i)
{
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus) && !i--)
			return cpu;
	return -1;
}

const char *last_cpu_online(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online",
		 cpu_nr(nr_cpus() - 1));
	return path;
}

bool last_cpu_can_leave(void)
{
	return nr_cpus() > 1 && !access(last_cpu_online(), W_OK);
}

bool debug_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK) ||
	       !access("/proc/self/fail-nth", F_OK);
}

bool module_unused(void)
{
	return WAIT_FOR(read_number(REFCNT) == 0, 10000);
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "lodge", O_NONBLOCK) ? -errno : 0;
}

int module_load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "check_state=1", 0))
		ret = -errno;
	close(fd);
	return ret;
}

static void print_file(const char *task, const char *thread, const char *name)
{
	char path[600], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", task, thread, name);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		fprintf(stderr, "# %s %s: %.200s%s", thread, name, line,
			strchr(line, '\n') ? "" : "\n");
	fclose(f);
}

void print_threads(pid_t pid)
{
	struct dirent *entry;
	char task[64];
	DIR *dir;

	snprintf(task, sizeof(task), "/proc/%d/task", pid);
	dir = opendir(task);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		print_file(task, entry->d_name, "syscall");
		print_file(task, entry->d_name, "stack");
	}
	closedir(dir);
}
