/* SPDX-License-Identifier: GPL-2.0-only */
/* The little of JSON that is printed. */
#ifndef JSON_H
#define JSON_H

/* "text", on standard output */
void json_text(const char *text);

/* A member of an object: "name": "text", on standard output */
void json_string(const char *name, const char *text);

#endif /* JSON_H */
