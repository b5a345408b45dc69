/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeper and lodge-init of a VM say to each other, over one port: frames, each
 * of which belongs to a session (the VM's command, and one for each `exec`).
 *
 * Streams have credits: nobody sends what the other side has no room for, so both
 * always read the port, and a slow reader holds up its own stream alone.
 *
 * Both ends are of the same build, on the same host: numbers are as the processor
 * has them.  The guest is not trusted: wire_take() checks each header before it
 * waits for what is announced.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container/rlimits.h"
#include "error.h"

#define WIRE_DATA_MAX		16384U
#define WIRE_WINDOW		131072U		/* what may be on its way, a stream */
#define WIRE_TEXT_MAX		16384U
#define WIRE_START_MAX		1048576U
#define WIRE_STREAMS		3

/**
 * enum wire_type - the types of frames
 * @WIRE_HELLO: guest: I am here; the tool's version
 * @WIRE_SETUP: keeper: enum wire_setup, so many strings
 * @WIRE_START: keeper: struct wire_start; a new session
 * @WIRE_STARTED: guest: struct wire_started: the command runs
 * @WIRE_FAILED: guest: struct wire_failure; the session's last frame
 * @WIRE_DATA: bytes of a stream: keeper 0, guest 1 and 2; none: its end
 * @WIRE_CREDIT: uint32_t: so many bytes more of the other side's stream
 * @WIRE_SIGNAL: keeper: uint32_t: a signal for the session's process
 * @WIRE_RESIZE: keeper: struct wire_size, of the session's terminal
 * @WIRE_CLOSE: keeper: nobody has the other end of the streams any more
 * @WIRE_EXIT: guest: uint32_t: exit status; the session's last frame
 * @WIRE_MEMORY: struct wire_memory: a client of the keeper asks, and is answered; never
 *               on the port to the guest
 * @WIRE_NR_TYPES: how many there are
 */
enum wire_type {
	WIRE_HELLO,
	WIRE_SETUP,
	WIRE_START,
	WIRE_STARTED,
	WIRE_FAILED,
	WIRE_DATA,
	WIRE_CREDIT,
	WIRE_SIGNAL,
	WIRE_RESIZE,
	WIRE_CLOSE,
	WIRE_EXIT,
	WIRE_MEMORY,
	WIRE_NR_TYPES,
};

enum wire_side {
	WIRE_FROM_GUEST = 1,
	WIRE_FROM_KEEPER = 2,
};

/**
 * struct wire_frame - a frame as it was received
 * @type: enum wire_type
 * @stream: of WIRE_DATA and WIRE_CREDIT, else 0
 * @session: whose it is
 * @size: of @payload
 * @payload: valid until the buffer is used again
 */
struct wire_frame {
	uint8_t type;
	uint8_t stream;
	uint16_t session;
	uint32_t size;
	const uint8_t *payload;
};

struct wire_size {
	uint16_t rows;
	uint16_t columns;
};

/* Behind it: user, working directory, argv, environment: strings */
struct wire_start {
	struct rlimits limits;
	struct wire_size window;
	uint32_t tty;
	uint32_t argc;
	uint32_t envc;
};

/* What the command sees of its machine; the release is a string. */
struct wire_started {
	uint32_t processes;
	char release[68];
};

/* Text and advice are strings. */
struct wire_failure {
	uint32_t status;
	char text[384];
	char advice[256];
};

/**
 * struct wire_memory - a VM's memory in bytes
 * @size: what it was started with
 * @target: what it is to do with; in a question 0: that stays as it is, or more than
 *          @size: that is all
 * @given: what its guest says that it has given back
 */
struct wire_memory {
	uint64_t size;
	uint64_t target;
	uint64_t given;
};

/* The strings of WIRE_SETUP; those of a network may be empty */
enum wire_setup {
	WIRE_SETUP_HOSTNAME,
	WIRE_SETUP_HOSTS,		/* the lines of its own in /etc/hosts */
	WIRE_SETUP_RESOLV_CONF,
	WIRE_SETUP_ADDRESS,
	WIRE_SETUP_PREFIX,
	WIRE_SETUP_GATEWAY,
	WIRE_SETUP_READ_ONLY,		/* "1": the root cannot be written */
	WIRE_SETUP_NR,
};

/**
 * struct wire_buffer - bytes on their way
 * @data: allocated
 * @start: the first
 * @count: how many
 * @room: size of @data
 */
struct wire_buffer {
	uint8_t *data;
	size_t start;
	size_t count;
	size_t room;
};

void wire_free(struct wire_buffer *buffer);

/* Appends bytes. Return: 0, or -1: no memory */
int wire_append(struct wire_buffer *buffer, const void *bytes, size_t size);

/* Takes @size bytes, which are there, away from the front. */
void wire_drop(struct wire_buffer *buffer, size_t size);

/* Appends a frame. Return: 0, or -1: no memory */
int wire_send(struct wire_buffer *buffer, enum wire_type type, unsigned int stream,
	      unsigned int session, const void *payload, size_t size);
int wire_send_number(struct wire_buffer *buffer, enum wire_type type,
		     unsigned int stream, unsigned int session, uint32_t number);

/* One read(). Return: > 0, 0 at the end, or -1, errno (EAGAIN: nothing is there) */
int wire_read(struct wire_buffer *buffer, int fd);

/* One write(), of @max bytes at the most. Return: 0, or -1, errno: not EAGAIN */
int wire_write(struct wire_buffer *buffer, int fd, size_t max);

/**
 * wire_take() - take a frame out of a buffer
 * @buffer: what was read
 * @from: who sends
 * @frame: out
 * @error: filled when the sender breaks the rules
 *
 * Sizes, and what only one of both may say, are checked here; which sessions and
 * streams there are, and credits, are the caller's matter.
 *
 * Return: 1; 0: it is not there as a whole; -1: bad
 */
int wire_take(struct wire_buffer *buffer, enum wire_side from,
	      struct wire_frame *frame, struct error *error);

/* The number in a frame that has one */
uint32_t wire_number(const struct wire_frame *frame);

/**
 * wire_strings() - find strings in a payload
 * @bytes: where they are, one after the other, each with its NUL
 * @size: of all
 * @strings: out: so many pointers into @bytes
 * @count: how many there must be
 *
 * Return: 0, or -1: there are more or fewer
 */
int wire_strings(const uint8_t *bytes, size_t size, char **strings, size_t count);

/* Is it text of that size, with its NUL? */
bool wire_is_text(const char *text, size_t size);

#endif /* WIRE_H */
