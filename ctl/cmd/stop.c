// SPDX-License-Identifier: GPL-2.0-only
/* lodge stop, kill: end guests. */
#include "cmd/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/cgroup.h"
#include "container/state.h"
#include "vmm/guest/session.h"

#define DEFAULT_SECONDS	10
#define SECONDS_MAX	1000000

static const struct option stop_options[] = {
	{ "time", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char stop_help[] =
	"Usage: lodge stop [OPTION...] GUEST...\n"
	"\n"
	"Ends containers and VMs of images: SIGTERM to the command, and after a while SIGKILL to all.\n"
	"\n"
	"  -t, --time SECONDS  how long to wait [10]\n"
	"  -h, --help          print this\n"
	"\n"
	"Exit status: 0, or 125 for an error\n";

static const struct option kill_options[] = {
	{ "signal", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char kill_help[] =
	"Usage: lodge kill [OPTION...] GUEST...\n"
	"\n"
	"Sends a signal to the command of guests; SIGKILL is for all of their\n"
	"processes.\n"
	"\n"
	"  -s, --signal SIGNAL  a name or a number [KILL]\n"
	"  -h, --help           print this\n"
	"\n"
	"Exit status: 0, or 125 for an error\n";

/* Return: a signal, or 0 */
static int parse_signal(const char *text)
{
	const char *name;
	char *end;
	long number;
	int i;

	if (isdigit((unsigned char)*text)) {
		number = strtol(text, &end, 10);
		return *end || number < 1 || number > SIGRTMAX ? 0 : (int)number;
	}
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (i = 1; i < NSIG; i++) {
		name = sigabbrev_np(i);
		if (name && !strcasecmp(name, text))
			return i;
	}
	return 0;
}

/* Return: a pidfd of its PID 1, or -1 */
static int open_guest(const char *name, struct state *state, struct error *error)
{
	int pidfd;

	if (state_load(state, name, NULL, error))
		return -1;
	pidfd = state_open_init(state, error);
	if (pidfd < 0)
		state_free(state);
	return pidfd;
}

static int send_signal(int pidfd, const struct state *state, int signal,
		       struct error *error)
{
	/* A VM's process has no use for it: its command is in the guest. */
	if (state->vm && signal != SIGKILL)
		return session_kill(state->name, signal, error);
	if (signal == SIGKILL ? cgroup_kill(state->cgroup) :
	    (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0))
		return error_set(error, errno, "cannot send a signal to the guest '%s'",
				 state->name);
	return 0;
}

static int stop(const char *name, int seconds, struct error *error)
{
	struct state state;
	struct pollfd end = { .events = POLLIN };
	int result;

	end.fd = open_guest(name, &state, error);
	if (end.fd < 0)
		return -1;
	/* Who is frozen cannot end. */
	result = send_signal(end.fd, &state, SIGTERM, error);
	if (!result)
		cgroup_freeze(state.cgroup, false, error);
	if (!result && poll(&end, 1, seconds * 1000) <= 0)
		result = send_signal(end.fd, &state, SIGKILL, error);
	if (!result && state_wait_for_end(name))
		result = error_set(error, errno, "cannot wait for the guest '%s'",
				   name);
	close(end.fd);
	state_free(&state);
	return result;
}

static int kill_guest(const char *name, int signal, struct error *error)
{
	struct state state;
	int pidfd = open_guest(name, &state, error);
	int result;

	if (pidfd < 0)
		return -1;
	result = send_signal(pidfd, &state, signal, error);
	close(pidfd);
	state_free(&state);
	return result;
}

int cmd_stop(int argc, char **argv)
{
	long seconds = DEFAULT_SECONDS;
	struct error error;
	int option, status = STATUS_OK;
	char *end;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:t:h", stop_options, NULL)) >= 0)
		switch (option) {
		case 't':
			seconds = strtol(optarg, &end, 10);
			if (!isdigit((unsigned char)*optarg) || *end ||
			    seconds > SECONDS_MAX) {
				error_set(&error, 0, "'%s' is not a number of seconds",
					  optarg);
				error_print(&error);
				return STATUS_LODGE;
			}
			break;
		case 'h':
			fputs(stop_help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("stop", argc, argv, option);
		}
	if (optind == argc)
		return cmd_no_guest("stop");
	for (; optind < argc; optind++)
		if (stop(argv[optind], (int)seconds, &error)) {
			error_print(&error);
			status = STATUS_LODGE;
		}
	return status;
}

int cmd_kill(int argc, char **argv)
{
	struct error error;
	int option, signal = SIGKILL, status = STATUS_OK;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:s:h", kill_options, NULL)) >= 0)
		switch (option) {
		case 's':
			signal = parse_signal(optarg);
			if (!signal) {
				error_set(&error, 0, "'%s' is not a signal", optarg);
				error_advise(&error, "give a name such as TERM, or a number");
				error_print(&error);
				return STATUS_LODGE;
			}
			break;
		case 'h':
			fputs(kill_help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("kill", argc, argv, option);
		}
	if (optind == argc)
		return cmd_no_guest("kill");
	for (; optind < argc; optind++)
		if (kill_guest(argv[optind], signal, &error)) {
			error_print(&error);
			status = STATUS_LODGE;
		}
	return status;
}
