// SPDX-License-Identifier: GPL-2.0-only
/* The timer of a local APIC: one-shot, periodic, TSC deadline. */
#include "apic_fixture.h"

FIXTURE(x2apic) {
	int unused;
};

FIXTURE_SETUP(x2apic)
{
	setup();
	enable_x2apic();
}

FIXTURE_TEARDOWN(x2apic)
{
	teardown();
}

TEST_F(x2apic, one_shot)
{
	wr(0, X2(LAPIC_LVT), 0x40);
	wr(0, X2(LAPIC_TDCR), 0xb);	/* 1 */
	wr(0, X2(LAPIC_TMICT), 10 * MS);
	EXPECT_EQ(10 * MS, rd(0, X2(LAPIC_TMCCT)));
	advance(4 * MS);
	EXPECT_EQ(6 * MS, rd(0, X2(LAPIC_TMCCT)));
	EXPECT_EQ(-1, take(0));
	/* Half the speed from here: 6 ms of counts take 12. */
	wr(0, X2(LAPIC_TDCR), 0);
	EXPECT_EQ(6 * MS, rd(0, X2(LAPIC_TMCCT)));
	advance(12 * MS - 1);
	EXPECT_EQ(1, rd(0, X2(LAPIC_TMCCT)));
	EXPECT_EQ(-1, take(0));
	kicks = 0;
	advance(1);
	EXPECT_EQ(1, kicks);
	EXPECT_EQ(0, rd(0, X2(LAPIC_TMCCT)));
	EXPECT_EQ(0x40, take(0));
	wr(0, X2(LAPIC_EOI), 0);
	advance(1000 * MS);
	EXPECT_EQ(-1, take(0));
	EXPECT_EQ(10 * MS, rd(0, X2(LAPIC_TMICT)));
	/* Masked: it counts and says nothing. */
	wr(0, X2(LAPIC_LVT), 0x10040);
	wr(0, X2(LAPIC_TMICT), 1000);
	advance(MS);
	EXPECT_EQ(-1, take(0));
	/* 0 stops it; and so does INIT. */
	wr(0, X2(LAPIC_LVT), 0x40);
	wr(0, X2(LAPIC_TMICT), 1000);
	wr(0, X2(LAPIC_TMICT), 0);
	EXPECT_FALSE(vcpus[0].lapic->hrtimer.queued);
	wr(0, X2(LAPIC_TMICT), 1000);
	lodge_lapic_reset(&vcpus[0], true);
	EXPECT_FALSE(vcpus[0].lapic->hrtimer.queued);
	advance(MS);
	EXPECT_EQ(-1, take(0));
}

TEST_F(x2apic, divide)
{
	static const u8 code[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(code); i++) {
		wr(0, X2(LAPIC_TDCR), code[i]);
		wr(0, X2(LAPIC_TMICT), 0xffffffff);
		advance(1000 << i);
		EXPECT_EQ(0xffffffff - 1000, rd(0, X2(LAPIC_TMCCT)));
	}
}

TEST_F(x2apic, periodic)
{
	int i, ticks;

	wr(0, X2(LAPIC_LVT), 0x20040);
	wr(0, X2(LAPIC_TDCR), 0xb);
	wr(0, X2(LAPIC_TMICT), 4 * MS);
	for (i = 0; i < 5; i++) {
		advance(4 * MS);
		EXPECT_EQ(4 * MS, rd(0, X2(LAPIC_TMCCT)));
		EXPECT_EQ(0x40, take(0));
		wr(0, X2(LAPIC_EOI), 0);
	}
	/* A vCPU that does not run: one tick is left, in the old rhythm. */
	advance(41 * MS);
	EXPECT_FALSE(vcpus[0].lapic->hrtimer.queued);
	EXPECT_EQ(3 * MS, rd(0, X2(LAPIC_TMCCT)));
	EXPECT_EQ(0x40, take(0));
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(-1, take(0));
	advance(3 * MS - 1);
	EXPECT_EQ(-1, take(0));
	advance(1);
	EXPECT_EQ(0x40, take(0));
	wr(0, X2(LAPIC_EOI), 0);
	/* No storms: at most 5000 a second, and the count stays in range. */
	wr(0, X2(LAPIC_TMICT), 3000);
	for (i = ticks = 0; i < 100000; i++) {
		advance(1000);
		EXPECT_GE(3000, rd(0, X2(LAPIC_TMCCT)));
		if (take(0) == 0x40) {
			wr(0, X2(LAPIC_EOI), 0);
			ticks++;
		}
	}
	EXPECT_GE(501, ticks);
	EXPECT_LE(450, ticks);
	wr(0, X2(LAPIC_TMICT), 1);
	for (i = ticks = 0; i < 1000; i++) {
		advance(1000);
		ticks += next(0) == 0x40;
	}
	/* From periodic to one-shot: the last one. */
	wr(0, X2(LAPIC_LVT), 0x40);
	advance(MS);
	while (take(0) >= 0)
		wr(0, X2(LAPIC_EOI), 0);
	advance(MS);
	EXPECT_EQ(-1, take(0));
}

TEST_F(x2apic, tsc_deadline)
{
	u64 tsc;
	int i;

	/* Not in the other modes */
	wr(0, MSR_IA32_TSC_DEADLINE, ~0ULL);
	EXPECT_EQ(0, rd(0, MSR_IA32_TSC_DEADLINE));
	wr(0, X2(LAPIC_LVT), 0x40040);
	wr(0, X2(LAPIC_TMICT), 1000);
	EXPECT_EQ(0, rd(0, X2(LAPIC_TMICT)));

	vcpus[0].tsc_offset = -rdtsc();
	tsc = 2000 * 1000;		/* 1 ms */
	wr(0, MSR_IA32_TSC_DEADLINE, tsc);
	EXPECT_EQ(tsc, rd(0, MSR_IA32_TSC_DEADLINE));
	advance(MS - 2);
	EXPECT_EQ(-1, take(0));
	advance(10);
	EXPECT_EQ(0, rd(0, MSR_IA32_TSC_DEADLINE));
	EXPECT_EQ(0x40, take(0));
	wr(0, X2(LAPIC_EOI), 0);
	/* In the past: at once, and for that no timer */
	vcpus[0].requests = 0;
	wr(0, MSR_IA32_TSC_DEADLINE, 1);
	EXPECT_TRUE(vcpus[0].requests & BIT(REQ_EVENT));
	EXPECT_EQ(0x40, take(0));
	EXPECT_EQ(0, rd(0, MSR_IA32_TSC_DEADLINE));
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(-1, take(0));
	/* Disarmed by 0 and by another mode */
	wr(0, MSR_IA32_TSC_DEADLINE, tsc * 100);
	EXPECT_TRUE(vcpus[0].lapic->hrtimer.queued);
	wr(0, MSR_IA32_TSC_DEADLINE, 0);
	EXPECT_FALSE(vcpus[0].lapic->hrtimer.queued);
	wr(0, MSR_IA32_TSC_DEADLINE, tsc * 100);
	wr(0, X2(LAPIC_LVT), 0x40);
	EXPECT_FALSE(vcpus[0].lapic->hrtimer.queued);
	wr(0, X2(LAPIC_TMICT), 1000);
	wr(0, X2(LAPIC_LVT), 0x40040);
	EXPECT_EQ(0, rd(0, MSR_IA32_TSC_DEADLINE));
	EXPECT_EQ(0, rd(0, X2(LAPIC_TMICT)));
	EXPECT_FALSE(vcpus[0].lapic->hrtimer.queued);
	/* Never: no overflow makes it early. */
	wr(0, MSR_IA32_TSC_DEADLINE, ~0ULL);
	kicks = 0;
	for (i = 0; i < 100; i++) {
		advance(1000000 * MS);
		EXPECT_EQ(-1, take(0));
	}
	EXPECT_GE(11, kicks);
	wr(0, MSR_IA32_TSC_DEADLINE,
	   rdtsc() + vcpus[0].tsc_offset + U64_MAX / USEC_PER_SEC + 1);
	kicks = 0;
	advance(MS);
	EXPECT_EQ(0, kicks);
	wr(0, MSR_IA32_TSC_DEADLINE, ~0ULL);
	EXPECT_EQ(~0ULL, rd(0, MSR_IA32_TSC_DEADLINE));
	/* The guest's counter moves to it. */
	wr(0, MSR_IA32_TSC_DEADLINE, rdtsc() + vcpus[0].tsc_offset + tsc);
	vcpus[0].tsc_offset += tsc;
	lodge_lapic_tsc_moved(&vcpus[0]);
	EXPECT_EQ(0x40, take(0));
}

TEST_HARNESS_MAIN
