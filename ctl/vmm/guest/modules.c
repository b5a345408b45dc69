// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which files a module takes, as libkmod knows it.  That library is loaded when it
 * is needed: it brings the whole of libcrypto, and every start of the tool would pay
 * for it.
 */
#include "vmm/guest/modules.h"

#include <dlfcn.h>
#include <errno.h>
#include <libkmod.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY		"libkmod.so.2"

/* Its functions, as it declares them, and their names */
static struct {
	__typeof__(kmod_new) *new;
	__typeof__(kmod_unref) *unref;
	__typeof__(kmod_list_next) *list_next;
	__typeof__(kmod_module_new_from_lookup) *module_new_from_lookup;
	__typeof__(kmod_module_get_module) *module_get_module;
	__typeof__(kmod_module_get_dependencies) *module_get_dependencies;
	__typeof__(kmod_module_get_softdeps) *module_get_softdeps;
	__typeof__(kmod_module_get_path) *module_get_path;
	__typeof__(kmod_module_unref) *module_unref;
	__typeof__(kmod_module_unref_list) *module_unref_list;
} kmod;

static const struct {
	const char *name;
	void *pointer;
} functions[] = {
	{ "kmod_new", &kmod.new },
	{ "kmod_unref", &kmod.unref },
	{ "kmod_list_next", &kmod.list_next },
	{ "kmod_module_new_from_lookup", &kmod.module_new_from_lookup },
	{ "kmod_module_get_module", &kmod.module_get_module },
	{ "kmod_module_get_dependencies", &kmod.module_get_dependencies },
	{ "kmod_module_get_softdeps", &kmod.module_get_softdeps },
	{ "kmod_module_get_path", &kmod.module_get_path },
	{ "kmod_module_unref", &kmod.module_unref },
	{ "kmod_module_unref_list", &kmod.module_unref_list },
};

static int load_library(struct error *error)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *function;
	size_t i;

	if (!library) {
		error_set(error, 0, "cannot load " LIBRARY ", which knows kernels' modules");
		return error_advise(error, "install the package libkmod2");
	}
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		function = dlsym(library, functions[i].name);
		if (!function)
			return error_set(error, 0, LIBRARY " has no %s", functions[i].name);
		memcpy(functions[i].pointer, &function, sizeof(function));
	}
	return 0;
}

/* Return: 0, or -1: no memory, or too many */
static int add_file(struct modules *modules, const char *path)
{
	size_t i;

	for (i = 0; i < modules->count; i++)
		if (!strcmp(modules->files[i], path))
			return 0;
	if (modules->count == MODULES_MAX)
		return -1;
	modules->files[modules->count] = strdup(path);
	if (!modules->files[modules->count])
		return -1;
	modules->count++;
	return 0;
}

/* Without a file it is part of the kernel. Return: 0 or -1 */
static int add_module(struct modules *modules, const struct kmod_module *module)
{
	const char *path = kmod.module_get_path(module);

	return path ? add_file(modules, path) : 0;
}

typedef int add_function(struct modules *modules, const struct kmod_module *module);

static int add_list(struct modules *modules, const struct kmod_list *list, add_function *add)
{
	const struct kmod_list *entry;
	struct kmod_module *module;
	int result = 0;

	for (entry = list; entry && !result; entry = kmod.list_next(list, entry)) {
		module = kmod.module_get_module(entry);
		result = add(modules, module);
		kmod.module_unref(module);
	}
	return result;
}

/* What it depends on, and what that depends on, comes first, in libkmod's order. */
static int add_needed(struct modules *modules, const struct kmod_module *module,
		      add_function *add)
{
	struct kmod_list *needed = kmod.module_get_dependencies(module);
	int result = add_list(modules, needed, add);

	kmod.module_unref_list(needed);
	return result ? result : add(modules, module);
}

static int add_plain(struct modules *modules, const struct kmod_module *module)
{
	return add_needed(modules, module, add_module);
}

/* And before all of that what it will ask the kernel for: soft dependencies. */
static int add_soft(struct modules *modules, const struct kmod_module *module)
{
	struct kmod_list *before = NULL, *after = NULL;
	int result;

	kmod.module_get_softdeps(module, &before, &after);
	result = add_list(modules, before, add_plain);
	kmod.module_unref_list(before);
	kmod.module_unref_list(after);
	return result ? result : add_module(modules, module);
}

static int add_all(struct modules *modules, const struct kmod_module *module)
{
	return add_needed(modules, module, add_soft);
}

static int find_one(struct modules *modules, struct kmod_ctx *context, const char *folder,
		    const char *name, bool needed, struct error *error)
{
	struct kmod_list *list = NULL;
	int result = kmod.module_new_from_lookup(context, name, &list);

	if (result < 0) {
		error_set(error, -result, "cannot look for the module '%s' in %s", name, folder);
	} else if (!list && needed) {
		error_set(error, 0, "the guest's kernel has no module '%s' in %s", name, folder);
		result = error_advise(error, "install all of that kernel's modules, or give another kernel (--kernel, --modules)");
	} else if (add_list(modules, list, add_all)) {
		result = error_set(error, 0, "cannot find what the module '%s' in %s depends on",
				   name, folder);
	}
	kmod.module_unref_list(list);
	return result < 0 ? -1 : 0;
}

int modules_find(struct modules *modules, const char *folder, const char *const *names,
		 const char *const *optional, struct error *error)
{
	/* The host's own /etc/modprobe.d is about the host. */
	static const char *const no_config[] = { NULL };
	struct kmod_ctx *context;
	int result = 0;

	memset(modules, 0, sizeof(*modules));
	if (!kmod.new && load_library(error))
		return -1;
	context = kmod.new(folder, no_config);
	if (!context)
		return error_set(error, ENOMEM, "cannot look for modules");
	for (; *names && !result; names++)
		result = find_one(modules, context, folder, *names, true, error);
	for (; *optional && !result; optional++)
		result = find_one(modules, context, folder, *optional, false, error);
	kmod.unref(context);
	return result;
}

void modules_free(struct modules *modules)
{
	while (modules->count)
		free(modules->files[--modules->count]);
}
