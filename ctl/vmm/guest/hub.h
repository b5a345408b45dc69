/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keeper's end of the wire to lodge-init of a VM: hands frames on between the
 * guest and who has sessions with it, each over a socket: the keeper itself, for
 * the VM's command, and every `exec`.
 */
#ifndef HUB_H
#define HUB_H

#include <poll.h>
#include <stdbool.h>

#include "init/wire.h"

#define HUB_CLIENTS_MAX	32
#define HUB_POLL_MAX	(3 + HUB_CLIENTS_MAX)

/**
 * struct hub_client - somebody with a session; its index is the session's number
 * @used: it is one
 * @fd: its socket, or -1: it has gone, and the guest has not ended the session yet
 * @asked: it has asked for a session
 * @started: the guest says so
 * @over: the guest will say no more
 * @from: received from it
 * @to: to be sent to it
 * @input_room: bytes that it may send to the guest
 * @output_room: bytes that the guest may send to it, by stream
 * @output_ended: the stream has ended
 */
struct hub_client {
	bool used;
	int fd;
	bool asked;
	bool started;
	bool over;
	struct wire_buffer from;
	struct wire_buffer to;
	uint32_t input_room;
	uint32_t output_room[WIRE_STREAMS];
	bool output_ended[WIRE_STREAMS];
};

/**
 * struct hub - all of it
 * @from_guest: what the guest writes, comes from here; not blocking
 * @to_guest: and what it reads, goes there; not blocking; may be the same
 * @listener: where others connect, or -1
 * @hello: the guest's lodge-init is there
 * @setup: the strings for it, one after the other
 * @received: from the guest
 * @to_send: to the guest
 * @clients: all
 * @on_memory: a client asks about the VM's memory: fills in the answer; or NULL
 * @state: for that
 *
 * The last two are the caller's to set after hub_open().
 */
struct hub {
	int from_guest;
	int to_guest;
	int listener;
	bool hello;
	struct wire_buffer setup;
	struct wire_buffer received;
	struct wire_buffer to_send;
	struct hub_client clients[HUB_CLIENTS_MAX];
	void (*on_memory)(void *state, struct wire_memory *memory);
	void *state;
};

/**
 * hub_open() - begin
 * @hub: filled
 * @from_guest: see struct hub
 * @to_guest: see struct hub
 * @listener: see struct hub
 * @setup: enum wire_setup, so many strings
 * @error: filled on failure
 *
 * The descriptors stay the caller's.
 *
 * Return: a socket for the first session, or -1
 */
int hub_open(struct hub *hub, int from_guest, int to_guest, int listener,
	     const char *const *setup, struct error *error);
void hub_close(struct hub *hub);

/* Fills HUB_POLL_MAX entries. */
void hub_prepare(const struct hub *hub, struct pollfd *fds);

/**
 * hub_serve() - after poll()
 * @hub: the hub
 * @fds: from hub_prepare()
 * @error: filled when the guest breaks the rules
 *
 * When the guest's end is closed, clients get what is left, and then their end.
 *
 * Return: 0 or -1
 */
int hub_serve(struct hub *hub, const struct pollfd *fds, struct error *error);

#endif /* HUB_H */
