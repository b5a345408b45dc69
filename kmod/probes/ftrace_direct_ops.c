// SPDX-License-Identifier: GPL-2.0-only
/* Direct trampolines are registered through an ftrace_ops under this name. */
/* exported: register_ftrace_direct unregister_ftrace_direct */
#include <linux/ftrace.h>

int probe(struct ftrace_ops *ops, unsigned long addr)
{
	return register_ftrace_direct(ops, addr) ?:
	       unregister_ftrace_direct(ops, addr, true);
}
