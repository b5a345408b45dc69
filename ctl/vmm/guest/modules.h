/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel modules that a guest needs before it has its root. */
#ifndef MODULES_H
#define MODULES_H

#include <stddef.h>

#include "error.h"

#define MODULES_MAX	64

/**
 * struct modules - files to load, each after all that it depends on
 * @files: their paths
 * @count: how many
 */
struct modules {
	char *files[MODULES_MAX];
	size_t count;
};

/**
 * modules_find() - find modules and what they depend on
 * @modules: out; to be freed by modules_free(), also on failure
 * @folder: of the kernel's modules, with modules.dep.bin
 * @names: which, NULL-terminated; those that are part of the kernel need no file
 * @optional: likewise, but they may be missing
 * @error: filled on failure
 *
 * Return: 0, or -1: one is missing
 */
int modules_find(struct modules *modules, const char *folder, const char *const *names,
		 const char *const *optional, struct error *error);
void modules_free(struct modules *modules);

#endif /* MODULES_H */
