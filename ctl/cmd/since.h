/* SPDX-License-Identifier: GPL-2.0-only */
/* Points in time on the command line. */
#ifndef SINCE_H
#define SINCE_H

#include <stdint.h>

/**
 * since_parse() - when is that?
 * @text: "10m", "1h30m": so long ago; "2026-11-26T15:00:00", with a fraction and Z or
 *        +01:00 if wanted, or only a day; or seconds since 1970
 * @time: out: CLOCK_BOOTTIME in nanoseconds; 0 for what is before the boot
 *
 * Return: 0, or -1: that is no time
 */
int since_parse(const char *text, uint64_t *time);

#endif /* SINCE_H */
