// SPDX-License-Identifier: GPL-2.0-only
/* struct fd is opaque: fd_file() and fd_empty() look into it. */
#include <linux/file.h>

struct file *probe(struct fd f)
{
	return fd_empty(f) ? NULL : fd_file(f);
}
