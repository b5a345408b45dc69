// SPDX-License-Identifier: GPL-2.0-only
/*
 * The debug ports of Bochs (0xe9) and SeaBIOS (0x402): what is written there goes to
 * the file of --debug.  Without one there are none, and the firmware sees that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/vm.h"

#define BOCHS_PORT	0xe9
#define SEABIOS_PORT	0x402
#define PRESENT		0xe9	/* read from either */

#define BUFFER_SIZE	4096

/**
 * struct debug_port - the file, and what it lacks yet
 * @lock: protects all of it
 * @fd: the file
 * @used: bytes in @buffer
 * @buffer: up to the end of a line
 */
struct debug_port {
	pthread_mutex_t lock;
	int fd;
	size_t used;
	char buffer[BUFFER_SIZE];
};

/* A full disk is no reason to end the guest. */
static void flush(struct debug_port *port)
{
	size_t done = 0;

	while (done < port->used) {
		ssize_t count = write(port->fd, port->buffer + done,
				      port->used - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		done += (size_t)count;
	}
	port->used = 0;
}

static void debug_access(void *state, uint64_t offset, unsigned int width,
			 bool write, uint64_t *value)
{
	struct debug_port *port = state;

	(void)offset;
	(void)width;
	if (!write) {
		*value = PRESENT;
		return;
	}
	pthread_mutex_lock(&port->lock);
	port->buffer[port->used++] = (char)*value;
	if (*value == '\n' || port->used == sizeof(port->buffer))
		flush(port);
	pthread_mutex_unlock(&port->lock);
}

static void debug_destroy(void *state)
{
	struct debug_port *port = state;

	flush(port);
	if (port->fd >= 0)
		close(port->fd);
	pthread_mutex_destroy(&port->lock);
	free(port);
}

static int debug_create(struct vm *vm, void **state, struct error *error)
{
	struct bus_region region = {
		.base = BOCHS_PORT,
		.length = 1,
		.max_width = 1,
		.access = debug_access,
	};
	struct debug_port *port;

	if (!vm->config->debug)
		return 0;
	port = calloc(1, sizeof(*port));
	if (!port)
		return error_set(error, errno, "cannot make the debug port");
	pthread_mutex_init(&port->lock, NULL);
	region.state = port;
	port->fd = open(vm->config->debug,
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	if (port->fd < 0) {
		error_set(error, errno, "cannot open '%s' for the debug port",
			  vm->config->debug);
		goto fail;
	}
	if (bus_claim_ports(&vm->bus, &region, error))
		goto fail;
	region.base = SEABIOS_PORT;
	if (bus_claim_ports(&vm->bus, &region, error))
		goto fail;
	*state = port;
	return 0;
fail:
	debug_destroy(port);
	return -1;
}

static const struct device debug_port = {
	.name = "debug port",
	.create = debug_create,
	.destroy = debug_destroy,
};

DEVICE(debug_port);
