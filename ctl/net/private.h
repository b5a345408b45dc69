/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the network share. */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <stdbool.h>

#include <netlink/netlink.h>

#include "net.h"

struct mnl_socket;

#define NET_BRIDGE	"lodge0"

/**
 * struct net_private - what the keeper holds open for as long as its guest lives
 * @locks: descriptor with the lock on the address, or -1
 * @rules: the netlink socket that owns the table of rules, or NULL
 * @ports: sockets bound to the published ports, so that nobody else is
 * @nr_ports: how many
 * @linked: the veth was made
 */
struct net_private {
	int locks;
	struct mnl_socket *rules;
	int ports[NET_PORTS_MAX];
	size_t nr_ports;
	bool linked;
};

/*
 * pool.c: a byte of one file is an address, and a lock on it (of an open file
 * description, as the kernel drops it with the keeper) says that it is in use.
 */
int pool_open(struct error *error);
/* One keeper at a time looks at lodge0 and takes addresses. Return: 0 or -1 */
int pool_lock(int locks, struct error *error);
void pool_unlock(int locks);
/* A network that no route of the host leads to, as net's gateway and prefix. */
int pool_choose(struct nl_sock *sock, struct net *net, struct error *error);
/* An address of net's network, with the name that goes with it. */
int pool_take(int locks, struct net *net, struct error *error);
/* Gives back the address. */
void pool_release(int locks);
/* Has another keeper an address? */
bool pool_shared(int locks);

/* link.c: interfaces, addresses, routes */

/* A socket in this network namespace, or with @netns >= 0 in that one. */
struct nl_sock *link_socket(int netns, struct error *error);
/* Finds or makes lodge0; sets net's gateway and prefix. Return: its index or -1 */
int link_bridge(struct nl_sock *sock, struct net *net, struct error *error);
void link_bridge_remove(struct nl_sock *sock, const struct net *net);
int link_veth(struct nl_sock *sock, const struct net *net, int bridge, int netns,
	      struct error *error);
void link_veth_remove(struct nl_sock *sock, const struct net *net);
/* Puts the interface of tap_open() on the bridge. */
int link_tap(struct nl_sock *sock, const struct net *net, int bridge,
	     struct error *error);
/* With a socket of the guest's namespace */
int link_loopback(struct nl_sock *sock, struct error *error);
int link_guest(struct nl_sock *sock, const struct net *net, struct error *error);

/* tap.c: Return: a descriptor, with which the interface ends, or -1 */
int tap_open(const char *name, struct error *error);

/* nat.c: rules and published ports */
int nat_forwarding(struct error *error);
int nat_publish(struct net *net, const struct net_port *ports, size_t nr_ports,
		struct error *error);
int nat_rules(struct net *net, const struct net_port *ports, size_t nr_ports,
	      struct error *error);
void nat_unpublish(struct net *net);
void nat_remove(struct net *net);

#endif /* NET_PRIVATE_H */
