/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics of a VM.  Each vCPU's own thread counts, without locks or atomics;
 * others read single counters, which may be a moment apart.
 */
#ifndef LODGE_VM_STATS_H
#define LODGE_VM_STATS_H

#include <linux/types.h>
#include <uapi/linux/lodge_netlink.h>
#include "ops.h"

struct lodge_vm;

/**
 * struct lodge_exit_stats - of exits of one kind
 * @count: how many
 * @cycles: time stamp counter's, between these exits and what came next
 */
struct lodge_exit_stats {
	u64 count;
	u64 cycles;
};

/**
 * struct lodge_vcpu_stats - of a vCPU
 * @guest_cycles: time stamp counter's, in the guest
 * @other_cycles: in the loop before its first entry; reported to nobody
 * @page_faults: nested page faults that found memory
 * @interrupts: interrupts and NMIs injected
 * @halts: how often it slept in HLT
 * @exits: by enum lodge_exit_kind
 */
struct lodge_vcpu_stats {
	u64 guest_cycles;
	u64 other_cycles;
	u64 page_faults;
	u64 interrupts;
	u64 halts;
	struct lodge_exit_stats exits[NR_EXIT_KINDS];
};

/**
 * lodge_stats_read() - what a vCPU has counted
 * @vm: its VM
 * @id: its APIC ID
 * @stats: out
 *
 * Return: false if there is no such vCPU
 */
bool lodge_stats_read(const struct lodge_vm *vm, u32 id,
		      struct lodge_vcpu_stats *stats);

/* Adds to @total. */
void lodge_stats_add(struct lodge_vcpu_stats *total,
		     const struct lodge_vcpu_stats *stats);

/* Sums exits up by class: @classes has LODGE_EXIT_CLASS_END + 1 elements. */
void lodge_stats_classes(const struct lodge_vcpu_stats *stats,
			 struct lodge_exit_stats *classes);

/* Cycles of the time stamp counter in nanoseconds */
u64 lodge_stats_ns(u64 cycles);

#endif /* LODGE_VM_STATS_H */
