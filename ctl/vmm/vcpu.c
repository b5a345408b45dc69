// SPDX-License-Identifier: GPL-2.0-only
/* A virtual CPU: the thread that enters the guest and serves what it asks for. */
#include "vmm/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vmm/gdb/gdb.h"
#include "vmm/thread.h"

#define NS_PER_S	1000000000L
#define REPEAT_NS	10000000L

static __thread struct lodge_run *volatile current_run;

/*
 * The signal alone is not enough: it may come just before LODGE_RUN.  The flag
 * in the shared page makes that LODGE_RUN return too.
 */
static void on_kick(int signal)
{
	struct lodge_run *run = current_run;

	(void)signal;
	if (run)
		*(volatile __u8 *)&run->immediate_exit = 1;
}

static void insn_text(const struct lodge_run *run, char *text, size_t size)
{
	size_t count = run->fail.insn_len;
	size_t i;

	if (count > sizeof(run->fail.insn))
		count = sizeof(run->fail.insn);
	text[0] = '\0';
	for (i = 0; i < count; i++)
		snprintf(text + 3 * i, size - 3 * i, "%02x%s",
			 run->fail.insn[i], i + 1 < count ? " " : "");
	if (!count)
		snprintf(text, size, "cannot be read");
}

static void guest_failed(struct vcpu *vcpu)
{
	const struct lodge_run *run = vcpu->run;
	const char *what = "had an exit that cannot be handled";
	char insn[3 * sizeof(run->fail.insn) + 16];
	struct error error;

	if (run->exit_reason == LODGE_EXIT_MEMORY) {
		error_set(&error, run->memory.error < 0 ? -run->memory.error :
			  run->memory.error,
			  "guest CPU %u: cannot %s its memory at 0x%llx",
			  vcpu->id, run->memory.is_write ? "write" : "read",
			  (unsigned long long)run->memory.addr);
		error_advise(&error, "look whether the host is out of memory");
		vm_end(vcpu->vm, VM_FAILED, &error);
		return;
	}
	switch (run->exit_reason) {
	case LODGE_EXIT_SHUTDOWN:
		what = "had a triple fault";
		break;
	case LODGE_EXIT_FAIL_ENTRY:
		what = "has a state that the processor refuses";
		break;
	}
	insn_text(run, insn, sizeof(insn));
	error_set(&error, 0,
		  "guest CPU %u %s%s%.*s (rip 0x%llx, instruction %s, exit code 0x%llx)",
		  vcpu->id, what, run->fail.reason[0] ? ": " : "",
		  (int)sizeof(run->fail.reason), run->fail.reason,
		  (unsigned long long)run->fail.rip, insn,
		  (unsigned long long)run->vendor_code);
	error_advise(&error,
		     "boot it with --append 'earlyprintk=ttyS0 console=ttyS0' to see how far it gets");
	vm_end(vcpu->vm, VM_FAILED, &error);
}

/* Serves what the guest asked for. Return: false if it cannot go on */
static bool serve_exit(struct vcpu *vcpu)
{
	struct lodge_run *run = vcpu->run;
	struct bus *bus = &vcpu->vm->bus;
	uint64_t value = 0;

	switch (run->exit_reason) {
	case LODGE_EXIT_IO:
		value = run->io.data;
		bus_port(bus, run->io.port, run->io.width,
			 run->io.direction == LODGE_IO_OUT, &value);
		if (run->io.direction == LODGE_IO_IN)
			run->io.data = (__u32)value;
		return true;
	case LODGE_EXIT_MMIO:
		memcpy(&value, run->mmio.data, sizeof(value));
		bus_mmio(bus, run->mmio.addr, run->mmio.width,
			 run->mmio.is_write, &value);
		if (!run->mmio.is_write)
			memcpy(run->mmio.data, &value, sizeof(value));
		return true;
	case LODGE_EXIT_DEBUG:
		gdb_trap(vcpu->vm->gdb, vcpu);
		return true;
	default:
		guest_failed(vcpu);
		return false;
	}
}

static void run_failed(struct vcpu *vcpu, int errnum)
{
	struct error error;

	error_set(&error, errnum, "cannot run guest CPU %u", vcpu->id);
	vm_end(vcpu->vm, VM_BROKEN, &error);
}

static void *vcpu_thread(void *data)
{
	struct vcpu *vcpu = data;
	struct vm *vm = vcpu->vm;
	bool whole = true;	/* the last exit needs no completion */
	char name[16];

	snprintf(name, sizeof(name), "lodge-cpu%u", vcpu->id);
	pthread_setname_np(pthread_self(), name);
	current_run = vcpu->run;

	while (atomic_load_explicit(&vm->outcome, memory_order_relaxed) == VM_RUNS) {
		if (vm->gdb && !gdb_may_run(vm->gdb, vcpu, whole))
			continue;
		if (!ioctl(vcpu->fd, LODGE_RUN, NULL)) {
			if (!serve_exit(vcpu))
				break;
			whole = vcpu->run->exit_reason == LODGE_EXIT_DEBUG;
			continue;
		}
		if (errno != EINTR && errno != EAGAIN) {
			run_failed(vcpu, errno);
			break;
		}
		vcpu->run->immediate_exit = 0;
		whole = true;
	}
	current_run = NULL;
	return NULL;
}

int vcpu_create(struct vm *vm, struct error *error)
{
	struct vcpu *vcpu = &vm->vcpus[vm->nr_vcpus];
	struct lodge_create_vcpu args = {
		.size = sizeof(args),
		.id = vm->nr_vcpus,
	};
	void *page;

	vcpu->vm = vm;
	vcpu->id = vm->nr_vcpus;
	vcpu->fd = ioctl(vm->fd, LODGE_CREATE_VCPU, &args);
	if (vcpu->fd < 0)
		return error_set(error, errno, "cannot create guest CPU %u",
				 vcpu->id);
	page = mmap(NULL, vm->info.run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    vcpu->fd, 0);
	if (page == MAP_FAILED) {
		error_set(error, errno, "cannot map the run page of guest CPU %u",
			  vcpu->id);
		close(vcpu->fd);
		return -1;
	}
	vcpu->run = page;
	vm->nr_vcpus++;
	return 0;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->vm->info.run_size);
	close(vcpu->fd);
}

int vcpu_start(struct vcpu *vcpu, struct error *error)
{
	struct sigaction action = { .sa_handler = on_kick };
	char what[40];

	/* No SA_RESTART: a write() that blocks is to come back as well. */
	sigaction(SIGUSR1, &action, NULL);
	snprintf(what, sizeof(what), "a thread for guest CPU %u", vcpu->id);
	if (thread_start(&vcpu->thread, vcpu_thread, vcpu, SIGUSR1, what, error))
		return -1;
	vcpu->started = true;
	return 0;
}

void vcpu_kick(struct vcpu *vcpu)
{
	if (vcpu->started)
		pthread_kill(vcpu->thread, SIGUSR1);
}

/*
 * A kick that comes just before a device's write() blocks is lost, so it is
 * repeated until the thread is gone.
 */
void vcpu_join(struct vcpu *vcpu)
{
	struct timespec until;

	if (!vcpu->started)
		return;
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += REPEAT_NS;
		if (until.tv_nsec >= NS_PER_S) {
			until.tv_nsec -= NS_PER_S;
			until.tv_sec++;
		}
		if (!pthread_clockjoin_np(vcpu->thread, NULL, CLOCK_MONOTONIC,
					  &until))
			break;
		vcpu_kick(vcpu);
	}
	vcpu->started = false;
}

static int vcpu_state(struct vcpu *vcpu, unsigned long request, uint32_t kind,
		      void *data, size_t size)
{
	struct lodge_state state = {
		.size = sizeof(state),
		.kind = kind,
		.data = (uintptr_t)data,
		.data_size = (uint32_t)size,
	};

	return ioctl(vcpu->fd, request, &state);
}

int vcpu_get_state(struct vcpu *vcpu, uint32_t kind, void *data, size_t size)
{
	return vcpu_state(vcpu, LODGE_GET_STATE, kind, data, size);
}

int vcpu_set_state(struct vcpu *vcpu, uint32_t kind, void *data, size_t size)
{
	return vcpu_state(vcpu, LODGE_SET_STATE, kind, data, size);
}
