// SPDX-License-Identifier: GPL-2.0-only
/* Packets of gdb's remote protocol: $data#checksum (gdb's manual, appendix E). */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/gdb/private.h"

#define CTRL_C	0x03
#define ESCAPE	'}'
#define ESCAPED	0x20

/* How often it is looked whether the VM has ended */
#define WAIT_MS	100

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void begin(struct gdb_input *input)
{
	input->state = GDB_WITHIN;
	input->sum = 0;
	input->length = 0;
	input->too_long = false;
}

static enum gdb_event between(struct gdb_input *input, uint8_t byte)
{
	switch (byte) {
	case '$':
		begin(input);
		return GDB_NOTHING;
	case '-':
		return GDB_AGAIN;
	case CTRL_C:
		return GDB_INTERRUPT;
	default:
		return GDB_NOTHING;
	}
}

static enum gdb_event checksum(struct gdb_input *input, uint8_t byte)
{
	int value = digit((char)byte);

	if (value < 0) {
		input->state = GDB_BETWEEN;
		return GDB_BAD_PACKET;
	}
	input->wanted = (uint8_t)(input->wanted << 4 | value);
	if (++input->digits < 2)
		return GDB_NOTHING;
	input->state = GDB_BETWEEN;
	input->data[input->length] = '\0';
	return input->too_long || input->wanted != input->sum ? GDB_BAD_PACKET :
								GDB_PACKET;
}

enum gdb_event gdb_input_byte(struct gdb_input *input, uint8_t byte)
{
	if (input->state == GDB_BETWEEN)
		return between(input, byte);
	if (input->state == GDB_CHECKSUM)
		return checksum(input, byte);
	if (byte == '#') {
		input->state = GDB_CHECKSUM;
		input->digits = 0;
		input->wanted = 0;
	} else if (byte == '$') {
		/* The end of the one before was lost. */
		begin(input);
	} else if (input->length < GDB_PACKET_MAX) {
		input->data[input->length++] = (char)byte;
		input->sum += byte;
	} else {
		input->too_long = true;
	}
	return GDB_NOTHING;
}

static void put(struct gdb_reply *reply, char c)
{
	if (reply->length < sizeof(reply->data))
		reply->data[reply->length++] = c;
	else
		reply->too_long = true;
}

void gdb_printf(struct gdb_reply *reply, const char *format, ...)
{
	size_t room = sizeof(reply->data) - reply->length;
	va_list args;
	int count;

	va_start(args, format);
	count = vsnprintf(reply->data + reply->length, room, format, args);
	va_end(args);
	if (count < 0 || (size_t)count >= room)
		reply->too_long = true;
	else
		reply->length += (size_t)count;
}

void gdb_put_hex(struct gdb_reply *reply, const void *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *byte = bytes;

	while (count--) {
		put(reply, digits[*byte >> 4]);
		put(reply, digits[*byte++ & 15]);
	}
}

void gdb_put_binary(struct gdb_reply *reply, const void *bytes, size_t count)
{
	const char *byte = bytes;

	for (; count--; byte++) {
		if (*byte == '#' || *byte == '$' || *byte == '*' || *byte == ESCAPE) {
			put(reply, ESCAPE);
			put(reply, (char)(*byte ^ ESCAPED));
		} else {
			put(reply, *byte);
		}
	}
}

bool gdb_number(const char **text, uint64_t *value)
{
	const char *begin_of_number = *text;

	*value = 0;
	for (; digit(**text) >= 0; ++*text) {
		if (*value >> 60)
			return false;
		*value = *value << 4 | (unsigned int)digit(**text);
	}
	return *text != begin_of_number;
}

bool gdb_bytes(const char *text, void *bytes, size_t count)
{
	uint8_t *byte = bytes;

	for (; count--; text += 2) {
		int high = digit(text[0]);
		int low = high < 0 ? -1 : digit(text[1]);

		if (low < 0)
			return false;
		*byte++ = (uint8_t)(high << 4 | low);
	}
	return true;
}

long gdb_unescape(char *data, size_t length)
{
	size_t from, to = 0;

	for (from = 0; from < length; from++) {
		if (data[from] != ESCAPE) {
			data[to++] = data[from];
			continue;
		}
		if (++from == length)
			return -1;
		data[to++] = (char)(data[from] ^ ESCAPED);
	}
	return (long)to;
}

/* A pipe takes all of it, or nothing.  Whoever does not read is waited for. */
static void send_piece(struct gdb *gdb, const uint8_t *packet, size_t length)
{
	struct pollfd room = { gdb->out, POLLOUT, 0 };

	while (write(gdb->out, packet, length) < 0) {
		if ((errno != EAGAIN && errno != EINTR) || gdb_ends(gdb))
			return;
		poll(&room, 1, WAIT_MS);
	}
}

static void send_bytes(struct gdb *gdb, const char *bytes, size_t count)
{
	uint8_t packet[GDB_PIPE_PACKET] = { GDB_DATA };

	while (count) {
		size_t piece = count < sizeof(packet) - 1 ? count : sizeof(packet) - 1;

		memcpy(packet + 1, bytes, piece);
		send_piece(gdb, packet, piece + 1);
		bytes += piece;
		count -= piece;
	}
}

void gdb_send(struct gdb *gdb, const struct gdb_reply *reply)
{
	char text[sizeof("$") + GDB_PACKET_MAX + sizeof("#00")];
	uint8_t sum = 0;
	size_t i;

	text[0] = '$';
	for (i = 0; i < reply->length; i++) {
		text[i + 1] = reply->data[i];
		sum += (uint8_t)reply->data[i];
	}
	snprintf(text + i + 1, sizeof("#00"), "#%02x", sum);
	send_bytes(gdb, text, i + 4);
}

void gdb_send_byte(struct gdb *gdb, char byte)
{
	send_bytes(gdb, &byte, 1);
}

void gdb_send_closed(struct gdb *gdb)
{
	const uint8_t closed = GDB_CLOSED;

	send_piece(gdb, &closed, 1);
}
