// SPDX-License-Identifier: GPL-2.0-only
/* What a round begins with: machines that can run at once. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz.h"
#include "vm.h"

int replace_fd(int *slot, int fd)
{
	int old = __atomic_exchange_n(slot, fd, __ATOMIC_ACQ_REL);

	if (old >= 0)
		close(old);
	return fd;
}

void arena_create(struct arena *a)
{
	/* Below 4 GiB, in reach of 32-bit calls. */
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (p == MAP_FAILED)
		die(__FILE__, __LINE__, "mmap");
	a->ro = p;
	a->rw = p + 4096;
	memset(p, 0, 4096);
	*(u32 *)p = 8;
	CHECK(mprotect(p, 4096, PROT_READ));
	CHECK(munmap(p + 2 * 4096, 4096));
}

void *scratch_create(int thread)
{
	void *p = mmap((void *)SCRATCH(thread), SCRATCH_SIZE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		die(__FILE__, __LINE__, "mmap");
	return p;
}

static void map_regions(struct world *w, struct tape *t)
{
	int i;

	w->file = CHECK(memfd_create("lodge-fuzz", MFD_CLOEXEC));
	CHECK(ftruncate(w->file, 2 * REGION_SIZE));
	for (i = 0; i < NR_REGIONS; i++) {
		bool file = i && one_in(t, 4);
		int flags = file && one_in(t, 2) ? MAP_SHARED : MAP_PRIVATE;
		void *at = mmap((void *)REGION(i), REGION_SIZE,
				PROT_READ | PROT_WRITE, MAP_FIXED | flags |
				(file ? 0 : MAP_ANONYMOUS),
				file ? w->file : -1, 0);

		if (at == MAP_FAILED)
			die(__FILE__, __LINE__, "mmap");
		if (one_in(t, 2))
			madvise(at, REGION_SIZE, MADV_HUGEPAGE);
	}
}

static void create_vcpu(struct world *w, int vm, int nr, u32 id)
{
	struct lodge_create_vcpu args = { .size = sizeof(args), .id = id };

	w->vcpu[nr] = CHECK(ioctl(w->vm[vm], LODGE_CREATE_VCPU, &args));
	w->run[nr] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			  w->vcpu[nr], 0);
	if (w->run[nr] == MAP_FAILED)
		die(__FILE__, __LINE__, "mmap of a vCPU");
}

void world_create(struct world *w, struct tape *t)
{
	struct lodge_create_vm create = { .size = sizeof(create) };
	size_t i;

	memset(w, 0, sizeof(*w));
	/* Some rounds do some things only; none does nothing at all. */
	for (i = 0; i < ARRAY_SIZE(w->weight); i++)
		w->weight[i] = one_in(t, 4) ? 0 : 1 + below(t, 4);
	w->weight[0] += !w->weight[0];

	w->dev = CHECK(open("/dev/lodge", O_RDWR | O_CLOEXEC));
	map_regions(w, t);
	for (i = 0; i < NR_VMS; i++)
		w->vm[i] = -1;
	for (i = 0; i < NR_VCPUS; i++)
		w->vcpu[i] = -1;
	for (i = 0; i < NR_EVENTFDS; i++)
		w->eventfd[i] = CHECK(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	for (i = 0; i < NR_OTHERS; i++)
		w->other[i] = -1;
	cells_create(w);
	w->other[0] = CHECK(open("/dev/null", O_RDWR | O_CLOEXEC));

	for (i = 0; i < 2; i++) {
		struct lodge_memory memory = {
			.size = sizeof(memory), .length = REGION_SIZE,
			.host_addr = REGION(i),
		};

		create.flags = one_in(t, 2) ? LODGE_VM_PC : 0;
		w->vm[i] = CHECK(ioctl(w->dev, LODGE_CREATE_VM, &create));
		CHECK(ioctl(w->vm[i], LODGE_SET_MEMORY, &memory));
		/* A second one that cannot be written. */
		memory.slot = 1;
		memory.guest_addr = 2 * REGION_SIZE;
		memory.host_addr = REGION(2 + i);
		memory.flags = LODGE_MEM_READONLY;
		CHECK(ioctl(w->vm[i], LODGE_SET_MEMORY, &memory));
	}
	create_vcpu(w, 0, 0, 0);
	create_vcpu(w, 0, 1, 1);
	create_vcpu(w, 1, 2, 0);
}
