/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the client share. */
#ifndef NETLINK_PRIVATE_H
#define NETLINK_PRIVATE_H

#include "netlink/client.h"

struct nl_msg;

/* Says what has failed, by an error of libnl. Return: -1 */
int client_fail(struct error *error, int code, const char *what);

/* A request, to be sent by client_call(). Return: NULL for lack of memory */
struct nl_msg *client_begin(const struct client *client, uint8_t cmd, int flags);

/* Sends it, frees it, gives all answers to @take. Return: 0 or an error of libnl */
int client_call(struct client *client, struct nl_msg *msg,
		int (*take)(struct nl_msg *msg, void *arg), void *arg);

/* 0 or "" for what is not there. */
uint64_t client_u64(struct nlattr *attr);
uint32_t client_u32(struct nlattr *attr);
void client_text(struct nlattr *attr, char *text, size_t size);

#endif /* NETLINK_PRIVATE_H */
