/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread that serves a VM's devices: it waits for descriptors. */
#ifndef IO_H
#define IO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/**
 * struct io_watch - a descriptor to wait for
 * @fd: the descriptor
 * @ready: called by the I/O thread with what poll() would say (EPOLL*)
 *
 * It is part of something that lives until the thread has ended: @ready may be
 * called once more after io_unwatch().
 */
struct io_watch {
	int fd;
	void (*ready)(struct io_watch *watch, uint32_t events);
};

/**
 * struct io - an I/O thread
 * @epoll: what it waits with
 * @stop: woken to end it
 * @thread: the thread
 * @started: it runs
 * @stopping: it is to end
 */
struct io {
	int epoll;
	struct io_watch stop;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
};

int io_create(struct io *io, struct error *error);
int io_start(struct io *io, struct error *error);
/* Ends the thread; io_start() may start it again. */
void io_stop(struct io *io);
void io_destroy(struct io *io);

/* Serves what is ready, after at most @ms milliseconds: one turn of the thread. */
void io_turn(struct io *io, int ms);

/* Any thread.  @events 0 is for errors and hang-ups only. */
int io_watch(struct io *io, struct io_watch *watch, uint32_t events,
	     struct error *error);
void io_watch_change(struct io *io, struct io_watch *watch, uint32_t events);
void io_unwatch(struct io *io, struct io_watch *watch);

/* A non-blocking eventfd. Return: it, or -1 */
int io_eventfd(struct error *error);
/* Signals an eventfd, and takes its signals back. */
void io_signal(int fd);
void io_clear(int fd);

#endif /* IO_H */
