// SPDX-License-Identifier: GPL-2.0-only
/* lodge ps: which guests there are. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "netlink/client.h"

enum {
	OPTION_JSON = 0x100,
	OPTION_FORMAT,
};

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge ps [OPTION...]\n"
	"\n"
	"Lists the guests that live.\n"
	"\n"
	"  -a, --all      also the last 64 that ended\n"
	"  -q, --quiet    only their ids\n"
	"  --json         print JSON\n"
	"  --format TEXT  print TEXT for each, with {{.ID}}, {{.Name}}, {{.Kind}},\n"
	"                 {{.State}}, {{.Status}}, {{.VCPUs}}, {{.Pid}}, {{.Age}} replaced\n"
	"  -h, --help     print this\n";

#define COLUMNS		7
#define CELL_SIZE	160

static void age(const struct guest *guest, char *text, size_t size)
{
	uint64_t now = boot_time();
	uint64_t s = now > guest->created ? (now - guest->created) / 1000000000 : 0;

	if (s < 60)
		snprintf(text, size, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(text, size, "%" PRIu64 " min", s / 60);
	else if (s < 86400)
		snprintf(text, size, "%" PRIu64 " h", s / 3600);
	else
		snprintf(text, size, "%" PRIu64 " d", s / 86400);
}

static void print_table(const struct guest *guests, size_t count)
{
	static const char *const titles[COLUMNS] = {
		"ID", "NAME", "KIND", "CPUS", "PID", "AGE", "STATUS",
	};
	char (*cells)[COLUMNS][CELL_SIZE] = calloc(count + 1, sizeof(*cells));
	size_t width[COLUMNS] = { 0 };
	size_t i, j;

	if (!cells)
		return;
	for (j = 0; j < COLUMNS; j++)
		snprintf(cells[0][j], CELL_SIZE, "%s", titles[j]);
	for (i = 0; i < count; i++) {
		const struct guest *guest = &guests[i];
		char (*row)[CELL_SIZE] = cells[i + 1];

		snprintf(row[0], CELL_SIZE, "%" PRIu64, guest->id);
		snprintf(row[1], CELL_SIZE, "%s", guest->name);
		snprintf(row[2], CELL_SIZE, "%s", kind_name(guest->kind));
		snprintf(row[3], CELL_SIZE, "%u", guest->vcpus);
		snprintf(row[4], CELL_SIZE, "%u", guest->keeper_pid);
		age(guest, row[5], CELL_SIZE);
		describe_state(guest, row[6], CELL_SIZE);
	}
	for (i = 0; i <= count; i++)
		for (j = 0; j < COLUMNS; j++)
			if (strlen(cells[i][j]) > width[j])
				width[j] = strlen(cells[i][j]);
	for (i = 0; i <= count; i++) {
		for (j = 0; j < COLUMNS - 1; j++)
			printf("%-*s  ", (int)width[j], cells[i][j]);
		printf("%s\n", cells[i][COLUMNS - 1]);
	}
	free(cells);
}

static void print_json(const struct guest *guests, size_t count)
{
	size_t i;

	printf("[");
	for (i = 0; i < count; i++) {
		printf("%s\n  ", i ? "," : "");
		json_guest(&guests[i]);
	}
	printf("%s]\n", count ? "\n" : "");
}

/* Return: whether @at begins with {{.NAME}} */
static bool is_field(const char *at, const char *name, size_t *length)
{
	*length = strlen(name) + 5;
	return !strncmp(at, "{{.", 3) &&
	       !strncasecmp(at + 3, name, strlen(name)) &&
	       !strncmp(at + 3 + strlen(name), "}}", 2);
}

static void print_format(const struct guest *guest, const char *at)
{
	char text[CELL_SIZE];
	size_t length;

	while (*at) {
		if (is_field(at, "ID", &length)) {
			printf("%" PRIu64, guest->id);
		} else if (is_field(at, "Name", &length)) {
			printf("%s", guest->name);
		} else if (is_field(at, "Kind", &length)) {
			printf("%s", kind_name(guest->kind));
		} else if (is_field(at, "State", &length)) {
			printf("%s", state_name(guest->state));
		} else if (is_field(at, "Status", &length)) {
			describe_state(guest, text, sizeof(text));
			printf("%s", text);
		} else if (is_field(at, "VCPUs", &length)) {
			printf("%u", guest->vcpus);
		} else if (is_field(at, "Pid", &length)) {
			printf("%u", guest->keeper_pid);
		} else if (is_field(at, "Age", &length)) {
			age(guest, text, sizeof(text));
			printf("%s", text);
		} else {
			putchar(*at);
			length = 1;
		}
		at += length;
	}
	putchar('\n');
}

int cmd_ps(int argc, char **argv)
{
	bool all = false, json = false, quiet = false;
	const char *format = NULL;
	struct client client;
	struct guest *guests = NULL;
	struct error error;
	size_t count = 0, i;
	int option, ret;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":aqh", options, NULL)) >= 0) {
		switch (option) {
		case 'a':
			all = true;
			break;
		case 'q':
			quiet = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_FORMAT:
			format = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("ps", argc, argv, option);
		}
	}
	if (optind < argc)
		return cmd_bad_argument("ps", argv[optind]);

	if (client_open(&client, &error)) {
		error_print(&error);
		return STATUS_LODGE;
	}
	ret = client_guests(&client, all, &guests, &count, &error);
	client_close(&client);
	if (ret)
		error_print(&error);
	else if (json)
		print_json(guests, count);
	else if (format || quiet)
		for (i = 0; i < count; i++)
			print_format(&guests[i], format ? format : "{{.ID}}");
	else
		print_table(guests, count);
	free(guests);
	return ret ? STATUS_LODGE : STATUS_OK;
}
