/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a guest resets and powers itself off; acpi.c tells it of these. */
#ifndef POWER_H
#define POWER_H

/* The chipset's reset register: bit 2 resets. */
#define RESET_PORT		0xcf9
#define RESET_VALUE		0x06

/* Sleep registers of hardware-reduced ACPI (ACPI 6.4, 4.8.3.7). */
#define SLEEP_CONTROL_PORT	0x600
#define SLEEP_STATUS_PORT	0x601

/* SLP_TYP of soft off, as \_S5 gives it. */
#define SLEEP_TYPE_S5		5

#endif /* POWER_H */
