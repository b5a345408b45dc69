// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of every call fails once: /proc/thread-self/fail-nth makes
 * the n-th one of this thread fail, for n = 1, 2, 3, ... until a call needs
 * fewer.  After each failure the call is made again, a guest runs to its end,
 * and everything is given back.
 *
 * Copies to and from the caller's memory count as allocations do, if the kernel
 * was built to let them fail (then with EFAULT).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include "fault_fixture.h"
#include "harness.h"
#include "sys.h"

#define MIB		(1UL << 20)
#define SLOT		0x40000000UL
#define MANY		60
/* Allocations when the module is loaded that can be its own: the last ones. */
#define LOAD_OWN	70

/* What calls are made on, new for each of them. */
struct object {
	int dev;
	struct vm *vm;
	struct vcpu *c;
	char *area, *mem;	/* 2 MiB at SLOT that nobody has touched yet */
	int event, resample;
};

static void object_create(struct object *o)
{
	o->dev = lodge_open();
	o->vm = vm_create_flags(LODGE_VM_PC);
	o->c = vcpu_create(o->vm, 0);
	o->area = map_pages(4 * MIB);
	o->mem = (char *)(((uintptr_t)o->area + 2 * MIB - 1) & ~(2 * MIB - 1));
	o->event = CHECK(eventfd(0, EFD_CLOEXEC));
	o->resample = CHECK(eventfd(0, EFD_CLOEXEC));
}

static void object_free(struct object *o)
{
	vm_free(o->vm);
	close(o->dev);
	close(o->event);
	close(o->resample);
	munmap(o->area, 4 * MIB);
}

static void adder(u64 arg)
{
	GUEST_EQ(4, arg + 2);
	*(volatile u64 *)G_FREE = arg;
}

typedef int (*call_t)(struct object *o);

static void try_all(struct __test_metadata *_metadata, call_t prepare, call_t call)
{
	long users = read_number(REFCNT);
	int fds = count_fds(), failures = 0, sweeps = 0, ret;
	unsigned int nth, faults = 0;
	struct object o;
	bool used;

	/*
	 * Twice: now and then the kernel allocates something for itself in
	 * between (for debug objects, say), so that the count steps over one.
	 */
	for (nth = 1; sweeps < 2; nth++) {
		object_create(&o);
		ASSERT_EQ(0, prepare ? prepare(&o) : 0);

		arm(nth);
		ret = call(&o);
		used = disarm();
		if (ret) {
			failures++;
			EXPECT_TRUE(used);
			EXPECT_TRUE(documented(ret)) {
				TH_LOG("with fault %u: %s", nth, strerror(-ret));
			}
			ASSERT_EQ(0, call(&o)) {
				TH_LOG("after fault %u", nth);
			}
		}
		vcpu_start64(o.c, adder, 2);
		ASSERT_GUEST(GUEST_DONE, o.c);
		object_free(&o);
		ASSERT_EQ(fds, count_fds());
		ASSERT_TRUE(WAIT_FOR(read_number(REFCNT) == users, 5000));
		if (!used) {
			faults += nth - 1;
			nth = 0;
			sweeps++;
		}
	}
	printf("# %s: %u faults, %d of them failed the call\n",
	       _metadata->name, faults, failures);
}

#define FAULT_TEST(name, prepare, call)					\
	TEST(name)							\
	{								\
		faults_init();						\
		try_all(_metadata, prepare, call);			\
	}

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* A descriptor that is not needed any more. */
static int fd_result(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* ---- Objects ---- */

static int call_open(struct object *o)
{
	return fd_result(open("/dev/lodge", O_RDWR | O_CLOEXEC));
}

static int call_get_info(struct object *o)
{
	struct lodge_info info = { .size = sizeof(info) };

	return result(ioctl(o->dev, LODGE_GET_INFO, &info));
}

static int call_create_vm(struct object *o)
{
	struct lodge_create_vm args = { .size = sizeof(args) };

	return fd_result(ioctl(o->dev, LODGE_CREATE_VM, &args));
}

static int call_create_pc(struct object *o)
{
	struct lodge_create_vm args = {
		.size = sizeof(args), .flags = LODGE_VM_PC,
	};

	return fd_result(ioctl(o->dev, LODGE_CREATE_VM, &args));
}

static int call_create_vcpu(struct object *o)
{
	struct lodge_create_vcpu args = { .size = sizeof(args), .id = 1 };

	return fd_result(ioctl(o->vm->fd, LODGE_CREATE_VCPU, &args));
}

static int call_mmap(struct object *o)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			  o->c->fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	munmap(page, 4096);
	return 0;
}

FAULT_TEST(open_device, NULL, call_open)
FAULT_TEST(get_info, NULL, call_get_info)
FAULT_TEST(create_vm, NULL, call_create_vm)
FAULT_TEST(create_pc, NULL, call_create_pc)
FAULT_TEST(create_vcpu, NULL, call_create_vcpu)
FAULT_TEST(mmap_of_run_page, NULL, call_mmap)

/* ---- Memory ---- */

static int call_set(struct object *o)
{
	return vm_slot(o->vm, 1, SLOT, 2 * MIB, o->mem, 0);
}

static void toucher(u64 arg)
{
	u64 gpa;

	for (gpa = SLOT; gpa < SLOT + 2 * MIB; gpa += MIB)
		*(volatile u64 *)gpa = gpa;
}

/* With translations that a change has to take away. */
static int set_and_touch(struct object *o)
{
	int ret = call_set(o);

	vcpu_start64(o->c, toucher, 0);
	return ret ?: guest_expect(o->c, GUEST_DONE) - GUEST_DONE;
}

static int call_move(struct object *o)
{
	return vm_slot(o->vm, 1, 2 * SLOT, 2 * MIB, o->mem, 0);
}

static int call_make_readonly(struct object *o)
{
	return vm_slot(o->vm, 1, SLOT, 2 * MIB, o->mem, LODGE_MEM_READONLY);
}

static int call_remove(struct object *o)
{
	return vm_slot(o->vm, 1, 0, 0, NULL, 0);
}

static int set_many(struct object *o)
{
	int i, ret = 0;

	for (i = 0; !ret && i < MANY; i++)
		ret = vm_slot(o->vm, 2 + i, 2 * SLOT + 8192 * i, 4096, o->mem, 0);
	return ret;
}

FAULT_TEST(memory_set, NULL, call_set)
FAULT_TEST(memory_move, set_and_touch, call_move)
FAULT_TEST(memory_make_readonly, set_and_touch, call_make_readonly)
FAULT_TEST(memory_remove, set_and_touch, call_remove)
FAULT_TEST(memory_set_beside_many, set_many, call_set)

/* ---- Interrupts and events ---- */

static int call_irq_line(struct object *o)
{
	return vm_irq_line(o->vm, 3, 1);
}

static int call_msi(struct object *o)
{
	int ret = vm_msi(o->vm, 0xfee00000, 0x40);

	return ret < 0 ? ret : 0;
}

static int call_nmi(struct object *o)
{
	return result(ioctl(o->c->fd, LODGE_NMI, 0));
}

static int ioeventfd(struct object *o, u32 flags)
{
	struct lodge_ioeventfd args = {
		.size = sizeof(args), .flags = flags | LODGE_IOEVENTFD_PIO,
		.addr = PORT_TEST, .len = 1, .fd = o->event,
	};

	return result(ioctl(o->vm->fd, LODGE_IOEVENTFD, &args));
}

static int call_ioeventfd(struct object *o)
{
	return ioeventfd(o, 0);
}

static int call_ioeventfd_remove(struct object *o)
{
	return ioeventfd(o, LODGE_IOEVENTFD_DEASSIGN);
}

static int irqfd(struct object *o, u32 flags)
{
	struct lodge_irqfd args = {
		.size = sizeof(args), .flags = flags, .fd = o->event,
	};

	if (flags & LODGE_IRQFD_MSI) {
		args.msi_address = 0xfee00000;
		args.msi_data = 0x40;
	} else {
		args.gsi = 5;
	}
	if (flags & LODGE_IRQFD_RESAMPLE)
		args.resample_fd = o->resample;
	return result(ioctl(o->vm->fd, LODGE_IRQFD, &args));
}

static int call_irqfd(struct object *o)
{
	return irqfd(o, 0);
}

static int call_irqfd_msi(struct object *o)
{
	return irqfd(o, LODGE_IRQFD_MSI);
}

static int call_irqfd_resample(struct object *o)
{
	return irqfd(o, LODGE_IRQFD_RESAMPLE);
}

static int call_irqfd_remove(struct object *o)
{
	return irqfd(o, LODGE_IRQFD_DEASSIGN);
}

FAULT_TEST(irq_line, NULL, call_irq_line)
FAULT_TEST(signal_msi, NULL, call_msi)
FAULT_TEST(nmi, NULL, call_nmi)
FAULT_TEST(ioeventfd_add, NULL, call_ioeventfd)
FAULT_TEST(ioeventfd_remove, call_ioeventfd, call_ioeventfd_remove)
FAULT_TEST(irqfd_add, NULL, call_irqfd)
FAULT_TEST(irqfd_msi, NULL, call_irqfd_msi)
FAULT_TEST(irqfd_resample, NULL, call_irqfd_resample)
FAULT_TEST(irqfd_remove, call_irqfd_resample, call_irqfd_remove)

/* ---- State ---- */

static bool of_vm(u32 kind)
{
	return kind == LODGE_STATE_IOAPIC || kind == LODGE_STATE_PIC ||
	       kind == LODGE_STATE_PIT;
}

static int get(struct object *o, u32 kind, void *data, u32 size)
{
	if (of_vm(kind))
		return vm_get(o->vm, kind, data, size);
	return vcpu_get(o->c, kind, data, size);
}

static int set(struct object *o, u32 kind, const void *data, u32 size)
{
	if (of_vm(kind))
		return vm_set(o->vm, kind, data, size);
	return vcpu_set(o->c, kind, data, size);
}

#define STATE_TESTS(name, kind, type)					\
	static type state_of_##name;					\
	static int get_##name(struct object *o)				\
	{								\
		return get(o, kind, &state_of_##name, sizeof(type));	\
	}								\
	static int set_##name(struct object *o)				\
	{								\
		return set(o, kind, &state_of_##name, sizeof(type));	\
	}								\
	FAULT_TEST(state_get_##name, NULL, get_##name)			\
	FAULT_TEST(state_set_##name, get_##name, set_##name)

STATE_TESTS(regs, LODGE_STATE_REGS, struct lodge_regs)
STATE_TESTS(sregs, LODGE_STATE_SREGS, struct lodge_sregs)
STATE_TESTS(xsave, LODGE_STATE_XSAVE, struct lodge_xsave)
STATE_TESTS(lapic, LODGE_STATE_LAPIC, struct lodge_lapic_state)
STATE_TESTS(events, LODGE_STATE_EVENTS, struct lodge_events)
STATE_TESTS(debug, LODGE_STATE_DEBUG, struct lodge_debugregs)
STATE_TESTS(guest_debug, LODGE_STATE_GUEST_DEBUG, struct lodge_guest_debug)
STATE_TESTS(ioapic, LODGE_STATE_IOAPIC, struct lodge_ioapic_state)
STATE_TESTS(pic, LODGE_STATE_PIC, struct lodge_pic_state)
STATE_TESTS(pit, LODGE_STATE_PIT, struct lodge_pit_state)

static int move_msrs(struct object *o)
{
	struct lodge_msrs msrs = {
		.count = 2, .entries = { { .index = 0x277 }, { .index = 0x1b } },
	};
	int ret = vcpu_get(o->c, LODGE_STATE_MSRS, &msrs, sizeof(msrs));

	return ret ?: vcpu_set(o->c, LODGE_STATE_MSRS, &msrs, sizeof(msrs));
}

static int get_cpuid(struct object *o)
{
	struct lodge_cpuid leaf = { .leaf = 1 };

	return vcpu_get(o->c, LODGE_STATE_CPUID, &leaf, sizeof(leaf));
}

FAULT_TEST(state_msrs, NULL, move_msrs)
FAULT_TEST(state_get_cpuid, NULL, get_cpuid)

/* ---- Running ---- */

static int unexpected(struct object *o)
{
	fprintf(stderr, "# unexpected %s\n", guest_describe(o->c));
	return -EPROTO;
}

/* To the end of the guest, or to memory that cannot be had now. */
static int call_run(struct object *o)
{
	struct lodge_run *run = o->c->run;
	int ret;

	for (;;) {
		ret = vcpu_run(o->c);
		if (ret)
			return ret;
		switch (run->exit_reason) {
		case LODGE_EXIT_MEMORY:
			return -run->memory.error;
		case LODGE_EXIT_MMIO:
			if (!run->mmio.is_write)
				memset(run->mmio.data, 0x5a, 8);
			break;
		case LODGE_EXIT_IO:
			if (run->io.port == PORT_DONE)
				return 0;
			run->io.data = 0x5a;
			if (run->io.port != PORT_TEST)
				return unexpected(o);
			break;
		default:
			return unexpected(o);
		}
	}
}

static int start(struct object *o, void (*fn)(u64 arg))
{
	int ret = call_set(o);

	vcpu_start64(o->c, fn, 0);
	return ret;
}

static void memory_guest(u64 arg)
{
	u64 gpa, sum = 0;

	for (gpa = SLOT; gpa < SLOT + 2 * MIB; gpa += MIB / 2) {
		sum += *(volatile u64 *)(gpa + 4096);
		*(volatile u64 *)gpa = gpa;
	}
	GUEST_EQ(0, sum);
	GUEST_EQ(SLOT + MIB, *(volatile u64 *)(SLOT + MIB));
}

static int prepare_memory(struct object *o)
{
	return start(o, memory_guest);
}

static int prepare_huge(struct object *o)
{
	/* Where the kernel has none, small pages do. */
	madvise(o->mem, 2 * MIB, MADV_HUGEPAGE);
	return start(o, memory_guest);
}

static void device_guest(u64 arg)
{
	u32 value;

	*(volatile u32 *)G_MMIO = 1;
	value = *(volatile u32 *)G_MMIO;
	GUEST_EQ(0x5a5a5a5a, value);
	out8(PORT_TEST, 1);
	GUEST_EQ(0x5a, in8(PORT_TEST));
}

static int prepare_device(struct object *o)
{
	return start(o, device_guest);
}

/* Memory that only the module touches, for what it emulates. */
static void emulated_guest(u64 arg)
{
	u64 to = SLOT + 8, from = SLOT + MIB;
	u64 count = 2;

	asm volatile("rep movsl" : "+D" (to), "+S" (from), "+c" (count)
		     : : "memory");
	from = G_MMIO;
	to = SLOT + MIB / 2 + 4090;		/* and into the next page */
	count = 4;
	asm volatile("rep movsl" : "+D" (to), "+S" (from), "+c" (count)
		     : : "memory");
	from = SLOT + MIB + MIB / 2;
	to = G_MMIO;
	count = 2;
	asm volatile("rep movsq" : "+D" (to), "+S" (from), "+c" (count)
		     : : "memory");
	from = SLOT + 3 * 4096;
	count = 3;
	asm volatile("rep outsb" : "+S" (from), "+c" (count)
		     : "d" (PORT_TEST) : "memory");
	to = SLOT + 5 * 4096;
	count = 3;
	asm volatile("rep insb" : "+D" (to), "+c" (count)
		     : "d" (PORT_TEST) : "memory");
	GUEST_EQ(0x5a, *(volatile u8 *)(SLOT + 5 * 4096 + 2));
	GUEST_EQ(0x5a, *(volatile u8 *)(SLOT + MIB / 2 + 4105));
}

static int prepare_emulated(struct object *o)
{
	return start(o, emulated_guest);
}

static void clock_guest(u64 arg)
{
	volatile u32 *clock = (volatile u32 *)(SLOT + 64);

	wrmsr(0x4b564d01, (SLOT + 64) | 1);
	wrmsr(0x4b564d00, SLOT + MIB);
	while (!*clock || *clock & 1)
		guest_relax();
}

static int prepare_clock(struct object *o)
{
	return start(o, clock_guest);
}

static void timer_guest(u64 arg)
{
	guest_handlers[0x40] = guest_count;
	guest_x2apic_on();
	x2apic_write(APIC_LVT_TIMER, 0x40);
	x2apic_write(APIC_TMICT, 100000);
	while (!guest_counts[0x40])
		guest_sleep();
	ioapic_set(3, 0x41 | IOAPIC_MASKED);
	x2apic_write(APIC_SELF_IPI, 0x40);
	while (guest_counts[0x40] < 2)
		guest_irq_window();
}

static int prepare_timer(struct object *o)
{
	return start(o, timer_guest);
}

FAULT_TEST(run_page_faults, prepare_memory, call_run)
FAULT_TEST(run_huge_pages, prepare_huge, call_run)
FAULT_TEST(run_mmio_and_ports, prepare_device, call_run)
FAULT_TEST(run_emulation, prepare_emulated, call_run)
FAULT_TEST(run_paravirtual_clock, prepare_clock, call_run)
FAULT_TEST(run_timer_and_interrupts, prepare_timer, call_run)

/* ---- The module itself ---- */

static int load_with_fault(unsigned int nth, bool *used)
{
	int ret;

	arm(nth);
	ret = module_load();
	*used = disarm();
	return ret;
}

TEST(loading_the_module)
{
	unsigned int nth, low = 1, high = 1 << 14, failures = 0;
	struct object o;
	bool used;
	int ret;

	if (access(MODULE, R_OK))
		SKIP_TEST("there is no " MODULE " to load again");
	faults_init();
	ASSERT_TRUE(module_unused());
	ASSERT_EQ(0, module_unload());

	/* How many allocations are there?  Those of the module come last. */
	while (low < high) {
		nth = (low + high) / 2;
		ret = load_with_fault(nth, &used);
		if (!ret)
			ASSERT_EQ(0, module_unload());
		if (used)
			low = nth + 1;
		else
			high = nth;
	}
	printf("# module_load: %u faults in all\n", low - 1);
	nth = low > LOAD_OWN ? low - LOAD_OWN : 1;
	for (; nth < low + 20; nth++) {
		ret = load_with_fault(nth, &used);
		if (ret) {
			failures++;
			EXPECT_EQ(-ENOMEM, ret) {
				TH_LOG("with fault %u", nth);
			}
			EXPECT_NE(0, access("/sys/module/lodge", F_OK));
			ASSERT_EQ(0, module_load());
		}
		ASSERT_TRUE(WAIT_FOR(!access("/dev/lodge", F_OK), 5000));
		object_create(&o);
		vcpu_start64(o.c, adder, 2);
		ASSERT_GUEST(GUEST_DONE, o.c);
		object_free(&o);
		ASSERT_TRUE(module_unused());
		if (nth + 1 < low + 20)
			ASSERT_EQ(0, module_unload());
		if (!used)
			break;
	}
	printf("# module_load: %u of the last %u failed\n", failures, LOAD_OWN);
	if (access("/sys/module/lodge", F_OK))
		ASSERT_EQ(0, module_load());
}

LODGE_TEST_MAIN_AFTER(require_faults)
