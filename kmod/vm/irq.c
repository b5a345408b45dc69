// SPDX-License-Identifier: GPL-2.0-only
/* Message signalled interrupts (Intel SDM vol. 3, 11.11). */
#include <linux/bits.h>
#include <linux/errno.h>
#include "irq.h"

#define MSI_BASE		0xfee00000ULL
#define MSI_OFFSET		0xfffffULL
#define MSI_DEST_SHIFT		12
#define MSI_REDIRECT		BIT(3)
#define MSI_LOGICAL		BIT(2)
#define MSI_LEVEL_TRIGGER	BIT(15)
#define MSI_ASSERT		BIT(14)

int lodge_msi_decode(u64 address, u32 data, struct lodge_irq_msg *msg)
{
	u32 dest = (address >> MSI_DEST_SHIFT) & 0xff;

	if ((address & ~MSI_OFFSET) != MSI_BASE)
		return -EINVAL;

	*msg = (struct lodge_irq_msg){
		.dest = dest == 0xff ? DEST_BROADCAST : dest,
		.vector = data,
		.delivery = data >> 8 & 7,
		.logical = address & MSI_LOGICAL,
		.level = data & MSI_ASSERT,
		.trigger_level = data & MSI_LEVEL_TRIGGER,
	};

	switch (msg->delivery) {
	case DELIVER_FIXED:
		/* The redirection hint: to one of those that are addressed. */
		if ((address & MSI_REDIRECT) && msg->logical)
			msg->delivery = DELIVER_LOWEST;
		return 0;
	case DELIVER_LOWEST:
	case DELIVER_SMI:
	case DELIVER_NMI:
	case DELIVER_INIT:
	case DELIVER_EXTINT:
		return 0;
	default:
		return -EINVAL;
	}
}

int lodge_irq_msi(struct lodge_vm *vm, u64 address, u32 data)
{
	struct lodge_irq_msg msg;
	int ret = lodge_msi_decode(address, data, &msg);

	if (ret)
		return ret;
	return lodge_lapic_deliver(vm, NULL, &msg);
}
