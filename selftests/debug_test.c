// SPDX-License-Identifier: GPL-2.0-only
/* A debugger's view of a vCPU: INT3 and single steps that the guest does not see. */
#include "harness.h"

enum { DB = 1, NMI = 2, BP = 3, UD = 6, PF = 14 };

#define RFLAGS_TF	0x100

extern const char guest_vectors[];	/* 16 bytes each */

FIXTURE(debug) {
	struct vm *vm;
	struct vcpu *c;
};

FIXTURE_SETUP(debug)
{
	self->vm = vm_create();
	self->c = vcpu_create(self->vm, 0);
}

FIXTURE_TEARDOWN(debug)
{
	vm_free(self->vm);
}

static int set_debug(struct vcpu *c, u32 flags)
{
	const struct lodge_guest_debug debug = { .flags = flags };

	return vcpu_set(c, LODGE_STATE_GUEST_DEBUG, &debug, sizeof(debug));
}

static struct lodge_regs regs_of(struct vcpu *c)
{
	struct lodge_regs regs;

	CHECK(-!!vcpu_get(c, LODGE_STATE_REGS, &regs, sizeof(regs)));
	return regs;
}

/* Runs to the next LODGE_EXIT_DEBUG. Return: its RIP, or 0 if another exit came */
static u64 run_debug(struct vcpu *c, u32 vector)
{
	int ret;

	do {
		ret = vcpu_run(c);
	} while (!ret && (c->run->exit_reason == LODGE_EXIT_MMIO ||
			  (c->run->exit_reason == LODGE_EXIT_IO &&
			   c->run->io.port == PORT_TEST)));
	if (ret || c->run->exit_reason != LODGE_EXIT_DEBUG ||
	    c->run->debug.vector != vector ||
	    c->run->debug.rip != regs_of(c).rip)
		return 0;
	return c->run->debug.rip;
}

static void set_rip(struct vcpu *c, u64 rip)
{
	struct lodge_regs regs = regs_of(c);

	regs.rip = rip;
	CHECK(-!!vcpu_set(c, LODGE_STATE_REGS, &regs, sizeof(regs)));
}

extern const char bp_first[], bp_second[];
static volatile u64 bp_count, bp_rip;

static void on_bp(struct guest_frame *f)
{
	bp_count++;
	bp_rip = f->rip;
	GUEST_EQ(0, f->rflags & RFLAGS_TF);
}

static void two_int3(void)
{
	guest_handlers[BP] = on_bp;
	asm volatile("bp_first: int3\n"
		     "bp_second: int3" : : : "memory");
}

TEST_F(debug, int3_is_the_debuggers)
{
	struct vcpu *c = self->c;

	vcpu_start64(c, FN(two_int3), 0);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS));
	ASSERT_EQ((uintptr_t)bp_first, run_debug(c, BP));
	/* As long as nobody does anything about it, it is there. */
	ASSERT_EQ((uintptr_t)bp_first, run_debug(c, BP));
	set_rip(c, (uintptr_t)bp_second);
	ASSERT_EQ((uintptr_t)bp_second, run_debug(c, BP));
	set_rip(c, (uintptr_t)bp_second + 1);
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ(0, GUEST(self->vm, bp_count));
}

TEST_F(debug, int3_is_the_guests)
{
	struct vcpu *c = self->c;

	vcpu_start64(c, FN(two_int3), 0);
	EXPECT_EQ(-EINVAL, set_debug(c, LODGE_DEBUG_REFLECT));
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS));
	ASSERT_EQ((uintptr_t)bp_first, run_debug(c, BP));
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS | LODGE_DEBUG_REFLECT));
	/* Once is enough. */
	EXPECT_EQ(-EINVAL, set_debug(c, LODGE_DEBUG_REFLECT));
	ASSERT_EQ((uintptr_t)bp_second, run_debug(c, BP));
	EXPECT_EQ(1, GUEST(self->vm, bp_count));
	EXPECT_EQ((uintptr_t)bp_second, GUEST(self->vm, bp_rip));
	/* Not after its place was left */
	set_rip(c, (uintptr_t)bp_second);
	EXPECT_EQ(-EINVAL, set_debug(c, LODGE_DEBUG_REFLECT));
	ASSERT_EQ(0, set_debug(c, 0));
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ(2, GUEST(self->vm, bp_count));
}

extern const char dbg0[], dbg1[], dbg2[], dbg3[], dbg4[], dbg5[], dbg6[], dbg7[],
	dbg8[];

/* All ways of an instruction: executed, answered here, in the module, emulated */
static void stepped(void)
{
	asm volatile("int3\n"
		     "dbg0: xorl %%eax, %%eax\n"
		     "dbg1: cpuid\n"
		     "dbg2: movl $0x1b, %%ecx\n"
		     "dbg3: rdmsr\n"
		     "dbg4: movl $0x510, %%edx\n"	/* PORT_TEST */
		     "dbg5: inb %%dx, %%al\n"
		     "dbg6: movl (%0), %%eax\n"		/* a device */
		     "dbg7: movq %%cr8, %%rax\n"
		     "dbg8: nop"
		     : : "r" (G_MMIO) : "rax", "rbx", "rcx", "rdx", "memory");
	GUEST_EQ(0, read_flags() & RFLAGS_TF);
}

static bool can_step(void)
{
	return lodge_get_info()->features & LODGE_FEATURE_STEP;
}

#define NO_STEPS	"the processor has no monitor trap flag"

TEST_F(debug, steps)
{
	static const char *const want[] = {
		dbg1, dbg2, dbg3, dbg4, dbg5, dbg6, dbg7, dbg8,
	};
	struct vcpu *c = self->c;
	int i;

	if (!can_step())
		SKIP_TEST(NO_STEPS);
	vcpu_start64(c, FN(stepped), 0);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS));
	ASSERT_EQ((uintptr_t)dbg0 - 1, run_debug(c, BP));
	set_rip(c, (uintptr_t)dbg0);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_STEP));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ((uintptr_t)want[i], run_debug(c, DB));
		ASSERT_EQ(0, regs_of(c).rflags & RFLAGS_TF);
	}
	ASSERT_EQ(0, set_debug(c, 0));
	ASSERT_GUEST(GUEST_DONE, c);
}

extern const char at_ud2[], at_fault[], past_int3[];
static volatile u64 fault_rip, fault_flags;

static void on_fault(struct guest_frame *f)
{
	fault_rip = f->rip;
	fault_flags = f->rflags;
	f->rip = f->vector == UD ? (uintptr_t)at_fault : (uintptr_t)past_int3 - 1;
}

static void faults(void)
{
	guest_handlers[UD] = on_fault;
	guest_handlers[PF] = on_fault;
	guest_handlers[BP] = on_bp;
	asm volatile("int3\n"
		     "at_ud2: ud2\n"
		     "at_fault: movl (%0), %%eax\n"
		     "int3\n"
		     "past_int3:"
		     : : "r" (0x123456789000) : "rax", "memory");
}

/* A step into a handler: hardware may be some instructions behind its first. */
#define EXPECT_HANDLER(vector) do {					\
	u64 first_ = (uintptr_t)guest_vectors + 16 * (vector);		\
	u64 rip_ = run_debug(c, DB);					\
	if (on_tcg)							\
		EXPECT_EQ(first_, rip_);				\
	EXPECT_NE(0, rip_);						\
} while (0)

TEST_F(debug, steps_into_handlers)
{
	struct vcpu *c = self->c;
	struct lodge_sregs sregs;

	if (!can_step())
		SKIP_TEST(NO_STEPS);
	vcpu_start64(c, FN(faults), 0);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS));
	ASSERT_EQ((uintptr_t)at_ud2 - 1, run_debug(c, BP));
	set_rip(c, (uintptr_t)at_ud2);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS | LODGE_DEBUG_STEP));
	EXPECT_HANDLER(UD);
	/* What was pushed has no trap flag: on_fault() would go on with it. */
	set_debug(c, LODGE_DEBUG_BREAKPOINTS);
	ASSERT_EQ((uintptr_t)past_int3 - 1, run_debug(c, BP));
	EXPECT_EQ((uintptr_t)at_fault, GUEST(self->vm, fault_rip));
	EXPECT_EQ(0, GUEST(self->vm, fault_flags) & RFLAGS_TF);

	set_rip(c, (uintptr_t)at_fault);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_STEP));
	EXPECT_HANDLER(PF);
	CHECK(-!!vcpu_get(c, LODGE_STATE_SREGS, &sregs, sizeof(sregs)));
	EXPECT_EQ(0x123456789000, sregs.cr2);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS));
	ASSERT_EQ((uintptr_t)past_int3 - 1, run_debug(c, BP));
	EXPECT_EQ((uintptr_t)at_fault, GUEST(self->vm, fault_rip));

	/* Its own INT3, stepped into */
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_REFLECT | LODGE_DEBUG_STEP));
	EXPECT_HANDLER(BP);
	ASSERT_EQ(0, set_debug(c, 0));
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ((uintptr_t)past_int3, GUEST(self->vm, bp_rip));
}

static volatile u64 nmis;

static void on_nmi(struct guest_frame *f)
{
	nmis++;
}

static void nmi_guest(void)
{
	guest_handlers[NMI] = on_nmi;
	asm volatile("int3; nop; nop; nop; nop" : : : "memory");
	GUEST_EQ(1, nmis);
}

/* Steps are those of what is debugged: interrupts wait until it goes on. */
TEST_F(debug, interrupts_wait_for_steps)
{
	struct vcpu *c = self->c;
	u64 rip;
	int i;

	if (!can_step())
		SKIP_TEST(NO_STEPS);
	vcpu_start64(c, FN(nmi_guest), 0);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_BREAKPOINTS));
	rip = run_debug(c, BP);
	ASSERT_NE(0, rip);
	set_rip(c, rip + 1);
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_STEP));
	ASSERT_EQ(0, ioctl(c->fd, LODGE_NMI, 0));
	for (i = 2; i < 5; i++)
		ASSERT_EQ(rip + i, run_debug(c, DB));
	EXPECT_EQ(0, GUEST(self->vm, nmis));
	ASSERT_EQ(0, set_debug(c, 0));
	ASSERT_GUEST(GUEST_DONE, c);
}

TEST_F(debug, bad_values)
{
	struct lodge_guest_debug debug = { .reserved = 1 };
	struct vcpu *c = self->c;

	EXPECT_EQ(-EINVAL, set_debug(c, 8));
	EXPECT_EQ(-EINVAL, set_debug(c, 1U << 31));
	EXPECT_EQ(-EINVAL, vcpu_set(c, LODGE_STATE_GUEST_DEBUG, &debug, sizeof(debug)));
	if (!can_step()) {
		EXPECT_EQ(-EINVAL, set_debug(c, LODGE_DEBUG_STEP));
		SKIP_TEST(NO_STEPS);
	}
	ASSERT_EQ(0, set_debug(c, LODGE_DEBUG_STEP));
	EXPECT_EQ(0, vcpu_get(c, LODGE_STATE_GUEST_DEBUG, &debug, sizeof(debug)));
	EXPECT_EQ(LODGE_DEBUG_STEP, debug.flags);
	EXPECT_EQ(0, debug.reserved);
}

LODGE_TEST_MAIN
