/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtio devices without a VM: memory, a bus, and a driver for tests to misuse. */
#ifndef VIRTIO_FIXTURE_H
#define VIRTIO_FIXTURE_H

#include <linux/virtio_mmio.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

/* As much below 3 GiB as from 4 GiB on; what is behind each faults. */
#define FAKE_RAM	(4ULL << 20)

/* Where the driver has its rings and buffers; tests have what is behind. */
#define RINGS		0x10000ULL
#define RINGS_STRIDE	0x12000ULL	/* from device to device */
#define RING_STRIDE	0x1000ULL	/* from queue to queue */
#define BUFFERS		0x100000ULL

#define MAX_QUEUES	(2 * 8 + 2)
#define RING_SIZE	16

/**
 * struct driver - a driver of one device
 * @dev: the device
 * @avail_idx: of each queue
 * @used_idx: of each queue: seen so far
 * @next_desc: of each queue
 */
struct driver {
	struct virtio_device *dev;
	uint16_t avail_idx[MAX_QUEUES];
	uint16_t used_idx[MAX_QUEUES];
	uint16_t next_desc[MAX_QUEUES];
};

/**
 * struct buffer - a piece of a chain
 * @address: guest physical
 * @size: bytes
 * @write: the device writes it
 */
struct buffer {
	uint64_t address;
	uint32_t size;
	bool write;
};

/* What devices told the user. */
extern unsigned int fake_warnings;
extern char fake_warning[512];

/* Disks are to do without io_uring. */
extern bool fake_no_uring;
/* And their flushes are to fail, then. */
extern bool fake_flush_fails;

/* Makes the devices. */
struct virtio_bus *fake_create(const struct vm_config *config, struct error *error);
void fake_destroy(void);
/* The first with that VIRTIO_ID_*, or NULL */
struct virtio_device *fake_device(struct virtio_bus *bus, uint32_t id);
void *fake_ram(uint64_t address);
/* Interrupts of a device since the last call */
unsigned int fake_interrupts(struct virtio_device *dev);

uint32_t reg_read(struct virtio_device *dev, uint64_t offset);
void reg_write(struct virtio_device *dev, uint64_t offset, uint32_t value);

/* Reset, and up to FEATURES_OK; then its rings; then DRIVER_OK. */
bool driver_negotiate(struct driver *driver, struct virtio_device *dev,
		      uint64_t features);
void driver_set_ring(struct driver *driver, unsigned int queue, uint32_t size);
void driver_start(struct driver *driver, struct virtio_device *dev,
		  uint64_t features);

struct vring_desc *driver_desc(const struct driver *driver, unsigned int queue);
struct vring_avail *driver_avail(const struct driver *driver, unsigned int queue);
struct vring_used *driver_used(const struct driver *driver, unsigned int queue);

/* Offers a chain, by its first descriptor; driver_add() makes one first. */
void driver_offer(struct driver *driver, unsigned int queue, uint16_t head);
uint16_t driver_add(struct driver *driver, unsigned int queue,
		    const struct buffer *buffers, unsigned int count);
/* Rings the bell, and lets the I/O thread's work be done. */
void driver_kick(struct driver *driver, unsigned int queue);
/* Waits a moment for a used entry. Return: was there one? */
bool driver_used_one(struct driver *driver, unsigned int queue,
		     struct vring_used_elem *used);

#endif /* VIRTIO_FIXTURE_H */
