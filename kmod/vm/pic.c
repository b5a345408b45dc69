// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two 8259As, the second on IR 2 of the first, and the ELCR beside them (Intel
 * 8259A datasheet; the ELCR is in those of the PIIX and ICH).
 *
 * Their output goes to LINT0 of all local APICs and to pin 0 of the I/O APIC; which
 * of them listens is the guest's choice.  The lock is taken in hard interrupts;
 * within it the I/O APIC's is taken and vCPUs are woken.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "eventfd.h"
#include "irq.h"

#define CASCADE_IR	2
#define SPURIOUS_IR	7
#define NO_IR		(-1)

#define ICW1		BIT(4)
#define ICW1_SINGLE	BIT(1)
#define ICW1_ICW4	BIT(0)
#define ICW2_BASE	0xf8
#define ICW4_NESTED	BIT(4)
#define ICW4_AUTO_EOI	BIT(1)

#define OCW2_ROTATE	BIT(7)
#define OCW2_SPECIFIC	BIT(6)
#define OCW2_EOI	BIT(5)
#define OCW3		BIT(3)
#define OCW3_SET_MASK	BIT(6)
#define OCW3_MASK	BIT(5)
#define OCW3_POLL	BIT(2)
#define OCW3_READ	BIT(1)
#define OCW3_ISR	BIT(0)

#define POLL_REQUEST	BIT(7)

/* Edges alone: the timer, the keyboard, the cascade; the clock and the FPU. */
static const u8 elcr_bits[2] = { 0xf8, 0xde };

/**
 * struct lodge_pic - both 8259As
 * @lock: protects all of it
 * @output: INTR; read without the lock
 * @lines: by source, the IRQs that it asserts
 * @chips: registers, as the tool sees them
 */
struct lodge_pic {
	raw_spinlock_t lock;
	bool output;
	u32 lines[NR_IRQ_SOURCES];
	struct lodge_pic_chip chips[2];
};

/* How many IRs come before the first of @irs, from the highest priority on */
static unsigned int rank(const struct lodge_pic_chip *chip, u8 irs)
{
	unsigned int n;

	for (n = 0; n < 8; n++)
		if (irs & BIT((chip->lowest + 1 + n) & 7))
			break;
	return n;
}

/* The IR that a chip asks to be served, or NO_IR */
static int request(const struct lodge_pic_chip *chip, bool first)
{
	unsigned int n = rank(chip, chip->irr & ~chip->imr);
	u8 isr = chip->isr;

	/* What is in service holds off no others then, if it is masked. */
	if (chip->special_mask)
		isr &= ~chip->imr;
	/* The second chip has its own priorities among its IRs. */
	if (first && chip->special_nested)
		isr &= ~BIT(CASCADE_IR);
	if (n >= rank(chip, isr))
		return NO_IR;
	return (chip->lowest + 1 + n) & 7;
}

static void set_ir(struct lodge_pic_chip *chip, unsigned int ir, bool level)
{
	u8 bit = BIT(ir), rises = level ? bit & ~chip->level : 0;

	chip->level = (chip->level & ~bit) | (level ? bit : 0);
	chip->irr |= rises;
	if (chip->elcr & bit)
		chip->irr = (chip->irr & ~bit) | (chip->level & bit);
}

/* INTR to whoever listens.  A new request is a new edge. */
static void set_output(struct lodge_vm *vm, bool output)
{
	struct lodge_pic *pic = vm->pic;
	bool rises = output && !pic->output;

	if (output == pic->output)
		return;
	WRITE_ONCE(pic->output, output);
	lodge_ioapic_set_line(vm, 0, output, IRQ_SOURCE_PIC);
	if (rises)
		lodge_lapic_intr(vm);
}

static void update(struct lodge_vm *vm)
{
	struct lodge_pic_chip *first = &vm->pic->chips[0];

	if (!first->single)
		set_ir(first, CASCADE_IR,
		       request(&vm->pic->chips[1], false) != NO_IR);
	/* The cascade is no edge: it goes with what the second chip asks. */
	first->irr = (first->irr & ~BIT(CASCADE_IR)) |
		     (first->level & BIT(CASCADE_IR));
	set_output(vm, request(first, true) != NO_IR);
}

/*
 * IRQs have ended: those that irqfds hold until then are released.
 * Return: the GSIs whose irqfds are to be told, without the lock
 */
static u32 release(struct lodge_vm *vm, unsigned int nr, u8 ended)
{
	struct lodge_pic *pic = vm->pic;
	unsigned long left = ended << 8 * nr & pic->lines[IRQ_SOURCE_RESAMPLE];
	u32 gsis = 0;

	while (left) {
		int irq = __ffs(left);

		left &= left - 1;
		pic->lines[IRQ_SOURCE_RESAMPLE] &= ~BIT(irq);
		set_ir(&pic->chips[nr], irq & 7,
		       lodge_lines_asserted(pic->lines) & BIT(irq));
		gsis |= BIT(lodge_isa_gsi(irq));
	}
	return gsis;
}

static void resample(struct lodge_vm *vm, u32 gsis)
{
	while (gsis) {
		u32 gsi = __ffs(gsis);

		gsis &= gsis - 1;
		lodge_ioapic_set_line(vm, gsi, false, IRQ_SOURCE_RESAMPLE);
		lodge_irqfd_resample(vm, gsi);
	}
}

/* INTA, or a poll that found something.  Return: IRs that have ended by that */
static u8 serve(struct lodge_pic_chip *chip, unsigned int ir)
{
	if (!(chip->elcr & BIT(ir)))
		chip->irr &= ~BIT(ir);
	if (!chip->auto_eoi) {
		chip->isr |= BIT(ir);
		return 0;
	}
	if (chip->rotate)
		chip->lowest = ir;
	return BIT(ir);
}

int lodge_pic_ack(struct lodge_vm *vm)
{
	struct lodge_pic *pic = vm->pic;
	struct lodge_pic_chip *chip = &pic->chips[0];
	unsigned long flags;
	u32 released = 0;
	int ir, vector;

	raw_spin_lock_irqsave(&pic->lock, flags);
	/* Whatever is left to be served is a new edge. */
	set_output(vm, false);
	ir = request(chip, true);
	if (ir != NO_IR)
		released |= release(vm, 0, serve(chip, ir));
	if (ir == CASCADE_IR && !chip->single) {
		chip = &pic->chips[1];
		ir = request(chip, false);
		if (ir != NO_IR)
			released |= release(vm, 1, serve(chip, ir));
	}
	vector = chip->base + (ir == NO_IR ? SPURIOUS_IR : ir);
	update(vm);
	raw_spin_unlock_irqrestore(&pic->lock, flags);

	resample(vm, released);
	return vector;
}

bool lodge_pic_output(struct lodge_vm *vm)
{
	return READ_ONCE(vm->pic->output);
}

void lodge_pic_set_irq(struct lodge_vm *vm, u32 irq, bool level,
		       enum lodge_irq_source source)
{
	struct lodge_pic *pic = vm->pic;
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	if (level)
		pic->lines[source] |= BIT(irq);
	else
		pic->lines[source] &= ~BIT(irq);
	set_ir(&pic->chips[irq / 8], irq % 8,
	       lodge_lines_asserted(pic->lines) & BIT(irq));
	update(vm);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
}

enum lodge_irq_fate lodge_pic_fate(struct lodge_vm *vm, u32 irq)
{
	struct lodge_pic *pic = vm->pic;
	struct lodge_pic_chip *chip = &pic->chips[irq / 8];
	enum lodge_irq_fate fate = IRQ_TAKEN;
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	if (chip->imr & BIT(irq % 8))
		fate = IRQ_MASKED;
	else if (chip->irr & BIT(irq % 8))
		fate = IRQ_WAITS;
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	return fate;
}

/* ---- Ports ---- */

static void write_icw1(struct lodge_pic_chip *chip, u8 value)
{
	*chip = (struct lodge_pic_chip){
		/* Inputs that are high already are no edges. */
		.irr = chip->level & chip->elcr,
		.level = chip->level,
		.elcr = chip->elcr,
		.base = chip->base,
		.lowest = 7,
		.icw = 2,
		.icw4 = !!(value & ICW1_ICW4),
		.single = !!(value & ICW1_SINGLE),
	};
}

/* Return: IRs that have ended */
static u8 write_ocw2(struct lodge_pic_chip *chip, u8 value)
{
	unsigned int ir = value & 7;
	u8 isr = chip->isr;

	if (!(value & OCW2_EOI)) {
		if ((value & OCW2_SPECIFIC) && (value & OCW2_ROTATE))
			chip->lowest = ir;
		else if (!(value & OCW2_SPECIFIC))
			chip->rotate = !!(value & OCW2_ROTATE);
		return 0;
	}
	if (!(value & OCW2_SPECIFIC)) {
		if (chip->special_mask)
			isr &= ~chip->imr;
		if (!isr)
			return 0;
		ir = (chip->lowest + 1 + rank(chip, isr)) & 7;
	}
	isr = chip->isr & BIT(ir);
	chip->isr &= ~BIT(ir);
	if (value & OCW2_ROTATE)
		chip->lowest = ir;
	return isr;
}

static void write_ocw3(struct lodge_pic_chip *chip, u8 value)
{
	if (value & OCW3_SET_MASK)
		chip->special_mask = !!(value & OCW3_MASK);
	if (value & OCW3_POLL)
		chip->poll = 1;
	else if (value & OCW3_READ)
		chip->read_isr = value & OCW3_ISR;
}

static void write_data(struct lodge_pic_chip *chip, u8 value)
{
	switch (chip->icw) {
	case 2:
		chip->base = value & ICW2_BASE;
		chip->icw = !chip->single ? 3 : chip->icw4 ? 4 : 0;
		break;
	case 3:
		/* How the chips are wired cannot be changed. */
		chip->icw = chip->icw4 ? 4 : 0;
		break;
	case 4:
		chip->special_nested = !!(value & ICW4_NESTED);
		chip->auto_eoi = !!(value & ICW4_AUTO_EOI);
		chip->icw = 0;
		break;
	default:
		chip->imr = value;
		break;
	}
}

static void write_elcr(struct lodge_pic_chip *chip, u8 value)
{
	chip->elcr = value;
	chip->irr = (chip->irr & ~value) | (chip->level & value);
}

/* A poll is an acknowledgment by reading.  *@ended: IRs that have ended */
static u8 poll(struct lodge_pic_chip *chip, bool first, u8 *ended)
{
	int ir = request(chip, first);

	chip->poll = 0;
	if (ir == NO_IR)
		return 0;
	*ended = serve(chip, ir);
	return POLL_REQUEST | ir;
}

bool lodge_pic_port(struct lodge_vm *vm, u16 port, u8 *value, bool write)
{
	struct lodge_pic *pic = vm->pic;
	struct lodge_pic_chip *chip;
	unsigned long flags;
	u32 released = 0;
	unsigned int nr;
	u8 ended = 0;

	switch (port) {
	case 0x20:
	case 0x21:
	case 0xa0:
	case 0xa1:
		nr = port >> 7;
		break;
	case 0x4d0:
	case 0x4d1:
		nr = port & 1;
		break;
	default:
		return false;
	}
	chip = &pic->chips[nr];

	raw_spin_lock_irqsave(&pic->lock, flags);
	if (port >= 0x4d0) {
		if (write)
			write_elcr(chip, *value & elcr_bits[nr]);
		else
			*value = chip->elcr;
	} else if (!write) {
		if (chip->poll)
			*value = poll(chip, !nr, &ended);
		else if (port & 1)
			*value = chip->imr;
		else
			*value = chip->read_isr ? chip->isr : chip->irr;
	} else if (port & 1) {
		write_data(chip, *value);
	} else if (*value & ICW1) {
		write_icw1(chip, *value);
	} else if (*value & OCW3) {
		write_ocw3(chip, *value);
	} else {
		ended = write_ocw2(chip, *value);
	}
	released = release(vm, nr, ended);
	update(vm);
	raw_spin_unlock_irqrestore(&pic->lock, flags);

	resample(vm, released);
	return true;
}

/* ---- State ---- */

void lodge_pic_get_state(struct lodge_vm *vm, struct lodge_pic_state *s)
{
	struct lodge_pic *pic = vm->pic;
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	memcpy(s->chips, pic->chips, sizeof(s->chips));
	raw_spin_unlock_irqrestore(&pic->lock, flags);
}

static bool chip_valid(const struct lodge_pic_chip *chip, unsigned int nr)
{
	if ((chip->elcr & ~elcr_bits[nr]) || (chip->base & ~ICW2_BASE) ||
	    chip->lowest > 7 || chip->icw > 4 || chip->icw == 1 ||
	    chip->icw4 > 1 || chip->single > 1 || chip->auto_eoi > 1 ||
	    chip->rotate > 1 || chip->special_mask > 1 ||
	    chip->special_nested > 1 || chip->read_isr > 1 || chip->poll > 1)
		return false;
	/* Levels are not remembered. */
	return !((chip->irr ^ chip->level) & chip->elcr);
}

int lodge_pic_set_state(struct lodge_vm *vm, const struct lodge_pic_state *s)
{
	struct lodge_pic *pic = vm->pic;
	unsigned long flags;
	u16 level;

	if (!chip_valid(&s->chips[0], 0) || !chip_valid(&s->chips[1], 1))
		return -EINVAL;
	level = s->chips[0].level | s->chips[1].level << 8;
	level &= ~BIT(CASCADE_IR);

	raw_spin_lock_irqsave(&pic->lock, flags);
	memcpy(pic->chips, s->chips, sizeof(pic->chips));
	lodge_lines_set(pic->lines, level);
	set_output(vm, false);
	update(vm);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	return 0;
}

int lodge_pic_create(struct lodge_vm *vm)
{
	struct lodge_pic *pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);

	if (!pic)
		return -ENOMEM;
	raw_spin_lock_init(&pic->lock);
	pic->chips[0].lowest = 7;
	pic->chips[1].lowest = 7;
	/* Nothing comes before somebody has said where to. */
	pic->chips[0].imr = 0xff;
	pic->chips[1].imr = 0xff;
	vm->pic = pic;
	return 0;
}

void lodge_pic_destroy(struct lodge_vm *vm)
{
	kfree(vm->pic);
	vm->pic = NULL;
}
