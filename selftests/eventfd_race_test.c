// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds that are attached, signalled, closed and detached all at once, while
 * the guest runs and while VMs go away.  The host's log tells if it went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include "harness.h"

#define NR_SHARED	16
#define RUN_MS		4000
#define PORT		0x510
#define EDGE_PIN	4
#define LEVEL_PIN	5

static volatile u64 stage, stop;
static volatile u64 guest_loops;

FIXTURE(race) {
	struct vm *vm;
	struct vcpu *c;
};

FIXTURE_SETUP(race)
{
	kick_init();
	self->vm = vm_create();
	self->c = vcpu_create(self->vm, 0);
}

FIXTURE_TEARDOWN(race)
{
	vm_free(self->vm);
}

/* Takes all interrupts, and writes where ioeventfds come and go. */
static void busy(void)
{
	int i;

	guest_x2apic_on();
	for (i = 0x20; i < 0xff; i++)
		guest_handlers[i] = guest_count;
	ioapic_set(EDGE_PIN, 0x44);
	ioapic_set(LEVEL_PIN, 0x45 | IOAPIC_LEVEL);
	guest_irq_on();
	stage = 1;
	while (!stop) {
		out32(PORT, guest_loops & 7);
		*(volatile u32 *)(G_MMIO + 4 * (guest_loops & 7)) = guest_loops;
		guest_loops++;
	}
	guest_irq_off();
}

struct race {
	struct vm *vm;
	struct vcpu *c;
	int fds[NR_SHARED];	/* the numbers stay, what is behind them changes */
	int resample;		/* of the VM that runs; else it never gets on */
	volatile bool over;
};

static void *run(void *arg)
{
	struct race *r = arg;
	enum guest_result result;

	do {
		result = guest_run(r->c);
	} while (result == GUEST_EXIT &&
		 (r->c->run->exit_reason == LODGE_EXIT_IO ||
		  r->c->run->exit_reason == LODGE_EXIT_MMIO));
	return (void *)(long)result;
}

static void attach(int vm, int fd, unsigned int how, int resample)
{
	struct lodge_irqfd args = { .size = sizeof(args), .fd = fd };

	switch (how % 3) {
	case 0:
		args.gsi = EDGE_PIN;
		break;
	case 1:
		args.gsi = LEVEL_PIN;
		args.flags = LODGE_IRQFD_RESAMPLE;
		args.resample_fd = resample;
		break;
	default:
		args.flags = LODGE_IRQFD_MSI;
		args.msi_address = APIC_BASE;
		args.msi_data = 0x50 + how % 8;
		break;
	}
	ioctl(vm, LODGE_IRQFD, &args);
	if (how & 8) {
		args.flags = LODGE_IRQFD_DEASSIGN;
		args.resample_fd = 0;
		args.msi_address = 0;
		args.msi_data = 0;
		ioctl(vm, LODGE_IRQFD, &args);
	}
}

/* Attaches shared eventfds, and puts others in their places: a hang-up. */
static void *churn(void *arg)
{
	struct race *r = arg;
	unsigned int seed = (uintptr_t)&r;
	int i, fresh;

	while (!r->over) {
		i = rand_r(&seed) % NR_SHARED;
		attach(r->vm->fd, r->fds[i], rand_r(&seed), r->resample);
		if (rand_r(&seed) % 4)
			continue;
		fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK |
				(rand_r(&seed) & 1 ? EFD_SEMAPHORE : 0));
		if (fresh < 0)
			continue;
		dup3(fresh, r->fds[i], O_CLOEXEC);
		close(fresh);
	}
	return NULL;
}

static void *signal_them(void *arg)
{
	struct race *r = arg;
	u64 one = 1;
	int i = 0;

	while (!r->over)
		if (write(r->fds[i++ % NR_SHARED], &one, sizeof(one)) < 0 &&
		    errno != EAGAIN && errno != EBADF)
			break;
	return NULL;
}

static void *ioeventfds(void *arg)
{
	struct race *r = arg;
	unsigned int seed = 7;

	while (!r->over) {
		struct lodge_ioeventfd args = {
			.size = sizeof(args),
			.addr = G_MMIO + 4 * (rand_r(&seed) & 7),
			.len = rand_r(&seed) & 4,
			.fd = r->fds[rand_r(&seed) % NR_SHARED],
		};

		if (rand_r(&seed) & 1) {
			args.addr = PORT;
			args.flags = LODGE_IOEVENTFD_PIO;
			if (args.len) {
				args.flags |= LODGE_IOEVENTFD_DATAMATCH;
				args.datamatch = rand_r(&seed) & 7;
			}
		}
		ioctl(r->vm->fd, LODGE_IOEVENTFD, &args);
		if (rand_r(&seed) % 4 == 0)
			continue;
		args.flags |= LODGE_IOEVENTFD_DEASSIGN;
		ioctl(r->vm->fd, LODGE_IOEVENTFD, &args);
	}
	return NULL;
}

/* VMs that go away under eventfds that are being signalled and closed */
static void *short_lives(void *arg)
{
	struct race *r = arg;
	unsigned int seed = 3;
	int i;

	while (!r->over) {
		struct vm *vm = vm_new();

		vcpu_create(vm, 0);
		for (i = 0; i < NR_SHARED; i++)
			attach(vm->fd, r->fds[i], rand_r(&seed) & 7, r->fds[0]);
		vm_free(vm);
	}
	return NULL;
}

TEST_F_TIMEOUT(race, all_at_once, 120)
{
	static void *(*const part[])(void *) = {
		churn, churn, signal_them, signal_them, ioeventfds, short_lives,
	};
	struct race r = {
		.vm = self->vm, .c = self->c,
		.resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	struct lodge_irqfd irqfd = {
		.size = sizeof(irqfd), .flags = LODGE_IRQFD_MSI,
		.msi_address = APIC_BASE, .msi_data = 0x77,
	};
	struct lodge_ioeventfd io = {
		.size = sizeof(io), .addr = PORT, .flags = LODGE_IOEVENTFD_PIO,
	};
	pthread_t threads[ARRAY_SIZE(part)], vcpu;
	u64 count, one = 1;
	void *result;
	int i;

	for (i = 0; i < NR_SHARED; i++) {
		r.fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_LE(0, r.fds[i]);
	}
	vcpu_start64(self->c, FN(busy), 0);
	ASSERT_EQ(0, pthread_create(&vcpu, NULL, run, &r));
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, stage) == 1, 5000));
	for (i = 0; i < ARRAY_SIZE(part); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, part[i], &r));
	sleep_ms(RUN_MS);
	r.over = true;
	for (i = 0; i < ARRAY_SIZE(part); i++)
		pthread_join(threads[i], NULL);

	/* Each way in has been used, and all of it still works. */
	EXPECT_NE(0, GUEST(self->vm, guest_loops));
	EXPECT_NE(0, GUEST(self->vm, guest_counts[0x44]));
	EXPECT_NE(0, GUEST(self->vm, guest_counts[0x45]));
	irqfd.fd = eventfd(0, EFD_CLOEXEC);
	EXPECT_EQ(0, ioctl(self->vm->fd, LODGE_IRQFD, &irqfd));
	EXPECT_EQ(0, GUEST(self->vm, guest_counts[0x77]));
	EXPECT_EQ(sizeof(one), write(irqfd.fd, &one, sizeof(one)));
	EXPECT_TRUE(WAIT_FOR(GUEST(self->vm, guest_counts[0x77]) == 1, 5000));
	io.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* One without length may be left over from before. */
	if (!ioctl(self->vm->fd, LODGE_IOEVENTFD, &io))
		EXPECT_TRUE(WAIT_FOR(read(io.fd, &count, sizeof(count)) > 0, 5000));
	GUEST(self->vm, stop) = 1;
	ASSERT_EQ(0, pthread_join(vcpu, &result));
	EXPECT_EQ(GUEST_DONE, (long)result);
	TH_LOG("%llu loops, %llu edges, %llu levels",
	       (unsigned long long)GUEST(self->vm, guest_loops),
	       (unsigned long long)GUEST(self->vm, guest_counts[0x44]),
	       (unsigned long long)GUEST(self->vm, guest_counts[0x45]));
}

/* Closing an eventfd detaches it; a signal from before the attachment counts. */
TEST_F(race, hang_up)
{
	struct lodge_irqfd args = {
		.size = sizeof(args), .flags = LODGE_IRQFD_MSI,
		.msi_address = APIC_BASE, .msi_data = 0x66,
	};
	struct race r = { .vm = self->vm, .c = self->c };
	pthread_t vcpu;
	void *result;
	int i;

	vcpu_start64(self->c, FN(busy), 0);
	ASSERT_EQ(0, pthread_create(&vcpu, NULL, run, &r));
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, stage) == 1, 5000));
	for (i = 1; i <= 300; i++) {
		args.fd = eventfd(1, EFD_CLOEXEC);
		ASSERT_EQ(0, ioctl(self->vm->fd, LODGE_IRQFD, &args));
		ASSERT_EQ(0, close(args.fd));
		ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, guest_counts[0x66]) == i,
				     5000));
	}
	GUEST(self->vm, stop) = 1;
	ASSERT_EQ(0, pthread_join(vcpu, &result));
	EXPECT_EQ(GUEST_DONE, (long)result);
}

/* So many and no more */
TEST_F(race, limit)
{
	struct lodge_irqfd args = { .size = sizeof(args), .gsi = EDGE_PIN };
	struct rlimit files = { 4096, 4096 };
	int i;

	if (setrlimit(RLIMIT_NOFILE, &files))
		SKIP_TEST("no right to so many files");
	for (i = 0; i < 1024; i++) {
		args.fd = eventfd(0, EFD_CLOEXEC);
		ASSERT_EQ(0, ioctl(self->vm->fd, LODGE_IRQFD, &args));
	}
	args.fd = eventfd(0, EFD_CLOEXEC);
	EXPECT_ERRNO(ENOSPC, ioctl(self->vm->fd, LODGE_IRQFD, &args));
	close(args.fd - 1);
	EXPECT_TRUE(WAIT_FOR(!ioctl(self->vm->fd, LODGE_IRQFD, &args), 5000));
}

LODGE_TEST_MAIN
