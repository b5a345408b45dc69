// SPDX-License-Identifier: GPL-2.0-only
/* The block device (virtio 1.2, 5.2): a disk for each that was asked for. */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "container_of.h"
#include "vmm/virtio/disk.h"
#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

#define QUEUE_SIZE	256
#define MAX_SEGMENTS	254	/* beside header and status */
#define MAX_ZERO_SECTORS (1U << 21)
#define MAX_RANGES	16

/**
 * struct blk - a block device
 * @dev: as the core sees it
 * @config: its configuration
 * @disk: where its data is
 * @done: requests are done
 * @in_flight: how many are not
 * @complained: the user knows of errors
 */
struct blk {
	struct virtio_device dev;
	struct virtio_blk_config config;
	struct disk disk;
	struct io_watch done;
	unsigned int in_flight;
	bool complained;
};

/**
 * struct blk_request - a request of the guest's
 * @blk: its device
 * @head: of its chain
 * @status: where the guest wants its result
 * @read: bytes that it gets
 * @disk: what the disk has to do
 * @iov: for @disk
 */
struct blk_request {
	struct blk *blk;
	uint16_t head;
	uint8_t *status;
	uint32_t read;
	struct disk_request disk;
	struct iovec iov[];
};

static struct blk *to_blk(struct virtio_device *dev)
{
	return container_of(dev, struct blk, dev);
}

static void answer(struct blk *blk, uint16_t head, uint8_t *where, uint8_t status,
		   uint32_t read)
{
	struct virtq *queue = &blk->dev.queues[0];

	__atomic_store_n(where, status, __ATOMIC_RELAXED);
	virtq_push(queue, head, read + 1);
}

static void complain(struct blk *blk, const struct disk_request *request, int errnum)
{
	static const char *const names[] = {
		[DISK_READ] = "read", [DISK_WRITE] = "write", [DISK_FLUSH] = "flush",
	};
	struct error error;

	if (blk->complained || request->operation > DISK_FLUSH)
		return;
	blk->complained = true;
	error_set(&error, errnum, "the disk '%s' has a %s error at byte %llu",
		  blk->disk.path, names[request->operation],
		  (unsigned long long)request->offset);
	error_advise(&error, "the guest was told; further errors are not shown here");
	vm_warn(blk->dev.vm, &error);
}

static void completed(struct disk_request *disk_request, int errnum)
{
	struct blk_request *request = container_of(disk_request, struct blk_request, disk);
	struct blk *blk = request->blk;
	uint8_t status = VIRTIO_BLK_S_OK;

	if (errnum) {
		status = errnum == EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP :
			 VIRTIO_BLK_S_IOERR;
		if (errnum != EOPNOTSUPP)
			complain(blk, disk_request, errnum);
	}
	blk->in_flight--;
	answer(blk, request->head, request->status, status,
	       errnum ? 0 : request->read);
	free(request);
}

/* Takes @size bytes from @skip on out of @count pieces. Return: how many pieces */
static unsigned int slice(struct iovec *to, const struct iovec *from,
			  unsigned int count, size_t skip, size_t size)
{
	unsigned int i, pieces = 0;
	size_t length;

	for (i = 0; i < count && size; i++) {
		if (skip >= from[i].iov_len) {
			skip -= from[i].iov_len;
			continue;
		}
		length = from[i].iov_len - skip;
		if (length > size)
			length = size;
		to[pieces].iov_base = (char *)from[i].iov_base + skip;
		to[pieces++].iov_len = length;
		size -= length;
		skip = 0;
	}
	return pieces;
}

static struct blk_request *new_request(struct blk *blk, const struct virtq_chain *chain,
				       uint8_t *status)
{
	struct blk_request *request;

	request = calloc(1, sizeof(*request) +
			 (chain->nr_in + chain->nr_out) * sizeof(struct iovec));
	if (!request)
		return NULL;
	request->blk = blk;
	request->head = chain->head;
	request->status = status;
	request->disk.iov = request->iov;
	return request;
}

static bool in_range(const struct blk *blk, uint64_t sector, uint64_t length)
{
	uint64_t sectors = blk->disk.size / SECTOR_SIZE;

	return sector <= sectors && length <= (sectors - sector) * SECTOR_SIZE;
}

/* The rest returns a VIRTIO_BLK_S_*, or -1 if the disk is at work. */

static int start_io(struct blk *blk, const struct virtq_chain *chain,
		    const struct virtio_blk_outhdr *header, uint8_t *status)
{
	bool write = header->type == VIRTIO_BLK_T_OUT;
	size_t length = write ? chain->out_size - sizeof(*header) :
			chain->in_size - sizeof(*status);
	struct blk_request *request;

	if (write && blk->disk.read_only)
		return VIRTIO_BLK_S_IOERR;
	if (!length || length % SECTOR_SIZE || !in_range(blk, header->sector, length))
		return VIRTIO_BLK_S_IOERR;
	request = new_request(blk, chain, status);
	if (!request)
		return VIRTIO_BLK_S_IOERR;
	request->read = write ? 0 : (uint32_t)length;
	request->disk.operation = write ? DISK_WRITE : DISK_READ;
	request->disk.offset = header->sector * SECTOR_SIZE;
	request->disk.length = length;
	request->disk.nr_iov = write ?
		slice(request->iov, chain->iov, chain->nr_out, sizeof(*header), length) :
		slice(request->iov, chain->iov + chain->nr_out, chain->nr_in, 0, length);
	blk->in_flight++;
	disk_queue(&blk->disk, &request->disk);
	return -1;
}

static int start_flush(struct blk *blk, const struct virtq_chain *chain,
		       uint8_t *status)
{
	struct blk_request *request;

	if (blk->disk.read_only)
		return VIRTIO_BLK_S_OK;
	request = new_request(blk, chain, status);
	if (!request)
		return VIRTIO_BLK_S_IOERR;
	request->disk.operation = DISK_FLUSH;
	blk->in_flight++;
	disk_queue(&blk->disk, &request->disk);
	return -1;
}

static int start_range(struct blk *blk, const struct virtq_chain *chain,
		       uint32_t type, uint8_t *status)
{
	struct virtio_blk_discard_write_zeroes range;
	enum disk_operation operation = DISK_DISCARD;
	struct blk_request *request;
	uint64_t length;

	/* One at a time: so we say in the configuration. */
	if (chain->out_size != sizeof(struct virtio_blk_outhdr) + sizeof(range) ||
	    virtq_read(chain, sizeof(struct virtio_blk_outhdr), &range,
		       sizeof(range)) != sizeof(range))
		return VIRTIO_BLK_S_IOERR;
	if (blk->disk.read_only)
		return VIRTIO_BLK_S_IOERR;
	if (range.flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)
		return VIRTIO_BLK_S_UNSUPP;
	if (type == VIRTIO_BLK_T_WRITE_ZEROES)
		operation = range.flags ? DISK_ZERO_UNMAP : DISK_ZERO;
	else if (range.flags)
		return VIRTIO_BLK_S_UNSUPP;
	length = (uint64_t)range.num_sectors * SECTOR_SIZE;
	if (!length || range.num_sectors > MAX_ZERO_SECTORS ||
	    !in_range(blk, range.sector, length))
		return VIRTIO_BLK_S_IOERR;
	request = new_request(blk, chain, status);
	if (!request)
		return VIRTIO_BLK_S_IOERR;
	request->disk.operation = operation;
	request->disk.offset = range.sector * SECTOR_SIZE;
	request->disk.length = length;
	blk->in_flight++;
	disk_queue(&blk->disk, &request->disk);
	return -1;
}

/* The end of the file's name tells disks apart. */
static int get_id(struct blk *blk, const struct virtq_chain *chain)
{
	const char *name = strrchr(blk->disk.path, '/');
	char id[VIRTIO_BLK_ID_BYTES] = "";
	size_t length;

	name = name ? name + 1 : blk->disk.path;
	length = strlen(name);
	if (length > sizeof(id))
		name += length - sizeof(id);
	memcpy(id, name, strnlen(name, sizeof(id)));
	if (chain->in_size != sizeof(id) + 1)
		return VIRTIO_BLK_S_IOERR;
	virtq_write(chain, 0, id, sizeof(id));
	return VIRTIO_BLK_S_OK;
}

static void serve(struct blk *blk, const struct virtq_chain *chain)
{
	const struct iovec *last = &chain->iov[chain->nr_out + chain->nr_in - 1];
	struct virtio_blk_outhdr header;
	uint32_t read = 0;
	uint8_t *status;
	int result;

	if (!chain->in_size ||
	    virtq_read(chain, 0, &header, sizeof(header)) != sizeof(header)) {
		virtio_broken(&blk->dev, "a request has %zu bytes of header and %zu of status",
			      chain->out_size, chain->in_size);
		return;
	}
	status = (uint8_t *)last->iov_base + last->iov_len - 1;
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		result = start_io(blk, chain, &header, status);
		break;
	case VIRTIO_BLK_T_FLUSH:
		result = start_flush(blk, chain, status);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		result = start_range(blk, chain, header.type, status);
		break;
	case VIRTIO_BLK_T_GET_ID:
		result = get_id(blk, chain);
		read = result == VIRTIO_BLK_S_OK ? VIRTIO_BLK_ID_BYTES : 0;
		break;
	default:
		result = VIRTIO_BLK_S_UNSUPP;
		break;
	}
	if (result >= 0)
		answer(blk, chain->head, status, (uint8_t)result, read);
}

/* Takes what there is room for; the rest follows when requests are done. */
static void blk_notify(struct virtio_device *dev, struct virtq *queue)
{
	struct blk *blk = to_blk(dev);
	struct virtq_chain chain;

	while (blk->in_flight < DISK_DEPTH && virtq_pop(queue, &chain))
		serve(blk, &chain);
	disk_submit(&blk->disk);
	virtq_signal(queue);
}

static void done_ready(struct io_watch *watch, uint32_t events)
{
	struct blk *blk = container_of(watch, struct blk, done);

	(void)events;
	io_clear(watch->fd);
	pthread_mutex_lock(&blk->dev.lock);
	disk_reap(&blk->disk, false);
	if (blk->dev.running)
		blk_notify(&blk->dev, &blk->dev.queues[0]);
	pthread_mutex_unlock(&blk->dev.lock);
}

/* What the disk is doing, it does in memory of the guest, who wants it back. */
static void blk_stop(struct virtio_device *dev)
{
	struct blk *blk = to_blk(dev);

	while (blk->in_flight)
		disk_reap(&blk->disk, true);
}

static void blk_destroy(struct virtio_device *dev)
{
	struct blk *blk = to_blk(dev);

	disk_close(&blk->disk);
	if (blk->done.fd >= 0)
		close(blk->done.fd);
	free(blk);
}

static void configure(struct blk *blk)
{
	uint32_t block_sectors = blk->disk.block / SECTOR_SIZE;

	blk->dev.features = VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX) |
			    VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE) |
			    VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH);
	blk->dev.config = &blk->config;
	blk->dev.config_size = sizeof(blk->config);
	blk->config.capacity = blk->disk.size / SECTOR_SIZE;
	blk->config.seg_max = MAX_SEGMENTS;
	blk->config.blk_size = blk->disk.block;
	if (blk->disk.read_only) {
		blk->dev.features |= VIRTIO_FEATURE(VIRTIO_BLK_F_RO);
		return;
	}
	blk->dev.features |= VIRTIO_FEATURE(VIRTIO_BLK_F_DISCARD) |
			     VIRTIO_FEATURE(VIRTIO_BLK_F_WRITE_ZEROES);
	blk->config.max_discard_sectors = MAX_ZERO_SECTORS;
	blk->config.max_discard_seg = 1;
	blk->config.discard_sector_alignment = block_sectors;
	blk->config.max_write_zeroes_sectors = MAX_ZERO_SECTORS;
	blk->config.max_write_zeroes_seg = 1;
	blk->config.write_zeroes_may_unmap = 1;
}

static int add_disk(struct virtio_bus *bus, const struct disk_config *config,
		    struct error *error)
{
	static const struct virtio_ops ops = {
		.name = "disk",
		.id = VIRTIO_ID_BLOCK,
		.notify = blk_notify,
		.stop = blk_stop,
		.destroy = blk_destroy,
	};
	struct blk *blk = calloc(1, sizeof(*blk));

	if (!blk)
		return error_set(error, ENOMEM, "cannot make a disk");
	blk->dev.ops = &ops;
	blk->disk.fd = -1;
	blk->done.ready = done_ready;
	blk->done.fd = io_eventfd(error);
	if (blk->done.fd < 0 || disk_open(&blk->disk, config, error) ||
	    disk_attach(&blk->disk, blk->done.fd, error) ||
	    io_watch(&bus->io, &blk->done, EPOLLIN, error)) {
		blk_destroy(&blk->dev);
		return -1;
	}
	blk->disk.complete = completed;
	configure(blk);
	return virtio_add(bus, &blk->dev, 1, QUEUE_SIZE, error);
}

static int blk_create(struct virtio_bus *bus, struct error *error)
{
	const struct vm_config *config = bus->vm->config;
	unsigned int i;

	for (i = 0; i < config->nr_disks; i++)
		if (add_disk(bus, &config->disks[i], error))
			return -1;
	return 0;
}

static const struct virtio_kind blk = {
	.name = "disk",
	.create = blk_create,
};

VIRTIO_KIND(blk);
