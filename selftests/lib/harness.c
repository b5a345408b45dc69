// SPDX-License-Identifier: GPL-2.0-only
/* What a test needs before it can begin. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest.h"
#include "vm.h"

static int factor(const char *name)
{
	const char *value = getenv(name);

	return value && atoi(value) > 1 ? atoi(value) : 1;
}

int slowness(void)
{
	return factor("LODGE_TEST_SLOW");
}

int patience(void)
{
	int n = factor("LODGE_TEST_PATIENCE");

	return n > slowness() ? n : slowness();
}

void require_lodge(void)
{
	u32 a, b, c, d;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open("/dev/lodge", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("/dev/lodge: %s (load lodge.ko, and be root)\n",
			       strerror(errno));
	close(fd);
	cpuid(0x40000000, 0, &a, &b, &c, &d);
	on_tcg = b == 0x54474354 && c == 0x43544743;
	if (lodge_get_info()->vm_error)
		ksft_exit_skip("no VM can run here: %s\n", lodge_get_info()->reason);
}
