// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of a virtio device (virtio 1.2, 4.2.2).
 *
 * Doorbells are ioeventfds and do not come here.  A reset is done when the write
 * returns: drivers of this transport do not wait for one.
 */
#include <linux/virtio_mmio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

#define MAGIC		0x74726976	/* "virt" */
#define VENDOR		0x45474f4c	/* "LOGE" */
#define VERSION		2

#define STATUS_BITS	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |	\
			 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK | \
			 VIRTIO_CONFIG_S_FAILED)

static uint64_t offered(const struct virtio_device *dev)
{
	return dev->features | VIRTIO_FEATURE(VIRTIO_F_VERSION_1) |
	       VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
	       VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX);
}

void virtio_interrupt(struct virtio_device *dev, unsigned int cause)
{
	atomic_fetch_or(&dev->interrupt_status, cause);
	io_signal(dev->interrupt);
}

void virtio_config_changed(struct virtio_device *dev)
{
	dev->generation++;
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		virtio_interrupt(dev, VIRTIO_MMIO_INT_CONFIG);
}

void virtio_broken(struct virtio_device *dev, const char *fmt, ...)
{
	struct error error;
	va_list arguments;
	char how[160];

	if (dev->broken)
		return;
	dev->broken = true;
	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(dev);
	/* A guest can do this for ever. */
	if (dev->complained)
		return;
	dev->complained = true;
	va_start(arguments, fmt);
	vsnprintf(how, sizeof(how), fmt, arguments);
	va_end(arguments);
	error_set(&error, 0, "the guest's driver of virtio device %u (%s) broke the protocol: %s",
		  dev->number, dev->ops->name, how);
	error_advise(&error, "the device does nothing until the guest resets it");
	vm_warn(dev->vm, &error);
}

void virtio_reset(struct virtio_device *dev)
{
	unsigned int i;

	if (dev->running) {
		dev->running = false;
		if (dev->ops->stop)
			dev->ops->stop(dev);
	}
	for (i = 0; i < dev->nr_queues; i++)
		virtq_reset(&dev->queues[i]);
	dev->epoch++;
	dev->broken = false;
	dev->status = 0;
	dev->driver_features = 0;
	dev->features_ok = false;
	dev->device_features_sel = 0;
	dev->driver_features_sel = 0;
	dev->queue_sel = 0;
	atomic_store(&dev->interrupt_status, 0);
}

static void start(struct virtio_device *dev)
{
	unsigned int i;

	if (!dev->features_ok) {
		virtio_broken(dev, "it is ready before there are features");
		return;
	}
	dev->running = true;
	if (dev->ops->start && dev->ops->start(dev)) {
		virtio_broken(dev, "it cannot be started");
		return;
	}
	/* There may be chains already. */
	for (i = 0; i < dev->nr_queues; i++)
		if (dev->queues[i].ready)
			virtq_kick(&dev->queues[i]);
}

static bool features_good(const struct virtio_device *dev)
{
	return !(dev->driver_features & ~offered(dev)) &&
	       virtio_has(dev, VIRTIO_F_VERSION_1);
}

static void write_status(struct virtio_device *dev, uint32_t value)
{
	uint32_t before = dev->status, added;

	if (!value) {
		virtio_reset(dev);
		return;
	}
	value &= STATUS_BITS;
	if (before & STATUS_BITS & ~value) {
		virtio_broken(dev, "it takes bits out of the status");
		return;
	}
	added = value & ~before;
	if (added & VIRTIO_CONFIG_S_FEATURES_OK) {
		/* If not, the driver finds out by reading the status. */
		dev->features_ok = features_good(dev);
		if (!dev->features_ok)
			added &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
	}
	dev->status |= added;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK && !dev->broken)
		start(dev);
}

static void write_features(struct virtio_device *dev, uint32_t value)
{
	unsigned int shift = 32 * dev->driver_features_sel;

	if (dev->features_ok) {
		virtio_broken(dev, "it changes features that are settled");
		return;
	}
	if (dev->driver_features_sel > 1) {
		if (value)
			virtio_broken(dev, "it wants features beyond 64");
		return;
	}
	dev->driver_features &= ~(0xffffffffULL << shift);
	dev->driver_features |= (uint64_t)value << shift;
}

static struct virtq *selected(struct virtio_device *dev)
{
	return dev->queue_sel < dev->nr_queues ? &dev->queues[dev->queue_sel] : NULL;
}

static void set_half(uint64_t *address, uint32_t value, bool high)
{
	unsigned int shift = high ? 32 : 0;

	*address &= ~(0xffffffffULL << shift);
	*address |= (uint64_t)value << shift;
}

static void write_queue(struct virtio_device *dev, uint64_t offset, uint32_t value)
{
	struct virtq *queue = selected(dev);

	if (!queue)
		return;
	if (queue->ready || dev->running) {
		virtio_broken(dev, "it changes queue %u, which is in use", queue->index);
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = value <= queue->size_max ? (uint16_t)value : 0;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		if (value && !dev->broken)
			virtq_enable(queue);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&queue->desc_address, value,
			 offset == VIRTIO_MMIO_QUEUE_DESC_HIGH);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&queue->driver_address, value,
			 offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&queue->device_address, value,
			 offset == VIRTIO_MMIO_QUEUE_USED_HIGH);
		break;
	}
}

static void write_register(struct virtio_device *dev, uint64_t offset,
			   uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		dev->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_features(dev, value);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		dev->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		dev->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		/* Not the width of a doorbell, perhaps; it rings all the same. */
		if (value < dev->nr_queues)
			virtq_kick(&dev->queues[value]);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		atomic_fetch_and(&dev->interrupt_status, ~value);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(dev, value);
		break;
	default:
		write_queue(dev, offset, value);
	}
}

/*
 * vhost interrupts the guest without us: that it did is what the driver is told
 * each time, and looks for itself.
 */
static uint32_t read_interrupt_status(struct virtio_device *dev)
{
	uint32_t status = atomic_load(&dev->interrupt_status);

	return dev->ops->in_kernel && dev->running ?
	       status | VIRTIO_MMIO_INT_VRING : status;
}

static uint32_t read_register(struct virtio_device *dev, uint64_t offset)
{
	const struct virtq *queue = selected(dev);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return dev->ops->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return dev->device_features_sel > 1 ? 0 :
		       (uint32_t)(offered(dev) >> 32 * dev->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? queue->size_max : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue && queue->ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return read_interrupt_status(dev);
	case VIRTIO_MMIO_STATUS:
		return dev->status;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return dev->generation;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;	/* there is none */
	default:
		return 0;
	}
}

static void access_config(struct virtio_device *dev, size_t offset, size_t width,
			  bool write, uint64_t *value)
{
	uint8_t *config = dev->config;
	size_t start = dev->config_writable_at;

	if (offset >= dev->config_size || width > dev->config_size - offset) {
		if (!write)
			*value = 0;
	} else if (!write) {
		*value = 0;
		memcpy(value, config + offset, width);
	} else if (offset >= start && offset - start < dev->config_writable &&
		   width <= dev->config_writable - (offset - start)) {
		memcpy(config + offset, value, width);
		if (dev->ops->config_written)
			dev->ops->config_written(dev, offset, width);
	}
}

void virtio_access(void *state, uint64_t offset, unsigned int width, bool write,
		   uint64_t *value)
{
	struct virtio_device *dev = state;

	pthread_mutex_lock(&dev->lock);
	if (offset >= VIRTIO_MMIO_CONFIG)
		access_config(dev, offset - VIRTIO_MMIO_CONFIG, width, write, value);
	else if (width != sizeof(uint32_t) || offset % sizeof(uint32_t))
		*value = write ? *value : 0;	/* registers have one width */
	else if (write)
		write_register(dev, offset, (uint32_t)*value);
	else
		*value = read_register(dev, offset);
	pthread_mutex_unlock(&dev->lock);
}
