/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the netlink family share. */
#ifndef LODGE_SELFTEST_NETLINK_FIXTURE_H
#define LODGE_SELFTEST_NETLINK_FIXTURE_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "harness.h"
#include "netlink.h"

/* What guest-get says of a guest */
struct info {
	u64 id, created, ended;
	u32 state, pid, vcpus, reason, status;
	char name[64], message[100];
};

static inline void take_info(struct nlattr **attrs, void *arg)
{
	struct info *info = arg;

	info->id = nl_get_u64(attrs[LODGE_A_GUEST_ID]);
	info->created = nl_get_u64(attrs[LODGE_A_GUEST_CREATED]);
	info->ended = nl_get_u64(attrs[LODGE_A_GUEST_ENDED]);
	info->state = nl_get_u32(attrs[LODGE_A_GUEST_STATE]);
	info->pid = nl_get_u32(attrs[LODGE_A_GUEST_KEEPER_PID]);
	info->vcpus = nl_get_u32(attrs[LODGE_A_GUEST_VCPUS]);
	info->reason = nl_get_u32(attrs[LODGE_A_GUEST_END_REASON]);
	info->status = nl_get_u32(attrs[LODGE_A_GUEST_END_STATUS]);
	snprintf(info->name, sizeof(info->name), "%s",
		 nl_get_string(attrs[LODGE_A_GUEST_NAME]));
	snprintf(info->message, sizeof(info->message), "%s",
		 nl_get_string(attrs[LODGE_A_GUEST_END_MESSAGE]));
}

static inline int get_by_name(struct nl *nl, const char *name, struct info *info)
{
	nl_begin(nl, LODGE_CMD_GUEST_GET, 0);
	nl_string(nl, LODGE_A_GUEST_NAME, name);
	return nl_call(nl, take_info, info);
}

static inline int get_by_id(struct nl *nl, u64 id, struct info *info)
{
	nl_begin(nl, LODGE_CMD_GUEST_GET, 0);
	nl_u64(nl, LODGE_A_GUEST_ID, id);
	return nl_call(nl, take_info, info);
}

/* The last descriptor's work may be done a moment after close(). */
static inline bool has_ended(struct nl *nl, u64 id, struct info *info)
{
	return get_by_id(nl, id, info) == 1 &&
	       info->state == LODGE_GUEST_STATE_EXITED;
}

struct features {
	u64 seq, dropped;
};

static inline void take_features(struct nlattr **attrs, void *arg)
{
	struct features *f = arg;

	f->seq = nl_get_u64(attrs[LODGE_A_FEATURES_EVENTS_SEQ]);
	f->dropped = nl_get_u64(attrs[LODGE_A_FEATURES_EVENTS_DROPPED]);
}

static inline int get_features(struct nl *nl, struct features *f)
{
	nl_begin(nl, LODGE_CMD_FEATURES_GET, 0);
	return nl_call(nl, take_features, f);
}

/* The guest's end: no way to take an exception. */
static inline void shut_down(u64 arg)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) none = { 0, 0 };

	asm volatile("lidt %0; ud2" : : "m" (none));
}

FIXTURE(netlink) {
	struct nl nl;
};

FIXTURE_SETUP(netlink)
{
	nl_open(&self->nl);
	ASSERT_NE(0, self->nl.family);
	ASSERT_NE(0, self->nl.group);
}

FIXTURE_TEARDOWN(netlink)
{
	nl_close(&self->nl);
}

#endif
