/* SPDX-License-Identifier: GPL-2.0-only */
/* A session with a guest: this process's streams are those of a command in there. */
#ifndef CLIENT_H
#define CLIENT_H

#include <poll.h>
#include <stdbool.h>

#include "container/process.h"
#include "init/stream.h"

#define CLIENT_POLL_MAX	(1 + WIRE_STREAMS)

/**
 * struct client - a session
 * @fd: to the hub
 * @from: received from there
 * @to: to be sent there
 * @input: this process's input
 * @output: its output and errors; [0] is not used
 * @tty: the command has a terminal
 * @started: it runs
 * @over: the guest will say no more
 * @status: the exit status, once it is @over
 * @failure: why it does not run
 * @on_output: called when so many bytes of output were written, or NULL
 * @state: for that
 */
struct client {
	int fd;
	struct wire_buffer from;
	struct wire_buffer to;
	struct source input;
	struct sink output[WIRE_STREAMS];
	bool tty;
	bool started;
	bool over;
	int status;
	struct error failure;
	void (*on_output)(void *state, size_t count);
	void *state;
};

/**
 * client_open() - ask for a command
 * @client: filled
 * @fd: to the hub; is closed by client_close()
 * @process: what to run
 * @interactive: standard input is its input
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int client_open(struct client *client, int fd, const struct process *process,
		bool interactive, struct error *error);
void client_close(struct client *client);

/* Fills CLIENT_POLL_MAX entries. */
void client_prepare(const struct client *client, struct pollfd *fds);
/* After poll(). Return: 0, or -1: the hub has gone */
int client_serve(struct client *client, const struct pollfd *fds);
/* Has all come, and been written? */
bool client_is_done(const struct client *client);

/* A signal for the command */
void client_signal(struct client *client, int signal);
/* The window of this terminal is that of its terminal. */
void client_resize(struct client *client);

/**
 * client_exec() - one more command in a VM that runs
 * @name: of the VM
 * @process: what to run
 * @interactive: standard input is its input
 *
 * Prints its errors.
 *
 * Return: an exit status
 */
int client_exec(const char *name, const struct process *process, bool interactive);

/* Sends a signal to a VM's command. Return: 0 or -1 */
int client_kill(const char *name, int signal, struct error *error);

#endif /* CLIENT_H */
