/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's file systems in a container: /proc, /sys, /dev and below. */
#ifndef KERNEL_FS_H
#define KERNEL_FS_H

#include "container/rootfs.h"

/* Detached mounts, made with the host's rights. Return: a descriptor or -1 */
int kernel_fs_proc(struct error *error);
int kernel_fs_dev(const struct container_config *config, uid_t owner,
		  struct error *error);

/* Attaches these two and makes the rest. Return: 0 or -1 */
int kernel_fs_attach(const struct rootfs *rootfs,
		     const struct container_config *config, struct error *error);

#endif /* KERNEL_FS_H */
