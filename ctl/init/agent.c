// SPDX-License-Identifier: GPL-2.0-only
/*
 * lodge-init in a VM, once it has the port: one loop carries the streams of all
 * sessions, and reaps whatever is left to PID 1.
 */
#include "init/agent.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "container/process.h"
#include "container/streams.h"
#include "init/stream.h"
#include "init/wire.h"
#include "signals.h"

#define SESSIONS_MAX	32
#define STATUS_LODGE	125

/**
 * struct command - a command and its streams
 * @used: it is one
 * @id: what the keeper calls it
 * @pid: its process; 0: it has ended
 * @status: how
 * @terminal: its terminal, or -1
 * @input: its input
 * @output: its output and errors; [0] is not used
 */
struct command {
	bool used;
	uint16_t id;
	pid_t pid;
	int status;
	int terminal;
	struct sink input;
	struct source output[WIRE_STREAMS];
};

/**
 * struct agent - all of it
 * @in: from the keeper
 * @out: to the keeper
 * @received: from the keeper
 * @to_send: to the keeper
 * @signals: SIGCHLD comes there
 * @setup: see agent_run()
 * @is_set_up: @setup was called
 * @main: the first session
 * @done: it has ended, and all is told
 * @sessions: all
 */
struct agent {
	int in;
	int out;
	struct wire_buffer received;
	struct wire_buffer to_send;
	int signals;
	agent_setup setup;
	bool is_set_up;
	struct command *main;
	bool done;
	struct command sessions[SESSIONS_MAX];
};

static void forget(struct agent *agent, struct command *session)
{
	sink_close(&session->input);
	source_close(&session->output[1]);
	source_close(&session->output[2]);
	if (session->terminal >= 0)
		close(session->terminal);
	session->used = false;
	if (session == agent->main)
		agent->done = true;
}

static struct command *find(struct agent *agent, unsigned int id)
{
	size_t i;

	for (i = 0; i < SESSIONS_MAX; i++)
		if (agent->sessions[i].used && agent->sessions[i].id == id)
			return &agent->sessions[i];
	return NULL;
}

static void fail(struct agent *agent, unsigned int id, int status,
		 const struct error *error)
{
	struct wire_failure failure = { .status = (uint32_t)status };

	snprintf(failure.text, sizeof(failure.text), "%s", error->text);
	snprintf(failure.advice, sizeof(failure.advice), "%s", error->advice);
	wire_send(&agent->to_send, WIRE_FAILED, 0, id, &failure, sizeof(failure));
}

/* What the child has, and what is said of it if it fails. */
struct child {
	struct process process;
	struct winsize window;
	int streams[WIRE_STREAMS];
	int report;
};

__attribute__((noreturn))
static void report(const struct child *child, int status, const struct error *error)
{
	struct wire_failure failure = { .status = (uint32_t)status };

	snprintf(failure.text, sizeof(failure.text), "%s", error->text);
	snprintf(failure.advice, sizeof(failure.advice), "%s", error->advice);
	if (write(child->report, &failure, sizeof(failure)) < 0)
		_exit(STATUS_LODGE);
	_exit(status);
}

__attribute__((noreturn)) static void be_command(struct child *child, int terminal)
{
	struct error error = { .text = "" };
	struct identity identity;
	int i;

	if (process_identify(child->process.user, &identity, &error) ||
	    rlimits_set(&child->process.limits, &error))
		report(child, STATUS_LODGE, &error);
	if (terminal < 0) {
		for (i = 0; i < WIRE_STREAMS; i++)
			dup2(child->streams[i], i);
		streams_give(child->streams, &identity);
	} else if (fchown(terminal, identity.uid, (gid_t)-1)) {
		error_set(&error, errno, "cannot give the terminal to its user");
		report(child, STATUS_LODGE, &error);
	}
	streams_use_terminal(terminal);
	child->process.caps = process_all_caps();
	report(child, process_exec(&child->process, &identity, NULL, 0, &error), &error);
}

/* Return: a session that is none yet, or NULL */
static struct command *new_command(struct agent *agent, unsigned int id)
{
	size_t i;

	for (i = 0; i < SESSIONS_MAX; i++) {
		struct command *session = &agent->sessions[i];

		if (session->used)
			continue;
		memset(session, 0, sizeof(*session));
		session->id = (uint16_t)id;
		session->terminal = -1;
		sink_init(&session->input, -1, true);
		source_init(&session->output[1], -1, true);
		source_init(&session->output[2], -1, true);
		return session;
	}
	return NULL;
}

static int make_pipes(struct command *session, struct child *child, struct error *error)
{
	int i, ends[2];

	for (i = 0; i < WIRE_STREAMS; i++) {
		if (pipe2(ends, O_CLOEXEC))
			return error_set(error, errno, "cannot make a pipe");
		child->streams[i] = ends[!!i];
		fcntl(ends[!i], F_SETFL, O_NONBLOCK);
		if (i)
			session->output[i].fd = ends[0];
		else
			session->input.fd = ends[1];
	}
	return 0;
}

static int make_terminal(struct command *session, const struct child *child,
			 int *terminal, struct error *error)
{
	*terminal = streams_make_terminal(0, false, &session->terminal, error);
	if (*terminal < 0)
		return -1;
	ioctl(session->terminal, TIOCSWINSZ, &child->window);
	fcntl(session->terminal, F_SETFL, O_NONBLOCK);
	/* Each of their own, for the end of the input is not that of the terminal. */
	session->output[1].fd = fcntl(session->terminal, F_DUPFD_CLOEXEC, 0);
	session->input.fd = fcntl(session->terminal, F_DUPFD_CLOEXEC, 0);
	if (session->output[1].fd < 0 || session->input.fd < 0)
		return error_set(error, errno, "cannot duplicate a descriptor");
	return 0;
}

/* Return: 0, or an exit status, and @error */
static int start_child(struct command *session, struct child *child, bool tty,
		       struct error *error)
{
	struct wire_failure failure;
	int terminal = -1, ends[2], i, result;
	ssize_t count = 0;

	result = tty ? make_terminal(session, child, &terminal, error) :
		       make_pipes(session, child, error);
	if (!result && pipe2(ends, O_CLOEXEC))
		result = error_set(error, errno, "cannot make a pipe");
	if (!result) {
		child->report = ends[1];
		session->pid = fork();
		if (!session->pid)
			be_command(child, terminal);
		close(ends[1]);
		if (session->pid < 0)
			result = error_set(error, errno, "cannot start a process in the guest");
		/* Its exec closes the other end. */
		do
			count = result ? 0 : read(ends[0], &failure, sizeof(failure));
		while (count < 0 && errno == EINTR);
		close(ends[0]);
	}
	for (i = 0; i < WIRE_STREAMS; i++)
		if (child->streams[i] >= 0)
			close(child->streams[i]);
	if (terminal >= 0)
		close(terminal);
	if (result)
		return STATUS_LODGE;
	if (count != sizeof(failure))
		return 0;
	snprintf(error->text, sizeof(error->text), "%s", failure.text);
	snprintf(error->advice, sizeof(error->advice), "%s", failure.advice);
	return (int)failure.status;
}

/* The payload of WIRE_START becomes a process's description. Return: strings or NULL */
static char **parse_start(uint8_t *payload, size_t size, struct child *child, bool *tty)
{
	struct wire_start start;
	char **strings;
	size_t i;

	memcpy(&start, payload, sizeof(start));
	if (!start.argc || start.argc > size || start.envc > size)
		return NULL;
	strings = calloc((size_t)start.argc + start.envc + 4, sizeof(*strings));
	if (!strings)
		return NULL;
	if (wire_strings(payload + sizeof(start), size - sizeof(start), strings,
			 2UL + start.argc + start.envc)) {
		free(strings);
		return NULL;
	}
	child->process.user = strings[0];
	child->process.workdir = strings[1];
	child->process.argv = strings + 2;
	/* Room for the NULL between them. */
	for (i = start.envc; i; i--)
		strings[2 + start.argc + i] = strings[2 + start.argc + i - 1];
	strings[2 + start.argc] = NULL;
	child->process.env = strings + 3 + start.argc;
	child->process.limits = start.limits;
	child->process.tty = start.tty;
	child->window.ws_row = start.window.rows;
	child->window.ws_col = start.window.columns;
	*tty = start.tty;
	return strings;
}

/* How many processes are there? Its kernel's own threads are, too. */
static uint32_t count_processes(void)
{
	DIR *list = opendir("/proc");
	const struct dirent *entry;
	uint32_t count = 0;

	while (list && (entry = readdir(list)))
		count += isdigit((unsigned char)entry->d_name[0]) != 0;
	if (list)
		closedir(list);
	return count;
}

static void send_started(struct agent *agent, const struct command *session)
{
	struct wire_started started = { .processes = 0 };
	struct utsname name;

	/* Who asks is who wants the VM: exec is to be quick. */
	if (session == agent->main)
		started.processes = count_processes();
	if (!uname(&name))
		snprintf(started.release, sizeof(started.release), "%s", name.release);
	wire_send(&agent->to_send, WIRE_STARTED, 0, session->id, &started, sizeof(started));
}

static void start(struct agent *agent, const struct wire_frame *frame)
{
	struct child child = { .streams = { -1, -1, -1 } };
	struct command *session = new_command(agent, frame->session);
	uint8_t *payload = malloc(frame->size);
	struct error error = { .text = "" };
	int status = STATUS_LODGE;
	char **strings = NULL;
	bool tty = false;

	if (payload) {
		memcpy(payload, frame->payload, frame->size);
		strings = parse_start(payload, frame->size, &child, &tty);
	}
	if (!session || find(agent, frame->session))
		error_set(&error, 0, "the guest runs %d commands already", SESSIONS_MAX);
	else if (!strings)
		error_set(&error, 0, "the guest cannot read what it is to run");
	else
		status = start_child(session, &child, tty, &error);
	free(strings);
	free(payload);
	if (status) {
		fail(agent, frame->session, status, &error);
		if (!agent->main)
			agent->done = true;
		if (session)
			forget(agent, session);
		return;
	}
	session->used = true;
	if (!agent->main)
		agent->main = session;
	send_started(agent, session);
}

static void set_up(struct agent *agent, const struct wire_frame *frame)
{
	char *strings[WIRE_SETUP_NR];
	uint8_t *payload = malloc(frame->size);
	struct error error = { .text = "" };

	if (payload)
		memcpy(payload, frame->payload, frame->size);
	if (agent->is_set_up || !payload ||
	    wire_strings(payload, frame->size, strings, WIRE_SETUP_NR))
		error_set(&error, 0, "the guest cannot read what it is to be");
	else if (!agent->setup(strings, &error))
		agent->is_set_up = true;
	free(payload);
	if (error.text[0]) {
		fail(agent, frame->session, STATUS_LODGE, &error);
		agent->done = true;
	}
}

static void resize(const struct command *session, const struct wire_frame *frame)
{
	struct wire_size size;
	struct winsize window = { .ws_row = 0 };

	memcpy(&size, frame->payload, sizeof(size));
	window.ws_row = size.rows;
	window.ws_col = size.columns;
	if (session->terminal >= 0)
		ioctl(session->terminal, TIOCSWINSZ, &window);
}

static void hang_up(struct command *session)
{
	sink_close(&session->input);
	source_close(&session->output[1]);
	source_close(&session->output[2]);
	if (session->terminal >= 0)
		close(session->terminal);
	session->terminal = -1;
}

/* Return: 0, or -1: the keeper breaks its own rules */
static int serve_frame(struct agent *agent, const struct wire_frame *frame)
{
	struct command *session = find(agent, frame->session);

	if (frame->type == WIRE_SETUP) {
		set_up(agent, frame);
		return 0;
	}
	if (frame->type == WIRE_START) {
		start(agent, frame);
		return 0;
	}
	/* It may have ended while this was on its way. */
	if (!session)
		return 0;
	switch (frame->type) {
	case WIRE_DATA:
		if (sink_put(&session->input, frame->payload, frame->size))
			return -1;
		/* To nowhere, or the end of it: poll() would not say. */
		if (session->input.fd < 0 || !session->input.pending.count)
			sink_write(&session->input, &agent->to_send, 0, session->id);
		return 0;
	case WIRE_CREDIT:
		return source_add_credit(&session->output[frame->stream],
					 wire_number(frame));
	case WIRE_SIGNAL:
		if (session->pid)
			kill(session->pid, (int)wire_number(frame));
		return 0;
	case WIRE_RESIZE:
		resize(session, frame);
		return 0;
	case WIRE_CLOSE:
		hang_up(session);
		return 0;
	}
	return -1;
}

static void reap(struct agent *agent)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;
	size_t i;

	while (read(agent->signals, &info, sizeof(info)) == sizeof(info))
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < SESSIONS_MAX; i++) {
			struct command *session = &agent->sessions[i];

			if (!session->used || session->pid != pid)
				continue;
			session->pid = 0;
			session->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
								WEXITSTATUS(status);
		}
}

/* Has all been sent that it wrote? */
static bool is_drained(struct agent *agent, struct command *session)
{
	bool drained = true;
	int i;

	for (i = 1; i < WIRE_STREAMS; i++) {
		struct source *source = &session->output[i];

		while (source_read(source, &agent->to_send, (unsigned int)i, session->id) > 0)
			continue;
		/* Without credit it cannot be known. */
		if (source->fd >= 0 && !source_is_ready(source, &agent->to_send))
			drained = false;
	}
	return drained;
}

static void end_commands(struct agent *agent)
{
	size_t i;

	for (i = 0; i < SESSIONS_MAX; i++) {
		struct command *session = &agent->sessions[i];

		if (!session->used || session->pid || !is_drained(agent, session))
			continue;
		/* What it has written to a disk is there before its end is known. */
		if (session == agent->main)
			sync();
		wire_send_number(&agent->to_send, WIRE_EXIT, 0, session->id,
				 (uint32_t)session->status);
		forget(agent, session);
	}
}

enum { IN, OUT, SIGNALS, FIXED };

static void prepare_poll(struct agent *agent, struct pollfd *fds)
{
	size_t i;
	int j;

	fds[IN] = (struct pollfd){ agent->in, POLLIN, 0 };
	fds[OUT] = (struct pollfd){ agent->to_send.count ? agent->out : -1, POLLOUT, 0 };
	fds[SIGNALS] = (struct pollfd){ agent->signals, POLLIN, 0 };
	for (i = 0; i < SESSIONS_MAX; i++) {
		struct pollfd *fd = &fds[FIXED + i * WIRE_STREAMS];
		struct command *session = &agent->sessions[i];

		for (j = 0; j < WIRE_STREAMS; j++)
			fd[j] = (struct pollfd){ -1, 0, 0 };
		if (!session->used)
			continue;
		if (session->input.pending.count)
			fd[0] = (struct pollfd){ session->input.fd, POLLOUT, 0 };
		for (j = 1; j < WIRE_STREAMS; j++)
			if (source_is_ready(&session->output[j], &agent->to_send))
				fd[j] = (struct pollfd){ session->output[j].fd, POLLIN, 0 };
	}
}

static void serve_streams(struct agent *agent, const struct pollfd *fds)
{
	size_t i;
	int j;

	for (i = 0; i < SESSIONS_MAX; i++) {
		const struct pollfd *fd = &fds[FIXED + i * WIRE_STREAMS];
		struct command *session = &agent->sessions[i];

		if (!session->used)
			continue;
		if (fd[0].revents)
			sink_write(&session->input, &agent->to_send, 0, session->id);
		for (j = 1; j < WIRE_STREAMS; j++)
			if (fd[j].revents)
				source_read(&session->output[j], &agent->to_send,
					    (unsigned int)j, session->id);
	}
}

static int serve_port(struct agent *agent, struct error *error)
{
	struct wire_frame frame;
	int count = wire_read(&agent->received, agent->in), result = 0;

	if (!count)
		return error_set(error, 0, "the keeper has closed the port");
	if (count < 0 && errno != EAGAIN)
		return error_set(error, errno, "cannot read from the keeper");
	while (!agent->done &&
	       (result = wire_take(&agent->received, WIRE_FROM_KEEPER, &frame, error)) > 0)
		if (serve_frame(agent, &frame))
			return error_set(error, 0,
					 "the keeper sent more than there was credit for");
	return result < 0 ? -1 : 0;
}

static int open_signals(struct error *error)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Ignored, children would vanish without their status. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	return signals_open(&all, error);
}

/* The last of it, with nothing else to do. */
static int flush(struct agent *agent, struct error *error)
{
	fcntl(agent->out, F_SETFL, 0);
	while (agent->to_send.count)
		if (wire_write(&agent->to_send, agent->out, agent->to_send.count))
			return error_set(error, errno, "cannot write to the keeper");
	return 0;
}

int agent_run(int in, int out, agent_setup setup, struct error *error)
{
	static struct agent agent;
	static struct pollfd fds[FIXED + SESSIONS_MAX * WIRE_STREAMS];

	agent.in = in;
	agent.out = out;
	agent.setup = setup;
	agent.signals = open_signals(error);
	if (agent.signals < 0)
		return -1;
	wire_send(&agent.to_send, WIRE_HELLO, 0, 0, LODGE_VERSION, strlen(LODGE_VERSION));
	while (!agent.done) {
		prepare_poll(&agent, fds);
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0)
			continue;
		if (fds[SIGNALS].revents)
			reap(&agent);
		serve_streams(&agent, fds);
		if (fds[IN].revents && serve_port(&agent, error))
			return -1;
		if (fds[OUT].revents &&
		    wire_write(&agent.to_send, agent.out, agent.to_send.count))
			return error_set(error, errno, "cannot write to the keeper");
		/* Last: credit and room may be what was missing. */
		end_commands(&agent);
	}
	return flush(&agent, error);
}
