/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store's folder: STORE/images/NAME, and what is not finished yet or no
 * more wanted, in folders whose names begin with a dot.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>

#include "error.h"

#define STORE_FILE	"root.erofs"
#define STORE_CONFIG	"config.json"

/**
 * struct staging - a folder of the store that is for one process alone
 * @images: descriptor of the store's images
 * @fd: of the folder; a lock on it lasts as long as the process
 * @name: in @images
 */
struct staging {
	int images;
	int fd;
	char name[32];
};

/* Return: 0, or -1: what cannot be an image's name */
int store_check_name(const char *name, struct error *error);

/**
 * store_open() - open the folder of the store's images
 * @store: the store's folder
 * @make: make what is not there
 * @error: filled on failure
 *
 * Return: a descriptor, or -1 (errno is ENOENT if there is none)
 */
int store_open(const char *store, bool make, struct error *error);

/* Removes what processes that were killed have left. */
void store_sweep(int images);

int staging_make(struct staging *staging, int images, struct error *error);
void staging_remove(struct staging *staging);

/**
 * remove_tree() - remove a file or a folder with all that is in it
 * @dir: folder that holds it; nobody else may change what is in there
 * @name: in @dir
 * @contents: only what is in it, not itself
 *
 * Return: 0, or -1 with errno
 */
int remove_tree(int dir, const char *name, bool contents);

#endif /* STORE_H */
