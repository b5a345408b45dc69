// SPDX-License-Identifier: GPL-2.0-only
/* Every request of the UAPI with good and bad arguments, and its exact errors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "uapi_fixture.h"

TEST_F(uapi, get_info)
{
	struct {
		struct lodge_info info;
		u8 beyond[64];
	} in;

	memset(&in, 0, sizeof(in));
	in.info.size = sizeof(in.info);
	SIZE_RULES_GROWN(self->dev, LODGE_GET_INFO, in.info,
			 offsetof(struct lodge_info, nr_hooks), 0);

	memset(&in.beyond, 0, sizeof(in.beyond));
	in.info.size = sizeof(in);
	ASSERT_EQ(0, ioctl(self->dev, LODGE_GET_INFO, &in));
	EXPECT_EQ(sizeof(in.info), in.info.size);
	EXPECT_EQ(LODGE_API_VERSION, in.info.api_version);
	EXPECT_TRUE(in.info.vendor == LODGE_VENDOR_SVM ||
		    in.info.vendor == LODGE_VENDOR_VMX);
	EXPECT_EQ(0, in.info.vm_error);
	EXPECT_EQ(LODGE_MAX_VCPUS, in.info.max_vcpus);
	EXPECT_EQ(LODGE_MAX_SLOTS, in.info.max_slots);
	EXPECT_EQ(LODGE_NR_GSIS, in.info.nr_gsis);
	EXPECT_EQ(sysconf(_SC_PAGESIZE), (long)in.info.run_size);
	EXPECT_LE(36, in.info.phys_bits);
	EXPECT_GE(52, in.info.phys_bits);
	EXPECT_LT(1000, in.info.tsc_khz);
	EXPECT_LE(1, in.info.nr_asids);
	EXPECT_LE(576, in.info.xsave_size);
	EXPECT_GE(4096, in.info.xsave_size);
	EXPECT_EQ(0, in.info.reason[0]);
	EXPECT_LE(40, in.info.nr_hooks);
	EXPECT_EQ(0, in.info.reserved);
}

/* Each request belongs to one kind of descriptor. */
TEST_F(uapi, wrong_descriptor)
{
	static const unsigned long dev_only[] = { LODGE_GET_INFO, LODGE_CREATE_VM };
	static const unsigned long vm_only[] = {
		LODGE_CREATE_VCPU, LODGE_SET_MEMORY, LODGE_IRQ_LINE,
		LODGE_SIGNAL_MSI, LODGE_IOEVENTFD, LODGE_IRQFD,
	};
	static const unsigned long vcpu_only[] = { LODGE_RUN, LODGE_NMI };
	char buf[4096] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dev_only); i++) {
		EXPECT_ERRNO(ENOTTY, ioctl(self->vm->fd, dev_only[i], buf));
		EXPECT_ERRNO(ENOTTY, ioctl(self->vcpu->fd, dev_only[i], buf));
	}
	for (i = 0; i < ARRAY_SIZE(vm_only); i++) {
		EXPECT_ERRNO(ENOTTY, ioctl(self->dev, vm_only[i], buf));
		EXPECT_ERRNO(ENOTTY, ioctl(self->vcpu->fd, vm_only[i], buf));
	}
	for (i = 0; i < ARRAY_SIZE(vcpu_only); i++) {
		EXPECT_ERRNO(ENOTTY, ioctl(self->dev, vcpu_only[i], 0));
		EXPECT_ERRNO(ENOTTY, ioctl(self->vm->fd, vcpu_only[i], 0));
	}
	EXPECT_ERRNO(ENOTTY, ioctl(self->dev, LODGE_GET_STATE, buf));
	EXPECT_ERRNO(ENOTTY, ioctl(self->dev, LODGE_SET_STATE, buf));
}

/* Numbers that are nothing, on all three. */
TEST_F(uapi, unknown_request)
{
	int fds[] = { self->dev, self->vm->fd, self->vcpu->fd };
	char buf[4096] = {};
	unsigned int i, nr;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		for (nr = 0; nr < 256; nr++) {
			if (nr <= 0x02 || (nr >= 0x20 && nr <= 0x25) ||
			    nr == 0x40 || nr == 0x41 || nr == 0x60 || nr == 0x61)
				continue;
			EXPECT_ERRNO(ENOTTY, ioctl(fds[i], _IO(LODGE_IOC, nr), buf));
		}
		/* the right number in other clothes */
		EXPECT_ERRNO(ENOTTY, ioctl(fds[i], _IOWR(LODGE_IOC, 0x40, int), buf));
		EXPECT_ERRNO(ENOTTY, ioctl(fds[i], _IO(0xae, 0x80), buf));
		EXPECT_ERRNO(ENOTTY, ioctl(fds[i], 0x5401, buf));
	}
}

TEST_F(uapi, create_vm)
{
	struct lodge_create_vm args = { .size = sizeof(args) };
	struct rlimit_guard { int fd; } g;
	unsigned int bit;
	int fd;

	SIZE_RULES_GROWN(self->dev, LODGE_CREATE_VM, args, 8, INT_MAX);
	for (bit = 1; bit < 32; bit++) {
		args.flags = 1u << bit;
		EXPECT_ERRNO(EINVAL, ioctl(self->dev, LODGE_CREATE_VM, &args));
		args.flags |= LODGE_VM_PC;
		EXPECT_ERRNO(EINVAL, ioctl(self->dev, LODGE_CREATE_VM, &args));
	}
	args.flags = LODGE_VM_PC;
	fd = ioctl(self->dev, LODGE_CREATE_VM, &args);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, close(fd));
	args.flags = 0;
	fd = ioctl(self->dev, LODGE_CREATE_VM, &args);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_ERRNO(EINVAL, read(fd, &g, 1));
	EXPECT_ERRNO(EINVAL, write(fd, &g, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(0, close(fd));
}

TEST_F(uapi, open_modes)
{
	struct lodge_info info = { .size = sizeof(info) };
	struct stat st;
	int fd;

	ASSERT_EQ(0, stat("/dev/lodge", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0, st.st_mode & 077);
	fd = open("/dev/lodge", O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ioctl(fd, LODGE_GET_INFO, &info));
	EXPECT_ERRNO(EINVAL, read(fd, &info, 1));
	close(fd);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->dev, 0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(uapi, create_vcpu)
{
	struct lodge_create_vcpu args = { .size = sizeof(args), .id = 1 };
	int fds[LODGE_MAX_VCPUS];
	unsigned int i;

	SIZE_RULES(self->vm->fd, LODGE_CREATE_VCPU, args, INT_MAX);
	/* the one that this made and closed still has its number */
	EXPECT_ERRNO(EEXIST, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &args));
	args.id = 0;
	EXPECT_ERRNO(EEXIST, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &args));
	args.id = LODGE_MAX_VCPUS;
	EXPECT_ERRNO(EINVAL, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &args));
	args.id = UINT_MAX;
	EXPECT_ERRNO(EINVAL, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &args));
	args.id = 2;
	args.flags = 1;
	EXPECT_ERRNO(EINVAL, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &args));
	args.flags = 0;
	args.reserved = 1;
	EXPECT_ERRNO(EINVAL, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &args));
	args.reserved = 0;
	for (i = 2; i < LODGE_MAX_VCPUS; i++) {
		args.id = i;
		fds[i] = ioctl(self->vm->fd, LODGE_CREATE_VCPU, &args);
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fds[i], F_GETFD));
	}
	for (i = 2; i < LODGE_MAX_VCPUS; i++)
		close(fds[i]);
}

TEST_F(uapi, no_descriptor_left)
{
	struct lodge_create_vcpu vcpu = { .size = sizeof(vcpu), .id = 3 };
	struct lodge_create_vm vm = { .size = sizeof(vm) };
	int fds[4096];
	int i, n = 0;

	while (n < 4096 && (fds[n] = dup(self->dev)) >= 0)
		n++;
	ASSERT_EQ(EMFILE, errno);
	EXPECT_ERRNO(EMFILE, ioctl(self->dev, LODGE_CREATE_VM, &vm));
	EXPECT_ERRNO(EMFILE, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &vcpu));
	for (i = 0; i < n; i++)
		close(fds[i]);
	/* the failed call left its number free */
	i = ioctl(self->vm->fd, LODGE_CREATE_VCPU, &vcpu);
	EXPECT_LE(0, i);
	close(i);
}

TEST_F(uapi, run_page)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = self->vcpu->fd;
	struct lodge_run *a, *b;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, fd, page));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 1ULL << 40));
	EXPECT_EQ(EINVAL, errno);

	a = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, a);
	b = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, b);
	EXPECT_EQ(LODGE_EXIT_NONE, a->exit_reason);
	a->immediate_exit = 1;
	EXPECT_EQ(1, b->immediate_exit);
	EXPECT_EQ(1, self->vcpu->run->immediate_exit);
	EXPECT_ERRNO(EINTR, ioctl(fd, LODGE_RUN, 0));
	EXPECT_EQ(LODGE_EXIT_INTR, b->exit_reason);
	munmap(a, page);
	munmap(b, page);
	EXPECT_ERRNO(EINVAL, read(fd, &page, 1));
	EXPECT_ERRNO(EINVAL, write(fd, &page, 1));
}

/* A mapping that is made to grow has nothing behind its first page. */
TEST_F(uapi, run_page_cannot_grow)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *run;
	int status;
	pid_t pid;

	run = mmap(NULL, page, PROT_READ, MAP_SHARED, self->vcpu->fd, 0);
	ASSERT_NE(MAP_FAILED, run);
	run = mremap(run, page, 2 * page, MREMAP_MAYMOVE);
	if (run == MAP_FAILED)
		return;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		READ(run[page]);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
	munmap(run, 2 * page);
}

TEST_F(uapi, run_and_nmi_take_no_argument)
{
	EXPECT_ERRNO(EINVAL, ioctl(self->vcpu->fd, LODGE_RUN, 1));
	EXPECT_ERRNO(EINVAL, ioctl(self->vcpu->fd, LODGE_RUN, self));
	EXPECT_ERRNO(EINVAL, ioctl(self->vcpu->fd, LODGE_NMI, 1));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, LODGE_NMI, 0));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, LODGE_NMI, 0));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, LODGE_NMI, 0));
}

TEST_F(uapi, set_memory)
{
	char *mem = map_pages(1 << 20);
	struct lodge_memory good = {
		.size = sizeof(good), .slot = 5, .guest_addr = 0x40000000,
		.length = 1 << 20, .host_addr = (uintptr_t)mem,
	};
	struct lodge_memory bad;
	u64 top = 1ULL << lodge_get_info()->phys_bits;
	int fd = self->vm->fd;
	unsigned int bit;

	SIZE_RULES(fd, LODGE_SET_MEMORY, good, 0);

#define BAD(err, field, val) do {					\
	bad = good;							\
	bad.field = (val);						\
	EXPECT_ERRNO(err, ioctl(fd, LODGE_SET_MEMORY, &bad))		\
		TH_LOG("%s = %s", #field, #val);			\
} while (0)
	BAD(EINVAL, slot, LODGE_MAX_SLOTS);
	BAD(EINVAL, slot, UINT_MAX);
	for (bit = 1; bit < 32; bit++)
		BAD(EINVAL, flags, 1u << bit);
	BAD(EINVAL, reserved, 1);
	BAD(EINVAL, guest_addr, 0x40000001);
	BAD(EINVAL, guest_addr, 0x40000800);
	BAD(EINVAL, guest_addr, top);
	BAD(EINVAL, guest_addr, top - 4096);
	BAD(EINVAL, guest_addr, -4096ULL);
	BAD(EINVAL, length, 1);
	BAD(EINVAL, length, 4095);
	BAD(EINVAL, length, -4096ULL);
	BAD(EINVAL, length, 1ULL << 63);
	BAD(EINVAL, host_addr, (uintptr_t)mem + 1);
	BAD(EINVAL, host_addr, (uintptr_t)mem + 512);
	BAD(EINVAL, host_addr, -4096ULL);
	BAD(EINVAL, host_addr, 0xffff800000000000ULL);
	BAD(EINVAL, host_addr, 0x00fffffffffff000ULL);
	/* slot 5 is there; another may not touch it anywhere */
	good.slot = 6;
	EXPECT_ERRNO(EEXIST, ioctl(fd, LODGE_SET_MEMORY, &good));
	BAD(EEXIST, guest_addr, 0x40000000 - (1 << 20) + 4096);
	BAD(EEXIST, guest_addr, 0x40000000 + (1 << 20) - 4096);
	BAD(EEXIST, guest_addr, 0);
	/* side by side is well, and so is replacing itself by an overlap */
	EXPECT_EQ(0, vm_slot(self->vm, 6, 0x40100000, 1 << 20, mem, 0));
	EXPECT_EQ(0, vm_slot(self->vm, 7, 0x3ff00000, 1 << 20, mem, LODGE_MEM_READONLY));
	EXPECT_EQ(0, vm_slot(self->vm, 7, 0x3ff80000, 1 << 19, mem, 0));
	EXPECT_EQ(-EEXIST, vm_slot(self->vm, 7, 0x3ff80000, 1 << 20, mem, 0));
	/* the last page below the limit */
	EXPECT_EQ(0, vm_slot(self->vm, 8, top - 4096, 4096, mem, 0));
	/* removal */
	EXPECT_EQ(-ENOENT, vm_slot(self->vm, 9, 0, 0, NULL, 0));
	EXPECT_EQ(0, vm_slot(self->vm, 8, 0, 0, NULL, 0));
	EXPECT_EQ(-ENOENT, vm_slot(self->vm, 8, 0, 0, NULL, 0));
	EXPECT_EQ(0, vm_slot(self->vm, 5, 0, 0, NULL, 0));
	EXPECT_EQ(0, vm_slot(self->vm, 5, 0x40000000, 4096, mem, 0));
	/* the APICs' pages are the module's own business, a hole is no error */
	EXPECT_EQ(0, vm_slot(self->vm, 10, 0x80000000, 4096, (void *)0x10000, 0));
	munmap(mem, 1 << 20);
}

TEST_F(uapi, all_slots)
{
	char *mem = map_pages(4096 * LODGE_MAX_SLOTS);
	int i;

	for (i = 1; i < LODGE_MAX_SLOTS; i++)
		EXPECT_EQ(0, vm_slot(self->vm, i, 0x40000000 + 4096 * i, 4096,
				     mem + 4096 * i, i & 1));
	EXPECT_EQ(-EINVAL, vm_slot(self->vm, i, 0x80000000, 4096, mem, 0));
	for (i = LODGE_MAX_SLOTS - 1; i > 0; i--)
		EXPECT_EQ(0, vm_slot(self->vm, i, 0, 0, NULL, 0));
}

TEST_F(uapi, irq_line)
{
	struct lodge_irq_line args = { .size = sizeof(args), .gsi = 5 };
	int fd = self->vm->fd;
	u32 gsi;

	SIZE_RULES(fd, LODGE_IRQ_LINE, args, 0);
	for (gsi = 0; gsi < LODGE_NR_GSIS; gsi++) {
		args.gsi = gsi;
		args.level = 1;
		EXPECT_EQ(0, ioctl(fd, LODGE_IRQ_LINE, &args));
		args.level = 0;
		EXPECT_EQ(0, ioctl(fd, LODGE_IRQ_LINE, &args));
	}
	args.gsi = LODGE_NR_GSIS;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_IRQ_LINE, &args));
	args.gsi = UINT_MAX;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_IRQ_LINE, &args));
	args.gsi = 1;
	args.level = 2;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_IRQ_LINE, &args));
	args.level = 0;
	args.reserved = 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_IRQ_LINE, &args));
}

TEST_F(uapi, signal_msi)
{
	struct lodge_msi args = {
		.size = sizeof(args), .address = APIC_BASE, .data = 0x40,
	};
	int fd = self->vm->fd;

	SIZE_RULES(fd, LODGE_SIGNAL_MSI, args, 0);
	args.flags = 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_SIGNAL_MSI, &args));
	args.flags = 0;
	args.reserved = 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_SIGNAL_MSI, &args));
	args.reserved = 0;
	args.address = 0xfed00000;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_SIGNAL_MSI, &args));
	args.address = 0xfef00000;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_SIGNAL_MSI, &args));
	args.address = 0;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_SIGNAL_MSI, &args));
	args.address = APIC_BASE | 1ULL << 32;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_SIGNAL_MSI, &args));
	args.address = APIC_BASE;
	args.data = 0x340;	/* delivery mode 3 is reserved */
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_SIGNAL_MSI, &args));
	/* nobody is there */
	args.address = APIC_BASE | 7 << 12;
	args.data = 0x40;
	EXPECT_EQ(0, ioctl(fd, LODGE_SIGNAL_MSI, &args));
}

TEST_F(uapi, state_arguments)
{
	struct lodge_regs regs;
	struct lodge_ioapic_state ioapic;
	struct lodge_state args = {
		.size = sizeof(args), .kind = LODGE_STATE_REGS,
		.data = (uintptr_t)&regs, .data_size = sizeof(regs),
	};
	struct lodge_state vm_args = {
		.size = sizeof(args), .kind = LODGE_STATE_IOAPIC,
		.data = (uintptr_t)&ioapic, .data_size = sizeof(ioapic),
	};
	int fds[] = { self->vcpu->fd, self->vm->fd };
	unsigned long reqs[] = { LODGE_GET_STATE, LODGE_SET_STATE };
	int i, r;

	for (r = 0; r < 2; r++) {
		for (i = 0; i < 2; i++) {
			struct lodge_state good = i ? vm_args : args;
			struct lodge_state s;

			ASSERT_EQ(0, ioctl(fds[i], reqs[r], &good));
			SIZE_RULES(fds[i], reqs[r], good, 0);
			s = good;
			s.reserved = 1;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			s = good;
			s.data_size--;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			s.data_size += 2;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			s.data_size = 0;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			s = good;
			s.data = 0;
			EXPECT_ERRNO(EFAULT, ioctl(fds[i], reqs[r], &s));
			s.data = (uintptr_t)BAD_POINTER;
			EXPECT_ERRNO(EFAULT, ioctl(fds[i], reqs[r], &s));
			s = good;
			s.kind = 0;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			s.kind = 12;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			/* of a PC, which this is not */
			s.kind = LODGE_STATE_PIC;
			s.data_size = sizeof(struct lodge_pic_state);
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			s.kind = LODGE_STATE_PIT;
			s.data_size = sizeof(struct lodge_pit_state);
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			s = good;
			s.kind = UINT_MAX;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
			/* the other descriptor's kind */
			s = i ? args : vm_args;
			EXPECT_ERRNO(EINVAL, ioctl(fds[i], reqs[r], &s));
		}
	}
}

/* The VM is the process's that made it: a child may hold it, not use it. */
TEST_F(uapi, child_process)
{
	struct lodge_create_vcpu vcpu = { .size = sizeof(vcpu), .id = 1 };
	struct lodge_memory memory = {
		.size = sizeof(memory), .slot = 3, .guest_addr = 0x40000000,
		.length = 4096, .host_addr = (uintptr_t)self->vm->mem,
	};
	struct lodge_regs regs;
	struct lodge_state get = {
		.size = sizeof(get), .kind = LODGE_STATE_REGS,
		.data = (uintptr_t)&regs, .data_size = sizeof(regs),
	};
	int bad = 0, status;
	pid_t pid;

	vcpu_start64(self->vcpu, FN(guest_done), 0);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
#define CHILD_EIO(bit, call) do {				\
	errno = 0;						\
	if ((call) != -1 || errno != EIO)			\
		bad |= 1 << (bit);				\
} while (0)
		CHILD_EIO(0, ioctl(self->vm->fd, LODGE_CREATE_VCPU, &vcpu));
		CHILD_EIO(1, ioctl(self->vm->fd, LODGE_SET_MEMORY, &memory));
		CHILD_EIO(2, ioctl(self->vcpu->fd, LODGE_RUN, 0));
		CHILD_EIO(3, ioctl(self->vcpu->fd, LODGE_GET_STATE, &get));
		CHILD_EIO(4, ioctl(self->vcpu->fd, LODGE_SET_STATE, &get));
		_exit(bad);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status)) TH_LOG("bits of calls without EIO");
	/* the parent is unharmed */
	ASSERT_GUEST(GUEST_DONE, self->vcpu);
}

/* A vCPU keeps its VM alive; the order of closing does not matter. */
TEST_F(uapi, closing_order)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	struct vcpu *d = vcpu_create(vm, 1);
	struct lodge_run *run;

	close(vm->fd);
	vcpu_start64(c, FN(guest_done), 0);
	ASSERT_GUEST(GUEST_DONE, c);
	vcpu_start64(d, FN(guest_done), 0);
	vcpu_close(c);
	ASSERT_GUEST(GUEST_DONE, d);
	/* the page outlives the descriptor */
	run = d->run;
	close(d->fd);
	EXPECT_EQ(LODGE_EXIT_IO, READ(run->exit_reason));
	munmap(run, lodge_get_info()->run_size);
	d->fd = -1;
	vm->fd = -1;
	vm_free(vm);
}

/* The fields that the module reads are hostile: garbage in all of the page. */
TEST_F(uapi, garbage_in_the_run_page)
{
	struct vcpu *c = self->vcpu;
	u32 seed = 12345;
	unsigned int i, round;

	vcpu_start64(c, FN(guest_done), 0);
	for (round = 0; round < 64; round++) {
		ASSERT_GUEST(GUEST_DONE, c);
		for (i = 8; i < lodge_get_info()->run_size; i++) {
			seed = seed * 1103515245 + 12345;
			((u8 *)c->run)[i] = seed >> 16;
		}
	}
}

/*
 * A 32-bit caller: the structs are the same, only the pointer is shorter. The
 * request goes in by int $0x80, with everything below 4 GiB.
 */
static long ioctl32(int fd, unsigned int request, void *arg)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (54), "b" ((long)fd), "c" ((long)request),
		       "d" ((u32)(uintptr_t)arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

TEST_F(uapi, caller_of_32_bits)
{
	struct {
		struct lodge_info info;
		struct lodge_create_vm vm;
		struct lodge_create_vcpu vcpu;
		struct lodge_memory memory;
		struct lodge_state state;
		struct lodge_regs regs;
	} *a;
	int vm, vcpu;

	a = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, a);
	a->info.size = sizeof(a->info);
	if (ioctl32(self->dev, LODGE_GET_INFO, &a->info) == -ENOSYS)
		SKIP_TEST("this kernel has no 32-bit system calls");
	EXPECT_EQ(LODGE_API_VERSION, a->info.api_version);
	EXPECT_EQ(-EFAULT, ioctl32(self->dev, LODGE_GET_INFO, NULL));
	a->vm.size = sizeof(a->vm);
	vm = ioctl32(self->dev, LODGE_CREATE_VM, &a->vm);
	ASSERT_LE(0, vm);
	a->vcpu.size = sizeof(a->vcpu);
	vcpu = ioctl32(vm, LODGE_CREATE_VCPU, &a->vcpu);
	ASSERT_LE(0, vcpu);
	a->memory.size = sizeof(a->memory);
	a->memory.length = 4096;
	a->memory.host_addr = (uintptr_t)a + 4096;
	EXPECT_EQ(0, ioctl32(vm, LODGE_SET_MEMORY, &a->memory));
	a->memory.slot = 64;
	EXPECT_EQ(-EINVAL, ioctl32(vm, LODGE_SET_MEMORY, &a->memory));
	a->state.size = sizeof(a->state);
	a->state.kind = LODGE_STATE_REGS;
	a->state.data = (uintptr_t)&a->regs;
	a->state.data_size = sizeof(a->regs);
	EXPECT_EQ(0, ioctl32(vcpu, LODGE_GET_STATE, &a->state));
	EXPECT_EQ(0xfff0, a->regs.rip);
	EXPECT_EQ(0, ioctl32(vcpu, LODGE_SET_STATE, &a->state));
	EXPECT_EQ(-ENOTTY, ioctl32(vcpu, LODGE_GET_INFO, &a->info));
	close(vcpu);
	close(vm);
}

LODGE_TEST_MAIN
