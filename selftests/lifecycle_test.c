// SPDX-License-Identifier: GPL-2.0-only
/*
 * How guests end: their keeper forks, execs, is stopped, is killed at any
 * moment; CPUs come and go beneath them; the module stays while it is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness.h"
#include "sys.h"

#define KILLS		60

static volatile u64 laps;
static volatile u64 quit;

/* Exits of several kinds, memory, and no end. */
static void busy_guest(u64 arg)
{
	u32 a, b, c, d;

	while (!READ(quit)) {
		cpuid(0, 0, &a, &b, &c, &d);
		laps++;
		*(volatile u64 *)(G_FREE + (laps * 4096) % 0x200000) = laps;
	}
}

/* No exit of its own, no interrupt. */
static void deaf_guest(u64 arg)
{
	guest_irq_off();
	for (;;)
		WRITE(laps, READ(laps) + 1);
}

static void halted_guest(u64 arg)
{
	for (;;)
		asm volatile("cli; hlt");
}

/* In a child: a VM with two vCPUs that run for ever. */
static void keeper(void (*fn)(u64 arg), int ready)
{
	struct vm *vm = vm_create();
	struct vcpu *c;
	int i;

	/* Nobody may be waiting for the word. */
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 2; i++) {
		c = vcpu_create(vm, i);
		vcpu_start64(c, fn, 0);
		if (i)
			vcpu_set_mp(c, LODGE_MP_RUNNABLE);
		vcpu_thread_start(c);
	}
	if (write(ready, "x", 1) != 1 && errno != EPIPE)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_keeper(void (*fn)(u64 arg), bool wait)
{
	int fds[2];
	char x;
	pid_t pid;

	CHECK(pipe2(fds, O_CLOEXEC));
	pid = CHECK(fork());
	if (!pid) {
		close(fds[0]);
		keeper(fn, fds[1]);
	}
	close(fds[1]);
	if (wait && read(fds[0], &x, 1) != 1)
		die(__FILE__, __LINE__, "the keeper did not start");
	close(fds[0]);
	return pid;
}

static int end_keeper(pid_t pid)
{
	int status;

	CHECK(kill(pid, SIGKILL));
	CHECK(waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

TEST(killed_at_any_moment)
{
	void (*const guests[])(u64 arg) = { busy_guest, deaf_guest, halted_guest };
	int i;

	for (i = 0; i < KILLS; i++) {
		/* Some before they are ready, some long after. */
		pid_t pid = start_keeper(guests[i % 3], i % 2);

		usleep(random64() % 30000);
		EXPECT_EQ(SIGKILL, end_keeper(pid));
	}
	EXPECT_TRUE(module_unused());
}

TEST(stopped_and_continued)
{
	pid_t pid = start_keeper(busy_guest, true);
	int i, status;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, kill(pid, SIGSTOP));
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		usleep(random64() % 5000);
		ASSERT_EQ(0, kill(pid, SIGCONT));
		usleep(random64() % 5000);
	}
	EXPECT_EQ(SIGKILL, end_keeper(pid));
	EXPECT_TRUE(module_unused());
}

TEST(stopped_guest_goes_on_afterwards)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	u64 before;
	int i;

	kick_init();
	vcpu_start64(c, busy_guest, 0);
	vcpu_thread_start(c);
	for (i = 0; i < 50; i++) {
		before = GUEST(vm, laps);
		EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
		vcpu_thread_start(c);
		ASSERT_TRUE(WAIT_FOR(GUEST(vm, laps) > before, 5000));
	}
	GUEST(vm, quit) = 1;
	EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c, 10000));
	vm_free(vm);
}

TEST(deaf_guest_can_be_interrupted)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	kick_init();
	vcpu_start64(c, deaf_guest, 0);
	vcpu_thread_start(c);
	ASSERT_TRUE(WAIT_FOR(GUEST(vm, laps) > 1000, 5000));
	EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
	vm_free(vm);
}

/* A guest that spins does not keep others from running on its CPU. */
TEST(deaf_guest_shares_its_cpu)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	cpu_set_t one, all;
	u64 begin;
	int i;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	CPU_SET(cpu_nr(0), &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	kick_init();
	vcpu_start64(c, deaf_guest, 0);
	vcpu_thread_start(c);
	begin = now_ns();
	for (i = 0; i < 20; i++)
		sleep_ms(1);
	EXPECT_LT(now_ns() - begin, 10000000000ULL);
	EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(all), &all));
	vm_free(vm);
}

TEST(forked_child_is_refused_and_harmless)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	int status;
	pid_t pid;

	vcpu_start64(c, busy_guest, 0);
	vcpu_thread_start(c);
	ASSERT_TRUE(WAIT_FOR(GUEST(vm, laps) > 10, 5000));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct lodge_create_vcpu args = { .size = sizeof(args), .id = 3 };

		if (ioctl(vm->fd, LODGE_CREATE_VCPU, &args) != -1 || errno != EIO)
			_exit(1);
		if (ioctl(c->fd, LODGE_RUN, 0) != -1 || errno != EIO)
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	GUEST(vm, quit) = 1;
	EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c, 10000));
	vm_free(vm);
}

TEST(exec_closes_all)
{
	int status;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		struct vm *vm = vm_create();
		struct vcpu *c = vcpu_create(vm, 0);

		vcpu_start64(c, busy_guest, 0);
		vcpu_thread_start(c);
		execl("/bin/sh", "sh", "-c",
		      "test \"$(cat " REFCNT ")\" = 0 || sleep 1; test \"$(cat " REFCNT ")\" = 0",
		      (char *)NULL);
		_exit(9);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST(descriptors_close_in_any_order)
{
	struct lodge_create_vm create = { .size = sizeof(create) };
	struct lodge_create_vcpu args = { .size = sizeof(args) };
	int dev = lodge_open(), vm, vcpu;

	vm = CHECK(ioctl(dev, LODGE_CREATE_VM, &create));
	vcpu = CHECK(ioctl(vm, LODGE_CREATE_VCPU, &args));
	close(dev);
	close(vm);
	/* The VM lives on in its vCPU; without memory it cannot get far. */
	EXPECT_EQ(0, ioctl(vcpu, LODGE_RUN, 0));
	close(vcpu);
	EXPECT_TRUE(module_unused());
}

TEST(many_vms_come_and_go)
{
	int i, n = 300 / slowness();
	long before, after;

	/* The first ones fill caches. */
	for (i = 0; i < 20; i++)
		vm_free(vm_create());
	ASSERT_TRUE(module_unused());
	before = sysconf(_SC_AVPHYS_PAGES);
	for (i = 0; i < n; i++) {
		struct vm *vm = vm_create();
		struct vcpu *c = vcpu_create(vm, 0);

		GUEST(vm, quit) = 1;
		vcpu_start64(c, busy_guest, 0);
		ASSERT_GUEST(GUEST_DONE, c);
		vm_free(vm);
	}
	ASSERT_TRUE(module_unused());
	after = sysconf(_SC_AVPHYS_PAGES);
	/* A leak of one page a VM would be n pages; noise is below 32 MiB. */
	EXPECT_LT(before - after, 8192);
}

TEST(module_stays_while_in_use)
{
	struct vm *vm;

	if (access(MODULE, R_OK))
		SKIP_TEST("there is no " MODULE " to load again");
	ASSERT_TRUE(module_unused());

	vm = vm_create();
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	vm_free(vm);
	ASSERT_TRUE(module_unused());

	ASSERT_EQ(0, module_unload());
	EXPECT_NE(0, access("/dev/lodge", F_OK));
	ASSERT_EQ(0, module_load());
	ASSERT_TRUE(WAIT_FOR(!access("/dev/lodge", F_OK), 5000));
	vm = vm_create();
	vm_free(vm);
}

TEST(cpus_come_and_go_under_a_guest)
{
	struct vm *vm;
	struct vcpu *c[2];
	u64 before;
	int i;

	if (!last_cpu_can_leave())
		SKIP_TEST("there is no second CPU that can go off line");
	vm = vm_create();
	for (i = 0; i < 2; i++) {
		c[i] = vcpu_create(vm, i);
		vcpu_start64(c[i], busy_guest, 0);
		if (i)
			vcpu_set_mp(c[i], LODGE_MP_RUNNABLE);
		vcpu_thread_start(c[i]);
	}
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, write_text(last_cpu_online(), i % 2 ? "1" : "0"));
		before = GUEST(vm, laps);
		EXPECT_TRUE(WAIT_FOR(GUEST(vm, laps) > before + 100, 5000));
	}
	GUEST(vm, quit) = 1;
	for (i = 0; i < 2; i++)
		EXPECT_EQ(GUEST_DONE, vcpu_thread_wait(c[i], 10000));
	vm_free(vm);
}

/* One that comes online while a VM exists must be able to run vCPUs. */
TEST(vm_made_while_a_cpu_is_away)
{
	struct vm *vm;
	struct vcpu *c;
	cpu_set_t one;

	if (!last_cpu_can_leave())
		SKIP_TEST("there is no second CPU that can go off line");
	ASSERT_EQ(0, write_text(last_cpu_online(), "0"));
	vm = vm_create();
	ASSERT_EQ(0, write_text(last_cpu_online(), "1"));
	CPU_ZERO(&one);
	CPU_SET(cpu_nr(nr_cpus() - 1), &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	c = vcpu_create(vm, 0);
	GUEST(vm, quit) = 1;
	vcpu_start64(c, busy_guest, 0);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* How often the CPU has told where an NMI found it, by the kernel's log. */
static int backtraces(int kmsg, int cpu)
{
	static const char found[] = "NMI backtrace for cpu ";
	char line[1024], *p;
	ssize_t len;
	int count = 0;

	while ((len = read(kmsg, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		line[len] = '\0';
		p = strstr(line, found);
		if (p && atoi(p + strlen(found)) == cpu && !strstr(p, "skipped"))
			count++;
	}
	return count;
}

/* An NMI that arrives in a guest is the host's: it is seen to, the guest goes on. */
TEST(nmi_of_the_host)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cpu_set_t one;
	struct vm *vm;
	struct vcpu *c;
	u64 before;
	int i, told = 0;

	if (nr_cpus() < 2)
		SKIP_TEST("it takes two CPUs");
	if (kmsg < 0 || access("/proc/sysrq-trigger", W_OK))
		SKIP_TEST("there is no SysRq, or no /dev/kmsg");
	lseek(kmsg, 0, SEEK_END);
	vm = vm_create();
	c = vcpu_create(vm, 0);
	vcpu_start64(c, deaf_guest, 0);
	vcpu_thread_start(c);
	CPU_ZERO(&one);
	CPU_SET(cpu_nr(1), &one);
	ASSERT_EQ(0, pthread_setaffinity_np(c->thread, sizeof(one), &one));
	CPU_ZERO(&one);
	CPU_SET(cpu_nr(0), &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_TRUE(WAIT_FOR(GUEST(vm, laps) > 1000, 10000));

	/* It asks all CPUs where they are, by NMI; one that is idle just then is skipped. */
	for (i = 0; i < 12 && told < 3; i++) {
		before = GUEST(vm, laps);
		ASSERT_EQ(0, write_text("/proc/sysrq-trigger", "l"));
		EXPECT_TRUE(WAIT_FOR(GUEST(vm, laps) > before + 1000, 10000));
		told += backtraces(kmsg, cpu_nr(1));
	}
	EXPECT_EQ(0, c->result);
	EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
	EXPECT_EQ(3, told);
	vm_free(vm);
	close(kmsg);
}

static bool load_kvm(void)
{
	if (!access("/dev/kvm", R_OK | W_OK))
		return true;
	if (system("modprobe kvm-amd 2>/dev/null || modprobe kvm-intel 2>/dev/null"))
		return false;
	return WAIT_FOR(!access("/dev/kvm", R_OK | W_OK), 5000);
}

static void unload_kvm(void)
{
	int ret = system("rmmod kvm_amd 2>/dev/null; rmmod kvm_intel 2>/dev/null; rmmod kvm 2>/dev/null");

	/* Whether it worked shows in /dev/kvm. */
	(void)ret;
}

/* Root mode has one owner, whoever comes first. */
TEST(kvm_was_first)
{
	struct lodge_create_vm create = { .size = sizeof(create) };
	struct lodge_info info = { .size = sizeof(info) };
	int kvm, kvm_vm, dev, vm;

	ASSERT_TRUE(module_unused());
	if (!load_kvm())
		SKIP_TEST("there is no KVM to load");
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_GE(kvm, 0);
	kvm_vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ASSERT_GE(kvm_vm, 0);

	dev = lodge_open();
	EXPECT_ERRNO(EBUSY, ioctl(dev, LODGE_CREATE_VM, &create));
	ASSERT_EQ(0, ioctl(dev, LODGE_GET_INFO, &info));
	EXPECT_EQ(EBUSY, info.vm_error);
	EXPECT_NE(0, strlen(info.reason));

	close(kvm_vm);
	close(kvm);
	/* Newer kernels' KVM holds on to it until its module is gone. */
	WAIT_FOR((unload_kvm(), access("/dev/kvm", F_OK)), 5000);
	vm = ioctl(dev, LODGE_CREATE_VM, &create);
	EXPECT_GE(vm, 0);
	close(vm);
	close(dev);
}

TEST(kvm_comes_second)
{
	struct vm *vm;
	struct vcpu *c;
	int kvm;

	ASSERT_TRUE(module_unused());
	vm = vm_create();
	c = vcpu_create(vm, 0);
	/* Either its module does not load, or it cannot make a VM. */
	if (load_kvm()) {
		kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		ASSERT_GE(kvm, 0);
		EXPECT_EQ(-1, ioctl(kvm, KVM_CREATE_VM, 0));
		close(kvm);
	}
	GUEST(vm, quit) = 1;
	vcpu_start64(c, busy_guest, 0);
	EXPECT_EQ(GUEST_DONE, guest_run(c));
	vm_free(vm);
	unload_kvm();
}

/* What a guest uses is charged to its keeper's cgroup. */
TEST(memory_is_charged)
{
	static const char group[] = "/sys/fs/cgroup/lodge-test";
	long before, after;
	char path[128], text[32];
	int status;
	pid_t pid;

	if (mkdir(group, 0755) ||
	    write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory"))
		SKIP_TEST("there is no cgroup v2 with the memory controller");
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct vm *vm[100];
		int i;

		snprintf(path, sizeof(path), "%s/cgroup.procs", group);
		snprintf(text, sizeof(text), "%d", getpid());
		if (write_text(path, text))
			_exit(1);
		snprintf(path, sizeof(path), "%s/memory.current", group);
		before = read_number(path);
		/* Not the slots' memory, which is the process's anyhow. */
		for (i = 0; i < 100; i++) {
			vm[i] = vm_new();
			vcpu_create(vm[i], 0);
		}
		after = read_number(path);
		/*
		 * Each has at least a root table, a control block and two more
		 * pages; the kernel counts in steps of up to 256 KiB.
		 */
		_exit(after - before >= 1000000 ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	rmdir(group);
}

LODGE_TEST_MAIN
