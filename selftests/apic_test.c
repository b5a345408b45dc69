// SPDX-License-Identifier: GPL-2.0-only
/* Local APICs: priorities, registers, modes, destinations, their state. */
#include "apic_fixture.h"

FIXTURE(xapic) {
	int unused;
};

FIXTURE_SETUP(xapic)
{
	setup();
	enable_xapic();
}

FIXTURE_TEARDOWN(xapic)
{
	teardown();
}

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

TEST_F(x2apic, priorities)
{
	EXPECT_EQ(-1, next(0));
	EXPECT_EQ(1, msi(0, 0, 0x31));
	EXPECT_EQ(1, msi(0, 0, 0x35));
	EXPECT_EQ(1, msi(0, 0, 0x52));
	EXPECT_TRUE(vcpus[0].requests & BIT(REQ_EVENT));
	EXPECT_EQ(3, kicks);
	EXPECT_EQ(0x52, take(0));
	EXPECT_EQ(0x50, rd(0, X2(LAPIC_PPR)));
	/* The same class has to wait, a higher one has not. */
	EXPECT_EQ(1, msi(0, 0, 0x5f));
	EXPECT_EQ(-1, take(0));
	EXPECT_EQ(1, msi(0, 0, 0xe0));
	EXPECT_EQ(0xe0, take(0));
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	EXPECT_EQ(0, vcpus[0].requests);
	EXPECT_EQ(-1, take(0));
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	/* The end of one makes the vCPU look for the others. */
	EXPECT_TRUE(vcpus[0].requests & BIT(REQ_EVENT));
	EXPECT_EQ(0x5f, take(0));
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	EXPECT_EQ(0x35, take(0));
	EXPECT_EQ(BIT(0x35 & 31), rd(0, X2(LAPIC_ISR + 1)));
	EXPECT_EQ(BIT(0x31 & 31), rd(0, X2(LAPIC_IRR + 1)));
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	EXPECT_EQ(0x31, take(0));
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	EXPECT_EQ(-1, take(0));
	/* One end too many does nothing. */
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	EXPECT_EQ(0, rd(0, X2(LAPIC_PPR)));
}

TEST_F(x2apic, task_priority)
{
	EXPECT_EQ(0, wr(0, X2(LAPIC_TPR), 0x4c));
	EXPECT_EQ(4, lodge_lapic_get_cr8(&vcpus[0]));
	EXPECT_EQ(0x4c, rd(0, X2(LAPIC_PPR)));
	msi(0, 0, 0x4f);
	EXPECT_EQ(-1, take(0));
	msi(0, 0, 0x50);
	EXPECT_EQ(0x50, take(0));
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	EXPECT_EQ(0, vcpus[0].requests);
	lodge_lapic_set_cr8(&vcpus[0], 3);
	EXPECT_TRUE(vcpus[0].requests & BIT(REQ_EVENT));
	EXPECT_EQ(0x30, rd(0, X2(LAPIC_TPR)));
	EXPECT_EQ(0x4f, take(0));
	lodge_lapic_set_cr8(&vcpus[0], 15);
	EXPECT_EQ(0, wr(0, X2(LAPIC_EOI), 0));
	msi(0, 0, 0xff);
	EXPECT_EQ(-1, take(0));
}

/* Which registers can be read and written, with reserved bits refused. */
TEST_F(x2apic, registers)
{
	static const struct { u8 reg; bool rd, wr; u64 good, bad; } regs[] = {
		{ LAPIC_ID, true, false }, { LAPIC_VERSION, true, false },
		{ LAPIC_TPR, true, true, 0xff, 0x100 },
		{ LAPIC_PPR, true, false },
		{ LAPIC_EOI, false, true, 0, 1 },
		{ LAPIC_LDR, true, false },
		{ LAPIC_SVR, true, true, 0x1ff, 0x2000 },
		{ LAPIC_ESR, true, true, 0, 1 },
		{ LAPIC_ICR, true, true, 7ULL << 32 | 0x40f1, 0x2000 },
		{ LAPIC_LVT + LVT_TIMER, true, true, 0x500ff, 0x80000 },
		{ LAPIC_LVT + LVT_THERMAL, true, true, 0x104ff, 0x20000 },
		{ LAPIC_LVT + LVT_PERF, true, true, 0x104ff, 0x8000 },
		{ LAPIC_LVT + LVT_LINT0, true, true, 0x1a7ff, 0x20000 },
		{ LAPIC_LVT + LVT_LINT1, true, true, 0x1a7ff, 1ULL << 32 },
		{ LAPIC_LVT + LVT_ERROR, true, true, 0x100ff, 0x400 },
		{ LAPIC_TMICT, true, true, 0, 1ULL << 32 },
		{ LAPIC_TMCCT, true, false },
		{ LAPIC_TDCR, true, true, 0xb, 4 },
		{ LAPIC_SELF_IPI, false, true, 0xff, 0x100 },
	};
	u32 reg, i;

	for (reg = 0; reg < 0x100; reg++) {
		bool rd_ok = reg >= LAPIC_ISR && reg < LAPIC_ESR, wr_ok = false;
		u64 value = 0, good = 0, bad = 0;

		for (i = 0; i < ARRAY_SIZE(regs); i++) {
			if (regs[i].reg != reg)
				continue;
			rd_ok = regs[i].rd;
			wr_ok = regs[i].wr;
			good = regs[i].good;
			bad = regs[i].bad;
		}
		EXPECT_EQ(!rd_ok, lodge_lapic_msr(&vcpus[0], X2(reg), &value, false)) {
			TH_LOG("read of register 0x%x", reg);
		}
		EXPECT_EQ(!wr_ok, wr(0, X2(reg), good)) {
			TH_LOG("write of register 0x%x", reg);
		}
		if (!wr_ok)
			continue;
		EXPECT_EQ(1, wr(0, X2(reg), bad)) {
			TH_LOG("reserved bits of register 0x%x", reg);
		}
		if (rd_ok)
			EXPECT_EQ(good, rd(0, X2(reg)));
	}
	EXPECT_EQ(1, wr(0, X2(LAPIC_LVT + LVT_TIMER), 0x600ff));
	EXPECT_EQ(2, rd(2, X2(LAPIC_ID)));
	EXPECT_EQ(4, rd(2, X2(LAPIC_LDR)));
	/* The page is gone. */
	EXPECT_FALSE(lodge_lapic_mmio(&vcpus[0], APIC_BASE_RESET, &i, 4, false));
}

TEST_F(xapic, modes)
{
	u64 base = APIC_BASE_RESET | APIC_BASE_ENABLE;
	u32 value;

	EXPECT_EQ(base | APIC_BASE_BSP, rd(0, MSR_IA32_APICBASE));
	EXPECT_EQ(base, rd(1, MSR_IA32_APICBASE));
	EXPECT_EQ(1, wr(0, X2(LAPIC_TPR), 0));
	/* Reserved bits, and x2APIC without the enable bit */
	EXPECT_EQ(1, wr(0, MSR_IA32_APICBASE, base | 1));
	EXPECT_EQ(1, wr(0, MSR_IA32_APICBASE, base | BIT_ULL(9)));
	EXPECT_EQ(1, wr(0, MSR_IA32_APICBASE, base | BIT_ULL(40)));
	EXPECT_EQ(1, wr(0, MSR_IA32_APICBASE, APIC_BASE_RESET | APIC_BASE_X2APIC));
	/* xAPIC to x2APIC keeps the registers, and there is no way back */
	mmio_wr(0, LAPIC_TPR, 0x20);
	EXPECT_EQ(0, wr(0, MSR_IA32_APICBASE, base | APIC_BASE_X2APIC));
	EXPECT_EQ(base | APIC_BASE_X2APIC | APIC_BASE_BSP,
		  rd(0, MSR_IA32_APICBASE));
	EXPECT_EQ(0x20, rd(0, X2(LAPIC_TPR)));
	EXPECT_EQ(1, wr(0, MSR_IA32_APICBASE, base));
	/* but through disabled, which forgets all. */
	EXPECT_EQ(0, wr(0, MSR_IA32_APICBASE, APIC_BASE_RESET));
	EXPECT_EQ(1, wr(0, X2(LAPIC_TPR), 0));
	EXPECT_EQ(0, msi(0, 0, 0x50));
	EXPECT_EQ(1, wr(0, MSR_IA32_APICBASE, base | APIC_BASE_X2APIC));
	EXPECT_EQ(0, wr(0, MSR_IA32_APICBASE, base));
	EXPECT_EQ(0, mmio_rd(0, LAPIC_TPR));
	EXPECT_EQ(0xff, mmio_rd(0, LAPIC_SVR));
	/* The page can be moved. */
	EXPECT_EQ(0, wr(0, MSR_IA32_APICBASE, 0x12345000 | APIC_BASE_ENABLE));
	EXPECT_FALSE(lodge_lapic_mmio(&vcpus[0], APIC_BASE_RESET + 0x30, &value,
				      4, false));
	EXPECT_TRUE(lodge_lapic_mmio(&vcpus[0], 0x12345030, &value, 4, false));
	EXPECT_EQ(LAPIC_VERSION_VALUE, value);
	/* INIT keeps the mode. */
	lodge_lapic_set_base(&vcpus[0], base | APIC_BASE_X2APIC, true);
	lodge_lapic_reset(&vcpus[0], true);
	EXPECT_TRUE(lapic_x2apic(&vcpus[0]));
	lodge_lapic_reset(&vcpus[0], false);
	EXPECT_EQ(base | APIC_BASE_BSP, rd(0, MSR_IA32_APICBASE));
}

TEST_F(xapic, registers)
{
	u64 wide = ~0ULL;
	u8 byte = 0;
	int reg;

	EXPECT_EQ(3U << 24, mmio_rd(3, LAPIC_ID));
	EXPECT_EQ(DFR_FLAT, mmio_rd(0, LAPIC_DFR));
	mmio_wr(0, LAPIC_DFR, 0);
	EXPECT_EQ(DFR_CLUSTER, mmio_rd(0, LAPIC_DFR));
	mmio_wr(0, LAPIC_LDR, 0x12345678);
	EXPECT_EQ(0x12000000, mmio_rd(0, LAPIC_LDR));
	mmio_wr(0, LAPIC_ID, 0x55000000);
	EXPECT_EQ(0, mmio_rd(0, LAPIC_ID));
	/* Parts of registers can be read, not written. */
	lodge_lapic_mmio(&vcpus[0], APIC_BASE_RESET + 0x32, &byte, 1, false);
	EXPECT_EQ(LAPIC_VERSION_VALUE >> 16, byte);
	lodge_lapic_mmio(&vcpus[0], APIC_BASE_RESET + 0x30, &wide, 8, false);
	EXPECT_EQ(LAPIC_VERSION_VALUE, wide);
	lodge_lapic_mmio(&vcpus[0], APIC_BASE_RESET + 0x38, &wide, 8, false);
	EXPECT_EQ(0, wide);
	lodge_lapic_mmio(&vcpus[0], APIC_BASE_RESET + 0x80, &byte, 1, true);
	EXPECT_EQ(0, mmio_rd(0, LAPIC_TPR));
	/* Reserved registers are an error, which is shown when asked for. */
	mmio_wr(0, LAPIC_LVT + LVT_ERROR, 0xfe);
	EXPECT_EQ(0, mmio_rd(0, 0x05));
	EXPECT_EQ(0, mmio_rd(0, LAPIC_ESR));
	EXPECT_EQ(0xfe, take(0));
	mmio_wr(0, LAPIC_EOI, 0);
	EXPECT_EQ(-1, take(0));
	mmio_rd(0, 0x80);
	EXPECT_EQ(-1, take(0));
	mmio_wr(0, LAPIC_ESR, 0);
	EXPECT_EQ(BIT(ESR_REGISTER), mmio_rd(0, LAPIC_ESR));
	mmio_wr(0, LAPIC_ESR, 0);
	EXPECT_EQ(0, mmio_rd(0, LAPIC_ESR));
	/* Nothing that a guest can do to any of them is dangerous. */
	for (reg = 0; reg < 0x100; reg++) {
		mmio_wr(0, reg, 0xffffffff);
		mmio_rd(0, reg);
		mmio_wr(0, reg, 0);
	}
}

TEST_F(xapic, software_disable)
{
	mmio_wr(0, LAPIC_LVT + LVT_TIMER, 0x40);
	mmio_wr(0, LAPIC_LVT + LVT_LINT1, 0x400);
	msi(0, 0, 0x33);
	mmio_wr(0, LAPIC_SVR, 0xff);
	EXPECT_EQ(0x10040, mmio_rd(0, LAPIC_LVT + LVT_TIMER));
	EXPECT_EQ(0x10400, mmio_rd(0, LAPIC_LVT + LVT_LINT1));
	mmio_wr(0, LAPIC_LVT + LVT_TIMER, 0x40);
	EXPECT_EQ(0x10040, mmio_rd(0, LAPIC_LVT + LVT_TIMER));
	EXPECT_EQ(0, msi(0, 0, 0x44));
	/* What came before is still there; NMI and INIT get through. */
	EXPECT_EQ(0x33, take(0));
	EXPECT_EQ(-1, take(0));
	EXPECT_EQ(1, msi(0, 0, DELIVER_NMI << 8));
	EXPECT_EQ(1, atomic_read(&vcpus[0].nmi_queued));
	EXPECT_EQ(1, msi(0, 0, DELIVER_INIT << 8));
	EXPECT_EQ(1, atomic_read(&vcpus[0].init_pending));
}

TEST_F(xapic, destinations)
{
	int i;

	EXPECT_EQ(1, msi(2, 0, 0x41));
	EXPECT_EQ(4, who_got(0x41));
	EXPECT_EQ(0, msi(77, 0, 0x41));
	EXPECT_EQ(4, msi(0xff, 0, 0x41));
	EXPECT_EQ(15, who_got(0x41));

	for (i = 0; i < NR_TEST_VCPUS; i++)
		mmio_wr(i, LAPIC_LDR, 1U << (24 + i));
	EXPECT_EQ(2, msi(0x0a, 4, 0x42));
	EXPECT_EQ(0x0a, who_got(0x42));
	EXPECT_EQ(0, msi(0x50, 4, 0x42));
	EXPECT_EQ(4, msi(0xff, 4, 0x42));
	EXPECT_EQ(15, who_got(0x42));

	/* Clusters 1 and 2 of two each */
	for (i = 0; i < NR_TEST_VCPUS; i++) {
		mmio_wr(i, LAPIC_DFR, 0);
		mmio_wr(i, LAPIC_LDR, (i / 2 + 1) << 28 | 1U << (24 + i % 2));
	}
	EXPECT_EQ(1, msi(0x22, 4, 0x43));
	EXPECT_EQ(8, who_got(0x43));
	EXPECT_EQ(2, msi(0x13, 4, 0x43));
	EXPECT_EQ(3, who_got(0x43));
	EXPECT_EQ(0, msi(0x33, 4, 0x43));
	EXPECT_EQ(2, msi(0xf1, 4, 0x43));
	EXPECT_EQ(5, who_got(0x43));
}

TEST_F(x2apic, destinations)
{
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 3ULL << 32 | 0x41));
	EXPECT_EQ(8, who_got(0x41));
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 0xffULL << 32 | 0x41));
	EXPECT_EQ(0, who_got(0x41));
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 0xffffffffULL << 32 | 0x41));
	EXPECT_EQ(15, who_got(0x41));
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 0x0006ULL << 32 | 0x842));
	EXPECT_EQ(6, who_got(0x42));
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 0x10006ULL << 32 | 0x842));
	EXPECT_EQ(0, who_got(0x42));
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 0x40043));
	EXPECT_EQ(1, who_got(0x43));
	EXPECT_EQ(0, wr(1, X2(LAPIC_ICR), 0x80043));
	EXPECT_EQ(15, who_got(0x43));
	EXPECT_EQ(0, wr(1, X2(LAPIC_ICR), 0xc0043));
	EXPECT_EQ(13, who_got(0x43));
	kicks = 0;
	EXPECT_EQ(0, wr(2, X2(LAPIC_SELF_IPI), 0x44));
	EXPECT_EQ(4, who_got(0x44));
	EXPECT_EQ(0, kicks);
	/* 8-bit senders reach all of them with 0xff. */
	EXPECT_EQ(4, msi(0xff, 0, 0x45));
	EXPECT_EQ(15, who_got(0x45));
	EXPECT_EQ(2, msi(0x03, 4, 0x45));
	EXPECT_EQ(3, who_got(0x45));
	/* Vectors below 16 are errors at both ends. */
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 1ULL << 32 | 0x0f));
	EXPECT_EQ(0, msi(1, 0, 0x0f));
	EXPECT_EQ(0, wr(0, X2(LAPIC_ESR), 0));
	EXPECT_EQ(0, wr(1, X2(LAPIC_ESR), 0));
	EXPECT_EQ(BIT(ESR_SEND_VECTOR), rd(0, X2(LAPIC_ESR)));
	EXPECT_EQ(BIT(ESR_RECEIVE_VECTOR), rd(1, X2(LAPIC_ESR)));
	/* An error interrupt without a vector does not recurse. */
	EXPECT_EQ(0, wr(0, X2(LAPIC_LVT + LVT_ERROR), 0));
	EXPECT_EQ(0, wr(0, X2(LAPIC_SELF_IPI), 1));
	EXPECT_EQ(0, wr(0, X2(LAPIC_ESR), 0));
	EXPECT_EQ(BIT(ESR_SEND_VECTOR) | BIT(ESR_RECEIVE_VECTOR),
		  rd(0, X2(LAPIC_ESR)));
}

TEST_F(x2apic, lowest_priority)
{
	int i, who = 0;

	/* In turns while they are equal */
	for (i = 0; i < NR_TEST_VCPUS; i++) {
		EXPECT_EQ(1, msi(0xff, 4, 0x141));
		who += who_got(0x41);
	}
	EXPECT_EQ(15, who);
	for (i = 0; i < NR_TEST_VCPUS; i++)
		wr(i, X2(LAPIC_TPR), i == 2 ? 0x10 : 0x20);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, msi(0xff, 4, 0x141));
		EXPECT_EQ(4, who_got(0x41));
	}
	/* The redirection hint is the same; who is off is not asked. */
	wr(2, X2(LAPIC_SVR), 0xff);
	wr(1, X2(LAPIC_TPR), 0);
	EXPECT_EQ(1, msi(0x06, 4 | 8, 0x42));
	EXPECT_EQ(2, who_got(0x42));
	EXPECT_EQ(0, msi(0x04, 4 | 8, 0x42));
}

TEST_F(x2apic, nmi_init_startup)
{
	int i;

	for (i = 0; i < 5; i++)
		wr(0, X2(LAPIC_ICR), 1ULL << 32 | DELIVER_NMI << 8);
	EXPECT_EQ(2, atomic_read(&vcpus[1].nmi_queued));
	atomic_set(&vcpus[1].nmi_queued, 0);
	vcpus[1].nmi_masked = true;
	for (i = 0; i < 3; i++)
		wr(0, X2(LAPIC_ICR), 1ULL << 32 | DELIVER_NMI << 8);
	EXPECT_EQ(1, atomic_read(&vcpus[1].nmi_queued));
	/* INIT deasserted is nothing. */
	wr(0, X2(LAPIC_ICR), 0xc8500);
	EXPECT_EQ(0, atomic_read(&vcpus[1].init_pending));
	wr(0, X2(LAPIC_ICR), 1ULL << 32 | 0x4600 | 0x77);
	EXPECT_EQ(0x77, atomic_read(&vcpus[1].sipi_vector));
	wr(0, X2(LAPIC_ICR), 1ULL << 32 | 0xc500);
	EXPECT_EQ(1, atomic_read(&vcpus[1].init_pending));
	EXPECT_EQ(-1, atomic_read(&vcpus[1].sipi_vector));
	wr(0, X2(LAPIC_ICR), 1ULL << 32 | 0x4600 | 0x9a);
	wr(0, X2(LAPIC_ICR), 1ULL << 32 | 0x4600 | 0x9b);
	EXPECT_EQ(0x9a, atomic_read(&vcpus[1].sipi_vector));
	EXPECT_EQ(0, atomic_read(&vcpus[0].init_pending));
	/* SMI and ExtINT are accepted by nobody, reserved modes refused. */
	EXPECT_EQ(0, msi(0, 0, DELIVER_SMI << 8));
	EXPECT_EQ(0, msi(0, 0, DELIVER_EXTINT << 8));
	EXPECT_EQ(-EINVAL, msi(0, 0, 3 << 8));
	EXPECT_EQ(-EINVAL, msi(0, 0, 6 << 8));
	EXPECT_EQ(-EINVAL, lodge_irq_msi(&vm, 0xfed00000, 0x50));
	EXPECT_EQ(-EINVAL, lodge_irq_msi(&vm, 0xfef00000, 0x50));
	EXPECT_EQ(-EINVAL, lodge_irq_msi(&vm, 0x1fee00000, 0x50));
}

/* What was level-triggered once is an edge when an edge comes. */
TEST_F(x2apic, trigger_modes)
{
	EXPECT_EQ(1, msi(0, 0, 0xc051));
	EXPECT_EQ(BIT(0x51 & 31), rd(0, X2(LAPIC_TMR + 2)));
	EXPECT_EQ(1, who_got(0x51));
	EXPECT_EQ(1, msi(0, 0, 0x51));
	EXPECT_EQ(0, rd(0, X2(LAPIC_TMR + 2)));
	EXPECT_EQ(1, who_got(0x51));
	/* A level that is deasserted */
	EXPECT_EQ(0, msi(0, 0, 0x8051));
	/* The trigger mode of an IPI does not count. */
	EXPECT_EQ(0, wr(0, X2(LAPIC_ICR), 0xc051));
	EXPECT_EQ(0, rd(0, X2(LAPIC_TMR + 2)));
	EXPECT_EQ(1, who_got(0x51));
}

static void put(struct lodge_lapic_state *s, int reg, u32 value)
{
	memcpy(&s->regs[reg * 16], &value, 4);
}

TEST_F(x2apic, state)
{
	struct lodge_lapic_state s, t, bad;

	wr(0, X2(LAPIC_LVT), 0x20040);
	wr(0, X2(LAPIC_TDCR), 0xb);
	wr(0, X2(LAPIC_TMICT), 8 * MS);
	wr(0, X2(LAPIC_TPR), 0x20);
	wr(0, X2(LAPIC_ICR), 0xffffffffULL << 32 | 0x71);
	msi(0, 0, 0x81);
	EXPECT_EQ(0x81, take(0));
	advance(3 * MS);
	lodge_lapic_get_state(&vcpus[0], &s);

	lodge_lapic_reset(&vcpus[0], true);
	EXPECT_EQ(-1, take(0));
	vcpus[0].requests = 0;
	EXPECT_EQ(0, lodge_lapic_set_state(&vcpus[0], &s));
	EXPECT_TRUE(vcpus[0].requests & BIT(REQ_EVENT));
	lodge_lapic_get_state(&vcpus[0], &t);
	EXPECT_EQ(0, memcmp(&s, &t, sizeof(s)));
	EXPECT_EQ(-1, take(0));
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(0x71, take(0));
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(5 * MS, rd(0, X2(LAPIC_TMCCT)));
	advance(5 * MS);
	EXPECT_EQ(0x40, take(0));

#define EXPECT_BAD(change) do { \
	bad = s; \
	change; \
	EXPECT_EQ(-EINVAL, lodge_lapic_set_state(&vcpus[0], &bad)); \
} while (0)
	EXPECT_BAD(put(&bad, LAPIC_ID, 1 << 24));
	EXPECT_BAD(put(&bad, LAPIC_VERSION, 0));
	EXPECT_BAD(put(&bad, LAPIC_TPR, 0x100));
	EXPECT_BAD(put(&bad, LAPIC_LDR, 2));
	EXPECT_BAD(put(&bad, LAPIC_DFR, 0));
	EXPECT_BAD(put(&bad, LAPIC_IRR, 0x8000));
	EXPECT_BAD(put(&bad, LAPIC_ISR, 1));
	EXPECT_BAD(put(&bad, LAPIC_ICR, BIT(12)));
	EXPECT_BAD(put(&bad, LAPIC_LVT, BIT(12) | BIT(16)));
	EXPECT_BAD(put(&bad, LAPIC_SVR, 0xff));
	EXPECT_BAD(put(&bad, LAPIC_TMCCT, 8 * MS + 1));
	EXPECT_BAD(put(&bad, LAPIC_TDCR, 4));
	EXPECT_BAD(put(&bad, LAPIC_SELF_IPI, 0x40));
	EXPECT_BAD(put(&bad, 0, 1));
	EXPECT_BAD(bad.regs[4] = 1);
	EXPECT_BAD(bad.regs[1023] = 1);
	EXPECT_BAD(memset(&bad, 0, sizeof(bad)));
#undef EXPECT_BAD

	/* The deadline is not in the page, and survives it. */
	wr(0, X2(LAPIC_LVT), 0x40041);
	wr(0, MSR_IA32_TSC_DEADLINE, rdtsc() + 2000000);
	lodge_lapic_get_state(&vcpus[0], &s);
	EXPECT_EQ(0, lodge_lapic_set_state(&vcpus[0], &s));
	advance(2 * MS);
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(0x41, take(0));
}

TEST_F(xapic, state)
{
	struct lodge_lapic_state s, t;

	mmio_wr(1, LAPIC_LDR, 0x42000000);
	mmio_wr(1, LAPIC_DFR, 0);
	mmio_wr(1, LAPIC_ICR_HIGH, 0x03000000);
	mmio_wr(1, LAPIC_ICR, 0x4071);
	EXPECT_EQ(8, who_got(0x71));
	lodge_lapic_get_state(&vcpus[1], &s);
	lodge_lapic_reset(&vcpus[1], false);
	EXPECT_EQ(0, lodge_lapic_set_state(&vcpus[1], &s));
	lodge_lapic_get_state(&vcpus[1], &t);
	EXPECT_EQ(0, memcmp(&s, &t, sizeof(s)));
	EXPECT_EQ(0x03000000, mmio_rd(1, LAPIC_ICR_HIGH));
	/* Other vCPU, other ID */
	EXPECT_EQ(-EINVAL, lodge_lapic_set_state(&vcpus[2], &s));
}

TEST_HARNESS_MAIN
