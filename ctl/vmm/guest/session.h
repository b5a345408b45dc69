/* SPDX-License-Identifier: GPL-2.0-only */
/* A session with a guest: this process's streams are those of a command in there. */
#ifndef SESSION_H
#define SESSION_H

#include <poll.h>
#include <stdbool.h>

#include "container/process.h"
#include "container/state.h"
#include "init/stream.h"

#define SESSION_POLL_MAX	(1 + WIRE_STREAMS)

/**
 * struct session - a session
 * @fd: to the hub
 * @from: received from there
 * @to: to be sent there
 * @input: this process's input
 * @output: its output and errors; [0] is not used
 * @tty: the command has a terminal
 * @started: it runs
 * @machine: what the guest says of itself then: anything
 * @over: the guest will say no more
 * @status: the exit status, once it is @over
 * @failure: why it does not run
 * @on_output: called when so many bytes of output were written, or NULL
 * @state: for that
 */
struct session {
	int fd;
	struct wire_buffer from;
	struct wire_buffer to;
	struct source input;
	struct sink output[WIRE_STREAMS];
	bool tty;
	bool started;
	struct wire_started machine;
	bool over;
	int status;
	struct error failure;
	void (*on_output)(void *state, size_t count);
	void *state;
};

/**
 * session_open() - ask for a command
 * @session: filled
 * @fd: to the hub; is closed by session_close()
 * @process: what to run
 * @interactive: standard input is its input
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int session_open(struct session *session, int fd, const struct process *process,
		 bool interactive, struct error *error);
void session_close(struct session *session);

/* Fills SESSION_POLL_MAX entries. */
void session_prepare(const struct session *session, struct pollfd *fds);
/* After poll(). Return: 0, or -1: the hub has gone */
int session_serve(struct session *session, const struct pollfd *fds);
/* Has all come, and been written? */
bool session_is_done(const struct session *session);

/*
 * A signal that has come here: for the command, but what is about this terminal:
 * SIGCONT, and SIGWINCH, of which its own terminal hears.
 */
void session_signal(struct session *session, int signal);

/**
 * session_exec() - one more command in a VM that runs
 * @state: of the VM
 * @process: what to run
 * @interactive: standard input is its input
 *
 * Prints its errors.
 *
 * Return: an exit status
 */
int session_exec(const struct state *state, const struct process *process,
		 bool interactive);

/* Sends a signal to a VM's command. Return: 0 or -1 */
int session_kill(const char *name, int signal, struct error *error);

/**
 * session_memory() - ask about a VM's memory, or for another amount of it
 * @name: of the VM
 * @memory: the question, then the answer
 * @error: filled on failure
 *
 * Return: 0, or -1: it does not run, or has not booted yet
 */
int session_memory(const char *name, struct wire_memory *memory, struct error *error);

#endif /* SESSION_H */
