/* SPDX-License-Identifier: GPL-2.0-only */
/* A virtual machine as its keeper holds it. */
#ifndef VM_H
#define VM_H

#include <linux/lodge.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "vmm/boot.h"
#include "vmm/bus.h"

struct console_host;

struct fw_cfg;

struct gdb;
struct gdb_config;

#define LODGE_DEVICE	"/dev/lodge"

/* Memory is below 3 GiB and from 4 GiB on: between them are devices. */
#define LOW_MEMORY_END	0xc0000000ULL
#define HIGH_MEMORY	0x100000000ULL

#define MIB		(1ULL << 20)

#define VM_MAX_DISKS	8

/**
 * struct disk_config - a disk that the command line asked for
 * @path: of a file or a block device
 * @read_only: the guest cannot write to it
 * @direct: the host's page cache is not used
 */
struct disk_config {
	const char *path;
	bool read_only;
	bool direct;
};

/**
 * struct vm_net - the VM's interface
 * @tap: the host's end, which stays the caller's: frames behind virtio's header
 * @mac: the guest's address
 * @mtu: of its interface
 */
struct vm_net {
	int tap;
	uint8_t mac[6];
	uint16_t mtu;
};

/**
 * struct vm_config - what the command line asked for
 * @kernel: path of a kernel, or NULL with a firmware
 * @initrd: path, or NULL
 * @append: the guest kernel's command line
 * @name: its name, or NULL for one that the module makes
 * @memory: bytes
 * @cpus: number of virtual CPUs
 * @ports: ports of the console device, beside the console
 * @nr_ports: how many
 * @boot: what kind of kernel it is
 * @firmware: path of a firmware, or NULL
 * @debug: path of a file for the debug port, or NULL
 * @modules: further files for the kernel, each with its arguments after a space
 * @nr_modules: how many
 * @disks: its disks, in their order
 * @nr_disks: how many
 * @net: its interface, or NULL
 * @balloon: the other end of its balloon, or NULL
 * @gdb: the way to a debugger, or NULL
 */
struct vm_config {
	const char *kernel;
	const char *initrd;
	const char *append;
	const char *name;
	uint64_t memory;
	unsigned int cpus;
	struct console_host *const *ports;
	unsigned int nr_ports;
	enum boot_kind boot;
	const char *firmware;
	const char *debug;
	const char *modules[BOOT_MAX_MODULES];
	unsigned int nr_modules;
	struct disk_config disks[VM_MAX_DISKS];
	unsigned int nr_disks;
	const struct vm_net *net;
	struct balloon_host *balloon;
	const struct gdb_config *gdb;
};

/**
 * enum vm_outcome - how a VM ended
 * @VM_RUNS: not yet
 * @VM_POWERED_OFF: the guest powered off
 * @VM_RESET: the guest asked for a reset
 * @VM_FAILED: the guest cannot go on (vm.error says why)
 * @VM_BROKEN: lodge or the module cannot go on (vm.error says why)
 */
enum vm_outcome {
	VM_RUNS,
	VM_POWERED_OFF,
	VM_RESET,
	VM_FAILED,
	VM_BROKEN,
};

/**
 * struct vcpu - a virtual CPU and the thread that runs it
 * @vm: its VM
 * @id: APIC ID
 * @fd: vCPU descriptor
 * @run: the page shared with the module
 * @thread: its thread
 * @started: @thread is there
 */
struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct lodge_run *run;
	pthread_t thread;
	bool started;
};

/**
 * struct vm - a virtual machine
 * @config: what was asked for
 * @info: what the module can do
 * @device_fd: /dev/lodge, or -1: it is closed once the VM is there
 * @fd: VM descriptor
 * @wake_fd: eventfd: the main thread is to look at this VM
 * @ram: the guest's memory, in one piece
 * @ram_low: bytes of it below LOW_MEMORY_END; the rest is at HIGH_MEMORY
 * @mapping: what mmap() gave
 * @mapping_size: its size
 * @fw_cfg: what the firmware is told, or NULL
 * @rom: the firmware's, or NULL
 * @rom_address: where the guest has it
 * @rom_size: its size
 * @bus: who answers where
 * @devices: what there is
 * @nr_devices: how many
 * @vcpus: the virtual CPUs
 * @nr_vcpus: how many of them have a descriptor
 * @gdb: serves a debugger, or NULL
 * @outcome: enum vm_outcome; set once, see vm_end()
 * @lock: protects @outcome against a second setting, and @error
 * @error: why, for VM_FAILED and VM_BROKEN
 */
struct vm {
	const struct vm_config *config;
	struct lodge_info info;
	int device_fd;
	int fd;
	int wake_fd;
	uint8_t *ram;
	uint64_t ram_low;
	void *mapping;
	size_t mapping_size;
	struct fw_cfg *fw_cfg;
	void *rom;
	uint64_t rom_address;
	size_t rom_size;
	struct bus bus;
	struct {
		const struct device *device;
		void *state;
	} devices[MAX_DEVICES];
	unsigned int nr_devices;
	struct vcpu vcpus[LODGE_MAX_VCPUS];
	unsigned int nr_vcpus;
	struct gdb *gdb;
	atomic_int outcome;
	pthread_mutex_t lock;
	struct error error;
};

/* Opens /dev/lodge and says what to do if it cannot be. Return: fd or -1 */
int lodge_open(struct error *error);

/**
 * vm_create() - a VM with its memory, devices and CPUs, ready to be loaded
 * @config: must outlive it
 * @error: filled on failure
 *
 * Return: NULL on failure
 */
struct vm *vm_create(const struct vm_config *config, struct error *error);

/* Stops it if it runs, and leaves nothing behind. NULL is fine. */
void vm_destroy(struct vm *vm);

/* Lets its CPUs run. */
int vm_start(struct vm *vm, struct error *error);

/* Makes all CPUs stop, and waits for their threads. */
void vm_stop(struct vm *vm);

/**
 * vm_end() - say that the VM has ended; the first word counts
 * @vm: the VM
 * @outcome: how
 * @error: why, or NULL
 *
 * Any thread may call this.  The CPUs stop as soon as they can.
 */
void vm_end(struct vm *vm, enum vm_outcome outcome, const struct error *error);

/* Tells the user of something that does not end the VM. */
void vm_warn(struct vm *vm, const struct error *error);

/* Makes the main thread look: vm_end() was called, or there is room for input. */
void vm_wake(struct vm *vm);

/**
 * vm_memory() - where guest memory is in this process
 * @vm: the VM
 * @address: guest physical
 * @length: bytes
 *
 * Return: NULL if that is not memory, or not all of it
 */
void *vm_memory(struct vm *vm, uint64_t address, uint64_t length);

/* Has guest writes of the 32-bit @value to @address signal the eventfd @fd. */
int vm_attach_doorbell(struct vm *vm, uint64_t address, uint32_t value, int fd,
		       struct error *error);

/* Makes each signal of the eventfd @fd an edge on an interrupt line. */
int vm_attach_interrupt(struct vm *vm, unsigned int gsi, int fd,
			struct error *error);

/**
 * vm_add_rom() - read-only memory for the guest
 * @vm: the VM, which has none yet
 * @address: guest physical
 * @size: bytes, a multiple of 4096
 * @error: filled on failure
 *
 * Return: where it is in this process, to be filled, or NULL
 */
void *vm_add_rom(struct vm *vm, uint64_t address, size_t size,
		 struct error *error);

/* Drives an interrupt line. */
void vm_irq_line(struct vm *vm, unsigned int gsi, bool level);

/* vmm/vcpu.c */
int vcpu_create(struct vm *vm, struct error *error);
void vcpu_destroy(struct vcpu *vcpu);
int vcpu_start(struct vcpu *vcpu, struct error *error);
/* Waits for its thread, and wakes it out of the guest until it is gone. */
void vcpu_join(struct vcpu *vcpu);
void vcpu_kick(struct vcpu *vcpu);
int vcpu_get_state(struct vcpu *vcpu, uint32_t kind, void *data, size_t size);
int vcpu_set_state(struct vcpu *vcpu, uint32_t kind, void *data, size_t size);

#endif /* VM_H */
