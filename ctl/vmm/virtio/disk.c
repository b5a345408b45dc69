// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks are read and written through io_uring.  Hosts can forbid that to all
 * (kernel.io_uring_disabled) or to containers; a VM shall have its disk there
 * too, so requests are then done one after the other, as they come, and other
 * devices wait meanwhile.
 */
#include "vmm/virtio/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/vm.h"

/* What O_DIRECT wants where the kernel does not say (statx, 6.1). */
#define DEFAULT_ALIGN	512U

/* All that a guest can make us allocate is so much, DISK_DEPTH times. */
#define MAX_BOUNCE	MIB

static bool strip(char *text, const char *option)
{
	size_t length = strlen(text), tail = strlen(option);

	if (length <= tail || strcmp(text + length - tail, option))
		return false;
	text[length - tail] = '\0';
	return true;
}

void disk_parse(char *text, struct disk_config *config)
{
	memset(config, 0, sizeof(*config));
	config->path = text;
	for (;;) {
		if (strip(text, ",ro"))
			config->read_only = true;
		else if (strip(text, ",direct"))
			config->direct = true;
		else
			break;
	}
}

static int open_failed(const struct disk_config *config, int errnum,
		       struct error *error)
{
	error_set(error, errnum, "cannot open the disk '%s'", config->path);
	switch (errnum) {
	case ENOENT:
		return error_advise(error, "make it with 'truncate -s SIZE FILE'");
	case EROFS:
	case EACCES:
	case EPERM:
		return config->read_only ? -1 :
		       error_advise(error, "put ',ro' behind its name if reading is enough");
	case EBUSY:
		return error_advise(error, "it is mounted or otherwise in use: end that, or add ',ro'");
	case EINVAL:
		return !config->direct ? -1 :
		       error_advise(error, "maybe there is no direct I/O: leave out ',direct'");
	default:
		return -1;
	}
}

static int lock_disk(struct disk *disk, struct error *error)
{
	struct flock range = {
		.l_type = disk->read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (!fcntl(disk->fd, F_OFD_SETLK, &range))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return error_set(error, errno, "cannot lock the disk '%s'", disk->path);
	error_set(error, 0, "the disk '%s' is in use by another guest", disk->path);
	return error_advise(error, disk->read_only ?
			    "that one writes to it: end it first" :
			    "end that one, or have both use it with ',ro'");
}

/* What the file's own blocks are, and what direct I/O wants. */
static int find_block(struct disk *disk, bool is_device, bool direct,
		      struct error *error)
{
	struct statx info;
	int block;

	disk->block = SECTOR_SIZE;
	disk->align = 1;
	if (is_device) {
		if (ioctl(disk->fd, BLKSSZGET, &block))
			return error_set(error, errno, "cannot measure the disk '%s'",
					 disk->path);
		disk->block = (uint32_t)block;
	}
	if (!direct)
		return 0;
	disk->align = disk->block > DEFAULT_ALIGN ? disk->block : DEFAULT_ALIGN;
#ifdef STATX_DIOALIGN
	if (!statx(disk->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &info) &&
	    info.stx_mask & STATX_DIOALIGN && info.stx_dio_offset_align) {
		disk->align = info.stx_dio_offset_align;
		if (info.stx_dio_mem_align > disk->align)
			disk->align = info.stx_dio_mem_align;
	}
#else
	(void)info;
#endif
	if (disk->align > disk->block)
		disk->block = disk->align;
	return 0;
}

static int find_size(struct disk *disk, bool direct, struct error *error)
{
	struct stat st;

	if (fstat(disk->fd, &st))
		return error_set(error, errno, "cannot measure the disk '%s'",
				 disk->path);
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(disk->fd, BLKGETSIZE64, &disk->size))
			return error_set(error, errno, "cannot measure the disk '%s'",
					 disk->path);
	} else if (S_ISREG(st.st_mode)) {
		disk->size = (uint64_t)st.st_size;
	} else {
		error_set(error, 0, "'%s' cannot be a disk", disk->path);
		return error_advise(error, "give a file or a block device");
	}
	if (find_block(disk, S_ISBLK(st.st_mode), direct, error))
		return -1;
	if (!disk->size || disk->size % disk->block) {
		error_set(error, 0, "the disk '%s' has %llu bytes, which are not a number of blocks of %u",
			  disk->path, (unsigned long long)disk->size, disk->block);
		return error_advise(error, "give it a size with 'truncate -s %%%u FILE'",
				    disk->block);
	}
	return 0;
}

static int open_ring(struct disk *disk, struct error *error)
{
	int result = io_uring_queue_init(DISK_DEPTH, &disk->ring, 0);

	if (!result) {
		disk->uring = true;
		return 0;
	}
	if (result == -ENOSYS || result == -EPERM || result == -EACCES)
		return 0;
	return error_set(error, -result, "cannot make a queue for the disk '%s'",
			 disk->path);
}

int disk_open(struct disk *disk, const struct disk_config *config,
	      struct error *error)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;

	memset(disk, 0, sizeof(*disk));
	disk->path = config->path;
	disk->read_only = config->read_only;
	flags |= config->read_only ? O_RDONLY : O_RDWR;
	if (config->direct)
		flags |= O_DIRECT;
	/* Keeps a file system from being mounted from it, and the other way round. */
	if (!config->read_only && !stat(config->path, &st) && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	disk->fd = open(config->path, flags);
	if (disk->fd < 0)
		return open_failed(config, errno, error);
	/* It was for pipes; of io_uring it would mean that nothing may wait. */
	fcntl(disk->fd, F_SETFL, config->direct ? O_DIRECT : 0);
	if (find_size(disk, config->direct, error) || lock_disk(disk, error))
		return -1;
	return open_ring(disk, error);
}

void disk_close(struct disk *disk)
{
	if (disk->uring)
		io_uring_queue_exit(&disk->ring);
	if (disk->fd >= 0)
		close(disk->fd);
}

int disk_attach(struct disk *disk, int fd, struct error *error)
{
	int result;

	if (!disk->uring)
		return 0;
	result = io_uring_register_eventfd(&disk->ring, fd);
	if (result)
		return error_set(error, -result, "cannot wait for the disk '%s'",
				 disk->path);
	return 0;
}

/* Memory that is not aligned as the file wants it is copied. */
static int prepare_bounce(struct disk *disk, struct disk_request *request)
{
	unsigned int i;
	size_t at = 0;

	for (i = 0; i < request->nr_iov; i++)
		if (((uintptr_t)request->iov[i].iov_base |
		     request->iov[i].iov_len) & (disk->align - 1))
			break;
	if (i == request->nr_iov)
		return 0;
	if (request->length > MAX_BOUNCE)
		return -EINVAL;
	request->bounce = aligned_alloc(disk->align, request->length);
	if (!request->bounce)
		return -ENOMEM;
	for (i = 0; request->operation == DISK_WRITE && i < request->nr_iov; i++) {
		memcpy((char *)request->bounce + at, request->iov[i].iov_base,
		       request->iov[i].iov_len);
		at += request->iov[i].iov_len;
	}
	request->piece.iov_base = request->bounce;
	request->piece.iov_len = request->length;
	request->iov_before = request->iov;
	request->nr_iov_before = request->nr_iov;
	request->iov = &request->piece;
	request->nr_iov = 1;
	return 0;
}

static void finish_bounce(struct disk_request *request, int errnum)
{
	unsigned int i;
	size_t at = 0;

	if (!request->bounce)
		return;
	if (request->operation == DISK_READ && !errnum)
		for (i = 0; i < request->nr_iov_before; i++) {
			memcpy(request->iov_before[i].iov_base,
			       (char *)request->bounce + at,
			       request->iov_before[i].iov_len);
			at += request->iov_before[i].iov_len;
		}
	free(request->bounce);
	request->bounce = NULL;
}

static void complete(struct disk *disk, struct disk_request *request, int errnum)
{
	if (request->operation == DISK_FLUSH) {
		/*
		 * The kernel tells of lost writes once, and the next flush would
		 * succeed: the guest would rely on what is not there.
		 */
		if (errnum)
			disk->flush_failed = true;
		else if (disk->flush_failed)
			errnum = EIO;
	}
	/* No more than a hint. */
	if (request->operation == DISK_DISCARD && errnum == EOPNOTSUPP)
		errnum = 0;
	finish_bounce(request, errnum);
	disk->complete(request, errnum);
}

/* The next part of a request whose last one was cut short. */
static void advance(struct disk_request *request, uint64_t count)
{
	request->done += count;
	while (request->nr_iov && count >= request->iov->iov_len) {
		count -= request->iov->iov_len;
		request->iov++;
		request->nr_iov--;
	}
	if (request->nr_iov) {
		request->iov->iov_base = (char *)request->iov->iov_base + count;
		request->iov->iov_len -= count;
	}
}

/* Return: is it done? If not, it is to be started again. */
static bool progress(struct disk *disk, struct disk_request *request, int result)
{
	bool moves = request->operation == DISK_READ ||
		     request->operation == DISK_WRITE;

	if (result == -EINTR)
		return false;
	if (result < 0) {
		complete(disk, request, -result);
		return true;
	}
	if (!moves) {
		complete(disk, request, 0);
		return true;
	}
	/* Where there is nothing, the file is shorter than it was. */
	if (!result) {
		complete(disk, request, EIO);
		return true;
	}
	advance(request, (uint64_t)result);
	if (request->done < request->length)
		return false;
	complete(disk, request, 0);
	return true;
}

static int fallocate_mode(enum disk_operation operation)
{
	return FALLOC_FL_KEEP_SIZE | (operation == DISK_ZERO ? FALLOC_FL_ZERO_RANGE :
				      FALLOC_FL_PUNCH_HOLE);
}

static int do_at_once(struct disk *disk, struct disk_request *request)
{
	off_t offset = (off_t)(request->offset + request->done);
	ssize_t result;

	switch (request->operation) {
	case DISK_READ:
		result = preadv(disk->fd, request->iov, (int)request->nr_iov, offset);
		break;
	case DISK_WRITE:
		result = pwritev(disk->fd, request->iov, (int)request->nr_iov, offset);
		break;
	case DISK_FLUSH:
		result = fdatasync(disk->fd);
		break;
	default:
		result = fallocate(disk->fd, fallocate_mode(request->operation),
				   offset, (off_t)request->length);
		break;
	}
	return result < 0 ? -errno : (int)result;
}

static void put_on_ring(struct disk *disk, struct disk_request *request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&disk->ring);
	uint64_t offset = request->offset + request->done;

	if (!sqe) {
		disk_submit(disk);
		sqe = io_uring_get_sqe(&disk->ring);
	}
	if (!sqe) {
		complete(disk, request, EBUSY);
		return;
	}
	switch (request->operation) {
	case DISK_READ:
		io_uring_prep_readv(sqe, disk->fd, request->iov, request->nr_iov,
				    offset);
		break;
	case DISK_WRITE:
		io_uring_prep_writev(sqe, disk->fd, request->iov, request->nr_iov,
				     offset);
		break;
	case DISK_FLUSH:
		io_uring_prep_fsync(sqe, disk->fd, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, disk->fd,
					fallocate_mode(request->operation),
					(off_t)offset, (off_t)request->length);
		break;
	}
	io_uring_sqe_set_data(sqe, request);
}

void disk_queue(struct disk *disk, struct disk_request *request)
{
	bool moves = request->operation == DISK_READ ||
		     request->operation == DISK_WRITE;
	int result = moves ? prepare_bounce(disk, request) : 0;

	if (result) {
		complete(disk, request, -result);
	} else if (disk->uring) {
		put_on_ring(disk, request);
	} else {
		while (!progress(disk, request, do_at_once(disk, request)))
			;
	}
}

void disk_submit(struct disk *disk)
{
	if (!disk->uring)
		return;
	/* Busy: what is done makes room, and that is what we are called for. */
	while (io_uring_sq_ready(&disk->ring) &&
	       io_uring_submit(&disk->ring) == -EINTR)
		;
}

void disk_reap(struct disk *disk, bool wait)
{
	struct disk_request *request;
	struct io_uring_cqe *cqe;
	int result;

	if (!disk->uring)
		return;
	disk_submit(disk);
	while (wait && io_uring_wait_cqe(&disk->ring, &cqe) == -EINTR)
		;
	while (!io_uring_peek_cqe(&disk->ring, &cqe)) {
		request = io_uring_cqe_get_data(cqe);
		result = cqe->res;
		io_uring_cqe_seen(&disk->ring, cqe);
		if (!progress(disk, request, result))
			put_on_ring(disk, request);
	}
	disk_submit(disk);
}
