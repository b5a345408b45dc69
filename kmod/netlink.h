/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family, for those who make messages of it. */
#ifndef LODGE_NETLINK_H
#define LODGE_NETLINK_H

#include <net/netlink.h>
#include <uapi/linux/lodge_netlink.h>

struct genl_family;
struct genl_info;
struct lodge_guest;
struct sk_buff;

extern struct genl_family lodge_genl_family;

/**
 * lodge_netlink_guest() - the guest that a request means
 * @info: the request
 * @id_attr: its attribute with an id
 * @name_attr: its attribute with a name
 *
 * Context: lodge_guests_lock.
 * Return: the guest, which may have ended, or the error, which the request's sender
 *         is told in words
 */
struct lodge_guest *lodge_netlink_guest(struct genl_info *info, int id_attr,
					int name_attr);

extern const struct nla_policy lodge_policy_get_policy[LODGE_A_POLICY_MAX + 1];
extern const struct nla_policy lodge_policy_set_policy[LODGE_A_POLICY_MAX + 1];

int lodge_policy_get_doit(struct sk_buff *skb, struct genl_info *info);
int lodge_policy_set_doit(struct sk_buff *skb, struct genl_info *info);

int lodge_netlink_init(void);
void lodge_netlink_exit(void);

#endif /* LODGE_NETLINK_H */
