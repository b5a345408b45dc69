// SPDX-License-Identifier: GPL-2.0-only
/* One thread for all devices: each would need a stack, and mostly they idle. */
#include "vmm/io.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/thread.h"

#define MAX_EVENTS	16

static void stop_ready(struct io_watch *watch, uint32_t events)
{
	(void)events;
	io_clear(watch->fd);
}

int io_create(struct io *io, struct error *error)
{
	io->epoll = epoll_create1(EPOLL_CLOEXEC);
	io->stop.fd = -1;
	if (io->epoll < 0)
		return error_set(error, errno, "cannot wait for devices");
	io->stop.ready = stop_ready;
	io->stop.fd = io_eventfd(error);
	if (io->stop.fd < 0 || io_watch(io, &io->stop, EPOLLIN, error))
		return -1;
	return 0;
}

void io_turn(struct io *io, int ms)
{
	struct epoll_event events[MAX_EVENTS];
	int count = epoll_wait(io->epoll, events, MAX_EVENTS, ms);
	int i;

	for (i = 0; i < count; i++) {
		struct io_watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
}

static void *io_thread(void *data)
{
	struct io *io = data;

	pthread_setname_np(pthread_self(), "lodge-io");
	while (!atomic_load(&io->stopping))
		io_turn(io, -1);
	return NULL;
}

int io_start(struct io *io, struct error *error)
{
	atomic_store(&io->stopping, false);
	if (thread_start(&io->thread, io_thread, io, 0, "the thread of the devices", error))
		return -1;
	io->started = true;
	return 0;
}

void io_stop(struct io *io)
{
	if (!io->started)
		return;
	atomic_store(&io->stopping, true);
	io_signal(io->stop.fd);
	pthread_join(io->thread, NULL);
	io->started = false;
}

void io_destroy(struct io *io)
{
	if (io->stop.fd >= 0)
		close(io->stop.fd);
	if (io->epoll >= 0)
		close(io->epoll);
}

int io_watch(struct io *io, struct io_watch *watch, uint32_t events,
	     struct error *error)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(io->epoll, EPOLL_CTL_ADD, watch->fd, &event))
		return error_set(error, errno, "cannot wait for a descriptor");
	return 0;
}

void io_watch_change(struct io *io, struct io_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	epoll_ctl(io->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void io_unwatch(struct io *io, struct io_watch *watch)
{
	epoll_ctl(io->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

int io_eventfd(struct error *error)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		error_set(error, errno, "cannot make an eventfd");
	return fd;
}

void io_signal(int fd)
{
	uint64_t one = 1;

	/* Full means that it is signalled already. */
	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

void io_clear(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();
}
