// SPDX-License-Identifier: GPL-2.0-only
/* LODGE_IOEVENTFD and LODGE_IRQFD with good and bad arguments. */
#include <sys/eventfd.h>
#include "uapi_fixture.h"

TEST_F(uapi, ioeventfd)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct lodge_ioeventfd good = {
		.size = sizeof(good), .addr = G_MMIO, .len = 4, .fd = event,
	};
	struct lodge_ioeventfd bad;
	int fd = self->vm->fd;
	int pipes[2];
	unsigned int bit;

	ASSERT_LE(0, event);
	ASSERT_EQ(0, pipe(pipes));
	SIZE_RULES(fd, LODGE_IOEVENTFD, good, 0);
	EXPECT_ERRNO(EEXIST, ioctl(fd, LODGE_IOEVENTFD, &good));
	good.flags = LODGE_IOEVENTFD_DEASSIGN;
	EXPECT_EQ(0, ioctl(fd, LODGE_IOEVENTFD, &good));
	EXPECT_ERRNO(ENOENT, ioctl(fd, LODGE_IOEVENTFD, &good));
	good.flags = 0;

#define BAD(err, ...) do {						\
	bad = good;							\
	__VA_ARGS__;							\
	EXPECT_ERRNO(err, ioctl(fd, LODGE_IOEVENTFD, &bad))		\
		TH_LOG("%s", #__VA_ARGS__);				\
} while (0)
	for (bit = 3; bit < 32; bit++)
		BAD(EINVAL, bad.flags = 1u << bit);
	BAD(EINVAL, bad.len = 3);
	BAD(EINVAL, bad.len = 16);
	BAD(EINVAL, bad.len = UINT_MAX);
	BAD(EINVAL, bad.len = 0; bad.flags = LODGE_IOEVENTFD_DATAMATCH);
	BAD(EINVAL, bad.addr = 0xe0; bad.len = 8; bad.flags = LODGE_IOEVENTFD_PIO);
	BAD(EINVAL, bad.flags = LODGE_IOEVENTFD_PIO);
	BAD(EINVAL, bad.addr = 0x10000; bad.flags = LODGE_IOEVENTFD_PIO);
	BAD(EINVAL, bad.addr = -1ULL);
	BAD(EINVAL, bad.addr = -2ULL);
	BAD(EBADF, bad.fd = -1);
	BAD(EBADF, bad.fd = 1000);
	BAD(EINVAL, bad.fd = pipes[0]);
	BAD(EINVAL, bad.fd = fd);
	BAD(ENOENT, bad.flags = LODGE_IOEVENTFD_DEASSIGN);
	close(pipes[0]);
	close(pipes[1]);
	close(event);
}

TEST_F(uapi, ioeventfd_limit)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct lodge_ioeventfd args = {
		.size = sizeof(args), .len = 4, .fd = event,
	};
	int i;

	for (i = 0; i < 256; i++) {
		args.addr = G_MMIO + 8 * i;
		ASSERT_EQ(0, ioctl(self->vm->fd, LODGE_IOEVENTFD, &args));
	}
	args.addr = G_MMIO + 8 * i;
	EXPECT_ERRNO(ENOSPC, ioctl(self->vm->fd, LODGE_IOEVENTFD, &args));
	args.addr = G_MMIO;
	args.flags = LODGE_IOEVENTFD_DEASSIGN;
	EXPECT_EQ(0, ioctl(self->vm->fd, LODGE_IOEVENTFD, &args));
	args.addr = G_MMIO + 8 * i;
	args.flags = 0;
	EXPECT_EQ(0, ioctl(self->vm->fd, LODGE_IOEVENTFD, &args));
	close(event);
}

TEST_F(uapi, irqfd)
{
	int event = eventfd(0, EFD_CLOEXEC);
	int resample = eventfd(0, EFD_CLOEXEC);
	struct lodge_irqfd good = {
		.size = sizeof(good), .fd = event, .gsi = 4,
	};
	struct lodge_irqfd bad;
	int fd = self->vm->fd;
	int pipes[2];
	unsigned int bit;

	ASSERT_EQ(0, pipe(pipes));
	SIZE_RULES(fd, LODGE_IRQFD, good, 0);
	EXPECT_ERRNO(EBUSY, ioctl(fd, LODGE_IRQFD, &good));
	good.gsi = 5;
	EXPECT_ERRNO(EBUSY, ioctl(fd, LODGE_IRQFD, &good));
	good.gsi = 4;
	good.flags = LODGE_IRQFD_DEASSIGN;
	EXPECT_EQ(0, ioctl(fd, LODGE_IRQFD, &good));
	EXPECT_ERRNO(ENOENT, ioctl(fd, LODGE_IRQFD, &good));
	good.flags = 0;

#undef BAD
#define BAD(err, ...) do {						\
	bad = good;							\
	__VA_ARGS__;							\
	EXPECT_ERRNO(err, ioctl(fd, LODGE_IRQFD, &bad))			\
		TH_LOG("%s", #__VA_ARGS__);				\
} while (0)
	for (bit = 3; bit < 32; bit++)
		BAD(EINVAL, bad.flags = 1u << bit);
	BAD(EINVAL, bad.gsi = LODGE_NR_GSIS);
	BAD(EINVAL, bad.gsi = UINT_MAX);
	BAD(EBADF, bad.fd = -1);
	BAD(EBADF, bad.fd = 1000);
	BAD(EINVAL, bad.fd = pipes[1]);
	BAD(EINVAL, bad.resample_fd = resample);	/* without the flag */
	BAD(EINVAL, bad.msi_address = APIC_BASE);	/* likewise */
	BAD(EINVAL, bad.msi_data = 0x40);
	BAD(EBADF, bad.flags = LODGE_IRQFD_RESAMPLE; bad.resample_fd = -1);
	BAD(EINVAL, bad.flags = LODGE_IRQFD_RESAMPLE; bad.resample_fd = pipes[0]);
	BAD(EINVAL, bad.flags = LODGE_IRQFD_MSI);	/* gsi is not 0 */
	BAD(EINVAL, bad.flags = LODGE_IRQFD_MSI; bad.gsi = 0;
	    bad.msi_address = 0xfed00000; bad.msi_data = 0x40);
	BAD(EINVAL, bad.flags = LODGE_IRQFD_MSI; bad.gsi = 0;
	    bad.msi_address = APIC_BASE; bad.msi_data = 0x340);
	BAD(EINVAL, bad.flags = LODGE_IRQFD_MSI | LODGE_IRQFD_RESAMPLE;
	    bad.gsi = 0; bad.msi_address = APIC_BASE; bad.msi_data = 0x40;
	    bad.resample_fd = resample);
	BAD(ENOENT, bad.flags = LODGE_IRQFD_DEASSIGN);

	bad = good;
	bad.flags = LODGE_IRQFD_RESAMPLE;
	bad.resample_fd = resample;
	EXPECT_EQ(0, ioctl(fd, LODGE_IRQFD, &bad));
	EXPECT_EQ(0, close(event));	/* detaches it */
	close(pipes[0]);
	close(pipes[1]);
	close(resample);
}

LODGE_TEST_MAIN
