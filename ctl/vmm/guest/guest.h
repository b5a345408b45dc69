/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM that runs a command in an image, as a container would. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>

#include "container/process.h"
#include "error.h"
#include "vmm/vm.h"

struct run_vm_net;

/**
 * struct guest_config - the command line
 * @hostname: or NULL for the name
 * @image: the image's name
 * @store: the images' store, or NULL for the usual one
 * @process: the command and how it runs
 * @interactive: -i
 * @detach: -d
 * @remove: --rm
 * @read_only: --read-only
 * @modules: --modules, or NULL for those of the kernel's version
 * @net: its network, not open yet
 * @vm: what any VM has; its name, kernel and append may be NULL: one that is made up,
 *      the host's own, and no more than is needed
 */
struct guest_config {
	const char *hostname;
	const char *image;
	const char *store;
	struct process process;
	bool interactive;
	bool detach;
	bool remove;
	bool read_only;
	const char *modules;
	struct run_vm_net *net;
	struct vm_config vm;
};

/**
 * guest_run() - make a VM from an image, be its keeper until it ends
 * @config: of it; the command line's strings in it are used until the end
 *
 * Prints its errors.
 *
 * Return: an exit status
 */
int guest_run(struct guest_config *config);

#endif /* GUEST_H */
