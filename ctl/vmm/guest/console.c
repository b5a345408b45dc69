// SPDX-License-Identifier: GPL-2.0-only
/* What a guest's kernel has said. */
#include "vmm/guest/console.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define LINES_MAX	40

size_t console_log_read(struct console_log *log, int fd)
{
	size_t room = sizeof(log->bytes) - log->end;
	ssize_t count;

	do
		count = read(fd, log->bytes + log->end, room);
	while (count < 0 && errno == EINTR);
	if (count <= 0)
		return 0;
	log->end = (log->end + (size_t)count) % sizeof(log->bytes);
	log->count += (size_t)count;
	if (log->count > sizeof(log->bytes))
		log->count = sizeof(log->bytes);
	return (size_t)count;
}

static char at(const struct console_log *log, size_t i)
{
	return log->bytes[(log->end + sizeof(log->bytes) - log->count + i) %
			  sizeof(log->bytes)];
}

void console_log_print(const struct console_log *log)
{
	size_t start = log->count, lines = 0, i;
	bool line_begins = true;

	while (start && (at(log, start - 1) != '\n' || lines++ < LINES_MAX))
		start--;
	for (i = start; i < log->count; i++) {
		char c = at(log, i);

		if (c != '\n' && !isprint((unsigned char)c))
			continue;
		if (line_begins)
			fputs("guest: ", stderr);
		fputc(c, stderr);
		line_begins = c == '\n';
	}
	if (!line_begins)
		fputc('\n', stderr);
}
