/* SPDX-License-Identifier: GPL-2.0-only */
/* Policies as text, and as the module takes them. */
#ifndef POLICY_H
#define POLICY_H

#include <linux/lodge.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct policy - what a cell's processes may do
 * @complain: report what would be denied, and let it happen
 * @rights: LODGE_RIGHT_* that are not guarded
 * @rules: for the module; trees have descriptors, which are closed with it
 * @nr_rules: how many
 */
struct policy {
	bool complain;
	uint32_t rights;
	struct lodge_cell_rule rules[LODGE_MAX_RULES];
	size_t nr_rules;
};

/**
 * policy_parse() - add what a text says to a policy
 * @policy: the policy, all zero at first
 * @text: lines, see Documentation/cells.md
 * @name: of the text, for errors
 * @init: the cell's first process, whose view of files is meant
 * @error: filled on failure: names the line
 *
 * Return: 0 or -1
 */
int policy_parse(struct policy *policy, const char *text, const char *name,
		 pid_t init, struct error *error);

/* The same from a file, or the default policy for NULL */
int policy_load(struct policy *policy, const char *path, pid_t init,
		struct error *error);

/* A tree by a descriptor, which stays the caller's; a device by its path */
int policy_add_tree(struct policy *policy, int fd, uint32_t access,
		    struct error *error);
int policy_add_device(struct policy *policy, const char *path, uint32_t access,
		      struct error *error);

/* Privileged: any device, and any file system that it may mount */
void policy_widen(struct policy *policy);

/* Closes its descriptors. */
void policy_close(struct policy *policy);

/* As the module takes it; @policy must stay. */
void policy_to_module(const struct policy *policy, struct lodge_policy *to);

/* Words of LODGE_RIGHT_*, by the number of the bit */
extern const char *const policy_rights[];

/* Name of a family of sockets, or NULL */
const char *policy_family(unsigned int family);

#endif /* POLICY_H */
