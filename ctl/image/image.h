/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images: read-only root file systems (EROFS) in a store, each with what is to
 * run in it.  Any number of guests run from one.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define IMAGE_STORE	"/var/lib/lodge"

/**
 * struct image - an image of the store, as image_open() found it
 * @name: its name
 * @path: of its EROFS file
 * @fd: that file, open for reading only
 * @argv: Entrypoint and Cmd of its configuration, NULL-terminated; may be empty
 * @nr_entrypoint: how many of @argv are the Entrypoint, which a CMD on the
 *                 command line does not replace
 * @env: "NAME=value", NULL-terminated; may be empty
 * @workdir: WorkingDir, or "/"
 * @user: "", or a user and maybe a group as in docker: "uid[:gid]" or names
 * @size: of the EROFS file, in bytes
 * @created: when it was imported, seconds since 1970
 */
struct image {
	char *name;
	char *path;
	int fd;
	char **argv;
	size_t nr_entrypoint;
	char **env;
	char *workdir;
	char *user;
	uint64_t size;
	int64_t created;
};

/**
 * image_open() - find an image
 * @image: out; to be closed by image_close()
 * @store: the store's folder, or NULL for IMAGE_STORE
 * @name: the image's name
 * @error: filled on failure
 *
 * Return: 0, or -1: there is no such image, or it is broken
 */
int image_open(struct image *image, const char *store, const char *name,
	       struct error *error);
void image_close(struct image *image);

/**
 * image_mount() - mount an image, read-only
 * @image: the image
 * @error: filled on failure
 *
 * All mounts of an image have one super block, so they share its page cache.
 * The mount is attached nowhere: give the descriptor to move_mount(), or to
 * mount_setattr() first (idmapped mounts).  When the last mount has gone, however
 * its users ended, nothing is left of it.
 *
 * Return: a mount's descriptor (close-on-exec), or -1: no EROFS, no loop device...
 */
int image_mount(const struct image *image, struct error *error);

struct json_object;

/**
 * struct image_import - what is to become an image
 * @store: the store's folder, or NULL for IMAGE_STORE
 * @name: of the image
 * @source: path of a folder, a tar file or an OCI layout; "-" is a tar file on
 *          standard input
 * @ref: which image of an OCI layout, by its name in there, or NULL
 * @config: Cmd, Entrypoint, Env, WorkingDir, User that are to be other than in
 *          @source; an object, may be NULL
 * @replace: in place of an image of that name, if there is one
 * @progress: show progress on standard error
 */
struct image_import {
	const char *store;
	const char *name;
	const char *source;
	const char *ref;
	struct json_object *config;
	bool replace;
	bool progress;
};

/**
 * image_import() - make an image
 * @import: from what
 * @error: filled on failure
 *
 * The image is there as a whole or not at all, whatever happens.
 *
 * Return: 0 or -1
 */
int image_import(const struct image_import *import, struct error *error);

/**
 * image_remove() - remove an image
 * @store: the store's folder, or NULL for IMAGE_STORE
 * @name: the image's name
 * @error: filled on failure
 *
 * Guests that run from it keep it until they end.
 *
 * Return: 0 or -1
 */
int image_remove(const char *store, const char *name, struct error *error);

/**
 * image_names() - the names of all images, in alphabetical order
 * @store: the store's folder, or NULL for IMAGE_STORE
 * @names: out: NULL-terminated, to be freed in one piece
 * @error: filled on failure
 *
 * Also removes what importers that were killed have left.
 *
 * Return: 0 or -1
 */
int image_names(const char *store, char ***names, struct error *error);

#endif /* IMAGE_H */
