// SPDX-License-Identifier: GPL-2.0-only
/*
 * One loop carries what a container reads and writes.  The container has pipes, or
 * a terminal of its own, so no descriptor of the host is ever in it.
 */
#include "container/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"
#include "tty.h"

#define STDIN_STREAM	0
#define STDOUT_STREAM	1

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void relay_init(struct relay *relay)
{
	static const int own[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	int i;

	memset(relay, 0, sizeof(*relay));
	for (i = 0; i < 3; i++) {
		relay->streams[i].from = -1;
		relay->streams[i].to = own[i];
	}
	relay->terminal = -1;
	relay->pidfd = -1;
	relay->signals = -1;
	relay->cgroup_events = -1;
}

int relay_pipes(struct relay *relay, bool interactive, int ends[3],
		struct error *error)
{
	int pipe_ends[2];
	int i;

	ends[0] = -1;
	ends[1] = -1;
	ends[2] = -1;
	for (i = 0; i < 3; i++) {
		if (!i && !interactive)
			continue;
		if (pipe2(pipe_ends, O_CLOEXEC))
			return error_set(error, errno, "cannot make a pipe");
		if (i) {
			ends[i] = pipe_ends[1];
			relay->streams[i].from = pipe_ends[0];
			set_nonblocking(pipe_ends[0]);
		} else {
			ends[i] = pipe_ends[0];
			relay->streams[i].from = STDIN_FILENO;
			relay->streams[i].to = pipe_ends[1];
			set_nonblocking(pipe_ends[1]);
		}
	}
	return 0;
}

static void copy_window_size(const struct relay *relay)
{
	struct winsize size;

	if (relay->terminal >= 0 &&
	    (!ioctl(STDIN_FILENO, TIOCGWINSZ, &size) ||
	     !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size)))
		ioctl(relay->terminal, TIOCSWINSZ, &size);
}

void relay_terminal(struct relay *relay, int master, bool interactive)
{
	relay->terminal = master;
	set_nonblocking(master);
	copy_window_size(relay);
	relay->streams[STDOUT_STREAM].from = master;
	if (!interactive)
		return;
	relay->streams[STDIN_STREAM].from = STDIN_FILENO;
	relay->streams[STDIN_STREAM].to = master;
	tty_open();
}

int relay_open_signals(struct error *error)
{
	static const int handed_on[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
	};
	sigset_t set;

	sigemptyset(&set);
	signals_add(&set, handed_on, sizeof(handed_on) / sizeof(handed_on[0]));
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signals_open(&set, error);
}

int relay_block_signals(struct relay *relay, struct error *error)
{
	relay->signals = relay_open_signals(error);
	return relay->signals < 0 ? -1 : 0;
}

static void hand_on_signals(struct relay *relay)
{
	struct signalfd_siginfo info;

	while (read(relay->signals, &info, sizeof(info)) == sizeof(info))
		switch (info.ssi_signo) {
		case SIGCONT:
			if (relay->terminal >= 0)
				tty_continue();
			break;
		case SIGWINCH:
			copy_window_size(relay);
			break;
		default:
			syscall(SYS_pidfd_send_signal, relay->pidfd,
				info.ssi_signo, NULL, 0);
			break;
		}
}

/* What may be written after poll() has said that there is room. */
static size_t room(int fd)
{
	struct stat status;

	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		return RELAY_BUFFER;
	return PIPE_BUF;
}

static void stop_stream(const struct relay *relay, struct relay_stream *stream)
{
	/* A terminal is closed at the end; the standard streams are not ours. */
	if (stream->from > STDERR_FILENO && stream->from != relay->terminal)
		close(stream->from);
	stream->from = -1;
	stream->count = 0;
	if (stream == &relay->streams[STDIN_STREAM] &&
	    stream->to > STDERR_FILENO && stream->to != relay->terminal) {
		close(stream->to);
		stream->to = -1;
	}
}

static void read_stream(struct relay *relay, struct relay_stream *stream)
{
	ssize_t count = read(stream->from, stream->buffer, sizeof(stream->buffer));

	if (count > 0) {
		stream->start = 0;
		stream->count = (size_t)count;
	} else if (!count || (errno != EAGAIN && errno != EINTR)) {
		stop_stream(relay, stream);
	}
}

static void write_stream(struct relay *relay, struct relay_stream *stream)
{
	size_t size = room(stream->to);
	ssize_t count;

	if (size > stream->count)
		size = stream->count;
	count = write(stream->to, stream->buffer + stream->start, size);
	if (count >= 0) {
		stream->start += (size_t)count;
		stream->count -= (size_t)count;
		if (stream != &relay->streams[STDIN_STREAM] && relay->on_output)
			relay->on_output(relay->output_state, (size_t)count);
	} else if (errno != EAGAIN && errno != EINTR) {
		if (stream != &relay->streams[STDIN_STREAM] && errno != EPIPE)
			relay->lost = errno;
		stop_stream(relay, stream);
	}
}

/* Has the process's last output been carried? */
static bool is_drained(struct relay *relay)
{
	bool drained = true;
	int i;

	for (i = STDOUT_STREAM; i < 3; i++) {
		struct relay_stream *stream = &relay->streams[i];

		if (!stream->count && stream->from >= 0)
			read_stream(relay, stream);
		drained = drained && !stream->count;
	}
	return drained;
}

int relay_run(struct relay *relay, struct error *error)
{
	bool ended = false;
	siginfo_t info = { .si_pid = 0 };
	int i;

	while (!ended || !is_drained(relay)) {
		struct pollfd fds[6] = {
			{ relay->signals, POLLIN, 0 },
			{ ended ? -1 : relay->pidfd, POLLIN, 0 },
			{ ended ? -1 : relay->cgroup_events, POLLPRI, 0 },
		};

		for (i = 0; i < 3; i++) {
			struct relay_stream *stream = &relay->streams[i];

			if (ended && i == STDIN_STREAM)
				fds[3 + i].fd = -1;
			else if (stream->count)
				fds[3 + i] = (struct pollfd){ stream->to, POLLOUT, 0 };
			else
				fds[3 + i] = (struct pollfd){ stream->from, POLLIN, 0 };
		}
		if (poll(fds, 6, -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_set(error, errno, "cannot wait for the container");
		}
		if (fds[0].revents)
			hand_on_signals(relay);
		if (fds[2].revents & POLLPRI)
			relay->on_cgroup_event(relay->state, relay->cgroup_events);
		for (i = 0; i < 3; i++) {
			if (!fds[3 + i].revents)
				continue;
			if (relay->streams[i].count)
				write_stream(relay, &relay->streams[i]);
			else
				read_stream(relay, &relay->streams[i]);
		}
		if (fds[1].revents)
			ended = true;
	}
	while (waitid(P_PIDFD, (id_t)relay->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return error_set(error, errno, "cannot wait for the container");
	tty_restore();
	return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) :
					    W_EXITCODE(0, info.si_status);
}

void relay_close(struct relay *relay)
{
	int i;

	for (i = 0; i < 3; i++)
		stop_stream(relay, &relay->streams[i]);
	if (relay->terminal >= 0)
		close(relay->terminal);
	if (relay->signals >= 0)
		close(relay->signals);
	relay->terminal = -1;
	relay->signals = -1;
	tty_restore();
}
