// SPDX-License-Identifier: GPL-2.0-only
/* Name servers of the host, as far as guests can reach them. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

/* The second is what is behind a server on the host's loopback device. */
static const char *const files[] = {
	"/etc/resolv.conf",
	"/run/systemd/resolve/resolv.conf",
};

/* The guests' network is IPv4. */
static bool reachable(const char *name)
{
	char server[INET_ADDRSTRLEN];
	struct in_addr address;

	return sscanf(name, " %15[0-9.]", server) == 1 &&
	       inet_pton(AF_INET, server, &address) == 1 &&
	       address.s_addr && ntohl(address.s_addr) >> 24 != 127;
}

static bool copy(FILE *file, char *text, size_t size)
{
	bool server, found = false;
	size_t used = 0, length;
	char line[512];

	while (fgets(line, sizeof(line), file)) {
		server = !strncmp(line, "nameserver", 10);
		if (server ? !reachable(line + 10) :
		    strncmp(line, "search", 6) && strncmp(line, "domain", 6) &&
		    strncmp(line, "options", 7))
			continue;
		length = strlen(line);
		if (line[length - 1] != '\n' && length + 1 < sizeof(line)) {
			line[length++] = '\n';
			line[length] = '\0';
		}
		if (line[length - 1] != '\n' || used + length >= size)
			continue;
		memcpy(text + used, line, length + 1);
		used += length;
		found |= server;
	}
	return found;
}

void net_resolv_conf(char *text, size_t size)
{
	bool found = false;
	FILE *file;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]) && !found; i++) {
		file = fopen(files[i], "re");
		if (file) {
			found = copy(file, text, size);
			fclose(file);
		}
	}
	if (!found)
		snprintf(text, size, "# The host has no name server that a guest can reach.\n");
}
