// SPDX-License-Identifier: GPL-2.0-only
/* Messages between keeper and container: a socket that keeps their borders. */
#include "container/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec parts[2] = {
		{ &type, sizeof(type) },
		{ (void *)data, size },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t count;

	if (fd >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	do
		count = sendmsg(channel, &message, MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -1 : 0;
}

void channel_fail(int channel, int status, const struct error *error)
{
	struct failure failure = { .status = status, .error = *error };

	channel_send(channel, MESSAGE_FAILED, &failure, sizeof(failure), -1);
}

/* Return: the descriptor that @message brought, or -1 */
static int received_fd(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int channel_receive(int channel, enum message_type type, void *data,
		    size_t *size, int *fd, struct failure *failure)
{
	static char payload[MESSAGE_MAX];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	enum message_type got = MESSAGE_FAILED;
	struct iovec parts[2] = {
		{ &got, sizeof(got) },
		{ payload, sizeof(payload) },
	};
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	size_t length, room = size ? *size : 0;
	ssize_t count;
	int passed;

	memset(failure, 0, sizeof(*failure));
	failure->status = STATUS_LODGE;
	/* ECONNRESET is about what it has not read; what it said comes next. */
	do
		count = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (count < 0 && (errno == EINTR || errno == ECONNRESET));
	if (count < (ssize_t)sizeof(got))
		return -1;
	length = (size_t)count - sizeof(got);
	passed = received_fd(&message);
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
