// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floating point, vector and debug registers: the guest's and the host's share
 * the processor and must never see each other's.
 */
#include <cpuid.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "harness.h"

/* Hardware takes a second for these. */
#define MAX_EXITS	1000000
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 250

struct vectors {
	u8 ymm[16][32];
} __attribute__((aligned(32)));

static struct vectors pattern, seen;
static volatile u64 rounds;
static u64 x87_seen;
static u32 mxcsr_seen;

/* An emulated test machine, which sets LODGE_TEST_SLOW, does fewer. */
static u64 nr_exits(void)
{
	const char *slow = getenv("LODGE_TEST_SLOW");

	return slow ? MAX_EXITS / (4 * slowness()) : MAX_EXITS;
}

static bool have_avx(void)
{
	u32 a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) &&
	       (c & bit_AVX);
}

#define EACH_YMM(op)							\
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7)			\
	op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD_YMM(n)	"vmovdqa 32*" #n "(%0), %%ymm" #n "\n"
#define STORE_YMM(n)	"vmovdqa %%ymm" #n ", 32*" #n "(%0)\n"

static inline __attribute__((always_inline)) void load_vectors(const struct vectors *v)
{
	asm volatile(EACH_YMM(LOAD_YMM) : : "r" (v) : "memory");
}

static inline __attribute__((always_inline)) void store_vectors(struct vectors *v)
{
	asm volatile(EACH_YMM(STORE_YMM) : : "r" (v) : "memory");
}

static void fill(struct vectors *v, u8 seed)
{
	u8 *p = (u8 *)v;
	unsigned int i;

	for (i = 0; i < sizeof(*v); i++)
		p[i] = seed + i * 7;
}

static void guest_vectors_on(void)
{
	write_cr0((read_cr0() & ~(1UL << 2)) | 1UL << 1);
	write_cr4(read_cr4() | 3UL << 9 | 1UL << 18);
	asm volatile("xsetbv" : : "c" (0), "a" (7), "d" (0));
	asm volatile("fninit");
}

/*
 * The registers hold a pattern through many exits of both kinds: those that the
 * module sees to in a stretch, and those that go out to the program.
 */
static void vector_guest(u64 exits)
{
	double pi = 3.0;
	u32 mxcsr = 0x5f80;	/* round up */
	u64 i;

	guest_vectors_on();
	asm volatile("ldmxcsr %0" : : "m" (mxcsr));
	asm volatile("fldpi");
	load_vectors(&pattern);
	for (i = 0; i < exits; i++) {
		if (i % 128)
			asm volatile("xor %%eax, %%eax; cpuid"
				     : : : "eax", "ebx", "ecx", "edx", "memory");
		else
			out8(PORT_MAIL, 0);
	}
	store_vectors(&seen);
	asm volatile("fstpl %0" : "=m" (pi));
	asm volatile("stmxcsr %0" : "=m" (mxcsr_seen));
	memcpy(&x87_seen, &pi, sizeof(x87_seen));
}

/* The host's side: the same registers, other patterns, all the time. */
static volatile bool host_quit;
static volatile u64 host_rounds;

static void *host_vectors(void *arg)
{
	struct vectors mine, now;
	u64 i;

	fill(&mine, (uintptr_t)arg);
	while (!host_quit) {
		load_vectors(&mine);
		for (i = 0; i < 20000; i++)
			asm volatile("pause");
		store_vectors(&now);
		if (memcmp(&mine, &now, sizeof(now)))
			return (void *)1;
		host_rounds++;
	}
	return NULL;
}

TEST(vectors_unharmed)
{
	struct vectors host, host_now;
	const u64 pi = 0x400921fb54442d18;
	pthread_t threads[2];
	struct vm *vm;
	struct vcpu *c;
	void *bad;
	long i;

	if (!have_avx())
		SKIP_TEST("the processor has no AVX");
	fill(&pattern, 0x31);
	fill(&host, 0xa5);
	vm = vm_create();
	c = vcpu_create(vm, 0);
	vcpu_start64(c, vector_guest, nr_exits());
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, host_vectors,
					    (void *)(i * 16 + 5)));

	for (;;) {
		int ret;

		/* This very thread's registers, around the call. */
		load_vectors(&host);
		asm volatile("syscall" : "=a" (ret)
			     : "a" (SYS_ioctl), "D" (c->fd), "S" (LODGE_RUN),
			       "d" (0)
			     : "rcx", "r11", "memory");
		store_vectors(&host_now);
		ASSERT_EQ(0, memcmp(&host, &host_now, sizeof(host)));
		ASSERT_EQ(0, ret);
		ASSERT_EQ(LODGE_EXIT_IO, c->run->exit_reason);
		if (c->run->io.port == PORT_DONE)
			break;
		ASSERT_EQ(PORT_MAIL, c->run->io.port);
	}
	host_quit = true;
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &bad);
		EXPECT_EQ(NULL, bad);
	}
	EXPECT_GT(host_rounds, 0);
	EXPECT_EQ(0, memcmp((void *)&GUEST(vm, seen), &pattern, sizeof(pattern)));
	EXPECT_EQ(pi, GUEST(vm, x87_seen));
	EXPECT_EQ(0x5f80, GUEST(vm, mxcsr_seen));
	vm_free(vm);
}

static void two_guests(u64 seed)
{
	struct vectors mine, now;
	u8 *p = (u8 *)&mine;
	unsigned int i;

	for (i = 0; i < sizeof(mine); i++)
		p[i] = seed + i * 3;
	guest_vectors_on();
	for (rounds = 0; rounds < 300; rounds++) {
		load_vectors(&mine);
		out8(PORT_MAIL, 0);
		store_vectors(&now);
		for (i = 0; i < sizeof(mine) / 8; i++)
			GUEST_EQ(((u64 *)&mine)[i], ((u64 *)&now)[i]);
	}
}

/* In turns on one thread. */
TEST(vectors_of_two_guests)
{
	struct vm *vm[2];
	struct vcpu *c[2];
	int i, round;

	if (!have_avx())
		SKIP_TEST("the processor has no AVX");
	for (i = 0; i < 2; i++) {
		vm[i] = vm_create();
		c[i] = vcpu_create(vm[i], 0);
		vcpu_start64(c[i], two_guests, 100 + i * 55);
	}
	for (round = 0; round < 300; round++)
		for (i = 0; i < 2; i++)
			ASSERT_GUEST(GUEST_REPORT, c[i]);
	for (i = 0; i < 2; i++) {
		ASSERT_GUEST(GUEST_DONE, c[i]);
		vm_free(vm[i]);
	}
}

/* What the tool sets is what the guest has, and the other way round. */
static void swap_vectors(u64 arg)
{
	write_cr0((read_cr0() & ~(1UL << 2)) | 1UL << 1);
	write_cr4(read_cr4() | 3UL << 9 | 1UL << 18);
	store_vectors(&seen);
	load_vectors(&pattern);
}

TEST(state_in_and_out)
{
	static struct lodge_xsave x;
	struct vm *vm;
	struct vcpu *c;
	u64 *xstate_bv = (u64 *)(x.area + 512);
	int i, j;

	if (!have_avx())
		SKIP_TEST("the processor has no AVX");
	fill(&pattern, 0x77);
	vm = vm_create();
	c = vcpu_create(vm, 0);
	vcpu_start64(c, swap_vectors, 0);
	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_XSAVE, &x, sizeof(x)));
	x.xcr0 = 7;
	*xstate_bv |= 6;
	for (i = 0; i < 16; i++)
		for (j = 0; j < 16; j++) {
			x.area[160 + i * 16 + j] = i * 16 + j;
			x.area[576 + i * 16 + j] = ~(i * 16 + j);
		}
	ASSERT_EQ(0, vcpu_set(c, LODGE_STATE_XSAVE, &x, sizeof(x)));
	ASSERT_GUEST(GUEST_DONE, c);
	for (i = 0; i < 16; i++)
		for (j = 0; j < 16; j++) {
			ASSERT_EQ((u8)(i * 16 + j), GUEST(vm, seen).ymm[i][j]);
			ASSERT_EQ((u8)~(i * 16 + j), GUEST(vm, seen).ymm[i][16 + j]);
		}
	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_XSAVE, &x, sizeof(x)));
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(0, memcmp(x.area + 160 + i * 16, pattern.ymm[i], 16));
		EXPECT_EQ(0, memcmp(x.area + 576 + i * 16, pattern.ymm[i] + 16, 16));
	}
	vm_free(vm);
}

/* PKRU of the host: if the guest's stayed, this process could not go on. */
static void pkru_guest(u64 arg)
{
	u32 a, b, c, d;

	write_cr4(read_cr4() | 1UL << 22);
	asm volatile("wrpkru" : : "a" (0x55555550), "c" (0), "d" (0));
	cpuid(0, 0, &a, &b, &c, &d);
	out8(PORT_MAIL, 0);
	asm volatile("rdpkru" : "=a" (a), "=d" (d) : "c" (0));
	GUEST_EQ(0x55555550, a);
}

static u32 read_pkru(void)
{
	u32 a, d;

	asm volatile("rdpkru" : "=a" (a), "=d" (d) : "c" (0));
	return a;
}

TEST(pkru_unharmed)
{
	struct vm *vm;
	struct vcpu *c;
	u32 a, b, ecx, d, before;

	if (!__get_cpuid_count(7, 0, &a, &b, &ecx, &d) || !(ecx & (1 << 4)))
		SKIP_TEST("the host has no protection keys");
	vm = vm_create();
	c = vcpu_create(vm, 0);
	vcpu_start64(c, pkru_guest, 0);
	before = read_pkru();
	ASSERT_GUEST(GUEST_REPORT, c);
	EXPECT_EQ(before, read_pkru());
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ(before, read_pkru());
	vm_free(vm);
}

/* A breakpoint of the host on a variable, while guests use theirs. */
static volatile u64 watched;
static volatile u64 guest_hits;

static void on_guest_db(struct guest_frame *frame)
{
	u64 dr6;

	asm volatile("mov %%dr6, %0" : "=r" (dr6));
	if (dr6 & 1)
		guest_hits++;
	dr6 = 0xffff0ff0;
	asm volatile("mov %0, %%dr6" : : "r" (dr6));
}

static void breakpoint_guest(u64 arg)
{
	u64 addr = (u64)&watched, dr7 = 0x400 | 2 | 1 << 16 | 3 << 18, now;
	u32 a, b, c, d;
	int i;

	guest_handlers[1] = on_guest_db;
	asm volatile("mov %0, %%dr0" : : "r" (addr));
	asm volatile("mov %0, %%dr7" : : "r" (dr7));
	for (i = 0; i < 100; i++) {
		watched++;
		cpuid(0, 0, &a, &b, &c, &d);
		if (i % 10 == 0)
			out8(PORT_MAIL, 0);
	}
	GUEST_EQ(arg, guest_hits);
	asm volatile("mov %%dr0, %0" : "=r" (now));
	GUEST_EQ(addr, now);
	asm volatile("mov %%dr7, %0" : "=r" (now));
	GUEST_EQ(dr7, now);
}

static int watch(const volatile void *addr)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)addr,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static u64 hits(int fd)
{
	u64 n = 0;

	CHECK(read(fd, &n, sizeof(n)));
	return n;
}

TEST(breakpoints_unharmed)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	int fd = watch(&watched), i;

	if (fd < 0)
		SKIP_TEST("no hardware breakpoint to be had: %s", strerror(errno));
	/* QEMU's VMRUN loads DR7 and does not arm what it says. */
	vcpu_start64(c, breakpoint_guest, on_tcg ? 0 : 100);
	for (i = 0; i < 10; i++) {
		ASSERT_GUEST(GUEST_REPORT, c);
		watched = i;
		/* Each write of ours and none of the guest's. */
		ASSERT_EQ(i + 1, hits(fd));
	}
	ASSERT_GUEST(GUEST_DONE, c);
	watched = 0;
	EXPECT_EQ(11, hits(fd));
	close(fd);
	vm_free(vm);
}

LODGE_TEST_MAIN
