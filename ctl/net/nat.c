// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address translation. Each keeper has a table of its own, which is tied to its
 * netlink socket: no rule outlives it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <malloc.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
static void print_dnat(FILE *file, const struct net_port *ports, size_t nr_ports,
		       const char *guest)
{
	char address[INET_ADDRSTRLEN];
	size_t i;

	for (i = 0; i < nr_ports; i++) {
		if (ports[i].host_address.s_addr) {
			inet_ntop(AF_INET, &ports[i].host_address, address, sizeof(address));
			fprintf(file, "ip daddr %s ", address);
		} else {
			fprintf(file, "fib daddr type local ");
		}
		fprintf(file, "ip daddr != 127.0.0.0/8 %s dport %u dnat to %s:%u\n",
			protocol_name(&ports[i]), ports[i].host, guest, ports[i].guest);
	}
	fprintf(file, "}\n");
}

static char *print_rules(const struct net *net, const struct net_port *ports,
			 size_t nr_ports)
{
	char guest[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	inet_ntop(AF_INET, &net->address, guest, sizeof(guest));
	inet_ntop(AF_INET, &net->gateway, gateway, sizeof(gateway));
	fprintf(file, "table ip lodge-%s {\nflags owner\n"
		"chain postrouting {\ntype nat hook postrouting priority srcnat\n"
		"ip saddr %s oifname != \"" NET_BRIDGE "\" masquerade\n", guest, guest);
	/* A guest that asks the host for another must get the answer from the host. */
	if (nr_ports)
		fprintf(file, "ip saddr %s/%u ip daddr %s ct status dnat masquerade\n",
			gateway, net->prefix, guest);
	fprintf(file, "}\n");
	if (nr_ports) {
		fprintf(file, "chain prerouting {\ntype nat hook prerouting priority dstnat\n");
		print_dnat(file, ports, nr_ports, guest);
		fprintf(file, "chain output {\ntype nat hook output priority -100\n");
		print_dnat(file, ports, nr_ports, guest);
	}
	fprintf(file, "}\n");
	if (fclose(file)) {
		free(text);
		return NULL;
	}
	return text;
}

/* Return: a copy of the library's socket, which has the table, or -1 */
static int keep_socket(struct error *error)
{
	DIR *dir = opendir("/proc/self/fd");
	int fd, value, copy = -1, errnum = ENOENT;
	struct dirent *entry;
	socklen_t size;

	while (dir && copy < 0 && (entry = readdir(dir))) {
		fd = (int)strtol(entry->d_name, NULL, 10);
		size = sizeof(value);
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size) ||
		    value != AF_NETLINK)
			continue;
		size = sizeof(value);
		if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &size) ||
		    value != NETLINK_NETFILTER)
			continue;
		copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		errnum = errno;
	}
	if (dir)
		closedir(dir);
	if (copy < 0)
		error_set(error, errnum, "cannot keep the rules for address translation");
	return copy;
}

/* The library prints and exits where there is no such socket. */
static int probe(struct error *error)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0) {
		error_set(error, errno, "this kernel has no netfilter");
		return error_advise(error, "run 'modprobe nf_tables', or use --net none or --net host");
	}
	close(fd);
	return 0;
}

static int refused(struct nft_ctx *nft, struct error *error)
{
	const char *text = nft_ctx_get_error_buffer(nft);
	const char *colon = strstr(text, "Error: ");

	if (colon)
		text = colon + strlen("Error: ");
	error_set(error, 0, "cannot make the rules for address translation: %.*s",
		  (int)strcspn(text, "\n"), text);
	if (strstr(text, "not permitted"))
		return error_advise(error, "run lodge as root");
	return error_advise(error, "run 'modprobe -a nf_tables nft_chain_nat nft_masq nft_nat nft_fib_ipv4' (Linux 5.12 or later)");
}

/*
 * The library has read the tables of all guests, and would have them in memory for
 * as long as the guest lives: 100 keepers, 100 tables each.
 */
int nat_rules(struct net *net, const struct net_port *ports, size_t nr_ports,
	      struct error *error)
{
	struct nft_ctx *nft;
	char *text;
	int result = -1;

	if (probe(error))
		return -1;
	text = print_rules(net, ports, nr_ports);
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!text || !nft || nft_ctx_buffer_error(nft) || nft_ctx_buffer_output(nft)) {
		error_set(error, ENOMEM, "no rules for address translation");
	} else if (nft_run_cmd_from_buffer(nft, text)) {
		refused(nft, error);
	} else {
		net->private->rules = keep_socket(error);
		result = net->private->rules < 0 ? -1 : 0;
	}
	if (nft)
		nft_ctx_free(nft);
	free(text);
	malloc_trim(0);
	return result;
}

void nat_remove(struct net *net)
{
	struct net_private *private = net->private;

	if (private->rules >= 0)
		close(private->rules);
	while (private->nr_ports)
		close(private->ports[--private->nr_ports]);
}
