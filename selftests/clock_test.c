// SPDX-License-Identifier: GPL-2.0-only
/* Time as the guest sees it: the time stamp counter and KVM's clock page. */
#include <time.h>
#include "harness.h"

#define MSR_WALL_CLOCK	0x4b564d00
#define MSR_SYSTEM_TIME	0x4b564d01
#define MS		1000000ULL
#define u128		__uint128_t

/* The ABI of KVM's clock page. */
struct clock_page {
	u32 version, pad0;
	u64 tsc_timestamp, system_time;
	u32 mul;
	signed char shift;
	u8 flags, pad[2];
} __attribute__((packed));

struct wall_clock {
	u32 version, sec, nsec;
} __attribute__((packed));

static struct clock_page pages[2] __attribute__((aligned(64)));
static struct wall_clock wall __attribute__((aligned(64)));
static volatile u64 last_time, last_tsc, turns, lock;

static u64 clock_ns(volatile struct clock_page *p)
{
	u32 version;
	u64 delta, ns;

	do {
		version = p->version & ~(u32)1;
		asm volatile("lfence" : : : "memory");
		delta = rdtsc() - p->tsc_timestamp;
		if (p->shift >= 0)
			delta <<= p->shift;
		else
			delta >>= -p->shift;
		ns = p->system_time + (u64)(((u128)delta * p->mul) >> 32);
		asm volatile("lfence" : : : "memory");
	} while (version != p->version);
	return ns;
}

static void clock_on(int cpu)
{
	wrmsr(MSR_SYSTEM_TIME, (u64)&pages[cpu] | 1);
}

static void report_clock(u64 arg)
{
	int i;

	clock_on(0);
	GUEST_ASSERT(READ(pages[0].mul) != 0);
	for (i = 0; i < 5; i++)
		guest_report(clock_ns(&pages[0]));
}

/* It counts as the host's does: the time between two reports is the same. */
TEST(clock_keeps_time)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	u64 before0 = 0, host0 = 0, guest0 = 0, host, guest;
	int i;

	vcpu_start64(c, report_clock, 0);
	for (i = 0; i < 5; i++) {
		u64 before = now_ns();

		ASSERT_GUEST(GUEST_REPORT, c);
		host = now_ns();
		guest = c->value;
		if (i) {
			/* Each was read at some time between before and host. */
			u64 slack = (host - host0) / 50 + MS;

			EXPECT_GE(guest - guest0 + slack, before - host0);
			EXPECT_LE(guest - guest0, host - before0 + slack);
		}
		before0 = before;
		host0 = host;
		guest0 = guest;
		sleep_ms(100);
	}
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* Both take turns in looking, so that each look comes after the other's. */
static void compare_clocks(u64 cpu)
{
	u64 now, tsc;

	clock_on(cpu);
	while (READ(turns) < 20000) {
		while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
			guest_relax();
		tsc = rdtsc();
		now = clock_ns(&pages[cpu]);
		/* Without the stable bit the ABI leaves the last steps to the guest. */
		if (now + (READ(pages[cpu].flags) & 1 ? 0 : 100000) < last_time)
			guest_assert_failed("the clock does not go back",
					    __FILE__, __LINE__, last_time, now);
		if (now > last_time)
			last_time = now;
		last_tsc = tsc;
		turns++;
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
}

TEST(clock_is_monotonic_across_vcpus)
{
	struct vm *vm = vm_create();
	struct vcpu *c[2];
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = vcpu_create(vm, i);
		vcpu_start64(c[i], compare_clocks, i);
		if (i)
			vcpu_set_mp(c[i], LODGE_MP_RUNNABLE);
	}
	for (i = 0; i < 2; i++)
		vcpu_thread_start(c[i]);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[i], 40000));
	vm_free(vm);
}

static void read_wall(u64 arg)
{
	wrmsr(MSR_WALL_CLOCK, (u64)&wall);
	clock_on(0);
	GUEST_EQ(0, READ(wall.version) & 1);
	guest_report(READ(wall.sec) * 1000000000ULL + READ(wall.nsec) +
		     clock_ns(&pages[0]));
}

/* Wall clock at boot plus the clock since then is the time of day. */
TEST(wall_clock)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	struct timespec ts;
	u64 now;

	vcpu_start64(c, read_wall, 0);
	ASSERT_GUEST(GUEST_REPORT, c);
	clock_gettime(CLOCK_REALTIME, &ts);
	now = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	EXPECT_GE(c->value + 2000 * MS, now);
	EXPECT_LE(c->value, now + 2000 * MS);
	vm_free(vm);
}

/* A page where no memory is switches the clock off, and harms nobody. */
static void clock_nowhere(u64 arg)
{
	u64 v;

	wrmsr(MSR_SYSTEM_TIME, G_MMIO | 1);
	wrmsr(MSR_SYSTEM_TIME, 0xfffffffffffff001ULL & ((1ULL << 36) - 1));
	wrmsr(MSR_SYSTEM_TIME, ((u64)&pages[0] | 0xff0) | 1);
	GUEST_EQ(NO_VECTOR, try_rdmsr(MSR_SYSTEM_TIME, &v));
	clock_on(0);
	GUEST_ASSERT(READ(pages[0].mul) != 0);
}

TEST(clock_page_nowhere)
{
	RUN_GUEST(clock_nowhere, 0);
}

static void tsc_advances(u64 arg)
{
	u64 before = rdtsc(), after;

	out8(PORT_MAIL, 0);
	after = rdtsc();
	GUEST_ASSERT(after > before);
	guest_report(after - before);
	/* A write moves it, and the adjustment tells by how much. */
	wrmsr(0x10, 1ULL << 40);
	GUEST_ASSERT(rdtsc() >= 1ULL << 40);
	GUEST_ASSERT(rdtsc() < (1ULL << 40) + (1ULL << 37));
}

TEST(tsc)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	u64 khz = lodge_get_info()->tsc_khz, ticks;

	vcpu_start64(c, tsc_advances, 0);
	ASSERT_GUEST(GUEST_REPORT, c);
	sleep_ms(200);
	ASSERT_GUEST(GUEST_REPORT, c);
	ticks = c->value;
	/* Not less than the sleep; a loaded machine may make it more. */
	EXPECT_GE(ticks, khz * 190);
	EXPECT_LE(ticks, khz * 20000);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

LODGE_TEST_MAIN
