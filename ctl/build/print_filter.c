// SPDX-License-Identifier: GPL-2.0-only
/* Prints the seccomp filter of the default capabilities, for container/filter.c. */
#include <stdio.h>
#include <stdlib.h>

#include "container/process.h"
#include "container/seccomp.h"

int main(void)
{
	struct error error;
	size_t count, i;
	struct sock_filter *filter = seccomp_build(process_default_caps, &count, &error);

	if (!filter) {
		error_print(&error);
		return 1;
	}
	for (i = 0; i < count; i++)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", filter[i].code, filter[i].jt,
		       filter[i].jf, filter[i].k);
	free(filter);
	return fflush(stdout) ? 1 : 0;
}
