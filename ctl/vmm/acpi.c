// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables that tell a guest what its computer is made of.
 *
 * Hardware-reduced ACPI: no SCI, no power management timer, no legacy devices but
 * those that the DSDT names.  What else of a PC there is, is for systems that know
 * no ACPI (mptable.c).  References are to the ACPI
 * Specification 6.4.
 */
#include "vmm/acpi.h"

#include <assert.h>
#include <string.h>

#include "vmm/power.h"
#include "vmm/vm.h"

#define LAPIC_ADDRESS	0xfee00000U
#define IOAPIC_ADDRESS	0xfec00000U
#define IOAPIC_ID	LODGE_MAX_VCPUS	/* apart from those of the CPUs */

/* 5.2.9, table 5.10: flags of the FADT */
#define FADT_WBINVD		(1U << 0)
#define FADT_NO_POWER_BUTTON	(1U << 4)
#define FADT_NO_SLEEP_BUTTON	(1U << 5)
#define FADT_RESET_REGISTER	(1U << 10)
#define FADT_HW_REDUCED		(1U << 20)

/* 5.2.9.3: IA-PC boot architecture flags */
#define BOOT_NO_VGA		(1U << 2)
#define BOOT_NO_CMOS_CLOCK	(1U << 5)

/* 5.2.12: there are 8259As. */
#define MADT_PCAT_COMPAT	1

#define GAS_SYSTEM_IO		1
#define GAS_BYTE		1

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt_address;
	uint32_t length;
	uint64_t xsdt_address;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

struct acpi_xsdt {
	struct acpi_header header;
	uint64_t tables[2];
} __attribute__((packed));

struct acpi_gas {
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	uint64_t address;
} __attribute__((packed));

struct acpi_fadt {
	struct acpi_header header;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved0;
	uint8_t preferred_profile;
	uint16_t sci_interrupt;
	uint8_t fixed_hardware[60];	/* all 0: there is none */
	uint8_t century;
	uint16_t boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_gas reset_register;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_revision;
	uint64_t x_facs;
	uint64_t x_dsdt;
	struct acpi_gas x_fixed_hardware[8];
	struct acpi_gas sleep_control;
	struct acpi_gas sleep_status;
	char hypervisor[8];
} __attribute__((packed));

static_assert(sizeof(struct acpi_rsdp) == ACPI_RSDP_SIZE, "5.2.5.3");
static_assert(sizeof(struct acpi_fadt) == 276, "5.2.9: the FADT of ACPI 6");
static_assert(offsetof(struct acpi_fadt, century) == 108, "5.2.9");
static_assert(offsetof(struct acpi_fadt, sleep_control) == 244, "5.2.9");

struct acpi_madt {
	struct acpi_header header;
	uint32_t lapic_address;
	uint32_t flags;
} __attribute__((packed));

struct madt_lapic {
	uint8_t type, length;
	uint8_t uid;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));

struct madt_ioapic {
	uint8_t type, length;
	uint8_t id;
	uint8_t reserved;
	uint32_t address;
	uint32_t first_gsi;
} __attribute__((packed));

struct madt_override {
	uint8_t type, length;
	uint8_t bus, irq;
	uint32_t gsi;
	uint16_t flags;
} __attribute__((packed));

struct madt_lapic_nmi {
	uint8_t type, length;
	uint8_t uid;
	uint16_t flags;
	uint8_t lint;
} __attribute__((packed));

/* AML: bytes (20.2) */

static void aml_byte(struct aml *aml, uint8_t byte)
{
	if (aml->used < aml->size)
		aml->data[aml->used] = byte;
	aml->used++;
}

static void aml_bytes(struct aml *aml, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	while (count--)
		aml_byte(aml, *from++);
}

static void aml_integer(struct aml *aml, uint64_t value)
{
	unsigned int bytes, i;

	if (value <= 1) {
		aml_byte(aml, (uint8_t)value);	/* ZeroOp, OneOp */
		return;
	}
	bytes = value <= 0xff ? 1 : value <= 0xffff ? 2 :
		value <= 0xffffffff ? 4 : 8;
	aml_byte(aml, bytes == 1 ? 0x0a : bytes == 2 ? 0x0b :
		 bytes == 4 ? 0x0c : 0x0e);
	for (i = 0; i < bytes; i++)
		aml_byte(aml, (uint8_t)(value >> (8 * i)));
}

static void aml_segment(struct aml *aml, const char *name)
{
	size_t i, length = strlen(name);

	for (i = 0; i < 4; i++)
		aml_byte(aml, i < length ? (uint8_t)name[i] : '_');
}

static void aml_name(struct aml *aml, const char *name)
{
	aml_byte(aml, 0x08);
	aml_segment(aml, name);
}

/*
 * A PkgLength counts itself.  Always three bytes long, it can be filled in when
 * the length is known (20.2.4).
 */
static size_t aml_length_begin(struct aml *aml)
{
	size_t position = aml->used;

	aml_byte(aml, 0);
	aml_byte(aml, 0);
	aml_byte(aml, 0);
	return position;
}

static void aml_length_end(struct aml *aml, size_t position)
{
	size_t length = aml->used - position;

	if (position + 3 > aml->size)
		return;
	aml->data[position] = (uint8_t)(2 << 6 | (length & 0x0f));
	aml->data[position + 1] = (uint8_t)(length >> 4);
	aml->data[position + 2] = (uint8_t)(length >> 12);
}

size_t aml_scope_begin(struct aml *aml, const char *name)
{
	size_t position;

	aml_byte(aml, 0x10);
	position = aml_length_begin(aml);
	aml_byte(aml, '\\');
	aml_segment(aml, name);
	return position;
}

void aml_scope_end(struct aml *aml, size_t position)
{
	aml_length_end(aml, position);
}

size_t aml_device_begin(struct aml *aml, const char *name)
{
	size_t position;

	aml_byte(aml, 0x5b);
	aml_byte(aml, 0x82);
	position = aml_length_begin(aml);
	aml_segment(aml, name);
	return position;
}

void aml_device_end(struct aml *aml, size_t position)
{
	aml_length_end(aml, position);
}

void aml_name_integer(struct aml *aml, const char *name, uint64_t value)
{
	aml_name(aml, name);
	aml_integer(aml, value);
}

void aml_name_string(struct aml *aml, const char *name, const char *text)
{
	aml_name(aml, name);
	aml_byte(aml, 0x0d);
	aml_bytes(aml, text, strlen(text) + 1);
}

static uint32_t hex_digit(char c)
{
	return (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Three letters of five bits, four hexadecimal digits, big endian (19.3.4). */
void aml_name_eisaid(struct aml *aml, const char *name, const char *id)
{
	uint32_t value = 0;
	int i;

	for (i = 0; i < 3; i++)
		value = value << 5 | ((uint32_t)id[i] & 0x1f);
	for (i = 3; i < 7; i++)
		value = value << 4 | hex_digit(id[i]);
	aml_name_integer(aml, name, __builtin_bswap32(value));
}

void aml_name_package(struct aml *aml, const char *name, const uint8_t *values,
		      uint8_t count)
{
	size_t position;
	uint8_t i;

	aml_name(aml, name);
	aml_byte(aml, 0x12);
	position = aml_length_begin(aml);
	aml_byte(aml, count);
	for (i = 0; i < count; i++)
		aml_integer(aml, values[i]);
	aml_length_end(aml, position);
}

/*
 * A Buffer: its length in bytes is a DWord here, whatever it is, for the same
 * reason.  @position is the PkgLength's.
 */
size_t aml_resources_begin(struct aml *aml, const char *name)
{
	size_t position;

	aml_name(aml, name);
	aml_byte(aml, 0x11);
	position = aml_length_begin(aml);
	aml_byte(aml, 0x0c);
	aml_bytes(aml, "\0\0\0\0", 4);
	return position;
}

void aml_resources_end(struct aml *aml, size_t position)
{
	const uint8_t end_tag[] = { 0x79, 0 };
	size_t start = position + 3 + 5;
	uint32_t length;

	aml_bytes(aml, end_tag, sizeof(end_tag));
	length = (uint32_t)(aml->used - start);
	if (start <= aml->size)
		memcpy(aml->data + start - 4, &length, sizeof(length));
	aml_length_end(aml, position);
}

void aml_resource_io(struct aml *aml, uint16_t port, uint8_t length)
{
	const uint8_t descriptor[] = {
		0x47, 1 /* 16-bit decode */,
		(uint8_t)port, (uint8_t)(port >> 8),
		(uint8_t)port, (uint8_t)(port >> 8),
		1, length,
	};

	aml_bytes(aml, descriptor, sizeof(descriptor));
}

void aml_resource_memory(struct aml *aml, uint32_t address, uint32_t length)
{
	const uint8_t header[] = { 0x86, 9, 0, 1 /* writable */ };

	aml_bytes(aml, header, sizeof(header));
	aml_bytes(aml, &address, sizeof(address));
	aml_bytes(aml, &length, sizeof(length));
}

void aml_resource_interrupt(struct aml *aml, uint32_t gsi, bool edge)
{
	/* consumer, active high, exclusive; one interrupt */
	const uint8_t header[] = { 0x89, 6, 0, edge ? 0x03 : 0x01, 1 };

	aml_bytes(aml, header, sizeof(header));
	aml_bytes(aml, &gsi, sizeof(gsi));
}

/* Tables */

uint8_t acpi_checksum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *bytes++);
	return (uint8_t)-sum;
}

static void finish_table(struct acpi_header *header, const char *signature,
			 uint8_t revision, size_t length)
{
	memcpy(header->signature, signature, sizeof(header->signature));
	header->length = (uint32_t)length;
	header->revision = revision;
	memcpy(header->oem_id, "LODGE ", sizeof(header->oem_id));
	memcpy(header->oem_table_id, "LODGEVM ", sizeof(header->oem_table_id));
	header->oem_revision = 1;
	memcpy(header->creator_id, "LODG", sizeof(header->creator_id));
	header->creator_revision = 1;
	header->checksum = 0;
	header->checksum = acpi_checksum(header, length);
}

static size_t build_dsdt(struct vm *vm, void *table, size_t size)
{
	const uint8_t s5[] = { SLEEP_TYPE_S5, 0, 0, 0 };
	struct aml aml = {
		.data = table,
		.size = size,
		.used = sizeof(struct acpi_header),
	};
	size_t scope;

	scope = aml_scope_begin(&aml, "_SB_");
	devices_describe(vm, &aml);
	aml_scope_end(&aml, scope);
	aml_name_package(&aml, "_S5_", s5, sizeof(s5));

	if (aml.used <= size)
		finish_table(table, "DSDT", 2, aml.used);
	return aml.used;
}

static struct acpi_gas port_register(uint16_t port)
{
	struct acpi_gas gas = {
		.space = GAS_SYSTEM_IO,
		.bit_width = 8,
		.access_size = GAS_BYTE,
		.address = port,
	};

	return gas;
}

static void build_fadt(struct acpi_fadt *fadt, uint64_t dsdt)
{
	fadt->dsdt = (uint32_t)dsdt;
	fadt->x_dsdt = dsdt;
	fadt->boot_arch = BOOT_NO_VGA | BOOT_NO_CMOS_CLOCK;
	fadt->flags = FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON |
		      FADT_RESET_REGISTER | FADT_HW_REDUCED;
	fadt->reset_register = port_register(RESET_PORT);
	fadt->reset_value = RESET_VALUE;
	fadt->minor_revision = 4;
	fadt->sleep_control = port_register(SLEEP_CONTROL_PORT);
	fadt->sleep_status = port_register(SLEEP_STATUS_PORT);
	memcpy(fadt->hypervisor, "LODGE   ", sizeof(fadt->hypervisor));
	finish_table(&fadt->header, "FACP", 6, sizeof(*fadt));
}

static size_t build_madt(struct vm *vm, struct acpi_madt *madt)
{
	uint8_t *next = (uint8_t *)(madt + 1);
	const struct madt_ioapic ioapic = {
		.type = 1,
		.length = sizeof(ioapic),
		.id = IOAPIC_ID,
		.address = IOAPIC_ADDRESS,
	};
	/* ISA's timer is on pin 2. */
	const struct madt_override timer = {
		.type = 2,
		.length = sizeof(timer),
		.gsi = 2,
	};
	const struct madt_lapic_nmi nmi = {
		.type = 4,
		.length = sizeof(nmi),
		.uid = 0xff,	/* all of them */
		.lint = 1,
	};
	unsigned int i;

	madt->lapic_address = LAPIC_ADDRESS;
	madt->flags = MADT_PCAT_COMPAT;
	for (i = 0; i < vm->config->cpus; i++) {
		const struct madt_lapic lapic = {
			.type = 0,
			.length = sizeof(lapic),
			.uid = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = 1,	/* enabled */
		};

		memcpy(next, &lapic, sizeof(lapic));
		next += sizeof(lapic);
	}
	memcpy(next, &ioapic, sizeof(ioapic));
	next += sizeof(ioapic);
	memcpy(next, &nmi, sizeof(nmi));
	next += sizeof(nmi);
	memcpy(next, &timer, sizeof(timer));
	next += sizeof(timer);
	finish_table(&madt->header, "APIC", 5, (size_t)(next - (uint8_t *)madt));
	return madt->header.length;
}

static size_t align64(size_t offset)
{
	return (offset + 63) & ~(size_t)63;
}

int acpi_build(struct vm *vm, uint64_t base, uint64_t size, struct error *error)
{
	uint8_t *area = vm_memory(vm, base, size);
	size_t rsdp_at = 0, xsdt_at, fadt_at, madt_at, dsdt_at;
	struct acpi_rsdp *rsdp;
	struct acpi_xsdt *xsdt;

	if (!area)
		return error_set(error, 0, "no memory for the ACPI tables");

	xsdt_at = align64(rsdp_at + sizeof(*rsdp));
	fadt_at = align64(xsdt_at + sizeof(*xsdt));
	madt_at = align64(fadt_at + sizeof(struct acpi_fadt));
	dsdt_at = align64(madt_at +
			  build_madt(vm, (struct acpi_madt *)(area + madt_at)));
	if (build_dsdt(vm, area + dsdt_at, size - dsdt_at) >
	    size - dsdt_at)
		return error_set(error, 0, "too many devices for the ACPI tables");
	build_fadt((struct acpi_fadt *)(area + fadt_at), base + dsdt_at);

	xsdt = (struct acpi_xsdt *)(area + xsdt_at);
	xsdt->tables[0] = base + fadt_at;
	xsdt->tables[1] = base + madt_at;
	finish_table(&xsdt->header, "XSDT", 1, sizeof(*xsdt));

	rsdp = (struct acpi_rsdp *)(area + rsdp_at);
	memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
	memcpy(rsdp->oem_id, "LODGE ", sizeof(rsdp->oem_id));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt_address = base + xsdt_at;
	/* The first checksum is over what ACPI 1.0 had of it. */
	rsdp->checksum = acpi_checksum(rsdp, 20);
	rsdp->extended_checksum = acpi_checksum(rsdp, sizeof(*rsdp));
	return 0;
}
