// SPDX-License-Identifier: GPL-2.0-only
/* Images from OCI layouts. */
#include "image/import.h"

int import_layout(struct import_job *job, const char *path, const char *ref,
		  struct error *error)
{
	(void)job;
	(void)ref;
	return error_set(error, 0, "%s is an OCI layout: not available yet", path);
}
