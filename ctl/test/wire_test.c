// SPDX-License-Identifier: GPL-2.0-only
/*
 * lodge-init of a VM, its keeper's hub and the sessions' ends, without a VM between
 * them: commands of this machine run behind a socket.  And a hostile guest, whose
 * frames the hub has to refuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "container/process.h"
#include "init/agent.h"
#include "tap.h"
#include "vmm/guest/session.h"
#include "vmm/guest/hub.h"

#define MEGABYTES	10
#define LIMIT_S		60

/* In place of container/process.c: the caller's rights, whoever that is */
int process_identify(const char *user, struct identity *identity, struct error *error)
{
	(void)user;
	(void)error;
	memset(identity, 0, sizeof(*identity));
	identity->uid = getuid();
	identity->gid = getgid();
	return 0;
}

int rlimits_set(const struct rlimits *limits, struct error *error)
{
	(void)limits;
	(void)error;
	return 0;
}

uint64_t process_all_caps(void)
{
	return 0;
}

int process_exec(const struct process *process, const struct identity *identity,
		 const struct sock_filter *filter, size_t nr_filter,
		 struct error *error)
{
	sigset_t none;

	(void)identity;
	(void)filter;
	(void)nr_filter;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(process->argv[0], process->argv);
	error_set(error, errno, "cannot execute '%s'", process->argv[0]);
	return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static int set_up(char **strings, struct error *error)
{
	if (strcmp(strings[WIRE_SETUP_HOSTNAME], "host"))
		return error_set(error, 0, "the host name is '%s'", strings[WIRE_SETUP_HOSTNAME]);
	return 0;
}

static const char *const setup[WIRE_SETUP_NR] = {
	[WIRE_SETUP_HOSTNAME] = "host",
	[WIRE_SETUP_HOSTS] = "127.0.0.1\thost\n",
	[WIRE_SETUP_RESOLV_CONF] = "",
	[WIRE_SETUP_ADDRESS] = "",
	[WIRE_SETUP_PREFIX] = "",
	[WIRE_SETUP_GATEWAY] = "",
	[WIRE_SETUP_READ_ONLY] = "",
};

/* A guest: a child of this process. Return: the keeper's end of its port */
static int start_guest(void)
{
	struct error error;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends))
		abort();
	if (!fork()) {
		close(ends[0]);
		_exit(agent_run(ends[1], ends[1], set_up, &error) ? 1 : 0);
	}
	close(ends[1]);
	return ends[0];
}

/**
 * struct end - somebody with a session
 * @pid: a process, for its standard streams are those of the session
 * @signal: what it sends to the command when that runs, or 0
 */
struct end {
	pid_t pid;
	int signal;
};

/* Serves a session until its end. */
__attribute__((noreturn))
static void be_client(int fd, char **argv, bool tty, int signal)
{
	char *env[1] = { NULL };
	struct process process = {
		.argv = argv, .env = env, .workdir = "/", .user = "", .tty = tty,
	};
	struct pollfd fds[SESSION_POLL_MAX];
	static struct session session;
	struct error error;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (session_open(&session, fd, &process, true, &error))
		_exit(99);
	while (!session_is_done(&session)) {
		session_prepare(&session, fds);
		if (poll(fds, SESSION_POLL_MAX, -1) < 0 || session_serve(&session, fds))
			_exit(98);
		if (signal && session.started) {
			session_signal(&session, signal);
			signal = 0;
		}
	}
	_exit(session.status);
}

static pid_t start_client(int fd, char **argv, bool tty, int signal, int in, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	be_client(fd, argv, tty, signal);
}

/* Serves the hub until the first session has ended. Return: its exit status */
static int serve(struct hub *hub, pid_t first)
{
	struct pollfd fds[HUB_POLL_MAX];
	struct error error = { .text = "" };
	int status, result = 0;

	while (waitpid(first, &status, WNOHANG) != first) {
		hub_prepare(hub, fds);
		poll(fds, HUB_POLL_MAX, 20);
		if (!result && hub_serve(hub, fds, &error)) {
			printf("# %s\n", error.text);
			kill(first, SIGKILL);
			result = -1;
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* One command in a guest of its own. Return: its exit status */
static int run(char **argv, bool tty, int signal, int in, int out)
{
	static struct hub hub;
	struct error error;
	int port = start_guest();
	int fd = hub_open(&hub, port, port, -1, setup, &error);
	pid_t pid = start_client(fd, argv, tty, signal, in, out);
	int status;

	close(fd);
	status = serve(&hub, pid);
	hub_close(&hub);
	close(port);
	return status;
}

#define ARGV(...)	((char *[]){ __VA_ARGS__, NULL })

/* A file without a name, with so many pseudo-random bytes in it */
static int make_file(size_t size)
{
	char name[] = "/tmp/wire_test.XXXXXX";
	int fd = mkstemp(name);
	uint32_t word = 1;

	unlink(name);
	for (; size >= sizeof(word); size -= sizeof(word)) {
		word = word * 1664525 + 1013904223;
		if (write(fd, &word, sizeof(word)) != sizeof(word))
			abort();
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static bool same(int one, int other)
{
	static char a[65536], b[65536];
	off_t offset = 0;
	ssize_t count;

	do {
		count = pread(one, a, sizeof(a), offset);
		if (pread(other, b, sizeof(b), offset) != count ||
		    (count > 0 && memcmp(a, b, (size_t)count)))
			return false;
		offset += count;
	} while (count > 0);
	return !count;
}

static bool has(int fd, const char *text)
{
	char all[4096] = "";

	return pread(fd, all, sizeof(all) - 1, 0) >= 0 && strstr(all, text);
}

static void test_commands(void)
{
	int null = open("/dev/null", O_RDWR);
	int out = make_file(0), in = make_file(MEGABYTES << 20);

	ok(run(ARGV("sh", "-c", "exit 42"), false, 0, null, null) == 42,
	   "the exit status comes out");
	ok(run(ARGV("sh", "-c", "kill -9 $$"), false, 0, null, null) == 137,
	   "the end by a signal is 128 + its number");
	ok(run(ARGV("/no/such/command"), false, 0, null, null) == 127,
	   "a command that is not there is 127");
	ok(run(ARGV("/etc/passwd"), false, 0, null, null) == 126,
	   "one that cannot be executed is 126");
	ok(run(ARGV("sleep", "60"), false, SIGTERM, null, null) == 143,
	   "a signal gets to the command");
	ok(!run(ARGV("cat"), false, 0, in, out) && same(in, out),
	   "10 MiB of anything come through as they are, both ways");
	if (ftruncate(out, 0) || lseek(out, 0, SEEK_SET) || lseek(in, 0, SEEK_SET))
		abort();
	ok(!run(ARGV("sh", "-c", "test -t 0 && stty -echo && echo terminal; echo errors >&2"),
		true, 0, null, out) && has(out, "terminal\r\nerrors\r\n"),
	   "with a terminal, it has one");
	close(null);
	close(out);
	close(in);
}

/* Reads slowly, and says how many bytes came. */
static size_t read_slowly(int fd)
{
	const struct timespec pause = { 0, 2000000 };
	static char bytes[65536];
	size_t size = 0;
	ssize_t count;

	while ((count = read(fd, bytes, sizeof(bytes))) > 0) {
		size += (size_t)count;
		nanosleep(&pause, NULL);
	}
	return size;
}

/* Has a second session while the first one's reader does not read at all. */
static void test_slow_reader(void)
{
	static struct hub hub;
	struct error error;
	int port = start_guest(), null = open("/dev/null", O_RDWR), file = make_file(0);
	int first = hub_open(&hub, port, port, -1, setup, &error);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), second, out[2], status = -1;
	struct sockaddr_un { sa_family_t family; char path[100]; } address = { AF_UNIX, "" };
	socklen_t length = sizeof(address);
	pid_t slow, quick, keeper;
	size_t size;

	if (pipe(out) || bind(listener, (void *)&address, sizeof(address.family)) ||
	    listen(listener, 5) || getsockname(listener, (void *)&address, &length))
		abort();
	hub.listener = listener;
	slow = start_client(first, ARGV("sh", "-c", "head -c 1000000 /dev/zero"), false, 0,
			    null, out[1]);
	close(first);
	close(out[1]);
	keeper = fork();
	if (!keeper)
		_exit(serve(&hub, slow) & 0);
	/* The guest ends with the command that it has got first: let that be this one. */
	poll(&(struct pollfd){ out[0], POLLIN, 0 }, 1, -1);
	second = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(second, (void *)&address, length))
		abort();
	quick = start_client(second, ARGV("sh", "-c", "echo quick; exit 7"), false, 0, null, file);
	close(second);
	while (waitpid(quick, &status, 0) < 0)
		continue;
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7 && has(file, "quick"),
	   "a session is not held up by another whose reader does not read");
	size = read_slowly(out[0]);
	ok(size == 1000000, "nothing is lost of what was written before the end");
	while (waitpid(slow, &status, 0) < 0)
		continue;
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "and then comes the exit status");
	kill(keeper, SIGKILL);
	waitpid(keeper, NULL, 0);
	hub_close(&hub);
	close(port);
}

/* A guest that says one thing after hello. Return: was it refused, and why */
static int feed(const void *bytes, size_t size, bool greet, struct error *error)
{
	static struct hub hub;
	struct pollfd fds[HUB_POLL_MAX];
	struct wire_buffer buffer = { .data = NULL };
	struct wire_start start = { .argc = 1 };
	int ends[2], fd, result = 0, i;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends))
		abort();
	fd = hub_open(&hub, ends[0], ends[0], -1, setup, error);
	wire_send(&buffer, WIRE_START, 0, 0, &start, sizeof(start));
	wire_write(&buffer, fd, buffer.count);
	if (greet)
		wire_send(&buffer, WIRE_HELLO, 0, 0, LODGE_VERSION, strlen(LODGE_VERSION));
	wire_append(&buffer, bytes, size);
	for (i = 0; i < 50 && !result; i++) {
		/* First hello, so that the hub takes the client's request. */
		wire_write(&buffer, ends[1],
			   i || !greet ? buffer.count : 8 + strlen(LODGE_VERSION));
		hub_prepare(&hub, fds);
		poll(fds, HUB_POLL_MAX, 0);
		result = hub_serve(&hub, fds, error);
	}
	wire_free(&buffer);
	hub_close(&hub);
	close(ends[0]);
	close(ends[1]);
	close(fd);
	return result;
}

static void refuse(const char *what, const struct wire_buffer *buffer, bool greet,
		   const char *why)
{
	struct error error = { .text = "" };
	int result = feed(buffer->data, buffer->count, greet, &error);

	if (!ok(result < 0 && strstr(error.text, why), what))
		printf("# %d, %s\n", result, error.text);
}

static void send_many(struct wire_buffer *buffer, const uint8_t *data, int count)
{
	while (count--)
		wire_send(buffer, WIRE_DATA, 1, 0, data, WIRE_DATA_MAX);
}

static void test_refused(void)
{
	static uint8_t data[WIRE_DATA_MAX + 1];
	struct wire_failure failure = { .status = 1 };
	struct wire_started started = { .processes = 1 };
	struct wire_buffer b = { .data = NULL };

#define REFUSE(what, greet, why, ...) do {	\
	__VA_ARGS__;				\
	refuse(what, &b, greet, why);		\
	wire_free(&b);				\
} while (0)
	REFUSE("no hello is refused", false, "hello first",
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started)));
	REFUSE("another version is refused", false, "version",
	       wire_send(&b, WIRE_HELLO, 0, 0, "99", 2));
	REFUSE("a second hello is refused", true, "twice",
	       wire_send(&b, WIRE_HELLO, 0, 0, "0.1", 3));
	REFUSE("an unknown type is refused", true, "unknown type",
	       wire_send(&b, WIRE_NR_TYPES, 0, 0, NULL, 0));
	REFUSE("what only the keeper may say is refused", true, "not for this side",
	       wire_send(&b, WIRE_SETUP, 0, 0, data, 100));
	REFUSE("a guest that asks about memory is refused", true, "not for this side",
	       wire_send(&b, WIRE_MEMORY, 0, 0, data, sizeof(struct wire_memory)));
	REFUSE("another stream is refused", true, "not of stream",
	       wire_send(&b, WIRE_DATA, 0, 0, data, 1));
	REFUSE("a frame that is too long is refused before it is there", true, "bytes",
	       wire_send(&b, WIRE_DATA, 1, 0, data, sizeof(data)); b.count = 8);
	REFUSE("another session is refused", true, "not there",
	       wire_send(&b, WIRE_STARTED, 0, 7, &started, sizeof(started)));
	REFUSE("a session with a high number is refused", true, "not there",
	       wire_send(&b, WIRE_STARTED, 0, 65535, &started, sizeof(started)));
	REFUSE("output before the start is refused", true, "late",
	       wire_send(&b, WIRE_DATA, 1, 0, data, 1));
	REFUSE("a second start is refused", true, "twice",
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started));
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started)));
	memset(started.release, 'x', sizeof(started.release));
	REFUSE("a release that is no text is refused", true, "no text",
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started)));
	started.release[0] = '\0';
	REFUSE("more than a window is refused", true, "more of a stream",
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started));
	       send_many(&b, data, 9));
	REFUSE("output after its end is refused", true, "more of a stream",
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started));
	       wire_send(&b, WIRE_DATA, 1, 0, NULL, 0);
	       wire_send(&b, WIRE_DATA, 1, 0, NULL, 0));
	REFUSE("credit for nothing is refused", true, "more of a stream",
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started));
	       wire_send_number(&b, WIRE_CREDIT, 0, 0, 1));
	memset(failure.text, 'x', sizeof(failure.text));
	REFUSE("an error that is no text is refused", true, "no text",
	       wire_send(&b, WIRE_FAILED, 0, 0, &failure, sizeof(failure)));
	REFUSE("what follows the end is refused", true, "not there",
	       wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started));
	       wire_send_number(&b, WIRE_EXIT, 0, 0, 0);
	       wire_send(&b, WIRE_DATA, 1, 0, data, 1));
}

static void on_memory(void *state, struct wire_memory *memory)
{
	*(uint64_t *)state = memory->target;
	memory->size = 64;
	memory->given = 8;
}

/* Who asks about memory has an answer, and is hung up on; the guest hears nothing. */
static void test_memory(void)
{
	static struct hub hub;
	struct wire_memory memory = { .target = 56 };
	struct wire_buffer buffer = { .data = NULL };
	struct pollfd fds[HUB_POLL_MAX];
	struct wire_frame frame;
	struct error error;
	uint64_t target = 0;
	bool good;
	int ends[2], fd, i;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends))
		abort();
	fd = hub_open(&hub, ends[0], ends[0], -1, setup, &error);
	hub.on_memory = on_memory;
	hub.state = &target;
	wire_send(&buffer, WIRE_MEMORY, 0, 0, &memory, sizeof(memory));
	wire_write(&buffer, fd, buffer.count);
	wire_send(&buffer, WIRE_HELLO, 0, 0, LODGE_VERSION, strlen(LODGE_VERSION));
	wire_write(&buffer, ends[1], buffer.count);
	for (i = 0; i < 10; i++) {
		hub_prepare(&hub, fds);
		poll(fds, HUB_POLL_MAX, 0);
		hub_serve(&hub, fds, &error);
	}
	good = wire_read(&buffer, fd) > 0 &&
	       wire_take(&buffer, WIRE_FROM_KEEPER, &frame, &error) == 1 &&
	       frame.type == WIRE_MEMORY;
	if (good)
		memcpy(&memory, frame.payload, sizeof(memory));
	ok(good && target == 56 && memory.size == 64 && memory.given == 8 &&
	   wire_read(&buffer, fd) == 0, "who asks about memory has one answer");
	wire_free(&buffer);
	good = wire_read(&buffer, ends[1]) > 0 &&
	       wire_take(&buffer, WIRE_FROM_KEEPER, &frame, &error) == 1 &&
	       frame.type == WIRE_SETUP && !buffer.count;
	ok(good, "and the guest hears nothing of it");
	wire_free(&buffer);
	hub_close(&hub);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static uint64_t seed = 1;

static uint32_t random_number(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33);
}

/* Frames that are nearly right, and some that are not: none may crash the hub. */
static void test_fuzz(int rounds)
{
	static const struct wire_started started;
	static uint8_t data[WIRE_DATA_MAX];
	struct error error;
	int i, j, refused = 0;

	for (i = 0; i < rounds; i++) {
		struct wire_buffer b = { .data = NULL };

		if (random_number() % 4)
			wire_send(&b, WIRE_STARTED, 0, 0, &started, sizeof(started));
		for (j = 0; j < (int)(random_number() % 20); j++) {
			unsigned int type = random_number() % (WIRE_NR_TYPES + 1);
			size_t size = random_number() % (random_number() % 2 ? 16 : 3000);

			if (type == WIRE_CREDIT || type == WIRE_EXIT)
				size = 4;
			if (type == WIRE_STARTED)
				size = sizeof(struct wire_started);
			if (type == WIRE_FAILED)
				size = sizeof(struct wire_failure);
			wire_send(&b, type, random_number() % 4, random_number() % 8 / 7,
				  data, size);
		}
		for (j = 0; b.count && j < (int)(random_number() % 3); j++)
			b.data[random_number() % b.count] = (uint8_t)random_number();
		refused += feed(b.data, b.count, random_number() % 10, &error) < 0;
		wire_free(&b);
	}
	ok(refused > rounds / 2, "a guest that says anything at all is refused or served");
	printf("# %d rounds, %d refused\n", rounds, refused);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 5000;

	signal(SIGPIPE, SIG_IGN);
	alarm(LIMIT_S + (unsigned int)rounds / 100);
	setvbuf(stdout, NULL, _IONBF, 0);
	test_commands();
	test_slow_reader();
	test_refused();
	test_memory();
	test_fuzz(rounds);
	return tap_end();
}
