// SPDX-License-Identifier: GPL-2.0-only
/* Every allocation of the calls of cells fails once; see fault_test.c. */
#include "cell_fixture.h"
#include "fault_fixture.h"

static int call_create(struct walled *w, int *cell)
{
	int fd = walled_wall(w);

	if (fd < 0)
		return -errno;
	*cell = fd;
	return 0;
}

static int call_set_policy(struct walled *w, int *cell)
{
	return ioctl(*cell, LODGE_CELL_SET_POLICY, &w->policy) ? -errno : 0;
}

static int call_set_state(struct walled *w, int *cell)
{
	struct lodge_cell_state state = {
		.size = sizeof(state), .flags = LODGE_CELL_PAUSED,
	};

	return ioctl(*cell, LODGE_CELL_SET_STATE, &state) ? -errno : 0;
}

static int call_get_state(struct walled *w, int *cell)
{
	struct lodge_cell_state state = { .size = sizeof(state) };

	return ioctl(*cell, LODGE_CELL_GET_STATE, &state) ? -errno : 0;
}

static void try_all(struct __test_metadata *_metadata, bool walled,
		    int (*call)(struct walled *w, int *cell))
{
	unsigned int nth, faults = 0, failures = 0, sweeps = 0;
	int fds = count_fds(), cell, ret;
	struct walled w;
	bool used;

	/* Twice: see fault_test.c. */
	for (nth = 1; sweeps < 2; nth++) {
		walled_create(&w);
		cell = -1;
		if (walled)
			ASSERT_EQ(0, call_create(&w, &cell));

		arm(nth);
		ret = call(&w, &cell);
		used = disarm();
		if (ret) {
			failures++;
			EXPECT_TRUE(used);
			EXPECT_TRUE(documented(ret)) {
				TH_LOG("with fault %u: %s", nth, strerror(-ret));
			}
			ASSERT_EQ(0, call(&w, &cell)) {
				TH_LOG("after fault %u", nth);
			}
		}
		/* The wall stands. */
		ASSERT_EQ(EACCES, walled_do(&w, DO_READ));
		close(cell);
		walled_free(&w);
		ASSERT_EQ(fds, count_fds());
		ASSERT_TRUE(WAIT_FOR(module_unused(), 10000));
		if (!used) {
			faults += nth - 1;
			nth = 0;
			sweeps++;
		}
	}
	printf("# %s: %u faults, %u of them failed the call\n", _metadata->name,
	       faults, failures);
}

#define FAULT_TEST(name, walled, call)					\
	TEST(name)							\
	{								\
		faults_init();						\
		try_all(_metadata, walled, call);			\
	}

FAULT_TEST(create, false, call_create)
FAULT_TEST(set_policy, true, call_set_policy)
FAULT_TEST(set_state, true, call_set_state)
FAULT_TEST(get_state, true, call_get_state)

LODGE_TEST_MAIN_AFTER(require_faults)
