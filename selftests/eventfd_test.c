// SPDX-License-Identifier: GPL-2.0-only
/* Guest writes that signal eventfds, and eventfds that interrupt the guest. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include "harness.h"

#define LONG_MS	5000

FIXTURE(eventfd) {
	struct vm *vm;
	struct vcpu *c;
	int event;
};

FIXTURE_SETUP(eventfd)
{
	self->vm = vm_create();
	self->c = vcpu_create(self->vm, 0);
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(eventfd)
{
	close(self->event);
	vm_free(self->vm);
}

/* What has been signalled since the last time; 0 for nothing. */
static u64 taken(int fd)
{
	u64 n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void signal_event(int fd)
{
	u64 n = 1;

	CHECK(write(fd, &n, sizeof(n)));
}

static int io(struct vm *vm, u32 flags, u64 addr, u32 len, u64 match, int fd)
{
	struct lodge_ioeventfd args = {
		.size = sizeof(args), .flags = flags, .addr = addr, .len = len,
		.datamatch = match, .fd = fd,
	};

	return ioctl(vm->fd, LODGE_IOEVENTFD, &args) ? -errno : 0;
}

static int irq(struct vm *vm, u32 flags, u32 gsi, int fd)
{
	struct lodge_irqfd args = {
		.size = sizeof(args), .flags = flags, .gsi = gsi, .fd = fd,
	};

	return ioctl(vm->fd, LODGE_IRQFD, &args) ? -errno : 0;
}

static int irq_msi(struct vm *vm, u32 flags, u32 vector, int fd)
{
	struct lodge_irqfd args = {
		.size = sizeof(args), .flags = flags | LODGE_IRQFD_MSI, .fd = fd,
		.msi_address = APIC_BASE, .msi_data = vector,
	};

	return ioctl(vm->fd, LODGE_IRQFD, &args) ? -errno : 0;
}

/* All widths, between reports, to one port and one address. */
static void writes(u64 addr)
{
	out8(PORT_TEST, 0x11);
	guest_report(1);
	out16(PORT_TEST, 0x2211);
	guest_report(2);
	out32(PORT_TEST, 0x44332211);
	guest_report(3);
	*(volatile u8 *)addr = 0x11;
	guest_report(4);
	*(volatile u16 *)addr = 0x2211;
	guest_report(5);
	*(volatile u32 *)addr = 0x44332211;
	guest_report(6);
	*(volatile u64 *)addr = 0x8877665544332211;
	guest_report(7);
	*(volatile u32 *)(addr + 4) = 0x44332211;
	guest_report(8);
	out8(PORT_TEST + 1, 0x11);
	guest_report(9);
}

/*
 * Runs writes(): bit n of the result is set if write n was signalled, bit
 * 16 + n if it came to the tool.
 */
static u32 run_writes(struct __test_metadata *_metadata, struct vcpu *c, int event)
{
	enum guest_result result;
	u32 seen = 0, exits = 0;

	vcpu_start64(c, writes, G_MMIO);
	taken(event);
	while ((result = guest_expect(c, GUEST_DONE)) != GUEST_DONE) {
		if (result == GUEST_EXIT) {
			exits++;
			continue;
		}
		ASSERT_EQ(GUEST_REPORT, result);
		if (taken(event))
			seen |= 1 << c->value;
		if (exits)
			seen |= 0x10000 << c->value;
		exits = 0;
	}
	return seen;
}

/* Bits of writes 1 to 9 that are signalled; the others must come to the tool. */
#define EXPECT_SIGNALS(mask) \
	EXPECT_EQ((u32)(mask) | (u32)(~(mask) & 0x3fe) << 16, \
		  run_writes(_metadata, self->c, self->event))

#define W(n)	(1 << (n))

TEST_F(eventfd, io_widths)
{
	static const struct {
		u32 flags, len;
		u64 addr;
		u32 signals;
	} cases[] = {
		{ LODGE_IOEVENTFD_PIO, 1, PORT_TEST, W(1) },
		{ LODGE_IOEVENTFD_PIO, 2, PORT_TEST, W(2) },
		{ LODGE_IOEVENTFD_PIO, 4, PORT_TEST, W(3) },
		{ LODGE_IOEVENTFD_PIO, 0, PORT_TEST, W(1) | W(2) | W(3) },
		{ LODGE_IOEVENTFD_PIO, 1, PORT_TEST + 1, W(9) },
		{ 0, 1, G_MMIO, W(4) },
		{ 0, 2, G_MMIO, W(5) },
		{ 0, 4, G_MMIO, W(6) },
		{ 0, 8, G_MMIO, W(7) },
		{ 0, 0, G_MMIO, W(4) | W(5) | W(6) | W(7) },
		{ 0, 4, G_MMIO + 4, W(8) },
		{ 0, 4, PORT_TEST, 0 },		/* memory is no port */
	};
	unsigned int i;

	EXPECT_SIGNALS(0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, io(self->vm, cases[i].flags, cases[i].addr,
				cases[i].len, 0, self->event));
		EXPECT_SIGNALS(cases[i].signals) TH_LOG("case %u", i);
		ASSERT_EQ(0, io(self->vm, cases[i].flags | LODGE_IOEVENTFD_DEASSIGN,
				cases[i].addr, cases[i].len, 0, self->event));
	}
	EXPECT_SIGNALS(0);
}

TEST_F(eventfd, io_datamatch)
{
	const u32 match = LODGE_IOEVENTFD_DATAMATCH;
	static const struct {
		u32 flags, len;
		u64 addr, value;
		u32 signals;
	} cases[] = {
		{ LODGE_IOEVENTFD_PIO, 1, PORT_TEST, 0x11, W(1) },
		{ LODGE_IOEVENTFD_PIO, 1, PORT_TEST, 0x12, 0 },
		{ LODGE_IOEVENTFD_PIO, 2, PORT_TEST, 0x2211, W(2) },
		{ LODGE_IOEVENTFD_PIO, 2, PORT_TEST, 0x3311, 0 },
		{ LODGE_IOEVENTFD_PIO, 4, PORT_TEST, 0x44332211, W(3) },
		{ 0, 4, G_MMIO, 0x44332211, W(6) },
		{ 0, 8, G_MMIO, 0x8877665544332211, W(7) },
		{ 0, 8, G_MMIO, 0x44332211, 0 },
	};
	int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, io(self->vm, cases[i].flags | match, cases[i].addr,
				cases[i].len, cases[i].value, self->event));
		EXPECT_SIGNALS(cases[i].signals) TH_LOG("case %u", i);
		/* another value beside it is another ioeventfd */
		EXPECT_EQ(0, io(self->vm, cases[i].flags | match, cases[i].addr,
				cases[i].len, cases[i].value ^ 1, other));
		EXPECT_EQ(-EEXIST, io(self->vm, cases[i].flags | match, cases[i].addr,
				      cases[i].len, cases[i].value, other));
		EXPECT_EQ(-ENOENT, io(self->vm, cases[i].flags | match |
				      LODGE_IOEVENTFD_DEASSIGN, cases[i].addr,
				      cases[i].len, cases[i].value ^ 2, self->event));
		EXPECT_EQ(0, io(self->vm, cases[i].flags | match |
				LODGE_IOEVENTFD_DEASSIGN, cases[i].addr,
				cases[i].len, cases[i].value, self->event));
		EXPECT_EQ(0, io(self->vm, cases[i].flags | match |
				LODGE_IOEVENTFD_DEASSIGN, cases[i].addr,
				cases[i].len, cases[i].value ^ 1, other));
	}
	close(other);
}

/* A signal for each write, and none of them leaves the module. */
static void kicks(u64 n)
{
	while (n--) {
		*(volatile u16 *)G_MMIO = n;
		out16(PORT_TEST, n);
	}
}

TEST_F(eventfd, io_counts)
{
	ASSERT_EQ(0, io(self->vm, 0, G_MMIO, 2, 0, self->event));
	ASSERT_EQ(0, io(self->vm, LODGE_IOEVENTFD_PIO, PORT_TEST, 0, 0, self->event));
	vcpu_start64(self->c, kicks, 1000);
	ASSERT_GUEST(GUEST_DONE, self->c);
	EXPECT_EQ(2000, taken(self->event));
	/* reads are the tool's as before */
}

/* The module holds the eventfd: the descriptor may go. */
TEST_F(eventfd, io_descriptor_closed)
{
	int copy = dup(self->event);

	ASSERT_EQ(0, io(self->vm, 0, G_MMIO, 2, 0, copy));
	close(copy);
	vcpu_start64(self->c, kicks, 1);
	ASSERT_GUEST(GUEST_EXIT, self->c);	/* the port */
	EXPECT_EQ(1, taken(self->event));
	ASSERT_GUEST(GUEST_DONE, self->c);
}

/* irqfd */

static volatile u64 stage, go;

static void edge(u64 want)
{
	guest_x2apic_on();
	guest_handlers[0x44] = guest_count;
	guest_handlers[0x45] = guest_count;
	ioapic_set(6, 0x44);
	stage = 1;
	while (guest_counts[0x44] + guest_counts[0x45] < want)
		guest_sleep();
}

#define START(fn, arg) do {						\
	vcpu_start64(self->c, FN(fn), arg);				\
	vcpu_thread_start(self->c);					\
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, stage) >= 1, LONG_MS));	\
} while (0)

#define COUNT(vector)	GUEST(self->vm, guest_counts[vector])

TEST_F(eventfd, irq_edge)
{
	u64 i;

	ASSERT_EQ(0, irq(self->vm, 0, 6, self->event));
	START(edge, 100);
	for (i = 1; i <= 100; i++) {
		signal_event(self->event);
		ASSERT_TRUE(WAIT_FOR(COUNT(0x44) == i, LONG_MS));
	}
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS));
}

TEST_F(eventfd, irq_message)
{
	u64 i;

	ASSERT_EQ(0, irq_msi(self->vm, 0, 0x45, self->event));
	START(edge, 100);
	for (i = 1; i <= 100; i++) {
		signal_event(self->event);
		ASSERT_TRUE(WAIT_FOR(COUNT(0x45) == i, LONG_MS));
	}
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS));
}

/* What was signalled before it was attached is not lost. */
TEST_F(eventfd, irq_signalled_before)
{
	signal_event(self->event);
	START(edge, 1);
	ASSERT_EQ(0, irq(self->vm, 0, 6, self->event));
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS));
}

TEST_F(eventfd, irq_deassign)
{
	int other = eventfd(0, EFD_CLOEXEC);

	ASSERT_EQ(0, irq(self->vm, 0, 6, self->event));
	START(edge, 2);
	signal_event(self->event);
	ASSERT_TRUE(WAIT_FOR(COUNT(0x44) == 1, LONG_MS));
	EXPECT_EQ(-ENOENT, irq(self->vm, LODGE_IRQFD_DEASSIGN, 6, other));
	EXPECT_EQ(0, irq(self->vm, LODGE_IRQFD_DEASSIGN, 6, self->event));
	signal_event(self->event);
	sleep_ms(50);
	EXPECT_EQ(1, COUNT(0x44));
	/* closing one detaches it too, and the pin is free for another */
	EXPECT_EQ(0, irq(self->vm, 0, 6, other));
	close(other);
	taken(self->event);
	EXPECT_EQ(0, irq(self->vm, 0, 6, self->event));
	signal_event(self->event);
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS));
}

static void level(u64 want)
{
	u64 i;

	guest_x2apic_on();
	guest_handlers[0x46] = guest_count_only;
	ioapic_set(7, 0x46 | IOAPIC_LEVEL);
	stage = 1;
	for (i = 1; i <= want; i++) {
		while (guest_counts[0x46] < i)
			guest_sleep();
		guest_irq_window();
		GUEST_EQ(i, guest_counts[0x46]);
		stage = 2 * i;
		while (go < i)
			guest_relax();
		x2apic_write(APIC_EOI, 0);
		stage = 2 * i + 1;
	}
	guest_irq_window();
	GUEST_EQ(want, guest_counts[0x46]);
}

/* Level-triggered: the guest's EOI deasserts the pin and tells the device. */
TEST_F(eventfd, irq_resample)
{
	struct lodge_irqfd args = {
		.size = sizeof(args), .flags = LODGE_IRQFD_RESAMPLE, .gsi = 7,
		.fd = self->event,
		.resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	u64 i;

	ASSERT_EQ(0, ioctl(self->vm->fd, LODGE_IRQFD, &args));
	START(level, 20);
	for (i = 1; i <= 20; i++) {
		signal_event(self->event);
		ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, stage) == 2 * i, LONG_MS));
		EXPECT_EQ(0, taken(args.resample_fd));
		GUEST(self->vm, go) = i;
		ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, stage) == 2 * i + 1 ||
				     READ(self->c->result), LONG_MS));
		EXPECT_EQ(1, taken(args.resample_fd));
	}
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS));
	args.flags |= LODGE_IRQFD_DEASSIGN;
	EXPECT_EQ(0, ioctl(self->vm->fd, LODGE_IRQFD, &args));
	close(args.resample_fd);
}

/* Two VMs: an eventfd may serve both, each guest's writes are its own. */
TEST_F(eventfd, one_for_two_vms)
{
	struct vm *other = vm_create();
	struct vcpu *c = vcpu_create(other, 0);
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ASSERT_EQ(0, io(self->vm, 0, G_MMIO, 2, 0, self->event));
	ASSERT_EQ(0, io(other, 0, G_MMIO, 2, 0, event));
	ASSERT_EQ(0, io(other, LODGE_IOEVENTFD_PIO, PORT_TEST, 2, 0, event));
	vcpu_start64(c, kicks, 10);
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ(20, taken(event));
	EXPECT_EQ(0, taken(self->event));
	close(event);
	vm_free(other);
}

/* Eventfds that outlive their VM, signalled while it goes. */
static volatile bool stop;

static void *signaller(void *arg)
{
	int *fds = arg;
	u64 n = 1;
	int i;

	while (!stop)
		for (i = 0; i < 8; i++)
			if (write(fds[i], &n, sizeof(n)) < 0 && errno != EAGAIN)
				break;
	return NULL;
}

static void busy(void)
{
	guest_x2apic_on();
	guest_handlers[0x44] = guest_count;
	guest_handlers[0x45] = guest_count;
	ioapic_set(6, 0x44);
	guest_irq_on();
	for (;;)
		*(volatile u16 *)G_MMIO = 1;
}

TEST(destruction_races)
{
	u64 end = now_ns() + 4000000000ULL * slowness();
	pthread_t thread;
	int rounds = 0;
	int fds[8], i;

	for (i = 0; i < 8; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, pthread_create(&thread, NULL, signaller, fds));
	while (now_ns() < end) {
		struct vm *vm = vm_create();
		struct vcpu *c = vcpu_create(vm, 0);

		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, irq(vm, 0, 6, fds[i]));
		for (; i < 8; i++)
			ASSERT_EQ(0, irq_msi(vm, 0, 0x45, fds[i]));
		ASSERT_EQ(0, io(vm, 0, G_MMIO, 2, 0, fds[0]));
		vcpu_start64(c, FN(busy), 0);
		vcpu_thread_start(c);
		sleep_ms(rounds % 7);
		if (rounds & 1) {
			EXPECT_EQ(0, irq(vm, LODGE_IRQFD_DEASSIGN, 6, fds[1]));
			EXPECT_EQ(0, io(vm, LODGE_IOEVENTFD_DEASSIGN, G_MMIO, 2, 0, fds[0]));
			EXPECT_EQ(GUEST_EXIT, vcpu_thread_wait(c, LONG_MS));
		} else {
			EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
		}
		if (rounds & 2) {	/* an eventfd goes first */
			close(fds[7]);
			fds[7] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		}
		vm_free(vm);
		rounds++;
	}
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(5, rounds);
	for (i = 0; i < 8; i++)
		close(fds[i]);
}

LODGE_TEST_MAIN
