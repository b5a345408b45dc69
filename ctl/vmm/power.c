// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reset and power off: the chipset's register and ACPI's.  The keyboard controller
 * has another way to reset (keyboard.c).
 */
#include "vmm/power.h"

#include <stddef.h>

#include "vmm/vm.h"

/* Port 0x92: A20, which is always on. */
#define SYSTEM_CONTROL		0x92
#define SYSTEM_A20		0x02

#define RESET_CPU		0x04

#define SLEEP_ENABLE		0x20
#define SLEEP_TYPE(value)	(((value) >> 2) & 7)

static void system_access(void *state, uint64_t offset, unsigned int width,
			  bool write, uint64_t *value)
{
	(void)state;
	(void)offset;
	(void)width;
	if (!write)
		*value = SYSTEM_A20;
}

static void reset_access(void *state, uint64_t offset, unsigned int width,
			 bool write, uint64_t *value)
{
	(void)offset;
	(void)width;
	if (!write)
		*value = 0;
	else if (*value & RESET_CPU)
		vm_end(state, VM_RESET, NULL);
}

static void sleep_access(void *state, uint64_t offset, unsigned int width,
			 bool write, uint64_t *value)
{
	(void)width;
	if (!write)
		*value = 0;
	else if (!offset && *value & SLEEP_ENABLE &&
		 SLEEP_TYPE(*value) == SLEEP_TYPE_S5)
		vm_end(state, VM_POWERED_OFF, NULL);
}

static int power_create(struct vm *vm, void **state, struct error *error)
{
	const struct bus_region regions[] = {
		{ SYSTEM_CONTROL, 1, 1, system_access, vm },
		{ RESET_PORT, 1, 1, reset_access, vm },
		{ SLEEP_CONTROL_PORT, 2, 1, sleep_access, vm },
	};
	size_t i;

	for (i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
		if (bus_claim_ports(&vm->bus, &regions[i], error))
			return -1;
	*state = NULL;
	return 0;
}

static const struct device power = {
	.name = "power",
	.create = power_create,
};

DEVICE(power);
