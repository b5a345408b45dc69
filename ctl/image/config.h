/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to run in an image: a JSON object with the members Cmd, Entrypoint, Env,
 * WorkingDir and User, as an OCI image's "config" has them.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <json-c/json.h>

#include "error.h"
#include "image/image.h"

#define CONFIG_SIZE_MAX	(4 << 20)

/**
 * config_merge() - take over what is known of a configuration
 * @into: an object
 * @from: an object, or NULL; its members, and for Env its variables, replace those
 *        of @into
 * @error: filled on failure
 *
 * Return: 0, or -1: one has a type or a value that it cannot have
 */
int config_merge(json_object *into, json_object *from, struct error *error);

/* Fills argv, nr_entrypoint, env, workdir and user. Return: 0 or -1 */
int config_apply(json_object *config, struct image *image, struct error *error);

/**
 * config_change() - change a configuration as `docker import --change` does
 * @config: an object
 * @instruction: CMD, ENTRYPOINT, ENV, WORKDIR or USER, and a value
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int config_change(json_object *config, const char *instruction, struct error *error);

/* Return: what a text means, which is of @type; or NULL */
json_object *config_parse(const char *what, const char *text, size_t size,
			  enum json_type type, struct error *error);

/* Return: the object in a file, or NULL */
json_object *config_read(const char *what, int fd, struct error *error);

#endif /* CONFIG_H */
