// SPDX-License-Identifier: GPL-2.0-only
/*
 * The serial port as a driver sees it, without a guest: what Linux's 8250
 * driver tries on it, a large output, and input that waits.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/tap.h"
#include "vmm/acpi.h"
#include "vmm/terminal.h"
#include "vmm/vm.h"

static unsigned int edges;
static bool line;

/* In place of vmm/vm.c */
void vm_irq_line(struct vm *vm, unsigned int gsi, bool level)
{
	(void)vm;
	(void)gsi;
	edges += level && !line;
	line = level;
}

void vm_wake(struct vm *vm)
{
	(void)vm;
}

void vm_end(struct vm *vm, enum vm_outcome outcome, const struct error *error)
{
	(void)vm;
	(void)outcome;
	(void)error;
}

void *vm_memory(struct vm *vm, uint64_t address, uint64_t length)
{
	(void)vm;
	(void)address;
	(void)length;
	return NULL;
}

static const struct vm_config config = { .append = "console=ttyS0" };
static struct vm vm = { .config = &config };

static uint8_t in(unsigned int reg)
{
	uint64_t value = 0;

	bus_port(&vm.bus, (uint16_t)(0x3f8 + reg), 1, false, &value);
	return (uint8_t)value;
}

static void out(unsigned int reg, uint8_t byte)
{
	uint64_t value = byte;

	bus_port(&vm.bus, (uint16_t)(0x3f8 + reg), 1, true, &value);
}

static void test_detection(void)
{
	out(1, 0xff);
	ok(in(1) == 0x0f, "IER has four bits");
	out(1, 0);
	ok(in(1) == 0, "and can be 0");
	out(4, 0x1a);
	ok((in(6) & 0xf0) == 0x90, "the loop shows MCR in MSR");
	out(4, 0x10);
	out(0, 'L');
	ok(in(5) & 1 && in(0) == 'L' && !(in(5) & 1), "and what is sent");
	out(4, 0);
	ok((in(6) & 0xf0) == 0xb0, "without it the modem is ready");
	ok(in(2) == 0x01, "no FIFO yet");
	out(2, 0x01);
	ok(in(2) == 0xc1, "the FIFO of a 16550A");
	out(3, 0x83);
	out(0, 0x34);
	out(1, 0x12);
	ok(in(0) == 0x34 && in(1) == 0x12, "the divisor");
	out(3, 0x03);
	ok(in(1) == 0 && in(5) == 0x60, "and back");
	out(7, 0x5a);
	ok(in(7) == 0x5a, "the scratch register");
}

static void test_tx_interrupt(void)
{
	edges = 0;
	out(1, 0x02);
	ok(!line && (in(2) & 0x0f) == 0x02, "without OUT2 the line stays low");
	out(1, 0);
	out(4, 0x08);
	out(1, 0x02);
	ok(line && edges == 1, "THRI raises it");
	ok((in(2) & 0x0f) == 0x02 && !line, "IIR lowers it");
	ok((in(2) & 0x0f) == 0x01, "and has nothing more to say");
	out(1, 0);
	out(1, 0x02);
	ok(line && (in(2) & 0x0f) == 0x02, "THRI again raises it again");
	edges = 0;
	out(0, '.');
	out(0, '.');
	out(0, '\n');
	ok(!edges && (in(2) & 0x0f) == 0x02, "what is sent shows in IIR first");
	out(0, '.');
	out(1, 0);
	ok(!edges && !line, "no THRI, no interrupt");
	out(1, 0x02);
	in(2);
	edges = 0;
	out(0, '\n');
	ok(!line, "no interrupt yet");
	usleep(10000);
	terminal_timer();
	ok(line && edges == 1, "but a moment later");
	out(1, 0);
}

static void test_input(int keys)
{
	char text[64] = "";
	size_t i, count = 0;

	if (write(keys, "typed ahead, more than a FIFO\n", 30) != 30)
		abort();
	terminal_input();
	ok(!(in(5) & 1), "nothing comes before RTS");
	edges = 0;
	out(1, 0x01);
	out(4, 0x0b);
	ok(line && edges == 1, "with RTS it does");
	ok((in(2) & 0x0f) == 0x04, "IIR says so");
	while (in(5) & 1 && count < sizeof(text) - 1)
		text[count++] = (char)in(0);
	ok(!strcmp(text, "typed ahead, more than a FIFO\n"), "all of it, in order");
	ok(!line, "and then the line is low");

	/* A pipe is read no further than there is room. */
	for (i = 0; i < 200; i++)
		if (write(keys, "0123456789abcdef0123456789abcdef", 32) != 32)
			abort();
	for (i = 0; i < 100 && terminal_input_fd() >= 0; i++)
		terminal_input();
	ok(terminal_input_fd() < 0, "a full buffer stops the reading");
	for (count = 0; count < 6400; count++) {
		if (!(in(5) & 1))
			terminal_input();
		if (in(0) != (uint8_t)"0123456789abcdef"[count % 16])
			break;
	}
	ok(count == 6400, "and nothing is lost");
	out(1, 0);
}

static char *shown;
static size_t shown_size;

/* A slow reader of the output. */
static void *reader(void *data)
{
	int fd = *(int *)data;
	ssize_t count;

	shown = malloc(1 << 21);
	if (!shown)
		abort();
	while ((count = read(fd, shown + shown_size, 1000)) > 0) {
		shown_size += (size_t)count;
		usleep(50);
	}
	return NULL;
}

int main(void)
{
	int output[2], keys[2], report = dup(1);
	pthread_t thread;
	struct error error;
	size_t i, start;
	bool good;

	if (pipe(output) || pipe(keys) || report < 0 || dup2(keys[0], 0) < 0 ||
	    dup2(output[1], 1) < 0)
		return 1;
	stdout = fdopen(report, "w");
	if (!stdout)
		return 1;
	setlinebuf(stdout);
	close(output[1]);
	if (terminal_open(true, &error) || devices_create(&vm, &error)) {
		error_print(&error);
		return 1;
	}
	if (pthread_create(&thread, NULL, reader, &output[0]))
		return 1;
	test_detection();
	test_tx_interrupt();
	test_input(keys[1]);

	for (i = 0; i < 1000000; i++)
		out(0, i % 100 == 99 ? '\n' : (uint8_t)('a' + i % 23));
	terminal_drain(-1);
	close(1);
	pthread_join(thread, NULL);
	start = strlen("..\n.\n");
	good = shown_size == start + 1000000;
	for (i = 0; good && i < 1000000; i++)
		good = shown[start + i] == (i % 100 == 99 ? '\n' : (char)('a' + i % 23));
	ok(good, "a megabyte of output arrives whole");
	devices_destroy(&vm);
	return tap_end();
}
