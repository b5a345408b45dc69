/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A box: processes in a cell as an attacker would find himself, root with every
 * capability and no seccomp filter, and whatever the attack needs from outside.
 */
#ifndef LODGE_ESCAPE_BOX_H
#define LODGE_ESCAPE_BOX_H

#include <stdbool.h>
#include <sys/types.h>

/* Where the host keeps its secrets; a tmpfs of its own */
#define HOST_DIR	"/tmp/escape"
#define HOST_FILE	HOST_DIR "/secret"
#define SECRET		"the host's secret"

#define BOX_HOST_NET	(1U << 0)	/* shares the host's network namespace */
#define BOX_HOST_GROUP	(1U << 1)	/* shares a process group with the host */
#define BOX_RACE	(1U << 2)	/* several events may come */

/**
 * struct box - what an attack has to work with
 * @complain: the wall only complains
 * @flags: BOX_*
 * @fd: a descriptor of the host's that has leaked into the box, or -1
 * @victim: a process of the host, or 0
 * @scm: a Unix socket of the box's; the host holds @scm_host
 * @scm_host: the other end
 * @init: the box's first process
 * @cell: the cell
 * @cgroup: its cgroup
 */
struct box {
	bool complain;
	unsigned int flags;
	int fd;
	pid_t victim;
	int scm;
	int scm_host;
	pid_t init;
	int cell;
	int cgroup;
};

/**
 * struct attack - a way out
 * @name: what it is
 * @hook: the function of the kernel that stops it, or several
 * @flags: BOX_*
 * @prepare: the host's part, before the box is made; may be NULL
 * @offer: the host's part, when the wall stands; may be NULL
 * @run: the attack, in a process of the box. Return: 0 if it has worked, else
 *       the errno with which it was refused
 * @clean: the host's part, afterwards; may be NULL. Return: whether the host has
 *         seen the attack work
 * @needs: a file that some kernels do not have, which the attack is on; may be NULL
 * @impossible: why the kernel refuses it without a wall, too; then there need be
 *              no event
 */
struct attack {
	const char *name;
	const char *hook;
	unsigned int flags;
	void (*prepare)(struct box *box);
	void (*offer)(struct box *box);
	int (*run)(struct box *box);
	bool (*clean)(struct box *box);
	const char *needs;
	const char *impossible;
};

extern const struct attack file_attacks[], process_attacks[], socket_attacks[],
			   mount_attacks[], kernel_attacks[];

/* Once, before all boxes; dies if the machine cannot have any */
void boxes_prepare(void);

/* Makes a box and lets an attack loose in it. Return: what its run() did */
int box_run(struct box *box, const struct attack *attack);

/* The attacker's tools. Each returns 0 or an errno. */
int try_read(int dir, const char *path);
int try_write(const char *path, const char *text);

/* The host's: a descriptor that leaks, a process that sleeps */
int leak(const char *path, int flags);
pid_t start_victim(void);

#endif
