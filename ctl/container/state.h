/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of containers, and VMs of images, beside the module: a folder each in
 * /run/lodge/guests, which its keeper locks while it lives.
 */
#ifndef STATE_H
#define STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "container/process.h"
#include "error.h"

#define STATE_FOLDER	"/run/lodge/guests"
#define STATE_NAME_MAX	64
/* The socket of a VM's keeper, in its folder */
#define STATE_CONTROL	"control"

/**
 * struct state - of a guest
 * @name: its name
 * @vm: it is a VM
 * @image: what it was made from
 * @cgroup: the path of its cgroup
 * @init: its PID 1, as the host counts; of a VM, the process that runs it
 * @init_started: when that started, in the clock ticks of /proc/PID/stat
 * @keeper: its keeper
 * @process: what its command had; `exec` has the same
 * @keep: it stays after the container's end, until `rm`
 * @userns: it has a user namespace of its own
 * @status: how it ended, or -1
 * @kernel: the release of its kernel, when its command began
 * @processes: how many it saw then; 0: not known
 * @memory_peak: of its cgroup, until its end; 0: not known
 * @memory_end: of its cgroup, at its end; 0: not known
 * @json: who owns the strings
 */
struct state {
	char name[STATE_NAME_MAX];
	bool vm;
	const char *image;
	char cgroup[PATH_MAX];
	pid_t init;
	uint64_t init_started;
	pid_t keeper;
	struct process process;
	bool keep;
	bool userns;
	int status;
	char kernel[68];
	uint32_t processes;
	uint64_t memory_peak;
	uint64_t memory_end;
	struct json_object *json;
};

/* Makes a folder and those above it. Return: 0 or -1 */
int state_make_folder(const char *path, struct error *error);

/**
 * state_create() - reserve a name
 * @name: the name, or NULL: @state->name is made up
 * @state: its name is filled
 * @error: filled on failure
 *
 * Removes what keepers left behind that were killed, too.
 *
 * Return: a descriptor of its folder, which holds the lock; or -1
 */
int state_create(const char *name, struct state *state, struct error *error);

/* Writes all of @state. Return: 0 or -1 */
int state_save(int folder, const struct state *state, struct error *error);

/**
 * state_load() - find a guest
 * @state: out; to be freed by state_free()
 * @name: its name
 * @alive: must it (true) or must it not (false) be running; NULL: no matter,
 *         out: is it
 * @error: filled on failure
 *
 * Return: 0 or -1: there is none
 */
int state_load(struct state *state, const char *name, bool *alive,
	       struct error *error);
void state_free(struct state *state);

/**
 * state_open_init() - PID 1 of a guest that runs
 * @state: from state_load()
 * @error: filled on failure
 *
 * Return: a pidfd, or -1: it has ended
 */
int state_open_init(const struct state *state, struct error *error);

/* It must not be paused. Return: 0 or -1 */
int state_check_running(const struct state *state, struct error *error);

/* Opens its folder. Return: a descriptor or -1, errno */
int state_open(const char *name);

/* Does a keeper hold the lock of @folder? */
bool state_is_alive(int folder);

/* Waits until its keeper has ended. Return: 0 or -1, errno */
int state_wait_for_end(const char *name);

/* Removes it. Return: 0 or -1, errno */
int state_remove(const char *name);

/**
 * state_end() - a guest has ended: its state goes, or stays with how it ended
 * @folder: its folder, which is closed; -1: there is none
 * @state: its state
 * @status: how its keeper is to exit
 */
void state_end(int *folder, struct state *state, int status);

/* When the process @pid started. Return: clock ticks, or 0 */
uint64_t state_start_time(pid_t pid);

#endif /* STATE_H */
