/* SPDX-License-Identifier: GPL-2.0-only */
/* The initramfs of a guest: lodge-init and the modules that it loads. */
#ifndef INITRAMFS_H
#define INITRAMFS_H

#include "error.h"
#include "vmm/guest/modules.h"

/**
 * initramfs_pack() - make one
 * @modules: in the order in which they are to be loaded
 * @error: filled on failure
 *
 * It is a cpio archive ("newc") in memory; compressed modules are in there unpacked,
 * for not every kernel can unpack them itself.
 *
 * Return: a descriptor of it, or -1
 */
int initramfs_pack(const struct modules *modules, struct error *error);

#endif /* INITRAMFS_H */
