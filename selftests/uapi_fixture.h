/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the UAPI's arguments share. */
#ifndef LODGE_SELFTEST_UAPI_FIXTURE_H
#define LODGE_SELFTEST_UAPI_FIXTURE_H

#include <errno.h>
#include <limits.h>
#include <sys/mman.h>
#include "harness.h"

/* A pointer that no process has, and one to a page that is not mapped. */
#define BAD_POINTER	((void *)0xffff888000000000UL)

/*
 * How a struct may grow: too short, just right, longer with zeros, longer with
 * something unknown, absurd, cut off by the end of the memory.
 */
static void check_size_rules(struct __test_metadata *_metadata, int fd,
			     unsigned long request, const void *args, u32 size,
			     u32 first_size, long good)
{
	long page = sysconf(_SC_PAGESIZE);
	char *mem = map_pages(3 * page);
	long ret;

	munmap(mem + 2 * page, page);

	EXPECT_ERRNO(EFAULT, ioctl(fd, request, NULL));
	EXPECT_ERRNO(EFAULT, ioctl(fd, request, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(fd, request, mem + 2 * page));

	memcpy(mem, args, size);
	*(u32 *)mem = 0;
	EXPECT_ERRNO(EINVAL, ioctl(fd, request, mem));
	*(u32 *)mem = 4;
	EXPECT_ERRNO(EINVAL, ioctl(fd, request, mem));
	*(u32 *)mem = first_size - 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, request, mem));

	*(u32 *)mem = size + 8;
	mem[size + 7] = 1;
	EXPECT_ERRNO(E2BIG, ioctl(fd, request, mem));
	*(u32 *)mem = page;
	EXPECT_ERRNO(E2BIG, ioctl(fd, request, mem));
	mem[size + 7] = 0;
	*(u32 *)mem = page + 1;
	EXPECT_ERRNO(E2BIG, ioctl(fd, request, mem));
	*(u32 *)mem = UINT_MAX;
	EXPECT_ERRNO(E2BIG, ioctl(fd, request, mem));

	/* The size is readable and the rest is not. */
	*(u32 *)(mem + 2 * page - 4) = size;
	EXPECT_ERRNO(EFAULT, ioctl(fd, request, mem + 2 * page - 4));

	/* A longer struct whose tail is zero is a newer caller: served. */
	memcpy(mem, args, size);
	*(u32 *)mem = size + 64;
	errno = 0;
	ret = ioctl(fd, request, mem);
	if (good < 0) {
		EXPECT_EQ(-1, ret);
		EXPECT_EQ(-good, errno);
	} else {
		EXPECT_LE(0, ret);
	}
	if (good == INT_MAX && ret >= 0)	/* a descriptor */
		close(ret);
	munmap(mem, 2 * page);
}

#define SIZE_RULES(fd, request, args, good) \
	check_size_rules(_metadata, fd, request, &(args), sizeof(args), \
			 sizeof(args), good)
/* The same for a struct that has grown: @first is its first published size. */
#define SIZE_RULES_GROWN(fd, request, args, first, good) \
	check_size_rules(_metadata, fd, request, &(args), sizeof(args), first, good)

FIXTURE(uapi) {
	int dev;
	struct vm *vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(uapi)
{
	self->dev = lodge_open();
	self->vm = vm_create();
	self->vcpu = vcpu_create(self->vm, 0);
}

FIXTURE_TEARDOWN(uapi)
{
	vm_free(self->vm);
	close(self->dev);
}

#endif
