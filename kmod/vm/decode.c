// SPDX-License-Identifier: GPL-2.0-only
/*
 * From bytes to struct lodge_insn (AMD APM vol. 3, 1; Intel SDM vol. 2, 2).
 *
 * It knows the length of every instruction of the legacy maps, also of those
 * that nobody executes here: whoever skips an instruction needs just that.
 */
#include "insn.h"

/* What follows an opcode, and what is special about it */
#define D_BYTE	BIT(0)	/* operands are bytes */
#define D_MODRM	BIT(1)
#define D_IMM8	BIT(2)
#define D_IMMZ	BIT(3)	/* 2 or 4 bytes, by operand size */
#define D_IMMV	BIT(4)	/* 2, 4 or 8 bytes, by operand size */
#define D_IMM16	BIT(5)
#define D_MOFFS	BIT(6)	/* an address, by address size */
#define D_FAR	BIT(7)	/* selector and offset */
#define D_64	BIT(8)	/* in 64-bit mode operands are 64 bits */
#define D_NO64	BIT(9)	/* not in 64-bit mode */
#define D_REGS	BIT(10)	/* r/m is a register whatever mod says */
#define D_UD	BIT(11)

/* The first 64 opcodes: eight operations, each in the same shapes */
static const u16 arith_shapes[8] = {
	D_MODRM | D_BYTE, D_MODRM, D_MODRM | D_BYTE, D_MODRM,
	D_IMM8 | D_BYTE, D_IMMZ, D_NO64, D_NO64,
};

static const u16 map_1[256] = {
	[0x50 ... 0x5f] = D_64,
	[0x60 ... 0x61] = D_NO64,
	[0x62] = D_MODRM | D_NO64,
	[0x63] = D_MODRM,
	[0x68] = D_IMMZ | D_64,
	[0x69] = D_MODRM | D_IMMZ,
	[0x6a] = D_IMM8 | D_64,
	[0x6b] = D_MODRM | D_IMM8,
	[0x6c] = D_BYTE, [0x6e] = D_BYTE,
	[0x70 ... 0x7f] = D_IMM8 | D_64,
	[0x80] = D_MODRM | D_IMM8 | D_BYTE,
	[0x81] = D_MODRM | D_IMMZ,
	[0x82] = D_MODRM | D_IMM8 | D_BYTE | D_NO64,
	[0x83] = D_MODRM | D_IMM8,
	[0x84] = D_MODRM | D_BYTE, [0x85] = D_MODRM,
	[0x86] = D_MODRM | D_BYTE, [0x87] = D_MODRM,
	[0x88] = D_MODRM | D_BYTE, [0x89] = D_MODRM,
	[0x8a] = D_MODRM | D_BYTE, [0x8b] = D_MODRM,
	[0x8c ... 0x8e] = D_MODRM,
	[0x8f] = D_MODRM | D_64,
	[0x9a] = D_FAR | D_NO64,
	[0x9c ... 0x9d] = D_64,
	[0xa0] = D_MOFFS | D_BYTE, [0xa1] = D_MOFFS,
	[0xa2] = D_MOFFS | D_BYTE, [0xa3] = D_MOFFS,
	[0xa4] = D_BYTE, [0xa6] = D_BYTE,
	[0xa8] = D_IMM8 | D_BYTE, [0xa9] = D_IMMZ,
	[0xaa] = D_BYTE, [0xac] = D_BYTE, [0xae] = D_BYTE,
	[0xb0 ... 0xb7] = D_IMM8 | D_BYTE,
	[0xb8 ... 0xbf] = D_IMMV,
	[0xc0] = D_MODRM | D_IMM8 | D_BYTE, [0xc1] = D_MODRM | D_IMM8,
	[0xc2] = D_IMM16 | D_64, [0xc3] = D_64,
	[0xc4 ... 0xc5] = D_MODRM | D_NO64,
	[0xc6] = D_MODRM | D_IMM8 | D_BYTE, [0xc7] = D_MODRM | D_IMMZ,
	[0xc8] = D_IMM16 | D_IMM8 | D_64, [0xc9] = D_64,
	[0xca] = D_IMM16,
	[0xcd] = D_IMM8, [0xce] = D_NO64,
	[0xd0] = D_MODRM | D_BYTE, [0xd1] = D_MODRM,
	[0xd2] = D_MODRM | D_BYTE, [0xd3] = D_MODRM,
	[0xd4 ... 0xd5] = D_IMM8 | D_NO64,
	[0xd6] = D_NO64,
	[0xd8 ... 0xdf] = D_MODRM,
	[0xe0 ... 0xe3] = D_IMM8 | D_64,
	[0xe4] = D_IMM8 | D_BYTE, [0xe5] = D_IMM8,
	[0xe6] = D_IMM8 | D_BYTE, [0xe7] = D_IMM8,
	[0xe8 ... 0xe9] = D_IMMZ | D_64,
	[0xea] = D_FAR | D_NO64,
	[0xeb] = D_IMM8 | D_64,
	[0xec] = D_BYTE, [0xee] = D_BYTE,
	[0xf6] = D_MODRM | D_BYTE, [0xf7] = D_MODRM,
	[0xfe] = D_MODRM | D_BYTE, [0xff] = D_MODRM,
};

static const u16 map_2[256] = {
	[0x00 ... 0x03] = D_MODRM,
	[0x04] = D_UD, [0x0a] = D_UD, [0x0c] = D_UD,
	[0x0d] = D_MODRM,
	[0x0f] = D_MODRM | D_IMM8,
	[0x10 ... 0x1f] = D_MODRM,
	[0x20 ... 0x23] = D_MODRM | D_REGS | D_64,
	[0x24 ... 0x27] = D_UD,
	[0x28 ... 0x2f] = D_MODRM,
	[0x36] = D_UD, [0x39] = D_UD, [0x3b ... 0x3f] = D_UD,
	[0x40 ... 0x6f] = D_MODRM,
	[0x70 ... 0x73] = D_MODRM | D_IMM8,
	[0x74 ... 0x76] = D_MODRM,
	[0x78 ... 0x7f] = D_MODRM,
	[0x80 ... 0x8f] = D_IMMZ | D_64,
	[0x90 ... 0x9f] = D_MODRM | D_BYTE,
	[0xa0 ... 0xa1] = D_64,
	[0xa3] = D_MODRM,
	[0xa4] = D_MODRM | D_IMM8,
	[0xa5] = D_MODRM,
	[0xa6 ... 0xa7] = D_UD,
	[0xa8 ... 0xa9] = D_64,
	[0xab] = D_MODRM,
	[0xac] = D_MODRM | D_IMM8,
	[0xad ... 0xaf] = D_MODRM,
	[0xb0] = D_MODRM | D_BYTE, [0xb1] = D_MODRM,
	[0xb2 ... 0xb9] = D_MODRM,
	[0xba] = D_MODRM | D_IMM8,
	[0xbb ... 0xbf] = D_MODRM,
	[0xc0] = D_MODRM | D_BYTE, [0xc1] = D_MODRM,
	[0xc2] = D_MODRM | D_IMM8,
	[0xc3] = D_MODRM,
	[0xc4 ... 0xc6] = D_MODRM | D_IMM8,
	[0xc7] = D_MODRM,
	[0xd0 ... 0xff] = D_MODRM,
};

/* The bytes, as far as they go. */
struct stream {
	const u8 *bytes;
	unsigned int at;
	unsigned int end;
};

/* A little endian number of 1 to 8 bytes; past the end it is 0. */
static u64 take(struct stream *s, unsigned int n)
{
	unsigned int i;
	u64 value = 0;

	for (i = 0; i < n; i++, s->at++)
		if (s->at < s->end)
			value |= (u64)s->bytes[s->at] << (8 * i);
	return value;
}

static u64 take_signed(struct stream *s, unsigned int n)
{
	unsigned int shift = 64 - 8 * n;

	return (u64)((s64)(take(s, n) << shift) >> shift);
}

/* Legacy prefixes in any order and number, then REX.  Returns the opcode. */
static u8 take_prefixes(struct lodge_insn *insn, struct stream *s)
{
	bool addrsize_prefix = false;
	u8 b;

	insn->opsize_prefix = false;
	insn->rep = 0;
	insn->lock = false;
	insn->rex = 0;
	insn->override = -1;

	for (;;) {
		b = take(s, 1);
		switch (b) {
		case 0x66:
			insn->opsize_prefix = true;
			break;
		case 0x67:
			addrsize_prefix = true;
			break;
		case 0xf0:
			insn->lock = true;
			break;
		case 0xf2:
		case 0xf3:
			insn->rep = b;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			/* Without effect in 64-bit mode. */
			if (insn->mode != 8)
				insn->override = (b >> 3) & 3;
			break;
		case 0x64:
		case 0x65:
			insn->override = SEG_FS + (b & 1);
			break;
		case 0x40 ... 0x4f:
			if (insn->mode != 8)
				goto out;
			insn->rex = b;
			continue;
		default:
			goto out;
		}
		/* Only a REX that is the last prefix counts. */
		insn->rex = 0;
	}
out:
	if (insn->mode == 8)
		insn->addrsize = addrsize_prefix ? 4 : 8;
	else
		insn->addrsize = addrsize_prefix ? 6 - insn->mode : insn->mode;
	return b;
}

/* Does this opcode begin an encoding that is something else altogether? */
static bool is_vex(const struct lodge_insn *insn, u8 op, u8 next)
{
	switch (op) {
	case 0x62:
	case 0xc4:
	case 0xc5:
		/* Where the old instruction exists, it has no register form. */
		return insn->mode == 8 || next >= 0xc0;
	case 0x8f:
		/* XOP: POP has /0 only. */
		return next & 0x38;
	default:
		return false;
	}
}

static void take_modrm_16(struct lodge_insn *insn, struct stream *s)
{
	static const struct {
		s8 base, index, seg;
	} form[8] = {
		{ REG_RBX, REG_RSI, SEG_DS }, { REG_RBX, REG_RDI, SEG_DS },
		{ REG_RBP, REG_RSI, SEG_SS }, { REG_RBP, REG_RDI, SEG_SS },
		{ REG_RSI, -1, SEG_DS }, { REG_RDI, -1, SEG_DS },
		{ REG_RBP, -1, SEG_SS }, { REG_RBX, -1, SEG_DS },
	};
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7;

	insn->base = form[rm].base;
	insn->index = form[rm].index;
	insn->seg = form[rm].seg;
	if (mod == 0 && rm == 6) {
		insn->base = -1;
		insn->seg = SEG_DS;
		insn->disp = take(s, 2);
	} else if (mod) {
		insn->disp = take_signed(s, mod);
	}
}

static void take_modrm_32(struct lodge_insn *insn, struct stream *s)
{
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7;
	unsigned int rex_b = insn->rex & 1 ? 8 : 0;

	insn->base = rm | rex_b;
	if (rm == 4) {
		u8 sib = take(s, 1);

		insn->scale = sib >> 6;
		insn->index = ((sib >> 3) & 7) | (insn->rex & 2 ? 8 : 0);
		if (insn->index == REG_RSP)
			insn->index = -1;
		insn->base = (sib & 7) | rex_b;
		if (mod == 0 && (sib & 7) == 5)
			insn->base = -1;
	} else if (mod == 0 && rm == 5) {
		insn->base = insn->mode == 8 ? REG_RIP_BASE : -1;
	}
	if (insn->base == REG_RSP || insn->base == REG_RBP)
		insn->seg = SEG_SS;

	if (mod == 1)
		insn->disp = take_signed(s, 1);
	else if (mod == 2 || insn->base < 0 || insn->base == REG_RIP_BASE)
		insn->disp = take_signed(s, 4);
}

static void take_modrm(struct lodge_insn *insn, struct stream *s, u16 desc)
{
	insn->modrm = take(s, 1);
	insn->reg = ((insn->modrm >> 3) & 7) | (insn->rex & 4 ? 8 : 0);
	if (insn->modrm >= 0xc0 || (desc & D_REGS)) {
		insn->rm = (insn->modrm & 7) | (insn->rex & 1 ? 8 : 0);
		return;
	}
	insn->mem = true;
	if (insn->addrsize == 2)
		take_modrm_16(insn, s);
	else
		take_modrm_32(insn, s);
}

static void take_immediate(struct lodge_insn *insn, struct stream *s, u16 desc)
{
	unsigned int z = insn->opsize == 2 ? 2 : 4;

	/* ENTER has two: the second in the bits above the first. */
	if (desc & D_IMM16)
		insn->imm = take(s, 2);
	if (desc & D_IMM8)
		insn->imm = desc & D_IMM16 ? insn->imm | take(s, 1) << 16 :
					     take_signed(s, 1);
	if (desc & D_IMMZ)
		insn->imm = take_signed(s, z);
	if (desc & D_IMMV)
		insn->imm = take(s, insn->opsize);
	if (desc & D_FAR) {
		insn->imm = take(s, z);
		insn->imm |= take(s, 2) << 32;
	}
	if (desc & D_MOFFS) {
		insn->mem = true;
		insn->disp = take(s, insn->addrsize);
	}
}

static u16 describe(struct lodge_insn *insn, struct stream *s, u8 op)
{
	u16 desc;

	insn->op = op;
	if (op != 0x0f) {
		desc = op < 0x40 ? arith_shapes[op & 7] : map_1[op];
		/* TEST has an immediate, the others of its group do not. */
		if ((op == 0xf6 || op == 0xf7) && s->at < s->end &&
		    !(s->bytes[s->at] & 0x30))
			desc |= op == 0xf6 ? D_IMM8 : D_IMMZ;
		/* CALL and JMP through memory, PUSH */
		if (op == 0xff && s->at < s->end) {
			u8 group = (s->bytes[s->at] >> 3) & 7;

			if (group == 2 || group == 4 || group == 6)
				desc |= D_64;
		}
		return desc;
	}

	op = take(s, 1);
	switch (op) {
	case 0x38:
		insn->op = MAP_0F38 | take(s, 1);
		return D_MODRM;
	case 0x3a:
		insn->op = MAP_0F3A | take(s, 1);
		return D_MODRM | D_IMM8;
	default:
		insn->op = MAP_0F | op;
		desc = map_2[op];
		/* EXTRQ and INSERTQ with two immediates, where VMREAD has none. */
		if (op == 0x78 && (insn->opsize_prefix || insn->rep == 0xf2))
			desc |= D_IMM16;
		return desc;
	}
}

enum lodge_decode lodge_decode(struct lodge_insn *insn, const u8 *bytes,
			       unsigned int n, unsigned int mode)
{
	struct stream s = { .bytes = bytes, .end = n };
	u16 desc;
	u8 op;

	if (s.end > LODGE_INSN_MAX)
		s.end = LODGE_INSN_MAX;
	insn->mode = mode;
	insn->mem = false;
	insn->modrm = 0;
	insn->reg = 0;
	insn->rm = 0;
	insn->base = -1;
	insn->index = -1;
	insn->scale = 0;
	insn->seg = SEG_DS;
	insn->disp = 0;
	insn->imm = 0;

	op = take_prefixes(insn, &s);
	if (s.at < s.end && is_vex(insn, op, bytes[s.at]))
		return DECODE_UNKNOWN;
	desc = describe(insn, &s, op);

	if (mode == 8 && (insn->rex & 8 || (desc & D_REGS)))
		insn->opsize = 8;
	else if (mode == 8 && (desc & D_64))
		insn->opsize = insn->opsize_prefix ? 2 : 8;
	else if (mode == 8)
		insn->opsize = insn->opsize_prefix ? 2 : 4;
	else if (desc & D_REGS)
		insn->opsize = 4;
	else
		insn->opsize = insn->opsize_prefix ? 6 - mode : mode;
	insn->size = desc & D_BYTE ? 1 : insn->opsize;

	insn->has_modrm = desc & D_MODRM;
	if (insn->has_modrm)
		take_modrm(insn, &s, desc);
	take_immediate(insn, &s, desc);
	if (insn->override >= 0)
		insn->seg = insn->override;

	if (s.at > s.end)
		return s.end < LODGE_INSN_MAX ? DECODE_SHORT : DECODE_LONG;
	if ((desc & D_UD) || (mode == 8 && (desc & D_NO64)))
		return DECODE_UD;
	insn->len = s.at;
	return DECODE_OK;
}
