// SPDX-License-Identifier: GPL-2.0-only
/* Ways through sockets. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "box.h"
#include "guest.h"
#include "vm.h"

#define SOCKET_PATH	HOST_DIR "/socket"

static socklen_t make_abstract(struct sockaddr_un *address)
{
	static const char name[] = "escape";

	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(address->sun_path + 1, name, sizeof(name));
	return offsetof(struct sockaddr_un, sun_path) + 1 + sizeof(name);
}

static int listener;

static void listen_abstract(struct box *box)
{
	struct sockaddr_un address;
	socklen_t length = make_abstract(&address);

	listener = CHECK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK(bind(listener, (struct sockaddr *)&address, length));
	CHECK(listen(listener, 1));
}

static int run_abstract(struct box *box)
{
	struct sockaddr_un address;
	socklen_t length = make_abstract(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&address, length) ? errno : 0;
}

static void bind_datagram(struct box *box)
{
	struct sockaddr_un address;
	socklen_t length = make_abstract(&address);

	listener = CHECK(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK(bind(listener, (struct sockaddr *)&address, length));
}

static int run_datagram(struct box *box)
{
	struct sockaddr_un address;
	socklen_t length = make_abstract(&address);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	return sendto(fd, "x", 1, 0, (struct sockaddr *)&address, length) < 0 ?
	       errno : 0;
}

static bool close_listener(struct box *box)
{
	close(listener);
	unlink(SOCKET_PATH);
	return true;
}

static void listen_path(struct box *box)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX,
				       .sun_path = SOCKET_PATH };

	listener = CHECK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)));
	CHECK(listen(listener, 1));
	box->fd = leak(HOST_DIR, O_PATH | O_DIRECTORY);
}

static int run_path(struct box *box)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/proc/self/fd/%d/socket", box->fd);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
}

static void leak_packet(struct box *box)
{
	box->fd = CHECK(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
}

static void leak_raw(struct box *box)
{
	box->fd = CHECK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static void leak_netlink(struct box *box)
{
	box->fd = CHECK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

/* It asks nothing: that it may is enough. */
static int run_setsockopt(struct box *box)
{
	int one = 1;

	return setsockopt(box->fd, SOL_SOCKET, SO_PRIORITY, &one, sizeof(one)) ?
	       errno : 0;
}

static int run_receive(struct box *box)
{
	char text[8];

	if (recv(box->fd, text, sizeof(text), MSG_DONTWAIT) < 0 &&
	    errno != EAGAIN && errno != EWOULDBLOCK)
		return errno;
	return 0;
}

static int run_netlink(struct box *box)
{
	struct nlmsghdr message = {
		.nlmsg_len = sizeof(message),
		.nlmsg_type = NLMSG_NOOP,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(box->fd, &message, sizeof(message), 0,
		      (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? errno : 0;
}

static int run_family(int family, int type)
{
	int fd = socket(family, type, 0);

	return fd < 0 ? errno : 0;
}

static int run_vsock(struct box *box)
{
	return run_family(AF_VSOCK, SOCK_STREAM);
}

static int run_alg(struct box *box)
{
	return run_family(AF_ALG, SOCK_SEQPACKET);
}

const struct attack socket_attacks[] = {
	{ "an abstract Unix socket of the host", "security_unix_stream_connect",
	  BOX_HOST_NET, .prepare = listen_abstract, .run = run_abstract,
	  .clean = close_listener },
	{ "a datagram to an abstract socket of the host", "security_unix_may_send",
	  BOX_HOST_NET, .prepare = bind_datagram, .run = run_datagram,
	  .clean = close_listener },
	{ "a Unix socket of the host by its path", "security_unix_stream_connect",
	  .prepare = listen_path, .run = run_path, .clean = close_listener },
	{ "a packet socket of the host's network", "security_socket_recvmsg",
	  .prepare = leak_packet, .run = run_receive },
	{ "a raw socket of the host's network", "security_socket_setsockopt",
	  .prepare = leak_raw, .run = run_setsockopt },
	{ "a netlink socket of the host's network", "security_socket_sendmsg",
	  .prepare = leak_netlink, .run = run_netlink },
	{ "vsock", "security_socket_create", .run = run_vsock },
	{ "AF_ALG", "security_socket_create", .run = run_alg },
	{ NULL },
};
