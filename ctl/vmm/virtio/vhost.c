// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel takes doorbells from the eventfds that the module signals, and
 * signals those that interrupt the guest: no process of ours is in between.
 */
#include "vmm/virtio/vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "container_of.h"
#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

static void found_broken(struct io_watch *watch, uint32_t events)
{
	struct vhost *vhost = container_of(watch, struct vhost, broken);
	struct virtio_device *dev = vhost->dev;

	(void)events;
	io_clear(watch->fd);
	pthread_mutex_lock(&dev->lock);
	if (dev->running)
		virtio_broken(dev, "vhost could not make sense of a queue");
	pthread_mutex_unlock(&dev->lock);
}

int vhost_open(struct vhost *vhost, const char *path, struct virtio_device *dev,
	       struct error *error)
{
	vhost->dev = dev;
	vhost->broken.fd = -1;
	vhost->broken.ready = found_broken;
	vhost->fd = open(path, O_RDWR | O_CLOEXEC);
	if (vhost->fd < 0)
		return 0;
	if (ioctl(vhost->fd, VHOST_SET_OWNER) ||
	    ioctl(vhost->fd, VHOST_GET_FEATURES, &vhost->features))
		return error_set(error, errno, "cannot use %s", path);
	vhost->broken.fd = io_eventfd(error);
	return vhost->broken.fd < 0 ? -1 : 1;
}

int vhost_watch(struct vhost *vhost, struct error *error)
{
	return io_watch(&vhost->dev->bus->io, &vhost->broken, EPOLLIN, error);
}

void vhost_close(struct vhost *vhost)
{
	if (vhost->fd >= 0)
		close(vhost->fd);
	if (vhost->broken.fd >= 0)
		close(vhost->broken.fd);
}

static int set_memory(const struct vhost *vhost, const struct vm *vm)
{
	const uint64_t high = vm->config->memory - vm->ram_low;
	struct vhost_memory *memory;
	int result;

	memory = calloc(1, sizeof(*memory) + 2 * sizeof(memory->regions[0]));
	if (!memory)
		return -1;
	memory->nregions = high ? 2 : 1;
	memory->regions[0] = (struct vhost_memory_region){
		.memory_size = vm->ram_low,
		.userspace_addr = (uintptr_t)vm->ram,
	};
	memory->regions[1] = (struct vhost_memory_region){
		.guest_phys_addr = HIGH_MEMORY,
		.memory_size = high,
		.userspace_addr = (uintptr_t)vm->ram + vm->ram_low,
	};
	result = ioctl(vhost->fd, VHOST_SET_MEM_TABLE, memory);
	free(memory);
	return result;
}

static int set_queue(const struct vhost *vhost, const struct virtq *queue)
{
	struct vhost_vring_state state = { .index = queue->index };
	struct vhost_vring_file file = { .index = queue->index };
	struct vhost_vring_addr address = {
		.index = queue->index,
		.desc_user_addr = (uintptr_t)queue->desc,
		.avail_user_addr = (uintptr_t)queue->avail,
		.used_user_addr = (uintptr_t)queue->used,
	};

	state.num = queue->size;
	if (ioctl(vhost->fd, VHOST_SET_VRING_NUM, &state))
		return -1;
	state.num = 0;
	if (ioctl(vhost->fd, VHOST_SET_VRING_BASE, &state) ||
	    ioctl(vhost->fd, VHOST_SET_VRING_ADDR, &address))
		return -1;
	file.fd = vhost->broken.fd;
	if (ioctl(vhost->fd, VHOST_SET_VRING_ERR, &file))
		return -1;
	file.fd = vhost->dev->interrupt;
	if (ioctl(vhost->fd, VHOST_SET_VRING_CALL, &file))
		return -1;
	file.fd = queue->kick.fd;
	return ioctl(vhost->fd, VHOST_SET_VRING_KICK, &file);
}

int vhost_start(struct vhost *vhost)
{
	const struct virtio_device *dev = vhost->dev;
	uint64_t features = dev->driver_features & vhost->features;
	unsigned int i;

	if (ioctl(vhost->fd, VHOST_SET_FEATURES, &features) ||
	    set_memory(vhost, dev->vm))
		return -1;
	for (i = 0; i < dev->nr_queues; i++)
		if (dev->queues[i].ready && set_queue(vhost, &dev->queues[i]))
			return -1;
	return 0;
}
