// SPDX-License-Identifier: GPL-2.0-only
/* The tool on a terminal: a table that is redrawn; a container and a VM with one. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>
#include "harness.h"
#include "sys.h"
#include "vm.h"

#define ROOT	"/tmp/terminal-root"

/**
 * struct session - a program on a terminal of its own
 * @fd: the terminal's other side
 * @tty: the terminal
 * @pid: the program
 * @before: how the terminal was
 * @output: what it has shown
 * @length: how much of that
 */
struct session {
	int fd;
	int tty;
	pid_t pid;
	struct termios before;
	char output[65536];
	size_t length;
};

static void session_start(struct session *s, unsigned short rows,
			  unsigned short columns, const char *const *argv)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	memset(s, 0, sizeof(*s));
	CHECK(openpty(&s->fd, &s->tty, NULL, NULL, &size));
	CHECK(tcgetattr(s->tty, &s->before));
	s->pid = CHECK(fork());
	if (!s->pid) {
		close(s->fd);
		login_tty(dup(s->tty));
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
}

/* Does it show @text, if need be within @ms? What comes later begins behind it. */
static bool shows(struct session *s, const char *text, u64 ms)
{
	u64 end = now_ns() + ms * slowness() * 1000000;
	char *found;

	do {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		ssize_t n;

		s->output[s->length] = 0;
		found = strstr(s->output, text);
		if (found) {
			found += strlen(text);
			s->length -= found - s->output;
			memmove(s->output, found, s->length);
			return true;
		}
		if (poll(&p, 1, 100) <= 0 || s->length == sizeof(s->output) - 1)
			continue;
		n = read(s->fd, s->output + s->length,
			 sizeof(s->output) - 1 - s->length);
		if (n > 0)
			s->length += n;
	} while (now_ns() < end);
	printf("# no '%s' in: %s\n", text, s->output);
	return false;
}

static void type(struct session *s, const char *text)
{
	CHECK(write(s->fd, text, strlen(text)));
}

static void resize(struct session *s, unsigned short rows, unsigned short columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	CHECK(ioctl(s->fd, TIOCSWINSZ, &size));
}

/* Return: its exit status, or 128 and the signal that ended it, or -1 */
static int session_end(struct session *s, bool *restored)
{
	struct termios after;
	int status = 0;
	bool ended;

	ended = WAIT_FOR(waitpid(s->pid, &status, WNOHANG) == s->pid,
			 10000 * slowness());
	if (!ended) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, &status, 0);
	}
	CHECK(tcgetattr(s->tty, &after));
	*restored = !memcmp(&after, &s->before, sizeof(after));
	close(s->fd);
	close(s->tty);
	if (!ended)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool make_root(void)
{
	return !system("mkdir -p " ROOT "/bin " ROOT "/proc " ROOT "/sys " ROOT
		       "/dev " ROOT "/tmp " ROOT "/etc && cp /bin/busybox " ROOT
		       "/bin/ && ln -sf busybox " ROOT "/bin/sh");
}

static void run_container(struct session *s, const char *name, const char *script)
{
	const char *const argv[] = {
		"lodge", "run", "--container", "--net", "none", "--name", name,
		"-i", "-t", "--rootfs", ROOT, "/bin/sh", "-c", script, NULL
	};

	session_start(s, 33, 101, argv);
}

FIXTURE(terminal)
{
	struct session s;
	bool restored;
};

FIXTURE_SETUP(terminal)
{
	if (access("/bin/busybox", X_OK) || system("lodge --version >/dev/null 2>&1"))
		SKIP_TEST("no lodge, or no busybox");
	ASSERT_TRUE(make_root());
}

FIXTURE_TEARDOWN(terminal)
{
}

/* Redrawn from the top once a second, until ctrl-C ends it. */
TEST_F(terminal, stats_stream)
{
	static const char *const argv[] = { "lodge", "stats", "--stream", NULL };
	struct session guest;

	run_container(&guest, "watched", "sleep 1000");
	ASSERT_TRUE(WAIT_FOR(!system("lodge ps | grep -q watched.*running"),
			     10000 * slowness()));
	session_start(&self->s, 24, 120, argv);
	EXPECT_TRUE(shows(&self->s, "\033[H\033[J", 10000));
	EXPECT_TRUE(shows(&self->s, "DENIALS", 1000));
	EXPECT_TRUE(shows(&self->s, "watched", 1000));
	EXPECT_TRUE(shows(&self->s, "\033[H\033[J", 3000));
	EXPECT_TRUE(shows(&self->s, "watched", 1000));
	type(&self->s, "\003");
	EXPECT_EQ(128 + SIGINT, session_end(&self->s, &self->restored));
	EXPECT_TRUE(self->restored);
	CHECK(system("lodge kill watched"));
	EXPECT_EQ(128 + SIGKILL, session_end(&guest, &self->restored));
}

/* In a pipe it has no escape sequence, and goes on as well. */
TEST_F(terminal, stats_stream_pipe)
{
	EXPECT_EQ(0, system("lodge stats --stream 2>&1 | head -n 3 > /tmp/stream;"
			    "grep -q NAME /tmp/stream && ! grep -q '\033' /tmp/stream"));
}

TEST_F(terminal, window_size)
{
	run_container(&self->s, "sized",
		      "trap 'echo now $(stty size)' WINCH; tty; stty size; "
		      "while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 5");
	EXPECT_TRUE(shows(&self->s, "/dev/pts/0", 15000));
	EXPECT_TRUE(shows(&self->s, "33 101", 5000));
	resize(&self->s, 40, 132);
	EXPECT_TRUE(shows(&self->s, "now 40 132", 5000));
	EXPECT_EQ(0, system("lodge exec sized /bin/busybox touch /tmp/end"));
	EXPECT_EQ(5, session_end(&self->s, &self->restored));
	EXPECT_TRUE(self->restored);
}

/* What is typed goes to the container, ctrl-C as well: it is no signal outside. */
TEST_F(terminal, keys)
{
	run_container(&self->s, "typed",
		      "trap 'echo trapped' INT; echo ready; read line; "
		      "echo again; read line; echo got $line; exit 6");
	EXPECT_TRUE(shows(&self->s, "ready", 15000));
	type(&self->s, "\003");
	EXPECT_TRUE(shows(&self->s, "trapped", 5000));
	EXPECT_TRUE(shows(&self->s, "again", 5000));
	type(&self->s, "some words\n");
	EXPECT_TRUE(shows(&self->s, "got some words", 5000));
	EXPECT_EQ(6, session_end(&self->s, &self->restored));
	EXPECT_TRUE(self->restored);
}

/* A keeper that is killed cannot restore it; one that is to end does. */
TEST_F(terminal, terminated)
{
	run_container(&self->s, "ended", "echo ready; sleep 1000");
	EXPECT_TRUE(shows(&self->s, "ready", 15000));
	EXPECT_EQ(0, system("lodge stop -t 1 ended"));
	EXPECT_EQ(128 + SIGTERM, session_end(&self->s, &self->restored));
	EXPECT_TRUE(self->restored);
}

/* The VM's console is hvc0, which hears of sizes. */
TEST_F(terminal, vm_window_size)
{
	const char *const argv[] = {
		"lodge", "run", "--vm", "--kernel", getenv("GUEST"), "--initrd",
		"/tmp/terminal-initrd", "-m", "256", "--append",
		"console=hvc0 quiet lodge.shell", NULL
	};

	if (!getenv("GUEST") || system("test -r \"$GUEST_MODULES\""))
		SKIP_TEST("GUEST and GUEST_MODULES do not name what is to boot");
	CHECK(system("cat $GUEST_INITRD $GUEST_MODULES >/tmp/terminal-initrd"));
	session_start(&self->s, 33, 101, argv);
	EXPECT_TRUE(shows(&self->s, "guest# ", 100000));
	type(&self->s, "echo was $(stty size </dev/hvc0)\n");
	EXPECT_TRUE(shows(&self->s, "was 33 101", 10000));
	resize(&self->s, 40, 132);
	usleep(500000 * slowness());
	type(&self->s, "echo now $(stty size </dev/hvc0)\n");
	EXPECT_TRUE(shows(&self->s, "now 40 132", 10000));
	type(&self->s, "\001x");
	EXPECT_EQ(0, session_end(&self->s, &self->restored));
	EXPECT_TRUE(self->restored);
	unlink("/tmp/terminal-initrd");
}

/* A boot sector: "Hi", the cursor in the second line, and there a character that changes. */
extern const char screen_guest[], screen_guest_end[];

asm(".pushsection .rodata\n"
    ".code16\n"
    "screen_guest:\n"
    "movw $0xb800, %ax\n"
    "movw %ax, %es\n"
    "movw $0x1f48, %es:0\n"
    "movw $0x1f69, %es:2\n"
    "movw $0x3d4, %dx\n"
    "movw $0x000e, %ax\n"
    "outw %ax, %dx\n"
    "movw $0x520f, %ax\n"		/* cell 82 */
    "outw %ax, %dx\n"
    "1: xorw %cx, %cx\n"
    "2: loop 2b\n"
    "incb %es:160\n"
    "jmp 1b\n"
    "screen_guest_end:\n"
    ".code64\n"
    ".popsection\n");

#define SCREEN_KERNEL	"/tmp/screen-guest"

static pid_t start_screen_guest(void)
{
	int fd = CHECK(open(SCREEN_KERNEL, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	ssize_t size = screen_guest_end - screen_guest;
	pid_t pid;

	CHECK(write(fd, screen_guest, size) == size ? 0 : -1);
	close(fd);
	pid = CHECK(fork());
	if (pid)
		return pid;
	dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
	execlp("lodge", "lodge", "run", "--vm", "--name", "screen", "--kernel", SCREEN_KERNEL,
	       "--boot", "real", "-m", "16", NULL);
	_exit(127);
}

TEST_F(terminal, screen)
{
	const char *const argv[] = { "lodge", "attach", "--screen", "screen", NULL };
	struct session *s = &self->s;
	pid_t vm = start_screen_guest();

	/* Not on a terminal: once, as it is */
	EXPECT_TRUE(WAIT_FOR(!system("lodge attach --screen screen 2>/dev/null | grep -qx Hi"),
			     10000));
	EXPECT_EQ(0, system("test $(lodge attach --screen screen | wc -l) = 25"));
	session_start(s, 33, 101, argv);
	EXPECT_TRUE(shows(s, "\033[1;1H\033[0;97;44mHi\033[0;30;40m", 10000));
	EXPECT_TRUE(shows(s, "\033[2;3H", 10000));
	/* Now and then the one line, and nothing else */
	EXPECT_TRUE(shows(s, "\033[2;1H", 10000));
	EXPECT_TRUE(shows(s, "\033[?25h\033[2;3H\033[2;1H", 10000));
	/* One with less room has all of it drawn again, as far as it goes. */
	resize(s, 2, 4);
	EXPECT_TRUE(shows(s, "\033[2J\033[1;1H\033[0;97;44mHi\033[0;30;40m", 10000));
	type(s, "q");
	EXPECT_TRUE(shows(s, "\033[?1049l", 10000));
	EXPECT_EQ(0, session_end(s, &self->restored));
	EXPECT_TRUE(self->restored);

	/* The VM's end is the view's. */
	session_start(s, 33, 101, argv);
	EXPECT_TRUE(shows(s, "Hi", 10000));
	kill(vm, SIGTERM);
	waitpid(vm, NULL, 0);
	EXPECT_EQ(0, session_end(s, &self->restored));
	EXPECT_TRUE(self->restored);
	EXPECT_NE(0, system("lodge attach --screen screen 2>/dev/null"));
	unlink(SCREEN_KERNEL);
}

LODGE_TEST_MAIN
