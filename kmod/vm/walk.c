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

/* A format of page tables */
struct format {
	u8 levels;
	u8 entry_size;
	u8 index_bits;
};

static const struct format format_32 = { 2, 4, 10 };
static const struct format format_pae = { 3, 8, 9 };
static const struct format format_4 = { 4, 8, 9 };
static const struct format format_5 = { 5, 8, 9 };

/* Where a walk is */
struct walk {
	const struct format *format;
	u64 entry[5], where[5];	/* by level - 1 */
	int leaf;		/* level */
	bool write, user, nx;	/* what all levels together allow */
};

static const struct format *choose_format(const struct lodge_paging *p)
{
	if (!(p->cr4 & C4_PAE))
		return &format_32;
	if (!(p->efer & EF_LMA))
		return &format_pae;
	return p->cr4 & C4_LA57 ? &format_5 : &format_4;
}

static bool is_pdpte(const struct walk *w, int level)
{
	return w->format == &format_pae && level == 3;
}

static bool is_leaf(const struct lodge_paging *p, const struct walk *w,
		    int level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & E_PS) || is_pdpte(w, level))
		return false;
	if (w->format == &format_32)
		return p->cr4 & C4_PSE;
	return level <= 3;
}

/* Bits that must be zero in a present entry. */
static u64 reserved_bits(const struct lodge_paging *p, const struct walk *w,
			 int level, bool leaf)
{
	u64 high = E_ADDR & ~(BIT_ULL(p->phys_bits) - 1), bits;

	if (w->format == &format_32) {
		/* Bits 20 to 13 of a 4 MiB page are bits 39 to 32 of it. */
		if (level == 1 || !leaf)
			return 0;
		bits = BIT_ULL(21);
		if (p->phys_bits < 40)
			bits |= (0xffULL << (p->phys_bits - 32) & 0xff) << 13;
		return bits;
	}
	if (is_pdpte(w, level))
		/* Bit 5 too is reserved, but QEMU marks what it has used. */
		return high | 0xfff00000000001c6ULL;

	bits = high;
	if (!(p->efer & EF_NXE))
		bits |= E_NX;
	if (w->format == &format_pae)
		bits |= 0x7ff0000000000000ULL;
	if (level >= 4)
		bits |= E_PS;
	if (leaf && level > 1)
		bits |= (BIT_ULL(12 + 9 * (level - 1)) - 1) & ~0x1fffULL;
	return bits;
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

	if (!(p->cr4 & C4_PKE) || !(p->efer & EF_LMA) || !w->user ||
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
	bool as_user = p->cpl == 3 && !(access & ACCESS_SYSTEM);
	bool ok = true;
	u32 error;

	if (access & ACCESS_PEEK)
		return 0;

	error = key_forbids(p, w, access) ? PFE_PK | PFE_P : 0;
	if (as_user) {
		ok = w->user;
		if (access & ACCESS_WRITE)
			ok = ok && w->write;
	} else if (access & ACCESS_FETCH) {
		ok = !(w->user && (p->cr4 & C4_SMEP));
	} else {
		/* SMAP: only what the program asks for itself can set AC aside. */
		if (w->user && (p->cr4 & C4_SMAP) &&
		    ((access & ACCESS_SYSTEM) || !(p->rflags & RF_AC)))
			ok = false;
		if ((access & ACCESS_WRITE) && (p->cr0 & C0_WP))
			ok = ok && w->write;
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
	int level, ret;

	if (access & ACCESS_PEEK)
		return 0;

	for (level = w->format->levels; level >= w->leaf; level--) {
		u64 entry = w->entry[level - 1], bits = E_A;

		if (is_pdpte(w, level))
			continue;
		if (level == w->leaf && (access & ACCESS_WRITE))
			bits |= E_D;
		if ((entry & bits) == bits)
			continue;
		ret = p->replace(p, w->where[level - 1], entry, entry | bits,
				 w->format->entry_size);
		if (ret)
			return ret;
	}
	return 0;
}

static int walk_once(struct lodge_paging *p, u64 linear, u32 access, u64 *gpa,
		     struct lodge_fault *fault, bool *again)
{
	struct walk w = {
		.format = choose_format(p),
		.write = true,
		.user = true,
	};
	u64 table = p->cr3 & (w.format == &format_32 ? 0xfffff000 :
			      w.format == &format_pae ? 0xffffffe0 : E_ADDR);
	int level, ret;
	u32 error;

	*again = false;
	for (level = w.format->levels; level; level--) {
		u64 mask = BIT_ULL(w.format->index_bits) - 1;
		u64 index = (linear >> shift_of(&w, level)) & mask;
		u64 entry = 0;

		if (is_pdpte(&w, level))
			index &= 3;
		w.where[level - 1] = table + index * w.format->entry_size;
		ret = p->read(p, w.where[level - 1], &entry,
			      w.format->entry_size);
		if (ret)
			return ret;
		w.entry[level - 1] = entry;
		w.leaf = level;

		if (!(entry & E_P))
			return page_fault(p, linear, access, 0, fault);
		if (entry & reserved_bits(p, &w, level,
					  is_leaf(p, &w, level, entry)))
			return page_fault(p, linear, access, PFE_P | PFE_RSVD,
					  fault);
		if (!is_pdpte(&w, level)) {
			w.write = w.write && (entry & E_W);
			w.user = w.user && (entry & E_U);
			w.nx = w.nx || (w.format != &format_32 && (entry & E_NX));
		}
		if (is_leaf(p, &w, level, entry))
			break;
		table = entry & (w.format == &format_32 ? 0xfffff000 : E_ADDR);
	}

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
