// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's walk through a guest's page tables as a program, with tables made
 * by hand in all paging modes.  Needs no /dev/lodge.
 *
 * Sources: kmod/vm/walk.c, included here.
 */
#include "insn_shim.h"
#include "../kmod/vm/walk.c"

#define SAME(want, seen)	EXPECT_EQ((u64)(want), (u64)(seen))

#define P	1ULL
#define W	2ULL
#define U	4ULL
#define A	0x20ULL
#define D	0x40ULL
#define PS	0x80ULL
#define NX	BIT_ULL(63)
#define KEY(n)	((u64)(n) << 59)
#define PWU	(P | W | U)

#define LONG_CR4	C4_PAE
#define LONG_EFER	(EF_LMA | EF_NXE)

static u8 memory[16 * 4096];
static struct lodge_paging paging;
static struct lodge_fault fault;
static u64 gpa;
static int changes;		/* how often somebody else is faster */

static int read_entry(struct lodge_paging *p, u64 at, u64 *entry, int size)
{
	if (at + size > sizeof(memory))
		return EXEC_STOP;
	memcpy(entry, memory + at, size);
	return EXEC_DONE;
}

static int replace_entry(struct lodge_paging *p, u64 at, u64 old, u64 new,
			 int size)
{
	if (changes) {
		changes--;
		return 1;
	}
	if (memcmp(memory + at, &old, size))
		abort();
	memcpy(memory + at, &new, size);
	return 0;
}

static void put(u64 table, unsigned int index, u64 entry)
{
	memcpy(memory + table + 8 * index, &entry, 8);
}

static void put32(u64 table, unsigned int index, u32 entry)
{
	memcpy(memory + table + 4 * index, &entry, 4);
}

static u64 entry(u64 table, unsigned int index)
{
	u64 value;

	memcpy(&value, memory + table + 8 * index, 8);
	return value;
}

static void setup(u64 cr4, u64 efer)
{
	memset(memory, 0, sizeof(memory));
	memset(&fault, 0, sizeof(fault));
	changes = 0;
	paging = (struct lodge_paging){
		.cr0 = C0_PE | C0_PG | C0_WP,
		.cr3 = 0x1000,
		.cr4 = cr4,
		.efer = efer,
		.phys_bits = 40,
		.read = read_entry,
		.replace = replace_entry,
	};
}

static int walk(u64 linear, u32 access)
{
	gpa = -1;
	return lodge_walk(&paging, linear, access, &gpa, &fault);
}

/* ffff800000000000 is at entries 256, 0, 0, 0. */
#define KERNEL	0xffff800000000000ULL

static void four_levels(u64 leaf)
{
	setup(LONG_CR4, LONG_EFER);
	put(0x1000, 256, 0x2000 | PWU);
	put(0x2000, 0, 0x3000 | PWU);
	put(0x3000, 0, 0x4000 | PWU);
	put(0x4000, 5, leaf);
}

TEST(no_paging)
{
	setup(0, 0);
	paging.cr0 = C0_PE;
	SAME(EXEC_DONE, walk(0x12345678, ACCESS_WRITE));
	SAME(0x12345678, gpa);
	/* Addresses wrap at 4 GiB. */
	SAME(EXEC_DONE, walk(0x100000010ULL, 0));
	SAME(0x10, gpa);
}

TEST(levels4)
{
	four_levels(0xab000 | PWU);
	SAME(EXEC_DONE, walk(KERNEL + 0x5123, ACCESS_PEEK));
	SAME(0xab123, gpa);
	SAME(0x2000 | PWU, entry(0x1000, 256));
	SAME(0xab000 | PWU, entry(0x4000, 5));

	SAME(EXEC_DONE, walk(KERNEL + 0x5123, 0));
	SAME(0xab123, gpa);
	SAME(0x2000 | PWU | A, entry(0x1000, 256));
	SAME(0x3000 | PWU | A, entry(0x2000, 0));
	SAME(0x4000 | PWU | A, entry(0x3000, 0));
	SAME(0xab000 | PWU | A, entry(0x4000, 5));

	SAME(EXEC_DONE, walk(KERNEL + 0x5fff, ACCESS_WRITE));
	SAME(0xabfff, gpa);
	SAME(0x4000 | PWU | A, entry(0x3000, 0));
	SAME(0xab000 | PWU | A | D, entry(0x4000, 5));
	/* CR3's other bits do not matter. */
	paging.cr3 |= 0x8000000000000fffULL;
	SAME(EXEC_DONE, walk(KERNEL + 0x5000, 0));

	/* Not there, at every level; nothing is marked as used for it. */
	SAME(EXEC_FAULT, walk(KERNEL + 0x6123, ACCESS_WRITE));
	SAME(VECTOR_PF, fault.vector);
	EXPECT_TRUE(fault.has_error);
	SAME(PFE_W, fault.error);
	SAME(KERNEL + 0x6123, fault.cr2);
	SAME(EXEC_FAULT, walk(KERNEL + 0x200000, 0));
	SAME(0, fault.error);
	SAME(EXEC_FAULT, walk(KERNEL + 0x40000000, ACCESS_FETCH));
	SAME(PFE_ID, fault.error);
	paging.cpl = 3;
	SAME(EXEC_FAULT, walk(0, 0));
	SAME(PFE_U, fault.error);

	/* Tables that are not memory */
	put(0x3000, 0, 0xff00000 | PWU);
	SAME(EXEC_STOP, walk(KERNEL + 0x5000, 0));
}

TEST(large_pages)
{
	four_levels(0);
	put(0x3000, 0, 0x40200000 | PWU | PS);
	SAME(EXEC_DONE, walk(KERNEL + 0x123456, ACCESS_WRITE));
	SAME(0x40323456, gpa);
	SAME(0x40200000 | PWU | PS | A | D, entry(0x3000, 0));
	/* PAT, at bit 12 here, is no part of the address. */
	put(0x3000, 0, 0x40201000 | PWU | PS);
	SAME(EXEC_DONE, walk(KERNEL + 0x123456, 0));
	SAME(0x40323456, gpa);
	put(0x3000, 0, 0x40202000 | PWU | PS);
	SAME(EXEC_FAULT, walk(KERNEL + 0x123456, 0));
	SAME(PFE_P | PFE_RSVD, fault.error);

	put(0x2000, 0, 0xc0000000 | PWU | PS);
	SAME(EXEC_DONE, walk(KERNEL + 0x12345678, 0));
	SAME(0xd2345678, gpa);
	put(0x2000, 0, 0xc0200000 | PWU | PS);
	SAME(EXEC_FAULT, walk(KERNEL + 0x12345678, 0));
	SAME(PFE_P | PFE_RSVD, fault.error);
	/* There is nothing larger. */
	put(0x1000, 256, 0x2000 | PWU | PS);
	SAME(EXEC_FAULT, walk(KERNEL, 0));
	SAME(PFE_P | PFE_RSVD, fault.error);
}

TEST(levels5)
{
	u64 linear = 0xff00000000000000ULL + 0x5040;

	setup(LONG_CR4 | C4_LA57, LONG_EFER);
	put(0x1000, 256, 0x5000 | PWU);
	put(0x5000, 0, 0x2000 | PWU);
	put(0x2000, 0, 0x3000 | PWU);
	put(0x3000, 0, 0x4000 | PWU);
	put(0x4000, 5, 0x77000 | PWU);
	SAME(EXEC_DONE, walk(linear, ACCESS_WRITE));
	SAME(0x77040, gpa);
	SAME(0x5000 | PWU | A, entry(0x1000, 256));
	SAME(0x77000 | PWU | A | D, entry(0x4000, 5));
	put(0x1000, 256, 0x5000 | PWU | PS);
	SAME(EXEC_FAULT, walk(linear, ACCESS_WRITE));
	SAME(PFE_P | PFE_RSVD | PFE_W, fault.error);
}

TEST(pae)
{
	setup(C4_PAE, EF_NXE);
	/* 32 bytes long, aligned to that */
	paging.cr3 = 0x1060;
	put(0x1060, 3, 0x2000 | P);
	put(0x2000, 511, 0x3000 | PWU);
	put(0x3000, 511, 0x5512345000ULL | PWU);
	SAME(EXEC_DONE, walk(0xfffff123, ACCESS_WRITE));
	SAME(0x5512345123ULL, gpa);
	/* The first level has no accessed bit. */
	SAME(0x2000 | P, entry(0x1060, 3));
	SAME(0x3000 | PWU | A, entry(0x2000, 511));
	SAME(0x5512345000ULL | PWU | A | D, entry(0x3000, 511));
	put(0x2000, 511, 0x33200000 | PWU | PS);
	SAME(EXEC_DONE, walk(0xffffffff, 0));
	SAME(0x333fffff, gpa);

	SAME(EXEC_FAULT, walk(0x80000000, 0));
	SAME(0, fault.error);
	put(0x1060, 3, 0x2000 | P | W);
	SAME(EXEC_FAULT, walk(0xfffff123, 0));
	SAME(PFE_P | PFE_RSVD, fault.error);
	put(0x1060, 3, 0x2000 | P);
	put(0x2000, 511, 0x3000 | PWU | 1ULL << 62);
	SAME(EXEC_FAULT, walk(0xfffff123, 0));
	SAME(PFE_P | PFE_RSVD, fault.error);
}

TEST(levels2)
{
	setup(0, 0);
	put32(0x1000, 1023, 0x2000 | PWU);
	put32(0x2000, 1023, 0xfedcb000 | PWU);
	SAME(EXEC_DONE, walk(0xfffffabc, ACCESS_WRITE));
	SAME(0xfedcbabc, gpa);
	/* Entries have 4 bytes: nothing else is touched. */
	SAME(0x2000ULL << 32 | (PWU | A) << 32, entry(0x1000, 511));
	/* Without PSE, the bit says nothing. */
	put32(0x1000, 1023, 0x2000 | PWU | PS);
	SAME(EXEC_DONE, walk(0xfffffabc, 0));
	SAME(0xfedcbabc, gpa);
	paging.cr4 = C4_PSE;
	put32(0x1000, 1023, 0x40000000 | 0xab << 13 | PWU | PS);
	SAME(EXEC_DONE, walk(0xfffffabc, 0));
	SAME(0xab403ffabcULL, gpa);
	put32(0x1000, 1023, 0x40000000 | 1 << 21 | PWU | PS);
	SAME(EXEC_FAULT, walk(0xfffffabc, 0));
	SAME(PFE_P | PFE_RSVD, fault.error);
	/* Fetches are not told apart where there is no NX. */
	SAME(EXEC_FAULT, walk(0, ACCESS_FETCH));
	SAME(0, fault.error);
}

TEST(reserved)
{
	static const u64 tables[] = { 0x1000, 0x2000, 0x3000, 0x4000 };
	static const unsigned int indices[] = { 256, 0, 0, 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		u64 was;

		four_levels(0xab000 | PWU);
		was = entry(tables[i], indices[i]);
		put(tables[i], indices[i], was | 1ULL << 40);
		SAME(EXEC_FAULT, walk(KERNEL + 0x5000, ACCESS_WRITE));
		SAME(PFE_P | PFE_RSVD | PFE_W, fault.error);
		/* NX is reserved unless it is switched on. */
		put(tables[i], indices[i], was | NX);
		SAME(EXEC_DONE, walk(KERNEL + 0x5000, 0));
		paging.efer = EF_LMA;
		SAME(EXEC_FAULT, walk(KERNEL + 0x5000, 0));
		SAME(PFE_P | PFE_RSVD, fault.error);
		/* Free for software */
		put(tables[i], indices[i], was | 0x7ffULL << 52 | 0xe00);
		SAME(EXEC_DONE, walk(KERNEL + 0x5000, 0));
	}
}

struct right {
	u64 upper, leaf;	/* bits of a table's entry, and of the page's */
	u8 cpl;
	u32 access;
	u64 cr0, cr4, rflags;
	u32 pkru;
	u32 error;		/* 0: allowed */
};

#define NO	PFE_P
#define WP	C0_WP

static const struct right right_table[] = {
	/* The program's own */
	{ PWU, PWU, 3, 0, WP, 0, 0, 0, 0 },
	{ PWU, PWU, 3, ACCESS_WRITE, WP, 0, 0, 0, 0 },
	{ PWU, P | U, 3, ACCESS_WRITE, WP, 0, 0, 0, NO | PFE_W | PFE_U },
	{ PWU, P | U, 3, ACCESS_WRITE, 0, 0, 0, 0, NO | PFE_W | PFE_U },
	{ P | U, PWU, 3, ACCESS_WRITE, WP, 0, 0, 0, NO | PFE_W | PFE_U },
	{ P | U, PWU, 3, 0, WP, 0, 0, 0, 0 },
	{ PWU, P | W, 3, 0, WP, 0, 0, 0, NO | PFE_U },
	{ P | W, PWU, 3, 0, WP, 0, 0, 0, NO | PFE_U },
	{ PWU, P | W, 3, ACCESS_FETCH, WP, 0, 0, 0, NO | PFE_U | PFE_ID },
	{ PWU, PWU, 3, ACCESS_FETCH, WP, 0, 0, 0, 0 },
	{ PWU, PWU | NX, 3, ACCESS_FETCH, WP, 0, 0, 0, NO | PFE_U | PFE_ID },
	{ PWU | NX, PWU, 3, ACCESS_FETCH, WP, 0, 0, 0, NO | PFE_U | PFE_ID },
	{ PWU | NX, PWU, 3, ACCESS_WRITE, WP, 0, 0, 0, 0 },
	/* The processor's own accesses are not the program's. */
	{ PWU, P | W, 3, ACCESS_SYSTEM, WP, 0, 0, 0, 0 },
	{ PWU, P, 3, ACCESS_SYSTEM | ACCESS_WRITE, WP, 0, 0, 0, NO | PFE_W },
	/* The kernel's */
	{ PWU, P, 0, ACCESS_WRITE, WP, 0, 0, 0, NO | PFE_W },
	{ PWU, P, 0, ACCESS_WRITE, 0, 0, 0, 0, 0 },
	{ P | U, P | U, 0, ACCESS_WRITE, 0, 0, 0, 0, 0 },
	{ PWU, P | U, 0, ACCESS_WRITE, WP, 0, 0, 0, NO | PFE_W },
	{ PWU, P | W | NX, 0, ACCESS_FETCH, WP, 0, 0, 0, NO | PFE_ID },
	{ PWU, P | W, 2, 0, WP, 0, 0, 0, 0 },
	/* SMEP */
	{ PWU, PWU, 0, ACCESS_FETCH, WP, 0, 0, 0, 0 },
	{ PWU, PWU, 0, ACCESS_FETCH, WP, C4_SMEP, 0, 0, NO | PFE_ID },
	{ P | W, PWU, 0, ACCESS_FETCH, WP, C4_SMEP, 0, 0, 0 },
	{ PWU, PWU, 3, ACCESS_FETCH, WP, C4_SMEP, 0, 0, 0 },
	/* SMAP */
	{ PWU, PWU, 0, 0, WP, C4_SMAP, 0, 0, NO },
	{ PWU, PWU, 0, ACCESS_WRITE, WP, C4_SMAP, 0, 0, NO | PFE_W },
	{ PWU, PWU, 0, ACCESS_WRITE, WP, C4_SMAP, RF_AC, 0, 0 },
	{ PWU, P | U, 0, ACCESS_WRITE, WP, C4_SMAP, RF_AC, 0, NO | PFE_W },
	{ PWU, PWU, 0, ACCESS_SYSTEM, WP, C4_SMAP, RF_AC, 0, NO },
	{ PWU, PWU, 3, ACCESS_SYSTEM, WP, C4_SMAP, RF_AC, 0, NO },
	{ PWU, PWU, 3, 0, WP, C4_SMAP, 0, 0, 0 },
	{ PWU, P | W, 0, ACCESS_WRITE, WP, C4_SMAP, 0, 0, 0 },
	{ PWU, PWU, 0, ACCESS_FETCH, WP, C4_SMAP, 0, 0, 0 },
	/* Protection keys */
	{ PWU, PWU | KEY(2), 3, 0, WP, 0, 0, 0x10, 0 },
	{ PWU, PWU | KEY(2), 3, 0, WP, C4_PKE, 0, 0x10, NO | PFE_U | PFE_PK },
	{ PWU, PWU | KEY(2), 3, 0, WP, C4_PKE, 0, 0x20, 0 },
	{ PWU, PWU | KEY(2), 3, ACCESS_WRITE, WP, C4_PKE, 0, 0x20,
	  NO | PFE_U | PFE_W | PFE_PK },
	{ PWU, PWU | KEY(3), 3, ACCESS_WRITE, WP, C4_PKE, 0, 0x30, 0 },
	{ PWU, PWU | KEY(2), 3, ACCESS_FETCH, WP, C4_PKE, 0, 0x30, 0 },
	{ PWU, PWU | KEY(2), 0, ACCESS_WRITE, WP, C4_PKE, 0, 0x20,
	  NO | PFE_W | PFE_PK },
	{ PWU, PWU | KEY(2), 0, ACCESS_WRITE, 0, C4_PKE, 0, 0x20, 0 },
	{ P | W, PWU | KEY(2), 0, ACCESS_WRITE, WP, C4_PKE, 0, 0x30, 0 },
	/* For ourselves there is nothing that is not allowed. */
	{ P, P | NX, 3, ACCESS_FETCH | ACCESS_PEEK, WP, C4_SMEP, 0, 0, 0 },
};

TEST(rights)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(right_table); i++) {
		const struct right *r = &right_table[i];
		int want = r->error ? EXEC_FAULT : EXEC_DONE;

		four_levels(0xab000 | r->leaf);
		put(0x2000, 0, 0x3000 | r->upper);
		paging.cr0 = C0_PE | C0_PG | r->cr0;
		paging.cr4 |= r->cr4;
		paging.rflags = r->rflags;
		paging.pkru = r->pkru;
		paging.cpl = r->cpl;
		SAME(want, walk(KERNEL + 0x5000, r->access))
			TH_LOG("row %u", i);
		if (!want)
			continue;
		SAME(r->error, fault.error)
			TH_LOG("row %u", i);
		/* What is not allowed leaves no trace. */
		SAME(0, entry(0x4000, 5) & (A | D));
		SAME(0, entry(0x1000, 256) & A);
	}
}

TEST(others_change_tables)
{
	four_levels(0xab000 | PWU);
	changes = 3;
	SAME(EXEC_DONE, walk(KERNEL + 0x5000, ACCESS_WRITE));
	SAME(0xab000 | PWU | A | D, entry(0x4000, 5));

	/* It ends, however long they go on. */
	four_levels(0xab000 | PWU);
	changes = 1000000;
	SAME(EXEC_STOP, walk(KERNEL + 0x5000, ACCESS_WRITE));
	EXPECT_LT(999900, changes);
}

TEST_HARNESS_MAIN
