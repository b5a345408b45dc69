/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: what happens to guests, to whoever listens to the multicast group
 * "events".  Who reports one never waits: it goes through a queue of fixed size,
 * and what does not fit is counted.
 */
#ifndef LODGE_EVENT_H
#define LODGE_EVENT_H

#include <linux/sched.h>
#include <uapi/linux/lodge_netlink.h>
#include "guest.h"

/**
 * struct lodge_failure - a VM that cannot go on
 * @vcpu: APIC ID
 * @reason: enum lodge_end_reason
 * @message: in words
 * @code: the processor's exit code
 * @insn_len: bytes in @insn
 * @insn: instruction at RIP
 * @regs: the sixteen, in the processor's order, RIP, RFLAGS, CR0, CR2, CR3, CR4,
 *        EFER: as LODGE_A_REGISTERS_*
 * @address: LODGE_END_REASON_MEMORY: guest physical address
 * @error: likewise: a positive errno
 * @write: likewise: it was to be written
 */
struct lodge_failure {
	u32 vcpu;
	u32 reason;
	char message[LODGE_MESSAGE_SIZE];
	u64 code;
	u32 insn_len;
	u8 insn[16];
	u64 regs[LODGE_A_REGISTERS_MAX - LODGE_A_REGISTERS_PAD];
	u64 address;
	s32 error;
	bool write;
};

#define LODGE_OBJECT_SIZE	128

/**
 * struct lodge_denial - a wall that has said no
 * @hook: function of the kernel
 * @right: LODGE_RIGHT_* that would allow it
 * @complain: it was let happen
 * @pid: the process, in the initial pid namespace
 * @comm: its name
 * @object: what it wanted
 */
struct lodge_denial {
	const char *hook;
	u32 right;
	bool complain;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	char object[LODGE_OBJECT_SIZE];
};

/**
 * lodge_events_wanted() - does anybody listen?
 *
 * Context: any but interrupts.
 * Return: whether an event would reach somebody
 */
bool lodge_events_wanted(void);

/**
 * lodge_event() - tell those who listen, if any
 * @guest: the guest
 * @cmd: LODGE_CMD_GUEST_*_NTF: what it has become (lodge_guests_lock), or
 *       LODGE_CMD_VM_*_NTF: its VM cannot go on
 * @failure: why that is, or NULL for what a guest has become
 *
 * Context: any but interrupts; never waits.
 */
void lodge_event(const struct lodge_guest *guest, u8 cmd,
		 const struct lodge_failure *failure);

/**
 * lodge_event_denial() - tell those who listen of a denial
 * @guest: the guest
 * @denial: what was denied
 *
 * Context: any but interrupts, also with interrupts off; never waits.
 */
void lodge_event_denial(const struct lodge_guest *guest,
			const struct lodge_denial *denial);

/**
 * lodge_events_count() - how many events there were
 * @seq: the number of the last one
 * @dropped: how many did not fit into the queue
 */
void lodge_events_count(u64 *seq, u64 *dropped);

int lodge_events_init(void);
void lodge_events_exit(void);

#endif /* LODGE_EVENT_H */
