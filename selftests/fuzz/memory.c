// SPDX-License-Identifier: GPL-2.0-only
/* Memory that comes, goes and changes under guests and calls. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "fuzz.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

void poke(u64 address, const void *data, size_t n)
{
	struct iovec local = { .iov_base = (void *)data, .iov_len = n };
	struct iovec remote = { .iov_base = (void *)address, .iov_len = n };
	ssize_t ret = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);

	(void)ret;
}

static void map_something(struct thread *t, void *at, size_t length)
{
	struct tape *tape = &t->tape;
	int prot = PROT_READ | (one_in(tape, 5) ? 0 : PROT_WRITE);
	int flags = MAP_FIXED | (one_in(tape, 3) ? MAP_SHARED : MAP_PRIVATE);
	int fd = -1;

	if (one_in(tape, 16))
		prot = PROT_NONE;
	if (one_in(tape, 3))
		fd = t->world->file;
	else if (one_in(tape, 16))
		fd = any_vcpu(t);
	if (fd < 0)
		flags |= MAP_ANONYMOUS | (one_in(tape, 4) ? MAP_POPULATE : 0);
	if (mmap(at, length, prot, flags, fd,
		 fd < 0 ? 0 : below(tape, 64) * 4096) == MAP_FAILED)
		return;
	if (fd < 0 && one_in(tape, 2))
		madvise(at, length, MADV_HUGEPAGE);
}

void memory_op(struct thread *t)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE,
		MADV_COLD, MADV_PAGEOUT, MADV_MERGEABLE, MADV_UNMERGEABLE,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLLAPSE,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTFORK,
		MADV_DOFORK, MADV_WILLNEED,
	};
	struct tape *tape = &t->tape;
	u64 base = REGION(below(tape, NR_REGIONS));
	u64 offset = below(tape, REGION_SIZE / 4096) * 4096;
	u64 length = (1 + below(tape, one_in(tape, 2) ? 4 : 1024)) * 4096;
	void *at;

	/* Mostly where guests are. */
	if (one_in(tape, 2))
		offset = below(tape, 64) * 4096;
	if (one_in(tape, 8)) {
		offset = 0;
		length = REGION_SIZE;
	}
	if (offset + length > REGION_SIZE)
		length = REGION_SIZE - offset;
	at = (void *)(base + offset);
	switch (below(tape, 8)) {
	case 0:
		map_something(t, at, length);
		break;
	case 1:
		munmap(at, length);
		break;
	case 2:
		mprotect(at, length, PICK(tape, ((const int[]){
			PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE })));
		break;
	case 3:
		(void)!ftruncate(t->world->file,
				 below(tape, 2 * REGION_SIZE / 4096) * 4096);
		break;
	case 4:
		mremap(at, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
		       REGION(below(tape, NR_REGIONS)) + offset);
		break;
	case 5:
		(void)!fallocate(t->world->file,
				 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 offset, length);
		break;
	default:
		madvise(at, length, PICK(tape, advice));
		break;
	}
}
