// SPDX-License-Identifier: GPL-2.0-only
/* Binaries without a header, which only --boot can tell what they are. */
#include "vmm/boot_private.h"

#define BOOT_SECTOR_ADDRESS	0x7c00ULL

int boot_check_flat(struct boot_image *image, const struct vm_config *config,
		    struct error *error)
{
	struct boot_segment *segment = &image->segments[0];

	if (!image->kernel_size)
		return error_set(error, 0, "'%s' is not a kernel that can be booted: it is empty",
				 image->kernel);
	if (config->initrd || config->nr_modules)
		return error_set(error, 0, "a flat binary takes neither --initrd nor --module");
	image->entry = image->kind == BOOT_REAL ? BOOT_SECTOR_ADDRESS : MEGABYTE;
	if (image->kind != BOOT_REAL) {
		const struct boot_segment all = {
			.file_size = image->kernel_size,
			.address = image->entry,
			.memory_size = image->kernel_size,
		};

		return boot_add_segment(image, &all, config->memory, error);
	}
	/* Nothing else is in low memory then that it could need. */
	if (image->kernel_size > EBDA_ADDRESS - BOOT_SECTOR_ADDRESS)
		return error_set(error, 0, "'%s' is too large for real mode: %llu bytes, and there is room for %llu",
				 image->kernel,
				 (unsigned long long)image->kernel_size,
				 (unsigned long long)(EBDA_ADDRESS - BOOT_SECTOR_ADDRESS));
	segment->file_size = image->kernel_size;
	segment->memory_size = image->kernel_size;
	segment->address = image->entry;
	image->nr_segments = 1;
	return 0;
}

int boot_load_flat(const struct boot_image *image, struct vm *vm,
		   struct error *error)
{
	const struct boot_registers regs = {
		.eip = (uint32_t)image->entry,
		.esi = COMMAND_LINE_ADDRESS,
	};

	if (boot_load_segments(image, vm, error))
		return -1;
	switch (image->kind) {
	case BOOT_REAL:
		return boot_enter_real(vm, BOOT_SECTOR_ADDRESS, error);
	case BOOT_PROTECTED:
		return boot_enter_protected(vm, &regs, error);
	default:
		return boot_enter_long(vm, image->entry, COMMAND_LINE_ADDRESS, error);
	}
}
