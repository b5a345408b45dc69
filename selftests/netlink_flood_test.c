// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several containers at once whose walls say no all the time, while a listener
 * sleeps: what that costs them, and whether the numbers add up.
 *
 * The bound on the cost is for 100,000 events a second in all, in instructions:
 * scripts/testvm --icount. Elsewhere it is only printed.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include "cell.h"
#include "netlink_fixture.h"
#include "sys.h"

#define NR_GUESTS	4
/* Of CPU time, so that all of them together make 100,000 events in a second */
#define NS_AN_EVENT	(NR_GUESTS * 10000)

/**
 * struct task - what a guest does, and how long it has taken
 * @go: the number of the round that is to be run
 * @done: of the last that was
 * @count: how many denials in a round
 * @work: how often it counts before each
 * @ns: out: CPU time of the last round
 */
struct task {
	volatile u32 go, done;
	u32 count, work;
	u64 ns;
};

static u64 cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void work(u32 times)
{
	for (; times; times--)
		asm volatile("" : : : "memory");
}

static int be_denied(void *arg)
{
	struct task *task = arg;
	u64 begun;
	u32 i;

	for (;;) {
		while (task->go == task->done)
			usleep(1000);
		begun = cpu_time();
		for (i = 0; i < task->count; i++) {
			work(task->work);
			if (socket(AF_INET, SOCK_DGRAM, 0) >= 0)
				return 1;
		}
		task->ns = cpu_time() - begun;
		task->done = task->go;
	}
}

FIXTURE(flood) {
	struct cell cells[NR_GUESTS];
	struct task *tasks;
	struct nl listener, asks;
};

FIXTURE_SETUP(flood)
{
	struct lodge_policy policy = { .size = sizeof(policy) };
	char name[16];
	int i;

	self->tasks = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < NR_GUESTS; i++) {
		snprintf(name, sizeof(name), "flood-%d", i);
		cell_create(&self->cells[i], name, &policy, be_denied,
			    &self->tasks[i]);
		cell_start(&self->cells[i]);
	}
	nl_open(&self->listener);
	nl_open(&self->asks);
}

FIXTURE_TEARDOWN(flood)
{
	int i;

	nl_close(&self->listener);
	nl_close(&self->asks);
	for (i = 0; i < NR_GUESTS; i++)
		cell_end(&self->cells[i]);
}

/* All guests at once. Return: wall time in ns */
static u64 run_round(struct task *tasks, u32 count, u32 times)
{
	u64 begun = now_ns();
	int i;

	for (i = 0; i < NR_GUESTS; i++) {
		tasks[i].count = count;
		tasks[i].work = times;
		tasks[i].go++;
	}
	for (i = 0; i < NR_GUESTS; i++)
		while (tasks[i].done != tasks[i].go)
			usleep(1000);
	return now_ns() - begun;
}

/* Does the time stamp counter count instructions? Two a turn */
static bool counts_instructions(void)
{
	u64 begun, best = ~0ULL;
	u32 times;
	int i;

	for (i = 0; i < 10; i++) {
		times = 10000;
		begun = rdtsc();
		asm volatile("1: dec %0; jnz 1b" : "+r" (times));
		begun = rdtsc() - begun;
		if (begun < best)
			best = begun;
	}
	return best >= 20000 && best < 20050;
}

/* How often work() has to count for so many ns */
static u32 calibrate(u64 ns)
{
	u64 begun, best = ~0ULL;
	int i;

	for (i = 0; i < 5; i++) {
		begun = cpu_time();
		work(1000000);
		begun = cpu_time() - begun;
		if (begun < best)
			best = begun;
	}
	return ns * 1000000 / best;
}

/* A listener who has joined, and never reads */
static void join(struct nl *nl)
{
	int size = 8192;

	CHECK(setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	CHECK(nl_join(nl));
}

TEST_F_TIMEOUT(flood, costs_little, 300)
{
	u64 without[NR_GUESTS], with[NR_GUESTS];
	/* The checks of a debug kernel are no part of what an event costs. */
	bool exact = counts_instructions() && !debug_kernel();
	u32 count = exact ? 1000 : 5000 / slowness();
	u32 times = calibrate(NS_AN_EVENT);
	int i, round;

	memset(without, 0xff, sizeof(without));
	memset(with, 0xff, sizeof(with));
	run_round(self->tasks, 100, times);
	for (round = 0; round < 3; round++) {
		run_round(self->tasks, count, times);
		for (i = 0; i < NR_GUESTS; i++)
			if (self->tasks[i].ns < without[i])
				without[i] = self->tasks[i].ns;
	}
	join(&self->listener);
	run_round(self->tasks, 100, times);
	for (round = 0; round < 3; round++) {
		run_round(self->tasks, count, times);
		for (i = 0; i < NR_GUESTS; i++)
			if (self->tasks[i].ns < with[i])
				with[i] = self->tasks[i].ns;
	}
	for (i = 0; i < NR_GUESTS; i++) {
		printf("# guest %d: %lu ns an event alone, %lu with a listener who sleeps: %+ld in 1,000\n",
		       i, without[i] / count, with[i] / count,
		       ((long)with[i] - (long)without[i]) * 1000 /
		       (long)without[i]);
		if (exact)
			EXPECT_GE(without[i] * 105, with[i] * 100);
	}
	if (!exact)
		printf("# not judged: this kernel has checks, or time is no measure (scripts/testvm --icount has one)\n");
}

TEST_F_TIMEOUT(flood, adds_up, 300)
{
	struct nlattr *attrs[NL_MAX_ATTRS];
	u32 count = 20000 / slowness();
	struct features before, after;
	int cmd, got = 0;
	u64 last, gaps = 0, ns;

	/* What another test has left in the queue is not for this listener. */
	sleep_ms(200 * slowness());
	ASSERT_EQ(1, get_features(&self->asks, &before));
	join(&self->listener);
	ns = run_round(self->tasks, count, 0);
	/* The last of them are on their way. */
	sleep_ms(200 * slowness());
	ASSERT_EQ(1, get_features(&self->asks, &after));
	EXPECT_EQ(NR_GUESTS * count, after.seq - before.seq);
	last = before.seq;
	while ((cmd = nl_event(&self->listener, 100, attrs))) {
		if (cmd == -ENOBUFS)
			continue;
		got++;
		gaps += nl_get_u64(attrs[LODGE_A_EVENT_SEQ]) - last - 1;
		last = nl_get_u64(attrs[LODGE_A_EVENT_SEQ]);
	}
	printf("# %lu events, %lu a second: %d delivered, %ld lost by the socket, %lu dropped by the module\n",
	       after.seq - before.seq, NR_GUESTS * count * 1000000000UL / ns, got,
	       nl_drops(&self->listener), after.dropped - before.dropped);
	EXPECT_LT(0, got);
	/* The queue was too short for them at some time. */
	EXPECT_LT(before.dropped, after.dropped);
	EXPECT_EQ(after.seq - before.seq, got + nl_drops(&self->listener) +
		  after.dropped - before.dropped);
	EXPECT_EQ(after.seq - before.seq, got + gaps + after.seq - last);
}

LODGE_TEST_MAIN
