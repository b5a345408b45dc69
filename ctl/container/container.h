/* SPDX-License-Identifier: GPL-2.0-only */
/* Containers: what one is to be, and its life from clone3() to its end. */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container/run_config.h"
#include "error.h"
#include "net/net.h"

enum container_net {
	CONTAINER_NET_BRIDGE,
	CONTAINER_NET_NONE,
	CONTAINER_NET_HOST,
};

/* -v SRC:DST[:ro] */
struct container_volume {
	const char *source;
	const char *target;
	bool read_only;
};

/* --tmpfs DST[:OPTIONS] */
struct container_tmpfs {
	const char *target;
	const char *options;
};

/* --device SRC[:DST] */
struct container_device {
	const char *source;
	const char *target;
};

/**
 * struct container_config - the command line
 * @name: or NULL for one that is made up
 * @run: what is run, and how
 * @rootfs: a folder instead of an image, or NULL
 * @userns: --userns auto
 * @privileged: --privileged
 * @policy: --policy, or NULL
 * @complain: --complain
 * @volumes: -v
 * @nr_volumes: how many
 * @tmpfs: --tmpfs
 * @nr_tmpfs: how many
 * @devices: --device
 * @nr_devices: how many
 * @net: --net
 * @ports: -p
 * @nr_ports: how many
 * @title: where the command line is in memory
 * @title_size: how long it is
 */
struct container_config {
	const char *name;
	struct run_config run;
	const char *rootfs;
	bool userns;
	bool privileged;
	const char *policy;
	bool complain;
	struct container_volume *volumes;
	size_t nr_volumes;
	struct container_tmpfs *tmpfs;
	size_t nr_tmpfs;
	struct container_device *devices;
	size_t nr_devices;
	enum container_net net;
	struct net_port ports[NET_PORTS_MAX];
	size_t nr_ports;
	char *title;
	size_t title_size;
};

/**
 * container_run() - make a container, be its keeper until it ends
 * @config: of it; the command line's strings in it are used until the end
 *
 * Prints its errors.
 *
 * Return: an exit status
 */
int container_run(struct container_config *config);

#endif /* CONTAINER_H */
