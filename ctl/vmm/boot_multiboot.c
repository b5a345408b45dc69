// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multiboot 1 (the Multiboot Specification 0.6.96): ELF files, and others that say
 * themselves where they belong.
 */
#include "vmm/boot_private.h"

#include <stdio.h>
#include <string.h>

#define SEARCH_SIZE		8192

#define HEADER_MAGIC		0x1badb002
#define HEADER_PAGE_ALIGN	(1U << 0)
#define HEADER_VIDEO		(1U << 2)
#define HEADER_ADDRESSES	(1U << 16)
/* What a loader must know or refuse, and what we know of it */
#define HEADER_REQUIRED		0xffffU
#define HEADER_KNOWN		0x3U

#define LOADER_MAGIC		0x2badb002

#define INFO_MEMORY		(1U << 0)
#define INFO_CMDLINE		(1U << 2)
#define INFO_MODULES		(1U << 3)
#define INFO_MAP		(1U << 6)
#define INFO_LOADER_NAME	(1U << 9)

#define INFO_MODULES_ADDRESS	(BOOT_INFO_ADDRESS + 0x100)
#define INFO_MAP_ADDRESS	(BOOT_INFO_ADDRESS + 0x800)
#define INFO_NAME_ADDRESS	(BOOT_INFO_ADDRESS + 0xf00)
#define LOADER_NAME		"lodge"

struct multiboot_header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct multiboot_info {
	uint32_t flags;
	uint32_t mem_lower, mem_upper;
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count, mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length, mmap_addr;
	uint32_t drives_length, drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
};

struct multiboot_module {
	uint32_t start, end, string, reserved;
};

struct multiboot_memory {
	uint32_t size;		/* of what follows */
	uint64_t address, length;
	uint32_t type;
} __attribute__((packed));

/* Where in the file the header is. Return: false if there is none */
static bool find_header(const uint8_t *start, size_t size,
			struct multiboot_header *header, uint64_t *at)
{
	size_t i;

	for (i = 0; i + 12 <= size; i += 4) {
		size_t room = size - i < sizeof(*header) ? size - i : sizeof(*header);

		memset(header, 0, sizeof(*header));
		memcpy(header, start + i, room);
		if (header->magic != HEADER_MAGIC ||
		    header->magic + header->flags + header->checksum)
			continue;
		/* Addresses that are cut off are none. */
		if (room < sizeof(*header) && header->flags & HEADER_ADDRESSES)
			continue;
		*at = i;
		return true;
	}
	return false;
}

/* The header says what to load: the "a.out kludge". */
static int add_by_header(struct boot_image *image,
			 const struct multiboot_header *h, uint64_t at,
			 uint64_t memory, struct error *error)
{
	uint64_t before = (uint64_t)h->header_addr - h->load_addr;
	struct boot_segment segment = { .address = h->load_addr };

	if (h->header_addr < h->load_addr || before > at ||
	    (h->load_end_addr && h->load_end_addr < h->load_addr) ||
	    (h->bss_end_addr && h->bss_end_addr < h->load_end_addr))
		return error_set(error, 0, "the kernel '%s' has a Multiboot header whose addresses make no sense",
				 image->kernel);
	segment.offset = at - before;
	segment.file_size = h->load_end_addr ? h->load_end_addr - h->load_addr :
			    image->kernel_size - segment.offset;
	segment.memory_size = segment.file_size;
	if (h->bss_end_addr && h->bss_end_addr - h->load_addr > segment.memory_size)
		segment.memory_size = h->bss_end_addr - h->load_addr;
	if (boot_add_segment(image, &segment, memory, error))
		return -1;
	image->entry = h->entry_addr;
	if (image->entry < segment.address ||
	    image->entry - segment.address >= segment.file_size)
		return error_set(error, 0,
				 "the kernel '%s' lies: its entry 0x%llx is in no part of it",
				 image->kernel, (unsigned long long)image->entry);
	return 0;
}

int boot_check_multiboot(struct boot_image *image, const struct vm_config *config,
			 bool *found, struct error *error)
{
	uint8_t start[SEARCH_SIZE] = { 0 };
	struct multiboot_header header;
	size_t size = sizeof(start);
	uint64_t at;
	int result;

	if (image->kernel_size < size)
		size = (size_t)image->kernel_size;
	result = boot_read(image->kernel_fd, start, size, 0);
	if (result)
		return error_set(error, result > 0 ? result : 0,
				 "cannot read the kernel '%s'", image->kernel);
	*found = find_header(start, size, &header, &at);
	if (!*found)
		return 0;
	image->kind = BOOT_MULTIBOOT;
	if (header.flags & HEADER_VIDEO)
		return error_set(error, 0, "the kernel '%s' wants a screen, and there is none",
				 image->kernel);
	if (header.flags & HEADER_REQUIRED & ~HEADER_KNOWN)
		return error_set(error, 0,
				 "the kernel '%s' wants what lodge does not know: Multiboot flags 0x%x",
				 image->kernel, header.flags);
	image->page_align = header.flags & HEADER_PAGE_ALIGN;
	if (header.flags & HEADER_ADDRESSES)
		return add_by_header(image, &header, at, config->memory, error);
	return boot_elf_segments(image, config->memory, error);
}

int boot_load_multiboot(const struct boot_image *image, struct vm *vm,
			struct error *error)
{
	const struct boot_registers regs = {
		.eip = (uint32_t)image->entry,
		.eax = LOADER_MAGIC,
		.ebx = BOOT_INFO_ADDRESS,
	};
	uint8_t *low = vm_memory(vm, 0, MEGABYTE);
	struct multiboot_module *list = (void *)(low + INFO_MODULES_ADDRESS);
	struct multiboot_memory *memory = (void *)(low + INFO_MAP_ADDRESS);
	struct multiboot_info *info = (void *)(low + BOOT_INFO_ADDRESS);
	struct loaded_modules modules;
	struct memory_map map;
	unsigned int i;
	int length;

	/* Its name comes first, as all loaders have it. */
	length = snprintf((char *)low + COMMAND_LINE_ADDRESS, COMMAND_LINE_ROOM,
			  "%s %s", image->kernel, vm->config->append);
	if (length < 0 || length >= (int)COMMAND_LINE_ROOM)
		return error_set(error, 0, "the command line is too long");
	if (boot_load_segments(image, vm, error) ||
	    boot_load_modules(image, vm, &modules, error))
		return -1;
	boot_memory_map(vm, &map);
	for (i = 0; i < map.count; i++) {
		memory[i].size = sizeof(memory[i]) - sizeof(memory[i].size);
		memory[i].address = map.entries[i].start;
		memory[i].length = map.entries[i].size;
		memory[i].type = map.entries[i].type;
	}
	for (i = 0; i < modules.count; i++) {
		list[i].start = modules.list[i].address;
		list[i].end = modules.list[i].address + modules.list[i].size;
		list[i].string = modules.list[i].arguments;
		list[i].reserved = 0;
	}
	memcpy(low + INFO_NAME_ADDRESS, LOADER_NAME, sizeof(LOADER_NAME));
	*info = (struct multiboot_info){
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP |
			 INFO_LOADER_NAME,
		.mem_lower = EBDA_ADDRESS >> 10,
		.mem_upper = (uint32_t)((vm->ram_low - MEGABYTE) >> 10),
		.cmdline = COMMAND_LINE_ADDRESS,
		.mods_count = modules.count,
		.mods_addr = INFO_MODULES_ADDRESS,
		.mmap_length = map.count * (uint32_t)sizeof(*memory),
		.mmap_addr = INFO_MAP_ADDRESS,
		.boot_loader_name = INFO_NAME_ADDRESS,
	};
	return boot_enter_protected(vm, &regs, error);
}
