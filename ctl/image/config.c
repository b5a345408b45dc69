// SPDX-License-Identifier: GPL-2.0-only
/* What is to run in an image. */
#include "image/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct member {
	const char *name;
	enum json_type type;
} members[] = {
	{ "Cmd", json_type_array },
	{ "Entrypoint", json_type_array },
	{ "Env", json_type_array },
	{ "WorkingDir", json_type_string },
	{ "User", json_type_string },
};

#define NR_MEMBERS	(sizeof(members) / sizeof(members[0]))

/* A string that is the same in C. */
static bool is_text(json_object *value)
{
	return json_object_is_type(value, json_type_string) &&
	       strlen(json_object_get_string(value)) ==
	       (size_t)json_object_get_string_len(value);
}

/* Return: of "NAME=value", or 0 if it is nothing of that kind */
static size_t name_length(json_object *variable)
{
	const char *text = json_object_get_string(variable);
	size_t length = strcspn(text, "=");

	return text[length] ? length : 0;
}

static bool is_valid(const struct member *member, json_object *value)
{
	size_t i;

	if (!json_object_is_type(value, member->type))
		return false;
	if (member->type == json_type_string)
		return is_text(value) &&
		       (strcmp(member->name, "WorkingDir") ||
			strchr("/", *json_object_get_string(value)));
	for (i = 0; i < json_object_array_length(value); i++) {
		json_object *item = json_object_array_get_idx(value, i);

		if (!is_text(item))
			return false;
		if (!strcmp(member->name, "Env") && !name_length(item))
			return false;
	}
	return true;
}

static bool has_variable(json_object *env, json_object *variable)
{
	size_t i;

	for (i = 0; i < json_object_array_length(env); i++)
		if (!strncmp(json_object_get_string(json_object_array_get_idx(env, i)),
			     json_object_get_string(variable), name_length(variable) + 1))
			return true;
	return false;
}

/* Return: a new list, or NULL */
static json_object *merge_env(json_object *old, json_object *new)
{
	json_object *list = json_object_new_array(), *item;
	size_t i;

	for (i = 0; list && i < json_object_array_length(old); i++) {
		item = json_object_array_get_idx(old, i);
		if (!has_variable(new, item))
			json_object_array_add(list, json_object_get(item));
	}
	for (i = 0; list && i < json_object_array_length(new); i++)
		json_object_array_add(list,
				      json_object_get(json_object_array_get_idx(new, i)));
	return list;
}

int config_merge(json_object *into, json_object *from, struct error *error)
{
	json_object *value, *old;
	size_t i;

	for (i = 0; i < NR_MEMBERS; i++) {
		/* null is the same as no such member. */
		if (!json_object_object_get_ex(from, members[i].name, &value) || !value)
			continue;
		if (!is_valid(&members[i], value))
			return error_set(error, 0, "the configuration's %s cannot be %.100s",
					 members[i].name, json_object_to_json_string(value));
		json_object_object_get_ex(into, members[i].name, &old);
		value = old && !strcmp(members[i].name, "Env") ?
			merge_env(old, value) : json_object_get(value);
		if (!value || json_object_object_add(into, members[i].name, value))
			return error_set(error, ENOMEM, "the configuration");
	}
	return 0;
}

static json_object *get(json_object *config, const char *name)
{
	json_object *value = NULL;

	json_object_object_get_ex(config, name, &value);
	return value;
}

static size_t length(json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

static const char *get_item(json_object *array, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(array, i));
}

/*
 * All strings of two lists, behind the list of pointers to them, so that one
 * free() frees all
 */
static char **pack_strings(json_object *first, json_object *second)
{
	const size_t count = length(first) + length(second);
	size_t size = sizeof(char *), i;
	char **strings, *text;

	for (i = 0; i < count; i++)
		size += sizeof(char *) + 1 +
			strlen(i < length(first) ? get_item(first, i) :
						   get_item(second, i - length(first)));
	strings = malloc(size);
	if (!strings)
		return NULL;
	text = (char *)(strings + count + 1);
	for (i = 0; i < count; i++) {
		strings[i] = text;
		text = stpcpy(text, i < length(first) ? get_item(first, i) :
							get_item(second, i - length(first))) + 1;
	}
	strings[count] = NULL;
	return strings;
}

static char *copy_string(json_object *string, const char *otherwise)
{
	const char *text = string ? json_object_get_string(string) : "";

	return strdup(*text ? text : otherwise);
}

int config_apply(json_object *config, struct image *image, struct error *error)
{
	json_object *clean = json_object_new_object();
	int ret = -1;

	if (!clean) {
		error_set(error, ENOMEM, "the configuration");
	} else if (!config_merge(clean, config, error)) {
		image->nr_entrypoint = length(get(clean, "Entrypoint"));
		image->argv = pack_strings(get(clean, "Entrypoint"), get(clean, "Cmd"));
		image->env = pack_strings(get(clean, "Env"), NULL);
		image->workdir = copy_string(get(clean, "WorkingDir"), "/");
		image->user = copy_string(get(clean, "User"), "");
		if (image->argv && image->env && image->workdir && image->user)
			ret = 0;
		else
			error_set(error, ENOMEM, "the configuration");
	}
	json_object_put(clean);
	return ret;
}

json_object *config_parse(const char *what, const char *text, size_t size,
			  enum json_type type, struct error *error)
{
	json_tokener *tokener = json_tokener_new();
	json_object *object = NULL;

	if (tokener) {
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
		object = json_tokener_parse_ex(tokener, text, (int)size);
	}
	if (!json_object_is_type(object, type)) {
		error_set(error, 0, "%s is no JSON %s", what, json_type_to_name(type));
		json_object_put(object);
		object = NULL;
	}
	if (tokener)
		json_tokener_free(tokener);
	return object;
}

json_object *config_read(const char *what, int fd, struct error *error)
{
	char *text = malloc(CONFIG_SIZE_MAX);
	json_object *object = NULL;
	size_t size = 0;
	ssize_t n = -1;

	if (!text)
		errno = ENOMEM;
	while (text && size < CONFIG_SIZE_MAX) {
		n = read(fd, text + size, CONFIG_SIZE_MAX - size);
		if (n <= 0)
			break;
		size += (size_t)n;
	}
	if (n < 0)
		error_set(error, errno, "cannot read %s", what);
	else if (size == CONFIG_SIZE_MAX)
		error_set(error, EFBIG, "cannot read %s", what);
	else
		object = config_parse(what, text, size, json_type_object, error);
	free(text);
	return object;
}
