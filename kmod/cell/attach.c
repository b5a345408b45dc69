// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaches the hooks to the functions of the kernel, all or none.
 *
 * TOUR 6.1: how a module gets into the kernel's decisions
 *
 * The kernel was compiled with a place at the begin of each function at which
 * ftrace can put a call.  A direct trampoline is called there without any of
 * ftrace's own work in between, which makes it the cheapest way in.  Functions
 * are found by a kprobe that is never armed: modules cannot look up names.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <asm/ftrace.h>
#include "hook.h"
#include "trampoline.h"
#include "../compat.h"

/* Tells a hook that is tried from an honest answer of the function */
#define MAGIC	(-4095 + 17)

#define CALL_OPCODE	0xe8

static struct ftrace_ops ops, ops_always;
/* The task that tries the hooks, and whether the right one was called */
static struct task_struct *trier;
static const struct lodge_hook *tried;

static const struct lodge_hook *hook_at(unsigned long ip)
{
	unsigned int low = 0, high = lodge_nr_hooks;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (lodge_hooks[middle].ip == ip)
			return &lodge_hooks[middle];
		if (lodge_hooks[middle].ip < ip)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

asmlinkage notrace int lodge_hook_called(unsigned long ip,
					 const unsigned long *args)
{
	const struct lodge_hook *hook = hook_at(ip);
	struct lodge_call call = { .hook = hook };
	int ret = 0;

	/* In an interrupt, the current task has asked for nothing. */
	if (unlikely(!hook || !in_task()))
		return 0;
	if (unlikely(READ_ONCE(trier) == current)) {
		tried = hook;
		return MAGIC;
	}
	rcu_read_lock();
	call.cell = lodge_cell_of(current);
	if (call.cell) {
		this_cpu_inc(*call.cell->checks);
		call.rules = rcu_dereference(call.cell->rules);
	}
	if (call.cell || hook->always)
		ret = hook->check(&call, args);
	rcu_read_unlock();
	return ret;
}

static int by_ip(const void *a, const void *b)
{
	const struct lodge_hook *x = a, *y = b;

	return x->ip < y->ip ? -1 : x->ip > y->ip;
}

/* ftrace's call, or the no-op that it makes of one */
static bool is_traceable(unsigned long address)
{
	static const u8 nop[MCOUNT_INSN_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	const u8 *insn = (const u8 *)address;

	return insn[0] == CALL_OPCODE || !memcmp(insn, nop, sizeof(nop));
}

/* A kprobe at the begin of a function is behind its ENDBR, as ftrace's call is. */
static int locate(struct lodge_hook *hook, unsigned long address)
{
	hook->ip = 0;
	if (address && is_traceable(address)) {
		hook->ip = address + MCOUNT_INSN_SIZE;
		return 0;
	}
	if (!address && hook->optional)
		return 0;
	pr_err("cannot guard containers: this kernel has no traceable function %s\n",
	       hook->function);
	return -ENOENT;
}

/* All kprobes go at once: each time, the kernel waits for a grace period. */
static int locate_all(void)
{
	struct kprobe **registered;
	struct kprobe *probes;
	int ret = 0, count = 0;
	unsigned int i;

	probes = kcalloc(lodge_nr_hooks, sizeof(*probes), GFP_KERNEL);
	registered = kcalloc(lodge_nr_hooks, sizeof(*registered), GFP_KERNEL);
	if (!probes || !registered)
		ret = -ENOMEM;
	for (i = 0; !ret && i < lodge_nr_hooks; i++) {
		probes[i].symbol_name = lodge_hooks[i].function;
		probes[i].flags = KPROBE_FLAG_DISABLED;
		if (!register_kprobe(&probes[i]))
			registered[count++] = &probes[i];
		else
			probes[i].addr = NULL;
		ret = locate(&lodge_hooks[i], (unsigned long)probes[i].addr);
	}
	if (count)
		unregister_kprobes(registered, count);
	kfree(registered);
	kfree(probes);
	return ret;
}

static int filter(struct ftrace_ops *to, bool always)
{
	unsigned int i;
	int ret;

	for (i = 0; i < lodge_nr_hooks; i++) {
		struct lodge_hook *hook = &lodge_hooks[i];

		if (!hook->ip || hook->always != always)
			continue;
		ret = ftrace_set_filter_ip(to, hook->ip - MCOUNT_INSN_SIZE, 0, 0);
		if (ret) {
			pr_err("cannot hook %s: error %d\n", hook->function, ret);
			return ret;
		}
	}
	return 0;
}

static int register_direct(struct ftrace_ops *to, void (*trampoline)(void))
{
#ifdef HAVE_FTRACE_DIRECT_OPS
	int ret = register_ftrace_direct(to, (unsigned long)trampoline);
#else
	int ret = register_ftrace_direct_multi(to, (unsigned long)trampoline);
#endif

	if (ret) {
		pr_err("cannot hook the kernel's functions: error %d; is another direct trampoline (a BPF program, say) at one of them?\n",
		       ret);
		return ret;
	}
	/* Else kernel.ftrace_enabled=0 would take the wall down. */
	to->flags |= FTRACE_OPS_FL_PERMANENT;
	return 0;
}

static void unregister_direct(struct ftrace_ops *from, void (*trampoline)(void))
{
#ifdef HAVE_FTRACE_DIRECT_OPS
	unregister_ftrace_direct(from, (unsigned long)trampoline, false);
#else
	unregister_ftrace_direct_multi(from, (unsigned long)trampoline);
#endif
}

/* Whether the function calls the trampoline, and nothing between them */
static bool is_patched(const struct lodge_hook *hook, void (*trampoline)(void))
{
	const u8 *call = (const u8 *)(hook->ip - MCOUNT_INSN_SIZE);
	s32 distance;

	memcpy(&distance, call + 1, sizeof(distance));
	return call[0] == CALL_OPCODE &&
	       hook->ip + distance == (unsigned long)trampoline;
}

static int check_places(void (*trampoline)(void), void (*always)(void))
{
	const struct lodge_hook *hook;
	unsigned int i;

	for (i = 0; i < lodge_nr_hooks; i++) {
		hook = &lodge_hooks[i];
		if (hook->ip &&
		    !is_patched(hook, hook->always ? always : trampoline)) {
			pr_err("the hook of %s is not in its place: does anything else trace it?\n",
			       hook->function);
			return -EBUSY;
		}
	}
	return 0;
}

/*
 * Calls each function while its hook denies.  The body is not reached, so the
 * arguments do not matter.
 */
static int try_all(void)
{
	const struct lodge_hook *hook;
	unsigned int i;
	long ret;

	for (i = 0; i < lodge_nr_hooks; i++) {
		hook = &lodge_hooks[i];
		if (!hook->ip)
			continue;
		tried = NULL;
		WRITE_ONCE(trier, current);
		ret = lodge_try_hook(hook->ip - MCOUNT_INSN_SIZE);
		WRITE_ONCE(trier, NULL);
		if (ret != MAGIC || READ_ONCE(tried) != hook) {
			pr_err("the hook of %s does not fire\n", hook->function);
			return -EIO;
		}
	}
	return 0;
}

static int register_all(void (*trampoline)(void))
{
	int ret = register_direct(&ops, trampoline);

	if (ret)
		return ret;
	ret = register_direct(&ops_always, lodge_trampoline_always);
	if (ret)
		unregister_direct(&ops, trampoline);
	return ret;
}

static void unregister_all(void (*trampoline)(void))
{
	unregister_direct(&ops_always, lodge_trampoline_always);
	unregister_direct(&ops, trampoline);
}

/* When it returns, no task is in a trampoline any more. */
static void leave(void)
{
	synchronize_rcu_tasks();
	ftrace_free_filter(&ops);
	ftrace_free_filter(&ops_always);
}

/* For the trial, the trampoline is one that calls for each task. */
static int try_out(void)
{
	int ret = register_all(lodge_trampoline_always);

	if (ret)
		return ret;
	ret = check_places(lodge_trampoline_always, lodge_trampoline_always);
	if (!ret)
		ret = try_all();
	unregister_all(lodge_trampoline_always);
	return ret;
}

int lodge_hooks_attach(void)
{
	int ret = locate_all();

	if (ret)
		return ret;
	sort(lodge_hooks, lodge_nr_hooks, sizeof(lodge_hooks[0]), by_ip, NULL);

	ret = filter(&ops, false);
	if (!ret)
		ret = filter(&ops_always, true);
	if (!ret)
		ret = try_out();
	if (!ret)
		ret = register_all(lodge_trampoline);
	if (ret)
		goto out_filter;
	ret = check_places(lodge_trampoline, lodge_trampoline_always);
	if (ret)
		goto out_registered;
	return 0;

out_registered:
	unregister_all(lodge_trampoline);
out_filter:
	leave();
	return ret;
}

void lodge_hooks_detach(void)
{
	unregister_all(lodge_trampoline);
	leave();
}
