// SPDX-License-Identifier: GPL-2.0-only
/* The entropy device (virtio 1.2, 5.4): the host's own random numbers. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "vmm/virtio/virtio.h"

#define QUEUE_SIZE	8

/* A buffer need not be filled: the guest asks for more if it wants more. */
#define MAX_BYTES	4096U

static uint32_t fill(const struct virtq_chain *chain)
{
	size_t done = 0, length;
	unsigned int i;
	ssize_t count;

	for (i = 0; i < chain->nr_in && done < MAX_BYTES; i++) {
		length = chain->iov[i].iov_len;
		if (length > MAX_BYTES - done)
			length = MAX_BYTES - done;
		count = getrandom(chain->iov[i].iov_base, length, 0);
		if (count < 0)
			break;
		done += (size_t)count;
		if ((size_t)count < length)
			break;
	}
	return (uint32_t)done;
}

static void rng_notify(struct virtio_device *dev, struct virtq *queue)
{
	struct virtq_chain chain;

	while (virtq_pop(queue, &chain)) {
		if (chain.nr_out) {
			virtio_broken(dev, "it asks for random numbers in a buffer to read from");
			return;
		}
		virtq_push(queue, chain.head, fill(&chain));
	}
	virtq_signal(queue);
}

static void rng_destroy(struct virtio_device *dev)
{
	free(dev);
}

static int rng_create(struct virtio_bus *bus, struct error *error)
{
	static const struct virtio_ops ops = {
		.name = "entropy",
		.id = VIRTIO_ID_RNG,
		.notify = rng_notify,
		.destroy = rng_destroy,
	};
	struct virtio_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return error_set(error, ENOMEM, "cannot make the entropy device");
	dev->ops = &ops;
	return virtio_add(bus, dev, 1, QUEUE_SIZE, error);
}

static const struct virtio_kind rng = {
	.name = "entropy",
	.create = rng_create,
};

VIRTIO_KIND(rng);
