/* SPDX-License-Identifier: GPL-2.0-only */
/* ACPI tables, and a little builder of AML. */
#ifndef ACPI_H
#define ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct vm;

/* The tables' place, in the area where BIOSes have them. */
#define ACPI_BASE	0xe0000ULL
#define ACPI_SIZE	0x20000ULL

/**
 * acpi_build() - write the tables into guest memory
 * @vm: the VM with its devices
 * @base: where to, below 4 GiB; the RSDP comes first
 * @size: room for them
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int acpi_build(struct vm *vm, uint64_t base, uint64_t size, struct error *error);

/* What makes the sum of all bytes 0, if it is put in place of a 0. */
uint8_t acpi_checksum(const void *data, size_t size);

/* The RSDP is all that has to be where a guest looks for it. */
#define ACPI_RSDP_SIZE	36

/**
 * struct aml - bytes of AML as they are appended
 * @data: where to
 * @size: room in @data
 * @used: bytes so far; what goes beyond @size is counted, not written
 */
struct aml {
	uint8_t *data;
	size_t size;
	size_t used;
};

/*
 * What has a length has a begin, which returns a position for its end.  Names
 * are one segment of four characters.
 */
size_t aml_scope_begin(struct aml *aml, const char *name);
void aml_scope_end(struct aml *aml, size_t position);
size_t aml_device_begin(struct aml *aml, const char *name);
void aml_device_end(struct aml *aml, size_t position);
void aml_name_integer(struct aml *aml, const char *name, uint64_t value);
void aml_name_string(struct aml *aml, const char *name, const char *text);
void aml_name_eisaid(struct aml *aml, const char *name, const char *id);
/* A package of small integers. */
void aml_name_package(struct aml *aml, const char *name, const uint8_t *values,
		      uint8_t count);

/* A resource template, and what can be in it (ACPI 6.4, 6.4). */
size_t aml_resources_begin(struct aml *aml, const char *name);
void aml_resources_end(struct aml *aml, size_t position);
void aml_resource_io(struct aml *aml, uint16_t port, uint8_t length);
void aml_resource_memory(struct aml *aml, uint32_t address, uint32_t length);
void aml_resource_interrupt(struct aml *aml, uint32_t gsi, bool edge);

#endif /* ACPI_H */
