/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory: slots of guest physical addresses over mappings of the
 * tool's process, and the nested page tables that are filled from them when
 * the guest first touches a page.
 */
#ifndef LODGE_VM_MEMORY_H
#define LODGE_VM_MEMORY_H

#include "vm.h"

/**
 * lodge_memory_create() - an empty memory map with its root table
 * @vm: the VM; vm->mm and vm->srcu are set, the caller runs in vm->mm
 *
 * Registers the mmu_notifier.
 *
 * Return: 0 or -ENOMEM, -EINTR
 */
int lodge_memory_create(struct lodge_vm *vm);

/**
 * lodge_memory_destroy() - free all of it
 * @vm: the VM, no vCPU of which runs any more; may be half made
 *
 * Until it returns, the mmu_notifier may flush the vCPUs' TLBs from any thread:
 * free them after it.
 */
void lodge_memory_destroy(struct lodge_vm *vm);

/**
 * lodge_memory_set() - LODGE_SET_MEMORY
 * @vm: the VM; the caller runs in vm->mm
 * @args: checked here, see struct lodge_memory for the errors
 *
 * Context: may sleep; takes vm->lock.
 * Return: 0 or an error of LODGE_SET_MEMORY
 */
int lodge_memory_set(struct lodge_vm *vm, const struct lodge_memory *args);

/**
 * lodge_memory_stats() - how much memory a VM has
 * @vm: the VM
 * @mapped: out: bytes of its slots
 * @resident: out: bytes that its nested page tables map
 */
void lodge_memory_stats(const struct lodge_vm *vm, u64 *mapped, u64 *resident);

/**
 * lodge_npt_fault() - map what the guest touched
 * @vcpu: the vCPU, by its own thread
 * @gpa: guest physical address
 * @flags: NPF_*
 *
 * Context: may sleep.
 * Return: 0 (mapped, or changed meanwhile: let the guest try again), 1 (no
 * memory there, or a write to a read-only slot: an access to a device), or
 * -EFAULT, -EHWPOISON, -ENOMEM, -EINTR (a fatal signal).
 */
int lodge_npt_fault(struct lodge_vcpu *vcpu, u64 gpa, u32 flags);

/**
 * lodge_npt_root() - where is the top nested page table?
 * @vm: the VM
 *
 * Return: its physical address
 */
u64 lodge_npt_root(const struct lodge_vm *vm);

/**
 * lodge_guest_read() - copy from guest physical memory
 * @vm: the VM; the caller runs in vm->mm
 * @gpa: guest physical address; the range may cross pages and slots
 * @buf: where to
 * @len: bytes
 *
 * Context: may sleep.
 * Return: 0 or -EFAULT (no memory there, or it cannot be reached)
 */
int lodge_guest_read(struct lodge_vm *vm, u64 gpa, void *buf, size_t len);

/**
 * lodge_guest_write() - copy into guest physical memory
 * @vm: as above
 * @gpa: as above
 * @buf: where from
 * @len: bytes
 *
 * Return: 0, -EFAULT, or -EROFS for a read-only slot
 */
int lodge_guest_write(struct lodge_vm *vm, u64 gpa, const void *buf, size_t len);

/**
 * lodge_guest_read_nofault() - lodge_guest_read() where sleeping is not allowed
 * @vm: as above
 * @gpa: as above
 * @buf: as above
 * @len: as above
 *
 * The fast path of instruction fetch on processors that do not tell an
 * instruction's length: aligned reads of 8 bytes are a handful of instructions.
 *
 * Return: 0, -EFAULT (no memory there), -EAGAIN (try where sleeping is allowed)
 */
int lodge_guest_read_nofault(struct lodge_vm *vm, u64 gpa, void *buf, size_t len);

/**
 * lodge_guest_cmpxchg() - compare and exchange in guest physical memory
 * @vm: the VM; the caller runs in vm->mm
 * @gpa: guest physical address
 * @old: in: what must be there; out: what was there, zero-extended
 * @new: what to put there
 * @width: 1, 2, 4 or 8 bytes
 *
 * One locked operation if @gpa is a multiple of @width.  If it is not, a
 * compare and a write: a locked access across cache lines would stop the whole
 * host (Intel SDM vol. 3, 9.1.2.1) and no sane guest makes one.
 *
 * Context: may sleep.
 * Return: 0 (exchanged), 1 (something else was there, see @old), -EFAULT, or
 * -EROFS for a read-only slot
 */
int lodge_guest_cmpxchg(struct lodge_vm *vm, u64 gpa, u64 *old, u64 new,
			int width);

#endif /* LODGE_VM_MEMORY_H */
