// SPDX-License-Identifier: GPL-2.0-only
/* A session with a guest, at this process's standard streams. */
#include "vmm/guest/session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "tty.h"

static struct wire_size window_size(void)
{
	struct winsize window = { .ws_row = 0 };

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &window))
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
	return (struct wire_size){ window.ws_row, window.ws_col };
}

static int append_strings(struct wire_buffer *buffer, char **strings, uint32_t *count)
{
	for (*count = 0; *strings; strings++, ++*count)
		if (wire_append(buffer, *strings, strlen(*strings) + 1))
			return -1;
	return 0;
}

static int ask(struct session *session, const struct process *process, struct error *error)
{
	struct wire_start start = { .limits = process->limits, .tty = process->tty };
	struct wire_buffer buffer = { .data = NULL };
	int result = 0;

	if (process->tty)
		start.window = window_size();
	if (wire_append(&buffer, &start, sizeof(start)) ||
	    wire_append(&buffer, process->user, strlen(process->user) + 1) ||
	    wire_append(&buffer, process->workdir, strlen(process->workdir) + 1) ||
	    append_strings(&buffer, process->argv, &start.argc) ||
	    append_strings(&buffer, process->env, &start.envc)) {
		result = error_set(error, ENOMEM, "cannot remember the command");
	} else if (buffer.count > WIRE_START_MAX) {
		result = error_set(error, E2BIG, "cannot hand the command to the guest");
	} else {
		memcpy(buffer.data + buffer.start, &start, sizeof(start));
		if (wire_send(&session->to, WIRE_START, 0, 0, buffer.data + buffer.start,
			      buffer.count))
			result = error_set(error, ENOMEM, "cannot remember the command");
	}
	wire_free(&buffer);
	return result;
}

int session_open(struct session *session, int fd, const struct process *process,
		 bool interactive, struct error *error)
{
	memset(session, 0, sizeof(*session));
	session->fd = fd;
	session->tty = process->tty;
	session->status = STATUS_SIGNAL + SIGKILL;
	source_init(&session->input, interactive ? STDIN_FILENO : -1, false);
	sink_init(&session->output[1], STDOUT_FILENO, false);
	sink_init(&session->output[2], STDERR_FILENO, false);
	if (ask(session, process, error))
		return -1;
	if (!interactive)
		wire_send(&session->to, WIRE_DATA, 0, 0, NULL, 0);
	return 0;
}

void session_close(struct session *session)
{
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
	sink_close(&session->output[1]);
	sink_close(&session->output[2]);
	wire_free(&session->from);
	wire_free(&session->to);
}

bool session_is_done(const struct session *session)
{
	return session->over && !session->output[1].pending.count &&
	       !session->output[2].pending.count;
}

void session_prepare(const struct session *session, struct pollfd *fds)
{
	int i, events = (session->over ? 0 : POLLIN) | (session->to.count ? POLLOUT : 0);

	fds[0] = (struct pollfd){ events ? session->fd : -1, (short)events, 0 };
	fds[1] = (struct pollfd){ -1, POLLIN, 0 };
	/* Before it runs nothing of the input is taken away. */
	if (session->started && !session->over && source_is_ready(&session->input, &session->to))
		fds[1].fd = session->input.fd;
	for (i = 1; i < WIRE_STREAMS; i++)
		fds[1 + i] = (struct pollfd){
			session->output[i].pending.count ? session->output[i].fd : -1, POLLOUT, 0
		};
}

static void fail(struct session *session, const struct wire_frame *frame)
{
	struct wire_failure failure;

	memcpy(&failure, frame->payload, sizeof(failure));
	error_set(&session->failure, 0, "%s", failure.text);
	if (failure.advice[0])
		error_advise(&session->failure, "%s", failure.advice);
	session->status = (int)(failure.status & 0xff);
	session->over = true;
}

static void write_output(struct session *session, int stream)
{
	size_t count = sink_write(&session->output[stream], &session->to,
				  (unsigned int)stream, 0);

	if (count && session->on_output)
		session->on_output(session->state, count);
}

static int serve_frame(struct session *session, const struct wire_frame *frame)
{
	struct sink *sink;

	switch (frame->type) {
	case WIRE_STARTED:
		memcpy(&session->machine, frame->payload, sizeof(session->machine));
		session->started = true;
		return 0;
	case WIRE_FAILED:
		fail(session, frame);
		return 0;
	case WIRE_DATA:
		sink = &session->output[frame->stream];
		if (sink_put(sink, frame->payload, frame->size))
			return -1;
		if (sink->fd < 0)
			sink_write(sink, &session->to, frame->stream, 0);
		return 0;
	case WIRE_CREDIT:
		return source_add_credit(&session->input, wire_number(frame));
	case WIRE_EXIT:
		session->status = (int)(wire_number(frame) & 0xff);
		session->over = true;
		return 0;
	}
	return -1;
}

static int serve_hub(struct session *session)
{
	int count = wire_read(&session->from, session->fd), result;
	struct wire_frame frame;
	struct error ignored;

	if (!count || (count < 0 && errno != EAGAIN))
		return -1;
	while ((result = wire_take(&session->from, WIRE_FROM_GUEST, &frame, &ignored)) > 0)
		if (serve_frame(session, &frame))
			return -1;
	return result;
}

int session_serve(struct session *session, const struct pollfd *fds)
{
	int i;

	if (fds[1].revents)
		source_read(&session->input, &session->to, 0, 0);
	for (i = 1; i < WIRE_STREAMS; i++)
		if (fds[1 + i].revents)
			write_output(session, i);
	if (fds[0].revents & ~POLLOUT && !session->over && serve_hub(session))
		return -1;
	if (fds[0].revents & POLLOUT &&
	    wire_write(&session->to, session->fd, session->to.count)) {
		/* It may have said its last word already. */
		wire_drop(&session->to, session->to.count);
		return session->over ? 0 : -1;
	}
	return 0;
}

static void resize(struct session *session)
{
	struct wire_size size = window_size();

	if (session->tty)
		wire_send(&session->to, WIRE_RESIZE, 0, 0, &size, sizeof(size));
}

void session_signal(struct session *session, int signal)
{
	switch (signal) {
	case SIGCONT:
		if (session->tty)
			tty_continue();
		break;
	case SIGWINCH:
		resize(session);
		break;
	default:
		wire_send_number(&session->to, WIRE_SIGNAL, 0, 0, (uint32_t)signal);
		break;
	}
}
