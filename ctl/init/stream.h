/* SPDX-License-Identifier: GPL-2.0-only */
/* The two ends of a stream in a session: both sides of the wire have them. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>

#include "init/wire.h"

/**
 * struct source - where a stream comes from
 * @fd: what is read; -1: the stream has ended
 * @credit: so many bytes the other side takes
 * @owned: @fd is closed at the end
 */
struct source {
	int fd;
	uint32_t credit;
	bool owned;
};

/**
 * struct sink - where a stream goes to
 * @fd: what is written; -1: nowhere, what comes is thrown away
 * @pending: received and not yet written
 * @owed: written, and the other side has not been told
 * @ended: no more will come
 * @owned: @fd is closed at the end
 * @error: an errno: it could not be written
 */
struct sink {
	int fd;
	struct wire_buffer pending;
	uint32_t owed;
	bool ended;
	bool owned;
	int error;
};

void source_init(struct source *source, int fd, bool owned);
void source_close(struct source *source);
/* Is it to be read now?  Not when @out has much to send already. */
bool source_is_ready(const struct source *source, const struct wire_buffer *out);

/**
 * source_read() - read once, and send it
 * @source: from where
 * @out: to where
 * @stream: its number
 * @session: whose it is
 *
 * At the end it sends that, too.
 *
 * Return: bytes; 0: the end; -1: nothing is there, or nothing can be sent
 */
int source_read(struct source *source, struct wire_buffer *out, unsigned int stream,
		unsigned int session);

/* More credit. Return: 0, or -1: more than a window */
int source_add_credit(struct source *source, uint32_t credit);

void sink_init(struct sink *sink, int fd, bool owned);
void sink_close(struct sink *sink);

/* Received. Return: 0, or -1: more than there was credit for, or no memory */
int sink_put(struct sink *sink, const void *bytes, size_t size);

/**
 * sink_write() - write what can be written without waiting
 * @sink: where to
 * @out: the way to the sender, for credit
 * @stream: its number
 * @session: whose it is
 *
 * To be called when poll() says that there is room, and after sink_put() of what
 * is thrown away.
 *
 * Return: so many bytes were written
 */
size_t sink_write(struct sink *sink, struct wire_buffer *out, unsigned int stream,
		  unsigned int session);

#endif /* STREAM_H */
