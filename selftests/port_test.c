// SPDX-License-Identifier: GPL-2.0-only
/* Port instructions of all kinds, and what the tool hears of them. */
#include "harness.h"

static void ports(void)
{
	u64 rax;

	out8(PORT_TEST, 0xa5);
	out16(PORT_TEST, 0xa5b6);
	out32(PORT_TEST, 0xa5b6c7d8);
	asm volatile("outb %%al, $0x51" : : "a" (0x11));
	asm volatile("outw %%ax, $0x52" : : "a" (0x2222));
	asm volatile("outl %%eax, $0x53" : : "a" (0x33333333));
	out8(0xffff, 0xff);
	out8(0, 0);
	/* only as much of RAX as is read is written, but 32 bits clear the rest */
	asm volatile("inb %%dx, %%al" : "=a" (rax) : "a" (0x1122334455667788), "d" (PORT_TEST));
	GUEST_EQ(0x112233445566779a, rax);
	asm volatile("inw %%dx, %%ax" : "=a" (rax) : "a" (0x1122334455667788), "d" (PORT_TEST));
	GUEST_EQ(0x112233445566789a, rax);
	asm volatile("inl %%dx, %%eax" : "=a" (rax) : "a" (0x1122334455667788), "d" (PORT_TEST));
	GUEST_EQ(0x3456789a, rax);
	asm volatile("inb $0x51, %%al" : "=a" (rax) : "a" (-1UL));
	GUEST_EQ(0xffffffffffffff9a, rax);
}

TEST(port)
{
	static const struct {
		u16 port;
		u8 width, out;
		u32 data;
	} want[] = {
		{ PORT_TEST, 1, 1, 0xa5 }, { PORT_TEST, 2, 1, 0xa5b6 },
		{ PORT_TEST, 4, 1, 0xa5b6c7d8 }, { 0x51, 1, 1, 0x11 },
		{ 0x52, 2, 1, 0x2222 }, { 0x53, 4, 1, 0x33333333 },
		{ 0xffff, 1, 1, 0xff }, { 0, 1, 1, 0 },
		{ PORT_TEST, 1, 0, 0 }, { PORT_TEST, 2, 0, 0 },
		{ PORT_TEST, 4, 0, 0 }, { 0x51, 1, 0, 0 },
	};
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	unsigned int i;

	vcpu_start64(c, FN(ports), 0);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		ASSERT_GUEST(GUEST_EXIT, c);
		ASSERT_EQ(LODGE_EXIT_IO, c->run->exit_reason);
		EXPECT_EQ(want[i].port, c->run->io.port);
		EXPECT_EQ(want[i].width, c->run->io.width);
		EXPECT_EQ(want[i].out, c->run->io.direction);
		if (want[i].out) {
			EXPECT_EQ(want[i].data, c->run->io.data);
		} else {
			c->run->io.data = 0x3456789a;
		}
	}
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* String instructions: what the tool hears is one element after the other. */
static u8 string[64] = "abcdefghijklmnopqrstuvwxyz0123456789";
#define ACROSS	(G_FREE + 0x1ffa)	/* the page ends in the middle */

static void strings(void)
{
	volatile u8 *across = (void *)ACROSS;
	void *si = string, *di = string;
	u64 n = 5;
	int i;

	asm volatile("rep outsb" : "+S" (si), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ((uintptr_t)string + 5, si);
	GUEST_EQ(0, n);
	n = 3;
	asm volatile("rep outsw" : "+S" (si), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ((uintptr_t)string + 11, si);
	asm volatile("outsl" : "+S" (si) : "d" (PORT_TEST) : "memory");
	GUEST_EQ((uintptr_t)string + 15, si);
	n = 0;
	asm volatile("rep outsb" : "+S" (si), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ((uintptr_t)string + 15, si);
	/* backwards */
	n = 2;
	asm volatile("std; rep outsb; cld" : "+S" (si), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ((uintptr_t)string + 13, si);

	n = 4;
	asm volatile("rep insb" : "+D" (di), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ((uintptr_t)string + 4, di);
	GUEST_EQ(0x13121110, *(volatile u32 *)string);
	GUEST_EQ('e', string[4]);
	di = (void *)ACROSS;
	n = 3;
	asm volatile("rep insl" : "+D" (di), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ(ACROSS + 12, di);
	for (i = 0; i < 3; i++)
		GUEST_EQ(0x14 + i, across[4 * i]);
}

TEST(port_strings)
{
	static const char out[][5] = {
		"a", "b", "c", "d", "e", "fg", "hi", "jk", "lmno", "p", "o",
	};
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	unsigned int i;
	u32 data;

	vcpu_start64(c, FN(strings), 0);
	for (i = 0; i < ARRAY_SIZE(out); i++) {
		ASSERT_GUEST(GUEST_EXIT, c);
		ASSERT_EQ(LODGE_EXIT_IO, c->run->exit_reason);
		EXPECT_EQ(LODGE_IO_OUT, c->run->io.direction);
		EXPECT_EQ(strlen(out[i]), c->run->io.width);
		data = c->run->io.data;
		EXPECT_EQ(0, memcmp(&data, out[i], strlen(out[i])))
			TH_LOG("%u: %#x", i, data);
	}
	for (i = 0; i < 7; i++) {
		ASSERT_GUEST(GUEST_EXIT, c);
		ASSERT_EQ(LODGE_EXIT_IO, c->run->exit_reason);
		EXPECT_EQ(LODGE_IO_IN, c->run->io.direction);
		EXPECT_EQ(i < 4 ? 1 : 4, c->run->io.width);
		c->run->io.data = 0x10 + i;
	}
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* A fault in the middle of a string leaves it where it was. */
static void string_fault(void)
{
	u64 si = 0x7fffffffffff - 2, n = 8;

	/* canonical ends here, and nothing is mapped: #PF on the first byte */
	TRY("rep outsb", : "+S" (si), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ(14, guest_caught.vector);
	GUEST_EQ(0x7fffffffffff - 2, guest_caught.cr2);
	GUEST_EQ(8, n);
	GUEST_EQ(0x7fffffffffff - 2, si);
	/* into memory that is read-only */
	n = 1;
	write_cr4(read_cr4());
	TRY("rep insb", : "+D" (si), "+c" (n) : "d" (PORT_TEST) : "memory");
	GUEST_EQ(14, guest_caught.vector);
	GUEST_EQ(1, n);
}

TEST(port_string_faults)
{
	RUN_GUEST(string_fault, 0);
}

static void all_ports(u64 from)
{
	u32 port;

	for (port = from; port < from + 0x4000; port++) {
		if (port >= PORT_REPORT && port <= PORT_TRAP)
			continue;
		switch (port % 6) {
		case 0: out8(port, random64()); break;
		case 1: out16(port, random64()); break;
		case 2: out32(port, random64()); break;
		case 3: in8(port); break;
		case 4: in16(port); break;
		default: in32(port); break;
		}
		out8(port, port);
	}
}

TEST(garbage_to_all_ports)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	enum guest_result result;
	u32 from, seen;

	for (from = 0; from < 0x10000; from += 0x4000) {
		vcpu_start64(c, FN(all_ports), from);
		for (seen = 0; ; seen++) {
			result = guest_run(c);
			if (result != GUEST_EXIT)
				break;
			ASSERT_EQ(LODGE_EXIT_IO, c->run->exit_reason);
			c->run->io.data = seen;
		}
		ASSERT_EQ(GUEST_DONE, result);
		EXPECT_EQ(0x8000 - (from ? 0 : 10), seen);
	}
	vm_free(vm);
}

LODGE_TEST_MAIN
