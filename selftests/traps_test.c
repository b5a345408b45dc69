// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions of all kinds, single steps and breakpoints, within the guest. */
#include <signal.h>
#include <sys/wait.h>
#include "harness.h"

enum { DE, DB, NMI, BP, OF, BR, UD, NM, DF, CSO, TS, NP, SS, GP, PF, SPUR, MF,
       AC, MC, XM };

extern const char into32[], bound32[];

/* Whether this processor, or the emulator of it, raises a fault at all. */
static bool host_raises(void (*fn)(void), int sig)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		signal(sig, SIG_DFL);
		fn();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == sig;
}

static void load_selector(u16 selector)
{
	TRY("movl %0, %%es", : : "r" ((u32)selector));
}

/* INT n through a gate pushes no error code, whatever the vector is. */
static volatile u64 int_rip, int_vector;

static void on_int(struct guest_frame *f)
{
	int_rip = f->rip;
	int_vector = f->vector;
}

static void software_interrupts(void)
{
	extern const char after_int80[], after_intff[];

	guest_handlers[0x80] = on_int;
	guest_handlers[0xff] = on_int;
	asm volatile("int $0x80\n.globl after_int80\nafter_int80:" : : : "memory");
	GUEST_EQ(0x80, int_vector);
	GUEST_EQ((uintptr_t)after_int80, int_rip);
	asm volatile("int $0xff\n.globl after_intff\nafter_intff:" : : : "memory");
	GUEST_EQ(0xff, int_vector);
	GUEST_EQ((uintptr_t)after_intff, int_rip);
	/* BP and OF are traps: RIP is behind; faults: RIP is at */
	TRY("int3", ::);
	GUEST_EQ(0xcc, *(volatile u8 *)(guest_caught.rip - 1));
	TRY("ud2", ::);
	GUEST_EQ(0x0b0f, *(volatile u16 *)guest_caught.rip);
	if (!on_tcg) {			/* there it is #UD */
		TRY("int1", ::);
		GUEST_CATCHES(DB, 0);
	}
}

TEST(software_interrupt)
{
	RUN_GUEST(software_interrupts, 0);
}

/* The error code for a gate; QEMU counts 16 bytes to a vector in long mode. */
static u32 gate_error(int vector)
{
	return vector * (on_tcg ? 16 : 8) + 2;
}

static void page_faults(void)
{
	volatile u64 *pd = (void *)(G_PD + 0x3000);

	pd[0] = 0;			/* 3 GiB: not present */
	write_cr3(read_cr3());
	TRY("movb (%0), %%al", : : "r" (0xc0001234UL) : "rax");
	GUEST_CATCHES(PF, 0);
	GUEST_EQ(0xc0001234, guest_caught.cr2);
	TRY("movb %%al, (%0)", : : "r" (0xc0001235UL), "a" (0) : "memory");
	GUEST_CATCHES(PF, 2);
	GUEST_EQ(0xc0001235, guest_caught.cr2);
	TRY("lock incl (%0)", : : "r" (0xc0000000UL) : "memory");
	GUEST_CATCHES(PF, 2);
	pd[0] = 0x200000 | 0x85;		/* read-only, for all */
	TRY("movb %%al, (%0)", : : "r" (0xc0001235UL), "a" (0) : "memory");
	GUEST_CATCHES(PF, 3);
}

TEST(page_fault)
{
	RUN_GUEST(page_faults, 0);
}

static void selector_faults(void)
{
	load_selector(SEL_ABSENT);
	GUEST_CATCHES(NP, SEL_ABSENT);
	load_selector(0xf8);			/* beyond the limit */
	GUEST_CATCHES(GP, 0xf8);
	load_selector(SEL_TSS);			/* of the wrong kind */
	GUEST_CATCHES(GP, SEL_TSS);
	load_selector(4);			/* in an LDT that is not there */
	GUEST_CATCHES(GP, 4);
	TRY("movl %0, %%ss", : : "r" ((u32)SEL_ABSENT));
	GUEST_CATCHES(SS, SEL_ABSENT);
	TRY("movl %0, %%ss", : : "r" ((u32)SEL_CODE64));
	GUEST_CATCHES(GP, SEL_CODE64);
	TRY("ltr %w0", : : "r" (SEL_TSS));	/* busy */
	GUEST_CATCHES(GP, SEL_TSS);
	load_selector(SEL_DATA);
	GUEST_NO_FAULT();
	/* a gate that is not there */
	((volatile u8 *)(G_IDT + 16 * 0x90UL))[5] = 0x0e;
	TRY("int $0x90", ::);
	GUEST_CATCHES(NP, gate_error(0x90));
}

TEST(selectors)
{
	RUN_GUEST(selector_faults, 0);
}

static void arithmetic(void)
{
	u64 zero = 0;

	TRY("divl %0", : : "r" ((u32)zero), "a" (1), "d" (0));
	GUEST_CATCHES(DE, 0);
	TRY("idivq %0", : : "r" (-1UL), "a" (0), "d" (0x8000000000000000));
	GUEST_CATCHES(DE, 0);
	TRY("ud2", ::);
	GUEST_CATCHES(UD, 0);
	TRY("movq (%0), %%rax", : : "r" (1UL << 63) : "rax");
	GUEST_CATCHES(GP, 0);
	TRY("pushq $0x4000; popfq; pushfq; popq %%rax", : : : "rax");	/* NT */
	GUEST_NO_FAULT();
	asm volatile("pushq $2; popfq");
}

TEST(faults)
{
	RUN_GUEST(arithmetic, 0);
}

/* x87 and SSE */
static void divide_x87(void)
{
	u16 cw = 0x37b;			/* #Z unmasked */

	asm volatile("fninit; fldcw %0; fldz; fld1; fdivp; fwait" : : "m" (cw));
}

static void divide_sse(void)
{
	u32 csr = 0x1d80;		/* #Z unmasked */
	u32 one = 0x3f800000;

	asm volatile("ldmxcsr %0; movss %1, %%xmm0; xorps %%xmm1, %%xmm1; divss %%xmm1, %%xmm0"
		     : : "m" (csr), "m" (one));
}

static void x87_fault(void)
{
	u16 cw = 0x37b;

	asm volatile("fninit; fldcw %0; fldz; fld1" : : "m" (cw));
	TRY("fdivp; fwait", ::);		/* 1 / 0 */
	GUEST_CATCHES(MF, 0);
	asm volatile("fninit");
}

TEST(x87_exception)
{
	if (!host_raises(divide_x87, SIGFPE))
		SKIP_TEST("the processor (an emulator?) raises no #MF");
	RUN_GUEST(x87_fault, 0);
}

static void sse_fault(void)
{
	u32 csr = 0x1d80, one = 0x3f800000;

	asm volatile("ldmxcsr %0; movss %1, %%xmm0; xorps %%xmm1, %%xmm1"
		     : : "m" (csr), "m" (one));
	TRY("divss %%xmm1, %%xmm0", ::);
	GUEST_CATCHES(XM, 0);
	write_cr4(read_cr4() & ~0x400UL);		/* OSXMMEXCPT */
	TRY("divss %%xmm1, %%xmm0", ::);
	GUEST_CATCHES(UD, 0);
}

TEST(sse_exception)
{
	if (!host_raises(divide_sse, SIGFPE))
		SKIP_TEST("the processor (an emulator?) raises no #XM");
	RUN_GUEST(sse_fault, 0);
}

static void misaligned(void)
{
	static u32 word[2];

	asm volatile("pushfq; orq $0x40000, (%%rsp); popfq; movl 1(%0), %%eax\n\t"
		     "pushfq; andq $~0x40000, (%%rsp); popfq"
		     : : "r" (word) : "rax", "memory");
}

/* Alignment is checked for users only. */
static u64 kernel_rsp;
static volatile u64 user_vector, user_error;

static void user_exit(struct guest_frame *f)
{
	user_vector = f->vector;
	user_error = f->error;
	f->cs = SEL_CODE64;
	f->ss = SEL_DATA;
	f->rsp = kernel_rsp;
	f->rip = f->rbp;
	f->rflags = 2;
}

static void call_user(const void *code)
{
	u64 rip = (uintptr_t)code;

	guest_handlers[0x80] = user_exit;
	((volatile u8 *)(G_IDT + 16 * 0x80UL))[5] = 0xee;
	asm volatile("push %%rbp\n\t"
		     "push %%rbx\n\t"
		     "mov %%rsp, %0\n\t"
		     "lea 1f(%%rip), %%rbp\n\t"
		     "pushq %2\n\t"
		     "pushq %3\n\t"
		     "pushq $2\n\t"
		     "pushq %4\n\t"
		     "pushq %1\n\t"
		     "iretq\n"
		     "1: pop %%rbx\n\t"
		     "pop %%rbp"
		     : "=m" (kernel_rsp), "+S" (rip)
		     : "i" (SEL_USER_DATA), "i" (G_LOW_END), "i" (SEL_USER_CODE64)
		     : "memory", "rax", "rcx", "rdx", "rdi", "r8", "r9", "r10", "r11");
}

asm(".text\n"
    "user_align: pushfq; orq $0x40000, (%rsp); popfq\n"
    "movl -7(%rsp), %eax\n"
    "int $0x80\n"
    "user_out: outb %al, $0x80\n"
    "int $0x80\n"
    "user_in: inb %dx, %al\n"
    "int $0x80\n"
    "user_cli: cli\n"
    "int $0x80\n"
    "user_cr: movq %cr0, %rax\n"
    "int $0x80\n"
    "user_msr: rdmsr\n"
    "int $0x80\n"
    "user_int: int $0x81\n"
    "int $0x80\n"
    "user_kernel: movl $0xc0000000, %eax; movq (%rax), %rax\n"
    "int $0x80\n"
    "user_fine: movl $1, %eax; cpuid; rdtsc\n"
    "int $0x80\n");
extern const char user_align[], user_out[], user_in[], user_cli[], user_cr[],
	user_msr[], user_int[], user_kernel[], user_fine[];

static void align_fault(void)
{
	guest_handlers[AC] = user_exit;
	call_user(user_align);
	GUEST_EQ(AC, user_vector);
	GUEST_EQ(0, user_error);
}

TEST(alignment_check)
{
	if (!host_raises(misaligned, SIGBUS))
		SKIP_TEST("the processor (an emulator?) does not check alignment");
	RUN_GUEST(align_fault, 0);
}

static void user_faults(void)
{
	guest_handlers[GP] = user_exit;
	guest_handlers[PF] = user_exit;
	call_user(user_fine);
	GUEST_EQ(0x80, user_vector);
	/* no port is a user's: IOPL 0, and the TSS has no map */
	call_user(user_out);
	GUEST_EQ(GP, user_vector);
	GUEST_EQ(0, user_error);
	call_user(user_in);
	GUEST_EQ(GP, user_vector);
	call_user(user_cli);
	GUEST_EQ(GP, user_vector);
	call_user(user_cr);
	GUEST_EQ(GP, user_vector);
	call_user(user_msr);
	GUEST_EQ(GP, user_vector);
	call_user(user_int);
	GUEST_EQ(GP, user_vector);
	GUEST_EQ(gate_error(0x81), user_error);
	/* a page of the supervisor's */
	((volatile u64 *)(G_PD + 0x3000))[0] = 0x200000 | 0x83;
	write_cr3(read_cr3());
	call_user(user_kernel);
	GUEST_EQ(PF, user_vector);
	GUEST_EQ(5, user_error);
}

TEST(faults_of_users)
{
	RUN_GUEST(user_faults, 0);
}

/* A fault while a fault is delivered; and once more. */
static volatile u64 df_error, df_seen;

static void on_df(struct guest_frame *f)
{
	df_seen++;
	df_error = f->error;
	guest_done();
}

static void double_fault(void)
{
	guest_handlers[DF] = on_df;
	((volatile u8 *)(G_IDT + 16 * (u64)GP))[5] = 0x0e;	/* #GP: not present */
	((volatile u8 *)(G_IDT + 16 * (u64)NP))[5] = 0x0e;
	asm volatile("movq (%0), %%rax" : : "r" (1UL << 63) : "rax");
}

TEST(fault_in_a_fault)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start64(c, FN(double_fault), 0);
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ(1, GUEST(vm, df_seen));
	EXPECT_EQ(0, GUEST(vm, df_error));
	vm_free(vm);
}

extern const char triple_here[];

static void triple_fault(void)
{
	static const struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) nothing;

	asm volatile("lidt %0\ntriple_here: ud2" : : "m" (nothing));
}

TEST(shutdown)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	int i;

	for (i = 0; i < 10; i++) {
		vcpu_start64(c, FN(triple_fault), 0);
		ASSERT_GUEST(GUEST_EXIT, c);
		ASSERT_EQ(LODGE_EXIT_SHUTDOWN, c->run->exit_reason);
		EXPECT_EQ((uintptr_t)triple_here, c->run->fail.rip);
		EXPECT_LE(2, c->run->fail.insn_len);
		EXPECT_EQ(0, memcmp(c->run->fail.insn, "\x0f\x0b", 2));
		EXPECT_NE(0, c->run->fail.reason[0]);
		/* put right, it lives again */
		vcpu_start64(c, FN(guest_done), 0);
		ASSERT_GUEST(GUEST_DONE, c);
	}
	vm_free(vm);
}

/* A stack that is used up while an event that needs the tool is delivered. */
static void no_stack(void)
{
	asm volatile("movq %0, %%rsp; ud2" : : "r" (G_MMIO + 0x1000));
}

TEST(stack_is_a_device)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start64(c, FN(no_stack), 0);
	ASSERT_GUEST(GUEST_EXIT, c);
	EXPECT_NE(LODGE_EXIT_IO, c->run->exit_reason);
	vcpu_start64(c, FN(guest_done), 0);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* Single steps: one #DB behind each instruction, those that exit too. */
#define MAX_STEPS	64
static volatile u64 steps[MAX_STEPS], step_dr6[MAX_STEPS];
static volatile int nr_steps;

static void on_step(struct guest_frame *f)
{
	u64 dr6;

	asm volatile("mov %%dr6, %0" : "=r" (dr6));
	asm volatile("mov %0, %%dr6" : : "r" (0xffff0ff0UL));
	step_dr6[nr_steps] = dr6;
	steps[nr_steps++] = f->rip;
	GUEST_ASSERT(nr_steps < MAX_STEPS);
}

extern const char step0[], step1[], step2[], step3[], step4[], step5[],
	step6[], step7[], step8[], step9[];

static void single_step(void)
{
	static const char *const want[] = {
		step1, step2, step3, step4, step5, step6, step7, step8, step9,
	};
	int i;

	guest_handlers[DB] = on_step;
	asm volatile("xorl %%eax, %%eax\n\t"
		     "xorl %%ecx, %%ecx\n\t"
		     "pushfq\n\t"
		     "orq $0x100, (%%rsp)\n\t"
		     "popfq\n"			/* traps from the next one on */
		     "step0: nop\n"
		     "step1: cpuid\n"
		     "step2: inb $0x50, %%al\n"
		     "step3: movl $0x1b, %%ecx\n"
		     "step4: rdmsr\n"
		     "step5: movq %%cr0, %%rax\n"
		     "step6: movl (%0), %%eax\n"	/* a device */
		     "step7: outb %%al, $0x50\n"
		     "step8: movq %%cr8, %%rax\n"
		     "step9: pushfq\n\t"
		     "andq $~0x100, (%%rsp)\n\t"
		     "popfq"
		     : : "r" (G_MMIO) : "rax", "rbx", "rcx", "rdx", "memory");
	for (i = 0; i < 9; i++) {
		GUEST_EQ((uintptr_t)want[i], steps[i]);
		GUEST_EQ(0xffff4ff0, step_dr6[i]);
	}
	GUEST_EQ(12, nr_steps);		/* and PUSHF, AND, POPF */
}

TEST(steps_over_exits)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	int i;

	vcpu_start64(c, FN(single_step), 0);
	for (i = 0; i < 3; i++) {
		ASSERT_GUEST(GUEST_EXIT, c);
		if (c->run->exit_reason == LODGE_EXIT_IO)
			c->run->io.data = 0;
	}
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* Breakpoints of the guest's: on code, on data; through exits. */
static volatile u64 watched;

static void on_break(struct guest_frame *f)
{
	on_step(f);
	f->rflags |= 1 << 16;		/* RF: go on */
}

static void breakpoints(void)
{
	extern const char break_here[];
	int i;

	guest_handlers[DB] = on_break;
	asm volatile("mov %0, %%dr0" : : "r" (break_here));
	asm volatile("mov %0, %%dr1" : : "r" (&watched));
	/* G0: execute, 1 byte; G1: write, 8 bytes */
	asm volatile("mov %0, %%dr7" : : "r" (0x00900402UL | 0x8 | 0x200));
	for (i = 0; i < 3; i++) {
		out8(PORT_MAIL, 0);
		asm volatile(".globl break_here\nbreak_here: nop");
		GUEST_EQ(2 * i + 1, nr_steps);
		GUEST_EQ((uintptr_t)break_here, steps[2 * i]);
		GUEST_EQ(1, step_dr6[2 * i] & 0xf);
		watched = i;
		asm volatile("nop");
		GUEST_EQ(2 * i + 2, nr_steps);
		GUEST_EQ(2, step_dr6[2 * i + 1] & 0xf);
	}
	asm volatile("mov %0, %%dr7" : : "r" (0x400UL));
	watched = 9;
	GUEST_EQ(6, nr_steps);
}

TEST(breakpoints_of_the_guest)
{
	struct vm *vm;
	struct vcpu *c;
	int i;

	if (on_tcg)
		SKIP_TEST("QEMU's VMRUN does not arm the breakpoints of the DR7 that it loads");
	vm = vm_create();
	c = vcpu_create(vm, 0);
	vcpu_start64(c, FN(breakpoints), 0);
	for (i = 0; i < 3; i++)
		ASSERT_GUEST(GUEST_REPORT, c);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* DR7.GD: the next access to a debug register traps. */
static void general_detect(void)
{
	u64 v;

	asm volatile("mov %0, %%dr7" : : "r" (0x2400UL));
	TRY("mov %%dr0, %%rax", : : : "rax");
	GUEST_CATCHES(DB, 0);
	/* delivery has cleared GD, and set BD */
	asm volatile("mov %%dr6, %0" : "=r" (v));
	GUEST_EQ(1 << 13, v & 1 << 13);
	asm volatile("mov %%dr7, %0" : "=r" (v));
	GUEST_EQ(0x400, v);
}

TEST(debug_register_guard)
{
	if (on_tcg)
		SKIP_TEST("QEMU does not know DR7.GD");
	RUN_GUEST(general_detect, 0);
}

/* 32-bit code has exceptions that 64-bit code has not. */
TEST(into_and_bound)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start32(c, into32, PAGING_OFF);
	ASSERT_GUEST(GUEST_REPORT, c);
	EXPECT_EQ(0x10004, c->value);
	vcpu_start32(c, bound32, PAGING_OFF);
	ASSERT_GUEST(GUEST_REPORT, c);
	EXPECT_EQ(0x10005, c->value);
	vm_free(vm);
}

LODGE_TEST_MAIN
