/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One instruction executed by the processor itself, in 64-bit code, and in the
 * 32- and 16-bit code that a 64-bit program can have: what the decoder and the
 * executor of the module are compared with.
 */
#ifndef LODGE_INSN_NATIVE_H
#define LODGE_INSN_NATIVE_H

#include "insn_shim.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>

/* All of it where 32 bits reach */
#define STATE_AT	0x20000000U
#define CODE_AT		0x20001000U
#define STACK_END	0x20004000U
#define DATA_AT		0x30000000U
#define DATA_PAGES	2
#define DATA_SIZE	(DATA_PAGES * 4096)

#define LDT_DATA	0	/* base at the data, with its limit */
#define LDT_CODE16	1
#define SELECTOR(n)	((n) << 3 | 7)
#define USER_CS32	0x23
#define USER_DS		0x2b

/* The generated code has the offsets of these in it. */
struct native_state {
	u64 regs[NR_REGS];
	u64 rflags;
	u64 host_rsp;
	struct {
		u32 offset, selector;
	} entry[8];
	u8 fx[512] __attribute__((aligned(64)));
};

struct native_code {
	void (*enter)(void);
	u8 *slot;		/* LODGE_INSN_MAX bytes, then what is filled up */
	u64 rip;		/* of the slot, as the code itself sees it */
};

#define native		(*(struct native_state *)(uintptr_t)STATE_AT)
#define SLOT_SIZE	16

static struct native_code native_codes[9];	/* by mode */
static u8 *emit_at;
static sigjmp_buf native_fault_jump;
static volatile int native_vector;
static volatile u64 native_cr2, native_rip;
static bool native_ldt;

static void emit(unsigned int n, ...)
{
	va_list bytes;

	va_start(bytes, n);
	while (n--)
		*emit_at++ = va_arg(bytes, int);
	va_end(bytes);
}

static void emit32(u32 value)
{
	memcpy(emit_at, &value, 4);
	emit_at += 4;
}

#define STATE_OF(field)	(STATE_AT + (u32)offsetof(struct native_state, field))

/* MOV between a register and its place, with an absolute address. */
static void emit_mov_reg(int mode, bool load, unsigned int reg)
{
	u8 op = load ? 0x8b : 0x89;
	u32 at = STATE_OF(regs) + 8 * reg;

	if (mode == 8)
		emit(4, reg & 8 ? 0x4c : 0x48, op, (reg & 7) << 3 | 4, 0x25);
	else if (mode == 4)
		emit(2, op, reg << 3 | 5);
	else
		emit(4, 0x66, 0x67, op, reg << 3 | 5);
	emit32(at);
}

static void emit_prologue(void)
{
	/* push %rbx, %rbp, %r12 to %r15; mov %rsp, host_rsp */
	emit(10, 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57);
	emit(4, 0x48, 0x89, 0x24, 0x25);
	emit32(STATE_OF(host_rsp));
}

static void emit_epilogue(void)
{
	/* cld; pop all; ret */
	emit(1, 0xfc);
	emit(11, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3);
}

static u8 *emit_slot(void)
{
	u8 *slot = emit_at;

	memset(slot, 0x90, SLOT_SIZE);
	emit_at += SLOT_SIZE;
	return slot;
}

static void emit_64(struct native_code *code)
{
	unsigned int r;

	emit_prologue();
	/* fxrstor64 fx; push rflags; popf */
	emit(5, 0x48, 0x0f, 0xae, 0x0c, 0x25);
	emit32(STATE_OF(fx));
	emit(3, 0xff, 0x34, 0x25);
	emit32(STATE_OF(rflags));
	emit(1, 0x9d);
	for (r = 0; r < 16; r++)
		emit_mov_reg(8, true, r);
	code->slot = emit_slot();
	code->rip = (uintptr_t)code->slot;
	for (r = 0; r < 16; r++)
		emit_mov_reg(8, false, r);
	/* mov host_rsp, %rsp; pushf; pop rflags; fxsave64 fx */
	emit(4, 0x48, 0x8b, 0x24, 0x25);
	emit32(STATE_OF(host_rsp));
	emit(4, 0x9c, 0x8f, 0x04, 0x25);
	emit32(STATE_OF(rflags));
	emit(5, 0x48, 0x0f, 0xae, 0x04, 0x25);
	emit32(STATE_OF(fx));
	emit_epilogue();
}

/* 66 makes operands, 67 addresses 32 bits wide in 16-bit code. */
static void emit_wide(int mode)
{
	if (mode == 2)
		emit(2, 0x66, 0x67);
}

static void emit_compat(struct native_code *code, int mode)
{
	u8 *entry, *slot_base = (u8 *)(uintptr_t)CODE_AT;
	unsigned int r;

	emit_prologue();
	/* mov $USER_DS, %eax; mov %eax, %ds, %es; mov $LDT_DATA, %eax; ... %gs */
	emit(1, 0xb8);
	emit32(USER_DS);
	emit(4, 0x8e, 0xd8, 0x8e, 0xc0);
	if (native_ldt) {
		emit(1, 0xb8);
		emit32(SELECTOR(LDT_DATA));
		emit(2, 0x8e, 0xe8);
	}
	/*
	 * mov $STACK_END, %esp; ljmp *entry.  Not a far return: QEMU 7.2 takes its
	 * operands as the kernel would, and SMAP does not like that.
	 */
	emit(1, 0xbc);
	emit32(STACK_END);
	entry = emit_at + 7;
	native.entry[mode].offset = (uintptr_t)entry - (mode == 2 ? CODE_AT : 0);
	native.entry[mode].selector = mode == 2 ? SELECTOR(LDT_CODE16) :
						  USER_CS32;
	emit(3, 0xff, 0x2c, 0x25);
	emit32(STATE_OF(entry[mode]));

	/* push rflags; popf */
	emit_wide(mode);
	emit(2, 0xff, 0x35);
	emit32(STATE_OF(rflags));
	if (mode == 2)
		emit(1, 0x66);
	emit(1, 0x9d);
	for (r = 0; r < 8; r++)
		emit_mov_reg(mode, true, r);
	code->slot = emit_slot();
	code->rip = (uintptr_t)code->slot - (mode == 2 ? (uintptr_t)slot_base : 0);
	for (r = 0; r < 8; r++)
		emit_mov_reg(mode, false, r);
	/* mov $STACK_END, %esp; pushf; pop rflags; ljmp $0x33, next */
	if (mode == 2)
		emit(1, 0x66);
	emit(1, 0xbc);
	emit32(STACK_END);
	if (mode == 2)
		emit(1, 0x66);
	emit(1, 0x9c);
	emit_wide(mode);
	emit(2, 0x8f, 0x05);
	emit32(STATE_OF(rflags));
	if (mode == 2)
		emit(1, 0x66);
	emit(1, 0xea);
	emit32((uintptr_t)emit_at + 6);
	emit(2, 0x33, 0);
	/* mov host_rsp, %rsp */
	emit(4, 0x48, 0x8b, 0x24, 0x25);
	emit32(STATE_OF(host_rsp));
	emit_epilogue();
}

static void native_on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	/* Where signal frames have our registers */
	static const u8 place[NR_REGS] = {
		13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7,
	};
	unsigned int r;

	for (r = 0; r < NR_REGS; r++)
		native.regs[r] = uc->uc_mcontext.gregs[place[r]];
	native.rflags = uc->uc_mcontext.gregs[REG_EFL];
	native_rip = uc->uc_mcontext.gregs[REG_RIP];
	native_vector = uc->uc_mcontext.gregs[REG_TRAPNO];
	native_cr2 = uc->uc_mcontext.gregs[REG_CR2];
	siglongjmp(native_fault_jump, 1);
}

static void native_map(u32 at, size_t size, int prot)
{
	void *want = (void *)(uintptr_t)at;

	if (mmap(want, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) != want) {
		perror("mmap");
		exit(KSFT_FAIL);
	}
}

/* struct user_desc, the flags of which are bit fields */
#define LDT_32BIT	BIT(0)
#define LDT_IS_CODE	(2 << 1)
#define LDT_AVAILABLE	BIT(6)

static void native_setup_ldt(void)
{
	const u32 data[4] = {
		LDT_DATA, DATA_AT, DATA_SIZE - 1, LDT_32BIT | LDT_AVAILABLE,
	};
	const u32 code[4] = {
		LDT_CODE16, CODE_AT, 0xffff, LDT_IS_CODE | LDT_AVAILABLE,
	};

	native_ldt = syscall(SYS_modify_ldt, 1, data, sizeof(data)) == 0 &&
		     syscall(SYS_modify_ldt, 1, code, sizeof(code)) == 0;
}

static void native_setup(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	stack_t alt = { .ss_size = 64 * 1024 };
	struct sigaction action = {
		.sa_sigaction = native_on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	unsigned int i;

	native_map(STATE_AT, 0x1000, PROT_READ | PROT_WRITE);
	native_map(CODE_AT, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
	native_map(CODE_AT + 0x1000, STACK_END - CODE_AT - 0x1000,
		   PROT_READ | PROT_WRITE);
	native_map(DATA_AT - 0x1000, DATA_SIZE + 0x2000, PROT_NONE);
	native_map(DATA_AT, DATA_SIZE, PROT_READ | PROT_WRITE);
	native_setup_ldt();

	asm volatile("fxsave64 %0" : "=m" (native.fx));
	emit_at = (u8 *)(uintptr_t)CODE_AT;
	for (i = 2; i <= 8; i *= 2) {
		if (i == 2 && !native_ldt)
			continue;
		native_codes[i].enter = (void (*)(void))emit_at;
		if (i == 8)
			emit_64(&native_codes[i]);
		else
			emit_compat(&native_codes[i], i);
		emit_at += 64;
	}

	/* What 64-bit code starts with depends on what ran before: settle it. */
	asm volatile("mov %0, %%ds; mov %0, %%es" : : "r" (USER_DS));
	if (native_ldt)
		asm volatile("mov %0, %%gs" : : "r" (SELECTOR(LDT_DATA)));
	/* Far up: a random ESP in it would look as if it were in use. */
	alt.ss_sp = mmap(NULL, alt.ss_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (alt.ss_sp == MAP_FAILED)
		exit(KSFT_FAIL);
	sigaltstack(&alt, NULL);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* An instruction into the slot */
static void native_put(int mode, const u8 *insn, unsigned int len)
{
	memset(native_codes[mode].slot, 0x90, SLOT_SIZE);
	memcpy(native_codes[mode].slot, insn, len);
}

/*
 * Executes what is in the slot, with the registers in @native.  Returns -1, or the
 * vector of an exception, with the registers as they were at it.
 */
static int native_run(int mode)
{
	if (sigsetjmp(native_fault_jump, 0))
		return native_vector;
	native_codes[mode].enter();
	return -1;
}

/*
 * Emulated processors can be lax: they look neither at segments nor, much, at
 * which of two faults is the first.
 */
static bool native_is_lax(void)
{
	static const u8 null_segment[] = { 0x64, 0x8a, 0x00 };	/* mov %fs:(%eax), %al */

	memset(native.regs, 0, sizeof(native.regs));
	native.regs[REG_RAX] = DATA_AT;
	native.rflags = 0x202;
	native_put(4, null_segment, sizeof(null_segment));
	return native_run(4) != VECTOR_GP;
}

/*
 * Segment registers have three bits, so REX.R means nothing for them (AMD APM
 * vol. 3, MOV). Bochs raises #UD.
 */
static bool native_ignores_rex_r(void)
{
	static const u8 mov_from_es[] = { 0x44, 0x8c, 0xc0 };	/* mov %es, %eax */
	static int ignores = -1;

	if (ignores < 0) {
		native.rflags = 0x202;
		native_put(8, mov_from_es, sizeof(mov_from_es));
		ignores = native_run(8) != VECTOR_UD;
		if (!ignores)
			printf("# REX.R before a segment register: refused by this processor, not compared\n");
	}
	return ignores;
}

#endif /* LODGE_INSN_NATIVE_H */
