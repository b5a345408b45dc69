/* SPDX-License-Identifier: GPL-2.0-only */
/* What `lodge compare` measures, and prints. */
#ifndef COMPARE_H
#define COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct measurement - one guest's life
 * @to_command: nanoseconds until its command ran
 * @total: nanoseconds until all of it was gone
 * @memory_peak: bytes of its cgroup, the most; 0: not known
 * @memory_end: bytes of its cgroup when its command had ended; 0: not known
 * @kernel: the release of its kernel
 * @processes: how many its command saw
 * @status: the command's exit status
 */
struct measurement {
	uint64_t to_command;
	uint64_t total;
	uint64_t memory_peak;
	uint64_t memory_end;
	char kernel[68];
	uint32_t processes;
	int status;
};

/**
 * struct comparison - the same command, twice
 * @image: the image's name
 * @command: NULL-terminated; none: the image's own
 * @vm: as a VM
 * @container: as a container
 * @hardware: "SVM", "VMX"
 * @nr_namespaces: that a container has of its own
 * @nr_hooks: of a wall
 */
struct comparison {
	const char *image;
	char **command;
	struct measurement vm;
	struct measurement container;
	const char *hardware;
	unsigned int nr_namespaces;
	unsigned int nr_hooks;
};

void compare_print(const struct comparison *comparison);
void compare_print_json(const struct comparison *comparison);
/* Return: 0 or -1, errno */
int compare_print_svg(const struct comparison *comparison, FILE *file);

#endif /* COMPARE_H */
