// SPDX-License-Identifier: GPL-2.0-only
/* lodge run: a VM or a container? What both have in common. */
#include "cmd/run.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/lodge_netlink.h>

#include "cmd/cmd.h"

#define MEMORY_LIMIT	(1ULL << 47)	/* a process's addresses on x86-64 */

static const struct option common_options[] = {
	{ "vm", no_argument, NULL, RUN_OPTION_VM },
	{ "container", no_argument, NULL, RUN_OPTION_CONTAINER },
	{ "name", required_argument, NULL, RUN_OPTION_NAME },
	{ "hostname", required_argument, NULL, RUN_OPTION_HOSTNAME },
	{ "detach", no_argument, NULL, 'd' },
	{ "rm", no_argument, NULL, RUN_OPTION_RM },
	{ "interactive", no_argument, NULL, 'i' },
	{ "tty", no_argument, NULL, 't' },
	{ "env", required_argument, NULL, 'e' },
	{ "workdir", required_argument, NULL, 'w' },
	{ "user", required_argument, NULL, 'u' },
	{ "store", required_argument, NULL, RUN_OPTION_STORE },
	{ "read-only", no_argument, NULL, RUN_OPTION_READ_ONLY },
	{ "ulimit", required_argument, NULL, RUN_OPTION_ULIMIT },
	{ "memory", required_argument, NULL, 'm' },
	{ "net", required_argument, NULL, RUN_OPTION_NET },
	{ "publish", required_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct option limit_options[] = {
	{ "cpus", required_argument, NULL, RUN_OPTION_CPUS },
	{ "cpu-weight", required_argument, NULL, RUN_OPTION_CPU_WEIGHT },
	{ "cpu-shares", required_argument, NULL, RUN_OPTION_CPU_SHARES },
	{ "pids", required_argument, NULL, RUN_OPTION_PIDS },
	{ "io-weight", required_argument, NULL, RUN_OPTION_IO_WEIGHT },
	{ "io-max", required_argument, NULL, RUN_OPTION_IO_MAX },
	{ NULL, 0, NULL, 0 },
};

int run_parse_limit(int option, const char *value, struct limits *limits,
		    struct error *error)
{
	switch (option) {
	case RUN_OPTION_CPUS:
		return limits_parse_cpus(value, &limits->cpu_quota, error);
	case RUN_OPTION_CPU_WEIGHT:
		return limits_parse_weight(value, "--cpu-weight", &limits->cpu_weight,
					   error);
	case RUN_OPTION_CPU_SHARES:
		return limits_parse_shares(value, &limits->cpu_weight, error);
	case RUN_OPTION_PIDS:
		return limits_parse_pids(value, &limits->pids, error);
	case RUN_OPTION_IO_WEIGHT:
		return limits_parse_weight(value, "--io-weight", &limits->io_weight,
					   error);
	case RUN_OPTION_IO_MAX:
		return limits_parse_io_max(value, limits, error);
	}
	return 1;
}

int run_parse_memory(const char *text, uint64_t *memory, struct error *error)
{
	unsigned long long count;
	unsigned int shift = 20;
	char *end;

	errno = 0;
	count = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || end == text)
		goto bad;
	if (end[0] && end[1])
		goto bad;
	switch (end[0]) {
	case '\0':
	case 'm':
	case 'M':
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	default:
		goto bad;
	}
	if (!count) {
		error_set(error, 0, "a guest cannot have 0 MiB of memory");
		return error_advise(error, "give a number from 1 on with -m");
	}
	if (errno || count >= MEMORY_LIMIT >> shift) {
		error_set(error, 0, "'%s' is more memory than a process can map",
			  text);
		return error_advise(error, "give less with -m");
	}
	*memory = (uint64_t)count << shift;
	return 0;
bad:
	error_set(error, 0, "'%s' is not an amount of memory", text);
	return error_advise(error, "give MiB, or a number with m or g");
}

static bool name_is_valid(const char *name)
{
	size_t length = strlen(name);
	size_t i;

	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    (!i || !strchr("_.-", name[i])))
			return false;
	return length && length <= LODGE_NAME_MAX;
}

int run_check_name(const char *name, struct error *error)
{
	if (name_is_valid(name))
		return 0;
	error_set(error, 0, "'%s' cannot be a guest's name", name);
	return error_advise(error,
			    "give up to %d letters, digits, '_', '.' and '-', a letter or digit first",
			    LODGE_NAME_MAX);
}

/* NAME=VALUE, or NAME of this environment */
static int parse_env(char *text, char **env, struct error *error)
{
	const char *value;
	char *variable = text;

	if (!text[0] || text[0] == '=')
		return error_set(error, 0, "'%s' is not a variable for -e", text);
	if (!strchr(text, '=')) {
		value = getenv(text);
		if (!value)
			return 0;
		if (asprintf(&variable, "%s=%s", text, value) < 0)
			return error_set(error, errno, "cannot remember a variable");
	}
	while (*env)
		env++;
	*env = variable;
	return 0;
}

int run_parse_option(int option, char *value, struct run_config *run,
		     struct error *error)
{
	switch (option) {
	case RUN_OPTION_HOSTNAME:
		run->hostname = value;
		return run_check_name(value, error);
	case 'd':
		run->detach = true;
		return 0;
	case RUN_OPTION_RM:
		run->remove = true;
		return 0;
	case 'i':
		run->interactive = true;
		return 0;
	case 't':
		run->process.tty = true;
		return 0;
	case 'e':
		return parse_env(value, run->process.env, error);
	case 'w':
		run->process.workdir = value;
		return 0;
	case 'u':
		run->process.user = value;
		return 0;
	case RUN_OPTION_STORE:
		run->store = value;
		return 0;
	case RUN_OPTION_ULIMIT:
		return rlimits_parse(value, &run->process.limits, error);
	case RUN_OPTION_READ_ONLY:
		run->read_only = true;
		return 0;
	}
	return run_parse_limit(option, value, &run->limits, error);
}

bool run_is_interactive(bool asked)
{
	return asked || !isatty(STDIN_FILENO);
}

static size_t append_options(struct option *all, size_t count,
			     const struct option *some)
{
	for (; some->name && count < RUN_OPTIONS_MAX - 1; some++)
		all[count++] = *some;
	return count;
}

void run_limits(struct option all[RUN_OPTIONS_MAX], const struct option *own)
{
	size_t count = append_options(all, 0, limit_options);

	count = append_options(all, count, own);
	all[count] = (struct option){ NULL, 0, NULL, 0 };
}

void run_options(struct option all[RUN_OPTIONS_MAX], const struct option *own)
{
	size_t count = append_options(all, 0, common_options);

	count = append_options(all, count, limit_options);
	count = append_options(all, count, own);
	all[count] = (struct option){ NULL, 0, NULL, 0 };
}

/**
 * struct kind - what kind of guest the command line asks for
 * @vm: --vm
 * @container: --container
 * @help: --help
 */
struct kind {
	bool vm;
	bool container;
	bool help;
};

/* Which of the words are options is known only with the options of both kinds. */
static struct kind find_kind(int argc, char **argv)
{
	struct option all[RUN_OPTIONS_MAX] = { { NULL } };
	struct kind kind = { false, false, false };
	char letters[64];
	int option;
	size_t count = append_options(all, 0, common_options);

	count = append_options(all, count, limit_options);
	count = append_options(all, count, run_container_options);
	append_options(all, count, run_vm_options);
	snprintf(letters, sizeof(letters), "%s%s", run_container_short_options,
		 run_vm_short_options + strlen("+:"));
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, letters, all, NULL)) >= 0)
		switch (option) {
		case RUN_OPTION_VM:
			kind.vm = true;
			break;
		case RUN_OPTION_CONTAINER:
			kind.container = true;
			break;
		case 'h':
			kind.help = true;
			break;
		}
	return kind;
}

int cmd_run(int argc, char **argv)
{
	struct kind kind = find_kind(argc, argv);
	struct error error;

	if (kind.vm && kind.container) {
		error_set(&error, 0, "a guest is a VM or a container: give --vm or --container");
		error_print(&error);
		return STATUS_LODGE;
	}
	if (kind.help && !kind.vm) {
		fputs(run_container_help, stdout);
		if (!kind.container) {
			putchar('\n');
			fputs(run_vm_help, stdout);
		}
		return STATUS_OK;
	}
	return kind.vm ? run_vm(argc, argv) : run_container(argc, argv);
}
