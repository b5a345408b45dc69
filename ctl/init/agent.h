/* SPDX-License-Identifier: GPL-2.0-only */
/* lodge-init's end of the wire: runs what the keeper asks for. */
#ifndef AGENT_H
#define AGENT_H

#include "error.h"

/**
 * typedef agent_setup - make the guest what the keeper says
 * @strings: enum wire_setup
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
typedef int (*agent_setup)(char **strings, struct error *error);

/**
 * agent_run() - serve the keeper until the first command has ended
 * @in: from the keeper
 * @out: to the keeper; may be the same; both do not block
 * @setup: called once, before the first command
 * @error: filled on failure
 *
 * All signals are blocked from here on.  When it returns, the keeper has been told
 * all.
 *
 * Return: 0, or -1: the wire is broken
 */
int agent_run(int in, int out, agent_setup setup, struct error *error);

#endif /* AGENT_H */
