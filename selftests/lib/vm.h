/* SPDX-License-Identifier: GPL-2.0-only */
/* The test's side of a test guest. */
#ifndef LODGE_SELFTEST_VM_H
#define LODGE_SELFTEST_VM_H

#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <linux/lodge.h>
#include "guest.h"

struct vm;

struct vcpu {
	struct vm *vm;
	int fd;
	int id;
	struct lodge_run *run;
	u64 value;		/* of the last GUEST_REPORT */
	pthread_t thread;	/* vcpu_thread_start() */
	int result;
};

struct vm {
	int fd;
	char *mem;
	size_t size;
	struct vcpu vcpus[LODGE_MAX_VCPUS];
};

enum guest_result {
	GUEST_DONE = 1,		/* the guest's function returned */
	GUEST_REPORT,		/* guest_report(): vcpu->value */
	GUEST_FAILED,		/* an assertion in the guest (printed) */
	GUEST_EXIT,		/* another exit: vcpu->run */
	GUEST_EINTR,		/* LODGE_RUN failed with EINTR */
};

/* Prints what failed, and aborts the test. */
void die(const char *file, int line, const char *what)
	__attribute__((noreturn));

#define CHECK(expr) ({							\
	long check_ret = (long)(expr);					\
	if (check_ret < 0)						\
		die(__FILE__, __LINE__, #expr);				\
	check_ret;							\
})

/* Without a usable /dev/lodge there is nothing to test: skip all, say why. */
void require_lodge(void);
int lodge_open(void);			/* /dev/lodge */
const struct lodge_info *lodge_get_info(void);

/* VM and memory; guests of a test share nothing. */
struct vm *vm_new(void);		/* no memory */
struct vm *vm_create_named(const char *name);	/* as vm_create() */
struct vm *vm_create_flags(u32 flags);	/* likewise, with LODGE_VM_* */
struct vm *vm_create(void);		/* G_MEMORY bytes with the program in it */
void vm_free(struct vm *vm);		/* closes and unmaps all */
int vm_slot(struct vm *vm, u32 slot, u64 gpa, u64 size, const void *host,
	    u32 flags);			/* 0 or -errno */
void *map_pages(size_t size);		/* anonymous, private */
struct vcpu *vcpu_create(struct vm *vm, int id);
void vcpu_close(struct vcpu *c);

/* The guest's copy of one of the program's variables. */
#define GUEST(vm, var)	(*(volatile __typeof__(var) *)((vm)->mem + (uintptr_t)&(var)))

/* State */
int vcpu_get(struct vcpu *c, u32 kind, void *data, u32 size);
int vcpu_set(struct vcpu *c, u32 kind, const void *data, u32 size);
int vm_get(struct vm *vm, u32 kind, void *data, u32 size);
int vm_set(struct vm *vm, u32 kind, const void *data, u32 size);
int vm_irq_line(struct vm *vm, u32 gsi, u32 level);	/* 0 or -errno */
int vm_msi(struct vm *vm, u64 address, u32 data);	/* vCPUs, or -errno */
u64 vcpu_get_msr(struct vcpu *c, u32 index);
int vcpu_set_msr(struct vcpu *c, u32 index, u64 value);
void vcpu_set_mp(struct vcpu *c, u32 mp_state);

/* Start states */
enum paging32 { PAGING_OFF, PAGING_32, PAGING_PAE };
void vcpu_start64(struct vcpu *c, void (*fn)(u64 arg), u64 arg);
void vcpu_start64_la57(struct vcpu *c, void (*fn)(u64 arg), u64 arg);
void vcpu_start32(struct vcpu *c, const void *code, enum paging32 paging);
/* Copies code to G_LOW; CS base is G_LOW, or 0 with flat. */
void vcpu_start16(struct vcpu *c, const void *code, const void *end);

/* A function without argument as one with. */
#define FN(f)	((void (*)(u64))(f))

/* Running */
int vcpu_run(struct vcpu *c);		/* LODGE_RUN: 0 or -errno */
enum guest_result guest_run(struct vcpu *c);
/* The same, and prints what came if it was not what was expected. */
enum guest_result guest_expect(struct vcpu *c, enum guest_result expected);
const char *guest_describe(struct vcpu *c);
/* As a thread: runs until anything but GUEST_REPORT comes. */
void vcpu_thread_start(struct vcpu *c);
int vcpu_thread_join(struct vcpu *c);	/* its enum guest_result */
/* Its result, or after so many ms GUEST_EINTR, with the thread stopped. */
int vcpu_thread_wait(struct vcpu *c, unsigned int ms);
/* Makes the thread's LODGE_RUN end, and joins it. */
int vcpu_thread_stop(struct vcpu *c);
void kick_init(void);			/* SIGUSR1 does nothing but interrupt */

/* Create a VM with one vCPU, run fn(arg) to its end, free all. */
enum guest_result guest_call(void (*fn)(u64 arg), u64 arg);

u64 now_ns(void);
void sleep_ms(unsigned int ms);
/* How many times slower than usual the machine is: LODGE_TEST_SLOW, or 1. */
int slowness(void);
/*
 * How many times longer than usual something may take: LODGE_TEST_PATIENCE, or as
 * slowness().  It is more where machines share processors.
 */
int patience(void);
/* Waits up to ms milliseconds, times patience(), for cond. */
#define WAIT_FOR(cond, ms) ({						\
	u64 wait_end = now_ns() + (u64)(ms) * 1000000 * patience();	\
	bool wait_ok;							\
	while (!(wait_ok = (cond)) && now_ns() < wait_end)		\
		sleep_ms(1);						\
	wait_ok || (cond);						\
})

#endif
