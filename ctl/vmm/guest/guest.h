/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM that runs a command in an image, as a container would. */
#ifndef GUEST_H
#define GUEST_H

#include "container/run_config.h"
#include "error.h"
#include "vmm/vm.h"

struct run_vm_net;

/**
 * struct guest_config - the command line
 * @run: what is run, and how
 * @modules: --modules, or NULL for those of the kernel's version
 * @net: its network, not open yet
 * @gdb: where a debugger is served (gdb_relay_open()), or NULL
 * @vm: what any VM has; its name, kernel and append may be NULL: one that is made up,
 *      the host's own, and no more than is needed
 */
struct guest_config {
	struct run_config run;
	const char *modules;
	struct run_vm_net *net;
	const char *gdb;
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
