// SPDX-License-Identifier: GPL-2.0-only
/* The kernel itself: what no process of a cell may do to it, whatever it is root of. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/kernel_read_file.h>
#include <linux/security.h>
#include <linux/user_namespace.h>
#include "hook.h"

/* Capabilities that are the host's in the initial user namespace */
static const struct {
	int capability;
	u32 right;
} guarded[] = {
	{ CAP_SYS_MODULE, LODGE_RIGHT_MODULES },
	{ CAP_SYS_RAWIO, LODGE_RIGHT_RAW },
	{ CAP_SYS_BOOT, LODGE_RIGHT_BOOT },
	{ CAP_SYS_TIME, LODGE_RIGHT_CLOCK },
	{ CAP_WAKE_ALARM, LODGE_RIGHT_CLOCK },
	{ CAP_SYSLOG, LODGE_RIGHT_SYSLOG },
	{ CAP_BPF, LODGE_RIGHT_BPF },
	{ CAP_PERFMON, LODGE_RIGHT_PERF },
	{ CAP_MAC_ADMIN, LODGE_RIGHT_RAW },
	{ CAP_MAC_OVERRIDE, LODGE_RIGHT_RAW },
	{ CAP_AUDIT_CONTROL, LODGE_RIGHT_RAW },
	{ CAP_AUDIT_READ, LODGE_RIGHT_RAW },
	{ CAP_BLOCK_SUSPEND, LODGE_RIGHT_BOOT },
};

/* (cred, user namespace, capability, options) */
int lodge_check_capable(const struct lodge_call *call, const unsigned long *args)
{
	const struct user_namespace *ns = (const struct user_namespace *)args[1];
	int capability = args[2];
	size_t i;

	if (ns != &init_user_ns)
		return 0;
	for (i = 0; i < ARRAY_SIZE(guarded); i++) {
		if (guarded[i].capability != capability)
			continue;
		/* It only asks, to decide between two good ways. */
		if (args[3] & CAP_OPT_NOAUDIT)
			return call->rules->rights & guarded[i].right ||
			       READ_ONCE(call->rules->complain) ? 0 : -EPERM;
		return lodge_deny(call, guarded[i].right, -EPERM, "capability %d",
				  capability);
	}
	return 0;
}

/* (reason): ports, /dev/mem, kexec, debugfs, tracefs, kprobes... */
int lodge_check_locked_down(const struct lodge_call *call,
			    const unsigned long *args)
{
	enum lockdown_reason what = args[0];

	if (what == LOCKDOWN_XFRM_SECRET)
		return 0;
	return lodge_deny(call, LODGE_RIGHT_RAW, -EPERM, "lockdown reason %d", what);
}

/* (command, ...) */
int lodge_check_bpf(const struct lodge_call *call, const unsigned long *args)
{
	return lodge_deny(call, LODGE_RIGHT_BPF, -EPERM, "bpf command %d",
			  (int)args[0]);
}

int lodge_check_perf(const struct lodge_call *call, const unsigned long *args)
{
	return lodge_deny(call, LODGE_RIGHT_PERF, -EPERM, "perf event");
}

int lodge_check_clock(const struct lodge_call *call, const unsigned long *args)
{
	return lodge_deny(call, LODGE_RIGHT_CLOCK, -EPERM, "clock");
}

int lodge_check_syslog(const struct lodge_call *call, const unsigned long *args)
{
	return lodge_deny(call, LODGE_RIGHT_SYSLOG, -EPERM, "kernel log");
}

int lodge_check_keys(const struct lodge_call *call, const unsigned long *args)
{
	return lodge_deny(call, LODGE_RIGHT_KEYS, -EACCES, "key");
}

/* (what, ...): without a file */
int lodge_check_load(const struct lodge_call *call, const unsigned long *args)
{
	switch ((enum kernel_load_data_id)args[0]) {
	case LOADING_MODULE:
		return lodge_deny(call, LODGE_RIGHT_MODULES, -EPERM, "module");
	case LOADING_KEXEC_IMAGE:
	case LOADING_KEXEC_INITRAMFS:
		return lodge_deny(call, LODGE_RIGHT_BOOT, -EPERM, "kexec");
	default:
		return 0;
	}
}

/* (file, what, ...) */
int lodge_check_read(const struct lodge_call *call, const unsigned long *args)
{
	switch ((enum kernel_read_file_id)args[1]) {
	case READING_MODULE:
		return lodge_deny(call, LODGE_RIGHT_MODULES, -EPERM, "module");
	case READING_KEXEC_IMAGE:
	case READING_KEXEC_INITRAMFS:
		return lodge_deny(call, LODGE_RIGHT_BOOT, -EPERM, "kexec");
	default:
		return 0;
	}
}
