// SPDX-License-Identifier: GPL-2.0-only
/* Changes of an image's configuration, one instruction of a Dockerfile each. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "image/config.h"

/* As in a Dockerfile: a list, or a line for the shell */
static json_object *make_command(const char *text)
{
	struct error ignored;
	json_object *command;

	if (*text == '[') {
		command = config_parse("", text, strlen(text), json_type_array, &ignored);
		if (command)
			return command;
	}
	command = json_object_new_array();
	if (command) {
		json_object_array_add(command, json_object_new_string("/bin/sh"));
		json_object_array_add(command, json_object_new_string("-c"));
		json_object_array_add(command, json_object_new_string(text));
	}
	return command;
}

int config_change(json_object *config, const char *instruction, struct error *error)
{
	static const struct {
		const char *word;
		const char *member;
		char kind;
	} words[] = {
		{ "CMD", "Cmd", 'c' },
		{ "ENTRYPOINT", "Entrypoint", 'c' },
		{ "ENV", "Env", 'e' },
		{ "WORKDIR", "WorkingDir", 's' },
		{ "USER", "User", 's' },
	};
	const size_t length = strcspn(instruction, " \t=");
	const char *text = instruction + length;
	json_object *value, *change;
	size_t i;
	int ret;

	text += strspn(text, " \t");
	/* CMD=... as well, as docker takes it */
	if (text == instruction + length && *text == '=')
		text++;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (length == strlen(words[i].word) &&
		    !strncasecmp(instruction, words[i].word, length))
			break;
	if (i == sizeof(words) / sizeof(words[0]) || !*text) {
		error_set(error, 0, "'%s' is no change of an image", instruction);
		return error_advise(error, "it is CMD, ENTRYPOINT, ENV, WORKDIR or USER, and a value");
	}
	if (words[i].kind == 'c') {
		value = make_command(text);
	} else if (words[i].kind == 's') {
		value = json_object_new_string(text);
	} else {
		value = json_object_new_array();
		if (value)
			json_object_array_add(value, json_object_new_string(text));
	}
	change = json_object_new_object();
	if (!value || !change || json_object_object_add(change, words[i].member, value))
		ret = error_set(error, ENOMEM, "the configuration");
	else
		ret = config_merge(config, change, error);
	json_object_put(change);
	return ret;
}
