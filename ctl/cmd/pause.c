// SPDX-License-Identifier: GPL-2.0-only
/* lodge pause, resume: stop guests and let them go on. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "container/cgroup.h"
#include "container/state.h"

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int freeze(const char *name, bool stop, struct error *error)
{
	struct state state;
	int result = -1, pidfd;

	if (state_load(&state, name, NULL, error))
		return -1;
	pidfd = state_open_init(&state, error);
	if (pidfd >= 0) {
		result = cgroup_freeze(state.cgroup, stop, error);
		close(pidfd);
	}
	state_free(&state);
	return result;
}

static int run(int argc, char **argv, const char *verb, bool stop)
{
	struct error error;
	int option, status = STATUS_OK;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:h", options, NULL)) >= 0) {
		if (option != 'h')
			return cmd_bad_option(verb, argc, argv, option);
		printf("Usage: lodge %s GUEST...\n\n%s\n\n"
		       "Exit status: 0, or 125 for an error\n", verb,
		       stop ? "Stops containers, and VMs of images; 'lodge resume' goes on." :
			      "Lets guests go on that 'lodge pause' has stopped.");
		return STATUS_OK;
	}
	if (optind == argc)
		return cmd_no_guest(verb);
	for (; optind < argc; optind++)
		if (freeze(argv[optind], stop, &error)) {
			error_print(&error);
			status = STATUS_LODGE;
		}
	return status;
}

int cmd_pause(int argc, char **argv)
{
	return run(argc, argv, "pause", true);
}

int cmd_resume(int argc, char **argv)
{
	return run(argc, argv, "resume", false);
}
