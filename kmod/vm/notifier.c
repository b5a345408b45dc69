// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to the tool's page tables happens to the nested ones.
 *
 * No page is pinned: a nested translation is valid as long as the host's own
 * page table entry stays as it was when it was looked up.  Whoever is to change
 * that entry calls invalidate_range_start() before, invalidate_range_end() after:
 *
 * - start counts the invalidation, removes what maps the range, and has every
 *   vCPU forget it before it returns; only then are pages freed;
 * - lodge_npt_fault() notes map->seq, looks the host's entry up, and under
 *   mmu_lock maps the page only if no invalidation of the address is under way
 *   (counted, not ended) and none has ended since (map->seq moved).
 *
 * So a lookup that may have seen the old entry never becomes a translation.  If
 * it came under mmu_lock before start, start removes what it mapped.  If after,
 * it sees the count or the sequence.  Slots are read after the invalidation is
 * counted, both under mmu_lock: a translation of a slot that start does not see
 * yet is made after it, and refused.
 *
 * What this covers: munmap, MADV_DONTNEED, hole punching, truncation and
 * exit (pages go away); swap-out, migration, compaction, KSM, THP split and
 * collapse (pages move: the entry is taken out between start and end); fork,
 * mprotect, write-back and soft-dirty tracking (a writable entry becomes
 * read-only; the guest's next write faults, and get_user_pages() breaks COW or
 * marks the page dirty again).  Breaking COW in get_user_pages() invalidates
 * by itself: the fault that does it finds the sequence moved, and looks again.
 *
 * Two zappers at once: the second may find nothing left to remove while the
 * first has not flushed yet.  map->zapped and map->flushed tell it to flush, too.
 *
 * Callbacks come from any thread, some where nobody may sleep; mmu_lock is a
 * spinlock held for a bounded time, and a flush waits only for interrupts to be
 * answered by CPUs that run guests.  So all of them are fit for any context and
 * none ever fails.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include "../guest.h"
#include "memory.h"
#include "npt.h"

#ifdef HAVE_MMU_NOTIFIER_BOOL
#define young_t bool
#else
#define young_t int
#endif

static struct lodge_memory_map *to_map(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct lodge_memory_map, notifier);
}

void lodge_invalidate_begin(struct lodge_memory_map *map, unsigned long start,
			    unsigned long end)
{
	lockdep_assert_held(&map->mmu_lock);

	/* One range for all of them: it only ever blocks too much. */
	if (!map->invalidating++) {
		map->inv_start = start;
		map->inv_end = end;
	} else {
		map->inv_start = min(map->inv_start, start);
		map->inv_end = max(map->inv_end, end);
	}
}

void lodge_invalidate_end(struct lodge_memory_map *map)
{
	lockdep_assert_held(&map->mmu_lock);
	/* Pairs with the acquire in lodge_npt_fault(). */
	smp_store_release(&map->seq, map->seq + 1);
	map->invalidating--;
}

/* What of @slot lies between two host addresses, as guest addresses. */
static bool intersect(const struct lodge_slot *slot, unsigned long start,
		      unsigned long end, u64 *gpa, u64 *gpa_end)
{
	start = max(start, slot->hva);
	end = min(end, slot->hva + (unsigned long)slot->size);
	if (start >= end)
		return false;
	*gpa = slot->gpa + (start - slot->hva);
	*gpa_end = slot->gpa + (end - slot->hva);
	return true;
}

static int invalidate_range_start(struct mmu_notifier *notifier,
				  const struct mmu_notifier_range *range)
{
	struct lodge_memory_map *map = to_map(notifier);
	struct lodge_npt_zap zap = { .map = map };
	const struct lodge_slots *slots;
	u64 gpa, gpa_end;
	unsigned int i;

	rcu_read_lock();
	spin_lock(&map->mmu_lock);
	lodge_invalidate_begin(map, range->start, range->end);
	slots = lodge_slots_get(map);
	for (i = 0; i < slots->nr; i++) {
		if (intersect(&slots->slot[i], range->start, range->end, &gpa,
			      &gpa_end))
			lodge_npt_zap(&zap, gpa, gpa_end);
	}
	spin_unlock(&map->mmu_lock);
	rcu_read_unlock();

	lodge_npt_zap_finish(&zap, mmu_notifier_range_blockable(range));
	return 0;
}

static void invalidate_range_end(struct mmu_notifier *notifier,
				 const struct mmu_notifier_range *range)
{
	struct lodge_memory_map *map = to_map(notifier);

	spin_lock(&map->mmu_lock);
	lodge_invalidate_end(map);
	spin_unlock(&map->mmu_lock);
}

static bool age(struct mmu_notifier *notifier, unsigned long start,
		unsigned long end, bool clear)
{
	struct lodge_memory_map *map = to_map(notifier);
	struct lodge_npt_zap zap = { .map = map };
	const struct lodge_slots *slots;
	bool young = false;
	u64 gpa, gpa_end;
	unsigned int i;

	rcu_read_lock();
	spin_lock(&map->mmu_lock);
	slots = lodge_slots_get(map);
	for (i = 0; i < slots->nr; i++) {
		if (intersect(&slots->slot[i], start, end, &gpa, &gpa_end))
			young |= lodge_npt_age(&zap, gpa, gpa_end, clear);
	}
	spin_unlock(&map->mmu_lock);
	rcu_read_unlock();

	lodge_npt_zap_finish(&zap, false);
	return young;
}

/*
 * No TLB is flushed for an accessed bit, as the host does not for its own: a page
 * in use may look idle for one round of aging, which costs a fault at most.
 */
static young_t clear_flush_young(struct mmu_notifier *notifier,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long end)
{
	return age(notifier, start, end, true);
}

static young_t clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			   unsigned long start, unsigned long end)
{
	return age(notifier, start, end, true);
}

static young_t test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			  unsigned long address)
{
	return age(notifier, address, address + PAGE_SIZE, false);
}

/*
 * The address space goes away, or the notifier is unregistered.  The
 * invalidation never ends: nothing gets mapped any more.
 */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct lodge_memory_map *map = to_map(notifier);
	struct lodge_npt_zap zap = { .map = map };

	spin_lock(&map->mmu_lock);
	lodge_invalidate_begin(map, 0, ULONG_MAX);
	lodge_npt_zap(&zap, 0, 1ULL << LODGE_NPT_BITS);
	spin_unlock(&map->mmu_lock);
	lodge_npt_zap_finish(&zap, true);

	lodge_vm_kill(map->vm);
	lodge_guest_end(map->vm->guest, true);
}

static const struct mmu_notifier_ops notifier_ops = {
	.release = release,
	.clear_flush_young = clear_flush_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.invalidate_range_start = invalidate_range_start,
	.invalidate_range_end = invalidate_range_end,
};

int lodge_notifier_register(struct lodge_memory_map *map)
{
	map->notifier.ops = &notifier_ops;
	return mmu_notifier_register(&map->notifier, map->vm->mm);
}

void lodge_notifier_unregister(struct lodge_memory_map *map)
{
	/* Calls release() if nobody has; then no callback runs any more. */
	mmu_notifier_unregister(&map->notifier, map->vm->mm);
}
