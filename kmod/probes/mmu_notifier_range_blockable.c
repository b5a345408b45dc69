// SPDX-License-Identifier: GPL-2.0-only
/* mmu_notifier_range_blockable() tells whether an invalidation may sleep. */
#include <linux/mmu_notifier.h>

bool probe(const struct mmu_notifier_range *range)
{
	return mmu_notifier_range_blockable(range);
}
