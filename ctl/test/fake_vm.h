/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM without a module: memory, devices, and registers that can be looked at. */
#ifndef FAKE_VM_H
#define FAKE_VM_H

#include "vmm/vm.h"

/* What vcpu_set_state() was given last */
extern struct lodge_sregs got_sregs;
extern struct lodge_regs got_regs;

struct vm *fake_vm(const struct vm_config *config);

#endif /* FAKE_VM_H */
