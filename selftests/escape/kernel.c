// SPDX-License-Identifier: GPL-2.0-only
/* Ways through the kernel itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include "box.h"

static int run_iopl(struct box *box)
{
	return iopl(3) ? errno : 0;
}

/* It is no module, which only shows to who may load one. */
static int run_module(struct box *box)
{
	static char image[4096];

	syscall(SYS_init_module, image, sizeof(image), "");
	return errno == ENOEXEC ? 0 : errno;
}

static int run_module_file(struct box *box)
{
	int fd = open("/cat", O_RDONLY);

	syscall(SYS_finit_module, fd, "", 0);
	return errno == ENOEXEC ? 0 : errno;
}

static int run_bpf(struct box *box)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0 ? errno : 0;
}

static int run_perf(struct box *box)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};

	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0) < 0 ? errno : 0;
}

/* No segments: unloads what is not there. */
static int run_kexec(struct box *box)
{
	return syscall(SYS_kexec_load, 0, 0, NULL, 0) ? errno : 0;
}

static int run_settimeofday(struct box *box)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return settimeofday(&now, NULL) ? errno : 0;
}

static int run_keys(struct box *box)
{
	return syscall(SYS_add_key, "user", "escape", "x", (size_t)1, -2) < 0 ?
	       errno : 0;
}

#define SYSLOG_READ_ALL	3

static int run_syslog(struct box *box)
{
	char text[64];

	return klogctl(SYSLOG_READ_ALL, text, sizeof(text)) < 0 ? errno : 0;
}

const struct attack kernel_attacks[] = {
	{ "iopl", "security_capable", .run = run_iopl },
	{ "init_module", "security_capable", .run = run_module },
	{ "finit_module", "security_capable", .run = run_module_file },
	{ "eBPF", "security_bpf", .run = run_bpf },
	{ "perf_event_open", "security_perf_event_open", .run = run_perf },
	{ "kexec_load", "security_capable", .run = run_kexec },
	{ "settimeofday", "security_settime64", .run = run_settimeofday },
	{ "keyrings", "security_key_alloc", .run = run_keys },
	/* Which of them comes first is kernel.dmesg_restrict's. */
	{ "the kernel's log", "security_syslog security_capable", .run = run_syslog },
	{ NULL },
};
