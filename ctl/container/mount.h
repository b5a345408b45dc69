/* SPDX-License-Identifier: GPL-2.0-only */
/* Mounts that are made detached, and places for them beneath a root. */
#ifndef MOUNT_H
#define MOUNT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/**
 * mount_new() - make a file system and a mount of it that is attached nowhere
 * @type: its type
 * @options: "NAME=VALUE" or "NAME", NULL-terminated; may be NULL
 * @attributes: MOUNT_ATTR_*
 * @error: filled on failure
 *
 * Return: its descriptor (close-on-exec), or -1
 */
int mount_new(const char *type, const char *const *options, uint64_t attributes,
	      struct error *error);

/* Attaches the mount @mount at the place @place (both descriptors). */
int mount_attach(int mount, int place, const char *what, struct error *error);

/**
 * mount_place() - find or make a place for a mount
 * @root: the container's root
 * @path: in it; links are followed as if @root were the root
 * @mode: of what is made: S_IFDIR or S_IFREG, and its permissions
 * @error: filled on failure
 *
 * Return: a descriptor of it (O_PATH), or -1
 */
int mount_place(int root, const char *path, mode_t mode, struct error *error);

#endif /* MOUNT_H */
