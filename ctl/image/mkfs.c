// SPDX-License-Identifier: GPL-2.0-only
/* Calls mkfs.erofs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/import.h"
#include "image/store.h"

#define STATUS_NO_PROGRAM	127

/*
 * The same tree always gives the same file: a fixed UUID, and instead of now a
 * moment (the year 2100) that is after the times of all files, for mkfs.erofs cuts
 * off those that are later.
 */
static void run_program(int dir, int output, pid_t parent)
{
	char output_file[] = "image/" STORE_FILE;
	char *const argv[] = {
		"mkfs.erofs", "--quiet", "-U", "00000000-0000-0000-0000-000000000000",
		"--preserve-mtime", output_file, "tree", NULL,
	};
	char *const env[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
		"SOURCE_DATE_EPOCH=4102444800", NULL,
	};
	sigset_t none;
	char text[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || fchdir(dir) || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(STATUS_NO_PROGRAM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = (char **)env;
	execvp(argv[0], argv);
	snprintf(text, sizeof(text), "%s\n", strerror(errno));
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(STATUS_NO_PROGRAM);
	_exit(STATUS_NO_PROGRAM);
}

/* What it said last that looks like an error, and may be the cause of the rest */
static void read_reason(int pipe, char *reason, size_t size)
{
	FILE *output = fdopen(pipe, "r");
	char line[256] = "";
	const char *text;

	*reason = '\0';
	if (!output) {
		close(pipe);
		return;
	}
	while (fgets(line, sizeof(line), output)) {
		line[strcspn(line, "\n")] = '\0';
		text = strstr(line, "erofs: ");
		if (!strncmp(line, "<E>", 3) && text)
			snprintf(reason, size, "%.*s", (int)size - 1,
				 text + strlen("erofs: "));
		else if (!*reason && *line)
			snprintf(reason, size, "%.*s", (int)size - 1, line);
	}
	fclose(output);
}

int make_erofs(int dir, struct error *error)
{
	pid_t child, parent = getpid();
	int ends[2], status;
	char reason[160];

	if (pipe2(ends, O_CLOEXEC))
		return error_set(error, errno, "cannot call mkfs.erofs");
	child = fork();
	if (!child)
		run_program(dir, ends[1], parent);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_set(error, errno, "cannot call mkfs.erofs");
	}
	read_reason(ends[0], reason, sizeof(reason));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(error, errno, "mkfs.erofs");
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFSIGNALED(status))
		return error_set(error, 0, "mkfs.erofs was killed by signal %d",
				 WTERMSIG(status));
	if (WEXITSTATUS(status) == STATUS_NO_PROGRAM) {
		error_set(error, 0, "cannot call mkfs.erofs: %s", reason);
		return error_advise(error, "install erofs-utils");
	}
	return error_set(error, 0, "mkfs.erofs failed: %s",
			 *reason ? reason : "it does not say why");
}
