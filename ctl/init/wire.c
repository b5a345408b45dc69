// SPDX-License-Identifier: GPL-2.0-only
/* Frames between keeper and lodge-init: how they are made and checked. */
#include "init/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE	65536

/* In front of each payload */
struct header {
	uint32_t size;
	uint8_t type;
	uint8_t stream;
	uint16_t session;
};

/* Who may send it: a bit for each stream that it may be of */
static const struct rule {
	const char *name;
	uint32_t min, max;
	uint8_t from_guest, from_keeper;
} rules[WIRE_NR_TYPES] = {
	[WIRE_HELLO] = { "hello", 1, 64, 1, 0 },
	[WIRE_SETUP] = { "setup", WIRE_SETUP_NR, WIRE_TEXT_MAX, 0, 1 },
	[WIRE_START] = { "start", sizeof(struct wire_start), WIRE_START_MAX, 0, 1 },
	[WIRE_STARTED] = { "started", sizeof(struct wire_started),
			   sizeof(struct wire_started), 1, 0 },
	[WIRE_FAILED] = { "failed", sizeof(struct wire_failure),
			  sizeof(struct wire_failure), 1, 0 },
	[WIRE_DATA] = { "data", 0, WIRE_DATA_MAX, 6, 1 },
	[WIRE_CREDIT] = { "credit", 4, 4, 1, 6 },
	[WIRE_SIGNAL] = { "signal", 4, 4, 0, 1 },
	[WIRE_RESIZE] = { "resize", sizeof(struct wire_size),
			  sizeof(struct wire_size), 0, 1 },
	[WIRE_CLOSE] = { "close", 0, 0, 0, 1 },
	[WIRE_EXIT] = { "exit", 4, 4, 1, 0 },
	[WIRE_MEMORY] = { "memory", sizeof(struct wire_memory),
			  sizeof(struct wire_memory), 0, 1 },
};

void wire_free(struct wire_buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

/* Makes room for @size bytes behind what is there. */
static int reserve(struct wire_buffer *buffer, size_t size)
{
	size_t room = buffer->room ? buffer->room : 4096;
	uint8_t *data;

	if (buffer->start && buffer->start + buffer->count + size > buffer->room) {
		memmove(buffer->data, buffer->data + buffer->start, buffer->count);
		buffer->start = 0;
	}
	if (buffer->count + size <= buffer->room)
		return 0;
	while (room < buffer->count + size)
		room *= 2;
	data = realloc(buffer->data, room);
	if (!data)
		return -1;
	buffer->data = data;
	buffer->room = room;
	return 0;
}

int wire_append(struct wire_buffer *buffer, const void *bytes, size_t size)
{
	if (!size)
		return 0;
	if (reserve(buffer, size))
		return -1;
	memcpy(buffer->data + buffer->start + buffer->count, bytes, size);
	buffer->count += size;
	return 0;
}

void wire_drop(struct wire_buffer *buffer, size_t size)
{
	buffer->start += size;
	buffer->count -= size;
	if (!buffer->count)
		buffer->start = 0;
}

int wire_send(struct wire_buffer *buffer, enum wire_type type, unsigned int stream,
	      unsigned int session, const void *payload, size_t size)
{
	const struct header header = {
		.size = (uint32_t)size,
		.type = (uint8_t)type,
		.stream = (uint8_t)stream,
		.session = (uint16_t)session,
	};

	/* All or nothing: half a frame would spoil the rest. */
	if (reserve(buffer, sizeof(header) + size))
		return -1;
	wire_append(buffer, &header, sizeof(header));
	return wire_append(buffer, payload, size);
}

int wire_send_number(struct wire_buffer *buffer, enum wire_type type,
		     unsigned int stream, unsigned int session, uint32_t number)
{
	return wire_send(buffer, type, stream, session, &number, sizeof(number));
}

int wire_read(struct wire_buffer *buffer, int fd)
{
	ssize_t count;

	if (reserve(buffer, READ_SIZE)) {
		errno = ENOMEM;
		return -1;
	}
	do
		count = read(fd, buffer->data + buffer->start + buffer->count, READ_SIZE);
	while (count < 0 && errno == EINTR);
	if (count > 0)
		buffer->count += (size_t)count;
	return (int)count;
}

int wire_write(struct wire_buffer *buffer, int fd, size_t max)
{
	size_t size = buffer->count < max ? buffer->count : max;
	ssize_t count;

	if (!size)
		return 0;
	do
		count = write(fd, buffer->data + buffer->start, size);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return errno == EAGAIN ? 0 : -1;
	wire_drop(buffer, (size_t)count);
	return 0;
}

static int check_header(const struct header *header, enum wire_side from,
			struct error *error)
{
	const struct rule *rule;
	unsigned int allowed;

	if (header->type >= WIRE_NR_TYPES)
		return error_set(error, 0, "a frame has the unknown type %u", header->type);
	rule = &rules[header->type];
	allowed = from == WIRE_FROM_GUEST ? rule->from_guest : rule->from_keeper;
	if (header->stream >= WIRE_STREAMS || !(allowed >> header->stream & 1))
		return error_set(error, 0, "a frame '%s' is not for this side, or not of stream %u",
				 rule->name, header->stream);
	if (header->size < rule->min || header->size > rule->max)
		return error_set(error, 0, "a frame '%s' has %u bytes", rule->name,
				 header->size);
	return 0;
}

int wire_take(struct wire_buffer *buffer, enum wire_side from,
	      struct wire_frame *frame, struct error *error)
{
	struct header header;

	if (buffer->count < sizeof(header))
		return 0;
	memcpy(&header, buffer->data + buffer->start, sizeof(header));
	if (check_header(&header, from, error))
		return -1;
	if (buffer->count - sizeof(header) < header.size)
		return 0;
	frame->type = header.type;
	frame->stream = header.stream;
	frame->session = header.session;
	frame->size = header.size;
	frame->payload = buffer->data + buffer->start + sizeof(header);
	wire_drop(buffer, sizeof(header) + header.size);
	return 1;
}

uint32_t wire_number(const struct wire_frame *frame)
{
	uint32_t number;

	memcpy(&number, frame->payload, sizeof(number));
	return number;
}

int wire_strings(const uint8_t *bytes, size_t size, char **strings, size_t count)
{
	const uint8_t *end = bytes + size, *nul;
	size_t i;

	for (i = 0; i < count; i++) {
		nul = bytes < end ? memchr(bytes, 0, (size_t)(end - bytes)) : NULL;
		if (!nul)
			return -1;
		strings[i] = (char *)bytes;
		bytes = nul + 1;
	}
	return bytes == end ? 0 : -1;
}

bool wire_is_text(const char *text, size_t size)
{
	return memchr(text, 0, size);
}
