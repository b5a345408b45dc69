// SPDX-License-Identifier: GPL-2.0-only
/* What the family and the tracepoints say of containers. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "cell.h"
#include "netlink_fixture.h"
#include "sys.h"

/* What a policy without any rule denies */
static int ask_for_sockets(void *arg)
{
	for (;;) {
		if (socket(AF_INET, SOCK_DGRAM, 0) >= 0)
			return 1;
		usleep(1000);
	}
}

static void make_cell(struct cell *cell, const char *name)
{
	struct lodge_policy policy = { .size = sizeof(policy) };

	cell_create(cell, name, &policy, ask_for_sockets, NULL);
	cell_start(cell);
}

static void count_denials(struct nlattr **attrs, void *arg)
{
	*(u64 *)arg = nl_get_u64(attrs[LODGE_A_STATS_DENIALS]);
}

static u64 denials(struct nl *nl, const char *name)
{
	u64 count = 0;

	nl_begin(nl, LODGE_CMD_STATS_GET, 0);
	nl_string(nl, LODGE_A_STATS_NAME, name);
	return nl_call(nl, count_denials, &count) == 1 ? count : 0;
}

static void take_cgroup(struct nlattr **attrs, void *arg)
{
	snprintf(arg, 64, "%s", nl_get_string(attrs[LODGE_A_STATS_CGROUP]));
}

TEST_F(netlink, cgroup)
{
	struct cell cell;
	char path[64];

	make_cell(&cell, "cell-cgroup");
	nl_begin(&self->nl, LODGE_CMD_STATS_GET, 0);
	nl_string(&self->nl, LODGE_A_STATS_NAME, "cell-cgroup");
	ASSERT_EQ(1, nl_call(&self->nl, take_cgroup, path));
	EXPECT_STREQ("/cell-cgroup", path);
	cell_end(&cell);
}

/* With what the keeper has said */
TEST_F(netlink, finished)
{
	struct lodge_cell_state state = {
		.size = sizeof(state),
		.flags = LODGE_CELL_ENDED,
	};
	static const struct {
		int wait_status;
		u32 status;
	} ways[] = {
		{ 3 << 8, 3 },
		{ 9, 137 },
	};
	struct info info = {};
	struct cell cell;
	char name[16];
	int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		snprintf(name, sizeof(name), "cell-end-%d", i);
		make_cell(&cell, name);
		ASSERT_EQ(1, get_by_name(&self->nl, name, &info));
		EXPECT_EQ(LODGE_GUEST_STATE_RUNNING, info.state);
		state.status = ways[i].wait_status;
		CHECK(ioctl(cell.fd, LODGE_CELL_SET_STATE, &state));
		cell_end(&cell);
		ASSERT_TRUE(WAIT_FOR(has_ended(&self->nl, info.id, &info), 1000));
		EXPECT_EQ(LODGE_END_REASON_FINISHED, info.reason);
		EXPECT_EQ(ways[i].status, info.status);
	}
}

/* A line of the trace names the guest, the hook and what was wanted. */
TEST_F(netlink, tracepoint)
{
	static const char enable[] =
		"/sys/kernel/tracing/events/lodge/lodge_denial/enable";
	char line[512], mine[64];
	struct info info = {};
	struct cell cell;
	bool found = false;
	FILE *trace;
	u64 before;

	if (access(enable, W_OK))
		SKIP_TEST("no tracepoints here");
	make_cell(&cell, "cell-traced");
	ASSERT_EQ(1, get_by_name(&self->nl, "cell-traced", &info));
	snprintf(mine, sizeof(mine), "lodge_denial: guest %llu security_socket_create: ",
		 (unsigned long long)info.id);
	ASSERT_EQ(0, write_text("/sys/kernel/tracing/trace", "\n"));
	ASSERT_EQ(0, write_text(enable, "1"));
	before = denials(&self->nl, "cell-traced");
	EXPECT_TRUE(WAIT_FOR(denials(&self->nl, "cell-traced") > before + 1, 2000));
	ASSERT_EQ(0, write_text(enable, "0"));
	trace = fopen("/sys/kernel/tracing/trace", "r");
	ASSERT_NE(NULL, trace);
	while (fgets(line, sizeof(line), trace)) {
		if (strstr(line, mine) && !found)
			printf("# %s", line);
		found |= !!strstr(line, mine);
	}
	fclose(trace);
	EXPECT_TRUE(found);
	cell_end(&cell);
}

/* A container that has the host's network. Return: bits of what was refused */
static int join_groups(void *arg)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd, second, group = 17, refused = 0;

	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	second = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (fd < 0 || second < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return 100;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)))
		refused |= errno == EACCES ? 1 : 64;
	address.nl_groups = 1U << (group - 1);
	if (bind(second, (struct sockaddr *)&address, sizeof(address)))
		refused |= errno == EACCES ? 2 : 64;
	return refused;
}

static int joined(struct lodge_policy *policy)
{
	struct lodge_cell_rule rule = {
		.kind = LODGE_RULE_FAMILY, .major = AF_NETLINK,
	};
	struct cell cell;
	int status;

	policy->size = sizeof(*policy);
	policy->rules = (u64)&rule;
	policy->nr_rules = 1;
	cell_create(&cell, "cell-groups", policy, join_groups, NULL);
	cell_start(&cell);
	waitid(P_PID, cell.init, &(siginfo_t){}, WEXITED | WNOWAIT);
	status = cell_end(&cell);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(netlink, groups)
{
	struct lodge_policy enforcing = {};
	struct lodge_policy complaining = { .flags = LODGE_POLICY_COMPLAIN };

	EXPECT_EQ(3, joined(&enforcing));
	EXPECT_EQ(0, joined(&complaining));
}

LODGE_TEST_MAIN
