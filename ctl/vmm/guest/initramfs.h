/* SPDX-License-Identifier: GPL-2.0-only */
/* The initramfs of a guest: lodge-init and the modules that it loads. */
#ifndef INITRAMFS_H
#define INITRAMFS_H

#include "error.h"

/**
 * initramfs_pack() - make one
 * @folder: of the kernel's modules
 * @names: those that the guest needs, see modules_find()
 * @optional: those that may be missing
 * @error: filled on failure
 *
 * It is a cpio archive ("newc") in memory; compressed modules are in there unpacked,
 * for not every kernel can unpack them itself.
 *
 * Return: a descriptor of it, or -1
 */
int initramfs_pack(const char *folder, const char *const *names,
		   const char *const *optional, struct error *error);

#endif /* INITRAMFS_H */
