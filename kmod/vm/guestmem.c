// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's own accesses to guest memory: through the slots to the tool's
 * mapping, as the tool itself would.  They need no nested tables, and fault
 * pages in like any other access of the tool.
 *
 * Accesses whose size is a power of two and that are aligned to it are single
 * accesses, as a processor's are: other vCPUs may change the same memory.
 */
#include <linux/align.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "memory.h"
#include "npt.h"

/*
 * How many of @len bytes at @gpa lie in one slot, and where.
 * Context: vm->srcu.  Return: bytes, -EFAULT or -EROFS.
 */
static ssize_t piece(struct lodge_vm *vm, u64 gpa, size_t len, bool write,
		     unsigned long *hva)
{
	const struct lodge_slot *slot = lodge_slot_find(vm->memory, gpa);

	if (!slot)
		return -EFAULT;
	if (write && slot->readonly)
		return -EROFS;
	*hva = lodge_slot_hva(slot, gpa);
	return min_t(u64, len, slot->gpa + slot->size - gpa);
}

#define COPY_IN(type, buf, hva)						\
({									\
	type __value;							\
	int __ret = get_user(__value, (type __user *)(hva));		\
									\
	memcpy(buf, &__value, sizeof(__value));				\
	__ret;								\
})

#define COPY_OUT(type, buf, hva)					\
({									\
	type __value;							\
									\
	memcpy(&__value, buf, sizeof(__value));				\
	put_user(__value, (type __user *)(hva));			\
})

static int copy_in(void *buf, unsigned long hva, size_t len)
{
	if (IS_ALIGNED(hva, len)) {
		switch (len) {
		case 2:
			return COPY_IN(u16, buf, hva);
		case 4:
			return COPY_IN(u32, buf, hva);
		case 8:
			return COPY_IN(u64, buf, hva);
		}
	}
	return copy_from_user(buf, (void __user *)hva, len) ? -EFAULT : 0;
}

static int copy_out(unsigned long hva, const void *buf, size_t len)
{
	if (IS_ALIGNED(hva, len)) {
		switch (len) {
		case 2:
			return COPY_OUT(u16, buf, hva);
		case 4:
			return COPY_OUT(u32, buf, hva);
		case 8:
			return COPY_OUT(u64, buf, hva);
		}
	}
	return copy_to_user((void __user *)hva, buf, len) ? -EFAULT : 0;
}

int lodge_guest_read(struct lodge_vm *vm, u64 gpa, void *buf, size_t len)
{
	int idx = srcu_read_lock(&vm->srcu);
	unsigned long hva;
	ssize_t n = 0;

	while (len) {
		n = piece(vm, gpa, len, false, &hva);
		if (n < 0)
			break;
		if (copy_in(buf, hva, n)) {
			n = -EFAULT;
			break;
		}
		gpa += n;
		buf += n;
		len -= n;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return n < 0 ? n : 0;
}

int lodge_guest_write(struct lodge_vm *vm, u64 gpa, const void *buf, size_t len)
{
	int idx = srcu_read_lock(&vm->srcu);
	unsigned long hva;
	ssize_t n = 0;

	while (len) {
		n = piece(vm, gpa, len, true, &hva);
		if (n < 0)
			break;
		if (copy_out(hva, buf, n)) {
			n = -EFAULT;
			break;
		}
		gpa += n;
		buf += n;
		len -= n;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return n < 0 ? n : 0;
}

/*
 * No access_ok(), no speculation barrier: slots cover user addresses only, and
 * lodge_slot_hva() holds under speculation.
 */
static __always_inline int read8_nofault(u64 *value, unsigned long hva)
{
	__uaccess_begin();
	unsafe_get_user(*value, (u64 __user *)hva, fault);
	__uaccess_end();
	return 0;
fault:
	__uaccess_end();
	return -EAGAIN;
}

/* Page faults off: the access cannot sleep, so RCU will do. */
static void nofault_begin(void)
	__acquires(RCU_SCHED)
{
	rcu_read_lock_sched();
	pagefault_disable();
}

static void nofault_end(void)
	__releases(RCU_SCHED)
{
	pagefault_enable();
	rcu_read_unlock_sched();
}

static int read_piece_nofault(struct lodge_memory_map *map, u64 gpa, void *buf,
			      size_t *len)
{
	const struct lodge_slot *slot = lodge_slot_find(map, gpa);
	unsigned long hva;

	if (!slot)
		return -EFAULT;
	*len = min_t(u64, *len, slot->gpa + slot->size - gpa);
	hva = lodge_slot_hva(slot, gpa);
	if (*len == 8 && IS_ALIGNED(hva, 8))
		return read8_nofault(buf, hva);
	return __copy_from_user_inatomic(buf, (void __user *)hva, *len) ?
	       -EAGAIN : 0;
}

static noinline int read_nofault(struct lodge_memory_map *map, u64 gpa,
				 void *buf, size_t len)
{
	size_t n;
	int ret = 0;

	nofault_begin();
	for (; len && !ret; gpa += n, buf += n, len -= n) {
		n = len;
		ret = read_piece_nofault(map, gpa, buf, &n);
	}
	nofault_end();
	return ret;
}

int lodge_guest_read_nofault(struct lodge_vm *vm, u64 gpa, void *buf, size_t len)
{
	struct lodge_memory_map *map = vm->memory;
	const struct lodge_slot *slot;
	int ret = 0;

	if (unlikely(len != 8 || !IS_ALIGNED(gpa, 8)))
		return read_nofault(map, gpa, buf, len);

	nofault_begin();
	slot = lodge_slot_hint(map, gpa);
	if (likely(slot))
		ret = read8_nofault(buf, lodge_slot_hva(slot, gpa));
	nofault_end();
	return likely(slot) ? ret : read_nofault(map, gpa, buf, len);
}

#define CMPXCHG(type, hva, old, new)					\
({									\
	u64 *__old = (old);						\
	type __value = *__old;						\
	int __ret = __try_cmpxchg_user((type __user *)(hva), &__value,	\
				       (type)(new), fault_##type);	\
									\
	*__old = __value;						\
	__ret;								\
})

static int cmpxchg_aligned(unsigned long hva, u64 *old, u64 new, int width)
{
	switch (width) {
	case 1:
		return CMPXCHG(u8, hva, old, new);
	case 2:
		return CMPXCHG(u16, hva, old, new);
	case 4:
		return CMPXCHG(u32, hva, old, new);
	case 8:
		return CMPXCHG(u64, hva, old, new);
	default:
		return -EFAULT;
	}
}

/* Not one access: see the header. */
static int cmpxchg_unaligned(struct lodge_vm *vm, u64 gpa, u64 *old, u64 new,
			     int width)
{
	u64 found = 0;
	int ret;

	ret = lodge_guest_read(vm, gpa, &found, width);
	if (ret)
		return ret;
	if (found != (*old & GENMASK_ULL(8 * width - 1, 0))) {
		*old = found;
		/* A locked instruction writes in any case; so it must be able to. */
		ret = lodge_guest_write(vm, gpa, &found, width);
		return ret ? ret : 1;
	}
	return lodge_guest_write(vm, gpa, &new, width);
}

int lodge_guest_cmpxchg(struct lodge_vm *vm, u64 gpa, u64 *old, u64 new,
			int width)
{
	unsigned long hva;
	ssize_t n;
	int idx, ret;

	if (!IS_ALIGNED(gpa, width))
		return cmpxchg_unaligned(vm, gpa, old, new, width);

	idx = srcu_read_lock(&vm->srcu);
	n = piece(vm, gpa, width, true, &hva);
	ret = n < 0 ? n : cmpxchg_aligned(hva, old, new, width);
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}
