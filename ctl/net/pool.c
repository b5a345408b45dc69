// SPDX-License-Identifier: GPL-2.0-only
/* Addresses without a daemon: which network is ours, and who has what of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netlink/route/route.h>

#include "private.h"

#define POOL_FOLDER	"/run/lodge"
#define POOL_FILE	POOL_FOLDER "/addresses"
#define POOL_PREFIX	20

/* Byte N of the file is the address N; one beyond them is for pool_lock(). */
#define POOL_END	(1LL << 32)

static const uint32_t candidates[] = {
	0x0a580000,	/* 10.88.0.0 */
	0x0a590000,
	0x0a7b0000,	/* 10.123.0.0 */
	0x0ad80000,
	0xac1d0000,	/* 172.29.0.0 */
	0xac1e0000,
	0xac13f000,
	0xc0a8f000,	/* 192.168.240.0 */
	0xc0a86000,
};

static int lock(int locks, int command, short type, off_t start)
{
	struct flock byte = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 1,
	};

	return TEMP_FAILURE_RETRY(fcntl(locks, command, &byte));
}

int pool_open(struct error *error)
{
	int fd;

	if (mkdir(POOL_FOLDER, 0755) && errno != EEXIST)
		return error_set(error, errno, "cannot make %s", POOL_FOLDER);
	fd = open(POOL_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(error, errno, "cannot open %s", POOL_FILE);
	return fd;
}

int pool_lock(int locks, struct error *error)
{
	if (lock(locks, F_OFD_SETLKW, F_WRLCK, POOL_END))
		return error_set(error, errno, "cannot lock %s", POOL_FILE);
	return 0;
}

void pool_unlock(int locks)
{
	lock(locks, F_OFD_SETLK, F_UNLCK, POOL_END);
}

bool pool_shared(int locks)
{
	struct flock all = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = POOL_END,
	};

	return fcntl(locks, F_OFD_GETLK, &all) || all.l_type != F_UNLCK;
}

static uint32_t netmask(unsigned int prefix)
{
	return prefix ? ~0U << (32 - prefix) : 0;
}

/* The default route leads everywhere and does not count. */
static bool collides(struct nl_cache *routes, uint32_t network)
{
	unsigned int prefix;
	struct nl_object *object;
	struct nl_addr *dst;
	uint32_t address;

	for (object = nl_cache_get_first(routes); object; object = nl_cache_get_next(object)) {
		dst = rtnl_route_get_dst((struct rtnl_route *)object);
		if (!dst || nl_addr_get_len(dst) != sizeof(address))
			continue;
		prefix = nl_addr_get_prefixlen(dst);
		if (!prefix || prefix > 32)
			continue;
		memcpy(&address, nl_addr_get_binary_addr(dst), sizeof(address));
		if (prefix > POOL_PREFIX)
			prefix = POOL_PREFIX;
		if (!((ntohl(address) ^ network) & netmask(prefix)))
			return true;
	}
	return false;
}

int pool_choose(struct nl_sock *sock, struct net *net, struct error *error)
{
	struct nl_cache *routes;
	int result = -1;
	size_t i;

	result = rtnl_route_alloc_cache(sock, AF_INET, 0, &routes);
	if (result < 0)
		return error_set(error, 0, "cannot read the host's routes: %s",
				 nl_geterror(result));
	for (i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		if (collides(routes, candidates[i]))
			continue;
		net->prefix = POOL_PREFIX;
		net->gateway.s_addr = htonl(candidates[i] + 1);
		nl_cache_free(routes);
		return 0;
	}
	nl_cache_free(routes);
	error_set(error, 0, "the host has routes to all networks that guests could have");
	return error_advise(error, "make a bridge " NET_BRIDGE
			    " with the address and prefix of a network that is free");
}

void pool_release(int locks)
{
	struct flock all = {
		.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_len = POOL_END,
	};

	fcntl(locks, F_OFD_SETLK, &all);
}

/* By its name the kernel would look for a module, too. */
static bool has_interface(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s", name);
	return !access(path, F_OK);
}

/*
 * Return: 1 with an address, 0 if there is none, -1 on errors
 * @old: also one whose last guest's interface has not gone yet: making it again
 *       means to wait for that
 */
static int take(int locks, struct net *net, bool old, struct error *error)
{
	uint32_t gateway = ntohl(net->gateway.s_addr);
	uint32_t network = gateway & netmask(net->prefix);
	uint32_t last = ~netmask(net->prefix);
	uint32_t host;

	for (host = 1; host < last; host++) {
		if (network + host == gateway)
			continue;
		if (!lock(locks, F_OFD_SETLK, F_WRLCK, network + host)) {
			snprintf(net->host_interface, sizeof(net->host_interface),
				 "lodge-%x", host);
			if (old || !has_interface(net->host_interface)) {
				net->address.s_addr = htonl(network + host);
				return 1;
			}
			lock(locks, F_OFD_SETLK, F_UNLCK, network + host);
		} else if (errno != EAGAIN && errno != EACCES) {
			return error_set(error, errno, "cannot lock %s", POOL_FILE);
		}
	}
	return 0;
}

int pool_take(int locks, struct net *net, struct error *error)
{
	int taken = take(locks, net, false, error);

	if (!taken)
		taken = take(locks, net, true, error);
	if (taken)
		return taken < 0 ? -1 : 0;
	error_set(error, 0, "all %u addresses of " NET_BRIDGE " are in use",
		  ~netmask(net->prefix) - 2);
	return error_advise(error, "stop a guest, or use --net none or --net host");
}
