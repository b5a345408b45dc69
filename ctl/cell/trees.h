/* SPDX-License-Identifier: GPL-2.0-only */
/* Files as the processes of a guest see them. */
#ifndef TREES_H
#define TREES_H

#include <sys/types.h>

#include "error.h"

struct policy;

/* A path of the guest's. Return: an O_PATH descriptor or -1 */
int trees_open(pid_t init, const char *path, struct error *error);

/* Adds a tree for each mount that the guest sees, writable if the mount is. */
int trees_of_mounts(struct policy *policy, pid_t init, struct error *error);

#endif /* TREES_H */
