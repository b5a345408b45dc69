/* SPDX-License-Identifier: GPL-2.0-only */
/* The last of what a guest's kernel has said, for when that is all there is. */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stddef.h>

#define CONSOLE_LOG_MAX	8192

/**
 * struct console_log - the last bytes
 * @bytes: a ring
 * @end: where the next goes
 * @count: how many there are
 */
struct console_log {
	char bytes[CONSOLE_LOG_MAX];
	size_t end;
	size_t count;
};

/* One read(). Return: bytes; 0: the end, or nothing */
size_t console_log_read(struct console_log *log, int fd);

/* Prints the last lines to standard error, without what a terminal would obey. */
void console_log_print(const struct console_log *log);

#endif /* GUEST_CONSOLE_H */
