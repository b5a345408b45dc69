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

/*
 * Looks at the first six arguments of a hooked function, as registers hold them.
 * Return: 0, or a negative errno,
 * which the function's caller gets in place of the function
 */
typedef int lodge_check_fn(const struct lodge_call *call, const unsigned long *args);

/**
 * struct lodge_hook - a function of the kernel, and what is checked before it
 * @function: its name
 * @check: looks at the arguments
 * @optional: some kernels do not have it
 * @always: called for tasks outside any cell, too, and with no cell
 * @ip: what a call of the trampoline returns to, or 0: the function is not there
 */
struct lodge_hook {
	const char *function;
	lodge_check_fn *check;
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

/*
 * Attaches all hooks, or none: each is tried, it must be called, and must be able
 * to deny.  Return: 0 or a negative errno; the log says which hook is at fault
 */
int lodge_hooks_attach(void);
void lodge_hooks_detach(void);

/* The checks, by the files that they are in */

/* files.c */
lodge_check_fn lodge_check_file_open;
lodge_check_fn lodge_check_file_permission;
lodge_check_fn lodge_check_file_use;
lodge_check_fn lodge_check_file_truncate;
lodge_check_fn lodge_check_mmap_file;
lodge_check_fn lodge_check_path_read;
lodge_check_fn lodge_check_path_write;
lodge_check_fn lodge_check_path_mknod;
lodge_check_fn lodge_check_path_link;
lodge_check_fn lodge_check_path_rename;
lodge_check_fn lodge_check_inode_change;

/* mounts.c */
lodge_check_fn lodge_check_get_tree;
lodge_check_fn lodge_check_sb_mounted;
lodge_check_fn lodge_check_sb_remount;
lodge_check_fn lodge_check_sb_gone;
lodge_check_fn lodge_check_move_mount;

/* sockets.c */
lodge_check_fn lodge_check_socket_create;
lodge_check_fn lodge_check_socket_use;
lodge_check_fn lodge_check_socket_bind;
lodge_check_fn lodge_check_socket_setsockopt;
lodge_check_fn lodge_check_unix_connect;
lodge_check_fn lodge_check_unix_send;

/* tasks.c */
lodge_check_fn lodge_check_task;
lodge_check_fn lodge_check_setns;

/* kernel.c */
lodge_check_fn lodge_check_capable;
lodge_check_fn lodge_check_locked_down;
lodge_check_fn lodge_check_bpf;
lodge_check_fn lodge_check_perf;
lodge_check_fn lodge_check_clock;
lodge_check_fn lodge_check_syslog;
lodge_check_fn lodge_check_keys;
lodge_check_fn lodge_check_load;
lodge_check_fn lodge_check_read;

#endif /* LODGE_HOOK_H */
