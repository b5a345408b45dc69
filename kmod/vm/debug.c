// SPDX-License-Identifier: GPL-2.0-only
/* What a debugger in the tool is told of: INT3 and single steps. */
#include <asm/trapnr.h>
#include "vm.h"

int lodge_debug_exit(struct lodge_vcpu *vcpu, u32 vector)
{
	struct lodge_run *run = vcpu->run;

	memset(&run->debug, 0, sizeof(run->debug));
	run->exit_reason = LODGE_EXIT_DEBUG;
	run->vendor_code = vcpu->exit.code;
	run->debug.rip = vcpu->rip;
	run->debug.vector = vector;
	return NEXT_USER;
}

/*
 * What the processor would have done: a trap, with RIP behind the instruction.  It
 * is injected as any exception, so the gate's privilege level is not looked at.
 */
static void deliver_int3(struct lodge_vcpu *vcpu, u8 len)
{
	vcpu->rip += len;
	lodge_queue_exception(vcpu, X86_TRAP_BP, false, 0);
}

int lodge_debug_int3(struct lodge_vcpu *vcpu)
{
	u8 len = vcpu->exit.insn_len ?: 1;

	if (!(vcpu->debug & LODGE_DEBUG_BREAKPOINTS)) {
		deliver_int3(vcpu, len);
		return NEXT_ENTER;
	}
	vcpu->int3_len = len;
	return lodge_debug_exit(vcpu, X86_TRAP_BP);
}

int lodge_debug_set(struct lodge_vcpu *vcpu, const struct lodge_guest_debug *in)
{
	u32 flags = in->flags;

	if (in->reserved || (flags & ~(LODGE_DEBUG_BREAKPOINTS | LODGE_DEBUG_STEP |
				       LODGE_DEBUG_REFLECT)))
		return -EINVAL;
	if ((flags & LODGE_DEBUG_STEP) &&
	    !(lodge_vendor->features & LODGE_FEATURE_STEP))
		return -EINVAL;
	if (flags & LODGE_DEBUG_REFLECT) {
		if (!vcpu->int3_len)
			return -EINVAL;
		deliver_int3(vcpu, vcpu->int3_len);
		vcpu->int3_len = 0;
	}
	vcpu->debug = flags & ~LODGE_DEBUG_REFLECT;
	clear_bit(REQ_STEPPED, &vcpu->requests);
	lodge_vendor->set_debug(vcpu);
	/* Interrupts and NMIs that have waited for the end of steps */
	lodge_vcpu_request(vcpu, REQ_EVENT);
	return 0;
}
