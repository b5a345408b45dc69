// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network device (virtio 1.2, 5.1): a tap of the host. Frames have the same
 * header there as here, so neither checksums nor large segments are ours to look
 * at. The kernel's vhost-net carries them if it is there, this file if not.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "container_of.h"
#include "vmm/virtio/vhost.h"
#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

#define VHOST_NET	"/dev/vhost-net"

#define QUEUE_SIZE	256

/* A segment of 64 KiB, with its Ethernet header and a VLAN's */
#define HEADER_SIZE	sizeof(struct virtio_net_hdr_v1)
#define FRAME_MAX	(HEADER_SIZE + 18 + 65535)

/* Other devices wait for the same thread. */
#define TURN		64

/* Of 1.5 KiB, as Linux has them, 44 take the largest frame. */
#define MAX_BUFFERS	64

enum { RECEIVE, TRANSMIT, NR_QUEUES };

/**
 * struct nic - a network device
 * @dev: what the core knows
 * @config: its configuration space
 * @tap: the host's interface
 * @readable: @tap, for the I/O thread
 * @frame: one from @tap, behind its header
 * @frame_size: bytes of it; 0: there is none
 * @waits: for the driver to give buffers for @frame
 * @vhost: the kernel's device
 */
struct nic {
	struct virtio_device dev;
	struct virtio_net_config config;
	int tap;
	struct io_watch readable;
	uint8_t frame[FRAME_MAX];
	size_t frame_size;
	bool waits;
	struct vhost vhost;
};

static struct nic *nic_of(struct virtio_device *dev)
{
	return container_of(dev, struct nic, dev);
}

static void watch(struct nic *nic, bool frames)
{
	io_watch_change(&nic->dev.bus->io, &nic->readable, frames ? EPOLLIN : 0);
}

/**
 * struct taken - buffers for one frame
 * @count: how many
 * @head: of each
 * @length: of each: what is written
 * @num_buffers: the two bytes of the header that say how many
 */
struct taken {
	uint16_t count;
	uint16_t head[MAX_BUFFERS];
	uint32_t length[MAX_BUFFERS];
	uint8_t *num_buffers[2];
};

static uint8_t *byte_of(const struct virtq_chain *chain, size_t offset)
{
	unsigned int i = chain->nr_out;

	while (offset >= chain->iov[i].iov_len)
		offset -= chain->iov[i++].iov_len;
	return (uint8_t *)chain->iov[i].iov_base + offset;
}

enum delivery {
	DELIVERED,
	NO_BUFFERS,
	DROPPED,
};

/* Fills buffers until all of the frame is there. */
static enum delivery fill(struct nic *nic, struct virtq *queue, struct taken *taken)
{
	size_t at = offsetof(struct virtio_net_hdr_v1, num_buffers);
	bool mergeable = virtio_has(&nic->dev, VIRTIO_NET_F_MRG_RXBUF);
	struct virtq_chain chain;
	size_t done = 0, length;

	do {
		if (taken->count == MAX_BUFFERS || (taken->count && !mergeable))
			return DROPPED;
		if (!virtq_pop(queue, &chain))
			return nic->dev.broken ? DROPPED : NO_BUFFERS;
		taken->head[taken->count] = chain.head;
		if (chain.nr_out || (!taken->count && chain.in_size < HEADER_SIZE)) {
			virtio_broken(&nic->dev, "it gives %zu bytes for a frame",
				      chain.in_size);
			return DROPPED;
		}
		if (!taken->count) {
			taken->num_buffers[0] = byte_of(&chain, at);
			taken->num_buffers[1] = byte_of(&chain, at + 1);
		}
		length = virtq_write(&chain, 0, nic->frame + done,
				     nic->frame_size - done);
		taken->length[taken->count++] = (uint32_t)length;
		done += length;
	} while (done < nic->frame_size);
	return DELIVERED;
}

static enum delivery deliver(struct nic *nic, struct virtq *queue)
{
	struct taken taken = { .count = 0 };
	enum delivery delivery = fill(nic, queue, &taken);
	uint16_t i;

	if (delivery != DELIVERED) {
		virtq_unpop(queue, taken.count);
		return delivery;
	}
	*taken.num_buffers[0] = (uint8_t)taken.count;
	*taken.num_buffers[1] = 0;
	/* The driver must not see some without the others. */
	for (i = 0; i < taken.count; i++)
		virtq_put(queue, i, taken.head[i], taken.length[i]);
	virtq_publish(queue, taken.count);
	return DELIVERED;
}

static void receive(struct nic *nic)
{
	struct virtq *queue = &nic->dev.queues[RECEIVE];
	ssize_t size;
	int i;

	for (i = 0; i < TURN && !nic->dev.broken; i++) {
		if (!nic->frame_size) {
			size = read(nic->tap, nic->frame, sizeof(nic->frame));
			if (size < 0 && errno != EAGAIN)
				io_unwatch(&nic->dev.bus->io, &nic->readable);
			if (size < (ssize_t)HEADER_SIZE)
				break;
			nic->frame_size = (size_t)size;
		}
		if (deliver(nic, queue) == NO_BUFFERS) {
			nic->waits = true;
			watch(nic, false);
			break;
		}
		nic->frame_size = 0;
	}
	virtq_signal(queue);
}

static void tap_readable(struct io_watch *readable, uint32_t events)
{
	struct nic *nic = container_of(readable, struct nic, readable);
	struct virtio_device *dev = &nic->dev;

	pthread_mutex_lock(&dev->lock);
	if (events & (EPOLLERR | EPOLLHUP))
		io_unwatch(&dev->bus->io, readable);
	else if (dev->broken || !dev->running)
		watch(nic, false);
	else
		receive(nic);
	pthread_mutex_unlock(&dev->lock);
}

/* What the tap refuses, and what it has no room for, is lost, as on any wire. */
static void transmit(struct nic *nic, struct virtq *queue)
{
	struct virtq_chain chain;
	ssize_t written;
	int i;

	for (i = 0; i < TURN && virtq_pop(queue, &chain); i++) {
		if (chain.nr_in || chain.out_size < HEADER_SIZE) {
			virtio_broken(&nic->dev, "it sends %zu bytes", chain.out_size);
			return;
		}
		if (chain.out_size <= FRAME_MAX) {
			written = writev(nic->tap, chain.iov, (int)chain.nr_out);
			(void)written;
		}
		virtq_push(queue, chain.head, 0);
	}
	virtq_signal(queue);
	if (i == TURN)
		virtq_kick(queue);
}

static void nic_notify(struct virtio_device *dev, struct virtq *queue)
{
	struct nic *nic = nic_of(dev);

	if (queue->index == TRANSMIT) {
		transmit(nic, queue);
	} else if (nic->waits) {
		nic->waits = false;
		watch(nic, true);
		receive(nic);
	}
}

/* Makes the tap give no more than the driver can take. */
static int set_offloads(struct nic *nic)
{
	static const struct {
		unsigned int feature, flag;
	} offloads[] = {
		{ VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM },
		{ VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
		{ VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
		{ VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN },
	};
	unsigned long flags = 0;
	size_t i;

	for (i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++)
		if (virtio_has(&nic->dev, offloads[i].feature))
			flags |= offloads[i].flag;
	/* The others are built on checksums. */
	if (!(flags & TUN_F_CSUM))
		flags = 0;
	return ioctl(nic->tap, TUNSETOFFLOAD, flags);
}

static int nic_start(struct virtio_device *dev)
{
	struct nic *nic = nic_of(dev);

	if (set_offloads(nic))
		return -1;
	if (dev->queues[RECEIVE].ready)
		watch(nic, true);
	return 0;
}

static void nic_stop(struct virtio_device *dev)
{
	struct nic *nic = nic_of(dev);

	watch(nic, false);
	nic->frame_size = 0;
	nic->waits = false;
}

static int set_backend(struct nic *nic, unsigned int queue, int fd)
{
	struct vhost_vring_file file = { .index = queue, .fd = fd };

	return ioctl(nic->vhost.fd, VHOST_NET_SET_BACKEND, &file);
}

static int kernel_start(struct virtio_device *dev)
{
	struct nic *nic = nic_of(dev);
	unsigned int i;

	if (set_offloads(nic) || vhost_start(&nic->vhost))
		return -1;
	for (i = 0; i < NR_QUEUES; i++)
		if (dev->queues[i].ready && set_backend(nic, i, nic->tap))
			return -1;
	return 0;
}

/* When this returns, the kernel has done with the queues. */
static void kernel_stop(struct virtio_device *dev)
{
	unsigned int i;

	for (i = 0; i < NR_QUEUES; i++)
		set_backend(nic_of(dev), i, -1);
}

static void nic_destroy(struct virtio_device *dev)
{
	struct nic *nic = nic_of(dev);

	vhost_close(&nic->vhost);
	free(nic);
}

static const struct virtio_ops tool_ops = {
	.name = "network",
	.id = VIRTIO_ID_NET,
	.start = nic_start,
	.notify = nic_notify,
	.stop = nic_stop,
	.destroy = nic_destroy,
};

static const struct virtio_ops kernel_ops = {
	.name = "network",
	.id = VIRTIO_ID_NET,
	.in_kernel = true,
	.start = kernel_start,
	.stop = kernel_stop,
	.destroy = nic_destroy,
};

/* What needs the other side to do something, and what vhost must know of, too */
static const uint64_t features =
	VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_MTU) |
	VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF) |
	VIRTIO_FEATURE(VIRTIO_NET_F_CSUM) | VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO4) |
	VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO6) | VIRTIO_FEATURE(VIRTIO_NET_F_HOST_ECN) |
	VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_CSUM) |
	VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_TSO4) |
	VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_TSO6) | VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_ECN);
static const uint64_t vhost_features = VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF);

static int nic_create(struct virtio_bus *bus, struct error *error)
{
	const struct vm_net *net = bus->vm->config->net;
	struct nic *nic;
	int kernel;

	if (!net)
		return 0;
	nic = calloc(1, sizeof(*nic));
	if (!nic)
		return error_set(error, ENOMEM, "cannot make the network device");
	memcpy(nic->config.mac, net->mac, sizeof(nic->config.mac));
	nic->config.status = VIRTIO_NET_S_LINK_UP;
	nic->config.mtu = net->mtu;
	nic->tap = net->tap;
	nic->readable.fd = net->tap;
	nic->readable.ready = tap_readable;
	nic->dev.config = &nic->config;
	nic->dev.config_size = offsetof(struct virtio_net_config, speed);
	nic->dev.features = features;
	kernel = vhost_open(&nic->vhost, VHOST_NET, &nic->dev, error);
	if (kernel < 0) {
		nic_destroy(&nic->dev);
		return -1;
	}
	if (kernel)
		nic->dev.features &= ~vhost_features | nic->vhost.features;
	nic->dev.ops = kernel ? &kernel_ops : &tool_ops;
	if (virtio_add(bus, &nic->dev, NR_QUEUES, QUEUE_SIZE, error))
		return -1;
	return kernel ? vhost_watch(&nic->vhost, error) :
			io_watch(&bus->io, &nic->readable, 0, error);
}

static const struct virtio_kind nic = {
	.name = "network",
	.create = nic_create,
};

VIRTIO_KIND(nic);
