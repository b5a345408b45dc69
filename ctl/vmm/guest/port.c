// SPDX-License-Identifier: GPL-2.0-only
/* Carries bytes between the guest's port and the keeper, and looks at none of them. */
#include "vmm/guest/port.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "container_of.h"
#include "init/vm.h"
#include "vmm/vm.h"

static struct port *port_of(struct console_host *host)
{
	return container_of(host, struct port, host);
}

/* The I/O thread calls these three. */

static void on_open(struct console_host *host, bool open)
{
	struct port *port = port_of(host);

	if (!open)
		return;
	atomic_store(&port->guest_full, false);
	vm_wake(port->vm);
}

static size_t on_receive(struct console_host *host, const void *data, size_t size)
{
	struct port *port = port_of(host);
	ssize_t count;

	do
		count = write(port->to_keeper, data, size);
	while (count < 0 && errno == EINTR);
	/* A keeper that has gone will not miss it. */
	if (count < 0 && errno != EAGAIN)
		return size;
	if (count < 0)
		count = 0;
	if ((size_t)count < size) {
		atomic_store(&port->keeper_full, true);
		vm_wake(port->vm);
	}
	return (size_t)count;
}

static void on_writable(struct console_host *host)
{
	struct port *port = port_of(host);

	atomic_store(&port->guest_full, false);
	vm_wake(port->vm);
}

void port_init(struct port *port, int from_keeper, int to_keeper)
{
	static const struct console_host_ops ops = {
		.opened = on_open,
		.receive = on_receive,
		.writable = on_writable,
	};

	memset(port, 0, sizeof(*port));
	port->host.name = INIT_PORT;
	port->host.ops = &ops;
	port->from_keeper = from_keeper;
	port->to_keeper = to_keeper;
}

void port_free(struct port *port)
{
	wire_free(&port->held);
}

void port_prepare(struct port *port, struct pollfd *fds)
{
	fds[0] = (struct pollfd){ port->held.count ? -1 : port->from_keeper, POLLIN, 0 };
	fds[1] = (struct pollfd){
		atomic_load(&port->keeper_full) ? port->to_keeper : -1, POLLOUT, 0
	};
}

static void send_held(struct port *port)
{
	size_t count;

	while (port->held.count && !atomic_load(&port->guest_full)) {
		/* First, for on_writable() may be called before this returns. */
		atomic_store(&port->guest_full, true);
		count = console_send(&port->host, port->held.data + port->held.start,
				     port->held.count);
		wire_drop(&port->held, count);
		if (!port->held.count)
			atomic_store(&port->guest_full, false);
	}
}

void port_serve(struct port *port, const struct pollfd *fds)
{
	if (fds[0].revents && wire_read(&port->held, port->from_keeper) == 0)
		port->from_keeper = -1;
	send_held(port);
	if (fds[1].revents) {
		atomic_store(&port->keeper_full, false);
		console_resume(&port->host);
	}
}
