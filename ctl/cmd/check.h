/* SPDX-License-Identifier: GPL-2.0-only */
/* lodge check: what is looked at, and what was found. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define FOR_VM		1U
#define FOR_CONTAINER	2U

enum verdict {
	VERDICT_OK,
	VERDICT_WARN,
	VERDICT_NO,
};

/**
 * struct finding - one requirement, and whether the host meets it
 * @requirement: in a few words
 * @needed_for: FOR_VM, FOR_CONTAINER
 * @verdict: enum verdict
 * @reason: what was found
 * @remedy: what to do; empty if nothing is to be done
 */
struct finding {
	const char *requirement;
	unsigned int needed_for;
	enum verdict verdict;
	char reason[384];
	char remedy[256];
};

#define MAX_FINDINGS	40

struct report {
	unsigned int wanted;
	unsigned int count;
	struct finding findings[MAX_FINDINGS];
};

/**
 * check_add() - a finding
 * @report: where to; what it does not want is dropped
 * @needed_for: FOR_VM, FOR_CONTAINER
 * @requirement: in a few words, a literal
 * @verdict: enum verdict
 * @fmt: what was found
 *
 * Return: the finding, for check_remedy()
 */
__attribute__((format(printf, 5, 6)))
struct finding *check_add(struct report *report, unsigned int needed_for,
			  const char *requirement, enum verdict verdict,
			  const char *fmt, ...);

/* What to do about it */
void check_remedy(struct finding *finding, const char *text);

/* The first line of a small file, without its newline. Return: is it there? */
bool check_read_line(const char *path, char *line, size_t size);
/* Does the file have a line, beginning with @prefix, with @word as a whole word? */
bool check_file_has_word(const char *path, const char *prefix, const char *word);

bool check_module_loaded(const char *name);
/* Is it a module that can be loaded? */
bool check_module_available(const char *name);

/* What containers need, and images */
void check_containers(struct report *report);

#endif /* CHECK_H */
