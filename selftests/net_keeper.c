// SPDX-License-Identifier: GPL-2.0-only
/*
 * For net_test.sh: a keeper that has nothing but a network, and its helpers.
 *
 *   net-keeper guest [PORT...]        a guest in the network; leaves on SIGTERM
 *   net-keeper outside ADDRESS/PREFIX another computer, on the interface outside0
 *   net-keeper loopback               a guest without a network
 *   net-keeper resolv                 what a guest's resolv.conf says
 *   net-keeper port TEXT              what -p makes of it
 *   net-keeper udp-answer PORT        answers datagrams with "udp" and their text
 *   net-keeper udp-ask ADDRESS PORT TEXT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/private.h"

static struct error error;

static int fail(void)
{
	error_print(&error);
	return 125;
}

/* A process in a network namespace of its own, which ends with this one. */
static pid_t start_guest(int *netns)
{
	char path[64];
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		exit(1);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		/* As lodge-init does by being executed */
		close_range(3, ~0U, 0);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		exit(1);
	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	*netns = open(path, O_RDONLY | O_CLOEXEC);
	if (*netns < 0)
		exit(1);
	return pid;
}

static void wait_for_term(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &signal);
}

static int same_namespace(void)
{
	char before[64], after[64];
	ssize_t n = readlink("/proc/self/ns/net", before, sizeof(before));

	return n > 0 && readlink("/proc/thread-self/ns/net", after, sizeof(after)) == n &&
	       !memcmp(before, after, (size_t)n);
}

static int guest(int nr, char **texts)
{
	struct net_port ports[NET_PORTS_MAX];
	char address[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	struct timespec start, end;
	struct net net;
	int netns, i;
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 0; i < nr; i++)
		if (net_parse_port(texts[i], &ports[i], &error))
			return fail();
	pid = start_guest(&netns);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (net_attach(&net, netns, ports, (size_t)nr, &error)) {
		kill(pid, SIGKILL);
		return fail();
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (!same_namespace())
		return 1;
	inet_ntop(AF_INET, &net.address, address, sizeof(address));
	inet_ntop(AF_INET, &net.gateway, gateway, sizeof(gateway));
	printf("%d %s %u %s %s %ld\n", pid, address, net.prefix, gateway,
	       net.host_interface, (end.tv_sec - start.tv_sec) * 1000000 +
	       (end.tv_nsec - start.tv_nsec) / 1000);
	fflush(stdout);
	wait_for_term();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(netns);
	net_detach(&net, 0);
	return 0;
}

static int outside(const char *text)
{
	struct net net = { .host_interface = "outside0" };
	struct nl_sock *sock, *inside;
	char address[INET_ADDRSTRLEN];
	int netns;
	pid_t pid;

	if (sscanf(text, "%15[0-9.]/%u", address, &net.prefix) != 2 ||
	    inet_pton(AF_INET, address, &net.address) != 1)
		return 1;
	net.gateway.s_addr = net.address.s_addr ^ htonl(3);
	pid = start_guest(&netns);
	sock = link_socket(-1, &error);
	if (!sock || link_veth(sock, &net, 0, netns, &error))
		return fail();
	inside = link_socket(netns, &error);
	if (!inside || link_loopback(inside, &error) || link_guest(inside, &net, &error))
		return fail();
	printf("%d\n", pid);
	fflush(stdout);
	pause();
	return 0;
}

static int loopback(void)
{
	int netns;
	pid_t pid = start_guest(&netns);

	if (net_loopback(netns, &error))
		return fail();
	printf("%d\n", pid);
	fflush(stdout);
	pause();
	return 0;
}

static int show_port(const char *text)
{
	char address[INET_ADDRSTRLEN];
	struct net_port port;

	if (net_parse_port(text, &port, &error))
		return fail();
	inet_ntop(AF_INET, &port.host_address, address, sizeof(address));
	printf("%s %u %u %d\n", address, port.host, port.guest, port.protocol);
	return 0;
}

static int udp_socket(const char *address, const char *port, struct sockaddr_in *in)
{
	*in = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
	};
	inet_pton(AF_INET, address, &in->sin_addr);
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int udp_answer(const char *port)
{
	struct sockaddr_in in;
	int fd = udp_socket("0.0.0.0", port, &in);
	char text[64] = "udp ";
	socklen_t size;
	ssize_t n;

	if (bind(fd, (struct sockaddr *)&in, sizeof(in)))
		return 1;
	for (;;) {
		size = sizeof(in);
		n = recvfrom(fd, text + 4, sizeof(text) - 4, 0, (struct sockaddr *)&in, &size);
		if (n < 0 || sendto(fd, text, (size_t)n + 4, 0,
				    (struct sockaddr *)&in, size) < 0)
			return 1;
	}
}

static int udp_ask(const char *address, const char *port, const char *question)
{
	struct timeval limit = { .tv_sec = 2 };
	struct sockaddr_in in;
	int fd = udp_socket(address, port, &in);
	char text[64];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) ||
	    send(fd, question, strlen(question), 0) < 0)
		return 1;
	n = recv(fd, text, sizeof(text), 0);
	if (n < 0)
		return 1;
	printf("%.*s\n", (int)n, text);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char text[1024];

	if (!strcmp(what, "guest") && argc - 2 <= NET_PORTS_MAX)
		return guest(argc - 2, argv + 2);
	if (!strcmp(what, "outside") && argc == 3)
		return outside(argv[2]);
	if (!strcmp(what, "loopback"))
		return loopback();
	if (!strcmp(what, "port") && argc == 3)
		return show_port(argv[2]);
	if (!strcmp(what, "udp-answer") && argc == 3)
		return udp_answer(argv[2]);
	if (!strcmp(what, "udp-ask") && argc == 5)
		return udp_ask(argv[2], argv[3], argv[4]);
	if (!strcmp(what, "resolv")) {
		net_resolv_conf(text, sizeof(text));
		fputs(text, stdout);
		return 0;
	}
	return 2;
}
