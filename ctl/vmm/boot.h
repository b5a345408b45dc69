/* SPDX-License-Identifier: GPL-2.0-only */
/* What a new VM starts from: a kernel of some kind, or a firmware. */
#ifndef BOOT_H
#define BOOT_H

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct vm;
struct vm_config;

/**
 * enum boot_kind - how a kernel is loaded and entered
 * @BOOT_AUTO: as its content says
 * @BOOT_LINUX: bzImage, by its 64-bit entry
 * @BOOT_LINUX32: bzImage, by its 32-bit entry
 * @BOOT_PVH: ELF with the note of Xen's PVH entry
 * @BOOT_MULTIBOOT: Multiboot 1
 * @BOOT_REAL: flat binary as a boot sector, at 0x7c00
 * @BOOT_PROTECTED: flat binary at 1 MiB, in protected mode without paging
 * @BOOT_LONG: flat binary at 1 MiB, in long mode, 4 GiB mapped one to one
 * @BOOT_FIRMWARE: a firmware at the reset vector; a bzImage by its 16-bit entry
 */
enum boot_kind {
	BOOT_AUTO,
	BOOT_LINUX,
	BOOT_LINUX32,
	BOOT_PVH,
	BOOT_MULTIBOOT,
	BOOT_REAL,
	BOOT_PROTECTED,
	BOOT_LONG,
	BOOT_FIRMWARE,
};

#define BOOT_MAX_SEGMENTS	16
#define BOOT_MAX_MODULES	16

/**
 * struct boot_segment - a part of the kernel's file, and where it goes
 * @offset: in the file
 * @file_size: bytes of it
 * @address: in the guest
 * @memory_size: bytes there, at least @file_size; the rest is zero
 */
struct boot_segment {
	uint64_t offset, file_size;
	uint64_t address, memory_size;
};

/**
 * struct boot_module - a file that is handed to the kernel
 * @path: path, for errors
 * @arguments: what follows the path, for the kernel
 * @fd: the open file
 * @size: its size
 */
struct boot_module {
	char *path;
	const char *arguments;
	int fd;
	uint64_t size;
};

/**
 * struct boot_image - the files that a guest starts from, checked
 * @kind: how they are loaded
 * @kernel: path, for errors; NULL with a firmware alone
 * @initrd: path, or NULL
 * @firmware: path, or NULL
 * @kernel_fd: the open kernel, unpacked
 * @initrd_fd: the open initrd, or -1
 * @firmware_fd: the open firmware, or -1
 * @kernel_size: bytes
 * @initrd_size: bytes
 * @firmware_size: bytes
 * @header: bzImage: its setup header
 * @code_offset: bzImage: where in the file its protected-mode code begins
 * @code_size: bzImage: size of that
 * @load_address: bzImage: where in the guest it is put
 * @span: bzImage: bytes from there on that it needs to start
 * @segments: others: what is loaded
 * @nr_segments: how many
 * @entry: others: where they begin
 * @page_align: Multiboot: modules begin on pages
 * @modules: Multiboot and PVH: files for the kernel, after the initrd
 * @nr_modules: how many
 */
struct boot_image {
	enum boot_kind kind;
	const char *kernel;
	const char *initrd;
	const char *firmware;
	int kernel_fd;
	int initrd_fd;
	int firmware_fd;
	uint64_t kernel_size;
	uint64_t initrd_size;
	uint64_t firmware_size;
	struct setup_header header;
	off_t code_offset;
	uint64_t code_size;
	uint64_t load_address;
	uint64_t span;
	struct boot_segment segments[BOOT_MAX_SEGMENTS];
	unsigned int nr_segments;
	uint64_t entry;
	bool page_align;
	struct boot_module modules[BOOT_MAX_MODULES];
	unsigned int nr_modules;
};

/**
 * boot_kind_parse() - the argument of --boot
 * @word: as given
 * @kind: filled
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int boot_kind_parse(const char *word, enum boot_kind *kind, struct error *error);

/**
 * boot_open() - open the files and see whether they can be booted
 * @image: filled; boot_close() it in any case
 * @config: what was asked for
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int boot_open(struct boot_image *image, const struct vm_config *config,
	      struct error *error);
void boot_close(struct boot_image *image);

/* Loads it all and sets the first CPU's registers. */
int boot_load(const struct boot_image *image, struct vm *vm,
	      struct error *error);

#endif /* BOOT_H */
