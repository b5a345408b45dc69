/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzzer for the whole of the module: calls, guests, and memory that changes
 * beneath both.
 *
 * A round is a process with a world of descriptors and memory that its threads
 * share.  All that a thread does is decided by its tape, an endless sequence of
 * numbers made from the seed, the number of the round and that of the thread.
 */
#ifndef LODGE_FUZZ_H
#define LODGE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>
#include <linux/lodge.h>
#include "guest.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* ---- tape.c ---- */

struct tape {
	u64 state;
};

void tape_init(struct tape *t, u64 seed, u64 round, u64 thread);
u64 draw(struct tape *t);
u64 below(struct tape *t, u64 n);	/* 0 to n - 1 */
bool one_in(struct tape *t, u64 n);
u64 draw_value(struct tape *t);		/* any, mostly near some edge */
void draw_bytes(struct tape *t, void *buf, size_t n);
void mutate(struct tape *t, void *buf, size_t n);	/* a few bits or bytes */

#define PICK(t, array)	((array)[below(t, ARRAY_SIZE(array))])

/* ---- What is counted, for all processes ---- */

enum lodge_call {
	CALL_OPEN, CALL_GET_INFO, CALL_CREATE_VM, CALL_CREATE_VCPU,
	CALL_SET_MEMORY, CALL_IRQ_LINE, CALL_SIGNAL_MSI, CALL_IOEVENTFD,
	CALL_IRQFD, CALL_RUN, CALL_NMI, CALL_GET_STATE, CALL_SET_STATE,
	CALL_CREATE_CELL, CALL_CELL_SET_POLICY, CALL_CELL_SET_STATE,
	CALL_CELL_GET_STATE, CALL_UNKNOWN, CALL_MMAP, NR_CALLS
};

#define MAX_ERRNO	134
#define NR_EXITS	9

struct counts {
	u64 call[NR_CALLS][MAX_ERRNO];
	u64 exit[NR_EXITS];
	u64 rounds, killed;
};

extern struct counts *counts;		/* shared */
extern bool verbose;

static inline void count(u64 *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* ---- world.c ---- */

#define NR_VMS		3
#define NR_VCPUS	6
#define NR_EVENTFDS	6
#define NR_OTHERS	6
#define NR_CELLS	3
#define MAX_THREADS	16

/* Regions of memory at fixed addresses, which the threads map as they like. */
#define NR_REGIONS	6
#define REGION_SIZE	0x400000UL
#define REGION(i)	(0x100000000000UL + (i) * 2 * REGION_SIZE)

/*
 * What calls read and write is here, and not near anything that the fuzzer
 * itself needs: addresses get mutated.
 */
#define SCRATCH(thread)	(0x300000000000UL + (thread) * 0x1000000UL)
#define SCRATCH_SIZE	0x4000

struct world {
	int dev, file;
	int vm[NR_VMS];
	int vcpu[NR_VCPUS];
	struct lodge_run *run[NR_VCPUS];
	int eventfd[NR_EVENTFDS];
	int other[NR_OTHERS];
	int cell[NR_CELLS];
	pid_t walled[NR_CELLS];		/* processes with a wall, or to get one */
	int cgroup;			/* which they are in, or -1 */
	u32 weight[32];			/* of each operation, in this round */
};

/* One page and what is around it: the last bytes before a hole, and so on. */
struct arena {
	char *rw;		/* a page, with nothing behind it */
	char *ro;		/* a page that cannot be written */
};

struct thread {
	struct tape tape;
	struct world *world;
	struct arena arena;
	void *scratch;
	timer_t timer;
	int id;
	int calls;
};

void world_create(struct world *w, struct tape *t);
void arena_create(struct arena *a);
void *scratch_create(int thread);
int replace_fd(int *slot, int fd);	/* closes what was there */

/* ---- calls.c ---- */

void random_call(struct thread *t);
long do_ioctl(struct thread *t, enum lodge_call nr, int fd, unsigned long request,
	      const void *args, size_t size);
u64 wild_pointer(struct tape *t);	/* not to what is the fuzzer's own */
int any_open(struct thread *t, const int *fds, int n);	/* an index */
int any_vm(struct thread *t);
int any_vcpu(struct thread *t);

/* ---- cell.c ---- */

void cells_create(struct world *w);
void cell_op(struct thread *t);

/* ---- memory.c ---- */

void memory_op(struct thread *t);
/* Into what may be unmapped at any moment; fails quietly. */
void poke(u64 address, const void *data, size_t n);

/* ---- image.c, insn.c: what guests are made of ---- */

#define IMAGE_SIZE	0x10000
#define F_PML4		0x1000
#define F_PDPT		0x2000
#define F_PD		0x3000		/* four pages */
#define F_PML5		0x7000
#define F_PDPT_PAE	0x8000
#define F_PD32		0x9000
#define F_GDT		0xa000
#define F_TSS		0xa800
#define F_IDT64		0xb000
#define F_IDT32		0xc000
#define F_STUBS		0xc800
#define F_PT		0xd000
/*
 * Each vCPU has code of its own: QEMU 7.2 was seen to crash ("tcg fatal error",
 * segmentation fault) while it translated code that another processor was just
 * replacing.
 */
#define F_CODE		0x10000
#define F_CODE_SIZE	0x4000
#define F_CODE_OF(vcpu)	(F_CODE + (vcpu) * F_CODE_SIZE)
#define F_STACK		0x40000
#define F_DATA		0x50000
#define F_MEMORY	REGION_SIZE

enum mode { REAL, PROTECTED, PAGING32, PAE, COMPAT, LONG64, LA57, V8086, NR_MODES };

void image_build(void *image);
size_t random_code(struct tape *t, u8 *code, size_t size, enum mode mode);
u64 random_address(struct tape *t);	/* guest physical or linear */
u32 random_msr(struct tape *t);

/* ---- state.c ---- */

void start_guest(struct thread *t, int vcpu, int region);
void move_state(struct thread *t);

/* ---- guest.c: LODGE_RUN and its answers ---- */

void run_guest(struct thread *t, int vcpu);

#endif
