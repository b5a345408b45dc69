/* SPDX-License-Identifier: GPL-2.0-only */
/* What a container sees: its root and all that is mounted in it. */
#ifndef ROOTFS_H
#define ROOTFS_H

#include "container/container.h"
#include "error.h"

/**
 * struct rootfs - mounts under way
 * @root: the overlay
 * @scratch: the file system with the overlay's upper folder
 * @proc: /proc
 * @dev: /dev
 * @volumes: those of the configuration
 * @owner: what the container's root is on the host
 */
struct rootfs {
	int root;
	int scratch;
	int proc;
	int dev;
	int *volumes;
	uid_t owner;
};

/**
 * rootfs_prepare() - make what takes the host's rights
 * @rootfs: out
 * @config: of the container
 * @image: a detached mount of its image
 * @error: filled on failure
 *
 * To be called by PID 1 in its own mount and PID namespaces, before it is in a
 * user namespace: overlayfs wants trusted attributes, and device nodes their
 * maker to be the host's root.  None of it is attached.
 *
 * Return: 0 or -1; then the process is to end, which undoes all
 */
int rootfs_prepare(struct rootfs *rootfs, const struct container_config *config,
		   int image, struct error *error);

/**
 * rootfs_assemble() - put it together
 * @rootfs: from rootfs_prepare()
 * @config: of the container
 * @error: filled on failure
 *
 * To be called when all namespaces are made.
 *
 * Return: 0 or -1
 */
int rootfs_assemble(struct rootfs *rootfs, const struct container_config *config,
		    struct error *error);

/**
 * rootfs_write() - write a file of the host's making, such as /etc/hosts
 * @rootfs: assembled
 * @path: of the file, beneath the container's root
 * @text: what it shall say
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int rootfs_write(const struct rootfs *rootfs, const char *path, const char *text,
		 struct error *error);

/**
 * rootfs_enter() - make it the root, for good
 * @rootfs: assembled
 * @config: of the container
 * @error: filled on failure
 *
 * Nothing of the host's mounts is left.
 *
 * Return: 0 or -1
 */
int rootfs_enter(const struct rootfs *rootfs, const struct container_config *config,
		 struct error *error);

#endif /* ROOTFS_H */
