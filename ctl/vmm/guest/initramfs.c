// SPDX-License-Identifier: GPL-2.0-only
/* Packs lodge-init and modules for a guest. */
#include "vmm/guest/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/wire.h"
#include "init/vm.h"
#include "vmm/guest/modules.h"

#define MODULE_MAX	(256UL << 20)

/* blob.S */
extern const char lodge_init_start[], lodge_init_end[];

/* Return: 0 or -1 */
static int add(struct archive *archive, const char *path, mode_t mode, const void *data,
	       size_t size, struct error *error)
{
	struct archive_entry *entry = archive_entry_new();
	int result = ARCHIVE_FATAL;

	if (entry) {
		archive_entry_set_pathname(entry, path);
		archive_entry_set_mode(entry, mode);
		archive_entry_set_size(entry, (la_int64_t)size);
		archive_entry_set_nlink(entry, S_ISDIR(mode) ? 2 : 1);
		result = archive_write_header(archive, entry);
		archive_entry_free(entry);
	}
	if (result != ARCHIVE_OK ||
	    (size && archive_write_data(archive, data, size) != (la_ssize_t)size))
		return error_set(error, archive_errno(archive), "cannot pack %s for the guest",
				 path);
	return 0;
}

/* All of a file, unpacked if it is packed. Return: 0 or -1 */
static int read_module(const char *path, struct wire_buffer *buffer, struct error *error)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	static char bytes[65536];
	la_ssize_t count = -1;

	if (archive && archive_read_support_format_raw(archive) == ARCHIVE_OK &&
	    archive_read_support_filter_xz(archive) == ARCHIVE_OK &&
	    archive_read_support_filter_zstd(archive) == ARCHIVE_OK &&
	    archive_read_support_filter_gzip(archive) == ARCHIVE_OK &&
	    archive_read_open_filename(archive, path, sizeof(bytes)) == ARCHIVE_OK &&
	    archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		while ((count = archive_read_data(archive, bytes, sizeof(bytes))) > 0)
			if (buffer->count > MODULE_MAX ||
			    wire_append(buffer, bytes, (size_t)count)) {
				errno = EFBIG;
				count = -1;
				break;
			}
	if (count)
		error_set(error, 0, "cannot read the module %s: %s", path,
			  archive && archive_error_string(archive) ?
			  archive_error_string(archive) : strerror(errno));
	archive_read_free(archive);
	return count ? -1 : 0;
}

/* "virtio_blk.ko.xz" in a folder is "modules/virtio_blk.ko" in there. */
static void packed_name(const char *path, char *name, size_t size)
{
	const char *base = strrchr(path, '/');
	const char *end;

	base = base ? base + 1 : path;
	end = strstr(base, ".ko");
	snprintf(name, size, INIT_MODULES "/%.*s.ko",
		 (int)(end ? (size_t)(end - base) : strlen(base)), base);
}

static int add_modules(struct archive *archive, const struct modules *modules,
		       struct error *error)
{
	struct wire_buffer list = { .data = NULL }, module = { .data = NULL };
	char name[256];
	size_t i;
	int result = 0;

	for (i = 0; i < modules->count && !result; i++) {
		packed_name(modules->files[i], name, sizeof(name));
		result = read_module(modules->files[i], &module, error);
		if (!result)
			result = add(archive, name, S_IFREG | 0600, module.data, module.count,
				     error);
		if (!result && (wire_append(&list, name, strlen(name)) ||
				wire_append(&list, "\n", 1)))
			result = error_set(error, ENOMEM, "cannot pack modules");
		wire_drop(&module, module.count);
	}
	if (!result)
		result = add(archive, INIT_MODULE_LIST, S_IFREG | 0600, list.data, list.count,
			     error);
	wire_free(&list);
	wire_free(&module);
	return result;
}

static int pack(int fd, const struct modules *modules, struct error *error)
{
	static const char *const folders[] = { "dev", "proc", "sys", "root", INIT_MODULES };
	struct archive *archive = archive_write_new();
	size_t i;
	int result = 0;

	if (!archive || archive_write_set_format_cpio_newc(archive) != ARCHIVE_OK ||
	    archive_write_open_fd(archive, fd) != ARCHIVE_OK)
		result = error_set(error, ENOMEM, "cannot make an initramfs");
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]) && !result; i++)
		result = add(archive, folders[i], S_IFDIR | 0755, NULL, 0, error);
	if (!result)
		result = add(archive, "init", S_IFREG | 0755, lodge_init_start,
			     (size_t)(lodge_init_end - lodge_init_start), error);
	if (!result)
		result = add_modules(archive, modules, error);
	if (!result && archive_write_close(archive) != ARCHIVE_OK)
		result = error_set(error, archive_errno(archive), "cannot make an initramfs");
	archive_write_free(archive);
	return result;
}

/* Return: 0 or -1 */
static int find_and_pack(int fd, const char *folder, const char *const *names,
			 const char *const *optional, struct error *error)
{
	struct modules modules;
	int result = modules_find(&modules, folder, names, optional, error);

	if (!result)
		result = pack(fd, &modules, error);
	modules_free(&modules);
	return result;
}

/* Until it has ended. Return: 0, or -1: it failed, or was killed */
static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

/*
 * In a process of its own: libkmod with libcrypto behind it, and what else is left in
 * memory, would cost each VM a megabyte for as long as it runs.
 */
int initramfs_pack(const char *folder, const char *const *names,
		   const char *const *optional, struct error *error)
{
	struct error *why = mmap(NULL, sizeof(*why), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("initramfs", MFD_CLOEXEC);
	pid_t pid = -1;

	error_set(error, errno, "cannot make an initramfs");
	if (fd >= 0 && why != MAP_FAILED)
		pid = fork();
	if (!pid)
		_exit(find_and_pack(fd, folder, names, optional, why) != 0);
	if (pid < 0 || wait_for(pid)) {
		if (pid > 0 && why->text[0])
			*error = *why;
		if (fd >= 0)
			close(fd);
		fd = -1;
	} else {
		error->text[0] = '\0';
	}
	if (why != MAP_FAILED)
		munmap(why, sizeof(*why));
	return fd;
}
