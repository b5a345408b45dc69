// SPDX-License-Identifier: GPL-2.0-only
#include "fd.h"

#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

ssize_t fd_send(int socket, const struct iovec *parts, size_t nr_parts, int fd)
{
	union control control = { .space = { 0 } };
	struct msghdr message = {
		.msg_iov = (struct iovec *)parts,
		.msg_iovlen = nr_parts,
	};

	if (fd >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t fd_receive(int socket, const struct iovec *parts, size_t nr_parts, int flags,
		   int *fd)
{
	union control control;
	struct msghdr message = {
		.msg_iov = (struct iovec *)parts,
		.msg_iovlen = nr_parts,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header;
	ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);

	*fd = -1;
	if (count < 0)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return count;
}
