// SPDX-License-Identifier: GPL-2.0-only
/* lodge update: other limits for guests that run. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/run.h"
#include "container/cgroup.h"
#include "container/state.h"
#include "vmm/guest/session.h"

static const char help[] =
	"Usage: lodge update OPTION... GUEST...\n"
	"\n"
	"Changes what containers and VMs of images may use, while they run. What is not\n"
	"named stays as it is; 'max' is no limit. 'lodge inspect' prints what is in force.\n"
	"\n"
	"  -m, --memory MIB   the most memory of a container; a VM is asked to make do with\n"
	"                     so much of what it was started with\n"
	"  -c, --cpus N.N     the most CPU time, in CPUs\n"
	"  --cpu-weight N     its part of the CPUs when all want them, 1 to 10000\n"
	"  --cpu-shares N     the same as docker has it\n"
	"  --pids N           the most processes and threads of a container\n"
	"  --io-max 'DISK KEY=N...' the most of a disk: rbps, wbps, riops, wiops\n"
	"  --io-weight N      its part of a disk when all want it, 1 to 10000\n"
	"  -h, --help         print this\n"
	"\n"
	"Exit status: 0, or 125 for an error\n";

/* A VM's memory is its kernel's: that is asked, by the balloon. */
static int update_vm(const struct state *state, struct limits *limits,
		     struct error *error)
{
	struct wire_memory memory = { .target = 0 };
	uint64_t target = limits->memory;

	if (limits->pids) {
		error_set(error, 0, "'--pids' is for containers, and '%s' is a VM: its processes are its own kernel's",
			  state->name);
		return error_advise(error, "leave it away");
	}
	limits->memory = 0;
	if (target && session_memory(state->name, &memory, error))
		return -1;
	if (target != LIMIT_MAX && target > memory.size) {
		error_set(error, 0, "the VM '%s' was started with %" PRIu64 " MiB of memory and cannot have more",
			  state->name, memory.size >> 20);
		return error_advise(error, "give less, or 'max' for all of it");
	}
	if (cgroup_set_limits(state->cgroup, limits, error))
		return -1;
	memory.target = target;
	return target ? session_memory(state->name, &memory, error) : 0;
}

static int update(const char *name, const struct limits *wanted, struct error *error)
{
	struct limits limits = *wanted;
	struct state state;
	int pidfd, result = -1;

	if (state_load(&state, name, NULL, error))
		return -1;
	pidfd = state_open_init(&state, error);
	if (pidfd >= 0) {
		result = state.vm ? update_vm(&state, &limits, error) :
				    cgroup_set_limits(state.cgroup, &limits, error);
		close(pidfd);
	}
	state_free(&state);
	return result;
}

static int parse_option(int option, const char *value, struct limits *limits,
			struct error *error)
{
	switch (option) {
	case 'm':
		if (strcmp(value, "max"))
			return run_parse_memory(value, &limits->memory, error);
		limits->memory = LIMIT_MAX;
		return 0;
	case 'c':
		return run_parse_limit(RUN_OPTION_CPUS, value, limits, error);
	}
	return run_parse_limit(option, value, limits, error);
}

int cmd_update(int argc, char **argv)
{
	static const struct option own[] = {
		{ "memory", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct option options[RUN_OPTIONS_MAX];
	struct limits limits = { .memory = 0 };
	struct error error;
	int option, result, status = STATUS_OK;
	bool any = false;

	run_limits(options, own);
	opterr = 0;
	optind = 0;
	/* The guest's name may come first, as people think of it. */
	while ((option = getopt_long(argc, argv, ":m:c:h", options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		result = parse_option(option, optarg, &limits, &error);
		if (result > 0)
			return cmd_bad_option("update", argc, argv, option);
		if (result < 0) {
			error_print(&error);
			return STATUS_LODGE;
		}
		any = true;
	}
	if (optind == argc)
		return cmd_no_guest("update");
	if (!any) {
		error_set(&error, 0, "there is nothing to change");
		error_advise(&error, "'lodge update --help' lists what can be");
		error_print(&error);
		return STATUS_LODGE;
	}
	for (; optind < argc; optind++)
		if (update(argv[optind], &limits, &error)) {
			error_print(&error);
			status = STATUS_LODGE;
		}
	return status;
}
