/* SPDX-License-Identifier: GPL-2.0-only */
/* The container's side of its beginning. */
#ifndef BIRTH_H
#define BIRTH_H

#include "container/container.h"

/**
 * struct birth - what the keeper gives its child
 * @config: of the container
 * @hostname: its host name
 * @resolv_conf: its /etc/resolv.conf; empty: that of the image
 * @image: a detached mount of its image
 * @userns: a user namespace to be in, or -1
 * @owner: what its root is on the host
 * @channel: to the keeper
 * @streams: its standard streams, -1: /dev/null; all -1 with a terminal
 * @title: where the command line is in memory
 * @title_size: how long it is
 */
struct birth {
	const struct container_config *config;
	const char *hostname;
	const char *resolv_conf;
	int image;
	int userns;
	uid_t owner;
	int channel;
	int streams[3];
	char *title;
	size_t title_size;
};

/* To be called by PID 1 of new namespaces. */
__attribute__((noreturn)) void birth_run(struct birth *birth);

#endif /* BIRTH_H */
