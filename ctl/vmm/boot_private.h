/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to boot*.c: one kind of kernel each, and what they share. */
#ifndef BOOT_PRIVATE_H
#define BOOT_PRIVATE_H

#include "vmm/boot.h"
#include "vmm/vm.h"

/* Below 640 KiB, where a kernel looks for nothing of its own. */
#define GDT_ADDRESS		0x1000ULL
#define PML4_ADDRESS		0x2000ULL
#define PDPT_ADDRESS		0x3000ULL
#define PD_ADDRESS		0x4000ULL	/* four of them */
#define BOOT_INFO_ADDRESS	0x8000ULL	/* boot_params and their like */
#define COMMAND_LINE_ADDRESS	0x9000ULL
#define COMMAND_LINE_ROOM	0x10000ULL
#define BOOT_INFO_END		0x19000ULL
#define EBDA_ADDRESS		0x9fc00ULL
#define EBDA_SIZE		0x400ULL
#define LOW_MEMORY_TOP		0xa0000ULL
#define MEGABYTE		0x100000ULL
#define PAGE			4096ULL

#define E820_USABLE		1
#define E820_RESERVED		2

#define MAP_MAX_ENTRIES		8

/**
 * struct memory_map - where the guest has memory, as firmware would tell it
 * @entries: ascending; types as those of int 15h, e820h
 * @count: how many
 */
struct memory_map {
	struct {
		uint64_t start, size;
		uint32_t type;
	} entries[MAP_MAX_ENTRIES];
	unsigned int count;
};

/**
 * struct boot_registers - how protected mode without paging is entered
 * @eip: where
 * @eax: and with what
 * @ebx: likewise
 * @esi: likewise
 */
struct boot_registers {
	uint32_t eip, eax, ebx, esi;
};

/**
 * struct loaded_modules - where the guest has its modules, an initrd first
 * @list: address, size, and address of the arguments; all below 4 GiB
 * @count: how many
 */
struct loaded_modules {
	struct {
		uint32_t address, size, arguments;
	} list[BOOT_MAX_MODULES + 1];
	unsigned int count;
};

/* boot.c */
uint64_t boot_round_up(uint64_t value, uint64_t to);
unsigned long long boot_mebibytes(uint64_t bytes);
/* Reads exactly @size bytes. Return: 0, an errno, or -1 for a short file */
int boot_read(int fd, void *buffer, uint64_t size, uint64_t offset);
int boot_open_file(const char *what, const char *path, int *fd, uint64_t *size,
		   struct error *error);
int boot_load_file(struct vm *vm, const char *what, const char *path, int fd,
		   uint64_t offset, uint64_t size, uint64_t address,
		   struct error *error);
/* Notes a part of the kernel, if file and memory have room for it. */
int boot_add_segment(struct boot_image *image, const struct boot_segment *segment,
		     uint64_t memory, struct error *error);
int boot_load_segments(const struct boot_image *image, struct vm *vm,
		       struct error *error);
/* Loads initrd and modules above the kernel, each on a page of its own. */
int boot_load_modules(const struct boot_image *image, struct vm *vm,
		      struct loaded_modules *modules, struct error *error);
void boot_memory_map(const struct vm *vm, struct memory_map *map);

/* boot_cpu.c: the first CPU's registers, and what they point to */
int boot_enter_long(struct vm *vm, uint64_t rip, uint64_t rsi,
		    struct error *error);
int boot_enter_protected(struct vm *vm, const struct boot_registers *regs,
			 struct error *error);
int boot_enter_real(struct vm *vm, uint16_t ip, struct error *error);
/* As firmware leaves the local APIC: virtual wire mode (MP 1.4, 3.6.2.2) */
int boot_wire_apic(struct vm *vm, struct error *error);

/* A kind each: look at the open kernel, and load it. */
bool boot_is_linux(const uint8_t *start, size_t size);
int boot_check_linux(struct boot_image *image, const struct vm_config *config,
		     struct error *error);
int boot_load_linux(const struct boot_image *image, struct vm *vm,
		    struct error *error);
/* *@found: it has the note */
int boot_check_pvh(struct boot_image *image, const struct vm_config *config,
		   bool *found, struct error *error);
int boot_load_pvh(const struct boot_image *image, struct vm *vm,
		  struct error *error);
/* An ELF file's segments, by physical address */
int boot_elf_segments(struct boot_image *image, uint64_t memory,
		      struct error *error);
int boot_check_multiboot(struct boot_image *image, const struct vm_config *config,
			 bool *found, struct error *error);
int boot_load_multiboot(const struct boot_image *image, struct vm *vm,
			struct error *error);
int boot_check_flat(struct boot_image *image, const struct vm_config *config,
		    struct error *error);
int boot_load_flat(const struct boot_image *image, struct vm *vm,
		   struct error *error);
int boot_check_firmware(struct boot_image *image, const struct vm_config *config,
			struct error *error);
int boot_load_firmware(const struct boot_image *image, struct vm *vm,
		       struct error *error);

/* A bzImage for the firmware to boot; @top: the end of memory it can use */
int boot_add_rom(const struct boot_image *image, struct vm *vm, uint64_t top,
		 struct error *error);

#endif /* BOOT_PRIVATE_H */
