/* SPDX-License-Identifier: GPL-2.0-only */
/* The process that runs the VM of an image. */
#ifndef VMM_H
#define VMM_H

#include <stdatomic.h>

#include "vmm/gdb/gdb.h"
#include "vmm/guest/kernel.h"
#include "vmm/vm.h"

/* Exit statuses, beside those of cmd.h */
#define VMM_POWERED_OFF		0
#define VMM_RESET		1

/**
 * struct vmm_page - what keeper and VMM share; the latter may write anything there
 * @balloon_target: pages that the guest is to give; SIGUSR2 says that it is another
 * @balloon_actual: pages that the guest says it has given
 */
struct vmm_page {
	atomic_uint balloon_target;
	atomic_uint balloon_actual;
};

/**
 * struct vmm - what it is given
 * @config: of the VM, without what follows; its disks come after the image
 * @kernel: what it boots
 * @image: the descriptor of the file that is to be its first disk
 * @initramfs: a descriptor
 * @console: where the guest's serial port goes; a pipe
 * @errors: where its own errors go; a pipe
 * @from_keeper: to the guest's port; a pipe
 * @to_keeper: from there; a pipe
 * @wall: a socket, to ask the keeper for a wall
 * @cgroup: the file cgroup.procs of the cgroup that it enters
 * @page: shared with the keeper
 * @net: its interface; @net.tap is -1 if there is none
 * @gdb: the way to a debugger; @gdb.in is -1 if there is none
 */
struct vmm {
	struct vm_config config;
	const struct kernel *kernel;
	int image;
	int initramfs;
	int console;
	int errors;
	int from_keeper;
	int to_keeper;
	int wall;
	int cgroup;
	struct vmm_page *page;
	struct vm_net net;
	struct gdb_config gdb;
};

/*
 * All of its life.  SIGTERM, with a value, ends it with that as its exit status.
 */
__attribute__((noreturn)) void vmm_run(struct vmm *vmm);

#endif /* VMM_H */
