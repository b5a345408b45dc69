// SPDX-License-Identifier: GPL-2.0-only
/* follow_pfnmap_start() takes follow_pte()'s place. */
/* exported: follow_pfnmap_start follow_pfnmap_end */
#include <linux/mm.h>

int probe(struct follow_pfnmap_args *args)
{
	int ret = follow_pfnmap_start(args);

	if (!ret)
		follow_pfnmap_end(args);
	return ret;
}
