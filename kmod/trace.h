/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: lodge:lodge_entry, lodge_exit, lodge_page_fault, lodge_inject,
 * lodge_denial.
 * One that is off is a no-op of the size of a jump.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM lodge

#if !defined(LODGE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define LODGE_TRACE_H

#include <linux/tracepoint.h>
#include "event.h"
#include "vm/vm.h"

#define LODGE_EXIT_KINDS						\
	{ EXIT_HOST, "host" }, { EXIT_WINDOW, "window" },		\
	{ EXIT_CPUID, "cpuid" }, { EXIT_MSR, "msr" },			\
	{ EXIT_PORT, "port" }, { EXIT_HLT, "hlt" },			\
	{ EXIT_PAUSE, "pause" }, { EXIT_HYPERCALL, "hypercall" },	\
	{ EXIT_XSETBV, "xsetbv" }, { EXIT_NPF, "page-fault" },		\
	{ EXIT_CR, "cr" }, { EXIT_DR, "dr" },				\
	{ EXIT_EMULATE, "emulate" }, { EXIT_UD, "ud" },			\
	{ EXIT_GP, "gp" }, { EXIT_NOP, "nop" },				\
	{ EXIT_EXCEPTION, "exception" }, { EXIT_SHUTDOWN, "shutdown" },	\
	{ EXIT_FAIL, "fail" }, { EXIT_UNKNOWN, "unknown" }

#define LODGE_EVENT_TYPES						\
	{ EVENT_INTERRUPT, "interrupt" }, { EVENT_NMI, "nmi" },		\
	{ EVENT_EXCEPTION, "exception" },		\
	{ EVENT_SOFTWARE, "software" }

TRACE_EVENT(lodge_entry,
	TP_PROTO(const struct lodge_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u64, guest)
		__field(u32, vcpu)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->guest = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->rip = vcpu->rip;
	),
	TP_printk("guest %llu vcpu %u rip 0x%llx", __entry->guest,
		  __entry->vcpu, __entry->rip)
);

TRACE_EVENT(lodge_exit,
	TP_PROTO(const struct lodge_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u64, guest)
		__field(u32, vcpu)
		__field(u32, kind)
		__field(u64, rip)
		__field(u64, code)
		__field(u64, info1)
		__field(u64, info2)
	),
	TP_fast_assign(
		__entry->guest = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->kind = vcpu->exit.kind;
		__entry->rip = vcpu->rip;
		__entry->code = vcpu->exit.code;
		__entry->info1 = vcpu->exit.info1;
		__entry->info2 = vcpu->exit.info2;
	),
	TP_printk("guest %llu vcpu %u %s rip 0x%llx code 0x%llx info 0x%llx 0x%llx",
		  __entry->guest, __entry->vcpu,
		  __print_symbolic(__entry->kind, LODGE_EXIT_KINDS),
		  __entry->rip, __entry->code, __entry->info1, __entry->info2)
);

TRACE_EVENT(lodge_page_fault,
	TP_PROTO(const struct lodge_vcpu *vcpu, u64 gpa, u32 flags, int ret),
	TP_ARGS(vcpu, gpa, flags, ret),
	TP_STRUCT__entry(
		__field(u64, guest)
		__field(u32, vcpu)
		__field(u32, flags)
		__field(u64, gpa)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->guest = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->flags = flags;
		__entry->gpa = gpa;
		__entry->ret = ret;
	),
	TP_printk("guest %llu vcpu %u gpa 0x%llx %s%s%s%s: %s (%d)",
		  __entry->guest, __entry->vcpu, __entry->gpa,
		  __entry->flags & NPF_WRITE ? "write" : "read",
		  __entry->flags & NPF_FETCH ? " fetch" : "",
		  __entry->flags & NPF_PRESENT ? " present" : "",
		  __entry->flags & NPF_TABLE_WALK ? " table" : "",
		  !__entry->ret ? "mapped" :
		  __entry->ret == 1 ? "no memory" : "error", __entry->ret)
);

TRACE_EVENT(lodge_inject,
	TP_PROTO(const struct lodge_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u64, guest)
		__field(u32, vcpu)
		__field(u8, type)
		__field(u8, vector)
	),
	TP_fast_assign(
		__entry->guest = vcpu->vm->id;
		__entry->vcpu = vcpu->id;
		__entry->type = vcpu->event.type;
		__entry->vector = vcpu->event.vector;
	),
	TP_printk("guest %llu vcpu %u %s vector %u", __entry->guest,
		  __entry->vcpu,
		  __print_symbolic(__entry->type, LODGE_EVENT_TYPES),
		  __entry->vector)
);

TRACE_EVENT(lodge_denial,
	TP_PROTO(const struct lodge_guest *guest,
		 const struct lodge_denial *denial),
	TP_ARGS(guest, denial),
	TP_STRUCT__entry(
		__field(u64, guest)
		__field(const char *, hook)
		__field(bool, complain)
		__array(char, object, LODGE_OBJECT_SIZE)
	),
	TP_fast_assign(
		__entry->guest = guest->id;
		__entry->hook = denial->hook;
		__entry->complain = denial->complain;
		memcpy(__entry->object, denial->object, LODGE_OBJECT_SIZE);
	),
	TP_printk("guest %llu %s%s: %s", __entry->guest, __entry->hook,
		  __entry->complain ? " (complains)" : "", __entry->object)
);

#endif /* LODGE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
