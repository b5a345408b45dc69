// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bzImage by its 16-bit entry, which wants a BIOS: an option ROM with a bootstrap
 * entry (Plug and Play BIOS Specification 1.0A, 3.2) that holds the kernel's setup
 * code.  The firmware finds it and boots from it; the rest of the kernel is where it
 * belongs already.
 */
#include "vmm/boot_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/acpi.h"
#include "vmm/fw_cfg.h"

#define SECTOR		512
#define ROM_MAX		(255UL * SECTOR)
#define HEADER_OFFSET	0x1f1

/* Where the setup code goes, and what is behind it in its segment */
#define SETUP_SEGMENT	0x1000
#define STACK_OFFSET	0xe000
#define HEAP_END	(STACK_OFFSET - 0x200)
#define LINE_ROOM	0x1000U

#define CODE_OFFSET	0x50
#define CONTENT_OFFSET	0x100

#define LOW(word)	((word) & 0xff)
#define HIGH(word)	((word) >> 8 & 0xff)

static void put16(uint8_t *to, size_t value)
{
	to[0] = LOW(value);
	to[1] = HIGH(value);
}

/* The ROM's header, and the one of Plug and Play */
static void put_headers(uint8_t *rom, size_t size)
{
	static const uint8_t start[] = { 0x55, 0xaa, 0, 0xeb, 0x40 - 5 };
	/* init: mov $0x20, %ax; lret */
	static const uint8_t init[] = { 0xb8, 0x20, 0x00, 0xcb };
	/* its version, and its length in paragraphs */
	static const uint8_t pnp[] = { '$', 'P', 'n', 'P', 1, 2 };
	static const char name[] = "Linux";

	memcpy(rom, start, sizeof(start));
	rom[2] = (uint8_t)(size / SECTOR);
	put16(rom + 0x1a, 0x20);
	memcpy(rom + 0x20, pnp, sizeof(pnp));
	put16(rom + 0x30, 0x48);
	memcpy(rom + 0x48, name, sizeof(name));
	put16(rom + 0x3a, CODE_OFFSET);
	memcpy(rom + 0x40, init, sizeof(init));
	rom[0x29] = acpi_checksum(rom + 0x20, 32);
}

static void put_code(uint8_t *rom, size_t setup, size_t line)
{
	const uint8_t code[] = {
		0xfa,					/* cli */
		0xfc,					/* cld */
		0x8c, 0xc8,				/* mov %cs, %ax */
		0x8e, 0xd8,				/* mov %ax, %ds */
		0xb8, LOW(SETUP_SEGMENT), HIGH(SETUP_SEGMENT), /* mov $, %ax */
		0x8e, 0xc0,				/* mov %ax, %es */
		0xbe, LOW(CONTENT_OFFSET), HIGH(CONTENT_OFFSET), /* mov $, %si */
		0x31, 0xff,				/* xor %di, %di */
		0xb9, LOW(setup), HIGH(setup),		/* mov $, %cx */
		0xf3, 0xa4,				/* rep movsb */
		0xbf, LOW(STACK_OFFSET), HIGH(STACK_OFFSET), /* mov $, %di */
		0xb9, LOW(line), HIGH(line),		/* mov $, %cx */
		0xf3, 0xa4,				/* rep movsb */
		0x8e, 0xd8,				/* mov %ax, %ds */
		0x8e, 0xe0,				/* mov %ax, %fs */
		0x8e, 0xe8,				/* mov %ax, %gs */
		0x8e, 0xd0,				/* mov %ax, %ss */
		0xbc, LOW(STACK_OFFSET), HIGH(STACK_OFFSET), /* mov $, %sp */
		0xea, 0, 0, LOW(SETUP_SEGMENT + 0x20), HIGH(SETUP_SEGMENT + 0x20),
	};

	memcpy(rom + CODE_OFFSET, code, sizeof(code));
}

static void set_header(const struct boot_image *image, uint8_t *setup,
		       uint64_t initrd)
{
	struct setup_header header = image->header;
	size_t size = 0x202 + (header.jump >> 8) - HEADER_OFFSET;

	header.type_of_loader = 0xff;
	header.loadflags |= CAN_USE_HEAP;
	header.heap_end_ptr = HEAP_END;
	header.cmd_line_ptr = SETUP_SEGMENT * 16 + STACK_OFFSET;
	header.ramdisk_image = (uint32_t)initrd;
	header.ramdisk_size = (uint32_t)image->initrd_size;
	memcpy(setup + HEADER_OFFSET, &header,
	       size < sizeof(header) ? size : sizeof(header));
}

int boot_add_rom(const struct boot_image *image, struct vm *vm,
		 uint64_t top, struct error *error)
{
	size_t setup = (size_t)image->code_offset;
	size_t line = strlen(vm->config->append) + 1;
	size_t size = boot_round_up(CONTENT_OFFSET + setup + line, SECTOR);
	uint64_t initrd = (top - image->initrd_size) & ~(PAGE - 1);
	uint8_t *rom;
	int result;

	if (setup > STACK_OFFSET - 0x1000 || line > LINE_ROOM || size > ROM_MAX)
		return error_set(error, 0, "the setup code or the command line of '%s' is too long for real mode",
				 image->kernel);
	if (boot_load_file(vm, "kernel", image->kernel, image->kernel_fd, setup,
			   image->code_size, MEGABYTE, error))
		return -1;
	if (image->initrd_size &&
	    (top < image->initrd_size || initrd < MEGABYTE + image->span))
		return error_set(error, 0, "the initrd '%s' does not fit into the guest's memory",
				 image->initrd);
	if (image->initrd_size &&
	    boot_load_file(vm, "initrd", image->initrd, image->initrd_fd, 0,
			   image->initrd_size, initrd, error))
		return -1;

	rom = calloc(1, size);
	if (!rom)
		return error_set(error, errno, "cannot make an option ROM");
	result = boot_read(image->kernel_fd, rom + CONTENT_OFFSET, setup, 0);
	if (result) {
		error_set(error, result > 0 ? result : 0, "cannot read the kernel '%s'",
			  image->kernel);
		result = -1;
	} else {
		put_headers(rom, size);
		put_code(rom, setup, line);
		set_header(image, rom + CONTENT_OFFSET, initrd);
		memcpy(rom + CONTENT_OFFSET + setup, vm->config->append, line);
		rom[5] = acpi_checksum(rom, size);
		result = fw_cfg_add(vm, "genroms/linux.rom", rom, size, error);
	}
	free(rom);
	return result;
}
