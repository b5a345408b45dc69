// SPDX-License-Identifier: GPL-2.0-only
/*
 * The escape suite: each way out of a container, as root with every capability
 * and no seccomp filter.  Twice: the wall that enforces must refuse it, with an
 * event that names the hook; and where the wall only complains, on the same set-up,
 * the attack must work, which proves that it is one.
 *
 * escape_test [NAME...]: only the attacks whose names have one of these in them
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "escape/box.h"
#include "kselftest.h"
#include "netlink.h"
#include "sys.h"
#include "vm.h"

static const struct attack *const suites[] = {
	file_attacks, process_attacks, socket_attacks, mount_attacks,
	kernel_attacks,
};

#define NR_SUITES	(sizeof(suites) / sizeof(suites[0]))

static struct nl nl;

/* What the events of a box have said */
struct reports {
	bool hook;		/* the right hook has refused, or complained */
	bool complained;
	char others[256];	/* other hooks that have */
};

static void take_denial(const struct attack *attack, const struct nlattr *nest,
			struct reports *reports)
{
	struct nlattr *attrs[NL_MAX_ATTRS];
	const char *hook;

	nl_nested(nest, attrs);
	hook = nl_get_string(attrs[LODGE_A_DENIAL_HOOK]);
	if (strstr(attack->hook, hook)) {
		reports->hook = true;
		reports->complained = attrs[LODGE_A_DENIAL_COMPLAINED];
	} else if (!strstr(reports->others, hook) &&
		   strlen(reports->others) + strlen(hook) + 2 <
		   sizeof(reports->others)) {
		strcat(reports->others, " ");
		strcat(reports->others, hook);
	}
}

/* All up to the end of the box */
static void read_events(const struct attack *attack, struct reports *reports)
{
	struct nlattr *attrs[NL_MAX_ATTRS];
	int cmd;

	do {
		cmd = nl_event(&nl, 3000, attrs);
		if (cmd == LODGE_CMD_DENIAL_NTF && attrs[LODGE_A_EVENT_DENIAL])
			take_denial(attack, attrs[LODGE_A_EVENT_DENIAL], reports);
	} while ((cmd > 0 && cmd != LODGE_CMD_GUEST_EXITED_NTF) || cmd == -ENOBUFS);
}

static void end_victim(struct box *box)
{
	if (box->victim) {
		kill(box->victim, SIGKILL);
		waitpid(box->victim, NULL, 0);
	}
	if (box->fd >= 0)
		close(box->fd);
}

/* Return: what the attack got */
static int attack_box(const struct attack *attack, bool complain,
		      struct reports *reports)
{
	struct box box = { .complain = complain, .fd = -1 };
	int ret;

	memset(reports, 0, sizeof(*reports));
	if (attack->prepare)
		attack->prepare(&box);
	ret = box_run(&box, attack);
	read_events(attack, reports);
	if (attack->clean) {
		bool worked = attack->clean(&box);

		/*
		 * Of a group, some may have been reached: what the host has seen
		 * counts.
		 */
		if (attack->flags & BOX_HOST_GROUP)
			ret = worked ? 0 : EPERM;
	}
	end_victim(&box);
	return ret;
}

static void test(const struct attack *attack)
{
	struct reports reports;
	bool refused;
	int ret;

	if (attack->needs && access(attack->needs, F_OK)) {
		ksft_test_result_skip("%s is refused: this kernel has no %s\n",
				      attack->name, attack->needs);
		ksft_test_result_skip("%s works without the wall: this kernel has no %s\n",
				      attack->name, attack->needs);
		return;
	}
	ret = attack_box(attack, false, &reports);
	refused = ret > 0 && ret < 255;
	if (attack->impossible)
		ksft_test_result(refused, "%s is refused: %s\n", attack->name,
				 strerror(ret));
	else
		ksft_test_result(refused && reports.hook && !reports.complained,
				 "%s is refused%s%s%s\n", attack->name,
				 refused ? "" : ": but it was not",
				 reports.hook ? "" : ": but no event of its hook:",
				 reports.hook ? "" : reports.others);
	if (attack->impossible) {
		ksft_test_result_skip("%s works without the wall: cannot: %s\n",
				      attack->name, attack->impossible);
		return;
	}
	ret = attack_box(attack, true, &reports);
	ksft_test_result(!ret && reports.hook && reports.complained,
			 "%s works without the wall%s%s%s\n", attack->name,
			 ret ? ": but: " : "", ret ? strerror(ret) : "",
			 reports.hook ? "" : ": no complaint");
}

static bool wanted(const struct attack *attack, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strstr(attack->name, argv[i]))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	const struct attack *attack;
	unsigned int count = 0;
	size_t i;

	ksft_print_header();
	require_lodge();
	for (i = 0; i < NR_SUITES; i++)
		for (attack = suites[i]; attack->name; attack++)
			count += wanted(attack, argc, argv);
	ksft_set_plan(2 * count);
	nl_open(&nl);
	nl_join(&nl);
	boxes_prepare();
	for (i = 0; i < NR_SUITES; i++)
		for (attack = suites[i]; attack->name; attack++)
			if (wanted(attack, argc, argv))
				test(attack);
	ksft_finished();
}
