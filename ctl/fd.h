/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors: closed once, and passed on through sockets. */
#ifndef FD_H
#define FD_H

#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/**
 * fd_send() - send bytes, and a descriptor with them
 * @socket: a socket
 * @parts: the bytes
 * @nr_parts: how many pieces
 * @fd: the descriptor, or -1
 *
 * Return: how many bytes were sent, or -1, errno
 */
ssize_t fd_send(int socket, const struct iovec *parts, size_t nr_parts, int fd);

/**
 * fd_receive() - receive bytes, and perhaps a descriptor with them
 * @socket: a socket
 * @parts: where to
 * @nr_parts: how many pieces
 * @flags: of recvmsg()
 * @fd: out: the descriptor, close-on-exec, or -1
 *
 * Return: how many bytes were received, or -1, errno
 */
ssize_t fd_receive(int socket, const struct iovec *parts, size_t nr_parts, int flags,
		   int *fd);

#endif /* FD_H */
