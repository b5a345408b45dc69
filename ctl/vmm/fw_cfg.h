/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU's firmware configuration device: how SeaBIOS is told what there is. */
#ifndef FW_CFG_H
#define FW_CFG_H

#include <stddef.h>

#include "error.h"

struct vm;

/**
 * fw_cfg_add() - a file for the firmware
 * @vm: a VM with a firmware
 * @name: its name
 * @data: its content, copied
 * @size: bytes
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int fw_cfg_add(struct vm *vm, const char *name, const void *data, size_t size,
	       struct error *error);

#endif /* FW_CFG_H */
