// SPDX-License-Identifier: GPL-2.0-only
/* Cells: walls around processes that keep doing harmless things. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuzz.h"
#include "vm.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define CGROUP		CGROUP_ROOT "/lodge-fuzz"
#define NR_RULES	4
#define VM_FD		200	/* of a walled process that has a VM */

static const char *const paths[] = {
	"/", "/tmp", "/proc", "/proc/self/status", "/proc/1/environ", "/dev/null",
	"/dev/lodge", "/sys/kernel/uevent_seqnum", "/bin/busybox", "/nowhere",
	"/proc/self/ns/pid", "/proc/self/ns/net", "/proc/sys/kernel/core_pattern",
};

void cells_create(struct world *w)
{
	int i;

	for (i = 0; i < NR_CELLS; i++) {
		w->cell[i] = -1;
		w->walled[i] = 0;
	}
	/* All rounds share one, which goes with the machine. */
	mkdir(CGROUP, 0755);
	w->cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void walled_files(struct tape *t, const struct world *w)
{
	int fd = open(PICK(t, paths), (one_in(t, 4) ? O_PATH : O_RDONLY) |
		      O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char text[16];

	(void)!read(fd, text, sizeof(text));
	fstat(fd, &st);
	if (one_in(t, 4))
		setns(fd, 0);
	if (fd >= 0)
		close(fd);
	(void)!pread(w->file, text, sizeof(text), 0);
	(void)!pread(w->other[0], text, sizeof(text), 0);
}

static void walled_sockets(struct tape *t)
{
	static const int families[] = {
		AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG,
	};
	struct sockaddr address = { .sa_family = PICK(t, families) };
	int pair[2], fd = socket(address.sa_family,
				 (one_in(t, 2) ? SOCK_STREAM : SOCK_DGRAM) |
				 SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	draw_bytes(t, address.sa_data, sizeof(address.sa_data));
	if (fd >= 0) {
		connect(fd, &address, sizeof(address));
		(void)!write(fd, "x", 1);
		close(fd);
	}
	if (!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair)) {
		(void)!write(pair[0], "x", 1);
		close(pair[0]);
		close(pair[1]);
	}
}

/* Signal 0 and the like: what is reached must not notice. */
static void walled_processes(struct tape *t)
{
	pid_t pid = one_in(t, 2) ? getppid() : (pid_t)below(t, 400);

	kill(pid, 0);
	getpriority(PRIO_PROCESS, pid);
	sched_getscheduler(pid);
	syscall(SYS_kcmp, getpid(), pid, 0, 0, 0);
}

static void walled_children(struct tape *t)
{
	pid_t pid;

	if (one_in(t, 4))
		unshare(CLONE_NEWPID);
	if (one_in(t, 8))
		unshare(CLONE_NEWNET);
	pid = fork();
	if (!pid) {
		walled_processes(t);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, one_in(t, 4) ? WNOHANG : 0);
}

static void walled_kernel(struct tape *t, const struct world *w)
{
	struct lodge_create_cell args = { .size = sizeof(args), .pid = 1 };
	struct lodge_create_vm create = { .size = sizeof(create) };
	u8 attr[128] = { };
	int fd;

	fd = ioctl(w->dev, one_in(t, 2) ? LODGE_CREATE_VM : LODGE_CREATE_CELL,
		   one_in(t, 2) ? (void *)&create : (void *)&args);
	if (fd >= 0)
		close(fd);
	draw_bytes(t, attr, 8);
	syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
	syscall(SYS_bpf, 1 + below(t, 4), attr, sizeof(attr));
	syscall(SYS_clock_settime, CLOCK_REALTIME, NULL);
	syscall(SYS_syslog, 10, NULL, 0);
	syscall(SYS_keyctl, 0, -3, 0);
}

static void walled_make_vm(const struct world *w)
{
	struct lodge_create_vm args = { .size = sizeof(args) };
	int fd = ioctl(w->dev, LODGE_CREATE_VM, &args);

	if (fd >= 0) {
		dup2(fd, VM_FD);
		close(fd);
	}
}

static void walled_run(const struct world *w, u64 seed)
{
	struct tape tape;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	tape_init(&tape, seed, 0, 0);
	unshare(CLONE_NEWNS);
	if (one_in(&tape, 2))
		walled_make_vm(w);
	for (;;) {
		switch (below(&tape, 5)) {
		case 0:
			walled_files(&tape, w);
			break;
		case 1:
			walled_sockets(&tape);
			break;
		case 2:
			walled_processes(&tape);
			break;
		case 3:
			walled_children(&tape);
			break;
		default:
			walled_kernel(&tape, w);
			break;
		}
		sleep_ms(1 + below(&tape, 8));
	}
}

static void replace_walled(struct world *w, int i, pid_t pid)
{
	pid_t old = __atomic_exchange_n(&w->walled[i], pid, __ATOMIC_ACQ_REL);

	if (old <= 0)
		return;
	kill(old, SIGKILL);
	while (waitpid(old, NULL, 0) < 0 && errno == EINTR)
		;
}

static void new_walled(struct thread *t, int i)
{
	struct world *w = t->world;
	struct clone_args args = {
		.flags = CLONE_NEWPID, .exit_signal = SIGCHLD,
	};
	u64 seed = draw(&t->tape);
	pid_t pid;

	if (w->cgroup >= 0 && !one_in(&t->tape, 8)) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = w->cgroup;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		walled_run(w, seed);
	if (pid > 0)
		replace_walled(w, i, pid);
}

static void draw_rule(struct thread *t, struct lodge_cell_rule *rule)
{
	static const char *const types[] = { "tmpfs", "proc", "overlay", "", "none" };
	static const u32 numbers[] = { 0, 1, 5, 10, LODGE_DEVICE_ANY };
	struct tape *tape = &t->tape;

	memset(rule, 0, sizeof(*rule));
	rule->kind = 1 + below(tape, LODGE_RULE_FAMILY);
	switch (rule->kind) {
	case LODGE_RULE_TREE:
		rule->access = 1 + below(tape, 7);
		rule->fd = one_in(tape, 2) ? t->world->file : t->world->cgroup;
		break;
	case LODGE_RULE_FILESYSTEM:
		strncpy(rule->type, PICK(tape, types), sizeof(rule->type) - 1);
		break;
	case LODGE_RULE_FAMILY:
		rule->major = one_in(tape, 8) ? draw_value(tape) : below(tape, 46);
		break;
	default:
		rule->access = 1 + below(tape, 7);
		rule->major = PICK(tape, numbers);
		rule->minor = PICK(tape, numbers);
		break;
	}
	if (one_in(tape, 32))
		mutate(tape, rule, sizeof(*rule));
}

/* The rules go into the thread's scratch, behind the policy for a new cell. */
static void draw_policy(struct thread *t, struct lodge_policy *policy)
{
	struct lodge_cell_rule *rules = (void *)((char *)t->scratch + 0x1000);
	struct tape *tape = &t->tape;
	u32 i;

	memset(policy, 0, sizeof(*policy));
	policy->size = sizeof(*policy);
	policy->flags = below(tape, 2);
	policy->rights = draw(tape) & draw(tape) & LODGE_RIGHTS_ALL;
	policy->nr_rules = below(tape, NR_RULES + 1);
	policy->rules = (u64)rules;
	for (i = 0; i < policy->nr_rules; i++)
		draw_rule(t, &rules[i]);
	if (one_in(tape, 32))
		policy->nr_rules = draw_value(tape);
}

/* The VM that a walled process has made, or any. Return: a descriptor to close */
static int vm_of(struct thread *t, pid_t pid)
{
	int pidfd, fd = -1;

	if (one_in(&t->tape, 16))
		return dup(any_vm(t));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0) {
		fd = syscall(SYS_pidfd_getfd, pidfd, VM_FD, 0);
		close(pidfd);
	}
	return fd;
}

static void create_cell(struct thread *t)
{
	struct lodge_policy *policy = t->scratch;
	struct lodge_create_cell args = { .size = sizeof(args) };
	struct world *w = t->world;
	struct tape *tape = &t->tape;
	int i = below(tape, NR_CELLS), fd, vm = -1;

	if (!w->walled[i] || one_in(tape, 2))
		new_walled(t, i);
	draw_policy(t, policy);
	args.pid = one_in(tape, 16) ? (int)draw_value(tape) : w->walled[i];
	args.cgroup = one_in(tape, 32) ? w->other[0] : w->cgroup;
	args.policy = one_in(tape, 32) ? wild_pointer(tape) : (u64)policy;
	if (one_in(tape, 8))
		snprintf(args.name, sizeof(args.name), "fuzz%u", (u32)below(tape, 3));
	if (one_in(tape, 3)) {
		vm = vm_of(t, args.pid);
		args.flags = LODGE_CELL_VM;
		args.vm = vm;
		if (!one_in(tape, 4))
			args.cgroup = -1;
	}
	fd = do_ioctl(t, CALL_CREATE_CELL, one_in(tape, 48) ? any_vm(t) : w->dev,
		      LODGE_CREATE_CELL, &args, sizeof(args));
	if (vm >= 0)
		close(vm);
	if (fd >= 0)
		replace_fd(&w->cell[i], fd);
}

static void cell_policy(struct thread *t, int fd)
{
	struct lodge_policy policy;

	draw_policy(t, &policy);
	do_ioctl(t, CALL_CELL_SET_POLICY, fd, LODGE_CELL_SET_POLICY, &policy,
		 sizeof(policy));
}

static void cell_state(struct thread *t, int fd)
{
	struct lodge_cell_state args = {
		.size = sizeof(args), .flags = below(&t->tape, 4),
		.status = below(&t->tape, 2) ? 0 : (int)draw_value(&t->tape),
	};

	if (one_in(&t->tape, 2))
		do_ioctl(t, CALL_CELL_SET_STATE, fd, LODGE_CELL_SET_STATE, &args,
			 sizeof(args));
	else
		do_ioctl(t, CALL_CELL_GET_STATE, fd, LODGE_CELL_GET_STATE, &args,
			 sizeof(args));
}

void cell_op(struct thread *t)
{
	struct world *w = t->world;
	int i = any_open(t, w->cell, NR_CELLS);
	int fd = one_in(&t->tape, 48) ? any_vm(t) : w->cell[i];

	switch (below(&t->tape, 8)) {
	case 0:
		replace_fd(&w->cell[i], -1);
		break;
	case 1:
		replace_walled(w, i, 0);
		break;
	case 2:
	case 3:
		create_cell(t);
		break;
	case 4:
	case 5:
		cell_policy(t, fd);
		break;
	default:
		cell_state(t, fd);
		break;
	}
}
