// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Linux boot protocol, entered in long mode (the kernel's
 * Documentation/arch/x86/boot.rst, "64-bit Boot Protocol").
 *
 * Files are read straight to where the guest will find them; the rest of its
 * memory is not touched.
 */
#include "vmm/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/acpi.h"
#include "vmm/vm.h"

/* Below 640 KiB, where a kernel looks for nothing of its own. */
#define GDT_ADDRESS		0x1000ULL
#define PML4_ADDRESS		0x2000ULL
#define PDPT_ADDRESS		0x3000ULL
#define PD_ADDRESS		0x4000ULL	/* four of them */
#define BOOT_PARAMS_ADDRESS	0x8000ULL
#define COMMAND_LINE_ADDRESS	0x9000ULL
#define COMMAND_LINE_ROOM	0x10000ULL
#define EBDA_ADDRESS		0x9fc00ULL
#define LOW_MEMORY_TOP		0xa0000ULL
#define MEGABYTE		0x100000ULL

/* What the BIOS data area says of it. */
#define BDA_EBDA_SEGMENT	0x40e
#define BDA_MEMORY_KIB		0x413

#define SECTOR			512
#define HEADER_OFFSET		0x1f1
#define MAGIC_OFFSET		0x202
#define BOOT_FLAG		0xaa55
#define HEADER_MAGIC		0x53726448	/* HdrS */
#define MIN_PROTOCOL		0x020c		/* the first with xloadflags */
#define LOADER_UNDEFINED	0xff
#define VIDEO_MODE_NORMAL	0xffff
#define ENTRY_64		0x200

#define E820_USABLE		1
#define E820_RESERVED		2

#define PTE_PRESENT		(1ULL << 0)
#define PTE_WRITE		(1ULL << 1)
#define PTE_HUGE		(1ULL << 7)

#define CR0_PE			(1ULL << 0)
#define CR0_ET			(1ULL << 4)
#define CR0_PG			(1ULL << 31)
#define CR4_PAE			(1ULL << 5)
#define EFER_LME		(1ULL << 8)
#define EFER_LMA		(1ULL << 10)
#define RFLAGS_FIXED		(1ULL << 1)

#define PAGE			4096ULL

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

static unsigned long long mebibytes(uint64_t bytes)
{
	return round_up(bytes, MIB) / MIB;
}

/* Reads exactly @size bytes. Return: 0, an errno, or -1 for a short file */
static int read_at(int fd, void *buffer, uint64_t size, off_t offset)
{
	uint8_t *to = buffer;

	while (size) {
		ssize_t count = pread(fd, to, size, offset);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno;
		if (!count)
			return -1;
		to += count;
		offset += count;
		size -= (uint64_t)count;
	}
	return 0;
}

static int open_file(const char *what, const char *path, int *fd,
		     uint64_t *size, struct error *error)
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

/* What people give instead of a bzImage. */
static int not_a_kernel(const char *path, const uint8_t *start, size_t size,
			struct error *error)
{
	const char *what = "it has no Linux boot header";

	if (!size)
		what = "it is empty";
	else if (size >= 4 && !memcmp(start, "\177ELF", 4))
		what = "it is an ELF file, maybe a vmlinux";
	else if (size >= 2 && !memcmp(start, "\037\213", 2))
		what = "it is a gzip file";
	else if (size >= 64 && !memcmp(start + 56, "ARM\x64", 4))
		what = "it is a kernel for ARM";
	error_set(error, 0, "'%s' is not a kernel that can be booted: %s", path,
		  what);
	return error_advise(error, "give a bzImage, such as a /boot/vmlinuz-*");
}

static int read_header(struct boot_image *image, uint64_t file_size,
		       struct error *error)
{
	struct setup_header *header = &image->header;
	uint8_t start[HEADER_OFFSET + sizeof(*header)] = { 0 };
	size_t size = sizeof(start), header_size;
	int result;

	if (file_size < size)
		size = (size_t)file_size;
	result = read_at(image->kernel_fd, start, size, 0);
	if (result > 0)
		return error_set(error, result, "cannot read the kernel '%s'",
				 image->kernel);
	memcpy(header, start + HEADER_OFFSET, sizeof(*header));
	if (size < MAGIC_OFFSET + 4 || header->boot_flag != BOOT_FLAG ||
	    header->header != HEADER_MAGIC)
		return not_a_kernel(image->kernel, start, size, error);

	/* A jump over the header says where it ends; what follows is not ours. */
	header_size = MAGIC_OFFSET + (header->jump >> 8) - HEADER_OFFSET;
	if (header_size < sizeof(*header))
		memset((uint8_t *)header + header_size, 0,
		       sizeof(*header) - header_size);

	if (header->version < MIN_PROTOCOL) {
		error_set(error, 0,
			  "the kernel '%s' is too old: boot protocol %u.%02u, 2.12 is needed",
			  image->kernel, header->version >> 8,
			  header->version & 0xff);
		return error_advise(error, "use Linux 3.8 or later");
	}
	if (!(header->xloadflags & XLF_KERNEL_64)) {
		error_set(error, 0, "the kernel '%s' has no 64-bit entry",
			  image->kernel);
		return error_advise(error, "use a kernel built for x86-64");
	}
	return 0;
}

static int check_kernel(struct boot_image *image, uint64_t file_size,
			struct error *error)
{
	const struct setup_header *header = &image->header;
	unsigned int setup_sectors = header->setup_sects ? header->setup_sects : 4;
	uint64_t end;

	image->code_offset = (off_t)(setup_sectors + 1) * SECTOR;
	image->code_size = header->syssize * 16ULL;
	end = (uint64_t)image->code_offset + image->code_size;
	/*
	 * Sizes are in paragraphs of 16 bytes, and the last need not be whole;
	 * a signature may follow.
	 */
	if (image->code_size <= ENTRY_64 || file_size + 15 < end) {
		error_set(error, 0,
			  "the kernel '%s' is cut short: it has %llu of %llu bytes",
			  image->kernel, (unsigned long long)file_size,
			  (unsigned long long)end);
		return error_advise(error, "copy it again");
	}
	if (file_size < end)
		image->code_size -= end - file_size;

	image->load_address = header->pref_address ? header->pref_address :
			      MEGABYTE;
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
	uint64_t kernel_end = round_up(image->load_address + image->span, PAGE);
	uint64_t needed = kernel_end + round_up(image->initrd_size, PAGE);
	uint64_t low = memory < LOW_MEMORY_END ? memory : LOW_MEMORY_END;

	/* An unpacked initramfs needs more yet, but that is the kernel's to say. */
	if (needed <= low)
		return 0;
	if (needed > LOW_MEMORY_END)
		return error_set(error, 0,
				 "kernel and initrd need %llu MiB to start: more than the %llu MiB below the devices",
				 mebibytes(needed), mebibytes(LOW_MEMORY_END));
	error_set(error, 0, "kernel%s '%s' need%s %llu MiB to start, the guest has %llu",
		  image->initrd ? " and initrd of" : "", image->kernel,
		  image->initrd ? "" : "s", mebibytes(needed),
		  memory / MIB);
	return error_advise(error, "give more with -m");
}

int boot_open(struct boot_image *image, const char *kernel, const char *initrd,
	      const char *append, uint64_t memory, struct error *error)
{
	uint64_t kernel_size = 0;
	size_t limit;

	memset(image, 0, sizeof(*image));
	image->kernel = kernel;
	image->initrd = initrd;
	image->kernel_fd = -1;
	image->initrd_fd = -1;

	if (open_file("kernel", kernel, &image->kernel_fd, &kernel_size, error) ||
	    read_header(image, kernel_size, error) ||
	    check_kernel(image, kernel_size, error))
		return -1;
	if (initrd && open_file("initrd", initrd, &image->initrd_fd,
				&image->initrd_size, error))
		return -1;

	limit = image->header.cmdline_size;
	if (limit >= COMMAND_LINE_ROOM)
		limit = COMMAND_LINE_ROOM - 1;
	if (strlen(append) > limit)
		return error_set(error, 0,
				 "the command line has %zu bytes, the kernel takes %zu",
				 strlen(append), limit);
	return check_memory(image, memory, error);
}

void boot_close(struct boot_image *image)
{
	if (image->kernel_fd >= 0)
		close(image->kernel_fd);
	if (image->initrd_fd >= 0)
		close(image->initrd_fd);
	image->kernel_fd = -1;
	image->initrd_fd = -1;
}

static int load_file(struct vm *vm, const char *what, const char *path, int fd,
		     off_t offset, uint64_t size, uint64_t address,
		     struct error *error)
{
	void *to = vm_memory(vm, address, size);
	int result;

	if (!to)
		return error_set(error, 0, "the %s '%s' does not fit into the guest's memory",
				 what, path);
	result = read_at(fd, to, size, offset);
	if (result < 0)
		return error_set(error, 0, "the %s '%s' became shorter while it was read",
				 what, path);
	if (result)
		return error_set(error, result, "cannot read the %s '%s'", what, path);
	return 0;
}

static void add_e820(struct boot_params *params, uint64_t start, uint64_t end,
		     uint32_t type)
{
	struct boot_e820_entry *entry = &params->e820_table[params->e820_entries];

	if (end <= start)
		return;
	entry->addr = start;
	entry->size = end - start;
	entry->type = type;
	params->e820_entries++;
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

/*
 * Identity-mapped with 2 MiB pages up to 4 GiB: all that a kernel touches before
 * it has tables of its own.
 */
static void build_page_tables(uint8_t *low)
{
	uint64_t *pml4 = (uint64_t *)(low + PML4_ADDRESS);
	uint64_t *pdpt = (uint64_t *)(low + PDPT_ADDRESS);
	uint64_t *pd = (uint64_t *)(low + PD_ADDRESS);
	uint64_t i;

	pml4[0] = PDPT_ADDRESS | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4; i++)
		pdpt[i] = (PD_ADDRESS + i * PAGE) | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4 * 512ULL; i++)
		pd[i] = i << 21 | PTE_PRESENT | PTE_WRITE | PTE_HUGE;
}

/* Selectors 0x10 and 0x18, as the protocol has them. */
static const uint64_t gdt[] = {
	0,
	0,
	0x00af9b000000ffffULL,	/* code, 64-bit */
	0x00cf93000000ffffULL,	/* data */
	0x00008b0000000067ULL,	/* TSS, busy */
	0,
};

static const struct lodge_segment code_segment = {
	.limit = 0xffffffff, .selector = 0x10, .type = 0xb, .s = 1,
	.present = 1, .l = 1, .g = 1,
};

static const struct lodge_segment data_segment = {
	.limit = 0xffffffff, .selector = 0x18, .type = 0x3, .s = 1,
	.present = 1, .db = 1, .g = 1,
};

static const struct lodge_segment task_segment = {
	.limit = 0x67, .selector = 0x20, .type = 0xb, .present = 1,
};

static int set_registers(struct vm *vm, uint64_t entry, struct error *error)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	struct lodge_sregs sregs;
	struct lodge_regs regs = {
		.rip = entry,
		.rsi = BOOT_PARAMS_ADDRESS,
		.rflags = RFLAGS_FIXED,
	};

	if (vcpu_get_state(vcpu, LODGE_STATE_SREGS, &sregs, sizeof(sregs)))
		return error_set(error, errno, "cannot read the registers of guest CPU 0");
	sregs.cs = code_segment;
	sregs.ds = data_segment;
	sregs.es = data_segment;
	sregs.ss = data_segment;
	sregs.fs = data_segment;
	sregs.gs = data_segment;
	sregs.tr = task_segment;
	memset(&sregs.ldt, 0, sizeof(sregs.ldt));
	sregs.ldt.unusable = 1;
	sregs.ldt.type = 2;
	sregs.gdt.base = GDT_ADDRESS;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.idt.base = 0;
	sregs.idt.limit = 0;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs.cr3 = PML4_ADDRESS;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	if (vcpu_set_state(vcpu, LODGE_STATE_SREGS, &sregs, sizeof(sregs)) ||
	    vcpu_set_state(vcpu, LODGE_STATE_REGS, &regs, sizeof(regs)))
		return error_set(error, errno, "cannot set the registers of guest CPU 0");
	return 0;
}

static void fill_boot_params(struct boot_params *params,
			     const struct boot_image *image,
			     const struct vm *vm, uint64_t initrd)
{
	struct setup_header *header = &params->hdr;

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

	add_e820(params, 0, EBDA_ADDRESS, E820_USABLE);
	add_e820(params, EBDA_ADDRESS, LOW_MEMORY_TOP, E820_RESERVED);
	add_e820(params, ACPI_BASE, ACPI_BASE + ACPI_SIZE, E820_RESERVED);
	add_e820(params, MEGABYTE, vm->ram_low, E820_USABLE);
	add_e820(params, HIGH_MEMORY,
		 HIGH_MEMORY + vm->config->memory - vm->ram_low, E820_USABLE);
}

int boot_load(const struct boot_image *image, struct vm *vm, struct error *error)
{
	uint8_t *low = vm_memory(vm, 0, MEGABYTE);
	uint64_t initrd = 0;
	uint16_t word;

	if (!low)
		return error_set(error, 0, "the guest has less than 1 MiB of memory");
	if (load_file(vm, "kernel", image->kernel, image->kernel_fd,
		      image->code_offset, image->code_size,
		      image->load_address, error))
		return -1;
	if (image->initrd_size) {
		initrd = initrd_address(image, vm);
		if (initrd < image->load_address + image->span)
			return error_set(error, 0,
					 "the initrd '%s' does not fit between the kernel and 0x%x",
					 image->initrd,
					 image->header.initrd_addr_max);
		if (load_file(vm, "initrd", image->initrd, image->initrd_fd, 0,
			      image->initrd_size, initrd, error))
			return -1;
	}
	memcpy(low + GDT_ADDRESS, gdt, sizeof(gdt));
	build_page_tables(low);
	fill_boot_params((struct boot_params *)(low + BOOT_PARAMS_ADDRESS),
			 image, vm, initrd);
	memcpy(low + COMMAND_LINE_ADDRESS, vm->config->append,
	       strlen(vm->config->append) + 1);
	word = EBDA_ADDRESS >> 4;
	memcpy(low + BDA_EBDA_SEGMENT, &word, sizeof(word));
	word = EBDA_ADDRESS >> 10;
	memcpy(low + BDA_MEMORY_KIB, &word, sizeof(word));

	if (acpi_build(vm, error))
		return -1;
	return set_registers(vm, image->load_address + ENTRY_64, error);
}
