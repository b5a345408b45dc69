// SPDX-License-Identifier: GPL-2.0-only
/* The I/O APIC: pins, ends of interrupts, its state; and all of it at random. */
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

TEST_F(x2apic, registers)
{
	u64 data = ~0ULL;
	int reg;

	EXPECT_EQ(IOAPIC_VERSION_VALUE, ioapic_reg(IOAPIC_VERSION));
	EXPECT_EQ(0x170020, ioapic_reg(IOAPIC_VERSION));
	EXPECT_EQ(REDIR_MASKED, ioapic_reg(IOAPIC_REDIR + 46));
	redir(23, ~0ULL);
	EXPECT_EQ(0x1afff, ioapic_reg(IOAPIC_REDIR + 46));
	EXPECT_EQ(0xff000000, ioapic_reg(IOAPIC_REDIR + 47));
	EXPECT_EQ(0, ioapic_reg(IOAPIC_REDIR + 48));
	EXPECT_EQ(-EINVAL, lodge_ioapic_set_line(&vm, LODGE_NR_GSIS, true, 0));
	EXPECT_FALSE(lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE - 4, &data, 4, false));
	EXPECT_FALSE(lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0x1000, &data, 4, false));
	EXPECT_TRUE(lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0xff8, &data, 8, false));
	EXPECT_EQ(0, data);
	for (reg = 0; reg < 0x100; reg++) {
		u32 value = reg;

		lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE, &value, 4, true);
		value = ~0;
		lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0x10, &value, 4, true);
		ioapic_reg(reg);
	}
}

TEST_F(x2apic, edge)
{
	redir(4, 0x34);
	line(4, true);
	EXPECT_EQ(1, who_got(0x34));
	line(4, true);
	EXPECT_EQ(0, who_got(0x34));
	line(4, false);
	EXPECT_EQ(0, who_got(0x34));
	line(4, true);
	EXPECT_EQ(1, who_got(0x34));
	/* Two sources are one line. */
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(0, who_got(0x34));
	line(4, false);
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(1, who_got(0x34));
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(1, who_got(0x34));
	/* A masked edge is kept, once. */
	redir(4, REDIR_MASKED | 0x34);
	lodge_irq_pulse(&vm, 4);
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(0, who_got(0x34));
	redir(4, 2ULL << 56 | 0x35);
	EXPECT_EQ(4, who_got(0x35));
	redir(4, 2ULL << 56 | 0x35);
	EXPECT_EQ(0, who_got(0x35));
	/* NMI, and what is nobody's */
	redir(4, DELIVER_NMI << 8);
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(1, atomic_read(&vcpus[0].nmi_queued));
	redir(4, DELIVER_STARTUP << 8 | 0x20);
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(-1, atomic_read(&vcpus[0].sipi_vector));
	redir(4, 3 << 8 | 0x20);
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(0, who_got(0x20));
	redir(4, 0xffULL << 56 | REDIR_LOGICAL | 0x36);
	lodge_irq_pulse(&vm, 4);
	EXPECT_EQ(15, who_got(0x36));
}

TEST_F(x2apic, level)
{
	int i;
	u32 value = 0x39;

	redir(9, REDIR_LEVEL | 0x39);
	line(9, true);
	EXPECT_EQ(0x39, take(0));
	EXPECT_TRUE(ioapic_reg(IOAPIC_REDIR + 18) & REDIR_REMOTE);
	line(9, false);
	line(9, true);
	EXPECT_EQ(-1, next(0));
	EXPECT_EQ(0, rd(0, X2(LAPIC_IRR + 1)));
	/* Again after each end of interrupt, while it is asserted */
	for (i = 0; i < 5; i++) {
		wr(0, X2(LAPIC_EOI), 0);
		EXPECT_EQ(0x39, take(0));
	}
	line(9, false);
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(-1, take(0));
	EXPECT_FALSE(ioapic_reg(IOAPIC_REDIR + 18) & REDIR_REMOTE);
	/* Masked while asserted; gone before it is unmasked; there after. */
	redir(9, REDIR_MASKED | REDIR_LEVEL | 0x39);
	line(9, true);
	line(9, false);
	redir(9, REDIR_LEVEL | 0x39);
	EXPECT_EQ(-1, next(0));
	redir(9, REDIR_MASKED | REDIR_LEVEL | 0x39);
	line(9, true);
	EXPECT_EQ(-1, next(0));
	redir(9, REDIR_LEVEL | 0x39);
	EXPECT_EQ(0x39, take(0));
	/* The EOI register, and the trick of old: edge and back. */
	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0x40, &value, 4, true);
	EXPECT_TRUE(ioapic_reg(IOAPIC_REDIR + 18) & REDIR_REMOTE);
	line(9, false);
	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0x40, &value, 4, true);
	EXPECT_FALSE(ioapic_reg(IOAPIC_REDIR + 18) & REDIR_REMOTE);
	line(9, true);
	EXPECT_TRUE(ioapic_reg(IOAPIC_REDIR + 18) & REDIR_REMOTE);
	redir(9, REDIR_MASKED | 0x39);
	redir(9, REDIR_MASKED | REDIR_LEVEL | 0x39);
	EXPECT_FALSE(ioapic_reg(IOAPIC_REDIR + 18) & REDIR_REMOTE);
	/* Two sources: it is asserted until both are gone. */
	wr(0, X2(LAPIC_EOI), 0);
	while (take(0) >= 0)
		wr(0, X2(LAPIC_EOI), 0);
	line(9, false);
	redir(9, REDIR_LEVEL | 0x39);
	line(9, true);
	lodge_ioapic_set_line(&vm, 9, true, IRQ_SOURCE_IRQFD);
	line(9, false);
	EXPECT_EQ(0x39, take(0));
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(0x39, take(0));
	lodge_ioapic_set_line(&vm, 9, false, IRQ_SOURCE_IRQFD);
	wr(0, X2(LAPIC_EOI), 0);
	EXPECT_EQ(-1, take(0));
}

TEST_F(x2apic, resample)
{
	int i;

	redir(11, REDIR_LEVEL | 0x3b);
	lodge_ioapic_set_line(&vm, 11, true, IRQ_SOURCE_RESAMPLE);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(i, resampled);
		EXPECT_EQ(0x3b, take(0));
		wr(0, X2(LAPIC_EOI), 0);
	}
	EXPECT_EQ(-1, take(0));
	EXPECT_EQ(4, resampled);
}

TEST_F(x2apic, state)
{
	struct lodge_ioapic_state s, t, bad;

	redir(9, REDIR_LEVEL | 0x39);
	redir(4, REDIR_MASKED | 0x34);
	line(9, true);
	line(4, true);
	lodge_ioapic_get_state(&vm, &s);
	EXPECT_EQ(BIT(4), s.irr);
	EXPECT_EQ(BIT(4) | BIT(9), s.level);
	EXPECT_EQ(REDIR_REMOTE | REDIR_LEVEL | 0x39, s.redirtbl[9]);
	EXPECT_EQ(0, lodge_ioapic_set_state(&vm, &s));
	lodge_ioapic_get_state(&vm, &t);
	EXPECT_EQ(0, memcmp(&s, &t, sizeof(s)));

#define EXPECT_BAD(change) do { \
	bad = s; \
	change; \
	EXPECT_EQ(-EINVAL, lodge_ioapic_set_state(&vm, &bad)); \
} while (0)
	EXPECT_BAD(bad.id = 16);
	EXPECT_BAD(bad.ioregsel = 256);
	EXPECT_BAD(bad.irr |= BIT(24));
	EXPECT_BAD(bad.irr |= BIT(9));
	EXPECT_BAD(bad.level |= BIT(31));
	EXPECT_BAD(bad.redirtbl[0] |= REDIR_STATUS);
	EXPECT_BAD(bad.redirtbl[4] |= REDIR_REMOTE);
	EXPECT_BAD(bad.redirtbl[23] |= BIT_ULL(17));
#undef EXPECT_BAD
	lodge_ioapic_get_state(&vm, &t);
	EXPECT_EQ(0, memcmp(&s, &t, sizeof(s)));
}

/* What must always hold, whatever the guest does */
static bool sane(int cpu)
{
	struct lodge_lapic *apic = vcpus[cpu].lapic;
	int isr = lapic_highest(apic->isr);
	u32 class = isr < 0 ? 0 : isr & 0xf0;

	if ((apic->ppr & 0xf0) != max(class, apic->tpr & 0xf0))
		return false;
	if ((apic->irr[0] | apic->isr[0] | apic->tmr[0]) & 0xffff)
		return false;
	if (!(apic->svr & SVR_ENABLED) && !(apic->lvt[LVT_TIMER] & LVT_MASKED))
		return false;
	if (apic->timer_target && !apic->tmict)
		return false;
	if (atomic_read(&vcpus[cpu].nmi_queued) > 2)
		return false;
	return !(apic->tsc_deadline && timer_mode(apic) != TIMER_DEADLINE);
}

/* A slow machine takes a minute for these, hardware a second. */
TEST_F_TIMEOUT(x2apic, anything, 240)
{
	struct lodge_lapic_state s, t;
	struct lodge_ioapic_state is;
	u64 value;
	int i;

	srandom(1);
	for (i = 0; i < 3000000; i++) {
		int cpu = random() % NR_TEST_VCPUS;
		u32 reg = random() % 0x48;

		value = (u64)random() << 33 ^ (u64)random() << 13 ^ random();
		switch (random() % 16) {
		case 0:
			wr(cpu, MSR_IA32_APICBASE, APIC_BASE_RESET |
			   (value & APIC_BASE_MODE));
			break;
		case 1:
			value &= BIT(random() % 32) - 1;
			wr(cpu, MSR_IA32_TSC_DEADLINE,
			   value ? rdtsc() + value : 0);
			break;
		case 2:
			lodge_ioapic_set_line(&vm, reg, value & 1,
					      random() % NR_IRQ_SOURCES);
			break;
		case 3:
			value &= ~(6ULL << 56 | 0x600);
			if (random() % 4)
				value &= ~REDIR_MASKED;
			redir(reg % LODGE_NR_GSIS, value);
			break;
		case 4:
			lodge_irq_msi(&vm, 0xfee00000 | (value & 0x3ffc), value >> 20);
			break;
		case 5:
			lodge_lapic_get_state(&vcpus[cpu], &s);
			ASSERT_EQ(0, lodge_lapic_set_state(&vcpus[cpu], &s));
			lodge_lapic_get_state(&vcpus[cpu], &t);
			ASSERT_EQ(0, memcmp(&s, &t, sizeof(s)));
			break;
		case 6:
			lodge_ioapic_get_state(&vm, &is);
			ASSERT_EQ(0, lodge_ioapic_set_state(&vm, &is));
			break;
		case 7:
			if (random() % 16 == 0)
				lodge_lapic_reset(&vcpus[cpu], value & 1);
			wr(cpu, X2(LAPIC_SVR), SVR_ENABLED | 0xff);
			mmio_wr(cpu, LAPIC_SVR, SVR_ENABLED | 0xff);
			break;
		case 8:
			advance(value % (1 << random() % 24));
			break;
		case 9:
			take(cpu);
			break;
		case 10:
			wr(cpu, X2(LAPIC_EOI), 0);
			mmio_wr(cpu, LAPIC_EOI, 0);
			break;
		case 11:
			vcpus[cpu].tsc_offset += value % 1000000;
			lodge_lapic_tsc_moved(&vcpus[cpu]);
			break;
		case 12:
			lodge_lapic_set_cr8(&vcpus[cpu], value);
			break;
		case 13:
			lodge_lapic_mmio(&vcpus[cpu],
					 APIC_BASE_RESET + (value & 0xfff), &value,
					 1 + random() % 8, random() & 1);
			break;
		case 14:
			value &= reg_bits[reg % NR_LAPIC_REGS];
			wr(cpu, X2(reg), value);
			mmio_wr(cpu, reg, value);
			break;
		default:
			rd(cpu, X2(reg));
			mmio_rd(cpu, reg);
			break;
		}
		ASSERT_TRUE(sane(cpu)) {
			TH_LOG("step %d, vCPU %d", i, cpu);
		}
	}
}

TEST_HARNESS_MAIN
