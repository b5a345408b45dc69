// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec while guests run, or (with the argument "make") while VMs are made and
 * freed.  What is started then must find root mode off, and all CPUs.
 *
 * It ends the machine, so it is for test machines alone (scripts/testvm), one of
 * its own.  What it starts is no kernel, but kexec_payload.S, which reports in the
 * place of all that is gone: the test's points and run-tests' to COM2, as init
 * would to COM3.
 */
#include <errno.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kexec_payload.h"
#include "kselftest.h"
#include "sys.h"
#include "vm.h"

#define MAX_THREADS	2

extern const u8 kexec_payload[], kexec_payload_end[];
extern const u8 kexec_ap[], kexec_ap_end[];

static volatile u64 laps[MAX_THREADS];
static u8 payload[PAYLOAD_SIZE];

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

static bool under_way(int threads)
{
	int i;

	for (i = 0; i < threads; i++)
		if (laps[i] < 10)
			return false;
	return true;
}

/* A text into the payload's data, and where it is into *entry. */
static char *add_text(char *p, u32 *entry, const char *text, size_t size)
{
	entry[0] = PAYLOAD + (p - (char *)payload);
	entry[1] = size;
	memcpy(p, text, size);
	return p + size;
}

static void build_payload(const char *name)
{
	/* printf '' | gzip: the log of a kernel that is gone */
	static const char no_log[] =
		"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
	u64 *pml4 = (u64 *)(payload + PAYLOAD_PML4 - PAYLOAD);
	u64 *pdpt = (u64 *)(payload + PAYLOAD_PDPT - PAYLOAD);
	u8 *data = payload + PAYLOAD_DATA - PAYLOAD;
	u32 *entries = (u32 *)(data + DATA_TEXTS);
	char *p = (char *)(entries + NR_RESULTS * 4);
	char points[512], status[64];
	u32 result, i;
	int n;

	memcpy(payload, kexec_payload, kexec_payload_end - kexec_payload);
	*(u64 *)(payload + PAYLOAD_PML5 - PAYLOAD) = PAYLOAD_PML4 | 3;
	pml4[0] = PAYLOAD_PDPT | 3;
	for (i = 0; i < 4; i++)
		pdpt[i] = (u64)i << 30 | 0x83;
	*(u32 *)(data + DATA_OTHERS) = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	for (result = 0; result < NR_RESULTS; result++, entries += 4) {
		n = snprintf(points, sizeof(points),
			     "# %sok 1 root mode is off\n"
			     "# %sok 2 all CPUs start\n"
			     "%sok 1 selftests: lodge: %s\n",
			     result & RESULT_ROOT_ON ? "not " : "",
			     result & RESULT_MISSING ? "not " : "",
			     result ? "not " : "", name);
		p = add_text(p, entries, points, n);
		n = snprintf(status, sizeof(status), "status %d\nlog\n", !!result);
		memcpy(status + n, no_log, sizeof(no_log) - 1);
		p = add_text(p, entries + 2, status, n + sizeof(no_log) - 1);
	}
	if ((u8 *)p > payload + sizeof(payload))
		die(__FILE__, __LINE__, "the payload");
}

static void load_payload(void)
{
	struct kexec_segment segments[] = {
		{ kexec_ap, kexec_ap_end - kexec_ap, (void *)PAYLOAD_AP, 4096 },
		{ payload, sizeof(payload), (void *)PAYLOAD, sizeof(payload) },
	};

	if (!syscall(SYS_kexec_load, PAYLOAD, ARRAY_SIZE(segments), segments, 0))
		return;
	if (errno == ENOSYS)
		ksft_exit_skip("this kernel has no kexec_load()\n");
	ksft_exit_fail_msg("kexec_load: %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	bool making = argc > 1 && !strcmp(argv[1], "make");
	/* Two would always have one VM between them. */
	int i, threads = making ? 1 : MAX_THREADS;
	pthread_t thread;

	ksft_print_header();
	if (!getenv("TESTVM_CPU"))
		ksft_exit_skip("this would end the machine: it is for test machines\n");
	require_lodge();
	ksft_set_plan(2);
	build_payload(making ? "kexec_make_test.sh" : "kexec_test");
	load_payload();
	for (i = 0; i < threads; i++)
		CHECK(-pthread_create(&thread, NULL, making ? make : run,
				      (void *)&laps[i]));
	if (!WAIT_FOR(under_way(threads), 20000))
		ksft_exit_fail_msg("nothing is under way\n");
	fflush(stdout);
	sleep(1);	/* what was printed is to arrive */
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	ksft_exit_fail_msg("reboot: %s\n", strerror(errno));
}
