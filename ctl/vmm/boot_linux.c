// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Linux boot protocol, entered in long mode, or in protected mode where a kernel
 * knows no other (the kernel's Documentation/arch/x86/boot.rst).
 */
#include "vmm/boot_private.h"

#include <string.h>

#include "vmm/acpi.h"

#define SECTOR			512
#define HEADER_OFFSET		0x1f1
#define MAGIC_OFFSET		0x202
#define BOOT_FLAG_OFFSET	0x1fe
#define BOOT_FLAG		0xaa55
#define HEADER_MAGIC		0x53726448	/* HdrS */
#define MIN_PROTOCOL		0x0203		/* the first with initrd_addr_max */
#define PROTOCOL_RELOCATABLE	0x020a		/* with pref_address and init_size */
#define PROTOCOL_64		0x020c		/* with xloadflags */
#define COMMAND_LINE_OLD	255		/* before cmdline_size */
#define LOADER_UNDEFINED	0xff
#define VIDEO_MODE_NORMAL	0xffff
#define ENTRY_64		0x200

bool boot_is_linux(const uint8_t *start, size_t size)
{
	uint16_t flag;
	uint32_t magic;

	if (size < MAGIC_OFFSET + sizeof(magic))
		return false;
	memcpy(&flag, start + BOOT_FLAG_OFFSET, sizeof(flag));
	memcpy(&magic, start + MAGIC_OFFSET, sizeof(magic));
	return flag == BOOT_FLAG && magic == HEADER_MAGIC;
}

static int read_header(struct boot_image *image, struct error *error)
{
	struct setup_header *header = &image->header;
	size_t size = sizeof(*header), header_size;
	int result;

	if (image->kernel_size < HEADER_OFFSET + size)
		size = (size_t)image->kernel_size - HEADER_OFFSET;
	result = boot_read(image->kernel_fd, header, size, HEADER_OFFSET);
	if (result)
		return error_set(error, result > 0 ? result : 0,
				 "cannot read the kernel '%s'", image->kernel);

	/* A jump over the header says where it ends; what follows is not ours. */
	header_size = MAGIC_OFFSET + (header->jump >> 8) - HEADER_OFFSET;
	if (header_size < sizeof(*header))
		memset((uint8_t *)header + header_size, 0,
		       sizeof(*header) - header_size);

	if (header->version < MIN_PROTOCOL ||
	    (header->version < PROTOCOL_64 && !(header->loadflags & LOADED_HIGH))) {
		error_set(error, 0,
			  "the kernel '%s' is too old: boot protocol %u.%02u, or not a bzImage",
			  image->kernel, header->version >> 8,
			  header->version & 0xff);
		return error_advise(error, "use Linux 2.4.18 or later");
	}
	if (header->version < PROTOCOL_64)
		header->xloadflags = 0;
	if (header->version < PROTOCOL_RELOCATABLE) {
		header->pref_address = 0;
		header->init_size = 0;
	}
	if (header->version < 0x0206)
		header->cmdline_size = COMMAND_LINE_OLD;
	if (image->kind == BOOT_AUTO)
		image->kind = header->xloadflags & XLF_KERNEL_64 ? BOOT_LINUX :
								  BOOT_LINUX32;
	if (image->kind == BOOT_LINUX && !(header->xloadflags & XLF_KERNEL_64)) {
		error_set(error, 0, "the kernel '%s' has no 64-bit entry",
			  image->kernel);
		return error_advise(error, "leave --boot away, or say --boot linux32");
	}
	return 0;
}

static int check_kernel(struct boot_image *image, struct error *error)
{
	const struct setup_header *header = &image->header;
	uint64_t file_size = image->kernel_size;
	unsigned int setup_sectors = header->setup_sects ? header->setup_sects : 4;
	uint64_t end;

	image->code_offset = (off_t)(setup_sectors + 1) * SECTOR;
	image->code_size = header->syssize * 16ULL;
	end = (uint64_t)image->code_offset + image->code_size;
	/*
	 * Sizes are in paragraphs of 16 bytes, and the last need not be whole;
	 * a signature may follow.
	 */
	if (image->code_size <= ENTRY_64 || file_size + 15 < end ||
	    file_size <= (uint64_t)image->code_offset) {
		error_set(error, 0,
			  "the kernel '%s' is cut short: it has %llu of %llu bytes",
			  image->kernel, (unsigned long long)file_size,
			  (unsigned long long)end);
		return error_advise(error, "copy it again");
	}
	if (file_size < end)
		image->code_size -= end - file_size;

	image->load_address = header->pref_address && image->kind != BOOT_FIRMWARE ?
			      header->pref_address : MEGABYTE;
	image->span = header->init_size > image->code_size ?
		      header->init_size : image->code_size;
	if (image->load_address < MEGABYTE ||
	    image->load_address >= LOW_MEMORY_END)
		return error_set(error, 0,
				 "the kernel '%s' wants to be at 0x%llx, where memory never is",
				 image->kernel,
				 (unsigned long long)image->load_address);
	return 0;
}

static int check_memory(const struct boot_image *image, uint64_t memory,
			struct error *error)
{
	uint64_t kernel_end = boot_round_up(image->load_address + image->span, PAGE);
	uint64_t needed = kernel_end + boot_round_up(image->initrd_size, PAGE);
	uint64_t low = memory < LOW_MEMORY_END ? memory : LOW_MEMORY_END;

	/* An unpacked initramfs needs more yet, but that is the kernel's to say. */
	if (needed <= low)
		return 0;
	if (needed > LOW_MEMORY_END)
		return error_set(error, 0,
				 "kernel and initrd need %llu MiB to start: more than the %llu MiB below the devices",
				 boot_mebibytes(needed), boot_mebibytes(LOW_MEMORY_END));
	error_set(error, 0, "kernel%s '%s' need%s %llu MiB to start, the guest has %llu",
		  image->initrd ? " and initrd of" : "", image->kernel,
		  image->initrd ? "" : "s", boot_mebibytes(needed),
		  memory / MIB);
	return error_advise(error, "give more with -m");
}

int boot_check_linux(struct boot_image *image, const struct vm_config *config,
		     struct error *error)
{
	size_t limit;

	if (read_header(image, error) || check_kernel(image, error))
		return -1;
	if (config->nr_modules) {
		error_set(error, 0, "a Linux kernel takes no --module");
		return error_advise(error, "give --initrd");
	}
	limit = image->header.cmdline_size;
	if (limit >= COMMAND_LINE_ROOM)
		limit = COMMAND_LINE_ROOM - 1;
	if (strlen(config->append) > limit)
		return error_set(error, 0,
				 "the command line has %zu bytes, the kernel takes %zu",
				 strlen(config->append), limit);
	return check_memory(image, config->memory, error);
}

/* As high as it may be: the kernel unpacks itself below. */
static uint64_t initrd_address(const struct boot_image *image,
			       const struct vm *vm)
{
	uint64_t top = vm->ram_low;

	if (top > image->header.initrd_addr_max + 1ULL)
		top = image->header.initrd_addr_max + 1ULL;
	if (top < image->initrd_size)
		return 0;
	return (top - image->initrd_size) & ~(PAGE - 1);
}

static void fill_boot_params(struct boot_params *params,
			     const struct boot_image *image,
			     const struct vm *vm, uint64_t initrd)
{
	struct setup_header *header = &params->hdr;
	struct memory_map map;
	unsigned int i;

	*header = image->header;
	header->type_of_loader = LOADER_UNDEFINED;
	header->loadflags = (header->loadflags | LOADED_HIGH) &
			    (uint8_t)~CAN_USE_HEAP;
	header->vid_mode = VIDEO_MODE_NORMAL;
	header->code32_start = (uint32_t)image->load_address;
	header->cmd_line_ptr = COMMAND_LINE_ADDRESS;
	header->setup_data = 0;
	header->ramdisk_image = (uint32_t)initrd;
	header->ramdisk_size = (uint32_t)image->initrd_size;
	params->acpi_rsdp_addr = ACPI_BASE;

	boot_memory_map(vm, &map);
	for (i = 0; i < map.count; i++) {
		params->e820_table[i].addr = map.entries[i].start;
		params->e820_table[i].size = map.entries[i].size;
		params->e820_table[i].type = map.entries[i].type;
	}
	params->e820_entries = (uint8_t)map.count;
}

int boot_load_linux(const struct boot_image *image, struct vm *vm,
		    struct error *error)
{
	struct boot_registers regs = {
		.eip = (uint32_t)image->load_address,
		.esi = BOOT_INFO_ADDRESS,
	};
	void *params = vm_memory(vm, BOOT_INFO_ADDRESS, sizeof(struct boot_params));
	uint64_t initrd = 0;

	if (boot_load_file(vm, "kernel", image->kernel, image->kernel_fd,
			   (uint64_t)image->code_offset, image->code_size,
			   image->load_address, error))
		return -1;
	if (image->initrd_size) {
		initrd = initrd_address(image, vm);
		if (initrd < image->load_address + image->span)
			return error_set(error, 0,
					 "the initrd '%s' does not fit between the kernel and 0x%x",
					 image->initrd,
					 image->header.initrd_addr_max);
		if (boot_load_file(vm, "initrd", image->initrd, image->initrd_fd, 0,
				   image->initrd_size, initrd, error))
			return -1;
	}
	fill_boot_params(params, image, vm, initrd);
	if (image->kind == BOOT_LINUX32)
		return boot_enter_protected(vm, &regs, error);
	return boot_enter_long(vm, image->load_address + ENTRY_64,
			       BOOT_INFO_ADDRESS, error);
}
