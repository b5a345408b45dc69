// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt lines, and message signalled interrupts (Intel SDM vol. 3, 11.11). */
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

#define NO_IRQ	(-1)

/* The PIC has its own output on pin 0, and the cascade for IRQ 2. */
static int isa_irq(u32 gsi)
{
	if (!gsi || gsi > 15)
		return NO_IRQ;
	return gsi == 2 ? 0 : gsi;
}

int lodge_irq_set_line(struct lodge_vm *vm, u32 gsi, bool level,
		       enum lodge_irq_source source)
{
	int ret = lodge_ioapic_set_line(vm, gsi, level, source);
	int irq = isa_irq(gsi);

	if (!ret && vm->pic && irq != NO_IRQ)
		lodge_pic_set_irq(vm, irq, level, source);
	return ret;
}

void lodge_irq_pulse(struct lodge_vm *vm, u32 gsi)
{
	lodge_irq_set_line(vm, gsi, true, IRQ_SOURCE_IRQFD);
	lodge_irq_set_line(vm, gsi, false, IRQ_SOURCE_IRQFD);
}

enum lodge_irq_fate lodge_irq_fate(struct lodge_vm *vm, u32 gsi)
{
	enum lodge_irq_fate fate = lodge_ioapic_fate(vm, gsi), other;
	int irq = isa_irq(gsi);

	if (fate == IRQ_TAKEN || !vm->pic || irq == NO_IRQ)
		return fate;
	other = lodge_pic_fate(vm, irq);
	return other == IRQ_MASKED ? fate : other;
}

bool lodge_pc_port(struct lodge_vm *vm, u16 port, int width, void *data,
		   bool write)
{
	u8 *bytes = data;
	int i;

	if (!vm->pic)
		return false;
	for (i = 0; i < width; i++) {
		if (!lodge_pic_port(vm, port + i, &bytes[i], write) &&
		    !lodge_pit_port(vm, port + i, &bytes[i], write)) {
			if (!i)
				return false;
			if (!write)
				bytes[i] = 0xff;
		}
	}
	return true;
}

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
