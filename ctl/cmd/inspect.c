// SPDX-License-Identifier: GPL-2.0-only
/* lodge inspect: all that the module says of guests, as JSON. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "netlink/client.h"

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge inspect GUEST...\n"
	"\n"
	"Prints what is known of guests, by id or name, and what those that live have\n"
	"done, as JSON.\n"
	"\n"
	"  -h, --help  print this\n";

static void print_guest(struct client *client, const struct guest *guest)
{
	struct stats stats;

	printf("{ \"guest\": ");
	json_guest(guest);
	if (client_stats_of(client, guest, &stats)) {
		printf(",\n    \"stats\": ");
		json_stats(&stats);
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
