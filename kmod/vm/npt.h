/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to memory.c, npt.c, notifier.c and guestmem.c. */
#ifndef LODGE_VM_NPT_H
#define LODGE_VM_NPT_H

#include <linux/atomic.h>
#include <linux/mmu_notifier.h>
#include <linux/nospec.h>
#include <linux/spinlock.h>
#include "vm.h"

#ifndef CONFIG_MMU_NOTIFIER
#error "Lodge needs a kernel with CONFIG_MMU_NOTIFIER (CONFIG_KVM=m selects it)"
#endif

/* Four levels of nested tables reach this far; a fifth adds nothing. */
#define LODGE_NPT_BITS	48

/**
 * struct lodge_slot - guest physical addresses that are memory
 * @gpa: first guest physical address
 * @size: bytes
 * @hva: where they are in vm->mm: user addresses, all of them
 * @id: the tool's number for it
 * @readonly: guest writes go to the tool
 */
struct lodge_slot {
	u64 gpa;
	u64 size;
	unsigned long hva;
	u32 id;
	bool readonly;
};

/**
 * struct lodge_slots - all slots of a VM; never changed, only replaced
 * @nr: how many
 * @slot: by guest physical address, without overlaps
 */
struct lodge_slots {
	unsigned int nr;
	struct lodge_slot slot[];
};

/**
 * struct lodge_memory_map - a VM's memory
 * @vm: the VM
 * @notifier: tells what happens to vm->mm's page tables
 * @slots: replaced under vm->lock; read under vm->srcu or RCU
 * @hint: index of the slot that was looked up last
 * @mmu_lock: protects all below, and the nested tables
 * @root: top nested table
 * @levels: levels of nested tables
 * @zapped: counts zaps that found something
 * @flushed: the last of them that no vCPU's TLB remembers; raised without
 *           @mmu_lock
 * @seq: counts finished invalidations
 * @resident: pages of 4096 bytes that the nested tables map, and tables that are
 *            cut off and not freed yet; changes also without @mmu_lock
 * @invalidating: invalidations begun and not finished
 * @inv_start: lowest host address that any of these concerns
 * @inv_end: the end of the highest
 *
 * Lock order: vm->lock, vm->srcu, mm->mmap_lock and the locks of reverse maps,
 * @mmu_lock.  Nothing is allocated and nobody is waited for under @mmu_lock.
 */
struct lodge_memory_map {
	struct lodge_vm *vm;
	struct mmu_notifier notifier;
	struct lodge_slots __rcu *slots;
	unsigned int hint;

	spinlock_t mmu_lock;	/* all below, and the tables */
	u64 *root;
	int levels;
	u64 zapped;
	atomic64_t flushed;
	unsigned long seq;
	atomic64_t resident;
	unsigned int invalidating;
	unsigned long inv_start, inv_end;
};

/* vm/memory.c */
const struct lodge_slot *lodge_slot_search(struct lodge_memory_map *map,
					   u64 gpa);

/* Context: vm->srcu or RCU, of any flavour. */
static inline const struct lodge_slots *
lodge_slots_get(const struct lodge_memory_map *map)
{
	return rcu_dereference_check(map->slots, rcu_read_lock_any_held() ||
				     srcu_read_lock_held(&map->vm->srcu));
}

/* The slot that @gpa is in, if it is the one looked up last.  Context: as above. */
static __always_inline const struct lodge_slot *
lodge_slot_hint(struct lodge_memory_map *map, u64 gpa)
{
	const struct lodge_slots *slots = lodge_slots_get(map);
	unsigned int i = READ_ONCE(map->hint);

	if (likely(i < slots->nr &&
		   gpa - slots->slot[i].gpa < slots->slot[i].size))
		return &slots->slot[i];
	return NULL;
}

/* The slot that @gpa is in, or NULL.  Context: as above. */
static inline const struct lodge_slot *
lodge_slot_find(struct lodge_memory_map *map, u64 gpa)
{
	const struct lodge_slot *slot = lodge_slot_hint(map, gpa);

	return slot ? slot : lodge_slot_search(map, gpa);
}

/*
 * Host address of @gpa, which is in @slot.  The guest chooses @gpa: a processor
 * that speculates past the check must not read outside the slot either.
 */
static __always_inline unsigned long
lodge_slot_hva(const struct lodge_slot *slot, u64 gpa)
{
	u64 offset = gpa - slot->gpa;

	return slot->hva +
	       (offset & array_index_mask_nospec(offset, slot->size));
}

/**
 * struct lodge_npt_zap - one removal of nested translations
 * @map: the memory map
 * @stamp: what map->flushed must reach before the memory can be given away
 * @tables: page tables that were cut off, to be freed after that
 * @prune: also cut off tables that have become empty
 */
struct lodge_npt_zap {
	struct lodge_memory_map *map;
	u64 stamp;
	struct page *tables;
	bool prune;
};

/* vm/npt.c */

/* Remove what maps guest addresses @start to @end.  Context: map->mmu_lock. */
void lodge_npt_zap(struct lodge_npt_zap *zap, u64 start, u64 end);

/**
 * lodge_npt_zap_finish() - make the vCPUs forget it and free the tables
 * @zap: after any number of lodge_npt_zap(), also none
 * @may_sleep: is rescheduling allowed?
 *
 * Context: no spinlock held, interrupts on.
 */
void lodge_npt_zap_finish(struct lodge_npt_zap *zap, bool may_sleep);

/**
 * lodge_npt_age() - were guest addresses used since this was last asked?
 * @zap: for processors that do not tell: there, what is there counts as used,
 *       and to clear is to remove
 * @start: first address
 * @end: the end
 * @clear: forget that they were
 *
 * Context: map->mmu_lock.
 * Return: true if one of them was
 */
bool lodge_npt_age(struct lodge_npt_zap *zap, u64 start, u64 end, bool clear);

/* vm/notifier.c */
int lodge_notifier_register(struct lodge_memory_map *map);
void lodge_notifier_unregister(struct lodge_memory_map *map);

/*
 * From begin to end, no host address from @start to @end gets mapped for the
 * guest; what was looked up before is void.  Context: map->mmu_lock.
 */
void lodge_invalidate_begin(struct lodge_memory_map *map, unsigned long start,
			    unsigned long end);
void lodge_invalidate_end(struct lodge_memory_map *map);

/* Is any host address from @start to @end off limits?  Context: likewise. */
static inline bool lodge_invalidating(const struct lodge_memory_map *map,
				      unsigned long start, unsigned long end)
{
	return map->invalidating && start < map->inv_end &&
	       end > map->inv_start;
}

#endif /* LODGE_VM_NPT_H */
