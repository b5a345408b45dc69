// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/lodge.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

#define CGROUP		"/sys/fs/cgroup/escape"
#define ROOT		"/tmp/box"
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

int try_read(int dir, const char *path)
{
	char text[64];
	int fd = openat(dir, path, O_RDONLY);
	int ret = 0;

	if (fd < 0)
		return errno;
	if (read(fd, text, sizeof(text)) < 0)
		ret = errno;
	close(fd);
	return ret;
}

int try_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = errno;
	close(fd);
	return ret;
}

int leak(const char *path, int flags)
{
	return CHECK(open(path, flags));
}

pid_t start_victim(void)
{
	pid_t pid = CHECK(fork());

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(leak(HOST_FILE, O_RDONLY), STDIN_FILENO);
		for (;;)
			pause();
	}
	return pid;
}

void boxes_prepare(void)
{
	int fd;

	/* What is not there is built in, or its attack says so. */
	if (system("modprobe -a loop erofs vsock af_alg algif_hash 2>/dev/null"))
		usleep(0);
	mkdir(CGROUP, 0755);
	mkdir(ROOT, 0755);
	mkdir(HOST_DIR, 0755);
	CHECK(mount("host", HOST_DIR, "tmpfs", 0, NULL));
	fd = CHECK(open(HOST_FILE, O_WRONLY | O_CREAT, 0644));
	CHECK(write(fd, SECRET, strlen(SECRET)));
	close(fd);
	/* A file of the host's file system that boxes are given */
	fd = CHECK(open(HOST_DIR "/given", O_WRONLY | O_CREAT, 0644));
	close(fd);
}

static void make_node(const char *path, mode_t type, unsigned int major_nr,
		      unsigned int minor_nr)
{
	CHECK(mknod(path, type | 0666, makedev(major_nr, minor_nr)));
}

static void copy_program(const char *from, const char *to)
{
	static char buffer[65536];
	int in = CHECK(open(from, O_RDONLY | O_CLOEXEC));
	int out = CHECK(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	ssize_t count;

	while ((count = CHECK(read(in, buffer, sizeof(buffer)))))
		CHECK(write(out, buffer, count));
	close(in);
	close(out);
}

/* What a container has, and device nodes that none should be able to use */
static void make_world(void)
{
	static const char *const folders[] = { "proc", "sys", "dev", "mnt", "ro" };
	size_t i;

	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(mount("box", ROOT, "tmpfs", 0, NULL));
	CHECK(chdir(ROOT));
	for (i = 0; i < ARRAY_SIZE(folders); i++)
		CHECK(mkdir(folders[i], 0755));
	CHECK(mount("proc", "proc", "proc", 0, NULL));
	CHECK(mount("sysfs", "sys", "sysfs", 0, NULL));
	CHECK(mount("ro", "ro", "tmpfs", MS_RDONLY, NULL));
	close(CHECK(open("given", O_WRONLY | O_CREAT, 0644)));
	copy_program("/bin/busybox", "cat");
	CHECK(mount(HOST_DIR "/given", "given", NULL, MS_BIND, NULL));
	make_node("dev/null", S_IFCHR, 1, 3);
	make_node("dev/mem", S_IFCHR, 1, 1);
	make_node("dev/kmsg", S_IFCHR, 1, 11);
	make_node("dev/loop7", S_IFBLK, 7, 7);
	CHECK(syscall(SYS_pivot_root, ".", "."));
	CHECK(umount2(".", MNT_DETACH));
	CHECK(chdir("/"));
}

/* PID 1 of the box */
static void live(struct box *box, const struct attack *attack, int ready, int go)
{
	int ends[2], status;
	char letter;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!(attack->flags & BOX_HOST_GROUP))
		setsid();
	make_world();
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	box->scm = ends[0];
	CHECK(write(ready, &ends[1], sizeof(ends[1])));
	if (read(go, &letter, 1) != 1)
		_exit(255);
	close(ends[1]);
	pid = CHECK(fork());
	if (!pid)
		_exit(attack->run(box));
	while (waitpid(-1, &status, 0) != pid)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

static pid_t start(struct box *box, const struct attack *attack, int ready, int go)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
			 CLONE_NEWCGROUP | CLONE_NEWTIME | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = box->cgroup,
	};
	pid_t pid;

	if (!(attack->flags & BOX_HOST_NET))
		args.flags |= CLONE_NEWNET;
	pid = CHECK(syscall(SYS_clone3, &args, sizeof(args)));
	if (!pid)
		live(box, attack, ready, go);
	return pid;
}

static struct lodge_cell_rule tree(pid_t init, const char *path, u32 access)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/root/%s", init, path);
	return (struct lodge_cell_rule) {
		.kind = LODGE_RULE_TREE,
		.access = access,
		.fd = CHECK(open(name, O_PATH)),
	};
}

#define READ_EXECUTE	(LODGE_ACCESS_READ | LODGE_ACCESS_EXECUTE)
#define ANY_ACCESS	(READ_EXECUTE | LODGE_ACCESS_WRITE)

static void put_up_wall(struct box *box)
{
	struct lodge_cell_rule rules[] = {
		tree(box->init, "", ANY_ACCESS),
		tree(box->init, "proc", ANY_ACCESS),
		tree(box->init, "sys", ANY_ACCESS),
		tree(box->init, "ro", READ_EXECUTE),
		tree(box->init, "given", ANY_ACCESS),
		{ .kind = LODGE_RULE_CHAR_DEVICE, .major = 1, .minor = 3,
		  .access = LODGE_ACCESS_READ | LODGE_ACCESS_WRITE },
		{ .kind = LODGE_RULE_FAMILY, .major = AF_UNIX },
		{ .kind = LODGE_RULE_FAMILY, .major = AF_INET },
		{ .kind = LODGE_RULE_FAMILY, .major = AF_NETLINK },
		{ .kind = LODGE_RULE_FILESYSTEM, .type = "tmpfs" },
		{ .kind = LODGE_RULE_FILESYSTEM, .type = "proc" },
	};
	struct lodge_policy policy = {
		.size = sizeof(policy),
		.flags = box->complain ? LODGE_POLICY_COMPLAIN : 0,
		.nr_rules = ARRAY_SIZE(rules),
		.rules = (u64)rules,
	};
	struct lodge_create_cell args = {
		.size = sizeof(args),
		.pid = box->init,
		.cgroup = box->cgroup,
		.policy = (u64)&policy,
		.name = "escape",
	};
	int device = CHECK(open("/dev/lodge", O_RDWR | O_CLOEXEC));
	size_t i;

	box->cell = CHECK(ioctl(device, LODGE_CREATE_CELL, &args));
	close(device);
	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].kind == LODGE_RULE_TREE)
			close(rules[i].fd);
}

/* The host's end of a socket that was made in the box */
static int take_socket(struct box *box, int number)
{
	int pidfd = CHECK(syscall(SYS_pidfd_open, box->init, 0));
	int fd = CHECK(syscall(SYS_pidfd_getfd, pidfd, number, 0));

	close(pidfd);
	return fd;
}

/* A killed box may take a moment to be gone from its cgroup. */
static void bury(struct box *box)
{
	int tries;

	close(box->cell);
	close(box->scm_host);
	for (tries = 0; tries < 1000; tries++) {
		if (!rmdir(CGROUP))
			break;
		usleep(10000);
	}
	close(box->cgroup);
}

int box_run(struct box *box, const struct attack *attack)
{
	int ready[2], go[2], number, status;

	mkdir(CGROUP, 0755);
	box->cgroup = CHECK(open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK(pipe(ready));
	CHECK(pipe(go));
	box->init = start(box, attack, ready[1], go[0]);
	close(ready[1]);
	close(go[0]);
	if (read(ready[0], &number, sizeof(number)) != sizeof(number))
		die(__FILE__, __LINE__, "the box could not be made");
	box->scm_host = take_socket(box, number);
	put_up_wall(box);
	if (attack->offer)
		attack->offer(box);
	CHECK(write(go[1], "g", 1));
	CHECK(waitpid(box->init, &status, 0));
	close(ready[0]);
	close(go[1]);
	bury(box);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}
