// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC (82093AA datasheet; the EOI register of version 0x20 is in the
 * ICH datasheets): 24 pins, each with an entry that says which message the
 * local APICs get.
 *
 * Its lock is taken in hard interrupts and inside an eventfd's wait queue.
 * What is called with it held are only the local APICs and the wake-up of a
 * vCPU; eventfds are signalled without it.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "eventfd.h"
#include "irq.h"

#define IOAPIC_SELECT	0x00
#define IOAPIC_WINDOW	0x10
#define IOAPIC_EOI	0x40
#define IOAPIC_LENGTH	0x1000

#define IOAPIC_ID	0x00
#define IOAPIC_VERSION	0x01
#define IOAPIC_ARB	0x02
#define IOAPIC_REDIR	0x10

#define IOAPIC_VERSION_VALUE	(0x20 | (LODGE_NR_GSIS - 1) << 16)
#define ID_SHIFT	24
#define ID_BITS		0xf

#define REDIR_VECTOR	0xffULL
#define REDIR_DELIVERY	(7ULL << 8)
#define REDIR_LOGICAL	BIT_ULL(11)
#define REDIR_STATUS	BIT_ULL(12)
#define REDIR_REMOTE	BIT_ULL(14)
#define REDIR_LEVEL	BIT_ULL(15)
#define REDIR_MASKED	BIT_ULL(16)
#define REDIR_DEST	(0xffULL << 56)
#define REDIR_READONLY	(REDIR_STATUS | REDIR_REMOTE)
#define REDIR_BITS	(GENMASK_ULL(16, 0) | REDIR_DEST)

#define ALL_PINS	GENMASK(LODGE_NR_GSIS - 1, 0)

/**
 * struct lodge_ioapic - an I/O APIC
 * @lock: protects all of it
 * @id: its ID, which nothing depends on
 * @select: index register
 * @edges: pins whose edge has come and was not delivered, for a mask
 * @lines: by source, the pins that it asserts
 * @redir: redirection table
 */
struct lodge_ioapic {
	raw_spinlock_t lock;
	u32 id;
	u32 select;
	u32 edges;
	u32 lines[NR_IRQ_SOURCES];
	u64 redir[LODGE_NR_GSIS];
};

static bool send_pin(struct lodge_vm *vm, u64 entry, bool level)
{
	u32 dest = entry >> 56;
	struct lodge_irq_msg msg = {
		.dest = dest == 0xff ? DEST_BROADCAST : dest,
		.vector = entry & REDIR_VECTOR,
		.delivery = (entry & REDIR_DELIVERY) >> 8,
		.logical = entry & REDIR_LOGICAL,
		.level = true,
		.trigger_level = level,
	};

	/* 6 is STARTUP in an IPI, and reserved here. */
	if (msg.delivery == DELIVER_STARTUP)
		return false;
	return lodge_lapic_deliver(vm, NULL, &msg) > 0;
}

/*
 * Deliver what a pin has.  No loop: a level that stays asserted is delivered
 * again only when the guest has signalled the end of the interrupt before.
 */
static void service_pin(struct lodge_vm *vm, u32 pin)
{
	struct lodge_ioapic *ioapic = vm->ioapic;
	u64 *entry = &ioapic->redir[pin];

	if (*entry & REDIR_MASKED)
		return;
	if (!(*entry & REDIR_LEVEL)) {
		if (!(ioapic->edges & BIT(pin)))
			return;
		ioapic->edges &= ~BIT(pin);
		send_pin(vm, *entry, false);
		return;
	}
	if ((*entry & REDIR_REMOTE) || !(lodge_lines_asserted(ioapic->lines) & BIT(pin)))
		return;
	if (send_pin(vm, *entry, true))
		*entry |= REDIR_REMOTE;
}

static void set_line(struct lodge_vm *vm, u32 pin, bool level,
		     enum lodge_irq_source source)
{
	struct lodge_ioapic *ioapic = vm->ioapic;
	u32 before = lodge_lines_asserted(ioapic->lines);

	if (!level) {
		ioapic->lines[source] &= ~BIT(pin);
		return;
	}
	ioapic->lines[source] |= BIT(pin);
	if (!(before & BIT(pin)) && !(ioapic->redir[pin] & REDIR_LEVEL))
		ioapic->edges |= BIT(pin);
	service_pin(vm, pin);
}

int lodge_ioapic_set_line(struct lodge_vm *vm, u32 gsi, bool level,
			  enum lodge_irq_source source)
{
	unsigned long flags;

	if (gsi >= LODGE_NR_GSIS)
		return -EINVAL;
	raw_spin_lock_irqsave(&vm->ioapic->lock, flags);
	set_line(vm, gsi, level, source);
	raw_spin_unlock_irqrestore(&vm->ioapic->lock, flags);
	return 0;
}

enum lodge_irq_fate lodge_ioapic_fate(struct lodge_vm *vm, u32 gsi)
{
	u64 entry = READ_ONCE(vm->ioapic->redir[gsi]);
	int i;

	if ((entry & (REDIR_MASKED | REDIR_DELIVERY)) > DELIVER_LOWEST << 8)
		return IRQ_MASKED;
	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		struct lodge_vcpu *vcpu = READ_ONCE(vm->vcpus[i]);

		if (vcpu && lodge_lapic_requested(vcpu, entry & REDIR_VECTOR))
			return IRQ_WAITS;
	}
	return IRQ_TAKEN;
}

void lodge_ioapic_eoi(struct lodge_vm *vm, u8 vector)
{
	struct lodge_ioapic *ioapic = vm->ioapic;
	unsigned long flags;
	u32 pin, acked = 0;
	u64 *entry;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	for (pin = 0; pin < LODGE_NR_GSIS; pin++) {
		entry = &ioapic->redir[pin];
		if ((*entry & REDIR_VECTOR) != vector ||
		    !(*entry & REDIR_REMOTE))
			continue;
		*entry &= ~REDIR_REMOTE;
		ioapic->lines[IRQ_SOURCE_RESAMPLE] &= ~BIT(pin);
		acked |= BIT(pin);
		service_pin(vm, pin);
	}
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);

	while (acked) {
		pin = __ffs(acked);
		acked &= ~BIT(pin);
		/* The PIC has the line, too. */
		if (vm->pic)
			lodge_irq_set_line(vm, pin, false, IRQ_SOURCE_RESAMPLE);
		lodge_irqfd_resample(vm, pin);
	}
}

static void write_redir(struct lodge_vm *vm, u32 reg, u32 value)
{
	u32 pin = (reg - IOAPIC_REDIR) / 2;
	u64 *entry = &vm->ioapic->redir[pin];
	u64 old = *entry;

	if (reg & 1)
		*entry = (u32)old | (u64)value << 32;
	else
		*entry = (old & ~0xffffffffULL) | (value & ~REDIR_READONLY) |
			 (old & REDIR_READONLY);
	*entry &= REDIR_BITS;

	/* Guests switch to edge and back to get rid of a stuck remote IRR. */
	if (!(*entry & REDIR_LEVEL))
		*entry &= ~REDIR_REMOTE;
	else
		vm->ioapic->edges &= ~BIT(pin);
	service_pin(vm, pin);
}

static void write_window(struct lodge_vm *vm, u32 value)
{
	struct lodge_ioapic *ioapic = vm->ioapic;
	u32 reg = ioapic->select;

	if (reg == IOAPIC_ID)
		ioapic->id = value >> ID_SHIFT & ID_BITS;
	else if (reg >= IOAPIC_REDIR &&
		 reg < IOAPIC_REDIR + 2 * LODGE_NR_GSIS)
		write_redir(vm, reg, value);
}

static u32 read_window(const struct lodge_ioapic *ioapic)
{
	u32 reg = ioapic->select;
	u64 entry;

	switch (reg) {
	case IOAPIC_ID:
	case IOAPIC_ARB:
		return ioapic->id << ID_SHIFT;
	case IOAPIC_VERSION:
		return IOAPIC_VERSION_VALUE;
	case IOAPIC_REDIR ... IOAPIC_REDIR + 2 * LODGE_NR_GSIS - 1:
		entry = ioapic->redir[(reg - IOAPIC_REDIR) / 2];
		return reg & 1 ? entry >> 32 : entry;
	default:
		return 0;
	}
}

static void ioapic_write(struct lodge_vm *vm, u32 offset, u32 value)
{
	struct lodge_ioapic *ioapic = vm->ioapic;
	unsigned long flags;

	if (offset == IOAPIC_EOI) {
		lodge_ioapic_eoi(vm, value);
		return;
	}
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	if (offset == IOAPIC_SELECT)
		ioapic->select = value & 0xff;
	else if (offset == IOAPIC_WINDOW)
		write_window(vm, value);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

static u32 ioapic_read(struct lodge_ioapic *ioapic, u32 offset)
{
	unsigned long flags;
	u32 value = 0;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	if (offset == IOAPIC_SELECT)
		value = ioapic->select;
	else if (offset == IOAPIC_WINDOW)
		value = read_window(ioapic);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return value;
}

bool lodge_ioapic_mmio(struct lodge_vm *vm, u64 gpa, void *data, int width,
		       bool write)
{
	u32 value = 0, bytes = min_t(u32, width, sizeof(value));

	if (gpa < LODGE_IOAPIC_BASE || gpa >= LODGE_IOAPIC_BASE + IOAPIC_LENGTH)
		return false;

	if (write) {
		memcpy(&value, data, bytes);
		ioapic_write(vm, gpa - LODGE_IOAPIC_BASE, value);
		return true;
	}
	value = ioapic_read(vm->ioapic, gpa - LODGE_IOAPIC_BASE);
	memset(data, 0, width);
	memcpy(data, &value, bytes);
	return true;
}

void lodge_ioapic_get_state(struct lodge_vm *vm, struct lodge_ioapic_state *s)
{
	struct lodge_ioapic *ioapic = vm->ioapic;
	unsigned long flags;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	s->id = ioapic->id;
	s->ioregsel = ioapic->select;
	s->irr = ioapic->edges;
	s->level = lodge_lines_asserted(ioapic->lines);
	memcpy(s->redirtbl, ioapic->redir, sizeof(s->redirtbl));
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

static bool state_valid(const struct lodge_ioapic_state *s)
{
	int i;

	if (s->id > ID_BITS || s->ioregsel > 0xff ||
	    ((s->irr | s->level) & ~ALL_PINS))
		return false;
	for (i = 0; i < LODGE_NR_GSIS; i++) {
		u64 entry = s->redirtbl[i];

		if (entry & ~(REDIR_BITS & ~REDIR_STATUS))
			return false;
		if ((entry & REDIR_REMOTE) && !(entry & REDIR_LEVEL))
			return false;
		/* Only edges wait to be delivered. */
		if ((s->irr & BIT(i)) && (entry & REDIR_LEVEL))
			return false;
	}
	return true;
}

int lodge_ioapic_set_state(struct lodge_vm *vm,
			   const struct lodge_ioapic_state *s)
{
	struct lodge_ioapic *ioapic = vm->ioapic;
	unsigned long flags;
	int i;

	if (!state_valid(s))
		return -EINVAL;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	ioapic->id = s->id;
	ioapic->select = s->ioregsel;
	ioapic->edges = s->irr;
	memcpy(ioapic->redir, s->redirtbl, sizeof(s->redirtbl));
	lodge_lines_set(ioapic->lines, s->level);
	for (i = 0; i < LODGE_NR_GSIS; i++)
		service_pin(vm, i);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return 0;
}

int lodge_ioapic_create(struct lodge_vm *vm)
{
	struct lodge_ioapic *ioapic = kzalloc(sizeof(*ioapic),
					      GFP_KERNEL_ACCOUNT);
	int i;

	if (!ioapic)
		return -ENOMEM;
	raw_spin_lock_init(&ioapic->lock);
	for (i = 0; i < LODGE_NR_GSIS; i++)
		ioapic->redir[i] = REDIR_MASKED;
	vm->ioapic = ioapic;
	return 0;
}

void lodge_ioapic_destroy(struct lodge_vm *vm)
{
	kfree(vm->ioapic);
	vm->ioapic = NULL;
}
