// SPDX-License-Identifier: GPL-2.0-only
/* From outside into a VM that runs: by the socket of its keeper. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "container/cgroup.h"
#include "container/relay.h"
#include "container/state.h"
#include "tty.h"
#include "vmm/guest/session.h"

#define ANSWER_MS	5000

/* Return: a socket, or -1 */
static int connect_to(const char *name, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path),
		 STATE_FOLDER "/%s/" STATE_CONTROL, name);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	if (errno == ECONNREFUSED || errno == ENOENT)
		error_set(error, 0, "the VM '%s' is not running", name);
	else
		error_set(error, errno, "cannot reach the keeper of the VM '%s'", name);
	if (fd >= 0)
		close(fd);
	return -1;
}

int session_kill(const char *name, int signal, struct error *error)
{
	struct wire_buffer buffer = { .data = NULL };
	int fd = connect_to(name, error), result = -1;

	if (fd < 0)
		return -1;
	if (wire_send_number(&buffer, WIRE_SIGNAL, 0, 0, (uint32_t)signal) ||
	    wire_write(&buffer, fd, buffer.count) || buffer.count)
		error_set(error, errno, "cannot send a signal to the VM '%s'", name);
	else
		result = 0;
	/* Its keeper hangs up when it has it. */
	if (!result && read(fd, &result, sizeof(result)) < 0)
		result = error_set(error, errno, "cannot send a signal to the VM '%s'", name);
	wire_free(&buffer);
	close(fd);
	return result;
}

/* Return: 0, or -1, errno */
static int receive_memory(int fd, struct wire_memory *memory)
{
	struct wire_buffer buffer = { .data = NULL };
	struct pollfd answer = { fd, POLLIN, 0 };
	struct wire_frame frame;
	struct error ignored;
	int result = 0;

	while (!result) {
		errno = ETIMEDOUT;
		if (poll(&answer, 1, ANSWER_MS) <= 0)
			break;
		errno = ECONNRESET;
		if (wire_read(&buffer, fd) <= 0)
			break;
		result = wire_take(&buffer, WIRE_FROM_KEEPER, &frame, &ignored);
	}
	if (result > 0 && frame.type == WIRE_MEMORY)
		memcpy(memory, frame.payload, sizeof(*memory));
	else
		result = -1;
	wire_free(&buffer);
	return result < 0 ? -1 : 0;
}

int session_memory(const char *name, struct wire_memory *memory, struct error *error)
{
	struct wire_buffer buffer = { .data = NULL };
	int fd = connect_to(name, error), result = -1;

	if (fd < 0)
		return -1;
	/* Before it has booted, its keeper listens to nobody. */
	if (wire_send(&buffer, WIRE_MEMORY, 0, 0, memory, sizeof(*memory)) ||
	    wire_write(&buffer, fd, buffer.count) || buffer.count ||
	    receive_memory(fd, memory))
		error_set(error, errno, "cannot ask the VM '%s' about its memory", name);
	else
		result = 0;
	wire_free(&buffer);
	close(fd);
	return result;
}

static void hand_on_signals(struct session *session, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		session_signal(session, (int)info.ssi_signo);
}

static void serve(struct session *session, int signals)
{
	struct pollfd fds[1 + SESSION_POLL_MAX];

	do {
		fds[0] = (struct pollfd){ signals, POLLIN, 0 };
		session_prepare(session, fds + 1);
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0)
			continue;
		if (fds[0].revents)
			hand_on_signals(session, signals);
		/* Its keeper has gone: so has the command. */
		if (session_serve(session, fds + 1))
			session->over = true;
	} while (!session_is_done(session));
}

int session_exec(const struct state *state, const struct process *process,
		 bool interactive)
{
	static struct session session;
	struct error error = { .text = "" };
	int status = STATUS_LODGE, signals = -1;
	int fd = connect_to(state->name, &error);

	session.fd = -1;
	if (fd < 0 || state_check_running(state, &error))
		goto out;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (session_open(&session, fd, process, interactive, &error))
		goto out;
	signals = relay_open_signals(&error);
	if (signals < 0)
		goto out;
	if (process->tty && interactive)
		tty_open();
	serve(&session, signals);
	tty_restore();
	status = session.status;
	if (session.failure.text[0])
		error = session.failure;
	else if (session.output[1].error && session.output[1].error != EPIPE)
		error_set(&error, session.output[1].error, "cannot write the command's output");
out:
	session_close(&session);
	if (signals >= 0)
		close(signals);
	if (error.text[0])
		error_print(&error);
	return status;
}
