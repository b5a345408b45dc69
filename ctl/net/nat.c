// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address translation. Each keeper has a table of its own, which is tied to its
 * netlink socket: no rule outlives it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/nft.h"
#include "private.h"

#define FORWARDING	"/proc/sys/net/ipv4/ip_forward"

int nat_forwarding(struct error *error)
{
	int fd = open(FORWARDING, O_RDONLY | O_CLOEXEC);
	char is = '0';

	if (fd >= 0) {
		if (read(fd, &is, 1) != 1)
			is = '0';
		close(fd);
	}
	if (is != '0')
		return 0;
	fd = open(FORWARDING, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1) {
		error_set(error, errno, "cannot switch IPv4 forwarding on");
		error_advise(error, "run 'sysctl net.ipv4.ip_forward=1'");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static const char *protocol_name(const struct net_port *port)
{
	return port->protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static int bind_port(const struct net_port *port, struct error *error)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons(port->host),
		.sin_addr = port->host_address,
	};
	int type = port->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	int errnum;

	if (fd < 0)
		return error_set(error, errno, "no socket for port %u", port->host);
	if (!bind(fd, (struct sockaddr *)&in, sizeof(in)))
		return fd;
	errnum = errno;
	close(fd);
	error_set(error, errnum, "cannot publish port %u/%s", port->host, protocol_name(port));
	if (errnum == EADDRINUSE)
		error_advise(error, "another guest or program has it ('ss -anp' lists them): give -p another");
	else if (errnum == EADDRNOTAVAIL)
		error_advise(error, "give -p an address that the host has");
	return -1;
}

int nat_publish(struct net *net, const struct net_port *ports, size_t nr_ports,
		struct error *error)
{
	struct net_private *private = net->private;
	int fd;

	while (private->nr_ports < nr_ports) {
		fd = bind_port(&ports[private->nr_ports], error);
		if (fd < 0)
			return -1;
		private->ports[private->nr_ports++] = fd;
	}
	return 0;
}

/* What leads to a published port, for those who are (or ask for) the host. */
static void add_dnat(struct nft *nft, const char *chain, uint32_t hook,
		     const struct net *net, const struct net_port *ports, size_t nr_ports)
{
	const struct in_addr loopback = { .s_addr = htonl(INADDR_LOOPBACK) };
	size_t i;

	nft_chain(nft, chain, hook, NF_IP_PRI_NAT_DST);
	for (i = 0; i < nr_ports; i++) {
		nft_rule(nft, chain);
		if (ports[i].host_address.s_addr)
			nft_destination(nft, ports[i].host_address, 32, true);
		else
			nft_destination_local(nft);
		nft_destination(nft, loopback, 8, false);
		nft_destination_port(nft, (uint8_t)ports[i].protocol, ports[i].host);
		nft_translate_destination(nft, net->address, ports[i].guest);
	}
}

int nat_rules(struct net *net, const struct net_port *ports, size_t nr_ports,
	      struct error *error)
{
	char name[sizeof("lodge-") + INET_ADDRSTRLEN] = "lodge-";
	struct nft *nft;

	inet_ntop(AF_INET, &net->address, name + strlen(name), INET_ADDRSTRLEN);
	nft = nft_new(name);
	if (!nft)
		return error_set(error, ENOMEM, "no rules for address translation");
	if (nr_ports) {
		add_dnat(nft, "prerouting", NF_INET_PRE_ROUTING, net, ports, nr_ports);
		add_dnat(nft, "output", NF_INET_LOCAL_OUT, net, ports, nr_ports);
	}
	nft_chain(nft, "postrouting", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	nft_rule(nft, "postrouting");
	nft_source(nft, net->address, 32);
	nft_not_out_of(nft, NET_BRIDGE);
	nft_masquerade(nft);
	/* A guest that asks the host for another must get the answer from the host. */
	if (nr_ports) {
		nft_rule(nft, "postrouting");
		nft_source(nft, net->gateway, net->prefix);
		nft_destination(nft, net->address, 32, true);
		nft_destination_translated(nft);
		nft_masquerade(nft);
	}
	net->private->rules = nft_commit(nft, error);
	nft_free(nft);
	return net->private->rules ? 0 : -1;
}

void nat_unpublish(struct net *net)
{
	struct net_private *private = net->private;

	while (private->nr_ports)
		close(private->ports[--private->nr_ports]);
}

void nat_remove(struct net *net)
{
	if (net->private->rules)
		mnl_socket_close(net->private->rules);
	net->private->rules = NULL;
}
