// SPDX-License-Identifier: GPL-2.0-only
/* A VM with the interrupt controllers and the timer of a PC, seen by its guest. */
#include "harness.h"

#define LONG_MS	5000

#define PIC1	0x20
#define PIC2	0xa0
#define ELCR	0x4d0
#define PIT	0x40
#define SYSTEM	0x61

#define IRQ_VECTOR	0x20

#define PIT_MS		1193

FIXTURE(pc) {
	struct vm *vm;
	struct vcpu *c;
};

FIXTURE_SETUP(pc)
{
	self->vm = vm_create_flags(LODGE_VM_PC);
	self->c = vcpu_create(self->vm, 0);
}

FIXTURE_TEARDOWN(pc)
{
	vm_free(self->vm);
}

static volatile u64 stage;		/* guest: so far I am */
static volatile int isr_seen;

#define WAIT_STAGE(n)							\
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, stage) >= (n), LONG_MS))	\
		TH_LOG("guest is at stage %d",				\
		       (int)GUEST(self->vm, stage))

#define START(fn) do {							\
	vcpu_start64(self->c, FN(fn), 0);				\
	vcpu_thread_start(self->c);					\
} while (0)

#define FINISH() \
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS))

static void pic_init(void)
{
	out8(PIC1, 0x11);
	out8(PIC1 + 1, IRQ_VECTOR);
	out8(PIC1 + 1, 4);
	out8(PIC1 + 1, 1);
	out8(PIC2, 0x11);
	out8(PIC2 + 1, IRQ_VECTOR + 8);
	out8(PIC2 + 1, 2);
	out8(PIC2 + 1, 1);
	out8(PIC1 + 1, 0);
	out8(PIC2 + 1, 0);
}

static void served(struct guest_frame *f)
{
	int irq = f->vector - IRQ_VECTOR;

	guest_count_only(f);
	out8(irq < 8 ? PIC1 : PIC2, 0x0b);
	isr_seen = in8(irq < 8 ? PIC1 : PIC2);
	if (irq >= 8)
		out8(PIC2, 0x20);
	out8(PIC1, 0x20);
}

static void handle_irqs(void)
{
	int i;

	for (i = 0; i < 16; i++)
		guest_handlers[IRQ_VECTOR + i] = served;
}

static void virtual_wire(void)
{
	guest_x2apic_on();
	x2apic_write(APIC_LVT_LINT0, 0x700);
	x2apic_write(APIC_LVT_LINT1, 0x400);
}

static void wait_for(int irq, u64 n)
{
	while (guest_counts[IRQ_VECTOR + irq] < n)
		guest_sleep();
}

static void lines(void)
{
	handle_irqs();
	pic_init();
	virtual_wire();
	stage = 1;
	wait_for(4, 1);
	GUEST_EQ(0x10, isr_seen);
	stage = 2;
	wait_for(11, 2);
	GUEST_EQ(0x08, isr_seen);
	stage = 3;
	/* What is masked, or held off by RFLAGS.IF, waits. */
	out8(PIC1 + 1, 0x20);
	while (!(in8(PIC1) & 0x20))
		out8(PIC1, 0x0a);
	guest_irq_window();
	GUEST_EQ(0, guest_counts[IRQ_VECTOR + 5]);
	out8(PIC1 + 1, 0);
	GUEST_EQ(0, guest_counts[IRQ_VECTOR + 5]);
	guest_irq_window();
	GUEST_EQ(1, guest_counts[IRQ_VECTOR + 5]);
	/* The local APIC knows nothing of it. */
	GUEST_EQ(0, x2apic_read(APIC_ISR + 0x10));
	GUEST_EQ(0, x2apic_read(APIC_IRR + 0x10));
}

TEST_F(pc, lines)
{
	START(lines);
	WAIT_STAGE(1);
	/* HLT ends for it. */
	sleep_ms(20);
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 1));
	WAIT_STAGE(2);
	ASSERT_EQ(0, vm_irq_line(self->vm, 11, 1));
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, guest_counts[IRQ_VECTOR + 11]) == 1,
			     LONG_MS));
	ASSERT_EQ(0, vm_irq_line(self->vm, 11, 0));
	ASSERT_EQ(0, vm_irq_line(self->vm, 11, 1));
	WAIT_STAGE(3);
	ASSERT_EQ(0, vm_irq_line(self->vm, 5, 1));
	FINISH();
}

/* Without an APIC, as systems of old have it. */
static void no_apic(void)
{
	handle_irqs();
	pic_init();
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) & ~0x800ULL);
	stage = 1;
	wait_for(3, 1);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 0x800);
	/* After reset, LINT0 is masked. */
	stage = 2;
	while (!(in8(PIC1) & 0x08))
		out8(PIC1, 0x0a);
	guest_irq_window();
	GUEST_EQ(1, guest_counts[IRQ_VECTOR + 3]);
	guest_x2apic_on();
	x2apic_write(APIC_LVT_LINT0, 0x700);
	guest_irq_window();
	GUEST_EQ(2, guest_counts[IRQ_VECTOR + 3]);
}

TEST_F(pc, without_apic)
{
	START(no_apic);
	WAIT_STAGE(1);
	ASSERT_EQ(0, vm_irq_line(self->vm, 3, 1));
	WAIT_STAGE(2);
	ASSERT_EQ(0, vm_irq_line(self->vm, 3, 0));
	ASSERT_EQ(0, vm_irq_line(self->vm, 3, 1));
	FINISH();
}

/* By the I/O APIC: ExtINT, and the timer's pin; before what the APIC has. */
static void by_the_ioapic(void)
{
	handle_irqs();
	guest_handlers[0x50] = guest_count;
	guest_handlers[0x30] = guest_count;
	pic_init();
	guest_x2apic_on();
	ioapic_set(0, 0x700);
	stage = 1;
	wait_for(6, 1);
	ioapic_set(0, IOAPIC_MASKED);
	out8(PIC1 + 1, 0xff);
	ioapic_set(2, 0x50);
	out8(PIT + 3, 0x34);
	out8(PIT, PIT_MS & 0xff);
	out8(PIT, PIT_MS >> 8);
	while (guest_counts[0x50] < 10)
		guest_sleep();
	out8(PIT + 3, 0x30);
	GUEST_EQ(0, guest_counts[IRQ_VECTOR]);
}

TEST_F(pc, by_the_ioapic)
{
	START(by_the_ioapic);
	WAIT_STAGE(1);
	ASSERT_EQ(0, vm_irq_line(self->vm, 6, 1));
	FINISH();
}

/* As a boot loader without ACPI does it: PIT and PIC, and channel 2 beside them. */
static void ticks(void)
{
	static const u8 pattern = 0x55;
	const u8 *from;
	u64 begin, took;

	handle_irqs();
	pic_init();
	virtual_wire();
	out8(PIT + 3, 0x34);
	out8(PIT, PIT_MS & 0xff);
	out8(PIT, PIT_MS >> 8);
	wait_for(0, 5);
	out8(PIT + 3, 0x38);
	out8(PIT, 0xff);
	out8(PIT, 0xff);
	guest_irq_window();
	/* 10 ms, with interrupts off */
	out8(SYSTEM, (in8(SYSTEM) & ~2) | 1);
	out8(PIT + 3, 0xb0);
	out8(PIT + 2, 11932 & 0xff);
	/* It may be a while from the count's write to the next instruction. */
	begin = rdtsc();
	out8(PIT + 2, 11932 >> 8);
	while (!(in8(SYSTEM) & 0x20))
		;
	took = rdtsc() - begin;
	guest_report(took);
	/* String instructions reach it, too. */
	from = &pattern;
	took = 1;
	asm volatile("rep outsb" : "+S" (from), "+c" (took)
		     : "d" (PIC1 + 1) : "memory");
	GUEST_EQ(0x55, in8(PIC1 + 1));
	out16(ELCR, 0x0820);
	GUEST_EQ(0x0820, in16(ELCR));
	GUEST_EQ(0xff, in8(PIT + 3));
}

TEST_F(pc, ticks)
{
	u64 khz = lodge_get_info()->tsc_khz;

	START(ticks);
	FINISH();
	/* Not before its time */
	EXPECT_LE(khz * 10 - khz / 100, self->c->value);
}

/* The NMI line comes in by LINT1. */
static void nmi(void)
{
	guest_handlers[2] = guest_count_only;
	stage = 1;
	while (stage < 2)
		guest_relax();
	GUEST_EQ(0, guest_counts[2]);
	virtual_wire();
	stage = 3;
	while (!guest_counts[2])
		guest_relax();
}

TEST_F(pc, nmi_line)
{
	START(nmi);
	WAIT_STAGE(1);
	ASSERT_EQ(0, ioctl(self->c->fd, LODGE_NMI, 0));
	GUEST(self->vm, stage) = 2;
	WAIT_STAGE(3);
	ASSERT_EQ(0, ioctl(self->c->fd, LODGE_NMI, 0));
	FINISH();
}

#define MOVE(kind, type) do {						\
	static type moved;						\
	ASSERT_EQ(0, vcpu_get(self->c, LODGE_STATE_##kind, &moved, sizeof(moved))); \
	ASSERT_EQ(0, vcpu_set(c, LODGE_STATE_##kind, &moved, sizeof(moved))); \
} while (0)

/* Out of one VM, and into another */
static void half(void)
{
	handle_irqs();
	pic_init();
	virtual_wire();
	out8(PIT + 3, 0x34);
	out8(PIT, 0);
	out8(PIT, 0x80);		/* 27 ms */
	out8(ELCR + 1, 0x08);
	guest_report(1);
	wait_for(0, 3);
	wait_for(11, 1);
	GUEST_EQ(0x08, in8(ELCR + 1));
	out8(PIT + 3, 0);
	GUEST_ASSERT((in8(PIT) | in8(PIT) << 8) <= 0x8000);
}

TEST_F(pc, state)
{
	struct vm *other = vm_create_flags(LODGE_VM_PC);
	struct vcpu *c = vcpu_create(other, 0);
	struct lodge_pic_state pic;
	struct lodge_pit_state pit;

	vcpu_start64(self->c, FN(half), 0);
	ASSERT_GUEST(GUEST_REPORT, self->c);
	ASSERT_EQ(0, vm_irq_line(self->vm, 11, 1));
	ASSERT_EQ(0, vm_get(self->vm, LODGE_STATE_PIC, &pic, sizeof(pic)));
	ASSERT_EQ(0, vm_get(self->vm, LODGE_STATE_PIT, &pit, sizeof(pit)));
	EXPECT_EQ(0x08, pic.chips[1].irr & pic.chips[1].level);
	EXPECT_EQ(0x8000, pit.channels[0].count);
	EXPECT_EQ(2, pit.channels[0].mode);
	memcpy(other->mem, self->vm->mem, other->size);
	MOVE(SREGS, struct lodge_sregs);
	MOVE(REGS, struct lodge_regs);
	MOVE(LAPIC, struct lodge_lapic_state);
	MOVE(EVENTS, struct lodge_events);
	ASSERT_EQ(0, vm_set(other, LODGE_STATE_PIT, &pit, sizeof(pit)));
	ASSERT_EQ(0, vm_set(other, LODGE_STATE_PIC, &pic, sizeof(pic)));
	vcpu_thread_start(c);
	ASSERT_TRUE(WAIT_FOR(GUEST(other, guest_counts[IRQ_VECTOR + 11]),
			     LONG_MS));
	ASSERT_EQ(0, vm_irq_line(other, 11, 0));
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(c, LONG_MS));
	pic.chips[0].icw4 = 2;
	EXPECT_EQ(-EINVAL, vm_set(other, LODGE_STATE_PIC, &pic, sizeof(pic)));
	pit.channels[1].mode = 6;
	EXPECT_EQ(-EINVAL, vm_set(other, LODGE_STATE_PIT, &pit, sizeof(pit)));
	vm_free(other);
}

/* Others have neither: the ports are the tool's. */
static void no_pc(void)
{
	out8(PIC1, 0x11);
}

TEST(not_a_pc)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	struct lodge_pic_state pic;
	struct lodge_pit_state pit;

	vcpu_start64(c, FN(no_pc), 0);
	ASSERT_GUEST(GUEST_EXIT, c);
	EXPECT_EQ(LODGE_EXIT_IO, c->run->exit_reason);
	EXPECT_EQ(PIC1, c->run->io.port);
	EXPECT_EQ(-EINVAL, vm_get(vm, LODGE_STATE_PIC, &pic, sizeof(pic)));
	EXPECT_EQ(-EINVAL, vm_get(vm, LODGE_STATE_PIT, &pit, sizeof(pit)));
	vm_free(vm);
}

LODGE_TEST_MAIN
