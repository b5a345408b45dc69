// SPDX-License-Identifier: GPL-2.0-only
/* What the guest's kernel will make of its command line. */
#include "vmm/cmdline.h"

#include <stddef.h>
#include <string.h>

bool cmdline_console_is(const char *append, const char *kind)
{
	static const char option[] = "console=";
	const char *at = append, *last = NULL;

	while (at && (at = strstr(at, option))) {
		if (at == append || at[-1] == ' ')
			last = at + strlen(option);
		at += strlen(option);
	}
	return last && !strncmp(last, kind, strlen(kind));
}
