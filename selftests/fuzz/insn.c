// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams of instructions: mostly such as exist, with operands that point to
 * what the module emulates, between some that nobody has ever written.
 */
#include <string.h>
#include "fuzz.h"

struct code {
	struct tape *t;
	u8 *bytes;
	size_t n, max;
	int bits;		/* 16, 32, 64 */
};

static void emit(struct code *c, u8 byte)
{
	if (c->n < c->max)
		c->bytes[c->n++] = byte;
}

static void emit_le(struct code *c, u64 value, int n)
{
	for (; n > 0; n--, value >>= 8)
		emit(c, value);
}

u64 random_address(struct tape *t)
{
	static const u64 interesting[] = {
		0, F_PML4, F_PDPT, F_PD, F_PT, F_GDT, F_TSS, F_IDT64, F_IDT32,
		F_CODE, F_STACK, F_DATA, F_DATA + 0xffc, F_MEMORY - 8, F_MEMORY,
		REGION_SIZE * 2, REGION_SIZE * 2 - 4, 0xfee00000, 0xfee00000,
		0xfee00ffc, 0xfec00000, 0xfec00010, 0xd0000000, 0xd0000ffd,
		0xffffffff, 0x800000000000, 0xffffffff80000000,
	};
	u64 v = PICK(t, interesting);

	switch (below(t, 8)) {
	case 0:
		return draw_value(t);
	case 1:
		return v + below(t, 64) - 32;
	case 2:
	case 3:
		/* A register of the local APIC */
		return 0xfee00000 + 0x10 * below(t, 0x40);
	case 4:
		return v + 0x1000 * below(t, 0x400);
	default:
		return v;
	}
}

u32 random_msr(struct tape *t)
{
	static const u32 known[] = {
		0x10, 0x17, 0x1b, 0x2a, 0x3a, 0x3b, 0x48, 0x49, 0x79, 0x8b,
		0xc1, 0xfe, 0x10a, 0x122, 0x174, 0x175, 0x176, 0x179, 0x17a,
		0x186, 0x198, 0x1a0, 0x1d9, 0x200, 0x201, 0x20f, 0x250, 0x258,
		0x268, 0x26f, 0x277, 0x2ff, 0x345, 0x38f, 0x6e0, 0xda0, 0x9c4,
		0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
		0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0xc0010010,
		0xc0010015, 0xc001001f, 0xc0010055, 0xc0010058, 0xc0010114,
		0xc0010115, 0xc0010117, 0xc0011029, 0x11, 0x12, 0x4b564d00,
		0x4b564d01, 0x4b564d02, 0x4b564d03, 0x40000000,
	};

	switch (below(t, 8)) {
	case 0:
		return draw_value(t);
	case 1:
	case 2:
		return 0x800 + below(t, 0x40);	/* x2APIC */
	default:
		return PICK(t, known);
	}
}

/* ---- Parts ---- */

static void mov_imm(struct code *c, int reg, u64 value)
{
	if (c->bits == 64)
		emit(c, 0x48);
	if (c->bits == 16)
		emit(c, 0x66);
	emit(c, 0xb8 + (reg & 7));
	emit_le(c, value, c->bits == 64 ? 8 : 4);
}

static void modrm(struct code *c, int reg)
{
	u8 mod = below(c->t, 4), rm = below(c->t, 8);
	bool wide = c->bits != 16;

	emit(c, mod << 6 | (reg & 7) << 3 | rm);
	if (mod == 3)
		return;
	if (wide && rm == 4)
		emit(c, draw(c->t));
	if (mod == 1)
		emit(c, draw_value(c->t));
	else if (mod == 2 || (!mod && rm == (wide ? 5 : 6)))
		emit_le(c, one_in(c->t, 2) ? random_address(c->t) :
					     draw_value(c->t), wide ? 4 : 2);
}

static void prefixes(struct code *c)
{
	static const u8 legacy[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65
	};

	while (one_in(c->t, 5))
		emit(c, PICK(c->t, legacy));
	if (c->bits == 64 && one_in(c->t, 2))
		emit(c, 0x40 | below(c->t, 16));
}

/* An immediate operand, or what follows is taken for one. */
static void maybe_imm(struct code *c)
{
	static const u8 sizes[] = { 0, 0, 0, 1, 1, 2, 4 };

	emit_le(c, draw_value(c->t), PICK(c->t, sizes));
}

/* ---- Kinds of instructions ---- */

static void one_byte(struct code *c)
{
	/* What the module may have to emulate comes first. */
	static const u8 common[] = {
		0x00, 0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x11, 0x1b, 0x21,
		0x23, 0x29, 0x2b, 0x31, 0x33, 0x39, 0x3b, 0x63, 0x80, 0x81,
		0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c,
		0x8f, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa,
		0xab, 0xac, 0xad, 0xae, 0xaf, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0,
		0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff,
	};

	prefixes(c);
	emit(c, one_in(c->t, 3) ? (u8)draw(c->t) : PICK(c->t, common));
	modrm(c, draw(c->t));
	maybe_imm(c);
}

static void two_byte(struct code *c)
{
	static const u8 common[] = {
		0x00, 0x01, 0x0d, 0x10, 0x11, 0x18, 0x28, 0x29, 0x2b, 0x40,
		0x4f, 0x6e, 0x6f, 0x7e, 0x7f, 0x90, 0x9f, 0xa0, 0xa3, 0xa4,
		0xa5, 0xa8, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb3,
		0xb6, 0xb7, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1,
		0xc3, 0xc7, 0xd6, 0xe7,
	};

	prefixes(c);
	emit(c, 0x0f);
	emit(c, one_in(c->t, 3) ? (u8)draw(c->t) : PICK(c->t, common));
	modrm(c, draw(c->t));
	maybe_imm(c);
}

/* 0F 38, 0F 3A, VEX, EVEX, XOP */
static void far_map(struct code *c)
{
	static const u8 heads[][3] = {
		{ 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a }, { 1, 0xc4 }, { 1, 0xc5 },
		{ 1, 0x62 }, { 1, 0x8f },
	};
	const u8 *head = PICK(c->t, heads);
	int i;

	prefixes(c);
	for (i = 1; i <= head[0]; i++)
		emit(c, head[i]);
	if (head[0] == 1)
		emit_le(c, draw(c->t), 1 + below(c->t, 3));
	emit(c, one_in(c->t, 3) ? 0xf0 + below(c->t, 8) : draw(c->t));
	modrm(c, draw(c->t));
	maybe_imm(c);
}

static void control_register(struct code *c)
{
	static const u8 numbers[] = { 0, 0, 0, 2, 3, 3, 4, 4, 4, 8, 1, 5, 15 };
	u8 nr = PICK(c->t, numbers);
	u8 rex = nr >= 8 ? 0x44 : 0;

	if (rex && c->bits != 64)
		return;
	if (one_in(c->t, 4)) {
		mov_imm(c, 0, draw_value(c->t));
	} else {
		if (rex)
			emit(c, rex);
		emit_le(c, 0x200f, 2);			/* MOV from it */
		emit(c, 0xc0 | (nr & 7) << 3);
		if (one_in(c->t, 2))
			return;
		if (c->bits == 64)
			emit(c, 0x48);
		emit_le(c, 0xba0f, 2);			/* BTC, BTS, BTR */
		emit(c, 0xe8 | below(c->t, 3) << 3);
		emit(c, below(c->t, one_in(c->t, 8) ? 64 : 24));
	}
	if (rex)
		emit(c, rex);
	emit_le(c, 0x220f, 2);
	emit(c, 0xc0 | (nr & 7) << 3);
}

static void debug_register(struct code *c)
{
	if (one_in(c->t, 2))
		mov_imm(c, 0, one_in(c->t, 2) ? random_address(c->t) :
						draw(c->t) & 0xffff27ff);
	emit_le(c, one_in(c->t, 3) ? 0x210f : 0x230f, 2);
	emit(c, 0xc0 | below(c->t, 8) << 3);
}

static void msr(struct code *c)
{
	u64 value = one_in(c->t, 2) ? random_address(c->t) : draw_value(c->t);

	if (one_in(c->t, 4))
		value |= 1;
	mov_imm(c, 1, random_msr(c->t));
	mov_imm(c, 0, (u32)value);
	mov_imm(c, 2, value >> 32);
	emit_le(c, one_in(c->t, 3) ? 0x320f : 0x300f, 2);
}

static void port(struct code *c)
{
	static const u16 ports[] = {
		0x20, 0x21, 0xa0, 0xa1, 0x40, 0x42, 0x43, 0x60, 0x61, 0x70, 0x80,
		0x3f8, 0x4d0, 0x4d1, 0xcf8,
	};

	if (one_in(c->t, 4)) {
		emit(c, 0xe4 + below(c->t, 4));
		emit(c, PICK(c->t, ports));
		return;
	}
	mov_imm(c, 2, one_in(c->t, 4) ? draw(c->t) : PICK(c->t, ports));
	if (one_in(c->t, 2)) {
		emit(c, 0xec + below(c->t, 4));
		return;
	}
	mov_imm(c, 1, one_in(c->t, 8) ? draw_value(c->t) : below(c->t, 20));
	mov_imm(c, 6 + below(c->t, 2), random_address(c->t));
	prefixes(c);
	emit(c, 0xf3);
	emit(c, 0x6c + below(c->t, 4));
}

static void string(struct code *c)
{
	static const u8 ops[] = {
		0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf
	};

	mov_imm(c, 1, one_in(c->t, 8) ? draw_value(c->t) : below(c->t, 600));
	mov_imm(c, 6, random_address(c->t));
	mov_imm(c, 7, random_address(c->t));
	if (one_in(c->t, 6))
		emit(c, 0xfc + below(c->t, 2));		/* CLD, STD */
	if (!one_in(c->t, 3))
		emit(c, 0xf2 + below(c->t, 2));
	if (c->bits == 64 && one_in(c->t, 3))
		emit(c, 0x48);
	emit(c, PICK(c->t, ops));
}

/* Registers of the interrupt controllers, by MOV */
static void controller(struct code *c)
{
	static const u32 icr[] = {
		0x000c4500, 0x000c4610, 0x00084030, 0x00044041, 0x00000400,
		0x000c4400, 0x00040080, 0x000c8500, 0x00000900,
	};
	u32 value = draw_value(c->t);
	u32 where = 0xfee00000 + 0x10 * below(c->t, 0x40);

	if (one_in(c->t, 4)) {
		where = one_in(c->t, 2) ? 0xfec00000 : 0xfec00010;
		if (one_in(c->t, 2))
			value = below(c->t, 0x42);
	} else if (one_in(c->t, 3)) {
		where = one_in(c->t, 3) ? 0xfee00310 : 0xfee00300;
		value = where & 0x10 ? (u32)below(c->t, 9) << 24 :
				       PICK(c->t, icr);
	} else if (one_in(c->t, 3)) {
		static const u32 timer[] = { 0xfee00320, 0xfee00380, 0xfee003e0 };

		where = PICK(c->t, timer);
		value = where == 0xfee00320 ?
			below(c->t, 4) << 17 | (0x20 + below(c->t, 0xe0)) :
			below(c->t, 1 << below(c->t, 24));
	} else if (one_in(c->t, 4)) {
		where = 0xfee000f0;
		value = 0x1ff;
	}
	mov_imm(c, 3, where);
	mov_imm(c, 0, value);
	if (c->bits == 16)
		emit(c, 0x67);
	emit(c, one_in(c->t, 4) ? 0x8b : 0x89);
	emit(c, 0x03);					/* EAX, [EBX] */
}

/* What is looked at in memory changes: tables, and the code itself. */
static void store(struct code *c)
{
	static const u32 where[] = {
		F_PT, F_PD, F_PDPT, F_PML4, F_PD32, F_PDPT_PAE, F_GDT, F_IDT64,
		F_IDT32, F_TSS, F_CODE, F_STUBS,
	};
	u32 at = PICK(c->t, where) + 8 * below(c->t, one_in(c->t, 2) ? 16 : 512);
	u64 value = draw_value(c->t);

	if (one_in(c->t, 2))
		value = (random_address(c->t) & ~0xfffULL) | (draw(c->t) & 0x1ff);
	mov_imm(c, 3, at);
	mov_imm(c, 0, value);
	if (c->bits == 16)
		emit(c, 0x67);
	if (c->bits == 64)
		emit(c, 0x48);
	emit_le(c, 0x0389, 2);
	if (!one_in(c->t, 2))
		return;
	mov_imm(c, 0, one_in(c->t, 2) ? random_address(c->t) : at << 9);
	emit_le(c, 0x38010f, 3);			/* INVLPG [EAX] */
}

static void selector(struct code *c)
{
	static const u16 plausible[] = {
		0, SEL_DATA, SEL_CODE32, SEL_CODE16, SEL_DATA16, SEL_USER_DATA,
		SEL_USER_CODE64, SEL_ABSENT, SEL_SMALL, SEL_TSS, SEL_CODE64,
	};
	u16 value = one_in(c->t, 5) ? draw(c->t) : PICK(c->t, plausible);

	mov_imm(c, 0, value);
	switch (below(c->t, 4)) {
	case 0:
		emit_le(c, 0x000f, 2);			/* LLDT, LTR, VERR ... */
		emit(c, 0xc0 | below(c->t, 6) << 3);
		break;
	case 1:
		mov_imm(c, 3, F_GDT + 8 * below(c->t, 16));
		emit_le(c, 0x010f, 2);			/* SGDT, LGDT ... [EBX] */
		emit(c, 0x03 | below(c->t, 4) << 3);
		break;
	default:
		emit(c, 0x8e);
		emit(c, 0xc0 | below(c->t, 6) << 3);
		break;
	}
}

static void push_imm(struct code *c, u32 value)
{
	if (c->bits == 16)
		emit(c, 0x66);
	emit(c, 0x68);
	emit_le(c, value, 4);
}

/* To another segment, another level, or virtual 8086 mode */
static void far_return(struct code *c)
{
	static const u16 codes[] = {
		SEL_CODE64, SEL_CODE32, SEL_CODE16, SEL_USER_CODE64,
		SEL_USER_CODE32,
	};
	u16 cs = one_in(c->t, 8) ? draw(c->t) : PICK(c->t, codes);
	u32 flags = 2 | (one_in(c->t, 2) ? draw(c->t) & 0x3f7fd7 :
					   draw(c->t) & 0x3202);

	push_imm(c, cs & 3 ? SEL_USER_DATA : SEL_DATA);
	push_imm(c, F_STACK + 0x8000);
	push_imm(c, flags);
	push_imm(c, cs);
	push_imm(c, F_CODE + below(c->t, F_CODE_SIZE));
	if (c->bits == 64)
		emit(c, 0x48);
	if (c->bits == 16)
		emit(c, 0x66);
	emit(c, one_in(c->t, 3) ? 0xcb : 0xcf);
}

/* Whole instructions without operands, as bytes; mostly such as exit */
static void fixed(struct code *c)
{
	static const u8 list[][5] = {
		{ 2, 0x0f, 0xa2 }, { 2, 0x0f, 0xa2 }, { 1, 0xf4 }, { 1, 0xfa },
		{ 1, 0xfb }, { 1, 0xfb }, { 2, 0xf3, 0x90 }, { 2, 0x0f, 0x06 },
		{ 2, 0x0f, 0x08 }, { 2, 0x0f, 0x09 }, { 2, 0x0f, 0x31 },
		{ 2, 0x0f, 0x33 }, { 2, 0x0f, 0x05 }, { 2, 0x0f, 0x07 },
		{ 2, 0x0f, 0x34 }, { 2, 0x0f, 0x35 }, { 2, 0x0f, 0x0b },
		{ 2, 0x0f, 0x77 }, { 2, 0x0f, 0xaa }, { 3, 0x0f, 0x01, 0xc1 },
		{ 3, 0x0f, 0x01, 0xc8 }, { 3, 0x0f, 0x01, 0xc9 },
		{ 3, 0x0f, 0x01, 0xca }, { 3, 0x0f, 0x01, 0xcb },
		{ 3, 0x0f, 0x01, 0xd0 }, { 3, 0x0f, 0x01, 0xd8 },
		{ 3, 0x0f, 0x01, 0xd9 }, { 3, 0x0f, 0x01, 0xda },
		{ 3, 0x0f, 0x01, 0xdb }, { 3, 0x0f, 0x01, 0xdc },
		{ 3, 0x0f, 0x01, 0xdd }, { 3, 0x0f, 0x01, 0xde },
		{ 3, 0x0f, 0x01, 0xdf }, { 3, 0x0f, 0x01, 0xee },
		{ 3, 0x0f, 0x01, 0xef }, { 3, 0x0f, 0x01, 0xf8 },
		{ 3, 0x0f, 0x01, 0xf9 }, { 3, 0x0f, 0x01, 0xfa },
		{ 3, 0x0f, 0x01, 0xfd }, { 3, 0x0f, 0xae, 0xe8 },
		{ 3, 0x0f, 0xae, 0xf0 }, { 1, 0xcc }, { 1, 0xce }, { 1, 0xf1 },
		{ 1, 0x9c }, { 1, 0x9d }, { 2, 0x66, 0x9d }, { 1, 0xcf },
		{ 2, 0x48, 0xcf }, { 1, 0x90 }, { 1, 0x98 }, { 1, 0x99 },
		{ 1, 0xd7 }, { 1, 0xc9 }, { 1, 0xc3 }, { 1, 0x60 }, { 1, 0x61 },
		{ 2, 0xcd, 0x80 }, { 2, 0xcd, 0x0d }, { 2, 0xdb, 0xe3 },
		{ 3, 0x0f, 0x01, 0xe0 }, { 3, 0x0f, 0x01, 0xf0 },
		{ 2, 0xfb, 0xf4 },
	};
	const u8 *insn = PICK(c->t, list);
	int i;

	for (i = 1; i <= insn[0]; i++)
		emit(c, insn[i]);
}

static void xsetbv(struct code *c)
{
	mov_imm(c, 1, below(c->t, 2));
	mov_imm(c, 0, one_in(c->t, 2) ? draw_value(c->t) : below(c->t, 16));
	mov_imm(c, 2, one_in(c->t, 4) ? draw_value(c->t) : 0);
	emit_le(c, 0xd1010f, 3);
}

static void hypercall(struct code *c)
{
	mov_imm(c, 0, below(c->t, 16));
	mov_imm(c, 1, below(c->t, 10));
	emit_le(c, one_in(c->t, 2) ? 0xd9010f : 0xc1010f, 3);
}

/* Trap flag, alignment checks, nested task, I/O level ... */
static void flags(struct code *c)
{
	emit(c, 0x9c);				/* PUSHF */
	emit(c, 0x58);				/* POP EAX */
	if (c->bits == 64)
		emit(c, 0x48);
	emit_le(c, 0xba0f, 2);
	emit(c, 0xe8 | below(c->t, 3) << 3);
	emit(c, below(c->t, 22));
	emit(c, 0x50);
	emit(c, 0x9d);
}

static void jump(struct code *c)
{
	static const u8 ops[] = { 0x74, 0x75, 0xe0, 0xe1, 0xe2, 0xe3, 0xeb };

	emit(c, PICK(c->t, ops));
	/* Backwards is rare: such a loop may never end. */
	emit(c, one_in(c->t, 6) ? draw(c->t) : below(c->t, 24));
}

static void load_pointer(struct code *c)
{
	mov_imm(c, below(c->t, 8) & ~4, random_address(c->t));
}

static void garbage(struct code *c)
{
	emit_le(c, draw(c->t), 1 + below(c->t, 8));
}

/*
 * QEMU's LTR takes a null selector, where a processor faults, and the next
 * interrupt at another privilege level aborts it ("invalid tss").  (It also aborts
 * on MOV to CR8 with a virtual interrupt pending, but never gets there: the module
 * intercepts it.)
 */
static void spare_emulator(u8 *code, size_t size)
{
	size_t i;

	if (!on_tcg)
		return;
	for (i = 0; i + 2 < size; i++)
		if (code[i] == 0x0f && !code[i + 1] && (code[i + 2] >> 3 & 7) == 3)
			code[i] = 0x90;
}

size_t random_code(struct tape *t, u8 *code, size_t size, enum mode mode)
{
	static void (*const kinds[])(struct code *c) = {
		one_byte, one_byte, one_byte, two_byte, two_byte, far_map,
		control_register, debug_register, msr, msr, port, port, string,
		string, controller, controller, store, selector, far_return,
		fixed, fixed, fixed, xsetbv, hypercall, flags, jump, jump,
		load_pointer, load_pointer, load_pointer, garbage,
	};
	struct code c = {
		.t = t, .bytes = code, .max = size,
		.bits = mode == REAL || mode == V8086 ? 16 :
			mode == LONG64 || mode == LA57 ? 64 : 32,
	};
	/* Some streams are all of one kind, or of few. */
	u32 enabled = one_in(t, 2) ? ~0U : draw(t) | draw(t);
	int kind;

	while (c.n < c.max) {
		kind = below(t, ARRAY_SIZE(kinds));
		if (enabled >> (kind & 31) & 1)
			kinds[kind](&c);
		else
			emit(&c, 0x90);
	}
	spare_emulator(code, c.n);
	return c.n;
}
