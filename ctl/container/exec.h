/* SPDX-License-Identifier: GPL-2.0-only */
/* One more process in a container that runs. */
#ifndef EXEC_H
#define EXEC_H

#include <stdbool.h>

#include "container/process.h"
#include "container/state.h"

/**
 * container_exec() - run a command in a container until it ends
 * @state: of the container
 * @process: what to run
 * @interactive: standard input is its input
 *
 * Prints its errors.
 *
 * Return: an exit status
 */
int container_exec(const struct state *state, const struct process *process,
		   bool interactive);

#endif /* EXEC_H */
