/* SPDX-License-Identifier: GPL-2.0-only */
/* A root file system as a folder, filled from archives that nobody trusts. */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "error.h"

struct archive;
struct archive_entry;

/* Paths are shorter: mkfs.erofs and nftw() put something before them. */
#define TREE_PATH_MAX	3840

struct tree_time {
	char *path;
	struct timespec mtime;
};

/**
 * struct tree - the folder
 * @root: descriptor; nobody else may change what is in it
 * @bytes: of data so far
 * @entries: so far
 * @times: of folders, which are set when all that is in them is there
 * @nr_times: how many
 */
struct tree {
	int root;
	uint64_t bytes;
	uint64_t entries;
	struct tree_time *times;
	size_t nr_times;
};

/* Before anything else: what the root has, unless an entry says otherwise. */
int tree_start(struct tree *tree, struct error *error);

/**
 * tree_add() - put an entry of an archive into the tree
 * @tree: the tree
 * @archive: where its data comes from
 * @entry: the entry
 * @error: filled on failure
 *
 * It replaces what has its name. No symbolic link is ever followed, and nothing
 * outside of the tree is reached.
 *
 * Return: 0, or -1: the path leads outside or through a symbolic link; a device
 * node; a full disk...
 */
int tree_add(struct tree *tree, struct archive *archive, struct archive_entry *entry,
	     struct error *error);

/**
 * tree_whiteout() - remove what the name of an OCI layer's entry says
 * @tree: the tree, without anything of that layer
 * @path: of the entry
 * @error: filled on failure
 *
 * Return: 0, also if it is no whiteout; or -1
 */
int tree_whiteout(struct tree *tree, const char *path, struct error *error);

/* Return: whether @path names what a layer hides, not what it has */
bool tree_is_whiteout(const char *path);

/* Sets folders' times. Return: 0 or -1 */
int tree_finish(struct tree *tree, struct error *error);
void tree_free(struct tree *tree);

#endif /* TREE_H */
