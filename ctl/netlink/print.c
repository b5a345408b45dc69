// SPDX-License-Identifier: GPL-2.0-only
/* Guests and statistics as JSON; its names are those of the attributes. */
#include "netlink/client.h"

#include <inttypes.h>
#include <stdio.h>

#include "json.h"

void json_guest(const struct guest *guest)
{
	printf("{ \"id\": %" PRIu64 ", ", guest->id);
	json_string("name", guest->name);
	printf(", ");
	json_string("kind", kind_name(guest->kind));
	printf(", ");
	json_string("state", state_name(guest->state));
	printf(", \"keeper-pid\": %u, \"vcpus\": %u, \"created\": %" PRIu64,
	       guest->keeper_pid, guest->vcpus, guest->created);
	if (guest->init_pid)
		printf(", \"init-pid\": %u", guest->init_pid);
	if (guest->state == LODGE_GUEST_STATE_EXITED) {
		printf(", \"ended\": %" PRIu64 ", ", guest->ended);
		json_string("end-reason", reason_name(guest->end_reason));
		printf(", \"end-status\": %d, ", guest->end_status);
		json_string("end-message", guest->end_message);
	}
	printf(" }");
}

static void json_known(const char *name, uint64_t number)
{
	if (number != UINT64_MAX)
		printf(", \"%s\": %" PRIu64, name, number);
}

static void json_usage(const struct cgroup_usage *usage)
{
	json_known("memory", usage->memory);
	json_known("memory-limit", usage->memory_limit);
	json_known("cpu-time", usage->cpu_time);
	json_known("pids", usage->pids);
	json_known("io-read", usage->read);
	json_known("io-written", usage->written);
}

static void json_wall(const struct stats *stats)
{
	size_t i;

	printf(", \"checks\": %" PRIu64 ", \"denials\": %" PRIu64 ", \"hooks\": [",
	       stats->checks, stats->denials);
	for (i = 0; i < stats->nr_hooks; i++) {
		printf("%s{ ", i ? ", " : "");
		json_string("name", stats->hooks[i].name);
		printf(", \"denials\": %" PRIu64 " }", stats->hooks[i].denials);
	}
	printf("]");
}

static void json_vm_stats(const struct stats *stats)
{
	unsigned int i, n = 0;

	printf(", \"memory-mapped\": %" PRIu64 ", \"memory-resident\": %" PRIu64
	       ", \"guest-time\": %" PRIu64 ", \"page-faults\": %" PRIu64
	       ", \"interrupts\": %" PRIu64 ", \"halts\": %" PRIu64 ", \"exits\": [",
	       stats->memory_mapped, stats->memory_resident, stats->guest_time,
	       stats->page_faults, stats->interrupts, stats->halts);
	for (i = 0; i < NR_EXIT_CLASSES; i++) {
		if (!stats->exits[i].count)
			continue;
		printf("%s{ ", n++ ? ", " : "");
		json_string("class", exit_class_name(i));
		printf(", \"count\": %" PRIu64 ", \"cycles\": %" PRIu64 " }",
		       stats->exits[i].count, stats->exits[i].cycles);
	}
	printf("]");
}

void json_stats(const struct stats *stats)
{
	printf("{ \"id\": %" PRIu64 ", ", stats->id);
	json_string("name", stats->name);
	if (stats->container)
		json_usage(&stats->usage);
	else
		json_vm_stats(stats);
	if (stats->walled)
		json_wall(stats);
	printf(" }");
}
