/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gdb's remote protocol, served for a VM.
 *
 * The keeper has the socket and carries what comes and goes there (relay.c), for
 * behind its wall the VMM can accept nobody.  Between the two are pipes that keep
 * packets apart (O_DIRECT): the first byte of each is GDB_DATA, or GDB_CLOSED, by which
 * either side ends a connection and the other confirms it.
 */
#ifndef GDB_H
#define GDB_H

#include <pthread.h>
#include <stdbool.h>

#include "error.h"

struct gdb;
struct vcpu;
struct vm;

#define GDB_CLOSED	0
#define GDB_DATA	1

/* At most, with its first byte: what a pipe takes in one piece */
#define GDB_PIPE_PACKET	4096

/**
 * struct gdb_config - what a VM is told of it
 * @in: from the keeper
 * @out: to the keeper
 * @wait: the first instruction waits for a debugger
 */
struct gdb_config {
	int in;
	int out;
	bool wait;
};

/**
 * struct gdb_relay - the keeper's side
 * @path: of the Unix socket, or NULL
 * @listener: the socket, or -1
 * @in: from the VMM
 * @out: to the VMM
 * @stop: eventfd: ends @thread
 * @vmm: its side
 * @thread: carries
 * @started: it does
 */
struct gdb_relay {
	const char *path;
	int listener;
	int in;
	int out;
	int stop;
	struct gdb_config vmm;
	pthread_t thread;
	bool started;
};

/* An empty one: what gdb_relay_close() and gdb_relay_forget() leave alone */
#define GDB_RELAY_NONE	\
	{ .listener = -1, .in = -1, .out = -1, .stop = -1, \
	  .vmm = { .in = -1, .out = -1 } }

/**
 * gdb_relay_open() - listen, and carry what comes
 * @relay: to be filled
 * @where: unix:PATH or tcp:127.0.0.1:PORT
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int gdb_relay_open(struct gdb_relay *relay, const char *where, struct error *error);
void gdb_relay_close(struct gdb_relay *relay);
/* In the VMM's process: what is the keeper's is let go of. */
void gdb_relay_forget(struct gdb_relay *relay);

/* The server, which halts the VM where its config says so. */
struct gdb *gdb_create(struct vm *vm, struct error *error);
int gdb_start(struct gdb *gdb, struct error *error);
/* The VM has ended: ends the server, and lets go of the CPUs that it holds. */
void gdb_stop(struct gdb *gdb);
void gdb_destroy(struct gdb *gdb);

/**
 * gdb_may_run() - a CPU's thread asks before each LODGE_RUN
 * @gdb: the server
 * @vcpu: the CPU
 * @whole: no exit waits to be completed
 *
 * Waits while the CPU is halted.
 *
 * Return: false if it is to ask again
 */
bool gdb_may_run(struct gdb *gdb, struct vcpu *vcpu, bool whole);

/* A CPU had LODGE_EXIT_DEBUG: halts it, or the guest's own INT3 is delivered. */
void gdb_trap(struct gdb *gdb, struct vcpu *vcpu);

#endif /* GDB_H */
