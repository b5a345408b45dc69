// SPDX-License-Identifier: GPL-2.0-only
/* lodge rm: remove what is left of guests. */
#include "cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "container/cgroup.h"
#include "container/state.h"

static const struct option options[] = {
	{ "force", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge rm [OPTION...] GUEST...\n"
	"\n"
	"Removes guests that have ended: their names and logs.\n"
	"\n"
	"  -f, --force  also one that runs: it is killed\n"
	"  -h, --help   print this\n"
	"\n"
	"Exit status: 0, or 125 for an error\n";

static int remove_guest(const char *name, bool force, struct error *error)
{
	struct state state;
	bool alive;
	int result = 0;

	if (state_load(&state, name, &alive, error))
		return -1;
	if (alive && !force) {
		error_set(error, 0, "the guest '%s' is running", name);
		result = error_advise(error, "'lodge stop %s' ends it, or give -f", name);
	} else if (alive && (cgroup_kill(state.cgroup) || state_wait_for_end(name))) {
		result = error_set(error, errno, "cannot end the guest '%s'", name);
	}
	if (!result && state_remove(name))
		result = error_set(error, errno, "cannot remove the guest '%s'", name);
	state_free(&state);
	return result;
}

int cmd_rm(int argc, char **argv)
{
	bool force = false;
	struct error error;
	int option, status = STATUS_OK;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:fh", options, NULL)) >= 0)
		switch (option) {
		case 'f':
			force = true;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("rm", argc, argv, option);
		}
	if (optind == argc)
		return cmd_no_guest("rm");
	for (; optind < argc; optind++)
		if (remove_guest(argv[optind], force, &error)) {
			error_print(&error);
			status = STATUS_LODGE;
		}
	return status;
}
