// SPDX-License-Identifier: GPL-2.0-only
/* lodge events: what happens to guests, as it happens. */
#include "cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/since.h"
#include "json.h"
#include "netlink/client.h"

enum {
	OPTION_JSON = 0x100,
	OPTION_SINCE,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "since", required_argument, NULL, OPTION_SINCE },
	{ "filter", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge events [OPTION...]\n"
	"\n"
	"Prints what happens to guests from now on, one line each.\n"
	"\n"
	"  -f, --filter KEY=VALUE  only these: event=created, running, paused, exited, denial,\n"
	"                          policy-changed, vm-shutdown, vm-failed or vm-memory;\n"
	"                          guest=ID or NAME. Of several with the same key one must\n"
	"                          fit, of different keys all\n"
	"  --since TIME            first, when guests were made and ended since then, as far as\n"
	"                          'lodge ps -a' knows: 10m, 1h30m, 2026-11-26T15:00:00Z, a day,\n"
	"                          or seconds since 1970\n"
	"  --json                  print JSON, one object a line\n"
	"  -h, --help              print this\n";

#define MAX_FILTERS	32

/* The command line, the number of the last event, and what of the past was told */
struct request {
	bool json;
	bool since;
	uint64_t from;
	struct guest *told;
	size_t nr_told;
	const char *filters[MAX_FILTERS];
	unsigned int nr_filters;
	uint64_t last;
};

static bool fits(const char *filter, const struct event *event, const char *id)
{
	const char *value = strchr(filter, '=') + 1;

	if (filter[0] == 'e')
		return !strcmp(value, event->what);
	return !strcmp(value, event->guest.name) || !strcmp(value, id);
}

static bool wanted(const struct request *request, const struct event *event)
{
	bool asked[2] = { false, false }, found[2] = { false, false };
	unsigned int i;
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, event->guest.id);
	for (i = 0; i < request->nr_filters; i++) {
		bool key = request->filters[i][0] == 'e';

		asked[key] = true;
		found[key] |= fits(request->filters[i], event, id);
	}
	return (!asked[0] || found[0]) && (!asked[1] || found[1]);
}

/* The time of day at which it happened */
static void print_time(const struct event *event)
{
	struct timespec now = { 0, 0 };
	uint64_t ns, ago = boot_time() - event->time;
	struct tm tm;
	time_t s;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec - ago;
	s = (time_t)(ns / 1000000000);
	localtime_r(&s, &tm);
	printf("%04d-%02d-%02dT%02d:%02d:%02d.%06u", tm.tm_year + 1900,
	       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	       (unsigned int)(ns % 1000000000 / 1000));
}

static void print_json(const struct event *event)
{
	printf("{ ");
	/* What is past has no number. */
	if (event->seq)
		printf("\"seq\": %" PRIu64 ", \"dropped\": %" PRIu64 ", ",
		       event->seq, event->dropped);
	printf("\"time\": %" PRIu64 ", ", event->time);
	json_string("event", event->what);
	printf(", \"guest-id\": %" PRIu64 ", ", event->guest.id);
	json_string("guest-name", event->guest.name);
	if (event->failed) {
		printf(", \"vcpu\": %u, \"rip\": %" PRIu64 ", ", event->vcpu,
		       event->rip);
		json_string("message", event->message);
	}
	if (event->denied) {
		printf(", \"pid\": %u, ", event->pid);
		json_string("comm", event->comm);
		printf(", ");
		json_string("hook", event->hook);
		printf(", ");
		json_string("object", event->object);
		printf(", ");
		json_string("rule", event->rule);
		printf(", \"complained\": %s", event->complained ? "true" : "false");
	}
	if (!strcmp(event->what, "exited")) {
		printf(", ");
		json_string("end-reason", reason_name(event->guest.end_reason));
		printf(", \"end-status\": %d, ", event->guest.end_status);
		json_string("end-message", event->guest.end_message);
	}
	printf(" }\n");
}

static void print_line(const struct event *event)
{
	char end[160];

	print_time(event);
	printf("  %-11s  %s", event->what, event->guest.name);
	if (event->failed)
		printf("  (CPU %u, rip 0x%" PRIx64 ": %s)", event->vcpu, event->rip,
		       event->message);
	if (event->denied)
		printf("  %s (%u) at %s: %s%s; see 'allow %s'", event->comm, event->pid,
		       event->hook, event->object,
		       event->complained ? ", which was let happen" : "",
		       event->rule);
	if (!strcmp(event->what, "exited") &&
	    describe_end(&event->guest, end, sizeof(end)))
		printf("  %s", end);
	putchar('\n');
}

static int print(const struct request *request, const struct event *event)
{
	if (!wanted(request, event))
		return 0;
	if (request->json)
		print_json(event);
	else
		print_line(event);
	/* A pipe's reader wants it now; one that has gone ends us. */
	return fflush(stdout);
}

/* Was it told already, when the past was? */
static bool is_told(const struct request *request, const struct event *event)
{
	size_t i;

	for (i = 0; i < request->nr_told; i++) {
		const struct guest *guest = &request->told[i];

		if (guest->id == event->guest.id)
			return !strcmp(event->what, "created") ||
			       (!strcmp(event->what, "exited") && guest->ended);
	}
	return false;
}

static int print_event(const struct event *event, void *arg)
{
	struct request *request = arg;

	if (request->last && event->seq > request->last + 1)
		fprintf(stderr, "lodge: %" PRIu64 " events were lost\n",
			event->seq - request->last - 1);
	request->last = event->seq;
	return is_told(request, event) ? 0 : print(request, event);
}

static int compare_times(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

/* The past as events, in their order */
static int print_past(const struct request *request, struct event *events)
{
	size_t i, count = 0;
	int ret = 0;

	for (i = 0; i < request->nr_told; i++) {
		const struct guest *guest = &request->told[i];

		events[count++] = (struct event) {
			.what = "created",
			.time = guest->created,
			.guest = *guest,
		};
		if (guest->state == LODGE_GUEST_STATE_EXITED)
			events[count++] = (struct event) {
				.what = "exited",
				.time = guest->ended,
				.guest = *guest,
			};
	}
	qsort(events, count, sizeof(*events), compare_times);
	for (i = 0; !ret && i < count; i++)
		if (events[i].time >= request->from)
			ret = print(request, &events[i]);
	return ret;
}

/*
 * The module keeps no events, for none is made while nobody listens; but it knows
 * when guests were made and ended. Those who do both meanwhile are told once.
 */
static int tell_past(void *arg, struct error *error)
{
	struct request *request = arg;
	struct client client;
	struct event *events;
	int ret;

	if (!request->since)
		return 0;
	if (client_open(&client, error))
		return -1;
	ret = client_guests(&client, true, &request->told, &request->nr_told, error);
	client_close(&client);
	if (ret)
		return ret;
	events = calloc(request->nr_told * 2 + 1, sizeof(*events));
	if (!events)
		return error_set(error, ENOMEM, "cannot tell the past");
	ret = print_past(request, events);
	free(events);
	return ret ? error_set(error, 0, "cannot write to standard output") : 0;
}

static int bad_filter(const char *filter)
{
	fprintf(stderr, "lodge: '%s' is not a filter; give event=NAME or guest=NAME\n",
		filter);
	return STATUS_LODGE;
}

int cmd_events(int argc, char **argv)
{
	struct request request = { .json = false };
	struct client client;
	struct error error;
	int option, ret;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":f:h", options, NULL)) >= 0) {
		switch (option) {
		case OPTION_JSON:
			request.json = true;
			break;
		case OPTION_SINCE:
			request.since = true;
			if (!since_parse(optarg, &request.from))
				break;
			fprintf(stderr, "lodge: '%s' is not a time; give 10m or 2026-11-26T15:00:00\n",
				optarg);
			return STATUS_LODGE;
		case 'f':
			if ((strncmp(optarg, "event=", 6) &&
			     strncmp(optarg, "guest=", 6)) ||
			    request.nr_filters == MAX_FILTERS)
				return bad_filter(optarg);
			request.filters[request.nr_filters++] = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("events", argc, argv, option);
		}
	}
	if (optind < argc)
		return cmd_bad_argument("events", argv[optind]);

	ret = client_open(&client, &error);
	if (!ret) {
		ret = client_events(&client, tell_past, print_event, &request,
				    &error);
		client_close(&client);
		free(request.told);
	}
	if (!ret)
		return STATUS_OK;
	error_print(&error);
	return STATUS_LODGE;
}
