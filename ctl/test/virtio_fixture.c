// SPDX-License-Identifier: GPL-2.0-only
/* Virtio devices without a VM. */

#include "test/virtio_fixture.h"

#include <errno.h>
#include <liburing.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/virtio/vhost.h"

#define GUARD	(1UL << 20)
#define WAIT_MS	5000

unsigned int fake_warnings;
char fake_warning[512];

static struct vm fake_vm;
static uint8_t *low, *high;

/* In place of vmm/vm.c */

void *vm_memory(struct vm *vm, uint64_t address, uint64_t length)
{
	uint8_t *ram = low;

	(void)vm;
	if (address >= HIGH_MEMORY) {
		ram = high;
		address -= HIGH_MEMORY;
	}
	if (address >= FAKE_RAM || length > FAKE_RAM - address)
		return NULL;
	return ram + address;
}

int vm_attach_doorbell(struct vm *vm, uint64_t address, uint32_t value, int fd,
		       struct error *error)
{
	(void)vm;
	(void)address;
	(void)value;
	(void)fd;
	(void)error;
	return 0;
}

int vm_attach_interrupt(struct vm *vm, unsigned int gsi, int fd,
			struct error *error)
{
	(void)vm;
	(void)gsi;
	(void)fd;
	(void)error;
	return 0;
}

void vm_warn(struct vm *vm, const struct error *error)
{
	(void)vm;
	fake_warnings++;
	memcpy(fake_warning, error->text, sizeof(error->text));
}

void vm_wake(struct vm *vm)
{
	(void)vm;
}

void vm_end(struct vm *vm, enum vm_outcome outcome, const struct error *error)
{
	(void)vm;
	(void)outcome;
	(void)error;
}

static uint8_t *map_ram(void)
{
	uint8_t *area = mmap(NULL, FAKE_RAM + 2 * GUARD, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED ||
	    mprotect(area + GUARD, FAKE_RAM, PROT_READ | PROT_WRITE))
		abort();
	return area + GUARD;
}

struct virtio_bus *fake_create(const struct vm_config *config, struct error *error)
{
	if (!low || !high) {
		low = map_ram();
		high = map_ram();
	}
	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(low, 0, FAKE_RAM);
	memset(high, 0, FAKE_RAM);
	fake_warnings = 0;
	fake_vm.config = config;
	if (devices_create(&fake_vm, error)) {
		devices_destroy(&fake_vm);
		return NULL;
	}
	return fake_vm.devices[0].state;
}

void fake_destroy(void)
{
	devices_stop(&fake_vm);
	devices_destroy(&fake_vm);
}

struct virtio_device *fake_device(struct virtio_bus *bus, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < bus->nr_devices; i++)
		if (bus->devices[i]->ops->id == id)
			return bus->devices[i];
	return NULL;
}

void *fake_ram(uint64_t address)
{
	return vm_memory(&fake_vm, address, 1);
}

unsigned int fake_interrupts(struct virtio_device *dev)
{
	uint64_t count = 0;

	if (read(dev->interrupt, &count, sizeof(count)) < 0)
		count = 0;
	return (unsigned int)count;
}

uint32_t reg_read(struct virtio_device *dev, uint64_t offset)
{
	uint64_t value = 0;

	bus_mmio(&fake_vm.bus, dev->base + offset, 4, false, &value);
	return (uint32_t)value;
}

void reg_write(struct virtio_device *dev, uint64_t offset, uint32_t value)
{
	uint64_t wide = value;

	bus_mmio(&fake_vm.bus, dev->base + offset, 4, true, &wide);
}

static uint64_t ring_address(const struct driver *driver, unsigned int queue)
{
	return RINGS + driver->dev->number * RINGS_STRIDE + queue * RING_STRIDE;
}

struct vring_desc *driver_desc(const struct driver *driver, unsigned int queue)
{
	return fake_ram(ring_address(driver, queue));
}

struct vring_avail *driver_avail(const struct driver *driver, unsigned int queue)
{
	return fake_ram(ring_address(driver, queue) + RING_STRIDE / 4);
}

struct vring_used *driver_used(const struct driver *driver, unsigned int queue)
{
	return fake_ram(ring_address(driver, queue) + RING_STRIDE / 2);
}

bool driver_negotiate(struct driver *driver, struct virtio_device *dev,
		      uint64_t features)
{
	uint32_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	memset(driver, 0, sizeof(*driver));
	driver->dev = dev;
	reg_write(dev, VIRTIO_MMIO_STATUS, 0);
	reg_write(dev, VIRTIO_MMIO_STATUS, status);
	features |= VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
	reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	reg_write(dev, VIRTIO_MMIO_STATUS, status | VIRTIO_CONFIG_S_FEATURES_OK);
	return reg_read(dev, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void driver_set_ring(struct driver *driver, unsigned int queue, uint32_t size)
{
	struct virtio_device *dev = driver->dev;
	uint64_t address = ring_address(driver, queue);

	memset(low + address, 0, RING_STRIDE);
	driver->avail_idx[queue] = 0;
	driver->used_idx[queue] = 0;
	driver->next_desc[queue] = 0;
	reg_write(dev, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(dev, VIRTIO_MMIO_QUEUE_NUM, size);
	reg_write(dev, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)address);
	reg_write(dev, VIRTIO_MMIO_QUEUE_DESC_HIGH, 0);
	reg_write(dev, VIRTIO_MMIO_QUEUE_AVAIL_LOW,
		  (uint32_t)(address + RING_STRIDE / 4));
	reg_write(dev, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, 0);
	reg_write(dev, VIRTIO_MMIO_QUEUE_USED_LOW,
		  (uint32_t)(address + RING_STRIDE / 2));
	reg_write(dev, VIRTIO_MMIO_QUEUE_USED_HIGH, 0);
	reg_write(dev, VIRTIO_MMIO_QUEUE_READY, 1);
}

void driver_start(struct driver *driver, struct virtio_device *dev,
		  uint64_t features)
{
	uint32_t ring;
	unsigned int i;

	driver_negotiate(driver, dev, features);
	for (i = 0; i < dev->nr_queues && i < MAX_QUEUES; i++) {
		ring = dev->queues[i].size_max;
		driver_set_ring(driver, i, ring < RING_SIZE ? ring : RING_SIZE);
	}
	reg_write(dev, VIRTIO_MMIO_STATUS, reg_read(dev, VIRTIO_MMIO_STATUS) |
		  VIRTIO_CONFIG_S_DRIVER_OK);
	io_turn(&dev->bus->io, 0);
	io_turn(&dev->bus->io, 0);
}

void driver_offer(struct driver *driver, unsigned int queue, uint16_t head)
{
	struct vring_avail *avail = driver_avail(driver, queue);
	uint16_t size = driver->dev->queues[queue].size;

	avail->ring[driver->avail_idx[queue] % (size ? size : 1)] = head;
	__atomic_store_n(&avail->idx, ++driver->avail_idx[queue], __ATOMIC_RELEASE);
}

uint16_t driver_add(struct driver *driver, unsigned int queue,
		    const struct buffer *buffers, unsigned int count)
{
	struct vring_desc *desc = driver_desc(driver, queue);
	uint16_t size = driver->dev->queues[queue].size;
	uint16_t mask = size ? (uint16_t)(size - 1) : 0;
	uint16_t head = driver->next_desc[queue] & mask, at = head;
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint16_t next = (uint16_t)(at + 1) & mask;

		desc[at].addr = buffers[i].address;
		desc[at].len = buffers[i].size;
		desc[at].flags = buffers[i].write ? VRING_DESC_F_WRITE : 0;
		if (i + 1 < count)
			desc[at].flags |= VRING_DESC_F_NEXT;
		desc[at].next = next;
		at = next;
	}
	driver->next_desc[queue] = at;
	driver_offer(driver, queue, head);
	return head;
}

void driver_kick(struct driver *driver, unsigned int queue)
{
	virtq_kick(&driver->dev->queues[queue]);
	io_turn(&driver->dev->bus->io, 0);
}

bool driver_used_one(struct driver *driver, unsigned int queue,
		     struct vring_used_elem *element)
{
	struct vring_used *used = driver_used(driver, queue);
	uint16_t size = driver->dev->queues[queue].size;
	int tries;

	for (tries = 0; tries < WAIT_MS; tries++) {
		if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) !=
		    driver->used_idx[queue]) {
			*element = used->ring[driver->used_idx[queue]++ % size];
			return true;
		}
		io_turn(&driver->dev->bus->io, 1);
	}
	return false;
}

/* In front of liburing and libc: hosts may forbid the one, disks fail the other. */

bool fake_no_uring;
bool fake_flush_fails;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	if (fake_flush_fails) {
		errno = EIO;
		return -1;
	}
	return __real_fdatasync(fd);
}

int __real_io_uring_queue_init(unsigned int entries, struct io_uring *ring,
			       unsigned int flags);
int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring,
			       unsigned int flags);

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring,
			       unsigned int flags)
{
	return fake_no_uring ? -EPERM : __real_io_uring_queue_init(entries, ring, flags);
}

/* What is no tap is to be none of the kernel's business. */

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_vhost_open(struct vhost *vhost, const char *path, struct virtio_device *dev,
		      struct error *error);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *data;

	va_start(arguments, request);
	data = va_arg(arguments, void *);
	va_end(arguments);
	return request == TUNSETOFFLOAD ? 0 : __real_ioctl(fd, request, data);
}

int __wrap_vhost_open(struct vhost *vhost, const char *path, struct virtio_device *dev,
		      struct error *error)
{
	(void)path;
	(void)error;
	*vhost = (struct vhost){ .fd = -1, .dev = dev, .broken.fd = -1 };
	return 0;
}
