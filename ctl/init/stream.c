// SPDX-License-Identifier: GPL-2.0-only
/* Where a stream comes from and where it goes to, with credit for what is between. */
#include "init/stream.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Frames of others shall not wait behind too many of one stream. */
#define BACKLOG_MAX	(4UL * WIRE_DATA_MAX)

void source_init(struct source *source, int fd, bool owned)
{
	source->fd = fd;
	source->credit = WIRE_WINDOW;
	source->owned = owned;
}

void source_close(struct source *source)
{
	if (source->owned && source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}

bool source_is_ready(const struct source *source, const struct wire_buffer *out)
{
	return source->fd >= 0 && source->credit && out->count < BACKLOG_MAX;
}

int source_read(struct source *source, struct wire_buffer *out, unsigned int stream,
		unsigned int session)
{
	static uint8_t bytes[WIRE_DATA_MAX];
	size_t size = source->credit < sizeof(bytes) ? source->credit : sizeof(bytes);
	ssize_t count;

	if (!source_is_ready(source, out))
		return -1;
	do
		count = read(source->fd, bytes, size);
	while (count < 0 && errno == EINTR);
	if (count < 0 && errno == EAGAIN)
		return -1;
	/* A terminal that nobody has open any more gives EIO. */
	if (count <= 0) {
		source_close(source);
		count = 0;
	}
	if (wire_send(out, WIRE_DATA, stream, session, bytes, (size_t)count))
		return -1;
	source->credit -= (uint32_t)count;
	return (int)count;
}

int source_add_credit(struct source *source, uint32_t credit)
{
	if (credit > WIRE_WINDOW - source->credit)
		return -1;
	source->credit += credit;
	return 0;
}

void sink_init(struct sink *sink, int fd, bool owned)
{
	memset(sink, 0, sizeof(*sink));
	sink->fd = fd;
	sink->owned = owned;
}

void sink_close(struct sink *sink)
{
	if (sink->owned && sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
	wire_free(&sink->pending);
}

int sink_put(struct sink *sink, const void *bytes, size_t size)
{
	if (sink->ended || size > WIRE_WINDOW - sink->owed - sink->pending.count)
		return -1;
	if (!size)
		sink->ended = true;
	return wire_append(&sink->pending, bytes, size);
}

/* What may be written after poll() has said that there is room: ours do not block. */
static size_t room(const struct sink *sink)
{
	struct stat status;

	if (sink->owned || (!fstat(sink->fd, &status) && S_ISREG(status.st_mode)))
		return WIRE_WINDOW;
	return PIPE_BUF;
}

static void give_credit(struct sink *sink, struct wire_buffer *out,
			unsigned int stream, unsigned int session)
{
	/* The last bytes of a stream need none. */
	if (sink->ended || sink->owed < WIRE_WINDOW / 4)
		return;
	if (!wire_send_number(out, WIRE_CREDIT, stream, session, sink->owed))
		sink->owed = 0;
}

size_t sink_write(struct sink *sink, struct wire_buffer *out, unsigned int stream,
		  unsigned int session)
{
	size_t before = sink->pending.count, written;

	if (sink->fd < 0) {
		wire_drop(&sink->pending, before);
	} else if (before && wire_write(&sink->pending, sink->fd, room(sink))) {
		sink->error = errno;
		if (sink->owned)
			close(sink->fd);
		sink->fd = -1;
		wire_drop(&sink->pending, sink->pending.count);
	}
	written = before - sink->pending.count;
	sink->owed += (uint32_t)written;
	give_credit(sink, out, stream, session);
	if (sink->ended && !sink->pending.count && sink->owned && sink->fd >= 0) {
		close(sink->fd);
		sink->fd = -1;
	}
	return written;
}
