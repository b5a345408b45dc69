/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module says of all guests, through its generic netlink family. */
#ifndef NETLINK_CLIENT_H
#define NETLINK_CLIENT_H

#include <linux/lodge_netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container/cgroup.h"
#include "error.h"

struct nl_sock;
struct nlattr;

#define NR_EXIT_CLASSES	(LODGE_EXIT_CLASS_END + 1)

/**
 * struct client - a connection to the module
 * @socket: of libnl
 * @family: number of the family
 */
struct client {
	struct nl_sock *socket;
	int family;
};

/* A guest; the members are the attributes of guest-get. */
struct guest {
	uint64_t id;
	char name[LODGE_NAME_MAX + 1];
	uint32_t kind;
	uint32_t state;
	uint32_t keeper_pid;
	uint32_t vcpus;
	uint32_t init_pid;
	uint64_t created;
	uint64_t ended;
	uint32_t end_reason;
	int32_t end_status;
	char end_message[96];
};

#define NR_DENYING_HOOKS	32

/*
 * What a guest has done: the attributes of stats-get, of all its vCPUs. One behind a
 * wall has checks, denials and hooks, a container also what its cgroup has used.
 */
struct stats {
	uint64_t id;
	char name[LODGE_NAME_MAX + 1];
	bool container;
	bool walled;
	uint64_t checks;
	uint64_t denials;
	struct {
		char name[48];
		uint64_t denials;
	} hooks[NR_DENYING_HOOKS];
	size_t nr_hooks;
	struct cgroup_usage usage;
	uint64_t memory_mapped;
	uint64_t memory_resident;
	uint64_t guest_time;
	uint64_t page_faults;
	uint64_t interrupts;
	uint64_t halts;
	struct {
		uint64_t count;
		uint64_t cycles;
	} exits[NR_EXIT_CLASSES];
};

/* An event: what has happened, to whom, and what goes with it. */
struct event {
	const char *what;
	uint64_t seq;
	uint64_t time;
	uint64_t dropped;
	struct guest guest;
	bool failed;
	uint32_t vcpu;
	uint64_t rip;
	char message[96];
	bool denied;
	bool complained;
	uint32_t pid;
	char comm[16];
	char hook[48];
	char object[128];
	char rule[16];
};

int client_open(struct client *client, struct error *error);
void client_close(struct client *client);

/**
 * client_guests() - which guests are there?
 * @client: the connection
 * @all: also those that ended
 * @list: out: to be freed by the caller
 * @count: out: how many
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int client_guests(struct client *client, bool all, struct guest **list,
		  size_t *count, struct error *error);

/* The guest with an id, or else a name. Return: 0 or -1 */
int client_guest(struct client *client, const char *key, struct guest *guest,
		 struct error *error);

/* What a guest has done. Return: false if it has ended */
bool client_stats_of(struct client *client, const struct guest *guest,
		     struct stats *stats);

/* As client_guests(), of all that live. */
int client_stats(struct client *client, struct stats **list, size_t *count,
		 struct error *error);

/**
 * client_events() - wait for events
 * @client: the connection; for nothing else from here on
 * @ready: is called when none will be missed any more, before the first; not 0
 *         ends it. May be NULL
 * @fn: gets each event; not 0 ends the waiting
 * @arg: for @ready and @fn
 * @error: filled on failure
 *
 * Return: 0 if @fn ended it, or -1
 */
int client_events(struct client *client,
		  int (*ready)(void *arg, struct error *error),
		  int (*fn)(const struct event *event, void *arg), void *arg,
		  struct error *error);

/* A rule; the members are the attributes that its kind has. */
struct rule {
	uint32_t kind;
	uint32_t access;
	uint32_t major;
	uint32_t minor;
	uint32_t family;
	char type[20];
	char *path;
};

/* A policy; the members are the attributes of policy-get. */
struct guest_policy {
	uint32_t mode;
	uint32_t rights;
	struct rule *rules;
	size_t nr_rules;
};

/* The policy of a container. Return: 0 or -1 */
int client_policy(struct client *client, const struct guest *guest,
		  struct guest_policy *policy, struct error *error);
void client_policy_free(struct guest_policy *policy);

struct policy;

/**
 * client_set_policy() - give a container another policy
 * @client: the connection
 * @guest: the container
 * @policy: the policy
 * @kept: rules of it that are not in @policy and stay: trees
 * @nr_kept: how many
 * @error: filled on failure
 *
 * Return: 0 or -1
 */
int client_set_policy(struct client *client, const struct guest *guest,
		      const struct policy *policy, const struct rule *const *kept,
		      size_t nr_kept, struct error *error);

/* Changes the mode alone: LODGE_POLICY_MODE_*. Return: 0 or -1 */
int client_set_mode(struct client *client, const struct guest *guest,
		    uint32_t mode, struct error *error);

/* Words for what are numbers */
const char *kind_name(uint32_t kind);
const char *state_name(uint32_t state);
const char *reason_name(uint32_t reason);
const char *exit_class_name(uint32_t exit_class);

/* "(killed by signal 9)", or false if there is nothing to be said of its end */
bool describe_end(const struct guest *guest, char *text, size_t size);
/* "running", "exited (killed by signal 9)" */
void describe_state(const struct guest *guest, char *text, size_t size);

/* As JSON, on standard output */
void json_guest(const struct guest *guest);
void json_stats(const struct stats *stats);

/* CLOCK_BOOTTIME in nanoseconds */
uint64_t boot_time(void);

#endif /* NETLINK_CLIENT_H */
