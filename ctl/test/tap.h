/* SPDX-License-Identifier: GPL-2.0-only */
/* Test Anything Protocol, as much as a test program needs. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failed;

static inline bool ok(bool good, const char *what)
{
	printf("%sok %d %s\n", good ? "" : "not ", ++tap_count, what);
	if (!good)
		tap_failed++;
	return good;
}

static inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif /* TAP_H */
