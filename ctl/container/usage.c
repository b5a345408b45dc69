// SPDX-License-Identifier: GPL-2.0-only
/* What a cgroup has used. */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
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
