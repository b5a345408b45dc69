/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest's cgroup may use, in words and in numbers. */
#ifndef LIMITS_H
#define LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define LIMIT_MAX	UINT64_MAX	/* "max": no limit */
#define LIMITS_IO_MAX	16
#define LIMITS_IO_SIZE	160

/**
 * struct limits - limits of a cgroup; 0 is for those that nobody has asked for
 * @memory: bytes, or LIMIT_MAX
 * @cpu_quota: microseconds in CGROUP_CPU_PERIOD, or LIMIT_MAX
 * @cpu_weight: 1 to 10000, beside the 100 of others
 * @pids: processes and threads, or LIMIT_MAX
 * @io_weight: 1 to 10000, beside the 100 of others
 * @io_max: "MAJOR:MINOR KEY=N ...", as the kernel takes it
 * @nr_io_max: how many
 */
struct limits {
	uint64_t memory;
	uint64_t cpu_quota;
	uint64_t cpu_weight;
	uint64_t pids;
	uint64_t io_weight;
	char io_max[LIMITS_IO_MAX][LIMITS_IO_SIZE];
	size_t nr_io_max;
};

/* These read what an option has as its value. Return: 0 or -1 */

/* "1.5", or max */
int limits_parse_cpus(const char *text, uint64_t *quota, struct error *error);
/* 1 to 10000, for the option of that name */
int limits_parse_weight(const char *text, const char *option, uint64_t *weight,
			struct error *error);
/* docker's, 2 to 262144, beside the 1024 of others */
int limits_parse_shares(const char *text, uint64_t *weight, struct error *error);
/* A number from 1 on, or max */
int limits_parse_pids(const char *text, uint64_t *pids, struct error *error);
/* "/dev/sda rbps=1000000", "8:0 wbps=10m,wiops=max": one more of them */
int limits_parse_io_max(const char *text, struct limits *limits, struct error *error);

#endif /* LIMITS_H */
