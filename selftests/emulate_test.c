// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's emulator on a vCPU, as a program: which accesses reach the tool,
 * in which order, how often, and what the vCPU is like in between.  Needs no
 * /dev/lodge.
 *
 * Sources: kmod/vm/{emulate,access,fetch,decode,execute*,walk}.c, included here.
 */
#include "emulate_fixture.h"

TEST_F(emulate, write_is_posted)
{
	INSN(0x89, 0x43, 0x08);			/* mov %eax, 8(%rbx) */
	vcpu.regs[REG_RAX] = 0x1122334455667788;
	vcpu.regs[REG_RBX] = DEVICE;
	vcpu.shadow = true;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE + 8, 4, true);
	SAME(0x55667788, mmio_data());
	SAME(CODE + 3, vcpu.rip);
	SAME(0, vcpu.nr_accesses);
	SAME(false, vcpu.shadow);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(CODE + 3, vcpu.rip);
}

TEST_F(emulate, read_waits)
{
	INSN(0x0f, 0xbe, 0x03);			/* movsbl (%rbx), %eax */
	vcpu.regs[REG_RAX] = -1;
	vcpu.regs[REG_RBX] = DEVICE;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE, 1, false);
	SAME(CODE, vcpu.rip);
	SAME(-1ULL, vcpu.regs[REG_RAX]);
	answer(0xffffffffffffff85);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(CODE + 3, vcpu.rip);
	SAME(0xffffff85, vcpu.regs[REG_RAX]);
	SAME(0, vcpu.nr_accesses);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(CODE + 3, vcpu.rip);
}

TEST_F(emulate, read_modify_write)
{
	INSN(0xf0, 0x81, 0x23, 0xf0, 0, 0, 0);	/* lock andl $0xf0, (%rbx) */
	vcpu.regs[REG_RBX] = DEVICE;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE, 4, false);
	answer(0x1234);
	SAME(NEXT_USER, lodge_emulate_complete(&vcpu));
	ASKED(DEVICE, 4, true);
	SAME(0x30, mmio_data());
	SAME(CODE + 7, vcpu.rip);
	SAME(RF_PF, vcpu.rflags & RF_ARITH);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
}

TEST_F(emulate, half_memory_half_device)
{
	INSN(0x48, 0x8b, 0x03);			/* mov (%rbx), %rax */
	vcpu.regs[REG_RBX] = RAM_SIZE - 3;
	memcpy(ram + RAM_SIZE - 3, "abc", 3);
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(RAM_SIZE, 5, false);
	answer(0x5a49484746454443);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(0x4746454443636261, vcpu.regs[REG_RAX]);

	vcpu.rip = CODE;
	INSN(0x48, 0x89, 0x03);			/* mov %rax, (%rbx) */
	vcpu.regs[REG_RAX] = 0x1817161514131211;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(RAM_SIZE, 5, true);
	SAME(0x1817161514, mmio_data());
	SAME(0, memcmp(ram + RAM_SIZE - 3, "\x11\x12\x13", 3));

	/* In two pages of a device: the first half of a write is waited for. */
	vcpu.rip = CODE;
	vcpu.regs[REG_RBX] = DEVICE - 2;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE - 2, 2, true);
	SAME(CODE, vcpu.rip);
	SAME(NEXT_USER, lodge_emulate_complete(&vcpu));
	ASKED(DEVICE, 6, true);
	SAME(0x181716151413, mmio_data());
	SAME(CODE + 3, vcpu.rip);
}

TEST_F(emulate, no_page_no_access)
{
	put64(0x3008, 0x87 | 0x200000);
	INSN(0x48, 0x89, 0x03);			/* mov %rax, (%rbx) */
	vcpu.regs[REG_RBX] = UNMAPPED - 4;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_PF, vcpu.event.vector);
	SAME(2, vcpu.event.error);
	SAME(UNMAPPED, crs[2]);
	SAME(CODE, vcpu.rip);
	SAME(0, run.exit_reason);
}

TEST_F(emulate, module_devices)
{
	INSN(0x89, 0x03);			/* mov %eax, (%rbx) */
	vcpu.regs[REG_RAX] = 0x55;
	vcpu.regs[REG_RBX] = APIC + 0xb0;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, false));
	SAME(1, apic_writes);
	SAME(CODE + 2, vcpu.rip);
	/* Memory cannot be written where sleeping is not allowed. */
	vcpu.rip = CODE;
	vcpu.regs[REG_RBX] = DATA;
	SAME(NEXT_SLEEP, lodge_emulate(&vcpu, false));
	SAME(CODE, vcpu.rip);
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(0x55, get64(DATA));
	vcpu.rip = CODE;
	vcpu.regs[REG_RBX] = DEVICE + 0x77;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, false));
	SAME(CODE + 2, vcpu.rip);
	no_nofault = true;
	SAME(NEXT_SLEEP, lodge_emulate(&vcpu, false));
}

/* A register of the APIC is read once, though the instruction begins twice. */
TEST_F(emulate, nothing_twice)
{
	INSN(0xa7);				/* cmpsl */
	vcpu.regs[REG_RDI] = APIC;
	vcpu.regs[REG_RSI] = DEVICE;
	apic_value = 7;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE, 4, false);
	apic_value = 8;
	answer(7);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(1, apic_reads);
	SAME(RF_ZF, vcpu.rflags & RF_ZF);
	SAME(APIC + 4, vcpu.regs[REG_RDI]);

	/* From the APIC to memory, begun where memory cannot be written */
	vcpu.rip = CODE;
	INSN(0xa5);				/* movsl */
	vcpu.regs[REG_RDI] = DATA;
	vcpu.regs[REG_RSI] = APIC;
	SAME(NEXT_SLEEP, lodge_emulate(&vcpu, false));
	SAME(2, apic_reads);
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(2, apic_reads);
	SAME(8, get64(DATA));
}

TEST_F(emulate, instruction_changes)
{
	INSN(0x8b, 0x03);			/* mov (%rbx), %eax */
	vcpu.regs[REG_RBX] = DEVICE;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE, 4, false);
	/* Too late: the question was this instruction's. */
	INSN(0x8a, 0x43, 0x01);			/* mov 1(%rbx), %al */
	answer(0x1234);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(0x1234, vcpu.regs[REG_RAX]);
	SAME(CODE + 2, vcpu.rip);

	/* Begun where it cannot end: what was read was for another. */
	vcpu.rip = CODE;
	INSN(0xa5);				/* movsl */
	vcpu.regs[REG_RDI] = DATA;
	vcpu.regs[REG_RSI] = APIC;
	SAME(NEXT_SLEEP, lodge_emulate(&vcpu, false));
	SAME(1, apic_reads);
	apic_value = 0x77;
	INSN(0xa4);				/* movsb */
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(2, apic_reads);
	SAME(0x77, get64(DATA));
}

TEST_F(emulate, cancel)
{
	INSN(0x8b, 0x03);			/* mov (%rbx), %eax */
	vcpu.regs[REG_RBX] = DEVICE;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	lodge_emulate_cancel(&vcpu);
	vcpu.rip = DATA;
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(DATA, vcpu.rip);
}

TEST_F(emulate, strings)
{
	int i;

	INSN(0xf3, 0xa4);			/* rep movsb */
	for (i = 0; i < 3000; i++)
		ram[DATA + i] = i;
	vcpu.regs[REG_RSI] = DATA;
	vcpu.regs[REG_RDI] = DATA + 0x4ff0;
	vcpu.regs[REG_RCX] = 3000;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(0, vcpu.regs[REG_RCX]);
	SAME(CODE + 2, vcpu.rip);
	SAME(0, memcmp(ram + DATA, ram + DATA + 0x4ff0, 3000));

	/* To a device: one element at a time, RIP stays. */
	vcpu.rip = CODE;
	INSN(0xf3, 0xab);			/* rep stosl */
	vcpu.regs[REG_RAX] = 0xabcd;
	vcpu.regs[REG_RDI] = DEVICE;
	vcpu.regs[REG_RCX] = 2;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE, 4, true);
	SAME(CODE, vcpu.rip);
	SAME(1, vcpu.regs[REG_RCX]);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE + 4, 4, true);
	SAME(CODE + 2, vcpu.rip);

	/* From a device: the answer to one question leads to the next. */
	vcpu.rip = CODE;
	INSN(0xf3, 0xa5);			/* rep movsl */
	vcpu.regs[REG_RSI] = DEVICE;
	vcpu.regs[REG_RDI] = DATA;
	vcpu.regs[REG_RCX] = 2;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	answer(0x11);
	SAME(NEXT_USER, lodge_emulate_complete(&vcpu));
	ASKED(DEVICE + 4, 4, false);
	SAME(1, vcpu.regs[REG_RCX]);
	answer(0x22);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(0x2200000011, get64(DATA));

	/* A trap after each round; an interrupt may come between two. */
	vcpu.rip = CODE;
	vcpu.rflags |= RF_TF;
	vcpu.regs[REG_RSI] = DATA;
	vcpu.regs[REG_RCX] = 2;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(1, vcpu.regs[REG_RCX]);
	SAME(VECTOR_DB, vcpu.event.vector);
	SAME(DR_STEP, vcpu.dr6 & DR_STEP);
	vcpu.event.type = EVENT_NONE;
	vcpu.rflags &= ~RF_TF;
	vcpu.requests = 1;
	vcpu.regs[REG_RCX] = 5;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(4, vcpu.regs[REG_RCX]);
}

TEST_F(emulate, ports)
{
	INSN(0xf3, 0x6c);			/* rep insb */
	vcpu.regs[REG_RDX] = 0x3f8;
	vcpu.regs[REG_RDI] = UNMAPPED;
	vcpu.regs[REG_RCX] = 2;
	/* A port is not read for what cannot be stored. */
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_PF, vcpu.event.vector);
	SAME(0, run.exit_reason);

	vcpu.event.type = EVENT_NONE;
	vcpu.regs[REG_RDI] = DATA;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	SAME(LODGE_EXIT_IO, run.exit_reason);
	SAME(0x3f8, run.io.port);
	SAME(1, run.io.width);
	SAME(LODGE_IO_IN, run.io.direction);
	run.io.data = 0x5141;
	SAME(NEXT_USER, lodge_emulate_complete(&vcpu));
	run.io.data = 0x42;
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(0x4241, get64(DATA));
	SAME(CODE + 2, vcpu.rip);

	vcpu.rip = CODE;
	INSN(0x66, 0x6f);			/* outsw */
	vcpu.regs[REG_RSI] = DATA;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	SAME(LODGE_IO_OUT, run.io.direction);
	SAME(2, run.io.width);
	SAME(0x4241, run.io.data);
	SAME(CODE + 2, vcpu.rip);
	vcpu.rip = CODE;
	vcpu.regs[REG_RDX] = 0x77;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));

	/* The permission bitmap: of ports 0 to 15 only 9 */
	segs[SEG_TR].base = DATA;
	segs[SEG_TR].limit = 0x67 + 3;
	segs[SEG_TR].type = 0xb;
	segs[SEG_SS].dpl = 3;
	put64(DATA + 0x66, 0xfdff0068);
	vcpu.rip = CODE;
	INSN(0xec);				/* inb */
	vcpu.regs[REG_RDX] = 9;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	SAME(9, run.io.port);
	lodge_emulate_cancel(&vcpu);
	INSN(0x66, 0xed);			/* inw */
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_GP, vcpu.event.vector);
	vcpu.event.type = EVENT_NONE;
	INSN(0xec);
	vcpu.regs[REG_RDX] = 0x100;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_GP, vcpu.event.vector);
	vcpu.event.type = EVENT_NONE;
	vcpu.rflags |= 3 << RF_IOPL_SHIFT;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
}

TEST_F(emulate, control_registers)
{
	INSN(0x44, 0x0f, 0x20, 0xc3);		/* mov %cr8, %rbx */
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(5, vcpu.regs[REG_RBX]);
	vcpu.rip = CODE;
	INSN(0x0f, 0x22, 0xdb);			/* mov %rbx, %cr3 */
	vcpu.regs[REG_RBX] = 1ULL << 63;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_GP, vcpu.event.vector);
	SAME(CODE, vcpu.rip);
	vcpu.event.type = EVENT_NONE;
	INSN(0x0f, 0x06);			/* clts */
	crs[0] |= C0_TS;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(C0_PE | C0_PG | C0_WP, crs[0]);
	SAME(CODE + 2, vcpu.rip);
	vcpu.rip = CODE;
	INSN(0x0f, 0x01, 0xf0);			/* lmsw %ax */
	vcpu.regs[REG_RAX] = 0x1ea;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(C0_PE | C0_PG | C0_WP | 0xa, crs[0]);
	vcpu.rip = CODE;
	INSN(0x0f, 0x01, 0xe0);			/* smsw %eax */
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(crs[0], vcpu.regs[REG_RAX]);
	vcpu.rip = CODE;
	INSN(0x0f, 0x21, 0xe8);			/* mov %dr5, %rax */
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_UD, vcpu.event.vector);
}

TEST_F(emulate, vectors)
{
	INSN(0xf3, 0x0f, 0x6f, 0x4b, 0x01);	/* movdqu 1(%rbx), %xmm1 */
	vcpu.regs[REG_RBX] = DEVICE;
	vcpu.fpu_loaded = true;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE + 1, 8, false);
	vcpu.fpu_loaded = false;
	answer(0x1111111122222222);
	SAME(NEXT_USER, lodge_emulate_complete(&vcpu));
	ASKED(DEVICE + 9, 8, false);
	xsave.i387.xmm_space[0] = 0x99;		/* leftovers */
	answer(0x3333333344444444);
	SAME(NEXT_ENTER, lodge_emulate_complete(&vcpu));
	SAME(0, xsave.i387.xmm_space[0]);
	SAME(0x22222222, xsave.i387.xmm_space[4]);
	SAME(0x33333333, xsave.i387.xmm_space[7]);
	SAME(XFEATURE_MASK_SSE, xsave.header.xfeatures);

	vcpu.rip = CODE;
	INSN(0x0f, 0x29, 0x0b);			/* movaps %xmm1, (%rbx) */
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE, 8, true);
	SAME(NEXT_USER, lodge_emulate_complete(&vcpu));
	ASKED(DEVICE + 8, 8, true);
	SAME(0x3333333344444444, mmio_data());
	SAME(CODE + 3, vcpu.rip);

	vcpu.rip = CODE;
	crs[0] |= C0_TS;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_NM, vcpu.event.vector);
}

TEST_F(emulate, what_cannot_be)
{
	INSN(0xc5, 0xfe, 0x6f, 0x03);		/* vmovdqu (%rbx), %ymm0 */
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	SAME(LODGE_EXIT_INTERNAL, run.exit_reason);
	/* A program cannot end its kernel that way. */
	segs[SEG_SS].dpl = 3;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_UD, vcpu.event.vector);

	vcpu.event.type = EVENT_INTERRUPT;
	run.exit_reason = 0;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	SAME(LODGE_EXIT_INTERNAL, run.exit_reason);

	/* The code itself is not there, or is a device. */
	vcpu.event.type = EVENT_NONE;
	vcpu.rip = UNMAPPED;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_PF, vcpu.event.vector);
	SAME(0x14, vcpu.event.error);
	vcpu.event.type = EVENT_NONE;
	vcpu.rip = DEVICE;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	SAME(0, strncmp("the guest executes", failure, 18));
	put64(0x2000, DEVICE | 7);
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	SAME(0, strncmp("the guest's page tables", failure, 23));
	/* Prefixes without end */
	put64(0x2000, 0x3007);
	vcpu.rip = CODE;
	memset(ram + CODE, 0x66, 16);
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_GP, vcpu.event.vector);
}

TEST_F(emulate, skip)
{
	INSN(0x0f, 0xa2);
	vcpu.shadow = true;
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(CODE + 2, vcpu.rip);
	SAME(false, vcpu.shadow);
	/* Three tables and the code: the short way was taken. */
	SAME(4, nofault_reads);

	/* At the end of a word, of a page, with prefixes */
	vcpu.rip = CODE + 7;
	INSN(0x0f, 0x32);
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(CODE + 9, vcpu.rip);
	vcpu.rip = CODE + 0xfff;
	INSN(0x0f, 0xa2);
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(CODE + 0x1001, vcpu.rip);
	vcpu.rip = CODE + 0x100;
	INSN(0x66, 0x48, 0x0f, 0x30);
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(CODE + 0x104, vcpu.rip);
	vcpu.rip = CODE + 0x100;
	INSN(0x0f, 0x01, 0xd9);
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(CODE + 0x103, vcpu.rip);

	/* What the processor tells is believed, and a trap may follow. */
	vcpu.exit.insn_len = 7;
	vcpu.rip = CODE;
	vcpu.rflags |= RF_TF | RF_RF;
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(CODE + 7, vcpu.rip);
	SAME(0, vcpu.rflags & RF_RF);
	SAME(VECTOR_DB, vcpu.event.vector);
	vcpu.exit.insn_len = 0;

	no_nofault = true;
	vcpu.rip = CODE + 0x100;
	SAME(NEXT_SLEEP, lodge_skip_insn(&vcpu, false));
	SAME(CODE + 0x100, vcpu.rip);
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, true));
	SAME(CODE + 0x103, vcpu.rip);
	no_nofault = false;
	vcpu.rip = UNMAPPED;
	SAME(NEXT_SLEEP, lodge_skip_insn(&vcpu, false));
	SAME(NEXT_USER, lodge_skip_insn(&vcpu, true));

	/* 32-bit code wraps at 4 GiB, and has a segment's base. */
	segs[SEG_CS].l = 0;
	segs[SEG_CS].db = 1;
	segs[SEG_CS].base = CODE;
	vcpu.rip = 0x100;
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(0x103, vcpu.rip);
	vcpu.exit.insn_len = 2;
	vcpu.rip = 0xfffffffe;
	SAME(NEXT_ENTER, lodge_skip_insn(&vcpu, false));
	SAME(0, vcpu.rip);
}

TEST_F(emulate, real_mode)
{
	crs[0] = 0;
	crs[LODGE_CR_EFER] = 0;
	segs[SEG_CS] = (struct lodge_segment){
		.base = CODE - 0x100, .limit = 0xffff, .present = 1, .type = 0xb,
	};
	segs[SEG_ES] = (struct lodge_segment){
		.base = DEVICE, .limit = 0xffff, .present = 1, .type = 3,
	};
	vcpu.rip = CODE;	/* as far as INSN() is concerned */
	INSN(0x26, 0xa3, 0x34, 0x12);		/* mov %ax, %es:0x1234 */
	vcpu.rip = 0x100;
	vcpu.regs[REG_RAX] = 0xbeef;
	SAME(NEXT_USER, lodge_emulate(&vcpu, true));
	ASKED(DEVICE + 0x1234, 2, true);
	SAME(0xbeef, mmio_data());
	SAME(0x104, vcpu.rip);

	/* Beyond the limit; and there are no error codes. */
	vcpu.rip = CODE;
	INSN(0x26, 0xa3, 0xff, 0xff);
	vcpu.rip = 0x100;
	SAME(NEXT_ENTER, lodge_emulate(&vcpu, true));
	SAME(VECTOR_GP, vcpu.event.vector);
	SAME(false, vcpu.event.has_error);
}

static u64 seed = 0x123456789abcdefULL;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Random instructions, registers, segments, modes and answers. */
TEST_F(emulate, garbage)
{
	static const u64 places[] = {
		DATA, DEVICE, APIC, UNMAPPED, RAM_SIZE - 4, DEVICE - 4, 0, -2ULL,
	};
	static const u8 likely_first[] = {
		0x0f, 0xf3, 0x66, 0xf0, 0x26, 0x67, 0x48, 0xa5, 0x6c, 0x8f, 0xff,
	};
	u64 regs[NR_REGS];
	unsigned int i, r;
	int next;

	for (i = 0; i < 60000; i++) {
		u64 rip = CODE + rnd() % 64;

		vcpu.rip = rip;
		for (r = 0; r < 2; r++)
			put64(rip + 8 * r, rnd());
		if (i & 1)
			ram[rip] = likely_first[rnd() % sizeof(likely_first)];
		for (r = 0; r < NR_REGS; r++)
			vcpu.regs[r] = rnd() & 1 ? places[rnd() % 8] : rnd() % 64;
		for (r = 0; r < NR_SEGS; r++) {
			segs[r].type = rnd();
			segs[r].limit = rnd() & 3 ? -1U : 0x100;
			segs[r].dpl = rnd() & 1 ? 3 : 0;
			segs[r].db = rnd();
			segs[r].base = rnd() & 3 ? 0 : DATA;
			segs[r].unusable = !(rnd() & 7);
		}
		segs[SEG_CS].l = rnd();
		segs[SEG_CS].base = 0;
		segs[SEG_CS].limit = -1U;
		crs[0] = C0_PE | C0_PG | C0_WP;
		crs[3] = 0x1000;
		crs[4] = C4_PAE | C4_OSFXSR;
		/* In long mode, whatever the code segment is */
		crs[LODGE_CR_EFER] = EF_LMA | EF_NXE;
		put64(0x1000, 0x2027);
		put64(0x2000, 0x3027);
		put64(0x3000, 0xe7);
		vcpu.rflags = 2 | (rnd() & (RF_ARITH | RF_DF | RF_VM));
		vcpu.event.type = EVENT_NONE;
		memcpy(regs, vcpu.regs, sizeof(regs));
		run.exit_reason = LODGE_EXIT_NONE;

		next = lodge_emulate(&vcpu, rnd() & 1);
		if (next == NEXT_SLEEP)
			next = lodge_emulate(&vcpu, true);
		/* No instruction has more than so many questions at once. */
		for (r = 0; next == NEXT_USER && vcpu.nr_accesses && r < 200; r++) {
			answer(rnd());
			next = lodge_emulate_complete(&vcpu);
		}
		ASSERT_NE(NEXT_SLEEP, next);
		if (vcpu.event.type && vcpu.rip == rip &&
		    vcpu.event.vector != VECTOR_DB && r == 0)
			ASSERT_EQ(vcpu.regs[REG_RBX], regs[REG_RBX]);
		lodge_emulate_cancel(&vcpu);
	}
}

TEST_HARNESS_MAIN
