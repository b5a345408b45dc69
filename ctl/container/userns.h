/* SPDX-License-Identifier: GPL-2.0-only */
/* --userns auto: a container's root is nobody on the host. */
#ifndef USERNS_H
#define USERNS_H

#include <sys/types.h>

#include "error.h"

#define USERNS_IDS	65536U

/**
 * userns_create() - make a user namespace with IDs that no other container has
 * @owner: out: what its root is on the host
 * @lock: out: a descriptor; its IDs are this container's while it is open
 * @error: filled on failure
 *
 * Return: a descriptor of the namespace, or -1
 */
int userns_create(uid_t *owner, int *lock, struct error *error);

/* Has the detached mount @mount show its files as @userns counts. */
int userns_map_mount(int userns, int mount, struct error *error);

#endif /* USERNS_H */
