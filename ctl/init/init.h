/* SPDX-License-Identifier: GPL-2.0-only */
/* lodge-init: the first process of a guest. */
#ifndef INIT_H
#define INIT_H

/**
 * init_block_signals() - have signals wait for init_run()
 *
 * To be called before anybody may send one.
 */
void init_block_signals(void);

/**
 * init_run() - be PID 1 until the command ends
 * @command: the process that is the command, a child of this one
 *
 * Reaps whatever is left to PID 1 and hands on the signals that it gets.
 *
 * Return: the command's exit status; 128 + N if signal N killed it
 */
int init_run(int command);

#endif /* INIT_H */
