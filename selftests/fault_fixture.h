/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocations of this thread that fail when they are to. */
#ifndef LODGE_SELFTEST_FAULT_FIXTURE_H
#define LODGE_SELFTEST_FAULT_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "harness.h"
#include "sys.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"

static int fail_nth_fd;

static inline void set_knob(const char *name, const char *value)
{
	char path[100];

	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	/* Not every kernel has all of them. */
	write_text(path, value);
}

/* fail-nth needs no probability; but these say what may fail at all. */
static inline void faults_init(void)
{
	set_knob("failslab/ignore-gfp-wait", "N");
	set_knob("failslab/cache-filter", "N");
	set_knob("failslab/verbose", "0");
	set_knob("fail_page_alloc/ignore-gfp-wait", "N");
	set_knob("fail_page_alloc/ignore-gfp-highmem", "N");
	set_knob("fail_page_alloc/min-order", "0");
	set_knob("fail_page_alloc/verbose", "0");
	set_knob("fail_usercopy/verbose", "0");
	fail_nth_fd = CHECK(open(FAIL_NTH, O_RDWR | O_CLOEXEC));
}

static inline void arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	CHECK(pwrite(fail_nth_fd, text, n, 0));
}

/* Has the fault come to pass? */
static inline bool disarm(void)
{
	char text[16] = "";
	bool used = false;
	int tries;

	/* These copy too, and that may be what fails. */
	if (pread(fail_nth_fd, text, sizeof(text) - 1, 0) > 0)
		used = !atoi(text);
	for (tries = 0; tries < 3; tries++)
		if (pwrite(fail_nth_fd, "0", 1, 0) == 1)
			return used;
	die(__FILE__, __LINE__, FAIL_NTH);
}

static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		die(__FILE__, __LINE__, "/proc/self/fd");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline bool documented(int ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

static inline void require_faults(void)
{
	if (access(FAIL_NTH, R_OK | W_OK))
		ksft_exit_skip("there is no " FAIL_NTH ": this kernel was built without CONFIG_FAULT_INJECTION\n");
}

#endif
