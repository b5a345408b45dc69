// SPDX-License-Identifier: GPL-2.0-only
/*
 * A root file system as a folder, filled from archives that nobody trusts.
 *
 * The kernel keeps paths inside (openat2()): the folder that an entry belongs in
 * is found beneath the root and without symbolic links; then the entry itself is
 * made anew in it, by a name without slashes.
 */
#include "image/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/store.h"

#define DEPTH_MAX	256
#define WHITEOUT	".wh."
#define OPAQUE		".wh..wh..opq"

/**
 * struct place - where an entry belongs
 * @path: from the root, without empty parts and dots; "" for the root itself
 * @base: the last part of @path
 * @parent: descriptor of the folder that it is in
 */
struct place {
	char path[TREE_PATH_MAX];
	const char *base;
	int parent;
};

/* A leading slash means the image's root. */
static int clean_path(const char *path, char *clean, struct error *error)
{
	const char *at = path;
	size_t length, used = 0;
	int depth = 0;

	for (; *at; at += length) {
		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (!length || (length == 1 && *at == '.'))
			continue;
		if (length == 2 && !strncmp(at, "..", 2))
			return error_set(error, 0, "the path '%s' leads outside: it has '..' in it",
					 path);
		if (++depth > DEPTH_MAX || used + length + 2 > TREE_PATH_MAX)
			return error_set(error, 0, "the path '%.80s...' is too deep or too long",
					 path);
		if (used)
			clean[used++] = '/';
		memcpy(clean + used, at, length);
		used += length;
	}
	clean[used] = '\0';
	return 0;
}

static int open_beneath(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static int remember_time(struct tree *tree, const char *path, struct timespec mtime,
			 struct error *error)
{
	struct tree_time *times;
	char *copy = NULL;

	times = reallocarray(tree->times, tree->nr_times + 1, sizeof(*times));
	if (times) {
		tree->times = times;
		copy = strdup(path);
	}
	if (!copy)
		return error_set(error, ENOMEM, "%s", path);
	tree->times[tree->nr_times++] = (struct tree_time){ copy, mtime };
	return 0;
}

/* The folders on the way to @path that the archive does not name. */
static int make_parents(struct tree *tree, const char *path, struct error *error)
{
	char part[TREE_PATH_MAX];
	const struct timespec epoch = { 0 };
	const char *slash;
	int fd, ret;

	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		fd = open_beneath(tree->root, part, O_PATH | O_DIRECTORY);
		if (fd >= 0) {
			close(fd);
			continue;
		}
		/* Its own parent was found to be a folder of the tree. */
		ret = errno == ENOENT ? mkdirat(tree->root, part, 0700) : -1;
		if (ret || fchmodat(tree->root, part, 0755, 0))
			return error_set(error, errno, "cannot make the folder '%s'", part);
		if (remember_time(tree, part, epoch, error))
			return -1;
	}
	return 0;
}

/*
 * Return: 0; 1 if the parent is not there (without @make); -1
 */
static int find_place(struct tree *tree, const char *path, bool make,
		      struct place *place, struct error *error)
{
	char parent[TREE_PATH_MAX] = ".";
	char *slash;
	int pass;

	place->parent = -1;
	if (clean_path(path, place->path, error))
		return -1;
	slash = strrchr(place->path, '/');
	place->base = slash ? slash + 1 : place->path;
	if (slash)
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - place->path),
			 place->path);
	for (pass = 0; place->parent < 0; pass++) {
		place->parent = open_beneath(tree->root, parent, O_PATH | O_DIRECTORY);
		if (place->parent >= 0)
			break;
		if (errno == ELOOP)
			return error_set(error, 0, "the path '%s' leads through a symbolic link",
					 path);
		if (errno == ENOENT && !make)
			return 1;
		if (errno != ENOENT || pass)
			return error_set(error, errno, "cannot open the folder of '%s'", path);
		if (make_parents(tree, place->path, error))
			return -1;
	}
	return 0;
}

/* Makes room for a new entry. Return: 0; 1: it is a folder that stays; -1 */
static int make_room(const struct place *place, bool want_folder, struct error *error)
{
	struct stat st;

	if (fstatat(place->parent, place->base, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return 0;
	} else if (want_folder && S_ISDIR(st.st_mode)) {
		return 1;
	} else if (!remove_tree(place->parent, place->base, false)) {
		return 0;
	}
	return error_set(error, errno, "cannot replace '%s'", place->path);
}

/*
 * Others belong to a file system or to the host's security module. Those of
 * overlayfs would be obeyed by the one of a guest.
 */
static bool is_kept(const char *xattr)
{
	if (!strncmp(xattr, "user.", 5))
		return strncmp(xattr, "user.overlay.", 13);
	if (!strncmp(xattr, "trusted.", 8))
		return strncmp(xattr, "trusted.overlay.", 16);
	return !strcmp(xattr, "security.capability");
}

/* Extended attributes, by path, for symbolic links have no other way. */
static int set_xattrs(const struct place *place, struct archive_entry *entry,
		      struct error *error)
{
	char path[TREE_PATH_MAX + 32];
	const char *name;
	const void *value;
	size_t size;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", place->parent,
		 *place->base ? place->base : ".");
	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		if (!is_kept(name))
			continue;
		if (lsetxattr(path, name, value, size, 0))
			return error_set(error, errno, "cannot set the attribute %s of '%s'",
					 name, place->path);
	}
	return 0;
}

static int write_data(struct tree *tree, const struct place *place, struct archive *archive,
		      struct archive_entry *entry, int fd, struct error *error)
{
	const char *data;
	const void *block;
	la_int64_t offset;
	ssize_t n;
	size_t size;
	int ret;

	while ((ret = archive_read_data_block(archive, &block, &size, &offset)) == ARCHIVE_OK) {
		for (data = block; size; data += n, size -= (size_t)n, offset += n) {
			n = pwrite(fd, data, size, offset);
			if (n < 0)
				return error_set(error, errno, "cannot write '%s'", place->path);
			tree->bytes += (uint64_t)n;
		}
	}
	if (ret != ARCHIVE_EOF)
		return error_set(error, 0, "cannot read the data of '%s': %s", place->path,
				 archive_error_string(archive));
	if (archive_entry_size_is_set(entry) && ftruncate(fd, archive_entry_size(entry)))
		return error_set(error, errno, "cannot write '%s'", place->path);
	return 0;
}

static int add_hard_link(struct tree *tree, const struct place *place, const char *to,
			 struct error *error)
{
	struct place target;
	struct stat st;
	int ret;

	ret = find_place(tree, to, false, &target, error);
	if (ret)
		return ret < 0 ? -1 : error_set(error, ENOENT, "'%s' is a hard link to '%s'",
						place->path, to);
	ret = -1;
	if (!strcmp(target.path, place->path))
		error_set(error, 0, "'%s' is a hard link to itself", place->path);
	else if (fstatat(target.parent, target.base, &st, AT_SYMLINK_NOFOLLOW))
		error_set(error, errno, "'%s' is a hard link to '%s'", place->path, to);
	else if (!S_ISREG(st.st_mode))
		error_set(error, 0, "'%s' is a hard link to '%s', which is no regular file",
			  place->path, to);
	else if (!make_room(place, false, error))
		ret = linkat(target.parent, target.base, place->parent, place->base, 0) ?
		      error_set(error, errno, "cannot link '%s' to '%s'", place->path, to) : 0;
	close(target.parent);
	return ret;
}

/* Return: 0 with a new entry, or with the folder that was there */
static int make_entry(struct tree *tree, const struct place *place, struct archive *archive,
		      struct archive_entry *entry, struct error *error)
{
	mode_t type = archive_entry_filetype(entry);
	int fd, ret;

	if (type != AE_IFDIR && !*place->base)
		return error_set(error, 0, "the root is no folder");
	ret = *place->base ? make_room(place, type == AE_IFDIR, error) : 1;
	if (ret)
		return ret < 0 ? -1 : 0;
	switch (type) {
	case AE_IFREG:
		fd = openat(place->parent, place->base,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			break;
		ret = write_data(tree, place, archive, entry, fd, error);
		close(fd);
		return ret;
	case AE_IFDIR:
		if (mkdirat(place->parent, place->base, 0700))
			break;
		return 0;
	case AE_IFLNK:
		if (symlinkat(archive_entry_symlink(entry), place->parent, place->base))
			break;
		return 0;
	default:
		if (mknodat(place->parent, place->base, type | 0600, 0))
			break;
		return 0;
	}
	return error_set(error, errno, "cannot make '%s'", place->path);
}

static int check_type(const struct place *place, struct archive_entry *entry,
		      struct error *error)
{
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
	case AE_IFDIR:
	case AE_IFIFO:
	case AE_IFSOCK:
		return 0;
	case AE_IFLNK:
		if (archive_entry_symlink(entry))
			return 0;
		return error_set(error, 0, "'%s' is a symbolic link to nowhere", place->path);
	case AE_IFCHR:
	case AE_IFBLK:
		error_set(error, 0, "'%s' is a device node, which no image may have",
			  place->path);
		return error_advise(error, "leave it out: guests have a /dev of their own");
	default:
		return error_set(error, 0, "'%s' is of a type that is not known", place->path);
	}
}

static int set_attributes(struct tree *tree, const struct place *place,
			  struct archive_entry *entry, struct error *error)
{
	const char *base = *place->base ? place->base : ".";
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) },
	};
	la_int64_t uid = archive_entry_uid(entry);
	la_int64_t gid = archive_entry_gid(entry);

	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return error_set(error, 0, "'%s' has an owner that cannot be", place->path);
	if (fchownat(place->parent, base, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW)) {
		error_set(error, errno, "cannot set the owner of '%s'", place->path);
		return errno == EPERM ? error_advise(error, "run lodge as root") : -1;
	}
	/* After the owner, whose change takes capabilities and setuid away. */
	if (archive_entry_filetype(entry) != AE_IFLNK &&
	    fchmodat(place->parent, base, archive_entry_perm(entry), 0))
		return error_set(error, errno, "cannot set the mode of '%s'", place->path);
	if (set_xattrs(place, entry, error))
		return -1;
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return remember_time(tree, place->path, times[1], error);
	if (utimensat(place->parent, base, times, AT_SYMLINK_NOFOLLOW))
		return error_set(error, errno, "cannot set the time of '%s'", place->path);
	return 0;
}

int tree_start(struct tree *tree, struct error *error)
{
	const struct timespec epoch = { 0 };

	if (fchmodat(tree->root, ".", 0755, 0))
		return error_set(error, errno, "cannot set the mode of the root");
	return remember_time(tree, "", epoch, error);
}

int tree_add(struct tree *tree, struct archive *archive, struct archive_entry *entry,
	     struct error *error)
{
	const char *path = archive_entry_pathname(entry);
	const char *link = archive_entry_hardlink(entry);
	struct place place;
	int ret;

	if (!path)
		return error_set(error, 0, "an entry has no name that can be read");
	if (find_place(tree, path, true, &place, error))
		return -1;
	tree->entries++;
	if (link)
		ret = *place.base ? add_hard_link(tree, &place, link, error) :
				    error_set(error, 0, "the root is a hard link");
	else if (check_type(&place, entry, error) ||
		 make_entry(tree, &place, archive, entry, error))
		ret = -1;
	else
		ret = set_attributes(tree, &place, entry, error);
	close(place.parent);
	return ret;
}

bool tree_is_whiteout(const char *path)
{
	const char *name = strrchr(path, '/');

	return !strncmp(name ? name + 1 : path, WHITEOUT, strlen(WHITEOUT));
}

int tree_whiteout(struct tree *tree, const char *path, struct error *error)
{
	struct place place = { .parent = -1 };
	const char *name;
	struct stat st;
	int ret;

	if (!tree_is_whiteout(path))
		return 0;
	ret = find_place(tree, path, false, &place, error);
	if (ret)
		return ret < 0 ? -1 : 0;
	name = place.base + strlen(WHITEOUT);
	if (!strcmp(place.base, OPAQUE))
		ret = remove_tree(place.parent, ".", true);
	else if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		ret = -1;
	else if (strncmp(name, WHITEOUT, strlen(WHITEOUT)) &&
		 !fstatat(place.parent, name, &st, AT_SYMLINK_NOFOLLOW))
		ret = remove_tree(place.parent, name, false);
	if (ret)
		error_set(error, 0, "what '%s' hides cannot be removed", path);
	close(place.parent);
	return ret ? -1 : 0;
}

int tree_finish(struct tree *tree, struct error *error)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	size_t i;
	int fd;

	for (i = 0; i < tree->nr_times; i++) {
		const char *path = tree->times[i].path;

		/* Another entry may have replaced the folder since. */
		fd = open_beneath(tree->root, *path ? path : ".", O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			continue;
		times[1] = tree->times[i].mtime;
		if (futimens(fd, times)) {
			error_set(error, errno, "cannot set the time of '%s'", path);
			close(fd);
			return -1;
		}
		close(fd);
	}
	return 0;
}

void tree_free(struct tree *tree)
{
	while (tree->nr_times)
		free(tree->times[--tree->nr_times].path);
	free(tree->times);
	tree->times = NULL;
}
