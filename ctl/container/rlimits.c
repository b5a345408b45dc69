// SPDX-License-Identifier: GPL-2.0-only
/* --ulimit: resource limits of a process in a guest. */
#include "container/rlimits.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char * const names[RLIM_NLIMITS] = {
	[RLIMIT_AS] = "as",
	[RLIMIT_CORE] = "core",
	[RLIMIT_CPU] = "cpu",
	[RLIMIT_DATA] = "data",
	[RLIMIT_FSIZE] = "fsize",
	[RLIMIT_LOCKS] = "locks",
	[RLIMIT_MEMLOCK] = "memlock",
	[RLIMIT_MSGQUEUE] = "msgqueue",
	[RLIMIT_NICE] = "nice",
	[RLIMIT_NOFILE] = "nofile",
	[RLIMIT_NPROC] = "nproc",
	[RLIMIT_RSS] = "rss",
	[RLIMIT_RTPRIO] = "rtprio",
	[RLIMIT_RTTIME] = "rttime",
	[RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_STACK] = "stack",
};

const char *rlimits_name(unsigned int resource)
{
	return resource < RLIM_NLIMITS ? names[resource] : NULL;
}

static bool parse_value(const char *text, size_t length, uint64_t *value)
{
	char number[24];
	char *end;

	if (!length || length >= sizeof(number))
		return false;
	memcpy(number, text, length);
	number[length] = '\0';
	if (!strcmp(number, "unlimited") || !strcmp(number, "-1")) {
		*value = RLIM_INFINITY;
		return true;
	}
	if (!isdigit((unsigned char)number[0]))
		return false;
	errno = 0;
	*value = strtoull(number, &end, 10);
	return !*end && !errno;
}

int rlimits_parse(const char *text, struct rlimits *limits, struct error *error)
{
	const char *soft = strchr(text, '=');
	const char *hard = soft ? strchr(soft, ':') : NULL;
	unsigned int i;

	for (i = 0; soft && i < RLIM_NLIMITS; i++)
		if (names[i] && strlen(names[i]) == (size_t)(soft - text) &&
		    !strncmp(names[i], text, (size_t)(soft - text)))
			break;
	if (!soft || i == RLIM_NLIMITS) {
		error_set(error, 0, "--ulimit '%s' names no limit", text);
		return error_advise(error,
				    "give NAME=SOFT[:HARD], such as nofile=1024:4096; names: getrlimit(2)");
	}
	soft++;
	if (!parse_value(soft, hard ? (size_t)(hard - soft) : strlen(soft),
			 &limits->limit[i].soft) ||
	    (hard && !parse_value(hard + 1, strlen(hard + 1), &limits->limit[i].hard))) {
		error_set(error, 0, "--ulimit '%s' has no number for a limit", text);
		return error_advise(error, "give NAME=SOFT[:HARD], each a number or 'unlimited'");
	}
	if (!hard)
		limits->limit[i].hard = limits->limit[i].soft;
	if (limits->limit[i].soft > limits->limit[i].hard) {
		error_set(error, 0, "--ulimit '%s': the soft limit is above the hard one",
			  text);
		return error_advise(error, "give the lower one first");
	}
	limits->given |= 1U << i;
	return 0;
}

static int set_one(unsigned int resource, uint64_t soft, uint64_t hard,
		   struct error *error)
{
	const struct rlimit limit = { soft, hard };

	if (!setrlimit((__rlimit_resource_t)resource, &limit))
		return 0;
	error_set(error, errno, "cannot set the limit %s=%lld:%lld", names[resource],
		  (long long)soft, (long long)hard);
	return error_advise(error, "give a lower one with --ulimit");
}

int rlimits_set(const struct rlimits *limits, struct error *error)
{
	unsigned int i;

	if ((!(limits->given & 1U << RLIMIT_CORE) &&
	     set_one(RLIMIT_CORE, 0, RLIM_INFINITY, error)) ||
	    (!(limits->given & 1U << RLIMIT_NOFILE) &&
	     set_one(RLIMIT_NOFILE, 1024, 524288, error)))
		return -1;
	for (i = 0; i < RLIM_NLIMITS; i++)
		if ((limits->given & 1U << i) &&
		    set_one(i, limits->limit[i].soft, limits->limit[i].hard, error))
			return -1;
	return 0;
}
