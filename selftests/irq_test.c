// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts of one vCPU: pins, messages, priorities, NMIs, shadows, HLT. */
#include "harness.h"

#define LONG_MS	5000

FIXTURE(irq) {
	struct vm *vm;
	struct vcpu *c;
};

FIXTURE_SETUP(irq)
{
	self->vm = vm_create();
	self->c = vcpu_create(self->vm, 0);
}

FIXTURE_TEARDOWN(irq)
{
	vm_free(self->vm);
}

/* What the guest and the test tell each other while the guest runs. */
static volatile u64 stage;		/* guest: so far I am */
static volatile u64 go;			/* test: go on */
static volatile u8 order[64];		/* vectors as they came */
static volatile int nr_order;

#define START(fn, arg) do {						\
	vcpu_start64(self->c, FN(fn), arg);				\
	vcpu_thread_start(self->c);					\
} while (0)

#define WAIT_STAGE(n)							\
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, stage) >= (n), LONG_MS))	\
		TH_LOG("guest is at stage %d",				\
		       (int)GUEST(self->vm, stage))

#define FINISH() \
	ASSERT_EQ(GUEST_DONE, vcpu_thread_wait(self->c, LONG_MS))

static void record(struct guest_frame *f)
{
	order[nr_order++] = f->vector;
	x2apic_write(APIC_EOI, 0);
}

static void handle(int from, int to, guest_handler_t handler)
{
	while (from <= to)
		guest_handlers[from++] = handler;
}

static void self_ipi(int vector)
{
	x2apic_write(APIC_SELF_IPI, vector);
}

static bool irr(int vector)
{
	return x2apic_read(APIC_IRR + vector / 32 * 16) >> vector % 32 & 1;
}

static bool isr(int vector)
{
	return x2apic_read(APIC_ISR + vector / 32 * 16) >> vector % 32 & 1;
}

static void priorities(void)
{
	static const u8 sent[] = { 0x31, 0x80, 0x55, 0xfe, 0x52, 0x20, 0x33 };
	static const u8 want[] = { 0xfe, 0x80, 0x55, 0x52, 0x33, 0x31, 0x20 };
	unsigned int i;

	guest_x2apic_on();
	handle(0x20, 0xff, record);
	for (i = 0; i < sizeof(sent); i++) {
		self_ipi(sent[i]);
		self_ipi(sent[i]);	/* once more is no more */
		GUEST_ASSERT(irr(sent[i]));
	}
	GUEST_EQ(0, nr_order);
	guest_irq_window();
	GUEST_EQ(sizeof(sent), nr_order);
	for (i = 0; i < sizeof(sent); i++) {
		GUEST_EQ(want[i], order[i]);
		GUEST_ASSERT(!irr(sent[i]) && !isr(sent[i]));
	}
	/* the legacy way to the same: ICR, shorthand self */
	x2apic_write(APIC_ICR, 0x40000 | 0x66);
	guest_irq_window();
	GUEST_EQ(0x66, order[i]);
}

TEST_F(irq, priorities)
{
	RUN_GUEST(priorities, 0);
}

static void task_priority(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, record);
	write_cr8(5);
	GUEST_EQ(0x50, x2apic_read(APIC_TPR));
	GUEST_EQ(0x50, x2apic_read(APIC_PPR));
	self_ipi(0x5f);			/* class 5: not above */
	self_ipi(0x60);
	guest_irq_window();
	GUEST_EQ(1, nr_order);
	GUEST_EQ(0x60, order[0]);
	GUEST_ASSERT(irr(0x5f));
	/* lowering it lets it in at once */
	guest_irq_on();
	write_cr8(4);
	asm volatile("nop");
	guest_irq_off();
	GUEST_EQ(2, nr_order);
	GUEST_EQ(0x5f, order[1]);
	/* all of them */
	write_cr8(15);
	self_ipi(0xff);
	guest_irq_window();
	GUEST_EQ(2, nr_order);
	x2apic_write(APIC_TPR, 0xe0);
	GUEST_EQ(14, read_cr8());
	guest_irq_window();
	GUEST_EQ(3, nr_order);
	/* the priority's lower half counts for nothing but PPR */
	x2apic_write(APIC_TPR, 0x38);
	GUEST_EQ(3, read_cr8());
	GUEST_EQ(0x38, x2apic_read(APIC_PPR));
	self_ipi(0x40);
	guest_irq_window();
	GUEST_EQ(4, nr_order);
	x2apic_write(APIC_TPR, 0);
}

TEST_F(irq, task_priority)
{
	RUN_GUEST(task_priority, 0);
}

/* A handler that is interrupted by what is above it, not by what is below. */
static void outer(struct guest_frame *f)
{
	order[nr_order++] = f->vector;
	GUEST_ASSERT(isr(0x60));
	GUEST_EQ(0x60, x2apic_read(APIC_PPR) & 0xf0);
	self_ipi(0x61);			/* same class: waits */
	self_ipi(0x50);
	self_ipi(0x70);
	guest_irq_window();
	GUEST_EQ(2, nr_order);
	order[nr_order++] = 0;
	x2apic_write(APIC_EOI, 0);
	GUEST_ASSERT(!isr(0x60));
}

static void nesting(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, record);
	guest_handlers[0x60] = outer;
	self_ipi(0x60);
	guest_irq_window();
	GUEST_EQ(5, nr_order);
	GUEST_EQ(0x60, order[0]);
	GUEST_EQ(0x70, order[1]);
	GUEST_EQ(0, order[2]);
	GUEST_EQ(0x61, order[3]);
	GUEST_EQ(0x50, order[4]);
}

TEST_F(irq, nesting)
{
	RUN_GUEST(nesting, 0);
}

/* Without its EOI, an interrupt keeps all of its class and below out. */
static void no_eoi(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, record);
	guest_handlers[0x60] = guest_count_only;
	self_ipi(0x60);
	guest_irq_window();
	GUEST_EQ(1, guest_counts[0x60]);
	GUEST_ASSERT(isr(0x60));
	self_ipi(0x60);
	self_ipi(0x40);
	guest_irq_window();
	GUEST_EQ(1, guest_counts[0x60]);
	GUEST_EQ(0, nr_order);
	x2apic_write(APIC_EOI, 0);
	guest_irq_window();
	GUEST_EQ(2, guest_counts[0x60]);
	GUEST_EQ(0, nr_order);
	x2apic_write(APIC_EOI, 0);
	guest_irq_window();
	GUEST_EQ(1, nr_order);
	/* in x2APIC mode an EOI is 0 */
	GUEST_EQ(13, try_wrmsr(MSR_X2APIC(APIC_EOI), 1));
}

TEST_F(irq, end_of_interrupt)
{
	RUN_GUEST(no_eoi, 0);
}

/* STI and MOV SS hold interrupts off for one instruction. */
static void shadows(void)
{
	u64 n;

	guest_x2apic_on();
	handle(0x20, 0xff, record);
	self_ipi(0x40);
	asm volatile("sti; cli" : : : "memory");
	GUEST_EQ(0, nr_order);
	/* with an exit in the shadow */
	asm volatile("movl $0, %%eax; sti; cpuid; cli" : : : "rax", "rbx", "rcx", "rdx", "memory");
	GUEST_EQ(1, nr_order);
	self_ipi(0x40);
	asm volatile("sti; outb %%al, $0x50; cli" : : "a" (0) : "memory");
	GUEST_EQ(2, nr_order);
	self_ipi(0x40);
	asm volatile("pushfq; orq $0x200, (%%rsp); movl %%ss, %%eax; popfq; cli"
		     : : : "rax", "memory");
	GUEST_EQ(3, nr_order);		/* POPF has no shadow */
	self_ipi(0x40);
	asm volatile("sti; nop; cli" : "=r" (n) : : "memory");
	GUEST_EQ(4, nr_order);
}

TEST_F(irq, shadows)
{
	vcpu_start64(self->c, FN(shadows), 0);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_IO, self->c->run->exit_reason);
	ASSERT_GUEST(GUEST_DONE, self->c);
}

/* I/O APIC */

static void wait_for_count(int vector, u64 n)
{
	while (guest_counts[vector] < n)
		guest_sleep();
}

static void edge(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, guest_count);
	ioapic_set(4, 0x44);
	stage = 1;
	wait_for_count(0x44, 1);
	stage = 2;
	wait_for_count(0x44, 3);
	/* masked: the edge is kept or lost, but does not come through now */
	ioapic_set(4, 0x44 | IOAPIC_MASKED);
	stage = 3;
	while (!go)
		guest_relax();
	guest_irq_window();
	GUEST_EQ(3, guest_counts[0x44]);
	/* another pin, another vector */
	ioapic_set(23, 0x53);
	stage = 4;
	wait_for_count(0x53, 1);
	GUEST_EQ(0, ioapic_get(23) & IOAPIC_IRR);
}

TEST_F(irq, pin_edge)
{
	START(edge, 0);
	WAIT_STAGE(1);
	EXPECT_EQ(0, GUEST(self->vm, guest_counts[0x44]));
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 1));
	WAIT_STAGE(2);
	/* it stays high: no new edge; low and high again is one */
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 1));
	sleep_ms(20);
	EXPECT_EQ(1, GUEST(self->vm, guest_counts[0x44]));
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 0));
	sleep_ms(20);
	EXPECT_EQ(1, GUEST(self->vm, guest_counts[0x44]));
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 1));
	ASSERT_TRUE(WAIT_FOR(GUEST(self->vm, guest_counts[0x44]) == 2, LONG_MS));
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 0));
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 1));
	WAIT_STAGE(3);
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 0));
	ASSERT_EQ(0, vm_irq_line(self->vm, 4, 1));
	GUEST(self->vm, go) = 1;
	WAIT_STAGE(4);
	ASSERT_EQ(0, vm_irq_line(self->vm, 23, 1));
	FINISH();
}

static void level(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, guest_count);
	guest_handlers[0x45] = guest_count_only;
	ioapic_set(5, 0x45 | IOAPIC_LEVEL);
	stage = 1;
	/* as long as it is high, each EOI brings the next */
	wait_for_count(0x45, 1);
	GUEST_EQ(IOAPIC_IRR, ioapic_get(5) & IOAPIC_IRR);
	guest_irq_window();
	GUEST_EQ(1, guest_counts[0x45]);
	GUEST_ASSERT(x2apic_read(APIC_TMR + 0x45 / 32 * 16) & 1 << 0x45 % 32);
	x2apic_write(APIC_EOI, 0);
	wait_for_count(0x45, 2);
	stage = 2;
	while (!go)
		guest_relax();		/* the test lowers it */
	GUEST_EQ(IOAPIC_IRR, ioapic_get(5) & IOAPIC_IRR);
	x2apic_write(APIC_EOI, 0);
	guest_irq_window();
	GUEST_EQ(0, ioapic_get(5) & IOAPIC_IRR);
	GUEST_EQ(2, guest_counts[0x45]);
	/* masked while high, and unmasked: it comes then */
	ioapic_set(5, 0x45 | IOAPIC_LEVEL | IOAPIC_MASKED);
	stage = 3;
	while (go < 2)
		guest_relax();
	guest_irq_window();
	GUEST_EQ(2, guest_counts[0x45]);
	ioapic_set(5, 0x45 | IOAPIC_LEVEL);
	wait_for_count(0x45, 3);
	stage = 4;
	while (go < 3)
		guest_relax();
	x2apic_write(APIC_EOI, 0);
	guest_irq_window();
	GUEST_EQ(3, guest_counts[0x45]);
}

TEST_F(irq, pin_level)
{
	START(level, 0);
	WAIT_STAGE(1);
	ASSERT_EQ(0, vm_irq_line(self->vm, 5, 1));
	WAIT_STAGE(2);
	ASSERT_EQ(0, vm_irq_line(self->vm, 5, 0));
	GUEST(self->vm, go) = 1;
	WAIT_STAGE(3);
	ASSERT_EQ(0, vm_irq_line(self->vm, 5, 1));
	GUEST(self->vm, go) = 2;
	WAIT_STAGE(4);
	ASSERT_EQ(0, vm_irq_line(self->vm, 5, 0));
	GUEST(self->vm, go) = 3;
	FINISH();
}

/* Registers of the I/O APIC as they are read and written. */
static void ioapic_registers(void)
{
	u32 version = ioapic_read(1);

	GUEST_EQ(LODGE_NR_GSIS - 1, version >> 16 & 0xff);
	ioapic_write(0, 0x05000000);
	GUEST_EQ(0x05000000, ioapic_read(0));
	GUEST_EQ(IOAPIC_MASKED, ioapic_read(0x10));	/* after reset */
	ioapic_set(7, 0xab00000000000000 | IOAPIC_MASKED | IOAPIC_LEVEL | 0x1000 | 0x77);
	/* delivery status is for reading */
	GUEST_EQ(0xab00000000000000 | IOAPIC_MASKED | IOAPIC_LEVEL | 0x77, ioapic_get(7));
	ioapic_write(0x10 + 2 * LODGE_NR_GSIS, 0);	/* beyond the last: nothing */
	ioapic_write(0xff, -1);
	ioapic_read(0xff);
	GUEST_EQ(version, ioapic_read(1));
}

TEST_F(irq, ioapic_registers)
{
	RUN_GUEST(ioapic_registers, 0);
}

/* Messages */

static void messages(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, guest_count);
	handle(2, 2, guest_count_only);
	stage = 1;
	wait_for_count(0x70, 1);
	wait_for_count(0x71, 1);
	wait_for_count(0x72, 1);
	wait_for_count(0x73, 1);
	while (!guest_counts[2])
		guest_sleep();
}

TEST_F(irq, message)
{
	START(messages, 0);
	WAIT_STAGE(1);
	EXPECT_EQ(1, vm_msi(self->vm, APIC_BASE, 0x70));		/* fixed */
	EXPECT_EQ(1, vm_msi(self->vm, APIC_BASE, 0x171));		/* lowest priority */
	EXPECT_EQ(1, vm_msi(self->vm, APIC_BASE | 0xff000, 0x72));	/* broadcast */
	EXPECT_EQ(1, vm_msi(self->vm, APIC_BASE | 0x1000 | 4, 0x73));	/* logical 1 */
	EXPECT_EQ(0, vm_msi(self->vm, APIC_BASE | 0x5000, 0x74));
	EXPECT_EQ(1, vm_msi(self->vm, APIC_BASE, 0x400));		/* NMI */
	FINISH();
	EXPECT_EQ(0, GUEST(self->vm, guest_counts[0x74]));
}

/* A local APIC that is switched off takes no message but NMIs and INITs. */
static void apic_off(void)
{
	handle(0x20, 0xff, guest_count);
	xapic_write(APIC_SVR, 0xff);
	stage = 1;
	while (!go)
		guest_relax();
	guest_irq_window();
	GUEST_EQ(0, guest_counts[0x70]);
	/* and has forgotten it */
	xapic_write(APIC_SVR, 0x1ff);
	guest_irq_window();
	GUEST_EQ(0, guest_counts[0x70]);
}

TEST_F(irq, message_to_a_disabled_apic)
{
	START(apic_off, 0);
	WAIT_STAGE(1);
	EXPECT_EQ(0, vm_msi(self->vm, APIC_BASE, 0x70));
	GUEST(self->vm, go) = 1;
	FINISH();
}

/* NMIs come with interrupts off; the next one after the handler's IRET. */
static volatile int nmi_depth, nmi_max, nmis;

static void on_nmi(struct guest_frame *f)
{
	int i;

	if (++nmi_depth > nmi_max)
		nmi_max = nmi_depth;
	nmis++;
	if (nmis == 1) {
		stage = 2;
		while (!go)		/* the test sends three more */
			guest_relax();
	}
	for (i = 0; i < 100; i++)	/* exits in the handler change nothing */
		out8(0x80, i);
	nmi_depth--;
}

static void nmi(void)
{
	guest_x2apic_on();
	guest_handlers[2] = on_nmi;
	stage = 1;
	while (nmis < 2)
		guest_relax();
	guest_delay(1000000);
	GUEST_EQ(2, nmis);		/* one waited, more are not counted */
	GUEST_EQ(1, nmi_max);
}

static void run_through_exits(struct vcpu *c)
{
	enum guest_result result;

	do {
		result = guest_run(c);
	} while (result == GUEST_EXIT && c->run->exit_reason == LODGE_EXIT_IO);
	__atomic_store_n(&c->result, result, __ATOMIC_RELEASE);
}

static void *nmi_thread(void *c)
{
	run_through_exits(c);
	return NULL;
}

TEST_F(irq, nmi)
{
	int i;

	kick_init();
	vcpu_start64(self->c, FN(nmi), 0);
	self->c->result = 0;
	ASSERT_EQ(0, pthread_create(&self->c->thread, NULL, nmi_thread, self->c));
	WAIT_STAGE(1);
	ASSERT_EQ(0, ioctl(self->c->fd, LODGE_NMI, 0));
	WAIT_STAGE(2);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, ioctl(self->c->fd, LODGE_NMI, 0));
	sleep_ms(20);
	EXPECT_EQ(1, GUEST(self->vm, nmis));
	GUEST(self->vm, go) = 1;
	FINISH();
}

/* HLT ends by each of the ways there are. */
static void wakes(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, guest_count);
	guest_handlers[2] = guest_count_only;
	ioapic_set(9, 0x49);
	stage = 1;
	guest_sleep();
	GUEST_EQ(1, guest_counts[0x49]);
	stage = 2;
	guest_sleep();
	GUEST_EQ(1, guest_counts[0x70]);
	stage = 3;
	asm volatile("hlt" : : : "memory");	/* interrupts are off: an NMI */
	GUEST_EQ(1, guest_counts[2]);
	stage = 4;
}

TEST_F(irq, hlt_wake_up)
{
	START(wakes, 0);
	WAIT_STAGE(1);
	sleep_ms(20);
	EXPECT_EQ(1, GUEST(self->vm, stage));
	ASSERT_EQ(0, vm_irq_line(self->vm, 9, 1));
	WAIT_STAGE(2);
	sleep_ms(20);
	EXPECT_EQ(2, GUEST(self->vm, stage));
	ASSERT_EQ(1, vm_msi(self->vm, APIC_BASE, 0x70));
	WAIT_STAGE(3);
	/* an interrupt does not wake it while they are off */
	ASSERT_EQ(1, vm_msi(self->vm, APIC_BASE, 0x71));
	sleep_ms(50);
	EXPECT_EQ(3, GUEST(self->vm, stage));
	ASSERT_EQ(0, ioctl(self->c->fd, LODGE_NMI, 0));
	FINISH();
	EXPECT_EQ(0, GUEST(self->vm, guest_counts[0x71]));
}

/* Thousands of interrupts, none lost and none twice. */
static void many(u64 n)
{
	guest_x2apic_on();
	handle(0x20, 0xff, guest_count);
	stage = 1;
	while (guest_counts[0x70] < n) {
		guest_sleep();
		stage++;
	}
}

TEST_F(irq, ping_pong)
{
	u64 i, n = 3000;

	START(many, n);
	WAIT_STAGE(1);
	for (i = 1; i <= n; i++) {
		ASSERT_EQ(1, vm_msi(self->vm, APIC_BASE, 0x70));
		while (GUEST(self->vm, guest_counts[0x70]) < i &&
		       !READ(self->c->result))
			sched_yield();
		ASSERT_EQ(i, GUEST(self->vm, guest_counts[0x70]));
	}
	FINISH();
	EXPECT_EQ(n, GUEST(self->vm, guest_counts[0x70]));
}

/* The local APIC's own error: a vector that cannot be. */
static void error_register(void)
{
	guest_x2apic_on();
	handle(0x20, 0xff, guest_count);
	x2apic_write(APIC_LVT_ERROR, 0x90);
	x2apic_write(APIC_ICR, 0x40000 | 5);
	x2apic_write(APIC_ESR, 0);
	GUEST_EQ(1 << 5, x2apic_read(APIC_ESR) & 1 << 5);
	guest_irq_window();
	GUEST_EQ(1, guest_counts[0x90]);
	x2apic_write(APIC_ESR, 0);
	GUEST_EQ(0, x2apic_read(APIC_ESR));
}

TEST_F(irq, error_register)
{
	RUN_GUEST(error_register, 0);
}

LODGE_TEST_MAIN
