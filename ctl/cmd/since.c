// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/since.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netlink/client.h"

#define LONGEST	1e10	/* seconds; about 300 years */

static double seconds_of(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

/* Digits and a point. Return: behind it, or NULL */
static const char *parse_number(const char *text, double *number)
{
	const char *end = text + strspn(text, "0123456789.");
	char *parsed;

	if (!isdigit((unsigned char)*text))
		return NULL;
	*number = strtod(text, &parsed);
	/* No exponents, no hexadecimal numbers */
	return parsed == end && *number < LONGEST ? end : NULL;
}

/* "1h30m". Return: whether it is one */
static bool parse_duration(const char *text, double *seconds)
{
	double number;

	*seconds = 0;
	do {
		text = parse_number(text, &number);
		if (!text || !seconds_of(*text))
			return false;
		*seconds += number * seconds_of(*text++);
	} while (*text);
	return true;
}

/* "Z", "+01:00", or nothing: local time. Return: whether it is a zone */
static bool parse_zone(const char *text, struct tm *tm, double *seconds)
{
	struct tm zone = { 0 };
	const char *end;

	if (!*text) {
		tm->tm_isdst = -1;
		*seconds = (double)mktime(tm);
		return true;
	}
	*seconds = (double)timegm(tm);
	if (!strcmp(text, "Z"))
		return true;
	if (*text != '+' && *text != '-')
		return false;
	end = strptime(text + 1, "%H:%M", &zone);
	if (!end || *end)
		return false;
	*seconds += (*text == '+' ? -60.0 : 60.0) *
		    (zone.tm_hour * 60 + zone.tm_min);
	return true;
}

/* "2026-11-26T15:00:00.5Z" and less. Return: whether it is one */
static bool parse_stamp(const char *text, double *seconds)
{
	static const char *const formats[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d",
	};
	double fraction = 0;
	const char *rest = NULL;
	struct tm tm;
	size_t i;

	for (i = 0; !rest && i < sizeof(formats) / sizeof(formats[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		rest = strptime(text, formats[i], &tm);
	}
	if (!rest)
		return false;
	if (i == 1 && rest[0] == '.' && isdigit((unsigned char)rest[1])) {
		fraction = strtod(rest, NULL);
		rest += 1 + strspn(rest + 1, "0123456789");
	}
	if (!parse_zone(rest, &tm, seconds))
		return false;
	*seconds += fraction;
	return true;
}

int since_parse(const char *text, uint64_t *time)
{
	struct timespec now = { 0, 0 };
	double ago, seconds;
	const char *end = parse_number(text, &seconds);

	clock_gettime(CLOCK_REALTIME, &now);
	if (parse_duration(text, &ago))
		;
	else if ((end && !*end) || parse_stamp(text, &seconds))
		ago = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - seconds;
	else
		return -1;
	seconds = (double)boot_time() / 1e9 - ago;
	*time = seconds > 0 ? (uint64_t)(seconds * 1e9) : 0;
	return 0;
}
