/* SPDX-License-Identifier: GPL-2.0-only */
/* What the command line leaves to the image, and the image to us. */
#ifndef SETTLE_H
#define SETTLE_H

#include "container/container.h"
#include "image/image.h"

/**
 * settle_process() - fill in what the command line does not say
 * @process: from the command line
 * @image: the image, or NULL
 * @error: filled on failure
 *
 * Its lists are new ones; their strings are still those of the command line and
 * of @image.
 *
 * Return: 0, or -1: there is nothing to run
 */
int settle_process(struct process *process, const struct image *image,
		   struct error *error);
void settle_free(struct process *process);

#endif /* SETTLE_H */
