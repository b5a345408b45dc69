/* SPDX-License-Identifier: GPL-2.0-only */
/* A process in a cell, without the tool. */
#ifndef LODGE_SELFTEST_CELL_H
#define LODGE_SELFTEST_CELL_H

#include <linux/lodge.h>
#include <sys/types.h>

/**
 * struct cell - a cell and its first process
 * @fd: the cell
 * @init: the process
 * @go: what is closed when it may begin
 * @cgroup: the path of its cgroup
 */
struct cell {
	int fd;
	pid_t init;
	int go;
	char cgroup[64];
};

/*
 * Makes a cell whose first process calls @run when cell_start() says so, and ends
 * with what that returns. @rules may be NULL; it may use the host's root folder.
 */
void cell_create(struct cell *cell, const char *name,
		 const struct lodge_policy *policy, int (*run)(void *arg), void *arg);
void cell_start(struct cell *cell);
/* Kills it if it lives, and cleans up. Return: its wait status */
int cell_end(struct cell *cell);

#endif
