// SPDX-License-Identifier: GPL-2.0-only
/* A VM without a module: memory, devices, and registers that can be looked at. */
#include "test/fake_vm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct lodge_sregs got_sregs;
struct lodge_regs got_regs;

/* In place of vmm/vcpu.c */
int vcpu_create(struct vm *vm, struct error *error)
{
	(void)vm;
	(void)error;
	return 0;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	(void)vcpu;
}

int vcpu_start(struct vcpu *vcpu, struct error *error)
{
	(void)vcpu;
	(void)error;
	return 0;
}

void vcpu_join(struct vcpu *vcpu)
{
	(void)vcpu;
}

void vcpu_kick(struct vcpu *vcpu)
{
	(void)vcpu;
}

int vcpu_get_state(struct vcpu *vcpu, uint32_t kind, void *data, size_t size)
{
	(void)vcpu;
	(void)kind;
	memset(data, 0, size);
	return 0;
}

int vcpu_set_state(struct vcpu *vcpu, uint32_t kind, void *data, size_t size)
{
	(void)vcpu;
	if (kind == LODGE_STATE_SREGS)
		memcpy(&got_sregs, data, size);
	else if (kind == LODGE_STATE_REGS)
		memcpy(&got_regs, data, size);
	return 0;
}

struct vm *fake_vm(const struct vm_config *config)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	struct error error;

	if (!vm)
		abort();
	vm->config = config;
	vm->device_fd = -1;
	vm->fd = -1;
	vm->wake_fd = -1;
	pthread_mutex_init(&vm->lock, NULL);
	vm->mapping_size = config->memory;
	vm->mapping = mmap(NULL, config->memory, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->mapping == MAP_FAILED)
		abort();
	vm->ram = vm->mapping;
	vm->ram_low = config->memory < LOW_MEMORY_END ? config->memory :
		      LOW_MEMORY_END;
	if (devices_create(vm, &error)) {
		error_print(&error);
		exit(1);
	}
	return vm;
}
