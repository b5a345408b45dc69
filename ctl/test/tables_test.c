// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest finds in its memory: ACPI tables and the boot protocol, without
 * a guest.  Given a folder, leaves the tables there for test/acpi.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/fake_vm.h"
#include "test/tap.h"
#include "vmm/acpi.h"
#include "vmm/boot.h"
#include "vmm/vm.h"

static bool sums_to_zero(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *bytes++);
	return !sum;
}

static uint32_t word32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t word64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void save(const char *folder, unsigned int cpus, const uint8_t *table)
{
	char path[256];
	FILE *file;

	if (!folder)
		return;
	mkdir(folder, 0777);
	snprintf(path, sizeof(path), "%s/%.4s-%u.aml", folder,
		 (const char *)table, cpus);
	file = fopen(path, "w");
	if (!file || fwrite(table, word32(table + 4), 1, file) != 1 ||
	    fclose(file))
		abort();
}

static void test_acpi(const char *folder, unsigned int cpus)
{
	const struct vm_config config = { .memory = 64 * MIB, .cpus = cpus };
	struct vm *vm = fake_vm(&config);
	const uint8_t *rsdp, *xsdt, *fadt, *madt, *dsdt;
	struct error error;

	ok(!acpi_build(vm, ACPI_BASE, ACPI_SIZE, &error), "tables are built");
	rsdp = vm_memory(vm, ACPI_BASE, 36);
	ok(!memcmp(rsdp, "RSD PTR ", 8) && sums_to_zero(rsdp, 20) &&
	   sums_to_zero(rsdp, 36), "the RSDP's checksums");
	xsdt = vm_memory(vm, word64(rsdp + 24), 52);
	ok(!memcmp(xsdt, "XSDT", 4) && word32(xsdt + 4) == 52 &&
	   sums_to_zero(xsdt, 52), "the XSDT");
	fadt = vm_memory(vm, word64(xsdt + 36), 276);
	madt = vm_memory(vm, word64(xsdt + 44), 44);
	dsdt = vm_memory(vm, word64(fadt + 140), 36);
	ok(!memcmp(fadt, "FACP", 4) && sums_to_zero(fadt, 276), "the FADT");
	ok(!memcmp(madt, "APIC", 4) && sums_to_zero(madt, word32(madt + 4)) &&
	   word32(madt + 4) == 44 + 8 * cpus + 12 + 6 + 10, "the MADT");
	ok(!memcmp(dsdt, "DSDT", 4) && sums_to_zero(dsdt, word32(dsdt + 4)),
	   "the DSDT");
	save(folder, cpus, fadt);
	save(folder, cpus, madt);
	save(folder, cpus, dsdt);
	vm_destroy(vm);
}

/* As much of a bzImage as the loader looks at. */
static void write_kernel(const char *path, size_t truncate_to)
{
	static uint8_t file[512 * 3 + 4096];
	struct setup_header *header = (struct setup_header *)(file + 0x1f1);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	memset(file, 0, sizeof(file));
	header->setup_sects = 2;
	header->boot_flag = 0xaa55;
	header->jump = 0x6aeb;
	header->header = 0x53726448;
	header->version = 0x020f;
	header->loadflags = LOADED_HIGH;
	header->xloadflags = XLF_KERNEL_64;
	header->syssize = 4096 / 16;
	header->pref_address = 0x1000000;
	header->init_size = 0x800000;
	header->initrd_addr_max = 0x7fffffff;
	header->cmdline_size = 2047;
	memset(file + sizeof(file) - 4096, 0xcc, 4096);
	if (fd < 0 || write(fd, file, truncate_to) != (ssize_t)truncate_to)
		abort();
	close(fd);
}

static bool refused(const char *kernel, const char *append, uint64_t memory,
		    const char *words)
{
	const struct vm_config config = {
		.kernel = kernel, .append = append, .memory = memory,
	};
	struct boot_image image;
	struct error error = { .text = "" };
	int result = boot_open(&image, &config, &error);

	boot_close(&image);
	printf("# %s\n", error.text);
	return result && strstr(error.text, words);
}

static void test_boot(void)
{
	struct vm_config config = {
		.memory = 64 * MIB, .cpus = 1, .append = "console=ttyS0",
	};
	struct vm_config files = { .memory = 64 * MIB, .append = "" };
	char path[] = "/tmp/lodge-test.XXXXXX";
	char long_line[3000];
	int fd = mkstemp(path);
	const struct boot_params *params;
	struct boot_image image;
	struct error error;
	struct vm *vm;

	if (fd < 0)
		abort();
	close(fd);
	memset(long_line, 'x', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 1] = '\0';

	write_kernel(path, 512 * 3 + 4096);
	ok(refused(path, long_line, 64 * MIB, "takes 2047"), "a long command line");
	ok(refused(path, "", 23 * MIB, "need"), "too little memory");
	files.kernel = path;
	files.initrd = path;
	ok(!boot_open(&image, &files, &error), "a kernel");
	vm = fake_vm(&config);
	ok(!boot_load(&image, vm, &error), "it is loaded");
	boot_close(&image);
	params = vm_memory(vm, got_regs.rsi, sizeof(*params));
	ok(params->hdr.header == 0x53726448 && params->acpi_rsdp_addr == ACPI_BASE &&
	   params->e820_entries == 4 && !params->sentinel, "boot_params");
	ok(!strcmp(vm_memory(vm, params->hdr.cmd_line_ptr, 32), "console=ttyS0"),
	   "the command line");
	ok(params->hdr.ramdisk_size == 512 * 3 + 4096 &&
	   params->hdr.ramdisk_image + params->hdr.ramdisk_size <= 64 * MIB &&
	   word32(vm_memory(vm, params->hdr.ramdisk_image + 0x202, 4)) == 0x53726448,
	   "the initrd");
	ok(got_regs.rip == 0x1000200 &&
	   word32(vm_memory(vm, got_regs.rip, 4)) == 0xcccccccc, "the entry");
	ok(got_sregs.cs.l && got_sregs.efer == 0x500 &&
	   word64(vm_memory(vm, got_sregs.cr3, 8)), "long mode");
	vm_destroy(vm);

	write_kernel(path, 512 * 3 + 4000);
	ok(refused(path, "", 64 * MIB, "cut short"), "a kernel cut short");
	write_kernel(path, 600);
	ok(refused(path, "", 64 * MIB, "cut short"), "cut after its header");
	write_kernel(path, 0x1ff);
	ok(refused(path, "", 64 * MIB, "not a kernel"), "cut in its header");
	write_kernel(path, 0);
	ok(refused(path, "", 64 * MIB, "empty"), "an empty file");
	ok(refused("/proc/self/exe", "", 64 * MIB, "ELF"), "an ELF file");
	unlink(path);
	ok(refused(path, "", 64 * MIB, "No such file"), "no file");
	ok(refused("/dev/null", "", 64 * MIB, "regular"), "a device");
}

static void test_memory(void)
{
	const struct vm_config config = { .memory = 4096 * MIB, .cpus = 1 };
	struct vm *vm = fake_vm(&config);

	ok(vm_memory(vm, 0, LOW_MEMORY_END), "all memory below 3 GiB");
	ok(!vm_memory(vm, LOW_MEMORY_END - 1, 2), "none above");
	ok(!vm_memory(vm, HIGH_MEMORY - 1, 1), "none below 4 GiB");
	ok(vm_memory(vm, HIGH_MEMORY, 1024 * MIB), "the rest from 4 GiB on");
	ok(!vm_memory(vm, HIGH_MEMORY + 1, 1024 * MIB), "and no more");
	ok(!vm_memory(vm, HIGH_MEMORY + 1, UINT64_MAX), "nor with a long length");
	ok(!vm_memory(vm, 1, UINT64_MAX), "low or high");
	vm_destroy(vm);
}

static uint64_t last_offset, last_width, accesses;

static void note_access(void *state, uint64_t offset, unsigned int width,
			bool write, uint64_t *value)
{
	(void)state;
	last_offset = offset;
	last_width = width;
	accesses++;
	if (!write)
		*value = 0x40 + offset;
}

static void test_bus(void)
{
	static struct bus bus;
	struct bus_region region = { 0x100, 4, 2, note_access, NULL };
	struct error error;
	uint64_t value;

	ok(!bus_claim_ports(&bus, &region, &error), "ports can be claimed");
	ok(bus_claim_ports(&bus, &region, &error), "but not twice");
	region.base = 0xfffe;
	ok(bus_claim_ports(&bus, &region, &error), "nor beyond the last");
	bus_port(&bus, 0x102, 2, false, &value);
	ok(last_offset == 2 && last_width == 2 && value == 0x42, "a word");
	bus_port(&bus, 0x102, 4, false, &value);
	ok(last_width == 1 && (uint32_t)value == 0xffff4342, "a dword reaches beyond");
	bus_port(&bus, 0xff, 4, false, &value);
	ok((uint32_t)value == 0xffffffff, "a dword that begins before");

	region.base = 0xd0000000;
	region.length = 0x1000;
	region.max_width = 4;
	ok(!bus_claim_mmio(&bus, &region, &error), "addresses can be claimed");
	ok(bus_claim_mmio(&bus, &region, &error), "but not twice");
	region.base = 0xd0001000;
	ok(!bus_claim_mmio(&bus, &region, &error), "those above");
	region.base = 0xcfffe000;
	ok(!bus_claim_mmio(&bus, &region, &error), "those below");
	accesses = 0;
	bus_mmio(&bus, 0xd0001004, 4, false, &value);
	bus_mmio(&bus, 0xd0000004, 4, false, &value);
	bus_mmio(&bus, 0xcfffe004, 4, false, &value);
	ok(accesses == 3 && last_offset == 4 && value == 0x44, "each is found");
	bus_mmio(&bus, 0xd0000004, 3, false, &value);
	ok(accesses == 6 && last_width == 1 && (value & 0xffffff) == 0x464544,
	   "what is left of an access across pages comes in bytes");
	accesses = 3;
	bus_mmio(&bus, 0xd0002000, 8, false, &value);
	bus_mmio(&bus, 0xcffff000, 8, false, &value);
	ok(accesses == 3 && value == ~0ULL, "what is between is not");
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : NULL;

	test_acpi(folder, 1);
	test_acpi(folder, 8);
	test_boot();
	test_memory();
	test_bus();
	return tap_end();
}
