// SPDX-License-Identifier: GPL-2.0-only
/* A virtual machine: its descriptor, its memory, its beginning and its end. */
#include "vmm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/gdb/gdb.h"

#define HUGE_PAGE	(2 * MIB)
#define ROM_SLOT	2
#define PAGE		4096ULL

int lodge_open(struct error *error)
{
	int fd = open(LODGE_DEVICE, O_RDWR | O_CLOEXEC);
	int errnum = errno;

	if (fd >= 0)
		return fd;
	error_set(error, errnum, "cannot open " LODGE_DEVICE);
	switch (errnum) {
	case ENOENT:
		error_set(error, 0, LODGE_DEVICE
			  " does not exist: the module is not loaded");
		error_advise(error, "run 'modprobe lodge' or 'insmod lodge.ko'");
		break;
	case ENXIO:
	case ENODEV:
		error_set(error, 0, LODGE_DEVICE
			  " is there, but the module is not loaded");
		error_advise(error, "run 'modprobe lodge' or 'insmod lodge.ko'");
		break;
	case EACCES:
	case EPERM:
		error_advise(error, "run lodge as root, or give your group the device: 'chgrp GROUP "
			     LODGE_DEVICE "; chmod 660 " LODGE_DEVICE "'");
		break;
	}
	return -1;
}

static int vm_open(struct vm *vm, struct error *error)
{
	struct lodge_create_vm args = {
		.size = sizeof(args),
		.flags = LODGE_VM_PC,
	};
	struct stat st;

	vm->device_fd = lodge_open(error);
	if (vm->device_fd < 0)
		return -1;
	vm->info.size = sizeof(vm->info);
	if (ioctl(vm->device_fd, LODGE_GET_INFO, &vm->info)) {
		if (errno == ENOTTY && !fstat(vm->device_fd, &st) &&
		    !S_ISCHR(st.st_mode))
			error_set(error, 0, LODGE_DEVICE " is not a device");
		else
			error_set(error, errno, LODGE_DEVICE
				  " does not answer as lodge's module does");
		return error_advise(error, "load the module of this version of lodge");
	}
	vm->info.reason[sizeof(vm->info.reason) - 1] = '\0';

	if (vm->config->name)
		snprintf(args.name, sizeof(args.name), "%s", vm->config->name);
	do {
		vm->fd = ioctl(vm->device_fd, LODGE_CREATE_VM, &args);
	} while (vm->fd < 0 && errno == EINTR);
	if (vm->fd >= 0)
		return 0;
	switch (errno) {
	case ENODEV:
		error_set(error, 0, "this host cannot run virtual machines: %s",
			  vm->info.reason[0] ? vm->info.reason :
			  "no usable SVM or VMX");
		return error_advise(error, "'lodge check' says what is missing");
	case EEXIST:
		error_set(error, 0, "there is a guest '%s' already", args.name);
		return error_advise(error, "give another --name, or end that one");
	case EBUSY:
		error_set(error, 0, "root mode is taken: %s",
			  vm->info.reason[0] ? vm->info.reason :
			  "another hypervisor runs");
		return error_advise(error,
				    "end its guests and unload it: 'rmmod kvm_amd kvm' or 'rmmod kvm_intel kvm'");
	default:
		return error_set(error, errno, "cannot create a virtual machine");
	}
}

static int set_slot(struct vm *vm, unsigned int slot, uint64_t address,
		    uint64_t length, void *host, uint32_t flags,
		    struct error *error)
{
	struct lodge_memory memory = {
		.size = sizeof(memory),
		.slot = slot,
		.flags = flags,
		.guest_addr = address,
		.length = length,
		.host_addr = (uintptr_t)host,
	};

	if (ioctl(vm->fd, LODGE_SET_MEMORY, &memory))
		return error_set(error, errno,
				 "cannot give the guest %llu KiB at 0x%llx",
				 (unsigned long long)(length >> 10),
				 (unsigned long long)address);
	return 0;
}

/*
 * Memory comes from the kernel zeroed, page by page, when the guest touches it;
 * with huge pages where there are any, hence the alignment.
 */
static int vm_map_memory(struct vm *vm, struct error *error)
{
	uint64_t size = vm->config->memory;
	uint64_t high = size > LOW_MEMORY_END ? size - LOW_MEMORY_END : 0;
	uint64_t end = high ? HIGH_MEMORY + high : size;

	if (vm->info.phys_bits < 64 && (end - 1) >> vm->info.phys_bits) {
		error_set(error, 0,
			  "%llu MiB of memory are too many: guest addresses have %u bits",
			  (unsigned long long)(size / MIB), vm->info.phys_bits);
		return error_advise(error, "-m can be %llu at most",
				    (unsigned long long)(((1ULL << vm->info.phys_bits) -
				    (HIGH_MEMORY - LOW_MEMORY_END)) / MIB));
	}
	vm->mapping_size = size + HUGE_PAGE;
	vm->mapping = mmap(NULL, vm->mapping_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->mapping == MAP_FAILED) {
		vm->mapping = NULL;
		error_set(error, errno, "cannot map %llu MiB of memory",
			  (unsigned long long)(size / MIB));
		return error_advise(error, "give less with -m");
	}
	vm->ram = (uint8_t *)vm->mapping + (-(uintptr_t)vm->mapping & (HUGE_PAGE - 1));
	vm->ram_low = size - high;

	/* Both are improvements; a kernel without them is fine. */
	madvise(vm->ram, size, MADV_HUGEPAGE);
	madvise(vm->mapping, vm->mapping_size, MADV_DONTDUMP);

	if (set_slot(vm, 0, 0, vm->ram_low, vm->ram, 0, error))
		return -1;
	if (high && set_slot(vm, 1, HIGH_MEMORY, high, vm->ram + vm->ram_low, 0,
			     error))
		return -1;
	return 0;
}

void *vm_memory(struct vm *vm, uint64_t address, uint64_t length)
{
	uint64_t high = vm->config->memory - vm->ram_low;

	if (address < vm->ram_low)
		return length <= vm->ram_low - address ? vm->ram + address : NULL;
	if (address < HIGH_MEMORY || address - HIGH_MEMORY >= high)
		return NULL;
	address -= HIGH_MEMORY;
	return length <= high - address ? vm->ram + vm->ram_low + address : NULL;
}

void *vm_add_rom(struct vm *vm, uint64_t address, size_t size,
		 struct error *error)
{
	void *rom = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (rom == MAP_FAILED) {
		error_set(error, errno, "cannot map %zu KiB of firmware", size >> 10);
		return NULL;
	}
	vm->rom = rom;
	vm->rom_address = address;
	vm->rom_size = size;
	if (set_slot(vm, ROM_SLOT, address, size, rom, LODGE_MEM_READONLY, error))
		return NULL;
	return rom;
}

struct vm *vm_create(const struct vm_config *config, struct error *error)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	unsigned int i;

	if (!vm) {
		error_set(error, errno, "cannot create a virtual machine");
		return NULL;
	}
	vm->config = config;
	vm->device_fd = -1;
	vm->fd = -1;
	pthread_mutex_init(&vm->lock, NULL);
	vm->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->wake_fd < 0) {
		error_set(error, errno, "cannot make an eventfd");
		goto fail;
	}
	if (vm_open(vm, error))
		goto fail;
	if (config->cpus > vm->info.max_vcpus) {
		error_set(error, 0, "%u CPUs are too many: a guest can have %u",
			  config->cpus, vm->info.max_vcpus);
		goto fail;
	}
	/* It makes VMs: nothing for a guest that has broken out of its own. */
	close(vm->device_fd);
	vm->device_fd = -1;
	if (vm_map_memory(vm, error) || devices_create(vm, error))
		goto fail;
	for (i = 0; i < config->cpus; i++)
		if (vcpu_create(vm, error))
			goto fail;
	if (config->gdb) {
		vm->gdb = gdb_create(vm, error);
		if (!vm->gdb)
			goto fail;
	}
	return vm;
fail:
	vm_destroy(vm);
	return NULL;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	vm_stop(vm);
	gdb_destroy(vm->gdb);
	devices_destroy(vm);
	while (vm->nr_vcpus)
		vcpu_destroy(&vm->vcpus[--vm->nr_vcpus]);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->rom)
		munmap(vm->rom, vm->rom_size);
	if (vm->mapping)
		munmap(vm->mapping, vm->mapping_size);
	if (vm->device_fd >= 0)
		close(vm->device_fd);
	if (vm->wake_fd >= 0)
		close(vm->wake_fd);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

int vm_start(struct vm *vm, struct error *error)
{
	unsigned int i;

	if (devices_start(vm, error) || (vm->gdb && gdb_start(vm->gdb, error)))
		return -1;
	for (i = 0; i < vm->nr_vcpus; i++)
		if (vcpu_start(&vm->vcpus[i], error))
			return -1;
	return 0;
}

void vm_stop(struct vm *vm)
{
	int runs = VM_RUNS;
	unsigned int i;

	atomic_compare_exchange_strong(&vm->outcome, &runs, VM_POWERED_OFF);
	if (vm->gdb)
		gdb_stop(vm->gdb);
	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_kick(&vm->vcpus[i]);
	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_join(&vm->vcpus[i]);
	devices_stop(vm);
}

void vm_wake(struct vm *vm)
{
	uint64_t one = 1;

	/* Full means that it is to be woken already. */
	if (write(vm->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

void vm_warn(struct vm *vm, const struct error *error)
{
	(void)vm;
	/* The terminal may be in raw mode, in the midst of the guest's line. */
	if (isatty(STDERR_FILENO))
		fputs("\r\n", stderr);
	error_print(error);
	if (isatty(STDERR_FILENO))
		fputc('\r', stderr);
}

void vm_end(struct vm *vm, enum vm_outcome outcome, const struct error *error)
{
	pthread_mutex_lock(&vm->lock);
	if (atomic_load(&vm->outcome) == VM_RUNS) {
		if (error)
			vm->error = *error;
		atomic_store(&vm->outcome, outcome);
	}
	pthread_mutex_unlock(&vm->lock);
	vm_wake(vm);
}

int vm_attach_doorbell(struct vm *vm, uint64_t address, uint32_t value, int fd,
		       struct error *error)
{
	struct lodge_ioeventfd args = {
		.size = sizeof(args),
		.flags = LODGE_IOEVENTFD_DATAMATCH,
		.addr = address,
		.datamatch = value,
		.len = sizeof(value),
		.fd = fd,
	};

	if (ioctl(vm->fd, LODGE_IOEVENTFD, &args))
		return error_set(error, errno, "cannot attach a doorbell at 0x%llx",
				 (unsigned long long)address);
	return 0;
}

int vm_attach_interrupt(struct vm *vm, unsigned int gsi, int fd,
			struct error *error)
{
	struct lodge_irqfd args = {
		.size = sizeof(args),
		.fd = fd,
		.gsi = gsi,
	};

	if (ioctl(vm->fd, LODGE_IRQFD, &args))
		return error_set(error, errno,
				 "cannot attach an eventfd to interrupt line %u", gsi);
	return 0;
}

void vm_irq_line(struct vm *vm, unsigned int gsi, bool level)
{
	struct lodge_irq_line line = {
		.size = sizeof(line),
		.gsi = gsi,
		.level = level,
	};
	struct error error;

	if (ioctl(vm->fd, LODGE_IRQ_LINE, &line)) {
		error_set(&error, errno, "cannot drive interrupt line %u", gsi);
		vm_end(vm, VM_BROKEN, &error);
	}
}
