// SPDX-License-Identifier: GPL-2.0-only
/* Where a VM's virtio devices are, and the thread that serves them. */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "container_of.h"
#include "vmm/acpi.h"
#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

#define MMIO_BASE	0xd0000000ULL
#define MMIO_STRIDE	0x1000ULL

extern const struct virtio_kind *const __start_lodge_virtio[];
extern const struct virtio_kind *const __stop_lodge_virtio[];

/* Those that no PC has a use for come first. */
static const uint8_t gsis[VIRTIO_MAX_DEVICES] = {
	16, 17, 18, 19, 20, 21, 22, 23, 5, 10, 11, 7, 6, 15, 14,
};

static void kicked(struct io_watch *watch, uint32_t events)
{
	struct virtq *queue = container_of(watch, struct virtq, kick);
	struct virtio_device *dev = queue->dev;

	(void)events;
	io_clear(watch->fd);
	pthread_mutex_lock(&dev->lock);
	if (dev->running && !dev->broken && queue->ready)
		dev->ops->notify(dev, queue);
	pthread_mutex_unlock(&dev->lock);
}

static int add_queues(struct virtio_device *dev, unsigned int nr_queues,
		      uint16_t queue_size, struct error *error)
{
	unsigned int i;

	dev->iov = calloc(VIRTQ_MAX_SEGMENTS, sizeof(*dev->iov));
	dev->queues = calloc(nr_queues, sizeof(*dev->queues));
	if (!dev->iov || !dev->queues)
		return error_set(error, ENOMEM, "cannot make a virtio device");
	for (i = 0; i < nr_queues; i++) {
		struct virtq *queue = &dev->queues[i];

		queue->dev = dev;
		queue->index = (uint16_t)i;
		queue->size_max = queue_size;
		queue->kick.ready = kicked;
		queue->kick.fd = io_eventfd(error);
		if (queue->kick.fd < 0)
			return -1;
		dev->nr_queues = i + 1;
		if (!dev->ops->in_kernel &&
		    io_watch(&dev->bus->io, &queue->kick, EPOLLIN, error))
			return -1;
		virtq_reset(queue);
	}
	return 0;
}

static void remove_device(struct virtio_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_queues; i++)
		close(dev->queues[i].kick.fd);
	if (dev->interrupt >= 0)
		close(dev->interrupt);
	free(dev->queues);
	free(dev->iov);
	pthread_mutex_destroy(&dev->lock);
	dev->ops->destroy(dev);
}

int virtio_add(struct virtio_bus *bus, struct virtio_device *dev,
	       unsigned int nr_queues, uint16_t queue_size, struct error *error)
{
	struct bus_region region = {
		.length = MMIO_STRIDE,
		.max_width = 4,
		.access = virtio_access,
		.state = dev,
	};

	dev->bus = bus;
	dev->vm = bus->vm;
	dev->number = bus->nr_devices;
	pthread_mutex_init(&dev->lock, NULL);
	dev->interrupt = io_eventfd(error);
	if (dev->interrupt < 0)
		goto fail;
	if (bus->nr_devices == VIRTIO_MAX_DEVICES) {
		error_set(error, 0, "a VM can have %d virtio devices, and this is one more: %s",
			  VIRTIO_MAX_DEVICES, dev->ops->name);
		error_advise(error, "give it fewer disks or interfaces");
		goto fail;
	}
	dev->base = MMIO_BASE + dev->number * MMIO_STRIDE;
	dev->gsi = gsis[dev->number];
	region.base = dev->base;
	if (add_queues(dev, nr_queues, queue_size, error) ||
	    bus_claim_mmio(&bus->vm->bus, &region, error))
		goto fail;
	bus->devices[bus->nr_devices++] = dev;
	return 0;
fail:
	remove_device(dev);
	return -1;
}

static void bus_destroy(void *state)
{
	struct virtio_bus *bus = state;

	while (bus->nr_devices)
		remove_device(bus->devices[--bus->nr_devices]);
	io_destroy(&bus->io);
	free(bus);
}

static int bus_create(struct vm *vm, void **state, struct error *error)
{
	struct virtio_bus *bus = calloc(1, sizeof(*bus));
	const struct virtio_kind *const *kind;

	if (!bus)
		return error_set(error, ENOMEM, "cannot make virtio devices");
	bus->vm = vm;
	if (io_create(&bus->io, error))
		goto fail;
	for (kind = __start_lodge_virtio; kind < __stop_lodge_virtio; kind++)
		if ((*kind)->create(bus, error))
			goto fail;
	*state = bus;
	return 0;
fail:
	bus_destroy(bus);
	return -1;
}

static int attach(struct virtio_device *dev, struct error *error)
{
	unsigned int i;

	for (i = 0; i < dev->nr_queues; i++)
		if (vm_attach_doorbell(dev->vm, dev->base + VIRTIO_MMIO_QUEUE_NOTIFY,
				       i, dev->queues[i].kick.fd, error))
			return -1;
	return vm_attach_interrupt(dev->vm, dev->gsi, dev->interrupt, error);
}

static int bus_start(void *state, struct error *error)
{
	struct virtio_bus *bus = state;
	unsigned int i;

	for (i = 0; i < bus->nr_devices; i++)
		if (attach(bus->devices[i], error))
			return -1;
	return io_start(&bus->io, error);
}

static void bus_stop(void *state)
{
	struct virtio_bus *bus = state;
	unsigned int i;

	io_stop(&bus->io);
	for (i = 0; i < bus->nr_devices; i++) {
		pthread_mutex_lock(&bus->devices[i]->lock);
		virtio_reset(bus->devices[i]);
		pthread_mutex_unlock(&bus->devices[i]->lock);
	}
}

static void bus_describe(void *state, struct aml *aml)
{
	const struct virtio_bus *bus = state;
	size_t node, resources;
	unsigned int i;
	char name[8];

	for (i = 0; i < bus->nr_devices; i++) {
		const struct virtio_device *dev = bus->devices[i];

		snprintf(name, sizeof(name), "VR%02X", (uint8_t)i);
		node = aml_device_begin(aml, name);
		aml_name_string(aml, "_HID", "LNRO0005");
		aml_name_integer(aml, "_UID", i);
		resources = aml_resources_begin(aml, "_CRS");
		aml_resource_memory(aml, (uint32_t)dev->base, MMIO_STRIDE);
		aml_resource_interrupt(aml, dev->gsi, true);
		aml_resources_end(aml, resources);
		aml_device_end(aml, node);
	}
}

static const struct device virtio = {
	.name = "virtio",
	.create = bus_create,
	.start = bus_start,
	.stop = bus_stop,
	.destroy = bus_destroy,
	.describe = bus_describe,
};

DEVICE(virtio);
