/* SPDX-License-Identifier: GPL-2.0-only */
/* The standard streams of a process that is about to be in a container. */
#ifndef STREAMS_H
#define STREAMS_H

#include <stdbool.h>
#include <sys/types.h>

#include "container/process.h"
#include "error.h"

/**
 * streams_arrange() - keep some descriptors and no others
 * @fds: what shall be the descriptors 0, 1, 2 ...; -1 is /dev/null
 * @count: how many
 * @error: filled on failure
 *
 * Whatever else the keeper has open is not for the container.
 *
 * Return: 0 or -1
 */
int streams_arrange(const int *fds, int count, struct error *error);

/* Where @fds has -1, the container's own /dev/null. Return: 0 or -1 */
int streams_use_null(const int fds[3], struct error *error);

/* A pipe is its maker's: /dev/stdout is to be opened by the command, too. */
void streams_give(const int fds[3], const struct identity *identity);

/**
 * streams_make_terminal() - make a terminal for the container
 * @uid: whose it is to be
 * @console: it is the container's /dev/console
 * @master: out: the side of the one who shows it
 * @error: filled on failure
 *
 * To be called with the container's root as root.
 *
 * Return: the program's side, or -1
 */
int streams_make_terminal(uid_t uid, bool console, int *master,
			  struct error *error);

/* A new session, with @terminal, if it is one, for its terminal and streams */
void streams_use_terminal(int terminal);

#endif /* STREAMS_H */
