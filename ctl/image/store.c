// SPDX-License-Identifier: GPL-2.0-only
/* The store's folder. */
#include "image/store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGING_PREFIX	".staging-"
#define NAME_LENGTH_MAX	128

int store_check_name(const char *name, struct error *error)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    (i == 0 || !strchr("_.:-", name[i])))
			break;
	if (i > 0 && i <= NAME_LENGTH_MAX && !name[i])
		return 0;
	error_set(error, 0, "'%s' cannot be an image's name", name);
	return error_advise(error, "take up to %d letters, digits, '_', '.', ':' and '-', the first a letter or a digit",
			    NAME_LENGTH_MAX);
}

static int make_folders(const char *path)
{
	char part[PATH_MAX];
	char *slash;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(part, 0711) && errno != EEXIST ? -1 : 0;
}

int store_open(const char *store, bool make, struct error *error)
{
	int dir, images, saved;

	if (make && make_folders(store))
		return error_set(error, errno, "cannot make the store %s", store);
	dir = open(store, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_set(error, errno, "cannot open the store %s", store);
	/* Programs with the setuid bit, made by who knows whom, pass through. */
	if (make && mkdirat(dir, "images", 0700) && errno != EEXIST)
		images = -1;
	else
		images = openat(dir, "images", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	saved = errno;
	if (images < 0) {
		error_set(error, saved, "cannot open the store's folder %s/images", store);
		if (saved == EACCES || saved == EPERM)
			error_advise(error, "run lodge as root");
	}
	close(dir);
	errno = saved;
	return images;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

static int remove_below(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove_entry(path, st, type, ftw) : 0;
}

int remove_tree(int dir, const char *name, bool contents)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return nftw(path, contents ? remove_below : remove_entry, 64,
		    FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Whoever makes a folder locks it under the store's own lock. */
static void sweep_locked(int images)
{
	const struct dirent *entry;
	DIR *dir;
	int fd;

	fd = openat(images, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, STAGING_PREFIX, strlen(STAGING_PREFIX)))
			continue;
		fd = openat(images, entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!flock(fd, LOCK_EX | LOCK_NB))
			remove_tree(images, entry->d_name, false);
		close(fd);
	}
	closedir(dir);
}

void store_sweep(int images)
{
	if (flock(images, LOCK_EX))
		return;
	sweep_locked(images);
	flock(images, LOCK_UN);
}

int staging_make(struct staging *staging, int images, struct error *error)
{
	uint64_t number;
	int ret = -1;

	staging->images = images;
	staging->fd = -1;
	if (flock(images, LOCK_EX))
		return error_set(error, errno, "cannot lock the store");
	sweep_locked(images);
	if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		error_set(error, errno, "no random number");
		goto out;
	}
	snprintf(staging->name, sizeof(staging->name), STAGING_PREFIX "%016llx",
		 (unsigned long long)number);
	if (mkdirat(images, staging->name, 0700)) {
		error_set(error, errno, "cannot write to the store");
		goto out;
	}
	staging->fd = openat(images, staging->name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (staging->fd < 0 || flock(staging->fd, LOCK_EX | LOCK_NB)) {
		error_set(error, errno, "cannot lock the store's folder %s", staging->name);
		staging_remove(staging);
		goto out;
	}
	ret = 0;
out:
	flock(images, LOCK_UN);
	return ret;
}

void staging_remove(struct staging *staging)
{
	remove_tree(staging->images, staging->name, false);
	if (staging->fd >= 0)
		close(staging->fd);
	staging->fd = -1;
}
