/* SPDX-License-Identifier: GPL-2.0-only */
/* Starts a Linux kernel in a new VM. */
#ifndef BOOT_H
#define BOOT_H

#include <asm/bootparam.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct vm;

/**
 * struct boot_image - the files that a guest starts from, checked
 * @kernel: path, for errors
 * @initrd: path, or NULL
 * @kernel_fd: the open kernel
 * @initrd_fd: the open initrd, or -1
 * @header: the kernel's setup header
 * @code_offset: where in the file its protected-mode code begins
 * @code_size: size of that
 * @load_address: where in the guest it is put
 * @span: bytes from there on that it needs to start
 * @initrd_size: bytes
 */
struct boot_image {
	const char *kernel;
	const char *initrd;
	int kernel_fd;
	int initrd_fd;
	struct setup_header header;
	off_t code_offset;
	uint64_t code_size;
	uint64_t load_address;
	uint64_t span;
	uint64_t initrd_size;
};

/**
 * boot_open() - open the files and see whether they can be booted
 * @image: filled; boot_close() it in any case
 * @kernel: path of a bzImage
 * @initrd: path, or NULL
 * @append: command line
 * @memory: bytes that the guest will have
 * @error: filled on failure
 *
 * Return: 0, or -1
 */
int boot_open(struct boot_image *image, const char *kernel, const char *initrd,
	      const char *append, uint64_t memory, struct error *error);
void boot_close(struct boot_image *image);

/* Loads it all and sets the first CPU's registers. */
int boot_load(const struct boot_image *image, struct vm *vm,
	      struct error *error);

#endif /* BOOT_H */
