// SPDX-License-Identifier: GPL-2.0-only
/*
 * lodge.ko: virtual machines and the walls of containers.
 *
 * This file only starts and stops the parts, in an order in which each finds
 * what it needs; the end of the module is its beginning run backwards.
 */
#include <linux/module.h>
#include "cell/cell.h"
#include "cell/hook.h"
#include "event.h"
#include "guest.h"
#include "lodge.h"
#include "netlink.h"
#include "vm/arch.h"
#include "vm/eventfd.h"
#include "vm/rootmode.h"

bool lodge_check_state;
module_param_named(check_state, lodge_check_state, bool, 0444);
MODULE_PARM_DESC(check_state,
		 "Hold each control block against the manual's rules before each entry (slow; for tests)");

/*
 * TOUR 1.1: insmod
 *
 * A host without VMX or SVM is no error: the module loads, and LODGE_GET_INFO
 * tells why no VM can run on it.
 */
static int __init lodge_init(void)
{
	int ret;

	ret = lodge_rootmode_init();
	if (ret)
		return ret;

	ret = lodge_eventfds_init();
	if (ret)
		goto out_rootmode;

	ret = lodge_netlink_init();
	if (ret)
		goto out_eventfds;

	ret = lodge_events_init();
	if (ret)
		goto out_netlink;

	ret = lodge_cells_init();
	if (ret)
		goto out_events;

	ret = lodge_hooks_attach();
	if (ret)
		goto out_cells;

	/* Last: from here on callers come in. */
	ret = lodge_chardev_init();
	if (ret)
		goto out_hooks;

	return 0;

out_hooks:
	lodge_hooks_detach();
out_cells:
	lodge_cells_exit();
out_events:
	lodge_events_exit();
out_netlink:
	lodge_netlink_exit();
out_eventfds:
	lodge_eventfds_exit();
out_rootmode:
	lodge_rootmode_exit();
	return ret;
}

static void __exit lodge_exit(void)
{
	lodge_chardev_exit();
	lodge_hooks_detach();
	lodge_cells_exit();
	lodge_guests_exit();
	lodge_events_exit();
	lodge_netlink_exit();
	lodge_eventfds_exit();
	lodge_rootmode_exit();
}

module_init(lodge_init);
module_exit(lodge_exit);

MODULE_AUTHOR("The Lodge developers");
MODULE_DESCRIPTION("A minimal VMX and SVM hypervisor");
MODULE_LICENSE("GPL");
