// SPDX-License-Identifier: GPL-2.0-only
/* What the words of limits become: for the kernel, or an error. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "container/cgroup.h"
#include "container/limits.h"
#include "tap.h"

static struct error error;

static void test_cpus(void)
{
	static const char *const bad[] = { "", "0", "0.001", "-1", "1x", "nan", "1e9", " 1" };
	uint64_t quota = 0;
	bool refused = true;
	size_t i;

	ok(!limits_parse_cpus("1.5", &quota, &error) && quota == 150000, "--cpus 1.5");
	ok(!limits_parse_cpus("0.29", &quota, &error) && quota == 29000,
	   "--cpus 0.29 is not a bit less");
	ok(!limits_parse_cpus("max", &quota, &error) && quota == LIMIT_MAX, "--cpus max");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused &= limits_parse_cpus(bad[i], &quota, &error) < 0;
	ok(refused, "what is no number of CPUs");
}

static void test_weight(void)
{
	uint64_t weight = 0;

	ok(!limits_parse_weight("10000", "--x", &weight, &error) && weight == 10000 &&
	   limits_parse_weight("10001", "--x", &weight, &error) &&
	   limits_parse_weight("0", "--x", &weight, &error) &&
	   limits_parse_weight("1k", "--x", &weight, &error) &&
	   limits_parse_weight("", "--x", &weight, &error), "weights");
	ok(!limits_parse_shares("1024", &weight, &error) && weight == 100, "1024 shares");
	ok(!limits_parse_shares("512", &weight, &error) && weight == 50, "512 shares");
	ok(!limits_parse_shares("2", &weight, &error) && weight == 1, "the fewest shares");
	ok(!limits_parse_shares("262144", &weight, &error) && weight == 10000,
	   "the most shares");
	ok(limits_parse_shares("1", &weight, &error) &&
	   limits_parse_shares("262145", &weight, &error), "fewer, and more");
}

static void test_pids(void)
{
	uint64_t pids = 0;

	ok(!limits_parse_pids("20", &pids, &error) && pids == 20, "--pids 20");
	ok(!limits_parse_pids("max", &pids, &error) && pids == LIMIT_MAX, "--pids max");
	ok(limits_parse_pids("0", &pids, &error) && limits_parse_pids("-1", &pids, &error) &&
	   limits_parse_pids("99999999999999999999", &pids, &error), "what is no number");
}

/* Becomes @wanted, or with NULL an error */
static void io_max(const char *text, const char *wanted)
{
	struct limits limits = { .memory = 0 };
	int result = limits_parse_io_max(text, &limits, &error);
	char what[80];

	snprintf(what, sizeof(what), "--io-max '%.40s'%s", text, wanted ? "" : " is refused");
	if (wanted)
		ok(!result && limits.nr_io_max == 1 && !strcmp(limits.io_max[0], wanted),
		   what);
	else
		ok(result < 0 && !limits.nr_io_max, what);
}

static void test_io_max(void)
{
	struct limits limits = { .memory = 0 };
	char longest[LIMITS_IO_SIZE + 8];
	int i, result = 0;

	io_max("8:16 rbps=1000", "8:16 rbps=1000");
	io_max("8:16 rbps=10k wbps=2M,riops=max wiops=7",
	       "8:16 rbps=10240 wbps=2097152 riops=max wiops=7");
	io_max("8:16", NULL);
	io_max("", NULL);
	io_max("8:16 ", NULL);
	io_max("8 rbps=1", NULL);
	io_max("8:16x rbps=1", NULL);
	io_max("8:99999999999 rbps=1", NULL);
	io_max("8:16 bps=1", NULL);
	io_max("8:16 rbps=0", NULL);
	io_max("8:16 rbps=18446744073709551614g", NULL);
	io_max("8:16 rbps=1 rbps=1 rbps=1 rbps=1 rbps=1", NULL);
	io_max("/dev/null rbps=1", NULL);
	ok(strstr(error.text, "'/dev/null' is not a disk"), "the error names it");
	io_max("/nowhere:rbps=1", NULL);
	ok(strstr(error.text, "/nowhere: No such file"), "docker's colon");
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	io_max(longest, NULL);
	for (i = 0; i < LIMITS_IO_MAX; i++)
		result |= limits_parse_io_max("8:0 wbps=18446744073709551614 rbps=18446744073709551614 riops=18446744073709551614 wiops=18446744073709551614",
					      &limits, &error);
	ok(!result && strlen(limits.io_max[0]) < LIMITS_IO_SIZE - 1 &&
	   strstr(limits.io_max[0], "wiops=18446744073709551614"), "long ones are whole");
	ok(limits_parse_io_max("8:0 rbps=1", &limits, &error), "there is an end of them");
}

int main(void)
{
	test_cpus();
	test_weight();
	test_pids();
	test_io_max();
	return tap_end();
}
