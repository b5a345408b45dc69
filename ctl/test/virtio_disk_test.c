// SPDX-License-Identifier: GPL-2.0-only
/* The disk as a driver sees it: requests of all kinds, with io_uring and without. */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/tap.h"
#include "test/virtio_fixture.h"
#include "vmm/virtio/disk.h"

#define SECTORS		64L
#define HEADER		BUFFERS
#define STATUS		(BUFFERS + 0x800)
#define DATA		(BUFFERS + 0x1000)
#define NOTHING		0xee

static struct driver driver;
static struct virtio_device *blk;
static int file;

/* Return: the status that the device answers with; @written is the used length */
static uint8_t request(uint32_t type, uint64_t sector, const struct buffer *data,
		       unsigned int count, uint32_t *written)
{
	struct virtio_blk_outhdr *header = fake_ram(HEADER);
	uint8_t *status = fake_ram(STATUS);
	struct buffer buffers[8] = { { HEADER, sizeof(*header), false } };
	struct vring_used_elem used;

	header->type = type;
	header->sector = sector;
	*status = NOTHING;
	if (count)
		memcpy(&buffers[1], data, count * sizeof(*data));
	buffers[count + 1] = (struct buffer){ STATUS, 1, true };
	driver_add(&driver, 0, buffers, count + 2);
	driver_kick(&driver, 0);
	if (!driver_used_one(&driver, 0, &used))
		return NOTHING;
	if (written)
		*written = used.len;
	return *status;
}

static uint8_t move(bool write, uint64_t sector, uint64_t address, uint32_t size)
{
	const struct buffer data = { address, size, !write };

	return request(write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, sector, &data, 1,
		       NULL);
}

static uint8_t erase(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *range = fake_ram(DATA);
	const struct buffer data = { DATA, sizeof(*range), false };

	range->sector = sector;
	range->num_sectors = sectors;
	range->flags = flags;
	return request(type, 0, &data, 1, NULL);
}

static bool file_has(uint64_t sector, int byte, uint32_t size)
{
	uint8_t bytes[4096];
	uint32_t i;

	if (size > sizeof(bytes) ||
	    pread(file, bytes, size, (off_t)(sector * SECTOR_SIZE)) != (ssize_t)size)
		return false;
	for (i = 0; i < size; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

static void test_data(void)
{
	const struct buffer parts[] = {
		{ DATA, 300, true }, { HIGH_MEMORY + 1, 212, true }, { DATA + 512, 512, true },
	};
	uint32_t written = 0;

	memset(fake_ram(DATA), 'w', 4096);
	ok(move(true, 3, DATA, 1024) == VIRTIO_BLK_S_OK && file_has(3, 'w', 1024) &&
	   file_has(5, 0, 512), "what is written is in the file");
	memset(fake_ram(DATA), 0, 4096);
	ok(request(VIRTIO_BLK_T_IN, 3, parts, 3, &written) == VIRTIO_BLK_S_OK &&
	   written == 1025 && *(uint8_t *)fake_ram(DATA + 299) == 'w' &&
	   !*(uint8_t *)fake_ram(DATA + 300) &&
	   *(uint8_t *)fake_ram(HIGH_MEMORY + 212) == 'w' &&
	   *(uint8_t *)fake_ram(DATA + 1023) == 'w', "and read in pieces");
	ok(request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, &written) == VIRTIO_BLK_S_OK &&
	   written == 1, "it can be flushed");
}

static void test_limits(void)
{
	ok(move(false, SECTORS - 1, DATA, 512) == VIRTIO_BLK_S_OK, "the last sector");
	ok(move(false, SECTORS - 1, DATA, 1024) == VIRTIO_BLK_S_IOERR, "not beyond it");
	ok(move(false, SECTORS, DATA, 512) == VIRTIO_BLK_S_IOERR, "nor behind it");
	ok(move(true, ~0ULL, DATA, 512) == VIRTIO_BLK_S_IOERR, "nor around the end");
	ok(move(true, 1ULL << 55, DATA, 512) == VIRTIO_BLK_S_IOERR, "of any numbers");
	ok(move(true, 0, DATA, 511) == VIRTIO_BLK_S_IOERR, "whole sectors only");
	ok(request(99, 0, NULL, 0, NULL) == VIRTIO_BLK_S_UNSUPP, "no request of kind 99");
}

static void test_erase(void)
{
	memset(fake_ram(DATA), 'e', 4096);
	move(true, 8, DATA, 4096);
	ok(erase(VIRTIO_BLK_T_DISCARD, 8, 4, 0) == VIRTIO_BLK_S_OK &&
	   file_has(8, 0, 2048) && file_has(12, 'e', 2048), "sectors are discarded");
	ok(erase(VIRTIO_BLK_T_WRITE_ZEROES, 12, 2, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) ==
	   VIRTIO_BLK_S_OK && file_has(12, 0, 1024) && file_has(14, 'e', 1024),
	   "and made zeros");
	ok(erase(VIRTIO_BLK_T_DISCARD, SECTORS - 1, 2, 0) == VIRTIO_BLK_S_IOERR,
	   "not beyond the end");
	ok(erase(VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0) == VIRTIO_BLK_S_IOERR,
	   "nor too many");
	ok(erase(VIRTIO_BLK_T_DISCARD, 0, 1, 1) == VIRTIO_BLK_S_UNSUPP,
	   "flags that there are not");
}

static void test_id(void)
{
	const struct buffer data = { DATA, VIRTIO_BLK_ID_BYTES, true };
	uint32_t written = 0;

	ok(request(VIRTIO_BLK_T_GET_ID, 0, &data, 1, &written) == VIRTIO_BLK_S_OK &&
	   written == VIRTIO_BLK_ID_BYTES + 1, "the disk has a name");
}

static void test_shrunk(void)
{
	if (ftruncate(file, 10L * SECTOR_SIZE))
		abort();
	fake_warnings = 0;
	ok(move(false, 9, DATA, 512) == VIRTIO_BLK_S_OK, "a file became shorter");
	ok(move(false, 9, DATA, 1024) == VIRTIO_BLK_S_IOERR, "what is not there is an error");
	ok(move(false, 20, DATA, 512) == VIRTIO_BLK_S_IOERR && fake_warnings == 1,
	   "of which the user hears once");
	if (ftruncate(file, SECTORS * SECTOR_SIZE))
		abort();
	ok(move(false, 20, DATA, 512) == VIRTIO_BLK_S_OK, "and no longer if it is there");
}

static void test_lost(void)
{
	fake_flush_fails = true;
	ok(request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL) == VIRTIO_BLK_S_IOERR,
	   "a flush can fail");
	fake_flush_fails = false;
	ok(request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL) == VIRTIO_BLK_S_IOERR,
	   "and then none succeeds: what it was for may be lost");
}

static void test_breaches(void)
{
	const struct buffer no_status = { HEADER, 16, false };
	const struct buffer short_header[] = {
		{ HEADER, 15, false }, { STATUS, 1, true },
	};

	driver_add(&driver, 0, &no_status, 1);
	driver_kick(&driver, 0);
	ok(blk->broken, "a request has a status");
	driver_start(&driver, blk, 0);
	driver_add(&driver, 0, short_header, 2);
	driver_kick(&driver, 0);
	ok(blk->broken, "and a header");
	driver_start(&driver, blk, 0);
	ok(move(false, 0, DATA, 512) == VIRTIO_BLK_S_OK, "after a reset all is well");
}

/* The reset comes while requests are under way, and nothing is after it. */
static void test_reset(void)
{
	struct virtio_blk_outhdr *header = fake_ram(HEADER);
	const struct buffer buffers[] = {
		{ HEADER, sizeof(*header), false }, { DATA, 4096, true }, { STATUS, 1, true },
	};
	unsigned int i, round, changed = 0;

	header->type = VIRTIO_BLK_T_IN;
	header->sector = 0;
	memset(fake_ram(DATA), 'r', 4096);
	move(true, 0, DATA, 4096);
	for (round = 0; round < 100; round++) {
		driver_start(&driver, blk, 0);
		header->type = VIRTIO_BLK_T_IN;
		for (i = 0; i < 5; i++)
			driver_add(&driver, 0, buffers, 3);
		driver_kick(&driver, 0);
		reg_write(blk, VIRTIO_MMIO_STATUS, 0);
		memset(fake_ram(DATA), 'n', 4096);
		usleep(100);
		changed += !!memchr(fake_ram(DATA), 'r', 4096);
	}
	ok(!changed, "after a reset, nothing is read into the guest's memory");
	driver_start(&driver, blk, 0);
}

static void test_read_only(const char *path)
{
	struct vm_config config = { .append = "", .nr_disks = 1 };
	struct error error;
	struct virtio_bus *bus;

	config.disks[0] = (struct disk_config){ .path = path, .read_only = true };
	bus = fake_create(&config, &error);
	if (!bus) {
		error_print(&error);
		exit(1);
	}
	blk = fake_device(bus, VIRTIO_ID_BLOCK);
	ok(blk->features & VIRTIO_FEATURE(VIRTIO_BLK_F_RO), "a read-only disk says so");
	driver_start(&driver, blk, 0);
	memset(fake_ram(DATA), 'x', 512);
	ok(move(true, 0, DATA, 512) == VIRTIO_BLK_S_IOERR && !file_has(0, 'x', 1),
	   "it is not written to");
	ok(erase(VIRTIO_BLK_T_DISCARD, 0, 1, 0) == VIRTIO_BLK_S_IOERR, "nor discarded");
	ok(move(false, 0, DATA, 512) == VIRTIO_BLK_S_OK, "but read");
	fake_destroy();
}

static void test_all(const char *path, bool direct)
{
	struct vm_config config = { .append = "", .nr_disks = 1 };
	struct error error;
	struct virtio_bus *bus;

	config.disks[0] = (struct disk_config){ .path = path, .direct = direct };
	if (ftruncate(file, 0) || ftruncate(file, SECTORS * SECTOR_SIZE))
		abort();
	bus = fake_create(&config, &error);
	if (!bus) {
		printf("# %s\n", error.text);
		ok(direct, "without direct I/O here");
		return;
	}
	blk = fake_device(bus, VIRTIO_ID_BLOCK);
	driver_start(&driver, blk, VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX));
	test_data();
	test_limits();
	if (!direct) {
		test_erase();
		test_id();
		test_shrunk();
	}
	test_breaches();
	test_reset();
	if (fake_no_uring)
		test_lost();
	fake_destroy();
}

static void test_parse(void)
{
	char plain[] = "a,b", both[] = "x,ro,direct", none[] = ",ro";
	struct disk_config config;

	disk_parse(plain, &config);
	ok(!strcmp(config.path, "a,b") && !config.read_only && !config.direct,
	   "a comma may be in a name");
	disk_parse(both, &config);
	ok(!strcmp(config.path, "x") && config.read_only && config.direct, "options behind it");
	disk_parse(none, &config);
	ok(!strcmp(config.path, ",ro"), "a name is not all options");
}

int main(void)
{
	char path[] = "lodge-disk.XXXXXX";

	/* Here, for /tmp may have no direct I/O. */
	file = mkstemp(path);
	if (file < 0)
		return 1;
	test_parse();
	printf("# with io_uring\n");
	test_all(path, false);
	printf("# without\n");
	fake_no_uring = true;
	test_all(path, false);
	fake_no_uring = false;
	printf("# direct\n");
	test_all(path, true);
	test_read_only(path);
	unlink(path);
	return tap_end();
}
