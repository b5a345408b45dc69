/* SPDX-License-Identifier: GPL-2.0-only */
/* The cgroups of containers: lodge/NAME below the root of the version 2 tree. */
#ifndef CGROUP_H
#define CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "container/limits.h"
#include "error.h"

#define CGROUP_CPU_PERIOD	100000

/**
 * cgroup_path() - where a container's cgroup is, or would be
 * @path: out, of PATH_MAX bytes
 * @name: the container's name
 * @error: filled on failure
 *
 * Return: 0, or -1: there is no cgroup version 2
 */
int cgroup_path(char *path, const char *name, struct error *error);

/**
 * cgroup_create() - make it, with its limits
 * @path: see cgroup_path()
 * @limits: what it may use
 * @error: filled on failure; then nothing is left behind
 *
 * Return: a descriptor of its folder (close-on-exec), or -1
 */
int cgroup_create(const char *path, const struct limits *limits,
		  struct error *error);

/**
 * cgroup_set_limits() - set those of @limits that somebody has asked for
 * @path: see cgroup_path()
 * @limits: what it may use
 * @error: filled on failure; then some may be set
 *
 * Return: 0 or -1
 */
int cgroup_set_limits(const char *path, const struct limits *limits,
		      struct error *error);

/**
 * struct cgroup_usage - what a cgroup has used; UINT64_MAX is not known
 * @memory: bytes now
 * @memory_limit: bytes, or not known: no limit
 * @cpu_time: nanoseconds ever
 * @pids: processes and threads now
 * @read: bytes from block devices ever
 * @written: bytes to them
 */
struct cgroup_usage {
	uint64_t memory;
	uint64_t memory_limit;
	uint64_t cpu_time;
	uint64_t pids;
	uint64_t read;
	uint64_t written;
};

/* The path of a cgroup (PATH_MAX) by that below the root of the tree. Return: 0 or -1 */
int cgroup_below_root(char *path, const char *below_root);

/* Of a cgroup by its path below the root of the tree. Harmless if it has gone. */
void cgroup_get_usage(const char *below_root, struct cgroup_usage *usage);

/*
 * Bytes of memory: the most that there were, which kernels before 5.19 do not say,
 * and those of now. @fd is its folder; 0: not known
 */
void cgroup_get_memory(int fd, uint64_t *peak, uint64_t *now);

/* How many processes are in it? */
unsigned int cgroup_count(int fd);

/* Kills all that is in it. Return: 0 or -1, errno */
int cgroup_kill(const char *path);

/* Kills all that is in it, waits a little for those who die, and removes it. */
void cgroup_destroy(const char *path);

/* Stops or continues all that is in it, and waits for that. Return: 0 or -1 */
int cgroup_freeze(const char *path, bool freeze, struct error *error);

/* What cgroup.events says; @fd is its descriptor. Return: frozen? */
bool cgroup_is_frozen(int fd);

/*
 * The limits that are in force; 0 is for what the kernel does not say. @path: see
 * cgroup_path().
 */
void cgroup_get_limits(const char *path, struct limits *limits);

#endif /* CGROUP_H */
