// SPDX-License-Identifier: GPL-2.0-only
/* What a VM that cannot go on leaves behind: a reason, and an event. */
#include <linux/string.h>
#include "../event.h"
#include "../guest.h"
#include "ops.h"
#include "vm.h"

static_assert(sizeof_field(struct lodge_run, fail.reason) == LODGE_MESSAGE_SIZE);

/* Without the padding: LODGE_A_REGISTERS_* begin behind it. */
#define REGISTER(name)	(LODGE_A_REGISTERS_##name - LODGE_A_REGISTERS_RAX)

static void fill(struct lodge_failure *failure, struct lodge_vcpu *vcpu,
		 u32 reason, const char *message)
{
	u64 *regs = failure->regs;

	failure->vcpu = vcpu->id;
	failure->reason = reason;
	strscpy(failure->message, message, sizeof(failure->message));
	failure->code = vcpu->exit.code;

	BUILD_BUG_ON(REGISTER(R15) != REG_R15);
	memcpy(regs, vcpu->regs, sizeof(vcpu->regs));
	regs[REGISTER(RIP)] = vcpu->rip;
	regs[REGISTER(RFLAGS)] = vcpu->rflags;
	regs[REGISTER(CR0)] = lodge_vendor->get_cr(vcpu, 0);
	regs[REGISTER(CR2)] = lodge_vendor->get_cr(vcpu, 2);
	regs[REGISTER(CR3)] = lodge_vendor->get_cr(vcpu, 3);
	regs[REGISTER(CR4)] = lodge_vendor->get_cr(vcpu, 4);
	regs[REGISTER(EFER)] = lodge_vendor->get_cr(vcpu, LODGE_CR_EFER);
}

void lodge_report_failure(struct lodge_vcpu *vcpu, u32 exit_reason,
			  const char *message, const u8 *insn, u32 len)
{
	struct lodge_guest *guest = vcpu->vm->guest;
	struct lodge_failure failure = {};
	u8 cmd = LODGE_CMD_VM_FAILED_NTF;
	u32 reason;

	switch (exit_reason) {
	case LODGE_EXIT_SHUTDOWN:
		cmd = LODGE_CMD_VM_SHUTDOWN_NTF;
		reason = LODGE_END_REASON_SHUTDOWN;
		break;
	case LODGE_EXIT_FAIL_ENTRY:
		reason = LODGE_END_REASON_FAIL_ENTRY;
		break;
	default:
		reason = LODGE_END_REASON_INTERNAL;
		break;
	}
	vcpu->failed = true;
	lodge_guest_failed(guest, reason, 0, message);
	if (!lodge_events_wanted())
		return;
	fill(&failure, vcpu, reason, message);
	failure.insn_len = min_t(u32, len, sizeof(failure.insn));
	memcpy(failure.insn, insn, failure.insn_len);
	lodge_event(guest, cmd, &failure);
}

void lodge_report_memory(struct lodge_vcpu *vcpu, u64 gpa, int error, bool write)
{
	struct lodge_guest *guest = vcpu->vm->guest;
	static const char message[] = "memory cannot be reached";
	struct lodge_failure failure = {};

	vcpu->failed = true;
	lodge_guest_failed(guest, LODGE_END_REASON_MEMORY, -error, message);
	if (!lodge_events_wanted())
		return;
	fill(&failure, vcpu, LODGE_END_REASON_MEMORY, message);
	failure.address = gpa;
	failure.error = -error;
	failure.write = write;
	lodge_event(guest, LODGE_CMD_VM_MEMORY_NTF, &failure);
}

void lodge_report_recovery(struct lodge_vcpu *vcpu)
{
	vcpu->failed = false;
	lodge_guest_failed(vcpu->vm->guest, LODGE_END_REASON_NONE, 0, NULL);
}
