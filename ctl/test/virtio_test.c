// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio core as a driver sees it, one that keeps the rules and one that does
 * not; and what the devices do without a guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/tap.h"
#include "test/virtio_fixture.h"
#include "vmm/virtio/balloon.h"

#define NEEDS_RESET	VIRTIO_CONFIG_S_NEEDS_RESET
#define INDIRECT	VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX	VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define TABLE		(BUFFERS + 0x8000)

static struct driver driver;
static struct virtio_device *rng;

static bool needs_reset(void)
{
	return reg_read(driver.dev, VIRTIO_MMIO_STATUS) & NEEDS_RESET;
}

static void test_registers(void)
{
	uint64_t value = 0;

	ok(reg_read(rng, VIRTIO_MMIO_MAGIC_VALUE) == 0x74726976 &&
	   reg_read(rng, VIRTIO_MMIO_VERSION) == 2 &&
	   reg_read(rng, VIRTIO_MMIO_DEVICE_ID) == VIRTIO_ID_RNG, "the device says what it is");
	reg_write(rng, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	ok(reg_read(rng, VIRTIO_MMIO_DEVICE_FEATURES) == 1, "version 1 is offered");
	reg_write(rng, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	ok(!reg_read(rng, VIRTIO_MMIO_DEVICE_FEATURES), "and nothing beyond 64");
	virtio_access(rng, VIRTIO_MMIO_MAGIC_VALUE, 1, false, &value);
	ok(!value, "registers have one width");
	reg_write(rng, VIRTIO_MMIO_QUEUE_SEL, 7);
	ok(!reg_read(rng, VIRTIO_MMIO_QUEUE_NUM_MAX), "a queue that is not there has no size");
	reg_write(rng, VIRTIO_MMIO_QUEUE_NUM, 4);
	ok(reg_read(rng, VIRTIO_MMIO_SHM_LEN_LOW) == UINT32_MAX, "there is no shared memory");
}

static void test_features(void)
{
	ok(driver_negotiate(&driver, rng, INDIRECT | EVENT_IDX), "features can be taken");
	reg_write(rng, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	ok(needs_reset(), "but not changed after that");
	ok(!driver_negotiate(&driver, rng, 1ULL << 50), "not those that were not offered");
	reg_write(rng, VIRTIO_MMIO_STATUS, 0);
	reg_write(rng, VIRTIO_MMIO_STATUS, 3);
	reg_write(rng, VIRTIO_MMIO_STATUS, 3 | VIRTIO_CONFIG_S_FEATURES_OK);
	ok(reg_read(rng, VIRTIO_MMIO_STATUS) == 3, "and not without version 1");
	reg_write(rng, VIRTIO_MMIO_STATUS, 3 | VIRTIO_CONFIG_S_DRIVER_OK);
	ok(needs_reset(), "DRIVER_OK needs them");
	reg_write(rng, VIRTIO_MMIO_STATUS, 0);
	ok(!reg_read(rng, VIRTIO_MMIO_STATUS), "a reset is a new beginning");
	reg_write(rng, VIRTIO_MMIO_STATUS, 3);
	reg_write(rng, VIRTIO_MMIO_STATUS, 1);
	ok(needs_reset(), "bits of the status are not taken out");
}

/* Sets a queue up like this. Return: is it ready? */
static bool try_ring(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
	driver_negotiate(&driver, rng, 0);
	reg_write(rng, VIRTIO_MMIO_QUEUE_SEL, 0);
	reg_write(rng, VIRTIO_MMIO_QUEUE_NUM, size);
	reg_write(rng, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc);
	reg_write(rng, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(desc >> 32));
	reg_write(rng, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)avail);
	reg_write(rng, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(avail >> 32));
	reg_write(rng, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)used);
	reg_write(rng, VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(used >> 32));
	reg_write(rng, VIRTIO_MMIO_QUEUE_READY, 1);
	return reg_read(rng, VIRTIO_MMIO_QUEUE_READY) && !needs_reset();
}

static void test_rings(void)
{
	ok(try_ring(8, 0x1000, 0x2000, 0x3000), "a ring can be set up");
	ok(try_ring(8, HIGH_MEMORY, HIGH_MEMORY + 0x100, HIGH_MEMORY + 0x200),
	   "above 4 GiB too");
	ok(try_ring(8, 0x1000, 0x2000, FAKE_RAM - 72), "up to the end of memory");
	ok(!try_ring(8, 0x1000, 0x2000, FAKE_RAM - 68), "and not beyond");
	ok(!try_ring(0, 0x1000, 0x2000, 0x3000), "not with 0 entries");
	ok(!try_ring(6, 0x1000, 0x2000, 0x3000), "or 6");
	ok(!try_ring(16, 0x1000, 0x2000, 0x3000), "or more than there can be");
	ok(!try_ring(0x10008, 0x1000, 0x2000, 0x3000), "or more than 16 bits");
	ok(!try_ring(8, 0x1008, 0x2000, 0x3000), "descriptors are aligned");
	ok(!try_ring(8, 0x1000, 0x2001, 0x3000), "and the available ring");
	ok(!try_ring(8, 0x1000, 0x2000, 0x3002), "and the used ring");
	ok(!try_ring(8, FAKE_RAM, 0x2000, 0x3000), "all in memory");
	ok(!try_ring(8, 0x1000, ~0ULL & ~1ULL, 0x3000), "and not around the end of addresses");
}

static bool ask_random(uint64_t address)
{
	const struct buffer buffer = { address, 64, true };
	struct vring_used_elem used;

	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	return driver_used_one(&driver, 0, &used) && used.len == 64;
}

static void put(struct vring_desc *desc, uint64_t address, uint32_t size,
		unsigned int flags, uint16_t next)
{
	desc->addr = address;
	desc->len = size;
	desc->flags = (uint16_t)flags;
	desc->next = next;
}

#define NEXT	VRING_DESC_F_NEXT
#define WRITE	VRING_DESC_F_WRITE
#define TABLES	VRING_DESC_F_INDIRECT

/*
 * One that breaks the rules each: descriptors 0 and 1, and in a table 0 and 1; and
 * what the user reads, where the device would find something wrong, too.
 */
static const struct breach {
	const char *what;
	uint64_t features;
	struct vring_desc desc[2];
	struct vring_desc table[2];
	uint16_t head;
	uint16_t count;
	const char *said;
} breaches[] = {
	{ "a buffer outside memory", 0, { { FAKE_RAM, 16, WRITE, 0 } }, { { 0 } }, 0, 1, NULL },
	{ "a buffer across its end", 0, { { FAKE_RAM - 8, 16, WRITE, 0 } }, { { 0 } }, 0, 1, NULL },
	{ "a buffer around the end of addresses", 0,
	  { { -8ULL, 16, WRITE, 0 } }, { { 0 } }, 0, 1, NULL },
	{ "an empty buffer", 0, { { BUFFERS, 0, WRITE, 0 } }, { { 0 } }, 0, 1, NULL },
	{ "a chain in a loop", 0, { { BUFFERS, 4, WRITE | NEXT, 1 },
				    { BUFFERS, 4, WRITE | NEXT, 0 } }, { { 0 } }, 0, 1, NULL },
	{ "a chain that leaves the table", 0,
	  { { BUFFERS, 4, WRITE | NEXT, 8 } }, { { 0 } }, 0, 1, NULL },
	{ "a head outside the table", 0, { { BUFFERS, 4, WRITE, 0 } }, { { 0 } }, 8, 1, NULL },
	{ "more chains than entries", 0, { { BUFFERS, 4, WRITE, 0 } }, { { 0 } }, 0, 9, NULL },
	{ "a buffer to read behind one to write", 0,
	  { { BUFFERS, 4, WRITE | NEXT, 1 }, { BUFFERS, 4, 0, 0 } }, { { 0 } }, 0, 1,
	  "behind one to write" },
	{ "a table although there are none", 0,
	  { { TABLE, 16, TABLES, 0 } }, { { BUFFERS, 4, WRITE, 0 } }, 0, 1, NULL },
	{ "a table with a successor", INDIRECT,
	  { { TABLE, 16, TABLES | NEXT, 1 }, { BUFFERS, 4, WRITE, 0 } },
	  { { BUFFERS, 4, WRITE, 0 } }, 0, 1, NULL },
	{ "a table in a table", INDIRECT,
	  { { TABLE, 32, TABLES, 0 } }, { { TABLE + 16, 16, TABLES, 0 },
					  { BUFFERS, 4, WRITE, 0 } }, 0, 1, NULL },
	{ "half a table entry", INDIRECT,
	  { { TABLE, 24, TABLES, 0 } }, { { BUFFERS, 4, WRITE, 0 } }, 0, 1, NULL },
	{ "an empty table", INDIRECT,
	  { { TABLE, 0, TABLES, 0 } }, { { BUFFERS, 4, WRITE, 0 } }, 0, 1, NULL },
	{ "a table outside memory", INDIRECT,
	  { { FAKE_RAM - 16, 32, TABLES, 0 } }, { { 0 } }, 0, 1, NULL },
	{ "a chain that leaves its table", INDIRECT,
	  { { TABLE, 16, TABLES, 0 } }, { { BUFFERS, 4, WRITE | NEXT, 1 },
					  { BUFFERS, 4, WRITE, 0 } }, 0, 1, NULL },
	{ "a loop in a table", INDIRECT,
	  { { TABLE, 32, TABLES, 0 } }, { { BUFFERS, 4, WRITE | NEXT, 1 },
					  { BUFFERS, 4, WRITE | NEXT, 0 } }, 0, 1, NULL },
	{ "a chain of more than 4 GiB is as good as one outside memory", 0,
	  { { BUFFERS, 0xffffffff, WRITE, 0 } }, { { 0 } }, 0, 1, NULL },
};

static void test_breaches(void)
{
	char what[100];
	size_t i;

	for (i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
		const struct breach *breach = &breaches[i];
		struct vring_avail *avail = driver_avail(&driver, 0);
		bool good;

		driver_start(&driver, rng, breach->features);
		memcpy(driver_desc(&driver, 0), breach->desc, sizeof(breach->desc));
		memcpy(fake_ram(TABLE), breach->table, sizeof(breach->table));
		avail->ring[0] = breach->head;
		avail->idx = breach->count;
		rng->complained = false;
		fake_warnings = 0;
		fake_interrupts(rng);
		driver_kick(&driver, 0);
		good = needs_reset() && !driver_used(&driver, 0)->idx && fake_warnings == 1 &&
		       fake_interrupts(rng) == 1 &&
		       reg_read(rng, VIRTIO_MMIO_INTERRUPT_STATUS) == VIRTIO_MMIO_INT_CONFIG;
		good = good && (!breach->said || strstr(fake_warning, breach->said));
		/* Nothing goes on until the reset, and then all does. */
		driver_kick(&driver, 0);
		good = good && !driver_used(&driver, 0)->idx && fake_warnings == 1;
		driver_start(&driver, rng, 0);
		snprintf(what, sizeof(what), "it needs a reset after %s", breach->what);
		ok(good && ask_random(BUFFERS), what);
	}
}

static void test_indirect(void)
{
	struct vring_desc *table = fake_ram(TABLE);
	struct vring_used_elem used;

	driver_start(&driver, rng, INDIRECT);
	put(&table[0], BUFFERS, 10, WRITE | NEXT, 2);
	put(&table[2], HIGH_MEMORY, 20, WRITE, 0);
	put(&driver_desc(&driver, 0)[0], BUFFERS + 100, 5, WRITE | NEXT, 1);
	put(&driver_desc(&driver, 0)[1], TABLE, 48, TABLES, 0);
	driver_offer(&driver, 0, 0);
	driver_kick(&driver, 0);
	ok(driver_used_one(&driver, 0, &used) && used.id == 0 && used.len == 35,
	   "descriptors go on in a table");
}

static void test_notifications(void)
{
	const struct buffer buffer = { BUFFERS, 4, true };
	struct vring_avail *avail = driver_avail(&driver, 0);
	struct vring_used *used = driver_used(&driver, 0);
	uint16_t *avail_event = (uint16_t *)&used->ring[8];
	unsigned int first, second;

	driver_start(&driver, rng, 0);
	fake_interrupts(rng);
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	first = fake_interrupts(rng);
	ok(first == 1 && reg_read(rng, VIRTIO_MMIO_INTERRUPT_STATUS) ==
	   VIRTIO_MMIO_INT_VRING, "the guest hears of a used buffer");
	reg_write(rng, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	ok(!reg_read(rng, VIRTIO_MMIO_INTERRUPT_STATUS), "and says that it has heard");
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	ok(used->idx == 2 && !fake_interrupts(rng), "not if it does not want to");

	driver_start(&driver, rng, EVENT_IDX);
	ok(*avail_event == 0, "the bell is wanted at the first buffer");
	avail->ring[8] = 1;	/* used_event: at the second */
	fake_interrupts(rng);
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	first = fake_interrupts(rng);
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	second = fake_interrupts(rng);
	ok(!first && second == 1, "an interrupt at the index that it says");
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	ok(used->idx == 3 && !fake_interrupts(rng), "and none after it");
	ok(*avail_event == 3, "the bell is wanted at the next buffer");
}

static void test_reset(void)
{
	const struct buffer buffer = { BUFFERS, 4, true };

	driver_start(&driver, rng, 0);
	ok(reg_read(rng, VIRTIO_MMIO_STATUS) == 0x0f, "the driver runs");
	reg_write(rng, VIRTIO_MMIO_QUEUE_SEL, 0);
	reg_write(rng, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	ok(needs_reset(), "a ring in use is not moved");
	driver_start(&driver, rng, 0);
	reg_write(rng, VIRTIO_MMIO_STATUS, 0);
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	ok(!driver_used(&driver, 0)->idx && !reg_read(rng, VIRTIO_MMIO_QUEUE_READY),
	   "a device that was reset does nothing");
	reg_write(rng, VIRTIO_MMIO_QUEUE_NOTIFY, 99);
	ok(!reg_read(rng, VIRTIO_MMIO_STATUS), "there is no bell 99");
}

static void test_random(void)
{
	const struct buffer wrong = { BUFFERS, 8, false };
	uint8_t zeros[64] = { 0 };

	driver_start(&driver, rng, 0);
	ok(ask_random(BUFFERS) && memcmp(fake_ram(BUFFERS), zeros, sizeof(zeros)),
	   "random numbers are no zeros");
	driver_add(&driver, 0, &wrong, 1);
	driver_kick(&driver, 0);
	ok(needs_reset(), "they do not go where the device may not write");
}

static void test_balloon(struct virtio_device *balloon)
{
	const struct buffer list = { BUFFERS, 8, false };
	const struct buffer pages = { BUFFERS + 0x100000, 0x4800, true };
	struct vring_used_elem used;
	uint32_t *pfns = fake_ram(BUFFERS);
	uint8_t *page = fake_ram(BUFFERS + 0x10000), *more = fake_ram(pages.address);

	driver_start(&driver, balloon, 0);
	pfns[0] = (BUFFERS + 0x10000) >> 12;
	pfns[1] = HIGH_MEMORY >> 12;
	memset(page, 'x', 0x2000);
	memset(fake_ram(HIGH_MEMORY), 'x', 0x1000);
	driver_add(&driver, 0, &list, 1);
	driver_kick(&driver, 0);
	ok(driver_used_one(&driver, 0, &used) && !page[0] && !page[0xfff] &&
	   page[0x1000] == 'x' && !*(uint8_t *)fake_ram(HIGH_MEMORY),
	   "pages in the balloon are the host's");
	driver_add(&driver, 1, &list, 1);
	driver_kick(&driver, 1);
	ok(driver_used_one(&driver, 1, &used), "and come out again");
	pfns[1] = FAKE_RAM >> 12;
	driver_add(&driver, 0, &list, 1);
	driver_kick(&driver, 0);
	ok(needs_reset(), "a page that is not there cannot be given");

	driver_start(&driver, balloon, VIRTIO_FEATURE(VIRTIO_BALLOON_F_REPORTING));
	memset(more, 'x', 0x6000);
	driver_add(&driver, 4, &pages, 1);
	driver_kick(&driver, 4);
	ok(driver_used_one(&driver, 4, &used) && !more[0] && !more[0x3fff] &&
	   more[0x4000] == 'x', "whole pages that are reported free are the host's");
}

/* What the host asks for, and what the guest says it has done */
static void test_balloon_target(struct balloon_host *host)
{
	struct virtio_device *dev = host->device;

	reg_write(dev, VIRTIO_MMIO_STATUS, 0);
	fake_interrupts(dev);
	balloon_set_target(host, 7);
	ok(!fake_interrupts(dev), "a driver that is not ready is not told");
	driver_start(&driver, dev, VIRTIO_FEATURE(VIRTIO_BALLOON_F_DEFLATE_ON_OOM));
	ok(reg_read(dev, VIRTIO_MMIO_CONFIG) == 7, "but reads how many pages it is to give");
	balloon_set_target(host, 300);
	ok(fake_interrupts(dev) == 1 &&
	   reg_read(dev, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG &&
	   reg_read(dev, VIRTIO_MMIO_CONFIG) == 300, "another number is an interrupt");
	balloon_set_target(host, 300);
	ok(!fake_interrupts(dev), "the same is none");
	reg_write(dev, VIRTIO_MMIO_CONFIG + 4, 200);
	ok(*host->actual == 200, "the host hears how many there are");
	reg_write(dev, VIRTIO_MMIO_CONFIG, 1);
	ok(reg_read(dev, VIRTIO_MMIO_CONFIG) == 300, "the guest cannot change the target");
	reg_write(dev, VIRTIO_MMIO_STATUS, 0);
	ok(!*host->actual && reg_read(dev, VIRTIO_MMIO_CONFIG) == 300,
	   "after a reset there are none, and the target is the same");
}

int main(void)
{
	static atomic_uint actual;
	static struct balloon_host host = { .actual = &actual };
	const struct vm_config config = { .append = "", .balloon = &host };
	struct error error;
	struct virtio_bus *bus = fake_create(&config, &error);

	if (!bus) {
		error_print(&error);
		return 1;
	}
	rng = fake_device(bus, VIRTIO_ID_RNG);
	driver.dev = rng;
	test_registers();
	test_features();
	test_rings();
	test_breaches();
	test_indirect();
	test_notifications();
	test_reset();
	test_random();
	test_balloon(fake_device(bus, VIRTIO_ID_BALLOON));
	test_balloon_target(&host);
	fake_destroy();
	return tap_end();
}
