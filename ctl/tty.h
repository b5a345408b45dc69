/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal that the user sits at, as standard input. */
#ifndef TTY_H
#define TTY_H

#include <stdbool.h>

/* Is it a terminal, and may we read from it, or are we in the background? */
bool tty_is_ours(void);

/**
 * tty_open() - raw mode
 *
 * It is put back when the process exits or is killed by a signal that can be
 * caught, except in the background, where it is another's.
 */
void tty_open(void);

/* Puts the terminal back; may be called at any time, in signal handlers too. */
void tty_restore(void);

/* Another process sees to it: this one never puts it back. */
void tty_forget(void);

/* The process was stopped and continues. Return: is the terminal ours now? */
bool tty_continue(void);

#endif /* TTY_H */
