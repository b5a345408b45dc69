// SPDX-License-Identifier: GPL-2.0-only
/* Where all decisions come from: splitmix64, the same for the same seed. */
#include <string.h>
#include "fuzz.h"

static u64 mix(u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void tape_init(struct tape *t, u64 seed, u64 round, u64 thread)
{
	t->state = mix(mix(mix(seed) + round) + thread);
}

u64 draw(struct tape *t)
{
	t->state += 0x9e3779b97f4a7c15ULL;
	return mix(t->state);
}

u64 below(struct tape *t, u64 n)
{
	return n ? draw(t) % n : 0;
}

bool one_in(struct tape *t, u64 n)
{
	return !below(t, n);
}

u64 draw_value(struct tape *t)
{
	static const u64 edges[] = {
		0, 1, 2, 4, 8, 0x10, 0x7f, 0x80, 0xff, 0xfff, 0x1000, 0x7fff,
		0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 0x7fffffffffff, 0x800000000000, 0xffff800000000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
		0xfee00000, 0xfec00000, 0x000fffffffffffff,
	};
	u64 v;

	switch (below(t, 6)) {
	case 0:
		return draw(t);
	case 1:
		return below(t, 64);
	case 2:
		return 1ULL << below(t, 64);
	case 3:
		v = draw(t);
		return v >> (v & 63);
	case 4:
		return PICK(t, edges) + below(t, 17) - 8;
	default:
		return PICK(t, edges);
	}
}

void draw_bytes(struct tape *t, void *buf, size_t n)
{
	u64 v = 0;
	size_t i;

	for (i = 0; i < n; i++, v >>= 8) {
		if (!(i & 7))
			v = draw(t);
		((u8 *)buf)[i] = v;
	}
}

void mutate(struct tape *t, void *buf, size_t n)
{
	int i, changes = 1 + below(t, one_in(t, 4) ? 16 : 3);
	u64 at, v;

	for (i = 0; i < changes; i++) {
		at = below(t, n);
		v = draw_value(t);
		switch (below(t, 4)) {
		case 0:
			((u8 *)buf)[at] ^= 1 << (v & 7);
			break;
		case 1:
			((u8 *)buf)[at] = v;
			break;
		case 2:
			at &= ~3ULL;
			if (at + 4 <= n)
				memcpy((u8 *)buf + at, &v, 4);
			break;
		default:
			at &= ~7ULL;
			if (at + 8 <= n)
				memcpy((u8 *)buf + at, &v, 8);
			break;
		}
	}
}
