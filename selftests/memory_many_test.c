// SPDX-License-Identifier: GPL-2.0-only
/* Many slots, large ones, several VMs, and everything at once. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "harness.h"

#define LONG_MS		10000
#define SLOT		0x40000000UL
#define MIB		(1UL << 20)

static volatile u64 laps, quit;

/* Fills and checks memory with its own mark. */
static void owner(u64 mark)
{
	u64 gpa, round;

	for (round = 0; round < 10; round++) {
		for (gpa = SLOT; gpa < SLOT + 2 * MIB; gpa += 512)
			*(volatile u64 *)gpa = gpa ^ mark ^ round;
		laps++;
		for (gpa = SLOT; gpa < SLOT + 2 * MIB; gpa += 512)
			GUEST_EQ(gpa ^ mark ^ round, *(volatile u64 *)gpa);
	}
}

TEST(two_vms_share_nothing)
{
	struct vm *vm[2];
	struct vcpu *c[2];
	char *mem[2];
	int i;

	for (i = 0; i < 2; i++) {
		vm[i] = vm_create();
		c[i] = vcpu_create(vm[i], 0);
		mem[i] = map_pages(2 * MIB);
		ASSERT_EQ(0, vm_slot(vm[i], 1, SLOT, 2 * MIB, mem[i], 0));
		vcpu_start64(c[i], owner, 0x1111111111111111 << i);
	}
	for (i = 0; i < 2; i++)
		vcpu_thread_start(c[i]);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[i], LONG_MS));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ((SLOT + 512) ^ 0x1111111111111111 << i ^ 9, *(u64 *)(mem[i] + 512));
		vm_free(vm[i]);
		munmap(mem[i], 2 * MIB);
	}
}

/* In turns on one thread, so on one CPU: translations must not be mixed up. */
static void alternate(u64 mark)
{
	*(volatile u64 *)SLOT = mark;
	for (;;) {
		GUEST_EQ(mark, *(volatile u64 *)SLOT);
		out8(PORT_MAIL, 0);
	}
}

TEST(many_vms_on_one_cpu)
{
	struct vm *vm[12];
	struct vcpu *c[12];
	char *mem[12];
	int i, round;

	for (i = 0; i < 12; i++) {
		vm[i] = vm_create();
		c[i] = vcpu_create(vm[i], 0);
		mem[i] = map_pages(4096);
		ASSERT_EQ(0, vm_slot(vm[i], 1, SLOT, 4096, mem[i], 0));
		vcpu_start64(c[i], alternate, 1000 + i);
	}
	for (round = 0; round < 100; round++)
		for (i = 0; i < 12; i++)
			ASSERT_GUEST(GUEST_REPORT, c[i]);
	for (i = 0; i < 12; i++) {
		EXPECT_EQ(1000 + i, *(u64 *)mem[i]);
		vm_free(vm[i]);
		munmap(mem[i], 4096);
	}
}

static void all_slots(u64 stride)
{
	u64 i;

	for (i = 1; i < LODGE_MAX_SLOTS; i++) {
		GUEST_EQ(i, *(volatile u64 *)(SLOT + i * stride));
		*(volatile u64 *)(SLOT + i * stride) = ~i;
	}
}

TEST(sixty_four_slots)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	char *mem = map_pages(4096 * LODGE_MAX_SLOTS);
	u64 i;

	for (i = 1; i < LODGE_MAX_SLOTS; i++) {
		*(u64 *)(mem + 4096 * i) = i;
		/* in an order that is none */
		ASSERT_EQ(0, vm_slot(vm, i, SLOT + (i * 29 % 64) * 0x3000, 4096,
				     mem + 4096 * (i * 29 % 64), 0));
	}
	vcpu_start64(c, all_slots, 0x3000);
	ASSERT_GUEST(GUEST_DONE, c);
	for (i = 1; i < LODGE_MAX_SLOTS; i++)
		EXPECT_EQ(~i, *(u64 *)(mem + 4096 * i));
	vm_free(vm);
	munmap(mem, 4096 * LODGE_MAX_SLOTS);
}

/* Accesses across the border of two slots, whose memory is far apart. */
static void across(u64 border)
{
	*(volatile u64 *)(border - 3) = 0x1122334455667788;
	GUEST_EQ(0x1122334455667788, *(volatile u64 *)(border - 3));
}

TEST(border_of_slots)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	char *mem = map_pages(3 * 4096);

	ASSERT_EQ(0, vm_slot(vm, 1, SLOT, 4096, mem + 8192, 0));
	ASSERT_EQ(0, vm_slot(vm, 2, SLOT + 4096, 4096, mem, 0));
	vcpu_start64(c, across, SLOT + 4096);
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ(0, memcmp(mem + 3 * 4096 - 3, "\x88\x77\x66", 3));
	EXPECT_EQ(0, memcmp(mem, "\x55\x44\x33\x22\x11", 5));
	vm_free(vm);
	munmap(mem, 3 * 4096);
}

static void touch_sparse(u64 end)
{
	u64 gpa;

	/* page tables reach 4 GiB, so move them along: one entry of 1 GiB */
	for (gpa = SLOT; gpa < end; gpa += 64 * MIB)
		*(volatile u64 *)gpa = gpa;
}

/* A slot of 64 GiB of which little is used comes and goes quickly. */
TEST(huge_sparse_slot)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	size_t size = 1UL << 36;
	char *mem = map_pages(size);
	u64 begin, took;

	ASSERT_EQ(0, vm_slot(vm, 1, SLOT, 0x90000000, mem, 0));
	vcpu_start64(c, touch_sparse, 0xc0000000);
	ASSERT_GUEST(GUEST_DONE, c);
	begin = now_ns();
	ASSERT_EQ(0, vm_slot(vm, 1, SLOT, 0, NULL, 0));
	took = now_ns() - begin;
	EXPECT_GT(1000000000ULL, took);
	/* above 4 GiB, where nothing of it is touched */
	begin = now_ns();
	ASSERT_EQ(0, vm_slot(vm, 1, 1UL << 32, size, mem, 0));
	ASSERT_EQ(0, vm_slot(vm, 1, 0, 0, NULL, 0));
	/* given back as a whole, while it is a slot */
	ASSERT_EQ(0, vm_slot(vm, 1, 1UL << 32, size, mem, 0));
	ASSERT_EQ(0, madvise(mem, size, MADV_DONTNEED));
	ASSERT_EQ(0, munmap(mem, size));
	took = now_ns() - begin;
	EXPECT_GT(1000000000ULL, took);
	vm_free(vm);
}

/*
 * Interrupts and exceptions that are on their way while the pages of their
 * stack and table go away: each is delivered once.
 */
#define IDT_PAGE	(G_FREE + 0x10000)

static void on_event(struct guest_frame *f)
{
	guest_counts[f->vector]++;
	if (f->vector >= 32)
		x2apic_write(APIC_EOI, 0);
	else
		f->rip += 2;		/* over UD2 */
}

static void events(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) idtr = { 0xfff, IDT_PAGE };
	u64 i;

	for (i = 0; i < 512; i++)
		((volatile u64 *)IDT_PAGE)[i] = ((volatile u64 *)G_IDT)[i];
	asm volatile("lidt %0" : : "m" (idtr));
	guest_handlers[6] = on_event;
	guest_handlers[0x40] = on_event;
	guest_x2apic_on();
	for (i = 1; !quit; i++) {
		asm volatile("ud2");
		x2apic_write(APIC_SELF_IPI, 0x40);
		guest_irq_window();
		asm volatile("int $0x41");
		GUEST_EQ(i, guest_counts[6]);
		GUEST_EQ(i, guest_counts[0x40]);
		GUEST_EQ(i, guest_counts[0x41]);
		laps = i;
	}
}

static void count_int(struct guest_frame *f)
{
	guest_counts[f->vector]++;
}

TEST(events_survive_faults)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	u64 end;

	GUEST(vm, guest_handlers)[0x41] = count_int;
	vcpu_start64(c, FN(events), 0);
	vcpu_thread_start(c);
	ASSERT_TRUE(WAIT_FOR(GUEST(vm, laps) > 10, LONG_MS));
	end = now_ns() + 2000000000ULL;
	while (now_ns() < end && !READ(c->result)) {
		/* read-only for a moment is enough to drop the translations */
		mprotect(vm->mem + IDT_PAGE, 4096, PROT_READ);
		mprotect(vm->mem + IDT_PAGE, 4096, PROT_READ | PROT_WRITE);
		madvise(vm->mem + G_STACKS, G_STACK_SIZE, MADV_COLD);
		ASSERT_EQ(0, vm_slot(vm, 0, 0, vm->size, vm->mem, 0));
		sleep_ms(1);
	}
	GUEST(vm, quit) = 1;
	EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c, LONG_MS));
	EXPECT_LT(100, GUEST(vm, laps));
	vm_free(vm);
}

/* Everything that can happen to memory, all the time, with two vCPUs in it. */
static void churn(u64 seed)
{
	while (!quit) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		++*(volatile u64 *)(SLOT + (seed >> 33) % (4 * MIB / 8) * 8);
		laps++;
	}
}

struct churner {
	struct vm *vm;
	char *mem;
	int kind;
	int bad;
};

static void *churner_thread(void *arg)
{
	struct churner *h = arg;
	u32 seed = 77 + h->kind;
	size_t offset;
	pid_t pid;
	int ret;

	while (!READ(quit)) {
		seed = seed * 1103515245 + 12345;
		offset = (seed >> 10) % 1024 * 4096;
		switch (h->kind) {
		case 0:
			madvise(h->mem + offset, 4096 * (1 + seed % 7 * 32),
				seed & 16 ? MADV_DONTNEED : MADV_HUGEPAGE);
			break;
		case 1:
			ret = vm_slot(h->vm, 1, SLOT, 4 * MIB,
				      h->mem + (seed & 0x10000 ? 4 * MIB : 0), 0);
			h->bad |= ret;
			sleep_ms(seed % 3);
			break;
		case 2:
			pid = fork();
			if (!pid)
				_exit(0);
			if (pid > 0)
				waitpid(pid, NULL, 0);
			sleep_ms(5);
			break;
		case 3:
			h->bad |= vm_slot(h->vm, 2, 0x80000000, MIB, h->mem, 0);
			h->bad |= vm_slot(h->vm, 2, 0, 0, NULL, 0);
			break;
		}
	}
	return NULL;
}

TEST(everything_at_once)
{
	struct vm *vm = vm_create();
	struct vcpu *c[2];
	struct churner h[4];
	pthread_t t[4];
	char *mem = map_pages(10 * MIB);
	int i;

	ASSERT_EQ(0, vm_slot(vm, 1, SLOT, 4 * MIB, mem, 0));
	for (i = 0; i < 2; i++) {
		c[i] = vcpu_create(vm, i);
		vcpu_start64(c[i], churn, 1 + i);
		vcpu_thread_start(c[i]);
	}
	for (i = 0; i < 4; i++) {
		h[i] = (struct churner) { .vm = vm, .mem = mem, .kind = i };
		ASSERT_EQ(0, pthread_create(&t[i], NULL, churner_thread, &h[i]));
	}
	sleep_ms(4000 * slowness());
	WRITE(quit, 1);
	GUEST(vm, quit) = 1;
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(0, h[i].bad);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[i], LONG_MS));
	EXPECT_LT(100, GUEST(vm, laps));
	vm_free(vm);
	munmap(mem, 10 * MIB);
}

/*
 * The same, but nothing that changes what is in memory: each vCPU must find in
 * every page what it has written there last. Pages are write-protected, copied
 * on write, collapsed to huge ones, split and migrated meanwhile.
 */
#define PART		(8 * MIB)

static u64 stamp(u64 gpa, u64 round)
{
	return (gpa ^ round << 40) * 0x9e3779b97f4a7c15;
}

static void keep(u64 id)
{
	u64 begin = SLOT + id * PART, gpa, round;

	for (gpa = begin; gpa < begin + PART; gpa += 2048)
		*(volatile u64 *)gpa = stamp(gpa, 0);
	for (round = 1; !quit; round++) {
		for (gpa = begin; gpa < begin + PART; gpa += 2048) {
			GUEST_EQ(stamp(gpa, round - 1), *(volatile u64 *)gpa);
			*(volatile u64 *)gpa = stamp(gpa, round);
		}
		if (!id)
			laps++;
	}
	for (gpa = begin; gpa < begin + PART; gpa += 2048)
		GUEST_EQ(stamp(gpa, round - 1), *(volatile u64 *)gpa);
}

/* Write-protected for a moment: the tool just tries again. */
static void *keep_thread(void *arg)
{
	struct vcpu *c = arg;
	enum guest_result result;

	do {
		result = guest_run(c);
	} while (result == GUEST_EXIT &&
		 c->run->exit_reason == LODGE_EXIT_MEMORY &&
		 c->run->memory.is_write);
	__atomic_store_n(&c->result, result, __ATOMIC_RELEASE);
	return NULL;
}

static void compact(void)
{
	FILE *f = fopen("/proc/sys/vm/compact_memory", "w");

	if (f) {
		fputs("1", f);
		fclose(f);
	}
}

TEST(contents_survive)
{
	const size_t size = 2 * PART;
	char *area = map_pages(size + 2 * MIB);
	char *mem = (char *)(((uintptr_t)area + 2 * MIB - 1) & ~(2 * MIB - 1));
	struct vm *vm = vm_create();
	u64 end = now_ns() + 6000000000ULL;
	struct vcpu *c[2];
	size_t offset;
	int i, n, round = 0;
	pid_t pid;

	madvise(mem, size, MADV_HUGEPAGE);
	ASSERT_EQ(0, vm_slot(vm, 1, SLOT, size, mem, 0));
	kick_init();
	for (i = 0; i < 2; i++) {
		c[i] = vcpu_create(vm, i);
		vcpu_start64(c[i], keep, i);
		ASSERT_EQ(0, pthread_create(&c[i]->thread, NULL, keep_thread, c[i]));
	}
	while (now_ns() < end && !READ(c[0]->result) && !READ(c[1]->result)) {
		offset = random64() % (size / 4096) * 4096;
		n = round++ % 5;
		switch (n) {
		case 0:
			mprotect(mem + offset, 4096, PROT_READ);
			mprotect(mem + offset, 4096, PROT_READ | PROT_WRITE);
			break;
		case 1:
			mprotect(mem, size, PROT_READ);
			mprotect(mem, size, PROT_READ | PROT_WRITE);
			break;
		case 2:
			madvise(mem + (offset & ~(2 * MIB - 1)), 2 * MIB, 25 /* MADV_COLLAPSE */);
			break;
		case 3:
			pid = fork();
			if (!pid) {
				sleep_ms(2);
				_exit(0);
			}
			ASSERT_EQ(pid, waitpid(pid, NULL, 0));
			break;
		case 4:
			madvise(mem + offset, 4096, MADV_PAGEOUT);
			break;
		}
		sleep_ms(n);
	}
	compact();		/* may take a second */
	GUEST(vm, quit) = 1;
	for (i = 0; i < 2; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[i], LONG_MS));
	EXPECT_LT(0, GUEST(vm, laps));
	EXPECT_LT(5, round);
	vm_free(vm);
	munmap(area, size + 2 * MIB);
}

/* What is no memory at all cannot be executed, nor be a page table. */
static void jump(u64 to)
{
	((void (*)(void))to)();
}

TEST(execute_a_device)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start64(c, jump, G_MMIO);
	ASSERT_GUEST(GUEST_EXIT, c);
	EXPECT_EQ(LODGE_EXIT_INTERNAL, c->run->exit_reason);
	EXPECT_EQ(G_MMIO, c->run->fail.rip);
	EXPECT_NE(0, c->run->fail.reason[0]);
	/* nothing was harmed */
	vcpu_start64(c, FN(guest_done), 0);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

static void lost_tables(void)
{
	write_cr3(G_MMIO);
}

TEST(page_tables_in_a_device)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start64(c, FN(lost_tables), 0);
	ASSERT_GUEST(GUEST_EXIT, c);
	EXPECT_TRUE(c->run->exit_reason == LODGE_EXIT_INTERNAL ||
		    c->run->exit_reason == LODGE_EXIT_SHUTDOWN);
	vcpu_start64(c, FN(guest_done), 0);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

LODGE_TEST_MAIN
