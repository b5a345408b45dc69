// SPDX-License-Identifier: GPL-2.0-only
/* Finds functions of libraries that are loaded when they are needed, see lazy.S. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

/* Called by lazy.S only. Return: the function's address */
void *lazy_find(const char *name);

void *lazy_find(const char *name)
{
	const char *file = strncmp(name, "nft_", 4) ? "libarchive.so.13" :
						      "libnftables.so.1";
	void *library = dlopen(file, RTLD_LAZY | RTLD_GLOBAL);
	void *function = library ? dlsym(library, name) : NULL;

	if (function)
		return function;
	fprintf(stderr, "lodge: cannot load the library %s: %s; install it\n", file,
		dlerror());
	_Exit(STATUS_LODGE);
}
