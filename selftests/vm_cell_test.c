// SPDX-License-Identifier: GPL-2.0-only
/*
 * A wall around the process that runs a VM: it uses what it has opened before,
 * runs its guest, and can do nothing else.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "cell_fixture.h"
#include "netlink_fixture.h"
#include "sys.h"
#include "uapi_fixture.h"

#define OTHER_FILE	"/tmp/cell-test-other"
#define NAME		"walled-vm"

/**
 * struct vmm - a process with a VM, that does what it is told
 * @pid: the process
 * @dev: /dev/lodge, which it has as well
 * @vm: its VM's descriptor, here
 * @file: a file that it is given
 * @other: a file that has leaked into it
 * @given: its end of a pair of sockets, and ours, that it is given
 * @leaked: the same, not given
 * @commands: letters for it
 * @answers: an errno for each
 * @rules: what it is given
 * @policy: with these rules
 * @args: for LODGE_CREATE_CELL
 */
struct vmm {
	pid_t pid;
	int dev;
	int vm;
	int file;
	int other;
	int given[2];
	int leaked[2];
	int commands[2];
	int answers[2];
	struct lodge_cell_rule rules[2];
	struct lodge_policy policy;
	struct lodge_create_cell args;
};

enum {
	DO_PING = 'p',
	DO_RUN = 'g',		/* its guest, to the end */
	DO_THREAD = 't',
	DO_USE_FILE = 'f',
	DO_USE_SOCKET = 's',
	DO_WRITE_FILE = 'w',	/* which it may read */
	DO_OPEN = 'o',
	DO_USE_LEAKED_FILE = 'F',
	DO_USE_LEAKED_SOCKET = 'S',
	DO_MAKE_SOCKET = 'm',
	DO_RENICE = 'r',	/* of its process group, in which the test is */
	DO_MAKE_VM = 'v',
	DO_NNP = 'n',
	DO_EXIT = 'x',
};

static void guest_adds(u64 arg)
{
	guest_report(arg + 1);
}

static void *do_nothing(void *arg)
{
	return arg;
}

static int result(long value)
{
	return value < 0 ? errno : 0;
}

static int use_socket(int fd)
{
	char byte = 0;

	return result(send(fd, &byte, 1, MSG_NOSIGNAL)) ?:
	       result(recv(fd, &byte, 1, MSG_DONTWAIT));
}

static int start_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, do_nothing, NULL) ?:
	       pthread_join(thread, NULL);
}

static int run_guest(struct vcpu *c)
{
	vcpu_start64(c, guest_adds, 41);
	return guest_run(c) == GUEST_REPORT && c->value == 42 ? 0 : 255;
}

static int obey(const struct vmm *v, struct vm *vm, unsigned char command)
{
	struct lodge_create_vm args = { .size = sizeof(args) };
	char text[8];

	switch (command) {
	case DO_PING:
		return 0;
	case DO_RUN:
		return run_guest(&vm->vcpus[0]);
	case DO_THREAD:
		return start_thread();
	case DO_USE_FILE:
		return result(pread(v->file, text, sizeof(text), 0));
	case DO_USE_SOCKET:
		return use_socket(v->given[0]);
	case DO_WRITE_FILE:
		return result(pwrite(v->file, "x", 1, 0));
	case DO_OPEN:
		return result(open(OTHER_FILE, O_RDONLY | O_CLOEXEC));
	case DO_USE_LEAKED_FILE:
		return result(pread(v->other, text, sizeof(text), 0));
	case DO_USE_LEAKED_SOCKET:
		return use_socket(v->leaked[0]);
	case DO_MAKE_SOCKET:
		return result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	case DO_RENICE:
		return result(setpriority(PRIO_PGRP, 0, 0));
	case DO_MAKE_VM:
		return result(ioctl(v->dev, LODGE_CREATE_VM, &args));
	case DO_NNP:
		return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	case DO_EXIT:
		_exit(3);
	default:
		return 255;
	}
}

static void vmm_run(const struct vmm *v)
{
	unsigned char command, answer;
	struct vm *vm;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(v->commands[1]);
	vm = vm_create_named(NAME);
	vcpu_create(vm, 0);
	if (write(v->answers[1], &vm->fd, sizeof(vm->fd)) != sizeof(vm->fd))
		_exit(1);
	while (read(v->commands[0], &command, 1) == 1) {
		answer = obey(v, vm, command);
		if (write(v->answers[1], &answer, 1) != 1)
			break;
	}
	_exit(7);
}

/* It is given @file, or HOST_FILE for -1. */
static void vmm_create_with(struct vmm *v, int file)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID,
		.exit_signal = SIGCHLD,
	};
	int fd, pidfd;

	memset(v, 0, sizeof(*v));
	v->dev = lodge_open();
	v->file = file >= 0 ? file :
		  CHECK(open(HOST_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	v->other = CHECK(open(OTHER_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v->given));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v->leaked));
	CHECK(write(v->given[1], "..........", 10));
	CHECK(write(v->leaked[1], "..........", 10));
	CHECK(pipe2(v->commands, O_CLOEXEC));
	CHECK(pipe2(v->answers, O_CLOEXEC));
	v->pid = CHECK(syscall(SYS_clone3, &args, sizeof(args)));
	if (!v->pid)
		vmm_run(v);
	if (read(v->answers[0], &fd, sizeof(fd)) != sizeof(fd))
		die(__FILE__, __LINE__, "no VM");
	pidfd = CHECK(syscall(SYS_pidfd_open, v->pid, 0));
	v->vm = CHECK(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
	close(pidfd);
	v->rules[0].kind = LODGE_RULE_TREE;
	v->rules[0].access = LODGE_ACCESS_READ;
	v->rules[0].fd = v->file;
	v->rules[1].kind = LODGE_RULE_TREE;
	v->rules[1].access = LODGE_ACCESS_READ | LODGE_ACCESS_WRITE;
	v->rules[1].fd = v->given[0];
	v->policy.size = sizeof(v->policy);
	v->policy.rules = (u64)v->rules;
	v->policy.nr_rules = ARRAY_SIZE(v->rules);
	v->args.size = sizeof(v->args);
	v->args.flags = LODGE_CELL_VM;
	v->args.pid = v->pid;
	v->args.cgroup = -1;
	v->args.policy = (u64)&v->policy;
	v->args.vm = v->vm;
}

static void vmm_create(struct vmm *v)
{
	vmm_create_with(v, -1);
}

/* What it answers, which is an errno, or 256 if it has gone */
static int vmm_do(const struct vmm *v, unsigned char command)
{
	unsigned char answer;

	CHECK(write(v->commands[1], &command, 1));
	return read(v->answers[0], &answer, 1) == 1 ? answer : 256;
}

static int vmm_wall(struct vmm *v)
{
	return ioctl(v->dev, LODGE_CREATE_CELL, &v->args);
}

/* Only the process has its VM from here on, as with lodge run. */
static int vmm_wall_and_let_go(struct vmm *v)
{
	int fd = vmm_wall(v);

	close(v->vm);
	v->vm = -1;
	close(v->answers[1]);
	v->answers[1] = -1;
	return fd;
}

/* Return: its wait status */
static int vmm_free(struct vmm *v)
{
	const int fds[] = {
		v->dev, v->vm, v->file, v->other, v->given[0], v->given[1],
		v->leaked[0], v->leaked[1], v->commands[0], v->commands[1],
		v->answers[0], v->answers[1],
	};
	int status = 0, i;

	kill(v->pid, SIGKILL);
	waitpid(v->pid, &status, 0);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return status;
}

FIXTURE(vm_cell) {
	struct vmm v;
	struct nl nl;
	int fd;
};

FIXTURE_SETUP(vm_cell)
{
	nl_open(&self->nl);
	vmm_create(&self->v);
	self->fd = -1;
}

FIXTURE_TEARDOWN(vm_cell)
{
	if (self->fd >= 0)
		close(self->fd);
	vmm_free(&self->v);
	nl_close(&self->nl);
	/* The burial comes a moment after the last process. */
	EXPECT_TRUE(WAIT_FOR(module_unused(), 10000));
}

#define EXPECT_REFUSED(err)						\
	EXPECT_ERRNO(err, vmm_wall(&self->v))

TEST_F(vm_cell, create_size)
{
	/* Good, but for the process: it cannot be walled in twice. */
	self->v.args.pid = getpid();
	SIZE_RULES_GROWN(self->v.dev, LODGE_CREATE_CELL, self->v.args,
			 offsetof(struct lodge_create_cell, vm), -ECHILD);
}

TEST_F(vm_cell, create_arguments)
{
	struct lodge_create_cell good = self->v.args;
	struct lodge_create_cell *args = &self->v.args;
	struct vm *mine;

	args->flags = LODGE_CELL_VM << 1;
	EXPECT_REFUSED(EINVAL);
	args->flags = LODGE_CELL_VM | 1U << 31;
	EXPECT_REFUSED(EINVAL);
	*args = good;
	args->reserved = 1;
	EXPECT_REFUSED(EINVAL);
	*args = good;
	strcpy(args->name, "another");
	EXPECT_REFUSED(EINVAL);
	*args = good;
	args->vm = -1;
	EXPECT_REFUSED(EBADF);
	args->vm = 1 << 20;
	EXPECT_REFUSED(EBADF);
	args->vm = self->v.dev;
	EXPECT_REFUSED(EINVAL);
	args->vm = self->v.file;
	EXPECT_REFUSED(EINVAL);
	/* A VM of somebody else's */
	mine = vm_create_named("mine");
	args->vm = mine->fd;
	EXPECT_REFUSED(EINVAL);
	vm_free(mine);
	*args = good;
	args->cgroup = -2;
	EXPECT_REFUSED(EBADF);
	args->cgroup = self->v.file;
	EXPECT_REFUSED(EBADF);
	*args = good;
	args->pid = getpid();
	EXPECT_REFUSED(ECHILD);
	args->pid = 0x3fffffff;
	EXPECT_REFUSED(ESRCH);
	*args = good;
	args->policy = 0;
	EXPECT_REFUSED(EFAULT);
	/* Without the flag, a VM makes no sense, and a cgroup is a must. */
	*args = good;
	args->flags = 0;
	EXPECT_REFUSED(EINVAL);
	args->vm = 0;
	EXPECT_REFUSED(EBADF);
	/* None of this has left anything behind. */
	EXPECT_EQ(0, vmm_do(&self->v, DO_OPEN));
}

TEST_F(vm_cell, create_twice)
{
	self->fd = vmm_wall(&self->v);
	ASSERT_LE(0, self->fd);
	EXPECT_REFUSED(EBUSY);
	EXPECT_EQ(0, vmm_do(&self->v, DO_PING));
}

/* One without rights may wall in what runs his VM, if that gets none either. */
TEST_F(vm_cell, create_as_nobody)
{
	CHECK(seteuid(65534));
	EXPECT_REFUSED(EPERM);
	EXPECT_EQ(0, vmm_do(&self->v, DO_NNP));
	self->fd = vmm_wall(&self->v);
	EXPECT_LE(0, self->fd);
	CHECK(seteuid(0));
	EXPECT_EQ(EACCES, vmm_do(&self->v, DO_OPEN));
	EXPECT_EQ(0, vmm_do(&self->v, DO_RUN));
}

static void count_guests(struct nlattr **attrs, void *arg)
{
	++*(int *)arg;
}

static void take_init_pid(struct nlattr **attrs, void *arg)
{
	*(u32 *)arg = nl_get_u32(attrs[LODGE_A_GUEST_INIT_PID]);
}

static int nr_guests(struct nl *nl)
{
	int count = 0;

	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	return nl_call(nl, count_guests, &count) < 0 ? -1 : count;
}

TEST_F(vm_cell, registry)
{
	int before = nr_guests(&self->nl);
	u32 init_pid = 0;
	struct info info;

	ASSERT_EQ(1, get_by_name(&self->nl, NAME, &info));
	EXPECT_EQ(self->v.pid, info.pid);
	EXPECT_EQ(LODGE_GUEST_STATE_CREATED, info.state);
	self->fd = vmm_wall(&self->v);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(before, nr_guests(&self->nl));
	ASSERT_EQ(1, get_by_name(&self->nl, NAME, &info));
	EXPECT_EQ(getpid(), info.pid);
	EXPECT_EQ(1, info.vcpus);
	/* A wall alone does not make it run. */
	EXPECT_EQ(LODGE_GUEST_STATE_CREATED, info.state);
	EXPECT_EQ(0, vmm_do(&self->v, DO_RUN));
	ASSERT_EQ(1, get_by_name(&self->nl, NAME, &info));
	EXPECT_EQ(LODGE_GUEST_STATE_RUNNING, info.state);
	nl_begin(&self->nl, LODGE_CMD_GUEST_GET, 0);
	nl_string(&self->nl, LODGE_A_GUEST_NAME, NAME);
	ASSERT_EQ(1, nl_call(&self->nl, take_init_pid, &init_pid));
	EXPECT_EQ(self->v.pid, init_pid);
}

/* What the wall refuses, and the hook that does */
static const struct {
	char command;
	int error;
	const char *hook;
} refused[] = {
	{ DO_WRITE_FILE, EACCES, "security_file_permission" },
	{ DO_OPEN, EACCES, "security_file_open" },
	{ DO_USE_LEAKED_FILE, EACCES, "security_file_permission" },
	{ DO_USE_LEAKED_SOCKET, EACCES, "security_socket_sendmsg" },
	{ DO_MAKE_SOCKET, EACCES, "security_socket_create" },
	{ DO_RENICE, EPERM, "security_task_setnice" },
	{ DO_MAKE_VM, EACCES, "security_file_ioctl" },
};

static const char allowed[] = {
	DO_USE_FILE, DO_USE_SOCKET, DO_THREAD, DO_RUN,
};

static bool is_denied_by(struct nl *nl, const char *hook)
{
	struct nlattr *attrs[NL_MAX_ATTRS], *denial[NL_MAX_ATTRS];
	int cmd;

	do {
		cmd = nl_event(nl, 2000 * patience(), attrs);
		if (cmd != LODGE_CMD_DENIAL_NTF ||
		    strcmp(nl_get_string(attrs[LODGE_A_EVENT_GUEST_NAME]), NAME))
			continue;
		nl_nested(attrs[LODGE_A_EVENT_DENIAL], denial);
		if (!strcmp(nl_get_string(denial[LODGE_A_DENIAL_HOOK]), hook))
			return true;
		printf("# by %s, not %s\n",
		       nl_get_string(denial[LODGE_A_DENIAL_HOOK]), hook);
	} while (cmd > 0);
	return false;
}

TEST_F(vm_cell, stands)
{
	int i;

	/* Before, all of it works. */
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		EXPECT_EQ(0, vmm_do(&self->v, refused[i].command));
	self->fd = vmm_wall(&self->v);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, nl_join(&self->nl));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(refused[i].error, vmm_do(&self->v, refused[i].command));
		EXPECT_TRUE(is_denied_by(&self->nl, refused[i].hook));
	}
	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		EXPECT_EQ(0, vmm_do(&self->v, allowed[i]));
}

/* The host's file system may be an overlay: what is beneath is given with it. */
TEST_F(vm_cell, overlay)
{
	static const char *const folders[] = { "/tmp/cell-a", "/tmp/cell-b", "/tmp/cell-o" };
	struct vmm *v = &self->v;
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(folders); i++)
		mkdir(folders[i], 0755);
	fd = CHECK(open("/tmp/cell-a/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	CHECK(write(fd, "text", 4));
	close(fd);
	if (mount("overlay", folders[2], "overlay", 0,
		  "lowerdir=/tmp/cell-a:/tmp/cell-b"))
		SKIP_TEST("no overlays here");
	/* In the place of another file that it has already */
	fd = CHECK(open("/tmp/cell-o/file", O_RDONLY | O_CLOEXEC));
	vmm_free(v);
	vmm_create_with(v, fd);
	self->fd = vmm_wall(v);
	EXPECT_LE(0, self->fd);
	EXPECT_EQ(0, vmm_do(v, DO_USE_FILE));
	EXPECT_EQ(EACCES, vmm_do(v, DO_USE_LEAKED_FILE));
	close(self->fd);
	self->fd = -1;
	vmm_free(v);
	/* The policy holds it until the burial. */
	EXPECT_TRUE(WAIT_FOR(!umount(folders[2]), 10000));
	vmm_create(v);
}

static void take_mode(struct nlattr **attrs, void *arg)
{
	*(u32 *)arg = nl_get_u32(attrs[LODGE_A_POLICY_MODE]);
}

static int get_mode(struct nl *nl)
{
	u32 mode = -1;
	int ret;

	nl_begin(nl, LODGE_CMD_POLICY_GET, 0);
	nl_string(nl, LODGE_A_POLICY_NAME, NAME);
	ret = nl_call(nl, take_mode, &mode);
	return ret < 0 ? ret : (int)mode;
}

static void begin_set(struct nl *nl)
{
	nl_begin(nl, LODGE_CMD_POLICY_SET, 0);
	nl_string(nl, LODGE_A_POLICY_NAME, NAME);
}

TEST_F(vm_cell, policy)
{
	struct nl *nl = &self->nl;
	int i;

	EXPECT_EQ(-EOPNOTSUPP, get_mode(nl));
	self->fd = vmm_wall(&self->v);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(LODGE_POLICY_MODE_ENFORCE, get_mode(nl));
	begin_set(nl);
	nl_u32(nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_COMPLAIN);
	EXPECT_LE(0, nl_call(nl, NULL, NULL));
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		EXPECT_EQ(0, vmm_do(&self->v, refused[i].command));
	begin_set(nl);
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, LODGE_RIGHT_FILES);
	nl_u32(nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_ENFORCE);
	EXPECT_EQ(-EOPNOTSUPP, nl_call(nl, NULL, NULL));
	begin_set(nl);
	nl_u32(nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_ENFORCE);
	EXPECT_LE(0, nl_call(nl, NULL, NULL));
	EXPECT_EQ(EACCES, vmm_do(&self->v, DO_OPEN));
}

struct both {
	u64 denials;
	bool has_vcpu;
};

static void take_both(struct nlattr **attrs, void *arg)
{
	struct both *both = arg;

	both->denials = nl_get_u64(attrs[LODGE_A_STATS_DENIALS]);
	both->has_vcpu = attrs[LODGE_A_STATS_VCPUS];
}

TEST_F(vm_cell, statistics)
{
	struct both both;

	self->fd = vmm_wall(&self->v);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(EACCES, vmm_do(&self->v, DO_OPEN));
	nl_begin(&self->nl, LODGE_CMD_STATS_GET, 0);
	nl_string(&self->nl, LODGE_A_STATS_NAME, NAME);
	ASSERT_EQ(1, nl_call(&self->nl, take_both, &both));
	EXPECT_EQ(1, both.denials);
	EXPECT_TRUE(both.has_vcpu);
}

TEST_F(vm_cell, close_kills)
{
	struct info info;
	int status;

	ASSERT_EQ(1, get_by_name(&self->nl, NAME, &info));
	self->fd = vmm_wall_and_let_go(&self->v);
	ASSERT_LE(0, self->fd);
	EXPECT_NE(0, module_unload());
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(self->v.pid, waitpid(self->v.pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 5000));
}

/* What happens to the process that runs it is why it ends. */
TEST_F(vm_cell, process_killed)
{
	struct info info;

	ASSERT_EQ(1, get_by_name(&self->nl, NAME, &info));
	self->fd = vmm_wall_and_let_go(&self->v);
	ASSERT_LE(0, self->fd);
	kill(self->v.pid, SIGKILL);
	ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 5000));
	EXPECT_EQ(LODGE_END_REASON_KEEPER_KILLED, info.reason);
	EXPECT_EQ(SIGKILL, info.status);
}

TEST_F(vm_cell, process_exits)
{
	struct info info;

	ASSERT_EQ(1, get_by_name(&self->nl, NAME, &info));
	self->fd = vmm_wall_and_let_go(&self->v);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(256, vmm_do(&self->v, DO_EXIT));
	ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 5000));
	EXPECT_EQ(LODGE_END_REASON_KEEPER_EXITED, info.reason);
	EXPECT_EQ(3, info.status);
	/* It is in the registry no more, and is not walled in a second time. */
	close(self->fd);
	self->fd = -1;
}

TEST_F(vm_cell, ended_before)
{
	struct info info;

	/* Its descriptor outlives it here, but not its address space. */
	ASSERT_EQ(1, get_by_name(&self->nl, NAME, &info));
	close(self->v.answers[1]);
	self->v.answers[1] = -1;
	EXPECT_EQ(256, vmm_do(&self->v, DO_EXIT));
	ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 5000));
	/* Not reaped yet */
	EXPECT_REFUSED(ESRCH);
}

/* The keeper is killed: so is the process, and both have been killed. */
TEST(keeper_killed)
{
	struct info info = {};
	int status, said[2];
	struct nl nl;
	pid_t pid;

	require_lodge();
	CHECK(pipe2(said, O_CLOEXEC));
	pid = CHECK(fork());
	if (!pid) {
		struct vmm v;

		vmm_create(&v);
		if (vmm_wall_and_let_go(&v) < 0 || vmm_do(&v, DO_RUN) ||
		    write(said[1], &v.pid, sizeof(v.pid)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(sizeof(status), read(said[0], &status, sizeof(status)));
	nl_open(&nl);
	ASSERT_EQ(1, get_by_name(&nl, NAME, &info));
	EXPECT_EQ(pid, info.pid);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(WAIT_FOR(has_ended(&nl, info.id, &info), 5000));
	EXPECT_EQ(LODGE_END_REASON_KEEPER_KILLED, info.reason);
	EXPECT_EQ(SIGKILL, info.status);
	/* The process of the VM, which nobody here has to reap */
	EXPECT_TRUE(WAIT_FOR(kill(status, 0) < 0 && errno == ESRCH, 5000));
	nl_close(&nl);
	EXPECT_TRUE(WAIT_FOR(module_unused(), 10000));
}

LODGE_TEST_MAIN
