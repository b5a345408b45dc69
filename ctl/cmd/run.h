/* SPDX-License-Identifier: GPL-2.0-only */
/* `lodge run` is two verbs in one: what both kinds of guests share. */
#ifndef RUN_H
#define RUN_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container/run_config.h"
#include "error.h"

enum {
	RUN_OPTION_VM = 0x100,
	RUN_OPTION_CONTAINER,
	RUN_OPTION_NAME,
	RUN_OPTION_NET,
	RUN_OPTION_HOSTNAME,
	RUN_OPTION_RM,
	RUN_OPTION_STORE,
	RUN_OPTION_READ_ONLY,
	RUN_OPTION_ULIMIT,
	RUN_OPTION_CPUS,
	RUN_OPTION_CPU_WEIGHT,
	RUN_OPTION_CPU_SHARES,
	RUN_OPTION_PIDS,
	RUN_OPTION_IO_WEIGHT,
	RUN_OPTION_IO_MAX,
	RUN_OPTION_OWN,		/* the first that is a kind's own */
};

#define RUN_OPTIONS_MAX	96

/* Fills @all with the limits, which `lodge update` has, too, and with those of @own. */
void run_limits(struct option all[RUN_OPTIONS_MAX], const struct option *own);

/*
 * One of those. Return: 0, -1 with @error, or 1: it is not one
 */
int run_parse_limit(int option, const char *value, struct limits *limits,
		    struct error *error);

/* What each kind has beside the options that both have */

extern const struct option run_vm_options[];
extern const char *const run_vm_short_options;
extern const char run_vm_help[];
int run_vm(int argc, char **argv);

extern const struct option run_container_options[];
extern const char *const run_container_short_options;
extern const char run_container_help[];
int run_container(int argc, char **argv);

/* Can a guest have that name? Return: 0 or -1 */
int run_check_name(const char *name, struct error *error);

/* MiB, or a number with m or g behind it. Return: 0 or -1 */
int run_parse_memory(const char *text, uint64_t *memory, struct error *error);

/* Fills @all with the options that both kinds have, and with those of @own. */
void run_options(struct option all[RUN_OPTIONS_MAX], const struct option *own);

/**
 * run_parse_option() - an option about what is run in an image
 * @option: as getopt_long() has it
 * @value: likewise
 * @run: where it goes; the environment in it has room for one more, and a NULL
 * @error: filled on failure
 *
 * Return: 0, -1 with @error, or 1: it is not one
 */
int run_parse_option(int option, char *value, struct run_config *run,
		     struct error *error);

/*
 * Whether standard input is the guest's: with -i, or where it is no terminal, for then
 * somebody has put it there.
 */
bool run_is_interactive(bool asked);

#endif /* RUN_H */
