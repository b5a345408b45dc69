// SPDX-License-Identifier: GPL-2.0-only
/* <linux/entry-virt.h>, with xfer_to_guest_mode_handle_work(void): 6.18 */
#include <linux/entry-virt.h>

int probe(void)
{
	return xfer_to_guest_mode_handle_work();
}
