// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keepers are killed at any moment, with everything under way at once: several
 * vCPUs, threads in all calls, memory that changes, eventfds, page faults.  All
 * the while somebody tries to unload the module.
 *
 * KEEPER_SEED in the environment repeats what a seed has decided: who is killed
 * after which time.  A slow machine kills fewer.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness.h"
#include "sys.h"

#define KILLS		300
#define VCPUS		3
#define SLOT		0x40000000UL
#define SIZE		0x400000UL
#define MAX_LIFE_US	60000
#define UNLOAD_US	20000

static unsigned int seed;

static volatile u64 laps;

static void count_irq(struct guest_frame *frame)
{
	laps++;
	x2apic_write(APIC_EOI, 0);
}

/* Faults pages in, signals ioeventfds, takes interrupts, asks the keeper. */
static void busy_guest(u64 arg)
{
	u32 a, b, c, d;
	u64 i;

	guest_x2apic_on();
	for (i = arg; ; i++) {
		*(volatile u64 *)(SLOT + i * 4096 % SIZE) = i;
		cpuid(0, 0, &a, &b, &c, &d);
		out8(PORT_TEST, i);
		*(volatile u32 *)G_MMIO = i;
		if (!(i % 16))
			x2apic_write(APIC_SELF_IPI, 0x40);
		if (!(i % 64))
			in8(PORT_TEST + 1);
		if (!(i % 128)) {
			x2apic_write(APIC_LVT_TIMER, 0x41);
			x2apic_write(APIC_TMICT, 50000);
			guest_sleep();
		}
		guest_irq_window();
	}
}

struct keeper {
	struct vm *vm;
	char *mem;
	int event[2];
};

static void *run_vcpu(void *arg)
{
	struct vcpu *c = arg;

	for (;;)
		vcpu_run(c);
	return NULL;
}

/* The guest's memory is taken away, given back and moved. */
static void *change_memory(void *arg)
{
	struct keeper *k = arg;
	u64 i;

	for (i = 0; ; i++) {
		madvise(k->mem + i * 65536 % SIZE, 65536, MADV_DONTNEED);
		vm_slot(k->vm, 1, i & 1 ? SLOT : 2 * SLOT, SIZE, k->mem, 0);
		vm_slot(k->vm, 1, SLOT, SIZE, k->mem, 0);
		if (!(i % 8))
			mprotect(k->mem, SIZE / 2, PROT_READ);
		mprotect(k->mem, SIZE / 2, PROT_READ | PROT_WRITE);
		vm_slot(k->vm, 2, 0x80000000UL, 4096, k->mem, 0);
		vm_slot(k->vm, 2, 0, 0, NULL, 0);
	}
	return NULL;
}

static void *change_events(void *arg)
{
	struct keeper *k = arg;
	struct lodge_irqfd irqfd = { .size = sizeof(irqfd), .gsi = 5 };
	struct lodge_ioeventfd io = { .size = sizeof(io) };
	u64 one = 1, i;

	for (i = 0; ; i++) {
		irqfd.fd = k->event[i & 1];
		irqfd.flags = i & 2 ? LODGE_IRQFD_RESAMPLE : 0;
		irqfd.resample_fd = i & 2 ? k->event[~i & 1] : 0;
		ioctl(k->vm->fd, LODGE_IRQFD, &irqfd);
		io.fd = k->event[0];
		io.flags = LODGE_IOEVENTFD_PIO;
		io.addr = PORT_TEST;
		ioctl(k->vm->fd, LODGE_IOEVENTFD, &io);
		io.flags = 0;
		io.addr = G_MMIO;
		ioctl(k->vm->fd, LODGE_IOEVENTFD, &io);
		(void)!write(irqfd.fd, &one, sizeof(one));
		vm_msi(k->vm, 0xfee00000 | i % VCPUS << 12, 0x40);
		vm_irq_line(k->vm, 6, i & 1);
		if (i & 4)
			continue;
		io.flags |= LODGE_IOEVENTFD_DEASSIGN;
		ioctl(k->vm->fd, LODGE_IOEVENTFD, &io);
		irqfd.flags = LODGE_IRQFD_DEASSIGN;
		irqfd.resample_fd = 0;
		ioctl(k->vm->fd, LODGE_IRQFD, &irqfd);
	}
	return NULL;
}

static void *move_state(void *arg)
{
	struct keeper *k = arg;
	struct lodge_regs regs;
	u64 i;

	for (i = 0; ; i++) {
		struct vcpu *c = &k->vm->vcpus[i % VCPUS];

		vcpu_get(c, LODGE_STATE_REGS, &regs, sizeof(regs));
		ioctl(c->fd, LODGE_NMI, 0);
	}
	return NULL;
}

static void start(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, fn, arg);
	if (errno)
		die(__FILE__, __LINE__, "pthread_create");
}

static void on_nmi(struct guest_frame *frame)
{
}

static void keeper(void)
{
	static struct keeper k;
	int i;

	/* The module may be away at this moment; from here on it stays. */
	while (open("/dev/lodge", O_RDWR) < 0)
		usleep(100);
	guest_handlers[2] = on_nmi;
	for (i = 0x20; i < 0x80; i++)
		guest_handlers[i] = count_irq;
	k.vm = vm_create();
	k.mem = map_pages(SIZE);
	vm_slot(k.vm, 1, SLOT, SIZE, k.mem, 0);
	k.event[0] = CHECK(eventfd(0, EFD_NONBLOCK));
	k.event[1] = CHECK(eventfd(0, EFD_NONBLOCK));
	for (i = 0; i < VCPUS; i++) {
		struct vcpu *c = vcpu_create(k.vm, i);

		vcpu_start64(c, busy_guest, i * 100);
		vcpu_set_mp(c, LODGE_MP_RUNNABLE);
		start(run_vcpu, c);
	}
	start(change_memory, &k);
	start(change_events, &k);
	start(move_state, &k);
	for (;;)
		pause();
}

/* For all processes: how often the module went, and how often it could not. */
static struct {
	u64 gone, busy, other;
	int last_error;
	bool stop;
} *unloads;

static void unloader(void)
{
	struct timespec pause;
	int ret;

	while (!__atomic_load_n(&unloads->stop, __ATOMIC_ACQUIRE)) {
		pause = (struct timespec) {
			.tv_nsec = rand_r(&seed) % UNLOAD_US * 1000,
		};
		nanosleep(&pause, NULL);
		ret = module_unload();
		if (!ret) {
			unloads->gone++;
			ret = module_load();
			if (!ret)
				continue;
		}
		if (ret == -EWOULDBLOCK || ret == -EBUSY) {
			unloads->busy++;
		} else {
			unloads->other++;
			unloads->last_error = -ret;
		}
	}
	_exit(0);
}

TEST(killed_with_all_under_way)
{
	bool unloading = !access(MODULE, R_OK);
	int i, status, kills = KILLS / slowness();
	pid_t pid, other = 0;
	long before;

	printf("# KEEPER_SEED=%u, %d keepers\n", seed, kills);
	unloads = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, unloads);
	ASSERT_TRUE(module_unused());
	before = sysconf(_SC_AVPHYS_PAGES);
	if (unloading) {
		other = fork();
		ASSERT_GE(other, 0);
		if (!other)
			unloader();
	} else {
		printf("# there is no " MODULE ": nobody tries to unload it\n");
	}

	for (i = 0; i < kills; i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			keeper();
		usleep(rand_r(&seed) % MAX_LIFE_US * slowness());
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(SIGKILL, status) {
			TH_LOG("keeper %d", i);
		}
	}

	__atomic_store_n(&unloads->stop, true, __ATOMIC_RELEASE);
	if (other) {
		ASSERT_EQ(other, waitpid(other, &status, 0));
		EXPECT_EQ(0, status);
		printf("# unloading: %llu times done, %llu times busy\n",
		       (unsigned long long)unloads->gone,
		       (unsigned long long)unloads->busy);
		EXPECT_EQ(0, unloads->other) {
			TH_LOG("unloading or loading: %s",
			       strerror(unloads->last_error));
		}
		EXPECT_LT(0, unloads->busy);
	}
	EXPECT_TRUE(module_unused());
	/* One VM's memory is 5000 pages and more; noise is below 64 MiB. */
	EXPECT_TRUE(WAIT_FOR(before - sysconf(_SC_AVPHYS_PAGES) < 16384, 5000)) {
		TH_LOG("pages free before %ld, after %ld", before,
		       sysconf(_SC_AVPHYS_PAGES));
	}
}

static void choose_seed(void)
{
	const char *text = getenv("KEEPER_SEED");

	CHECK(getrandom(&seed, sizeof(seed), 0));
	seed = text ? atoi(text) : seed & 0xffffff;
}

LODGE_TEST_MAIN_AFTER(choose_seed)
