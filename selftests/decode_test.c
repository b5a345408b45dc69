// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's instruction decoder as a program: lengths of what it must be able
 * to skip, and bytes that nobody would write.  Needs no /dev/lodge.
 *
 * Sources: kmod/vm/decode.c, included here.
 */
#include "insn_shim.h"
#include "../kmod/vm/decode.c"

static int decode(struct lodge_insn *insn, const u8 *bytes, unsigned int n,
		  unsigned int mode)
{
	return lodge_decode(insn, bytes, n, mode);
}

struct known {
	u8 mode;
	u8 len;
	u16 op;
	u8 bytes[LODGE_INSN_MAX];
};

/* As the disassembler of binutils sees them */
static const struct known corpus[] = {
	{ 8, 2, MAP_0F | 0xa2, { 0x0f, 0xa2 } },		/* cpuid */
	{ 8, 3, MAP_0F | 0xa2, { 0x66, 0x0f, 0xa2 } },
	{ 8, 4, MAP_0F | 0xa2, { 0xf3, 0x48, 0x0f, 0xa2 } },
	{ 2, 2, MAP_0F | 0xa2, { 0x0f, 0xa2 } },
	{ 8, 2, MAP_0F | 0x32, { 0x0f, 0x32 } },		/* rdmsr */
	{ 8, 2, MAP_0F | 0x30, { 0x0f, 0x30 } },		/* wrmsr */
	{ 8, 2, MAP_0F | 0x31, { 0x0f, 0x31 } },		/* rdtsc */
	{ 8, 2, MAP_0F | 0x33, { 0x0f, 0x33 } },		/* rdpmc */
	{ 8, 1, 0xf4, { 0xf4 } },				/* hlt */
	{ 8, 2, 0x90, { 0xf3, 0x90 } },				/* pause */
	{ 8, 1, 0xec, { 0xec } },				/* in */
	{ 8, 2, 0xed, { 0x66, 0xed } },
	{ 8, 2, 0xe4, { 0xe4, 0x71 } },
	{ 2, 3, 0xe5, { 0x66, 0xe5, 0x71 } },
	{ 8, 2, 0xe6, { 0xe6, 0x80 } },				/* out */
	{ 8, 3, 0x6f, { 0xf3, 0x66, 0x6f } },			/* rep outsw */
	{ 8, 3, MAP_0F | 0x20, { 0x0f, 0x20, 0xc0 } },		/* mov %cr0, */
	{ 8, 3, MAP_0F | 0x22, { 0x0f, 0x22, 0x1c } },		/* mod is ignored */
	{ 8, 4, MAP_0F | 0x22, { 0x44, 0x0f, 0x22, 0xc0 } },	/* mov , %cr8 */
	{ 8, 3, MAP_0F | 0x23, { 0x0f, 0x23, 0xf8 } },		/* mov , %dr7 */
	{ 8, 3, MAP_0F | 0x01, { 0x0f, 0x01, 0xd1 } },		/* xsetbv */
	{ 8, 3, MAP_0F | 0x01, { 0x0f, 0x01, 0xd9 } },		/* vmmcall */
	{ 8, 3, MAP_0F | 0x01, { 0x0f, 0x01, 0xc1 } },		/* vmcall */
	{ 8, 3, MAP_0F | 0x01, { 0x0f, 0x01, 0xc8 } },		/* monitor */
	{ 8, 3, MAP_0F | 0x01, { 0x0f, 0x01, 0xc9 } },		/* mwait */
	{ 8, 3, MAP_0F | 0x01, { 0x0f, 0x01, 0x38 } },		/* invlpg */
	{ 8, 7, MAP_0F | 0x01, { 0x0f, 0x01, 0x3d, 1, 2, 3, 4 } },
	{ 8, 2, MAP_0F | 0x09, { 0x0f, 0x09 } },		/* wbinvd */
	{ 8, 2, MAP_0F | 0x08, { 0x0f, 0x08 } },		/* invd */
	{ 8, 2, MAP_0F | 0x06, { 0x0f, 0x06 } },		/* clts */
	{ 8, 10, 0xb8, { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ 8, 9, 0xa1, { 0xa1, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ 8, 6, 0xa1, { 0x67, 0xa1, 1, 2, 3, 4 } },
	{ 4, 5, 0xa1, { 0xa1, 1, 2, 3, 4 } },
	{ 2, 3, 0xa1, { 0xa1, 1, 2 } },
	{ 8, 12, 0xc7, { 0x48, 0xc7, 0x84, 0x88, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ 8, 6, 0xc7, { 0x66, 0xc7, 0x45, 0xf8, 1, 2 } },
	{ 2, 6, 0xc7, { 0xc7, 0x06, 1, 2, 3, 4 } },
	{ 2, 10, 0xc7, { 0x67, 0xc7, 0x04, 0x25, 1, 2, 3, 4, 5, 6 } },
	{ 8, 7, 0xf6, { 0xf6, 0x05, 1, 2, 3, 4, 5 } },		/* test */
	{ 8, 6, 0xf6, { 0xf6, 0x15, 1, 2, 3, 4 } },		/* not */
	{ 8, 4, 0xc8, { 0xc8, 1, 2, 3 } },			/* enter */
	{ 4, 7, 0xea, { 0xea, 1, 2, 3, 4, 5, 6 } },		/* ljmp */
	{ 2, 5, 0xea, { 0xea, 1, 2, 3, 4 } },
	{ 4, 3, 0xc4, { 0xc4, 0x45, 1 } },			/* les */
	{ 8, 6, MAP_0F | 0x84, { 0x0f, 0x84, 1, 2, 3, 4 } },
	{ 8, 5, MAP_0F38 | 0xf0, { 0x0f, 0x38, 0xf0, 0x45, 1 } },
	{ 8, 6, MAP_0F3A | 0x0f, { 0x66, 0x0f, 0x3a, 0x0f, 0xc1, 1 } },
	{ 8, 9, MAP_0F | 0x1f, { 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 } },
	/* A REX prefix counts only if it is the last. */
	{ 8, 7, 0xb8, { 0x48, 0x67, 0xb8, 1, 2, 3, 4 } },
	/* The longest that there can be */
	{ 8, 15, 0x90, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			 0x66, 0x66, 0x66, 0x66, 0x66, 0x90 } },
};

TEST(lengths)
{
	struct lodge_insn insn;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(corpus); i++) {
		const struct known *k = &corpus[i];

		ASSERT_EQ(DECODE_OK, decode(&insn, k->bytes, LODGE_INSN_MAX,
					    k->mode))
			TH_LOG("entry %u", i);
		EXPECT_EQ(k->len, insn.len)
			TH_LOG("entry %u", i);
		EXPECT_EQ(k->op, insn.op)
			TH_LOG("entry %u", i);
		for (n = 0; n < k->len; n++)
			EXPECT_EQ(DECODE_SHORT,
				  decode(&insn, k->bytes, n, k->mode))
				TH_LOG("entry %u, %u bytes", i, n);
	}
}

TEST(refused)
{
	u8 prefixes[16];
	struct lodge_insn insn;

	memset(prefixes, 0x66, sizeof(prefixes));
	EXPECT_EQ(DECODE_SHORT, decode(&insn, prefixes, 14, 8));
	EXPECT_EQ(DECODE_LONG, decode(&insn, prefixes, 15, 8));
	EXPECT_EQ(DECODE_LONG, decode(&insn, prefixes, 16, 8));
	/* push %es; far call; undefined; AVX; a second page that is not there */
	EXPECT_EQ(DECODE_UD, decode(&insn, (u8 []){ 0x06 }, 1, 8));
	EXPECT_EQ(DECODE_OK, decode(&insn, (u8 []){ 0x06 }, 1, 4));
	EXPECT_EQ(DECODE_UD, decode(&insn, (u8 []){ 0x0f, 0x24, 0 }, 3, 8));
	EXPECT_EQ(DECODE_UNKNOWN,
		  decode(&insn, (u8 []){ 0xc5, 0xfe, 0x6f, 0 }, 4, 8));
	EXPECT_EQ(DECODE_SHORT, decode(&insn, (u8 []){ 0x48 }, 1, 8));
	EXPECT_EQ(DECODE_SHORT, decode(&insn, NULL, 0, 8));
}

TEST(operands)
{
	struct lodge_insn insn;

	/* mov %r9d, -8(%r12,%r10,4) */
	ASSERT_EQ(DECODE_OK,
		  decode(&insn, (u8 []){ 0x47, 0x89, 0x4c, 0x94, 0xf8 }, 5, 8));
	EXPECT_EQ(REG_R9, insn.reg);
	EXPECT_EQ(REG_R12, insn.base);
	EXPECT_EQ(REG_R10, insn.index);
	EXPECT_EQ(2, insn.scale);
	EXPECT_EQ(-8ULL, insn.disp);
	EXPECT_EQ(SEG_DS, insn.seg);
	EXPECT_EQ(4, insn.size);
	/* cmpb $-1, %fs:(%bp,%di) in 16-bit code */
	ASSERT_EQ(DECODE_OK,
		  decode(&insn, (u8 []){ 0x64, 0x80, 0x3b, 0xff }, 4, 2));
	EXPECT_EQ(REG_RBP, insn.base);
	EXPECT_EQ(REG_RDI, insn.index);
	EXPECT_EQ(SEG_FS, insn.seg);
	EXPECT_EQ(1, insn.size);
	EXPECT_EQ(-1ULL, insn.imm);
	/* The stack segment comes with the base, in 64-bit code as well. */
	ASSERT_EQ(DECODE_OK, decode(&insn, (u8 []){ 0x8b, 0x45, 0 }, 3, 8));
	EXPECT_EQ(SEG_SS, insn.seg);
}

TEST(garbage)
{
	u64 seed = 0x123456789abcdefULL;
	struct lodge_insn insn, again;
	unsigned int i, n, mode;
	u8 bytes[16];
	int ret;

	for (n = 0; n < 300000; n++) {
		for (i = 0; i < 16; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			bytes[i] = seed >> 24;
		}
		if (seed & 1)
			bytes[0] = 0x0f;
		mode = 2 << n % 3;
		ret = decode(&insn, bytes, 16, mode);
		ASSERT_NE(DECODE_SHORT, ret);
		if (ret != DECODE_OK)
			continue;
		ASSERT_LE(1, insn.len);
		ASSERT_GE(LODGE_INSN_MAX, insn.len);
		ASSERT_TRUE(insn.reg < NR_REGS && insn.rm < NR_REGS);
		ASSERT_TRUE(insn.base <= REG_RIP_BASE && insn.index < NR_REGS);
		ASSERT_TRUE(insn.seg >= SEG_ES && insn.seg <= SEG_GS);
		/* Neither more nor fewer bytes make a difference. */
		ASSERT_EQ(DECODE_OK, decode(&again, bytes, insn.len, mode));
		ASSERT_EQ(insn.len, again.len);
		ASSERT_EQ(DECODE_SHORT,
			  decode(&again, bytes, insn.len - 1, mode));
	}
}

TEST_HARNESS_MAIN
