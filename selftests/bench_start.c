// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long commands take, from their start to their end: in turns, so that all have
 * the same of what else the machine does.
 *
 *   bench-start ROUNDS NAME COMMAND [NAME COMMAND]...
 *
 * A COMMAND is one argument, its words are separated by single spaces.
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX	32
#define ROUNDS_MAX	1000
#define COMMANDS_MAX	8

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* Return: milliseconds */
static double run(const char *command)
{
	char *text = strdup(command), *rest = text, *words[WORDS_MAX + 1] = { NULL };
	double begin = now();
	int i, status;
	pid_t pid;

	for (i = 0; i < WORDS_MAX && rest; i++)
		words[i] = strsep(&rest, " ");
	if (rest || posix_spawnp(&pid, words[0], NULL, NULL, words, environ))
		errx(1, "no such command: %s", command);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "'%s' failed: status 0x%x", command, status);
	free(text);
	return now() - begin;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static double took[COMMANDS_MAX][ROUNDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	int commands = (argc - 2) / 2;
	int i, round;

	if (rounds < 1 || rounds > ROUNDS_MAX || argc % 2 || commands < 1 ||
	    commands > COMMANDS_MAX)
		errx(2, "usage: bench-start ROUNDS NAME COMMAND [NAME COMMAND]...");
	/* The first time, files are read and modules are loaded. */
	for (i = 0; i < commands; i++)
		run(argv[3 + 2 * i]);
	for (round = 0; round < rounds; round++)
		for (i = 0; i < commands; i++)
			took[i][round] = run(argv[3 + 2 * i]);

	printf("%-52s %7s %7s %7s\n", "ms, from start to end", "median", "least", "most");
	for (i = 0; i < commands; i++) {
		qsort(took[i], (size_t)rounds, sizeof(took[i][0]), compare);
		printf("%-52s %7.0f %7.0f %7.0f\n", argv[2 + 2 * i],
		       took[i][rounds / 2], took[i][0], took[i][rounds - 1]);
	}
	return 0;
}
