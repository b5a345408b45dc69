// SPDX-License-Identifier: GPL-2.0-only
/* lodge exec: one more command in a guest. */
#include "cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "container/exec.h"
#include "container/settle.h"
#include "vmm/guest/session.h"

static const struct option options[] = {
	{ "interactive", no_argument, NULL, 'i' },
	{ "tty", no_argument, NULL, 't' },
	{ "env", required_argument, NULL, 'e' },
	{ "workdir", required_argument, NULL, 'w' },
	{ "user", required_argument, NULL, 'u' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge exec [OPTION...] GUEST COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs one more command in a container, or a VM of an image, with the rights of its\n"
	"first one.\n"
	"\n"
	"  -i, --interactive      standard input is its input\n"
	"  -t, --tty              it has a terminal of its own\n"
	"  -e, --env NAME=VALUE   a variable for it, beside the guest's\n"
	"  -w, --workdir FOLDER   its working directory [the guest's]\n"
	"  -u, --user USER[:GROUP] whom it runs as [the guest's]\n"
	"  -h, --help             print this\n"
	"\n"
	"Exit status: the command's, or 125 to 127 and 128 + N as of 'lodge run'\n";

struct request {
	struct process process;
	bool interactive;
	size_t nr_env;
};

/* Return: -1 to go on, else an exit status */
static int parse(int argc, char **argv, struct request *request)
{
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:ite:w:u:h", options, NULL)) >= 0)
		switch (option) {
		case 'i':
			request->interactive = true;
			break;
		case 't':
			request->process.tty = true;
			break;
		case 'e':
			request->process.env[request->nr_env++] = optarg;
			break;
		case 'w':
			request->process.workdir = optarg;
			break;
		case 'u':
			request->process.user = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("exec", argc, argv, option);
		}
	if (argc - optind >= 2)
		return -1;
	fputs("lodge: a guest and a command are needed; 'lodge exec --help' says how\n",
	      stderr);
	return STATUS_LODGE;
}

/* What is not said is as the guest has it. */
static int complete(struct request *request, const struct state *state,
		    struct error *error)
{
	struct process *process = &request->process;
	struct image image = {
		.argv = state->process.argv,
		.env = state->process.env,
		.workdir = (char *)state->process.workdir,
		.user = (char *)state->process.user,
	};

	process->limits = state->process.limits;
	process->caps = state->process.caps;
	process->seccomp = state->process.seccomp;
	process->no_new_privs = state->process.no_new_privs;
	return settle_process(process, &image, error);
}

/* Return: an exit status */
static int run_in(const struct state *state, const struct request *request)
{
	if (state->vm)
		return session_exec(state, &request->process, request->interactive);
	return container_exec(state, &request->process, request->interactive);
}

int cmd_exec(int argc, char **argv)
{
	struct request request = { .interactive = false };
	char **variables = calloc((size_t)argc + 1, sizeof(*variables));
	struct state state;
	struct error error;
	int status;

	request.process.env = variables;
	if (!variables) {
		error_set(&error, errno, "cannot read the command line");
		error_print(&error);
		return STATUS_LODGE;
	}
	status = parse(argc, argv, &request);
	if (status >= 0)
		goto out;
	status = STATUS_LODGE;
	if (state_load(&state, argv[optind], NULL, &error)) {
		error_print(&error);
		goto out;
	}
	request.process.argv = argv + optind + 1;
	if (complete(&request, &state, &error)) {
		error_print(&error);
	} else {
		status = run_in(&state, &request);
		settle_free(&request.process);
	}
	state_free(&state);
out:
	free(variables);
	return status;
}
