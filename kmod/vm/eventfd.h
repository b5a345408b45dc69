/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest writes that signal eventfds, eventfds that interrupt the guest. */
#ifndef LODGE_VM_EVENTFD_H
#define LODGE_VM_EVENTFD_H

#include "vm.h"

int lodge_eventfds_init(void);		/* module load */
void lodge_eventfds_exit(void);
int lodge_eventfds_create(struct lodge_vm *vm);
/* Detaches all; when it returns, no eventfd can reach the VM any more. */
void lodge_eventfds_destroy(struct lodge_vm *vm);

/*
 * LODGE_IOEVENTFD and LODGE_IRQFD; @args are checked here.
 * Context: may sleep; take vm->lock.
 */
int lodge_ioeventfd(struct lodge_vm *vm, const struct lodge_ioeventfd *args);
int lodge_irqfd(struct lodge_vm *vm, const struct lodge_irqfd *args);

/**
 * lodge_ioeventfd_write() - does a guest write signal an eventfd?
 * @vm: the VM
 * @port: @addr is a port
 * @addr: guest physical address or port
 * @width: 1, 2, 4 or 8 bytes
 * @data: the value, little endian
 *
 * Context: must not sleep.
 * Return: true if it was consumed
 */
bool lodge_ioeventfd_write(struct lodge_vm *vm, bool port, u64 addr, int width,
			   const void *data);

/*
 * The I/O APIC tells that the guest's EOI has deasserted a level-triggered pin.
 * Context: must not sleep, no locks held.
 */
void lodge_irqfd_resample(struct lodge_vm *vm, u32 gsi);

#endif /* LODGE_VM_EVENTFD_H */
