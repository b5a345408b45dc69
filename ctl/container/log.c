// SPDX-License-Identifier: GPL-2.0-only
/* A keeper that goes on without its caller. */
#include "container/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "container/state.h"

#define LOG_MAX	(8UL << 20)	/* twice that may be there */

/* Return: 0 or -1, errno */
static int open_file(const struct log *log)
{
	int file = openat(log->folder, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			  0600);
	int result;

	if (file < 0)
		return -1;
	result = dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0;
	close(file);
	return result ? -1 : 0;
}

int log_open(struct log *log, int folder, struct error *error)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int result = 0;

	log->folder = folder;
	log->size = 0;
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || open_file(log))
		result = error_set(error, errno, "cannot open the guest's log");
	if (null >= 0)
		close(null);
	return result;
}

/* A guest must not fill the host's memory, where the log is. */
void log_written(void *state, size_t count)
{
	struct log *log = state;

	log->size += count;
	if (log->size < LOG_MAX)
		return;
	log->size = 0;
	renameat(log->folder, "log", log->folder, "log.old");
	open_file(log);
}

static int start_keeper(int (*run)(void *data, int ready), void *data, int *ready,
			pid_t *pid, struct error *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return error_set(error, errno, "cannot make a pipe");
	*pid = fork();
	if (!*pid) {
		close(ends[0]);
		setsid();
		_exit(run(data, ends[1]));
	}
	close(ends[1]);
	*ready = ends[0];
	if (*pid > 0)
		return 0;
	close(ends[0]);
	return error_set(error, errno, "cannot start the keeper");
}

int detach(int (*run)(void *data, int ready), void *data)
{
	char name[STATE_NAME_MAX + 1];
	struct error error;
	int ready = -1, status;
	ssize_t count;
	pid_t pid = -1;

	if (start_keeper(run, data, &ready, &pid, &error)) {
		error_print(&error);
		return STATUS_LODGE;
	}
	do
		count = read(ready, name, sizeof(name) - 1);
	while (count < 0 && errno == EINTR);
	close(ready);
	if (count > 0) {
		name[count] = '\0';
		puts(name);
		return STATUS_OK;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_LODGE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_LODGE;
}

int detach_tell(int ready, const char *name, struct error *error)
{
	size_t length = strlen(name);

	if (write(ready, name, length) != (ssize_t)length)
		return error_set(error, errno, "cannot tell the guest's name");
	close(ready);
	return 0;
}
