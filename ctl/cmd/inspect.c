// SPDX-License-Identifier: GPL-2.0-only
/* lodge inspect: all that the module says of guests, as JSON. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "container/cgroup.h"
#include "container/state.h"
#include "json.h"
#include "netlink/client.h"
#include "vmm/guest/session.h"

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge inspect GUEST...\n"
	"\n"
	"Prints what is known of guests, by id or name, what those that live have done,\n"
	"and which limits are in force, as JSON.\n"
	"\n"
	"  -h, --help  print this\n";

/* ", "name": 5"; what is not known is left away, and what has no limit is null */
static void print_limit(const char *name, uint64_t limit)
{
	if (limit == LIMIT_MAX)
		printf(", \"%s\": null", name);
	else if (limit)
		printf(", \"%s\": %" PRIu64, name, limit);
}

static void print_cpus(uint64_t quota)
{
	if (quota && quota != LIMIT_MAX)
		printf(", \"cpus\": %g", (double)quota / CGROUP_CPU_PERIOD);
	else
		print_limit("cpus", quota);
}

/* What `update` can change, as it is now */
static void print_limits(const struct state *state)
{
	struct wire_memory memory = { .target = 0 };
	struct limits limits;
	struct error ignored;
	size_t i;

	cgroup_get_limits(state->cgroup, &limits);
	printf(",\n    \"limits\": { ");
	json_string("kind", state->vm ? "vm" : "container");
	if (!state->vm) {
		print_limit("memory", limits.memory);
		print_limit("pids", limits.pids);
	} else if (!session_memory(state->name, &memory, &ignored)) {
		print_limit("memory", memory.target);
		printf(", \"memory-size\": %" PRIu64 ", \"memory-given\": %" PRIu64,
		       memory.size, memory.given);
	}
	print_cpus(limits.cpu_quota);
	print_limit("cpu-weight", limits.cpu_weight);
	print_limit("io-weight", limits.io_weight);
	printf(", \"io-max\": [");
	for (i = 0; i < limits.nr_io_max; i++) {
		fputs(i ? ", " : "", stdout);
		json_text(limits.io_max[i]);
	}
	printf("] }");
}

static void print_guest(struct client *client, const struct guest *guest)
{
	bool alive = false;
	struct stats stats;
	struct state state;
	struct error ignored;

	printf("{ \"guest\": ");
	json_guest(guest);
	if (client_stats_of(client, guest, &stats)) {
		printf(",\n    \"stats\": ");
		json_stats(&stats);
	}
	/* Of those that lodge has made from images */
	if (guest->state != LODGE_GUEST_STATE_EXITED &&
	    !state_load(&state, guest->name, &alive, &ignored)) {
		if (alive)
			print_limits(&state);
		state_free(&state);
	}
	printf(" }");
}

int cmd_inspect(int argc, char **argv)
{
	struct client client;
	struct guest guest;
	struct error error;
	bool first = true;
	int option, status = STATUS_OK;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:h", options, NULL)) >= 0) {
		if (option != 'h')
			return cmd_bad_option("inspect", argc, argv, option);
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (optind >= argc) {
		fputs("lodge: which guest? give its id or name; 'lodge ps' lists them\n",
		      stderr);
		return STATUS_LODGE;
	}
	if (client_open(&client, &error)) {
		error_print(&error);
		return STATUS_LODGE;
	}
	printf("[");
	for (; optind < argc; optind++) {
		if (client_guest(&client, argv[optind], &guest, &error)) {
			error_print(&error);
			status = STATUS_LODGE;
			continue;
		}
		printf("%s\n  ", first ? "" : ",");
		print_guest(&client, &guest);
		first = false;
	}
	printf("%s]\n", first ? "" : "\n");
	client_close(&client);
	return status;
}
