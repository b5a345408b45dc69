/* SPDX-License-Identifier: GPL-2.0-only */
/* Files as the processes of a guest see them. */
#ifndef TREES_H
#define TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct policy;

/* A path of the guest's. Return: an O_PATH descriptor or -1 */
int trees_open(pid_t init, const char *path, struct error *error);

/* Adds a tree for each mount that the guest sees, writable if the mount is. */
int trees_of_mounts(struct policy *policy, pid_t init, struct error *error);

/**
 * trees_find() - what does a guest call a file?
 * @init: the guest's first process
 * @major: of the file's file system, as in mountinfo
 * @minor: likewise
 * @path: where it is on that file system
 * @found: out, of @size bytes
 * @size: bytes
 *
 * Return: false if it does not see it
 */
bool trees_find(pid_t init, uint32_t major, uint32_t minor, const char *path,
		char *found, size_t size);

/* "\040" and its like, in place */
void trees_unescape(char *text);

#endif /* TREES_H */
