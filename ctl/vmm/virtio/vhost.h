/* SPDX-License-Identifier: GPL-2.0-only */
/* vhost: the host's kernel serves a device's queues, in the guest's memory. */
#ifndef VHOST_H
#define VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "vmm/io.h"

struct virtio_device;

/**
 * struct vhost - a device of the kernel's
 * @fd: its descriptor, or -1
 * @features: what it can do
 * @dev: whose queues it serves
 * @broken: the kernel has found that the driver broke the protocol
 */
struct vhost {
	int fd;
	uint64_t features;
	struct virtio_device *dev;
	struct io_watch broken;
};

/**
 * vhost_open() - have the kernel's @path, if it is there
 * @vhost: out; to be closed in any case
 * @path: /dev/vhost-net, for instance
 * @dev: the device
 * @error: filled on failure
 *
 * Return: 1; 0 if this kernel has none; or -1
 */
int vhost_open(struct vhost *vhost, const char *path, struct virtio_device *dev,
	       struct error *error);
/* Once the device is on its bus */
int vhost_watch(struct vhost *vhost, struct error *error);
void vhost_close(struct vhost *vhost);

/*
 * The guest's memory and the queues of @dev that are ready. What they lead to is
 * for the caller to set, and to take away before memory and queues change. Return: 0 or -1
 */
int vhost_start(struct vhost *vhost);

#endif /* VHOST_H */
