// SPDX-License-Identifier: GPL-2.0-only
/* An mmu_notifier's aging callbacks return bool, no longer int. */
#include <linux/mmu_notifier.h>

bool probe(struct mmu_notifier *notifier, struct mm_struct *mm,
	   unsigned long address);
const struct mmu_notifier_ops probe_ops = { .test_young = probe };
