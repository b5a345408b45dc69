// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes images. All happens in a folder of the store that is this process's own;
 * what is finished is then renamed into its place. If the process is killed, the
 * next one finds the folder without its lock and removes it.
 */
#include "image/import.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/config.h"
#include "image/store.h"

/*
 * What would end the process has to wait until all is cleaned up, and does so then.
 */
static sigset_t waiting;

static int hold_signals(sigset_t *before)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	struct sigaction action;
	size_t i;

	sigemptyset(&waiting);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(&waiting, signals[i]);
	sigprocmask(SIG_BLOCK, &waiting, before);
	return signalfd(-1, &waiting, SFD_CLOEXEC);
}

bool import_interrupted(void)
{
	sigset_t pending;

	sigpending(&pending);
	sigandset(&pending, &pending, &waiting);
	return !sigisemptyset(&pending);
}

int import_wait(const struct import_job *job, int fd)
{
	struct pollfd files[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = job->signals, .events = POLLIN },
	};

	while (poll(files, 2, -1) < 0)
		if (errno != EINTR)
			return -1;
	errno = EINTR;
	return files[1].revents ? -1 : 0;
}

void import_progress(struct import_job *job, const char *what)
{
	struct timespec time;
	long long now;

	if (!job->progress)
		return;
	clock_gettime(CLOCK_MONOTONIC, &time);
	now = time.tv_sec * 1000LL + time.tv_nsec / 1000000;
	if (now - job->shown < 200)
		return;
	job->shown = now;
	fprintf(stderr, "\r%llu files, %llu MiB %s\033[K",
		(unsigned long long)job->tree.entries,
		(unsigned long long)job->tree.bytes >> 20, what);
}

static void end_progress(struct import_job *job)
{
	if (job->progress && job->shown)
		fputs("\r\033[K", stderr);
}

static int read_source(struct import_job *job, const struct image_import *import,
		       struct error *error)
{
	const char *source = import->source;
	char marker[4096];
	struct stat st;
	int fd, ret;

	if (!strcmp(source, "-"))
		return unpack_tar(job, STDIN_FILENO, "standard input", UNPACK_ALL, error);
	fd = open(source, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		ret = error_set(error, errno, "cannot open %s", source);
	} else if (!S_ISDIR(st.st_mode)) {
		ret = unpack_tar(job, fd, source, UNPACK_ALL, error);
	} else {
		snprintf(marker, sizeof(marker), "%s/oci-layout", source);
		ret = access(marker, F_OK) ? import_folder(job, source, error) :
		      import_layout(job, source, import->ref, error);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int write_config(int dir, json_object *config, struct error *error)
{
	json_object *object = json_object_new_object();
	int fd, ret = -1;

	if (!object ||
	    json_object_object_add(object, "created", json_object_new_int64(time(NULL))) ||
	    json_object_object_add(object, "config", json_object_get(config))) {
		error_set(error, ENOMEM, "the configuration");
		goto out;
	}
	fd = openat(dir, STORE_CONFIG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || json_object_to_fd(fd, object, JSON_C_TO_STRING_PRETTY) || fsync(fd))
		error_set(error, errno, "cannot write the configuration");
	else
		ret = 0;
	if (fd >= 0)
		close(fd);
out:
	json_object_put(object);
	return ret;
}

static int sync_file(int dir, const char *name, struct error *error)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int ret = 0;

	if (fd < 0 || fsync(fd))
		ret = error_set(error, errno, "cannot write %s", name);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int exists(const char *name, struct error *error)
{
	error_set(error, 0, "there is an image %s already", name);
	return error_advise(error, "'lodge image rm %s' removes it, --force replaces it", name);
}

static int publish(const struct staging *staging, const struct image_import *import,
		   struct error *error)
{
	int ret;

	ret = renameat2(staging->fd, "image", staging->images, import->name, RENAME_NOREPLACE);
	if (ret && errno == EEXIST && !import->replace)
		return exists(import->name, error);
	/* The one that was there goes with the folder. */
	if (ret && errno == EEXIST)
		ret = renameat2(staging->fd, "image", staging->images, import->name,
				RENAME_EXCHANGE);
	if (ret || fsync(staging->images))
		return error_set(error, errno, "cannot put the image %s into the store",
				 import->name);
	return 0;
}

static int make_image(struct import_job *job, const struct staging *staging,
		      const struct image_import *import, struct error *error)
{
	int dir, ret;

	if (mkdirat(staging->fd, "tree", 0755) || mkdirat(staging->fd, "image", 0700))
		return error_set(error, errno, "cannot write to the store");
	job->tree.root = openat(staging->fd, "tree", O_PATH | O_DIRECTORY | O_CLOEXEC);
	dir = openat(staging->fd, "image", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (job->tree.root < 0 || dir < 0)
		ret = error_set(error, errno, "cannot write to the store");
	else
		ret = tree_start(&job->tree, error) || read_source(job, import, error) ||
		      config_merge(job->config, import->config, error) ||
		      tree_finish(&job->tree, error);
	if (!ret) {
		job->shown = 0;
		import_progress(job, "go into the image");
		ret = make_erofs(staging->fd, error) || sync_file(dir, STORE_FILE, error) ||
		      write_config(dir, job->config, error) || sync_file(dir, ".", error);
	}
	if (!ret && import_interrupted())
		ret = error_set(error, EINTR, "the import");
	if (!ret)
		ret = publish(staging, import, error);
	if (job->tree.root >= 0)
		close(job->tree.root);
	if (dir >= 0)
		close(dir);
	return ret ? -1 : 0;
}

static int import_into(int images, const struct image_import *import, struct error *error)
{
	struct import_job job = { .progress = import->progress, .tree.root = -1 };
	sigset_t before;
	struct staging staging;
	struct stat st;
	mode_t mask;
	int ret;

	if (!fstatat(images, import->name, &st, AT_SYMLINK_NOFOLLOW) && !import->replace)
		return exists(import->name, error);
	if (fstat(images, &st))
		return error_set(error, errno, "cannot read the store");
	job.store_dev = st.st_dev;
	job.store_ino = st.st_ino;
	job.config = json_object_new_object();
	if (!job.config)
		return error_set(error, ENOMEM, "the configuration");
	mask = umask(077);
	job.signals = hold_signals(&before);
	ret = staging_make(&staging, images, error);
	if (!ret) {
		ret = make_image(&job, &staging, import, error);
		end_progress(&job);
		staging_remove(&staging);
	}
	if (job.signals >= 0)
		close(job.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	umask(mask);
	tree_free(&job.tree);
	json_object_put(job.config);
	return ret;
}

int image_import(const struct image_import *import, struct error *error)
{
	locale_t utf8, before;
	int images, ret = -1;

	/* libarchive takes names apart that are not in the locale's characters. */
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	before = uselocale(utf8);
	if (!store_check_name(import->name, error)) {
		images = store_open(import->store ? import->store : IMAGE_STORE, true, error);
		if (images >= 0) {
			ret = import_into(images, import, error);
			close(images);
		}
	}
	uselocale(before);
	if (utf8)
		freelocale(utf8);
	return ret;
}
