/* SPDX-License-Identifier: GPL-2.0-only */
/* Root mode: who holds it, and on which CPUs. */
#ifndef LODGE_VM_ROOTMODE_H
#define LODGE_VM_ROOTMODE_H

#include <linux/percpu.h>
#include "ops.h"

/* This CPU is in root mode for us; read with interrupts off. */
DECLARE_PER_CPU(bool, lodge_root_on);

/**
 * lodge_rootmode_init() - choose the vendor and follow CPUs as they come and go
 *
 * Description: A host that cannot run VMs is no error; see
 * lodge_rootmode_info().
 *
 * Return: 0 or -errno
 */
int lodge_rootmode_init(void);
void lodge_rootmode_exit(void);

/**
 * lodge_rootmode_get() - enter root mode on all CPUs, if this is the first user
 *
 * Description: Root mode is held only while VMs exist, so that a loaded and
 * idle module does not keep another hypervisor out.
 *
 * Context: may sleep.
 * Return: 0, -ENODEV (no vendor) or -EBUSY (another hypervisor holds it)
 */
int lodge_rootmode_get(void);
void lodge_rootmode_put(void);

/* Fills vendor, vm_error, reason, features, nr_asids. Context: may sleep. */
void lodge_rootmode_info(struct lodge_info *info);

#endif /* LODGE_VM_ROOTMODE_H */
