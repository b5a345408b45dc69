// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keyboard controller (8042), on which no keyboard hangs: it answers what is
 * asked of itself, so that nobody waits for it, and holds the reset line.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/vm.h"

#define DATA_PORT	0x60
#define COMMAND_PORT	0x64

#define STATUS_OUTPUT	0x01
#define STATUS_SYSTEM	0x04	/* the self-test has passed */
#define STATUS_COMMAND	0x08
#define STATUS_UNLOCKED	0x10

enum {
	READ_MODE = 0x20,
	WRITE_MODE = 0x60,
	TEST_SELF = 0xaa,
	TEST_KEYBOARD = 0xab,
	READ_OUTPUT = 0xd0,
	WRITE_OUTPUT = 0xd1,
	RESET = 0xfe,
};

#define SELF_PASSED	0x55
#define CLOCK_STUCK	0x01	/* there is no keyboard */
#define MODE_RESET	0x74	/* both ports off, translated */
#define OUTPUT_RESET	0x03	/* A20 is on, and reset is not pulled */
#define OUTPUT_RUNS	0x01

/**
 * struct keyboard - the controller
 * @vm: its VM
 * @lock: protects what follows
 * @command: that waits for its operand, or 0
 * @full: @data is there to be read
 * @data: what was answered
 * @mode: its command byte
 * @last_command: the last write was of a command
 */
struct keyboard {
	struct vm *vm;
	pthread_mutex_t lock;
	uint8_t command;
	bool full;
	uint8_t data;
	uint8_t mode;
	bool last_command;
};

static void answer(struct keyboard *keyboard, uint8_t byte)
{
	keyboard->data = byte;
	keyboard->full = true;
}

/* Return: true if it resets */
static bool write_command(struct keyboard *keyboard, uint8_t command)
{
	keyboard->command = 0;
	keyboard->last_command = true;
	switch (command) {
	case READ_MODE:
		answer(keyboard, keyboard->mode);
		break;
	case TEST_SELF:
		answer(keyboard, SELF_PASSED);
		break;
	case TEST_KEYBOARD:
		answer(keyboard, CLOCK_STUCK);
		break;
	case READ_OUTPUT:
		answer(keyboard, OUTPUT_RESET);
		break;
	case WRITE_MODE:
	case WRITE_OUTPUT:
		keyboard->command = command;
		break;
	case RESET:
		return true;
	}
	return false;
}

/* What goes to the keyboard is lost. */
static bool write_data(struct keyboard *keyboard, uint8_t byte)
{
	uint8_t command = keyboard->command;

	keyboard->command = 0;
	keyboard->last_command = false;
	if (command == WRITE_MODE)
		keyboard->mode = byte;
	return command == WRITE_OUTPUT && !(byte & OUTPUT_RUNS);
}

static uint8_t read_status(const struct keyboard *keyboard)
{
	return STATUS_SYSTEM | STATUS_UNLOCKED |
	       (keyboard->full ? STATUS_OUTPUT : 0) |
	       (keyboard->last_command ? STATUS_COMMAND : 0);
}

static void keyboard_access(struct keyboard *keyboard, bool command, bool write,
			    uint64_t *value)
{
	bool reset = false;

	pthread_mutex_lock(&keyboard->lock);
	if (write && command) {
		reset = write_command(keyboard, (uint8_t)*value);
	} else if (write) {
		reset = write_data(keyboard, (uint8_t)*value);
	} else if (command) {
		*value = read_status(keyboard);
	} else {
		*value = keyboard->data;
		keyboard->full = false;
	}
	pthread_mutex_unlock(&keyboard->lock);
	if (reset)
		vm_end(keyboard->vm, VM_RESET, NULL);
}

static void data_access(void *state, uint64_t offset, unsigned int width,
			bool write, uint64_t *value)
{
	(void)offset;
	(void)width;
	keyboard_access(state, false, write, value);
}

static void command_access(void *state, uint64_t offset, unsigned int width,
			   bool write, uint64_t *value)
{
	(void)offset;
	(void)width;
	keyboard_access(state, true, write, value);
}

static int keyboard_create(struct vm *vm, void **state, struct error *error)
{
	struct keyboard *keyboard = calloc(1, sizeof(*keyboard));
	const struct bus_region data = { DATA_PORT, 1, 1, data_access, keyboard };
	const struct bus_region command = {
		COMMAND_PORT, 1, 1, command_access, keyboard,
	};

	if (!keyboard)
		return error_set(error, errno, "cannot make the keyboard controller");
	keyboard->vm = vm;
	keyboard->mode = MODE_RESET;
	pthread_mutex_init(&keyboard->lock, NULL);
	if (bus_claim_ports(&vm->bus, &data, error) ||
	    bus_claim_ports(&vm->bus, &command, error)) {
		free(keyboard);
		return -1;
	}
	*state = keyboard;
	return 0;
}

static void keyboard_destroy(void *state)
{
	struct keyboard *keyboard = state;

	pthread_mutex_destroy(&keyboard->lock);
	free(keyboard);
}

static const struct device keyboard = {
	.name = "keyboard controller",
	.create = keyboard_create,
	.destroy = keyboard_destroy,
};

DEVICE(keyboard);
