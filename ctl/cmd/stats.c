// SPDX-License-Identifier: GPL-2.0-only
/* lodge stats: what guests do. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/client.h"

enum {
	OPTION_JSON = 0x100,
	OPTION_STREAM,
};

static const struct option options[] = {
	{ "stream", no_argument, NULL, OPTION_STREAM },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge stats [OPTION...]\n"
	"\n"
	"Shows what the guests that live have done in the last second.\n"
	"\n"
	"  --stream    show it again each second, until it is interrupted\n"
	"  --json      print JSON, one array a second: all that they have done ever\n"
	"  -h, --help  print this\n"
	"\n"
	"CPU is the time in the guest, MEMORY what is in use of what it was given, EXITS\n"
	"how often the host had to act; FAULTS, INTERRUPTS and HALTS, too, are a second's.\n"
	"Of containers: CPU, MEMORY and PIDS of their cgroups, KiB from and to block\n"
	"devices, and how often their walls were asked, and said no, in the second.\n";

/* All guests at one time */
struct sample {
	struct stats *stats;
	size_t count;
	uint64_t time;
};

static int take_sample(struct client *client, struct sample *sample,
		       struct error *error)
{
	sample->time = boot_time();
	return client_stats(client, &sample->stats, &sample->count, error);
}

static uint64_t all_exits(const struct stats *stats)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < NR_EXIT_CLASSES; i++)
		sum += stats->exits[i].count;
	return sum;
}

static double per_second(uint64_t now, uint64_t before, uint64_t ns)
{
	return ns ? (double)(now - before) * 1e9 / (double)ns : 0;
}

static void print_row(const struct stats *now, const struct stats *before,
		      uint64_t ns)
{
	char memory[48];

	snprintf(memory, sizeof(memory), "%" PRIu64 " / %" PRIu64 " MiB",
		 now->memory_resident >> 20, now->memory_mapped >> 20);
	printf("%-20s %6.1f%%  %-18s %9.0f %8.0f %10.0f %8.0f\n", now->name,
	       per_second(now->guest_time, before->guest_time, ns) / 1e7, memory,
	       per_second(all_exits(now), all_exits(before), ns),
	       per_second(now->page_faults, before->page_faults, ns),
	       per_second(now->interrupts, before->interrupts, ns),
	       per_second(now->halts, before->halts, ns));
}

/* "12.3 MiB / 64.0 MiB", with - for what is not known, or no limit */
static void describe_memory(const struct cgroup_usage *usage, char *text,
			    size_t size)
{
	char limit[24] = "-";

	if (usage->memory_limit != UINT64_MAX)
		snprintf(limit, sizeof(limit), "%.1f MiB",
			 (double)usage->memory_limit / 1048576);
	if (usage->memory == UINT64_MAX)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%.1f MiB / %s",
			 (double)usage->memory / 1048576, limit);
}

/* The change of what counts up, or 0 for what was not or is not known */
static double change(uint64_t now, uint64_t before, uint64_t ns)
{
	return now == UINT64_MAX || before > now ? 0 :
	       per_second(now, before, ns);
}

static void print_cell_row(const struct stats *now, const struct stats *before,
			   uint64_t ns)
{
	const struct cgroup_usage *usage = &now->usage, *old = &before->usage;
	char memory[56], pids[24] = "-";

	describe_memory(usage, memory, sizeof(memory));
	if (usage->pids != UINT64_MAX)
		snprintf(pids, sizeof(pids), "%" PRIu64, usage->pids);
	printf("%-20s %6.1f%%  %-23s %6s %9.0f %9.0f %9.0f %9.0f\n", now->name,
	       change(usage->cpu_time, old->cpu_time, ns) / 1e7, memory, pids,
	       change(usage->read, old->read, ns) / 1024,
	       change(usage->written, old->written, ns) / 1024,
	       per_second(now->checks, before->checks, ns),
	       per_second(now->denials, before->denials, ns));
}

static const struct stats *find_old(const struct sample *before, uint64_t id)
{
	static const struct stats nothing;
	size_t i;

	for (i = 0; i < before->count; i++)
		if (before->stats[i].id == id)
			return &before->stats[i];
	return &nothing;
}

/* VMs have one table, containers another, for they have other figures. */
static void print_tables(const struct sample *now, const struct sample *before)
{
	size_t i, nr_cells = 0;

	for (i = 0; i < now->count; i++)
		nr_cells += now->stats[i].container;
	if (nr_cells < now->count || !nr_cells)
		printf("%-20s %7s  %-18s %9s %8s %10s %8s\n", "NAME", "CPU",
		       "MEMORY", "EXITS", "FAULTS", "INTERRUPTS", "HALTS");
	for (i = 0; i < now->count; i++)
		if (!now->stats[i].container)
			print_row(&now->stats[i],
				  find_old(before, now->stats[i].id),
				  now->time - before->time);
	if (nr_cells)
		printf("%-20s %7s  %-23s %6s %9s %9s %9s %9s\n", "NAME", "CPU",
		       "MEMORY / LIMIT", "PIDS", "READ KiB", "WRITE KiB",
		       "CHECKS", "DENIALS");
	for (i = 0; i < now->count; i++)
		if (now->stats[i].container)
			print_cell_row(&now->stats[i],
				       find_old(before, now->stats[i].id),
				       now->time - before->time);
}

static void print_json(const struct sample *sample)
{
	size_t i;

	printf("[");
	for (i = 0; i < sample->count; i++) {
		printf("%s", i ? ", " : "");
		json_stats(&sample->stats[i]);
	}
	printf("]\n");
}

static int show(struct client *client, bool stream, bool json,
		struct error *error)
{
	struct sample before = { NULL, 0, 0 }, now = { NULL, 0, 0 };
	bool screen = stream && !json && isatty(STDOUT_FILENO);
	int ret = take_sample(client, &before, error);

	while (!ret) {
		if (json) {
			print_json(&before);
			if (!stream || fflush(stdout))
				break;
		}
		sleep(1);
		ret = take_sample(client, &now, error);
		if (ret)
			break;
		if (screen)
			printf("\033[H\033[J");
		if (!json)
			print_tables(&now, &before);
		free(before.stats);
		before = now;
		now.stats = NULL;
		if (!stream || fflush(stdout))
			break;
	}
	free(before.stats);
	free(now.stats);
	return ret;
}

int cmd_stats(int argc, char **argv)
{
	bool stream = false, json = false;
	struct client client;
	struct error error;
	int option, ret;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		switch (option) {
		case OPTION_STREAM:
			stream = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("stats", argc, argv, option);
		}
	}
	if (optind < argc)
		return cmd_bad_argument("stats", argv[optind]);

	ret = client_open(&client, &error);
	if (!ret) {
		ret = show(&client, stream, json, &error);
		client_close(&client);
	}
	if (!ret)
		return STATUS_OK;
	error_print(&error);
	return STATUS_LODGE;
}
