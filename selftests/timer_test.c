// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's timer in its three modes, and the APIC's own modes. */
#include "harness.h"

/*
 * How late an emulated, loaded machine may be; an interrupt that is early is
 * always wrong.
 */
#define LATE_NS		400000000ULL
#define MS		1000000ULL

static u64 khz;			/* of the time stamp counter: set by the test */
static u64 slow;		/* patience(), for times that must not pass meanwhile */
static u64 timer_hz;		/* ticks a second of the APIC's timer, divided by 1 */

static void count(struct guest_frame *f)
{
	guest_counts[f->vector]++;
	x2apic_write(APIC_EOI, 0);
}

static u64 ns_of(u64 tsc)
{
	return tsc * 1000 / khz * 1000;
}

static void timer_on(u32 lvt)
{
	guest_handlers[0xef] = count;
	guest_x2apic_on();
	x2apic_write(APIC_TDCR, 0xb);		/* by 1 */
	x2apic_write(APIC_LVT_TIMER, lvt | 0xef);
}

/* What rate it has is the module's choice: measured against the TSC. */
static void measure(void)
{
	u64 t;
	u32 n;

	timer_on(1 << 16);
	x2apic_write(APIC_TMICT, -1u);
	t = rdtsc();
	guest_delay(khz * 50);
	n = -1u - x2apic_read(APIC_TMCCT);
	t = rdtsc() - t;
	timer_hz = n * (khz * 1000) / t;
	GUEST_ASSERT(timer_hz > 1000000);
	guest_report(timer_hz);
	x2apic_write(APIC_TMICT, 0);
	guest_irq_window();
	GUEST_EQ(0, guest_counts[0xef]);	/* it was masked */
}

static void one_shot(void)
{
	u64 begin, t;
	int i;

	measure();
	x2apic_write(APIC_LVT_TIMER, 0xef);
	for (i = 1; i <= 5; i++) {
		begin = rdtsc();
		x2apic_write(APIC_TMICT, timer_hz / 100 * i);	/* 10 ms * i */
		while (guest_counts[0xef] < i)
			guest_sleep();
		t = ns_of(rdtsc() - begin);
		GUEST_ASSERT(t >= 95 * MS / 10 * i);
		GUEST_ASSERT(t <= 105 * MS / 10 * i + LATE_NS);
		GUEST_EQ(0, x2apic_read(APIC_TMCCT));
	}
	/* it was one shot: no more */
	guest_delay(khz * 30);
	guest_irq_window();
	GUEST_EQ(5, guest_counts[0xef]);
	/* stopped before its time */
	x2apic_write(APIC_TMICT, timer_hz / 100 * slow);
	x2apic_write(APIC_TMICT, 0);
	guest_delay(khz * slow * 30);
	guest_irq_window();
	GUEST_EQ(5, guest_counts[0xef]);
	/* with the guest awake and spinning */
	x2apic_write(APIC_TMICT, timer_hz / 100);
	guest_irq_on();
	begin = rdtsc();
	while (guest_counts[0xef] < 6)
		GUEST_ASSERT(ns_of(rdtsc() - begin) < LATE_NS + 10 * MS);
	guest_irq_off();
	/* divided by 16 */
	x2apic_write(APIC_TDCR, 3);
	begin = rdtsc();
	x2apic_write(APIC_TMICT, timer_hz / 1600);
	guest_sleep();
	GUEST_EQ(7, guest_counts[0xef]);
	t = ns_of(rdtsc() - begin);
	GUEST_ASSERT(t >= 95 * MS / 10);
	GUEST_ASSERT(t <= 10 * MS + LATE_NS);
}

static void periodic(void)
{
	u64 begin, t, cost = -1UL;
	int i;

	measure();
	x2apic_write(APIC_LVT_TIMER, 1 << 17 | 0xef);
	begin = rdtsc();
	x2apic_write(APIC_TMICT, timer_hz / 100);	/* every 10 ms */
	while (guest_counts[0xef] < 20)
		guest_sleep();
	t = ns_of(rdtsc() - begin);
	GUEST_ASSERT(t >= 190 * MS);
	GUEST_ASSERT(t <= 210 * MS + LATE_NS);
	/* the count runs from the top again and again */
	GUEST_ASSERT(x2apic_read(APIC_TMCCT) <= timer_hz / 100);
	x2apic_write(APIC_LVT_TIMER, 1 << 17 | 1 << 16 | 0xef);
	guest_irq_window();
	t = guest_counts[0xef];
	guest_delay(khz * 30);
	guest_irq_window();
	GUEST_EQ(t, guest_counts[0xef]);
	x2apic_write(APIC_TMICT, 0);
	/*
	 * A period that cannot be served does not hang host or guest; but where an
	 * exit takes longer than the shortest period that there is, as in Bochs with
	 * some kernels, the guest would do nothing but serve it, as on hardware.
	 */
	for (i = 0; i < 8; i++) {
		begin = rdtsc();
		x2apic_write(APIC_TMICT, 0);
		begin = rdtsc() - begin;
		if (begin < cost)
			cost = begin;
	}
	if (ns_of(cost) > MS / 10)
		return;
	x2apic_write(APIC_LVT_TIMER, 1 << 17 | 0xef);
	x2apic_write(APIC_TMICT, 1);
	guest_irq_on();
	guest_delay(khz * 20);
	guest_irq_off();
	x2apic_write(APIC_TMICT, 0);
	GUEST_ASSERT(guest_counts[0xef] > t);
}

static void deadline(void)
{
	u64 begin, t, late;
	int i;

	timer_on(2 << 17);
	x2apic_write(APIC_TMICT, 1000);			/* not used in this mode */
	GUEST_EQ(0, rdmsr(0x6e0));
	for (i = 1; i <= 5; i++) {
		begin = rdtsc();
		t = begin + khz * 10 * i;
		wrmsr(0x6e0, t);
		while (guest_counts[0xef] < i)
			guest_sleep();
		late = rdtsc();
		GUEST_ASSERT(late >= t);
		GUEST_ASSERT(ns_of(late - t) < LATE_NS);
		GUEST_EQ(0, rdmsr(0x6e0));
	}
	/* what is past comes at once */
	wrmsr(0x6e0, 1);
	guest_irq_window();
	GUEST_EQ(6, guest_counts[0xef]);
	wrmsr(0x6e0, rdtsc());
	guest_irq_window();
	GUEST_EQ(7, guest_counts[0xef]);
	/* disarmed */
	wrmsr(0x6e0, rdtsc() + khz * slow * 20);
	wrmsr(0x6e0, 0);
	guest_delay(khz * slow * 40);
	guest_irq_window();
	GUEST_EQ(7, guest_counts[0xef]);
	/* moved on, so the first deadline does not count */
	wrmsr(0x6e0, rdtsc() + khz * slow * 20);
	wrmsr(0x6e0, rdtsc() + khz * slow * 60);
	guest_delay(khz * slow * 30);
	guest_irq_window();
	GUEST_EQ(7, guest_counts[0xef]);
	guest_sleep();
	GUEST_EQ(8, guest_counts[0xef]);
	/* so far away that it must not overflow anything */
	wrmsr(0x6e0, -1UL);
	GUEST_EQ(-1UL, rdmsr(0x6e0));
	guest_delay(khz * 10);
	guest_irq_window();
	GUEST_EQ(8, guest_counts[0xef]);
	/* another mode forgets it */
	x2apic_write(APIC_LVT_TIMER, 0xef);
	GUEST_EQ(0, rdmsr(0x6e0));
}

static enum guest_result run_timer(void (*fn)(void))
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	enum guest_result result;

	GUEST(vm, khz) = lodge_get_info()->tsc_khz;
	GUEST(vm, slow) = patience();
	vcpu_start64(c, FN(fn), 0);
	do {
		result = guest_expect(c, GUEST_DONE);
	} while (result == GUEST_REPORT);
	vm_free(vm);
	return result;
}

TEST(timer_one_shot)
{
	ASSERT_EQ(GUEST_DONE, run_timer(one_shot));
}

TEST(timer_periodic)
{
	ASSERT_EQ(GUEST_DONE, run_timer(periodic));
}

TEST(timer_tsc_deadline)
{
	ASSERT_EQ(GUEST_DONE, run_timer(deadline));
}

/* The clock of the test is not the guest's: both must agree on a second. */
static void half_second(void)
{
	guest_report(1);
	guest_delay(khz * 500);
	guest_report(2);
}

TEST(tsc_rate)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	u64 t;

	GUEST(vm, khz) = lodge_get_info()->tsc_khz;
	vcpu_start64(c, FN(half_second), 0);
	ASSERT_GUEST(GUEST_REPORT, c);
	t = now_ns();
	ASSERT_GUEST(GUEST_REPORT, c);
	t = now_ns() - t;
	EXPECT_LE(490 * MS, t);
	EXPECT_GE(510 * MS + LATE_NS, t);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* xAPIC mode: the register page. */
static void xapic_eoi(struct guest_frame *f)
{
	guest_counts[f->vector]++;
	xapic_write(APIC_EOI, 0);
}

static void xapic(void)
{
	volatile u32 *page = (void *)APIC_BASE;

	GUEST_EQ(0xfee00900, rdmsr(MSR_APIC_BASE));
	GUEST_EQ(0, xapic_read(APIC_ID));
	GUEST_ASSERT((xapic_read(APIC_VERSION) & 0xff) >= 0x10);
	GUEST_ASSERT((xapic_read(APIC_VERSION) >> 16 & 0xff) >= 3);
	GUEST_EQ(0xff, xapic_read(APIC_SVR));		/* after reset: off */
	GUEST_EQ(1 << 16, xapic_read(APIC_LVT_TIMER));
	GUEST_EQ(1 << 16, xapic_read(APIC_LVT_LINT0));
	GUEST_EQ(-1u, xapic_read(APIC_DFR));
	guest_xapic_on();
	guest_handlers[0x55] = xapic_eoi;
	xapic_write(APIC_ICR2, 0);
	xapic_write(APIC_ICR, 0x55);			/* to APIC ID 0 */
	GUEST_EQ(1 << (0x55 & 31), xapic_read(APIC_IRR + 0x20));
	guest_irq_window();
	GUEST_EQ(1, guest_counts[0x55]);
	/* logical, flat */
	xapic_write(APIC_DFR, -1u);
	xapic_write(APIC_LDR, 0x04000000);
	xapic_write(APIC_ICR2, 0x04000000);
	xapic_write(APIC_ICR, 0x855);
	guest_irq_window();
	GUEST_EQ(2, guest_counts[0x55]);
	xapic_write(APIC_ICR2, 0x08000000);		/* somebody else */
	xapic_write(APIC_ICR, 0x855);
	guest_irq_window();
	GUEST_EQ(2, guest_counts[0x55]);
	/* the timer by MMIO */
	xapic_write(APIC_LVT_TIMER, 0x55);
	xapic_write(APIC_TDCR, 0xb);
	xapic_write(APIC_TMICT, 1000);
	guest_sleep();
	GUEST_EQ(3, guest_counts[0x55]);
	/* reserved places and odd widths do no harm */
	page[0x3f0 / 4] = -1u;
	(void)page[0];
	*(volatile u8 *)(APIC_BASE + APIC_TPR) = 0x20;
	*(volatile u64 *)(APIC_BASE + 0x3e8) = -1UL;
	(void)*(volatile u64 *)(APIC_BASE + 0xffc - 4);
	xapic_write(APIC_TPR, 0);
	/* another page: what was there is nothing now */
	wrmsr(MSR_APIC_BASE, 0xfee00900);
}

TEST(xapic_page)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start64(c, FN(xapic), 0);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

static void modes(void)
{
	u64 v;

	/* xAPIC to x2APIC */
	GUEST_EQ(13, try_rdmsr(MSR_X2APIC(APIC_ID), &v));
	wrmsr(MSR_APIC_BASE, 0xfee00d00);
	GUEST_EQ(0, rdmsr(MSR_X2APIC(APIC_ID)));
	GUEST_EQ(1, rdmsr(MSR_X2APIC(APIC_LDR)));
	/* not back, but through off */
	GUEST_EQ(13, try_wrmsr(MSR_APIC_BASE, 0xfee00900));
	GUEST_EQ(0xfee00d00, rdmsr(MSR_APIC_BASE));
	GUEST_EQ(NO_VECTOR, try_wrmsr(MSR_APIC_BASE, 0xfee00100));
	GUEST_EQ(13, try_rdmsr(MSR_X2APIC(APIC_ID), &v));
	GUEST_EQ(13, try_wrmsr(MSR_APIC_BASE, 0xfee00d00));	/* off to x2APIC */
	GUEST_EQ(13, try_wrmsr(MSR_APIC_BASE, 0xfee00500));	/* x2APIC and off */
	GUEST_EQ(NO_VECTOR, try_wrmsr(MSR_APIC_BASE, 0xfee00900));
	GUEST_EQ(0xff, xapic_read(APIC_SVR));
	/* registers that x2APIC mode does not have, or not for writing */
	wrmsr(MSR_APIC_BASE, 0xfee00d00);
	GUEST_EQ(13, try_wrmsr(MSR_X2APIC(APIC_ID), 1));
	GUEST_EQ(13, try_wrmsr(MSR_X2APIC(APIC_LDR), 1));
	GUEST_EQ(13, try_rdmsr(MSR_X2APIC(APIC_DFR), &v));
	GUEST_EQ(13, try_rdmsr(MSR_X2APIC(APIC_ICR2), &v));
	GUEST_EQ(13, try_rdmsr(MSR_X2APIC(APIC_EOI), &v));
	GUEST_EQ(13, try_rdmsr(MSR_X2APIC(APIC_SELF_IPI), &v));
	GUEST_EQ(13, try_wrmsr(MSR_X2APIC(APIC_TMCCT), 1));
	GUEST_EQ(13, try_wrmsr(MSR_X2APIC(APIC_TPR), 0x100));
	GUEST_EQ(13, try_wrmsr(MSR_X2APIC(APIC_ESR), 1));
	GUEST_EQ(13, try_rdmsr(0x800 + 0xff, &v));
}

TEST(apic_modes)
{
	RUN_GUEST(modes, 0);
}

LODGE_TEST_MAIN
