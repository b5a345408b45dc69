// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames between a guest and who has sessions with it.
 *
 * The guest is hostile: what it sends is bounded by the credit that was given, each
 * frame is for a session that is there, and nothing comes twice.  So it can make
 * the keeper hold no more than two windows and a few frames for each session.  A
 * client is a program of root's; if it errs, it is let go.
 */
#include "vmm/guest/hub.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* While so much waits for the guest, clients wait, too. */
#define BACKLOG_MAX	(16UL * WIRE_DATA_MAX)

enum { FROM, TO, LISTENER, CLIENTS };

static void free_client(struct hub_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	wire_free(&client->from);
	wire_free(&client->to);
	memset(client, 0, sizeof(*client));
	client->fd = -1;
}

/* Return: the new client, or NULL: there are too many, and @fd is closed */
static struct hub_client *add_client(struct hub *hub, int fd)
{
	unsigned int i, stream;

	for (i = 0; i < HUB_CLIENTS_MAX; i++) {
		struct hub_client *client = &hub->clients[i];

		if (client->used)
			continue;
		client->used = true;
		client->over = false;
		client->fd = fd;
		client->input_room = WIRE_WINDOW;
		for (stream = 1; stream < WIRE_STREAMS; stream++)
			client->output_room[stream] = WIRE_WINDOW;
		return client;
	}
	close(fd);
	return NULL;
}

int hub_open(struct hub *hub, int from_guest, int to_guest, int listener,
	     const char *const *setup, struct error *error)
{
	int ends[2], i;

	memset(hub, 0, sizeof(*hub));
	hub->from_guest = from_guest;
	hub->to_guest = to_guest;
	hub->listener = listener;
	for (i = 0; i < HUB_CLIENTS_MAX; i++)
		hub->clients[i].fd = -1;
	for (i = 0; i < WIRE_SETUP_NR; i++)
		if (wire_append(&hub->setup, setup[i], strlen(setup[i]) + 1))
			return error_set(error, ENOMEM, "cannot remember what the guest is to be");
	if (hub->setup.count > WIRE_TEXT_MAX)
		return error_set(error, 0, "the guest's host names and name servers are too long");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return error_set(error, errno, "cannot make a socket");
	add_client(hub, ends[0]);
	return ends[1];
}

void hub_close(struct hub *hub)
{
	int i;

	for (i = 0; i < HUB_CLIENTS_MAX; i++)
		free_client(&hub->clients[i]);
	wire_free(&hub->setup);
	wire_free(&hub->received);
	wire_free(&hub->to_send);
}

static unsigned int session_of(const struct hub *hub, const struct hub_client *client)
{
	return (unsigned int)(client - hub->clients);
}

/* It has gone, or is let go. */
static void lose_client(struct hub *hub, struct hub_client *client)
{
	if (!client->asked || client->over) {
		free_client(client);
		return;
	}
	close(client->fd);
	client->fd = -1;
	wire_free(&client->from);
	wire_free(&client->to);
	wire_send(&hub->to_send, WIRE_CLOSE, 0, session_of(hub, client), NULL, 0);
}

/* Return: 0, or -1: it breaks the rules */
static int check_client_frame(struct hub_client *client, const struct wire_frame *frame)
{
	bool starts = frame->type == WIRE_START;
	uint32_t number;

	if (client->asked == starts)
		return -1;
	switch (frame->type) {
	case WIRE_START:
		client->asked = true;
		return 0;
	case WIRE_DATA:
		if (frame->size > client->input_room)
			return -1;
		client->input_room -= frame->size;
		return 0;
	case WIRE_CREDIT:
		number = wire_number(frame);
		if (number > WIRE_WINDOW - client->output_room[frame->stream])
			return -1;
		client->output_room[frame->stream] += number;
		return 0;
	case WIRE_SIGNAL:
	case WIRE_RESIZE:
		return 0;
	}
	return -1;
}

/* It is answered here, and the guest hears nothing of it. Return: 0 or -1 */
static int serve_memory(struct hub *hub, struct hub_client *client,
			const struct wire_frame *frame)
{
	struct wire_memory memory;

	if (client->asked || client->over || !hub->on_memory)
		return -1;
	memcpy(&memory, frame->payload, sizeof(memory));
	hub->on_memory(hub->state, &memory);
	/* There is nothing more to say than this. */
	client->over = true;
	return wire_send(&client->to, WIRE_MEMORY, 0, 0, &memory, sizeof(memory));
}

static void serve_client_frames(struct hub *hub, struct hub_client *client)
{
	unsigned int session = session_of(hub, client);
	struct wire_frame frame;
	struct error ignored;
	int result;

	while ((result = wire_take(&client->from, WIRE_FROM_KEEPER, &frame, &ignored)) > 0) {
		/* Somebody who has but a signal for the first one, `lodge kill` */
		if (frame.type == WIRE_SIGNAL && !client->asked) {
			if (hub->clients[0].started)
				wire_send(&hub->to_send, WIRE_SIGNAL, 0, 0, frame.payload,
					  frame.size);
			free_client(client);
			return;
		}
		if (frame.type == WIRE_MEMORY)
			result = serve_memory(hub, client, &frame);
		else if (check_client_frame(client, &frame))
			result = -1;
		else if (!client->over)
			result = wire_send(&hub->to_send, frame.type, frame.stream, session,
					   frame.payload, frame.size);
		if (result < 0)
			break;
	}
	if (result < 0)
		lose_client(hub, client);
}

static void serve_client(struct hub *hub, struct hub_client *client, short events)
{
	int count;

	if (events & POLLOUT && wire_write(&client->to, client->fd, client->to.count)) {
		lose_client(hub, client);
		return;
	}
	if (client->over && !client->to.count) {
		free_client(client);
		return;
	}
	if (!(events & (POLLIN | POLLHUP | POLLERR)))
		return;
	count = wire_read(&client->from, client->fd);
	if (count > 0)
		serve_client_frames(hub, client);
	else if (!count || errno != EAGAIN)
		lose_client(hub, client);
}

static int serve_hello(struct hub *hub, const struct wire_frame *frame,
		       struct error *error)
{
	char version[65];

	if (hub->hello || frame->type != WIRE_HELLO)
		return error_set(error, 0, hub->hello ? "it says hello twice" :
				 "it does not say hello first");
	snprintf(version, sizeof(version), "%.*s", (int)frame->size,
		 (const char *)frame->payload);
	if (strcmp(version, LODGE_VERSION))
		return error_set(error, 0, "its version is %s, not " LODGE_VERSION, version);
	hub->hello = true;
	if (wire_send(&hub->to_send, WIRE_SETUP, 0, 0, hub->setup.data, hub->setup.count))
		return error_set(error, ENOMEM, "cannot tell it what it is to be");
	return 0;
}

static int check_guest_frame(struct hub_client *client, const struct wire_frame *frame,
			     struct error *error)
{
	const struct wire_started *started;
	const struct wire_failure *failure;
	bool starts = frame->type == WIRE_STARTED;
	uint32_t number;

	if (!client->asked || client->over)
		return error_set(error, 0, "a frame is of session %u, which is not there now",
				 frame->session);
	if (frame->type != WIRE_FAILED && client->started == starts)
		return error_set(error, 0, "session %u starts twice or late", frame->session);
	switch (frame->type) {
	case WIRE_STARTED:
		started = (const void *)frame->payload;
		if (!wire_is_text(started->release, sizeof(started->release)))
			return error_set(error, 0, "its kernel's release is no text");
		client->started = true;
		return 0;
	case WIRE_DATA:
		if (client->output_ended[frame->stream] ||
		    frame->size > client->output_room[frame->stream])
			return error_set(error, 0, "there is more of a stream than was asked for");
		client->output_room[frame->stream] -= frame->size;
		client->output_ended[frame->stream] = !frame->size;
		return 0;
	case WIRE_CREDIT:
		number = wire_number(frame);
		if (!number || number > WIRE_WINDOW - client->input_room)
			return error_set(error, 0, "it takes more of a stream than there is");
		client->input_room += number;
		return 0;
	case WIRE_FAILED:
		failure = (const void *)frame->payload;
		if (!wire_is_text(failure->text, sizeof(failure->text)) ||
		    !wire_is_text(failure->advice, sizeof(failure->advice)))
			return error_set(error, 0, "its error is no text");
		client->over = true;
		return 0;
	case WIRE_EXIT:
		client->over = true;
		return 0;
	}
	return error_set(error, 0, "it says hello twice");
}

static int serve_guest_frame(struct hub *hub, const struct wire_frame *frame,
			     struct error *error)
{
	struct hub_client *client = NULL;

	if (!hub->hello || frame->type == WIRE_HELLO)
		return serve_hello(hub, frame, error);
	if (frame->session < HUB_CLIENTS_MAX && hub->clients[frame->session].used)
		client = &hub->clients[frame->session];
	if (!client)
		return error_set(error, 0, "a frame is of session %u, which is not there",
				 frame->session);
	if (check_guest_frame(client, frame, error))
		return -1;
	if (client->fd < 0) {
		if (client->over)
			free_client(client);
		return 0;
	}
	if (wire_send(&client->to, frame->type, frame->stream, 0, frame->payload, frame->size))
		return error_set(error, ENOMEM, "cannot take what it says");
	return 0;
}

/* Nothing comes any more: clients get what is left, and then their end. */
static void end_guest(struct hub *hub)
{
	int i;

	hub->from_guest = -1;
	hub->to_guest = -1;
	for (i = 0; i < HUB_CLIENTS_MAX; i++) {
		struct hub_client *client = &hub->clients[i];

		client->over = true;
		if (client->used && (client->fd < 0 || !client->to.count))
			free_client(client);
	}
}

static int serve_guest(struct hub *hub, struct error *error)
{
	int count = wire_read(&hub->received, hub->from_guest), result;
	struct wire_frame frame;
	struct error why;

	if (count < 0 && errno == EAGAIN)
		return 0;
	if (count < 0 && errno != ECONNRESET)
		return error_set(error, errno, "cannot read what the guest says");
	if (count <= 0) {
		end_guest(hub);
		return 0;
	}
	while ((result = wire_take(&hub->received, WIRE_FROM_GUEST, &frame, &why)) > 0) {
		result = serve_guest_frame(hub, &frame, &why);
		if (result)
			break;
	}
	if (result < 0)
		return error_set(error, 0, "the guest breaks the rules of lodge-init: %s",
				 why.text);
	return 0;
}

void hub_prepare(const struct hub *hub, struct pollfd *fds)
{
	bool takes = hub->hello && hub->to_send.count < BACKLOG_MAX;
	int i;

	fds[FROM] = (struct pollfd){ hub->from_guest, POLLIN, 0 };
	fds[TO] = (struct pollfd){ hub->to_send.count ? hub->to_guest : -1, POLLOUT, 0 };
	fds[LISTENER] = (struct pollfd){ hub->hello ? hub->listener : -1, POLLIN, 0 };
	for (i = 0; i < HUB_CLIENTS_MAX; i++) {
		const struct hub_client *client = &hub->clients[i];
		int events = (takes && !client->over ? POLLIN : 0) |
			     (client->to.count ? POLLOUT : 0);

		fds[CLIENTS + i] = (struct pollfd){ events ? client->fd : -1, (short)events, 0 };
	}
}

int hub_serve(struct hub *hub, const struct pollfd *fds, struct error *error)
{
	int i, fd;

	for (i = 0; i < HUB_CLIENTS_MAX; i++)
		if (fds[CLIENTS + i].revents && hub->clients[i].fd == fds[CLIENTS + i].fd)
			serve_client(hub, &hub->clients[i], fds[CLIENTS + i].revents);
	if (fds[FROM].revents && serve_guest(hub, error))
		return -1;
	if (fds[TO].revents && hub->to_guest >= 0 &&
	    wire_write(&hub->to_send, hub->to_guest, hub->to_send.count)) {
		/* What it said last is still to be read. */
		if (errno != EPIPE)
			return error_set(error, errno, "cannot write to the guest");
		wire_drop(&hub->to_send, hub->to_send.count);
	}
	if (fds[LISTENER].revents) {
		fd = accept4(hub->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			add_client(hub, fd);
	}
	return 0;
}
