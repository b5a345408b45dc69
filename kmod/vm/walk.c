// SPDX-License-Identifier: GPL-2.0-only
/*
 * From linear to physical addresses by the guest's own page tables, in all
 * modes that there are (AMD APM vol. 2, 5; Intel SDM vol. 3, 4).
 */
#include "insn.h"

#define E_P		BIT_ULL(0)
#define E_W		BIT_ULL(1)
#define E_U		BIT_ULL(2)
#define E_A		BIT_ULL(5)
#define E_D		BIT_ULL(6)
#define E_PS		BIT_ULL(7)
#define E_NX		BIT_ULL(63)
#define E_KEY_SHIFT	59
#define E_ADDR		0x000ffffffffff000ULL

#define PFE_P		BIT(0)
#define PFE_W		BIT(1)
#define PFE_U		BIT(2)
#define PFE_RSVD		BIT(3)
#define PFE_ID		BIT(4)
#define PFE_PK		BIT(5)

/* How often a walk starts again because somebody changes the tables under it. */
#define MAX_TRIES	16

/**
 * struct format - a format of page tables
 * @levels: how many there are
 * @entry_size: bytes
 * @index_bits: how many bits of an address select an entry
 * @root: the bits of CR3 that say where the first table is
 * @address: the bits of an entry that say where the next table or the page is
 */
struct format {
	u8 levels;
	u8 entry_size;
	u8 index_bits;
	u64 root;
	u64 address;
};

static const struct format format_32 = { 2, 4, 10, 0xfffff000, 0xfffff000 };
static const struct format format_pae = { 3, 8, 9, 0xffffffe0, E_ADDR };
static const struct format format_4 = { 4, 8, 9, E_ADDR, E_ADDR };
static const struct format format_5 = { 5, 8, 9, E_ADDR, E_ADDR };

/**
 * struct walk - where a walk is
 * @format: the format of the tables
 * @entry: entries, by level - 1
 * @where: where these are
 * @leaf: level of the last entry
 * @reserved: bits that must be zero in all entries
 * @all: bits that all entries have
 * @nx: an entry forbids execution
 */
struct walk {
	const struct format *format;
	u64 entry[5], where[5];
	int leaf;
	u64 reserved;
	u64 all;
	bool nx;
};

static const struct format *choose_format(const struct lodge_paging *p)
{
	if (!(p->cr4 & C4_PAE))
		return &format_32;
	if (!(p->efer & EF_LMA))
		return &format_pae;
	return p->cr4 & C4_LA57 ? &format_5 : &format_4;
}

/* The first level of PAE paging has rules of its own. */
static bool is_pdpte(const struct walk *w, int level)
{
	return level == 3 && w->format == &format_pae;
}

/* Is an entry above level 1 that has the page size bit a leaf? */
static bool is_large(const struct lodge_paging *p, const struct walk *w,
		     int level)
{
	if (w->format == &format_32)
		return p->cr4 & C4_PSE;
	return level <= 3 && !is_pdpte(w, level);
}

/* Bits that must be zero in a present entry, whatever its level */
static u64 reserved_always(const struct lodge_paging *p, const struct format *f)
{
	u64 bits;

	if (f == &format_32)
		return 0;
	bits = E_ADDR & ~(BIT_ULL(p->phys_bits) - 1);
	if (!(p->efer & EF_NXE))
		bits |= E_NX;
	if (f == &format_pae)
		bits |= 0x7ff0000000000000ULL;
	return bits;
}

/* Those that must be zero too, above level 1 */
static u64 reserved_here(const struct lodge_paging *p, const struct walk *w,
			 int level, bool leaf)
{
	u64 bits;

	if (w->format == &format_32) {
		if (!leaf)
			return 0;
		/* Bits 20 to 13 of a 4 MiB page are bits 39 to 32 of it. */
		bits = BIT_ULL(21);
		if (p->phys_bits < 40)
			bits |= (0xffULL << (p->phys_bits - 32) & 0xff) << 13;
		return bits;
	}
	/*
	 * Bit 5 is reserved too, but emulated processors treat it as the
	 * accessed bit that it is elsewhere; no guest sets it itself.
	 */
	if (is_pdpte(w, level))
		return E_NX | 0x1c6;
	if (leaf)
		return (BIT_ULL(12 + 9 * (level - 1)) - 1) & ~0x1fffULL;
	return level >= 4 ? E_PS : 0;
}

static unsigned int shift_of(const struct walk *w, int level)
{
	return 12 + w->format->index_bits * (level - 1);
}

static u64 leaf_address(const struct walk *w, u64 linear)
{
	u64 entry = w->entry[w->leaf - 1];
	u64 offset = BIT_ULL(shift_of(w, w->leaf)) - 1;

	if (w->format != &format_32)
		return (entry & E_ADDR & ~offset) | (linear & offset);
	if (w->leaf == 1)
		return (entry & 0xfffff000) | (linear & offset);
	return (entry & 0xffc00000) | ((entry >> 13) & 0xff) << 32 |
	       (linear & offset);
}

static int page_fault(const struct lodge_paging *p, u64 linear, u32 access,
		      u32 error, struct lodge_fault *fault)
{
	if (access & ACCESS_WRITE)
		error |= PFE_W;
	if (p->cpl == 3 && !(access & ACCESS_SYSTEM))
		error |= PFE_U;
	if ((access & ACCESS_FETCH) &&
	    ((p->cr4 & C4_SMEP) ||
	     ((p->cr4 & C4_PAE) && (p->efer & EF_NXE))))
		error |= PFE_ID;
	fault->vector = VECTOR_PF;
	fault->has_error = true;
	fault->error = error;
	fault->cr2 = linear;
	return EXEC_FAULT;
}

/* Intel SDM vol. 3, 4.6.2: what protection keys forbid. */
static bool key_forbids(const struct lodge_paging *p, const struct walk *w,
			u32 access)
{
	unsigned int key = w->entry[w->leaf - 1] >> E_KEY_SHIFT & 0xf;
	u32 rights = p->pkru >> (2 * key);
	bool as_user = p->cpl == 3 && !(access & ACCESS_SYSTEM);

	if (!(p->cr4 & C4_PKE) || !(p->efer & EF_LMA) || !(w->all & E_U) ||
	    (access & ACCESS_FETCH))
		return false;
	if (rights & 1)
		return true;
	return (rights & 2) && (access & ACCESS_WRITE) &&
	       (as_user || (p->cr0 & C0_WP));
}

/* Intel SDM vol. 3, 4.6.1. Returns 0 or bits of the error code. */
static u32 check_rights(const struct lodge_paging *p, const struct walk *w,
			u32 access)
{
	bool user = w->all & E_U, write = w->all & E_W, ok = true;
	u32 error;

	error = key_forbids(p, w, access) ? PFE_PK | PFE_P : 0;
	if (p->cpl == 3 && !(access & ACCESS_SYSTEM)) {
		ok = user;
		if (access & ACCESS_WRITE)
			ok = ok && write;
	} else if (access & ACCESS_FETCH) {
		ok = !(user && (p->cr4 & C4_SMEP));
	} else {
		/* SMAP: only what the program asks for itself can set AC aside. */
		if (user && (p->cr4 & C4_SMAP) &&
		    ((access & ACCESS_SYSTEM) || !(p->rflags & RF_AC)))
			ok = false;
		if ((access & ACCESS_WRITE) && (p->cr0 & C0_WP))
			ok = ok && write;
	}
	if ((access & ACCESS_FETCH) && w->nx)
		ok = false;
	return ok ? error : error | PFE_P;
}

/*
 * The processor notes that it has used an entry.  1: an entry has changed under
 * us, and perhaps says something else now.
 */
static int set_accessed(struct lodge_paging *p, const struct walk *w, u32 access)
{
	u64 dirty = access & ACCESS_WRITE ? E_D : 0;
	int level, ret;

	/* Nearly always, it has been noted before. */
	if ((w->all & E_A) && (w->entry[w->leaf - 1] & dirty) == dirty)
		return 0;

	for (level = w->format->levels; level >= w->leaf; level--) {
		u64 entry = w->entry[level - 1], bits = E_A;

		if (is_pdpte(w, level))
			continue;
		if (level == w->leaf)
			bits |= dirty;
		if ((entry & bits) == bits)
			continue;
		ret = p->replace(p, w->where[level - 1], entry, entry | bits,
				 w->format->entry_size);
		if (ret)
			return ret;
	}
	return 0;
}

/* Down to the leaf. */
static int descend(struct lodge_paging *p, struct walk *w, u64 linear,
		   u32 access, struct lodge_fault *fault)
{
	const struct format *f = w->format;
	u64 table = p->cr3 & f->root;
	u64 mask = BIT_ULL(f->index_bits) - 1;
	int level, ret;

	for (level = f->levels; level; level--) {
		u64 where, entry = 0, reserved = w->reserved;
		bool leaf = level == 1;

		/* Linear addresses of PAE have 32 bits: 2 of them are left. */
		where = table + ((linear >> shift_of(w, level)) & mask) *
				f->entry_size;
		ret = p->read(p, where, &entry, f->entry_size);
		if (ret)
			return ret;
		w->where[level - 1] = where;
		w->entry[level - 1] = entry;
		w->leaf = level;

		if (!(entry & E_P))
			return page_fault(p, linear, access, 0, fault);
		if (!leaf) {
			leaf = (entry & E_PS) && is_large(p, w, level);
			reserved |= reserved_here(p, w, level, leaf);
		}
		if (entry & reserved)
			return page_fault(p, linear, access, PFE_P | PFE_RSVD,
					  fault);
		if (!is_pdpte(w, level))
			w->all &= entry;
		if ((entry & E_NX) && f != &format_32)
			w->nx = true;
		if (leaf)
			break;
		table = entry & f->address;
	}
	return EXEC_DONE;
}

static int walk_once(struct lodge_paging *p, u64 linear, u32 access, u64 *gpa,
		     struct lodge_fault *fault, bool *again)
{
	struct walk w;
	u32 error;
	int ret;

	w.format = choose_format(p);
	w.reserved = reserved_always(p, w.format);
	w.leaf = 0;
	w.all = ~0ULL;
	w.nx = false;

	*again = false;
	ret = descend(p, &w, linear, access, fault);
	if (ret)
		return ret;
	if (!(access & ACCESS_PEEK)) {
		error = check_rights(p, &w, access);
		if (error)
			return page_fault(p, linear, access, error, fault);
		ret = set_accessed(p, &w, access);
		if (ret == 1) {
			*again = true;
			return EXEC_STOP;
		}
		if (ret)
			return ret;
	}
	*gpa = leaf_address(&w, linear);
	return EXEC_DONE;
}

int lodge_walk(struct lodge_paging *p, u64 linear, u32 access, u64 *gpa,
	       struct lodge_fault *fault)
{
	int ret, tries;
	bool again;

	if (!(p->efer & EF_LMA))
		linear = (u32)linear;
	if (!(p->cr0 & C0_PG)) {
		*gpa = linear;
		return EXEC_DONE;
	}

	for (tries = 0; tries < MAX_TRIES; tries++) {
		ret = walk_once(p, linear, access, gpa, fault, &again);
		if (!again)
			break;
	}
	return ret;
}
