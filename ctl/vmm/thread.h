/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads of a keeper: small stacks, and signals are the main thread's. */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>

#include "error.h"

/**
 * thread_start() - start one
 * @thread: filled
 * @body: what it runs
 * @data: passed to @body
 * @signal: the one signal that it takes beside faults of its own, or 0
 * @what: which thread it is, for the error
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int thread_start(pthread_t *thread, void *(*body)(void *data), void *data,
		 int signal, const char *what, struct error *error);

#endif /* THREAD_H */
