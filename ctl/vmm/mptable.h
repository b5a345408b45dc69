/* SPDX-License-Identifier: GPL-2.0-only */
/* MP tables (Intel MultiProcessor Specification 1.4): what was before ACPI. */
#ifndef MPTABLE_H
#define MPTABLE_H

#include <stdint.h>

struct vm;

#define MPTABLE_SIZE	0x400ULL

/**
 * mptable_build() - write the tables into the extended BIOS data area
 * @vm: the VM
 * @area: that area in this process, MPTABLE_SIZE bytes
 * @address: where the guest has it
 */
void mptable_build(const struct vm *vm, uint8_t *area, uint32_t address);

#endif /* MPTABLE_H */
