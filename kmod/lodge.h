/* SPDX-License-Identifier: GPL-2.0-only */
/* What every part of the module shares: messages, the caller's structs. */
#ifndef LODGE_H
#define LODGE_H

#include <linux/types.h>
#include <linux/uaccess.h>
#include <uapi/linux/lodge.h>
#include "probed.h"

/**
 * lodge_copy_struct() - take an extensible struct from the caller
 * @dst: where to put it, @ksize bytes
 * @ksize: size of the struct as this module knows it
 * @min_size: size of its first published version
 * @src: the caller's struct, which begins with its size as a __u32
 *
 * Context: may sleep.
 * Return: 0, -EFAULT, -EINVAL (shorter than @min_size) or -E2BIG (a tail that
 * this module does not know is not zero, or a size above a page).
 */
int lodge_copy_struct(void *dst, size_t ksize, size_t min_size,
		      const void __user *src);

/* Whether each control block is held against the manual before it is used. */
extern bool lodge_check_state;

int lodge_chardev_init(void);
void lodge_chardev_exit(void);

#endif /* LODGE_H */
