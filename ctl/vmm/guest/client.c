// SPDX-License-Identifier: GPL-2.0-only
/* A session with a guest, at this process's standard streams. */
#include "vmm/guest/client.h"

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

static int ask(struct client *client, const struct process *process, struct error *error)
{
	struct wire_start start = { .tty = process->tty };
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
		if (wire_send(&client->to, WIRE_START, 0, 0, buffer.data + buffer.start,
			      buffer.count))
			result = error_set(error, ENOMEM, "cannot remember the command");
	}
	wire_free(&buffer);
	return result;
}

int client_open(struct client *client, int fd, const struct process *process,
		bool interactive, struct error *error)
{
	memset(client, 0, sizeof(*client));
	client->fd = fd;
	client->tty = process->tty;
	client->status = STATUS_SIGNAL + SIGKILL;
	source_init(&client->input, interactive ? STDIN_FILENO : -1, false);
	sink_init(&client->output[1], STDOUT_FILENO, false);
	sink_init(&client->output[2], STDERR_FILENO, false);
	if (ask(client, process, error))
		return -1;
	if (!interactive)
		wire_send(&client->to, WIRE_DATA, 0, 0, NULL, 0);
	return 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	sink_close(&client->output[1]);
	sink_close(&client->output[2]);
	wire_free(&client->from);
	wire_free(&client->to);
}

bool client_is_done(const struct client *client)
{
	return client->over && !client->output[1].pending.count &&
	       !client->output[2].pending.count;
}

void client_prepare(const struct client *client, struct pollfd *fds)
{
	int i, events = (client->over ? 0 : POLLIN) | (client->to.count ? POLLOUT : 0);

	fds[0] = (struct pollfd){ events ? client->fd : -1, (short)events, 0 };
	fds[1] = (struct pollfd){ -1, POLLIN, 0 };
	/* Before it runs nothing of the input is taken away. */
	if (client->started && !client->over && source_is_ready(&client->input, &client->to))
		fds[1].fd = client->input.fd;
	for (i = 1; i < WIRE_STREAMS; i++)
		fds[1 + i] = (struct pollfd){
			client->output[i].pending.count ? client->output[i].fd : -1, POLLOUT, 0
		};
}

static void fail(struct client *client, const struct wire_frame *frame)
{
	struct wire_failure failure;

	memcpy(&failure, frame->payload, sizeof(failure));
	error_set(&client->failure, 0, "%s", failure.text);
	if (failure.advice[0])
		error_advise(&client->failure, "%s", failure.advice);
	client->status = (int)(failure.status & 0xff);
	client->over = true;
}

static void write_output(struct client *client, int stream)
{
	size_t count = sink_write(&client->output[stream], &client->to,
				  (unsigned int)stream, 0);

	if (count && client->on_output)
		client->on_output(client->state, count);
}

static int serve_frame(struct client *client, const struct wire_frame *frame)
{
	struct sink *sink;

	switch (frame->type) {
	case WIRE_STARTED:
		client->started = true;
		return 0;
	case WIRE_FAILED:
		fail(client, frame);
		return 0;
	case WIRE_DATA:
		sink = &client->output[frame->stream];
		if (sink_put(sink, frame->payload, frame->size))
			return -1;
		if (sink->fd < 0)
			sink_write(sink, &client->to, frame->stream, 0);
		return 0;
	case WIRE_CREDIT:
		return source_add_credit(&client->input, wire_number(frame));
	case WIRE_EXIT:
		client->status = (int)(wire_number(frame) & 0xff);
		client->over = true;
		return 0;
	}
	return -1;
}

static int serve_hub(struct client *client)
{
	int count = wire_read(&client->from, client->fd), result;
	struct wire_frame frame;
	struct error ignored;

	if (!count || (count < 0 && errno != EAGAIN))
		return -1;
	while ((result = wire_take(&client->from, WIRE_FROM_GUEST, &frame, &ignored)) > 0)
		if (serve_frame(client, &frame))
			return -1;
	return result;
}

int client_serve(struct client *client, const struct pollfd *fds)
{
	int i;

	if (fds[1].revents)
		source_read(&client->input, &client->to, 0, 0);
	for (i = 1; i < WIRE_STREAMS; i++)
		if (fds[1 + i].revents)
			write_output(client, i);
	if (fds[0].revents & ~POLLOUT && !client->over && serve_hub(client))
		return -1;
	if (fds[0].revents & POLLOUT &&
	    wire_write(&client->to, client->fd, client->to.count)) {
		/* It may have said its last word already. */
		wire_drop(&client->to, client->to.count);
		return client->over ? 0 : -1;
	}
	return 0;
}

void client_signal(struct client *client, int signal)
{
	wire_send_number(&client->to, WIRE_SIGNAL, 0, 0, (uint32_t)signal);
}

void client_resize(struct client *client)
{
	struct wire_size size = window_size();

	if (client->tty)
		wire_send(&client->to, WIRE_RESIZE, 0, 0, &size, sizeof(size));
}
