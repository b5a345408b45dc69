/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process that runs a VM, and its monitor.
 *
 * The VMM is the first process of a pid namespace of its own, for that is what a
 * wall is put around.  It opens all that it will ever need, has its monitor put
 * the wall there, and then lets the guest run.  The monitor is the process that
 * the user has started: it stays outside, holds the wall, has the terminal,
 * passes signals on, and ends as the VMM did.  Neither outlives the other.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* Input that the guest has not taken when it resets itself: terminal.c has no more */
#define KEEPER_INPUT_MAX	4096

/**
 * struct keeper_page - memory that the VMM and its monitor share
 * @ours: standard input is a terminal, and may be read (monitor)
 * @finishing: the VMM only waits for who reads its output (VMM)
 * @again: the guest is to be booted again (VMM)
 * @booted: there was a VMM before (VMM)
 * @in_line: the output has ended within a line (VMM)
 * @nr_input: bytes in @input (a VMM for the next one)
 * @input: what was typed, and not taken by the guest
 * @error: why it ended, or empty (VMM)
 *
 * The monitor trusts nothing in it, and no VMM what the one before has left.
 */
struct keeper_page {
	atomic_bool ours;
	atomic_bool finishing;
	atomic_bool again;
	atomic_bool booted;
	atomic_bool in_line;
	atomic_uint nr_input;
	uint8_t input[KEEPER_INPUT_MAX];
	struct error error;
};

/**
 * struct keeper - what a VMM has of its monitor
 * @page: shared memory
 * @socket: to the monitor until the wall stands, then -1
 * @signal_fd: a signalfd: what is to end it, SIGCONT and SIGWINCH
 */
struct keeper {
	struct keeper_page *page;
	int socket;
	int signal_fd;
};

/**
 * typedef keeper_vmm - a VMM, from an empty process to its end
 * @keeper: its monitor
 * @data: as given to monitor_run()
 *
 * Return: an exit status
 */
typedef int keeper_vmm(struct keeper *keeper, void *data);

/**
 * monitor_run() - have a VMM run, as often as the guest resets itself
 * @vmm: what it does
 * @data: passed to @vmm
 * @error: filled where there is something to say, else left as it is
 *
 * Return: an exit status
 */
int monitor_run(keeper_vmm *vmm, void *data, struct error *error);

/**
 * monitor_wall() - the VMM has all that it needs: the wall, and the word that it stands
 * @socket: to the VMM; it can be read
 * @pid: the VMM
 * @cell: out: the wall, or -1
 * @error: filled on failure
 *
 * Return: 0, also when the VMM has ended; or -1: there is no wall, so end it
 */
int monitor_wall(int socket, pid_t pid, int *cell, struct error *error);

/**
 * keeper_wall() - get behind the wall
 * @keeper: the monitor
 * @vm: descriptor of the VM
 * @error: filled on failure
 *
 * All is open that the VMM will ever use: from here on it opens no file, makes no
 * socket and no process, and uses no other descriptor than those it has now.
 * Threads, eventfds, pipes and the like can still be made.
 *
 * Return: 0 or -1
 */
int keeper_wall(struct keeper *keeper, int vm, struct error *error);

/**
 * keeper_signals() - take signals by a descriptor, to be served between two events
 * @stops: also those of a terminal that stop a process
 * @error: filled on failure
 *
 * What nohup or a shell has had us ignore stays ignored: a blocked signal would
 * come all the same.  Replaces what was blocked before.
 *
 * Return: a signalfd or -1
 */
int keeper_signals(bool stops, struct error *error);

#endif /* KEEPER_H */
