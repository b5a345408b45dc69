/* SPDX-License-Identifier: GPL-2.0-only */
/* Who cleans up when a keeper was killed, and what it need not wait for. */
#ifndef JANITOR_H
#define JANITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "net/net.h"

/**
 * struct janitor - a process that waits for its keeper's end
 * @pid: the process
 * @rope: a socket; the janitor feels it when the keeper lets go
 */
struct janitor {
	pid_t pid;
	int rope;
};

/**
 * janitor_start() - have somebody clean up if the keeper is killed
 * @janitor: out
 * @name: the container's
 * @cgroup: the path of its cgroup
 * @keep: its state stays
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int janitor_start(struct janitor *janitor, const char *name, const char *cgroup,
		  bool keep, struct error *error);

/**
 * janitor_dismiss() - the keeper has cleaned up itself
 * @janitor: nobody waits for its end
 * @net: what is left to be detached, or NULL
 */
void janitor_dismiss(struct janitor *janitor, struct net *net);

#endif /* JANITOR_H */
