/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio core: devices by virtio 1.2 on the MMIO transport, split rings.
 *
 * A kind of device is a VIRTIO_KIND(), whose create() adds as many devices as
 * the VM is to have with virtio_add().  The core answers the registers, checks
 * the rings and each descriptor, and calls the device's operations with its
 * lock held.  A driver that breaks the protocol has the device wait for a reset
 * (DEVICE_NEEDS_RESET): whoever finds out calls virtio_broken() and returns.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "error.h"
#include "vmm/io.h"

struct aml;
struct vm;
struct virtio_bus;
struct virtio_device;

#define VIRTIO_FEATURE(bit)	(1ULL << (bit))

/* A descriptor chain has at most so many pieces: what preadv() takes. */
#define VIRTQ_MAX_SEGMENTS	1024
#define VIRTQ_MAX_SIZE		1024

/**
 * struct virtq - a queue: a split ring
 * @dev: its device
 * @index: its number
 * @size_max: most entries that it may have
 * @size: entries, as the driver chose: a power of two
 * @ready: the driver has set it up, and it was found good
 * @desc_address: guest physical address of the descriptors
 * @driver_address: of the available ring
 * @device_address: of the used ring
 * @desc: where that is in this process, once it is @ready
 * @avail: likewise
 * @used: likewise
 * @next_avail: index of the next available entry
 * @next_used: index of the next used entry
 * @unsignalled: used entries since virtq_signal()
 * @in_flight: chains that were taken and not given back
 * @kick: the doorbell's eventfd
 *
 * A queue that the kernel serves (struct virtio_ops, @in_kernel) is set up by
 * @size, @desc, @avail and @used, which vhost calls user addresses.
 */
struct virtq {
	struct virtio_device *dev;
	uint16_t index;
	uint16_t size_max;
	uint16_t size;
	bool ready;
	uint64_t desc_address;
	uint64_t driver_address;
	uint64_t device_address;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t in_flight;
	uint32_t unsignalled;
	struct io_watch kick;
};

/**
 * struct virtq_chain - a request: buffers to read, then buffers to write
 * @head: what virtq_push() wants
 * @nr_out: pieces that the device reads
 * @nr_in: pieces that it writes
 * @out_size: bytes in the former
 * @in_size: bytes in the latter
 * @iov: all of them, in this order, each in the guest's memory; the device's own,
 *       and good until its next virtq_pop()
 *
 * What is in there, the guest can change at any time: read it once.
 */
struct virtq_chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr_in;
	size_t out_size;
	size_t in_size;
	struct iovec *iov;
};

/**
 * struct virtio_ops - what a device does; called with its lock held
 * @name: for people, "disk"
 * @id: VIRTIO_ID_*
 * @in_kernel: vhost serves the queues: the core does not look at them, and
 *             virtq.kick and virtio_device.interrupt are for vhost
 * @start: the driver is ready, and so are those of the queues that it uses;
 *         Return: 0, or -1 if the device cannot go on; may be NULL
 * @notify: there may be chains in a queue; called by the I/O thread; may release
 *          the lock for a while if it looks at virtio_device.epoch afterwards
 * @config_written: the driver has written into virtio_device.config; may be NULL
 * @stop: a reset, or the end: when it returns, nothing of the guest's memory is
 *        in use any more; may be NULL
 * @destroy: free it, with all that create() has made; called without the lock
 */
struct virtio_ops {
	const char *name;
	uint32_t id;
	bool in_kernel;
	int (*start)(struct virtio_device *dev);
	void (*notify)(struct virtio_device *dev, struct virtq *queue);
	void (*config_written)(struct virtio_device *dev, size_t offset, size_t size);
	void (*stop)(struct virtio_device *dev);
	void (*destroy)(struct virtio_device *dev);
};

/**
 * struct virtio_device - a device; part of what its kind has for it
 * @ops: set before virtio_add()
 * @features: what is offered, beside what the core offers; likewise
 * @config: configuration space, which the device keeps; likewise
 * @config_size: its size; likewise
 * @config_writable: bytes of it that the driver may write, from
 * @config_writable_at: here on
 * @vm: its VM
 * @bus: where it is
 * @number: which one on @bus
 * @base: guest physical address of its registers
 * @gsi: its interrupt line
 * @lock: protects all that follows, @config and the queues
 * @queues: its queues
 * @nr_queues: how many
 * @interrupt: eventfd that interrupts the guest
 * @driver_features: what driver and device have agreed on
 * @features_ok: they have
 * @device_features_sel: which half is read
 * @driver_features_sel: which half is written
 * @queue_sel: which queue the registers are about
 * @status: VIRTIO_CONFIG_S_*
 * @interrupt_status: VIRTIO_MMIO_INT_*
 * @generation: of @config
 * @running: between @ops->start and @ops->stop
 * @broken: the driver broke the protocol, and has not reset the device yet
 * @complained: once is enough
 * @epoch: counts resets
 * @iov: for struct virtq_chain
 */
struct virtio_device {
	const struct virtio_ops *ops;
	uint64_t features;
	void *config;
	size_t config_size;
	size_t config_writable;
	size_t config_writable_at;

	struct vm *vm;
	struct virtio_bus *bus;
	unsigned int number;
	uint64_t base;
	unsigned int gsi;

	pthread_mutex_t lock;
	struct virtq *queues;
	unsigned int nr_queues;
	int interrupt;
	uint64_t driver_features;
	bool features_ok;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t queue_sel;
	uint32_t status;
	atomic_uint interrupt_status;
	uint32_t generation;
	bool running;
	bool broken;
	bool complained;
	unsigned int epoch;
	struct iovec *iov;
};

#define VIRTIO_MAX_DEVICES	15

/**
 * struct virtio_bus - all virtio devices of a VM
 * @vm: the VM
 * @io: the thread that serves them
 * @devices: the devices
 * @nr_devices: how many
 */
struct virtio_bus {
	struct vm *vm;
	struct io io;
	struct virtio_device *devices[VIRTIO_MAX_DEVICES];
	unsigned int nr_devices;
};

/**
 * struct virtio_kind - a kind of virtio device; VIRTIO_KIND() makes it known
 * @name: for errors
 * @create: adds the devices of this kind that the VM is to have, or none; opens all
 *          that they need, for later there may be a wall
 */
struct virtio_kind {
	const char *name;
	int (*create)(struct virtio_bus *bus, struct error *error);
};

#define VIRTIO_KIND(kind)						\
	static const struct virtio_kind *const kind##_virtio_entry	\
	__attribute__((section("lodge_virtio"), used)) = &(kind)

/**
 * virtio_add() - put a device on the bus
 * @bus: the bus
 * @dev: the device: zeros, and what "set before" says; the bus then owns it, and
 *       calls @ops->destroy also if this fails
 * @nr_queues: how many queues it has
 * @queue_size: most entries of each, a power of two
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int virtio_add(struct virtio_bus *bus, struct virtio_device *dev,
	       unsigned int nr_queues, uint16_t queue_size, struct error *error);

static inline bool virtio_has(const struct virtio_device *dev, unsigned int bit)
{
	return dev->driver_features >> bit & 1;
}

/* The driver has broken the protocol, and how: it must reset the device. */
__attribute__((format(printf, 2, 3)))
void virtio_broken(struct virtio_device *dev, const char *fmt, ...);

/* virtio_device.config is another: the driver is told. */
void virtio_config_changed(struct virtio_device *dev);

/* Has @ops->notify called for @queue, by the I/O thread. */
void virtq_kick(struct virtq *queue);

/**
 * virtq_pop() - take the next chain
 * @queue: the queue
 * @chain: filled
 *
 * Return: false if there is none, or the driver broke the protocol
 */
bool virtq_pop(struct virtq *queue, struct virtq_chain *chain);

/* Gives a chain back, into which @written bytes were written. */
void virtq_push(struct virtq *queue, uint16_t head, uint32_t written);

/* As if the last @count had not been taken. */
void virtq_unpop(struct virtq *queue, uint16_t count);

/*
 * virtq_push() for several at once: each is put, the @index-th from 0 on, and then
 * all of them are seen.
 */
void virtq_put(struct virtq *queue, uint16_t index, uint16_t head, uint32_t written);
void virtq_publish(struct virtq *queue, uint16_t count);

/* Interrupts the guest, if it wants to hear of what was given back. */
void virtq_signal(struct virtq *queue);

/* Copies between a chain and @data from @offset on. Return: how many bytes */
size_t virtq_read(const struct virtq_chain *chain, size_t offset, void *data,
		  size_t size);
size_t virtq_write(const struct virtq_chain *chain, size_t offset,
		   const void *data, size_t size);

/* Within the core */

/* virtio/queue.c: is it where the driver says, and can be? Return: 0 or -1 */
int virtq_enable(struct virtq *queue);
void virtq_reset(struct virtq *queue);
/* virtio/mmio.c */
void virtio_interrupt(struct virtio_device *dev, unsigned int cause);
void virtio_access(void *state, uint64_t offset, unsigned int width, bool write,
		   uint64_t *value);
void virtio_reset(struct virtio_device *dev);

#endif /* VIRTIO_H */
