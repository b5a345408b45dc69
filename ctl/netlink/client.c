// SPDX-License-Identifier: GPL-2.0-only
/* The netlink family's requests and events as plain structs. */
#include "netlink/private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Guests come and go while they are listed: then look again, but not for ever. */
#define TRIES	8

/* The longest request: a policy with all its rules */
#define CLIENT_REQUEST	(256UL * 1024)

/* A list that grows: elements of @size bytes. */
struct list {
	void *data;
	size_t count;
	size_t size;
	int (*parse)(struct nlattr **attrs, void *element);
};

int client_fail(struct error *error, int code, const char *what)
{
	switch (-code) {
	case NLE_PERM:
		error_set(error, 0, "%s: Operation not permitted", what);
		return error_advise(error, "run lodge as root, outside of containers");
	case NLE_OBJ_NOTFOUND:
		error_set(error, 0, "%s: the module is not loaded, or this is a container",
			  what);
		return error_advise(error, "run 'modprobe lodge'");
	default:
		return error_set(error, 0, "%s: %s", what, nl_geterror(code));
	}
}

int client_open(struct client *client, struct error *error)
{
	int ret;

	client->socket = nl_socket_alloc();
	if (!client->socket)
		return error_set(error, ENOMEM, "cannot make a netlink socket");
	ret = genl_connect(client->socket);
	if (!ret) {
		client->family = genl_ctrl_resolve(client->socket,
						   LODGE_FAMILY_NAME);
		ret = client->family < 0 ? client->family : 0;
	}
	if (!ret)
		return 0;
	client_close(client);
	return client_fail(error, ret, "cannot ask lodge's module");
}

void client_close(struct client *client)
{
	nl_socket_free(client->socket);
	client->socket = NULL;
}

uint64_t client_u64(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

uint32_t client_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

/* Names are what the module says they are; the terminal is not to trust it. */
void client_text(struct nlattr *attr, char *text, size_t size)
{
	text[0] = '\0';
	if (attr)
		nla_strlcpy(text, attr, size);
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

static int parse_guest(struct nlattr **attrs, void *element)
{
	struct guest *guest = element;

	guest->id = client_u64(attrs[LODGE_A_GUEST_ID]);
	guest->kind = client_u32(attrs[LODGE_A_GUEST_KIND]);
	guest->state = client_u32(attrs[LODGE_A_GUEST_STATE]);
	guest->keeper_pid = client_u32(attrs[LODGE_A_GUEST_KEEPER_PID]);
	guest->vcpus = client_u32(attrs[LODGE_A_GUEST_VCPUS]);
	guest->init_pid = client_u32(attrs[LODGE_A_GUEST_INIT_PID]);
	guest->created = client_u64(attrs[LODGE_A_GUEST_CREATED]);
	guest->ended = client_u64(attrs[LODGE_A_GUEST_ENDED]);
	guest->end_reason = client_u32(attrs[LODGE_A_GUEST_END_REASON]);
	guest->end_status = (int32_t)client_u32(attrs[LODGE_A_GUEST_END_STATUS]);
	client_text(attrs[LODGE_A_GUEST_NAME], guest->name, sizeof(guest->name));
	client_text(attrs[LODGE_A_GUEST_END_MESSAGE], guest->end_message,
		    sizeof(guest->end_message));
	return 0;
}

static void parse_exits(struct nlattr *nest, struct stats *stats)
{
	struct nlattr *attrs[LODGE_A_EXITS_MAX + 1];
	uint32_t exit_class;

	if (nla_parse_nested(attrs, LODGE_A_EXITS_MAX, nest, NULL))
		return;
	exit_class = client_u32(attrs[LODGE_A_EXITS_CLASS]);
	if (exit_class >= NR_EXIT_CLASSES)
		return;
	stats->exits[exit_class].count = client_u64(attrs[LODGE_A_EXITS_COUNT]);
	stats->exits[exit_class].cycles = client_u64(attrs[LODGE_A_EXITS_CYCLES]);
}

static void parse_hook(struct nlattr *nest, struct stats *stats)
{
	struct nlattr *attrs[LODGE_A_HOOK_MAX + 1];

	if (stats->nr_hooks == NR_DENYING_HOOKS ||
	    nla_parse_nested(attrs, LODGE_A_HOOK_MAX, nest, NULL))
		return;
	client_text(attrs[LODGE_A_HOOK_NAME], stats->hooks[stats->nr_hooks].name,
		    sizeof(stats->hooks[0].name));
	stats->hooks[stats->nr_hooks].denials =
		client_u64(attrs[LODGE_A_HOOK_DENIALS]);
	stats->nr_hooks++;
}

static int parse_vm_stats(struct nlattr **attrs, struct stats *stats)
{
	struct nlattr *total[LODGE_A_VCPU_STATS_MAX + 1], *attr;
	int left;

	stats->memory_mapped = client_u64(attrs[LODGE_A_STATS_MEMORY_MAPPED]);
	stats->memory_resident = client_u64(attrs[LODGE_A_STATS_MEMORY_RESIDENT]);
	if (!attrs[LODGE_A_STATS_TOTAL] ||
	    nla_parse_nested(total, LODGE_A_VCPU_STATS_MAX,
			     attrs[LODGE_A_STATS_TOTAL], NULL))
		return -NLE_INVAL;
	stats->guest_time = client_u64(total[LODGE_A_VCPU_STATS_GUEST_TIME]);
	stats->page_faults = client_u64(total[LODGE_A_VCPU_STATS_PAGE_FAULTS]);
	stats->interrupts = client_u64(total[LODGE_A_VCPU_STATS_INTERRUPTS]);
	stats->halts = client_u64(total[LODGE_A_VCPU_STATS_HALTS]);
	nla_for_each_nested(attr, attrs[LODGE_A_STATS_TOTAL], left)
		if (nla_type(attr) == LODGE_A_VCPU_STATS_EXITS)
			parse_exits(attr, stats);
	return 0;
}

static int parse_stats(struct nlattr **attrs, void *element)
{
	struct stats *stats = element;

	stats->id = client_u64(attrs[LODGE_A_STATS_ID]);
	client_text(attrs[LODGE_A_STATS_NAME], stats->name, sizeof(stats->name));
	stats->container = !attrs[LODGE_A_STATS_TOTAL];
	stats->walled = attrs[LODGE_A_STATS_CHECKS];
	if (stats->walled) {
		stats->checks = client_u64(attrs[LODGE_A_STATS_CHECKS]);
		stats->denials = client_u64(attrs[LODGE_A_STATS_DENIALS]);
	}
	if (!stats->container)
		return parse_vm_stats(attrs, stats);
	cgroup_get_usage(attrs[LODGE_A_STATS_CGROUP] ?
			 nla_get_string(attrs[LODGE_A_STATS_CGROUP]) : "/none",
			 &stats->usage);
	return 0;
}

/* There may be several of them, each an attribute. */
static void parse_hooks(struct nlmsghdr *header, struct stats *stats)
{
	struct genlmsghdr *message = genlmsg_hdr(header);
	struct nlattr *attr;
	int left;

	nla_for_each_attr(attr, genlmsg_attrdata(message, 0),
			  genlmsg_attrlen(message, 0), left)
		if (nla_type(attr) == LODGE_A_STATS_HOOKS)
			parse_hook(attr, stats);
}

static int take(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[LODGE_A_GUEST_MAX + LODGE_A_STATS_MAX + 1];
	struct list *list = arg;
	void *data;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs,
			  LODGE_A_GUEST_MAX + LODGE_A_STATS_MAX, NULL))
		return NL_SKIP;
	data = realloc(list->data, (list->count + 1) * list->size);
	if (!data)
		return -NLE_NOMEM;
	list->data = data;
	data = (char *)data + list->count * list->size;
	memset(data, 0, list->size);
	if (list->parse(attrs, data))
		return NL_OK;
	if (list->parse == parse_stats)
		parse_hooks(nlmsg_hdr(msg), data);
	list->count++;
	return NL_OK;
}

struct nl_msg *client_begin(const struct client *client, uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(CLIENT_REQUEST);

	if (msg && genlmsg_put(msg, 0, 0, client->family, 0, flags, cmd,
			       LODGE_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

int client_call(struct client *client, struct nl_msg *msg,
		int (*take_one)(struct nl_msg *msg, void *arg), void *arg)
{
	bool is_dump = nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP;
	int ret;

	nl_socket_modify_cb(client->socket, NL_CB_VALID, NL_CB_CUSTOM, take_one,
			    arg);
	ret = nl_send_auto(client->socket, msg);
	nlmsg_free(msg);
	if (ret >= 0)
		ret = nl_recvmsgs_default(client->socket);
	/* The acknowledgment behind an answer that is no dump */
	if (!ret && !is_dump && arg)
		ret = nl_wait_for_ack(client->socket);
	return ret;
}

/* One request and its answers. @key is an id or name to ask for, or NULL. */
static int ask(struct client *client, uint8_t cmd, int flags, bool all,
	       const char *key, struct list *list)
{
	struct nl_msg *msg = client_begin(client, cmd, flags);
	unsigned long long id = 0;
	char *end = NULL;

	if (key && isdigit((unsigned char)key[0])) {
		id = strtoull(key, &end, 10);
		if (*end)
			id = 0;
	}
	if (!msg)
		return -NLE_NOMEM;
	_Static_assert((int)LODGE_A_GUEST_ID == (int)LODGE_A_STATS_ID &&
		       (int)LODGE_A_GUEST_NAME == (int)LODGE_A_STATS_NAME,
		       "all requests name a guest alike");
	if ((all && nla_put_flag(msg, LODGE_A_GUEST_ALL)) ||
	    (id && nla_put_u64(msg, LODGE_A_GUEST_ID, id)) ||
	    (key && !id && nla_put_string(msg, LODGE_A_GUEST_NAME, key))) {
		nlmsg_free(msg);
		return -NLE_NOMEM;
	}
	return client_call(client, msg, take, list);
}

static int dump(struct client *client, uint8_t cmd, bool all, struct list *list)
{
	int tries, ret = 0;

	for (tries = 0; tries < TRIES; tries++) {
		list->count = 0;
		ret = ask(client, cmd, NLM_F_DUMP, all, NULL, list);
		if (ret != -NLE_DUMP_INTR)
			return ret;
	}
	/* Each was so when the module said it. */
	return 0;
}

int client_guests(struct client *client, bool all, struct guest **list,
		  size_t *count, struct error *error)
{
	struct list found = { .size = sizeof(**list), .parse = parse_guest };
	int ret = dump(client, LODGE_CMD_GUEST_GET, all, &found);

	*list = found.data;
	*count = found.count;
	return ret ? client_fail(error, ret, "cannot list guests") : 0;
}

int client_stats(struct client *client, struct stats **list, size_t *count,
		 struct error *error)
{
	struct list found = { .size = sizeof(**list), .parse = parse_stats };
	int ret = dump(client, LODGE_CMD_STATS_GET, false, &found);

	*list = found.data;
	*count = found.count;
	return ret ? client_fail(error, ret, "cannot get statistics") : 0;
}

bool client_stats_of(struct client *client, const struct guest *guest,
		     struct stats *stats)
{
	struct list found = { .size = sizeof(*stats), .parse = parse_stats };
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, guest->id);
	ask(client, LODGE_CMD_STATS_GET, NLM_F_ACK, false, id, &found);
	if (found.count)
		*stats = *(struct stats *)found.data;
	free(found.data);
	return found.count;
}

int client_guest(struct client *client, const char *key, struct guest *guest,
		 struct error *error)
{
	struct list found = { .size = sizeof(*guest), .parse = parse_guest };
	int ret = ask(client, LODGE_CMD_GUEST_GET, NLM_F_ACK, false, key, &found);

	if (!ret && found.count) {
		*guest = *(struct guest *)found.data;
	} else if (ret == -NLE_PERM) {
		client_fail(error, ret, "cannot ask for a guest");
	} else {
		ret = -1;
		error_set(error, 0, "there is no guest '%s'", key);
		error_advise(error, "'lodge ps -a' lists them");
	}
	free(found.data);
	return ret ? -1 : 0;
}

static const char *const event_names[] = {
	[LODGE_CMD_GUEST_CREATED_NTF] = "created",
	[LODGE_CMD_GUEST_RUNNING_NTF] = "running",
	[LODGE_CMD_GUEST_PAUSED_NTF] = "paused",
	[LODGE_CMD_POLICY_CHANGED_NTF] = "policy-changed",
	[LODGE_CMD_DENIAL_NTF] = "denial",
	[LODGE_CMD_GUEST_EXITED_NTF] = "exited",
	[LODGE_CMD_VM_SHUTDOWN_NTF] = "vm-shutdown",
	[LODGE_CMD_VM_FAILED_NTF] = "vm-failed",
	[LODGE_CMD_VM_MEMORY_NTF] = "vm-memory",
};

static void parse_failure(struct nlattr *nest, struct event *event)
{
	struct nlattr *attrs[LODGE_A_FAILURE_MAX + 1];
	struct nlattr *regs[LODGE_A_REGISTERS_MAX + 1];

	if (nla_parse_nested(attrs, LODGE_A_FAILURE_MAX, nest, NULL))
		return;
	event->failed = true;
	event->vcpu = client_u32(attrs[LODGE_A_FAILURE_VCPU]);
	client_text(attrs[LODGE_A_FAILURE_MESSAGE], event->message,
		    sizeof(event->message));
	if (attrs[LODGE_A_FAILURE_REGISTERS] &&
	    !nla_parse_nested(regs, LODGE_A_REGISTERS_MAX,
			      attrs[LODGE_A_FAILURE_REGISTERS], NULL))
		event->rip = client_u64(regs[LODGE_A_REGISTERS_RIP]);
}

static void parse_denial(struct nlattr *nest, struct event *event)
{
	struct nlattr *attrs[LODGE_A_DENIAL_MAX + 1];

	if (nla_parse_nested(attrs, LODGE_A_DENIAL_MAX, nest, NULL))
		return;
	event->denied = true;
	event->complained = attrs[LODGE_A_DENIAL_COMPLAINED];
	event->pid = client_u32(attrs[LODGE_A_DENIAL_PID]);
	client_text(attrs[LODGE_A_DENIAL_COMM], event->comm, sizeof(event->comm));
	client_text(attrs[LODGE_A_DENIAL_HOOK], event->hook, sizeof(event->hook));
	client_text(attrs[LODGE_A_DENIAL_OBJECT], event->object,
		    sizeof(event->object));
	client_text(attrs[LODGE_A_DENIAL_RULE], event->rule, sizeof(event->rule));
}

/* Who gets events */
struct listener {
	int (*fn)(const struct event *event, void *arg);
	void *arg;
	bool done;
};

static int take_event(struct nl_msg *msg, void *arg)
{
	const struct genlmsghdr *header = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *attrs[LODGE_A_EVENT_MAX + 1];
	struct listener *listener = arg;
	struct event event = { .what = NULL };
	struct guest *guest = &event.guest;

	if (header->cmd < sizeof(event_names) / sizeof(event_names[0]))
		event.what = event_names[header->cmd];
	if (!event.what || genlmsg_parse(nlmsg_hdr(msg), 0, attrs,
					 LODGE_A_EVENT_MAX, NULL))
		return NL_SKIP;
	event.seq = client_u64(attrs[LODGE_A_EVENT_SEQ]);
	event.time = client_u64(attrs[LODGE_A_EVENT_TIME]);
	event.dropped = client_u64(attrs[LODGE_A_EVENT_DROPPED]);
	guest->id = client_u64(attrs[LODGE_A_EVENT_GUEST_ID]);
	guest->kind = client_u32(attrs[LODGE_A_EVENT_GUEST_KIND]);
	guest->state = LODGE_GUEST_STATE_EXITED;
	guest->end_reason = client_u32(attrs[LODGE_A_EVENT_END_REASON]);
	guest->end_status = (int32_t)client_u32(attrs[LODGE_A_EVENT_END_STATUS]);
	client_text(attrs[LODGE_A_EVENT_GUEST_NAME], guest->name, sizeof(guest->name));
	client_text(attrs[LODGE_A_EVENT_END_MESSAGE], guest->end_message,
		    sizeof(guest->end_message));
	if (attrs[LODGE_A_EVENT_FAILURE])
		parse_failure(attrs[LODGE_A_EVENT_FAILURE], &event);
	if (attrs[LODGE_A_EVENT_DENIAL])
		parse_denial(attrs[LODGE_A_EVENT_DENIAL], &event);
	if (!listener->fn(&event, listener->arg))
		return NL_OK;
	listener->done = true;
	return NL_STOP;
}

int client_events(struct client *client,
		  int (*ready)(void *arg, struct error *error),
		  int (*fn)(const struct event *event, void *arg), void *arg,
		  struct error *error)
{
	struct listener listener = { .fn = fn, .arg = arg };
	int group = genl_ctrl_resolve_grp(client->socket, LODGE_FAMILY_NAME,
					  LODGE_MCGRP_EVENTS);
	int ret = group;

	if (group >= 0)
		ret = nl_socket_add_membership(client->socket, group);
	if (ret < 0)
		return client_fail(error, ret, "cannot listen to events");
	if (ready && ready(arg, error))
		return -1;
	nl_socket_disable_seq_check(client->socket);
	nl_socket_modify_cb(client->socket, NL_CB_VALID, NL_CB_CUSTOM, take_event,
			    &listener);
	while (!listener.done) {
		ret = nl_recvmsgs_default(client->socket);
		/* What was lost shows in the numbers of the events. */
		if (ret < 0 && ret != -NLE_NOMEM && ret != -NLE_INTR)
			return client_fail(error, ret, "cannot receive events");
	}
	return 0;
}
