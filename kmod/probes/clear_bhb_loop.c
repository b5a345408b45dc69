// SPDX-License-Identifier: GPL-2.0-only
/* Any module may clear the branch history as the kernel does. */
/* exported: clear_bhb_loop */
#include <asm/nospec-branch.h>

void *probe(void)
{
	return clear_bhb_loop;
}
