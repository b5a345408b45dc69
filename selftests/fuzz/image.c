// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowest 64 KiB of a guest's memory: tables for every mode, and handlers
 * that step over what faulted, so that a random stream of instructions goes on.
 */
#include <string.h>
#include "fuzz.h"

#define STUB_SIZE	16

static void put64(u8 *image, u32 at, u64 value)
{
	memcpy(image + at, &value, sizeof(value));
}

static void put32(u8 *image, u32 at, u32 value)
{
	memcpy(image + at, &value, sizeof(value));
}

static void make_tables(u8 *image)
{
	const u64 table = 7, huge = 0x87;
	int i;

	put64(image, F_PML5, F_PML4 | table);
	put64(image, F_PML4, F_PDPT | table);
	/* The same memory at the upper end. */
	put64(image, F_PML4 + 8 * 511, F_PDPT | table);
	put64(image, F_PDPT + 8 * 511, (F_PD + 0x3000) | table);
	for (i = 0; i < 4; i++) {
		put64(image, F_PDPT + 8 * i, (F_PD + 0x1000 * i) | table);
		put64(image, F_PDPT_PAE + 8 * i, (F_PD + 0x1000 * i) | 1);
	}
	for (i = 0; i < 2048; i++)
		put64(image, F_PD + 8 * i, ((u64)i << 21) | huge);
	/* The lowest 2 MiB in single pages. */
	put64(image, F_PD, F_PT | table);
	for (i = 0; i < 512; i++)
		put64(image, F_PT + 8 * i, ((u64)i << 12) | table);
	for (i = 0; i < 1024; i++)
		put32(image, F_PD32 + 4 * i, ((u32)i << 22) | huge);
}

static bool has_error(int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 ||
	       vector == 21 || vector == 29 || vector == 30;
}

/* Past one byte of the instruction at a time, whatever it was. */
static const u8 skip64[] = { 0x48, 0x83, 0x04, 0x24, 0x01, 0x48, 0xcf };

static const u8 skip64_error[] = {
	0x48, 0x83, 0xc4, 0x08, 0x48, 0x83, 0x04, 0x24, 0x01, 0x48, 0xcf
};

static const u8 skip32[] = { 0x83, 0x04, 0x24, 0x01, 0xcf };

static const u8 skip32_error[] = {
	0x83, 0xc4, 0x04, 0x83, 0x04, 0x24, 0x01, 0xcf
};

static const u8 skip16[] = {
	0x55, 0x89, 0xe5, 0x83, 0x46, 0x02, 0x01, 0x5d, 0xcf
};

/* An interrupt: the end of it is written to the local APIC, then IRET. */
static const u8 end64[] = {
	0xc7, 0x04, 0x25, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0, 0x48, 0xcf
};

static const u8 end32[] = {
	0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0, 0xcf
};

static const u8 end16[] = { 0xcf };

enum stub { S64, S64E, S32, S32E, S16, I64, I32, I16, NR_STUBS };

static u32 stub_at(enum stub which)
{
	return F_STUBS + STUB_SIZE * which;
}

static void make_stubs(u8 *image)
{
	static const struct {
		const u8 *code;
		size_t size;
	} stubs[NR_STUBS] = {
		[S64] = { skip64, sizeof(skip64) },
		[S64E] = { skip64_error, sizeof(skip64_error) },
		[S32] = { skip32, sizeof(skip32) },
		[S32E] = { skip32_error, sizeof(skip32_error) },
		[S16] = { skip16, sizeof(skip16) },
		[I64] = { end64, sizeof(end64) },
		[I32] = { end32, sizeof(end32) },
		[I16] = { end16, sizeof(end16) },
	};
	u32 to64, to32;
	int i;

	for (i = 0; i < NR_STUBS; i++)
		memcpy(image + stub_at(i), stubs[i].code, stubs[i].size);
	for (i = 0; i < 256; i++) {
		to64 = stub_at(i >= 32 ? I64 : has_error(i) ? S64E : S64);
		put64(image, F_IDT64 + 16 * i, to64 | SEL_CODE64 << 16 |
		      0xee00ULL << 32);
		to32 = stub_at(i >= 32 ? I32 : has_error(i) ? S32E : S32);
		put64(image, F_IDT32 + 8 * i, to32 | SEL_CODE32 << 16 |
		      0xee00ULL << 32);
		put32(image, 4 * i, stub_at(i >= 32 ? I16 : S16));
	}
}

static void make_descriptors(u8 *image)
{
	static const u64 gdt[] = {
		[SEL_CODE64 / 8] = 0x00af9b000000ffff,
		[SEL_DATA / 8] = 0x00cf93000000ffff,
		[SEL_TSS / 8] = 0x00008b0000000067 | (u64)F_TSS << 16,
		[SEL_CODE32 / 8] = 0x00cf9b000000ffff,
		[SEL_CODE16 / 8] = 0x00009b000000ffff | (u64)F_CODE << 16,
		[SEL_DATA16 / 8] = 0x000093000000ffff,
		[SEL_USER_DATA / 8] = 0x00cff3000000ffff,
		[SEL_USER_CODE64 / 8] = 0x00affb000000ffff,
		[SEL_USER_CODE32 / 8] = 0x00cffb000000ffff,
		[SEL_ABSENT / 8] = 0x00cf13000000ffff,
		[SEL_SMALL / 8] = 0x0040930000000fff,
		[15] = 0,
	};

	memcpy(image + F_GDT, gdt, sizeof(gdt));
	/* Stacks for level 0 and for IST 1, in either format of a TSS. */
	put64(image, F_TSS + 4, F_STACK + 0x6000);
	put32(image, F_TSS + 8, SEL_DATA);
	put64(image, F_TSS + 0x24, F_STACK + 0x3000);
}

void image_build(void *image)
{
	memset(image, 0, IMAGE_SIZE);
	make_tables(image);
	make_stubs(image);
	make_descriptors(image);
}
