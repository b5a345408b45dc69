// SPDX-License-Identifier: GPL-2.0-only
/* A guest's memory while its slots and the mappings under them change. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "harness.h"

#define LONG_MS		10000
#define SLOT		0x40000000UL	/* where tests put their slot 1 */
#define MIB		(1UL << 20)
#define HUGE		(2 * MIB)

FIXTURE(memory) {
	struct vm *vm;
	struct vcpu *c;
	char *mem;
	size_t size;
};

FIXTURE_SETUP(memory)
{
	self->vm = vm_create();
	self->c = vcpu_create(self->vm, 0);
	self->size = 4 * MIB;
	self->mem = map_pages(self->size);
	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, self->size, self->mem, 0));
}

FIXTURE_TEARDOWN(memory)
{
	vm_free(self->vm);
	munmap(self->mem, self->size);
}

static volatile u64 laps;
static volatile u64 quit;

#define START(fn, arg) do {						\
	vcpu_start64(self->c, FN(fn), arg);				\
	vcpu_thread_start(self->c);					\
} while (0)

#define WAIT_LAPS(n) ({							\
	u64 lap = GUEST(self->vm, laps);				\
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, laps) >= lap + (n) ||	\
			     READ(self->c->result), LONG_MS));		\
	ASSERT_EQ(0, READ(self->c->result));				\
})

#define FINISH() do {							\
	GUEST(self->vm, quit) = 1;					\
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS));	\
} while (0)

/* Counts in every page of the slot, again and again. */
static void writer(u64 size)
{
	u64 gpa;

	while (!quit) {
		for (gpa = SLOT; gpa < SLOT + size; gpa += 4096)
			++*(volatile u64 *)gpa;
		laps++;
	}
}

static void reader(u64 size)
{
	u64 gpa;

	while (!quit) {
		for (gpa = SLOT; gpa < SLOT + size; gpa += 4096)
			(void)*(volatile u64 *)gpa;
		laps++;
	}
}

static void one_read(u64 gpa)
{
	guest_report(*(volatile u64 *)gpa);
}

static void one_write(u64 gpa)
{
	*(volatile u64 *)gpa = 0x1122334455667788;
	guest_report(*(volatile u64 *)gpa);
}

TEST_F(memory, slot_removed_while_running)
{
	u64 seen[16];
	int i;

	START(writer, self->size);
	WAIT_LAPS(2);
	ASSERT_EQ(0, vm_slot(self->vm, 1, 0, 0, NULL, 0));
	for (i = 0; i < 16; i++)
		seen[i] = *(volatile u64 *)(self->mem + 0x40000 * i);
	EXPECT_EQ(GUEST_EXIT, vcpu_thread_wait(self->c, LONG_MS));
	EXPECT_EQ(LODGE_EXIT_MMIO, self->c->run->exit_reason);
	EXPECT_LE(SLOT, self->c->run->mmio.addr);
	EXPECT_GT(SLOT + self->size, self->c->run->mmio.addr);
	EXPECT_EQ(8, self->c->run->mmio.width);
	/* the memory was left alone as soon as the call was back */
	for (i = 0; i < 16; i++)
		EXPECT_EQ(seen[i], *(volatile u64 *)(self->mem + 0x40000 * i));
}

TEST_F(memory, slot_replaced_while_running)
{
	char *other = map_pages(self->size);
	u64 old;
	int i;

	START(writer, self->size);
	for (i = 0; i < 20; i++) {
		WAIT_LAPS(1);
		ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, self->size,
				     i & 1 ? self->mem : other, 0));
		old = *(volatile u64 *)((i & 1 ? other : self->mem) + 0x1000);
		WAIT_LAPS(2);
		ASSERT_EQ(old, *(volatile u64 *)((i & 1 ? other : self->mem) + 0x1000));
	}
	FINISH();
	EXPECT_LT(0, *(u64 *)other);
	munmap(other, self->size);
}

TEST_F(memory, slot_moved)
{
	*(u64 *)(self->mem + 0x3000) = 0x3333;
	*(u64 *)(self->mem + 0x5000) = 0x5555;
	vcpu_start64(self->c, one_read, SLOT + 0x3000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x3333, self->c->value);
	/* the same memory elsewhere */
	ASSERT_EQ(0, vm_slot(self->vm, 1, 0x80000000, self->size, self->mem, 0));
	vcpu_start64(self->c, one_read, 0x80003000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x3333, self->c->value);
	vcpu_start64(self->c, one_read, SLOT + 0x3000);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_MMIO, self->c->run->exit_reason);
	EXPECT_EQ(SLOT + 0x3000, self->c->run->mmio.addr);
	EXPECT_EQ(0, self->c->run->mmio.is_write);
	memset(self->c->run->mmio.data, 0, 8);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	/* another part of it, at an odd place */
	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT + 0x1000, 0x3000, self->mem + 0x3000, 0));
	vcpu_start64(self->c, one_read, SLOT + 0x3000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x5555, self->c->value);
}

TEST_F(memory, read_only_slot_changes_its_mind)
{
	vcpu_start64(self->c, one_write, SLOT);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, self->size, self->mem,
			     LODGE_MEM_READONLY));
	*(u64 *)self->mem = 7;
	vcpu_start64(self->c, one_write, SLOT);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_MMIO, self->c->run->exit_reason);
	EXPECT_EQ(SLOT, self->c->run->mmio.addr);
	EXPECT_EQ(1, self->c->run->mmio.is_write);
	EXPECT_EQ(8, self->c->run->mmio.width);
	EXPECT_EQ(0, memcmp(self->c->run->mmio.data, "\x88\x77\x66\x55\x44\x33\x22\x11", 8));
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(7, self->c->value);
	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, self->size, self->mem, 0));
	vcpu_start64(self->c, one_write, SLOT);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x1122334455667788, *(u64 *)self->mem);
}

/* The mapping is gone under a slot: an exit that says so. */
TEST_F(memory, munmap_while_running)
{
	START(writer, self->size);
	WAIT_LAPS(2);
	ASSERT_EQ(0, munmap(self->mem + MIB, 8192));
	EXPECT_EQ(GUEST_EXIT, vcpu_thread_wait(self->c, LONG_MS));
	ASSERT_EQ(LODGE_EXIT_MEMORY, self->c->run->exit_reason);
	EXPECT_EQ(EFAULT, self->c->run->memory.error);
	EXPECT_EQ(SLOT + MIB, self->c->run->memory.addr & ~0xfffUL);
	/* mapped again, the guest goes on as if nothing had been */
	ASSERT_EQ(self->mem + MIB,
		  mmap(self->mem + MIB, 8192, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	vcpu_thread_start(self->c);
	WAIT_LAPS(2);
	FINISH();
	EXPECT_LT(0, *(u64 *)(self->mem + MIB));
}

TEST_F(memory, given_back_is_zero)
{
	u64 gpa;

	for (gpa = 0; gpa < self->size; gpa += 4096)
		*(u64 *)(self->mem + gpa) = 0xdead;
	for (gpa = 0; gpa < 16 * 4096; gpa += 4096) {
		vcpu_start64(self->c, one_read, SLOT + gpa);
		ASSERT_GUEST(GUEST_REPORT, self->c);
		EXPECT_EQ(0xdead, self->c->value);
	}
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	for (gpa = 0; gpa < 16 * 4096; gpa += 4096) {
		vcpu_start64(self->c, one_read, SLOT + gpa);
		ASSERT_GUEST(GUEST_REPORT, self->c);
		EXPECT_EQ(0, self->c->value);
	}
	/* the page of zeros that was read is nobody's to write into */
	vcpu_start64(self->c, one_write, SLOT);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x1122334455667788, self->c->value);
	EXPECT_EQ(0x1122334455667788, *(u64 *)self->mem);
	EXPECT_EQ(0, *(u64 *)(self->mem + 4096));
}

TEST_F(memory, given_back_while_running)
{
	int rounds = 30 / slowness(), i;
	u64 seen;

	START(writer, self->size);
	for (i = 0; i < rounds; i++) {
		WAIT_LAPS(1);
		ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	}
	WAIT_LAPS(2);
	FINISH();
	/* the first count that is read back is not older than the last zero */
	seen = *(u64 *)self->mem;
	EXPECT_LE(1, seen);
	EXPECT_GE(GUEST(self->vm, laps) - (rounds - 1), seen);
}

/* A child gets a copy: from fork on, neither sees what the other writes. */
TEST_F(memory, fork_copies)
{
	int to_child[2], to_parent[2], status;
	char byte = 0;
	u64 gpa;
	pid_t pid;

	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	START(writer, self->size);
	WAIT_LAPS(2);
	GUEST(self->vm, quit) = 1;
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS));
	GUEST(self->vm, quit) = 0;
	for (gpa = 0; gpa < self->size; gpa += 4096)
		*(volatile u64 *)(self->mem + gpa) = 1000;
	START(reader, self->size);	/* all is mapped for writing */
	WAIT_LAPS(1);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int bad = 0;

		if (read(to_child[0], &byte, 1) != 1)
			_exit(2);
		for (gpa = 0; gpa < self->size; gpa += 4096)
			bad |= *(volatile u64 *)(self->mem + gpa) != 1000;
		for (gpa = 0; gpa < self->size; gpa += 4096)
			*(volatile u64 *)(self->mem + gpa) = 0xc417d;
		if (write(to_parent[1], &byte, 1) != 1)
			_exit(2);
		_exit(bad);
	}
	FINISH();
	GUEST(self->vm, quit) = 0;
	START(writer, self->size);
	WAIT_LAPS(2);
	ASSERT_EQ(1, write(to_child[1], &byte, 1));
	ASSERT_EQ(1, read(to_parent[0], &byte, 1));
	WAIT_LAPS(2);
	FINISH();
	for (gpa = 0; gpa < self->size; gpa += 4096) {
		ASSERT_LT(1000, *(volatile u64 *)(self->mem + gpa));
		ASSERT_GT(0xc417d, *(volatile u64 *)(self->mem + gpa));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("the child saw the guest's writes");
}

TEST_F(memory, mprotect)
{
	START(writer, self->size);
	WAIT_LAPS(1);
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ));
	EXPECT_EQ(GUEST_EXIT, vcpu_thread_wait(self->c, LONG_MS));
	ASSERT_EQ(LODGE_EXIT_MEMORY, self->c->run->exit_reason);
	EXPECT_EQ(EFAULT, self->c->run->memory.error);
	EXPECT_EQ(1, self->c->run->memory.is_write);
	vcpu_start64(self->c, one_read, SLOT);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(*(u64 *)self->mem, self->c->value);
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_NONE));
	vcpu_start64(self->c, one_read, SLOT);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_MEMORY, self->c->run->exit_reason);
	EXPECT_EQ(0, self->c->run->memory.is_write);
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ | PROT_WRITE));
	ASSERT_GUEST(GUEST_REPORT, self->c);
	START(writer, self->size);
	WAIT_LAPS(2);
	FINISH();
}

/* Memory that other processes share; and a file that is cut short. */
TEST_F(memory, shared_file)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	char *a, *b;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, MIB));
	a = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, a);
	ASSERT_NE(MAP_FAILED, b);
	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, MIB, a, 0));
	vcpu_start64(self->c, one_write, SLOT + 0x8000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x1122334455667788, *(volatile u64 *)(b + 0x8000));
	*(volatile u64 *)(b + 0x9000) = 0x99;
	vcpu_start64(self->c, one_read, SLOT + 0x9000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x99, self->c->value);
	*(volatile u64 *)(b + 0x9000) = 0x9a;
	vcpu_start64(self->c, one_read, SLOT + 0x9000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x9a, self->c->value);
	/* a hole is punched: zeros */
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0x9000, 4096));
	vcpu_start64(self->c, one_read, SLOT + 0x9000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0, self->c->value);
	/* a write of a process here would be a SIGBUS now */
	ASSERT_EQ(0, ftruncate(fd, 0x8000));
	vcpu_start64(self->c, one_read, SLOT + 0x9000);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_MEMORY, self->c->run->exit_reason);
	EXPECT_EQ(EFAULT, self->c->run->memory.error);
	EXPECT_EQ(SLOT + 0x9000, self->c->run->memory.addr & ~0xfffUL);
	vcpu_start64(self->c, one_read, SLOT + 0x7000);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	munmap(a, MIB);
	munmap(b, MIB);
	close(fd);
}

static long vm_rss_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static void touch(u64 size)
{
	u64 gpa;

	for (gpa = SLOT; gpa < SLOT + size; gpa += 4096)
		*(volatile u64 *)gpa = gpa;
}

/* What the guest uses is the process's; what is given back is free at once. */
TEST_F(memory, nothing_is_pinned)
{
	char *mem = map_pages(64 * MIB);
	long before, used, after;

	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, 64 * MIB, mem, 0));
	before = vm_rss_kb();
	vcpu_start64(self->c, touch, 64 * MIB);
	ASSERT_GUEST(GUEST_DONE, self->c);
	used = vm_rss_kb();
	EXPECT_LE(before + 63 * 1024, used);
	ASSERT_EQ(0, madvise(mem, 64 * MIB, MADV_DONTNEED));
	after = vm_rss_kb();
	/* some of it is the rest of the guest */
	EXPECT_GE(before + 10 * 1024, after);
	/* unmapped while it is a slot */
	vcpu_start64(self->c, touch, MIB);
	ASSERT_GUEST(GUEST_DONE, self->c);
	ASSERT_EQ(0, munmap(mem, 64 * MIB));
	EXPECT_GE(before + 10 * 1024, vm_rss_kb());
}

static u64 ticks_to_touch(struct __test_metadata *_metadata, struct vm *vm,
			  struct vcpu *c, int advice)
{
	char *area = map_pages(66 * MIB);
	char *mem = (char *)(((uintptr_t)area + HUGE - 1) & ~(HUGE - 1));
	u64 begin, ticks;

	madvise(mem, 64 * MIB, advice);
	memset(mem, 1, 64 * MIB);
	EXPECT_EQ(0, vm_slot(vm, 1, SLOT, 64 * MIB, mem, 0));
	vcpu_start64(c, touch, 64 * MIB);
	begin = now_ns();
	EXPECT_EQ(GUEST_DONE, guest_expect(c, GUEST_DONE));
	ticks = now_ns() - begin;
	EXPECT_EQ(0, vm_slot(vm, 1, 0, 0, NULL, 0));
	munmap(area, 66 * MIB);
	return ticks;
}

static bool have_thp(void)
{
	char text[64] = "";
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
	}
	return text[0] && !strstr(text, "[never]");
}

TEST_F(memory, huge_pages_are_quicker)
{
	u64 small, huge;

	if (!have_thp())
		SKIP_TEST("transparent huge pages are off");
	small = ticks_to_touch(_metadata, self->vm, self->c, MADV_NOHUGEPAGE);
	huge = ticks_to_touch(_metadata, self->vm, self->c, MADV_HUGEPAGE);
	TH_LOG("64 MiB touched: in 4 KiB pages %llu us, in 2 MiB pages %llu us",
	       (unsigned long long)small / 1000, (unsigned long long)huge / 1000);
	EXPECT_LT(2 * huge, small);
}

/* Parts of huge pages go away: split under the guest. */
TEST_F(memory, huge_page_split)
{
	char *area = map_pages(4 * HUGE);
	char *mem = (char *)(((uintptr_t)area + HUGE - 1) & ~(HUGE - 1));
	u64 i;

	madvise(mem, 2 * HUGE, MADV_HUGEPAGE);
	memset(mem, 0, 2 * HUGE);
	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, 2 * HUGE, mem, 0));
	START(writer, 2 * HUGE);
	WAIT_LAPS(2);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, madvise(mem + i * 0x80000 + 0x3000, 4096, MADV_DONTNEED));
		ASSERT_EQ(0, mprotect(mem + i * 0x80000 + 0x10000, 4096, PROT_READ));
		ASSERT_EQ(0, mprotect(mem + i * 0x80000 + 0x10000, 4096,
				      PROT_READ | PROT_WRITE));
		if (READ(self->c->result))
			break;		/* in the moment of read-only */
	}
	if (vcpu_thread_stop(self->c) == GUEST_EXIT) {
		EXPECT_EQ(LODGE_EXIT_MEMORY, self->c->run->exit_reason);
	}
	vcpu_thread_start(self->c);
	WAIT_LAPS(2);
	FINISH();
	EXPECT_LT(0, *(u64 *)(mem + 0x3000));
	EXPECT_LT(*(u64 *)(mem + 0x3000), *(u64 *)(mem + 0x4000));
	munmap(area, 4 * HUGE);
}

/* The slot's two addresses differ in their place within 2 MiB. */
TEST_F(memory, misaligned_slot)
{
	char *area = map_pages(8 * MIB);
	char *mem = (char *)(((uintptr_t)area + HUGE - 1) & ~(HUGE - 1)) + 0x5000;
	u64 gpa;

	madvise(area, 8 * MIB, MADV_HUGEPAGE);
	memset(area, 0, 8 * MIB);
	ASSERT_EQ(0, vm_slot(self->vm, 1, SLOT, 4 * MIB, mem, 0));
	vcpu_start64(self->c, touch, 4 * MIB);
	ASSERT_GUEST(GUEST_DONE, self->c);
	for (gpa = 0; gpa < 4 * MIB; gpa += 4096)
		ASSERT_EQ(SLOT + gpa, *(u64 *)(mem + gpa));
	EXPECT_EQ(0, *(u64 *)(mem - 4096));
	EXPECT_EQ(0, *(u64 *)(mem + 4 * MIB));
	munmap(area, 8 * MIB);
}

LODGE_TEST_MAIN
