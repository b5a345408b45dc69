// SPDX-License-Identifier: GPL-2.0-only
/* What a test needs before it can begin. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "kselftest.h"
#include "vm.h"

void require_lodge(void);

void require_lodge(void)
{
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open("/dev/lodge", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("/dev/lodge: %s (load lodge.ko, and be root)\n",
			       strerror(errno));
	close(fd);
	if (lodge_get_info()->vm_error)
		ksft_exit_skip("no VM can run here: %s\n", lodge_get_info()->reason);
}
