/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter of system calls: building one takes longer than all the rest. */
#ifndef SECCOMP_H
#define SECCOMP_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* The capabilities that make a difference to the filter */
uint64_t seccomp_caps(void);

/* What seccomp_filter() in process.h gives, always a new one. */
struct sock_filter *seccomp_build(uint64_t caps, size_t *count,
				  struct error *error);

#endif /* SECCOMP_H */
