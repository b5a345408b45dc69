/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports of the guest's console device, as their other ends in this process see
 * them.  Port 0 is the console, hvc0; those of vm_config.ports have names:
 * /dev/virtio-ports/NAME in a guest with udev, and in
 * /sys/class/virtio-ports/vport0pN/name in any.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console_host;
struct console_port;

#define CONSOLE_MAX_PORTS	8	/* with the console itself */
#define CONSOLE_NAME_MAX	63

/**
 * struct console_host_ops - what happens at a port
 * @opened: the guest has opened or closed it; a guest that resets the device has
 *          closed it
 * @receive: data from the guest; Return: how many bytes were taken. If not all
 *           were, the guest waits until console_resume()
 * @writable: console_send() took less than there was, and now may take more
 *
 * All of them are called by the I/O thread, with no lock held: they may call the
 * functions below, and must not wait. None is called after vm_stop().
 */
struct console_host_ops {
	void (*opened)(struct console_host *host, bool open);
	size_t (*receive)(struct console_host *host, const void *data, size_t size);
	void (*writable)(struct console_host *host);
};

/**
 * struct console_host - the host's end of a port; part of who has it
 * @name: as the guest sees it, up to CONSOLE_NAME_MAX bytes
 * @ops: what is called
 * @port: the port, between vm_create() and vm_destroy(); else NULL
 *
 * It is open when the VM starts.
 */
struct console_host {
	const char *name;
	const struct console_host_ops *ops;
	struct console_port *port;
};

/* Any thread may call these between vm_create() and vm_destroy(). */

/* Return: how many bytes the guest has room for; 0 while it has not opened it */
size_t console_send(struct console_host *host, const void *data, size_t size);

/* @receive takes data again. */
void console_resume(struct console_host *host);

/* Opens or closes the host's end: the guest's readers see the end of the file. */
void console_open(struct console_host *host, bool open);

/* Tells the guest the size of its terminal. */
void console_resize(struct console_host *host, uint16_t columns, uint16_t rows);

#endif /* CONSOLE_H */
