// SPDX-License-Identifier: GPL-2.0-only
/* Processes and namespaces: those of the cell, and no others. */
#include <linux/idr.h>
#include <linux/ns_common.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include "hook.h"

/* (task, ...): signals, tracing, memory, priorities and limits */
int lodge_check_task(const struct lodge_call *call, const unsigned long *args)
{
	struct task_struct *task = (struct task_struct *)args[0];

	if (lodge_cell_of(task) == call->cell)
		return 0;
	return lodge_deny_task(call, LODGE_RIGHT_PROCESSES, -EPERM, task);
}

/* A process of the namespace with the number @nr or the next one, held, or NULL */
static struct task_struct *next_process(struct pid_namespace *ns, int *nr)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	rcu_read_lock();
	while (!task) {
		pid = idr_get_next(&ns->idr, nr);
		if (!pid)
			break;
		task = pid_task(pid, PIDTYPE_PID);
		if (task)
			get_task_struct(task);
		++*nr;
	}
	rcu_read_unlock();
	return task;
}

/*
 * Whether any process of the cell is in the namespace.  May sleep: the caller is
 * in the cell, so the cell stays.
 */
static bool is_own_namespace(struct lodge_cell *cell, struct ns_common *ns)
{
	struct task_struct *task;
	struct ns_common *other;
	bool found = false;
	int nr = 1;

	while (!found) {
		task = next_process(cell->ns, &nr);
		if (!task)
			break;
		other = ns->ops->get(task);
		found = other == ns;
		if (other)
			ns->ops->put(other);
		put_task_struct(task);
	}
	return found;
}

/* (nsset, namespace), with nothing locked */
int lodge_check_setns(const struct lodge_call *call, const unsigned long *args)
{
	struct ns_common *ns = (struct ns_common *)args[1];
	struct lodge_call again = *call;
	bool own;

	rcu_read_unlock();
	own = is_own_namespace(call->cell, ns);
	rcu_read_lock();
	again.rules = rcu_dereference(call->cell->rules);
	if (own)
		return 0;
	return lodge_deny(&again, LODGE_RIGHT_NAMESPACES, -EPERM, "%s namespace %u",
			  ns->ops->name, ns->inum);
}
