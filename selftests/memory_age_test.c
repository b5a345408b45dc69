// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel asks which pages are in use: a guest's use counts
 * (Documentation/admin-guide/mm/idle_page_tracking.rst in the kernel's source).
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "harness.h"

#define SLOT		0x40000000UL
#define SIZE		(4UL << 20)
#define PFN_MASK	((1ULL << 55) - 1)

/* Translations may be older than the answer to the kernel's last question. */
static void toucher(u64 gpa)
{
	for (;;) {
		asm volatile("invlpg (%0)" : : "r" (gpa) : "memory");
		guest_report(*(volatile u64 *)gpa);
	}
}

static u64 pfn_of(const void *p)
{
	int fd = CHECK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	u64 entry = 0;

	CHECK(pread(fd, &entry, 8, (uintptr_t)p / 4096 * 8));
	close(fd);
	return entry & PFN_MASK;
}

static void set_idle(int bitmap, u64 pfn)
{
	u64 bits = 1ULL << pfn % 64;

	CHECK(pwrite(bitmap, &bits, 8, pfn / 64 * 8));
}

static bool is_idle(int bitmap, u64 pfn)
{
	u64 bits = 0;

	CHECK(pread(bitmap, &bits, 8, pfn / 64 * 8));
	return bits >> pfn % 64 & 1;
}

TEST(use_by_a_guest_counts)
{
	int i, bitmap = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR | O_CLOEXEC);
	struct vcpu *c;
	struct vm *vm;
	char *mem;
	u64 pfn;

	if (bitmap < 0)
		SKIP_TEST("the kernel does not track idle pages");
	/* Of many small pages the first is where the kernel looks for it by now. */
	mem = map_pages(SIZE);
	madvise(mem, SIZE, MADV_NOHUGEPAGE);
	memset(mem, 1, SIZE);
	pfn = pfn_of(mem);
	ASSERT_NE(0, pfn);
	vm = vm_create();
	ASSERT_EQ(0, vm_slot(vm, 1, SLOT, SIZE, mem, 0));
	c = vcpu_create(vm, 0);
	vcpu_start64(c, toucher, SLOT);
	for (i = 0; i < 10; i++) {
		ASSERT_GUEST(GUEST_REPORT, c);
		set_idle(bitmap, pfn);
		EXPECT_TRUE(is_idle(bitmap, pfn));
		EXPECT_TRUE(is_idle(bitmap, pfn));
		ASSERT_GUEST(GUEST_REPORT, c);
		EXPECT_FALSE(is_idle(bitmap, pfn));
	}
	EXPECT_EQ(0x0101010101010101ULL, c->value);
	vm_free(vm);
	munmap(mem, SIZE);
	close(bitmap);
}

LODGE_TEST_MAIN
