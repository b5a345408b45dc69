// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU goes off line and comes back, again and again, under guests whose
 * threads are bound to it or not, and while VMs are made and freed.  For 5 s,
 * and for a minute on a kernel with checks.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "harness.h"
#include "sys.h"

#define VCPUS	4

static volatile u64 laps[VCPUS];
static volatile u64 quit;

static void busy_guest(u64 cpu)
{
	u32 a, b, c, d;

	while (!READ(quit)) {
		cpuid(0, 0, &a, &b, &c, &d);
		laps[cpu]++;
		*(volatile u64 *)(G_FREE + laps[cpu] * 4096 % 0x200000) = cpu;
	}
}

/* Half of a test's time is each of its kernel's: 2 s or 30 s. */
static u64 duration_ns(void)
{
	return (debug_kernel() ? 30 : 2) * 1000000000ULL + 500000000;
}

static void bind_thread(pthread_t thread, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	/* There may be no such CPU at the moment. */
	pthread_setaffinity_np(thread, sizeof(one), &one);
}

static bool all_run(struct vm *vm, u64 *before)
{
	int i;

	for (i = 0; i < VCPUS; i++)
		if (GUEST(vm, laps[i]) <= before[i] + 10)
			return false;
	return true;
}

FIXTURE(hotplug) {
	unsigned int times;
};

FIXTURE_SETUP(hotplug)
{
	if (!last_cpu_can_leave())
		SKIP_TEST("there is no second CPU that can go off line");
	ASSERT_TRUE(module_unused());
}

FIXTURE_TEARDOWN(hotplug)
{
	write_text(last_cpu_online(), "1");
	printf("# %s: a CPU went and came %u times\n", _metadata->name,
	       self->times);
}

/* Do they all get on?  If not, tells why. */
static bool guests_go_on(struct vm *vm)
{
	u64 before[VCPUS];
	int i;

	for (i = 0; i < VCPUS; i++)
		before[i] = GUEST(vm, laps[i]);
	if (WAIT_FOR(all_run(vm, before), 20000))
		return true;
	for (i = 0; i < VCPUS; i++) {
		struct vcpu *c = &vm->vcpus[i];

		printf("# vCPU %d: laps %llu, then %llu; result %d, %s\n", i,
		       (unsigned long long)before[i],
		       (unsigned long long)GUEST(vm, laps[i]), READ(c->result),
		       c->result == GUEST_EXIT ? guest_describe(c) : "");
	}
	print_threads(getpid());
	return false;
}

TEST_F(hotplug, under_bound_and_free_threads)
{
	u64 end = now_ns() + duration_ns();
	struct vm *vm = vm_create();
	struct vcpu *c[VCPUS];
	int i;

	for (i = 0; i < VCPUS; i++) {
		c[i] = vcpu_create(vm, i);
		vcpu_start64(c[i], busy_guest, i);
		vcpu_set_mp(c[i], LODGE_MP_RUNNABLE);
		vcpu_thread_start(c[i]);
	}
	for (; now_ns() < end; self->times++) {
		/* Two are bound, one to each; the kernel may unbind them. */
		bind_thread(c[0]->thread, cpu_nr(0));
		bind_thread(c[1]->thread, cpu_nr(nr_cpus() - 1));
		ASSERT_EQ(0, write_text(last_cpu_online(), "0"));
		ASSERT_TRUE(guests_go_on(vm));
		ASSERT_EQ(0, write_text(last_cpu_online(), "1"));
		ASSERT_TRUE(guests_go_on(vm));
	}
	GUEST(vm, quit) = 1;
	for (i = 0; i < VCPUS; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[i], 20000));
	vm_free(vm);
	EXPECT_TRUE(module_unused());
}

static void *make_and_free(void *arg)
{
	volatile bool *stop = arg;
	u64 vms = 0;

	while (!*stop) {
		struct vm *vm = vm_create();
		struct vcpu *c = vcpu_create(vm, 0);

		GUEST(vm, quit) = 1;
		vcpu_start64(c, busy_guest, 0);
		if (guest_expect(c, GUEST_DONE) != GUEST_DONE)
			die(__FILE__, __LINE__, "a guest");
		vm_free(vm);
		vms++;
	}
	return (void *)vms;
}

/* Root mode is entered and left on all CPUs while one of them is in between. */
TEST_F(hotplug, while_vms_are_made_and_freed)
{
	u64 end = now_ns() + duration_ns();
	static volatile bool stop;
	pthread_t thread;
	void *vms;

	ASSERT_EQ(0, pthread_create(&thread, NULL, make_and_free, (void *)&stop));
	for (; now_ns() < end; self->times++) {
		ASSERT_EQ(0, write_text(last_cpu_online(), "0"));
		ASSERT_EQ(0, write_text(last_cpu_online(), "1"));
	}
	stop = true;
	pthread_join(thread, &vms);
	printf("# %llu VMs meanwhile\n", (unsigned long long)(uintptr_t)vms);
	EXPECT_LT(0, (uintptr_t)vms);
	EXPECT_TRUE(module_unused());
}

LODGE_TEST_MAIN
