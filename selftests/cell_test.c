// SPDX-License-Identifier: GPL-2.0-only
/* Cells: what their calls refuse, and what a wall does from its begin to its end. */
#include "cell_fixture.h"
#include "netlink_fixture.h"
#include "sys.h"
#include "uapi_fixture.h"

FIXTURE(cell) {
	struct walled w;
	int fd;
};

FIXTURE_SETUP(cell)
{
	walled_create(&self->w);
	self->fd = -1;
}

FIXTURE_TEARDOWN(cell)
{
	if (self->fd >= 0)
		close(self->fd);
	walled_free(&self->w);
	/* The burial comes a moment after the last process. */
	EXPECT_TRUE(WAIT_FOR(module_unused(), 10000));
}

#define EXPECT_REFUSED(err)						\
	EXPECT_ERRNO(err, walled_wall(&self->w))

TEST_F(cell, create_size)
{
	SIZE_RULES_GROWN(self->w.dev, LODGE_CREATE_CELL, self->w.args,
			 offsetof(struct lodge_create_cell, vm), INT_MAX);
}

TEST_F(cell, create_arguments)
{
	struct lodge_create_cell good = self->w.args;
	struct lodge_create_cell *args = &self->w.args;

	args->flags = 1;
	EXPECT_REFUSED(EINVAL);
	*args = good;
	args->pid = 0;
	EXPECT_REFUSED(ESRCH);
	args->pid = -1;
	EXPECT_REFUSED(ESRCH);
	args->pid = 0x3fffffff;
	EXPECT_REFUSED(ESRCH);
	args->pid = getpid();
	EXPECT_REFUSED(ECHILD);
	args->pid = getppid();
	EXPECT_REFUSED(ECHILD);
	*args = good;
	args->cgroup = -1;
	EXPECT_REFUSED(EBADF);
	args->cgroup = self->w.file;
	EXPECT_REFUSED(EBADF);
	args->cgroup = CHECK(open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY));
	EXPECT_REFUSED(EINVAL);
	close(args->cgroup);
	*args = good;
	args->policy = 0;
	EXPECT_REFUSED(EFAULT);
	args->policy = (u64)BAD_POINTER;
	EXPECT_REFUSED(EFAULT);
	*args = good;
	strcpy(args->name, "-no");
	EXPECT_REFUSED(EINVAL);
	strcpy(args->name, "a/b");
	EXPECT_REFUSED(EINVAL);
	memset(args->name, 'a', sizeof(args->name));
	EXPECT_REFUSED(EINVAL);
}

TEST_F(cell, create_not_first)
{
	pid_t first = self->w.init, other = walled_clone(&self->w, 0);

	/* A child in the initial pid namespace */
	self->w.args.pid = other;
	EXPECT_REFUSED(EINVAL);
	kill(other, SIGKILL);
	EXPECT_EQ(other, waitpid(other, NULL, 0));
	EXPECT_REFUSED(ESRCH);
	self->w.args.pid = first;
}

TEST_F(cell, create_as_nobody)
{
	CHECK(seteuid(65534));
	EXPECT_REFUSED(EPERM);
	CHECK(seteuid(0));
}

TEST_F(cell, create_twice)
{
	struct walled *w = &self->w;

	strcpy(w->args.name, "cell-one");
	self->fd = walled_wall(w);
	ASSERT_LE(0, self->fd);
	strcpy(w->args.name, "cell-two");
	EXPECT_REFUSED(EBUSY);
	/* From inside: /dev/lodge is none of its files. */
	EXPECT_EQ(EACCES, walled_do(w, DO_CREATE));
}

TEST_F(cell, policy_arguments)
{
	struct lodge_policy *policy = &self->w.policy, good = *policy;
	struct lodge_cell_rule *rule = &self->w.rule, good_rule = *rule;
	static const u32 bad_kinds[] = { 0, LODGE_RULE_FAMILY + 1, ~0U };
	unsigned int i;

	policy->size = sizeof(*policy) - 1;
	EXPECT_REFUSED(EINVAL);
	policy->size = 1 << 20;
	EXPECT_REFUSED(E2BIG);
	*policy = good;
	policy->flags = LODGE_POLICY_COMPLAIN << 1;
	EXPECT_REFUSED(EINVAL);
	*policy = good;
	policy->rights = LODGE_RIGHTS_ALL + 1;
	EXPECT_REFUSED(EINVAL);
	*policy = good;
	policy->reserved = 1;
	EXPECT_REFUSED(EINVAL);
	*policy = good;
	policy->nr_rules = LODGE_MAX_RULES + 1;
	EXPECT_REFUSED(E2BIG);
	policy->nr_rules = ~0U;
	EXPECT_REFUSED(E2BIG);
	*policy = good;
	policy->rules = 0;
	EXPECT_REFUSED(EFAULT);
	policy->rules = (u64)BAD_POINTER;
	EXPECT_REFUSED(EFAULT);
	*policy = good;

	for (i = 0; i < ARRAY_SIZE(bad_kinds); i++) {
		rule->kind = bad_kinds[i];
		EXPECT_REFUSED(EINVAL);
	}
	*rule = good_rule;
	rule->access = 8;
	EXPECT_REFUSED(EINVAL);
	*rule = good_rule;
	rule->major = 1;
	EXPECT_REFUSED(EINVAL);
	*rule = good_rule;
	rule->type[0] = 'x';
	EXPECT_REFUSED(EINVAL);
	*rule = good_rule;
	rule->fd = -1;
	EXPECT_REFUSED(EBADF);
	rule->fd = 1 << 20;
	EXPECT_REFUSED(EBADF);

	*rule = (struct lodge_cell_rule) { .kind = LODGE_RULE_CHAR_DEVICE };
	rule->access = LODGE_ACCESS_EXECUTE;
	EXPECT_REFUSED(EINVAL);
	rule->access = 0;
	rule->fd = 1;
	EXPECT_REFUSED(EINVAL);
	*rule = (struct lodge_cell_rule) { .kind = LODGE_RULE_FILESYSTEM };
	EXPECT_REFUSED(EINVAL);
	memset(rule->type, 'x', sizeof(rule->type));
	EXPECT_REFUSED(EINVAL);
	*rule = (struct lodge_cell_rule) { .kind = LODGE_RULE_FAMILY, .major = 64 };
	EXPECT_REFUSED(EINVAL);
	*rule = good_rule;
}

TEST_F(cell, state_arguments)
{
	struct lodge_cell_state state = { .size = sizeof(state) }, good = state;
	int fd = walled_wall(&self->w);

	self->fd = fd;
	ASSERT_LE(0, fd);
	SIZE_RULES(fd, LODGE_CELL_GET_STATE, state, 0);
	SIZE_RULES(fd, LODGE_CELL_SET_STATE, state, 0);
	SIZE_RULES(fd, LODGE_CELL_SET_POLICY, self->w.policy, 0);
	state.flags = LODGE_CELL_ENDED << 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_CELL_SET_STATE, &state));
	state = good;
	state.status = 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_CELL_SET_STATE, &state));
	state = good;
	state.reserved = 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_CELL_SET_STATE, &state));
	state = good;
	state.checks = 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_CELL_SET_STATE, &state));
	state = good;
	state.denials = 1;
	EXPECT_ERRNO(EINVAL, ioctl(fd, LODGE_CELL_SET_STATE, &state));
	EXPECT_ERRNO(ENOTTY, ioctl(fd, LODGE_GET_INFO, &state));
	EXPECT_ERRNO(ENOTTY, ioctl(self->w.dev, LODGE_CELL_GET_STATE, &state));
}

static struct lodge_cell_state get_state(int fd)
{
	struct lodge_cell_state state = { .size = sizeof(state) };

	CHECK(ioctl(fd, LODGE_CELL_GET_STATE, &state));
	return state;
}

/* It takes effect at once, for what is open as well. */
TEST_F(cell, policy_changes)
{
	struct walled *w = &self->w;

	EXPECT_EQ(0, walled_do(w, DO_READ));
	self->fd = walled_wall(w);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(EACCES, walled_do(w, DO_READ));
	EXPECT_LE(1, get_state(self->fd).denials);

	w->policy.flags = LODGE_POLICY_COMPLAIN;
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_POLICY, &w->policy));
	EXPECT_EQ(0, walled_do(w, DO_READ));
	EXPECT_EQ(2, get_state(self->fd).denials);

	w->policy.flags = 0;
	w->policy.rights = LODGE_RIGHT_FILES;
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_POLICY, &w->policy));
	EXPECT_EQ(0, walled_do(w, DO_READ));
	EXPECT_EQ(2, get_state(self->fd).denials);

	w->policy.rights = 0;
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_POLICY, &w->policy));
	EXPECT_EQ(EACCES, walled_do(w, DO_READ));

	/* The very file as a tree, to read */
	close(w->rule.fd);
	w->rule.fd = CHECK(open(HOST_FILE, O_PATH | O_CLOEXEC));
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_POLICY, &w->policy));
	EXPECT_EQ(0, walled_do(w, DO_READ));
	w->rule.access = LODGE_ACCESS_WRITE;
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_POLICY, &w->policy));
	EXPECT_EQ(EACCES, walled_do(w, DO_READ));
	EXPECT_LT(3, get_state(self->fd).checks);
}

TEST_F(cell, nested_namespace)
{
	self->fd = walled_wall(&self->w);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(EACCES, walled_do(&self->w, DO_READ_NESTED));
}

TEST_F(cell, close_kills)
{
	int status, fd = walled_wall(&self->w);

	ASSERT_LE(0, fd);
	EXPECT_EQ(EACCES, walled_do(&self->w, DO_READ));
	EXPECT_NE(0, module_unload());
	close(fd);
	EXPECT_EQ(self->w.init, waitpid(self->w.init, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What its keeper tells is what the registry says. */
TEST_F(cell, registry)
{
	struct lodge_cell_state state = { .size = sizeof(state) };
	struct info info;
	struct nl nl;

	strcpy(self->w.args.name, "cell-registry");
	self->fd = walled_wall(&self->w);
	ASSERT_LE(0, self->fd);
	nl_open(&nl);
	ASSERT_EQ(1, get_by_name(&nl, "cell-registry", &info));
	EXPECT_EQ(LODGE_GUEST_STATE_RUNNING, info.state);
	EXPECT_EQ(getpid(), info.pid);
	state.flags = LODGE_CELL_PAUSED;
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_STATE, &state));
	get_by_id(&nl, info.id, &info);
	EXPECT_EQ(LODGE_GUEST_STATE_PAUSED, info.state);
	state.flags = 0;
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_STATE, &state));
	get_by_id(&nl, info.id, &info);
	EXPECT_EQ(LODGE_GUEST_STATE_RUNNING, info.state);
	state.flags = LODGE_CELL_ENDED;
	state.status = 5 << 8;
	ASSERT_EQ(0, ioctl(self->fd, LODGE_CELL_SET_STATE, &state));
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(WAIT_FOR(has_ended(&nl, info.id, &info), 5000));
	EXPECT_EQ(LODGE_END_REASON_FINISHED, info.reason);
	EXPECT_EQ(5, info.status);
	nl_close(&nl);
}

/* One whose keeper is killed leaves neither process nor wall. */
TEST_F(cell, keeper_killed)
{
	struct walled w;
	int status;
	pid_t pid = CHECK(fork());

	if (!pid) {
		walled_create(&w);
		if (walled_wall(&w) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	EXPECT_TRUE(WIFSIGNALED(status));
}

LODGE_TEST_MAIN
