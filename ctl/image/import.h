/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of an import say to each other. */
#ifndef IMPORT_H
#define IMPORT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "error.h"
#include "image/tree.h"

/**
 * struct import_job - an import under way
 * @tree: what is read so far
 * @config: Cmd, Env and so on
 * @store_dev: of the store's images
 * @store_ino: the same; a folder to be imported may hold it
 * @signals: readable when a signal wants the end
 * @progress: show progress on standard error
 * @shown: when it was shown last, in ms
 */
struct import_job {
	struct tree tree;
	json_object *config;
	dev_t store_dev;
	ino_t store_ino;
	int signals;
	bool progress;
	long long shown;
};

/* What unpack_tar() is to do */
enum unpack {
	UNPACK_ALL,		/* an archive that is an image of its own */
	UNPACK_WHITEOUTS,	/* a layer: remove what it hides */
	UNPACK_FILES,		/* a layer: add what it has */
};

int import_folder(struct import_job *job, const char *path, struct error *error);
int import_layout(struct import_job *job, const char *path, const char *ref,
		  struct error *error);

/* @fd is read from where it stands. Return: 0 or -1 */
int unpack_tar(struct import_job *job, int fd, const char *name, enum unpack what,
	       struct error *error);

void import_progress(struct import_job *job, const char *what);
bool import_interrupted(void);

/* Waits for @fd to be readable. Return: 0, or -1 with EINTR: a signal came first */
int import_wait(const struct import_job *job, int fd);

/* The folder "tree" in @dir becomes the file image/root.erofs. Return: 0 or -1 */
int make_erofs(int dir, struct error *error);

#endif /* IMPORT_H */
