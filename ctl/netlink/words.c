// SPDX-License-Identifier: GPL-2.0-only
/* Words for the numbers of the netlink family. */
#include "netlink/client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *word(const char *const *words, size_t count, uint32_t number)
{
	return number < count && words[number] ? words[number] : "unknown";
}

#define WORD(words, number) \
	word(words, sizeof(words) / sizeof((words)[0]), number)

const char *kind_name(uint32_t kind)
{
	static const char *const words[] = {
		[LODGE_GUEST_KIND_VM] = "vm",
		[LODGE_GUEST_KIND_CONTAINER] = "container",
	};

	return WORD(words, kind);
}

const char *state_name(uint32_t state)
{
	static const char *const words[] = {
		[LODGE_GUEST_STATE_CREATED] = "created",
		[LODGE_GUEST_STATE_RUNNING] = "running",
		[LODGE_GUEST_STATE_EXITED] = "exited",
		[LODGE_GUEST_STATE_PAUSED] = "paused",
	};

	return WORD(words, state);
}

const char *reason_name(uint32_t reason)
{
	static const char *const words[] = {
		[LODGE_END_REASON_NONE] = "none",
		[LODGE_END_REASON_CLOSED] = "closed",
		[LODGE_END_REASON_KEEPER_EXITED] = "keeper-exited",
		[LODGE_END_REASON_KEEPER_KILLED] = "keeper-killed",
		[LODGE_END_REASON_KEEPER_EXEC] = "keeper-exec",
		[LODGE_END_REASON_OUT_OF_MEMORY] = "out-of-memory",
		[LODGE_END_REASON_SHUTDOWN] = "shutdown",
		[LODGE_END_REASON_FAIL_ENTRY] = "fail-entry",
		[LODGE_END_REASON_INTERNAL] = "internal",
		[LODGE_END_REASON_MEMORY] = "memory",
		[LODGE_END_REASON_FINISHED] = "finished",
	};

	return WORD(words, reason);
}

const char *exit_class_name(uint32_t exit_class)
{
	static const char *const words[NR_EXIT_CLASSES] = {
		[LODGE_EXIT_CLASS_HOST] = "host",
		[LODGE_EXIT_CLASS_WINDOW] = "window",
		[LODGE_EXIT_CLASS_CPUID] = "cpuid",
		[LODGE_EXIT_CLASS_MSR] = "msr",
		[LODGE_EXIT_CLASS_PORT] = "port",
		[LODGE_EXIT_CLASS_HLT] = "hlt",
		[LODGE_EXIT_CLASS_PAUSE] = "pause",
		[LODGE_EXIT_CLASS_HYPERCALL] = "hypercall",
		[LODGE_EXIT_CLASS_XSETBV] = "xsetbv",
		[LODGE_EXIT_CLASS_PAGE_FAULT] = "page-fault",
		[LODGE_EXIT_CLASS_CONTROL_REGISTER] = "control-register",
		[LODGE_EXIT_CLASS_DEBUG_REGISTER] = "debug-register",
		[LODGE_EXIT_CLASS_INSTRUCTION] = "instruction",
		[LODGE_EXIT_CLASS_EXCEPTION] = "exception",
		[LODGE_EXIT_CLASS_END] = "end",
	};

	return WORD(words, exit_class);
}

bool describe_end(const struct guest *guest, char *text, size_t size)
{
	switch (guest->end_reason) {
	case LODGE_END_REASON_CLOSED:
		return false;
	case LODGE_END_REASON_FINISHED:
	case LODGE_END_REASON_KEEPER_EXITED:
		snprintf(text, size, "(%d)", guest->end_status);
		break;
	case LODGE_END_REASON_KEEPER_KILLED:
		snprintf(text, size, "(killed by signal %d)", guest->end_status);
		break;
	case LODGE_END_REASON_KEEPER_EXEC:
		snprintf(text, size, "(keeper ran another program)");
		break;
	case LODGE_END_REASON_OUT_OF_MEMORY:
		snprintf(text, size, "(killed, out of memory)");
		break;
	case LODGE_END_REASON_MEMORY:
		snprintf(text, size, "(%s: %s)", guest->end_message,
			 strerror(guest->end_status));
		break;
	default:
		snprintf(text, size, "(%s)",
			 guest->end_message[0] ? guest->end_message :
			 reason_name(guest->end_reason));
		break;
	}
	return true;
}

void describe_state(const struct guest *guest, char *text, size_t size)
{
	const char *state = state_name(guest->state);
	char end[144];

	if (guest->state == LODGE_GUEST_STATE_EXITED &&
	    describe_end(guest, end, sizeof(end)))
		snprintf(text, size, "%s %s", state, end);
	else
		snprintf(text, size, "%s", state);
}

uint64_t boot_time(void)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
