// SPDX-License-Identifier: GPL-2.0-only
/* The command and its environment, from the command line, image and defaults. */
#include "container/settle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char default_path[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
static const char default_term[] = "TERM=xterm";

static size_t length_of(char **list)
{
	size_t length = 0;

	while (list && list[length])
		length++;
	return length;
}

/* Adds "NAME=value" to @env, in place of another value. */
static size_t set_variable(char **env, size_t count, const char *variable)
{
	size_t name = strcspn(variable, "=");
	size_t i;

	for (i = 0; i < count; i++)
		if (!strncmp(env[i], variable, name) && env[i][name] == '=') {
			env[i] = (char *)variable;
			return count;
		}
	env[count] = (char *)variable;
	return count + 1;
}

static size_t set_variables(char **env, size_t count, char **variables)
{
	for (; variables && *variables; variables++)
		count = set_variable(env, count, *variables);
	return count;
}

int settle_process(struct process *process, const struct image *image,
		   struct error *error)
{
	char **command = process->argv;
	size_t nr_entrypoint = image ? image->nr_entrypoint : 0;
	size_t count, room = length_of(process->env) + 3;
	char **env, **argv;

	if (image) {
		room += length_of(image->env);
		if (!command[0])
			command = image->argv + nr_entrypoint;
	}
	env = calloc(room, sizeof(*env));
	argv = calloc(nr_entrypoint + length_of(command) + 1, sizeof(*argv));
	if (!env || !argv) {
		error_set(error, errno, "cannot make the command's environment");
		goto fail;
	}
	count = set_variable(env, 0, default_path);
	if (process->tty)
		count = set_variable(env, count, default_term);
	count = set_variables(env, count, image ? image->env : NULL);
	set_variables(env, count, process->env);

	if (nr_entrypoint)
		memcpy(argv, image->argv, nr_entrypoint * sizeof(*argv));
	memcpy(argv + nr_entrypoint, command, length_of(command) * sizeof(*argv));
	if (!argv[0]) {
		error_set(error, 0, "there is no command to run");
		error_advise(error, "name one: the image has none of its own");
		goto fail;
	}
	process->argv = argv;
	process->env = env;
	if (!process->workdir)
		process->workdir = image ? image->workdir : "/";
	if (!process->user)
		process->user = image ? image->user : "";
	return 0;
fail:
	free(env);
	free(argv);
	return -1;
}

void settle_free(struct process *process)
{
	free(process->argv);
	free(process->env);
}
