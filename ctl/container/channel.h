/* SPDX-License-Identifier: GPL-2.0-only */
/* What keeper and container say to each other until the command runs. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stddef.h>

#include "error.h"

enum message_type {
	MESSAGE_FAILED,		/* container: struct failure; the last one */
	MESSAGE_UNSHARED,	/* container: all namespaces are made */
	MESSAGE_NET,		/* keeper: the lines of its own in /etc/hosts */
	MESSAGE_CHANNEL,	/* container: a socket of its own, to go on with */
	MESSAGE_SCRATCH,	/* container: the folder beneath its overlay */
	MESSAGE_READY,		/* container: a wall can be put around me; a pty's fd */
	MESSAGE_GO,		/* keeper: run the command; the seccomp filter */
	MESSAGE_STARTED,	/* exec: a process's fd */
};

/* The payload of MESSAGE_FAILED */
struct failure {
	int status;
	struct error error;
};

/* Two ends, close-on-exec. Return: 0 or -1 */
int channel_open(int ends[2], struct error *error);

/*
 * Behind the wall, a socket that the keeper has made is somebody else's: @channel
 * becomes one of the caller's own, whose other end goes to the keeper in a
 * MESSAGE_CHANNEL.  Return: 0 or -1
 */
int channel_renew(int channel, struct error *error);

/* Return: 0 or -1, the other side has ended */
int channel_send(int channel, enum message_type type, const void *data,
		 size_t size, int fd);

/* The container's last words */
void channel_fail(int channel, int status, const struct error *error);

/**
 * channel_receive() - wait for a message
 * @channel: this side's end
 * @type: which it must be
 * @data: where its payload goes; may be NULL
 * @size: in: room in @data; out: the payload's size; may be NULL
 * @fd: out: a descriptor that came with it, or -1; may be NULL
 * @failure: filled when the other side failed or ended (text is empty then)
 *
 * Return: 0, or -1
 */
int channel_receive(int channel, enum message_type type, void *data,
		    size_t *size, int *fd, struct failure *failure);

#endif /* CHANNEL_H */
