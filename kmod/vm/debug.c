// SPDX-License-Identifier: GPL-2.0-only
/* What a debugger in the tool is told of: INT3 and single steps. */
#include <asm/trapnr.h>
#include "insn.h"
#include "vm.h"

#define OPCODE_INT3	0xcc
#define OPCODE_INT	0xcd

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

/* What the processor would have done: a trap, with RIP behind the instruction. */
static void deliver_int3(struct lodge_vcpu *vcpu, u8 len)
{
	vcpu->rip += len;
	lodge_queue_exception(vcpu, X86_TRAP_BP, false, 0);
}

static int handle_int3(struct lodge_vcpu *vcpu, u8 len)
{
	if (!(vcpu->debug & LODGE_DEBUG_BREAKPOINTS)) {
		deliver_int3(vcpu, len);
		return NEXT_ENTER;
	}
	vcpu->int3_len = len;
	return lodge_debug_exit(vcpu, X86_TRAP_BP);
}

/* What may stand before INT: segments, sizes, LOCK and REP, and REX */
static bool is_prefix(u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x40 ... 0x4f:
	case 0x64 ... 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return false;
	}
}

int lodge_debug_int(struct lodge_vcpu *vcpu, bool can_sleep)
{
	int len, i = 0;
	u8 insn[15];

	if (!vcpu->exit.exception.maybe_int_n)
		return handle_int3(vcpu, vcpu->exit.insn_len ?: 1);

	len = lodge_fetch_insn(vcpu, insn, can_sleep);
	if (len < 0)
		return NEXT_SLEEP;
	while (i < len && is_prefix(insn[i]))
		i++;
	if (i < len && insn[i] == OPCODE_INT3)
		return handle_int3(vcpu, i + 1);
	/* Another CPU has changed it meanwhile: then once more. */
	if (i + 1 >= len || insn[i] != OPCODE_INT)
		return NEXT_ENTER;
	vcpu->event = (struct lodge_event){
		.type = EVENT_SOFTWARE,
		.vector = insn[i + 1],
		.error = i + 2,
	};
	vcpu->rip += i + 2;
	return NEXT_ENTER;
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
