/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family, for those who make messages of it. */
#ifndef LODGE_NETLINK_H
#define LODGE_NETLINK_H

struct genl_family;
struct lodge_guest;
struct sk_buff;

extern struct genl_family lodge_genl_family;

int lodge_netlink_init(void);
void lodge_netlink_exit(void);

#endif /* LODGE_NETLINK_H */
