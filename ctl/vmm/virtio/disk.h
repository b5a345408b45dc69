/* SPDX-License-Identifier: GPL-2.0-only */
/* A file or block device of the host as a disk: what is read and written there. */
#ifndef DISK_H
#define DISK_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "error.h"

struct disk_config;

#define SECTOR_SIZE	512U

/* Requests that are under way at once */
#define DISK_DEPTH	64

enum disk_operation {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,
	DISK_DISCARD,		/* the range may read as anything */
	DISK_ZERO,		/* reads as zeros, and keeps its blocks */
	DISK_ZERO_UNMAP,	/* reads as zeros, and may lose them */
};

/**
 * struct disk_request - a request; part of its owner's
 * @operation: what to do
 * @offset: where, in bytes
 * @length: bytes
 * @iov: READ and WRITE: where from or to, @length bytes in all; is changed
 * @nr_iov: pieces
 * @done: bytes done
 * @bounce: for memory that the file cannot be read to directly
 * @piece: all of @iov then
 * @iov_before: @iov as it was
 * @nr_iov_before: likewise
 */
struct disk_request {
	enum disk_operation operation;
	uint64_t offset;
	uint64_t length;
	struct iovec *iov;
	unsigned int nr_iov;
	uint64_t done;
	void *bounce;
	struct iovec piece;
	struct iovec *iov_before;
	unsigned int nr_iov_before;
};

/**
 * struct disk - an open disk
 * @fd: the file
 * @size: bytes, a multiple of @block
 * @block: least that is read or written at once, a multiple of SECTOR_SIZE
 * @align: of memory and offsets, for O_DIRECT; else 1
 * @path: its name
 * @read_only: no writes
 * @uring: there is @ring; else requests are done as they come
 * @ring: the kernel's queue of requests
 * @flush_failed: what was written is lost, and so no flush succeeds any more
 * @complete: called when a request is done, with 0 or an errno
 */
struct disk {
	int fd;
	uint64_t size;
	uint32_t block;
	uint32_t align;
	const char *path;
	bool read_only;
	bool uring;
	struct io_uring ring;
	bool flush_failed;
	void (*complete)(struct disk_request *request, int errnum);
};

/**
 * disk_open() - open, lock and measure it
 * @disk: filled; disk_close() it in any case
 * @config: what the command line says
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int disk_open(struct disk *disk, const struct disk_config *config,
	      struct error *error);
void disk_close(struct disk *disk);

/* Has @fd, an eventfd, signalled when requests are done. */
int disk_attach(struct disk *disk, int fd, struct error *error);

/* At most DISK_DEPTH at once.  disk_submit() starts what disk_queue() was given. */
void disk_queue(struct disk *disk, struct disk_request *request);
void disk_submit(struct disk *disk);

/* Completes what is done; waits until at least one is, if @wait. */
void disk_reap(struct disk *disk, bool wait);

/* "FILE[,ro][,direct]", which is cut where the file's name ends. */
void disk_parse(char *text, struct disk_config *config);

#endif /* DISK_H */
