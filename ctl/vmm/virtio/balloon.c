// SPDX-License-Identifier: GPL-2.0-only
/*
 * The balloon (virtio 1.2, 5.5): memory that the guest does not use goes back to
 * the host.  A guest that reports its free pages gives them without being asked;
 * it finds zeros there when it uses them again.  How many it is to give beside
 * these, used or not, the host says (num_pages); the guest says how many it has
 * given (actual), and takes some back when it runs out of memory.
 */
#include "vmm/virtio/balloon.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "container_of.h"
#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

#define QUEUE_SIZE	128
#define PAGE		((size_t)BALLOON_PAGE)
#define PFN_SHIFT	VIRTIO_BALLOON_PFN_SHIFT

/*
 * The queue of reports is number 4, but where there are neither statistics nor
 * hints, Linux before 6.11 counts only those that it uses.
 */
enum {
	QUEUE_INFLATE,
	QUEUE_DEFLATE,
	QUEUE_REPORT_COUNTED,
	QUEUE_REPORT = 4,
	NR_QUEUES,
};

/**
 * struct balloon - the device
 * @dev: as the core sees it
 * @config: its configuration
 * @host: who says how large it is to be, or NULL
 */
struct balloon {
	struct virtio_device dev;
	struct virtio_balloon_config config;
	struct balloon_host *host;
};

static void give_back(void *start, size_t size)
{
	size_t skip = -(uintptr_t)start & (PAGE - 1);

	if (size < skip)
		return;
	size = (size - skip) & ~(PAGE - 1);
	/* The guest's memory is private and anonymous: it is freed at once. */
	if (size)
		madvise((char *)start + skip, size, MADV_DONTNEED);
}

/* Free pages are buffers that we may write into. */
static void take_reports(struct virtio_device *dev, struct virtq *queue)
{
	struct virtq_chain chain;
	unsigned int i;

	while (virtq_pop(queue, &chain)) {
		if (chain.nr_out) {
			virtio_broken(dev, "it reports a page that is not ours to write");
			return;
		}
		for (i = 0; i < chain.nr_in; i++)
			give_back(chain.iov[i].iov_base, chain.iov[i].iov_len);
		virtq_push(queue, chain.head, 0);
	}
	virtq_signal(queue);
}

/* A list of page numbers; neighbours are given back together. */
static bool inflate(struct virtio_device *dev, const struct virtq_chain *chain)
{
	uint8_t *start = NULL, *page;
	size_t size = 0, offset = 0;
	uint32_t pfn;

	while (virtq_read(chain, offset, &pfn, sizeof(pfn)) == sizeof(pfn)) {
		page = vm_memory(dev->vm, (uint64_t)pfn << PFN_SHIFT, PAGE);
		if (!page) {
			virtio_broken(dev, "there is no page 0x%x", pfn);
			return false;
		}
		if (page != start + size) {
			give_back(start, size);
			start = page;
			size = 0;
		}
		size += PAGE;
		offset += sizeof(pfn);
	}
	give_back(start, size);
	return true;
}

static void balloon_notify(struct virtio_device *dev, struct virtq *queue)
{
	struct virtq_chain chain;

	switch (queue->index) {
	case QUEUE_REPORT:
	case QUEUE_REPORT_COUNTED:
		if (virtio_has(dev, VIRTIO_BALLOON_F_REPORTING))
			take_reports(dev, queue);
		return;
	case QUEUE_INFLATE:
	case QUEUE_DEFLATE:
		break;
	default:
		return;
	}
	while (virtq_pop(queue, &chain)) {
		/* What is deflated comes back when the guest touches it. */
		if (queue->index == QUEUE_INFLATE && !inflate(dev, &chain))
			return;
		virtq_push(queue, chain.head, 0);
	}
	virtq_signal(queue);
}

void balloon_set_target(struct balloon_host *host, uint32_t pages)
{
	struct virtio_device *dev = host->device;
	struct balloon *balloon = container_of(dev, struct balloon, dev);

	pthread_mutex_lock(&dev->lock);
	if (balloon->config.num_pages != pages) {
		balloon->config.num_pages = pages;
		virtio_config_changed(dev);
	}
	pthread_mutex_unlock(&dev->lock);
}

/* Nothing but a figure for people: the guest may write anything. */
static void tell_actual(struct virtio_device *dev)
{
	const struct balloon *balloon = container_of(dev, struct balloon, dev);

	if (balloon->host)
		atomic_store(balloon->host->actual, balloon->config.actual);
}

static void balloon_config_written(struct virtio_device *dev, size_t offset, size_t size)
{
	(void)offset;
	(void)size;
	tell_actual(dev);
}

/* Who has forgotten its pages has none. */
static void balloon_stop(struct virtio_device *dev)
{
	container_of(dev, struct balloon, dev)->config.actual = 0;
	tell_actual(dev);
}

static void balloon_destroy(struct virtio_device *dev)
{
	struct balloon *balloon = container_of(dev, struct balloon, dev);

	if (balloon->host)
		balloon->host->device = NULL;
	free(balloon);
}

static int balloon_create(struct virtio_bus *bus, struct error *error)
{
	static const struct virtio_ops ops = {
		.name = "balloon",
		.id = VIRTIO_ID_BALLOON,
		.notify = balloon_notify,
		.config_written = balloon_config_written,
		.stop = balloon_stop,
		.destroy = balloon_destroy,
	};
	struct balloon *balloon = calloc(1, sizeof(*balloon));

	if (!balloon)
		return error_set(error, ENOMEM, "cannot make the balloon");
	balloon->dev.ops = &ops;
	balloon->dev.features = VIRTIO_FEATURE(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
				VIRTIO_FEATURE(VIRTIO_BALLOON_F_REPORTING);
	balloon->dev.config = &balloon->config;
	balloon->dev.config_size = sizeof(balloon->config);
	balloon->dev.config_writable_at = offsetof(struct virtio_balloon_config, actual);
	balloon->dev.config_writable = sizeof(balloon->config.actual);
	balloon->host = bus->vm->config->balloon;
	if (balloon->host)
		balloon->host->device = &balloon->dev;
	return virtio_add(bus, &balloon->dev, NR_QUEUES, QUEUE_SIZE, error);
}

static const struct virtio_kind balloon = {
	.name = "balloon",
	.create = balloon_create,
};

VIRTIO_KIND(balloon);
