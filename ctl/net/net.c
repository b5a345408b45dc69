// SPDX-License-Identifier: GPL-2.0-only
/* A guest enters the network and leaves it. */
#include "net.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

/*
 * From the lock on its address on, no other keeper removes lodge0.
 * Return: the index of lodge0 or -1
 */
static int take_address(struct net *net, struct nl_sock *sock, struct error *error)
{
	int bridge = link_bridge(sock, net, error);

	if (bridge >= 0 && pool_take(net->private->locks, net, error)) {
		if (!pool_shared(net->private->locks))
			link_bridge_remove(sock, net);
		return -1;
	}
	return bridge;
}

/**
 * struct joining - a guest on its way into the network
 * @netns: a container's network namespace
 * @tap: or where to leave a VM's interface
 * @ports: what to publish
 * @nr_ports: how many
 */
struct joining {
	int netns;
	int *tap;
	const struct net_port *ports;
	size_t nr_ports;
};

static int join_container(struct net *net, struct nl_sock *sock, int bridge, int netns,
			  struct error *error)
{
	struct nl_sock *guest;
	int result;

	if (link_veth(sock, net, bridge, netns, error))
		return -1;
	net->private->linked = true;

	guest = link_socket(netns, error);
	if (!guest)
		return -1;
	result = link_loopback(guest, error);
	if (!result)
		result = link_guest(guest, net, error);
	nl_socket_free(guest);
	return result;
}

static int join_vm(struct net *net, struct nl_sock *sock, int bridge, int *tap,
		   struct error *error)
{
	*tap = tap_open(net->host_interface, error);
	if (*tap < 0)
		return -1;
	if (!link_tap(sock, net, bridge, error))
		return 0;
	close(*tap);
	return -1;
}

static int join(struct net *net, struct nl_sock *sock, int bridge,
		const struct joining *joining, struct error *error)
{
	if (nat_forwarding(error) ||
	    nat_publish(net, joining->ports, joining->nr_ports, error) ||
	    nat_rules(net, joining->ports, joining->nr_ports, error))
		return -1;
	if (joining->tap)
		return join_vm(net, sock, bridge, joining->tap, error);
	return join_container(net, sock, bridge, joining->netns, error);
}

static int enter(struct net *net, struct nl_sock *sock, const struct joining *joining,
		 struct error *error)
{
	int locks = net->private->locks;
	int bridge, result = -1;
	bool first;

	if (pool_lock(locks, error))
		return -1;
	bridge = take_address(net, sock, error);
	/*
	 * The others wait until the first has made use of all that there is: the
	 * kernel loads modules for it, and two modprobes get in each other's way.
	 */
	first = !pool_shared(locks);
	if (!first)
		pool_unlock(locks);
	if (bridge >= 0)
		result = join(net, sock, bridge, joining, error);
	if (first)
		pool_unlock(locks);
	return result;
}

static int attach(struct net *net, const struct joining *joining, struct error *error)
{
	struct nl_sock *sock;
	int result = -1;

	*net = (struct net){ 0 };
	if (joining->nr_ports > NET_PORTS_MAX)
		return error_set(error, 0, "%zu published ports are more than %d",
				 joining->nr_ports, NET_PORTS_MAX);
	net->private = calloc(1, sizeof(*net->private));
	if (!net->private)
		return error_set(error, errno, "no memory for the network");
	net->private->locks = pool_open(error);
	if (net->private->locks >= 0) {
		sock = link_socket(-1, error);
		if (sock) {
			result = enter(net, sock, joining, error);
			nl_socket_free(sock);
		}
	}
	if (result)
		net_detach(net, 0);
	return result;
}

int net_attach(struct net *net, int netns, const struct net_port *ports,
	       size_t nr_ports, struct error *error)
{
	const struct joining joining = {
		.netns = netns, .ports = ports, .nr_ports = nr_ports,
	};

	return attach(net, &joining, error);
}

int net_attach_vm(struct net *net, const struct net_port *ports, size_t nr_ports,
		  int *tap, struct error *error)
{
	const struct joining joining = {
		.tap = tap, .ports = ports, .nr_ports = nr_ports,
	};

	return attach(net, &joining, error);
}

void net_describe(const struct net *net, struct net_guest *guest)
{
	*guest = (struct net_guest){
		.address = net->address,
		.prefix = net->prefix,
		.gateway = net->gateway,
		.mtu = NET_MTU,
	};
	net_mac(net->address, guest->mac);
	net_resolv_conf(guest->resolv_conf, sizeof(guest->resolv_conf));
}

void net_forget(struct net *net)
{
	struct net_private *private = net->private;

	if (!private)
		return;
	nat_unpublish(net);
	nat_remove(net);
	if (private->locks >= 0)
		close(private->locks);
	free(private);
	net->private = NULL;
}

/* A guest seldom comes alone: lodge0 is kept for the next one for @linger_ms. */
static void leave_bridge(const struct net *net, struct nl_sock *sock,
			 unsigned int linger_ms)
{
	const struct timespec linger = {
		.tv_sec = linger_ms / 1000, .tv_nsec = (linger_ms % 1000) * 1000000L,
	};
	int locks = net->private->locks;
	struct error ignored;

	if (linger_ms) {
		pool_release(locks);
		if (pool_shared(locks))
			return;
		nanosleep(&linger, NULL);
	}
	if (pool_lock(locks, &ignored))
		return;
	if (!pool_shared(locks))
		link_bridge_remove(sock, net);
	pool_unlock(locks);
}

void net_detach(struct net *net, unsigned int linger_ms)
{
	struct net_private *private = net->private;
	struct error ignored;
	struct nl_sock *sock;

	if (!private)
		return;
	sock = link_socket(-1, &ignored);
	nat_unpublish(net);
	nat_remove(net);
	if (sock && private->linked)
		link_veth_remove(sock, net);
	if (private->locks >= 0) {
		if (sock && net->address.s_addr)
			leave_bridge(net, sock, linger_ms);
		close(private->locks);
	}
	nl_socket_free(sock);
	free(private);
	net->private = NULL;
}

/* What brings a guest's network to another process, with two descriptors */
struct handover {
	struct net net;		/* but for its private part */
	bool linked;
};

union handover_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(2 * sizeof(int))];
};

/* Ports are free at once: who stops a guest may want another to have them. */
int net_hand_over(struct net *net, int socket)
{
	struct net_private *private = net->private;
	int fds[2] = { private->locks, mnl_socket_get_fd(private->rules) };
	struct handover handover = { .net = *net, .linked = private->linked };
	struct iovec part = { &handover, sizeof(handover) };
	union handover_control control = {
		.header = {
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(fds)),
		},
	};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	nat_unpublish(net);
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	if (sendmsg(socket, &message, MSG_NOSIGNAL) != (ssize_t)sizeof(handover))
		return -1;
	net_forget(net);
	return 0;
}

ssize_t net_take_over(struct net *net, int socket)
{
	struct net_private *private = calloc(1, sizeof(*private));
	struct handover handover;
	struct iovec part = { &handover, sizeof(handover) };
	union handover_control control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header;
	ssize_t count;
	int fds[2];

	net->private = NULL;
	count = TEMP_FAILURE_RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
	header = count == sizeof(handover) ? CMSG_FIRSTHDR(&message) : NULL;
	if (!private || !header || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(fds))) {
		free(private);
		return count;
	}
	memcpy(fds, CMSG_DATA(header), sizeof(fds));
	*net = handover.net;
	net->private = private;
	private->locks = fds[0];
	private->rules = mnl_socket_fdopen(fds[1]);
	private->linked = handover.linked;
	return count;
}

int net_loopback(int netns, struct error *error)
{
	struct nl_sock *sock = link_socket(netns, error);
	int result;

	if (!sock)
		return -1;
	result = link_loopback(sock, error);
	nl_socket_free(sock);
	return result;
}
