// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split rings (virtio 1.2, 2.7).  They are in the guest's memory, and another of
 * its CPUs may write there at this very moment: each field is read once, and what
 * was read is checked, not what is there.
 */
#include <linux/virtio_mmio.h>
#include <string.h>

#include "vmm/virtio/virtio.h"
#include "vmm/vm.h"

#define DESC_ALIGN	16
#define AVAIL_ALIGN	2
#define USED_ALIGN	4

/* With the field that the event index has behind each ring. */
static size_t avail_size(size_t size)
{
	return sizeof(struct vring_avail) + (size + 1) * sizeof(uint16_t);
}

static size_t used_size(size_t size)
{
	return sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
	       sizeof(uint16_t);
}

/* The driver's: after this index it wants an interrupt. */
static uint16_t *used_event(struct virtq *queue)
{
	return &queue->avail->ring[queue->size];
}

/* Ours: after this index we want the doorbell. */
static uint16_t *avail_event(struct virtq *queue)
{
	return (uint16_t *)&queue->used->ring[queue->size];
}

static uint16_t read16(const uint16_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void write16(uint16_t *at, uint16_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

static void *ring_memory(struct virtq *queue, const char *what, uint64_t address,
			 size_t size, size_t align)
{
	void *memory = NULL;

	if (!(address % align))
		memory = vm_memory(queue->dev->vm, address, size);
	if (!memory)
		virtio_broken(queue->dev, "queue %u has its %s at 0x%llx",
			      queue->index, what, (unsigned long long)address);
	return memory;
}

int virtq_enable(struct virtq *queue)
{
	uint16_t size = queue->size;

	if (!size || size > queue->size_max || size & (size - 1)) {
		virtio_broken(queue->dev, "queue %u has %u entries", queue->index,
			      size);
		return -1;
	}
	queue->desc = ring_memory(queue, "descriptors", queue->desc_address,
				  size * sizeof(*queue->desc), DESC_ALIGN);
	if (!queue->desc)
		return -1;
	queue->avail = ring_memory(queue, "available ring", queue->driver_address,
				   avail_size(size), AVAIL_ALIGN);
	if (!queue->avail)
		return -1;
	queue->used = ring_memory(queue, "used ring", queue->device_address,
				  used_size(size), USED_ALIGN);
	if (!queue->used)
		return -1;
	queue->ready = true;
	return 0;
}

void virtq_reset(struct virtq *queue)
{
	queue->size = queue->size_max;
	queue->ready = false;
	queue->desc_address = 0;
	queue->driver_address = 0;
	queue->device_address = 0;
	queue->desc = NULL;
	queue->avail = NULL;
	queue->used = NULL;
	queue->next_avail = 0;
	queue->next_used = 0;
	queue->unsignalled = 0;
	queue->in_flight = 0;
}

static bool usable(const struct virtq *queue)
{
	return queue->dev->running && !queue->dev->broken && queue->ready;
}

static struct vring_desc read_desc(const struct vring_desc *at)
{
	struct vring_desc desc = {
		.addr = __atomic_load_n(&at->addr, __ATOMIC_RELAXED),
		.len = __atomic_load_n(&at->len, __ATOMIC_RELAXED),
		.flags = __atomic_load_n(&at->flags, __ATOMIC_RELAXED),
		.next = __atomic_load_n(&at->next, __ATOMIC_RELAXED),
	};

	return desc;
}

/* Adds what a descriptor points at. Return: false if it may not */
static bool add_segment(struct virtq *queue, struct virtq_chain *chain,
			const struct vring_desc *desc)
{
	unsigned int count = chain->nr_out + chain->nr_in;
	void *memory = vm_memory(queue->dev->vm, desc->addr, desc->len);

	if (!memory || !desc->len) {
		virtio_broken(queue->dev, "queue %u has a buffer of %u bytes at 0x%llx",
			      queue->index, desc->len,
			      (unsigned long long)desc->addr);
		return false;
	}
	if (count == VIRTQ_MAX_SEGMENTS) {
		virtio_broken(queue->dev, "queue %u has a chain of more than %u buffers",
			      queue->index, VIRTQ_MAX_SEGMENTS);
		return false;
	}
	if (!(desc->flags & VRING_DESC_F_WRITE) && chain->nr_in) {
		virtio_broken(queue->dev, "queue %u has a buffer to read behind one to write",
			      queue->index);
		return false;
	}
	if (desc->flags & VRING_DESC_F_WRITE) {
		chain->nr_in++;
		chain->in_size += desc->len;
	} else {
		chain->nr_out++;
		chain->out_size += desc->len;
	}
	/* What a used entry can say. */
	if (chain->out_size + chain->in_size > UINT32_MAX) {
		virtio_broken(queue->dev, "queue %u has a chain of more than 4 GiB",
			      queue->index);
		return false;
	}
	chain->iov[count].iov_base = memory;
	chain->iov[count].iov_len = desc->len;
	return true;
}

/*
 * Follows a chain through a table of @size descriptors from @next on: as many
 * steps as there are descriptors, so loops end.  Return: false if it is broken;
 * @indirect is filled if the chain goes on in another table.
 */
static bool walk(struct virtq *queue, struct virtq_chain *chain,
		 const struct vring_desc *table, uint32_t size, uint32_t next,
		 struct vring_desc *indirect)
{
	struct vring_desc desc;
	uint32_t steps;

	for (steps = 0; steps < size; steps++) {
		if (next >= size) {
			virtio_broken(queue->dev, "queue %u has descriptor %u of %u",
				      queue->index, next, size);
			return false;
		}
		desc = read_desc(&table[next]);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (!indirect || desc.flags & VRING_DESC_F_NEXT ||
			    !virtio_has(queue->dev, VIRTIO_RING_F_INDIRECT_DESC)) {
				virtio_broken(queue->dev, "queue %u has an indirect descriptor where there cannot be one",
					      queue->index);
				return false;
			}
			*indirect = desc;
			return true;
		}
		if (!add_segment(queue, chain, &desc))
			return false;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return true;
		next = desc.next;
	}
	virtio_broken(queue->dev, "queue %u has a chain without end", queue->index);
	return false;
}

static bool walk_indirect(struct virtq *queue, struct virtq_chain *chain,
			  const struct vring_desc *indirect)
{
	const struct vring_desc *table = NULL;

	if (indirect->len && !(indirect->len % sizeof(*table)))
		table = vm_memory(queue->dev->vm, indirect->addr, indirect->len);
	if (!table || indirect->addr % __alignof__(*table)) {
		virtio_broken(queue->dev, "queue %u has a table of %u bytes at 0x%llx",
			      queue->index, indirect->len,
			      (unsigned long long)indirect->addr);
		return false;
	}
	return walk(queue, chain, table, indirect->len / sizeof(*table), 0, NULL);
}

/*
 * How many chains wait; if none, the driver is asked to ring, and then there may
 * be some that came before it saw that.
 */
static uint16_t waiting(struct virtq *queue)
{
	const uint16_t *idx = &queue->avail->idx;
	uint16_t count = (uint16_t)(__atomic_load_n(idx, __ATOMIC_ACQUIRE) -
				    queue->next_avail);

	if (count)
		return count;
	if (virtio_has(queue->dev, VIRTIO_RING_F_EVENT_IDX))
		write16(avail_event(queue), queue->next_avail);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (uint16_t)(__atomic_load_n(idx, __ATOMIC_ACQUIRE) -
			  queue->next_avail);
}

bool virtq_pop(struct virtq *queue, struct virtq_chain *chain)
{
	struct vring_desc indirect = { .len = 0 };
	uint16_t count, head;

	if (!usable(queue))
		return false;
	count = waiting(queue);
	if (!count)
		return false;
	if (count > queue->size || queue->in_flight == queue->size) {
		virtio_broken(queue->dev, "queue %u has more chains than entries",
			      queue->index);
		return false;
	}
	head = read16(&queue->avail->ring[queue->next_avail & (queue->size - 1)]);

	memset(chain, 0, sizeof(*chain));
	chain->head = head;
	chain->iov = queue->dev->iov;
	if (!walk(queue, chain, queue->desc, queue->size, head, &indirect))
		return false;
	/* Else it has no length. */
	if (indirect.flags & VRING_DESC_F_INDIRECT &&
	    !walk_indirect(queue, chain, &indirect))
		return false;
	queue->next_avail++;
	queue->in_flight++;
	return true;
}

void virtq_unpop(struct virtq *queue, uint16_t count)
{
	if (!queue->ready)
		return;
	queue->next_avail = (uint16_t)(queue->next_avail - count);
	queue->in_flight = (uint16_t)(queue->in_flight - count);
}

void virtq_put(struct virtq *queue, uint16_t index, uint16_t head, uint32_t written)
{
	uint16_t at = (uint16_t)(queue->next_used + index);
	struct vring_used_elem *element;

	if (!usable(queue))
		return;
	element = &queue->used->ring[at & (queue->size - 1)];
	__atomic_store_n(&element->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&element->len, written, __ATOMIC_RELAXED);
}

void virtq_publish(struct virtq *queue, uint16_t count)
{
	if (!usable(queue))
		return;
	queue->next_used = (uint16_t)(queue->next_used + count);
	queue->unsignalled += count;
	queue->in_flight = (uint16_t)(queue->in_flight - count);
	__atomic_store_n(&queue->used->idx, queue->next_used, __ATOMIC_RELEASE);
}

void virtq_push(struct virtq *queue, uint16_t head, uint32_t written)
{
	virtq_put(queue, 0, head, written);
	virtq_publish(queue, 1);
}

void virtq_signal(struct virtq *queue)
{
	uint32_t count = queue->unsignalled;
	bool wanted;

	if (!usable(queue) || !count)
		return;
	/* The used index must be there before we look what the driver wants. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (virtio_has(queue->dev, VIRTIO_RING_F_EVENT_IDX))
		wanted = count > UINT16_MAX ||
			 vring_need_event(read16(used_event(queue)), queue->next_used,
					  (uint16_t)(queue->next_used - count));
	else
		wanted = !(read16(&queue->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	queue->unsignalled = 0;
	if (wanted)
		virtio_interrupt(queue->dev, VIRTIO_MMIO_INT_VRING);
}

void virtq_kick(struct virtq *queue)
{
	io_signal(queue->kick.fd);
}

/* Copies @size bytes from @offset on of @count pieces, or all there are. */
static size_t copy(const struct iovec *iov, unsigned int count, size_t offset,
		   uint8_t *data, size_t size, bool write)
{
	size_t done = 0, length;
	unsigned int i;

	for (i = 0; i < count && done < size; i++) {
		uint8_t *piece = iov[i].iov_base;

		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		length = iov[i].iov_len - offset;
		if (length > size - done)
			length = size - done;
		if (write)
			memcpy(piece + offset, data + done, length);
		else
			memcpy(data + done, piece + offset, length);
		done += length;
		offset = 0;
	}
	return done;
}

size_t virtq_read(const struct virtq_chain *chain, size_t offset, void *data,
		  size_t size)
{
	return copy(chain->iov, chain->nr_out, offset, data, size, false);
}

size_t virtq_write(const struct virtq_chain *chain, size_t offset,
		   const void *data, size_t size)
{
	return copy(chain->iov + chain->nr_out, chain->nr_in, offset,
		    (uint8_t *)data, size, true);
}
