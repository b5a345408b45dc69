// SPDX-License-Identifier: GPL-2.0-only
/* Calls with plausible and with wild arguments. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuzz.h"

#define NR_IOCTL_32	54

static void count_call(enum lodge_call nr, long ret, int err)
{
	count(&counts->call[nr][ret < 0 && err < MAX_ERRNO ? err : 0]);
}

/* As a program of 32 bits does it, if the kernel has that. */
static long ioctl32(int fd, u32 request, u32 args)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (NR_IOCTL_32), "b" (fd), "c" (request), "d" (args)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

/* The program itself and its heap */
static bool is_ours(u64 address, u64 length)
{
	return address < 0x40000000 && address + length > 0x400000;
}

u64 wild_pointer(struct tape *t)
{
	u64 v = draw_value(t);

	return is_ours(v, 4096) ? v << 24 : v;
}

/* Neither guests nor answers may overwrite the fuzzer. */
static void spare_ourselves(unsigned long request, void *args)
{
	struct lodge_memory *memory = args;
	struct lodge_state *state = args;

	if (request == LODGE_SET_MEMORY &&
	    is_ours(memory->host_addr, memory->length))
		memory->host_addr = REGION(1);
	if (request == LODGE_GET_STATE && is_ours(state->data, 4096))
		state->data <<= 24;
}

static void *place(struct thread *t, const void *args, size_t size)
{
	struct tape *tape = &t->tape;
	char *at = t->arena.rw;
	size_t cut = 0;

	switch (below(tape, 64)) {
	case 0:
		return (void *)wild_pointer(tape);
	case 1:
		return t->arena.ro;
	case 2:
		/* The end is missing. */
		cut = 1 + below(tape, size);
		at += 4096 - size + cut;
		break;
	case 3:
		at += 1 + below(tape, 63);
		break;
	default:
		at += 4096 - size;
		break;
	}
	memcpy(at, args, size - cut);
	return at;
}

/*
 * With @size, @args is a struct that begins with its size, which goes to a
 * place that may be a bad one, and may get another size; without, it is what
 * is passed.
 */
long do_ioctl(struct thread *t, enum lodge_call nr, int fd, unsigned long request,
	      const void *args, size_t size)
{
	struct tape *tape = &t->tape;
	u8 copy[256] = { };
	void *where = (void *)args;
	size_t full = size;
	long ret;

	t->calls++;
	if (size) {
		memcpy(copy, args, size);
		if (one_in(tape, 24))
			mutate(tape, copy, size);
		if (one_in(tape, 32)) {
			u32 other = one_in(tape, 2) ? draw_value(tape) :
						      below(tape, sizeof(copy));

			memcpy(copy, &other, sizeof(other));
			full = sizeof(copy);
			if (one_in(tape, 2))
				copy[full - 1] = 1;
		}
		spare_ourselves(request, copy);
		where = place(t, copy, full);
	}
	if (one_in(tape, 8) && (uintptr_t)where <= ~0U) {
		ret = ioctl32(fd, request, (uintptr_t)where);
		errno = ret < 0 ? -ret : 0;
		ret = ret < 0 ? -1 : ret;
	} else {
		ret = ioctl(fd, request, where);
	}
	count_call(nr, ret, errno);
	/* What it has written */
	if (ret >= 0 && size && where == t->arena.rw + 4096 - size)
		memcpy((void *)args, where, size);
	return ret;
}

/* One that is open, if a few tries find one. */
int any_open(struct thread *t, const int *fds, int n)
{
	int i = below(&t->tape, n), tries;

	for (tries = 0; tries < 4 && fds[i] < 0; tries++)
		i = below(&t->tape, n);
	return i;
}

int any_vm(struct thread *t)
{
	return t->world->vm[any_open(t, t->world->vm, NR_VMS)];
}

int any_vcpu(struct thread *t)
{
	return t->world->vcpu[any_open(t, t->world->vcpu, NR_VCPUS)];
}

static int any_eventfd(struct thread *t)
{
	return t->world->eventfd[below(&t->tape, NR_EVENTFDS)];
}

static int any_fd(struct thread *t)
{
	struct world *w = t->world;

	switch (below(&t->tape, 6)) {
	case 0:
		return any_vm(t);
	case 1:
		return any_vcpu(t);
	case 2:
		return any_eventfd(t);
	case 3:
		return w->dev;
	case 4:
		return w->cell[below(&t->tape, NR_CELLS)];
	default:
		return w->other[below(&t->tape, NR_OTHERS)];
	}
}

/* The right kind of descriptor, nearly always. */
static int mostly(struct thread *t, int fd)
{
	if (one_in(&t->tape, 48))
		return any_fd(t);
	return one_in(&t->tape, 128) ? (int)draw_value(&t->tape) : fd;
}

static void get_info(struct thread *t)
{
	struct lodge_info info = { .size = sizeof(info) };

	do_ioctl(t, CALL_GET_INFO, mostly(t, t->world->dev), LODGE_GET_INFO,
		 &info, sizeof(info));
}

static void create_vm(struct thread *t)
{
	struct lodge_create_vm args = {
		.size = sizeof(args), .flags = below(&t->tape, 2) * LODGE_VM_PC,
	};
	int fd = do_ioctl(t, CALL_CREATE_VM, mostly(t, t->world->dev),
			  LODGE_CREATE_VM, &args, sizeof(args));

	if (fd >= 0)
		replace_fd(&t->world->vm[below(&t->tape, NR_VMS)], fd);
}

static void create_vcpu(struct thread *t)
{
	struct lodge_create_vcpu args = {
		.size = sizeof(args), .id = below(&t->tape, 9),
	};
	int i = below(&t->tape, NR_VCPUS);
	struct world *w = t->world;
	struct lodge_run *run;
	int fd = do_ioctl(t, CALL_CREATE_VCPU, mostly(t, any_vm(t)),
			  LODGE_CREATE_VCPU, &args, sizeof(args));

	if (fd < 0)
		return;
	run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	count_call(CALL_MMAP, run == MAP_FAILED ? -1 : 0, errno);
	/* The old page stays mapped: others may look at it. */
	if (run != MAP_FAILED)
		__atomic_store_n(&w->run[i], run, __ATOMIC_RELEASE);
	replace_fd(&w->vcpu[i], fd);
}

static void set_memory(struct thread *t)
{
	struct tape *tape = &t->tape;
	struct lodge_memory args = {
		.size = sizeof(args),
		.slot = below(tape, one_in(tape, 8) ? 70 : 6),
		.flags = one_in(tape, 5),
		.guest_addr = below(tape, 3) * REGION_SIZE,
		.length = REGION_SIZE,
		.host_addr = REGION(below(tape, NR_REGIONS)),
	};

	if (one_in(tape, 3)) {
		args.guest_addr = 0;
		args.slot = 0;
	}
	if (one_in(tape, 3))
		args.length = below(tape, 64) * 4096;
	if (one_in(tape, 4))
		args.guest_addr += below(tape, 1024) * 4096;
	if (one_in(tape, 4))
		args.host_addr += below(tape, 1024) * 4096;
	if (one_in(tape, 8))
		args.guest_addr = draw_value(tape) & ~0xfffULL;
	if (one_in(tape, 16))
		args.length = draw_value(tape) & ~0xfffULL;
	if (one_in(tape, 16))
		args.host_addr = draw_value(tape) & ~0xfffULL;
	/* A vCPU's page can be memory, too. */
	if (one_in(tape, 32)) {
		args.host_addr = (uintptr_t)t->world->run[below(tape, NR_VCPUS)];
		args.length = 4096;
	}
	do_ioctl(t, CALL_SET_MEMORY, mostly(t, any_vm(t)), LODGE_SET_MEMORY,
		 &args, sizeof(args));
}

static void irq_line(struct thread *t)
{
	struct lodge_irq_line args = {
		.size = sizeof(args), .gsi = below(&t->tape, 25),
		.level = below(&t->tape, 2),
	};

	do_ioctl(t, CALL_IRQ_LINE, mostly(t, any_vm(t)), LODGE_IRQ_LINE, &args,
		 sizeof(args));
}

static u64 msi_address(struct tape *t)
{
	return 0xfee00000 | below(t, 10) << 12 | below(t, 4) << 2;
}

static u32 msi_data(struct tape *t)
{
	return below(t, 256) | (one_in(t, 4) ? draw(t) & 0xc700 : 0);
}

static void signal_msi(struct thread *t)
{
	struct lodge_msi args = {
		.size = sizeof(args), .address = msi_address(&t->tape),
		.data = msi_data(&t->tape),
	};

	do_ioctl(t, CALL_SIGNAL_MSI, mostly(t, any_vm(t)), LODGE_SIGNAL_MSI,
		 &args, sizeof(args));
}

static void ioeventfd(struct thread *t)
{
	static const u8 widths[] = { 0, 1, 2, 4, 4, 8 };
	struct tape *tape = &t->tape;
	struct lodge_ioeventfd args = {
		.size = sizeof(args), .flags = below(tape, 8),
		.addr = random_address(tape),
		.len = PICK(tape, widths), .fd = mostly(t, any_eventfd(t)),
	};

	/* Few different ones, so that they are found again. */
	if (!one_in(tape, 4))
		args.addr = args.flags & LODGE_IOEVENTFD_PIO ? 0x3f8 : 0xd0000000;
	if (args.flags & LODGE_IOEVENTFD_DATAMATCH)
		args.datamatch = below(tape, 3);
	do_ioctl(t, CALL_IOEVENTFD, mostly(t, any_vm(t)), LODGE_IOEVENTFD, &args,
		 sizeof(args));
}

static void irqfd(struct thread *t)
{
	struct tape *tape = &t->tape;
	struct lodge_irqfd args = {
		.size = sizeof(args), .fd = mostly(t, any_eventfd(t)),
		.flags = one_in(tape, 3), .gsi = below(tape, 6),
	};

	switch (below(tape, 4)) {
	case 0:
		args.flags |= LODGE_IRQFD_MSI;
		args.gsi = 0;
		args.msi_address = msi_address(tape);
		args.msi_data = msi_data(tape);
		break;
	case 1:
		args.flags |= LODGE_IRQFD_RESAMPLE;
		args.resample_fd = mostly(t, any_eventfd(t));
		break;
	}
	do_ioctl(t, CALL_IRQFD, mostly(t, any_vm(t)), LODGE_IRQFD, &args,
		 sizeof(args));
}

static void nmi(struct thread *t)
{
	do_ioctl(t, CALL_NMI, mostly(t, any_vcpu(t)), LODGE_NMI,
		 (void *)(one_in(&t->tape, 32) ? draw(&t->tape) : 0), 0);
}

static void unknown(struct thread *t)
{
	static const unsigned long all[] = {
		LODGE_GET_INFO, LODGE_CREATE_VCPU, LODGE_SET_MEMORY,
		LODGE_IRQ_LINE, LODGE_SIGNAL_MSI, LODGE_IOEVENTFD, LODGE_IRQFD,
		LODGE_NMI, LODGE_GET_STATE, LODGE_SET_STATE,
		LODGE_CREATE_CELL, LODGE_CELL_SET_POLICY, LODGE_CELL_SET_STATE,
		LODGE_CELL_GET_STATE,
	};
	u8 bytes[64];

	draw_bytes(&t->tape, bytes, sizeof(bytes));
	bytes[0] = 8 * below(&t->tape, 8);
	memset(bytes + 1, 0, 3);
	do_ioctl(t, CALL_UNKNOWN, any_fd(t),
		 one_in(&t->tape, 3) ? _IO(LODGE_IOC, below(&t->tape, 0x80)) :
				       PICK(&t->tape, all),
		 bytes, sizeof(bytes));
}

static void descriptors(struct thread *t)
{
	struct tape *tape = &t->tape;
	struct world *w = t->world;
	struct pollfd p = { .fd = any_fd(t), .events = POLLIN | POLLOUT };
	char byte[8];
	void *at;
	int fd;

	switch (below(tape, 9)) {
	case 0:
		replace_fd(&w->vm[below(tape, NR_VMS)], -1);
		break;
	case 1:
		replace_fd(&w->vcpu[below(tape, NR_VCPUS)], -1);
		break;
	case 2:
	case 3:
		replace_fd(&w->eventfd[below(tape, NR_EVENTFDS)],
			   eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC |
				   (one_in(tape, 4) ? EFD_SEMAPHORE : 0)));
		break;
	case 4:
		fd = dup(any_fd(t));
		if (fd >= 0)
			replace_fd(&w->other[below(tape, NR_OTHERS)], fd);
		break;
	case 5:
		at = mmap(NULL, (1 + below(tape, 3)) * 4096,
			  below(tape, 8),
			  one_in(tape, 2) ? MAP_SHARED : MAP_PRIVATE,
			  any_fd(t), below(tape, 3) * 4096);
		count_call(CALL_MMAP, at == MAP_FAILED ? -1 : 0, errno);
		if (at != MAP_FAILED)
			munmap(at, 4096);
		break;
	case 6:
		poll(&p, 1, 0);
		break;
	case 7:
		fd = open("/dev/lodge", O_RDWR | O_CLOEXEC);
		count_call(CALL_OPEN, fd, errno);
		if (fd >= 0)
			replace_fd(&w->other[below(tape, NR_OTHERS)], fd);
		break;
	default:
		/* Neither can be read; an eventfd can, without waiting. */
		fd = one_in(tape, 2) ? any_vm(t) : any_vcpu(t);
		(void)!read(fd, byte, sizeof(byte));
		(void)!write(fd, byte, sizeof(byte));
		lseek(fd, 1, SEEK_SET);
		break;
	}
}

static void signal_eventfd(struct thread *t)
{
	u64 value = one_in(&t->tape, 16) ? draw_value(&t->tape) : 1;
	int fd = any_eventfd(t);

	if (one_in(&t->tape, 4))
		(void)!read(fd, &value, sizeof(value));
	else
		(void)!write(fd, &value, sizeof(value));
}

/* A child without memory of its own, which must not be able to do anything. */
static void fork_child(struct thread *t)
{
	struct lodge_irq_line args = { .size = sizeof(args) };
	pid_t pid = fork();

	if (!pid) {
		ioctl(any_vm(t), LODGE_IRQ_LINE, &args);
		ioctl(any_vcpu(t), LODGE_RUN, 0);
		_exit(0);
	}
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

static void new_guest(struct thread *t)
{
	int vcpu = any_open(t, t->world->vcpu, NR_VCPUS);

	start_guest(t, vcpu, below(&t->tape, 2));
	run_guest(t, vcpu);
}

static void old_guest(struct thread *t)
{
	run_guest(t, any_open(t, t->world->vcpu, NR_VCPUS));
}

static void yield(struct thread *t)
{
	sched_yield();
}

void random_call(struct thread *t)
{
	static const struct {
		void (*call)(struct thread *t);
		int weight;
	} calls[] = {
		{ new_guest, 30 }, { old_guest, 20 }, { move_state, 25 },
		{ memory_op, 15 }, { set_memory, 12 }, { irq_line, 8 },
		{ signal_msi, 8 }, { ioeventfd, 6 }, { irqfd, 6 },
		{ signal_eventfd, 6 }, { nmi, 3 }, { create_vcpu, 4 },
		{ create_vm, 1 }, { descriptors, 3 }, { unknown, 2 },
		{ get_info, 1 }, { fork_child, 1 }, { yield, 1 },
		{ cell_op, 8 },
	};
	struct world *w = t->world;
	u64 total = 0, at;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		total += calls[i].weight * w->weight[i];
	at = below(&t->tape, total);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (at < (u64)calls[i].weight * w->weight[i]) {
			calls[i].call(t);
			return;
		}
		at -= calls[i].weight * w->weight[i];
	}
}
