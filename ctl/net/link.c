// SPDX-License-Identifier: GPL-2.0-only
/* Interfaces, addresses and routes, by rtnetlink. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>

#include "private.h"

#define LOOPBACK_INDEX	1
#define GUEST_INTERFACE	"eth0"

static int failed(struct error *error, int code, const char *what)
{
	error_set(error, 0, "cannot %s: %s", what, nl_geterror(code));
	if (code == -NLE_PERM || code == -NLE_NOACCESS)
		error_advise(error, "run lodge as root");
	return -1;
}

struct opening {
	struct nl_sock *sock;
	int netns;
	int errnum;
	int code;
};

/* A socket stays in the network namespace in which it was made. */
static void *open_inside(void *arg)
{
	struct opening *opening = arg;

	if (setns(opening->netns, CLONE_NEWNET))
		opening->errnum = errno;
	else
		opening->code = nl_connect(opening->sock, NETLINK_ROUTE);
	return NULL;
}

struct nl_sock *link_socket(int netns, struct error *error)
{
	struct opening opening = { .sock = nl_socket_alloc(), .netns = netns };
	pthread_t thread;

	if (!opening.sock) {
		error_set(error, ENOMEM, "no netlink socket");
		return NULL;
	}
	/* Only the thread goes there: whatever fails, the caller stays here. */
	if (netns < 0) {
		opening.code = nl_connect(opening.sock, NETLINK_ROUTE);
	} else {
		opening.errnum = pthread_create(&thread, NULL, open_inside, &opening);
		if (!opening.errnum)
			pthread_join(thread, NULL);
	}
	if (opening.errnum)
		error_set(error, opening.errnum, "cannot enter the guest's network namespace");
	else if (opening.code < 0)
		failed(error, opening.code, "open a netlink socket");
	else
		return opening.sock;
	nl_socket_free(opening.sock);
	return NULL;
}

static struct nl_addr *ip_address(struct in_addr address, unsigned int prefix)
{
	struct nl_addr *addr = nl_addr_build(AF_INET, &address, sizeof(address));

	if (addr)
		nl_addr_set_prefixlen(addr, (int)prefix);
	return addr;
}

/* Who gets an address again has its old neighbours' ARP entries right. */
void net_mac(struct in_addr address, uint8_t mac[NET_MAC_SIZE])
{
	mac[0] = 0x02;	/* locally administered */
	mac[1] = 'L';
	memcpy(mac + 2, &address, sizeof(address));
}

static int set_mac(struct rtnl_link *link, struct in_addr address)
{
	struct nl_addr *addr;
	uint8_t mac[NET_MAC_SIZE];

	net_mac(address, mac);
	addr = nl_addr_build(AF_LLC, mac, sizeof(mac));
	if (!addr)
		return -NLE_NOMEM;
	rtnl_link_set_addr(link, addr);
	nl_addr_put(addr);
	return 0;
}

static bool has_mac(struct rtnl_link *link, struct in_addr address)
{
	struct nl_addr *addr = rtnl_link_get_addr(link);
	uint8_t mac[NET_MAC_SIZE];

	net_mac(address, mac);
	return addr && nl_addr_get_len(addr) == sizeof(mac) &&
	       !memcmp(nl_addr_get_binary_addr(addr), mac, sizeof(mac));
}

static bool has_type(struct rtnl_link *link, const char *type)
{
	const char *its = rtnl_link_get_type(link);

	return its && !strcmp(its, type);
}

static int set_up(struct nl_sock *sock, int index)
{
	struct rtnl_link *link = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int code = -NLE_NOMEM;

	if (link && change) {
		rtnl_link_set_ifindex(link, index);
		rtnl_link_set_flags(change, IFF_UP);
		code = rtnl_link_change(sock, link, change, 0);
	}
	rtnl_link_put(link);
	rtnl_link_put(change);
	return code;
}

static int add_address(struct nl_sock *sock, int index, struct in_addr address,
		       unsigned int prefix)
{
	struct in_addr last = { .s_addr = address.s_addr | htonl(~0U >> prefix) };
	struct nl_addr *local = ip_address(address, prefix);
	struct nl_addr *broadcast = ip_address(last, 32);
	struct rtnl_addr *addr = rtnl_addr_alloc();
	int code = -NLE_NOMEM;

	if (local && broadcast && addr) {
		rtnl_addr_set_ifindex(addr, index);
		code = rtnl_addr_set_local(addr, local);
		if (!code)
			code = rtnl_addr_set_broadcast(addr, broadcast);
		if (!code)
			code = rtnl_addr_add(sock, addr, 0);
	}
	rtnl_addr_put(addr);
	nl_addr_put(local);
	nl_addr_put(broadcast);
	return code;
}

static int add_default_route(struct nl_sock *sock, int index, struct in_addr gateway)
{
	struct nl_addr *via = ip_address(gateway, 32);
	struct nl_addr *dst = ip_address((struct in_addr){ 0 }, 0);
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct rtnl_route *route = rtnl_route_alloc();
	int code = -NLE_NOMEM;

	if (via && dst && hop && route) {
		rtnl_route_nh_set_ifindex(hop, index);
		rtnl_route_nh_set_gateway(hop, via);
		code = rtnl_route_set_dst(route, dst);
		if (!code) {
			rtnl_route_add_nexthop(route, hop);
			hop = NULL;
			code = rtnl_route_add(sock, route, 0);
		}
	}
	if (hop)
		rtnl_route_nh_free(hop);
	rtnl_route_put(route);
	nl_addr_put(via);
	nl_addr_put(dst);
	return code;
}

/*
 * lodge0's own address tells which network the guests have.
 * Return: 1, 0 if it has none, or -1
 */
static int bridge_address(struct net *net, struct error *error)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = NET_BRIDGE };
	struct sockaddr_in in;
	uint32_t mask;

	if (sock < 0)
		return error_set(error, errno, "no socket");
	if (ioctl(sock, SIOCGIFADDR, &request)) {
		close(sock);
		return 0;
	}
	memcpy(&in, &request.ifr_addr, sizeof(in));
	net->gateway = in.sin_addr;
	if (ioctl(sock, SIOCGIFNETMASK, &request)) {
		close(sock);
		return error_set(error, errno, "cannot read the netmask of " NET_BRIDGE);
	}
	close(sock);
	memcpy(&in, &request.ifr_netmask, sizeof(in));
	mask = ntohl(in.sin_addr.s_addr);
	net->prefix = mask ? 32 - (unsigned int)__builtin_ctz(mask) : 0;
	if (net->prefix < 8 || net->prefix > 30) {
		error_set(error, 0, "the address of " NET_BRIDGE " has the prefix /%u",
			  net->prefix);
		return error_advise(error, "give it one from /8 to /30");
	}
	return 1;
}

static int make_bridge(struct nl_sock *sock, const struct net *net)
{
	struct rtnl_link *link = rtnl_link_bridge_alloc();
	int code;

	if (!link)
		return -NLE_NOMEM;
	rtnl_link_set_name(link, NET_BRIDGE);
	code = set_mac(link, net->gateway);
	if (!code)
		code = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(link);
	return code;
}

static int find_bridge(struct nl_sock *sock, struct net *net, struct rtnl_link **link,
		       struct error *error)
{
	int code = rtnl_link_get_kernel(sock, 0, NET_BRIDGE, link);

	if (code != -NLE_OBJ_NOTFOUND && code != -NLE_NODEV)
		return code < 0 ? failed(error, code, "look for " NET_BRIDGE) : 0;
	if (pool_choose(sock, net, error))
		return -1;
	code = make_bridge(sock, net);
	if (code == -NLE_OPNOTSUPP) {
		error_set(error, 0, "this kernel has no bridges");
		return error_advise(error, "run 'modprobe bridge'");
	}
	if (code >= 0)
		code = rtnl_link_get_kernel(sock, 0, NET_BRIDGE, link);
	return code < 0 ? failed(error, code, "make the bridge " NET_BRIDGE) : 0;
}

int link_bridge(struct nl_sock *sock, struct net *net, struct error *error)
{
	struct rtnl_link *link;
	int index, has_address, code = 0;
	bool bridge, up;

	if (find_bridge(sock, net, &link, error))
		return -1;
	index = rtnl_link_get_ifindex(link);
	bridge = has_type(link, "bridge");
	up = rtnl_link_get_flags(link) & IFF_UP;
	rtnl_link_put(link);
	if (!bridge) {
		error_set(error, 0, "the interface " NET_BRIDGE " is no bridge");
		return error_advise(error, "rename it, or use --net none or --net host");
	}

	/* Also half made, by a keeper that was killed, it becomes whole. */
	has_address = bridge_address(net, error);
	if (has_address < 0)
		return -1;
	if (!has_address) {
		if (!net->prefix && pool_choose(sock, net, error))
			return -1;
		code = add_address(sock, index, net->gateway, net->prefix);
	}
	if (code >= 0 && !up)
		code = set_up(sock, index);
	return code < 0 ? failed(error, code, "set up " NET_BRIDGE) : index;
}

static bool has_ports(struct nl_sock *sock, int bridge)
{
	struct nl_object *object;
	struct nl_cache *links;
	bool found = false;

	if (rtnl_link_alloc_cache(sock, AF_UNSPEC, &links) < 0)
		return true;
	for (object = nl_cache_get_first(links); object && !found;
	     object = nl_cache_get_next(object))
		found = rtnl_link_get_master((struct rtnl_link *)object) == bridge;
	nl_cache_free(links);
	return found;
}

/* One that somebody else has made, or uses, stays: its MAC is another. */
void link_bridge_remove(struct nl_sock *sock, const struct net *net)
{
	struct rtnl_link *link;

	if (rtnl_link_get_kernel(sock, 0, NET_BRIDGE, &link) < 0)
		return;
	if (has_type(link, "bridge") && has_mac(link, net->gateway) &&
	    !has_ports(sock, rtnl_link_get_ifindex(link)))
		rtnl_link_delete(sock, link);
	rtnl_link_put(link);
}

/* Both ends at once, the guest's where it belongs. */
static int make_veth(struct nl_sock *sock, const struct net *net, int bridge, int netns)
{
	struct rtnl_link *link = rtnl_link_veth_alloc();
	struct rtnl_link *peer;
	int code;

	if (!link)
		return -NLE_NOMEM;
	rtnl_link_set_name(link, net->host_interface);
	rtnl_link_set_master(link, bridge);
	rtnl_link_set_flags(link, IFF_UP);
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(peer, GUEST_INTERFACE);
	rtnl_link_set_ns_fd(peer, netns);
	code = set_mac(peer, net->address);
	if (!code)
		code = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_put(link);
	return code;
}

void link_veth_remove(struct nl_sock *sock, const struct net *net)
{
	struct rtnl_link *link;

	if (rtnl_link_get_kernel(sock, 0, net->host_interface, &link) < 0)
		return;
	if (has_type(link, "veth"))
		rtnl_link_delete(sock, link);
	rtnl_link_put(link);
}

int link_veth(struct nl_sock *sock, const struct net *net, int bridge, int netns,
	      struct error *error)
{
	int code = make_veth(sock, net, bridge, netns);

	/*
	 * Its namesake's keeper has ended, or the address would not be free: it
	 * goes as soon as the kernel gets round to that network namespace.
	 */
	if (code == -NLE_EXIST) {
		link_veth_remove(sock, net);
		code = make_veth(sock, net, bridge, netns);
	}
	if (code == -NLE_OPNOTSUPP) {
		error_set(error, 0, "this kernel has no veth devices");
		return error_advise(error, "run 'modprobe veth'");
	}
	return code < 0 ? failed(error, code, "make the guest's interface") : 0;
}

int link_tap(struct nl_sock *sock, const struct net *net, int bridge,
	     struct error *error)
{
	struct rtnl_link *change = rtnl_link_alloc(), *link = NULL;
	int code = -NLE_NOMEM;

	if (change) {
		rtnl_link_set_master(change, bridge);
		rtnl_link_set_flags(change, IFF_UP);
		code = rtnl_link_get_kernel(sock, 0, net->host_interface, &link);
	}
	if (code >= 0)
		code = rtnl_link_change(sock, link, change, 0);
	rtnl_link_put(link);
	rtnl_link_put(change);
	return code < 0 ? failed(error, code, "connect the guest's interface") : 0;
}

int link_loopback(struct nl_sock *sock, struct error *error)
{
	int code = set_up(sock, LOOPBACK_INDEX);

	return code < 0 ? failed(error, code, "set up the guest's loopback interface") : 0;
}

int link_guest(struct nl_sock *sock, const struct net *net, struct error *error)
{
	struct rtnl_link *link;
	int index, code;

	code = rtnl_link_get_kernel(sock, 0, GUEST_INTERFACE, &link);
	if (code < 0)
		return failed(error, code, "find the guest's interface");
	index = rtnl_link_get_ifindex(link);
	rtnl_link_put(link);
	code = set_up(sock, index);
	if (code >= 0)
		code = add_address(sock, index, net->address, net->prefix);
	if (code >= 0)
		code = add_default_route(sock, index, net->gateway);
	return code < 0 ? failed(error, code, "set up the guest's interface") : 0;
}
