// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF files, and those with a note of Xen's PVH entry (Xen's docs/misc/pvh.pandoc
 * and xen/include/public/arch-x86/hvm/start_info.h describe it).
 */
#include "vmm/boot_private.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/acpi.h"

#define MAX_PROGRAM_HEADERS	64
#define MAX_NOTES		(64 * 1024ULL)

#define NOTE_PHYS32_ENTRY	18
#define NOTE_NAME		"Xen"

#define START_INFO_MAGIC	0x336ec578
#define START_INFO_MODULES	(BOOT_INFO_ADDRESS + 0x100)
#define START_INFO_MAP		(BOOT_INFO_ADDRESS + 0x800)

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp;
	uint64_t memmap;
	uint32_t memmap_entries, reserved;
};

struct start_module {
	uint64_t address, size, cmdline, reserved;
};

struct start_memory {
	uint64_t address, size;
	uint32_t type, reserved;
};

/**
 * struct elf - the headers of a file, of either class
 * @valid: it is an ELF file for x86
 * @entry: physical
 * @count: how many of @headers
 * @headers: program headers
 */
struct elf {
	bool valid;
	uint64_t entry;
	unsigned int count;
	Elf64_Phdr headers[MAX_PROGRAM_HEADERS];
};

static int read_part(const struct boot_image *image, void *to, uint64_t size,
		     uint64_t offset, struct error *error)
{
	int result;

	if (offset > image->kernel_size || size > image->kernel_size - offset) {
		error_set(error, 0, "the ELF file '%s' is cut short or lies about its headers",
			  image->kernel);
		return error_advise(error, "copy it again");
	}
	result = boot_read(image->kernel_fd, to, size, offset);
	if (result)
		return error_set(error, result > 0 ? result : 0,
				 "cannot read the kernel '%s'", image->kernel);
	return 0;
}

static int read_headers32(const struct boot_image *image, const Elf32_Ehdr *h,
			  struct elf *elf, struct error *error)
{
	Elf32_Phdr phdr = { 0 };
	Elf64_Phdr *to;
	unsigned int i;

	for (i = 0; i < elf->count; i++) {
		if (read_part(image, &phdr, sizeof(phdr),
			      h->e_phoff + (uint64_t)i * sizeof(phdr), error))
			return -1;
		to = &elf->headers[i];
		to->p_type = phdr.p_type;
		to->p_offset = phdr.p_offset;
		to->p_paddr = phdr.p_paddr;
		to->p_filesz = phdr.p_filesz;
		to->p_memsz = phdr.p_memsz;
	}
	elf->entry = h->e_entry;
	return 0;
}

static int read_headers(const struct boot_image *image, struct elf *elf,
			struct error *error)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr h32;
		Elf64_Ehdr h64;
	} header;
	uint64_t size = sizeof(header);
	bool is64, fits;

	memset(elf, 0, sizeof(*elf));
	memset(&header, 0, sizeof(header));
	if (image->kernel_size < size)
		size = image->kernel_size;
	if (read_part(image, &header, size, 0, error))
		return -1;
	if (memcmp(header.ident, ELFMAG, SELFMAG))
		return 0;
	is64 = header.ident[EI_CLASS] == ELFCLASS64;
	/* Both have these two at the same place. */
	if (header.ident[EI_DATA] != ELFDATA2LSB ||
	    header.h32.e_machine != (is64 ? EM_X86_64 : EM_386) ||
	    header.h32.e_type != ET_EXEC)
		return 0;
	elf->valid = true;
	elf->count = is64 ? header.h64.e_phnum : header.h32.e_phnum;
	fits = is64 ? header.h64.e_phentsize == sizeof(Elf64_Phdr) :
		      header.h32.e_phentsize == sizeof(Elf32_Phdr);
	if (elf->count > MAX_PROGRAM_HEADERS || !fits)
		return error_set(error, 0,
				 "the ELF file '%s' has %u program headers, or strange ones",
				 image->kernel, elf->count);
	if (!is64)
		return read_headers32(image, &header.h32, elf, error);
	elf->entry = header.h64.e_entry;
	return read_part(image, elf->headers, elf->count * sizeof(Elf64_Phdr),
			 header.h64.e_phoff, error);
}

static int add_segments(struct boot_image *image, const struct elf *elf,
			uint64_t memory, struct error *error)
{
	const Elf64_Phdr *phdr;

	for (phdr = elf->headers; phdr < elf->headers + elf->count; phdr++) {
		const struct boot_segment segment = {
			.offset = phdr->p_offset,
			.file_size = phdr->p_filesz,
			.address = phdr->p_paddr,
			.memory_size = phdr->p_memsz,
		};

		if (phdr->p_type == PT_LOAD && phdr->p_memsz &&
		    boot_add_segment(image, &segment, memory, error))
			return -1;
	}
	if (!image->nr_segments)
		return error_set(error, 0, "the ELF file '%s' has nothing to be loaded",
				 image->kernel);
	return 0;
}

/* Is @address within what is loaded from the file? */
static int check_entry(const struct boot_image *image, struct error *error)
{
	unsigned int i;

	for (i = 0; i < image->nr_segments; i++) {
		const struct boot_segment *s = &image->segments[i];

		if (image->entry >= s->address &&
		    image->entry - s->address < s->file_size &&
		    image->entry <= UINT32_MAX)
			return 0;
	}
	return error_set(error, 0,
			 "the kernel '%s' lies: its entry 0x%llx is in no part of it",
			 image->kernel, (unsigned long long)image->entry);
}

/* The entry that a segment of notes names. Return: true if it is there */
static bool find_note(const uint8_t *notes, uint64_t size, uint64_t *entry)
{
	uint64_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		uint64_t name, description, next;
		Elf64_Nhdr note;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		description = name + boot_round_up(note.n_namesz, 4);
		next = description + boot_round_up(note.n_descsz, 4);
		/* All are sums of 32-bit numbers. */
		if (next > size)
			return false;
		if (note.n_type == NOTE_PHYS32_ENTRY &&
		    note.n_namesz == sizeof(NOTE_NAME) &&
		    !memcmp(notes + name, NOTE_NAME, sizeof(NOTE_NAME)) &&
		    (note.n_descsz == 4 || note.n_descsz == 8)) {
			*entry = 0;
			memcpy(entry, notes + description, note.n_descsz);
			return true;
		}
		at = next;
	}
	return false;
}

static int look_for_note(struct boot_image *image, const Elf64_Phdr *phdr,
			 bool *found, struct error *error)
{
	uint8_t *notes;
	int result;

	if (!phdr->p_filesz || phdr->p_filesz > MAX_NOTES)
		return 0;
	notes = malloc(phdr->p_filesz);
	if (!notes)
		return error_set(error, 0, "no memory for the kernel's notes");
	result = read_part(image, notes, phdr->p_filesz, phdr->p_offset, error);
	if (!result)
		*found = find_note(notes, phdr->p_filesz, &image->entry);
	free(notes);
	return result;
}

int boot_elf_segments(struct boot_image *image, uint64_t memory,
		      struct error *error)
{
	struct elf elf;

	if (read_headers(image, &elf, error))
		return -1;
	if (!elf.valid) {
		error_set(error, 0, "the kernel '%s' has a Multiboot header without addresses, but is no ELF file for x86",
			  image->kernel);
		return error_advise(error, "link it as one");
	}
	image->entry = elf.entry;
	if (add_segments(image, &elf, memory, error))
		return -1;
	return check_entry(image, error);
}

int boot_check_pvh(struct boot_image *image, const struct vm_config *config,
		   bool *found, struct error *error)
{
	struct elf elf;
	unsigned int i;

	*found = false;
	if (read_headers(image, &elf, error))
		return -1;
	for (i = 0; elf.valid && i < elf.count && !*found; i++)
		if (elf.headers[i].p_type == PT_NOTE &&
		    look_for_note(image, &elf.headers[i], found, error))
			return -1;
	if (!*found)
		return 0;
	image->kind = BOOT_PVH;
	if (add_segments(image, &elf, config->memory, error))
		return -1;
	return check_entry(image, error);
}

int boot_load_pvh(const struct boot_image *image, struct vm *vm,
		  struct error *error)
{
	struct loaded_modules modules;
	const struct boot_registers regs = {
		.eip = (uint32_t)image->entry,
		.ebx = BOOT_INFO_ADDRESS,
	};
	uint8_t *low = vm_memory(vm, 0, MEGABYTE);
	struct start_module *list = (void *)(low + START_INFO_MODULES);
	struct start_memory *memory = (void *)(low + START_INFO_MAP);
	struct start_info *info = (void *)(low + BOOT_INFO_ADDRESS);
	struct memory_map map;
	unsigned int i;

	if (boot_load_segments(image, vm, error) ||
	    boot_load_modules(image, vm, &modules, error))
		return -1;
	boot_memory_map(vm, &map);
	for (i = 0; i < map.count; i++) {
		memory[i].address = map.entries[i].start;
		memory[i].size = map.entries[i].size;
		memory[i].type = map.entries[i].type;
	}
	for (i = 0; i < modules.count; i++) {
		list[i].address = modules.list[i].address;
		list[i].size = modules.list[i].size;
		list[i].cmdline = modules.list[i].arguments;
	}
	*info = (struct start_info){
		.magic = START_INFO_MAGIC,
		.version = 1,
		.nr_modules = modules.count,
		.modlist = START_INFO_MODULES,
		.cmdline = COMMAND_LINE_ADDRESS,
		.rsdp = ACPI_BASE,
		.memmap = START_INFO_MAP,
		.memmap_entries = map.count,
	};
	return boot_enter_protected(vm, &regs, error);
}
