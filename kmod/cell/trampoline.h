/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LODGE_TRAMPOLINE_H
#define LODGE_TRAMPOLINE_H

#include <linux/linkage.h>

/* What hooked functions call, on their own stack. Not to be called from C. */
void lodge_trampoline(void);
void lodge_trampoline_always(void);

/* Calls a function behind its ENDBR. Return: what it returns */
long lodge_try_hook(unsigned long address);

/**
 * lodge_hook_called() - a hooked function was called by a task in a cell
 * @ip: behind the function's call of the trampoline
 * @args: its arguments
 *
 * Return: 0, or a negative errno to return in place of the function
 */
asmlinkage int lodge_hook_called(unsigned long ip, const unsigned long *args);

#endif /* LODGE_TRAMPOLINE_H */
