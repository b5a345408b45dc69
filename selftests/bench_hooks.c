// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the wall costs those outside of it: hooked system calls, made by a task in
 * no cell, without the module and with it.
 *
 *   bench-hooks --save FILE     measures
 *   bench-hooks --compare FILE  measures, and prints by how much each hook has made
 *                               calls longer than they are in FILE
 *
 * The unit is that of bench_exits.c: an instruction, in a test machine that counts
 * them.  A figure is the mean of a batch of calls, and of all batches the least:
 * the others have interrupts in them.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCHES	50
#define ROUNDS	100
#define LIMIT	60

static int zero, sockets[2];
static char byte;

static long do_open(void)
{
	int fd = open("/dev/null", O_RDONLY);

	return fd < 0 ? -1 : close(fd);
}

static long do_read(void)
{
	return read(zero, &byte, 1);
}

static long do_stat(void)
{
	struct stat stat;

	return fstat(zero, &stat);
}

static long do_getsockopt(void)
{
	int value;
	socklen_t size = sizeof(value);

	return getsockopt(sockets[0], SOL_SOCKET, SO_TYPE, &value, &size);
}

static long do_send(void)
{
	return send(sockets[0], &byte, 1, 0) == 1 ? recv(sockets[1], &byte, 1, 0) : -1;
}

static long do_kill(void)
{
	return kill(getpid(), 0);
}

static long do_setpriority(void)
{
	return setpriority(PRIO_PROCESS, 0, 0);
}

/* Its length is looked at after the capability. */
static long do_sethostname(void)
{
	return syscall(SYS_sethostname, &byte, -1L) ? 0 : -1;
}

static const struct {
	const char *name;
	long (*call)(void);
	const char *hooks;	/* security_..., in the order of the calls */
	int nr_hooks;
} parts[] = {
	{ "open, close", do_open, "file_open", 1 },
	{ "read", do_read, "file_permission", 1 },
	{ "fstat", do_stat, "inode_getattr", 1 },
	{ "getsockopt", do_getsockopt, "socket_getsockopt", 1 },
	{ "send, recv (Unix)", do_send,
	  "socket_sendmsg, unix_may_send, socket_recvmsg", 3 },
	{ "kill of itself", do_kill, "task_kill", 1 },
	{ "setpriority", do_setpriority, "task_setnice", 1 },
	{ "sethostname, refused", do_sethostname, "capable", 1 },
};

#define NR_PARTS	((int)(sizeof(parts) / sizeof(parts[0])))

static uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static double measure(int part)
{
	uint64_t best = UINT64_MAX, begin, took;
	int batch, i;

	if (parts[part].call() < 0)
		err(1, "%s", parts[part].name);
	for (batch = 0; batch < BATCHES; batch++) {
		begin = ticks();
		for (i = 0; i < ROUNDS; i++)
			parts[part].call();
		took = ticks() - begin;
		if (took < best)
			best = took;
	}
	return (double)best / ROUNDS;
}

/* Return: whether each hook costs something, and no more than it may */
static int print_table(const double *without, const double *with)
{
	double each;
	int i, good = 1;

	printf("%-22s %9s %9s %9s  %s\n", "ticks, in no cell", "no module", "module",
	       "a hook", "hooks");
	for (i = 0; i < NR_PARTS; i++) {
		each = (with[i] - without[i]) / parts[i].nr_hooks;
		printf("%-22s %9.0f %9.0f %9.1f  %s\n", parts[i].name, without[i],
		       with[i], each, parts[i].hooks);
		if (each < 1 || each > LIMIT)
			good = 0;
	}
	return good;
}

int main(int argc, char **argv)
{
	double results[NR_PARTS], others[NR_PARTS];
	FILE *file;
	int i;

	if (argc != 3 || (strcmp(argv[1], "--save") && strcmp(argv[1], "--compare")))
		errx(2, "usage: bench-hooks --save FILE | --compare FILE");
	zero = open("/dev/zero", O_RDONLY);
	if (zero < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets))
		err(1, "preparing");
	for (i = 0; i < NR_PARTS; i++)
		results[i] = measure(i);

	if (!strcmp(argv[1], "--save")) {
		file = fopen(argv[2], "w");
		if (!file || fwrite(results, sizeof(results), 1, file) != 1 || fclose(file))
			err(1, "%s", argv[2]);
		return 0;
	}
	file = fopen(argv[2], "r");
	if (!file || fread(others, sizeof(others), 1, file) != 1)
		err(1, "%s", argv[2]);
	fclose(file);
	if (!print_table(others, results))
		errx(1, "a hook is not there, or costs more than %d", LIMIT);
	return 0;
}
