/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kernel a guest boots, and where that one's modules are. */
#ifndef KERNEL_H
#define KERNEL_H

#include <limits.h>

#include "error.h"

/**
 * struct kernel - files of a kernel
 * @path: the bzImage
 * @modules: the folder with its modules
 */
struct kernel {
	char path[PATH_MAX];
	char modules[PATH_MAX];
};

/**
 * kernel_find() - the host's kernel, or another
 * @kernel: filled
 * @path: of a bzImage, or NULL: the one that runs here
 * @modules: their folder, or NULL: by the version that is in the kernel's file
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int kernel_find(struct kernel *kernel, const char *path, const char *modules,
		struct error *error);

#endif /* KERNEL_H */
