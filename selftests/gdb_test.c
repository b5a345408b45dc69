// SPDX-License-Identifier: GPL-2.0-only
/* lodge run --gdb, by a client that keeps the protocol, and breaks it. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness.h"

#define KERNEL	"/tmp/gdb-guest"
#define SOCKET	"/tmp/gdb-socket"
#define BASE	0x100000UL
#define WAIT_MS	10000

/* gdb's numbers of registers, as target.xml has them */
enum { RAX, RBX, RCX, RDX, RIP = 16, EFLAGS = 17, CS = 18 };

extern const char gdb_guest[], gdb_guest_loop[], gdb_guest_called[], gdb_guest_ret[],
	gdb_guest_int3[], gdb_guest_data[], gdb_guest_end[];

#define AT(label)	(BASE + (u64)((label) - gdb_guest))

/**
 * struct client - a debugger
 * @pid: the VM's keeper, or 0
 * @fd: the connection
 * @reply: what came last
 */
struct client {
	pid_t pid;
	int fd;
	char reply[8192];
};

FIXTURE(gdb) {
	struct client client;
};

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = CHECK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	strcpy(address.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static void write_kernel(void)
{
	int fd = CHECK(open(KERNEL, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	size_t size = gdb_guest_end - gdb_guest;

	CHECK(write(fd, gdb_guest, size) == (ssize_t)size ? 0 : -1);
	close(fd);
}

static pid_t start(void)
{
	pid_t pid = CHECK(fork());

	if (!pid) {
		dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
		execlp("lodge", "lodge", "run", "--vm", "--kernel", KERNEL, "--boot",
		       "protected", "-m", "16", "-c", "2", "--gdb", "unix:" SOCKET,
		       NULL);
		_exit(127);
	}
	return pid;
}

FIXTURE_SETUP(gdb)
{
	struct client *c = &self->client;

	write_kernel();
	c->pid = start();
	CHECK(WAIT_FOR((c->fd = connect_to(SOCKET)) >= 0, WAIT_MS) ? 0 : -1);
}

FIXTURE_TEARDOWN(gdb)
{
	struct client *c = &self->client;

	close(c->fd);
	if (c->pid) {
		kill(c->pid, SIGTERM);
		waitpid(c->pid, NULL, 0);
	}
}

/* Return: a byte, or -1 if none comes */
static int get_byte(int fd)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };
	u8 byte;

	if (poll(&poll_fd, 1, WAIT_MS * patience()) <= 0 || read(fd, &byte, 1) != 1)
		return -1;
	return byte;
}

static void put(int fd, const void *bytes, size_t count)
{
	CHECK(send(fd, bytes, count, MSG_NOSIGNAL) == (ssize_t)count ? 0 : -1);
}

static void put_packet(int fd, const char *data, size_t length)
{
	char sum[4];
	u8 total = 0;
	size_t i;

	for (i = 0; i < length; i++)
		total += data[i];
	snprintf(sum, sizeof(sum), "#%02x", total);
	put(fd, "$", 1);
	put(fd, data, length);
	put(fd, sum, 3);
}

/* The next packet, confirmed. Return: false if none comes or it is malformed */
static bool get_packet(struct client *c)
{
	size_t length = 0;
	char sum[3] = "";
	u8 total = 0;
	int byte;

	do
		byte = get_byte(c->fd);
	while (byte == '+');
	if (byte != '$')
		return false;
	while ((byte = get_byte(c->fd)) >= 0 && byte != '#') {
		if (length == sizeof(c->reply) - 1)
			return false;
		c->reply[length++] = byte;
		total += byte;
	}
	c->reply[length] = '\0';
	sum[0] = get_byte(c->fd);
	sum[1] = get_byte(c->fd);
	put(c->fd, "+", 1);
	return strtoul(sum, NULL, 16) == total;
}

__attribute__((format(printf, 2, 3)))
static const char *ask(struct client *c, const char *format, ...)
{
	char text[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_packet(c->fd, text, strlen(text));
	return get_packet(c) ? c->reply : "none";
}

static void set_cpu(struct client *c, unsigned int thread)
{
	CHECK(strcmp(ask(c, "Hg%x", thread), "OK") ? -1 : 0);
}

/* Little endian, as the target is */
static u64 get_reg(struct client *c, unsigned int number)
{
	const char *hex = ask(c, "p%x", number);
	u64 value = 0;
	unsigned int byte;
	int i;

	for (i = 0; sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		value |= (u64)byte << 8 * i;
	return value;
}

static const char *set_reg(struct client *c, unsigned int number, u64 value)
{
	return ask(c, "P%x=%016llx", number,
		   (unsigned long long)__builtin_bswap64(value));
}

static const char *cont(struct client *c)
{
	return ask(c, "vCont;c");
}

static const char *interrupt(struct client *c)
{
	put(c->fd, "\003", 1);
	return get_packet(c) ? c->reply : "none";
}

/* Lets the guest run for a while. */
static void let_run(struct client *c)
{
	put_packet(c->fd, "vCont;c", 7);
	sleep_ms(50 * slowness());
	CHECK(strcmp(interrupt(c), "T02thread:1;") &&
	      strcmp(c->reply, "T02thread:2;") ? -1 : 0);
	set_cpu(c, 1);
}

TEST_F(gdb, halts_reads_writes)
{
	struct client *c = &self->client;
	size_t size = gdb_guest_end - gdb_guest, i;
	char text[4096] = "";

	EXPECT_NE(NULL, strstr(ask(c, "qSupported:swbreak+"), "PacketSize=1000"));
	EXPECT_STREQ("T05thread:1;", ask(c, "?"));
	EXPECT_STREQ("m1,2", ask(c, "qfThreadInfo"));
	EXPECT_STREQ("l", ask(c, "qsThreadInfo"));
	EXPECT_STREQ("OK", ask(c, "T2"));
	EXPECT_STREQ("E01", ask(c, "T3"));
	EXPECT_EQ('m', *ask(c, "qXfer:features:read:target.xml:0,7fff"));
	EXPECT_NE(NULL, strstr(c->reply, "<architecture>i386:x86-64"));
	/* No instruction was executed. */
	EXPECT_EQ(BASE, get_reg(c, RIP));

	for (i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", (u8)gdb_guest[i]);
	EXPECT_STREQ(text, ask(c, "m%lx,%zx", BASE, size));
	EXPECT_STREQ("OK", ask(c, "M%llx,2:6f6b", (unsigned long long)AT(gdb_guest_data)));
	EXPECT_STREQ("6f6b7461", ask(c, "m%llx,4",
				     (unsigned long long)AT(gdb_guest_data)));
	/* '#' in binary is escaped. */
	i = sprintf(text, "X%llx,2:x}", (unsigned long long)AT(gdb_guest_data));
	text[i++] = '#' ^ 0x20;
	put_packet(c->fd, text, i);
	ASSERT_TRUE(get_packet(c));
	EXPECT_STREQ("OK", c->reply);
	EXPECT_STREQ("78237461", ask(c, "m%llx,4",
				     (unsigned long long)AT(gdb_guest_data)));
	/* The end of memory, and what is beyond */
	EXPECT_EQ(4, strlen(ask(c, "m%x,10", (16 << 20) - 2)));
	EXPECT_STREQ("E01", ask(c, "m%x,10", 16 << 20));
	EXPECT_STREQ("E01", ask(c, "mfffffffffffffff0,20"));
	EXPECT_STREQ("E01", ask(c, "M%x,1:00", 16 << 20));

	EXPECT_STREQ("OK", set_reg(c, RDX, 0x123456789abcdef0));
	EXPECT_EQ(0x123456789abcdef0, get_reg(c, RDX));
	/* Nothing that a processor could not have, and no half of a segment */
	EXPECT_STREQ("E01", ask(c, "P%x=ffffffff", EFLAGS));
	EXPECT_STREQ("E01", ask(c, "P%x=23000000", CS));
	EXPECT_STREQ("E01", ask(c, "P%x=10000000000000", CS));
	strcpy(text, ask(c, "g"));
	EXPECT_EQ(0, strncmp(text + 16 * RDX, "f0debc9a78563412", 16));
	EXPECT_STREQ("OK", ask(c, "G%s", text));
	EXPECT_STREQ("E01", ask(c, "G%s00", text));
	EXPECT_STREQ("E01", ask(c, "G%.200s", text));
}

TEST_F(gdb, breaks_and_steps)
{
	struct client *c = &self->client;
	unsigned long long called = AT(gdb_guest_called);
	u64 rbx;

	ask(c, "qSupported:swbreak+");
	EXPECT_STREQ("OK", ask(c, "Z0,%llx,1", called));
	EXPECT_STREQ("OK", ask(c, "Z0,%llx,1", called));
	/* It is hidden. */
	EXPECT_STREQ("b8", ask(c, "m%llx,1", called));
	EXPECT_STREQ("T05thread:1;swbreak:;", cont(c));
	EXPECT_EQ(called, get_reg(c, RIP));
	rbx = get_reg(c, RBX);
	EXPECT_EQ(1, rbx);

	/* Over it, as gdb does: without it */
	EXPECT_STREQ("OK", ask(c, "z0,%llx,1", called));
	EXPECT_STREQ("E01", ask(c, "z0,%llx,1", called));
	EXPECT_STREQ("T05thread:1;", ask(c, "vCont;s:1"));
	EXPECT_EQ(AT(gdb_guest_ret), get_reg(c, RIP));
	EXPECT_EQ(0x1234, get_reg(c, RAX));
	EXPECT_STREQ("T05thread:1;", ask(c, "s"));
	EXPECT_EQ(AT(gdb_guest_called) - 2, get_reg(c, RIP));
	EXPECT_STREQ("OK", ask(c, "Z0,%llx,1", called));
	EXPECT_STREQ("T05thread:1;swbreak:;", ask(c, "c"));
	EXPECT_EQ(rbx + 1, get_reg(c, RBX));
	/* What is written under it is what is there afterwards. */
	EXPECT_STREQ("OK", ask(c, "M%llx,1:90", called));
	EXPECT_STREQ("90", ask(c, "m%llx,1", called));
	EXPECT_STREQ("T05thread:1;swbreak:;", ask(c, "c"));
	EXPECT_STREQ("OK", ask(c, "M%llx,1:b8", called));
	EXPECT_STREQ("", ask(c, "Z1,%llx,1", called));
	EXPECT_STREQ("E01", ask(c, "Z0,ffffffff,1"));

	/* The guest's own INT3 is the guest's: without an IDT, its end */
	EXPECT_STREQ("OK", set_reg(c, RIP, AT(gdb_guest_int3)));
	EXPECT_STREQ("W00", cont(c));
	waitpid(c->pid, NULL, 0);
	c->pid = 0;
}

TEST_F(gdb, two_cpus)
{
	struct client *c = &self->client;
	u64 rbx, rcx;

	/* "CPU 1, waits for INIT" */
	EXPECT_STREQ("43505520312c20776169747320666f7220494e4954",
		     ask(c, "qThreadExtraInfo,2"));
	let_run(c);
	ASSERT_TRUE(get_reg(c, RIP) >= AT(gdb_guest_loop));
	rbx = get_reg(c, RBX);
	set_cpu(c, 2);
	EXPECT_EQ(0x800, get_reg(c, CS));
	rcx = get_reg(c, RCX);
	EXPECT_NE(0, rcx);

	/* One steps, the other stands still. */
	EXPECT_STREQ("T05thread:2;", ask(c, "vCont;s:2"));
	EXPECT_STREQ("T05thread:2;", ask(c, "vCont;s:2"));
	EXPECT_EQ((rcx + 1) & 0xffff, get_reg(c, RCX));
	set_cpu(c, 1);
	EXPECT_EQ(rbx, get_reg(c, RBX));

	/* One runs, the other stands still. */
	set_cpu(c, 2);
	rcx = get_reg(c, RCX);
	put_packet(c->fd, "vCont;c:1", 9);
	sleep_ms(50 * slowness());
	EXPECT_EQ(0, strncmp("T02", interrupt(c), 3));
	set_cpu(c, 2);
	EXPECT_EQ(rcx, get_reg(c, RCX));
	set_cpu(c, 1);
	EXPECT_NE(rbx, get_reg(c, RBX));

	EXPECT_STREQ("E01", ask(c, "vCont;c:3"));
	EXPECT_STREQ("E01", ask(c, "vCont;x"));
	EXPECT_STREQ("E01", ask(c, "vCont"));
}

TEST_F(gdb, goes_and_comes_again)
{
	struct client *c = &self->client;
	unsigned long long called = AT(gdb_guest_called);
	u64 rbx;

	let_run(c);
	rbx = get_reg(c, RBX);
	EXPECT_STREQ("OK", ask(c, "D"));
	close(c->fd);
	sleep_ms(50 * slowness());
	CHECK(c->fd = connect_to(SOCKET));
	EXPECT_STREQ("T05thread:1;", ask(c, "?"));
	EXPECT_TRUE(get_reg(c, RBX) != rbx);

	/* Who vanishes leaves no breakpoint, and a VM that runs. */
	EXPECT_STREQ("OK", ask(c, "Z0,%llx,1", called));
	close(c->fd);
	CHECK(c->fd = connect_to(SOCKET));
	EXPECT_STREQ("b8", ask(c, "m%llx,1", called));
	rbx = get_reg(c, RBX);
	let_run(c);
	EXPECT_TRUE(get_reg(c, RBX) != rbx);

	/* While the guest runs, too */
	put_packet(c->fd, "c", 1);
	close(c->fd);
	CHECK(c->fd = connect_to(SOCKET));
	EXPECT_STREQ("T05thread:1;", ask(c, "?"));
	put_packet(c->fd, "k", 1);
	EXPECT_TRUE(get_packet(c) && !strcmp("W00", c->reply));
}

/* Its answer has to be what it would be to a client that knows better. */
TEST_F(gdb, breaks_the_protocol)
{
	struct client *c = &self->client;
	static const char *const nothing[] = {
		"", "Y", "vMustReplyEmpty", "vRun;x", "qXfer:memory-map:read::0,10", "!",
		"QNonStop:1", "R00", "Z0", "z5,0,1",
	};
	static const char *const errors[] = {
		"m", "m0", "m0,", "m,", "mg,1", "m0,1x", "m11111111111111111,1", "M0,2:00",
		"M0,1:0g", "M0,1", "X0,5:abc", "p", "pffffffff", "p10x", "P", "P0", "P0=",
		"P0=00", "P99=00", "G", "G00", "Z0,", "Z0,0", "z0,0,1", "Hz1", "Hg",
		"Hg9", "Hg-2", "T", "vCont;", "vCont;c:", "vCont;c:1x", "vCont;C;", "C",
		"cx", "sx", "qThreadExtraInfo,", "qThreadExtraInfo,9",
		"qXfer:features:read:target.xml:ffffff,10",
		"qXfer:features:read:target.xml:0",
	};
	static char noise[65536];
	unsigned int i;

	for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		EXPECT_STREQ("", ask(c, "%s", nothing[i]));
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		EXPECT_STREQ("E01", ask(c, "%s", errors[i]))
			TH_LOG("%s", errors[i]);
	}
	/* A wrong checksum, a malformed one, too much; then the reply once more */
	put(c->fd, "$?#00", 5);
	EXPECT_EQ('-', get_byte(c->fd));
	put(c->fd, "$?#z", 4);
	EXPECT_EQ('-', get_byte(c->fd));
	memset(noise, 'm', sizeof(noise));
	put(c->fd, "$", 1);
	put(c->fd, noise, sizeof(noise));
	put(c->fd, "#00", 3);
	EXPECT_EQ('-', get_byte(c->fd));
	EXPECT_STREQ("T05thread:1;", ask(c, "?"));
	put(c->fd, "-", 1);
	ASSERT_TRUE(get_packet(c));
	EXPECT_STREQ("T05thread:1;", c->reply);
	/* A packet within a packet: the second counts. */
	put(c->fd, "$m0,", 4);
	EXPECT_STREQ("T05thread:1;", ask(c, "?"));

	/* Noise: whatever it answers, it is there afterwards. */
	for (i = 0; i < sizeof(noise); i++)
		noise[i] = random64();
	put(c->fd, noise, 4096);
	close(c->fd);
	CHECK(c->fd = connect_to(SOCKET));
	EXPECT_STREQ("T05thread:1;", ask(c, "?"));

	/*
	 * Who asks and does not read, and then vanishes: more than all that may be on
	 * its way, in sockets and in pipes, whose packets may have many of these.
	 */
	for (i = 0; i < 100000; i++) {
		static const char packet[] = "$m100000,800#b0";

		if (send(c->fd, packet, sizeof(packet) - 1,
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	}
	EXPECT_NE(100000, i);
	close(c->fd);
	CHECK(c->fd = connect_to(SOCKET));
	EXPECT_STREQ("OK", ask(c, "QStartNoAckMode"));
	put_packet(c->fd, "?", 1);
	EXPECT_EQ('$', get_byte(c->fd));
}

LODGE_TEST_MAIN
