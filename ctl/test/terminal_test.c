// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keeper's terminal: how it is left, and that the main thread, which serves
 * signals and keys, never waits for a reader of the output.  Each case is a
 * process of its own, with a pseudoterminal where it needs one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "test/tap.h"
#include "tty.h"
#include "vmm/gdb/gdb.h"
#include "vmm/terminal.h"
#include "vmm/vm.h"

#define LIMIT_MS	5000

static int master, slave;

/* In place of the other parts of the VMM, and of the module */
void bus_port(struct bus *bus, uint16_t port, unsigned int width, bool write,
	      uint64_t *value)
{
	(void)bus;
	(void)port;
	(void)width;
	(void)write;
	(void)value;
}

void bus_mmio(struct bus *bus, uint64_t address, unsigned int width, bool write,
	      uint64_t *value)
{
	(void)bus;
	(void)address;
	(void)width;
	(void)write;
	(void)value;
}

bool gdb_may_run(struct gdb *gdb, struct vcpu *vcpu, bool whole)
{
	(void)gdb;
	(void)vcpu;
	(void)whole;
	return true;
}

void gdb_trap(struct gdb *gdb, struct vcpu *vcpu)
{
	(void)gdb;
	(void)vcpu;
}

void vm_end(struct vm *vm, enum vm_outcome outcome, const struct error *error)
{
	(void)vm;
	(void)outcome;
	(void)error;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	if (request == LODGE_RUN)
		__builtin_trap();	/* a bug in a vCPU's thread */
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	_exit(99);
}

static bool is_raw(int fd)
{
	struct termios t;

	need(!tcgetattr(fd, &t), "tcgetattr");
	return !(t.c_lflag & ICANON);
}

/* Runs @test(@arg) in a child. Return: its wait status, or -1 if it hangs */
static int run(int (*test)(int arg), int arg)
{
	int status, waited;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0, "fork");
	if (!pid) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		_exit(test(arg));
	}
	for (waited = 0; waited < LIMIT_MS; waited += 10) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static void open_pty(void)
{
	need(!openpty(&master, &slave, NULL, NULL, NULL), "openpty");
}

/* The pseudoterminal becomes standard input; @own: it controls us. */
static void take_pty(bool own)
{
	struct error error;

	need(setsid() >= 0, "setsid");
	need(!own || !ioctl(slave, TIOCSCTTY, 0), "TIOCSCTTY");
	need(dup2(slave, STDIN_FILENO) >= 0, "dup2");
	tty_open();
	need(!terminal_open(tty_is_ours(), &error), "terminal_open");
}

static int killed_by(int signal)
{
	take_pty(true);
	if (!is_raw(master))
		return 1;
	raise(signal);
	return 2;
}

static int ignores(int signo)
{
	signal(signo, SIG_IGN);
	take_pty(true);
	raise(signo);
	return 0;
}

static int bug_in_a_thread(int unused)
{
	static struct vm vm;
	static struct lodge_run page;
	struct error error;

	(void)unused;
	take_pty(true);
	vm.vcpus[0].vm = &vm;
	vm.vcpus[0].run = &page;
	need(!vcpu_start(&vm.vcpus[0], &error), "vcpu_start");
	pause();
	return 1;
}

static void test_signals(void)
{
	static const int signals[] = {
		SIGSEGV, SIGABRT, SIGTRAP, SIGSYS, SIGUSR2, SIGALRM, SIGXCPU,
		SIGXFSZ, SIGPROF, SIGVTALRM,
	};
	char what[64];
	size_t i;
	int status;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		open_pty();
		status = run(killed_by, signals[i]);
		snprintf(what, sizeof(what), "%s puts the terminal back",
			 sigabbrev_np(signals[i]));
		ok(status >= 0 && WIFSIGNALED(status) &&
		   WTERMSIG(status) == signals[i] && !is_raw(master), what);
		close(master);
		close(slave);
	}
	open_pty();
	status = run(bug_in_a_thread, 0);
	ok(status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGILL &&
	   !is_raw(master), "so does a bug in a vCPU's thread");
	close(master);
	close(slave);
	open_pty();
	ok(!run(ignores, SIGUSR2), "what is ignored stays ignored");
	close(master);
	close(slave);
}

static int foreign(int unused)
{
	(void)unused;
	take_pty(false);
	return is_raw(master) && terminal_input_fd() == STDIN_FILENO ? 0 : 1;
}

/*
 * A shell starts us in the foreground, takes its terminal back, and sets it up
 * for itself; then we end.
 */
static int sent_to_background(int unused)
{
	struct termios cooked;
	int go[2], status;
	pid_t pid;
	char byte;

	(void)unused;
	need(setsid() >= 0, "setsid");
	need(!ioctl(slave, TIOCSCTTY, 0), "TIOCSCTTY");
	need(dup2(slave, STDIN_FILENO) >= 0, "dup2");
	need(!tcgetattr(slave, &cooked), "tcgetattr");
	signal(SIGTTOU, SIG_IGN);
	need(!pipe(go), "pipe");
	pid = fork();
	need(pid >= 0, "fork");
	if (!pid) {
		struct error error;

		signal(SIGTTOU, SIG_DFL);
		need(read(go[0], &byte, 1) == 1, "read");
		tty_open();
		need(!terminal_open(tty_is_ours(), &error), "terminal_open");
		need(is_raw(slave), "raw mode");
		kill(getpid(), SIGSTOP);
		tty_restore();
		_exit(0);
	}
	need(!setpgid(pid, pid) && !tcsetpgrp(slave, pid), "tcsetpgrp");
	need(write(go[1], "", 1) == 1, "write");
	need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status),
	     "the job stops");
	need(!tcsetpgrp(slave, getpid()), "tcsetpgrp");
	/* As a shell's line editor would have it. */
	cooked.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	need(!tcsetattr(slave, TCSANOW, &cooked), "tcsetattr");
	kill(pid, SIGCONT);
	need(waitpid(pid, &status, WUNTRACED) == pid, "waitpid");
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		return 1;
	}
	return is_raw(slave) ? 0 : 2;
}

static void test_jobs(void)
{
	open_pty();
	ok(!run(foreign, 0), "a terminal that does not control us is used");
	close(master);
	close(slave);
	open_pty();
	ok(!run(sent_to_background, 0), "from the background, the shell's terminal is left alone");
	close(master);
	close(slave);
}

/* Standard output becomes a pipe with room for @room pages. Return: its end */
static int narrow_output(int room)
{
	static char page[4096];
	int ends[2], i;

	need(!pipe(ends), "pipe");
	need(fcntl(ends[1], F_SETPIPE_SZ, 4 * 4096) == 4 * 4096, "F_SETPIPE_SZ");
	for (i = room; i < 4; i++)
		need(write(ends[1], page, sizeof(page)) == sizeof(page), "write");
	need(dup2(ends[1], STDOUT_FILENO) >= 0, "dup2");
	return ends[0];
}

/* More waits to be shown than the pipe has room for: the timer's turn. */
static int slow_reader(int unused)
{
	uint8_t bytes[4096];
	struct error error;
	int end = narrow_output(1);
	size_t i, seen = 0, filler = 3 * sizeof(bytes);
	ssize_t count;

	(void)unused;
	need(!terminal_open(true, &error), "terminal_open");
	for (i = 0; i < 7000; i++)
		terminal_put((uint8_t)('a' + i % 26));
	need(fcntl(end, F_SETFL, O_NONBLOCK) >= 0, "fcntl");
	while (seen < 7000) {
		usleep(10000);
		terminal_timer();
		count = read(end, bytes, sizeof(bytes));
		if (filler && count > 0) {
			filler -= (size_t)count;
			continue;
		}
		for (i = 0; count > 0 && i < (size_t)count; i++)
			if (bytes[i] != 'a' + seen++ % 26)
				return 1;
	}
	return 0;
}

static void *blocked_writer(void *unused)
{
	(void)unused;
	for (;;)
		terminal_put('\n');
	return NULL;
}

/* A CPU is blocked in write(), and the user asks for help, then leaves. */
static int help_while_blocked(int unused)
{
	pthread_t thread;

	(void)unused;
	take_pty(true);
	narrow_output(0);
	need(!pthread_create(&thread, NULL, blocked_writer, NULL), "a thread");
	usleep(100000);
	need(write(master, "\001h", 2) == 2, "write");
	if (terminal_input() != TERMINAL_GO_ON)
		return 1;
	need(write(master, "\001x", 2) == 2, "write");
	return terminal_input() == TERMINAL_LEAVE ? 0 : 2;
}

/* perl -e 'alarm shift; exec @ARGV' 60 lodge run ... */
static int callers_alarm(int unused)
{
	struct error error;

	(void)unused;
	narrow_output(1);
	alarm(100);
	need(!terminal_open(true, &error), "terminal_open");
	terminal_put('>');
	usleep(10000);
	terminal_timer();
	terminal_drain(10);
	return alarm(0) > 90 ? 0 : 1;
}

static int full_disk(int unused)
{
	int fd = open("/dev/full", O_WRONLY);

	(void)unused;
	need(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0, "/dev/full");
	terminal_put('\n');
	return terminal_output_error() == ENOSPC ? 0 : 1;
}

static void test_output(void)
{
	ok(!run(slow_reader, 0), "the timer does not wait for a slow reader");
	open_pty();
	ok(!run(help_while_blocked, 0), "nor do keys");
	close(master);
	close(slave);
	ok(!run(callers_alarm, 0), "an alarm that the caller has set stays");
	ok(!run(full_disk, 0), "a write error is known");
}

int main(void)
{
	test_signals();
	test_jobs();
	test_output();
	return tap_end();
}
