// SPDX-License-Identifier: GPL-2.0-only
/* Limits of cgroups, as the command line has them. */
#include "container/limits.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "container/cgroup.h"

#define WEIGHT_DEFAULT	100
#define WEIGHT_MAX	10000
#define SHARES_DEFAULT	1024
#define SHARES_MIN	2
#define SHARES_MAX	262144

/* Digits alone, and what they end at. Return: 0 or -1 */
static int parse_number(const char *text, uint64_t *number, const char **rest)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	*rest = end;
	return isdigit((unsigned char)text[0]) && !errno && *number != LIMIT_MAX ? 0 : -1;
}

int limits_parse_cpus(const char *text, uint64_t *quota, struct error *error)
{
	char *end;
	double cpus;

	if (!strcmp(text, "max")) {
		*quota = LIMIT_MAX;
		return 0;
	}
	errno = 0;
	cpus = strtod(text, &end);
	/* The kernel's smallest quota is 1 ms.  Not a number is not in there, either. */
	if (!isdigit((unsigned char)text[0]) || *end || errno ||
	    !(cpus >= 0.01 && cpus <= 8192)) {
		error_set(error, 0, "'%s' is not a number of CPUs", text);
		return error_advise(error, "give a number from 0.01 on, such as 1.5");
	}
	*quota = (uint64_t)(cpus * CGROUP_CPU_PERIOD + 0.5);
	return 0;
}

int limits_parse_weight(const char *text, const char *option, uint64_t *weight,
			struct error *error)
{
	const char *rest;

	if (!parse_number(text, weight, &rest) && !*rest && *weight &&
	    *weight <= WEIGHT_MAX)
		return 0;
	error_set(error, 0, "'%s' is not a weight for %s", text, option);
	return error_advise(error, "give a number from 1 to %d; that of others is %d",
			    WEIGHT_MAX, WEIGHT_DEFAULT);
}

int limits_parse_shares(const char *text, uint64_t *weight, struct error *error)
{
	const char *rest;
	uint64_t shares;

	if (parse_number(text, &shares, &rest) || *rest || shares < SHARES_MIN ||
	    shares > SHARES_MAX) {
		error_set(error, 0, "'%s' is not a number of shares for --cpu-shares", text);
		return error_advise(error, "give a number from %d to %d, or a weight with --cpu-weight",
				    SHARES_MIN, SHARES_MAX);
	}
	/* As systemd does: twice as many are twice as much. */
	*weight = shares * WEIGHT_DEFAULT / SHARES_DEFAULT;
	if (!*weight)
		*weight = 1;
	if (*weight > WEIGHT_MAX)
		*weight = WEIGHT_MAX;
	return 0;
}

int limits_parse_pids(const char *text, uint64_t *pids, struct error *error)
{
	const char *rest;

	if (!strcmp(text, "max")) {
		*pids = LIMIT_MAX;
		return 0;
	}
	if (!parse_number(text, pids, &rest) && !*rest && *pids)
		return 0;
	error_set(error, 0, "'%s' is not a number for --pids", text);
	return error_advise(error, "give a number from 1 on, or max");
}

/* "8:16", and what it ends at. Return: 0 or -1 */
static int parse_numbers(const char *text, dev_t *disk, const char **rest)
{
	uint64_t major, minor;

	if (parse_number(text, &major, rest) || **rest != ':' ||
	    parse_number(*rest + 1, &minor, rest) || major > UINT_MAX || minor > UINT_MAX)
		return -1;
	*disk = makedev((unsigned int)major, (unsigned int)minor);
	return 0;
}

/* Limits are of disks, not of their partitions. */
static dev_t whole_disk(dev_t disk)
{
	char path[PATH_MAX], text[32] = "";
	const char *rest;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(disk),
		 minor(disk));
	if (access(path, F_OK))
		return disk;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major(disk),
		 minor(disk));
	file = fopen(path, "re");
	if (!file)
		return disk;
	if (fgets(text, sizeof(text), file))
		parse_numbers(text, &disk, &rest);
	fclose(file);
	return disk;
}

/* A path, or two numbers. Return: 0 or -1 */
static int parse_disk(const char *text, dev_t *disk, struct error *error)
{
	const char *rest;
	struct stat status;

	if (text[0] != '/') {
		if (!parse_numbers(text, disk, &rest) && !*rest)
			return 0;
		error_set(error, 0, "'%s' is not a disk", text);
		return error_advise(error, "give its path, or MAJOR:MINOR");
	}
	if (stat(text, &status))
		return error_set(error, errno, "cannot look at the disk %s", text);
	if (!S_ISBLK(status.st_mode))
		return error_set(error, 0, "'%s' is not a disk", text);
	*disk = whole_disk(status.st_rdev);
	return 0;
}

/* "wbps=10m": its line has it as the kernel reads it. Return: 0 or -1 */
static int append_io_max(char *line, const char *word, struct error *error)
{
	static const char *const keys[] = { "rbps", "wbps", "riops", "wiops" };
	size_t length = strcspn(word, "="), used = strlen(line), i;
	unsigned int shift = 0;
	static const char suffixes[] = "kmg";
	const char *whole = word, *rest = "", *suffix;
	uint64_t number = 0;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i]) == length && !strncmp(word, keys[i], length))
			break;
	if (i == sizeof(keys) / sizeof(keys[0]) || word[length] != '=')
		goto bad;
	word += length + 1;
	if (!strcmp(word, "max")) {
		snprintf(line + used, LIMITS_IO_SIZE - used, " %s=max", keys[i]);
		return 0;
	}
	if (parse_number(word, &number, &rest))
		goto bad;
	suffix = *rest ? strchr(suffixes, tolower((unsigned char)*rest)) : NULL;
	if (suffix) {
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		rest++;
	}
	if (*rest || !number || number > UINT64_MAX >> shift)
		goto bad;
	snprintf(line + used, LIMITS_IO_SIZE - used, " %s=%" PRIu64, keys[i],
		 number << shift);
	return 0;
bad:
	error_set(error, 0, "'%s' is not a limit for --io-max", whole);
	return error_advise(error, "give rbps=, wbps=, riops= or wiops= and a number (k, m, g), or max");
}

int limits_parse_io_max(const char *text, struct limits *limits, struct error *error)
{
	char words[LIMITS_IO_SIZE], *word, *place;
	unsigned int count = 0;
	dev_t disk = 0;
	char *line;

	if (limits->nr_io_max == LIMITS_IO_MAX)
		return error_set(error, 0, "there are more than %d limits of disks",
				 LIMITS_IO_MAX);
	if (snprintf(words, sizeof(words), "%s", text) >= (int)sizeof(words))
		return error_set(error, 0, "'%s' is too long for --io-max", text);
	/* docker has a colon there */
	if (words[0] == '/' && words[strcspn(words, ": ")])
		words[strcspn(words, ": ")] = ' ';
	word = strtok_r(words, " ", &place);
	if (!word)
		return error_set(error, 0, "'%s' names no disk for --io-max", text);
	if (parse_disk(word, &disk, error))
		return -1;
	line = limits->io_max[limits->nr_io_max];
	snprintf(line, LIMITS_IO_SIZE, "%u:%u", major(disk), minor(disk));
	while ((word = strtok_r(NULL, " ,", &place))) {
		if (++count > 4)
			return error_set(error, 0, "'%s' has more than one limit of a kind",
					 text);
		if (append_io_max(line, word, error))
			return -1;
	}
	if (!count) {
		error_set(error, 0, "'%s' has no limit for --io-max", text);
		return error_advise(error, "give one behind the disk, such as wbps=10m");
	}
	limits->nr_io_max++;
	return 0;
}
