// SPDX-License-Identifier: GPL-2.0-only
/*
 * The console device (virtio 1.2, 5.3), with several ports.
 *
 * Data is not kept here: console_send() puts it into buffers that the guest has
 * given, and what the guest sends stays in its memory until somebody takes it.
 * Nor are control messages: what the guest is still to be told is a bit a port.
 */
#include "vmm/virtio/console.h"

#include <errno.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "container_of.h"
#include "vmm/virtio/console_tty.h"
#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

#define QUEUE_SIZE	64
#define CHUNK		4096

/* What virtio_console.h has a number, but no struct for. */
struct resize_message {
	struct virtio_console_control control;
	__virtio16 cols;
	__virtio16 rows;
};

enum {
	CONTROL_RX = 2,
	CONTROL_TX = 3,
	QUEUES_OF_CONTROL = 2,
};

/* What a port's guest end is still to be told, in this order. */
enum {
	TELL_ADD = 1 << 0,
	TELL_CONSOLE = 1 << 1,
	TELL_NAME = 1 << 2,
	TELL_SIZE = 1 << 3,
	TELL_OPEN = 1 << 4,
};

/**
 * struct console_port - a port
 * @console: its device
 * @host: its other end
 * @id: its number
 * @tell: TELL_*
 * @added: the guest has it
 * @host_open: the host's end is open
 * @guest_open: the guest's end is open
 * @reported_open: what @host was told of that
 * @was_closed: and it was closed since
 * @want_room: @host waits for console_host_ops.writable
 * @sending: the guest sends: a chain is not yet taken, not all of it
 * @held: @host takes no more for now
 * @chain: that chain
 * @iov: its pieces; room for VIRTQ_MAX_SEGMENTS
 * @offset: bytes of it that were taken
 */
struct console_port {
	struct console *console;
	struct console_host *host;
	uint32_t id;
	unsigned int tell;
	bool added;
	bool host_open;
	bool guest_open;
	bool reported_open;
	bool was_closed;
	bool want_room;
	bool sending;
	bool held;
	struct virtq_chain chain;
	struct iovec *iov;
	size_t offset;
};

/**
 * struct console - the device
 * @dev: as the core sees it
 * @config: its configuration
 * @look: wakes the I/O thread: there is something to do for a port
 * @control_started: the guest speaks the control protocol
 * @nr_ports: how many
 * @ports: the ports
 */
struct console {
	struct virtio_device dev;
	struct virtio_console_config config;
	struct io_watch look;
	bool control_started;
	unsigned int nr_ports;
	struct console_port ports[CONSOLE_MAX_PORTS];
};

static struct console *to_console(struct virtio_device *dev)
{
	return container_of(dev, struct console, dev);
}

static struct virtq *queue_of(struct console_port *port, bool from_guest)
{
	unsigned int index = 2 * port->id + from_guest;

	if (port->id)
		index += QUEUES_OF_CONTROL;
	return &port->console->dev.queues[index];
}

/* Control messages to the guest */

static size_t build_message(struct console_port *port, unsigned int what,
			    uint8_t *bytes, size_t size)
{
	struct console *console = port->console;
	struct resize_message message = {
		.control = { .id = port->id, .value = 1 },
		.cols = console->config.cols,
		.rows = console->config.rows,
	};
	size_t length = sizeof(message.control), name = 0;

	switch (what) {
	case TELL_ADD:
		message.control.event = VIRTIO_CONSOLE_PORT_ADD;
		break;
	case TELL_CONSOLE:
		message.control.event = VIRTIO_CONSOLE_CONSOLE_PORT;
		break;
	case TELL_NAME:
		message.control.event = VIRTIO_CONSOLE_PORT_NAME;
		name = strnlen(port->host->name, CONSOLE_NAME_MAX);
		break;
	case TELL_SIZE:
		message.control.event = VIRTIO_CONSOLE_RESIZE;
		length = sizeof(message);
		break;
	case TELL_OPEN:
		message.control.event = VIRTIO_CONSOLE_PORT_OPEN;
		message.control.value = port->host_open;
		break;
	}
	memcpy(bytes, &message, length);
	if (name > size - length)
		name = size - length;
	memcpy(bytes + length, port->host->name, name);
	return length + name;
}

static unsigned int lowest_bit(unsigned int bits)
{
	return bits & -bits;
}

/* Tells the guest what it has room for. Return: is there more? */
static bool tell_port(struct console_port *port, struct virtq *queue)
{
	uint8_t bytes[sizeof(struct resize_message) + CONSOLE_NAME_MAX];
	struct virtq_chain chain;
	unsigned int what;
	size_t length;

	while (port->tell) {
		what = lowest_bit(port->tell);
		if (!virtq_pop(queue, &chain))
			return true;
		length = build_message(port, what, bytes, sizeof(bytes));
		if (chain.in_size < length) {
			virtio_broken(queue->dev, "no room for a control message of %zu bytes",
				      length);
			return true;
		}
		virtq_write(&chain, 0, bytes, length);
		virtq_push(queue, chain.head, (uint32_t)length);
		port->tell &= ~what;
	}
	return false;
}

static void tell(struct console *console)
{
	struct virtq *queue;
	unsigned int i;

	if (!console->control_started)
		return;
	queue = &console->dev.queues[CONTROL_RX];
	for (i = 0; i < console->nr_ports; i++)
		if (tell_port(&console->ports[i], queue))
			break;
	virtq_signal(queue);
}

/* Data from the guest */

static void drop_chain(struct console_port *port)
{
	port->sending = false;
	port->held = false;
	port->offset = 0;
}

/* The device's scratch space is not ours for long. */
static void keep_chain(struct console_port *port, const struct virtq_chain *chain)
{
	memcpy(port->iov, chain->iov, chain->nr_out * sizeof(*port->iov));
	port->chain = *chain;
	port->chain.iov = port->iov;
	port->offset = 0;
	port->sending = true;
}

static bool next_chain(struct console_port *port)
{
	struct virtq *queue = queue_of(port, true);
	struct virtq_chain chain;

	if (port->sending)
		return true;
	if (!virtq_pop(queue, &chain))
		return false;
	if (chain.nr_in) {
		virtio_broken(queue->dev, "it sends a buffer to write into");
		return false;
	}
	keep_chain(port, &chain);
	return true;
}

/* Hands on what the guest sends, a copy: the guest may change it meanwhile. */
static void pump(struct console_port *port)
{
	struct virtio_device *dev = &port->console->dev;
	struct virtq *queue = queue_of(port, true);
	unsigned int epoch = dev->epoch;
	uint8_t bytes[CHUNK];
	size_t size, taken;

	while (dev->running && !dev->broken && !port->held && next_chain(port)) {
		size = virtq_read(&port->chain, port->offset, bytes, sizeof(bytes));
		taken = size;
		if (port->host_open) {
			port->held = true;
			pthread_mutex_unlock(&dev->lock);
			taken = port->host->ops->receive(port->host, bytes, size);
			pthread_mutex_lock(&dev->lock);
			if (dev->epoch != epoch)
				return;
			/* console_resume() may have come before we are back. */
			if (taken == size)
				port->held = false;
		}
		port->offset += taken;
		if (port->offset == port->chain.out_size) {
			virtq_push(queue, port->chain.head, 0);
			port->sending = false;
		}
	}
	virtq_signal(queue);
}

/* Tells the host's end what became of the guest's. */
static void report(struct console_port *port)
{
	struct virtio_device *dev = &port->console->dev;
	bool open;

	while (port->was_closed || port->guest_open != port->reported_open) {
		open = port->guest_open && !(port->was_closed && port->reported_open);
		port->was_closed = false;
		if (open == port->reported_open)
			continue;
		port->reported_open = open;
		pthread_mutex_unlock(&dev->lock);
		port->host->ops->opened(port->host, open);
		pthread_mutex_lock(&dev->lock);
	}
}

static void set_guest_open(struct console_port *port, bool open)
{
	if (port->guest_open && !open)
		port->was_closed = true;
	port->guest_open = open;
}

/* Control messages from the guest */

static void port_is_ready(struct console_port *port)
{
	port->added = true;
	if (!port->id)
		port->tell |= TELL_CONSOLE;
	if (!port->id && port->console->config.cols)
		port->tell |= TELL_SIZE;
	port->tell |= TELL_NAME | TELL_OPEN;
}

static void control(struct console *console,
		    const struct virtio_console_control *message)
{
	struct console_port *port;
	unsigned int i;

	if (message->event == VIRTIO_CONSOLE_DEVICE_READY) {
		if (!message->value)
			return;
		console->control_started = true;
		for (i = 0; i < console->nr_ports; i++)
			console->ports[i].tell = TELL_ADD;
		return;
	}
	if (message->id >= console->nr_ports) {
		virtio_broken(&console->dev, "there is no port %u", message->id);
		return;
	}
	port = &console->ports[message->id];
	switch (message->event) {
	case VIRTIO_CONSOLE_PORT_READY:
		if (message->value)
			port_is_ready(port);
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		set_guest_open(port, message->value);
		break;
	}
}

static void offer_room(struct console_port *port)
{
	struct virtio_device *dev = &port->console->dev;

	if (!port->want_room || !port->guest_open)
		return;
	port->want_room = false;
	pthread_mutex_unlock(&dev->lock);
	port->host->ops->writable(port->host);
	pthread_mutex_lock(&dev->lock);
}

static void control_from_guest(struct console *console, struct virtq *queue)
{
	struct virtio_console_control message;
	struct virtq_chain chain;
	unsigned int i;

	while (virtq_pop(queue, &chain)) {
		if (virtq_read(&chain, 0, &message, sizeof(message)) != sizeof(message)) {
			virtio_broken(&console->dev, "a control message has %zu bytes",
				      chain.out_size);
			return;
		}
		virtq_push(queue, chain.head, 0);
		control(console, &message);
	}
	virtq_signal(queue);
	tell(console);
	for (i = 0; i < console->nr_ports; i++) {
		report(&console->ports[i]);
		offer_room(&console->ports[i]);
	}
}

/* Operations of the device */

static void console_notify(struct virtio_device *dev, struct virtq *queue)
{
	struct console *console = to_console(dev);
	struct console_port *port;
	unsigned int index = queue->index;

	if (index == CONTROL_RX) {
		tell(console);
	} else if (index == CONTROL_TX) {
		control_from_guest(console, queue);
	} else {
		if (index >= QUEUES_OF_CONTROL)
			index -= QUEUES_OF_CONTROL;
		port = &console->ports[index / 2];
		if (index % 2)
			pump(port);
		else
			offer_room(port);
	}
}

static int console_start(struct virtio_device *dev)
{
	struct console *console = to_console(dev);

	/* Without a control protocol, nobody says that it is open. */
	if (!virtio_has(dev, VIRTIO_CONSOLE_F_MULTIPORT)) {
		set_guest_open(&console->ports[0], true);
		io_signal(console->look.fd);
	}
	return 0;
}

static void console_stop(struct virtio_device *dev)
{
	struct console *console = to_console(dev);
	unsigned int i;

	console->control_started = false;
	for (i = 0; i < console->nr_ports; i++) {
		struct console_port *port = &console->ports[i];

		port->tell = 0;
		port->added = false;
		set_guest_open(port, false);
		drop_chain(port);
	}
	io_signal(console->look.fd);
}

static void console_destroy(struct virtio_device *dev)
{
	struct console *console = to_console(dev);
	unsigned int i;

	for (i = 0; i < console->nr_ports; i++) {
		console->ports[i].host->port = NULL;
		free(console->ports[i].iov);
	}
	if (console->look.fd >= 0)
		close(console->look.fd);
	console_tty_destroy();
	free(console);
}

static void look(struct io_watch *watch, uint32_t events)
{
	struct console *console = container_of(watch, struct console, look);
	unsigned int i;

	(void)events;
	io_clear(watch->fd);
	pthread_mutex_lock(&console->dev.lock);
	for (i = 0; i < console->nr_ports; i++) {
		report(&console->ports[i]);
		offer_room(&console->ports[i]);
		pump(&console->ports[i]);
	}
	pthread_mutex_unlock(&console->dev.lock);
}

/* The host's end */

size_t console_send(struct console_host *host, const void *data, size_t size)
{
	struct console_port *port = host->port;
	struct virtio_device *dev = &port->console->dev;
	struct virtq *queue = queue_of(port, false);
	struct virtq_chain chain;
	size_t done = 0, length;

	pthread_mutex_lock(&dev->lock);
	while (done < size && port->guest_open && port->host_open &&
	       virtq_pop(queue, &chain)) {
		if (chain.nr_out || !chain.nr_in) {
			virtio_broken(dev, "it wants data in a buffer to read from");
			break;
		}
		length = virtq_write(&chain, 0, (const uint8_t *)data + done,
				     size - done);
		virtq_push(queue, chain.head, (uint32_t)length);
		done += length;
	}
	if (done)
		virtq_signal(queue);
	port->want_room = done < size;
	pthread_mutex_unlock(&dev->lock);
	return done;
}

void console_resume(struct console_host *host)
{
	struct console_port *port = host->port;
	struct virtio_device *dev = &port->console->dev;

	pthread_mutex_lock(&dev->lock);
	port->held = false;
	pthread_mutex_unlock(&dev->lock);
	io_signal(port->console->look.fd);
}

void console_open(struct console_host *host, bool open)
{
	struct console_port *port = host->port;
	struct virtio_device *dev = &port->console->dev;

	pthread_mutex_lock(&dev->lock);
	if (port->host_open != open) {
		port->host_open = open;
		port->held = false;
		if (port->added)
			port->tell |= TELL_OPEN;
		tell(port->console);
	}
	pthread_mutex_unlock(&dev->lock);
	io_signal(port->console->look.fd);
}

void console_resize(struct console_host *host, uint16_t columns, uint16_t rows)
{
	struct console_port *port = host->port;
	struct console *console = port->console;

	/* The configuration has one size, and one port is a terminal. */
	if (port->id)
		return;
	pthread_mutex_lock(&console->dev.lock);
	console->config.cols = columns;
	console->config.rows = rows;
	if (port->added)
		port->tell |= TELL_SIZE;
	virtio_config_changed(&console->dev);
	tell(console);
	pthread_mutex_unlock(&console->dev.lock);
}

static int add_port(struct console *console, struct console_host *host,
		    struct error *error)
{
	struct console_port *port = &console->ports[console->nr_ports];

	port->iov = calloc(VIRTQ_MAX_SEGMENTS, sizeof(*port->iov));
	if (!port->iov)
		return error_set(error, ENOMEM, "cannot make the console");
	port->console = console;
	port->host = host;
	port->id = console->nr_ports++;
	port->host_open = true;
	host->port = port;
	return 0;
}

static int add_ports(struct console *console, struct vm *vm, struct error *error)
{
	uint16_t columns, rows;
	unsigned int i;

	if (add_port(console, console_tty_create(vm, &columns, &rows), error))
		return -1;
	console->config.cols = columns;
	console->config.rows = rows;
	for (i = 0; i < vm->config->nr_ports; i++)
		if (add_port(console, vm->config->ports[i], error))
			return -1;
	console->config.max_nr_ports = console->nr_ports;
	return 0;
}

static int check_ports(const struct vm_config *config, struct error *error)
{
	unsigned int i;

	if (config->nr_ports >= CONSOLE_MAX_PORTS)
		return error_set(error, 0, "%u ports are too many: a guest can have %d",
				 config->nr_ports, CONSOLE_MAX_PORTS - 1);
	for (i = 0; i < config->nr_ports; i++)
		if (strlen(config->ports[i]->name) > CONSOLE_NAME_MAX)
			return error_set(error, 0, "'%s' is too long for a port's name",
					 config->ports[i]->name);
	return 0;
}

static int console_create(struct virtio_bus *bus, struct error *error)
{
	static const struct virtio_ops ops = {
		.name = "console",
		.id = VIRTIO_ID_CONSOLE,
		.start = console_start,
		.notify = console_notify,
		.stop = console_stop,
		.destroy = console_destroy,
	};
	struct console *console;

	if (check_ports(bus->vm->config, error))
		return -1;
	console = calloc(1, sizeof(*console));
	if (!console)
		return error_set(error, ENOMEM, "cannot make the console");
	console->dev.ops = &ops;
	console->dev.features = VIRTIO_FEATURE(VIRTIO_CONSOLE_F_SIZE) |
				VIRTIO_FEATURE(VIRTIO_CONSOLE_F_MULTIPORT);
	console->dev.config = &console->config;
	console->dev.config_size = sizeof(console->config);
	console->look.ready = look;
	console->look.fd = io_eventfd(error);
	/* The watch first: virtio_add() frees all of it when it fails. */
	if (console->look.fd < 0 || add_ports(console, bus->vm, error) ||
	    io_watch(&bus->io, &console->look, EPOLLIN, error)) {
		console_destroy(&console->dev);
		return -1;
	}
	return virtio_add(bus, &console->dev,
			  2 * console->nr_ports + QUEUES_OF_CONTROL, QUEUE_SIZE,
			  error);
}

static const struct virtio_kind console = {
	.name = "console",
	.create = console_create,
};

VIRTIO_KIND(console);
