// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions on what is not memory.
 *
 * Each instruction runs twice with the same operands: on memory, where the
 * processor executes it, and on a device of the test's that behaves like
 * memory, where the module does. Registers, flags and contents must be equal.
 */
#include <sys/mman.h>
#include "harness.h"

#define DEVICE		G_MMIO
#define DEVICE_SIZE	0x4000
#define RAM		(G_FREE + 0x100000)
#define MIDDLE		0x1000		/* a page ends here */

struct state {
	u64 rax, rbx, rcx, rdx, rsi, rdi, r8, flags;
};

/* What a test hears of an access. */
struct access {
	u64 addr;
	u32 width;
	u32 is_write;
};

static u8 device[DEVICE_SIZE];
static struct access log_of[64];
static int nr_log;

/* Plays the device until the guest is done or something else comes. */
static enum guest_result run_with_device(struct vcpu *c)
{
	struct lodge_run *run = c->run;
	enum guest_result result;
	u64 offset;

	for (;;) {
		result = guest_run(c);
		if (result != GUEST_EXIT || run->exit_reason != LODGE_EXIT_MMIO)
			return result;
		offset = run->mmio.addr - DEVICE;
		if (offset >= DEVICE_SIZE || run->mmio.width > 8 || !run->mmio.width ||
		    (offset & 0xfff) + run->mmio.width > 0x1000) {
			fprintf(stderr, "# bad access: %s\n", guest_describe(c));
			return GUEST_FAILED;
		}
		if (nr_log < 64)
			log_of[nr_log++] = (struct access) {
				run->mmio.addr, run->mmio.width, run->mmio.is_write,
			};
		if (run->mmio.is_write)
			memcpy(device + offset, run->mmio.data, run->mmio.width);
		else
			memcpy(run->mmio.data, device + offset, run->mmio.width);
	}
}

static struct vcpu *new_guest(struct vm **vm)
{
	unsigned int i;

	for (i = 0; i < DEVICE_SIZE; i++)
		device[i] = i * 7 + (i >> 8);
	nr_log = 0;
	*vm = vm_create();
	return vcpu_create(*vm, 0);
}

/* One instruction, with its operands in the registers of struct state. */
#define INSN(name, insn)						\
static void insn_##name(struct state *state)				\
{									\
	register struct state *s asm("r15") = state;			\
									\
	asm volatile("pushq 56(%0)\n\t"					\
		     "movq 0(%0), %%rax\n\t"				\
		     "movq 8(%0), %%rbx\n\t"				\
		     "movq 16(%0), %%rcx\n\t"				\
		     "movq 24(%0), %%rdx\n\t"				\
		     "movq 32(%0), %%rsi\n\t"				\
		     "movq 40(%0), %%rdi\n\t"				\
		     "movq 48(%0), %%r8\n\t"				\
		     "popfq\n\t"					\
		     insn "\n\t"					\
		     "pushfq\n\t"					\
		     "cld\n\t"						\
		     "movq %%rax, 0(%0)\n\t"				\
		     "movq %%rbx, 8(%0)\n\t"				\
		     "movq %%rcx, 16(%0)\n\t"				\
		     "movq %%rdx, 24(%0)\n\t"				\
		     "movq %%rsi, 32(%0)\n\t"				\
		     "movq %%rdi, 40(%0)\n\t"				\
		     "movq %%r8, 48(%0)\n\t"				\
		     "popq 56(%0)"					\
		     : "+r" (s)						\
		     : : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", \
			 "memory", "cc");				\
}

/* RDI is the operand's address, in the device or in memory; so is RSI. */
#define INSNS								\
	X(mov_store8, "movb %%al, (%%rdi)")				\
	X(mov_store8_high, "movb %%ah, (%%rdi)")			\
	X(mov_store16, "movw %%ax, (%%rdi)")				\
	X(mov_store32, "movl %%eax, (%%rdi)")				\
	X(mov_store64, "movq %%rax, (%%rdi)")				\
	X(mov_store_r8, "movq %%r8, (%%rdi)")				\
	X(mov_store_r8b, "movb %%r8b, (%%rdi)")				\
	X(mov_store_dil, "movb %%dil, (%%rdi)")				\
	X(mov_imm8, "movb $0x9c, (%%rdi)")				\
	X(mov_imm16, "movw $0x9c8d, (%%rdi)")				\
	X(mov_imm32, "movl $0x9c8d7e6f, (%%rdi)")			\
	X(mov_imm64, "movq $-0x12345678, (%%rdi)")			\
	X(mov_load8, "movb (%%rdi), %%al")				\
	X(mov_load8_high, "movb (%%rdi), %%ch")				\
	X(mov_load16, "movw (%%rdi), %%bx")				\
	X(mov_load32, "movl (%%rdi), %%edx")				\
	X(mov_load64, "movq (%%rdi), %%rcx")				\
	X(mov_load_r8, "movl (%%rdi), %%r8d")				\
	X(movzx_8_16, "movzbw (%%rdi), %%ax")				\
	X(movzx_8_32, "movzbl (%%rdi), %%eax")				\
	X(movzx_8_64, "movzbq (%%rdi), %%rax")				\
	X(movzx_16_32, "movzwl (%%rdi), %%ebx")				\
	X(movzx_16_64, "movzwq (%%rdi), %%rbx")				\
	X(movsx_8_16, "movsbw (%%rdi), %%ax")				\
	X(movsx_8_32, "movsbl (%%rdi), %%eax")				\
	X(movsx_8_64, "movsbq (%%rdi), %%rax")				\
	X(movsx_16_32, "movswl (%%rdi), %%ecx")				\
	X(movsx_16_64, "movswq (%%rdi), %%rcx")				\
	X(movsxd, "movslq (%%rdi), %%rdx")				\
	X(addr_disp8, "movl 0x10(%%rdi), %%eax")			\
	X(addr_disp32, "movl -0x100(%%rdi), %%eax")			\
	X(addr_sib, "movl (%%rdi,%%rcx,4), %%eax")			\
	X(addr_sib_disp, "movq %%rax, 8(%%rdi,%%rcx,8)")		\
	X(addr_sib_r8, "movq %%rdi, %%r8; movl %%eax, 0x20(%%r8,%%rcx); xorl %%r8d, %%r8d") \
	X(addr_32, "movl (%%edi), %%eax")				\
	X(and_store8, "andb %%al, (%%rdi)")				\
	X(and_store32, "andl %%eax, (%%rdi)")				\
	X(and_load64, "andq (%%rdi), %%rax")				\
	X(and_imm8, "andl $-0x10, (%%rdi)")				\
	X(and_imm32, "andq $0x7f00ff00, (%%rdi)")			\
	X(and_lock, "lock andl %%eax, (%%rdi)")				\
	X(or_store16, "orw %%ax, (%%rdi)")				\
	X(or_store64, "orq %%rax, (%%rdi)")				\
	X(or_load8, "orb (%%rdi), %%al")				\
	X(or_imm, "orb $0x81, (%%rdi)")					\
	X(or_lock, "lock orq %%rax, (%%rdi)")				\
	X(xor_store32, "xorl %%eax, (%%rdi)")				\
	X(xor_load16, "xorw (%%rdi), %%ax")				\
	X(xor_imm, "xorl $0x55aa55aa, (%%rdi)")				\
	X(add_store32, "addl %%eax, (%%rdi)")				\
	X(add_load64, "addq (%%rdi), %%rax")				\
	X(add_imm, "addb $0x7f, (%%rdi)")				\
	X(sub_store16, "subw %%ax, (%%rdi)")				\
	X(sub_imm, "subl $0x1234, (%%rdi)")				\
	X(adc_store, "stc; adcl %%eax, (%%rdi)")			\
	X(inc, "incl (%%rdi)")						\
	X(dec, "decb (%%rdi)")						\
	X(not, "notl (%%rdi)")						\
	X(neg, "negw (%%rdi)")						\
	X(test8, "testb %%al, (%%rdi)")					\
	X(test32, "testl %%eax, (%%rdi)")				\
	X(test_imm8, "testb $0x42, (%%rdi)")				\
	X(test_imm32, "testl $0x42424242, (%%rdi)")			\
	X(cmp_store8, "cmpb %%al, (%%rdi)")				\
	X(cmp_store32, "cmpl %%eax, (%%rdi)")				\
	X(cmp_load64, "cmpq (%%rdi), %%rax")				\
	X(cmp_imm8, "cmpl $-1, (%%rdi)")				\
	X(cmp_imm32, "cmpq $0x12345678, (%%rdi)")			\
	X(bt_imm, "btl $5, (%%rdi)")					\
	X(bts_imm, "btsl $31, (%%rdi)")					\
	X(xchg8, "xchgb %%al, (%%rdi)")					\
	X(xchg32, "xchgl %%eax, (%%rdi)")				\
	X(xchg64, "xchgq %%rbx, (%%rdi)")				\
	X(cmpxchg_fail, "lock cmpxchgl %%ebx, (%%rdi)")			\
	X(cmpxchg_match, "movl (%%rdi), %%eax; lock cmpxchgl %%ebx, (%%rdi)") \
	X(push, "pushq (%%rdi); popq %%rax")				\
	X(push16, "pushw (%%rdi); popw %%ax")				\
	X(pop, "pushq %%rax; popq (%%rdi)")				\
	X(pop16, "pushw %%ax; popw (%%rdi)")				\
	X(stosb, "stosb")						\
	X(stosq, "stosq")						\
	X(stosw_back, "std; stosw")					\
	X(rep_stosb, "rep stosb")					\
	X(rep_stosl, "rep stosl")					\
	X(rep_stosl_back, "std; rep stosl")				\
	X(movsb, "movsb")						\
	X(movsw, "movsw")						\
	X(rep_movsb, "rep movsb")					\
	X(rep_movsl, "rep movsl")					\
	X(rep_movsq_back, "std; rep movsq")				\
	X(lodsl, "lodsl")						\
	X(scasl, "scasl")						\
	X(cmpsb, "cmpsb")						\
	X(movnti, "movnti %%eax, (%%rdi)")				\
	X(segment_override, "movl %%ds:(%%rdi), %%eax")			\
	X(prefixes, ".byte 0x3e, 0x66, 0x2e; movl (%%rdi), %%ebx")

#define X(name, insn) INSN(name, insn)
INSNS
#undef X

static const struct {
	const char *name;
	void (*fn)(struct state *state);
} insns[] = {
#define X(name, insn) { #name, insn_##name },
	INSNS
#undef X
};

#define NR_INSNS	(int)(sizeof(insns) / sizeof(insns[0]))

static volatile int which;		/* for the test to tell what failed */

static void fill(u64 at)
{
	u64 i;

	for (i = MIDDLE - 0x140; i < MIDDLE + 0x140; i += 8)
		*(volatile u64 *)(at + i) = 0x8172635445362718 * (i | 1);
}

static void run_at(int n, u64 base, u64 offset, u64 source, struct state *s)
{
	*s = (struct state) {
		.rax = 0x1a2b3c4d5e6f7081, .rbx = 0xfedcba9876543210, .rcx = 5,
		.rdx = -1UL, .rsi = source + MIDDLE - 0x80,
		.rdi = base + offset, .r8 = 0x1223344556677889, .flags = 2,
	};
	insns[n].fn(s);
}

/* Compares what it did to registers and to bytes around. */
static void compare(int n, u64 offset, u64 ram_source, u64 device_source)
{
	struct state a, b;
	u64 i;

	which = n;
	run_at(n, RAM, offset, ram_source, &a);
	run_at(n, DEVICE, offset, device_source, &b);
	GUEST_EQ(a.rax, b.rax);
	GUEST_EQ(a.rbx, b.rbx);
	GUEST_EQ(a.rcx, b.rcx);
	GUEST_EQ(a.rdx, b.rdx);
	GUEST_EQ(a.rsi - ram_source, b.rsi - device_source);
	GUEST_EQ(a.rdi - RAM, b.rdi - DEVICE);
	GUEST_EQ(a.flags, b.flags);
	for (i = offset - 0x30; i < offset + 0x48; i += 8)
		GUEST_EQ(*(volatile u64 *)(RAM + i), *(volatile u64 *)(DEVICE + i));
}

static void same_at(u64 offset)
{
	int n;

	fill(RAM);
	fill(DEVICE);
	for (n = 0; n < NR_INSNS; n++) {
		compare(n, offset, RAM, RAM);		/* from memory */
		compare(n, offset, RAM, DEVICE);	/* device to device */
	}
}

static void check_all(struct __test_metadata *_metadata, u64 offset)
{
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);
	enum guest_result result;

	vcpu_start64(c, same_at, offset);
	result = run_with_device(c);
	ASSERT_EQ(GUEST_DONE, result)
		TH_LOG("instruction %s: %s", insns[GUEST(vm, which)].name,
		       guest_describe(c));
	vm_free(vm);
}

TEST(aligned)
{
	check_all(_metadata, MIDDLE - 0x40);
}

TEST(misaligned)
{
	check_all(_metadata, MIDDLE - 0x3d);
}

/* All that is wider than a byte lies across the end of a page. */
TEST(across_pages)
{
	check_all(_metadata, MIDDLE - 1);
}

TEST(across_pages_in_the_middle)
{
	check_all(_metadata, MIDDLE - 4);
}

/* What the tool sees of an instruction: its accesses, whole and in order. */
static void seen(u64 arg)
{
	volatile u32 *p = (void *)(DEVICE + 0x100);
	u64 v;

	*p = 1;
	v = *p;
	asm volatile("lock orl $2, (%0)" : : "r" (p) : "memory");
	v = *(volatile u64 *)(DEVICE + MIDDLE - 3);
	*(volatile u16 *)(DEVICE + MIDDLE - 1) = v;
	asm volatile("movb (%0), %%al" : : "r" (p) : "rax");
}

TEST(accesses_in_order)
{
	static const struct access want[] = {
		{ DEVICE + 0x100, 4, 1 }, { DEVICE + 0x100, 4, 0 },
		{ DEVICE + 0x100, 4, 0 }, { DEVICE + 0x100, 4, 1 },
		{ DEVICE + MIDDLE - 3, 3, 0 }, { DEVICE + MIDDLE, 5, 0 },
		{ DEVICE + MIDDLE - 1, 1, 1 }, { DEVICE + MIDDLE, 1, 1 },
		{ DEVICE + 0x100, 1, 0 },
	};
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);
	unsigned int i;

	vcpu_start64(c, seen, 0);
	ASSERT_EQ(GUEST_DONE, run_with_device(c));
	ASSERT_EQ(ARRAY_SIZE(want), nr_log);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_EQ(want[i].addr, log_of[i].addr);
		EXPECT_EQ(want[i].width, log_of[i].width);
		EXPECT_EQ(want[i].is_write, log_of[i].is_write);
	}
	vm_free(vm);
}

/* Half memory, half device: each byte goes where it belongs. */
static void half(u64 border)
{
	*(volatile u64 *)(border - 4) = 0x8877665544332211;
	GUEST_EQ(0x8877665544332211, *(volatile u64 *)(border - 4));
}

TEST(memory_and_device)
{
	char *page = map_pages(4096);
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);

	ASSERT_EQ(0, vm_slot(vm, 1, DEVICE - 4096, 4096, page, 0));
	vcpu_start64(c, half, DEVICE);
	ASSERT_EQ(GUEST_DONE, run_with_device(c));
	EXPECT_EQ(0, memcmp(page + 4092, "\x11\x22\x33\x44", 4));
	EXPECT_EQ(0, memcmp(device, "\x55\x66\x77\x88", 4));
	vm_free(vm);
	munmap(page, 4096);
}

/* A ROM: reads are memory's, writes are the tool's. */
static void rom(u64 gpa)
{
	GUEST_EQ(0x1234, *(volatile u32 *)gpa);
	*(volatile u32 *)gpa = 0x5678;
	GUEST_EQ(0x1234, *(volatile u32 *)gpa);
	asm volatile("rep stosb" : : "D" (gpa + 8), "c" (3UL), "a" (0x77) : "memory");
	GUEST_EQ(0, *(volatile u32 *)(gpa + 8));
	asm volatile("lock addl $1, (%0)" : : "r" (gpa) : "memory");
	GUEST_EQ(0x1234, *(volatile u32 *)gpa);
}

TEST(read_only_slot)
{
	u32 *page = map_pages(4096);
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);

	page[0] = 0x1234;
	ASSERT_EQ(0, vm_slot(vm, 1, DEVICE, 4096, page, LODGE_MEM_READONLY));
	vcpu_start64(c, rom, DEVICE);
	ASSERT_EQ(GUEST_DONE, run_with_device(c));
	EXPECT_EQ(0x1234, page[0]);
	EXPECT_EQ(0, page[2]);
	ASSERT_LE(5, nr_log);
	EXPECT_EQ(DEVICE, log_of[0].addr);
	EXPECT_EQ(4, log_of[0].width);
	EXPECT_EQ(1, log_of[0].is_write);
	EXPECT_EQ(DEVICE + 8, log_of[1].addr);
	EXPECT_EQ(1, log_of[1].width);
	vm_free(vm);
	munmap(page, 4096);
}

/*
 * Instructions whose bytes lie on two pages that are apart in memory, and an
 * operand relative to RIP. Page tables of our own from 512 GiB on.
 */
#define T(n)	(G_FREE + 0x1000UL * (n))
#define BASE	0x8000000000UL

static void put_code(u64 offset, const u8 *code, int len)
{
	int i;

	for (i = 0; i < len; i++, offset++)
		*(volatile u8 *)((offset < 0x1000 ? T(10) : T(20) - 0x1000) + offset) = code[i];
}

static void code_across(void)
{
	/* mov %eax, (%rdi); mov 0x12345(%rdi), %ebx -> ret */
	static const u8 store[] = { 0x89, 0x07, 0x8b, 0x9f, 0x10, 0x01, 0x00, 0x00, 0xc3 };
	/* mov 0x2000 - here(%rip), %eax; ret */
	u8 relative[] = { 0x8b, 0x05, 0, 0, 0, 0, 0xc3 };
	u32 eax, ebx, disp;
	int at, i;

	((volatile u64 *)G_PML4)[1] = T(0) | 3;
	((volatile u64 *)T(0))[0] = T(1) | 3;
	((volatile u64 *)T(1))[0] = T(2) | 3;
	((volatile u64 *)T(2))[0] = T(10) | 3;
	((volatile u64 *)T(2))[1] = T(20) | 3;
	((volatile u64 *)T(2))[2] = DEVICE | 3;
	for (at = 0x1000 - 8; at <= 0x1000; at++) {
		put_code(at, store, sizeof(store));
		*(volatile u32 *)(DEVICE + 0x110) = 0xbb00 + at;
		eax = 0xaa00 + at;
		asm volatile("call *%2" : "=b" (ebx), "+a" (eax)
			     : "r" (BASE + at), "D" (DEVICE) : "memory");
		GUEST_EQ(0xbb00 + at, ebx);
		GUEST_EQ(eax, *(volatile u32 *)DEVICE);

		disp = 0x2040 - (at + 6);
		for (i = 0; i < 4; i++)
			relative[2 + i] = disp >> (8 * i);
		put_code(at, relative, sizeof(relative));
		*(volatile u32 *)(DEVICE + 0x40) = 0xcc00 + at;
		asm volatile("call *%1" : "=a" (eax) : "r" (BASE + at) : "memory");
		GUEST_EQ(0xcc00 + at, eax);
	}
}

TEST(code_across_pages)
{
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);

	vcpu_start64(c, FN(code_across), 0);
	ASSERT_EQ(GUEST_DONE, run_with_device(c));
	vm_free(vm);
}

/* The guest's own page tables say no: the fault is the guest's. */
static void faults(void)
{
	u64 si = DEVICE, di = BASE + 0x1ffc, n = 8;

	((volatile u64 *)G_PML4)[1] = T(0) | 3;
	((volatile u64 *)T(0))[0] = T(1) | 3;
	((volatile u64 *)T(1))[0] = T(2) | 3;
	((volatile u64 *)T(2))[0] = DEVICE | 1;		/* read-only */
	((volatile u64 *)T(2))[1] = T(10) | 3;		/* memory; nothing behind */
	TRY("movl %0, (%1)", : : "r" (0), "r" (BASE) : "memory");
	GUEST_CATCHES(14, 3);
	TRY("orl $1, (%0)", : : "r" (BASE + 8) : "memory");
	GUEST_CATCHES(14, 3);
	GUEST_EQ(BASE + 8, guest_caught.cr2);
	/* from the device into memory that ends: up to there it is done */
	*(volatile u64 *)DEVICE = 0x1122334455667788;
	TRY("rep movsb", : "+S" (si), "+D" (di), "+c" (n) : : "memory");
	GUEST_CATCHES(14, 2);
	GUEST_EQ(BASE + 0x2000, guest_caught.cr2);
	GUEST_EQ(BASE + 0x2000, di);
	GUEST_EQ(DEVICE + 4, si);
	GUEST_EQ(4, n);
	GUEST_EQ(0x55667788, *(volatile u32 *)(T(10) + 0xffc));
	/* across the border of a device page and nothing */
	((volatile u64 *)T(2))[0] = DEVICE | 3;
	((volatile u64 *)T(2))[1] = 0;
	write_cr3(read_cr3());
	TRY("movq %0, (%1)", : : "r" (-1UL), "r" (BASE + 0xffc) : "memory");
	GUEST_CATCHES(14, 2);
	GUEST_EQ(BASE + 0x1000, guest_caught.cr2);
}

TEST(faults_of_the_guest)
{
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);

	vcpu_start64(c, FN(faults), 0);
	ASSERT_EQ(GUEST_DONE, run_with_device(c));
	vm_free(vm);
}

/* What cannot be emulated ends with a reason, and the guest can go on. */
static void strange(void)
{
	asm volatile("fsave (%0)" : : "r" (DEVICE) : "memory");
}

TEST(not_emulated)
{
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);

	vcpu_start64(c, FN(strange), 0);
	ASSERT_EQ(GUEST_EXIT, run_with_device(c));
	EXPECT_EQ(LODGE_EXIT_INTERNAL, c->run->exit_reason);
	EXPECT_LE(2, c->run->fail.insn_len);
	EXPECT_NE(0, c->run->fail.reason[0]);
	EXPECT_EQ(0, memcmp(c->run->fail.insn, (char *)c->run->fail.rip, 2));
	vcpu_start64(c, FN(guest_done), 0);
	ASSERT_EQ(GUEST_DONE, run_with_device(c));
	vm_free(vm);
}

/* In the other modes: code of mmio_guest.S, on the hole from 640 KiB on. */
extern const char mmio16[], mmio16_end[], mmio32[];
#define HOLE	0xa0000

static void run_mode(struct __test_metadata *_metadata, int bits,
		     enum paging32 paging)
{
	static const struct access want[] = {
		{ HOLE + 0x10, 4, 1 }, { HOLE + 0x10, 2, 0 },
		{ HOLE + 0x20, 1, 1 }, { HOLE + 0x21, 1, 1 }, { HOLE + 0x22, 1, 1 },
		{ HOLE + 0x30, 4, 0 }, { HOLE + 0x30, 4, 1 },
		{ HOLE + 0x10, 4, 0 },
	};
	struct vm *vm;
	struct vcpu *c = new_guest(&vm);
	unsigned int i;

	ASSERT_EQ(0, vm_slot(vm, 0, 0, HOLE, vm->mem, 0));
	ASSERT_EQ(0, vm_slot(vm, 1, 0x100000, vm->size - 0x100000,
			     vm->mem + 0x100000, 0));
	if (bits == 16)
		vcpu_start16(c, mmio16, mmio16_end);
	else
		vcpu_start32(c, mmio32, paging);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		ASSERT_GUEST(GUEST_EXIT, c);
		ASSERT_EQ(LODGE_EXIT_MMIO, c->run->exit_reason);
		EXPECT_EQ(want[i].addr, c->run->mmio.addr);
		EXPECT_EQ(want[i].width, c->run->mmio.width);
		EXPECT_EQ(want[i].is_write, c->run->mmio.is_write);
		if (want[i].is_write)
			memcpy(device + c->run->mmio.addr - HOLE,
			       c->run->mmio.data, c->run->mmio.width);
		else
			memcpy(c->run->mmio.data,
			       device + c->run->mmio.addr - HOLE, c->run->mmio.width);
	}
	ASSERT_GUEST(GUEST_REPORT, c);
	EXPECT_EQ(0x12345678, c->value);
	ASSERT_GUEST(GUEST_DONE, c);
	EXPECT_EQ(0x12345678, *(u32 *)(device + 0x10));
	EXPECT_EQ(0, memcmp(device + 0x20, "zzz", 3));
	vm_free(vm);
}

TEST(real_mode)
{
	run_mode(_metadata, 16, PAGING_OFF);
}

TEST(protected_mode)
{
	run_mode(_metadata, 32, PAGING_OFF);
}

TEST(protected_mode_paging)
{
	run_mode(_metadata, 32, PAGING_32);
}

TEST(protected_mode_pae)
{
	run_mode(_metadata, 32, PAGING_PAE);
}

LODGE_TEST_MAIN
