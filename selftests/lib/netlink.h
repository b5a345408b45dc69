/* SPDX-License-Identifier: GPL-2.0-only */
/* Generic netlink by hand: a test sends what no library would. */
#ifndef LODGE_SELFTEST_NETLINK_H
#define LODGE_SELFTEST_NETLINK_H

#include <linux/genetlink.h>
#include <linux/lodge_netlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include "guest.h"

/* A request being made, and of the last answer, what the kernel said. */
struct nl {
	int fd;
	u16 family;		/* 0: there is no family lodge here */
	u32 group;		/* id of its multicast group */
	u32 seq;
	struct nlmsghdr *msg;	/* the request */
	char error[128];	/* extack: words */
	int bad_attr;		/* extack: type of the attribute at fault, or -1 */
	int missing;		/* extack: type of the one that is missing, or -1 */
	bool interrupted;	/* a dump was not consistent */
};

/* Opens a socket and looks the family up. */
void nl_open(struct nl *nl);
void nl_close(struct nl *nl);

/* Makes a request: header, then attributes. */
void nl_begin(struct nl *nl, u8 cmd, u16 flags);
void nl_attr(struct nl *nl, u16 type, const void *data, size_t len);
void nl_u64(struct nl *nl, u16 type, u64 value);
void nl_u32(struct nl *nl, u16 type, u32 value);
void nl_string(struct nl *nl, u16 type, const char *text);

/*
 * Sends it and takes the answers, each with its attributes by type (up to 31).
 * Return: how many there were, or -errno as the kernel said
 */
typedef void nl_fn(struct nlattr **attrs, void *arg);
int nl_call(struct nl *nl, nl_fn *fn, void *arg);

int nl_join(struct nl *nl);	/* the events: 0 or -errno */

/*
 * One event, if there is one within so many ms; its command, 0 for none, or
 * -ENOBUFS.  @attrs lives until the next call.
 */
int nl_event(struct nl *nl, unsigned int ms, struct nlattr **attrs);

#define NL_MAX_ATTRS	32

u64 nl_get_u64(const struct nlattr *attr);	/* ~0 if it is not there */
u32 nl_get_u32(const struct nlattr *attr);
const char *nl_get_string(const struct nlattr *attr);	/* "" likewise */
void nl_nested(const struct nlattr *nest, struct nlattr **attrs);

/* What the socket itself has lost (/proc/net/netlink), or -1. */
long nl_drops(const struct nl *nl);

#endif
