/* SPDX-License-Identifier: GPL-2.0-only */
/* What is run in an image: the same for both kinds of guests. */
#ifndef RUN_CONFIG_H
#define RUN_CONFIG_H

#include <stdbool.h>

#include "container/limits.h"
#include "container/process.h"

/**
 * struct run_config - the command line
 * @hostname: or NULL for the guest's name
 * @image: the image's name, or NULL
 * @store: the images' store, or NULL for the usual one
 * @process: the command and how it runs
 * @limits: of its cgroup
 * @interactive: -i
 * @detach: -d
 * @remove: --rm
 * @read_only: --read-only
 */
struct run_config {
	const char *hostname;
	const char *image;
	const char *store;
	struct process process;
	struct limits limits;
	bool interactive;
	bool detach;
	bool remove;
	bool read_only;
};

#endif /* RUN_CONFIG_H */
