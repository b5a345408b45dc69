// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usage: virtio_fuzz [--seed N] [--operations N] [--uring] [--race] [--verbose]
 *
 * A driver that does to all virtio devices what comes to its mind: registers, rings,
 * descriptors, loops, resets while requests are under way.  The sanitizers and the
 * holes around the guest's memory find what goes astray.  The same seed does the
 * same again, except with --uring (disks by io_uring: the kernel has its own pace)
 * and --race (a thread scribbles into the guest's memory at the same time).
 */
#include <fcntl.h>
#include <getopt.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/tap.h"
#include "test/virtio_fixture.h"
#include "vmm/virtio/console.h"
#include "vmm/virtio/disk.h"

#define DISK_SIZE	(256U << 10)
#define NR_HOSTS	3
#define MAX_PIECES	6
#define NR_DEVICES	6

static uint64_t state;
static bool race, verbose;
static atomic_bool racing;

/* xorshift64*; each thread of a race has its own */
static uint64_t random_of(uint64_t *from)
{
	*from ^= *from >> 12;
	*from ^= *from << 25;
	*from ^= *from >> 27;
	return *from * 0x2545f4914f6cdd1dULL;
}

static uint32_t any(void)
{
	return (uint32_t)(random_of(&state) >> 32);
}

static uint32_t below(uint32_t limit)
{
	return any() % limit;
}

static bool one_in(uint32_t count)
{
	return !below(count);
}

/* The host's ends of the console's ports */

static struct console_host hosts[NR_HOSTS];
static const char *const host_names[NR_HOSTS] = {
	"lodge.init", "",
	"a name as long as the longest that a port of a console can have",
};

static void host_opened(struct console_host *host, bool open)
{
	if (open && one_in(2))
		console_send(host, "hello", 5);
}

static size_t host_receive(struct console_host *host, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint32_t mood = below(8);
	uint8_t sum = 0;
	size_t i;

	for (i = 0; i < size; i++)
		sum ^= bytes[i];
	if (mood == sum % 8)
		console_send(host, data, size);
	if (mood == 1)
		console_resume(host);
	return mood < 3 ? below((uint32_t)size + 1) : size;
}

static void host_writable(struct console_host *host)
{
	static const uint8_t bytes[9000];

	console_send(host, bytes, below(sizeof(bytes)));
}

static void use_host(void)
{
	static const uint8_t bytes[6000];
	struct console_host *host = &hosts[below(NR_HOSTS)];

	switch (below(4)) {
	case 0:
		console_send(host, bytes, below(sizeof(bytes)));
		break;
	case 1:
		console_resume(host);
		break;
	case 2:
		console_open(host, any() & 1);
		break;
	case 3:
		console_resize(host, (uint16_t)any(), (uint16_t)any());
		break;
	}
}

/* The other end of the wire: it sends frames, and reads what comes, or does not. */
static int wire;

static void use_wire(void)
{
	static uint8_t frame[70000];
	int i;

	if (any() & 1)
		while (recv(wire, frame, sizeof(frame), MSG_DONTWAIT) > 0)
			continue;
	for (i = 0; i < 4; i++)
		send(wire, frame, one_in(2) ? below(2000) : below(sizeof(frame)),
		     MSG_DONTWAIT);
}

/* Mostly in memory, at times at an end of it, or nowhere. */
static uint64_t an_address(void)
{
	uint64_t base = one_in(4) ? HIGH_MEMORY : 0;

	switch (below(256)) {
	case 0:
		return base + FAKE_RAM - below(64);
	case 1:
		return ((uint64_t)any() << 32) | any();
	case 2:
		return RINGS + below(NR_DEVICES * RINGS_STRIDE);
	default:
		return base + BUFFERS + below(FAKE_RAM - BUFFERS - 0x10000);
	}
}

static uint32_t a_size(void)
{
	static const uint32_t usual[] = { 1, 8, 16, 20, 512, 1024, 4096, 8192 };

	switch (below(256)) {
	case 0:
		return any();
	case 1:
		return 0;
	case 2:
	case 3:
		return 1 + below(0x10000);
	default:
		return usual[below(sizeof(usual) / sizeof(usual[0]))];
	}
}

static uint64_t some_features(const struct virtio_device *dev)
{
	uint64_t features = dev->features |
			    VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
			    VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX);

	if (one_in(32))
		return ((uint64_t)any() << 32) | any();
	return features & (one_in(2) ? ~0ULL : any());
}

static void start(struct driver *driver)
{
	struct virtio_device *dev = driver->dev;
	uint32_t size;
	unsigned int i;

	driver_negotiate(driver, dev, some_features(dev));
	for (i = 0; i < dev->nr_queues; i++) {
		size = one_in(8) ? 1U << below(5) : RING_SIZE;
		if (one_in(16))
			continue;
		driver_set_ring(driver, i, one_in(64) ? any() : size);
	}
	reg_write(dev, VIRTIO_MMIO_STATUS, reg_read(dev, VIRTIO_MMIO_STATUS) |
		  VIRTIO_CONFIG_S_DRIVER_OK);
}

static void touch_register(struct driver *driver)
{
	struct virtio_device *dev = driver->dev;
	uint64_t offset = below(0x130), value = one_in(2) ? below(8) : any();
	unsigned int width = 1U << below(4);

	if (!one_in(4)) {
		offset &= ~3ULL;
		width = 4;
	}
	/* A reset each time would leave nothing to break. */
	if (offset == VIRTIO_MMIO_STATUS && !one_in(8))
		return;
	if (width > 4)
		width = 4;
	virtio_access(dev, offset, width, any() & 1, &value);
}

/* A chain that this kind of device understands, more or less. */
static unsigned int make_chain(struct driver *driver, unsigned int queue,
			       struct buffer *buffers)
{
	unsigned int count = 1 + below(MAX_PIECES - 2), i, n = 0;
	uint32_t id = driver->dev->ops->id;
	bool write = id == VIRTIO_ID_RNG;
	uint8_t *bytes;

	if (id == VIRTIO_ID_CONSOLE)
		write = !(queue & 1);
	if (id == VIRTIO_ID_BALLOON)
		write = queue >= 2;
	if (id == VIRTIO_ID_NET)
		write = !queue;
	if (id == VIRTIO_ID_BLOCK) {
		static const uint32_t types[] = {
			VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH,
			VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_DISCARD,
			VIRTIO_BLK_T_WRITE_ZEROES, 7,
		};
		struct virtio_blk_outhdr header = {
			.type = types[below(sizeof(types) / sizeof(types[0]))],
			.sector = one_in(16) ? any() : below(DISK_SIZE / SECTOR_SIZE),
		};

		buffers[n].address = BUFFERS + below(0x1000) * 16ULL;
		buffers[n].size = one_in(128) ? below(32) : sizeof(header);
		buffers[n].write = false;
		memcpy(fake_ram(buffers[n++].address), &header, sizeof(header));
		write = header.type == VIRTIO_BLK_T_IN || header.type == VIRTIO_BLK_T_GET_ID;
	}
	for (i = 0; i < count; i++, n++) {
		buffers[n].address = an_address();
		buffers[n].size = a_size();
		buffers[n].write = one_in(256) ? !write : write;
		bytes = fake_ram(buffers[n].address);
		if (bytes && !write && buffers[n].address % 0x10000 < 0xfff0) {
			uint64_t value = random_of(&state);

			if (id == VIRTIO_ID_CONSOLE)
				value &= 0x0001000f00000003ULL;
			if (id == VIRTIO_ID_BALLOON)
				value &= 0x000003ff000003ffULL;
			memcpy(bytes, &value, sizeof(value));
		}
	}
	if (id == VIRTIO_ID_BLOCK && !one_in(256)) {
		buffers[n].address = an_address();
		buffers[n].size = 1;
		buffers[n++].write = true;
	}
	return n;
}

/* Puts the chain into a table, at times a bad one. */
static void make_indirect(struct driver *driver, unsigned int queue,
			  const struct buffer *buffers, unsigned int count)
{
	uint64_t at = BUFFERS + 0x20000 + below(0x1000) * sizeof(struct vring_desc);
	struct vring_desc *table = fake_ram(at);
	uint16_t head = driver->next_desc[queue];
	struct vring_desc *desc = &driver_desc(driver, queue)[head];
	unsigned int i;

	for (i = 0; i < count; i++) {
		table[i].addr = buffers[i].address;
		table[i].len = buffers[i].size;
		table[i].flags = buffers[i].write ? VRING_DESC_F_WRITE : 0;
		if (i + 1 < count)
			table[i].flags |= VRING_DESC_F_NEXT;
		table[i].next = (uint16_t)(one_in(256) ? any() : i + 1);
		if (one_in(256))
			table[i].flags = (uint16_t)any();
	}
	desc->addr = one_in(64) ? an_address() : at;
	desc->len = one_in(64) ? a_size() : count * (uint32_t)sizeof(*table);
	desc->flags = VRING_DESC_F_INDIRECT;
	if (one_in(64))
		desc->flags |= (uint16_t)any();
	driver_offer(driver, queue, head);
	driver->next_desc[queue] = (head + 1) & (driver->dev->queues[queue].size - 1);
}

/* Are the descriptors in use, all of them or nearly so? */
static bool is_full(const struct driver *driver, unsigned int queue)
{
	uint16_t size = driver->dev->queues[queue].size;
	uint16_t used = driver_used(driver, queue)->idx;

	return (uint16_t)(driver->avail_idx[queue] - used) >=
	       (size > MAX_PIECES ? size - MAX_PIECES : 1);
}

static void offer(struct driver *driver, unsigned int queue)
{
	struct buffer buffers[MAX_PIECES];
	unsigned int count = make_chain(driver, queue, buffers);
	struct vring_desc *desc = driver_desc(driver, queue);

	if (virtio_has(driver->dev, VIRTIO_RING_F_INDIRECT_DESC) ? one_in(2) : one_in(256))
		make_indirect(driver, queue, buffers, count);
	else
		driver_add(driver, queue, buffers, count);
	if (one_in(256))
		desc[below(RING_SIZE)].flags = (uint16_t)any();
	if (one_in(256))
		desc[below(RING_SIZE)].next = (uint16_t)below(RING_SIZE + 2);
}

/* Anywhere in what the devices read without being asked. */
static void spoil(const struct driver *driver, unsigned int queue)
{
	uint8_t *ring = (uint8_t *)driver_desc(driver, queue);

	ring[below(RING_STRIDE)] = (uint8_t)any();
}

/* Chains that devices gave back */
static unsigned long chains;

static void check_queues(const struct virtio_device *dev)
{
	static uint16_t used[NR_DEVICES][MAX_QUEUES];
	const struct virtq *queue;
	unsigned int i;

	for (i = 0; i < dev->nr_queues; i++) {
		queue = &dev->queues[i];
		if (queue->in_flight > queue->size)
			abort();
		/* A reset counts from 0 again. */
		if (queue->next_used > used[dev->number][i])
			chains += queue->next_used - used[dev->number][i];
		used[dev->number][i] = queue->next_used;
	}
	if (dev->broken && !(dev->status & VIRTIO_CONFIG_S_NEEDS_RESET))
		abort();
}

static void operate(struct driver *driver)
{
	struct virtio_device *dev = driver->dev;
	unsigned int queue = below(dev->nr_queues);

	switch (below(32)) {
	case 0:
		start(driver);
		break;
	case 1:
		if (one_in(4))
			reg_write(dev, VIRTIO_MMIO_STATUS, 0);
		break;
	case 2:
	case 3:
		touch_register(driver);
		break;
	case 4:
		if (one_in(4))
			spoil(driver, queue);
		break;
	case 5:
		use_host();
		break;
	case 6:
		use_wire();
		break;
	case 7:
	case 8:
	case 9:
		virtq_kick(&dev->queues[queue]);
		break;
	case 10:
	case 11:
	case 12:
		io_turn(&dev->bus->io, 0);
		break;
	default:
		/* Broken, it would only do nothing. */
		if (!dev->running || dev->broken)
			start(driver);
		if (!dev->queues[queue].ready || (is_full(driver, queue) && !one_in(256))) {
			io_turn(&dev->bus->io, 0);
			break;
		}
		offer(driver, queue);
		if (one_in(2))
			virtq_kick(&dev->queues[queue]);
		break;
	}
	check_queues(dev);
}

static void *scribble(void *data)
{
	uint64_t own = *(uint64_t *)data | 1;
	uint32_t *words = fake_ram(0);

	while (atomic_load(&racing)) {
		uint64_t value = random_of(&own);
		uint64_t at = value & 1 ? RINGS + (value >> 8) % (NR_DEVICES * RINGS_STRIDE) :
					  BUFFERS + (value >> 8) % 0x40000;

		__atomic_store_n(&words[at / 4], (uint32_t)(value >> 40), __ATOMIC_RELAXED);
	}
	return NULL;
}

static unsigned long run(struct virtio_bus *bus, unsigned long operations)
{
	struct driver drivers[NR_DEVICES] = { 0 };
	unsigned long done, breaks = 0;
	unsigned int i;
	bool before;

	for (i = 0; i < bus->nr_devices; i++)
		drivers[i].dev = bus->devices[i];
	for (done = 0; done < operations; done++) {
		struct driver *driver = &drivers[below(bus->nr_devices)];

		before = driver->dev->broken;
		operate(driver);
		breaks += driver->dev->broken && !before;
		/* Each is to be heard of: the text is made, too. */
		if (one_in(1024))
			driver->dev->complained = false;
	}
	return breaks;
}

static unsigned long parse_number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (!*text || *end) {
		fprintf(stderr, "virtio_fuzz: '%s' is not a number\n", text);
		exit(2);
	}
	return value;
}

/* The disks: a file, and the same again for reading only. */
static void make_disks(struct vm_config *config, char *path, size_t size)
{
	int fd = memfd_create("lodge-fuzz", MFD_CLOEXEC);
	int other = memfd_create("lodge-fuzz-ro", MFD_CLOEXEC);

	if (fd < 0 || other < 0 || ftruncate(fd, DISK_SIZE) || ftruncate(other, DISK_SIZE))
		abort();
	snprintf(path, size, "/proc/self/fd/%d", fd);
	snprintf(path + size, size, "/proc/self/fd/%d", other);
	config->disks[0].path = path;
	config->disks[1].path = path + size;
	config->disks[1].read_only = true;
	config->nr_disks = 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "operations", required_argument, NULL, 'o' },
		{ "uring", no_argument, NULL, 'u' },
		{ "race", no_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct console_host_ops ops = {
		.opened = host_opened,
		.receive = host_receive,
		.writable = host_writable,
	};
	struct console_host *ports[NR_HOSTS];
	struct vm_config config = { .append = "", .ports = ports, .nr_ports = NR_HOSTS };
	unsigned long seed = 1, operations = 300000, breaks;
	struct vm_net net = { .mac = { 2 }, .mtu = 1500 };
	char paths[2][32];
	struct virtio_bus *bus;
	int wires[2];
	struct error error;
	pthread_t thread = 0;
	int option, i;

	fake_no_uring = true;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			seed = parse_number(optarg);
			break;
		case 'o':
			operations = parse_number(optarg);
			break;
		case 'u':
			fake_no_uring = false;
			break;
		case 'r':
			race = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	}
	for (i = 0; i < NR_HOSTS; i++) {
		hosts[i].name = host_names[i];
		hosts[i].ops = &ops;
		ports[i] = &hosts[i];
	}
	state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	config.net = &net;
	make_disks(&config, paths[0], sizeof(paths[0]));
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, wires))
		return 1;
	net.tap = wires[0];
	wire = wires[1];
	bus = fake_create(&config, &error);
	if (!bus || bus->nr_devices != NR_DEVICES) {
		error_print(&error);
		return 1;
	}
	printf("# seed %lu, %lu operations%s%s\n", seed, operations,
	       fake_no_uring ? "" : ", io_uring", race ? ", race" : "");
	fflush(stdout);
	atomic_store(&racing, race);
	if (race && pthread_create(&thread, NULL, scribble, &seed))
		return 1;
	breaks = run(bus, operations);
	atomic_store(&racing, false);
	if (race)
		pthread_join(thread, NULL);
	if (verbose)
		printf("# the last breach: %s\n", fake_warning);
	fake_destroy();
	printf("# %lu chains served, %lu times a device needed a reset\n", chains, breaks);
	ok(chains > operations / 100 && breaks > operations / 10000,
	   "the devices survive, and notice what is wrong");
	return tap_end();
}
