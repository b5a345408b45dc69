// SPDX-License-Identifier: GPL-2.0-only
/* Events: how guests end, what failures look like, and that none is lost unseen. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "netlink_fixture.h"
#include "sys.h"

/* Waits for an event of a guest: its command; others are passed over. */
static int event_of(struct nl *nl, const char *name, struct nlattr **attrs)
{
	int cmd;

	do {
		cmd = nl_event(nl, 2000, attrs);
	} while (cmd > 0 &&
		 strcmp(nl_get_string(attrs[LODGE_A_EVENT_GUEST_NAME]), name));
	return cmd;
}

static void spin(u64 arg)
{
	for (;;)
		WRITE(arg, 1);
}

/* A keeper with a guest that runs, which ends in one way or another */
static pid_t keep(const char *name, void (*end)(struct vcpu *c))
{
	pid_t pid = CHECK(fork());

	if (!pid) {
		struct vm *vm = vm_create_named(name);
		struct vcpu *c;

		c = vcpu_create(vm, 0);
		vcpu_start64(c, spin, 0);
		vcpu_thread_start(c);
		end(c);
		for (;;)
			pause();
	}
	return pid;
}

static void end_not(struct vcpu *c)
{
}

static void end_exit(struct vcpu *c)
{
	sleep_ms(100);
	exit(3);
}

static void end_exec(struct vcpu *c)
{
	sleep_ms(100);
	execl("/bin/sleep", "sleep", "1", NULL);
}

static void end_segv(struct vcpu *c)
{
	sleep_ms(100);
	raise(SIGSEGV);
}

static void end_close(struct vcpu *c)
{
	sleep_ms(100);
	vcpu_thread_stop(c);
	vm_free(c->vm);
}

TEST_F(netlink, ends)
{
	static const struct {
		void (*end)(struct vcpu *c);
		int signal;
		u32 reason, status;
	} ways[] = {
		{ end_not, SIGKILL, LODGE_END_REASON_KEEPER_KILLED, SIGKILL },
		{ end_not, SIGTERM, LODGE_END_REASON_KEEPER_KILLED, SIGTERM },
		{ end_segv, 0, LODGE_END_REASON_KEEPER_KILLED, SIGSEGV },
		{ end_exit, 0, LODGE_END_REASON_KEEPER_EXITED, 3 },
		{ end_exec, 0, LODGE_END_REASON_KEEPER_EXEC, 0 },
		{ end_close, 0, LODGE_END_REASON_CLOSED, 0 },
	};
	struct nlattr *attrs[NL_MAX_ATTRS];
	struct info info = {};
	char name[16];
	u64 begun;
	pid_t pid;
	int i;

	ASSERT_EQ(0, nl_join(&self->nl));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		struct nl other;

		snprintf(name, sizeof(name), "end-%d", i);
		pid = keep(name, ways[i].end);
		ASSERT_EQ(LODGE_CMD_GUEST_CREATED_NTF,
			  event_of(&self->nl, name, attrs));
		ASSERT_EQ(LODGE_CMD_GUEST_RUNNING_NTF,
			  event_of(&self->nl, name, attrs));
		begun = now_ns();
		if (ways[i].signal)
			kill(pid, ways[i].signal);
		ASSERT_EQ(LODGE_CMD_GUEST_EXITED_NTF,
			  event_of(&self->nl, name, attrs));
		EXPECT_GT(1000000000ULL * patience(), now_ns() - begun);
		EXPECT_EQ(ways[i].reason,
			  nl_get_u32(attrs[LODGE_A_EVENT_END_REASON]))
			TH_LOG("%s", name);
		EXPECT_EQ(ways[i].status,
			  nl_get_u32(attrs[LODGE_A_EVENT_END_STATUS]));
		nl_open(&other);
		ASSERT_EQ(1, get_by_name(&other, name, &info));
		nl_close(&other);
		EXPECT_EQ(ways[i].reason, info.reason);
		EXPECT_EQ(ways[i].status, info.status);
		EXPECT_EQ(info.id, nl_get_u64(attrs[LODGE_A_EVENT_GUEST_ID]));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* With a bit of CS that cannot be: the entry is refused. */
static void fail_entry(struct vcpu *c)
{
	struct lodge_sregs s;

	vcpu_start64(c, FN(guest_done), 0);
	CHECK(vcpu_get(c, LODGE_STATE_SREGS, &s, sizeof(s)));
	s.cs.db = 1;
	vcpu_set(c, LODGE_STATE_SREGS, &s, sizeof(s));
}

static void jump(u64 to)
{
	((void (*)(void))to)();
}

/* What is no memory cannot be executed. */
static void fail_internal(struct vcpu *c)
{
	vcpu_start64(c, jump, 0xd0000000);
}

TEST_F(netlink, vm_ends)
{
	static const struct {
		void (*prepare)(struct vcpu *c);
		u32 exit, reason;
	} ways[] = {
		{ fail_entry, LODGE_EXIT_FAIL_ENTRY, LODGE_END_REASON_FAIL_ENTRY },
		{ fail_internal, LODGE_EXIT_INTERNAL, LODGE_END_REASON_INTERNAL },
	};
	struct nlattr *attrs[NL_MAX_ATTRS], *failure[NL_MAX_ATTRS];
	struct info info = {};
	char name[16];
	int i, cmd;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		struct nl events;
		struct vcpu *c;
		struct vm *vm;

		snprintf(name, sizeof(name), "vm-end-%d", i);
		vm = vm_create_named(name);
		c = vcpu_create(vm, 0);
		nl_open(&events);
		ASSERT_EQ(0, nl_join(&events));
		ways[i].prepare(c);
		ASSERT_EQ(GUEST_EXIT, guest_run(c));
		ASSERT_EQ(ways[i].exit, c->run->exit_reason);
		do {
			cmd = nl_event(&events, 2000, attrs);
			ASSERT_LT(0, cmd);
		} while (cmd != LODGE_CMD_VM_FAILED_NTF);
		nl_nested(attrs[LODGE_A_EVENT_FAILURE], failure);
		EXPECT_EQ(ways[i].reason,
			  nl_get_u32(failure[LODGE_A_FAILURE_REASON]));
		ASSERT_EQ(1, get_by_name(&self->nl, name, &info));
		vm_free(vm);
		ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 1000));
		EXPECT_EQ(ways[i].reason, info.reason);
		EXPECT_NE(0, info.message[0]);
		nl_close(&events);
	}
}

#define OOM_CGROUP	"/sys/fs/cgroup/netlink-oom"

/* The keeper's cgroup has no memory for it. */
TEST_F(netlink, out_of_memory)
{
	struct info info = {};
	char number[16];
	int go[2], status;
	pid_t pid;

	if (write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory"))
		SKIP_TEST("no memory controller");
	mkdir(OOM_CGROUP, 0755);
	ASSERT_EQ(0, write_text(OOM_CGROUP "/memory.max", "50331648"));
	CHECK(pipe(go));
	pid = CHECK(fork());
	if (!pid) {
		struct vm *vm;
		char letter;
		char *mem;
		size_t i;

		CHECK(read(go[0], &letter, 1));
		vm = vm_create_named("no-memory");
		CHECK(write(go[1], "", 1));
		mem = mmap(NULL, 1 << 28, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (i = 0; i < 1 << 28; i += 4096)
			mem[i] = 1;
		vm_free(vm);
		_exit(1);
	}
	snprintf(number, sizeof(number), "%d", pid);
	ASSERT_EQ(0, write_text(OOM_CGROUP "/cgroup.procs", number));
	CHECK(write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ASSERT_EQ(1, get_by_name(&self->nl, "no-memory", &info));
	ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 1000));
	EXPECT_EQ(LODGE_END_REASON_OUT_OF_MEMORY, info.reason);
	EXPECT_EQ(SIGKILL, info.status);
	close(go[0]);
	close(go[1]);
	rmdir(OOM_CGROUP);
}

TEST_F(netlink, shutdown_event)
{
	struct nlattr *attrs[NL_MAX_ATTRS], *failure[NL_MAX_ATTRS];
	struct nlattr *regs[NL_MAX_ATTRS];
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	struct lodge_regs now;
	int cmd;

	vcpu_start64(c, shut_down, 0x1234);
	ASSERT_EQ(0, nl_join(&self->nl));
	ASSERT_EQ(GUEST_EXIT, guest_run(c));
	ASSERT_EQ(LODGE_EXIT_SHUTDOWN, c->run->exit_reason);
	do {
		cmd = nl_event(&self->nl, 2000, attrs);
		ASSERT_LT(0, cmd);
	} while (cmd != LODGE_CMD_VM_SHUTDOWN_NTF);
	ASSERT_NE(NULL, attrs[LODGE_A_EVENT_FAILURE]);
	nl_nested(attrs[LODGE_A_EVENT_FAILURE], failure);
	EXPECT_EQ(0, nl_get_u32(failure[LODGE_A_FAILURE_VCPU]));
	EXPECT_EQ(LODGE_END_REASON_SHUTDOWN,
		  nl_get_u32(failure[LODGE_A_FAILURE_REASON]));
	EXPECT_EQ(c->run->vendor_code,
		  nl_get_u64(failure[LODGE_A_FAILURE_EXIT_CODE]));
	ASSERT_NE(NULL, failure[LODGE_A_FAILURE_REGISTERS]);
	nl_nested(failure[LODGE_A_FAILURE_REGISTERS], regs);
	CHECK(vcpu_get(c, LODGE_STATE_REGS, &now, sizeof(now)));
	EXPECT_EQ(now.rip, nl_get_u64(regs[LODGE_A_REGISTERS_RIP]));
	EXPECT_EQ(now.rsp, nl_get_u64(regs[LODGE_A_REGISTERS_RSP]));
	EXPECT_EQ(now.rdi, nl_get_u64(regs[LODGE_A_REGISTERS_RDI]));
	EXPECT_EQ(now.r15, nl_get_u64(regs[LODGE_A_REGISTERS_R15]));
	EXPECT_EQ(now.rflags, nl_get_u64(regs[LODGE_A_REGISTERS_RFLAGS]));
	EXPECT_EQ(G_PML4, nl_get_u64(regs[LODGE_A_REGISTERS_CR3]));
	vm_free(vm);
}

/* Memory that the keeper has not mapped, with where and why */
TEST_F(netlink, memory_event)
{
	struct nlattr *attrs[NL_MAX_ATTRS], *failure[NL_MAX_ATTRS];
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	int cmd;

	munmap(vm->mem + G_FREE + 0x100000, 4096);
	ASSERT_EQ(0, nl_join(&self->nl));
	vcpu_start64(c, FN(G_FREE + 0x100000), 0);
	ASSERT_EQ(GUEST_EXIT, guest_run(c));
	ASSERT_EQ(LODGE_EXIT_MEMORY, c->run->exit_reason);
	do {
		cmd = nl_event(&self->nl, 2000, attrs);
		ASSERT_LT(0, cmd);
	} while (cmd != LODGE_CMD_VM_MEMORY_NTF);
	nl_nested(attrs[LODGE_A_EVENT_FAILURE], failure);
	EXPECT_EQ(c->run->memory.addr,
		  nl_get_u64(failure[LODGE_A_FAILURE_ADDRESS]));
	EXPECT_EQ((u32)c->run->memory.error,
		  nl_get_u32(failure[LODGE_A_FAILURE_ERRNO]));
	vm_free(vm);
}

/*
 * A listener sleeps while events come as fast as guests can make them: what it
 * has got, what its socket has lost and what the module has dropped is all.
 */
TEST_F(netlink, sleeping_listener)
{
	struct nlattr *attrs[NL_MAX_ATTRS];
	struct features before, after, then;
	int i, cmd, size = 8192, got = 0, lost = 0;
	u64 first, last, gaps = 0;
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	struct nl asks;
	int events = 3000 / slowness();

	nl_open(&asks);
	vcpu_start64(c, FN(shut_down), 0);
	ASSERT_EQ(GUEST_EXIT, guest_run(c));
	CHECK(setsockopt(self->nl.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	ASSERT_EQ(1, get_features(&asks, &before));
	ASSERT_EQ(0, nl_join(&self->nl));
	for (i = 0; i < events; i++) {
		vcpu_start64(c, FN(shut_down), 0);
		ASSERT_EQ(GUEST_EXIT, guest_run(c));
		ASSERT_EQ(LODGE_EXIT_SHUTDOWN, c->run->exit_reason);
	}
	sleep_ms(200 * slowness());
	ASSERT_EQ(1, get_features(&asks, &after));
	EXPECT_LE(events, after.seq - before.seq);

	first = before.seq;
	last = first;
	while ((cmd = nl_event(&self->nl, 100, attrs))) {
		if (cmd == -ENOBUFS) {
			lost++;
			continue;
		}
		got++;
		gaps += nl_get_u64(attrs[LODGE_A_EVENT_SEQ]) - last - 1;
		last = nl_get_u64(attrs[LODGE_A_EVENT_SEQ]);
	}
	printf("# %llu events: %d delivered, %ld lost by the socket, %llu dropped by the module\n",
	       (unsigned long long)(after.seq - first), got,
	       nl_drops(&self->nl),
	       (unsigned long long)(after.dropped - before.dropped));
	EXPECT_LT(0, got);
	EXPECT_LT(0, lost);
	EXPECT_EQ(after.seq - first,
		  got + nl_drops(&self->nl) + after.dropped - before.dropped);
	EXPECT_EQ(after.seq - first, got + gaps + after.seq - last);

	/* When nobody listens, there are no events. */
	nl_close(&self->nl);
	vcpu_start64(c, FN(shut_down), 0);
	ASSERT_EQ(GUEST_EXIT, guest_run(c));
	ASSERT_EQ(1, get_features(&asks, &then));
	EXPECT_EQ(after.seq, then.seq);
	nl_open(&self->nl);
	nl_close(&asks);
	vm_free(vm);
}

LODGE_TEST_MAIN
