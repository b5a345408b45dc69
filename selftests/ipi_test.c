// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts between vCPUs, and how application processors are woken. */
#include "harness.h"

#define LONG_MS	20000

extern const char ap_begin[], ap_end[], ap_count[];
void ap_main(u64 id);

FIXTURE(ipi) {
	struct vm *vm;
	struct vcpu *c[LODGE_MAX_VCPUS];
};

FIXTURE_VARIANT(ipi) {
	int nr;
};

FIXTURE_VARIANT_ADD(ipi, two_vcpus) { .nr = 2 };
FIXTURE_VARIANT_ADD(ipi, eight_vcpus) { .nr = 8 };

static int nr_vcpus;			/* set by the test */

FIXTURE_SETUP(ipi)
{
	int i;

	self->vm = vm_create();
	GUEST(self->vm, nr_vcpus) = variant->nr;
	memcpy(self->vm->mem + G_LOW, ap_begin, ap_end - ap_begin);
	for (i = 0; i < variant->nr; i++)
		self->c[i] = vcpu_create(self->vm, i);
}

FIXTURE_TEARDOWN(ipi)
{
	vm_free(self->vm);
}

static volatile u32 alive;		/* bits of vCPUs in ap_main() */
static volatile u32 quit;
static volatile u64 hits[GUEST_CPUS][256];

static void on_ipi(struct guest_frame *f)
{
	hits[guest_cpu()][f->vector]++;
	if (f->vector != 2)
		x2apic_write(APIC_EOI, 0);
}

static void handle_all(void)
{
	int i;

	for (i = 0x20; i < 256; i++)
		guest_handlers[i] = on_ipi;
	guest_handlers[2] = on_ipi;
}

void ap_main(u64 id)
{
	guest_x2apic_on();
	GUEST_EQ(id, guest_cpu());
	GUEST_EQ(id, x2apic_read(APIC_ID));
	GUEST_EQ(0, rdmsr(MSR_APIC_BASE) & 0x100);	/* not the BSP */
	__atomic_or_fetch(&alive, 1 << id, __ATOMIC_SEQ_CST);
	while (!quit)
		guest_sleep();
	guest_done();
}

static void icr(u64 dest, u32 command)
{
	x2apic_write(APIC_ICR, dest << 32 | command);
}

#define ICR_INIT	0x4500
#define ICR_STARTUP	0x4600
#define ICR_NMI		0x4400
#define ICR_LOGICAL	0x0800
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000

static bool spin_until(volatile u32 *p, u32 value)
{
	u64 begin = rdtsc();

	while (*p != value) {
		if (rdtsc() - begin > 20000000000)
			return false;
		guest_relax();
	}
	return true;
}

static bool hit(int cpu, int vector, u64 n)
{
	u64 begin = rdtsc();

	while (hits[cpu][vector] < n) {
		if (rdtsc() - begin > 20000000000)
			return false;
		guest_relax();
	}
	return hits[cpu][vector] == n;
}

static void start_aps(void)
{
	handle_all();
	guest_x2apic_on();
	GUEST_EQ(0x100, rdmsr(MSR_APIC_BASE) & 0x100);
	icr(0, ICR_INIT | ICR_OTHERS);
	icr(0, ICR_STARTUP | ICR_OTHERS | G_LOW >> 12);
	icr(0, ICR_STARTUP | ICR_OTHERS | G_LOW >> 12);
	GUEST_ASSERT(spin_until(&alive, (1 << nr_vcpus) - 2));
}

static void stop_aps(void)
{
	quit = 1;
	icr(0, 0xf0 | ICR_OTHERS);
}

static void run_all(struct __test_metadata *_metadata, struct vcpu **c, int nr,
		    void (*fn)(void))
{
	int i;

	vcpu_start64(c[0], FN(fn), 0);
	for (i = 0; i < nr; i++)
		vcpu_thread_start(c[i]);
	EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[0], LONG_MS));
	for (i = 1; i < nr; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[i], LONG_MS));
}

static void boot(void)
{
	int i;

	start_aps();
	/* a STARTUP that comes twice starts once */
	GUEST_EQ(nr_vcpus - 1, *(volatile u16 *)(G_LOW + (ap_count - ap_begin)));
	for (i = 1; i < nr_vcpus; i++)
		GUEST_EQ(0, hits[i][0xf0]);
	stop_aps();
}

TEST_F(ipi, init_and_startup)
{
	run_all(_metadata, self->c, variant->nr, boot);
}

/* One by one, in the order and with the addresses of the manuals. */
static void boot_each(void)
{
	int i;

	handle_all();
	guest_x2apic_on();
	for (i = 1; i < nr_vcpus; i++) {
		icr(i, ICR_STARTUP | G_LOW >> 12);	/* before INIT: ignored */
		guest_delay(100000);
		GUEST_EQ(0, alive & 1 << i);
		icr(i, ICR_INIT);
		icr(i, 0x8500);				/* INIT deassert: ignored */
		icr(i, ICR_STARTUP | G_LOW >> 12);
		GUEST_ASSERT(spin_until(&alive, (2 << i) - 2));
	}
	stop_aps();
}

TEST_F(ipi, one_by_one)
{
	run_all(_metadata, self->c, variant->nr, boot_each);
}

static void fixed(void)
{
	int i, round;

	start_aps();
	for (round = 1; round <= 50; round++) {
		for (i = 1; i < nr_vcpus; i++) {
			icr(i, 0x41);				/* physical */
			GUEST_ASSERT(hit(i, 0x41, round));
			icr(1 << i, 0x42 | ICR_LOGICAL);	/* cluster 0 */
			GUEST_ASSERT(hit(i, 0x42, round));
		}
	}
	GUEST_EQ(0, hits[0][0x41]);
	/* several at once */
	icr((1 << nr_vcpus) - 2, 0x43 | ICR_LOGICAL);
	for (i = 1; i < nr_vcpus; i++)
		GUEST_ASSERT(hit(i, 0x43, 1));
	GUEST_EQ(0, hits[0][0x43]);
	/* all but self, all */
	icr(0, 0x44 | ICR_OTHERS);
	for (i = 1; i < nr_vcpus; i++)
		GUEST_ASSERT(hit(i, 0x44, 1));
	icr(0, 0x45 | ICR_ALL);
	for (i = 1; i < nr_vcpus; i++)
		GUEST_ASSERT(hit(i, 0x45, 1));
	icr(-1u, 0x46);						/* broadcast */
	for (i = 1; i < nr_vcpus; i++)
		GUEST_ASSERT(hit(i, 0x46, 1));
	icr(5, 0x47 | ICR_SELF);
	guest_irq_window();
	GUEST_EQ(0, hits[0][0x44]);
	GUEST_EQ(1, hits[0][0x45]);
	GUEST_EQ(1, hits[0][0x46]);
	GUEST_EQ(1, hits[0][0x47]);
	/* nobody */
	icr(77, 0x48);
	icr(2 << 16 | 1, 0x48 | ICR_LOGICAL);			/* another cluster */
	guest_delay(100000);
	for (i = 0; i < nr_vcpus; i++)
		GUEST_EQ(0, hits[i][0x48]);
	stop_aps();
}

TEST_F(ipi, fixed)
{
	run_all(_metadata, self->c, variant->nr, fixed);
}

/* Lowest priority goes to one of them, whichever. */
static void lowest(void)
{
	u64 begin = rdtsc(), sum;
	int i;

	start_aps();
	for (i = 0; i < 20; i++)
		icr((1 << nr_vcpus) - 2, 0x149 | ICR_LOGICAL);
	do {
		sum = 0;
		for (i = 0; i < nr_vcpus; i++)
			sum += hits[i][0x49];
	} while (!sum && rdtsc() - begin < 20000000000);
	guest_delay(1000000);
	for (sum = 0, i = 0; i < nr_vcpus; i++)
		sum += hits[i][0x49];
	GUEST_ASSERT(sum >= 1 && sum <= 20);
	GUEST_EQ(0, hits[0][0x49]);
	stop_aps();
}

TEST_F(ipi, lowest_priority)
{
	run_all(_metadata, self->c, variant->nr, lowest);
}

static void nmis(void)
{
	int i;

	start_aps();
	for (i = 1; i < nr_vcpus; i++) {
		icr(i, ICR_NMI);
		GUEST_ASSERT(hit(i, 2, 1));
	}
	icr(0, ICR_NMI | ICR_OTHERS);
	for (i = 1; i < nr_vcpus; i++)
		GUEST_ASSERT(hit(i, 2, 2));
	GUEST_EQ(0, hits[0][2]);
	stop_aps();
}

TEST_F(ipi, nmi)
{
	run_all(_metadata, self->c, variant->nr, nmis);
}

/* INIT resets a vCPU that runs: it waits, and starts anew. */
static void again(void)
{
	int i;

	start_aps();
	for (i = 0; i < 10; i++) {
		alive = 0;
		icr(1, ICR_INIT);
		icr(1, 0x41);			/* in wait for SIPI: nothing */
		guest_delay(100000);
		GUEST_EQ(0, alive);
		icr(1, ICR_STARTUP | G_LOW >> 12);
		GUEST_ASSERT(spin_until(&alive, 2));
	}
	GUEST_EQ(0, hits[1][0x41]);
	stop_aps();
}

TEST_F(ipi, init_again)
{
	run_all(_metadata, self->c, variant->nr, again);
}

/* To and fro, thousands of times: none is lost. */
static volatile u64 ball;

static void on_ball(struct guest_frame *f)
{
	x2apic_write(APIC_EOI, 0);
	ball++;
	if (guest_cpu())
		icr(0, 0xa0);
}

static void ping_pong(void)
{
	u64 i;

	guest_handlers[0xa0] = on_ball;
	start_aps();
	guest_handlers[0xa0] = on_ball;
	for (i = 1; i <= 1000; i++) {
		icr(1, 0xa0);
		while (ball < 2 * i)
			guest_sleep();
		GUEST_EQ(2 * i, ball);
	}
	stop_aps();
}

TEST_F(ipi, ping_pong)
{
	run_all(_metadata, self->c, variant->nr, ping_pong);
}

/* Locked instructions of all vCPUs on one word. */
static volatile u64 word, ready;

static void adder(u64 n)
{
	u64 i;

	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (ready < (u64)nr_vcpus)
		guest_relax();
	for (i = 0; i < n; i++)
		__atomic_add_fetch(&word, 1, __ATOMIC_SEQ_CST);
}

TEST_F(ipi, shared_memory)
{
	int i;

	for (i = 0; i < variant->nr; i++) {
		vcpu_start64(self->c[i], adder, 20000);
		vcpu_thread_start(self->c[i]);
	}
	for (i = 0; i < variant->nr; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(self->c[i], LONG_MS));
	EXPECT_EQ(20000 * variant->nr, GUEST(self->vm, word));
}

/* What came to a vCPU between INIT and STARTUP, on whatever way, is void. */
static void startup(void)
{
	int i;

	handle_all();
	guest_x2apic_on();
	icr(0, ICR_STARTUP | ICR_OTHERS | G_LOW >> 12);
	GUEST_ASSERT(spin_until(&alive, (1 << nr_vcpus) - 2));
	for (i = 1; i < nr_vcpus; i++) {
		/* Of a lower priority: it would come behind the other. */
		icr(i, 0x31);
		GUEST_ASSERT(hit(i, 0x31, 1));
		GUEST_EQ(0, hits[i][0x41]);
	}
	stop_aps();
}

TEST_F(ipi, startup_forgets)
{
	struct lodge_lapic_state apic;
	int i;

	for (i = 1; i < variant->nr; i++) {
		ASSERT_EQ(0, vcpu_get(self->c[i], LODGE_STATE_LAPIC, &apic, sizeof(apic)));
		apic.regs[0x220] = 2;		/* IRR: vector 0x41 */
		ASSERT_EQ(0, vcpu_set(self->c[i], LODGE_STATE_LAPIC, &apic, sizeof(apic)));
		vcpu_set_mp(self->c[i], LODGE_MP_INIT_RECEIVED);
	}
	run_all(_metadata, self->c, variant->nr, startup);
}

/* A vCPU that nobody has started waits, and can be interrupted. */
TEST_F(ipi, not_started)
{
	struct lodge_events events;
	struct vcpu *c = self->c[variant->nr - 1];

	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_EVENTS, &events, sizeof(events)));
	EXPECT_EQ(LODGE_MP_UNINITIALIZED, events.mp_state);
	vcpu_thread_start(c);
	sleep_ms(50);
	EXPECT_EQ(0, c->result);
	EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_EVENTS, &events, sizeof(events)));
	EXPECT_EQ(LODGE_MP_UNINITIALIZED, events.mp_state);
}

LODGE_TEST_MAIN
