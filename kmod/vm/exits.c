// SPDX-License-Identifier: GPL-2.0-only
/* What each exit means, whoever's processor it came from. */
#include <linux/sched.h>
#include <asm/trapnr.h>
#include "arch.h"
#include "eventfd.h"
#include "insn.h"
#include "irq.h"
#include "memory.h"
#include "vm.h"

int lodge_fail(struct lodge_vcpu *vcpu, u32 reason, const char *fmt, ...)
{
	struct lodge_run *run = vcpu->run;
	char text[sizeof(run->fail.reason)];
	u8 insn[15];
	va_list args;
	int len;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	/* Here nothing can be faulted in any more; what is there will do. */
	len = max(lodge_fetch_insn(vcpu, insn, false), 0);
	lodge_report_failure(vcpu, reason, text, insn, len);

	memset(&run->fail, 0, sizeof(run->fail));
	run->exit_reason = reason;
	run->vendor_code = vcpu->exit.code;
	run->fail.rip = vcpu->rip;
	run->fail.info1 = vcpu->exit.info1;
	run->fail.info2 = vcpu->exit.info2;
	run->fail.insn_len = len;
	memcpy(run->fail.insn, insn, len);
	strscpy(run->fail.reason, text, sizeof(run->fail.reason));
	return NEXT_USER;
}

int lodge_exit_memory(struct lodge_vcpu *vcpu, u64 gpa, int error, bool write)
{
	struct lodge_run *run = vcpu->run;

	memset(&run->memory, 0, sizeof(run->memory));
	run->exit_reason = LODGE_EXIT_MEMORY;
	run->vendor_code = vcpu->exit.code;
	run->memory.addr = gpa;
	run->memory.error = -error;
	run->memory.is_write = write;
	lodge_report_memory(vcpu, gpa, error, write);
	return NEXT_USER;
}

/*
 * For instructions that may fault after it is known that they can be skipped:
 * the fault is the instruction's, so RIP goes back to it.
 */
static int fault_at(struct lodge_vcpu *vcpu, u64 rip)
{
	vcpu->rip = rip;
	vcpu->event.type = EVENT_NONE;
	lodge_queue_gp(vcpu);
	return NEXT_ENTER;
}

/*
 * TOUR 2.3: the simplest exit
 *
 * The guest asked what processor it has.  Nothing sleeps, nobody else is asked;
 * the next entry follows at once.
 */
static int handle_cpuid(struct lodge_vcpu *vcpu, bool can_sleep)
{
	u32 cpuid[4];
	int next;

	next = lodge_skip_insn(vcpu, can_sleep);
	if (next != NEXT_ENTER)
		return next;

	cpuid[0] = vcpu->regs[REG_RAX];
	cpuid[1] = 0;
	cpuid[2] = vcpu->regs[REG_RCX];
	cpuid[3] = 0;
	lodge_cpuid(vcpu, cpuid);
	vcpu->regs[REG_RAX] = cpuid[0];
	vcpu->regs[REG_RBX] = cpuid[1];
	vcpu->regs[REG_RCX] = cpuid[2];
	vcpu->regs[REG_RDX] = cpuid[3];
	return NEXT_ENTER;
}

static int handle_msr(struct lodge_vcpu *vcpu, bool can_sleep)
{
	u64 rip = vcpu->rip, value;
	bool write = vcpu->exit.msr.write;
	u32 index = vcpu->regs[REG_RCX];
	int next;

	next = lodge_skip_insn(vcpu, can_sleep);
	if (next != NEXT_ENTER)
		return next;

	value = (u32)vcpu->regs[REG_RAX] | vcpu->regs[REG_RDX] << 32;
	if (lodge_msr(vcpu, index, &value, write, false))
		return fault_at(vcpu, rip);
	if (!write) {
		vcpu->regs[REG_RAX] = (u32)value;
		vcpu->regs[REG_RDX] = value >> 32;
	}
	return NEXT_ENTER;
}

/* As for any destination register: 32 bits clear the upper half. */
static void set_rax(struct lodge_vcpu *vcpu, u32 data)
{
	u64 *rax = &vcpu->regs[REG_RAX];

	switch (vcpu->exit.port.width) {
	case 1:
		*rax = (*rax & ~0xffULL) | (u8)data;
		break;
	case 2:
		*rax = (*rax & ~0xffffULL) | (u16)data;
		break;
	default:
		*rax = data;
		break;
	}
}

/* The PIC or the PIT of a VM that has them */
static bool pc_port(struct lodge_vcpu *vcpu)
{
	const struct lodge_exit *exit = &vcpu->exit;
	u32 data = vcpu->regs[REG_RAX];

	if (!lodge_pc_port(vcpu->vm, exit->port.port, exit->port.width, &data,
			   !exit->port.in))
		return false;
	if (exit->port.in)
		set_rax(vcpu, data);
	return true;
}

/*
 * TOUR 2.4: an exit for the tool
 *
 * A port without a device in the module: LODGE_RUN returns, and what the tool
 * has put into the page is taken at the beginning of the next one.
 */
static int handle_port(struct lodge_vcpu *vcpu, bool can_sleep)
{
	const struct lodge_exit *exit = &vcpu->exit;
	struct lodge_run *run = vcpu->run;
	u32 data = 0;
	int next;

	if (exit->port.string)
		return can_sleep ? lodge_emulate(vcpu, true) : NEXT_SLEEP;

	next = lodge_skip_insn(vcpu, can_sleep);
	if (next != NEXT_ENTER)
		return next;

	if (unlikely(vcpu->vm->pic) && pc_port(vcpu))
		return NEXT_ENTER;
	if (!exit->port.in) {
		memcpy(&data, &vcpu->regs[REG_RAX], exit->port.width);
		if (lodge_ioeventfd_write(vcpu->vm, true, exit->port.port,
					  exit->port.width, &data))
			return NEXT_ENTER;
	}
	run->exit_reason = LODGE_EXIT_IO;
	run->vendor_code = exit->code;
	run->io.port = exit->port.port;
	run->io.width = exit->port.width;
	run->io.direction = exit->port.in ? LODGE_IO_IN : LODGE_IO_OUT;
	run->io.data = data;
	vcpu->pending_port = exit->port.in;
	return NEXT_USER;
}

int lodge_complete_exit(struct lodge_vcpu *vcpu)
{
	if (!vcpu->pending_port)
		return lodge_emulate_complete(vcpu);

	vcpu->pending_port = false;
	set_rax(vcpu, READ_ONCE(vcpu->run->io.data));
	return NEXT_ENTER;
}

static int handle_hlt(struct lodge_vcpu *vcpu, bool can_sleep)
{
	int next = lodge_skip_insn(vcpu, can_sleep);

	if (next == NEXT_ENTER)
		vcpu->mp_state = LODGE_MP_HALTED;
	return next;
}

/*
 * TOUR 3.1: a page fault one floor down.
 *
 * The guest touched a guest physical address that the nested tables do not map:
 * memory that nobody has used yet, or a device.
 */
static int handle_npf(struct lodge_vcpu *vcpu, bool can_sleep)
{
	u64 gpa = vcpu->exit.npf.gpa;
	u32 flags = vcpu->exit.npf.flags;
	int ret;

	if (!can_sleep)
		return NEXT_SLEEP;

	ret = lodge_npt_fault(vcpu, gpa, flags);
	if (!ret)
		return NEXT_ENTER;
	if (ret == 1) {
		if (flags & NPF_TABLE_WALK)
			return lodge_fail(vcpu, LODGE_EXIT_INTERNAL,
					  "the guest's page tables are at 0x%llx, which is not writable memory",
					  gpa);
		if (flags & NPF_FETCH)
			return lodge_fail(vcpu, LODGE_EXIT_INTERNAL,
					  "the guest executes at 0x%llx, which is not memory",
					  gpa);
		return lodge_emulate(vcpu, true);
	}
	if (ret == -EINTR)
		return ret;
	return lodge_exit_memory(vcpu, gpa, ret, flags & NPF_WRITE);
}

static int set_cr(struct lodge_vcpu *vcpu, int nr, u64 value)
{
	switch (nr) {
	case 0:
		return lodge_set_cr0(vcpu, value);
	case 3:
		return lodge_set_cr3(vcpu, value);
	case 4:
		return lodge_set_cr4(vcpu, value);
	case 8:
		return lodge_set_cr8(vcpu, value);
	default:
		return 1;
	}
}

static int handle_cr(struct lodge_vcpu *vcpu, bool can_sleep)
{
	const struct lodge_exit *exit = &vcpu->exit;
	u64 rip = vcpu->rip;
	u64 *reg;
	int next;

	if (!exit->cr.valid)
		return can_sleep ? lodge_emulate(vcpu, true) : NEXT_SLEEP;

	next = lodge_skip_insn(vcpu, can_sleep);
	if (next != NEXT_ENTER)
		return next;

	reg = &vcpu->regs[exit->cr.reg];
	if (!exit->cr.write)
		*reg = exit->cr.nr == 8 ? lodge_lapic_get_cr8(vcpu) :
					  lodge_vendor->get_cr(vcpu, exit->cr.nr);
	else if (set_cr(vcpu, exit->cr.nr, *reg))
		return fault_at(vcpu, rip);
	return NEXT_ENTER;
}

static int handle_xsetbv(struct lodge_vcpu *vcpu, bool can_sleep)
{
	u64 rip = vcpu->rip;
	int next;

	next = lodge_skip_insn(vcpu, can_sleep);
	if (next != NEXT_ENTER)
		return next;
	if (lodge_cpl(vcpu) ||
	    lodge_set_xcr0(vcpu, vcpu->regs[REG_RCX],
			   (u32)vcpu->regs[REG_RAX] | vcpu->regs[REG_RDX] << 32))
		return fault_at(vcpu, rip);
	return NEXT_ENTER;
}

static int handle_hypercall(struct lodge_vcpu *vcpu, bool can_sleep)
{
	int next = lodge_skip_insn(vcpu, can_sleep);

	return next == NEXT_ENTER ? lodge_hypercall(vcpu) : next;
}

static int handle_pause(struct lodge_vcpu *vcpu, bool can_sleep)
{
	/* The guest spins, probably for a vCPU that does not run. */
	if (!can_sleep)
		return NEXT_SLEEP;
	cond_resched();
	return NEXT_ENTER;
}

int lodge_handle_exit(struct lodge_vcpu *vcpu, bool can_sleep)
{
	const struct lodge_exit *exit = &vcpu->exit;

	switch (exit->kind) {
	case EXIT_HOST:
		return NEXT_ENTER;
	case EXIT_CPUID:
		return handle_cpuid(vcpu, can_sleep);
	case EXIT_MSR:
		return handle_msr(vcpu, can_sleep);
	case EXIT_PORT:
		return handle_port(vcpu, can_sleep);
	case EXIT_NPF:
		return handle_npf(vcpu, can_sleep);
	case EXIT_HLT:
		return handle_hlt(vcpu, can_sleep);
	case EXIT_WINDOW:
		lodge_vcpu_request(vcpu, REQ_EVENT);
		return NEXT_ENTER;
	case EXIT_PAUSE:
		return handle_pause(vcpu, can_sleep);
	case EXIT_HYPERCALL:
		return handle_hypercall(vcpu, can_sleep);
	case EXIT_XSETBV:
		return handle_xsetbv(vcpu, can_sleep);
	case EXIT_CR:
		return handle_cr(vcpu, can_sleep);
	case EXIT_DR:
	case EXIT_EMULATE:
		return can_sleep ? lodge_emulate(vcpu, true) : NEXT_SLEEP;
	case EXIT_UD:
		lodge_queue_ud(vcpu);
		return NEXT_ENTER;
	case EXIT_GP:
		lodge_queue_gp(vcpu);
		return NEXT_ENTER;
	case EXIT_NOP:
		return lodge_skip_insn(vcpu, can_sleep);
	case EXIT_EXCEPTION:
		if (exit->exception.vector == X86_TRAP_BP)
			return lodge_debug_int(vcpu, can_sleep);
		lodge_queue_exception(vcpu, exit->exception.vector,
				      exit->exception.has_error,
				      exit->exception.error);
		return NEXT_ENTER;
	case EXIT_SHUTDOWN:
		return lodge_fail(vcpu, LODGE_EXIT_SHUTDOWN, "triple fault");
	case EXIT_FAIL:
		return lodge_fail(vcpu, LODGE_EXIT_FAIL_ENTRY, "%s",
				  exit->reason ?: "the processor refused the guest's state");
	case EXIT_UNKNOWN:
	default:
		if (exit->reason)
			return lodge_fail(vcpu, LODGE_EXIT_INTERNAL, "%s",
					  exit->reason);
		return lodge_fail(vcpu, LODGE_EXIT_INTERNAL,
				  "exit 0x%llx cannot be handled", exit->code);
	}
}
