// SPDX-License-Identifier: GPL-2.0-only
/* What happens when a hook says no. */
#include <linux/atomic.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "hook.h"
#include "../event.h"
#include "../guest.h"
#include "../trace.h"

/* Return: what the caller of the hooked function gets */
static int count(const struct lodge_call *call, int error)
{
	atomic64_inc(&call->cell->denials[call->hook - lodge_hooks]);
	return READ_ONCE(call->rules->complain) ? 0 : error;
}

static void report(const struct lodge_call *call, u32 right,
		   struct lodge_denial *denial)
{
	denial->hook = call->hook->function;
	denial->right = right;
	denial->complain = READ_ONCE(call->rules->complain);
	denial->pid = task_tgid_nr(current);
	get_task_comm(denial->comm, current);
	trace_lodge_denial(call->cell->guest, denial);
	lodge_event_denial(call->cell->guest, denial);
}

/* No object is put into words when nobody is there to read them. */
static bool is_wanted(void)
{
	return trace_lodge_denial_enabled() || lodge_events_wanted();
}

int lodge_deny(const struct lodge_call *call, u32 right, int error,
	       const char *fmt, ...)
{
	struct lodge_denial denial;
	va_list args;

	if (call->rules->rights & right)
		return 0;
	if (is_wanted()) {
		va_start(args, fmt);
		vscnprintf(denial.object, sizeof(denial.object), fmt, args);
		va_end(args);
		report(call, right, &denial);
	}
	return count(call, error);
}

int lodge_deny_dentry(const struct lodge_call *call, u32 right, int error,
		      struct dentry *dentry)
{
	char buffer[LODGE_OBJECT_SIZE];
	const char *path;

	if (call->rules->rights & right)
		return 0;
	if (!is_wanted())
		return count(call, error);
	path = dentry_path_raw(dentry, buffer, sizeof(buffer));
	if (IS_ERR(path))
		path = "...";
	return lodge_deny(call, right, error, "%s:%s",
			  dentry->d_sb->s_type->name, path);
}

int lodge_deny_task(const struct lodge_call *call, u32 right, int error,
		    struct task_struct *task)
{
	return lodge_deny(call, right, error, "process %d", task_tgid_nr(task));
}
