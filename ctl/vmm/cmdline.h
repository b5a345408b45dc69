/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's kernel will make of its command line. */
#ifndef CMDLINE_H
#define CMDLINE_H

#include <stdbool.h>

/* Is /dev/console, the last console= of @append, a device of that @kind, "hvc"? */
bool cmdline_console_is(const char *append, const char *kind);

#endif /* CMDLINE_H */
