// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: one tree for each VM, filled when the guest touches a page.
 *
 * The tree only caches what the slots and the host's page tables say; any part of
 * it can be removed at any time, and comes back with the next fault.  vm/notifier.c
 * tells why it never says something that is no longer true.
 *
 * Entries change under mmu_lock, by single 64-bit stores.  Beside us only the
 * processor writes them: it sets accessed and dirty bits (AMD APM vol. 2, 15.25.5;
 * Intel SDM vol. 3, 29.3.5), so to clear an accessed bit is an atomic operation, and
 * an entry to be replaced needs none.  From not present to present, and from
 * read-only to writable, no TLB needs a flush: the processor looks again before it
 * faults.  All other changes go through a zap, which flushes.
 *
 * A zap cuts off every table that lies wholly inside its range at its highest
 * entry, so its time under mmu_lock does not depend on the size of the range: at
 * most two tables a level are gone through.  Tables are freed after the flush, with
 * the lock dropped: until then processors may still walk them.
 *
 * Dirty pages: the guest's writes do not show in the host's page table entry, so the
 * page is marked dirty before it is mapped writable.  Nothing cleans it again
 * behind our back: write-back and MADV_FREE invalidate the range first.
 */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include "../trace.h"
#include "memory.h"
#include "npt.h"

#define NPT_ADDR	GENMASK_ULL(51, 12)
#define NPT_ENTRIES	512
#define HUGE_SIZE	((u64)SZ_2M)
#define MAX_LEVELS	5

/* Bytes that one entry of a table of @level maps. */
static u64 span(int level)
{
	return 1ULL << (PAGE_SHIFT + 9 * (level - 1));
}

static unsigned int npt_index(u64 gpa, int level)
{
	return (gpa >> (PAGE_SHIFT + 9 * (level - 1))) & (NPT_ENTRIES - 1);
}

static bool is_leaf(u64 entry, int level)
{
	return level == 1 || (level == 2 && (entry & lodge_vendor->npt.huge));
}

/* The format's address bits, if any, are host memory encryption's. */
static u64 *child(u64 entry)
{
	return __va(entry & NPT_ADDR & ~lodge_vendor->npt.table);
}

u64 lodge_npt_root(const struct lodge_vm *vm)
{
	return __pa(vm->memory->root) | (lodge_vendor->npt.table & NPT_ADDR);
}

/* page_private() chains tables that are cut off: next struct page, and level. */
static void cut_off(struct lodge_npt_zap *zap, u64 *entry, int level)
{
	struct page *page = virt_to_page(child(*entry));

	BUILD_BUG_ON(__alignof__(struct page) <= 7);
	WRITE_ONCE(*entry, 0);
	set_page_private(page, (unsigned long)zap->tables | level);
	zap->tables = page;
}

static bool zap_table(struct lodge_npt_zap *zap, u64 *table, int level,
		      u64 start, u64 end)
{
	bool zapped = false;
	u64 next;

	for (; start < end; start = next) {
		u64 *entry = &table[npt_index(start, level)];

		next = min(end, ALIGN_DOWN(start, span(level)) + span(level));
		if (!*entry)
			continue;
		if (is_leaf(*entry, level)) {
			WRITE_ONCE(*entry, 0);
			atomic64_sub(span(level) >> PAGE_SHIFT,
				     &zap->map->resident);
			zapped = true;
		} else if (next - start == span(level)) {
			cut_off(zap, entry, level - 1);
			zapped = true;
		} else {
			u64 *lower = child(*entry);

			zapped |= zap_table(zap, lower, level - 1, start, next);
			if (zap->prune && !memchr_inv(lower, 0, PAGE_SIZE)) {
				cut_off(zap, entry, level - 1);
				zapped = true;
			}
		}
	}
	return zapped;
}

void lodge_npt_zap(struct lodge_npt_zap *zap, u64 start, u64 end)
{
	struct lodge_memory_map *map = zap->map;

	lockdep_assert_held(&map->mmu_lock);
	if (zap_table(zap, map->root, map->levels, start, end))
		map->zapped++;
	/* Also what another zapper has removed and not flushed yet. */
	zap->stamp = map->zapped;
}

/* Returns how many pages it mapped. */
static u64 free_table(u64 *table, int level, bool may_sleep)
{
	u64 pages = 0;
	int i;

	for (i = 0; i < NPT_ENTRIES; i++) {
		if (!table[i])
			continue;
		if (is_leaf(table[i], level))
			pages += span(level) >> PAGE_SHIFT;
		else
			pages += free_table(child(table[i]), level - 1,
					    may_sleep);
	}
	if (level > 1 && may_sleep)
		cond_resched();
	free_page((unsigned long)table);
	return pages;
}

void lodge_npt_zap_finish(struct lodge_npt_zap *zap, bool may_sleep)
{
	struct lodge_memory_map *map = zap->map;
	s64 stamp = zap->stamp;
	s64 flushed = atomic64_read_acquire(&map->flushed);

	if (flushed < stamp) {
		lodge_vm_flush_tlbs(map->vm);
		while (flushed < stamp &&
		       !atomic64_try_cmpxchg(&map->flushed, &flushed, stamp))
			;
	}

	while (zap->tables) {
		struct page *page = zap->tables;
		unsigned long link = page_private(page);

		zap->tables = (struct page *)(link & ~7UL);
		set_page_private(page, 0);
		atomic64_sub(free_table(page_address(page), link & 7, may_sleep),
			     &map->resident);
	}
}

static bool age_table(u64 *table, int level, u64 start, u64 end, bool clear)
{
	u64 accessed = lodge_vendor->npt.accessed;
	bool young = false;
	u64 next;

	for (; start < end; start = next) {
		u64 *entry = &table[npt_index(start, level)];
		u64 value = READ_ONCE(*entry);

		next = min(end, ALIGN_DOWN(start, span(level)) + span(level));
		if (!value)
			continue;
		if (!is_leaf(value, level))
			young |= age_table(child(value), level - 1, start, next,
					   clear);
		else if (!accessed)
			young = true;
		else if (!clear)
			young |= !!(value & accessed);
		else if (value & accessed)
			young |= test_and_clear_bit(__ffs(accessed),
						    (unsigned long *)entry);
	}
	return young;
}

bool lodge_npt_age(struct lodge_npt_zap *zap, u64 start, u64 end, bool clear)
{
	struct lodge_memory_map *map = zap->map;
	bool young;

	lockdep_assert_held(&map->mmu_lock);
	young = age_table(map->root, map->levels, start, end, clear);
	if (young && clear && !lodge_vendor->npt.accessed)
		lodge_npt_zap(zap, start, end);
	return young;
}

/**
 * struct fault - a nested page fault being seen to
 * @map: the memory map
 * @slot: the slot as it was when looked up
 * @gpa: guest page
 * @hva: where it is in the host
 * @write: the guest writes
 * @seq: map->seq before the lookup
 * @page: the page, with a reference
 * @writable: it can be mapped writable
 * @spurious: what was asked for was there already
 * @tables: zeroed pages for tables that may be missing
 * @nr_tables: how many
 * @need_tables: how many would do
 */
struct fault {
	struct lodge_memory_map *map;
	struct lodge_slot slot;
	u64 gpa;
	unsigned long hva;
	bool write;
	unsigned long seq;
	struct page *page;
	bool writable;
	bool spurious;
	void *tables[MAX_LEVELS - 1];
	int nr_tables;
	int need_tables;
};

/*
 * The page, if the host's entry is writable now; COW stays unbroken.
 *
 * This lookup does not make the host's entry dirty, so the page must be.  Where
 * that takes more than a flag, leave it to get_user_pages_unlocked().
 */
static struct page *get_writable(unsigned long hva)
{
	struct page *page;
	struct folio *folio;

	if (get_user_pages_fast_only(hva, 1, FOLL_WRITE, &page) != 1)
		return NULL;
	folio = page_folio(page);
	if (!folio_test_dirty(folio)) {
		if (!folio_test_swapbacked(folio)) {
			put_page(page);
			return NULL;
		}
		folio_mark_dirty(folio);
	}
	return page;
}

/*
 * A read maps the page writable if that is free, since most pages that are read
 * get written; else read-only, which leaves zero pages and KSM pages shared.
 */
static int get_page_of(struct fault *f)
{
	unsigned int flags = FOLL_HWPOISON | (f->write ? FOLL_WRITE : 0);
	struct page *page = NULL;
	long ret;

	if (!f->slot.readonly) {
		f->page = get_writable(f->hva);
		if (f->page) {
			f->writable = true;
			return 0;
		}
	}

	ret = get_user_pages_unlocked(f->hva, 1, &f->page, flags);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	f->writable = f->write;
	if (!f->write && !f->slot.readonly)
		page = get_writable(f->hva);
	if (page) {
		put_page(f->page);
		f->page = page;
		f->writable = true;
	}
	return 0;
}

/*
 * Does the host map @hva by an entry of 2 MiB or more, with this page frame?
 *
 * Tables cannot be freed while interrupts are off, as for get_user_pages_fast();
 * the entry cannot change, as its invalidation would be under way.
 */
static bool host_maps_huge(struct mm_struct *mm, unsigned long hva, u64 pfn,
			   bool writable)
{
	unsigned long flags;
	bool huge = false;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !(pud_flags(pud) & _PAGE_PRESENT))
		goto out;
	if (pud_leaf(pud)) {
		huge = (!writable || pud_write(pud)) &&
		       pud_pfn(pud) == ALIGN_DOWN(pfn, PTRS_PER_PMD * PTRS_PER_PTE);
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	huge = (pmd_flags(pmd) & _PAGE_PRESENT) && pmd_leaf(pmd) &&
	       (!writable || pmd_write(pmd)) &&
	       pmd_pfn(pmd) == ALIGN_DOWN(pfn, PTRS_PER_PTE);
out:
	local_irq_restore(flags);
	return huge;
}

/* Can all 2 MiB around the page be mapped by one entry? */
static bool can_be_huge(const struct fault *f)
{
	u64 gpa = ALIGN_DOWN(f->gpa, HUGE_SIZE);
	unsigned long hva = ALIGN_DOWN(f->hva, HUGE_SIZE);

	if ((f->gpa ^ f->hva) & (HUGE_SIZE - 1))
		return false;
	if (gpa < f->slot.gpa ||
	    gpa + HUGE_SIZE > f->slot.gpa + f->slot.size)
		return false;
	if (lodge_invalidating(f->map, hva, hva + HUGE_SIZE))
		return false;
	return host_maps_huge(f->map->vm->mm, f->hva, page_to_pfn(f->page),
			      f->writable);
}

static u64 make_leaf(const struct fault *f, bool huge)
{
	const struct lodge_npt_format *npt = &lodge_vendor->npt;
	u64 entry = PFN_PHYS(page_to_pfn(f->page));

	if (huge)
		entry = ALIGN_DOWN(entry, HUGE_SIZE) | npt->huge;
	if (f->writable)
		entry |= npt->write | npt->dirty;
	/* The bits that the processor would set first thing are set already. */
	return entry | npt->leaf | npt->accessed;
}

/*
 * Put the entry in.  Context: mmu_lock.
 * Return: 0, -EAGAIN (look again), -ENOMEM (f->need_tables tables are needed).
 */
static int map_page(struct fault *f, struct lodge_npt_zap *zap)
{
	const struct lodge_npt_format *npt = &lodge_vendor->npt;
	struct lodge_memory_map *map = f->map;
	int leaf_level, level;
	u64 *table = map->root;
	u64 *entry;
	u64 old, new;

	if (lodge_invalidating(map, f->hva, f->hva + PAGE_SIZE) ||
	    map->seq != f->seq)
		return -EAGAIN;

	leaf_level = can_be_huge(f) ? 2 : 1;
	for (level = map->levels; ; level--) {
		entry = &table[npt_index(f->gpa, level)];
		old = READ_ONCE(*entry);
		if (level == leaf_level && (!old || is_leaf(old, level)))
			break;
		if (!old) {
			if (!f->nr_tables) {
				f->need_tables = level - leaf_level;
				return -ENOMEM;
			}
			old = __pa(f->tables[--f->nr_tables]) | npt->table;
			WRITE_ONCE(*entry, old);
		} else if (is_leaf(old, level)) {
			goto conflict;
		}
		/* Where pages were mapped singly, they go on so. */
		if (level == leaf_level)
			leaf_level = 1;
		table = child(old);
	}

	new = make_leaf(f, level == 2);
	if (old) {
		if ((old ^ new) & NPT_ADDR)
			goto conflict;
		f->spurious = (old & npt->write) || !f->writable;
		if (f->spurious)
			return 0;
	}
	WRITE_ONCE(*entry, new);
	if (!old)
		atomic64_add(span(level) >> PAGE_SHIFT, &map->resident);
	return 0;

conflict:
	/* Not seen to happen; a stale entry must go in any case. */
	lodge_npt_zap(zap, f->gpa, f->gpa + PAGE_SIZE);
	return -EAGAIN;
}

static int add_tables(struct fault *f)
{
	while (f->nr_tables < f->need_tables) {
		void *table = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

		if (!table)
			return -ENOMEM;
		f->tables[f->nr_tables++] = table;
	}
	return 0;
}

static int look_and_map(struct fault *f)
{
	struct lodge_memory_map *map = f->map;
	struct lodge_npt_zap zap = { .map = map };
	const struct lodge_slot *slot;
	int ret;

	/* Pairs with lodge_invalidate_end(): first the sequence, then look. */
	f->seq = smp_load_acquire(&map->seq);

	rcu_read_lock();
	slot = lodge_slot_find(map, f->gpa);
	if (slot)
		f->slot = *slot;
	rcu_read_unlock();
	/* From here the copy will do: to remove a slot invalidates it. */
	if (!slot || (f->write && f->slot.readonly))
		return 1;

	f->hva = lodge_slot_hva(&f->slot, f->gpa);
	ret = get_page_of(f);
	if (ret)
		return ret;

	do {
		spin_lock(&map->mmu_lock);
		ret = map_page(f, &zap);
		spin_unlock(&map->mmu_lock);
	} while (ret == -ENOMEM && !add_tables(f));

	/* Whoever takes the page away has to remove the translation first. */
	put_page(f->page);
	lodge_npt_zap_finish(&zap, true);
	return ret;
}

/* TOUR 3.2: the guest has touched a page that its nested tables do not have. */
int lodge_npt_fault(struct lodge_vcpu *vcpu, u64 gpa, u32 flags)
{
	struct fault f = {
		.map = vcpu->vm->memory,
		.gpa = gpa & PAGE_MASK,
		.write = flags & NPF_WRITE,
	};
	int tries, ret;

	for (tries = 0; tries < 8; tries++) {
		ret = look_and_map(&f);
		if (ret != -EAGAIN)
			break;
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		/* Somebody invalidates: let them, should they need this CPU. */
		if (tries < 4)
			cond_resched();
		else
			usleep_range(20, 100);
	}

	/* A fault although all is allowed: has the TLB kept something? */
	if (f.spurious && (flags & NPF_PRESENT))
		lodge_vcpu_request(vcpu, REQ_FLUSH_TLB);
	while (f.nr_tables)
		free_page((unsigned long)f.tables[--f.nr_tables]);
	if (ret == -EAGAIN)
		ret = 0;
	trace_lodge_page_fault(vcpu, gpa, flags, ret);
	if (!ret)
		vcpu->stats.page_faults++;
	return ret;
}
