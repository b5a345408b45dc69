// SPDX-License-Identifier: GPL-2.0-only
/*
 * lodge-init of a VM, the first process of its initramfs: loads modules, finds the
 * port to the keeper, makes the image the root, and serves the keeper (agent.c).
 * What goes wrong before there is a port, it says on the console.
 */
#include "init/vm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "init/agent.h"
#include "init/network.h"
#include "init/wire.h"

#define PORTS		"/sys/class/virtio-ports"
#define WAIT_MS		20000
#define STEP_NS		2000000

/* Where the image and what is written over it come together, in the initramfs */
#define IMAGE		"/root/image"
#define LAYER		"/root/layer"
#define UPPER		LAYER "/upper"
#define WORK		LAYER "/work"
#define NEW_ROOT	"/root/new"

/* The kernel panics when PID 1 ends; a power off is a clearer end. */
__attribute__((noreturn)) static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static int mount_at(const char *type, const char *path, unsigned long flags,
		    const char *options, struct error *error)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return error_set(error, errno, "cannot make the folder %s", path);
	if (mount(type, path, type, flags, options))
		return error_set(error, errno, "cannot mount %s at %s", type, path);
	return 0;
}

static int load_module(const char *path, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return error_set(error, errno, "cannot open the module %s", path);
	/*
	 * One for hardware that is not there is nothing to worry about: what needs it
	 * will say so.
	 */
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST && errno != ENODEV &&
	    errno != ENOENT)
		result = error_set(error, errno, "cannot load the module %s", path);
	close(fd);
	return result;
}

static int load_modules(struct error *error)
{
	FILE *list = fopen("/" INIT_MODULE_LIST, "re");
	char line[512], path[sizeof(line) + 1];
	int result = 0;

	if (!list)
		return error_set(error, errno, "cannot read the list of modules");
	while (!result && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(path, sizeof(path), "/%s", line);
		result = load_module(path, error);
	}
	fclose(list);
	return result;
}

/* Is it the port to the keeper?  "vport1p1", by its name in sysfs */
static bool is_port(const char *device)
{
	char path[320], name[64] = "";
	ssize_t count;
	int fd;

	snprintf(path, sizeof(path), PORTS "/%s/name", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	count = read(fd, name, sizeof(name) - 1);
	close(fd);
	name[count > 0 ? strcspn(name, "\n") : 0] = '\0';
	return !strcmp(name, INIT_PORT);
}

/* Return: a descriptor, or -1: it is not there yet */
static int try_port(void)
{
	DIR *ports = opendir(PORTS);
	struct dirent *entry;
	char path[320];
	int fd = -1;

	if (!ports)
		return -1;
	while (fd < 0 && (entry = readdir(ports))) {
		if (entry->d_name[0] == '.' || !is_port(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	closedir(ports);
	return fd;
}

static void pause_a_little(void)
{
	const struct timespec step = { 0, STEP_NS };

	nanosleep(&step, NULL);
}

/* Devices come up by themselves, after their modules. Return: a descriptor or -1 */
static int open_port(struct error *error)
{
	int ms, fd;

	for (ms = 0; ms < WAIT_MS; ms += STEP_NS / 1000000) {
		fd = try_port();
		if (fd >= 0)
			return fd;
		pause_a_little();
	}
	return error_set(error, 0, "there is no port '" INIT_PORT "'");
}

static int wait_for_disk(struct error *error)
{
	int ms;

	for (ms = 0; ms < WAIT_MS; ms += STEP_NS / 1000000) {
		if (!access(INIT_ROOT_DISK, F_OK))
			return 0;
		pause_a_little();
	}
	return error_set(error, 0, "there is no disk " INIT_ROOT_DISK);
}

/* The image below, and a file system in memory above it. */
static int mount_root(struct error *error)
{
	struct stat lower;

	if (wait_for_disk(error))
		return -1;
	if (mkdir(IMAGE, 0755) || mkdir(NEW_ROOT, 0755))
		return error_set(error, errno, "cannot make a folder");
	if (mount(INIT_ROOT_DISK, IMAGE, INIT_ROOT_TYPE, MS_RDONLY, NULL))
		return error_set(error, errno, "cannot mount the image");
	if (mount_at("tmpfs", LAYER, 0, "mode=0755", error))
		return -1;
	/* The root folder's owner and mode are the upper one's. */
	if (mkdir(UPPER, 0755) || mkdir(WORK, 0755) || stat(IMAGE, &lower) ||
	    chown(UPPER, lower.st_uid, lower.st_gid) ||
	    chmod(UPPER, lower.st_mode & 07777))
		return error_set(error, errno, "cannot prepare the root");
	if (mount("overlay", NEW_ROOT, "overlay", 0,
		  "lowerdir=" IMAGE ",upperdir=" UPPER ",workdir=" WORK))
		return error_set(error, errno, "cannot mount the root");
	return 0;
}

/* The initramfs cannot be left by pivot_root(), but it can be covered. */
static int enter_root(struct error *error)
{
	static const char *const moved[] = { "/dev", "/proc", "/sys" };
	char place[32];
	size_t i;

	for (i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		snprintf(place, sizeof(place), NEW_ROOT "%s", moved[i]);
		mkdir(place, 0755);
		if (mount(moved[i], place, NULL, MS_MOVE, NULL))
			return error_set(error, errno, "cannot move %s", moved[i]);
	}
	if (chdir(NEW_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ||
	    chdir("/"))
		return error_set(error, errno, "cannot enter the root");
	return 0;
}

static int mount_kernel_fs(struct error *error)
{
	static const unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};
	struct error ignored;
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			return error_set(error, errno, "cannot make %s", links[i][1]);
	if (mount_at("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
		     "ptmxmode=0666,mode=0620,gid=5", error) ||
	    mount_at("tmpfs", "/dev/shm", plain, "mode=1777", error))
		return -1;
	/* A small kernel may be without these. */
	mount_at("mqueue", "/dev/mqueue", plain, NULL, &ignored);
	mount_at("cgroup2", "/sys/fs/cgroup", plain, NULL, &ignored);
	return 0;
}

static int write_file(const char *path, const char *text, struct error *error)
{
	size_t length = strlen(text);
	int fd, result = 0;

	/* Images have links there, to what their own init would have made. */
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		result = error_set(error, errno, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	return result;
}

static int write_files(char **strings, struct error *error)
{
	char text[1024];

	if (mkdir("/etc", 0755) && errno != EEXIST)
		return error_set(error, errno, "cannot make the folder /etc");
	snprintf(text, sizeof(text), "%s\n", strings[WIRE_SETUP_HOSTNAME]);
	if (write_file("/etc/hostname", text, error))
		return -1;
	snprintf(text, sizeof(text), INIT_HOSTS "%s", strings[WIRE_SETUP_HOSTS]);
	if (write_file("/etc/hosts", text, error))
		return -1;
	if (!strings[WIRE_SETUP_RESOLV_CONF][0])
		return 0;
	return write_file("/etc/resolv.conf", strings[WIRE_SETUP_RESOLV_CONF], error);
}

static int set_up(char **strings, struct error *error)
{
	const char *hostname = strings[WIRE_SETUP_HOSTNAME];
	bool read_only = strings[WIRE_SETUP_READ_ONLY][0];

	if (sethostname(hostname, strlen(hostname)))
		return error_set(error, errno, "cannot set the host name '%s'", hostname);
	if (mount_root(error) || enter_root(error) || mount_kernel_fs(error) ||
	    write_files(strings, error))
		return -1;
	if (read_only && mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL))
		return error_set(error, errno, "cannot make the root read-only");
	return network_up(strings, error);
}

static int boot(struct error *error)
{
	int port;

	if (mount_at("devtmpfs", "/dev", MS_NOSUID, "mode=0755", error) ||
	    mount_at("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, error) ||
	    mount_at("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, error) ||
	    load_modules(error))
		return -1;
	port = open_port(error);
	return port < 0 ? -1 : agent_run(port, port, set_up, error);
}

int main(void)
{
	struct error error = { .text = "" };

	setsid();
	umask(022);
	if (boot(&error)) {
		freopen("/dev/console", "we", stderr);
		error_print(&error);
	} else {
		/* The keeper ends the VM once it has heard all; should it not, this does. */
		sleep(1);
	}
	power_off();
}
