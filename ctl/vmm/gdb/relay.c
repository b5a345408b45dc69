// SPDX-License-Identifier: GPL-2.0-only
/* The keeper's side: a socket for debuggers, one at a time, and the way to the VMM. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "vmm/gdb/gdb.h"
#include "vmm/io.h"
#include "vmm/thread.h"

#define PAUSE_MS	100

enum { LISTENER, CLIENT, FROM_VMM, TO_VMM, STOP, NR_FDS };

/**
 * struct link - a connection
 * @client: its socket, or -1
 * @closing: the VMM is to confirm that there is none
 * @to_vmm: bytes of @for_vmm, or 0
 * @to_client: bytes of @for_client, from @sent on
 * @sent: how many of them are sent
 * @for_vmm: a packet
 * @for_client: likewise
 */
struct link {
	int client;
	bool closing;
	size_t to_vmm;
	size_t to_client;
	size_t sent;
	uint8_t for_vmm[GDB_PIPE_PACKET];
	uint8_t for_client[GDB_PIPE_PACKET];
};

static void say_closed(struct link *link)
{
	if (link->client >= 0)
		close(link->client);
	link->client = -1;
	link->to_client = 0;
	link->for_vmm[0] = GDB_CLOSED;
	link->to_vmm = 1;
}

static void accept_client(struct link *link, int listener)
{
	const int on = 1;

	link->client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (link->client < 0) {
		/* Out of descriptors, say: it would fail at once again. */
		poll(NULL, 0, PAUSE_MS);
		return;
	}
	/* Fails, and is not needed, where it is a Unix socket. */
	setsockopt(link->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool is_over(ssize_t count)
{
	return !count || (count < 0 && errno != EAGAIN && errno != EINTR);
}

static void read_client(struct link *link)
{
	ssize_t count = read(link->client, link->for_vmm + 1, sizeof(link->for_vmm) - 1);

	if (is_over(count)) {
		say_closed(link);
		link->closing = true;
	} else if (count > 0) {
		link->for_vmm[0] = GDB_DATA;
		link->to_vmm = (size_t)count + 1;
	}
}

static void write_client(struct link *link)
{
	ssize_t count = send(link->client, link->for_client + link->sent,
			     link->to_client - link->sent, MSG_NOSIGNAL);

	if (is_over(count)) {
		say_closed(link);
		link->closing = true;
	} else if (count > 0) {
		link->sent += (size_t)count;
		if (link->sent == link->to_client)
			link->to_client = 0;
	}
}

static void read_vmm(struct link *link, int in)
{
	ssize_t count = read(in, link->for_client, sizeof(link->for_client));

	if (count <= 0)
		return;
	if (link->for_client[0] == GDB_CLOSED) {
		/* Unless it answers us, it is a new VMM, or one that has had enough. */
		if (!link->closing)
			say_closed(link);
		link->closing = false;
	} else if (link->client >= 0) {
		link->to_client = (size_t)count;
		link->sent = 1;
	}
}

static void prepare(const struct gdb_relay *relay, const struct link *link,
		    struct pollfd *fds)
{
	bool idle = link->client < 0 && !link->closing;
	short client = 0;

	if (!link->to_vmm)
		client |= POLLIN;
	if (link->to_client)
		client |= POLLOUT;
	fds[LISTENER] = (struct pollfd){ idle ? relay->listener : -1, POLLIN, 0 };
	fds[CLIENT] = (struct pollfd){ client ? link->client : -1, client, 0 };
	fds[FROM_VMM] = (struct pollfd){ link->to_client ? -1 : relay->in, POLLIN, 0 };
	fds[TO_VMM] = (struct pollfd){ link->to_vmm ? relay->out : -1, POLLOUT, 0 };
	fds[STOP] = (struct pollfd){ relay->stop, POLLIN, 0 };
}

static void *relay_thread(void *data)
{
	const struct gdb_relay *relay = data;
	/* Both sides begin by saying that there is no connection. */
	struct link link = { .client = -1, .closing = true, .to_vmm = 1 };
	struct pollfd fds[NR_FDS];

	pthread_setname_np(pthread_self(), "lodge-gdb");
	for (;;) {
		prepare(relay, &link, fds);
		if (poll(fds, NR_FDS, -1) < 0)
			continue;
		if (fds[STOP].revents)
			break;
		if (fds[TO_VMM].revents &&
		    write(relay->out, link.for_vmm, link.to_vmm) > 0)
			link.to_vmm = 0;
		if (fds[LISTENER].revents)
			accept_client(&link, relay->listener);
		if (fds[CLIENT].revents && link.to_client)
			write_client(&link);
		if (fds[CLIENT].revents && link.client >= 0 && !link.to_vmm)
			read_client(&link);
		if (fds[FROM_VMM].revents)
			read_vmm(&link, relay->in);
	}
	/* What the VMM has said last */
	if (link.client >= 0 && !link.to_client)
		read_vmm(&link, relay->in);
	if (link.client >= 0 && link.to_client)
		write_client(&link);
	if (link.client >= 0)
		close(link.client);
	return NULL;
}

/* A socket that nobody listens at is left from a keeper that was killed. */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	bool stale;

	stale = fd >= 0 && !lstat(address->sun_path, &st) && S_ISSOCK(st.st_mode) &&
		connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return stale;
}

static int listen_unix(struct gdb_relay *relay, const char *path, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct sockaddr *where = (const struct sockaddr *)&address;
	mode_t mask;
	int result;

	if (!*path || strlen(path) >= sizeof(address.sun_path)) {
		error_set(error, 0, "'%s' cannot be the path of a socket", path);
		return error_advise(error, "give one of 1 to %zu bytes",
				    sizeof(address.sun_path) - 1);
	}
	memcpy(address.sun_path, path, strlen(path));
	relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (relay->listener < 0)
		return error_set(error, errno, "cannot make a socket for a debugger");
	/* Who debugs a VM has all that it has. */
	mask = umask(077);
	result = bind(relay->listener, where, sizeof(address));
	if (result && errno == EADDRINUSE && is_stale(&address) && !unlink(path))
		result = bind(relay->listener, where, sizeof(address));
	umask(mask);
	if (result) {
		error_set(error, errno, "cannot make the socket '%s' for a debugger", path);
		return error_advise(error, "give a path in a folder that is there, with no file of that name");
	}
	relay->path = path;
	return 0;
}

static int listen_tcp(struct gdb_relay *relay, const char *text, struct error *error)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	const int on = 1;
	unsigned long port;
	char *end;

	port = colon ? strtoul(colon + 1, &end, 10) : 0;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!port || port > 65535 || *end || colon[1] < '0' || colon[1] > '9' ||
	    strncmp(text, "127.0.0.1:", sizeof("127.0.0.1:") - 1) ||
	    colon != text + sizeof("127.0.0.1") - 1) {
		error_set(error, 0, "'tcp:%s' is no place for a debugger", text);
		return error_advise(error, "give tcp:127.0.0.1:PORT: whoever reaches it has the VM, so it is for this host alone");
	}
	address.sin_port = htons((uint16_t)port);
	relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (relay->listener < 0)
		return error_set(error, errno, "cannot make a socket for a debugger");
	setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(relay->listener, (struct sockaddr *)&address, sizeof(address))) {
		error_set(error, errno, "cannot listen at port %lu for a debugger", port);
		return error_advise(error, "choose another port");
	}
	return 0;
}

static int listen_at(struct gdb_relay *relay, const char *where, struct error *error)
{
	int result;

	if (!strncmp(where, "unix:", 5)) {
		result = listen_unix(relay, where + 5, error);
	} else if (!strncmp(where, "tcp:", 4)) {
		result = listen_tcp(relay, where + 4, error);
	} else {
		error_set(error, 0, "'%s' is no place for a debugger", where);
		return error_advise(error, "give --gdb unix:PATH or tcp:127.0.0.1:PORT");
	}
	if (!result && listen(relay->listener, 1))
		result = error_set(error, errno, "cannot listen for a debugger");
	return result;
}

/* Pipes, for behind its wall the VMM can send nothing to a socket outside. */
static int make_pipes(struct gdb_relay *relay, struct error *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return error_set(error, errno, "cannot make a pipe");
	relay->in = ends[0];
	relay->vmm.out = ends[1];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return error_set(error, errno, "cannot make a pipe");
	relay->vmm.in = ends[0];
	relay->out = ends[1];
	relay->stop = io_eventfd(error);
	return relay->stop < 0 ? -1 : 0;
}

int gdb_relay_open(struct gdb_relay *relay, const char *where, struct error *error)
{
	*relay = (struct gdb_relay)GDB_RELAY_NONE;
	if (listen_at(relay, where, error) || make_pipes(relay, error)) {
		gdb_relay_close(relay);
		return -1;
	}
	relay->vmm.wait = true;
	if (thread_start(&relay->thread, relay_thread, relay, 0, "the thread of the debugger",
			 error)) {
		gdb_relay_close(relay);
		return -1;
	}
	relay->started = true;
	return 0;
}

void gdb_relay_forget(struct gdb_relay *relay)
{
	close_fd(&relay->listener);
	close_fd(&relay->in);
	close_fd(&relay->out);
	close_fd(&relay->stop);
}

void gdb_relay_close(struct gdb_relay *relay)
{
	if (relay->started) {
		io_signal(relay->stop);
		pthread_join(relay->thread, NULL);
		relay->started = false;
	}
	gdb_relay_forget(relay);
	close_fd(&relay->vmm.in);
	close_fd(&relay->vmm.out);
	if (relay->path)
		unlink(relay->path);
	relay->path = NULL;
}
