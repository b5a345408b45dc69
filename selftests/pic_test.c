// SPDX-License-Identifier: GPL-2.0-only
/* The 8259As: commands, priorities, both modes of trigger, who listens. */
#include "apic_fixture.h"

FIXTURE(pic) {
	int unused;
};

/* As a BIOS leaves it: vectors 8 and 0x70, LINT0 of the first CPU is ExtINT. */
FIXTURE_SETUP(pic)
{
	setup();
	lodge_pic_create(&vm);
	lodge_pit_create(&vm);
}

FIXTURE_TEARDOWN(pic)
{
	teardown();
}

static void out(u16 port, u8 value)
{
	lodge_pc_port(&vm, port, 1, &value, true);
}

static u8 in(u16 port)
{
	u8 value = 0x55;

	lodge_pc_port(&vm, port, 1, &value, false);
	return value;
}

static void init(u8 icw4)
{
	out(0x20, 0x11);
	out(0x21, 0x08);
	out(0x21, 0x04);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x70);
	out(0xa1, 0x02);
	out(0xa1, icw4);
	out(0x21, 0);
	out(0xa1, 0);
}

static void wire(void)
{
	mmio_wr(0, LAPIC_SVR, SVR_ENABLED | 0xff);
	mmio_wr(0, LAPIC_LVT + LVT_LINT0, 0x700);
}

static void irq(int nr, bool level)
{
	lodge_irq_set_line(&vm, lodge_isa_gsi(nr), level, IRQ_SOURCE_USER);
}

static void edge(int nr)
{
	irq(nr, true);
	irq(nr, false);
}

/* What the guest would take now: the vector, or -1 */
static int inta(int cpu)
{
	vcpus[cpu].requests = 0;
	if (!lodge_extint_waits(&vcpus[cpu]))
		return -1;
	lodge_lapic_extint_done(&vcpus[cpu]);
	return lodge_pic_ack(&vm);
}

static void eoi(void)
{
	out(0xa0, 0x20);
	out(0x20, 0x20);
}

TEST_F(pic, ports)
{
	u32 data = 0x12345678;
	u8 mask = 0xff;

	EXPECT_FALSE(lodge_pc_port(&vm, 0x22, 1, &mask, false));
	EXPECT_FALSE(lodge_pc_port(&vm, 0x1f, 2, &data, false));
	EXPECT_FALSE(lodge_pc_port(&vm, 0x4cf, 1, &data, false));
	EXPECT_FALSE(lodge_pc_port(&vm, 0x4d2, 1, &data, true));
	EXPECT_FALSE(lodge_pc_port(&vm, 0x60, 1, &data, true));
	EXPECT_FALSE(lodge_pc_port(&vm, 0x44, 1, &data, true));
	/* All is masked before somebody begins. */
	EXPECT_EQ(0xff, in(0x21));
	EXPECT_EQ(0xff, in(0xa1));
	init(1);
	EXPECT_EQ(0, in(0x21));
	/* Wide accesses are those of bytes that follow one another. */
	data = 0x5aa5;
	EXPECT_TRUE(lodge_pc_port(&vm, 0x4d0, 2, &data, true));
	EXPECT_EQ(0xa0, in(0x4d0));
	EXPECT_EQ(0x5a, in(0x4d1));
	data = 0;
	EXPECT_TRUE(lodge_pc_port(&vm, 0x4d1, 2, &data, false));
	EXPECT_EQ(0xff5a, data);
	out(0x4d0, 0xff);
	out(0x4d1, 0xff);
	EXPECT_EQ(0xf8, in(0x4d0));
	EXPECT_EQ(0xde, in(0x4d1));
	lodge_pic_destroy(&vm);
	EXPECT_FALSE(lodge_pc_port(&vm, 0x20, 1, &data, false));
}

TEST_F(pic, edges)
{
	init(1);
	wire();
	EXPECT_EQ(-1, inta(0));
	kicks = 0;
	irq(4, true);
	EXPECT_EQ(1, kicks);
	EXPECT_EQ(0x10, in(0x20));
	EXPECT_EQ(0x0c, inta(0));
	EXPECT_EQ(0, in(0x20));
	out(0x20, 0x0b);
	EXPECT_EQ(0x10, in(0x20));	/* in service */
	EXPECT_EQ(-1, inta(0));
	out(0x20, 0x20);
	EXPECT_EQ(0, in(0x20));
	/* No new edge while it is high */
	EXPECT_EQ(-1, inta(0));
	irq(4, true);
	EXPECT_EQ(-1, inta(0));
	irq(4, false);
	irq(4, true);
	EXPECT_EQ(0x0c, inta(0));
	out(0x20, 0x64);		/* specific */
	irq(4, false);
	/* Masked edges wait. */
	out(0x21, 0x10);
	edge(4);
	EXPECT_EQ(-1, inta(0));
	out(0x21, 0);
	EXPECT_EQ(0x0c, inta(0));
	out(0x20, 0x20);
	/* The timer is GSI 2, IRQ 0; there is no IRQ 2. */
	lodge_irq_pulse(&vm, 2);
	EXPECT_EQ(0x08, inta(0));
	out(0x20, 0x20);
	lodge_irq_pulse(&vm, 0);
	lodge_irq_pulse(&vm, 16);
	EXPECT_EQ(-1, inta(0));
}

TEST_F(pic, priorities)
{
	init(1);
	wire();
	edge(7);
	edge(3);
	edge(12);
	edge(1);
	EXPECT_EQ(0x09, inta(0));
	EXPECT_EQ(-1, inta(0));
	edge(0);
	EXPECT_EQ(0x08, inta(0));	/* one above it */
	out(0x20, 0x20);
	EXPECT_EQ(-1, inta(0));		/* 1 is in service yet */
	out(0x20, 0x20);
	EXPECT_EQ(0x74, inta(0));	/* by the cascade, before 3 */
	out(0x20, 0x0b);
	EXPECT_EQ(0x04, in(0x20));
	edge(14);
	EXPECT_EQ(-1, inta(0));
	edge(8);
	EXPECT_EQ(-1, inta(0));		/* the cascade is in service */
	out(0xa0, 0x20);
	EXPECT_EQ(-1, inta(0));
	out(0x20, 0x20);
	EXPECT_EQ(0x70, inta(0));
	eoi();
	EXPECT_EQ(0x76, inta(0));
	eoi();
	EXPECT_EQ(0x0b, inta(0));
	out(0x20, 0x20);
	EXPECT_EQ(0x0f, inta(0));
	out(0x20, 0x20);
	EXPECT_EQ(-1, inta(0));
	/* Special fully nested: the second chip may interrupt itself. */
	init(0x11);
	edge(12);
	EXPECT_EQ(0x74, inta(0));
	edge(8);
	EXPECT_EQ(0x70, inta(0));
	edge(13);
	EXPECT_EQ(-1, inta(0));
}

TEST_F(pic, rotation)
{
	init(1);
	wire();
	edge(3);
	EXPECT_EQ(0x0b, inta(0));
	out(0x20, 0xa0);		/* EOI, and 3 becomes the lowest */
	edge(3);
	edge(4);
	edge(2 + 5);
	EXPECT_EQ(0x0c, inta(0));
	out(0x20, 0xe4);		/* specific */
	edge(4);
	EXPECT_EQ(0x0f, inta(0));
	out(0x20, 0x20);
	EXPECT_EQ(0x0b, inta(0));
	out(0x20, 0x20);
	EXPECT_EQ(0x0c, inta(0));
	out(0x20, 0x20);
	out(0x20, 0xc0);		/* 0 is the lowest */
	edge(0);
	edge(7);
	EXPECT_EQ(0x0f, inta(0));
	EXPECT_EQ(-1, inta(0));
	out(0x20, 0x20);
	EXPECT_EQ(0x08, inta(0));
	out(0x20, 0x20);
	/* Automatic end, with rotation */
	init(3);
	out(0x20, 0x80);
	edge(3);
	edge(5);
	EXPECT_EQ(0x0b, inta(0));
	edge(3);
	EXPECT_EQ(0x0d, inta(0));
	EXPECT_EQ(0x0b, inta(0));
	out(0x20, 0x0b);
	EXPECT_EQ(0, in(0x20));
}

TEST_F(pic, special_mask)
{
	init(1);
	wire();
	edge(3);
	EXPECT_EQ(0x0b, inta(0));
	edge(5);
	EXPECT_EQ(-1, inta(0));
	out(0x20, 0x68);
	EXPECT_EQ(-1, inta(0));
	out(0x21, 0x08);
	EXPECT_EQ(0x0d, inta(0));
	out(0x20, 0x20);		/* that of 5: 3 is masked */
	out(0x20, 0x0b);
	EXPECT_EQ(0x08, in(0x20));
	out(0x20, 0x20);
	EXPECT_EQ(0x08, in(0x20));
	out(0x20, 0x63);
	EXPECT_EQ(0, in(0x20));
	out(0x20, 0x48);
}

TEST_F(pic, poll_and_spurious)
{
	init(1);
	wire();
	out(0x20, 0x0c);
	EXPECT_EQ(0, in(0x20));
	EXPECT_EQ(0, in(0x20));		/* IRR again */
	edge(6);
	edge(10);
	out(0x20, 0x0c);
	EXPECT_EQ(0x82, in(0x20));
	out(0xa0, 0x0c);
	EXPECT_EQ(0x82, in(0xa0));
	EXPECT_EQ(-1, inta(0));
	eoi();
	out(0x20, 0x0c);
	EXPECT_EQ(0x86, in(0x21));	/* whichever is read */
	out(0x20, 0x20);
	/* A level that has gone before INTA */
	EXPECT_EQ(0x0f, lodge_pic_ack(&vm));
	out(0x20, 0x0b);
	EXPECT_EQ(0, in(0x20));
}

TEST_F(pic, levels)
{
	init(1);
	wire();
	out(0x4d1, 0x08);
	irq(11, true);
	EXPECT_EQ(0x73, inta(0));
	eoi();
	EXPECT_EQ(0x73, inta(0));
	irq(11, false);
	eoi();
	EXPECT_EQ(-1, inta(0));
	irq(11, true);
	irq(11, false);
	EXPECT_EQ(-1, inta(0));
	/* Two sources are one line. */
	irq(11, true);
	lodge_irq_set_line(&vm, 11, true, IRQ_SOURCE_IRQFD);
	irq(11, false);
	EXPECT_EQ(0x73, inta(0));
	eoi();
	EXPECT_EQ(0x73, inta(0));
	lodge_irq_set_line(&vm, 11, false, IRQ_SOURCE_IRQFD);
	eoi();
	EXPECT_EQ(-1, inta(0));
	/* Until the end of the interrupt; the device is at it three times more. */
	lodge_irq_set_line(&vm, 11, true, IRQ_SOURCE_RESAMPLE);
	while (inta(0) >= 0)
		eoi();
	EXPECT_EQ(4, resampled);
	EXPECT_EQ(0, lodge_lines_asserted(vm.ioapic->lines) & BIT(11));
	/* The other way round: the I/O APIC's end lowers it here. */
	resampled = 3;
	redir(11, REDIR_LEVEL | 0x3b);
	lodge_irq_set_line(&vm, 11, true, IRQ_SOURCE_RESAMPLE);
	EXPECT_EQ(0x3b, take(0));
	mmio_wr(0, LAPIC_EOI, 0);
	EXPECT_EQ(4, resampled);
	EXPECT_EQ(-1, inta(0));
	/* Edges that were seen before are none now. */
	irq(5, true);
	init(1);
	EXPECT_EQ(-1, inta(0));
}

TEST_F(pic, who_listens)
{
	init(1);
	/* As after reset: LINT0 is masked. */
	irq(4, true);
	EXPECT_EQ(-1, inta(0));
	wire();
	EXPECT_TRUE(vcpus[0].requests & BIT(REQ_EVENT));
	EXPECT_EQ(-1, inta(1));
	EXPECT_EQ(0x0c, inta(0));
	out(0x20, 0x20);
	irq(4, false);
	/* Without an APIC, the first processor's pin */
	wr(0, MSR_IA32_APICBASE, APIC_BASE_RESET);
	wr(1, MSR_IA32_APICBASE, APIC_BASE_RESET);
	irq(4, true);
	EXPECT_EQ(-1, inta(1));
	EXPECT_EQ(0x0c, inta(0));
	out(0x20, 0x20);
	irq(4, false);
	wr(0, MSR_IA32_APICBASE, APIC_BASE_RESET | APIC_BASE_ENABLE);
	wr(1, MSR_IA32_APICBASE, APIC_BASE_RESET | APIC_BASE_ENABLE);
	EXPECT_EQ(-1, inta(0));
	/* LINT0 with a vector of its own, and as an NMI */
	enable_xapic();
	mmio_wr(2, LAPIC_LVT + LVT_LINT0, 0x44);
	irq(4, true);
	EXPECT_EQ(4, who_got(0x44));
	EXPECT_EQ(-1, inta(2));
	EXPECT_EQ(0x0c, lodge_pic_ack(&vm));
	out(0x20, 0x20);
	irq(4, false);
	mmio_wr(2, LAPIC_LVT + LVT_LINT0, 0x400);
	irq(4, true);
	EXPECT_EQ(1, atomic_read(&vcpus[2].nmi_queued));
	EXPECT_EQ(0x0c, lodge_pic_ack(&vm));
	out(0x20, 0x20);
	irq(4, false);
	mmio_wr(2, LAPIC_LVT + LVT_LINT0, LVT_MASKED);
	/* By the I/O APIC's pin 0: one edge for each interrupt */
	redir(0, 3ULL << 56 | DELIVER_EXTINT << 8);
	edge(4);
	edge(5);
	EXPECT_EQ(-1, inta(2));
	EXPECT_EQ(0x0c, inta(3));
	EXPECT_EQ(-1, inta(3));
	out(0x20, 0x20);
	EXPECT_EQ(0x0d, inta(3));
	EXPECT_EQ(-1, inta(3));
	out(0x20, 0x20);
	lodge_pic_destroy(&vm);
	/* Without a PIC, such a message is nobody's. */
	EXPECT_EQ(0, msi(3, 0, DELIVER_EXTINT << 8));
}

TEST_F(pic, nmi_line)
{
	lodge_lapic_nmi(&vcpus[0]);
	EXPECT_EQ(0, atomic_read(&vcpus[0].nmi_queued));
	wire();
	mmio_wr(0, LAPIC_LVT + LVT_LINT1, 0x400);
	lodge_lapic_nmi(&vcpus[0]);
	EXPECT_EQ(1, atomic_read(&vcpus[0].nmi_queued));
	mmio_wr(0, LAPIC_LVT + LVT_LINT1, 0x45);
	lodge_lapic_nmi(&vcpus[0]);
	EXPECT_EQ(1, who_got(0x45));
	wr(1, MSR_IA32_APICBASE, APIC_BASE_RESET);
	lodge_lapic_nmi(&vcpus[1]);
	EXPECT_EQ(1, atomic_read(&vcpus[1].nmi_queued));
}

TEST_F(pic, state)
{
	struct lodge_pic_state s, t, bad;

	init(1);
	wire();
	out(0x4d1, 0x08);
	irq(11, true);
	edge(4);
	EXPECT_EQ(0x73, inta(0));
	lodge_pic_get_state(&vm, &s);
	EXPECT_EQ(0x08, s.chips[0].base);
	EXPECT_EQ(0x04, s.chips[0].isr);
	EXPECT_EQ(0x08, s.chips[1].isr);
	EXPECT_EQ(0x08, s.chips[1].irr);
	EXPECT_EQ(0x10, s.chips[0].irr);
	EXPECT_EQ(0, lodge_pic_set_state(&vm, &s));
	lodge_pic_get_state(&vm, &t);
	EXPECT_EQ(0, memcmp(&s, &t, sizeof(s)));
	eoi();
	EXPECT_EQ(0x73, inta(0));
	irq(11, false);
	eoi();
	EXPECT_EQ(0x0c, inta(0));
	/* Back in time, with what was asked for then */
	EXPECT_EQ(0, lodge_pic_set_state(&vm, &s));
	eoi();
	EXPECT_EQ(0x73, inta(0));

#define EXPECT_BAD(change) do { \
	bad = s; \
	change; \
	EXPECT_EQ(-EINVAL, lodge_pic_set_state(&vm, &bad)); \
} while (0)
	EXPECT_BAD(bad.chips[0].elcr = 1);
	EXPECT_BAD(bad.chips[1].elcr = 0x20);
	EXPECT_BAD(bad.chips[0].base = 1);
	EXPECT_BAD(bad.chips[1].lowest = 8);
	EXPECT_BAD(bad.chips[1].icw = 1);
	EXPECT_BAD(bad.chips[1].icw = 5);
	EXPECT_BAD(bad.chips[0].icw4 = 2);
	EXPECT_BAD(bad.chips[0].single = 2);
	EXPECT_BAD(bad.chips[0].auto_eoi = 2);
	EXPECT_BAD(bad.chips[0].rotate = 2);
	EXPECT_BAD(bad.chips[0].special_mask = 2);
	EXPECT_BAD(bad.chips[0].special_nested = 2);
	EXPECT_BAD(bad.chips[0].read_isr = 2);
	EXPECT_BAD(bad.chips[0].poll = 2);
	EXPECT_BAD(bad.chips[1].irr = 0);
#undef EXPECT_BAD
}

/* An interrupt controller that does as it is told: the datasheet once more. */
static bool sane(void)
{
	struct lodge_pic_chip *c = vm.pic->chips;
	int i;

	for (i = 0; i < 2; i++)
		if (!chip_valid(&c[i], i))
			return false;
	if (vm.pic->lock.locked)
		return false;
	if (!!(c[0].irr & 4) != (request(&c[1], false) >= 0) && !c[0].single)
		return false;
	return vm.pic->output == (request(&c[0], true) >= 0);
}

TEST_F(pic, anything)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	struct lodge_pic_state s, t;
	int i;

	srandom(1);
	wire();
	for (i = 0; i < 1000000; i++) {
		u16 port = ports[random() % 6];

		switch (random() % 8) {
		case 0:
		case 1:
			out(port, random());
			break;
		case 2:
			in(port);
			break;
		case 3:
			lodge_pic_get_state(&vm, &s);
			ASSERT_EQ(0, lodge_pic_set_state(&vm, &s));
			lodge_pic_get_state(&vm, &t);
			ASSERT_EQ(0, memcmp(&s, &t, sizeof(s)));
			break;
		case 4:
			inta(0);
			eoi();
			break;
		case 5:
			lodge_pic_ack(&vm);
			break;
		default:
			lodge_irq_set_line(&vm, random() % 24, random() & 1,
					   random() % IRQ_SOURCE_PIC);
			break;
		}
		resampled = 0;
		ASSERT_TRUE(sane()) {
			TH_LOG("step %d", i);
		}
	}
}

TEST_HARNESS_MAIN
