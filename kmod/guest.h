/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry of guests: which there are, who keeps them, and how the last of
 * them ended.  There is no daemon, so this is where all others look.
 */
#ifndef LODGE_GUEST_H
#define LODGE_GUEST_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <uapi/linux/lodge_netlink.h>
#include "lodge.h"

struct lodge_cell;
struct lodge_vm;
struct task_struct;

/* How many guests that ended stay known. */
#define LODGE_ENDED_KEPT	64

/* As lodge_run.fail.reason: room for a reason in words. */
#define LODGE_MESSAGE_SIZE	92

/**
 * struct lodge_guest - what is known of a guest
 * @ref: one of its VM or cell, one of the registry
 * @link: in the registry, by @id (lodge_guests_lock)
 * @id: from 1, never used again while the module is loaded
 * @name: unique among living guests
 * @kind: enum lodge_guest_kind
 * @state: enum lodge_guest_state; written under lodge_guests_lock
 * @vm: its VM until it ends, then NULL (lodge_guests_lock)
 * @cell: its cell until it ends, then NULL (lodge_guests_lock); a VM's may come later
 * @init_pid: the first process of its cell, in the initial pid namespace
 *            (lodge_guests_lock)
 * @keeper: the process that made it, or its wall, referenced until it ends
 *          (lodge_guests_lock)
 * @keeper_pid: the same as a number, in the initial pid namespace
 *              (lodge_guests_lock)
 * @runner: the process behind the wall that made the VM, referenced until it ends,
 *          or NULL: it is the keeper itself (lodge_guests_lock)
 * @created: CLOCK_BOOTTIME when it was made, in ns
 * @ended: the same when it ended, or 0 (lodge_guests_lock)
 * @nr_vcpus: how many vCPUs it had when it ended (lodge_guests_lock)
 * @lock: protects @reason, @status and @message
 * @reason: enum lodge_end_reason: why it ended, or cannot go on
 * @status: what goes with it
 * @message: the same in words, may be empty
 */
struct lodge_guest {
	struct kref ref;
	struct list_head link;
	u64 id;
	char name[LODGE_NAME_MAX + 1];
	u32 kind;
	u32 state;
	struct lodge_vm *vm;
	struct lodge_cell *cell;
	u32 init_pid;
	struct task_struct *keeper;
	u32 keeper_pid;
	struct task_struct *runner;
	u64 created;
	u64 ended;
	u32 nr_vcpus;
	spinlock_t lock;	/* reason, status, message */
	u32 reason;
	s32 status;
	char message[LODGE_MESSAGE_SIZE];
};

/*
 * All guests, oldest first, and lodge_guests_generation, which moves with each
 * change and is never 0.  Both are protected by lodge_guests_lock, which is
 * taken after all locks but those of events and of a guest.
 */
extern struct mutex lodge_guests_lock;
extern struct list_head lodge_guests;
extern unsigned int lodge_guests_generation;

/**
 * lodge_guest_create() - a guest of the calling process, not in the registry yet
 * @kind: enum lodge_guest_kind
 * @name: its name, or empty for one made of its id; LODGE_NAME_MAX + 1 bytes
 * @vm: its VM, or NULL
 * @cell: its cell, or NULL
 *
 * Return: the guest, or -EINVAL for a name that breaks the rule, -ENOMEM
 */
struct lodge_guest *lodge_guest_create(u32 kind, const char *name,
				       struct lodge_vm *vm,
				       struct lodge_cell *cell);

/**
 * lodge_guest_add() - give it its id, and let all see it
 * @guest: as created
 *
 * Return: 0, or -EEXIST if a living guest has its name
 */
int lodge_guest_add(struct lodge_guest *guest);

/**
 * lodge_guest_wall() - a wall is put around the process that runs a VM
 * @guest: of the VM, which that process has made
 * @cell: the wall; its first process is the one
 *
 * The caller is its keeper from now on.
 *
 * Return: 0, -EINVAL if another process has made it, -EBUSY if it has a wall,
 * -ESRCH if it has ended
 */
int lodge_guest_wall(struct lodge_guest *guest, struct lodge_cell *cell);

/**
 * lodge_guest_runs() - a vCPU is about to run, or a wall stands
 * @guest: the guest
 */
void lodge_guest_runs(struct lodge_guest *guest);

/**
 * lodge_guest_paused() - its keeper has stopped it, or lets it go on
 * @guest: the guest
 * @paused: which
 */
void lodge_guest_paused(struct lodge_guest *guest, bool paused);

/**
 * lodge_guest_policy_changed() - its cell has another policy
 * @guest: the guest
 */
void lodge_guest_policy_changed(struct lodge_guest *guest);

/**
 * lodge_guest_failed() - note why a guest cannot go on
 * @guest: the guest
 * @reason: enum lodge_end_reason; LODGE_END_REASON_NONE if it goes on after all
 * @status: what goes with it
 * @message: the same in words, or NULL
 *
 * If its keeper ends it then, this is the reason.  Context: any but interrupts.
 */
void lodge_guest_failed(struct lodge_guest *guest, u32 reason, s32 status,
			const char *message);

/**
 * lodge_guest_end() - a guest has ended; harmless if it has before
 * @guest: the guest
 * @orphaned: its keeper's address space has gone; else its last descriptor has
 *
 * When it returns, nobody uses guest->vm or guest->cell any more.  Context: may sleep.
 */
void lodge_guest_end(struct lodge_guest *guest, bool orphaned);

/**
 * lodge_guest_put() - drop a reference
 * @guest: the guest, or NULL
 */
void lodge_guest_put(struct lodge_guest *guest);

/**
 * lodge_guest_find() - by id or name
 * @id: its id, or 0
 * @name: if @id is 0, its name; one that lives comes before those that ended
 *
 * Context: lodge_guests_lock.
 * Return: the guest or NULL
 */
struct lodge_guest *lodge_guest_find(u64 id, const char *name);

/* Forgets those that ended; none lives any more. */
void lodge_guests_exit(void);

#endif /* LODGE_GUEST_H */
