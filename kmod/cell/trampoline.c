// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way into hooks: what a hooked function calls before all else.
 *
 * TOUR 6.2: the hot path of every hook
 *
 * Tasks outside any cell take a handful of instructions: the initial pid
 * namespace is level 0.  Only registers that a function may change at its begin
 * are used, for the compiler has kept nothing in them.
 *
 * For a task inside, the arguments go into memory, a check written in C looks at
 * them, and they are put back.  A call that is denied returns to the caller of the
 * function in place of the function itself.
 */
#include <linux/compiler.h>
#include <linux/linkage.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <asm/current.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>
#include "trampoline.h"
#include "../compat.h"

#ifdef HAVE_PCPU_HOT
#define CURRENT		"pcpu_hot+%c[task]"
#define CURRENT_OFFSET	offsetof(struct pcpu_hot, current_task)
#else
#define CURRENT		"current_task+%c[task]"
#define CURRENT_OFFSET	0
#endif

/*
 * Stack: [0] into the function, [8] to its caller.  The last hint is for what the
 * compiler puts behind a function that it takes to have no end.
 */
#define CHECK								\
	"	push %%rbp\n"						\
	"	mov %%rsp, %%rbp\n"					\
	"	push %%r9\n"						\
	"	push %%r8\n"						\
	"	push %%rcx\n"						\
	"	push %%rdx\n"						\
	"	push %%rsi\n"						\
	"	push %%rdi\n"						\
	"	mov 8(%%rbp), %%rdi\n"					\
	"	mov %%rsp, %%rsi\n"					\
	"	call lodge_hook_called\n"				\
	"	pop %%rdi\n"						\
	"	pop %%rsi\n"						\
	"	pop %%rdx\n"						\
	"	pop %%rcx\n"						\
	"	pop %%r8\n"						\
	"	pop %%r9\n"						\
	"	pop %%rbp\n"						\
	"	test %%eax, %%eax\n"					\
	"	jnz 2f\n"						\
	"1:	" ASM_RET						\
	"2:	cltq\n"							\
	"	add $8, %%rsp\n"					\
	"	" UNWIND_HINT_FUNC "\n"					\
	"	" ASM_RET "\n" UNWIND_HINT_FUNC

notrace noinline __used __attribute__((__naked__))
void lodge_trampoline(void)
{
	asm volatile("mov %%gs:" CURRENT ", %%rax\n"
		     "	mov %c[pid](%%rax), %%rax\n"
		     "	test %%rax, %%rax\n"
		     "	jz 1f\n"
		     "	cmpl $0, %c[level](%%rax)\n"
		     "	je 1f\n"
		     CHECK
		     : : [task] "i" (CURRENT_OFFSET),
			 [pid] "i" (offsetof(struct task_struct, thread_pid)),
			 [level] "i" (offsetof(struct pid, level)));
}

notrace noinline __used __attribute__((__naked__))
void lodge_trampoline_always(void)
{
	asm volatile(CHECK : :);
}

/* An indirect call has to find an ENDBR, if the processor looks; a return has not. */
notrace noinline __used __attribute__((__naked__))
long lodge_try_hook(unsigned long address)
{
	asm volatile("push %%rdi\n"
		     "	" UNWIND_HINT_FUNC "\n"
		     "	" ASM_RET "\n" UNWIND_HINT_FUNC
		     : :);
}
