/* SPDX-License-Identifier: GPL-2.0-only */
/* The keeper's end of a container's streams: bytes, signals, and the end. */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define RELAY_BUFFER	16384

/**
 * struct relay_stream - bytes on their way
 * @from: where they come from, or -1: no more
 * @to: where they go
 * @start: the first in @buffer
 * @count: how many are in @buffer
 * @buffer: what is read and not yet written
 */
struct relay_stream {
	int from;
	int to;
	size_t start;
	size_t count;
	char buffer[RELAY_BUFFER];
};

/**
 * struct relay - what a keeper, or `exec`, carries
 * @streams: input, output, errors
 * @terminal: the container's terminal (its master), or -1
 * @pidfd: the process whose end is waited for
 * @signals: from relay_block_signals()
 * @cgroup_events: to be looked at when it changes, or -1
 * @on_cgroup_event: called then
 * @on_output: called when so many bytes of output were carried, or NULL
 * @output_state: for that
 * @state: for @on_cgroup_event
 * @lost: an errno: output could not be written
 */
struct relay {
	struct relay_stream streams[3];
	int terminal;
	int pidfd;
	int signals;
	int cgroup_events;
	void (*on_cgroup_event)(void *state, int fd);
	void (*on_output)(void *state, size_t count);
	void *output_state;
	void *state;
	int lost;
};

void relay_init(struct relay *relay);

/**
 * relay_pipes() - make the streams of a process without a terminal
 * @relay: to be filled
 * @interactive: it is to have the caller's input
 * @ends: out: its ends, -1: /dev/null
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int relay_pipes(struct relay *relay, bool interactive, int ends[3],
		struct error *error);

/* The other side of a process with a terminal, whose @master it is. */
void relay_terminal(struct relay *relay, int master, bool interactive);

/*
 * From now on the signals that are for the guest come through a descriptor, and with
 * them SIGCONT and SIGWINCH.  Return: it, or -1
 */
int relay_open_signals(struct error *error);

/* From now on signals are to be handed on. Return: 0 or -1 */
int relay_block_signals(struct relay *relay, struct error *error);

/**
 * relay_run() - carry until the process ends
 * @relay: what
 * @error: filled on failure
 *
 * Return: a wait status, or -1
 */
int relay_run(struct relay *relay, struct error *error);

void relay_close(struct relay *relay);

#endif /* RELAY_H */
