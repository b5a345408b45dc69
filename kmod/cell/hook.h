/* SPDX-License-Identifier: GPL-2.0-only */
/* Hooks: where the kernel is asked before a cell's process gets something. */
#ifndef LODGE_HOOK_H
#define LODGE_HOOK_H

#include <linux/types.h>
#include "cell.h"

struct dentry;
struct file;
struct lodge_call;
struct task_struct;

/* The first six arguments of a function, as registers hold them */
#define LODGE_NR_ARGS	6

/**
 * struct lodge_hook - a function of the kernel, and what is checked before it
 * @function: its name
 * @check: looks at the arguments. Return: 0, or a negative errno, which the
 *         function's caller gets in place of the function
 * @optional: some kernels do not have it
 * @always: called for tasks outside any cell, too, and with no cell
 * @ip: what a call of the trampoline returns to, or 0: the function is not there
 */
struct lodge_hook {
	const char *function;
	int (*check)(const struct lodge_call *call, const unsigned long *args);
	bool optional;
	bool always;
	unsigned long ip;
};

/**
 * struct lodge_call - a call of a hooked function
 * @cell: the cell that the current task is in
 * @rules: the cell's policy
 * @hook: which function
 */
struct lodge_call {
	struct lodge_cell *cell;
	const struct lodge_rules *rules;
	const struct lodge_hook *hook;
};

/* The table of hooks, ordered by @ip once they are attached (hooks.c) */
extern struct lodge_hook lodge_hooks[];
extern const unsigned int lodge_nr_hooks;

/**
 * lodge_deny() - there is no rule that allows it
 * @call: the call
 * @right: LODGE_RIGHT_* that would allow it
 * @error: what the caller gets: a negative errno
 * @fmt: the object
 *
 * Counts it and tells who listens.  Context: RCU; does not sleep.
 * Return: @error; 0 if the policy gives the right, or only complains
 */
__printf(4, 5)
int lodge_deny(const struct lodge_call *call, u32 right, int error,
	       const char *fmt, ...);

/* The same for a file. */
int lodge_deny_dentry(const struct lodge_call *call, u32 right, int error,
		      struct dentry *dentry);

/* The same for a process. */
int lodge_deny_task(const struct lodge_call *call, u32 right, int error,
		    struct task_struct *task);

/**
 * lodge_hooks_attach() - attach all hooks, or none
 *
 * Each is tried: it must be called, and must be able to deny.
 * Return: 0 or a negative errno; the log says which hook is at fault
 */
int lodge_hooks_attach(void);
void lodge_hooks_detach(void);

/* The checks, by what they guard; the arguments are those of the function. */
#define LODGE_CHECK(name)						\
	int lodge_check_##name(const struct lodge_call *call,		\
			       const unsigned long *args)

/* files.c */
LODGE_CHECK(file_open);
LODGE_CHECK(file_permission);
LODGE_CHECK(file_use);
LODGE_CHECK(file_truncate);
LODGE_CHECK(mmap_file);
LODGE_CHECK(path_read);
LODGE_CHECK(path_write);
LODGE_CHECK(path_mknod);
LODGE_CHECK(path_link);
LODGE_CHECK(path_rename);
LODGE_CHECK(inode_change);
/* mounts.c */
LODGE_CHECK(get_tree);
LODGE_CHECK(sb_mounted);
LODGE_CHECK(sb_remount);
LODGE_CHECK(sb_gone);
LODGE_CHECK(move_mount);
/* sockets.c */
LODGE_CHECK(socket_create);
LODGE_CHECK(socket_use);
LODGE_CHECK(unix_connect);
LODGE_CHECK(unix_send);
/* tasks.c */
LODGE_CHECK(task);
LODGE_CHECK(setns);
/* kernel.c */
LODGE_CHECK(capable);
LODGE_CHECK(locked_down);
LODGE_CHECK(bpf);
LODGE_CHECK(perf);
LODGE_CHECK(clock);
LODGE_CHECK(syslog);
LODGE_CHECK(keys);
LODGE_CHECK(load);
LODGE_CHECK(read);

#endif /* LODGE_HOOK_H */
