/* SPDX-License-Identifier: GPL-2.0-only */
/* Cells: the walls around guests' processes, which the module guards. */
#ifndef CELL_H
#define CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct cell_config - what kind of wall it is to be
 * @name: the guest's name, or NULL for one that the module makes
 * @policy: path of a policy file (--policy), or NULL for the default policy
 * @complain: report what would be denied, and let it happen
 * @privileged: --privileged: all devices, and any file system may be mounted
 * @devices: paths of devices that it may use (--device), as on the host
 * @nr_devices: how many
 * @trees: descriptors of folders that are beneath what it sees: an overlay's
 *         lower and upper ones
 * @nr_trees: how many
 * @init: the process, PID 1 of a pid namespace and a child of the caller's; its
 *        mounts are as they shall be, and all that it sees now was given to it
 * @cgroup: descriptor of its cgroup
 */
struct cell_config {
	const char *name;
	const char *policy;
	bool complain;
	bool privileged;
	const char *const *devices;
	size_t nr_devices;
	const int *trees;
	size_t nr_trees;
	pid_t init;
	int cgroup;
};

/**
 * cell_create() - put a wall around a process and all that come from it
 * @config: which
 * @error: filled on failure
 *
 * The guest is in the module's registry from here on (lodge ps).  When the last
 * descriptor is closed, the module kills the cell's processes; the wall stands
 * until the last of them has gone.
 *
 * Return: a descriptor (close-on-exec), or -1: the module is not loaded, the
 * name is taken, the policy has a mistake in line N...
 */
int cell_create(const struct cell_config *config, struct error *error);

/**
 * cell_wall_vm() - put a wall around the process that runs a VM
 * @pid: the process, PID 1 of a pid namespace and a child of the caller's; it has
 *       open all that it will ever use
 * @vm: descriptor of the VM that it has made
 * @error: filled on failure
 *
 * It may use what it has open, as it has opened it, and nothing else.  The caller
 * is the VM's keeper from here on; the rest is as with cell_create().
 *
 * Return: a descriptor (close-on-exec), or -1
 */
int cell_wall_vm(pid_t pid, int vm, struct error *error);

/* How PID 1 ended, for lodge ps: a wait status. Tell it before closing. */
void cell_ended(int cell, int status);

/* The guest was paused or resumed: for lodge ps and events. */
void cell_paused(int cell, bool paused);

#endif /* CELL_H */
