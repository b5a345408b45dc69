/* SPDX-License-Identifier: GPL-2.0-only */
/* Port 0, hvc0: its other end is the keeper's terminal. */
#ifndef CONSOLE_TTY_H
#define CONSOLE_TTY_H

#include <stdint.h>

struct console_host;
struct vm;

/**
 * console_tty_create() - connect the terminal
 * @vm: the VM
 * @columns: the terminal's width, or 0
 * @rows: its height, or 0
 *
 * Input goes to hvc0 if that is where the guest's kernel has /dev/console, and to
 * the serial port if not; output of both is shown.
 *
 * Return: the host's end of the port
 */
struct console_host *console_tty_create(struct vm *vm, uint16_t *columns,
					uint16_t *rows);
void console_tty_destroy(void);

#endif /* CONSOLE_TTY_H */
