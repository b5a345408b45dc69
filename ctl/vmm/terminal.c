// SPDX-License-Identifier: GPL-2.0-only
/*
 * Standard input and output as the guest's console.
 *
 * Output is gathered into lines: one write() a line is far cheaper than one a
 * byte.  What does not end in a newline, such as a prompt, follows when the
 * guest pauses or a timer fires.  Input waits in a buffer until the guest takes
 * it, but a terminal is always read, so that ctrl-A x works when it does not.
 */
#include "vmm/terminal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ESCAPE_KEY	0x01	/* ctrl-A */
#define NS_PER_MS	1000000L
#define LATER_NS	(2 * NS_PER_MS)
#define AT_ONCE_NS	1L
#define BRIEF_MS	20

static struct {
	/* input */
	bool is_tty;
	bool ours;		/* standard input may be read */
	bool eof;
	bool escape;		/* the last key was ctrl-A */
	pthread_mutex_t in_lock;
	uint8_t in[4096];
	size_t in_start, in_count;
	bool break_typed;
	bool was_full;
	void (*ready)(void *state);
	void (*wake)(void *state);
	void *state;

	/* output */
	pthread_mutex_t out_lock;
	uint8_t out[8192];
	size_t out_count;
	uint8_t last;
	bool timer_armed;
	int timer_fd;
	timer_t interrupter;	/* of the main thread's write() */
	atomic_bool stopping;
	atomic_bool wants_room;
	void (*room)(void *state);
	void (*resized)(void *state);
	void *screen_state;
	atomic_int error;	/* of standard output, for good */
} term = {
	.in_lock = PTHREAD_MUTEX_INITIALIZER,
	.out_lock = PTHREAD_MUTEX_INITIALIZER,
	.last = '\n',
	.timer_fd = -1,
};

static void on_interrupt(int signal)
{
	(void)signal;
}

/* A timer with a signal of its own: the caller may have set an alarm for us. */
static int create_interrupter(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN,
		._sigev_un._tid = gettid(),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigaction(SIGRTMIN, &action, NULL);
	return timer_create(CLOCK_MONOTONIC, &event, &term.interrupter);
}

int terminal_open(bool ours, struct error *error)
{
	term.timer_fd = timerfd_create(CLOCK_MONOTONIC,
				       TFD_CLOEXEC | TFD_NONBLOCK);
	if (term.timer_fd < 0 || create_interrupter())
		return error_set(error, errno, "cannot make a timer");

	term.is_tty = isatty(STDIN_FILENO);
	term.ours = !term.is_tty || ours;
	return 0;
}

void terminal_continue(bool ours)
{
	term.ours = !term.is_tty || ours;
}

int terminal_input_fd(void)
{
	bool full;

	if (term.eof || !term.ours)
		return -1;
	pthread_mutex_lock(&term.in_lock);
	full = term.in_count == sizeof(term.in);
	term.was_full = full;
	pthread_mutex_unlock(&term.in_lock);
	/* A terminal is read all the same: there may be an escape. */
	return full && !term.is_tty ? -1 : STDIN_FILENO;
}

int terminal_timer_fd(void)
{
	return term.timer_fd;
}

static void queue_input(uint8_t byte)
{
	size_t end;

	pthread_mutex_lock(&term.in_lock);
	if (term.in_count < sizeof(term.in)) {
		end = (term.in_start + term.in_count++) % sizeof(term.in);
		term.in[end] = byte;
	}
	pthread_mutex_unlock(&term.in_lock);
}

void terminal_feed(const uint8_t *bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		queue_input(bytes[i]);
}

static bool expect_timer(long ns)
{
	const struct itimerspec soon = { .it_value.tv_nsec = ns };

	return !timerfd_settime(term.timer_fd, 0, &soon, NULL);
}

/* Under out_lock.  Once armed it stays so: one system call for many bytes. */
static void arm_timer(void)
{
	if (!term.timer_armed)
		term.timer_armed = expect_timer(LATER_NS);
}

static void show_help(void)
{
	static const char help[] =
		"\r\n"
		"ctrl-A x       leave: ends the guest\r\n"
		"ctrl-A b       send a break\r\n"
		"ctrl-A h       this help\r\n"
		"ctrl-A ctrl-A  send ctrl-A\r\n";
	const char *c;

	/* If a CPU is blocked in write(), nobody would see it anyway. */
	if (pthread_mutex_trylock(&term.out_lock))
		return;
	for (c = help; *c && term.out_count < sizeof(term.out) - 1; c++)
		term.out[term.out_count++] = (uint8_t)*c;
	term.last = '\n';
	arm_timer();
	pthread_mutex_unlock(&term.out_lock);
}

static enum terminal_wish key(uint8_t byte)
{
	if (!term.is_tty) {
		queue_input(byte);
		return TERMINAL_GO_ON;
	}
	if (!term.escape) {
		term.escape = byte == ESCAPE_KEY;
		if (!term.escape)
			queue_input(byte);
		return TERMINAL_GO_ON;
	}
	term.escape = false;
	switch (byte) {
	case 'x':
	case 'X':
		return TERMINAL_LEAVE;
	case 'b':
	case 'B':
		pthread_mutex_lock(&term.in_lock);
		term.break_typed = true;
		pthread_mutex_unlock(&term.in_lock);
		break;
	case 'h':
	case 'H':
	case '?':
		show_help();
		break;
	case ESCAPE_KEY:
		queue_input(byte);
		break;
	}
	return TERMINAL_GO_ON;
}

enum terminal_wish terminal_input(void)
{
	uint8_t bytes[512];
	size_t size = sizeof(bytes);
	enum terminal_wish wish = TERMINAL_GO_ON;
	ssize_t count, i;

	if (!term.is_tty) {
		/* Never read more than there is room for. */
		pthread_mutex_lock(&term.in_lock);
		if (size > sizeof(term.in) - term.in_count)
			size = sizeof(term.in) - term.in_count;
		pthread_mutex_unlock(&term.in_lock);
		if (!size)
			return TERMINAL_GO_ON;
	}
	count = read(STDIN_FILENO, bytes, size);
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return TERMINAL_GO_ON;
	if (count < 0 && errno == EIO && term.is_tty) {
		/* In the background meanwhile, until terminal_continue() */
		term.ours = false;
		return TERMINAL_GO_ON;
	}
	if (count <= 0) {
		term.eof = true;
		return TERMINAL_GO_ON;
	}
	for (i = 0; i < count && wish == TERMINAL_GO_ON; i++)
		wish = key(bytes[i]);
	if (wish == TERMINAL_GO_ON && term.ready)
		term.ready(term.state);
	return wish;
}

void terminal_attach(void (*ready)(void *state), void (*wake)(void *state),
		     void *state)
{
	term.ready = ready;
	term.wake = wake;
	term.state = state;
}

void terminal_attach_screen(void (*room)(void *state),
			    void (*resized)(void *state), void *state)
{
	term.room = room;
	term.resized = resized;
	term.screen_state = state;
}

size_t terminal_take(uint8_t *bytes, size_t size)
{
	void (*wake)(void *state) = NULL;
	size_t taken = 0;

	pthread_mutex_lock(&term.in_lock);
	while (taken < size && term.in_count) {
		bytes[taken++] = term.in[term.in_start];
		term.in_start = (term.in_start + 1) % sizeof(term.in);
		term.in_count--;
	}
	if (taken && term.was_full) {
		term.was_full = false;
		wake = term.wake;
	}
	pthread_mutex_unlock(&term.in_lock);
	if (wake)
		wake(term.state);
	return taken;
}

bool terminal_take_break(void)
{
	bool typed;

	pthread_mutex_lock(&term.in_lock);
	typed = term.break_typed;
	term.break_typed = false;
	pthread_mutex_unlock(&term.in_lock);
	return typed;
}

/* How long a flush may block, if standard output does. */
enum patience {
	FOR_EVER,
	UNTIL_STOPPING,		/* a CPU: it waits, as it would for a slow line */
	UNTIL_SIGNAL,
};

static bool interrupted(enum patience patience)
{
	return patience == UNTIL_SIGNAL ||
	       (patience == UNTIL_STOPPING && atomic_load(&term.stopping));
}

/* Under out_lock. */
static void flush_locked(enum patience patience)
{
	size_t done = 0;
	ssize_t count;

	while (done < term.out_count && !atomic_load(&term.error)) {
		count = write(STDOUT_FILENO, term.out + done,
			      term.out_count - done);
		if (count >= 0) {
			done += (size_t)count;
		} else if (errno == EAGAIN) {
			struct pollfd out = { STDOUT_FILENO, POLLOUT, 0 };

			if (poll(&out, 1, -1) < 0 && interrupted(patience))
				break;
		} else if (errno == EINTR) {
			if (interrupted(patience))
				break;
		} else {
			atomic_store(&term.error, errno);
			if (term.wake)
				term.wake(term.state);
		}
	}
	if (atomic_load(&term.error))
		done = term.out_count;
	memmove(term.out, term.out + done, term.out_count - done);
	term.out_count -= done;
}

void terminal_put(uint8_t byte)
{
	pthread_mutex_lock(&term.out_lock);
	term.last = byte;
	/* Full only if a flush was cut short because all is stopping. */
	if (term.out_count < sizeof(term.out))
		term.out[term.out_count++] = byte;
	if (byte == '\n' || term.out_count == sizeof(term.out))
		flush_locked(UNTIL_STOPPING);
	else
		arm_timer();
	pthread_mutex_unlock(&term.out_lock);
}

size_t terminal_write(const uint8_t *bytes, size_t size)
{
	size_t taken = size;

	/* A CPU that writes by the serial port may be blocked. */
	if (pthread_mutex_trylock(&term.out_lock)) {
		atomic_store(&term.wants_room, true);
		expect_timer(LATER_NS);
		return 0;
	}
	if (!atomic_load(&term.error)) {
		if (taken > sizeof(term.out) - term.out_count)
			taken = sizeof(term.out) - term.out_count;
		memcpy(term.out + term.out_count, bytes, taken);
		term.out_count += taken;
	}
	if (taken)
		term.last = bytes[taken - 1];
	if (taken < size)
		atomic_store(&term.wants_room, true);
	/* The main thread writes: it can be interrupted. */
	if (taken && (taken < size || memchr(bytes, '\n', taken)))
		term.timer_armed = expect_timer(AT_ONCE_NS);
	else
		arm_timer();
	pthread_mutex_unlock(&term.out_lock);
	return taken;
}

bool terminal_size(uint16_t *columns, uint16_t *rows)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		return false;
	*columns = size.ws_col;
	*rows = size.ws_row;
	return true;
}

void terminal_resized(void)
{
	if (term.resized)
		term.resized(term.screen_state);
}

void terminal_flush(void)
{
	pthread_mutex_lock(&term.out_lock);
	flush_locked(UNTIL_STOPPING);
	pthread_mutex_unlock(&term.out_lock);
}

void terminal_later(void)
{
	pthread_mutex_lock(&term.out_lock);
	arm_timer();
	pthread_mutex_unlock(&term.out_lock);
}

/*
 * Signals the main thread in @ms milliseconds and again and again from then on,
 * or with 0 no more: a write() to a terminal that is halted cannot be foreseen,
 * only interrupted.
 */
static void interrupt_after(int ms)
{
	struct itimerspec when = {
		.it_value = { ms / 1000, ms % 1000 * NS_PER_MS },
		.it_interval.tv_nsec = 10 * NS_PER_MS,
	};

	timer_settime(term.interrupter, 0, &when, NULL);
}

void terminal_timer(void)
{
	uint64_t expirations;
	bool room;

	if (read(term.timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	/* The main thread must not wait behind a CPU that is blocked in write(). */
	if (pthread_mutex_trylock(&term.out_lock)) {
		expect_timer(LATER_NS);
		return;
	}
	term.timer_armed = false;
	if (term.out_count) {
		struct pollfd out = { STDOUT_FILENO, POLLOUT, 0 };

		/* That there is some room does not say that it is enough. */
		if (poll(&out, 1, 0) > 0) {
			interrupt_after(BRIEF_MS);
			flush_locked(UNTIL_SIGNAL);
			interrupt_after(0);
		}
		if (term.out_count)
			arm_timer();
	}
	room = term.out_count < sizeof(term.out);
	pthread_mutex_unlock(&term.out_lock);
	if (room && atomic_exchange(&term.wants_room, false) && term.room)
		term.room(term.screen_state);
	if (term.ready)
		term.ready(term.state);
}

void terminal_set_stopping(bool stopping)
{
	atomic_store(&term.stopping, stopping);
}

void terminal_drain(int ms)
{
	pthread_mutex_lock(&term.out_lock);
	if (ms >= 0) {
		interrupt_after(ms);
		flush_locked(UNTIL_SIGNAL);
		interrupt_after(0);
	} else {
		flush_locked(FOR_EVER);
	}
	pthread_mutex_unlock(&term.out_lock);
}

bool terminal_at_line_start(void)
{
	return term.last == '\n';
}

int terminal_output_error(void)
{
	return atomic_load(&term.error);
}
