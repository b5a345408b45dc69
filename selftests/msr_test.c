// SPDX-License-Identifier: GPL-2.0-only
/* Model specific registers: RDMSR and WRMSR, well used and badly. */
#include "harness.h"

#define GP	13

static void msr_good(void)
{
	static const u32 addresses[] = {
		0x175, 0x176,				/* SYSENTER_ESP, EIP */
		0xc0000082, 0xc0000083,			/* LSTAR, CSTAR */
		0xc0000100, 0xc0000102,			/* FS base, kernel GS base */
	};
	u64 v, gs = rdmsr(0xc0000101);
	unsigned int i;

	for (i = 0; i < sizeof(addresses) / 4; i++) {
		wrmsr(addresses[i], 0x7ffffffff000);
		GUEST_EQ(0x7ffffffff000, rdmsr(addresses[i]));
		wrmsr(addresses[i], 0xffff800000000000);
		GUEST_EQ(0xffff800000000000, rdmsr(addresses[i]));
		wrmsr(addresses[i], 0);
	}
	wrmsr(0xc0000081, 0x1234567800000000);		/* STAR */
	GUEST_EQ(0x1234567800000000, rdmsr(0xc0000081));
	wrmsr(0xc0000084, 0x47700);			/* SFMASK */
	GUEST_EQ(0x47700, rdmsr(0xc0000084));
	wrmsr(0x174, 0x10);				/* SYSENTER_CS */
	GUEST_EQ(0x10, rdmsr(0x174));
	wrmsr(0x277, 0x0007040600070406);		/* PAT */
	GUEST_EQ(0x0007040600070406, rdmsr(0x277));
	wrmsr(0xc0000101, gs);
	GUEST_EQ(gs, rdmsr(0xc0000101));
	/* upper halves of RAX and RDX are not looked at, and come back clear */
	asm volatile("rdmsr; shlq $32, %%rdx; orq %%rdx, %%rax"
		     : "=a" (v) : "c" (0xc0000080), "a" (-1UL), "d" (-1UL));
	GUEST_EQ(0xd01, v);
	GUEST_EQ(0xfee00900, rdmsr(MSR_APIC_BASE));
	GUEST_ASSERT(rdmsr(0x10) < rdmsr(0x10));
	v = rdtsc();
	GUEST_ASSERT(rdmsr(0x10) > v);
}

TEST(msr)
{
	RUN_GUEST(msr_good, 0);
}

static void msr_bad(void)
{
	u64 v, efer = rdmsr(0xc0000080);

	/* no such register */
	GUEST_EQ(GP, try_rdmsr(0x12345, &v));
	GUEST_EQ(0, guest_caught.error);
	GUEST_EQ(GP, try_wrmsr(0x12345, 0));
	GUEST_EQ(GP, try_rdmsr(0xdeadbeef, &v));
	GUEST_EQ(GP, try_rdmsr(0xffffffff, &v));
	GUEST_EQ(GP, try_wrmsr(0xc0010117, 0x1000));	/* VM_HSAVE_PA */
	GUEST_EQ(GP, try_rdmsr(0x480, &v));		/* VMX_BASIC */
	/* values that they cannot have */
	GUEST_EQ(GP, try_wrmsr(0xc0000080, efer | 1 << 12));	/* SVME */
	GUEST_EQ(GP, try_wrmsr(0xc0000080, efer | 1 << 1));
	GUEST_EQ(GP, try_wrmsr(0xc0000080, efer | 1UL << 63));
	GUEST_EQ(efer, rdmsr(0xc0000080));
	if (!on_tcg) {		/* QEMU's WRMSR takes any address */
		GUEST_EQ(GP, try_wrmsr(0xc0000082, 0x800000000000000));
		GUEST_EQ(GP, try_wrmsr(0x176, 0x800000000000000));
		GUEST_EQ(GP, try_wrmsr(0xc0000101, 0x800000000000000));
	}
	GUEST_EQ(GP, try_wrmsr(0x277, 0x0007040600070402));	/* type 2 */
	GUEST_EQ(GP, try_wrmsr(0x277, 0x0807040600070406));	/* type 8 */
	GUEST_EQ(GP, try_wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 1UL << 60));
	GUEST_EQ(GP, try_wrmsr(0xfe, 0));		/* MTRRcap is for reading */
	/* the x2APIC's registers are there in x2APIC mode only */
	GUEST_EQ(GP, try_rdmsr(MSR_X2APIC(APIC_ID), &v));
	/* RIP was that of the instruction */
	try_rdmsr(0x12345, &v);
	GUEST_EQ(0x320f, *(volatile u16 *)guest_caught.rip);
}

TEST(msr_faults)
{
	RUN_GUEST(msr_bad, 0);
}

/* Registers by which stock kernels look around: no fault. */
static void msr_looked_at(void)
{
	u32 a, b, c, d;
	u64 v;

	cpuid(0, 0, &a, &b, &c, &d);
	GUEST_EQ(NO_VECTOR, try_rdmsr(0x8b, &v));	/* microcode revision */
	GUEST_EQ(NO_VECTOR, try_wrmsr(0x8b, 0));
	GUEST_EQ(NO_VECTOR, try_rdmsr(0xfe, &v));	/* MTRRcap */
	GUEST_EQ(NO_VECTOR, try_rdmsr(0x2ff, &v));
	GUEST_EQ(NO_VECTOR, try_rdmsr(0x200, &v));
	GUEST_EQ(NO_VECTOR, try_rdmsr(0x179, &v));	/* MCG_CAP */
	GUEST_EQ(NO_VECTOR, try_rdmsr(0x17a, &v));
	if (c == 0x444d4163)				/* "cAMD" */
		GUEST_EQ(NO_VECTOR, try_rdmsr(0xc0010015, &v));	/* HWCR */
	GUEST_EQ(NO_VECTOR, try_rdmsr(0xc0010010, &v));	/* SYSCFG */
	GUEST_EQ(NO_VECTOR, try_wrmsr(0x1d9, 0));	/* DEBUGCTL */
}

TEST(msr_of_stock_kernels)
{
	RUN_GUEST(msr_looked_at, 0);
}

static void tsc_registers(void)
{
	u64 t, adjust;

	t = rdtsc();
	wrmsr(0x10, t + 0x100000000000);
	GUEST_ASSERT(rdtsc() - t >= 0x100000000000);
	GUEST_ASSERT(rdtsc() - t < 0x110000000000);
	adjust = rdmsr(0x3b);
	GUEST_ASSERT(adjust > 0x0f0000000000 && adjust < 0x110000000000);
	wrmsr(0x3b, adjust - 0x100000000000);
	GUEST_ASSERT(rdtsc() - t < 0x010000000000);
	GUEST_EQ(adjust - 0x100000000000, rdmsr(0x3b));
}

TEST(msr_tsc)
{
	RUN_GUEST(tsc_registers, 0);
}

/* Garbage to every register that may exist, and to some that may not. */
static bool dangerous(u32 index)
{
	switch (index) {
	case 0x10:			/* time */
	case 0x3b:
	case 0x6e0:
	case MSR_APIC_BASE:		/* may only go from mode to mode */
	case MSR_X2APIC(APIC_ICR):	/* may INIT this very vCPU */
	case 0x11:			/* KVM's clocks: they write to memory */
	case 0x12:
	case 0x4b564d00:
	case 0x4b564d01:
		return true;
	}
	return false;
}

static void hit_msr(u32 index)
{
	static const u64 values[] = { 0, 1, -1UL, 0x80000000, 1UL << 47 };
	u64 gs = rdmsr(0xc0000101);
	u64 old, v;
	unsigned int i;
	bool readable;

	readable = try_rdmsr(index, &old) == NO_VECTOR;
	GUEST_ASSERT(readable || guest_caught.vector == GP);
	if (dangerous(index))
		return;
	for (i = 0; i < sizeof(values) / 8; i++) {
		try_wrmsr(index, values[i]);
		GUEST_ASSERT(guest_caught.vector == NO_VECTOR ||
			     guest_caught.vector == GP);
	}
	try_wrmsr(index, random64());
	if (readable)
		try_wrmsr(index, old);
	try_rdmsr(index, &v);
	wrmsr(0xc0000101, gs);
}

static void hit_msrs(u64 from)
{
	int i;

	for (i = 0; i < 0x400; i++)
		hit_msr(from + i);
}

TEST(garbage_to_msrs)
{
	static const u32 from[] = {
		0, 0x400, 0x800, 0xc00, 0x1000, 0x1c00, 0x40000000, 0x4b564d00,
		0xc0000000, 0xc0001c00, 0xc0010000, 0xc0011000, 0xfffffc00,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(from); i++)
		RUN_GUEST(hit_msrs, from[i]);
}

static void hit_random_msrs(void)
{
	int i;

	for (i = 0; i < 2000; i++)
		hit_msr(random64());
}

TEST(garbage_to_random_msrs)
{
	RUN_GUEST(hit_random_msrs, 0);
}

LODGE_TEST_MAIN
