// SPDX-License-Identifier: GPL-2.0-only
/* Guests in each of the processor's modes, and their ways between them. */
#include "harness.h"

extern const char real_begin[], real_end[], climb_begin[], climb_end[];
extern const char flat32[], pae32[], hello32[], compat_user[];

#define EXPECT_REPORT(expected, vcpu) do {				\
	ASSERT_GUEST(GUEST_REPORT, vcpu);				\
	EXPECT_EQ((u64)(expected), (vcpu)->value);			\
} while (0)

FIXTURE(modes) {
	struct vm *vm;
	struct vcpu *c;
};

FIXTURE_SETUP(modes)
{
	self->vm = vm_create();
	self->c = vcpu_create(self->vm, 0);
}

FIXTURE_TEARDOWN(modes)
{
	vm_free(self->vm);
}

static void poke32(struct vm *vm, u64 gpa, u32 value)
{
	memcpy(vm->mem + gpa, &value, sizeof(value));
}

static u32 peek32(struct vm *vm, u64 gpa)
{
	u32 value;

	memcpy(&value, vm->mem + gpa, sizeof(value));
	return value;
}

static u32 guest_cpuid_leaf(struct vcpu *c, u32 leaf, char reg)
{
	struct lodge_cpuid cpuid = { .leaf = leaf };

	CHECK(-!!vcpu_get(c, LODGE_STATE_CPUID, &cpuid, sizeof(cpuid)));
	return reg == 'a' ? cpuid.eax : reg == 'b' ? cpuid.ebx :
	       reg == 'c' ? cpuid.ecx : cpuid.edx;
}

TEST_F(modes, real)
{
	u64 gpa;

	poke32(self->vm, 0x100000, 0xfeedbeef);
	vcpu_start16(self->c, real_begin, real_end);
	EXPECT_REPORT(0x1616, self->c);
	EXPECT_REPORT(0, self->c);
	EXPECT_REPORT(0xcafe1234, self->c);
	EXPECT_REPORT(0x7788, self->c);
	EXPECT_REPORT(0x210001, self->c);
	EXPECT_REPORT(0xfeedbeef, self->c);
	EXPECT_REPORT(0xfffe, self->c);
	ASSERT_GUEST(GUEST_DONE, self->c);
	EXPECT_EQ(0xcafe1234, peek32(self->vm, 0x30010));
	for (gpa = 0x1fff0; gpa <= 0x2000c; gpa += 4)
		EXPECT_EQ(0x5aa55aa5, peek32(self->vm, gpa));
	EXPECT_EQ(0, peek32(self->vm, 0x1ffec));
	EXPECT_EQ(0, peek32(self->vm, 0x20010));
}

/* The first instruction after RESET is at 0xfffffff0, in a ROM. */
TEST_F(modes, reset_vector)
{
	static const u8 code[] = {
		0x66, 0xb8, 0x78, 0x56, 0x34, 0x12,	/* mov $0x12345678, %eax */
		0x66, 0xe7, PORT_REPORT,		/* outl %eax, $PORT_REPORT */
		0xe6, PORT_DONE,			/* outb %al, $PORT_DONE */
	};
	char *rom = map_pages(0x10000);

	memcpy(rom + 0xfff0, code, sizeof(code));
	ASSERT_EQ(0, vm_slot(self->vm, 1, 0xffff0000, 0x10000, rom,
			     LODGE_MEM_READONLY));
	EXPECT_REPORT(0x12345678, self->c);
	ASSERT_GUEST(GUEST_DONE, self->c);
	munmap(rom, 0x10000);
}

TEST_F(modes, real_to_long_and_back)
{
	static const u32 way[] = {
		0x16, 0x17, 0x32, 0x500, 0x64646464, 0x33, 0x100, 0x34, 0x18,
	};
	unsigned int i;

	vcpu_start16(self->c, climb_begin, climb_end);
	for (i = 0; i < ARRAY_SIZE(way); i++)
		EXPECT_REPORT(way[i], self->c);
	ASSERT_GUEST(GUEST_DONE, self->c);
}

static void check_flat32(struct __test_metadata *_metadata, struct vm *vm,
			 struct vcpu *c, bool paging, u32 va, u32 pa)
{
	struct lodge_regs regs;

	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_REGS, &regs, sizeof(regs)));
	regs.rbx = va;
	ASSERT_EQ(0, vcpu_set(c, LODGE_STATE_REGS, &regs, sizeof(regs)));
	poke32(vm, pa, 0xabcd0123);
	EXPECT_REPORT(0x3232, c);
	EXPECT_REPORT(paging, c);
	EXPECT_REPORT(0x12345678, c);
	EXPECT_REPORT(0, c);
	EXPECT_REPORT(0xabcd0123, c);
	EXPECT_REPORT(0x40, c);
	EXPECT_REPORT(0x41, c);
	EXPECT_REPORT(0x50, c);
	/* QEMU does not hold accesses against segment limits */
	EXPECT_REPORT(on_tcg ? 0x51 : 0x1000d, c);
	EXPECT_EQ(0x87654321, peek32(vm, pa + 4));
}

TEST_F(modes, protected)
{
	vcpu_start32(self->c, flat32, PAGING_OFF);
	check_flat32(_metadata, self->vm, self->c, false, 0x200100, 0x200100);
}

TEST_F(modes, protected_paging_32)
{
	/* 0xc0000000: a table with one page of 4 KiB */
	poke32(self->vm, G_PD32 + 4 * 768, 0x110000 | 3);
	poke32(self->vm, 0x110000, 0x205000 | 3);
	vcpu_start32(self->c, flat32, PAGING_32);
	check_flat32(_metadata, self->vm, self->c, true, 0xc0000100, 0x205100);
	/* the processor has marked what it used */
	EXPECT_EQ(0x20, peek32(self->vm, G_PD32 + 4 * 768) & 0x20);
	EXPECT_EQ(0x60, peek32(self->vm, 0x110000) & 0x60);
}

TEST_F(modes, protected_paging_pae)
{
	/* 0xc0000000: the page directory of the fourth GiB */
	poke32(self->vm, G_PD + 0x3000, 0x110000 | 3);
	poke32(self->vm, G_PD + 0x3004, 0);
	poke32(self->vm, 0x110000, 0x205000 | 3);
	vcpu_start32(self->c, flat32, PAGING_PAE);
	check_flat32(_metadata, self->vm, self->c, true, 0xc0000100, 0x205100);
	EXPECT_EQ(0x60, peek32(self->vm, 0x110000) & 0x60);
}

TEST_F(modes, pae_pdpt_changes)
{
	poke32(self->vm, 0x100000, 0x13572468);
	vcpu_start32(self->c, pae32, PAGING_PAE);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_MMIO, self->c->run->exit_reason);
	EXPECT_EQ(0x80000000, self->c->run->mmio.addr);
	memset(self->c->run->mmio.data, 0x3c, 4);
	EXPECT_REPORT(0x3c3c3c3c, self->c);
	EXPECT_REPORT(0x13572468, self->c);
	EXPECT_REPORT(0x1000e, self->c);
}

TEST_F(modes, pae_beyond_4g)
{
	char *high = map_pages(4096);

	/* 0xc0000000 is at 5 GiB */
	poke32(self->vm, G_PD + 0x3000, 0x110000 | 3);
	poke32(self->vm, G_PD + 0x3004, 0);
	poke32(self->vm, 0x110000, 0x40000000 | 3);
	poke32(self->vm, 0x110004, 1);
	ASSERT_EQ(0, vm_slot(self->vm, 1, 0x140000000, 4096, high, 0));
	memcpy(high + 0x100, "\x23\x01\xcd\xab", 4);
	vcpu_start32(self->c, flat32, PAGING_PAE);
	{
		struct lodge_regs regs;

		ASSERT_EQ(0, vcpu_get(self->c, LODGE_STATE_REGS, &regs, sizeof(regs)));
		regs.rbx = 0xc0000100;
		ASSERT_EQ(0, vcpu_set(self->c, LODGE_STATE_REGS, &regs, sizeof(regs)));
	}
	EXPECT_REPORT(0x3232, self->c);
	EXPECT_REPORT(1, self->c);
	EXPECT_REPORT(0x12345678, self->c);
	EXPECT_REPORT(0, self->c);
	EXPECT_REPORT(0xabcd0123, self->c);
	munmap(high, 4096);
}

static void long_mode(void)
{
	u64 rsp;

	GUEST_EQ(0xd01, rdmsr(0xc0000080));
	GUEST_EQ(0x80050033, read_cr0());
	GUEST_EQ(0x620, read_cr4());
	GUEST_EQ(G_PML4, read_cr3());
	GUEST_EQ(2, read_flags() & ~0x8d5);	/* but for the arithmetic flags */
	asm volatile("mov %%rsp, %0" : "=r" (rsp));
	GUEST_ASSERT(rsp > G_STACKS && rsp < G_STACKS + G_STACK_SIZE);
	GUEST_EQ(0, guest_cpu());
	guest_report(0x123456789abcdef0);
}

TEST_F(modes, long_mode)
{
	vcpu_start64(self->c, FN(long_mode), 0);
	EXPECT_REPORT(0x123456789abcdef0, self->c);
	ASSERT_GUEST(GUEST_DONE, self->c);
}

/* Page tables of our own in G_FREE, for addresses from 512 GiB on. */
#define T(n)	(G_FREE + 0x1000UL * (n))
#define BASE	0x8000000000UL

static void set_entry(u64 table, unsigned int index, u64 entry)
{
	((volatile u64 *)table)[index] = entry;
}

static void flush_all(void)
{
	write_cr3(read_cr3());
}

static int try_read(u64 va)
{
	u64 v;

	TRY("movq (%1), %0", : "=&r" (v) : "r" (va) : "memory");
	return guest_caught.vector;
}

static int try_write(u64 va)
{
	TRY("movq %0, (%1)", : : "r" (0x1111222233334444), "r" (va) : "memory");
	return guest_caught.vector;
}

/* What is at va must jump to RBX. */
#define JMP_RBX		0xe3ff

static int try_jump(u64 va)
{
	TRY("lea 1f(%%rip), %%rbx\n\tjmp *%0\n1:", : : "r" (va) : "memory", "rbx");
	return guest_caught.vector;
}

static void paging64(void)
{
	volatile u64 *data = (void *)T(16);

	set_entry(G_PML4, 1, T(0) | 3);
	set_entry(T(0), 0, T(1) | 3);
	set_entry(T(1), 0, T(2) | 3);
	set_entry(T(2), 5, T(16) | 3);
	data[0] = 0xfeed;
	GUEST_EQ(NO_VECTOR, try_read(BASE + 0x5000));
	GUEST_EQ(0xfeed, *(volatile u64 *)(BASE + 0x5000));
	GUEST_EQ(0x20, ((volatile u64 *)T(2))[5] & 0x60);	/* accessed */
	GUEST_EQ(NO_VECTOR, try_write(BASE + 0x5008));
	GUEST_EQ(0x1111222233334444, data[1]);
	GUEST_EQ(0x60, ((volatile u64 *)T(2))[5] & 0x60);	/* dirty */
	/* not present */
	try_read(BASE + 0x6123);
	GUEST_CATCHES(14, 0);
	GUEST_EQ(BASE + 0x6123, guest_caught.cr2);
	try_write(BASE + 0x6000);
	GUEST_CATCHES(14, 2);
	try_read(BASE + 0x200000);
	GUEST_CATCHES(14, 0);
	/* read-only, and CR0.WP */
	set_entry(T(2), 5, T(16) | 1);
	flush_all();
	try_write(BASE + 0x5000);
	GUEST_CATCHES(14, 3);
	write_cr0(read_cr0() & ~(1UL << 16));
	GUEST_EQ(NO_VECTOR, try_write(BASE + 0x5000));
	write_cr0(read_cr0() | 1 << 16);
	try_write(BASE + 0x5000);
	GUEST_CATCHES(14, 3);
	/* NX */
	*(volatile u16 *)(T(16) + 0x100) = JMP_RBX;
	GUEST_EQ(NO_VECTOR, try_jump(BASE + 0x5100));
	set_entry(T(2), 5, T(16) | 1 | 1UL << 63);
	flush_all();
	GUEST_EQ(NO_VECTOR, try_read(BASE + 0x5100));
	try_jump(BASE + 0x5100);
	GUEST_CATCHES(14, 0x11);
	GUEST_EQ(BASE + 0x5100, guest_caught.rip);
	/* reserved bits of the entry: an address that is too wide */
	set_entry(T(2), 5, T(16) | 3 | 1UL << 51);
	flush_all();
	try_read(BASE + 0x5000);
	/* QEMU forgets that the page is present */
	GUEST_CATCHES(14, on_tcg ? 8 : 9);
	/* not canonical */
	try_read(0x800000000000);
	GUEST_CATCHES(13, 0);
	/* a page of 2 MiB */
	set_entry(T(1), 7, 0x83);
	GUEST_EQ(0x1111222233334444, *(volatile u64 *)(BASE + 0xe00000 + T(16)));
	/* invlpg and a changed entry */
	set_entry(T(2), 9, T(17) | 3);
	*(volatile u64 *)T(17) = 17;
	*(volatile u64 *)T(18) = 18;
	GUEST_EQ(17, *(volatile u64 *)(BASE + 0x9000));
	set_entry(T(2), 9, T(18) | 3);
	asm volatile("invlpg (%0)" : : "r" (BASE + 0x9000) : "memory");
	GUEST_EQ(18, *(volatile u64 *)(BASE + 0x9000));
}

TEST_F(modes, long_mode_paging)
{
	RUN_GUEST(paging64, 0);
}

static void la57(void)
{
	GUEST_EQ(1 << 12, read_cr4() & 1 << 12);
	GUEST_EQ(G_PML5, read_cr3());
	/* beyond 48 bits, which only five levels reach */
	set_entry(G_PML5, 1, G_PML4 | 3);
	*(volatile u64 *)T(16) = 0x57;
	GUEST_EQ(0x57, *(volatile u64 *)(1UL << 48 | T(16)));
	*(volatile u64 *)(1UL << 48 | T(17)) = 0x75;
	GUEST_EQ(0x75, *(volatile u64 *)T(17));
	try_read(1UL << 49 | T(16));
	GUEST_CATCHES(14, 0);
	try_read(1UL << 56);
	GUEST_CATCHES(13, 0);
	/* paging cannot change its depth while it is on */
	TRY("mov %0, %%cr4", : : "r" (read_cr4() & ~(1UL << 12)));
	GUEST_CATCHES(13, 0);
	/* an access to what is not memory is decoded through five levels too */
	GUEST_EQ(0x5a5a5a5a, *(volatile u32 *)(1UL << 48 | G_MMIO));
}

TEST_F(modes, five_levels)
{
	if (!(guest_cpuid_leaf(self->c, 7, 'c') & 1 << 16))
		SKIP_TEST("the guest's CPUID does not offer LA57");
	vcpu_start64_la57(self->c, FN(la57), 0);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_MMIO, self->c->run->exit_reason);
	EXPECT_EQ(G_MMIO, self->c->run->mmio.addr);
	EXPECT_EQ(4, self->c->run->mmio.width);
	memset(self->c->run->mmio.data, 0x5a, 8);
	ASSERT_GUEST(GUEST_DONE, self->c);
}

static void la57_refused(void)
{
	TRY("mov %0, %%cr4", : : "r" (read_cr4() | 1 << 12));
	GUEST_CATCHES(13, 0);
}

TEST_F(modes, five_levels_not_offered)
{
	if (guest_cpuid_leaf(self->c, 7, 'c') & 1 << 16)
		SKIP_TEST("the guest's CPUID offers LA57");
	RUN_GUEST(la57_refused, 0);
}

/* A user's code, 64-bit and compatibility mode, and its way back by INT 0x80. */
static u64 user_rsp;
static volatile u64 user_rbx;
static volatile u64 user_cs;

static void user_exit(struct guest_frame *f)
{
	user_rbx = f->rbx;
	user_cs = f->cs;
	f->cs = SEL_CODE64;
	f->ss = SEL_DATA;
	f->rsp = user_rsp;
	f->rip = f->rbp;
}

static void open_gate(int vector)
{
	((volatile u8 *)(G_IDT + 16UL * vector))[5] = 0xee;
}

/* RBX and RBP are kept; RBP says where to go on. */
static void call_user(u64 rip, u32 cs)
{
	u64 cs64 = cs;

	guest_handlers[0x80] = user_exit;
	open_gate(0x80);
	asm volatile("push %%rbp\n\t"
		     "push %%rbx\n\t"
		     "mov %%rsp, %0\n\t"
		     "lea 1f(%%rip), %%rbp\n\t"
		     "pushq %3\n\t"
		     "pushq %4\n\t"
		     "pushq $2\n\t"
		     "pushq %2\n\t"
		     "pushq %1\n\t"
		     "iretq\n"
		     "1: pop %%rbx\n\t"
		     "pop %%rbp"
		     : "=m" (user_rsp), "+S" (rip), "+D" (cs64)
		     : "i" (SEL_USER_DATA), "i" (G_LOW_END)
		     : "memory", "rax", "rcx", "rdx", "r8", "r9", "r10", "r11");
}

asm(".text\n"
    "user64: movabsq $0x1122334455667788, %rbx\n"
    "push %rbx\n"
    "pop %rax\n"
    "int $0x80\n"
    "user_hlt: hlt\n"
    "user_cpuid: cpuid\n"
    "int $0x80\n");
extern const char user64[], user_hlt[], user_cpuid[];

static void rings(void)
{
	call_user((uintptr_t)user64, SEL_USER_CODE64);
	GUEST_EQ(0x1122334455667788, user_rbx);
	GUEST_EQ(SEL_USER_CODE64, user_cs);
	call_user((uintptr_t)compat_user, SEL_USER_CODE32);
	GUEST_EQ(0x11223344, user_rbx);
	GUEST_EQ(SEL_USER_CODE32, user_cs);
	call_user((uintptr_t)user_cpuid, SEL_USER_CODE64);
	GUEST_EQ(SEL_USER_CODE64, user_cs);
	/* HLT is not for users */
	guest_handlers[13] = user_exit;
	call_user((uintptr_t)user_hlt, SEL_USER_CODE64);
	GUEST_EQ(SEL_USER_CODE64, user_cs);
}

TEST_F(modes, user_and_compatibility_mode)
{
	RUN_GUEST(rings, 0);
}

/* SYSCALL and SYSRET, with what their MSRs say. */
static volatile u64 syscall_seen;

asm(".text\n"
    "user_syscall: movl $0x99, %eax\n"
    "syscall\n"
    "mov %rcx, %rbx\n"
    "int $0x80\n"
    "syscall_entry: movq $1, syscall_seen(%rip)\n"
    "sysretq\n");
extern const char user_syscall[], syscall_entry[];

static void syscalls(void)
{
	/* SYSRET: CS is +16 | 3 = 0x4b, SS is +8 | 3 = 0x43 */
	wrmsr(0xc0000081, (u64)0x38 << 48 | (u64)SEL_CODE64 << 32);
	wrmsr(0xc0000082, (uintptr_t)syscall_entry);
	wrmsr(0xc0000084, 0x200);
	call_user((uintptr_t)user_syscall, SEL_USER_CODE64);
	GUEST_EQ(1, syscall_seen);
	GUEST_EQ(SEL_USER_CODE64, user_cs);
	GUEST_EQ((uintptr_t)user_syscall + 7, user_rbx);
}

TEST_F(modes, syscall)
{
	RUN_GUEST(syscalls, 0);
}

/* EFER.SCE off: SYSCALL is no instruction. */
static void no_syscall(void)
{
	wrmsr(0xc0000080, rdmsr(0xc0000080) & ~1UL);
	TRY("syscall", : : : "rcx", "r11", "memory");
	GUEST_CATCHES(6, 0);
}

TEST_F(modes, syscall_off)
{
	RUN_GUEST(no_syscall, 0);
}

/* What a guest in long mode cannot do to its paging. */
static void refused(void)
{
	u64 efer = rdmsr(0xc0000080);

	TRY("mov %0, %%cr4", : : "r" (read_cr4() & ~0x20UL));
	GUEST_CATCHES(13, 0);
	GUEST_EQ(13, try_wrmsr(0xc0000080, efer & ~0x100UL));
	TRY("mov %0, %%cr0", : : "r" (read_cr0() & ~1UL));
	GUEST_CATCHES(13, 0);
	GUEST_EQ(efer, rdmsr(0xc0000080));
	/* LMA is not for writing: it stays as it is */
	if (try_wrmsr(0xc0000080, efer & ~0x400UL) == NO_VECTOR)
		GUEST_EQ(efer, rdmsr(0xc0000080));
}

TEST_F(modes, long_mode_stays)
{
	RUN_GUEST(refused, 0);
}

LODGE_TEST_MAIN
