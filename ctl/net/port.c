// SPDX-License-Identifier: GPL-2.0-only
/* Published ports on the command line. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

static int malformed(const char *text, const char *why, struct error *error)
{
	error_set(error, 0, "-p %s: %s", text, why);
	return error_advise(error, "give [ADDRESS:]HOST:GUEST[/tcp|/udp], as in 8080:80");
}

/* Return: 0 (which is no port) if @text is not one, of @length digits */
static uint16_t parse_number(const char *text, size_t length)
{
	unsigned long value;
	char digits[6];

	if (!length || length >= sizeof(digits) || strspn(text, "0123456789") < length)
		return 0;
	memcpy(digits, text, length);
	digits[length] = '\0';
	value = strtoul(digits, NULL, 10);
	return value > UINT16_MAX ? 0 : (uint16_t)value;
}

int net_parse_port(const char *text, struct net_port *port, struct error *error)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	const char *slash, *end;
	char address[INET_ADDRSTRLEN];
	size_t length;

	*port = (struct net_port){ .protocol = IPPROTO_TCP };
	if (!colon)
		return malformed(text, "no ':' between the host's port and the guest's", error);
	end = memchr(text, ':', (size_t)(colon - text));
	if (end) {
		length = (size_t)(end - text);
		if (length >= sizeof(address))
			return malformed(text, "not an IPv4 address", error);
		memcpy(address, text, length);
		address[length] = '\0';
		if (inet_pton(AF_INET, address, &port->host_address) != 1)
			return malformed(text, "not an IPv4 address", error);
		if (ntohl(port->host_address.s_addr) >> 24 == IN_LOOPBACKNET) {
			error_set(error, 0, "-p %s: the loopback device leads to no guest", text);
			return error_advise(error, "give another address of the host, or none");
		}
		host = end + 1;
	}
	slash = strchr(colon, '/');
	if (slash && !strcmp(slash, "/udp"))
		port->protocol = IPPROTO_UDP;
	else if (slash && strcmp(slash, "/tcp"))
		return malformed(text, "the protocol is neither tcp nor udp", error);
	end = slash ? slash : colon + strlen(colon);
	port->host = parse_number(host, (size_t)(colon - host));
	port->guest = parse_number(colon + 1, (size_t)(end - colon - 1));
	if (!port->host || !port->guest)
		return malformed(text, "a port is a number from 1 to 65535", error);
	return 0;
}
