// SPDX-License-Identifier: GPL-2.0-only
/* lodge check: what containers need of a host, and images. */
#include "cmd/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_filesystem(struct report *report, const char *requirement,
			     const char *name, const char *option)
{
	char text[128];

	if (check_file_has_word("/proc/filesystems", "", name)) {
		check_add(report, FOR_CONTAINER, requirement, VERDICT_OK, "there");
	} else if (check_module_available(name)) {
		check_add(report, FOR_CONTAINER, requirement, VERDICT_OK,
			  "a module, loaded when it is used");
	} else {
		snprintf(text, sizeof(text),
			 "use a kernel with CONFIG_%s, or install its module %s",
			 option, name);
		check_remedy(check_add(report, FOR_CONTAINER, requirement, VERDICT_NO,
				       "the kernel does not have it"), text);
	}
}

static void check_cgroup(struct report *report)
{
	if (!check_file_has_word("/proc/filesystems", "", "cgroup2"))
		check_remedy(check_add(report, FOR_CONTAINER, "cgroup v2", VERDICT_NO,
				       "the kernel does not have it"),
			     "use a kernel with CONFIG_CGROUPS");
	else if (!check_file_has_word("/proc/self/mounts", "", "cgroup2"))
		check_remedy(check_add(report, FOR_CONTAINER, "cgroup v2", VERDICT_WARN,
				       "not mounted"),
			     "mount -t cgroup2 none /sys/fs/cgroup");
	else
		check_add(report, FOR_CONTAINER, "cgroup v2", VERDICT_OK, "mounted");
}

static void check_namespaces(struct report *report)
{
	static const char *const names[] = {
		"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts",
	};
	char missing[96] = "", path[64], line[32];
	bool user = false;
	size_t i, used = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		if (!access(path, F_OK)) {
			user |= !strcmp(names[i], "user");
			continue;
		}
		used += (size_t)snprintf(missing + used, sizeof(missing) - used,
					 "%s%s", used ? ", " : "", names[i]);
	}
	if (used)
		check_remedy(check_add(report, FOR_CONTAINER, "namespaces", VERDICT_NO,
				       "the kernel lacks: %s", missing),
			     "use a kernel with CONFIG_NAMESPACES and all below it");
	else
		check_add(report, FOR_CONTAINER, "namespaces", VERDICT_OK, "all");
	if (!user)
		return;
	if (check_read_line("/proc/sys/user/max_user_namespaces", line, sizeof(line)) &&
	    !strcmp(line, "0"))
		check_remedy(check_add(report, FOR_CONTAINER, "user namespaces", VERDICT_NO,
				       "none are allowed"),
			     "sysctl user.max_user_namespaces=10000");
	else if (geteuid() &&
		 check_read_line("/proc/sys/kernel/unprivileged_userns_clone", line,
				 sizeof(line)) && !strcmp(line, "0"))
		check_remedy(check_add(report, FOR_CONTAINER, "user namespaces", VERDICT_NO,
				       "only for root"),
			     "sysctl kernel.unprivileged_userns_clone=1, or run as root");
	else
		check_add(report, FOR_CONTAINER, "user namespaces", VERDICT_OK, "allowed");
}

static void check_seccomp(struct report *report)
{
	if (!access("/proc/sys/kernel/seccomp/actions_avail", F_OK))
		check_add(report, FOR_CONTAINER, "seccomp filters", VERDICT_OK, "there");
	else
		check_remedy(check_add(report, FOR_CONTAINER, "seccomp filters", VERDICT_NO,
				       "the kernel does not have them"),
			     "use a kernel with CONFIG_SECCOMP_FILTER");
}

/* The wall around a container hangs on ftrace. */
static void check_ftrace(struct report *report)
{
	char line[16];

	if (!check_read_line("/proc/sys/kernel/ftrace_enabled", line, sizeof(line)))
		check_remedy(check_add(report, FOR_CONTAINER, "ftrace", VERDICT_NO,
				       "the kernel does not have it"),
			     "use a kernel with CONFIG_DYNAMIC_FTRACE");
	else if (line[0] == '0')
		check_remedy(check_add(report, FOR_CONTAINER, "ftrace", VERDICT_NO,
				       "switched off"), "sysctl kernel.ftrace_enabled=1");
	else
		check_add(report, FOR_CONTAINER, "ftrace", VERDICT_OK, "there");
}

/* An image is a file, which is mounted by a loop device. */
static void check_loop(struct report *report)
{
	static const char name[] = "loop devices";

	if (!access("/dev/loop-control", F_OK))
		check_add(report, FOR_CONTAINER, name, VERDICT_OK, "there");
	else if (check_module_available("loop"))
		check_remedy(check_add(report, FOR_CONTAINER, name, VERDICT_NO,
				       "no /dev/loop-control: the module is not loaded"),
			     "modprobe loop");
	else
		check_remedy(check_add(report, FOR_CONTAINER, name, VERDICT_NO,
				       "the kernel does not have them"),
			     "use a kernel with CONFIG_BLK_DEV_LOOP, or install its module loop");
}

static bool is_in_path(const char *program)
{
	char *copy = strdup(getenv("PATH") ?: "/bin:/usr/bin"), *rest = copy;
	const char *folder;
	char path[512];
	bool found = false;

	while (!found && (folder = strsep(&rest, ":"))) {
		int length = snprintf(path, sizeof(path), "%s/%s",
				      *folder ? folder : ".", program);

		found = length < (int)sizeof(path) && !access(path, X_OK);
	}
	free(copy);
	return found;
}

/* Who has images already can run them without. */
static void check_mkfs(struct report *report)
{
	if (is_in_path("mkfs.erofs"))
		check_add(report, FOR_CONTAINER, "mkfs.erofs", VERDICT_OK,
			  "for 'lodge image import'");
	else
		check_remedy(check_add(report, FOR_CONTAINER, "mkfs.erofs", VERDICT_WARN,
				       "not in PATH: no image can be imported"),
			     "apt install erofs-utils");
}

void check_containers(struct report *report)
{
	check_namespaces(report);
	check_cgroup(report);
	check_filesystem(report, "overlayfs", "overlay", "OVERLAY_FS");
	check_filesystem(report, "EROFS", "erofs", "EROFS_FS");
	check_loop(report);
	check_mkfs(report);
	check_seccomp(report);
	check_ftrace(report);
}
