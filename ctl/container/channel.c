// SPDX-License-Identifier: GPL-2.0-only
/* Messages between keeper and container: a socket that keeps their borders. */
#include "container/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"

#define STATUS_LODGE	125

/* A seccomp filter is the largest. */
#define MESSAGE_MAX	(64 * 1024)

int channel_open(int ends[2], struct error *error)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return error_set(error, errno, "cannot make a socket");
	return 0;
}

int channel_renew(int channel, struct error *error)
{
	int ends[2], result = 0;

	if (channel_open(ends, error))
		return -1;
	if (channel_send(channel, MESSAGE_CHANNEL, NULL, 0, ends[0]) ||
	    dup3(ends[1], channel, O_CLOEXEC) < 0)
		result = error_set(error, errno, "cannot renew the channel to the keeper");
	close(ends[0]);
	close(ends[1]);
	return result;
}

int channel_send(int channel, enum message_type type, const void *data,
		 size_t size, int fd)
{
	const struct iovec parts[2] = {
		{ &type, sizeof(type) },
		{ (void *)data, size },
	};
	ssize_t count;

	do
		count = fd_send(channel, parts, 2, fd);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -1 : 0;
}

void channel_fail(int channel, int status, const struct error *error)
{
	struct failure failure = { .status = status, .error = *error };

	channel_send(channel, MESSAGE_FAILED, &failure, sizeof(failure), -1);
}

int channel_receive(int channel, enum message_type type, void *data,
		    size_t *size, int *fd, struct failure *failure)
{
	static char payload[MESSAGE_MAX];
	enum message_type got = MESSAGE_FAILED;
	const struct iovec parts[2] = {
		{ &got, sizeof(got) },
		{ payload, sizeof(payload) },
	};
	size_t length, room = size ? *size : 0;
	ssize_t count;
	int passed;

	memset(failure, 0, sizeof(*failure));
	failure->status = STATUS_LODGE;
	/* ECONNRESET is about what it has not read; what it said comes next. */
	do
		count = fd_receive(channel, parts, 2, 0, &passed);
	while (count < 0 && (errno == EINTR || errno == ECONNRESET));
	if (count < (ssize_t)sizeof(got))
		return -1;
	length = (size_t)count - sizeof(got);
	if (got == type && length <= room) {
		if (length)
			memcpy(data, payload, length);
		if (size)
			*size = length;
		if (fd)
			*fd = passed;
		else if (passed >= 0)
			close(passed);
		return 0;
	}
	if (passed >= 0)
		close(passed);
	if (got == MESSAGE_FAILED && length == sizeof(*failure)) {
		memcpy(failure, payload, sizeof(*failure));
		failure->error.text[sizeof(failure->error.text) - 1] = '\0';
		failure->error.advice[sizeof(failure->error.advice) - 1] = '\0';
	}
	return -1;
}
