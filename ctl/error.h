/* SPDX-License-Identifier: GPL-2.0-only */
/* An error that carries its text: what failed, why, and what to do next. */
#ifndef ERROR_H
#define ERROR_H

/**
 * struct error - filled where something fails, printed in one place
 * @text: what failed and why
 * @advice: what to do next; may be empty
 */
struct error {
	char text[384];
	char advice[256];
};

/**
 * error_set() - say what failed and why
 * @error: where to
 * @errnum: an errno, appended in words; 0 if @fmt says it all
 * @fmt: what failed
 *
 * Return: -1, so that the caller can return what this returns.
 */
__attribute__((format(printf, 3, 4)))
int error_set(struct error *error, int errnum, const char *fmt, ...);

/**
 * error_advise() - say what to do about it
 * @error: an error that is set
 * @fmt: what to do
 *
 * Return: -1
 */
__attribute__((format(printf, 2, 3)))
int error_advise(struct error *error, const char *fmt, ...);

/* Prints it to stderr as one line. */
void error_print(const struct error *error);

#endif /* ERROR_H */
