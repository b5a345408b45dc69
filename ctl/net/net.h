/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network of guests: the bridge lodge0, for each guest an interface on it
 * and an address, translation of addresses (NAT) on the way out, published ports.
 * All of a guest's is gone when its keeper has gone, however that ended.
 */
#ifndef NET_H
#define NET_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define NET_PORTS_MAX	64
#define NET_MAC_SIZE	6
#define NET_MTU		1500

/* A published port: -p HOST:GUEST[/tcp|/udp]; @host_address is 0 for all. */
struct net_port {
	struct in_addr host_address;
	uint16_t host;
	uint16_t guest;
	int protocol;		/* IPPROTO_TCP or IPPROTO_UDP */
};

/**
 * struct net - a guest's place in the network
 * @address: its address on lodge0
 * @prefix: the length of the network's prefix
 * @gateway: the bridge's own address
 * @host_interface: the host's end of its veth
 * @private: what the implementation keeps
 */
struct net {
	struct in_addr address;
	unsigned int prefix;
	struct in_addr gateway;
	char host_interface[16];
	struct net_private *private;
};

/**
 * struct net_guest - what a guest that is a machine of its own is told
 * @address: its address
 * @prefix: the length of its network's prefix
 * @gateway: where its default route leads to
 * @mtu: of its interface
 * @mac: of its interface
 * @resolv_conf: its /etc/resolv.conf
 */
struct net_guest {
	struct in_addr address;
	unsigned int prefix;
	struct in_addr gateway;
	uint16_t mtu;
	uint8_t mac[NET_MAC_SIZE];
	char resolv_conf[1024];
};

/* "[ADDRESS:]HOST:GUEST[/tcp|/udp]". Return: 0 or -1 */
int net_parse_port(const char *text, struct net_port *port, struct error *error);

/**
 * net_attach() - give a container its interface, address, routes and ports
 * @net: out; to be given to net_detach()
 * @netns: descriptor of its network namespace
 * @ports: what to publish
 * @nr_ports: how many
 * @error: filled on failure; then nothing is left behind
 *
 * Makes lodge0 if it is not there. Inside, the interface is eth0, and lo is up.
 * The calling process (the keeper) holds the address and the rules: when it ends,
 * the kernel removes the rules and the address is free again; the veth goes with
 * the container's network namespace. All of that hangs on descriptors, which are
 * close-on-exec: a child that executes nothing would hold it, too.
 *
 * Return: 0 or -1: no address is left, a port is taken, no nf_tables...
 */
int net_attach(struct net *net, int netns, const struct net_port *ports,
	       size_t nr_ports, struct error *error);

/**
 * net_attach_vm() - give a VM its address and ports, and its interface on the host
 * @net: out; to be given to net_detach()
 * @ports: what to publish
 * @nr_ports: how many
 * @tap: out: a descriptor of the interface, non-blocking: frames, each with a
 *       struct virtio_net_hdr_v1 before it; the interface goes when it is closed
 * @error: filled on failure; then nothing is left behind
 *
 * As net_attach(), but that the guest sets up its own end, see net_describe().
 *
 * Return: 0 or -1
 */
int net_attach_vm(struct net *net, const struct net_port *ports, size_t nr_ports,
		  int *tap, struct error *error);

/* What the guest is to know. */
void net_describe(const struct net *net, struct net_guest *guest);

/* The MAC that goes with an address, locally administered */
void net_mac(struct in_addr address, uint8_t mac[NET_MAC_SIZE]);

/* In a child that is not the keeper: it does not hold the network, either. */
void net_forget(struct net *net);

/**
 * net_detach() - take it back
 * @net: of net_attach()
 * @linger_ms: for how long to wait for another guest before lodge0 goes, too
 */
void net_detach(struct net *net, unsigned int linger_ms);

/**
 * net_hand_over() - have another process call net_detach()
 * @net: of net_attach(); empty afterwards
 * @socket: of AF_UNIX with borders between messages, to that process
 *
 * Return: 0, or -1: @net is as before
 */
int net_hand_over(struct net *net, int socket);

/**
 * net_take_over() - the other end of net_hand_over()
 * @net: out; its private part is NULL if the message was another
 * @socket: the other end
 *
 * Return: the size of the message, 0 if nobody has the other end any more, or -1
 */
ssize_t net_take_over(struct net *net, int socket);

/* In a new network namespace without a network: lo is up. Return: 0 or -1 */
int net_loopback(int netns, struct error *error);

/**
 * net_resolv_conf() - what /etc/resolv.conf of a guest should say
 * @text: out
 * @size: of @text
 *
 * The host's name servers, but for those that a guest cannot reach: on the host's
 * loopback device, or IPv6.
 */
void net_resolv_conf(char *text, size_t size);

#endif /* NET_H */
