// SPDX-License-Identifier: GPL-2.0-only
/* lodge run --vm IMAGE: the part of its command line that is as a container's. */
#include "cmd/run_vm.h"

#include <unistd.h>

#include "cmd/cmd.h"

int run_vm_image_option(int option, char *value, struct guest_config *config,
			char **env, size_t *nr_env, struct error *error)
{
	struct process *process = &config->process;

	switch (option) {
	case OPTION_HOSTNAME:
		config->hostname = value;
		return run_check_name(value, error);
	case 'd':
		config->detach = true;
		return 0;
	case OPTION_RM:
		config->remove = true;
		return 0;
	case 'i':
		config->interactive = true;
		return 0;
	case 't':
		process->tty = true;
		return 0;
	case 'e':
		return run_parse_env(value, env, nr_env, error);
	case 'w':
		process->workdir = value;
		return 0;
	case 'u':
		process->user = value;
		return 0;
	case OPTION_STORE:
		config->store = value;
		return 0;
	case OPTION_READ_ONLY:
		config->read_only = true;
		return 0;
	case OPTION_MODULES:
		config->modules = value;
		return 0;
	}
	return 1;
}

int run_vm_image(struct guest_config *config, const struct vm_config *vm, char **env)
{
	struct error error;

	if (geteuid()) {
		error_set(&error, 0, "VMs of images can be made by root only");
		error_advise(&error, "run lodge as root");
		error_print(&error);
		return STATUS_LODGE;
	}
	config->vm = *vm;
	config->interactive = run_is_interactive(config->interactive);
	config->process.env = env;
	return guest_run(config);
}
