// SPDX-License-Identifier: GPL-2.0-only
/* An error that carries its text. */
#include "error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Names of files and words of the guest end up in errors: a newline or an
 * escape sequence in them must not reach the terminal.
 */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

int error_set(struct error *error, int errnum, const char *fmt, ...)
{
	size_t used;
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);

	used = strlen(error->text);
	if (errnum)
		snprintf(error->text + used, sizeof(error->text) - used,
			 ": %s", strerror(errnum));
	make_printable(error->text);
	error->advice[0] = '\0';
	return -1;
}

int error_advise(struct error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->advice, sizeof(error->advice), fmt, args);
	va_end(args);
	make_printable(error->advice);
	return -1;
}

void error_print(const struct error *error)
{
	fprintf(stderr, "lodge: %s%s%s\n", error->text,
		error->advice[0] ? "; " : "", error->advice);
}
