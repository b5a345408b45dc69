/* SPDX-License-Identifier: GPL-2.0-only */
/* A process of a container: its rights, and the way to its exec. */
#ifndef PROCESS_H
#define PROCESS_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "container/rlimits.h"
#include "error.h"

#define STATUS_NOT_EXECUTABLE	126
#define STATUS_NOT_FOUND	127

/**
 * struct process - what is to run, and with which rights
 * @argv: the command, NULL-terminated
 * @env: its environment, NULL-terminated; HOME is added if it is not there
 * @workdir: its working directory
 * @user: "", or "uid[:gid]" or names, of the container's /etc/passwd
 * @tty: it has a terminal of its own
 * @caps: its capabilities, a bit each, if it runs as root; what it can ever have
 * @seccomp: its system calls are filtered
 * @no_new_privs: no program that it executes gives it more rights
 * @limits: resource limits
 */
struct process {
	char **argv;
	char **env;
	const char *workdir;
	const char *user;
	bool tty;
	uint64_t caps;
	bool seccomp;
	bool no_new_privs;
	struct rlimits limits;
};

/* What docker and podman give by default */
extern const uint64_t process_default_caps;
/* All that this kernel knows */
uint64_t process_all_caps(void);

/* "NAME", "CAP_NAME" or "ALL", in any case. Return: a mask, or 0 */
uint64_t process_parse_cap(const char *name);

/* A user and its groups, as numbers */
#define PROCESS_GROUPS_MAX	64

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[PROCESS_GROUPS_MAX];
	size_t nr_groups;
	char home[256];
};

/**
 * process_identify() - look @user up in /etc/passwd and /etc/group
 * @user: see struct process
 * @identity: out
 * @error: filled on failure
 *
 * To be called where the container's root is the root: neither the host's files
 * nor its name services are asked.
 *
 * Return: 0 or -1
 */
int process_identify(const char *user, struct identity *identity,
		     struct error *error);

/**
 * process_exec() - give up rights and become the command
 * @process: what to run
 * @identity: as whom
 * @filter: the seccomp filter, see seccomp_filter()
 * @nr_filter: its instructions; 0: none
 * @error: filled on failure
 *
 * Return: only on failure, an exit status: 126, 127 or 125
 */
int process_exec(const struct process *process, const struct identity *identity,
		 const struct sock_filter *filter, size_t nr_filter,
		 struct error *error);

/**
 * seccomp_filter() - the filter that container engines have by default
 * @caps: the capabilities that the process has: some allow more calls
 * @count: out: instructions
 * @error: filled on failure
 *
 * Return: the filter, to be freed, or NULL
 */
struct sock_filter *seccomp_filter(uint64_t caps, size_t *count,
				   struct error *error);

#endif /* PROCESS_H */
