/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as lets the interrupt controllers of the module be
 * built as a program.  Time stands still unless the test moves it.
 */
#ifndef LODGE_KERNEL_SHIM_H
#define LODGE_KERNEL_SHIM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

/* <signal.h> has these names too, in another order. */
#undef REG_RAX
#undef REG_RCX
#undef REG_RDX
#undef REG_RBX
#undef REG_RSP
#undef REG_RBP
#undef REG_RSI
#undef REG_RDI
#undef REG_R8
#undef REG_R9
#undef REG_R10
#undef REG_R11
#undef REG_R12
#undef REG_R13
#undef REG_R14
#undef REG_R15
#define REG_RAX GUEST_RAX
#define REG_RCX GUEST_RCX
#define REG_RDX GUEST_RDX
#define REG_RBX GUEST_RBX
#define REG_RSP GUEST_RSP
#define REG_RBP GUEST_RBP
#define REG_RSI GUEST_RSI
#define REG_RDI GUEST_RDI
#define REG_R8 GUEST_R8
#define REG_R9 GUEST_R9
#define REG_R10 GUEST_R10
#define REG_R11 GUEST_R11
#define REG_R12 GUEST_R12
#define REG_R13 GUEST_R13
#define REG_R14 GUEST_R14
#define REG_R15 GUEST_R15

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int64_t s64;
typedef s64 ktime_t;

#define __user
#define unlikely(x)	(x)
#define __rcu
#define __printf(a, b)
#define ____cacheline_aligned	__attribute__((aligned(64)))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

#define BITS_PER_LONG		64
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL >> (63 - (h))) & (~0UL << (l)))
#define GENMASK_ULL(h, l)	((u64)GENMASK(h, l))
#define U64_MAX			UINT64_MAX
#define USEC_PER_SEC		1000000L
#define NSEC_PER_SEC		1000000000L
#define PAGE_SHIFT		12
#define PAGE_MASK		(~0xfffL)

#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))

#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile typeof(x) *)&(x) = (value))
#define xchg(p, value)		__atomic_exchange_n(p, value, __ATOMIC_SEQ_CST)

struct kref { int n; };
struct mutex { int n; };
struct srcu_struct { int n; };
struct rcuwait { int n; };
typedef struct { int counter; } atomic_t;

#define atomic_read(v)		((v)->counter)
#define atomic_set(v, n)	((v)->counter = (n))

static inline int atomic_cmpxchg(atomic_t *v, int old, int new)
{
	int was = v->counter;

	if (was == old)
		v->counter = new;
	return was;
}

static inline bool atomic_try_cmpxchg(atomic_t *v, int *old, int new)
{
	int was = atomic_cmpxchg(v, *old, new);
	bool done = was == *old;

	*old = was;
	return done;
}

static inline bool test_bit(int n, const unsigned long *map)
{
	return map[n / 64] >> n % 64 & 1;
}

static inline void set_bit(int n, unsigned long *map)
{
	map[n / 64] |= BIT(n % 64);
}

static inline void clear_bit(int n, unsigned long *map)
{
	map[n / 64] &= ~BIT(n % 64);
}

static inline bool test_and_set_bit(int n, unsigned long *map)
{
	bool was = test_bit(n, map);

	set_bit(n, map);
	return was;
}

#define __set_bit(n, map)	set_bit(n, map)
#define __clear_bit(n, map)	clear_bit(n, map)
#define __fls(x)		(63 - __builtin_clzl(x))
#define __ffs(x)		__builtin_ctzl(x)

static inline const void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *bytes = p;

	for (; n--; bytes++)
		if (*bytes != c)
			return bytes;
	return NULL;
}

#define preempt_disable()	do { } while (0)
#define preempt_enable()	do { } while (0)

#define GFP_KERNEL_ACCOUNT	0
#define kzalloc(size, gfp)	aligned_calloc(size)
#define kfree(p)		free(p)

static inline void *aligned_calloc(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~63UL);

	return p ? memset(p, 0, size) : NULL;
}

struct shim_lock { int locked; };
#define raw_spinlock_t	struct shim_lock

/* A lock that is taken twice would never be given back. */
#define raw_spin_lock_init(l)	((l)->locked = 0)
#define raw_spin_lock_irqsave(l, flags) \
	do { (flags) = 0; if ((l)->locked++) abort(); } while (0)
#define raw_spin_unlock_irqrestore(l, flags) \
	do { (void)(flags); (l)->locked--; } while (0)

#define MSR_IA32_APICBASE	0x1b
#define MSR_IA32_TSC_DEADLINE	0x6e0

/* Time, in ns; the time stamp counter runs at tsc_khz. */
extern u64 shim_now;
static const unsigned int tsc_khz = 2000000;

#define ktime_get_ns()		shim_now
#define ns_to_ktime(ns)		((ktime_t)(ns))
#define div_u64(a, b)		((u64)(a) / (u32)(b))
#define div64_u64(a, b)		((u64)(a) / (u64)(b))
#define mul_u64_u32_div(a, b, c) \
	((u64)((__uint128_t)(a) * (u32)(b) / (u32)(c)))
#define rdtsc()			((u64)(shim_now * tsc_khz / 1000000))

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *hrtimer);
	ktime_t expires;
	bool queued;
};

#define HRTIMER_MODE_ABS_PINNED_HARD	0
#define HRTIMER_MODE_ABS_HARD		0
#define hrtimer_init(t, clock, mode)	((t)->queued = false)
#define hrtimer_start(t, at, mode) \
	((t)->expires = (at), (t)->queued = true)
#define hrtimer_cancel(t)		((t)->queued = false)
#define hrtimer_try_to_cancel(t)	hrtimer_cancel(t)

#endif /* LODGE_KERNEL_SHIM_H */
