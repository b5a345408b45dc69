// SPDX-License-Identifier: GPL-2.0-only
/* Ways to the host's files: descriptors that leak, handles, /proc and /sys. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "box.h"
#include "guest.h"
#include "vm.h"

static void leak_folder(struct box *box)
{
	box->fd = leak(HOST_DIR, O_PATH | O_DIRECTORY);
}

static void leak_file(struct box *box)
{
	box->fd = leak(HOST_FILE, O_RDONLY);
}

/* CVE-2024-21626: the working folder is one of the host's. */
static int run_folder(struct box *box)
{
	return fchdir(box->fd) ? errno : try_read(AT_FDCWD, "../escape/secret");
}

static int read_leaked(struct box *box)
{
	char text[32];

	return pread(box->fd, text, sizeof(text), 0) < 0 ? errno : 0;
}

static int map_leaked(struct box *box)
{
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, box->fd, 0);

	return map == MAP_FAILED ? errno : 0;
}

/* The same behind an exec: "sh -c" with the descriptor as its input */
static int run_exec(struct box *box)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *const argv[] = { "cat", NULL };

		dup2(box->fd, STDIN_FILENO);
		execv("/cat", argv);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void leak_program(struct box *box)
{
	box->fd = leak("/bin/busybox", O_PATH);
}

/* A program of the host's, without a name in the box */
static int run_program(struct box *box)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *const argv[] = { "true", NULL };

		syscall(SYS_execveat, box->fd, "", argv, NULL, AT_EMPTY_PATH);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* CVE-2019-5736: the program of PID 1 is the host's. */
static int run_runtime(struct box *box)
{
	return try_read(AT_FDCWD, "/proc/1/exe");
}

/* To what it is already, for it may work. */
static int chmod_runtime(struct box *box)
{
	return chmod("/proc/1/exe", 0755) ? errno : 0;
}

static struct {
	struct file_handle head;
	unsigned char space[MAX_HANDLE_SZ];
} handle;

static void take_handle(struct box *box)
{
	int mount_id;

	handle.head.handle_bytes = MAX_HANDLE_SZ;
	CHECK(name_to_handle_at(AT_FDCWD, HOST_FILE, &handle.head, &mount_id, 0));
}

/* The file system is known by the file that was given. */
static int open_handle(struct box *box)
{
	int mount = open("/given", O_RDONLY);
	int fd = open_by_handle_at(mount, &handle.head, O_RDONLY);

	return fd < 0 ? errno : 0;
}

static void pass_file(struct box *box)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { "f", 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = leak(HOST_FILE, O_RDONLY);

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	CHECK(sendmsg(box->scm_host, &message, 0));
	close(fd);
}

static int receive_file(struct box *box)
{
	char text[32], space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(box->scm, &message, 0) < 0)
		return errno;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len < CMSG_LEN(sizeof(int)))
		return EACCES;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return pread(fd, text, sizeof(text), 0) < 0 ? errno : 0;
}

/* What a leaked folder of a host's process in /proc leads to */
static void leak_proc(struct box *box)
{
	char path[32];

	box->victim = start_victim();
	snprintf(path, sizeof(path), "/proc/%d", box->victim);
	box->fd = leak(path, O_PATH | O_DIRECTORY);
}

static int run_proc_root(struct box *box)
{
	return try_read(box->fd, "root/proc/version");
}

static int run_proc_fd(struct box *box)
{
	return try_read(box->fd, "fd/0");
}

static int run_proc_mem(struct box *box)
{
	return try_read(box->fd, "maps");
}

static int try_sysctl(const char *path)
{
	char text[256];
	ssize_t length;
	int fd = open(path, O_RDONLY);

	/* Its own value: the host stays as it was. */
	if (fd < 0)
		return errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length < 0)
		return errno;
	text[length] = '\0';
	return try_write(path, text);
}

static int run_core_pattern(struct box *box)
{
	return try_sysctl("/proc/sys/kernel/core_pattern");
}

static int run_modprobe(struct box *box)
{
	return try_sysctl("/proc/sys/kernel/modprobe");
}

static int run_uevent_helper(struct box *box)
{
	return try_sysctl("/sys/kernel/uevent_helper");
}

static int run_sysfs(struct box *box)
{
	return try_sysctl("/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan");
}

/* Help: it does no more than print. */
static int run_sysrq(struct box *box)
{
	return try_write("/proc/sysrq-trigger", "h");
}

static int run_device(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int run_mem(struct box *box)
{
	return run_device("/dev/mem");
}

static int run_kmsg(struct box *box)
{
	return run_device("/dev/kmsg");
}

static int run_disk(struct box *box)
{
	return run_device("/dev/loop7");
}

static int run_mknod(struct box *box)
{
	return mknod("/disk", S_IFBLK | 0600, makedev(7, 7)) ? errno : 0;
}

/* The ring's worker opens it, a thread that the kernel makes. */
static int run_io_uring(struct box *box)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	struct io_uring_sqe *entries;
	struct io_uring_cqe *results;
	unsigned int *tail, *array;
	char *sq, *cq;

	if (ring < 0)
		return errno;
	sq = mmap(NULL, params.sq_off.array + params.sq_entries * 4,
		  PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(*results),
		  PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	entries = mmap(NULL, params.sq_entries * sizeof(*entries),
		       PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED)
		return errno;
	memset(entries, 0, sizeof(*entries));
	entries->opcode = IORING_OP_OPENAT;
	entries->flags = IOSQE_ASYNC;
	entries->fd = box->fd;
	entries->addr = (unsigned long)"secret";
	array = (unsigned int *)(sq + params.sq_off.array);
	tail = (unsigned int *)(sq + params.sq_off.tail);
	array[0] = 0;
	__atomic_store_n(tail, 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL,
		    0) < 0)
		return errno;
	results = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	return results[0].res < 0 ? -results[0].res : 0;
}

#define RACERS		4
#define RACE_ROUNDS	200

static volatile int race_won;

static void *race(void *arg)
{
	struct box *box = arg;

	while (!race_won)
		if (!try_read(box->fd, "secret"))
			race_won = 1;
	return NULL;
}

/* A process that forks, ends and executes while its threads try */
static int race_round(struct box *box, int round)
{
	char *const argv[] = { "cat", NULL };
	pthread_t thread;
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return errno;
	if (!pid) {
		if (pthread_create(&thread, NULL, race, box))
			_exit(1);
		if (!try_read(box->fd, "secret"))
			_exit(0);
		if (round % 2) {
			execv("/cat", argv);
			_exit(1);
		}
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	/* cat, with its empty input, is no thief. */
	return WIFEXITED(status) && !WEXITSTATUS(status) && !(round % 2) ? 0 : EACCES;
}

static int run_race(struct box *box)
{
	int round;

	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	for (round = 0; round < RACE_ROUNDS; round++)
		if (!race_round(box, round))
			return 0;
	return EACCES;
}

static int run_userns(struct box *box)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID))
		return errno;
	pid = fork();
	if (!pid) {
		if (mount("again", "/mnt", "tmpfs", 0, NULL))
			_exit(errno);
		_exit(try_read(box->fd, "secret"));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

const struct attack file_attacks[] = {
	{ "a leaked working folder (CVE-2024-21626)", "security_file_open",
	  .prepare = leak_folder, .run = run_folder },
	{ "a descriptor of the host's", "security_file_permission",
	  .prepare = leak_file, .run = read_leaked },
	{ "a mapping of a descriptor of the host's", "security_mmap_file",
	  .prepare = leak_file, .run = map_leaked },
	{ "a descriptor inherited by exec", "security_file_permission",
	  .prepare = leak_file, .run = run_exec },
	{ "a program of the host's", "security_file_open",
	  .prepare = leak_program, .run = run_program },
	{ "a descriptor passed by SCM_RIGHTS", "security_file_receive",
	  .offer = pass_file, .run = receive_file },
	{ "the runtime's program (CVE-2019-5736)", "security_file_open",
	  .run = run_runtime },
	{ "the runtime's program's mode", "security_path_chmod",
	  .run = chmod_runtime },
	{ "open_by_handle_at", "security_file_open",
	  .prepare = take_handle, .run = open_handle },
	{ "/proc/PID/root of the host", "security_ptrace_access_check",
	  .prepare = leak_proc, .run = run_proc_root },
	{ "/proc/PID/fd of the host", "security_ptrace_access_check",
	  .prepare = leak_proc, .run = run_proc_fd },
	{ "/proc/PID/maps of the host", "security_file_open",
	  .prepare = leak_proc, .run = run_proc_mem },
	{ "core_pattern", "security_file_open", .run = run_core_pattern },
	{ "kernel.modprobe", "security_file_open", .run = run_modprobe },
	{ "uevent_helper", "security_file_open", .run = run_uevent_helper,
	  .needs = "/sys/kernel/uevent_helper" },
	{ "a setting in /sys", "security_file_open", .run = run_sysfs },
	{ "sysrq-trigger", "security_file_open", .run = run_sysrq },
	{ "/dev/mem", "security_file_open", .run = run_mem },
	{ "/dev/kmsg", "security_file_open", .run = run_kmsg },
	{ "the host's disk", "security_file_open", .run = run_disk },
	{ "mknod of the host's disk", "security_path_mknod", .run = run_mknod },
	{ "io_uring that opens", "security_file_open",
	  .prepare = leak_folder, .run = run_io_uring },
	{ "a nested user namespace", "security_file_open",
	  .prepare = leak_folder, .run = run_userns },
	{ "a race with fork, exec and exit", "security_file_open", BOX_RACE,
	  .prepare = leak_folder, .run = run_race },
	{ NULL },
};
