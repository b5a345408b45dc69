// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec-into run|make KERNEL INITRAMFS COMMAND-LINE: starts another kernel while
 * guests run, or while VMs are made and freed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "sys.h"
#include "vm.h"

#define THREADS	2

static volatile u64 laps[THREADS];

static void busy_guest(u64 arg)
{
	u32 a, b, c, d, i;

	for (;;) {
		for (i = 0; i < 1000; i++)
			cpuid(0, 0, &a, &b, &c, &d);
		out8(PORT_MAIL, 0);
	}
}

static void *run(void *arg)
{
	struct vcpu *c = vcpu_create(vm_create(), 0);
	volatile u64 *lap = arg;

	vcpu_start64(c, busy_guest, 0);
	while (!ioctl(c->fd, LODGE_RUN, 0))
		(*lap)++;
	return NULL;
}

/* Root mode comes and goes with the VM, but not once the kernel has ended it. */
static void *make(void *arg)
{
	struct lodge_create_vm create = { .size = sizeof(create) };
	volatile u64 *lap = arg;
	int vm, dev = lodge_open();

	for (;; (*lap)++) {
		vm = ioctl(dev, LODGE_CREATE_VM, &create);
		if (vm >= 0)
			close(vm);
	}
	return NULL;
}

static bool under_way(void)
{
	int i;

	for (i = 0; i < THREADS; i++)
		if (laps[i] < 10)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int kernel, initramfs, i;
	pthread_t thread;

	if (argc != 5) {
		fprintf(stderr, "Usage: kexec-into run|make KERNEL INITRAMFS COMMAND-LINE\n");
		return 2;
	}
	kernel = CHECK(open(argv[2], O_RDONLY | O_CLOEXEC));
	initramfs = CHECK(open(argv[3], O_RDONLY | O_CLOEXEC));
	CHECK(syscall(SYS_kexec_file_load, kernel, initramfs,
		      strlen(argv[4]) + 1, argv[4], 0));
	for (i = 0; i < THREADS; i++)
		CHECK(-pthread_create(&thread, NULL,
				      strcmp(argv[1], "run") ? make : run,
				      (void *)&laps[i]));
	if (!WAIT_FOR(under_way(), 20000))
		die(__FILE__, __LINE__, "nothing is under way");
	CHECK(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		      LINUX_REBOOT_CMD_KEXEC, NULL));
	return 1;
}
