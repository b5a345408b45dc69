// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which guest physical addresses are memory, and where that is in
 * the tool's address space.
 *
 * The array of slots is never changed, only replaced, under vm->lock.  Readers
 * hold vm->srcu if they may sleep and RCU if they may not; a change waits for both
 * before it returns.
 *
 * To take a slot away is an invalidation of the host addresses that it covers,
 * just as if they were unmapped (see vm/notifier.c): they are blocked, what maps
 * them is removed, the new array is published, and they are unblocked.  A fault
 * that has seen the old array finds them blocked, or an invalidation ended.  A
 * guest that touches them meanwhile faults until the new array stands; it never
 * sees a hole where one slot replaces another.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "arch.h"
#include "memory.h"
#include "npt.h"

/* Registers of interrupt controllers, on every PC: never memory. */
static const struct {
	u64 start, end;
} device_pages[] = {
	{ 0xfec00000, 0xfed00000 },	/* I/O APIC */
	{ 0xfee00000, 0xfef00000 },	/* local APIC, message signalled interrupts */
};

const struct lodge_slot *lodge_slot_search(struct lodge_memory_map *map,
					   u64 gpa)
{
	const struct lodge_slots *slots = lodge_slots_get(map);
	unsigned int low = 0, high = slots->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;
		const struct lodge_slot *slot = &slots->slot[mid];

		if (gpa < slot->gpa) {
			high = mid;
		} else if (gpa - slot->gpa >= slot->size) {
			low = mid + 1;
		} else {
			WRITE_ONCE(map->hint, mid);
			return slot;
		}
	}
	return NULL;
}

static struct lodge_slots *slots_alloc(unsigned int nr)
{
	struct lodge_slots *slots;

	slots = kzalloc(struct_size(slots, slot, nr), GFP_KERNEL_ACCOUNT);
	return slots;
}

int lodge_memory_create(struct lodge_vm *vm)
{
	struct lodge_memory_map *map;
	struct lodge_slots *slots;
	int ret = -ENOMEM;

	map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	slots = slots_alloc(0);
	if (!map || !slots)
		goto out_free;
	map->root = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!map->root)
		goto out_free;

	map->vm = vm;
	map->levels = lodge_vendor->npt.levels;
	spin_lock_init(&map->mmu_lock);
	RCU_INIT_POINTER(map->slots, slots);
	ret = lodge_notifier_register(map);
	if (ret)
		goto out_root;
	vm->memory = map;
	return 0;

out_root:
	free_page((unsigned long)map->root);
out_free:
	kfree(slots);
	kfree(map);
	return ret;
}

void lodge_memory_destroy(struct lodge_vm *vm)
{
	struct lodge_memory_map *map = vm->memory;

	if (!map)
		return;
	/* Removes all translations, unless the address space has gone before. */
	lodge_notifier_unregister(map);
	vm->memory = NULL;
	kfree(rcu_dereference_protected(map->slots, true));
	free_page((unsigned long)map->root);
	kfree(map);
}

void lodge_memory_stats(const struct lodge_vm *vm, u64 *mapped, u64 *resident)
{
	struct lodge_memory_map *map = vm->memory;
	const struct lodge_slots *slots;
	unsigned int i;

	*mapped = 0;
	rcu_read_lock();
	slots = lodge_slots_get(map);
	for (i = 0; i < slots->nr; i++)
		*mapped += slots->slot[i].size;
	rcu_read_unlock();
	*resident = atomic64_read(&map->resident) << PAGE_SHIFT;
}

static bool overlap(u64 start, u64 end, u64 other_start, u64 other_end)
{
	return start < other_end && other_start < end;
}

static int check_slot(const struct lodge_memory *args)
{
	u64 end;
	int i;

	if (args->slot >= LODGE_MAX_SLOTS || args->reserved ||
	    (args->flags & ~LODGE_MEM_READONLY))
		return -EINVAL;
	if (!args->length)
		return 0;

	if ((args->guest_addr | args->length | args->host_addr) & ~PAGE_MASK)
		return -EINVAL;
	if (check_add_overflow(args->guest_addr, args->length, &end) ||
	    end > 1ULL << min_t(u32, lodge_phys_bits(), LODGE_NPT_BITS))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(device_pages); i++) {
		if (overlap(args->guest_addr, end, device_pages[i].start,
			    device_pages[i].end))
			return -EINVAL;
	}

	/* The readers of guest memory rely on this and check no address again. */
	if (args->host_addr >= TASK_SIZE_MAX ||
	    args->length > TASK_SIZE_MAX - args->host_addr ||
	    !access_ok(u64_to_user_ptr(args->host_addr), args->length))
		return -EINVAL;
	return 0;
}

/*
 * The array that @args makes of @old; *@gone is what it takes away, if anything.
 * Errors as for LODGE_SET_MEMORY.
 */
static struct lodge_slots *slots_replace(const struct lodge_slots *old,
					 const struct lodge_memory *args,
					 const struct lodge_slot **gone)
{
	const struct lodge_slot add = {
		.gpa = args->guest_addr,
		.size = args->length,
		.hva = args->host_addr,
		.id = args->slot,
		.readonly = args->flags & LODGE_MEM_READONLY,
	};
	bool added = !add.size;
	struct lodge_slots *new;
	unsigned int i;

	*gone = NULL;
	for (i = 0; i < old->nr; i++) {
		const struct lodge_slot *slot = &old->slot[i];

		if (slot->id == add.id)
			*gone = slot;
		else if (add.size && overlap(add.gpa, add.gpa + add.size,
					     slot->gpa, slot->gpa + slot->size))
			return ERR_PTR(-EEXIST);
	}
	if (!add.size && !*gone)
		return ERR_PTR(-ENOENT);

	new = slots_alloc(old->nr + 1);
	if (!new)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < old->nr; i++) {
		if (&old->slot[i] == *gone)
			continue;
		if (!added && add.gpa < old->slot[i].gpa) {
			new->slot[new->nr++] = add;
			added = true;
		}
		new->slot[new->nr++] = old->slot[i];
	}
	if (!added)
		new->slot[new->nr++] = add;
	return new;
}

static void slot_block(struct lodge_memory_map *map,
		       const struct lodge_slot *slot)
{
	struct lodge_npt_zap zap = { .map = map, .prune = true };

	spin_lock(&map->mmu_lock);
	lodge_invalidate_begin(map, slot->hva, slot->hva + slot->size);
	lodge_npt_zap(&zap, slot->gpa, slot->gpa + slot->size);
	spin_unlock(&map->mmu_lock);
	lodge_npt_zap_finish(&zap, true);
}

static void slot_unblock(struct lodge_memory_map *map)
{
	spin_lock(&map->mmu_lock);
	lodge_invalidate_end(map);
	spin_unlock(&map->mmu_lock);
}

int lodge_memory_set(struct lodge_vm *vm, const struct lodge_memory *args)
{
	struct lodge_memory_map *map = vm->memory;
	struct lodge_slots *old, *new;
	const struct lodge_slot *gone;
	int ret;

	ret = check_slot(args);
	if (ret)
		return ret;
	if (current->mm != vm->mm)
		return -EIO;

	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	old = rcu_dereference_protected(map->slots,
					lockdep_is_held(&vm->lock));
	new = slots_replace(old, args, &gone);
	if (IS_ERR(new)) {
		ret = PTR_ERR(new);
		goto out;
	}

	if (gone)
		slot_block(map, gone);
	rcu_assign_pointer(map->slots, new);
	if (gone)
		slot_unblock(map);
	/* Faults see the new array now, but copies may still use the old one. */
	synchronize_srcu_expedited(&vm->srcu);
	synchronize_rcu_expedited();
	kfree(old);
out:
	mutex_unlock(&vm->lock);
	return ret;
}
