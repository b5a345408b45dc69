/* SPDX-License-Identifier: GPL-2.0-only */
/* The balloon as its other end in this process sees it. */
#ifndef BALLOON_H
#define BALLOON_H

#include <stdatomic.h>
#include <stdint.h>

#define BALLOON_PAGE	4096U

struct virtio_device;

/**
 * struct balloon_host - the host's end; part of who has it
 * @actual: the device writes there how many pages the guest says it has given
 * @device: the device, between vm_create() and vm_destroy(); else NULL
 */
struct balloon_host {
	atomic_uint *actual;
	struct virtio_device *device;
};

/*
 * Asks the guest to give so many pages in all; a guest may take its time, or not do it.
 * Any thread may call this between vm_create() and vm_destroy().
 */
void balloon_set_target(struct balloon_host *host, uint32_t pages);

#endif /* BALLOON_H */
