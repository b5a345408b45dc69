// SPDX-License-Identifier: GPL-2.0-only
/*
 * A firmware, as the processor finds it after reset: below 4 GiB, with its end below
 * 1 MiB once more, where it is memory (as after a chipset's shadowing).
 *
 * What SeaBIOS wants to know comes by the firmware configuration device.  Its screen
 * is the serial port.  A kernel beside it is booted by its 16-bit entry (boot_rom.c).
 */
#include "vmm/boot_private.h"

#include <string.h>

#include "vmm/acpi.h"
#include "vmm/fw_cfg.h"

#define MAX_SIZE	(16 * MIB)
#define SHADOW_SIZE	(256ULL << 10)
#define SERIAL_PORT	0x3f8
#define SECTOR		512
/* What the firmware may use at the end of memory */
#define FIRMWARE_ROOM	(4 * MIB)

#define LOADER_ALLOCATE	1
#define LOADER_FSEG	2

struct e820_entry {
	uint64_t start, size;
	uint32_t type;
} __attribute__((packed));

struct loader_entry {
	uint32_t command;
	char file[56];
	uint32_t align;
	uint8_t zone;
	uint8_t padding[63];
} __attribute__((packed));

int boot_check_firmware(struct boot_image *image, const struct vm_config *config,
			struct error *error)
{
	uint8_t start[SECTOR * 2] = { 0 };

	image->kind = BOOT_FIRMWARE;
	if (boot_open_file("firmware", image->firmware, &image->firmware_fd,
			   &image->firmware_size, error))
		return -1;
	if (!image->firmware_size || image->firmware_size % PAGE ||
	    image->firmware_size > MAX_SIZE) {
		error_set(error, 0, "'%s' is no firmware: it has %llu bytes, not a multiple of 4096 up to 16 MiB",
			  image->firmware, (unsigned long long)image->firmware_size);
		return error_advise(error, "give one such as /usr/share/seabios/bios-256k.bin");
	}
	if (!image->kernel) {
		if (!config->initrd && !config->nr_modules)
			return 0;
		return error_set(error, 0, "there is no --kernel for --initrd and --module");
	}
	if (image->kernel_size < sizeof(start) ||
	    boot_read(image->kernel_fd, start, sizeof(start), 0) ||
	    !boot_is_linux(start, sizeof(start))) {
		error_set(error, 0, "'%s' is not a kernel that a firmware can boot: it has no Linux boot header",
			  image->kernel);
		return error_advise(error, "give a bzImage, or leave --firmware away");
	}
	return boot_check_linux(image, config, error);
}

/* The tables are above what the firmware may use. */
static uint64_t tables_address(const struct vm *vm)
{
	return vm->ram_low - ACPI_SIZE;
}

static int add_files(struct vm *vm, struct error *error)
{
	const uint64_t serial = SERIAL_PORT, tables = tables_address(vm);
	const struct loader_entry loader = {
		.command = LOADER_ALLOCATE,
		.file = "etc/acpi/rsdp",
		.align = 16,
		.zone = LOADER_FSEG,
	};
	struct e820_entry map[3] = {
		{ 0, tables, E820_USABLE },
		{ tables, ACPI_SIZE, E820_RESERVED },
		{ HIGH_MEMORY, vm->config->memory - vm->ram_low, E820_USABLE },
	};

	if (fw_cfg_add(vm, "etc/e820", map, map[2].size ? sizeof(map) :
		       2 * sizeof(map[0]), error) ||
	    fw_cfg_add(vm, "etc/sercon-port", &serial, sizeof(serial), error) ||
	    fw_cfg_add(vm, "etc/acpi/rsdp", vm_memory(vm, tables, ACPI_RSDP_SIZE),
		       ACPI_RSDP_SIZE, error) ||
	    fw_cfg_add(vm, "etc/table-loader", &loader, sizeof(loader), error))
		return -1;
	return 0;
}

int boot_load_firmware(const struct boot_image *image, struct vm *vm,
		       struct error *error)
{
	uint64_t size = image->firmware_size;
	uint64_t shadow = size < SHADOW_SIZE ? size : SHADOW_SIZE;
	uint8_t *rom, *low = vm_memory(vm, 0, 2 * MIB);
	int result;

	if (!low)
		return error_set(error, 0, "the guest has less than 2 MiB of memory");
	rom = vm_add_rom(vm, HIGH_MEMORY - size, size, error);
	if (!rom)
		return -1;
	result = boot_read(image->firmware_fd, rom, size, 0);
	if (result)
		return error_set(error, result > 0 ? result : 0,
				 "cannot read the firmware '%s'", image->firmware);
	memcpy(low + MEGABYTE - shadow, rom + size - shadow, shadow);
	if (acpi_build(vm, tables_address(vm), ACPI_SIZE, error))
		return -1;
	if (image->kernel &&
	    boot_add_rom(image, vm, tables_address(vm) - FIRMWARE_ROOM, error))
		return -1;
	/* The first CPU is as reset has left it. */
	return add_files(vm, error);
}
