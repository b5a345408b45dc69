// SPDX-License-Identifier: GPL-2.0-only
/* Statistics: what vCPUs have counted, for those who ask. */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <asm/tsc.h>
#include "stats.h"
#include "vm.h"

/* enum lodge_exit_kind is ours to change, enum lodge_exit_class is not. */
static const u8 class_of[NR_EXIT_KINDS] = {
	[EXIT_HOST] = LODGE_EXIT_CLASS_HOST,
	[EXIT_WINDOW] = LODGE_EXIT_CLASS_WINDOW,
	[EXIT_CPUID] = LODGE_EXIT_CLASS_CPUID,
	[EXIT_MSR] = LODGE_EXIT_CLASS_MSR,
	[EXIT_PORT] = LODGE_EXIT_CLASS_PORT,
	[EXIT_HLT] = LODGE_EXIT_CLASS_HLT,
	[EXIT_PAUSE] = LODGE_EXIT_CLASS_PAUSE,
	[EXIT_HYPERCALL] = LODGE_EXIT_CLASS_HYPERCALL,
	[EXIT_XSETBV] = LODGE_EXIT_CLASS_XSETBV,
	[EXIT_NPF] = LODGE_EXIT_CLASS_PAGE_FAULT,
	[EXIT_CR] = LODGE_EXIT_CLASS_CONTROL_REGISTER,
	[EXIT_DR] = LODGE_EXIT_CLASS_DEBUG_REGISTER,
	[EXIT_EMULATE] = LODGE_EXIT_CLASS_INSTRUCTION,
	[EXIT_UD] = LODGE_EXIT_CLASS_INSTRUCTION,
	[EXIT_GP] = LODGE_EXIT_CLASS_INSTRUCTION,
	[EXIT_NOP] = LODGE_EXIT_CLASS_INSTRUCTION,
	[EXIT_EXCEPTION] = LODGE_EXIT_CLASS_EXCEPTION,
	[EXIT_SHUTDOWN] = LODGE_EXIT_CLASS_END,
	[EXIT_FAIL] = LODGE_EXIT_CLASS_END,
	[EXIT_UNKNOWN] = LODGE_EXIT_CLASS_END,
};

bool lodge_stats_read(const struct lodge_vm *vm, u32 id,
		      struct lodge_vcpu_stats *stats)
{
	const struct lodge_vcpu *vcpu;
	const u64 *from;
	u64 *to = (u64 *)stats;
	size_t i;

	/* Pairs with the release in lodge_vcpu_create(). */
	vcpu = smp_load_acquire(&vm->vcpus[id]);
	if (!vcpu)
		return false;
	from = (const u64 *)&vcpu->stats;
	for (i = 0; i < sizeof(*stats) / sizeof(u64); i++)
		to[i] = READ_ONCE(from[i]);
	return true;
}

void lodge_stats_add(struct lodge_vcpu_stats *total,
		     const struct lodge_vcpu_stats *stats)
{
	const u64 *from = (const u64 *)stats;
	u64 *to = (u64 *)total;
	size_t i;

	for (i = 0; i < sizeof(*stats) / sizeof(u64); i++)
		to[i] += from[i];
}

void lodge_stats_classes(const struct lodge_vcpu_stats *stats,
			 struct lodge_exit_stats *classes)
{
	int kind;

	memset(classes, 0, (LODGE_EXIT_CLASS_END + 1) * sizeof(*classes));
	for (kind = 0; kind < NR_EXIT_KINDS; kind++) {
		classes[class_of[kind]].count += stats->exits[kind].count;
		classes[class_of[kind]].cycles += stats->exits[kind].cycles;
	}
}

u64 lodge_stats_ns(u64 cycles)
{
	return mul_u64_u32_div(cycles, USEC_PER_SEC, tsc_khz);
}
