// SPDX-License-Identifier: GPL-2.0-only
/* policy-get and policy-set: what goes round, what is refused, what it does. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include "cell.h"
#include "netlink_fixture.h"

#define READ_WRITE	(LODGE_ACCESS_READ | LODGE_ACCESS_WRITE)
#define ALL		(READ_WRITE | LODGE_ACCESS_EXECUTE)

static int sleep_on(void *arg)
{
	for (;;)
		pause();
	return 0;
}

/* A cell named "policy" that may use the root folder and some more */
static void make_cell(struct cell *cell, const char *name, int (*run)(void *arg))
{
	struct lodge_cell_rule rules[] = {
		{ .kind = LODGE_RULE_TREE, .access = ALL,
		  .fd = CHECK(open("/", O_PATH | O_CLOEXEC)) },
		{ .kind = LODGE_RULE_CHAR_DEVICE, .major = 1, .minor = 3,
		  .access = READ_WRITE },
		{ .kind = LODGE_RULE_FAMILY, .major = AF_UNIX },
		{ .kind = LODGE_RULE_FILESYSTEM, .type = "tmpfs" },
	};
	struct lodge_policy policy = {
		.size = sizeof(policy),
		.rights = LODGE_RIGHT_CLOCK,
		.nr_rules = ARRAY_SIZE(rules),
		.rules = (u64)rules,
	};

	cell_create(cell, name, &policy, run, NULL);
	close(rules[0].fd);
}

struct rule {
	u32 kind, access, major, minor, family;
	char type[20], path[128];
};

struct policy {
	u64 id;
	u32 mode, rights;
	struct rule rules[16];
	int nr;
};

/* nl_call() knows attributes by their type: rules come several times. */
static void take_rule(const struct nlattr *nest, struct policy *policy)
{
	struct rule *rule = &policy->rules[policy->nr];
	struct nlattr *attrs[NL_MAX_ATTRS];

	if (policy->nr == ARRAY_SIZE(policy->rules))
		return;
	nl_nested(nest, attrs);
	rule->kind = nl_get_u32(attrs[LODGE_A_RULE_KIND]);
	rule->access = nl_get_u32(attrs[LODGE_A_RULE_ACCESS]);
	rule->major = nl_get_u32(attrs[LODGE_A_RULE_MAJOR]);
	rule->minor = nl_get_u32(attrs[LODGE_A_RULE_MINOR]);
	rule->family = nl_get_u32(attrs[LODGE_A_RULE_FAMILY]);
	snprintf(rule->type, sizeof(rule->type), "%s",
		 nl_get_string(attrs[LODGE_A_RULE_TYPE]));
	snprintf(rule->path, sizeof(rule->path), "%s",
		 nl_get_string(attrs[LODGE_A_RULE_PATH]));
	policy->nr++;
}

static void take_policy(struct nlattr **attrs, void *arg)
{
	struct policy *policy = arg;
	const struct nlattr *last = attrs[LODGE_A_POLICY_RULES];
	/* The first attribute of the answer is its id. */
	const char *at = (const char *)attrs[LODGE_A_POLICY_ID];

	policy->id = nl_get_u64(attrs[LODGE_A_POLICY_ID]);
	policy->mode = nl_get_u32(attrs[LODGE_A_POLICY_MODE]);
	policy->rights = nl_get_u32(attrs[LODGE_A_POLICY_RIGHTS]);
	for (; last && at <= (const char *)last;
	     at += NLA_ALIGN(((const struct nlattr *)at)->nla_len)) {
		const struct nlattr *attr = (const void *)at;

		if ((attr->nla_type & NLA_TYPE_MASK) == LODGE_A_POLICY_RULES)
			take_rule(attr, policy);
	}
}

static int get_policy(struct nl *nl, const char *name, struct policy *policy)
{
	memset(policy, 0, sizeof(*policy));
	nl_begin(nl, LODGE_CMD_POLICY_GET, 0);
	nl_string(nl, LODGE_A_POLICY_NAME, name);
	return nl_call(nl, take_policy, policy);
}

static void begin_set(struct nl *nl, const char *name)
{
	nl_begin(nl, LODGE_CMD_POLICY_SET, 0);
	nl_string(nl, LODGE_A_POLICY_NAME, name);
}

static u32 begin_rule(struct nl *nl, u32 kind)
{
	u32 at = nl->msg->nlmsg_len;

	nl_attr(nl, LODGE_A_POLICY_RULES | NLA_F_NESTED, NULL, 0);
	if (kind)
		nl_u32(nl, LODGE_A_RULE_KIND, kind);
	return at;
}

static void end_rule(struct nl *nl, u32 at)
{
	struct nlattr *nest = (void *)((char *)nl->msg + at);

	nest->nla_len = nl->msg->nlmsg_len - at;
}

static void put_device(struct nl *nl, u32 major_nr, u32 minor_nr)
{
	u32 at = begin_rule(nl, LODGE_RULE_CHAR_DEVICE);

	nl_u32(nl, LODGE_A_RULE_ACCESS, READ_WRITE);
	nl_u32(nl, LODGE_A_RULE_MAJOR, major_nr);
	nl_u32(nl, LODGE_A_RULE_MINOR, minor_nr);
	end_rule(nl, at);
}

static void put_kept(struct nl *nl, const struct rule *rule)
{
	u32 at = begin_rule(nl, LODGE_RULE_TREE);

	nl_u32(nl, LODGE_A_RULE_ACCESS, rule->access);
	nl_string(nl, LODGE_A_RULE_PATH, rule->path);
	nl_u32(nl, LODGE_A_RULE_MAJOR, rule->major);
	nl_u32(nl, LODGE_A_RULE_MINOR, rule->minor);
	nl_string(nl, LODGE_A_RULE_TYPE, rule->type);
	end_rule(nl, at);
}

static void put_fd(struct nl *nl, int fd, u32 access)
{
	u32 at = begin_rule(nl, LODGE_RULE_TREE);

	nl_u32(nl, LODGE_A_RULE_ACCESS, access);
	nl_u32(nl, LODGE_A_RULE_FD, fd);
	end_rule(nl, at);
}

TEST_F(netlink, goes_round)
{
	struct nl *nl = &self->nl;
	struct policy policy, again;
	struct nlattr *attrs[NL_MAX_ATTRS];
	struct nl events;
	struct cell cell;
	struct stat st;
	int fd, cmd;
	u32 at;

	CHECK(stat("/", &st));
	make_cell(&cell, "policy-1", sleep_on);
	ASSERT_EQ(1, get_policy(nl, "policy-1", &policy)) TH_LOG("%s", nl->error);
	EXPECT_EQ(LODGE_POLICY_MODE_ENFORCE, policy.mode);
	EXPECT_EQ(LODGE_RIGHT_CLOCK, policy.rights);
	ASSERT_EQ(4, policy.nr);
	EXPECT_EQ(LODGE_RULE_TREE, policy.rules[0].kind);
	EXPECT_EQ(ALL, policy.rules[0].access);
	EXPECT_STREQ("/", policy.rules[0].path);
	EXPECT_EQ(major(st.st_dev), policy.rules[0].major);
	EXPECT_EQ(minor(st.st_dev), policy.rules[0].minor);
	EXPECT_NE(0, policy.rules[0].type[0]);
	EXPECT_EQ(LODGE_RULE_CHAR_DEVICE, policy.rules[1].kind);
	EXPECT_EQ(READ_WRITE, policy.rules[1].access);
	EXPECT_EQ(1, policy.rules[1].major);
	EXPECT_EQ(3, policy.rules[1].minor);
	EXPECT_STREQ("tmpfs", policy.rules[2].type);
	EXPECT_EQ(AF_UNIX, policy.rules[3].family);

	/* What was said can be sent back, and more with it. */
	mkdir("/tmp/policy-1", 0755);
	fd = CHECK(open("/tmp/policy-1", O_PATH | O_CLOEXEC));
	begin_set(nl, "policy-1");
	nl_u32(nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_COMPLAIN);
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, LODGE_RIGHT_BPF);
	put_kept(nl, &policy.rules[0]);
	put_device(nl, LODGE_DEVICE_ANY, 7);
	put_fd(nl, fd, LODGE_ACCESS_READ);
	at = begin_rule(nl, LODGE_RULE_FILESYSTEM);
	nl_string(nl, LODGE_A_RULE_TYPE, "proc");
	end_rule(nl, at);
	at = begin_rule(nl, LODGE_RULE_FAMILY);
	nl_u32(nl, LODGE_A_RULE_FAMILY, AF_INET);
	end_rule(nl, at);
	EXPECT_EQ(0, nl_call(nl, NULL, NULL)) TH_LOG("%s", nl->error);
	close(fd);
	ASSERT_EQ(1, get_policy(nl, "policy-1", &again));
	EXPECT_EQ(LODGE_POLICY_MODE_COMPLAIN, again.mode);
	EXPECT_EQ(LODGE_RIGHT_BPF, again.rights);
	ASSERT_EQ(5, again.nr);
	/* trees by descriptors come before those that are kept */
	EXPECT_EQ(LODGE_ACCESS_READ, again.rules[0].access);
	EXPECT_NE(NULL, strstr(again.rules[0].path, "/policy-1"));
	EXPECT_EQ(0, memcmp(&policy.rules[0], &again.rules[1],
			    sizeof(again.rules[1])));
	EXPECT_EQ(LODGE_DEVICE_ANY, again.rules[2].major);
	EXPECT_EQ(7, again.rules[2].minor);
	EXPECT_STREQ("proc", again.rules[3].type);
	EXPECT_EQ(AF_INET, again.rules[4].family);

	/* The mode alone; an event may come before the answer. */
	nl_open(&events);
	ASSERT_EQ(0, nl_join(&events));
	begin_set(nl, "policy-1");
	nl_u32(nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_ENFORCE);
	EXPECT_EQ(0, nl_call(nl, NULL, NULL));
	do {
		cmd = nl_event(&events, 2000, attrs);
		ASSERT_LT(0, cmd);
	} while (cmd != LODGE_CMD_POLICY_CHANGED_NTF);
	EXPECT_STREQ("policy-1", nl_get_string(attrs[LODGE_A_EVENT_GUEST_NAME]));
	nl_close(&events);
	ASSERT_EQ(1, get_policy(nl, "policy-1", &policy));
	EXPECT_EQ(LODGE_POLICY_MODE_ENFORCE, policy.mode);
	EXPECT_EQ(5, policy.nr);
	/* The rules alone leave the mode. */
	begin_set(nl, "policy-1");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	EXPECT_EQ(0, nl_call(nl, NULL, NULL));
	ASSERT_EQ(1, get_policy(nl, "policy-1", &policy));
	EXPECT_EQ(LODGE_POLICY_MODE_ENFORCE, policy.mode);
	EXPECT_EQ(0, policy.nr);
	rmdir("/tmp/policy-1");
	cell_end(&cell);
	EXPECT_EQ(-ESRCH, get_policy(nl, "policy-1", &policy));
	EXPECT_NE(0, nl->error[0]);
}

/* As often as it is told to: 0 if it could make a socket, else the errno */
static int make_sockets(void *arg)
{
	for (;;) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		if (fd >= 0)
			return 7;
		usleep(1000);
	}
}

/* A policy works from the moment on that it is set. */
TEST_F(netlink, works)
{
	struct cell cell;
	siginfo_t info;
	u32 at;
	int status;

	make_cell(&cell, "policy-2", make_sockets);
	cell_start(&cell);
	sleep_ms(100);
	EXPECT_EQ(0, waitpid(cell.init, &status, WNOHANG));
	begin_set(&self->nl, "policy-2");
	nl_u32(&self->nl, LODGE_A_POLICY_RIGHTS, 0);
	at = begin_rule(&self->nl, LODGE_RULE_FAMILY);
	nl_u32(&self->nl, LODGE_A_RULE_FAMILY, AF_INET);
	end_rule(&self->nl, at);
	EXPECT_EQ(0, nl_call(&self->nl, NULL, NULL));
	/* cell_end() would kill it */
	ASSERT_TRUE(WAIT_FOR(!waitid(P_PID, cell.init, &info,
				     WEXITED | WNOWAIT | WNOHANG) && info.si_pid,
			     2000));
	status = cell_end(&cell);
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

#define EXPECT_REFUSED(err, attr) do {					\
	EXPECT_EQ(-(err), nl_call(nl, NULL, NULL));			\
	EXPECT_EQ(attr, nl->bad_attr) TH_LOG("%s", nl->error);		\
	EXPECT_NE(0, nl->error[0]);					\
} while (0)

/* A rule with one more attribute, or that one instead of another */
struct bad_rule {
	u32 kind;
	u16 attrs[6];		/* with the value 1 */
	int err, bad;
};

TEST_F(netlink, bad_rules)
{
	static const struct bad_rule bad[] = {
		{ 0, { LODGE_A_RULE_ACCESS }, EINVAL, LODGE_A_POLICY_RULES },
		{ 6, { 0 }, ERANGE, LODGE_A_RULE_KIND },
		{ LODGE_RULE_TREE, { 0 }, EINVAL, LODGE_A_POLICY_RULES },
		{ LODGE_RULE_TREE, { LODGE_A_RULE_ACCESS, LODGE_A_RULE_MAJOR },
		  EINVAL, LODGE_A_POLICY_RULES },
		{ LODGE_RULE_TREE, { LODGE_A_RULE_ACCESS, LODGE_A_RULE_FD,
		  LODGE_A_RULE_MAJOR }, EINVAL, LODGE_A_RULE_MAJOR },
		{ LODGE_RULE_TREE, { LODGE_A_RULE_ACCESS, LODGE_A_RULE_FD,
		  LODGE_A_RULE_FAMILY }, EINVAL, LODGE_A_RULE_FAMILY },
		{ LODGE_RULE_CHAR_DEVICE, { LODGE_A_RULE_ACCESS, LODGE_A_RULE_MAJOR },
		  EINVAL, LODGE_A_POLICY_RULES },
		{ LODGE_RULE_CHAR_DEVICE, { LODGE_A_RULE_ACCESS, LODGE_A_RULE_MAJOR,
		  LODGE_A_RULE_MINOR, LODGE_A_RULE_FD }, EINVAL, LODGE_A_RULE_FD },
		{ LODGE_RULE_FILESYSTEM, { 0 }, EINVAL, LODGE_A_POLICY_RULES },
		{ LODGE_RULE_FAMILY, { LODGE_A_RULE_MAJOR }, EINVAL,
		  LODGE_A_RULE_MAJOR },
		{ LODGE_RULE_FAMILY, { LODGE_A_RULE_FAMILY, LODGE_A_RULE_ACCESS },
		  EINVAL, LODGE_A_RULE_ACCESS },
		{ LODGE_RULE_FAMILY, { 60 }, EINVAL, 60 },
	};
	struct nl *nl = &self->nl;
	struct policy policy;
	struct cell cell;
	static char longest[5000];
	int i, k;
	u32 at;

	make_cell(&cell, "policy-3", sleep_on);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		begin_set(nl, "policy-3");
		nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
		at = begin_rule(nl, bad[i].kind);
		for (k = 0; k < 6 && bad[i].attrs[k]; k++)
			nl_u32(nl, bad[i].attrs[k], 1);
		end_rule(nl, at);
		EXPECT_REFUSED(bad[i].err, bad[i].bad);
	}

	/* values that are none */
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	put_fd(nl, 999, ALL);
	EXPECT_REFUSED(EBADF, LODGE_A_RULE_FD);
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	put_fd(nl, -1, ALL);
	EXPECT_REFUSED(ERANGE, LODGE_A_RULE_FD);
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	put_fd(nl, 0, 8);
	EXPECT_REFUSED(EINVAL, LODGE_A_RULE_ACCESS);
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	at = begin_rule(nl, LODGE_RULE_FAMILY);
	nl_u32(nl, LODGE_A_RULE_FAMILY, 64);
	end_rule(nl, at);
	EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_RULES);
	for (i = 0; i < 2; i++) {
		memset(longest, 'a', sizeof(longest) - 1);
		longest[i ? 4096 : 20] = '\0';
		begin_set(nl, "policy-3");
		nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
		at = begin_rule(nl, i ? LODGE_RULE_TREE : LODGE_RULE_FILESYSTEM);
		nl_string(nl, i ? LODGE_A_RULE_PATH : LODGE_A_RULE_TYPE, longest);
		end_rule(nl, at);
		EXPECT_REFUSED(EINVAL, i ? LODGE_A_RULE_PATH : LODGE_A_RULE_TYPE);
	}
	/* a tree that the container does not have */
	ASSERT_EQ(1, get_policy(nl, "policy-3", &policy));
	strcpy(policy.rules[0].path, "/etc");
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	put_kept(nl, &policy.rules[0]);
	EXPECT_REFUSED(ENOENT, LODGE_A_RULE_PATH);
	/* too many */
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	for (i = 0; i <= LODGE_MAX_RULES; i++)
		put_device(nl, 1, i);
	EXPECT_REFUSED(E2BIG, LODGE_A_POLICY_RULES);
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, LODGE_RIGHT_CLOCK);
	for (i = 0; i < LODGE_MAX_RULES; i++)
		put_device(nl, 1, i);
	EXPECT_EQ(0, nl_call(nl, NULL, NULL)) TH_LOG("%s", nl->error);
	/* and all of them are told, in one message */
	ASSERT_EQ(1, get_policy(nl, "policy-3", &policy));
	EXPECT_EQ(ARRAY_SIZE(policy.rules), policy.nr);

	/* Nothing of what was refused has changed anything. */
	begin_set(nl, "policy-3");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	put_device(nl, 2, 2);
	put_fd(nl, 999, ALL);
	EXPECT_REFUSED(EBADF, LODGE_A_RULE_FD);
	ASSERT_EQ(1, get_policy(nl, "policy-3", &policy));
	EXPECT_EQ(LODGE_RIGHT_CLOCK, policy.rights);
	EXPECT_EQ(1, policy.rules[0].major);
	cell_end(&cell);
}

TEST_F(netlink, bad_policies)
{
	static const u8 cmds[] = { LODGE_CMD_POLICY_GET, LODGE_CMD_POLICY_SET };
	struct lodge_create_vm args = { .size = sizeof(args), .name = "not-a-cell" };
	struct nl *nl = &self->nl;
	char longer[66] = {};
	int i, dev, vm;

	memset(longer, 'a', 64);
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		bool set = cmds[i] == LODGE_CMD_POLICY_SET;

#define BEGIN() do {							\
	nl_begin(nl, cmds[i], 0);					\
	if (set)							\
		nl_u32(nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_ENFORCE); \
} while (0)
		BEGIN();
		EXPECT_EQ(-EINVAL, nl_call(nl, NULL, NULL));
		EXPECT_LE(LODGE_A_POLICY_ID, nl->missing);
		BEGIN();
		nl_u64(nl, LODGE_A_POLICY_ID, 0);
		EXPECT_REFUSED(ENOENT, LODGE_A_POLICY_ID);
		BEGIN();
		nl_u64(nl, LODGE_A_POLICY_ID, 1ULL << 63);
		EXPECT_REFUSED(ENOENT, LODGE_A_POLICY_ID);
		BEGIN();
		nl_u32(nl, LODGE_A_POLICY_ID, 1);
		EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_ID);
		BEGIN();
		nl_attr(nl, LODGE_A_POLICY_ID, longer, 16);
		EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_ID);
		BEGIN();
		nl_string(nl, LODGE_A_POLICY_NAME, "no-such-guest");
		EXPECT_REFUSED(ENOENT, LODGE_A_POLICY_NAME);
		BEGIN();
		nl_string(nl, LODGE_A_POLICY_NAME, longer);
		EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_NAME);
		BEGIN();
		nl_attr(nl, LODGE_A_POLICY_NAME, longer, 10);	/* no NUL */
		EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_NAME);
		BEGIN();
		nl_u64(nl, LODGE_A_POLICY_ID, 1);
		nl_string(nl, LODGE_A_POLICY_NAME, "x");
		EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_NAME);
		BEGIN();
		nl_u64(nl, 100, 1);
		EXPECT_REFUSED(EINVAL, 100);
		nl_begin(nl, cmds[i], NLM_F_DUMP);
		EXPECT_EQ(-EOPNOTSUPP, nl_call(nl, NULL, NULL));
	}
	/* what only the other takes */
	nl_begin(nl, LODGE_CMD_POLICY_GET, 0);
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_RIGHTS);
	/* nothing to change */
	begin_set(nl, "x");
	EXPECT_EQ(-EINVAL, nl_call(nl, NULL, NULL));
	EXPECT_EQ(LODGE_A_POLICY_MODE, nl->missing);
	/* rules without rights */
	begin_set(nl, "x");
	put_device(nl, 1, 3);
	EXPECT_EQ(-EINVAL, nl_call(nl, NULL, NULL));
	EXPECT_EQ(LODGE_A_POLICY_RIGHTS, nl->missing);
	/* numbers that mean nothing */
	begin_set(nl, "x");
	nl_u32(nl, LODGE_A_POLICY_MODE, 2);
	EXPECT_REFUSED(ERANGE, LODGE_A_POLICY_MODE);
	begin_set(nl, "x");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, LODGE_RIGHTS_ALL + 1);
	EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_RIGHTS);
	begin_set(nl, "x");
	nl_u64(nl, LODGE_A_POLICY_RIGHTS, 0);
	EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_RIGHTS);
	/* a rule that is no nest */
	begin_set(nl, "x");
	nl_u32(nl, LODGE_A_POLICY_RIGHTS, 0);
	nl_u32(nl, LODGE_A_POLICY_RULES, 1);
	EXPECT_REFUSED(EINVAL, LODGE_A_POLICY_RULES);

	dev = lodge_open();
	vm = ioctl(dev, LODGE_CREATE_VM, &args);
	close(dev);
	ASSERT_LE(0, vm);
	nl_begin(nl, LODGE_CMD_POLICY_GET, 0);
	nl_string(nl, LODGE_A_POLICY_NAME, "not-a-cell");
	EXPECT_EQ(-EOPNOTSUPP, nl_call(nl, NULL, NULL));
	EXPECT_NE(0, nl->error[0]);
	/* Nothing was missing in that. */
	EXPECT_EQ(-1, nl->missing);
	close(vm);
}

/* From a child, by what it is not allowed to: 0, or a bit for what was not refused */
static int ask_without(void (*drop)(void))
{
	pid_t pid = CHECK(fork());
	int status;

	if (!pid) {
		struct nl nl;
		int bad = 0;

		drop();
		nl_open(&nl);
		nl_begin(&nl, LODGE_CMD_POLICY_GET, 0);
		nl_string(&nl, LODGE_A_POLICY_NAME, "policy-4");
		bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 0;
		begin_set(&nl, "policy-4");
		nl_u32(&nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_COMPLAIN);
		bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 1;
		_exit(bad);
	}
	CHECK(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void become_nobody(void)
{
	CHECK(setuid(65534));
}

static void own_users(void)
{
	CHECK(unshare(CLONE_NEWUSER));
}

/* In the cell itself, with the host's network and all capabilities */
static int free_itself(void *arg)
{
	struct nl nl;
	int bad = 0;

	nl_open(&nl);
	if (!nl.family)
		return 64;
	begin_set(&nl, "policy-4");
	nl_u32(&nl, LODGE_A_POLICY_MODE, LODGE_POLICY_MODE_COMPLAIN);
	bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 0;
	nl_begin(&nl, LODGE_CMD_GUEST_GET, NLM_F_DUMP);
	bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 1;
	nl_begin(&nl, LODGE_CMD_STATS_GET, NLM_F_DUMP);
	bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 2;
	nl_begin(&nl, LODGE_CMD_GUEST_GET, 0);
	nl_string(&nl, LODGE_A_GUEST_NAME, "policy-4");
	bad |= (nl_call(&nl, NULL, NULL) != -EPERM) << 3;
	return bad;
}

TEST_F(netlink, rights)
{
	struct policy policy;
	struct cell cell;
	siginfo_t info;
	int status;
	u32 at;

	make_cell(&cell, "policy-4", free_itself);
	EXPECT_EQ(0, ask_without(become_nobody));
	if (!access("/proc/self/ns/user", F_OK))
		EXPECT_EQ(0, ask_without(own_users));
	begin_set(&self->nl, "policy-4");
	nl_u32(&self->nl, LODGE_A_POLICY_RIGHTS, 0);
	at = begin_rule(&self->nl, LODGE_RULE_FAMILY);
	nl_u32(&self->nl, LODGE_A_RULE_FAMILY, AF_NETLINK);
	end_rule(&self->nl, at);
	EXPECT_EQ(0, nl_call(&self->nl, NULL, NULL));
	cell_start(&cell);
	ASSERT_TRUE(WAIT_FOR(!waitid(P_PID, cell.init, &info,
				     WEXITED | WNOWAIT | WNOHANG) && info.si_pid,
			     2000));
	ASSERT_EQ(1, get_policy(&self->nl, "policy-4", &policy));
	EXPECT_EQ(LODGE_POLICY_MODE_ENFORCE, policy.mode);
	status = cell_end(&cell);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

LODGE_TEST_MAIN
