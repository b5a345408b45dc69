/* SPDX-License-Identifier: GPL-2.0-only */
/* The keeper's end of the guest's console: standard input and output. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* terminal_input(): what the user wants */
enum terminal_wish {
	TERMINAL_GO_ON,
	TERMINAL_LEAVE,		/* ctrl-A x */
};

/**
 * terminal_open() - begin
 * @ours: where standard input is a terminal: it may be read (tty.h)
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int terminal_open(bool ours, struct error *error);

/* The process was stopped and continues: the terminal may be another's now. */
void terminal_continue(bool ours);

/* Input from before: from a guest that has reset itself. */
void terminal_feed(const uint8_t *bytes, size_t count);

/* What to wait for: standard input, or -1 while it is not to be read ... */
int terminal_input_fd(void);
/* ... and the timer, for terminal_timer(). */
int terminal_timer_fd(void);

/* Standard input is readable. */
enum terminal_wish terminal_input(void);

/**
 * terminal_attach() - say who takes the input
 * @ready: called by the main thread when there is some, and after
 *         terminal_later(); NULL for nobody
 * @wake: called by any thread when the main thread is to look: there is room in
 *        a buffer that was full, or standard output was closed
 * @state: passed to both
 */
void terminal_attach(void (*ready)(void *state), void (*wake)(void *state),
		     void *state);

/**
 * terminal_attach_screen() - say who writes with terminal_write()
 * @room: called by the main thread when it can take more
 * @resized: called by the main thread when the terminal has another size
 * @state: passed to both
 */
void terminal_attach_screen(void (*room)(void *state),
			    void (*resized)(void *state), void *state);

/* Takes up to @size bytes of input. Return: how many there were */
size_t terminal_take(uint8_t *bytes, size_t size);
/* Did the user type ctrl-A b since the last call? */
bool terminal_take_break(void);

/* The guest writes a byte; it is shown after a newline, or a moment later. */
void terminal_put(uint8_t byte);
/* Never waits. Return: how many bytes were taken; if not all, @room is called */
size_t terminal_write(const uint8_t *bytes, size_t size);
/* How large is the terminal? Return: false if standard output is none */
bool terminal_size(uint16_t *columns, uint16_t *rows);
/* The process has had SIGWINCH. */
void terminal_resized(void);
/* Shows what is held back. */
void terminal_flush(void);
/* Has @ready called a moment later, see terminal_attach(). */
void terminal_later(void);
/* The timer's turn: shows what is held back, unless a writer is blocked. */
void terminal_timer(void);

/* Writers that are blocked are to come back (vcpu_kick() wakes them), or not. */
void terminal_set_stopping(bool stopping);
/* Shows all that is left; waits for at most @ms milliseconds, -1 for ever. */
void terminal_drain(int ms);
/* Is the cursor where a line begins, as far as the guest's output goes? */
bool terminal_at_line_start(void);
/* Why standard output can no longer be written: an errno, or 0 if it can. */
int terminal_output_error(void);

#endif /* TERMINAL_H */
