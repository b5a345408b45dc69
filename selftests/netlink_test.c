// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family "lodge": the registry, its answers to bad requests, and statistics,
 * with guests that come and go.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "netlink_fixture.h"
#include "sys.h"

#define NOBODY	65534

static int create_vm(const char *name)
{
	struct lodge_create_vm args = { .size = sizeof(args) };
	int dev = lodge_open();
	int fd;

	memcpy(args.name, name, strlen(name));
	fd = ioctl(dev, LODGE_CREATE_VM, &args);
	if (fd < 0)
		fd = -errno;
	close(dev);
	return fd;
}

/* The request that is made fails so, with the attribute at fault. */
#define EXPECT_REFUSED(err, attr) do {					\
	EXPECT_EQ(-(err), nl_call(&self->nl, NULL, NULL));		\
	EXPECT_EQ(attr, self->nl.bad_attr);				\
	EXPECT_NE(0, self->nl.error[0]);				\
} while (0)

TEST_F(netlink, life)
{
	struct nl *nl = &self->nl;
	struct info info = {}, again = {};
	int fd = create_vm("life.of_a-VM");
	u64 now = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, get_by_name(nl, "life.of_a-VM", &info));
	EXPECT_STREQ("life.of_a-VM", info.name);
	EXPECT_EQ(LODGE_GUEST_STATE_CREATED, info.state);
	EXPECT_EQ((u32)getpid(), info.pid);
	EXPECT_EQ(0, info.vcpus);
	EXPECT_EQ(~0U, info.reason);
	EXPECT_EQ(~0ULL, info.ended);
	now = info.created;
	ASSERT_EQ(1, get_by_id(nl, info.id, &again));
	EXPECT_EQ(0, memcmp(&info, &again, sizeof(info)));

	close(fd);
	ASSERT_TRUE(WAIT_FOR(has_ended(nl, info.id, &again), 1000));
	EXPECT_EQ(LODGE_END_REASON_CLOSED, again.reason);
	EXPECT_EQ(0, again.status);
	EXPECT_LT(now, again.ended);
	/* by its name, too, as long as no living guest has it */
	ASSERT_EQ(1, get_by_name(nl, "life.of_a-VM", &again));
	EXPECT_EQ(info.id, again.id);
	fd = create_vm("life.of_a-VM");
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, get_by_name(nl, "life.of_a-VM", &again));
	EXPECT_LT(info.id, again.id);
	EXPECT_EQ(LODGE_GUEST_STATE_CREATED, again.state);
	close(fd);
}

TEST_F(netlink, runs_and_fails)
{
	struct vm *vm = vm_create_named("fails");
	struct vcpu *c = vcpu_create(vm, 0);
	struct info info = {}, made = {};
	char name[32];
	int fd;

	ASSERT_EQ(1, get_by_name(&self->nl, "fails", &info));
	EXPECT_EQ(1, info.vcpus);
	EXPECT_EQ(LODGE_GUEST_STATE_CREATED, info.state);
	/* what the module calls the next one */
	fd = create_vm("");
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, get_by_id(&self->nl, info.id + 1, &made));
	snprintf(name, sizeof(name), "vm-%llu", (unsigned long long)info.id + 1);
	EXPECT_STREQ(name, made.name);
	close(fd);

	vcpu_start64(c, FN(shut_down), 0);
	ASSERT_EQ(GUEST_EXIT, guest_run(c));
	ASSERT_EQ(LODGE_EXIT_SHUTDOWN, c->run->exit_reason);
	ASSERT_EQ(1, get_by_id(&self->nl, info.id, &info));
	EXPECT_EQ(LODGE_GUEST_STATE_RUNNING, info.state);
	EXPECT_EQ(~0U, info.reason);
	vm_free(vm);
	ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 1000));
	EXPECT_EQ(LODGE_END_REASON_SHUTDOWN, info.reason);
	EXPECT_STREQ("triple fault", info.message);
	EXPECT_EQ(1, info.vcpus);
}

/* The keeper resets a guest that has failed, and lets go of it later. */
TEST_F(netlink, fails_and_recovers)
{
	struct vm *vm = vm_create_named("recovers");
	struct vcpu *c = vcpu_create(vm, 0);
	struct info info = {};

	ASSERT_EQ(1, get_by_name(&self->nl, "recovers", &info));
	vcpu_start64(c, FN(shut_down), 0);
	ASSERT_EQ(GUEST_EXIT, guest_run(c));
	vcpu_start64(c, FN(guest_done), 0);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
	ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 1000));
	EXPECT_EQ(LODGE_END_REASON_CLOSED, info.reason);
	EXPECT_STREQ("", info.message);
}

TEST_F(netlink, names)
{
	static const char *const bad[] = {
		".a", "-a", "_a", "a b", "a/b", "a\n", "a\xc3\xa4", "a%d", " ",
	};
	struct lodge_create_vm args = { .size = sizeof(args) };
	char longest[64];
	int dev = lodge_open();
	int i, fd, other;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, create_vm(bad[i])) TH_LOG("number %d", i);
	/* no NUL */
	memset(args.name, 'a', sizeof(args.name));
	EXPECT_ERRNO(EINVAL, ioctl(dev, LODGE_CREATE_VM, &args));

	memset(longest, 'a', sizeof(longest));
	longest[63] = '\0';
	fd = create_vm(longest);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EEXIST, create_vm(longest));
	/* a prefix is another name, and so is the same in capitals */
	longest[62] = '\0';
	other = create_vm(longest);
	EXPECT_LE(0, other);
	close(other);
	close(fd);
	/* a caller that knows nothing of names */
	args.size = 8;
	fd = ioctl(dev, LODGE_CREATE_VM, &args);
	EXPECT_LE(0, fd);
	close(fd);
	/* one whose struct ends within the name */
	args.size = 8 + 3;
	fd = ioctl(dev, LODGE_CREATE_VM, &args);
	EXPECT_LE(0, fd);
	close(fd);
	close(dev);
}

/* The name that the module would make is somebody's. */
TEST_F(netlink, made_name_is_taken)
{
	struct info info = {};
	char name[64], next[64];
	int a, b;
	u64 id;

	a = create_vm("scout");
	ASSERT_LE(0, a);
	ASSERT_EQ(1, get_by_name(&self->nl, "scout", &info));
	id = info.id;
	snprintf(name, sizeof(name), "vm-%llu", (unsigned long long)id + 2);
	snprintf(next, sizeof(next), "vm-%llu", (unsigned long long)id + 3);
	b = create_vm(name);		/* has id + 1 */
	ASSERT_LE(0, b);
	close(a);
	a = create_vm("");
	ASSERT_LE(0, a);
	ASSERT_EQ(1, get_by_name(&self->nl, next, &info));
	EXPECT_EQ(id + 3, info.id);
	close(a);
	close(b);
}

TEST_F(netlink, bad_requests)
{
	struct nl *nl = &self->nl;
	static const u8 cmds[] = { LODGE_CMD_GUEST_GET, LODGE_CMD_STATS_GET };
	char longer[66] = {};
	int i;

	memset(longer, 'a', 64);
	/* LODGE_A_GUEST_ID and _NAME are the same numbers in both. */
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		nl_begin(nl, cmds[i], 0);
		EXPECT_EQ(-EINVAL, nl_call(nl, NULL, NULL));
		EXPECT_LE(LODGE_A_GUEST_ID, nl->missing);
		EXPECT_NE(0, nl->error[0]);

		nl_begin(nl, cmds[i], 0);
		nl_u64(nl, LODGE_A_GUEST_ID, 0);
		EXPECT_REFUSED(ENOENT, LODGE_A_GUEST_ID);
		nl_begin(nl, cmds[i], 0);
		nl_u64(nl, LODGE_A_GUEST_ID, 1ULL << 63);
		EXPECT_REFUSED(ENOENT, LODGE_A_GUEST_ID);
		nl_begin(nl, cmds[i], 0);
		nl_u32(nl, LODGE_A_GUEST_ID, 1);
		EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_ID);
		nl_begin(nl, cmds[i], 0);
		nl_attr(nl, LODGE_A_GUEST_ID, longer, 16);
		EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_ID);
		nl_begin(nl, cmds[i], 0);
		nl_attr(nl, LODGE_A_GUEST_ID, "", 0);
		EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_ID);

		nl_begin(nl, cmds[i], 0);
		nl_string(nl, LODGE_A_GUEST_NAME, "no-such-guest");
		EXPECT_REFUSED(ENOENT, LODGE_A_GUEST_NAME);
		nl_begin(nl, cmds[i], 0);
		nl_string(nl, LODGE_A_GUEST_NAME, "");
		EXPECT_REFUSED(ENOENT, LODGE_A_GUEST_NAME);
		nl_begin(nl, cmds[i], 0);
		nl_attr(nl, LODGE_A_GUEST_NAME, longer, 10);	/* no NUL */
		EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_NAME);
		nl_begin(nl, cmds[i], 0);
		nl_string(nl, LODGE_A_GUEST_NAME, longer);
		EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_NAME);

		nl_begin(nl, cmds[i], 0);
		nl_u64(nl, LODGE_A_GUEST_ID, 1);
		nl_string(nl, LODGE_A_GUEST_NAME, "x");
		EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_NAME);
		/* that the family does not know */
		nl_begin(nl, cmds[i], 0);
		nl_u64(nl, 100, 1);
		EXPECT_REFUSED(EINVAL, 100);
		/* that is no request's */
		nl_begin(nl, cmds[i], 0);
		nl_u64(nl, LODGE_A_GUEST_CREATED, 1);
		EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_CREATED);
		/* a header with something in its reserved field */
		nl_begin(nl, cmds[i], 0);
		((struct genlmsghdr *)NLMSG_DATA(nl->msg))->reserved = 1;
		nl_u64(nl, LODGE_A_GUEST_ID, 1);
		EXPECT_EQ(-EINVAL, nl_call(nl, NULL, NULL));
	}

	nl_begin(nl, LODGE_CMD_GUEST_GET, 0);
	nl_u64(nl, LODGE_A_GUEST_ID, 1);
	nl_attr(nl, LODGE_A_GUEST_ALL, "", 0);
	EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_ALL);
	nl_begin(nl, LODGE_CMD_GUEST_GET, 0);
	nl_u64(nl, LODGE_A_GUEST_ID, 1);
	nl_u32(nl, LODGE_A_GUEST_KIND, LODGE_GUEST_KIND_VM);
	EXPECT_REFUSED(EINVAL, LODGE_A_GUEST_KIND);
	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	nl_u32(nl, LODGE_A_GUEST_KIND, 77);
	EXPECT_REFUSED(ERANGE, LODGE_A_GUEST_KIND);
	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	nl_u32(nl, LODGE_A_GUEST_ALL, 1);
	EXPECT_REFUSED(ERANGE, LODGE_A_GUEST_ALL);
	nl_begin(nl, LODGE_CMD_FEATURES_GET, 0);
	nl_u32(nl, LODGE_A_FEATURES_API_VERSION, 1);
	EXPECT_REFUSED(EINVAL, LODGE_A_FEATURES_API_VERSION);
	nl_begin(nl, LODGE_CMD_FEATURES_GET, NLM_F_DUMP);
	EXPECT_EQ(-EOPNOTSUPP, nl_call(nl, NULL, NULL));
	/* an event is no request */
	nl_begin(nl, LODGE_CMD_GUEST_CREATED_NTF, 0);
	EXPECT_EQ(-EOPNOTSUPP, nl_call(nl, NULL, NULL));
	nl_begin(nl, 200, 0);
	EXPECT_EQ(-EOPNOTSUPP, nl_call(nl, NULL, NULL));
}

/* In a child without rights: 0, or a bit for each that was not refused. */
static int without_rights(int unshare_flags)
{
	struct features f;
	struct nl nl;
	pid_t pid = CHECK(fork());
	int status;

	if (!pid) {
		int bad = 0;

		if (unshare_flags)
			CHECK(unshare(unshare_flags));
		else
			CHECK(setuid(NOBODY));
		nl_open(&nl);
		if (unshare_flags & CLONE_NEWNET)
			_exit(nl.family ? 1 : 0);
		nl_begin(&nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
		bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 0;
		nl_begin(&nl, LODGE_CMD_GUEST_GET, 0);
		nl_u64(&nl, LODGE_A_GUEST_ID, 1);
		bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 1;
		nl_begin(&nl, LODGE_CMD_STATS_GET, NLM_F_DUMP);
		bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 2;
		bad |= (nl_join(&nl) != -EPERM) << 3;
		bad |= (get_features(&nl, &f) != 1) << 4;
		_exit(bad);
	}
	CHECK(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST_F(netlink, nobody)
{
	EXPECT_EQ(0, without_rights(0));
}

/* The root of a user namespace, and of one with its own network. */
TEST_F(netlink, namespaces)
{
	if (access("/proc/self/ns/user", F_OK))
		SKIP_TEST("no user namespaces");
	EXPECT_EQ(0, without_rights(CLONE_NEWUSER));
	EXPECT_EQ(0, without_rights(CLONE_NEWUSER | CLONE_NEWNET));
	EXPECT_EQ(0, without_rights(CLONE_NEWNET));
}

static void count_mine(struct nlattr **attrs, void *arg)
{
	int *count = arg;

	*count += nl_get_u32(attrs[LODGE_A_GUEST_KEEPER_PID]) == (u32)getpid();
}

TEST_F(netlink, dump_filters)
{
	struct nl *nl = &self->nl;
	struct info info = {};
	int fds[200];
	int i, mine;
	char name[32];

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "dumped-%d", i);
		fds[i] = CHECK(create_vm(name));
	}
	mine = 0;
	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	EXPECT_LE(200, nl_call(nl, count_mine, &mine));
	EXPECT_EQ(200, mine);
	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	nl_string(nl, LODGE_A_GUEST_NAME, "dumped-77");
	EXPECT_EQ(1, nl_call(nl, take_info, &info));
	EXPECT_STREQ("dumped-77", info.name);
	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	nl_u64(nl, LODGE_A_GUEST_ID, info.id);
	nl_u32(nl, LODGE_A_GUEST_KIND, LODGE_GUEST_KIND_VM);
	EXPECT_EQ(1, nl_call(nl, take_info, &info));
	mine = 0;
	nl_begin(nl, LODGE_CMD_STATS_GET, NLM_F_DUMP);
	EXPECT_LE(200, nl_call(nl, NULL, NULL));
	nl_begin(nl, LODGE_CMD_STATS_GET, NLM_F_DUMP);
	nl_string(nl, LODGE_A_STATS_NAME, "dumped-77");
	EXPECT_EQ(1, nl_call(nl, NULL, NULL));
	nl_begin(nl, LODGE_CMD_STATS_GET, NLM_F_DUMP);
	nl_u64(nl, LODGE_A_STATS_ID, info.id);
	EXPECT_EQ(1, nl_call(nl, NULL, NULL));
	for (i = 0; i < 200; i++)
		close(fds[i]);

	/* of those, the last 64 stay */
	ASSERT_TRUE(WAIT_FOR(has_ended(nl, info.id + 122, &info), 2000));
	mine = 0;
	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	nl_call(nl, count_mine, &mine);
	EXPECT_EQ(0, mine);
	nl_begin(nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	nl_attr(nl, LODGE_A_GUEST_ALL, "", 0);
	EXPECT_EQ(64, nl_call(nl, count_mine, &mine));
	EXPECT_EQ(64, mine);
}

/* Names that a dump has shown */
struct seen {
	int steady, twice;
	u64 last;
};

static void see(struct nlattr **attrs, void *arg)
{
	struct seen *seen = arg;
	u64 id = nl_get_u64(attrs[LODGE_A_GUEST_ID]);

	seen->twice += id <= seen->last;
	seen->last = id;
	seen->steady += !strncmp(nl_get_string(attrs[LODGE_A_GUEST_NAME]),
				 "steady-", 7);
}

/*
 * While 1,000 guests come and go, each dump has those that stay, once.  A dump
 * that is not marked as interrupted has exactly what there was.
 */
TEST_F_TIMEOUT(netlink, dump_while_guests_come_and_go, 120)
{
	int rounds = 1000 / slowness(), status, dumps = 0, whole = 0, i;
	int fds[150];
	char name[32];
	pid_t pid;

	for (i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "steady-%d", i);
		fds[i] = CHECK(create_vm(name));
	}
	pid = CHECK(fork());
	if (!pid) {
		int hold[8], at = 0;

		memset(hold, -1, sizeof(hold));
		for (i = 0; i < rounds; i++, at = (at + 1) % 8) {
			close(hold[at]);
			hold[at] = create_vm("");
			if (hold[at] < 0)
				_exit(1);
		}
		_exit(0);
	}
	do {
		struct seen seen = {};

		nl_begin(&self->nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
		ASSERT_LE(150, nl_call(&self->nl, see, &seen));
		EXPECT_EQ(150, seen.steady);
		EXPECT_EQ(0, seen.twice);
		dumps++;
		whole += !self->nl.interrupted;
	} while (!waitpid(pid, &status, WNOHANG));
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	printf("# %d dumps while %d guests came and went, %d of them whole\n",
	       dumps, rounds, whole);
	/* several messages each: some must have been disturbed */
	EXPECT_LT(whole, dumps);
	for (i = 0; i < 150; i++)
		close(fds[i]);
}

/* Counters of one vCPU, or of all */
struct stats {
	u64 guest_time, faults, interrupts, halts;
	u64 count[LODGE_EXIT_CLASS_END + 1];
	u64 cycles[LODGE_EXIT_CLASS_END + 1];
	u64 mapped, resident;
};

static void take_stats(struct nlattr **attrs, void *arg)
{
	struct nlattr *total[NL_MAX_ATTRS], *exits[NL_MAX_ATTRS];
	struct stats *s = arg;
	struct nlattr *nest = attrs[LODGE_A_STATS_TOTAL];
	char *at = (char *)(nest + 1), *end = (char *)nest + nest->nla_len;

	memset(s, 0, sizeof(*s));
	s->mapped = nl_get_u64(attrs[LODGE_A_STATS_MEMORY_MAPPED]);
	s->resident = nl_get_u64(attrs[LODGE_A_STATS_MEMORY_RESIDENT]);
	nl_nested(nest, total);
	s->guest_time = nl_get_u64(total[LODGE_A_VCPU_STATS_GUEST_TIME]);
	s->faults = nl_get_u64(total[LODGE_A_VCPU_STATS_PAGE_FAULTS]);
	s->interrupts = nl_get_u64(total[LODGE_A_VCPU_STATS_INTERRUPTS]);
	s->halts = nl_get_u64(total[LODGE_A_VCPU_STATS_HALTS]);
	for (; at < end; at += NLA_ALIGN(((struct nlattr *)at)->nla_len)) {
		struct nlattr *attr = (void *)at;
		u32 class;

		if ((attr->nla_type & NLA_TYPE_MASK) != LODGE_A_VCPU_STATS_EXITS)
			continue;
		nl_nested(attr, exits);
		class = nl_get_u32(exits[LODGE_A_EXITS_CLASS]);
		s->count[class] = nl_get_u64(exits[LODGE_A_EXITS_COUNT]);
		s->cycles[class] = nl_get_u64(exits[LODGE_A_EXITS_CYCLES]);
	}
}

static void counted(u64 arg)
{
	u32 a, b, c, d;
	int i;

	for (i = 0; i < 100; i++)
		cpuid(0, 0, &a, &b, &c, &d);
	for (i = 0; i < 10; i++)
		*(volatile u64 *)(G_FREE + 0x100000ULL + i * 4096) = i;
}

TEST_F(netlink, statistics)
{
	struct vm *vm = vm_create_named("counted");
	struct vcpu *c = vcpu_create(vm, 0);
	struct info info = {};
	struct stats s, before;

	ASSERT_EQ(1, get_by_name(&self->nl, "counted", &info));
	nl_begin(&self->nl, LODGE_CMD_STATS_GET, 0);
	nl_string(&self->nl, LODGE_A_STATS_NAME, "counted");
	ASSERT_EQ(1, nl_call(&self->nl, take_stats, &before));
	EXPECT_EQ(vm->size, before.mapped);
	EXPECT_EQ(0, before.resident);
	EXPECT_EQ(0, before.guest_time);

	vcpu_start64(c, counted, 0);
	ASSERT_GUEST(GUEST_DONE, c);
	nl_begin(&self->nl, LODGE_CMD_STATS_GET, 0);
	nl_u64(&self->nl, LODGE_A_STATS_ID, info.id);
	ASSERT_EQ(1, nl_call(&self->nl, take_stats, &s));
	EXPECT_EQ(100, s.count[LODGE_EXIT_CLASS_CPUID]);
	EXPECT_LE(1, s.count[LODGE_EXIT_CLASS_PORT]);
	EXPECT_LE(1, s.faults);
	EXPECT_EQ(0, s.interrupts);
	EXPECT_EQ(0, s.halts);
	EXPECT_LE(10 * 4096, s.resident);
	EXPECT_GE(s.mapped, s.resident);
	EXPECT_LT(0, s.guest_time);
	EXPECT_LT(0, s.cycles[LODGE_EXIT_CLASS_CPUID]);

	/* what the host takes away is not resident any more */
	CHECK(madvise(vm->mem, vm->size, MADV_DONTNEED));
	nl_begin(&self->nl, LODGE_CMD_STATS_GET, 0);
	nl_u64(&self->nl, LODGE_A_STATS_ID, info.id);
	ASSERT_EQ(1, nl_call(&self->nl, take_stats, &s));
	EXPECT_EQ(0, s.resident);
	vm_free(vm);
	ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 1000));
	nl_begin(&self->nl, LODGE_CMD_STATS_GET, 0);
	nl_u64(&self->nl, LODGE_A_STATS_ID, info.id);
	EXPECT_EQ(-ESRCH, nl_call(&self->nl, NULL, NULL));
}

/* A line of the trace names this guest's exits. */
TEST_F(netlink, tracepoints)
{
	static const char enable[] = "/sys/kernel/tracing/events/lodge/enable";
	bool entry = false, leave = false, fault = false;
	struct vm *vm = vm_create_named("traced");
	struct vcpu *c = vcpu_create(vm, 0);
	struct info info = {};
	char line[512], mine[32];
	FILE *trace;

	if (access(enable, W_OK)) {
		vm_free(vm);
		SKIP_TEST("no tracepoints here");
	}
	ASSERT_EQ(1, get_by_name(&self->nl, "traced", &info));
	snprintf(mine, sizeof(mine), "guest %llu vcpu 0", (unsigned long long)info.id);
	vcpu_start64(c, counted, 0);
	ASSERT_EQ(0, write_text("/sys/kernel/tracing/trace", "\n"));
	ASSERT_EQ(0, write_text(enable, "1"));
	ASSERT_GUEST(GUEST_DONE, c);
	ASSERT_EQ(0, write_text(enable, "0"));
	trace = fopen("/sys/kernel/tracing/trace", "r");
	ASSERT_NE(NULL, trace);
	while (fgets(line, sizeof(line), trace)) {
		if (!strstr(line, mine))
			continue;
		entry |= !!strstr(line, "lodge_entry:");
		leave |= strstr(line, "lodge_exit:") && strstr(line, " cpuid rip ");
		fault |= strstr(line, "lodge_page_fault:") && strstr(line, ": mapped");
	}
	fclose(trace);
	EXPECT_TRUE(entry);
	EXPECT_TRUE(leave);
	EXPECT_TRUE(fault);
	vm_free(vm);
}

LODGE_TEST_MAIN
