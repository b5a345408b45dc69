// SPDX-License-Identifier: GPL-2.0-only
/* A guest enters the network and leaves it. */
#include "net.h"

#include <errno.h>
#include <stdlib.h>
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

static int join(struct net *net, struct nl_sock *sock, int bridge, int netns,
		const struct net_port *ports, size_t nr_ports, struct error *error)
{
	struct nl_sock *guest;
	int result;

	if (nat_forwarding(error) ||
	    nat_publish(net, ports, nr_ports, error) ||
	    nat_rules(net, ports, nr_ports, error) ||
	    link_veth(sock, net, bridge, netns, error))
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

static int attach(struct net *net, struct nl_sock *sock, int netns,
		  const struct net_port *ports, size_t nr_ports, struct error *error)
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
		result = join(net, sock, bridge, netns, ports, nr_ports, error);
	if (first)
		pool_unlock(locks);
	return result;
}

int net_attach(struct net *net, int netns, const struct net_port *ports,
	       size_t nr_ports, struct error *error)
{
	struct nl_sock *sock;
	int result = -1;

	*net = (struct net){ 0 };
	if (nr_ports > NET_PORTS_MAX)
		return error_set(error, 0, "%zu published ports are more than %d",
				 nr_ports, NET_PORTS_MAX);
	net->private = calloc(1, sizeof(*net->private));
	if (!net->private)
		return error_set(error, errno, "no memory for the network");
	net->private->locks = pool_open(error);
	if (net->private->locks >= 0) {
		sock = link_socket(-1, error);
		if (sock) {
			result = attach(net, sock, netns, ports, nr_ports, error);
			nl_socket_free(sock);
		}
	}
	if (result)
		net_detach(net);
	return result;
}

void net_detach(struct net *net)
{
	struct net_private *private = net->private;
	struct error ignored;
	struct nl_sock *sock;

	if (!private)
		return;
	sock = link_socket(-1, &ignored);
	if (sock && private->linked)
		link_veth_remove(sock, net);
	nat_remove(net);
	if (private->locks >= 0) {
		if (sock && net->address.s_addr && !pool_lock(private->locks, &ignored)) {
			if (!pool_shared(private->locks))
				link_bridge_remove(sock, net);
			pool_unlock(private->locks);
		}
		close(private->locks);
	}
	nl_socket_free(sock);
	free(private);
	net->private = NULL;
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
