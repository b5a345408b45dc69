// SPDX-License-Identifier: GPL-2.0-only
/*
 * The filter of system calls that a process gets.  Nearly all have the default
 * capabilities: theirs is made when the tool is built (build/print_filter.c).
 */
#include "container/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container/seccomp.h"

static const struct sock_filter default_filter[] = {
#include "default_filter.inc"
};

struct sock_filter *seccomp_filter(uint64_t caps, size_t *count,
				   struct error *error)
{
	struct sock_filter *filter;

	if ((caps ^ process_default_caps) & seccomp_caps())
		return seccomp_build(caps, count, error);
	filter = malloc(sizeof(default_filter));
	if (!filter) {
		error_set(error, errno, "cannot make a seccomp filter");
		return NULL;
	}
	memcpy(filter, default_filter, sizeof(default_filter));
	*count = sizeof(default_filter) / sizeof(default_filter[0]);
	return filter;
}
