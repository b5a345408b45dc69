/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine that a test runs on: its files, its kernel, the module in it. */
#ifndef LODGE_SELFTEST_SYS_H
#define LODGE_SELFTEST_SYS_H

#include <stdbool.h>
#include <sys/types.h>

#define MODULE		"/lib/modules/lodge.ko"
#define REFCNT		"/sys/module/lodge/refcnt"

long read_number(const char *path);	/* -1 if there is none */
int write_text(const char *path, const char *text);	/* 0 or -errno */

/*
 * The CPUs that were this test's when it began: a test machine may keep others.
 * The file says whether the last one is on line; it may not be there.
 */
int nr_cpus(void);
int cpu_nr(int i);			/* its number, of the Ith */
const char *last_cpu_online(void);
bool last_cpu_can_leave(void);		/* there is one, and it is not the only one */

/* A kernel with checks that make all of it slow. */
bool debug_kernel(void);

/* The last descriptor is closed a moment after the process is reaped. */
bool module_unused(void);
int module_unload(void);		/* 0 or -errno */
int module_load(void);

/* PID and all its threads: what they do, and where in the kernel they are. */
void print_threads(pid_t pid);

#endif
