/* SPDX-License-Identifier: GPL-2.0-only */
/* `run -d`: a keeper without a terminal, and the log that its guest writes. */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>

#include "error.h"

/**
 * struct log - a log
 * @folder: of the guest's state
 * @size: how much is in the newest file
 */
struct log {
	int folder;
	size_t size;
};

/* From now on, standard output and errors are the log, and there is no input. */
int log_open(struct log *log, int folder, struct error *error);

/* So many bytes were written; @state is a struct log. */
void log_written(void *state, size_t count);

/**
 * detach() - have a keeper go on without its caller
 * @run: the keeper; @ready is what detach_tell() wants
 * @data: passed to @run
 *
 * Prints the guest's name when it runs.
 *
 * Return: an exit status
 */
int detach(int (*run)(void *data, int ready), void *data);

/* The guest runs: whoever called `run -d` gets the name, and can go. */
int detach_tell(int ready, const char *name, struct error *error);

#endif /* LOG_H */
