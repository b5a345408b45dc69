// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loaders but for Linux's own, which tables_test.c has: what they make of good
 * files, of files that lie, and of files changed at random.  BOOT_TEST_ROUNDS says
 * how many of these; the numbers are the same in every run.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/fake_vm.h"
#include "test/tap.h"
#include "vmm/boot.h"
#include "vmm/vm.h"

#define FILE_SIZE	0x3000
#define CODE_OFFSET	0x1000
#define LOAD_ADDRESS	0x200000
#define MEMORY		(8 * MIB)

static uint8_t file[FILE_SIZE];
static char path[sizeof("/tmp/lodge-boot-test.XXXXXX")];
static int fd;

static void save(size_t size)
{
	if (ftruncate(fd, 0) || pwrite(fd, file, size, 0) != (ssize_t)size)
		abort();
}

static void put32(size_t at, uint32_t value)
{
	memcpy(file + at, &value, sizeof(value));
}

/* An ELF file of either class, with a segment and maybe a note. */
static void make_elf64(void)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)file;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(header + 1);

	memset(file, 0, sizeof(file));
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_type = ET_EXEC;
	header->e_machine = EM_X86_64;
	header->e_phoff = sizeof(*header);
	header->e_phentsize = sizeof(*phdr);
	header->e_phnum = 2;
	phdr[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = CODE_OFFSET,
		.p_paddr = LOAD_ADDRESS, .p_filesz = 0x1000, .p_memsz = 0x2000,
	};
	phdr[1] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 20,
	};
	put32(0x200, 4);
	put32(0x204, 4);
	put32(0x208, 18);
	memcpy(file + 0x20c, "Xen", 4);
	put32(0x210, LOAD_ADDRESS + 16);
	memset(file + CODE_OFFSET, 0xcc, 0x1000);
}

static void make_elf32(void)
{
	Elf32_Ehdr *header = (Elf32_Ehdr *)file;
	Elf32_Phdr *phdr = (Elf32_Phdr *)(header + 1);

	memset(file, 0, sizeof(file));
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS32;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_type = ET_EXEC;
	header->e_machine = EM_386;
	header->e_entry = LOAD_ADDRESS;
	header->e_phoff = sizeof(*header);
	header->e_phentsize = sizeof(*phdr);
	header->e_phnum = 1;
	phdr[0] = (Elf32_Phdr){
		.p_type = PT_LOAD, .p_offset = CODE_OFFSET,
		.p_paddr = LOAD_ADDRESS, .p_filesz = 0x1000, .p_memsz = 0x2000,
	};
	put32(0x400, 0x1badb002);
	put32(0x404, 3);
	put32(0x408, -(0x1badb002U + 3));
}

static void make_kludge(void)
{
	memset(file, 0, sizeof(file));
	put32(0x40, 0x1badb002);
	put32(0x44, 1U << 16);
	put32(0x48, -(0x1badb002U + (1U << 16)));
	put32(0x4c, LOAD_ADDRESS + 0x40);
	put32(0x50, LOAD_ADDRESS);
	put32(0x54, LOAD_ADDRESS + 0x2000);
	put32(0x58, LOAD_ADDRESS + 0x3000);
	put32(0x5c, LOAD_ADDRESS + 0x100);
}

static void make_linux(void)
{
	struct setup_header *header = (struct setup_header *)(file + 0x1f1);

	memset(file, 0, sizeof(file));
	header->setup_sects = 2;
	header->boot_flag = 0xaa55;
	header->jump = 0x6aeb;
	header->header = 0x53726448;
	header->version = 0x020f;
	header->loadflags = LOADED_HIGH;
	header->xloadflags = XLF_KERNEL_64;
	header->syssize = 0x100;
	header->pref_address = LOAD_ADDRESS;
	header->init_size = 0x10000;
	header->initrd_addr_max = 0x7fffffff;
	header->cmdline_size = 255;
}

static struct vm_config config = {
	.kernel = path, .memory = MEMORY, .cpus = 1, .append = "words",
};

/* Opens and loads. Return: what was found, or -1 with an error */
static int boot(struct error *error)
{
	struct boot_image image;
	struct vm *vm;
	int result;

	error->text[0] = '\0';
	if (boot_open(&image, &config, error)) {
		boot_close(&image);
		return -1;
	}
	vm = fake_vm(&config);
	result = boot_load(&image, vm, error) ? -1 : (int)image.kind;
	boot_close(&image);
	vm_destroy(vm);
	return result;
}

static bool boots(enum boot_kind kind, uint64_t rip)
{
	struct error error;
	int result;

	save(sizeof(file));
	result = boot(&error);
	if (result < 0)
		printf("# %s\n", error.text);
	return result == (int)kind && got_regs.rip == rip;
}

static bool refused(const char *words)
{
	struct error error;
	int result;

	save(sizeof(file));
	result = boot(&error);
	if (!strstr(error.text, words))
		printf("# %s\n", error.text);
	return result < 0 && strstr(error.text, words);
}

static void test_pvh(void)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)file;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(header + 1);

	make_elf64();
	ok(boots(BOOT_PVH, LOAD_ADDRESS + 16) && got_regs.rbx == 0x8000 &&
	   got_sregs.cr0 == 0x11 && got_sregs.cs.db && !got_sregs.efer, "PVH");
	header->e_phnum = 0xffff;
	ok(refused("program headers"), "65535 program headers");
	make_elf64();
	header->e_phentsize = 1;
	ok(refused("program headers"), "program headers of a byte");
	make_elf64();
	header->e_phoff = UINT64_MAX - 8;
	ok(refused("lies about its headers"), "program headers nowhere");
	make_elf64();
	phdr[0].p_filesz = UINT64_MAX;
	ok(refused("cut short or lies"), "a segment larger than the file");
	make_elf64();
	phdr[0].p_offset = UINT64_MAX;
	ok(refused("cut short or lies"), "a segment behind the file");
	make_elf64();
	phdr[0].p_memsz = 0x10;
	ok(refused("has room for"), "a segment smaller than its content");
	make_elf64();
	phdr[0].p_memsz = UINT64_MAX - LOAD_ADDRESS;
	ok(refused("does not have"), "a segment larger than memory");
	make_elf64();
	phdr[0].p_paddr = UINT64_MAX - 0x800;
	ok(refused("does not have"), "a segment that wraps around");
	make_elf64();
	phdr[0].p_paddr = 0xe0000;
	ok(refused("lodge needs"), "a segment where ACPI's tables are");
	make_elf64();
	phdr[0].p_paddr = 0x1000;
	ok(refused("lodge needs"), "a segment where its boot information is");
	make_elf64();
	put32(0x210, LOAD_ADDRESS + 0x1000);
	ok(refused("entry"), "an entry in what is not in the file");
	make_elf64();
	put32(0x204, UINT32_MAX);
	ok(refused("without a PVH note"), "a note that is too long");
	make_elf64();
	phdr[1].p_offset = FILE_SIZE - 4;
	ok(refused("lies about its headers"), "notes behind the file");
}

static void test_multiboot(void)
{
	make_elf32();
	ok(boots(BOOT_MULTIBOOT, LOAD_ADDRESS) && got_regs.rax == 0x2badb002 &&
	   got_regs.rbx == 0x8000, "Multiboot, ELF");
	put32(0x404, 0x23);
	put32(0x408, -(0x1badb002U + 0x23));
	ok(refused("does not know"), "what must be known and is not");
	put32(0x404, 4);
	put32(0x408, -(0x1badb002U + 4));
	ok(refused("screen"), "a screen");
	make_kludge();
	ok(boots(BOOT_MULTIBOOT, LOAD_ADDRESS + 0x100), "Multiboot with addresses");
	put32(0x54, LOAD_ADDRESS + 0x4000);
	put32(0x58, 0);
	ok(refused("cut short or lies"), "more than the file has");
	make_kludge();
	put32(0x4c, LOAD_ADDRESS + 0x80);
	ok(refused("make no sense"), "a header before the file");
	make_kludge();
	put32(0x58, LOAD_ADDRESS + 0x1000);
	ok(refused("make no sense"), "an end before the end");
	make_kludge();
	put32(0x5c, 16);
	ok(refused("entry"), "an entry elsewhere");
	make_kludge();
	put32(0x58, UINT32_MAX);
	ok(refused("does not have"), "more than memory");
	config.boot = BOOT_LONG;
	ok(boots(BOOT_LONG, 0x100000) && got_sregs.cs.l, "or flat, if one says so");
	config.boot = BOOT_REAL;
	ok(boots(BOOT_REAL, 0x7c00) && got_sregs.cr0 == 0x10, "in real mode");
	config.boot = BOOT_PVH;
	ok(refused("not a kernel"), "or what it is not");
	config.boot = BOOT_AUTO;
}

static void test_linux32(void)
{
	struct setup_header *header = (struct setup_header *)(file + 0x1f1);

	make_linux();
	header->xloadflags = 0;
	ok(boots(BOOT_LINUX32, LOAD_ADDRESS) && got_regs.rsi == 0x8000 &&
	   got_sregs.cr0 == 0x11, "Linux of 32 bits");
	header->version = 0x0203;
	ok(boots(BOOT_LINUX32, 0x100000), "of old");
	header->version = 0x0202;
	ok(refused("too old"), "too old");
}

/* The same numbers in every run */
static uint32_t next_random(void)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33);
}

static void mutate(void)
{
	static const uint32_t nasty[] = {
		0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000, 0x100000,
		0xc0000000, FILE_SIZE, FILE_SIZE - 1, LOAD_ADDRESS,
	};
	unsigned int count = 1 + next_random() % 4;
	size_t at;

	while (count--) {
		/* Most of it is in the headers. */
		at = next_random() % (next_random() % 4 ? 0x280 : FILE_SIZE - 4);
		switch (next_random() % 3) {
		case 0:
			file[at] = (uint8_t)next_random();
			break;
		case 1:
			put32(at & ~3UL, nasty[next_random() %
				(sizeof(nasty) / sizeof(nasty[0]))]);
			break;
		default:
			put32(at & ~3UL, next_random());
			break;
		}
	}
}

static void test_random(unsigned long rounds)
{
	static void (*const make[])(void) = {
		make_elf64, make_elf32, make_kludge, make_linux,
	};
	unsigned long i, booted = 0, silent = 0;
	struct error error;

	for (i = 0; i < rounds; i++) {
		make[i % 4]();
		mutate();
		save(next_random() % 8 ? FILE_SIZE : next_random() % FILE_SIZE);
		if (boot(&error) >= 0)
			booted++;
		else if (!error.text[0] || strchr(error.text, '\n'))
			silent++;
	}
	printf("# %lu of %lu were loaded\n", booted, rounds);
	ok(booted && booted < rounds && !silent, "files changed at random");
}

int main(void)
{
	const char *rounds = getenv("BOOT_TEST_ROUNDS");

	strcpy(path, "/tmp/lodge-boot-test.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		abort();
	test_pvh();
	test_multiboot();
	test_linux32();
	test_random(rounds ? strtoul(rounds, NULL, 10) : 4000);
	unlink(path);
	return tap_end();
}
