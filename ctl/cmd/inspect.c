// SPDX-License-Identifier: GPL-2.0-only
/* lodge inspect: all that the module says of guests, as JSON. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

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

static void print_guest(const struct guest *guest, const struct stats *stats,
			size_t count)
{
	size_t i;

	printf("{ \"guest\": ");
	json_guest(guest);
	for (i = 0; i < count; i++) {
		if (stats[i].id != guest->id)
			continue;
		printf(",\n    \"stats\": ");
		json_stats(&stats[i]);
	}
	printf(" }");
}

int cmd_inspect(int argc, char **argv)
{
	struct stats *stats = NULL;
	struct client client;
	struct guest guest;
	struct error error;
	size_t count = 0;
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
	if (client_open(&client, &error))
		goto fail;
	if (client_stats(&client, &stats, &count, &error)) {
		client_close(&client);
		goto fail;
	}
	printf("[");
	for (; optind < argc; optind++) {
		if (client_guest(&client, argv[optind], &guest, &error)) {
			error_print(&error);
			status = STATUS_LODGE;
			continue;
		}
		printf("%s\n  ", first ? "" : ",");
		print_guest(&guest, stats, count);
		first = false;
	}
	printf("%s]\n", first ? "" : "\n");
	client_close(&client);
	free(stats);
	return status;
fail:
	error_print(&error);
	free(stats);
	return STATUS_LODGE;
}
