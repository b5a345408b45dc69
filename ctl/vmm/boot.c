// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens what a guest starts from, finds out what it is, and loads it.
 *
 * Files are read straight to where the guest will find them; the rest of its
 * memory is not touched.  Whatever a file says of itself may be a lie: boot_open()
 * holds it against the file and the guest's memory.
 */
#include "vmm/boot_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "fd.h"
#include "vmm/acpi.h"
#include "vmm/mptable.h"

/* At the end of the area of ACPI's tables */
#define BIOS_ADDRESS		0xfff00ULL
#define BIOS_SEGMENT		0xf000U
#define BIOS_OFFSET		0xff00U

#define START_SIZE		0x1000
#define MAX_UNPACKED		(1024 * MIB)

/* What the BIOS data area says of the extended one. */
#define BDA_EBDA_SEGMENT	0x40e
#define BDA_MEMORY_KIB		0x413

static const struct {
	const char *word;
	enum boot_kind kind;
} words[] = {
	{ "auto", BOOT_AUTO },
	{ "linux", BOOT_LINUX },
	{ "linux32", BOOT_LINUX32 },
	{ "pvh", BOOT_PVH },
	{ "multiboot", BOOT_MULTIBOOT },
	{ "real", BOOT_REAL },
	{ "protected", BOOT_PROTECTED },
	{ "long", BOOT_LONG },
};

int boot_kind_parse(const char *word, enum boot_kind *kind, struct error *error)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].word))
			continue;
		*kind = words[i].kind;
		return 0;
	}
	error_set(error, 0, "'%s' is no kind of kernel", word);
	return error_advise(error, "--boot takes linux, linux32, pvh, multiboot, real, protected or long");
}

uint64_t boot_round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

unsigned long long boot_mebibytes(uint64_t bytes)
{
	return boot_round_up(bytes, MIB) / MIB;
}

int boot_read(int fd, void *buffer, uint64_t size, uint64_t offset)
{
	uint8_t *to = buffer;

	while (size) {
		ssize_t count = pread(fd, to, size, (off_t)offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno;
		if (!count)
			return -1;
		to += count;
		offset += (uint64_t)count;
		size -= (uint64_t)count;
	}
	return 0;
}

int boot_open_file(const char *what, const char *path, int *fd, uint64_t *size,
		   struct error *error)
{
	struct stat st;

	/* Not to wait for a writer, should it be a FIFO. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return error_set(error, errno, "cannot open the %s '%s'", what,
				 path);
	if (fstat(*fd, &st))
		return error_set(error, errno, "cannot read the %s '%s'", what,
				 path);
	if (!S_ISREG(st.st_mode))
		return error_set(error, S_ISDIR(st.st_mode) ? EISDIR : 0,
				 S_ISDIR(st.st_mode) ?
				 "cannot read the %s '%s'" :
				 "the %s '%s' is not a regular file", what, path);
	*size = (uint64_t)st.st_size;
	return 0;
}

int boot_load_file(struct vm *vm, const char *what, const char *path, int fd,
		   uint64_t offset, uint64_t size, uint64_t address,
		   struct error *error)
{
	void *to = vm_memory(vm, address, size);
	int result;

	if (!to)
		return error_set(error, 0, "the %s '%s' does not fit into the guest's memory",
				 what, path);
	result = boot_read(fd, to, size, offset);
	if (result < 0)
		return error_set(error, 0, "the %s '%s' became shorter while it was read",
				 what, path);
	if (result)
		return error_set(error, result, "cannot read the %s '%s'", what, path);
	return 0;
}

/* Is it within the guest's memory, and nothing else is there? */
static bool loadable(uint64_t address, uint64_t size, uint64_t memory)
{
	uint64_t low = memory < LOW_MEMORY_END ? memory : LOW_MEMORY_END;
	uint64_t high = memory - low, end;

	if (__builtin_add_overflow(address, size, &end))
		return false;
	if (address >= HIGH_MEMORY)
		return end - HIGH_MEMORY <= high;
	if (address >= MEGABYTE)
		return end <= low;
	return address >= BOOT_INFO_END && end <= EBDA_ADDRESS;
}

int boot_add_segment(struct boot_image *image, const struct boot_segment *segment,
		     uint64_t memory, struct error *error)
{
	if (segment->offset > image->kernel_size ||
	    segment->file_size > image->kernel_size - segment->offset) {
		error_set(error, 0,
			  "the kernel '%s' is cut short or lies: %llu bytes at %llu are not in it",
			  image->kernel, (unsigned long long)segment->file_size,
			  (unsigned long long)segment->offset);
		return error_advise(error, "copy it again");
	}
	if (segment->file_size > segment->memory_size)
		return error_set(error, 0,
				 "the kernel '%s' lies: a part of %llu bytes has room for %llu",
				 image->kernel,
				 (unsigned long long)segment->file_size,
				 (unsigned long long)segment->memory_size);
	if (!loadable(segment->address, segment->memory_size, memory)) {
		error_set(error, 0,
			  "the kernel '%s' wants %llu KiB at 0x%llx, which the guest does not have or lodge needs",
			  image->kernel,
			  (unsigned long long)(segment->memory_size >> 10),
			  (unsigned long long)segment->address);
		return error_advise(error, "give more memory with -m");
	}
	if (image->nr_segments == BOOT_MAX_SEGMENTS)
		return error_set(error, 0, "the kernel '%s' has more than %d parts",
				 image->kernel, BOOT_MAX_SEGMENTS);
	image->segments[image->nr_segments++] = *segment;
	return 0;
}

int boot_load_segments(const struct boot_image *image, struct vm *vm,
		       struct error *error)
{
	const struct boot_segment *s;
	void *rest;

	for (s = image->segments; s < image->segments + image->nr_segments; s++) {
		if (boot_load_file(vm, "kernel", image->kernel, image->kernel_fd,
				   s->offset, s->file_size, s->address, error))
			return -1;
		/* Where two of them overlap, the later one counts. */
		rest = vm_memory(vm, s->address + s->file_size,
				 s->memory_size - s->file_size);
		if (rest && s->memory_size > s->file_size)
			memset(rest, 0, s->memory_size - s->file_size);
	}
	return 0;
}

/* The first byte below LOW_MEMORY_END that nothing of the kernel is above */
static uint64_t kernel_end(const struct boot_image *image)
{
	uint64_t end = MEGABYTE;
	unsigned int i;

	for (i = 0; i < image->nr_segments; i++) {
		const struct boot_segment *s = &image->segments[i];

		if (s->address < LOW_MEMORY_END && s->address + s->memory_size > end)
			end = s->address + s->memory_size;
	}
	return end;
}

static int load_module(struct vm *vm, const struct boot_module *module,
		       uint64_t *at, struct loaded_modules *modules,
		       struct error *error)
{
	size_t length = strlen(module->arguments) + 1;
	uint64_t address = boot_round_up(*at, PAGE);
	void *arguments;

	if (boot_load_file(vm, "module", module->path, module->fd, 0, module->size,
			   address, error))
		return -1;
	*at = address + module->size;
	arguments = vm_memory(vm, *at, length);
	if (!arguments)
		return error_set(error, 0, "the module '%s' does not fit into the guest's memory",
				 module->path);
	memcpy(arguments, module->arguments, length);
	modules->list[modules->count].address = (uint32_t)address;
	modules->list[modules->count].size = (uint32_t)module->size;
	modules->list[modules->count].arguments = (uint32_t)*at;
	modules->count++;
	*at += length;
	return 0;
}

int boot_load_modules(const struct boot_image *image, struct vm *vm,
		      struct loaded_modules *modules, struct error *error)
{
	const struct boot_module initrd = {
		.path = (char *)image->initrd,
		.arguments = image->initrd ? image->initrd : "",
		.fd = image->initrd_fd,
		.size = image->initrd_size,
	};
	uint64_t at = kernel_end(image);
	unsigned int i;

	modules->count = 0;
	if (image->initrd && load_module(vm, &initrd, &at, modules, error))
		return -1;
	for (i = 0; i < image->nr_modules; i++)
		if (load_module(vm, &image->modules[i], &at, modules, error))
			return -1;
	return 0;
}

static void add_entry(struct memory_map *map, uint64_t start, uint64_t end,
		      uint32_t type)
{
	if (end <= start)
		return;
	map->entries[map->count].start = start;
	map->entries[map->count].size = end - start;
	map->entries[map->count].type = type;
	map->count++;
}

void boot_memory_map(const struct vm *vm, struct memory_map *map)
{
	map->count = 0;
	add_entry(map, 0, EBDA_ADDRESS, E820_USABLE);
	add_entry(map, EBDA_ADDRESS, LOW_MEMORY_TOP, E820_RESERVED);
	add_entry(map, ACPI_BASE, ACPI_BASE + ACPI_SIZE, E820_RESERVED);
	add_entry(map, MEGABYTE, vm->ram_low, E820_USABLE);
	add_entry(map, HIGH_MEMORY,
		  HIGH_MEMORY + vm->config->memory - vm->ram_low, E820_USABLE);
}

/* ---- What is it? ---- */

/* What people give instead of a kernel. */
static int not_a_kernel(const char *path, const uint8_t *start, size_t size,
			struct error *error)
{
	const char *what = "it has no Linux boot header, nor one of Multiboot";

	if (!size)
		what = "it is empty";
	else if (size >= 4 && !memcmp(start, "\177ELF", 4))
		what = "it is an ELF file without a PVH note or a Multiboot header";
	else if (size >= 64 && !memcmp(start + 56, "ARM\x64", 4))
		what = "it is a kernel for ARM";
	else if (size >= 2 && !memcmp(start, "MZ", 2))
		what = "it is a program for UEFI";
	error_set(error, 0, "'%s' is not a kernel that can be booted: %s", path,
		  what);
	return error_advise(error, "give a bzImage, such as a /boot/vmlinuz-*, or say what it is with --boot");
}

/* Replaces what is packed by what is in it. */
static int unpack(struct boot_image *image, uint64_t memory, struct error *error)
{
	uint64_t limit = memory < MAX_UNPACKED ? memory : MAX_UNPACKED;
	char buffer[64 * 1024];
	int fd = memfd_create("kernel", MFD_CLOEXEC);
	int packed = fcntl(image->kernel_fd, F_DUPFD_CLOEXEC, 3);
	gzFile file = packed < 0 ? NULL : gzdopen(packed, "rb");
	int count = -1;

	image->kernel_size = 0;
	while (fd >= 0 && file) {
		count = gzread(file, buffer, sizeof(buffer));
		if (count <= 0)
			break;
		image->kernel_size += (uint64_t)count;
		if (image->kernel_size > limit ||
		    write(fd, buffer, (size_t)count) != count) {
			count = -2;
			break;
		}
	}
	if (file)
		gzclose(file);
	else if (packed >= 0)
		close(packed);
	if (count) {
		if (fd >= 0)
			close(fd);
		return error_set(error, 0, count == -2 ?
				 "the kernel '%s' is unpacked more than the guest's memory" :
				 "the kernel '%s' cannot be unpacked: it is damaged",
				 image->kernel);
	}
	close(image->kernel_fd);
	image->kernel_fd = fd;
	return 0;
}

static int read_start(struct boot_image *image, uint8_t *start, size_t *size,
		      struct error *error)
{
	int result;

	*size = START_SIZE;
	if (image->kernel_size < *size)
		*size = (size_t)image->kernel_size;
	memset(start, 0, START_SIZE);
	result = boot_read(image->kernel_fd, start, *size, 0);
	if (result)
		return error_set(error, result > 0 ? result : 0,
				 "cannot read the kernel '%s'", image->kernel);
	return 0;
}

/* By content, if --boot does not say. */
static int check_kernel(struct boot_image *image, const struct vm_config *config,
			struct error *error)
{
	uint8_t start[START_SIZE];
	bool found = false;
	size_t size;

	if (read_start(image, start, &size, error))
		return -1;
	if (image->kind < BOOT_REAL && size >= 2 && !memcmp(start, "\037\213", 2) &&
	    (unpack(image, config->memory, error) ||
	     read_start(image, start, &size, error)))
		return -1;

	if (image->kind >= BOOT_REAL)
		return boot_check_flat(image, config, error);
	if (image->kind <= BOOT_LINUX32 && boot_is_linux(start, size))
		return boot_check_linux(image, config, error);
	if (image->kind == BOOT_AUTO || image->kind == BOOT_PVH) {
		if (boot_check_pvh(image, config, &found, error))
			return -1;
		if (found)
			return 0;
	}
	if (image->kind == BOOT_AUTO || image->kind == BOOT_MULTIBOOT) {
		if (boot_check_multiboot(image, config, &found, error))
			return -1;
		if (found)
			return 0;
	}
	return not_a_kernel(image->kernel, start, size, error);
}

static int open_modules(struct boot_image *image, const struct vm_config *config,
			struct error *error)
{
	unsigned int i;

	for (i = 0; i < config->nr_modules; i++) {
		struct boot_module *module = &image->modules[image->nr_modules];
		const char *space = strchr(config->modules[i], ' ');
		size_t length = space ? (size_t)(space - config->modules[i]) :
					strlen(config->modules[i]);

		module->arguments = config->modules[i];
		module->path = strndup(config->modules[i], length);
		if (!module->path)
			return error_set(error, errno, "cannot name a module");
		image->nr_modules++;
		if (boot_open_file("module", module->path, &module->fd,
				   &module->size, error))
			return -1;
	}
	return 0;
}

int boot_open(struct boot_image *image, const struct vm_config *config,
	      struct error *error)
{
	unsigned int i;

	memset(image, 0, sizeof(*image));
	image->kind = config->boot;
	image->kernel = config->kernel;
	image->initrd = config->initrd;
	image->firmware = config->firmware;
	image->kernel_fd = -1;
	image->initrd_fd = -1;
	image->firmware_fd = -1;
	for (i = 0; i < BOOT_MAX_MODULES; i++)
		image->modules[i].fd = -1;

	if (image->kernel && boot_open_file("kernel", image->kernel,
					    &image->kernel_fd,
					    &image->kernel_size, error))
		return -1;
	if (image->initrd && boot_open_file("initrd", image->initrd,
					    &image->initrd_fd,
					    &image->initrd_size, error))
		return -1;
	if (open_modules(image, config, error))
		return -1;
	if (image->firmware)
		return boot_check_firmware(image, config, error);
	return check_kernel(image, config, error);
}

void boot_close(struct boot_image *image)
{
	unsigned int i;

	close_fd(&image->kernel_fd);
	close_fd(&image->initrd_fd);
	close_fd(&image->firmware_fd);
	for (i = 0; i < image->nr_modules; i++) {
		close_fd(&image->modules[i].fd);
		free(image->modules[i].path);
		image->modules[i].path = NULL;
	}
	image->nr_modules = 0;
}

/*
 * There is no BIOS, but kernels of old call it all the same.  Its services answer
 * that they have failed: CF is set in the flags that IRET takes.
 */
static void build_vectors(uint8_t *low)
{
	static const uint8_t service[] = {
		0x55,			/* push %bp */
		0x89, 0xe5,		/* mov %sp, %bp */
		0x80, 0x4e, 0x06, 0x01,	/* orb $1, 6(%bp) */
		0x5d,			/* pop %bp */
		0xcf,			/* iret */
	};
	const uint32_t segment = BIOS_SEGMENT << 16;
	uint32_t vectors[256];
	unsigned int i;

	memcpy(low + BIOS_ADDRESS, service, sizeof(service));
	for (i = 0; i < 256; i++)
		vectors[i] = segment | (i >= 0x10 && i < 0x20 ? BIOS_OFFSET :
					BIOS_OFFSET + (uint32_t)sizeof(service) - 1);
	memcpy(low, vectors, sizeof(vectors));
}

/* What firmware leaves in low memory for everybody. */
static int prepare(struct vm *vm, struct error *error)
{
	uint8_t *low = vm_memory(vm, 0, MEGABYTE);
	uint16_t word;

	if (!low)
		return error_set(error, 0, "the guest has less than 1 MiB of memory");
	build_vectors(low);
	word = EBDA_ADDRESS >> 4;
	memcpy(low + BDA_EBDA_SEGMENT, &word, sizeof(word));
	word = EBDA_ADDRESS >> 10;
	memcpy(low + BDA_MEMORY_KIB, &word, sizeof(word));
	memcpy(low + COMMAND_LINE_ADDRESS, vm->config->append,
	       strlen(vm->config->append) + 1);
	mptable_build(vm, low + EBDA_ADDRESS, EBDA_ADDRESS);
	if (acpi_build(vm, ACPI_BASE, BIOS_ADDRESS - ACPI_BASE, error))
		return -1;
	return boot_wire_apic(vm, error);
}

int boot_load(const struct boot_image *image, struct vm *vm, struct error *error)
{
	if (image->firmware)
		return boot_load_firmware(image, vm, error);
	if (strlen(vm->config->append) >= COMMAND_LINE_ROOM)
		return error_set(error, 0, "the command line is too long");
	if (prepare(vm, error))
		return -1;
	switch (image->kind) {
	case BOOT_PVH:
		return boot_load_pvh(image, vm, error);
	case BOOT_MULTIBOOT:
		return boot_load_multiboot(image, vm, error);
	case BOOT_REAL:
	case BOOT_PROTECTED:
	case BOOT_LONG:
		return boot_load_flat(image, vm, error);
	default:
		return boot_load_linux(image, vm, error);
	}
}
