// SPDX-License-Identifier: GPL-2.0-only
/* The process that the user has started: it holds the wall around the VMM. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell/cell.h"
#include "cmd/cmd.h"
#include "container/sys.h"
#include "fd.h"
#include "tty.h"
#include "vmm/keeper.h"

/**
 * struct monitor - a VMM as its monitor has it
 * @page: what both share
 * @signal_fd: the monitor's signals
 * @pid: the VMM
 * @pidfd: the same
 * @socket: from the VMM, until the wall stands, then -1
 * @cell: the wall, or -1
 * @ending: the signal that is to end it, or 0
 * @broken: the wall could not be made
 */
struct monitor {
	struct keeper_page *page;
	int signal_fd;
	pid_t pid;
	int pidfd;
	int socket;
	int cell;
	int ending;
	bool broken;
};

static void send_signal(const struct monitor *monitor, int signal)
{
	/* If it has gone, that is heard of in a moment. */
	(void)!syscall(SYS_pidfd_send_signal, monitor->pidfd, signal, NULL, 0);
}

static int vmm_main(struct monitor *monitor, int socket, keeper_vmm *vmm, void *data)
{
	struct keeper keeper = { .page = monitor->page, .socket = socket };
	struct error *error = &monitor->page->error;

	/* Whose parent has gone before has nobody at its socket's other end. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "lodge-vmm");
	close_fd(&monitor->signal_fd);
	close_fd(&monitor->socket);
	/* The terminal is the monitor's: it stops us when it is to be stopped. */
	tty_forget();
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	keeper.signal_fd = keeper_signals(false, error);
	return keeper.signal_fd < 0 ? STATUS_LODGE : vmm(&keeper, data);
}

static int explain_clone(struct error *error)
{
	int errnum = errno;

	error_set(error, errnum, "cannot give the VM's process a pid namespace of its own");
	if (errnum == EPERM)
		error_advise(error, "run lodge as root, or allow user namespaces: 'sysctl kernel.unprivileged_userns_clone=1'");
	return -1;
}

static int start(struct monitor *monitor, keeper_vmm *vmm, void *data,
		 struct error *error)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_PIDFD,
		.pidfd = (uintptr_t)&monitor->pidfd,
		.exit_signal = SIGCHLD,
	};
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return error_set(error, errno, "cannot make a pair of sockets");
	monitor->socket = sockets[0];
	monitor->pid = sys_clone3(&args);
	if (monitor->pid < 0 && errno == EPERM) {
		/* Who is not root may have one in a user namespace of his own. */
		args.flags |= CLONE_NEWUSER;
		monitor->pid = sys_clone3(&args);
	}
	if (!monitor->pid)
		_exit(vmm_main(monitor, sockets[1], vmm, data));
	if (monitor->pid < 0)
		explain_clone(error);
	close(sockets[1]);
	if (monitor->pid < 0) {
		close_fd(&monitor->socket);
		return -1;
	}
	return 0;
}

/* Return: the descriptor of the VM, or -1: it has ended instead */
static int receive_vm(int socket)
{
	char byte;
	const struct iovec part = { &byte, 1 };
	int fd;

	return fd_receive(socket, &part, 1, MSG_DONTWAIT, &fd) == 1 ? fd : -1;
}

int monitor_wall(int socket, pid_t pid, int *cell, struct error *error)
{
	int vm = receive_vm(socket);

	*cell = -1;
	/* It has ended, or will, and says why. */
	if (vm < 0)
		return 0;
	*cell = cell_wall_vm(pid, vm, error);
	close(vm);
	if (*cell < 0)
		return -1;
	/* Who does not hear it has ended. */
	(void)!send(socket, "", 1, MSG_NOSIGNAL);
	return 0;
}

static void make_wall(struct monitor *monitor, struct error *error)
{
	if (monitor_wall(monitor->socket, monitor->pid, &monitor->cell, error)) {
		monitor->broken = true;
		send_signal(monitor, SIGKILL);
	}
	close_fd(&monitor->socket);
}

/* The process was stopped and continues, or another job is in the foreground. */
static void go_on(const struct monitor *monitor)
{
	if (isatty(STDIN_FILENO))
		atomic_store(&monitor->page->ours, tty_continue());
	send_signal(monitor, SIGCONT);
}

/*
 * Stops as it would have if it had never caught the signal: then a process group
 * that no shell looks after is not stopped at all.
 */
static void stop(const struct monitor *monitor, int signo)
{
	sigset_t set;

	send_signal(monitor, SIGSTOP);
	tty_restore();
	sigemptyset(&set);
	sigaddset(&set, signo);
	raise(signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	go_on(monitor);
}

static void handle_signals(struct monitor *monitor)
{
	struct signalfd_siginfo info;

	while (read(monitor->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int signo = (int)info.ssi_signo;

		switch (signo) {
		case SIGCONT:
			go_on(monitor);
			break;
		case SIGTSTP:
		case SIGTTIN:
		case SIGTTOU:
			stop(monitor, signo);
			break;
		case SIGWINCH:
			send_signal(monitor, signo);
			break;
		default:
			/* Who asks twice, or wants no more output, means it. */
			if (monitor->ending || atomic_load(&monitor->page->finishing))
				send_signal(monitor, SIGKILL);
			else
				send_signal(monitor, signo);
			monitor->ending = signo;
		}
	}
}

static void wait_for_end(struct monitor *monitor, struct error *error)
{
	for (;;) {
		struct pollfd fds[] = {
			{ monitor->signal_fd, POLLIN, 0 },
			{ monitor->socket, POLLIN, 0 },
			{ monitor->pidfd, POLLIN, 0 },
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0)
			continue;
		if (fds[0].revents)
			handle_signals(monitor);
		if (fds[1].revents)
			make_wall(monitor, error);
		if (fds[2].revents)
			return;
	}
}

/* What the VMM has to say, which may be anything. */
static void take_error(const struct keeper_page *page, struct error *error)
{
	struct error copy = page->error;

	copy.text[sizeof(copy.text) - 1] = '\0';
	copy.advice[sizeof(copy.advice) - 1] = '\0';
	if (copy.text[0])
		*error = copy;
}

/* Return: an exit status */
static int take_end(const struct monitor *monitor, struct error *error)
{
	int status, signo;

	while (waitpid(monitor->pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_LODGE;
	if (monitor->broken)
		return STATUS_LODGE;
	if (WIFEXITED(status)) {
		take_error(monitor->page, error);
		return WEXITSTATUS(status);
	}
	signo = WTERMSIG(status);
	if (monitor->ending)
		return STATUS_SIGNAL + monitor->ending;
	error_set(error, 0, "the process that runs the VM was killed by signal %d (%s)",
		  signo, sigdescr_np(signo) ?: "unknown");
	if (signo == SIGKILL)
		error_advise(error, "if nobody did it, the host is out of memory: 'dmesg' says so");
	return STATUS_SIGNAL + signo;
}

/* One VMM, from its start to its end. Return: -1 for another, or an exit status */
static int run_once(struct monitor *monitor, keeper_vmm *vmm, void *data,
		    struct error *error)
{
	int status;

	atomic_store(&monitor->page->again, false);
	atomic_store(&monitor->page->finishing, false);
	if (start(monitor, vmm, data, error))
		return STATUS_LODGE;
	wait_for_end(monitor, error);
	status = take_end(monitor, error);
	close_fd(&monitor->pidfd);
	close_fd(&monitor->socket);
	close_fd(&monitor->cell);
	if (status != STATUS_OK || !atomic_load(&monitor->page->again))
		return status;
	return monitor->ending ? STATUS_SIGNAL + monitor->ending : -1;
}

int monitor_run(keeper_vmm *vmm, void *data, struct error *error)
{
	struct monitor monitor = {
		.signal_fd = -1,
		.pidfd = -1,
		.socket = -1,
		.cell = -1,
	};
	int status;

	/* A closed pipe is an error of write(), see terminal.c. */
	signal(SIGPIPE, SIG_IGN);
	monitor.page = mmap(NULL, sizeof(*monitor.page), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (monitor.page == MAP_FAILED) {
		error_set(error, errno, "cannot map memory");
		return STATUS_LODGE;
	}
	monitor.signal_fd = keeper_signals(true, error);
	if (monitor.signal_fd < 0) {
		status = STATUS_LODGE;
		goto out;
	}
	if (isatty(STDIN_FILENO)) {
		tty_open();
		atomic_store(&monitor.page->ours, tty_is_ours());
	}
	do
		status = run_once(&monitor, vmm, data, error);
	while (status < 0);
	tty_restore();
	if (error->text[0] && atomic_load(&monitor.page->in_line) &&
	    isatty(STDERR_FILENO))
		(void)!write(STDERR_FILENO, "\n", 1);
	close_fd(&monitor.signal_fd);
out:
	munmap(monitor.page, sizeof(*monitor.page));
	return status;
}
