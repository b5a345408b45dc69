// SPDX-License-Identifier: GPL-2.0-only
/* The last steps of a process of a container before it is the command. */
#include "container/process.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STATUS_LODGE	125
#define CAP(name)	(1ULL << CAP_##name)

const uint64_t process_default_caps =
	CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FSETID) | CAP(FOWNER) | CAP(MKNOD) |
	CAP(NET_RAW) | CAP(SETGID) | CAP(SETUID) | CAP(SETFCAP) | CAP(SETPCAP) |
	CAP(NET_BIND_SERVICE) | CAP(SYS_CHROOT) | CAP(KILL) | CAP(AUDIT_WRITE);

uint64_t process_all_caps(void)
{
	int last = 0;

	while (last < 63 && prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
		last++;
	return last >= 63 ? ~0ULL : (1ULL << (last + 1)) - 1;
}

uint64_t process_parse_cap(const char *name)
{
	int capability;

	if (!strcasecmp(name, "all"))
		return process_all_caps();
	if (!strncasecmp(name, "cap_", 4))
		name += 4;
	capability = capng_name_to_capability(name);
	return capability < 0 ? 0 : 1ULL << capability;
}

static int set_filter(const struct sock_filter *filter, size_t count,
		      struct error *error)
{
	struct sock_fprog program = {
		.len = (unsigned short)count,
		.filter = (struct sock_filter *)filter,
	};

	if (!count)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) {
		error_set(error, errno, "cannot filter system calls");
		return error_advise(error, "the kernel needs CONFIG_SECCOMP_FILTER, or give --security-opt seccomp=unconfined");
	}
	return 0;
}

static void choose_caps(uint64_t caps)
{
	unsigned int i;

	capng_clear(CAPNG_SELECT_ALL);
	for (i = 0; i < 64; i++)
		if (caps & (1ULL << i))
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED |
				     CAPNG_BOUNDING_SET, i);
}

/* A user other than root keeps none: the kernel takes them with setresuid(). */
static int change_identity(const struct identity *identity, uint64_t caps,
			   struct error *error)
{
	choose_caps(caps);
	if (capng_apply(CAPNG_SELECT_BOUNDS))
		return error_set(error, errno, "cannot give up capabilities");
	if (setgroups(identity->nr_groups, identity->groups) ||
	    setresgid(identity->gid, identity->gid, identity->gid) ||
	    setresuid(identity->uid, identity->uid, identity->uid))
		return error_set(error, errno, "cannot become user %u, group %u",
				 identity->uid, identity->gid);
	if (!identity->uid && capng_apply(CAPNG_SELECT_CAPS))
		return error_set(error, errno, "cannot give up capabilities");
	return 0;
}

static void reset_signals(void)
{
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int cannot_execute(const char *name, int errnum, struct error *error)
{
	bool missing = errnum == ENOENT || errnum == ENOTDIR;

	if (missing) {
		error_set(error, 0, "the guest has no command '%s'", name);
		return STATUS_NOT_FOUND;
	}
	error_set(error, errnum, "the guest cannot execute '%s'", name);
	return STATUS_NOT_EXECUTABLE;
}

/* Looks for argv[0] where the container's own PATH says. Return: a status */
static int execute(char **argv, struct error *error)
{
	const char *path = getenv("PATH");
	char file[4096];
	struct stat status;
	int errnum = ENOENT;
	size_t length;

	if (strchr(argv[0], '/')) {
		execv(argv[0], argv);
		errnum = errno;
		/* A script's interpreter may be what is missing. */
		if (errnum == ENOENT && !stat(argv[0], &status)) {
			error_set(error, 0, "the guest has no interpreter for '%s'",
				  argv[0]);
			return STATUS_NOT_FOUND;
		}
		return cannot_execute(argv[0], errnum, error);
	}
	while (path && *path && argv[0][0]) {
		length = strcspn(path, ":");
		if (snprintf(file, sizeof(file), "%.*s%s%s", (int)length, path,
			     length ? "/" : "", argv[0]) < (int)sizeof(file)) {
			execv(file, argv);
			if (errno != ENOENT && errno != ENOTDIR)
				errnum = errno;
		}
		path += length + (path[length] == ':');
	}
	return cannot_execute(argv[0], errnum, error);
}

int process_exec(const struct process *process, const struct identity *identity,
		 const struct sock_filter *filter, size_t nr_filter,
		 struct error *error)
{
	char hostname[65] = "";
	char **variable;

	umask(022);
	clearenv();
	gethostname(hostname, sizeof(hostname) - 1);
	setenv("HOSTNAME", hostname, 1);
	setenv("HOME", identity->home, 1);
	for (variable = process->env; *variable; variable++)
		putenv(*variable);
	if (process->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		error_set(error, errno, "cannot set no_new_privs");
		return STATUS_LODGE;
	}
	/* The filter first: it may take CAP_SYS_ADMIN, and allows what follows. */
	if (set_filter(filter, nr_filter, error) ||
	    change_identity(identity, process->caps, error))
		return STATUS_LODGE;
	if (chdir(process->workdir)) {
		error_set(error, errno, "cannot change to the guest's folder '%s'",
			  process->workdir);
		error_advise(error, "give another with -w");
		return STATUS_NOT_FOUND;
	}
	reset_signals();
	return execute(process->argv, error);
}
