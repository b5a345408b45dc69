/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cells: the wall around a process tree.
 *
 * A cell is a pid namespace with all that is within it: a process can never
 * join an outer pid namespace, every child inherits it, and no capability sheds
 * it.
 */
#ifndef LODGE_CELL_H
#define LODGE_CELL_H

#include <linux/hashtable.h>
#include <linux/path.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include "../lodge.h"

struct cgroup;
struct lodge_guest;
struct super_block;

/* More than there are hooks (hooks.c has a look). */
#define LODGE_MAX_HOOKS		128

/**
 * struct lodge_tree - files that a cell was given
 * @path: of the folder or file, held
 * @access: LODGE_ACCESS_*
 */
struct lodge_tree {
	struct path path;
	u32 access;
};

/**
 * struct lodge_device - devices that a cell was given
 * @block: block devices, not character devices
 * @major: major number or LODGE_DEVICE_ANY
 * @minor: minor number or LODGE_DEVICE_ANY
 * @access: LODGE_ACCESS_READ and _WRITE
 */
struct lodge_device {
	bool block;
	u32 major;
	u32 minor;
	u32 access;
};

/**
 * struct lodge_rules - a policy as hooks read it; only @complain ever changes
 * @work: frees it, when hooks have let go
 * @complain: report, and let it happen
 * @rights: LODGE_RIGHT_* that are not guarded
 * @families: of sockets, a bit each
 * @nr_trees: in @trees
 * @nr_devices: in @devices
 * @nr_types: in @types
 * @trees: files
 * @devices: devices
 * @types: of file systems that it may mount
 */
struct lodge_rules {
	struct rcu_work work;
	bool complain;
	u32 rights;
	u64 families;
	u32 nr_trees;
	u32 nr_devices;
	u32 nr_types;
	struct lodge_tree *trees;
	struct lodge_device *devices;
	char (*types)[20];
};

/**
 * struct lodge_mount - a file system that a cell has mounted itself
 * @link: in lodge_cell.mounts
 * @sb: not held: it is forgotten when it goes (lodge_cells_forget())
 * @rcu: frees it
 */
struct lodge_mount {
	struct list_head link;
	struct super_block *sb;
	struct rcu_head rcu;
};

/**
 * struct lodge_cell - a wall
 * @link: in the hash of cells, by @ns; removed under lodge_cells_lock
 * @ns: its pid namespace, held
 * @init: the first process of @ns, held
 * @cgroup: what its processes are in, held; NULL: no socket is its own
 * @guest: its entry in the registry; around a VM's process it is the VM's
 * @policy_lock: protects changes of @rules; taken after lodge_guests_lock
 * @rules: the policy (RCU)
 * @mounts_lock: protects changes of @mounts; the last of all locks
 * @mounts: file systems that it has mounted (RCU)
 * @nr_mounts: how many
 * @checks: how often a hook has looked, for each CPU
 * @denials: how often each hook has said no
 * @state: what its keeper has told (guest's lock)
 * @burial: waits for the last process
 * @rcu: frees it
 */
struct lodge_cell {
	struct hlist_node link;
	struct pid_namespace *ns;
	struct pid *init;
	struct cgroup *cgroup;
	struct lodge_guest *guest;
	struct mutex policy_lock;	/* changes of rules */
	struct lodge_rules __rcu *rules;
	spinlock_t mounts_lock;		/* changes of mounts */
	struct list_head mounts;
	unsigned int nr_mounts;
	u64 __percpu *checks;
	atomic64_t denials[LODGE_MAX_HOOKS];
	u32 state;
	struct delayed_work burial;
	struct rcu_work rcu;
};

/**
 * lodge_cell_create() - LODGE_CREATE_CELL
 * @args: the caller's, already copied
 *
 * Context: may sleep.
 * Return: a descriptor, or what struct lodge_create_cell says
 */
int lodge_cell_create(const struct lodge_create_cell *args);

/**
 * lodge_cell_of() - the cell that a task is in
 * @task: the task; one that may exit at any time is harmless
 *
 * Context: RCU read side.
 * Return: the innermost cell, or NULL
 */
struct lodge_cell *lodge_cell_of(struct task_struct *task);

/* Is the calling process in any cell? */
bool lodge_cell_inside(void);

/**
 * lodge_cell_denials() - how often the hooks of a cell have said no
 * @cell: the cell
 *
 * Return: the sum
 */
u64 lodge_cell_denials(const struct lodge_cell *cell);

/**
 * lodge_cell_checks() - how often the hooks have looked at a cell
 * @cell: the cell
 *
 * Return: the sum over all CPUs
 */
u64 lodge_cell_checks(const struct lodge_cell *cell);

/* A super block goes.  Context: any; does not sleep. */
void lodge_cells_forget(struct super_block *sb);

/* The cell has mounted a file system.  Context: RCU. Return: 0 or -ENOMEM */
int lodge_cell_mounted(struct lodge_cell *cell, struct super_block *sb);

/* Whether it has.  Context: RCU. */
bool lodge_cell_has_mounted(const struct lodge_cell *cell,
			    const struct super_block *sb);

/**
 * lodge_rules_create() - a policy of a caller
 * @user: address of a struct lodge_policy
 *
 * Context: may sleep.
 * Return: the policy, or what struct lodge_policy says
 */
struct lodge_rules *lodge_rules_create(const void __user *user);

/**
 * lodge_rules_alloc() - an empty policy
 * @nr: how many rules it has room for
 *
 * Return: the policy or NULL
 */
struct lodge_rules *lodge_rules_alloc(u32 nr);

/**
 * lodge_rules_add() - add a rule to a policy that no hook reads yet
 * @rules: the policy; has room
 * @rule: the rule; a tree's descriptor is the calling process's
 *
 * Context: may sleep.
 * Return: 0, -EINVAL for one that makes no sense, -EBADF
 */
int lodge_rules_add(struct lodge_rules *rules,
		    const struct lodge_cell_rule *rule);

/* Gives a cell another policy.  Context: its policy_lock. */
void lodge_cell_set_rules(struct lodge_cell *cell, struct lodge_rules *rules);

/* Frees a policy, when no hook reads it any more, or at once. */
void lodge_rules_free(struct lodge_rules *rules);
void lodge_rules_free_now(struct lodge_rules *rules);

/* Frees what belongs to cells, one after another. */
extern struct workqueue_struct *lodge_cells_workqueue;

int lodge_cells_init(void);
/* Nobody makes cells any more; waits for the last one to be freed. */
void lodge_cells_exit(void);

#endif /* LODGE_CELL_H */
