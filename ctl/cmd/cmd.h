/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs: one file each. */
#ifndef CMD_H
#define CMD_H

/* Exit statuses, as in docker where docker has one; see lodge(1). */
#define STATUS_OK		0
#define STATUS_GUEST_FAILED	70	/* the guest cannot go on */
#define STATUS_LODGE		125	/* the error is lodge's own */
#define STATUS_SIGNAL		128	/* + number of the signal */

/**
 * struct verb - what comes after `lodge` on the command line
 * @name: the word
 * @summary: one line for `lodge help`
 * @run: does it; argv[0] is @name. Return: exit status
 */
struct verb {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

int cmd_check(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_attach(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_update(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_image(int argc, char **argv);

/*
 * getopt_long() in quiet mode found something wrong with @argv: says what, in
 * one line. Return: STATUS_LODGE
 */
int cmd_bad_option(const char *verb, int argc, char **argv, int returned);

/* The same for an argument where none is wanted */
int cmd_bad_argument(const char *verb, const char *argument);

/* The same where a guest is wanted and none is there */
int cmd_no_guest(const char *verb);

#endif /* CMD_H */
