// SPDX-License-Identifier: GPL-2.0-only
/* Addresses and the route of a VM, as the keeper has them from the pool. */
#include "init/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "init/wire.h"

#define INTERFACE	"eth0"
#define WAIT_STEPS	1000
#define STEP_NS		2000000

static void set_address(struct sockaddr *address, struct in_addr number)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = number };

	memcpy(address, &in, sizeof(in));
}

static int bring_up(int fd, const char *interface)
{
	struct ifreq request = { .ifr_flags = IFF_UP };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(fd, SIOCSIFFLAGS, &request);
}

/* The device comes up by itself, after its module. */
static void wait_for_interface(void)
{
	const struct timespec step = { 0, STEP_NS };
	int i;

	for (i = 0; i < WAIT_STEPS && !if_nametoindex(INTERFACE); i++)
		nanosleep(&step, NULL);
}

static int give_address(int fd, struct in_addr address, unsigned int prefix)
{
	const struct in_addr mask = { prefix ? htonl(~0U << (32 - prefix)) : 0 };
	struct ifreq request = { .ifr_name = INTERFACE };

	set_address(&request.ifr_addr, address);
	if (ioctl(fd, SIOCSIFADDR, &request))
		return -1;
	set_address(&request.ifr_netmask, mask);
	return ioctl(fd, SIOCSIFNETMASK, &request);
}

static int add_default_route(int fd, struct in_addr gateway)
{
	const struct in_addr any = { INADDR_ANY };
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };

	set_address(&route.rt_dst, any);
	set_address(&route.rt_genmask, any);
	set_address(&route.rt_gateway, gateway);
	return ioctl(fd, SIOCADDRT, &route);
}

int network_up(char **strings, struct error *error)
{
	unsigned long prefix = strtoul(strings[WIRE_SETUP_PREFIX], NULL, 10);
	struct in_addr address, gateway;
	int fd, result = 0;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, errno, "cannot make a socket");
	bring_up(fd, "lo");
	if (!strings[WIRE_SETUP_ADDRESS][0])
		goto out;
	wait_for_interface();
	if (!inet_aton(strings[WIRE_SETUP_ADDRESS], &address) || prefix > 32 ||
	    give_address(fd, address, (unsigned int)prefix) || bring_up(fd, INTERFACE))
		result = error_set(error, errno, "cannot give " INTERFACE " its address");
	else if (strings[WIRE_SETUP_GATEWAY][0] &&
		 (!inet_aton(strings[WIRE_SETUP_GATEWAY], &gateway) ||
		  add_default_route(fd, gateway)))
		result = error_set(error, errno, "cannot make the default route");
out:
	close(fd);
	return result;
}
