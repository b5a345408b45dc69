/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts: local APICs, the I/O APIC, messages between them; the PIC and PIT. */
#ifndef LODGE_VM_IRQ_H
#define LODGE_VM_IRQ_H

#include "vm.h"

/* Delivery modes, as in ICR, redirection entries and message data */
enum lodge_delivery {
	DELIVER_FIXED = 0,
	DELIVER_LOWEST = 1,
	DELIVER_SMI = 2,
	DELIVER_NMI = 4,
	DELIVER_INIT = 5,
	DELIVER_STARTUP = 6,
	DELIVER_EXTINT = 7,
};

/* Destination shorthands of an IPI */
enum lodge_shorthand {
	DEST_NONE = 0,
	DEST_SELF = 1,
	DEST_ALL = 2,
	DEST_OTHERS = 3,
};

#define DEST_BROADCAST	0xffffffffU

/**
 * struct lodge_irq_msg - an interrupt message on the way to local APICs
 * @dest: destination, 32 bits as in x2APIC mode; senders with 8 bits make
 *        DEST_BROADCAST of 0xff
 * @vector: vector
 * @delivery: enum lodge_delivery
 * @logical: destination mode
 * @level: asserted
 * @trigger_level: level-triggered
 * @shorthand: enum lodge_shorthand
 */
struct lodge_irq_msg {
	u32 dest;
	u8 vector;
	u8 delivery;
	bool logical;
	bool level;
	bool trigger_level;
	u8 shorthand;
};

/* vm/lapic.c, lapic_timer.c, lapic_state.c */
int lodge_lapic_create(struct lodge_vcpu *vcpu);
void lodge_lapic_destroy(struct lodge_vcpu *vcpu);

/**
 * lodge_lapic_reset() - registers as after RESET or, with @init, INIT
 * @vcpu: the vCPU, by its own thread
 * @init: INIT keeps the APIC ID and IA32_APIC_BASE
 */
void lodge_lapic_reset(struct lodge_vcpu *vcpu, bool init);

/**
 * lodge_lapic_startup() - a STARTUP begins the vCPU
 * @vcpu: the vCPU, by its own thread
 *
 * It has received nothing since its INIT: what is here is of senders who found it
 * enabled before, and came to put their interrupt there after.
 */
void lodge_lapic_startup(struct lodge_vcpu *vcpu);

/**
 * lodge_lapic_next_irq() - the vector that the guest would take now
 * @vcpu: the vCPU, by its own thread
 *
 * Moves an expired timer into IRR first.  Context: any.
 * Return: a vector whose class is above the processor priority, or -1
 */
int lodge_lapic_next_irq(struct lodge_vcpu *vcpu);

/**
 * lodge_lapic_ack() - the guest takes it: from IRR to ISR
 * @vcpu: the vCPU, by its own thread
 * @vector: what lodge_lapic_next_irq() gave
 */
void lodge_lapic_ack(struct lodge_vcpu *vcpu, int vector);

/**
 * lodge_lapic_mmio() - an access to the register page (xAPIC mode)
 * @vcpu: the vCPU, by its own thread
 * @gpa: guest physical address
 * @data: little endian, up to 8 bytes
 * @width: bytes
 * @write: direction
 *
 * Context: must not sleep.
 * Return: false if it is not this vCPU's APIC
 */
bool lodge_lapic_mmio(struct lodge_vcpu *vcpu, u64 gpa, void *data, int width,
		      bool write);

/**
 * lodge_lapic_msr() - x2APIC registers, IA32_APIC_BASE, IA32_TSC_DEADLINE
 * @vcpu: the vCPU, by its own thread
 * @index: MSR
 * @value: in or out
 * @write: direction
 *
 * Context: must not sleep.
 * Return: 0, or 1 for #GP
 */
int lodge_lapic_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write);

/**
 * lodge_lapic_set_base() - write IA32_APIC_BASE
 * @vcpu: the vCPU, by its own thread
 * @value: as written
 * @host: the tool asks: any mode may follow any other, and the BSP bit is
 *        taken as it is.  It comes before LODGE_STATE_LAPIC, whose meaning
 *        depends on the mode.
 *
 * Return: 0, or 1 for #GP
 */
int lodge_lapic_set_base(struct lodge_vcpu *vcpu, u64 value, bool host);

u64 lodge_lapic_get_cr8(struct lodge_vcpu *vcpu);
void lodge_lapic_set_cr8(struct lodge_vcpu *vcpu, u64 cr8);
void lodge_lapic_get_state(struct lodge_vcpu *vcpu, struct lodge_lapic_state *s);
int lodge_lapic_set_state(struct lodge_vcpu *vcpu,
			  const struct lodge_lapic_state *s);

/* The guest's time stamp counter was moved: arm the deadline timer again. */
void lodge_lapic_tsc_moved(struct lodge_vcpu *vcpu);

/**
 * lodge_lapic_extint() - would the vCPU acknowledge an interrupt of the PIC?
 * @vcpu: the vCPU, by its own thread; its VM has a PIC
 *
 * It does where LINT0 is ExtINT and the PIC asks (virtual wire mode), where the
 * APIC is off (then the pin is the processor's INTR; that of the bootstrap
 * processor alone is wired), or after a message of that kind.
 *
 * Return: true if there is one to acknowledge
 */
bool lodge_lapic_extint(struct lodge_vcpu *vcpu);

/* It has acknowledged one. */
void lodge_lapic_extint_done(struct lodge_vcpu *vcpu);

/* Does an interrupt wait to be taken?  Context: any */
bool lodge_lapic_requested(struct lodge_vcpu *vcpu, u8 vector);

/* vm/lapic_deliver.c */

/**
 * lodge_vcpu_nmi() - one more NMI for a vCPU, as far as it can remember it
 * @vcpu: the vCPU
 *
 * Context: any.
 */
void lodge_vcpu_nmi(struct lodge_vcpu *vcpu);

/**
 * lodge_lapic_intr() - the PIC's output has risen: LINT0 of all local APICs
 * @vm: the VM
 *
 * Context: any, hard interrupts too.
 */
void lodge_lapic_intr(struct lodge_vm *vm);

/**
 * lodge_lapic_nmi() - the NMI line of a PC: LINT1, or the processor's own pin
 * @vcpu: the vCPU
 *
 * Context: any.
 */
void lodge_lapic_nmi(struct lodge_vcpu *vcpu);

/**
 * lodge_lapic_deliver() - an interrupt message reaches the local APICs
 * @vm: the VM
 * @source: sender of an IPI, NULL for devices
 * @msg: the message
 *
 * Context: any, hard interrupts too.
 * Return: how many vCPUs took it
 */
int lodge_lapic_deliver(struct lodge_vm *vm, struct lodge_vcpu *source,
			const struct lodge_irq_msg *msg);

/* vm/ioapic.c */
#define LODGE_IOAPIC_BASE	0xfec00000ULL

int lodge_ioapic_create(struct lodge_vm *vm);
void lodge_ioapic_destroy(struct lodge_vm *vm);
bool lodge_ioapic_mmio(struct lodge_vm *vm, u64 gpa, void *data, int width,
		       bool write);

/* Who drives a pin: it is asserted while any of them asserts it. */
enum lodge_irq_source {
	IRQ_SOURCE_USER,
	IRQ_SOURCE_IRQFD,
	IRQ_SOURCE_RESAMPLE,	/* irqfds that hold a pin until its EOI */
	IRQ_SOURCE_PIT,
	IRQ_SOURCE_PIC,		/* its output, on pin 0 */
	NR_IRQ_SOURCES
};

/* The lines that any source asserts; @lines has a word for each source. */
static inline u32 lodge_lines_asserted(const u32 *lines)
{
	u32 all = 0;
	int i;

	for (i = 0; i < NR_IRQ_SOURCES; i++)
		all |= lines[i];
	return all;
}

/* From now on, @level is: what others hold stays theirs, the rest is the tool's. */
static inline void lodge_lines_set(u32 *lines, u32 level)
{
	int i;

	lines[IRQ_SOURCE_IRQFD] = 0;
	lines[IRQ_SOURCE_USER] = level;
	for (i = 0; i < NR_IRQ_SOURCES; i++) {
		if (i == IRQ_SOURCE_USER)
			continue;
		lines[i] &= level;
		lines[IRQ_SOURCE_USER] &= ~lines[i];
	}
}

/* What has become of the last edge */
enum lodge_irq_fate {
	IRQ_MASKED,
	IRQ_TAKEN,
	IRQ_WAITS,
};

/* Context: any, hard interrupts too. Return: 0 or -EINVAL */
int lodge_ioapic_set_line(struct lodge_vm *vm, u32 gsi, bool level,
			  enum lodge_irq_source source);
/* Context: any, hard interrupts too. */
enum lodge_irq_fate lodge_ioapic_fate(struct lodge_vm *vm, u32 gsi);
/* A local APIC saw the EOI of a level-triggered vector. */
void lodge_ioapic_eoi(struct lodge_vm *vm, u8 vector);
void lodge_ioapic_get_state(struct lodge_vm *vm, struct lodge_ioapic_state *s);
int lodge_ioapic_set_state(struct lodge_vm *vm,
			   const struct lodge_ioapic_state *s);

/*
 * vm/pic.c.  All but lodge_pic_create() want a VM that has one.
 * Context: any, hard interrupts too.
 */
int lodge_pic_create(struct lodge_vm *vm);
void lodge_pic_destroy(struct lodge_vm *vm);
bool lodge_pic_output(struct lodge_vm *vm);	/* INTR */
/* INTA. Return: the vector, a spurious one if there is nothing any more */
int lodge_pic_ack(struct lodge_vm *vm);
void lodge_pic_set_irq(struct lodge_vm *vm, u32 irq, bool level,
		       enum lodge_irq_source source);
enum lodge_irq_fate lodge_pic_fate(struct lodge_vm *vm, u32 irq);
/* Return: false if the port is not its own */
bool lodge_pic_port(struct lodge_vm *vm, u16 port, u8 *value, bool write);
void lodge_pic_get_state(struct lodge_vm *vm, struct lodge_pic_state *s);
int lodge_pic_set_state(struct lodge_vm *vm, const struct lodge_pic_state *s);

/* vm/pit.c: as for the PIC */
int lodge_pit_create(struct lodge_vm *vm);
void lodge_pit_destroy(struct lodge_vm *vm);
bool lodge_pit_port(struct lodge_vm *vm, u16 port, u8 *value, bool write);
void lodge_pit_get_state(struct lodge_vm *vm, struct lodge_pit_state *s);
int lodge_pit_set_state(struct lodge_vm *vm, const struct lodge_pit_state *s);

static inline bool lodge_extint_waits(struct lodge_vcpu *vcpu)
{
	return unlikely(vcpu->vm->pic) && lodge_lapic_extint(vcpu);
}

/* vm/irq.c */

/* The line of an ISA IRQ: the timer is on pin 2 of the I/O APIC. */
static inline u32 lodge_isa_gsi(u32 irq)
{
	return irq ? irq : 2;
}

/**
 * lodge_irq_set_line() - an interrupt line of the VM: I/O APIC and PIC
 * @vm: the VM
 * @gsi: the line
 * @level: asserted
 * @source: by whom
 *
 * Context: any, hard interrupts too.
 * Return: 0 or -EINVAL
 */
int lodge_irq_set_line(struct lodge_vm *vm, u32 gsi, bool level,
		       enum lodge_irq_source source);
/* A rising and a falling edge in one, from IRQ_SOURCE_IRQFD.  Context: as above */
void lodge_irq_pulse(struct lodge_vm *vm, u32 gsi);
/* Whether the guest has taken the last edge.  Context: as above */
enum lodge_irq_fate lodge_irq_fate(struct lodge_vm *vm, u32 gsi);

/**
 * lodge_pc_port() - a port of the PIC or the PIT
 * @vm: the VM
 * @port: where the access begins
 * @width: 1, 2 or 4 bytes, which go to ports that follow one another
 * @data: little endian
 * @write: direction
 *
 * Context: must not sleep.
 * Return: false if it does not begin there, or there are none
 */
bool lodge_pc_port(struct lodge_vm *vm, u16 port, int width, void *data,
		   bool write);

/**
 * lodge_msi_decode() - what a message signalled interrupt asks for
 * @address: Intel SDM vol. 3, 11.11.1
 * @data: Intel SDM vol. 3, 11.11.2
 * @msg: out
 *
 * Return: 0, or -EINVAL (not an MSI address, or a reserved delivery mode)
 */
int lodge_msi_decode(u64 address, u32 data, struct lodge_irq_msg *msg);

/* Context: any. Return: how many vCPUs took it, or -EINVAL */
int lodge_irq_msi(struct lodge_vm *vm, u64 address, u32 data);

#endif /* LODGE_VM_IRQ_H */
