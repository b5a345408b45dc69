// SPDX-License-Identifier: GPL-2.0-only
/*
 * The monitor and its VMM: neither outlives the other, signals and stops of the
 * terminal reach both, and what the VMM gives up is gone.  There is no VM and no
 * wall; each case is a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cell/cell.h"
#include "test/tap.h"
#include "vmm/keeper.h"

#define LIMIT_MS	10000

static bool no_wall;
static struct error said;

/* In place of the module */
int cell_wall_vm(pid_t pid, int vm, struct error *error)
{
	(void)pid;
	if (no_wall)
		return error_set(error, 0, "no wall today");
	return dup(vm);
}

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* Return: what wait(2) says of @pid, or -1 if it does not end */
static int wait_for(pid_t pid)
{
	int status, waited;

	for (waited = 0; waited < LIMIT_MS; waited += 10) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		sleep_ms(10);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static int run_monitor(keeper_vmm *vmm, void *data)
{
	said.text[0] = '\0';
	return monitor_run(vmm, data, &said);
}

/* A monitor in a child; in a process group of its own, as a shell would. */
static pid_t start_monitor(keeper_vmm *vmm, void *data)
{
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0);
		_exit(run_monitor(vmm, data));
	}
	setpgid(pid, pid);
	return pid;
}

static int status_of(keeper_vmm *vmm, void *data)
{
	int status = wait_for(start_monitor(vmm, data));

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The only child of a monitor, or 0 */
static pid_t child_of(pid_t pid)
{
	char path[64], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

/* As in /proc/PID/stat, or 0 */
static char state_of(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state;
}

static bool is_in_state(pid_t pid, const char *states)
{
	int waited;

	for (waited = 0; waited < LIMIT_MS; waited += 10) {
		char state = state_of(pid);

		if (strchr(states, state ? state : '-'))
			return true;
		sleep_ms(10);
	}
	return false;
}

/* VMMs: what runs in the process behind the wall */

static int ends_with(struct keeper *keeper, void *data)
{
	(void)keeper;
	return *(int *)data;
}

static int says(struct keeper *keeper, void *data)
{
	(void)data;
	return error_set(&keeper->page->error, 0, "so it is") ? 70 : 0;
}

static int is_killed(struct keeper *keeper, void *data)
{
	const struct rlimit none = { 0, 0 };

	(void)keeper;
	(void)data;
	setrlimit(RLIMIT_CORE, &none);
	__builtin_trap();
}

/* Until a signal comes, which is its status; 99 if it takes too long */
static int waits(struct keeper *keeper, void *data)
{
	struct pollfd signals = { keeper->signal_fd, POLLIN, 0 };
	struct signalfd_siginfo info;

	if (data)
		(void)!write(*(int *)data, "x", 1);
	for (;;) {
		if (poll(&signals, 1, 10 * LIMIT_MS) <= 0)
			return 99;
		if (read(keeper->signal_fd, &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_signo != SIGCONT)
			return (int)info.ssi_signo;
	}
}

/* Looks at no signal */
static int is_deaf(struct keeper *keeper, void *data)
{
	(void)keeper;
	if (data)
		(void)!write(*(int *)data, "x", 1);
	while (pause() < 0)
		;
	return 0;
}

static int finishes(struct keeper *keeper, void *data)
{
	atomic_store(&keeper->page->finishing, true);
	return is_deaf(keeper, data);
}

/* The first time it leaves input for the second, which ends with what it got. */
static int resets(struct keeper *keeper, void *data)
{
	struct keeper_page *page = keeper->page;

	(void)data;
	if (page->nr_input)
		return page->input[0] + (atomic_load(&page->again) ? 100 : 0);
	page->input[0] = 33;
	page->nr_input = 1;
	atomic_store(&page->again, true);
	return 0;
}

static int always_resets(struct keeper *keeper, void *data)
{
	(void)data;
	atomic_store(&keeper->page->again, true);
	return 0;
}

static void *do_nothing(void *arg)
{
	return arg;
}

/* Behind its wall; a bit for each thing that is not as it shall be */
static int looks_around(struct keeper *keeper, void *data)
{
	int vm = eventfd(0, EFD_CLOEXEC), bad = 0, tty = *(int *)data;
	struct error error;
	pthread_t thread;
	pid_t pid;

	if (keeper_wall(keeper, vm, &error))
		return 255;
	pid = fork();
	if (!pid)
		_exit(0);
	if (pid > 0 || errno != EPERM)
		bad |= 1;
	if (execl("/bin/true", "true", NULL) != -1 || errno != EPERM)
		bad |= 2;
	if (pthread_create(&thread, NULL, do_nothing, NULL) ||
	    pthread_join(thread, NULL))
		bad |= 4;
	if (!ioctl(tty, TIOCSTI, "x") || errno != EPERM)
		bad |= 8;
	if (prctl(PR_CAPBSET_READ, 0) || !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		bad |= 16;
	if (getpid() != 1)
		bad |= 32;
	return bad;
}

static int wants_a_wall(struct keeper *keeper, void *data)
{
	struct error error;

	(void)data;
	return keeper_wall(keeper, eventfd(0, EFD_CLOEXEC), &error) ? 1 : 0;
}

static void test_ends(void)
{
	int zero = 0, seven = 7;
	int status;

	ok(!status_of(ends_with, &zero) && status_of(ends_with, &seven) == 7,
	   "the exit status is the VMM's");
	status = run_monitor(says, NULL);
	ok(status == 70 && !strcmp(said.text, "so it is"), "so is the error");
	status = run_monitor(is_killed, NULL);
	ok(status == 128 + SIGILL && strstr(said.text, "killed by signal 4"),
	   "a bug in it is told");
	ok(run_monitor(resets, NULL) == 33,
	   "one that resets begins anew, with what was typed");
	no_wall = true;
	status = run_monitor(wants_a_wall, NULL);
	ok(status == 125 && !strcmp(said.text, "no wall today"),
	   "without a wall, it does not run");
	no_wall = false;
}

/* Starts a monitor whose VMM runs when this returns. */
static pid_t start_running(keeper_vmm *vmm)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = start_monitor(vmm, &ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static int signalled(keeper_vmm *vmm, int first, int second)
{
	pid_t pid = start_running(vmm);
	int status;

	if (pid < 0)
		return -1;
	kill(pid, first);
	if (second) {
		sleep_ms(100);
		kill(pid, second);
	}
	status = wait_for(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_signals(void)
{
	pid_t pid, child;

	ok(signalled(waits, SIGTERM, 0) == SIGTERM &&
	   signalled(waits, SIGHUP, 0) == SIGHUP, "signals are passed on");
	ok(signalled(is_deaf, SIGTERM, SIGTERM) == 128 + SIGTERM,
	   "the second one kills");
	ok(signalled(finishes, SIGINT, 0) == 128 + SIGINT,
	   "so does the first, if only the output's reader is waited for");
	pid = start_monitor(always_resets, NULL);
	sleep_ms(200);
	kill(pid, SIGTERM);
	ok(wait_for(pid) == (128 + SIGTERM) << 8, "also between two VMMs");

	pid = start_running(waits);
	child = child_of(pid);
	kill(pid, SIGKILL);
	wait_for(pid);
	ok(child && is_in_state(child, "-"), "a VMM does not outlive its monitor");
	pid = start_running(is_deaf);
	child = child_of(pid);
	kill(child, SIGKILL);
	ok(wait_for(pid) == (128 + SIGKILL) << 8, "nor a monitor its VMM");
}

static bool is_raw(int fd)
{
	struct termios t;

	return !tcgetattr(fd, &t) && !(t.c_lflag & ICANON);
}

/* As a shell: its terminal's foreground is @group. */
static bool give_terminal(int tty, pid_t group)
{
	signal(SIGTTOU, SIG_IGN);
	return !tcsetpgrp(tty, group);
}

/* A bit for each thing that is not as it shall be */
static int shell(int tty)
{
	pid_t pid, child;
	int status, bad = 0;

	if (setsid() < 0 || ioctl(tty, TIOCSCTTY, 0) || dup2(tty, STDIN_FILENO))
		return 255;
	/* The job waits for its terminal, as it cannot know that it has it yet. */
	signal(SIGTTIN, SIG_IGN);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		give_terminal(tty, getpid());
		signal(SIGTTOU, SIG_DFL);
		signal(SIGTTIN, SIG_DFL);
		_exit(run_monitor(waits, NULL));
	}
	for (status = 0; status < LIMIT_MS && !child_of(pid); status += 10)
		sleep_ms(10);
	child = child_of(pid);
	if (!child || !is_raw(tty))
		bad |= 1;
	kill(pid, SIGTSTP);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTSTP)
		return bad | 2;
	if (!is_in_state(child, "T") || is_raw(tty))
		bad |= 4;
	/* In the background it goes on, and leaves the terminal alone. */
	give_terminal(tty, getpgrp());
	kill(pid, SIGCONT);
	if (!is_in_state(child, "S") || is_raw(tty))
		bad |= 8;
	/* In the foreground it is its own again. */
	give_terminal(tty, pid);
	kill(pid, SIGCONT);
	for (status = 0; status < LIMIT_MS && !is_raw(tty); status += 10)
		sleep_ms(10);
	if (!is_raw(tty))
		bad |= 16;
	kill(pid, SIGTERM);
	status = wait_for(pid);
	if (status != SIGTERM << 8 || is_raw(tty))
		bad |= 32;
	return bad;
}

/* With its terminal as the controlling one: only then TIOCSTI could work. */
static int own_terminal(int tty)
{
	if (setsid() < 0 || ioctl(tty, TIOCSCTTY, 0))
		return 255;
	return run_monitor(looks_around, &tty);
}

/* Return: what @test returns in a process of its own, or -1 */
static int run(int (*test)(int tty), int tty)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(test(tty));
	status = wait_for(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_terminal(void)
{
	int main_end, tty, bad;

	if (openpty(&main_end, &tty, NULL, NULL, NULL)) {
		ok(false, "openpty");
		return;
	}
	bad = run(shell, tty);
	if (!ok(!bad, "a terminal stops both, and continues both"))
		printf("# %d\n", bad);
	close(main_end);
	close(tty);
	if (openpty(&main_end, &tty, NULL, NULL, NULL)) {
		ok(false, "openpty");
		return;
	}
	bad = run(own_terminal, tty);
	if (!ok(!bad, "behind its wall a VMM makes threads, and no process"))
		printf("# %d\n", bad);
	close(main_end);
	close(tty);
}

/* Some machines let nobody make a pid namespace. */
static bool can_run(void)
{
	int zero = 0;

	if (!run_monitor(ends_with, &zero))
		return true;
	printf("1..0 # SKIP %s\n", said.text);
	return false;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Who runs tests in the background may have had them ignored. */
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	if (!can_run())
		return 0;
	test_ends();
	test_signals();
	test_terminal();
	return tap_end();
}
