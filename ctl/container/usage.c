// SPDX-License-Identifier: GPL-2.0-only
/* What a cgroup has used, and what it may use. */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/cgroup.h"

/* Return: the file's text in @text, or an empty one */
static const char *read_text(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t length = -1;

	if (fd >= 0) {
		length = read(fd, text, size - 1);
		close(fd);
	}
	text[length > 0 ? length : 0] = '\0';
	return text;
}

/* "12345", not "max" */
static uint64_t read_number(int dir, const char *name)
{
	char text[32];

	read_text(dir, name, text, sizeof(text));
	return isdigit((unsigned char)text[0]) ? strtoull(text, NULL, 10) :
						 UINT64_MAX;
}

static uint64_t read_cpu_time(int dir)
{
	static const char key[] = "usage_usec ";
	char text[1024];
	const char *line = strstr(read_text(dir, "cpu.stat", text, sizeof(text)),
				  key);

	if (!line)
		return UINT64_MAX;
	return strtoull(line + strlen(key), NULL, 10) * 1000;
}

/* The sum over all devices: "8:0 rbytes=1 wbytes=2 ..." */
static uint64_t add_up(const char *text, const char *key)
{
	uint64_t sum = 0;

	for (text = strstr(text, key); text; text = strstr(text, key)) {
		text += strlen(key);
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

static void read_io(int dir, struct cgroup_usage *usage)
{
	static char text[16384];

	if (faccessat(dir, "io.stat", R_OK, 0))
		return;
	read_text(dir, "io.stat", text, sizeof(text));
	usage->read = add_up(text, " rbytes=");
	usage->written = add_up(text, " wbytes=");
}

void cgroup_get_usage(const char *below_root, struct cgroup_usage *usage)
{
	char path[PATH_MAX];
	int dir = -1;

	memset(usage, 0xff, sizeof(*usage));
	if (!cgroup_below_root(path, below_root))
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	usage->memory = read_number(dir, "memory.current");
	usage->memory_limit = read_number(dir, "memory.max");
	usage->pids = read_number(dir, "pids.current");
	usage->cpu_time = read_cpu_time(dir);
	read_io(dir, usage);
	close(dir);
}

/* "12345" or "max"; 0: it is not there */
static uint64_t read_limit(int dir, const char *name)
{
	char text[64];

	if (!strncmp(read_text(dir, name, text, sizeof(text)), "max", 3))
		return LIMIT_MAX;
	return strtoull(text, NULL, 10);
}

/* "150000 100000", by the period that is ours or another */
static uint64_t read_quota(int dir)
{
	uint64_t quota, period;
	char text[64], *end;

	if (!strncmp(read_text(dir, "cpu.max", text, sizeof(text)), "max", 3))
		return LIMIT_MAX;
	quota = strtoull(text, &end, 10);
	period = strtoull(end, NULL, 10);
	return period ? quota * CGROUP_CPU_PERIOD / period : 0;
}

/* "default 100", and what disks have of their own */
static uint64_t read_io_weight(int dir)
{
	static const char *const names[] = { "io.weight", "io.bfq.weight" };
	static const char key[] = "default ";
	uint64_t weight = 0;
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !weight; i++)
		if (!strncmp(read_text(dir, names[i], text, sizeof(text)), key,
			     strlen(key)))
			weight = strtoull(text + strlen(key), NULL, 10);
	return weight;
}

static void read_io_max(int dir, struct limits *limits)
{
	char text[LIMITS_IO_MAX * LIMITS_IO_SIZE], *line, *place;

	read_text(dir, "io.max", text, sizeof(text));
	for (line = strtok_r(text, "\n", &place);
	     line && limits->nr_io_max < LIMITS_IO_MAX; line = strtok_r(NULL, "\n", &place))
		snprintf(limits->io_max[limits->nr_io_max++], LIMITS_IO_SIZE, "%.*s",
			 LIMITS_IO_SIZE - 1, line);
}

void cgroup_get_limits(const char *path, struct limits *limits)
{
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	memset(limits, 0, sizeof(*limits));
	if (dir < 0)
		return;
	limits->memory = read_limit(dir, "memory.max");
	limits->cpu_quota = read_quota(dir);
	limits->cpu_weight = read_limit(dir, "cpu.weight");
	limits->pids = read_limit(dir, "pids.max");
	limits->io_weight = read_io_weight(dir);
	read_io_max(dir, limits);
	close(dir);
}

void cgroup_get_memory(int fd, uint64_t *peak, uint64_t *now)
{
	*peak = read_limit(fd, "memory.peak");
	*now = read_limit(fd, "memory.current");
}

unsigned int cgroup_count(int fd)
{
	unsigned int count = 0;
	char text[16384];
	const char *line;

	for (line = read_text(fd, "cgroup.procs", text, sizeof(text)); *line; line++)
		count += *line == '\n';
	return count;
}
