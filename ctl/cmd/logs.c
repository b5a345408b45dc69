// SPDX-License-Identifier: GPL-2.0-only
/* lodge logs: what a guest wrote that nobody watched. */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "container/state.h"

#define LOOK_NS	100000000	/* how often -f looks */

static const struct option options[] = {
	{ "follow", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge logs [OPTION...] GUEST\n"
	"\n"
	"Prints what a guest of 'lodge run -d' has written: the last 8 MiB at least.\n"
	"\n"
	"  -f, --follow  and what it writes from now on, until it ends\n"
	"  -h, --help    print this\n"
	"\n"
	"Exit status: 0, or 125 for an error\n";

/* Return: 0 or -1, errno */
static int print_rest(int file)
{
	char buffer[16384];
	ssize_t count;

	while ((count = read(file, buffer, sizeof(buffer))) > 0)
		if (fwrite(buffer, 1, (size_t)count, stdout) != (size_t)count)
			return -1;
	return count < 0 || fflush(stdout) ? -1 : 0;
}

/* Has the keeper begun another file since? Return: it, or @file */
static int reopen(int folder, int file)
{
	struct stat now, then;
	int other;

	if (fstatat(folder, "log", &now, 0) || fstat(file, &then) ||
	    now.st_ino == then.st_ino)
		return file;
	other = openat(folder, "log", O_RDONLY | O_CLOEXEC);
	if (other < 0)
		return file;
	print_rest(file);
	close(file);
	return other;
}

static int print_log(const char *name, bool follow, struct error *error)
{
	const struct timespec pause = { 0, LOOK_NS };
	struct state state;
	bool alive;
	int folder, file, result;

	if (state_load(&state, name, &alive, error))
		return -1;
	state_free(&state);
	folder = state_open(name);
	file = folder < 0 ? -1 : openat(folder, "log.old", O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		print_rest(file);
		close(file);
	}
	file = folder < 0 ? -1 : openat(folder, "log", O_RDONLY | O_CLOEXEC);
	if (file < 0) {
		error_set(error, 0, "the guest '%s' has no log", name);
		error_advise(error, "one that is started with -d has");
		if (folder >= 0)
			close(folder);
		return -1;
	}
	result = print_rest(file);
	while (!result && follow && alive) {
		nanosleep(&pause, NULL);
		/* First the state: what it wrote last is still to be read. */
		alive = state_is_alive(folder);
		file = reopen(folder, file);
		result = print_rest(file);
	}
	if (result)
		error_set(error, errno, "cannot print the log");
	close(file);
	close(folder);
	return result;
}

int cmd_logs(int argc, char **argv)
{
	bool follow = false;
	struct error error;
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:fh", options, NULL)) >= 0)
		switch (option) {
		case 'f':
			follow = true;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("logs", argc, argv, option);
		}
	if (optind == argc)
		return cmd_no_guest("logs");
	if (argc - optind > 1)
		return cmd_bad_argument("logs", argv[optind + 1]);
	if (!print_log(argv[optind], follow, &error))
		return STATUS_OK;
	error_print(&error);
	return STATUS_LODGE;
}
