/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMM's side of the port to lodge-init: bytes between it and the keeper's pipes. */
#ifndef PORT_H
#define PORT_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "init/wire.h"
#include "vmm/virtio/console.h"

#define PORT_POLL_MAX	2

struct vm;

/**
 * struct port - the port
 * @host: what the console device knows of it
 * @vm: its VM, once there is one
 * @from_keeper: a pipe
 * @to_keeper: a pipe; not blocking
 * @held: read from the keeper, and the guest has no room yet
 * @guest_full: the guest has no room
 * @keeper_full: the pipe has no room
 */
struct port {
	struct console_host host;
	struct vm *vm;
	int from_keeper;
	int to_keeper;
	struct wire_buffer held;
	atomic_bool guest_full;
	atomic_bool keeper_full;
};

void port_init(struct port *port, int from_keeper, int to_keeper);
void port_free(struct port *port);

/* Fills PORT_POLL_MAX entries. */
void port_prepare(struct port *port, struct pollfd *fds);
/* After poll(). */
void port_serve(struct port *port, const struct pollfd *fds);

#endif /* PORT_H */
