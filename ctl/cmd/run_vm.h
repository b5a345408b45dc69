/* SPDX-License-Identifier: GPL-2.0-only */
/* `lodge run --vm`: what a kernel alone and an image have in common. */
#ifndef RUN_VM_H
#define RUN_VM_H

#include "cmd/run.h"
#include "vmm/guest/guest.h"

enum {
	OPTION_KERNEL = RUN_OPTION_OWN,
	OPTION_INITRD,
	OPTION_APPEND,
	OPTION_NO_REBOOT,
	OPTION_NAME,
	OPTION_BOOT,
	OPTION_MODULE,
	OPTION_FIRMWARE,
	OPTION_DEBUG,
	OPTION_DISK,
	OPTION_NET,
	OPTION_HOSTNAME,
	OPTION_RM,
	OPTION_STORE,
	OPTION_READ_ONLY,
	OPTION_MODULES,
};

/**
 * run_vm_image_option() - an option that only a VM of an image has
 * @option: as getopt_long() has it
 * @value: likewise
 * @config: where it goes
 * @env: where -e goes
 * @nr_env: how many
 * @error: filled on failure
 *
 * Return: 0, -1 with @error, or 1: it is not known
 */
int run_vm_image_option(int option, char *value, struct guest_config *config,
			char **env, size_t *nr_env, struct error *error);

/* A VM of an image; @vm has what a kernel alone would have. Return: an exit status */
int run_vm_image(struct guest_config *config, const struct vm_config *vm, char **env);

#endif /* RUN_VM_H */
