/* SPDX-License-Identifier: GPL-2.0-only */
/* Signals that come through a descriptor. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stddef.h>

#include "error.h"

/* Adds those that are not ignored: what nohup or a shell has had us ignore stays so. */
void signals_add(sigset_t *set, const int *signals, size_t count);

/* Return: a signalfd, close-on-exec, that does not block, or -1 */
int signals_open(const sigset_t *set, struct error *error);

#endif /* SIGNALS_H */
