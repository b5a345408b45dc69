// SPDX-License-Identifier: GPL-2.0-only
/* The little of JSON that is printed. */
#include "json.h"

#include <stdio.h>

void json_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

void json_string(const char *name, const char *text)
{
	printf("\"%s\": ", name);
	json_text(text);
}
