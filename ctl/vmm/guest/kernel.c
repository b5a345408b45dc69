// SPDX-License-Identifier: GPL-2.0-only
/* Finds a guest's kernel and its modules, by default the host's own. */
#include "vmm/guest/kernel.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Where the header says that the version is, from SETUP on (the boot protocol) */
#define VERSION_POINTER	0x20e
#define SETUP		0x200
#define VERSION_MAX	128

/* The host's own, where distributions have it. Return: 0 or -1 */
static int find_host_kernel(char *path, struct error *error)
{
	struct utsname host;

	uname(&host);
	snprintf(path, PATH_MAX, "/boot/vmlinuz-%s", host.release);
	if (!access(path, F_OK))
		return 0;
	snprintf(path, PATH_MAX, "/lib/modules/%s/vmlinuz", host.release);
	if (!access(path, F_OK))
		return 0;
	error_set(error, 0, "there is no kernel of this host, /boot/vmlinuz-%s", host.release);
	return error_advise(error, "give one with --kernel");
}

/* "6.1.0-31-amd64 (debian...) #1 SMP ...": the first word */
static int read_version(const char *path, char *version, struct error *error)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint16_t pointer = 0;
	ssize_t count = -1;

	if (fd < 0)
		return error_set(error, errno, "cannot open the kernel '%s'", path);
	if (pread(fd, &pointer, sizeof(pointer), VERSION_POINTER) == sizeof(pointer) && pointer)
		count = pread(fd, version, VERSION_MAX - 1, SETUP + le16toh(pointer));
	close(fd);
	version[count > 0 ? count : 0] = '\0';
	version[strcspn(version, "\n ")] = '\0';
	if (version[0] && version[0] != '.' && !strchr(version, '/'))
		return 0;
	error_set(error, 0, "the kernel '%s' does not say its version", path);
	return error_advise(error, "say where its modules are with --modules");
}

int kernel_find(struct kernel *kernel, const char *path, const char *modules,
		struct error *error)
{
	char version[VERSION_MAX];

	if (!path && find_host_kernel(kernel->path, error))
		return -1;
	if (path)
		snprintf(kernel->path, sizeof(kernel->path), "%s", path);
	if (modules) {
		snprintf(kernel->modules, sizeof(kernel->modules), "%s", modules);
	} else {
		if (read_version(kernel->path, version, error))
			return -1;
		snprintf(kernel->modules, sizeof(kernel->modules), "/lib/modules/%s", version);
	}
	if (!access(kernel->modules, X_OK))
		return 0;
	error_set(error, errno, "there are no modules of the kernel '%s' in %s", kernel->path,
		  kernel->modules);
	return error_advise(error, "say where they are with --modules");
}
