// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: of families on the list, and only those made in the cell or given to it
 * one by one; a Unix socket of somebody else is reached only if it was given as a
 * file.
 *
 * A socket remembers the cgroup that it was made in, which is how one is known
 * that came in through a descriptor, from another network namespace, say.
 */
#include <linux/cgroup.h>
#include <linux/dcache.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <net/af_unix.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include "hook.h"

static bool is_own(const struct lodge_call *call, struct sock *sk)
{
	struct cgroup *cgroup = sock_cgroup_ptr(&sk->sk_cgrp_data);

	return cgroup && call->cell->cgroup &&
	       cgroup_is_descendant(cgroup, call->cell->cgroup);
}

/* A tree that is this very socket */
static bool is_given(const struct lodge_call *call, struct socket *socket)
{
	u32 i;

	for (i = 0; i < call->rules->nr_trees; i++) {
		if (d_inode(call->rules->trees[i].path.dentry) ==
		    SOCK_INODE(socket))
			return true;
	}
	return false;
}

/* (family, type, protocol, kern) */
int lodge_check_socket_create(const struct lodge_call *call,
			      const unsigned long *args)
{
	int family = args[0];

	/* The kernel's own, or a number that no family has */
	if ((int)args[3] || family < 0 || family >= 64 ||
	    call->rules->families & (1ULL << family))
		return 0;
	return lodge_deny(call, LODGE_RIGHT_SOCKETS, -EACCES,
			  "socket of family %d", family);
}

/* (socket, ...) */
int lodge_check_socket_use(const struct lodge_call *call, const unsigned long *args)
{
	struct socket *socket = (struct socket *)args[0];
	struct sock *sk = socket->sk;

	if (!sk || is_own(call, sk) || is_given(call, socket))
		return 0;
	return lodge_deny(call, LODGE_RIGHT_SOCKETS, -EACCES,
			  "socket of family %d made outside", sk->sk_family);
}

/*
 * What is told to everybody on the host's generic netlink is of no guest's
 * business, our own events least of all, and capabilities are no obstacle for a
 * container that has the host's network.
 */
static int check_groups(const struct lodge_call *call, struct sock *sk)
{
	if (sk->sk_family != AF_NETLINK || sk->sk_protocol != NETLINK_GENERIC ||
	    !net_eq(sock_net(sk), &init_net))
		return 0;
	return lodge_deny(call, LODGE_RIGHT_SOCKETS, -EACCES,
			  "multicast groups of the host's generic netlink");
}

/* (socket, address, length) */
int lodge_check_socket_bind(const struct lodge_call *call, const unsigned long *args)
{
	const struct sockaddr_nl *address = (struct sockaddr_nl *)args[1];
	struct sock *sk = ((struct socket *)args[0])->sk;
	int ret = lodge_check_socket_use(call, args);

	if (ret || !sk || (int)args[2] < (int)sizeof(*address) ||
	    address->nl_family != AF_NETLINK || !address->nl_groups)
		return ret;
	return check_groups(call, sk);
}

/* (socket, level, option) */
int lodge_check_socket_setsockopt(const struct lodge_call *call,
				  const unsigned long *args)
{
	struct sock *sk = ((struct socket *)args[0])->sk;
	int ret = lodge_check_socket_use(call, args);

	if (ret || !sk || (int)args[1] != SOL_NETLINK ||
	    (int)args[2] != NETLINK_ADD_MEMBERSHIP)
		return ret;
	return check_groups(call, sk);
}

/* The path is the other's as long as it is locked, which it is in these calls. */
static int check_peer(const struct lodge_call *call, struct sock *other)
{
	struct dentry *dentry = unix_sk(other)->path.dentry;
	unsigned long path = (unsigned long)&unix_sk(other)->path;

	if (is_own(call, other))
		return 0;
	if (dentry)
		return lodge_check_path_write(call, &path);
	return lodge_deny(call, LODGE_RIGHT_SOCKETS, -EACCES,
			  "Unix socket of somebody outside");
}

/* (sock, other, new) */
int lodge_check_unix_connect(const struct lodge_call *call,
			     const unsigned long *args)
{
	return check_peer(call, (struct sock *)args[1]);
}

/* (socket, other) */
int lodge_check_unix_send(const struct lodge_call *call, const unsigned long *args)
{
	struct sock *other = ((struct socket *)args[1])->sk;

	return other ? check_peer(call, other) : 0;
}
