// SPDX-License-Identifier: GPL-2.0-only
/* Images of the store: find, list, remove. */
#include "image/image.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/config.h"
#include "image/store.h"

/* The little of EROFS's super block that tells whether the file is whole. */
#define EROFS_OFFSET	1024
#define EROFS_MAGIC	0xe0f5e1e2

struct erofs_head {
	uint32_t magic;
	uint32_t checksum;
	uint32_t feature_compat;
	uint8_t block_bits;
	uint8_t unused[23];
	uint32_t blocks;
};

static const char *store_path(const char *store)
{
	return store ? store : IMAGE_STORE;
}

static int say_broken(const char *name, const char *why, struct error *error)
{
	error_set(error, 0, "the image %s is broken: %s", name, why);
	return error_advise(error, "remove it (lodge image rm %s) and import it again", name);
}

static int check_erofs(struct image *image, struct error *error)
{
	struct erofs_head head;
	struct stat st;

	if (fstat(image->fd, &st))
		return error_set(error, errno, "cannot read %s", image->path);
	image->size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) ||
	    pread(image->fd, &head, sizeof(head), EROFS_OFFSET) != sizeof(head) ||
	    le32toh(head.magic) != EROFS_MAGIC)
		return say_broken(image->name, STORE_FILE " is no EROFS file system", error);
	if (head.block_bits < 9 || head.block_bits > 16 ||
	    (uint64_t)le32toh(head.blocks) << head.block_bits > image->size)
		return say_broken(image->name, STORE_FILE " is cut short", error);
	return 0;
}

static int read_config(struct image *image, int dir, struct error *error)
{
	json_object *object, *value;
	struct error why;
	int fd, ret;

	fd = openat(dir, STORE_CONFIG, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return say_broken(image->name, "it has no " STORE_CONFIG, error);
	object = config_read(STORE_CONFIG, fd, &why);
	close(fd);
	if (!object)
		return say_broken(image->name, why.text, error);
	if (json_object_object_get_ex(object, "created", &value))
		image->created = json_object_get_int64(value);
	value = NULL;
	json_object_object_get_ex(object, "config", &value);
	ret = config_apply(value, image, &why) ? say_broken(image->name, why.text, error) : 0;
	json_object_put(object);
	return ret;
}

static int no_image(const char *store, const char *name, struct error *error)
{
	error_set(error, 0, "there is no image %s in %s", name, store_path(store));
	return error_advise(error, "'lodge image ls' lists them, 'lodge image import' makes one");
}

int image_open(struct image *image, const char *store, const char *name,
	       struct error *error)
{
	int images, dir = -1, ret = -1;

	*image = (struct image){ .fd = -1 };
	if (store_check_name(name, error))
		return -1;
	images = store_open(store_path(store), false, error);
	if (images >= 0)
		dir = openat(images, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) {
		if (errno == ENOENT)
			no_image(store, name, error);
		else if (images >= 0)
			error_set(error, errno, "cannot open the image %s", name);
		goto out;
	}
	image->name = strdup(name);
	if (!image->name ||
	    asprintf(&image->path, "%s/images/%s/" STORE_FILE, store_path(store), name) < 0) {
		image->path = NULL;
		error_set(error, ENOMEM, "the image %s", name);
		goto out;
	}
	image->fd = openat(dir, STORE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (image->fd < 0)
		say_broken(name, "it has no " STORE_FILE, error);
	else if (!check_erofs(image, error))
		ret = read_config(image, dir, error);
out:
	if (ret)
		image_close(image);
	if (dir >= 0)
		close(dir);
	if (images >= 0)
		close(images);
	return ret;
}

void image_close(struct image *image)
{
	free(image->name);
	free(image->path);
	free(image->workdir);
	free(image->user);
	free(image->argv);
	free(image->env);
	if (image->fd >= 0)
		close(image->fd);
	*image = (struct image){ .fd = -1 };
}

int image_remove(const char *store, const char *name, struct error *error)
{
	struct staging staging;
	int images, ret = -1;

	if (store_check_name(name, error))
		return -1;
	images = store_open(store_path(store), false, error);
	if (images < 0)
		return errno == ENOENT ? no_image(store, name, error) : -1;
	if (!staging_make(&staging, images, error)) {
		/* Out of sight as a whole, and only then piece by piece. */
		ret = renameat(images, name, staging.fd, name);
		if (ret && errno == ENOENT)
			no_image(store, name, error);
		else if (ret)
			error_set(error, errno, "cannot remove the image %s", name);
		staging_remove(&staging);
		fsync(images);
	}
	close(images);
	return ret;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The names behind the list of pointers to them, so that one free() frees all */
static char **pack_names(struct dirent **entries, int count)
{
	size_t size = sizeof(char *);
	char **names, *text;
	int i;

	for (i = 0; i < count; i++)
		size += sizeof(char *) + strlen(entries[i]->d_name) + 1;
	names = malloc(size);
	if (!names)
		return NULL;
	text = (char *)(names + count + 1);
	for (i = 0; i < count; i++) {
		names[i] = text;
		text = stpcpy(text, entries[i]->d_name) + 1;
	}
	names[count] = NULL;
	return names;
}

int image_names(const char *store, char ***names, struct error *error)
{
	struct dirent **entries = NULL;
	int images, count = 0;

	images = store_open(store_path(store), false, error);
	if (images < 0 && errno != ENOENT)
		return -1;
	if (images >= 0) {
		store_sweep(images);
		count = scandirat(images, ".", &entries, is_visible, alphasort);
		close(images);
	}
	if (count < 0)
		return error_set(error, errno, "cannot read the store");
	*names = pack_names(entries, count);
	while (count)
		free(entries[--count]);
	free(entries);
	return *names ? 0 : error_set(error, ENOMEM, "the names of images");
}
