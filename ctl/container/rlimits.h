/* SPDX-License-Identifier: GPL-2.0-only */
/* --ulimit: resource limits of a process in a guest. */
#ifndef RLIMITS_H
#define RLIMITS_H

#include <stdint.h>
#include <sys/resource.h>

#include "error.h"

/**
 * struct rlimits - resource limits (setrlimit(2))
 * @given: a bit for each that is not as usual, by its RLIMIT_ number
 * @reserved: 0
 * @limit: their values
 *
 * As it is it goes to lodge-init of a VM, too, which is of the same build.
 */
struct rlimits {
	uint32_t given;
	uint32_t reserved;
	struct {
		uint64_t soft;
		uint64_t hard;
	} limit[RLIM_NLIMITS];
};

/**
 * rlimits_parse() - one --ulimit
 * @text: NAME=SOFT[:HARD], with numbers or "unlimited" (also -1), as docker has it
 * @limits: is added to it
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int rlimits_parse(const char *text, struct rlimits *limits, struct error *error);

/* The NAME of an RLIMIT_ number, as in --ulimit; NULL if there is none */
const char *rlimits_name(unsigned int resource);

/**
 * rlimits_set() - this process's limits: what a shell of the host has been given is
 * not the guest's
 * @limits: those that are not as usual
 * @error: filled on failure
 *
 * To be called before a user namespace is entered, where none can be raised.
 *
 * Return: 0 or -1
 */
int rlimits_set(const struct rlimits *limits, struct error *error);

#endif /* RLIMITS_H */
