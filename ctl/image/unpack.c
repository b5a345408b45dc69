// SPDX-License-Identifier: GPL-2.0-only
/* Fills an image's tree from tar files and folders. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/import.h"

#define BLOCK_SIZE	(128 << 10)

static int interrupted(struct error *error)
{
	return error_set(error, EINTR, "the import");
}

/**
 * struct input - an open tar file
 * @job: whose
 * @fd: of the file
 * @buffer: what was read last
 */
struct input {
	struct import_job *job;
	int fd;
	char buffer[BLOCK_SIZE];
};

/* libarchive's own would not let a signal end the wait for a pipe. */
static la_ssize_t read_input(struct archive *archive, void *data, const void **block)
{
	struct input *input = data;
	ssize_t n = -1;

	*block = input->buffer;
	if (!import_wait(input->job, input->fd))
		n = read(input->fd, input->buffer, sizeof(input->buffer));
	if (n < 0)
		archive_set_error(archive, errno, "%s", strerror(errno));
	return n;
}

/* No filter that calls another program, and no format but tar */
static struct archive *open_tar(struct input *input, const char *name, struct error *error)
{
	struct archive *archive = archive_read_new();

	if (!archive) {
		error_set(error, ENOMEM, "%s", name);
		return NULL;
	}
	archive_read_support_filter_none(archive);
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_bzip2(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_lzma(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_filter_lz4(archive);
	archive_read_support_filter_compress(archive);
	archive_read_support_format_tar(archive);
	if (archive_read_open(archive, input, NULL, read_input, NULL) == ARCHIVE_OK)
		return archive;
	error_set(error, 0, "%s is no tar file: %s", name, archive_error_string(archive));
	archive_read_free(archive);
	return NULL;
}

static int unpack_entry(struct import_job *job, struct archive *archive,
			struct archive_entry *entry, enum unpack what, struct error *error)
{
	const char *path = archive_entry_pathname(entry);
	int ret;

	if (what == UNPACK_WHITEOUTS)
		return path && tree_whiteout(&job->tree, path, error) < 0 ? -1 : 0;
	if (what == UNPACK_FILES && path && tree_is_whiteout(path))
		return 0;
	ret = tree_add(&job->tree, archive, entry, error);
	import_progress(job, "unpacked");
	return ret;
}

int unpack_tar(struct import_job *job, int fd, const char *name, enum unpack what,
	       struct error *error)
{
	struct input *input = malloc(sizeof(*input));
	struct archive *archive = NULL;
	struct archive_entry *entry;
	struct error why;
	int ret = -1;

	if (!input)
		return error_set(error, ENOMEM, "%s", name);
	input->job = job;
	input->fd = fd;
	archive = open_tar(input, name, error);
	if (!archive)
		goto out;
	for (;;) {
		ret = archive_read_next_header(archive, &entry);
		if (ret == ARCHIVE_EOF || ret < ARCHIVE_WARN)
			break;
		if (import_interrupted()) {
			ret = interrupted(error);
			goto out;
		}
		if (unpack_entry(job, archive, entry, what, &why)) {
			ret = error_set(error, 0, "%s: %s", name, why.text);
			error_advise(error, "%s", why.advice);
			goto out;
		}
	}
	if (ret != ARCHIVE_EOF) {
		ret = error_set(error, 0, "%s: %s", name, archive_error_string(archive));
		error_advise(error, "it is damaged or no tar file");
		goto out;
	}
	ret = 0;
out:
	archive_read_free(archive);
	free(input);
	return ret;
}

static int add_found(struct import_job *job, struct archive *disk,
		     struct archive_entry *entry, struct error *error)
{
	/* The store may be in there, and with it this very import. */
	if (archive_entry_dev(entry) == job->store_dev &&
	    archive_entry_ino64(entry) == (la_int64_t)job->store_ino)
		return 0;
	if (tree_add(&job->tree, disk, entry, error))
		return -1;
	import_progress(job, "copied");
	if (archive_read_disk_can_descend(disk) &&
	    archive_read_disk_descend(disk) < ARCHIVE_WARN)
		return error_set(error, 0, "%s", archive_error_string(disk));
	return 0;
}

/* @entry, or a hard link to one that came before it with the same data */
static int link_or_add(struct import_job *job, struct archive *disk,
		       struct archive_entry_linkresolver *resolver,
		       struct archive_entry *entry, struct error *error)
{
	struct archive_entry *spare = NULL;

	archive_entry_linkify(resolver, &entry, &spare);
	return entry ? add_found(job, disk, entry, error) : 0;
}

static int walk(struct import_job *job, struct archive *disk,
		struct archive_entry_linkresolver *resolver, struct error *error)
{
	struct archive_entry *entry = archive_entry_new();
	int ret = entry ? 0 : error_set(error, ENOMEM, "the folder");

	while (!ret) {
		archive_entry_clear(entry);
		ret = archive_read_next_header2(disk, entry);
		if (ret == ARCHIVE_EOF) {
			ret = 0;
			break;
		}
		if (ret < ARCHIVE_OK)
			ret = error_set(error, 0, "%s", archive_error_string(disk));
		else if (import_interrupted())
			ret = interrupted(error);
		else
			ret = link_or_add(job, disk, resolver, entry, error);
	}
	archive_entry_free(entry);
	return ret;
}

/*
 * A copy, not the folder itself: what is checked must not change afterwards. What
 * is mounted in it is left out.
 */
int import_folder(struct import_job *job, const char *path, struct error *error)
{
	struct archive *disk = archive_read_disk_new();
	struct archive_entry_linkresolver *resolver = archive_entry_linkresolver_new();
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ret = -1;

	if (!disk || !resolver) {
		error_set(error, ENOMEM, "%s", path);
		goto out;
	}
	archive_entry_linkresolver_set_strategy(resolver, ARCHIVE_FORMAT_TAR);
	archive_read_disk_set_symlink_physical(disk);
	archive_read_disk_set_behavior(disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS |
				       ARCHIVE_READDISK_NO_ACL | ARCHIVE_READDISK_NO_FFLAGS);
	if (here < 0 || chdir(path)) {
		error_set(error, errno, "cannot enter %s", path);
		goto out;
	}
	if (archive_read_disk_open(disk, ".") != ARCHIVE_OK)
		error_set(error, 0, "%s", archive_error_string(disk));
	else
		ret = walk(job, disk, resolver, error);
	archive_read_close(disk);
	if (fchdir(here) && !ret)
		ret = error_set(error, errno, "cannot go back from %s", path);
out:
	if (here >= 0)
		close(here);
	archive_entry_linkresolver_free(resolver);
	archive_read_free(disk);
	return ret;
}
