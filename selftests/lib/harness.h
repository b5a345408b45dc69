/* SPDX-License-Identifier: GPL-2.0-only */
/* kselftest's harness, and what all tests of Lodge want of it. */
#ifndef LODGE_SELFTEST_HARNESS_H
#define LODGE_SELFTEST_HARNESS_H

#include "kselftest_harness.h"
#include "vm.h"

/* An emulated machine is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 60

/* Skipped by name: the harness itself prints only the reason. */
#define SKIP_TEST(fmt, ...) \
	SKIP(return, "%s: " fmt, _metadata->name, ##__VA_ARGS__)

/* A guest runs a function to its end. */
#define RUN_GUEST(fn, arg) \
	ASSERT_EQ(GUEST_DONE, guest_call(FN(fn), arg))

#define ASSERT_GUEST(event, vcpu) \
	ASSERT_EQ(event, guest_expect(vcpu, event))

/* The errno that a call failed with, 0 if it did not fail. */
#define ERRNO_OF(call)	({ errno = 0; (call) == -1 ? errno : 0; })

/* A call fails with this errno. */
#define EXPECT_ERRNO(err, call) EXPECT_EQ(err, ERRNO_OF(call))

/* @prepare: what is done before any test, or decides that there is none. */
#define LODGE_TEST_MAIN_AFTER(prepare)					\
	static void __attribute__((constructor))			\
	__constructor_order_last(void)					\
	{								\
		if (!__constructor_order)				\
			__constructor_order = _CONSTRUCTOR_ORDER_BACKWARD; \
	}								\
	int main(int argc, char **argv)					\
	{								\
		struct __fixture_metadata *f;				\
		struct __test_metadata *t;				\
									\
		require_lodge();					\
		prepare();						\
		for (f = __fixture_list; f; f = f->next)		\
			for (t = f->tests; t; t = t->next)		\
				t->timeout *= patience();		\
		return test_harness_run(argc, argv);			\
	}

static inline void prepare_nothing(void)
{
}

#define LODGE_TEST_MAIN		LODGE_TEST_MAIN_AFTER(prepare_nothing)

#endif
