// SPDX-License-Identifier: GPL-2.0-only
/*
 * MP tables for systems that do not know ACPI.  References are to the Intel
 * MultiProcessor Specification 1.4.
 */
#include "vmm/mptable.h"

#include <assert.h>
#include <string.h>

#include "vmm/acpi.h"
#include "vmm/vm.h"

#define SPECIFICATION	4		/* 1.4 */
#define LAPIC_ADDRESS	0xfee00000U
#define LAPIC_VERSION	0x14
#define IOAPIC_ADDRESS	0xfec00000U
#define IOAPIC_ID	LODGE_MAX_VCPUS
#define IOAPIC_VERSION	0x20

#define ENABLED		1
#define BOOTSTRAP	2
#define EVERY_LAPIC	0xff

/* 4.3: types of entries; 4.3.4: types of interrupts */
enum { ENTRY_CPU, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_INTERRUPT, ENTRY_LOCAL };
enum { INTERRUPT_INT, INTERRUPT_NMI, INTERRUPT_SMI, INTERRUPT_EXTINT };

struct mp_floating {		/* 4.1 */
	char signature[4];
	uint32_t address;
	uint8_t length;		/* in paragraphs */
	uint8_t specification;
	uint8_t checksum;
	uint8_t features[5];
} __attribute__((packed));

struct mp_header {		/* 4.2 */
	char signature[4];
	uint16_t length;
	uint8_t specification;
	uint8_t checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_size;
	uint16_t entries;
	uint32_t lapic_address;
	uint16_t extended_length;
	uint8_t extended_checksum;
	uint8_t reserved;
} __attribute__((packed));

struct mp_cpu {
	uint8_t type, apic_id, apic_version, flags;
	uint32_t signature, features;
	uint32_t reserved[2];
} __attribute__((packed));

struct mp_bus {
	uint8_t type, id;
	char name[6];
} __attribute__((packed));

struct mp_ioapic {
	uint8_t type, id, version, flags;
	uint32_t address;
} __attribute__((packed));

struct mp_interrupt {
	uint8_t type, kind;
	uint16_t flags;		/* as the bus has it: edges, active high */
	uint8_t bus, irq, apic, pin;
} __attribute__((packed));

static_assert(sizeof(struct mp_floating) == 16 && sizeof(struct mp_header) == 44,
	      "4.1, 4.2");

/* All of it is in the first KiB of that area, behind the word with its size. */
static_assert(16 + sizeof(struct mp_floating) + sizeof(struct mp_header) +
	      LODGE_MAX_VCPUS * sizeof(struct mp_cpu) + sizeof(struct mp_bus) +
	      sizeof(struct mp_ioapic) + 18 * sizeof(struct mp_interrupt) <=
	      MPTABLE_SIZE, "the extended BIOS data area");

static uint8_t *add(struct mp_header *header, uint8_t *at, const void *entry,
		    size_t size)
{
	memcpy(at, entry, size);
	header->entries++;
	return at + size;
}

/* ISA's timer is on pin 2 of the I/O APIC, the PIC's output on pin 0. */
static uint8_t *add_interrupts(struct mp_header *header, uint8_t *at)
{
	struct mp_interrupt interrupt = {
		.type = ENTRY_INTERRUPT,
		.kind = INTERRUPT_EXTINT,
		.apic = IOAPIC_ID,
	};
	uint8_t irq;

	at = add(header, at, &interrupt, sizeof(interrupt));
	interrupt.kind = INTERRUPT_INT;
	for (irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		interrupt.irq = irq;
		interrupt.pin = irq ? irq : 2;
		at = add(header, at, &interrupt, sizeof(interrupt));
	}
	interrupt = (struct mp_interrupt){
		.type = ENTRY_LOCAL,
		.kind = INTERRUPT_EXTINT,
		.apic = EVERY_LAPIC,
	};
	at = add(header, at, &interrupt, sizeof(interrupt));
	interrupt.kind = INTERRUPT_NMI;
	interrupt.pin = 1;
	return add(header, at, &interrupt, sizeof(interrupt));
}

void mptable_build(const struct vm *vm, uint8_t *area, uint32_t address)
{
	struct mp_floating *floating = (struct mp_floating *)(area + 16);
	struct mp_header *header = (struct mp_header *)(floating + 1);
	uint8_t *at = (uint8_t *)(header + 1);
	const struct mp_bus bus = { .type = ENTRY_BUS, .name = "ISA   " };
	const struct mp_ioapic ioapic = {
		.type = ENTRY_IOAPIC,
		.id = IOAPIC_ID,
		.version = IOAPIC_VERSION,
		.flags = ENABLED,
		.address = IOAPIC_ADDRESS,
	};
	unsigned int i;

	memset(area, 0, MPTABLE_SIZE);
	area[0] = MPTABLE_SIZE >> 10;
	for (i = 0; i < vm->config->cpus; i++) {
		const struct mp_cpu cpu = {
			.type = ENTRY_CPU,
			.apic_id = (uint8_t)i,
			.apic_version = LAPIC_VERSION,
			.flags = i ? ENABLED : ENABLED | BOOTSTRAP,
			/* Family 6, with FPU and APIC: they ask CPUID for more. */
			.signature = 0x600,
			.features = 0x201,
		};

		at = add(header, at, &cpu, sizeof(cpu));
	}
	at = add(header, at, &bus, sizeof(bus));
	at = add(header, at, &ioapic, sizeof(ioapic));
	at = add_interrupts(header, at);

	memcpy(header->signature, "PCMP", sizeof(header->signature));
	header->length = (uint16_t)(at - (uint8_t *)header);
	header->specification = SPECIFICATION;
	memcpy(header->oem, "LODGE   ", sizeof(header->oem));
	memcpy(header->product, "LODGEVM     ", sizeof(header->product));
	header->lapic_address = LAPIC_ADDRESS;
	header->checksum = acpi_checksum(header, header->length);

	memcpy(floating->signature, "_MP_", sizeof(floating->signature));
	floating->address = address + (uint32_t)((uint8_t *)header - area);
	floating->length = 1;
	floating->specification = SPECIFICATION;
	floating->checksum = acpi_checksum(floating, sizeof(*floating));
}
