// SPDX-License-Identifier: GPL-2.0-only
/* The console's ports: the control protocol, and data both ways, with slow readers. */
#include <fcntl.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>

#include "test/tap.h"
#include "test/virtio_fixture.h"
#include "vmm/virtio/console.h"

#define MULTIPORT	VIRTIO_FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)

enum {
	CONTROL_RX = 2,
	CONTROL_TX = 3,
	PORT_RX = 4,
	PORT_TX = 5,
};

static struct driver driver;
static struct virtio_device *console;

/* The host's end of port 1 */
static struct {
	struct console_host host;
	char got[256];
	size_t count;
	size_t room;
	unsigned int opened;
	unsigned int closed;
	unsigned int writable;
	bool resets;
} end;

static void end_opened(struct console_host *host, bool open)
{
	(void)host;
	if (open)
		end.opened++;
	else
		end.closed++;
}

static size_t end_receive(struct console_host *host, const void *data, size_t size)
{
	(void)host;
	if (size > end.room)
		size = end.room;
	memcpy(end.got + end.count, data, size);
	end.count += size;
	end.room -= size;
	/* As a vCPU can at that moment */
	if (end.resets) {
		end.resets = false;
		driver_start(&driver, console, MULTIPORT);
	}
	return size;
}

static void end_writable(struct console_host *host)
{
	(void)host;
	end.writable++;
}

static void control(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control *message = fake_ram(BUFFERS);
	const struct buffer buffer = { BUFFERS, sizeof(*message), false };
	struct vring_used_elem used;

	message->id = id;
	message->event = event;
	message->value = value;
	driver_add(&driver, CONTROL_TX, &buffer, 1);
	driver_kick(&driver, CONTROL_TX);
	driver_used_one(&driver, CONTROL_TX, &used);
}

/* Is that the next control message? @text is what follows its head */
static bool told(uint32_t id, uint16_t event, uint16_t value, const char *text)
{
	const struct virtio_console_control *message;
	struct vring_used_elem used;
	size_t size = strlen(text);

	if (driver_used(&driver, CONTROL_RX)->idx == driver.used_idx[CONTROL_RX] ||
	    !driver_used_one(&driver, CONTROL_RX, &used))
		return false;
	message = fake_ram(driver_desc(&driver, CONTROL_RX)[used.id].addr);
	return message->id == id && message->event == event && message->value == value &&
	       used.len == sizeof(*message) + size && !memcmp(message + 1, text, size);
}

static bool told_nothing(void)
{
	return driver_used(&driver, CONTROL_RX)->idx == driver.used_idx[CONTROL_RX];
}

static void give_control_buffers(unsigned int count)
{
	struct buffer buffer = { BUFFERS + 0x1000, 128, true };

	for (; count; count--, buffer.address += 128)
		driver_add(&driver, CONTROL_RX, &buffer, 1);
	driver_kick(&driver, CONTROL_RX);
}

static void test_control(void)
{
	driver_start(&driver, console, MULTIPORT);
	control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	ok(told_nothing(), "without a buffer there is no message");
	give_control_buffers(1);
	ok(told(0, VIRTIO_CONSOLE_PORT_ADD, 1, "") && told_nothing(), "one for a buffer");
	give_control_buffers(8);
	ok(told(1, VIRTIO_CONSOLE_PORT_ADD, 1, "") && told_nothing(), "then the next");
	control(1, VIRTIO_CONSOLE_PORT_READY, 1);
	ok(told(1, VIRTIO_CONSOLE_PORT_NAME, 1, "lodge.test") &&
	   told(1, VIRTIO_CONSOLE_PORT_OPEN, 1, ""), "a port has a name, and is open");
	control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	ok(told(0, VIRTIO_CONSOLE_CONSOLE_PORT, 1, "") &&
	   told(0, VIRTIO_CONSOLE_PORT_NAME, 1, "console") &&
	   told(0, VIRTIO_CONSOLE_PORT_OPEN, 1, ""), "the first one is the console");
	console_resize(end.host.port ? &end.host : NULL, 1, 1);
	ok(told_nothing(), "the others have no size");
	console_open(&end.host, false);
	console_open(&end.host, false);
	ok(told(1, VIRTIO_CONSOLE_PORT_OPEN, 0, "") && told_nothing(), "the host closes its end");
	console_open(&end.host, true);
	ok(told(1, VIRTIO_CONSOLE_PORT_OPEN, 1, ""), "and opens it");
	ok(!end.opened, "the guest has not yet");
	control(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ok(end.opened == 1 && !end.closed, "now it has");
}

static void test_to_guest(void)
{
	const struct buffer buffers[] = {
		{ BUFFERS + 0x4000, 3, true }, { BUFFERS + 0x4003, 2, true },
	};
	struct vring_used_elem used;

	ok(!console_send(&end.host, "abcdefgh", 8), "without a buffer nothing is sent");
	driver_add(&driver, PORT_RX, buffers, 2);
	driver_kick(&driver, PORT_RX);
	ok(end.writable == 1, "with one the host is called");
	ok(console_send(&end.host, "abcdefgh", 8) == 5, "as much as there is room for");
	ok(driver_used_one(&driver, PORT_RX, &used) && used.len == 5 &&
	   !memcmp(fake_ram(BUFFERS + 0x4000), "abcde", 5), "is in it");
	driver_add(&driver, PORT_RX, buffers, 2);
	driver_kick(&driver, PORT_RX);
	ok(end.writable == 2 && console_send(&end.host, "fgh", 3) == 3, "then the rest");
	ok(driver_used_one(&driver, PORT_RX, &used) && used.len == 3, "of it");
	driver_add(&driver, PORT_RX, buffers, 2);
	driver_kick(&driver, PORT_RX);
	ok(end.writable == 2, "the host is not called if it has nothing");
}

static void test_from_guest(void)
{
	static const char first[] = "123456", second[] = "7890";
	const struct buffer buffers[] = {
		{ BUFFERS + 0x5000, 6, false }, { BUFFERS + 0x5100, 4, false },
	};
	struct vring_used_elem used;

	memcpy(fake_ram(BUFFERS + 0x5000), first, sizeof(first));
	memcpy(fake_ram(BUFFERS + 0x5100), second, sizeof(second));
	end.room = 4;
	driver_add(&driver, PORT_TX, buffers, 2);
	driver_kick(&driver, PORT_TX);
	ok(end.count == 4 && !driver_used(&driver, PORT_TX)->idx, "the host takes what it has room for");
	end.room = 100;
	driver_kick(&driver, PORT_TX);
	ok(end.count == 4, "and nothing until it says so");
	console_resume(&end.host);
	io_turn(&console->bus->io, 0);
	ok(end.count == 10 && !memcmp(end.got, "1234567890", 10), "then the rest");
	ok(driver_used_one(&driver, PORT_TX, &used), "and the guest has its buffer back");

	end.room = 0;
	driver_add(&driver, PORT_TX, buffers, 2);
	driver_kick(&driver, PORT_TX);
	console_open(&end.host, false);
	io_turn(&console->bus->io, 0);
	ok(driver_used_one(&driver, PORT_TX, &used) && end.count == 10,
	   "what comes while it is closed is lost");
	console_open(&end.host, true);
}

static void test_close(void)
{
	const struct buffer buffer = { BUFFERS + 0x5000, 6, false };

	control(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ok(end.closed == 1, "the guest closes its end");
	ok(!console_send(&end.host, "x", 1), "and nothing is sent");
	control(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	end.room = 0;
	driver_add(&driver, PORT_TX, &buffer, 1);
	driver_kick(&driver, PORT_TX);
	reg_write(console, VIRTIO_MMIO_STATUS, 0);
	end.room = 100;
	io_turn(&console->bus->io, 0);
	ok(end.opened == 2 && end.closed == 2, "a reset closes it, too");
	console_resume(&end.host);
	io_turn(&console->bus->io, 0);
	ok(end.count == 10, "and takes back what was not taken");
	driver_start(&driver, console, MULTIPORT);
	control(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	end.resets = true;
	driver_add(&driver, PORT_TX, &buffer, 1);
	driver_kick(&driver, PORT_TX);
	ok(!end.resets && !console->broken && !driver_used(&driver, PORT_TX)->idx,
	   "a buffer of before a reset is not given back after it");
	control(7, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ok(console->broken, "there is no port 7");
}

int main(void)
{
	static const struct console_host_ops ops = {
		.opened = end_opened,
		.receive = end_receive,
		.writable = end_writable,
	};
	struct console_host *ports[] = { &end.host };
	const struct vm_config config = { .append = "", .ports = ports, .nr_ports = 1 };
	struct error error;
	struct virtio_bus *bus;

	end.host.name = "lodge.test";
	end.host.ops = &ops;
	bus = fake_create(&config, &error);
	if (!bus) {
		error_print(&error);
		return 1;
	}
	console = fake_device(bus, VIRTIO_ID_CONSOLE);
	test_control();
	test_to_guest();
	test_from_guest();
	test_close();
	fake_destroy();
	ok(!end.host.port, "a VM that is gone has no port");
	return tap_end();
}
