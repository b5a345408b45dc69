// SPDX-License-Identifier: GPL-2.0-only
/*
 * COM1: a 16550A with its FIFO and its interrupt, on the keeper's terminal.
 *
 * Bytes are sent the moment they are written, so the transmitter is always
 * empty; what remains of it is the interrupt that says so.  A driver that fills
 * the FIFO in its interrupt handler would have that interrupt again the moment
 * it returns, although it reads IIR once more or has nothing left to send and
 * switches it off.  So the line is raised at the next access to another
 * register, or a moment later if there is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/acpi.h"
#include "vmm/cmdline.h"
#include "vmm/terminal.h"
#include "vmm/vm.h"

#define COM1_PORT	0x3f8
#define COM1_LENGTH	8
#define COM1_GSI	4
#define FIFO_SIZE	16

enum {
	RBR = 0, THR = 0, DLL = 0,
	IER = 1, DLM = 1,
	IIR = 2, FCR = 2,
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7,
};

#define IER_RX		0x01
#define IER_TX		0x02
#define IER_LINE	0x04
#define IER_MASK	0x0f

#define IIR_NONE	0x01
#define IIR_TX		0x02
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_RX_TIMEOUT	0x0c
#define IIR_FIFO	0xc0

#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02

#define LCR_DLAB	0x80

#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define MCR_MASK	0x1f

#define LSR_DATA	0x01
#define LSR_OVERRUN	0x02
#define LSR_BREAK	0x10
#define LSR_TX_EMPTY	0x60	/* holding register and shift register */

#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80

/**
 * struct serial - the port
 * @vm: its VM
 * @lock: protects all that follows
 * @ier: interrupt enable register
 * @fcr: FIFO control register
 * @lcr: line control register
 * @mcr: modem control register
 * @scr: scratch register
 * @dll: divisor, low
 * @dlm: divisor, high
 * @line_errors: LSR_OVERRUN, LSR_BREAK since LSR was read last
 * @tx_pending: the interrupt that says that the transmitter is empty
 * @level: of the interrupt line
 * @has_input: it is this port that the user types into
 * @fifo: received
 * @start: oldest byte in @fifo
 * @count: bytes in @fifo
 */
struct serial {
	struct vm *vm;
	pthread_mutex_t lock;
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t line_errors;
	bool tx_pending;
	bool level;
	bool has_input;
	uint8_t fifo[FIFO_SIZE];
	unsigned int start, count;
};

static unsigned int fifo_size(const struct serial *serial)
{
	return serial->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

static unsigned int rx_trigger(const struct serial *serial)
{
	static const uint8_t level[4] = { 1, 4, 8, 14 };

	return serial->fcr & FCR_ENABLE ? level[serial->fcr >> 6] : 1;
}

/* The most urgent interrupt that is enabled and pending. */
static uint8_t interrupt_id(const struct serial *serial)
{
	if (serial->ier & IER_LINE && serial->line_errors)
		return IIR_LINE;
	if (serial->ier & IER_RX && serial->count)
		return serial->count >= rx_trigger(serial) ? IIR_RX : IIR_RX_TIMEOUT;
	if (serial->ier & IER_TX && serial->tx_pending)
		return IIR_TX;
	return IIR_NONE;
}

/* On a PC, OUT2 connects the chip to its interrupt line. */
static void update_line(struct serial *serial)
{
	bool level = interrupt_id(serial) != IIR_NONE &&
		     (serial->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	if (level == serial->level)
		return;
	serial->level = level;
	vm_irq_line(serial->vm, COM1_GSI, level);
}

static void receive(struct serial *serial, uint8_t byte)
{
	if (serial->count >= fifo_size(serial)) {
		serial->line_errors |= LSR_OVERRUN;
		return;
	}
	serial->fifo[(serial->start + serial->count++) % FIFO_SIZE] = byte;
}

/*
 * Takes input while the guest says that it is ready for it.  Before that a
 * driver empties the FIFO, and what was typed ahead or piped in would be lost.
 */
static void fill_fifo(struct serial *serial)
{
	uint8_t bytes[FIFO_SIZE];
	size_t count, i;

	if (!serial->has_input ||
	    (serial->mcr & (MCR_RTS | MCR_LOOP)) != MCR_RTS)
		return;
	if (serial->count < fifo_size(serial) && terminal_take_break()) {
		serial->line_errors |= LSR_BREAK;
		receive(serial, 0);
	}
	if (serial->count >= fifo_size(serial))
		return;
	count = terminal_take(bytes, fifo_size(serial) - serial->count);
	for (i = 0; i < count; i++)
		receive(serial, bytes[i]);
}

static uint8_t read_data(struct serial *serial)
{
	uint8_t byte = 0;

	if (serial->count) {
		byte = serial->fifo[serial->start];
		serial->start = (serial->start + 1) % FIFO_SIZE;
		serial->count--;
	}
	/* A whole FIFO at once: fewer locks, and what a driver's loop expects. */
	if (!serial->count)
		fill_fifo(serial);
	return byte;
}

static uint8_t read_interrupt_id(struct serial *serial)
{
	uint8_t id = interrupt_id(serial);

	if (id == IIR_TX)
		serial->tx_pending = false;
	return id | (serial->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t read_line_status(struct serial *serial)
{
	uint8_t value = LSR_TX_EMPTY | serial->line_errors;

	if (serial->count)
		value |= LSR_DATA;
	serial->line_errors = 0;
	return value;
}

/* In a loop, the modem's answers are our own signals. */
static uint8_t read_modem_status(const struct serial *serial)
{
	uint8_t value = 0;

	if (!(serial->mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	if (serial->mcr & MCR_RTS)
		value |= MSR_CTS;
	if (serial->mcr & MCR_DTR)
		value |= MSR_DSR;
	if (serial->mcr & MCR_OUT1)
		value |= MSR_RI;
	if (serial->mcr & MCR_OUT2)
		value |= MSR_DCD;
	return value;
}

static uint8_t read_register(struct serial *serial, unsigned int offset)
{
	bool dlab = serial->lcr & LCR_DLAB;

	switch (offset) {
	case RBR:
		return dlab ? serial->dll : read_data(serial);
	case IER:
		return dlab ? serial->dlm : serial->ier;
	case IIR:
		return read_interrupt_id(serial);
	case LCR:
		return serial->lcr;
	case MCR:
		return serial->mcr;
	case LSR:
		return read_line_status(serial);
	case MSR:
		return read_modem_status(serial);
	default:
		return serial->scr;
	}
}

static void write_fifo_control(struct serial *serial, uint8_t value)
{
	if (value & FCR_CLEAR_RX || (value ^ serial->fcr) & FCR_ENABLE)
		serial->count = 0;
	/* Without the enable bit, the others are not programmed. */
	serial->fcr = value & FCR_ENABLE ? value & 0xc1 : 0;
	fill_fifo(serial);
}

/* What is left to do when the lock is no longer held. */
enum after {
	AFTER_NOTHING,
	AFTER_SEND,
	AFTER_FLUSH,
};

static enum after write_register(struct serial *serial, unsigned int offset,
				 uint8_t value)
{
	bool dlab = serial->lcr & LCR_DLAB;
	uint8_t changed;

	switch (offset) {
	case THR:
		if (dlab) {
			serial->dll = value;
			break;
		}
		serial->tx_pending = true;
		if (!(serial->mcr & MCR_LOOP))
			return AFTER_SEND;
		receive(serial, value);
		break;
	case IER:
		if (dlab) {
			serial->dlm = value;
			break;
		}
		value &= IER_MASK;
		changed = value ^ serial->ier;
		serial->ier = value;
		/* The transmitter is empty, and it is news to who asks now. */
		if (changed & value & IER_TX)
			serial->tx_pending = true;
		/* The driver has nothing more to send. */
		if (changed & ~value & IER_TX)
			return AFTER_FLUSH;
		break;
	case FCR:
		write_fifo_control(serial, value);
		break;
	case LCR:
		serial->lcr = value;
		break;
	case MCR:
		serial->mcr = value & MCR_MASK;
		fill_fifo(serial);
		break;
	case SCR:
		serial->scr = value;
		break;
	}
	return AFTER_NOTHING;
}

static void serial_access(void *state, uint64_t offset, unsigned int width,
			  bool write, uint64_t *value)
{
	struct serial *serial = state;
	enum after after = AFTER_NOTHING;
	uint8_t byte = (uint8_t)*value;
	bool later;

	(void)width;
	pthread_mutex_lock(&serial->lock);
	if (write)
		after = write_register(serial, (unsigned int)offset, byte);
	else
		*value = read_register(serial, (unsigned int)offset);
	if (after != AFTER_SEND)
		update_line(serial);
	later = after == AFTER_SEND && !serial->level && serial->ier & IER_TX;
	pthread_mutex_unlock(&serial->lock);

	/*
	 * Standard output may block; then only this CPU waits.  Bytes stay in
	 * order, for each comes after the guest has seen the last one's OUT done.
	 */
	if (after == AFTER_SEND)
		terminal_put(byte);
	else if (after == AFTER_FLUSH)
		terminal_flush();
	if (later)
		terminal_later();
}

static void serial_input_ready(void *state)
{
	struct serial *serial = state;

	pthread_mutex_lock(&serial->lock);
	fill_fifo(serial);
	update_line(serial);
	pthread_mutex_unlock(&serial->lock);
}

static void serial_wake(void *state)
{
	struct serial *serial = state;

	vm_wake(serial->vm);
}

static int serial_create(struct vm *vm, void **state, struct error *error)
{
	struct serial *serial = calloc(1, sizeof(*serial));
	struct bus_region region = {
		.base = COM1_PORT,
		.length = COM1_LENGTH,
		.max_width = 1,
		.access = serial_access,
		.state = serial,
	};

	if (!serial)
		return error_set(error, ENOMEM, "cannot make the serial port");
	serial->vm = vm;
	serial->dll = 1;
	pthread_mutex_init(&serial->lock, NULL);
	if (bus_claim_ports(&vm->bus, &region, error)) {
		free(serial);
		return -1;
	}
	serial->has_input = !cmdline_console_is(vm->config->append, "hvc");
	if (serial->has_input)
		terminal_attach(serial_input_ready, serial_wake, serial);
	*state = serial;
	return 0;
}

static void serial_destroy(void *state)
{
	struct serial *serial = state;

	if (serial->has_input)
		terminal_attach(NULL, NULL, NULL);
	pthread_mutex_destroy(&serial->lock);
	free(serial);
}

static void serial_describe(void *state, struct aml *aml)
{
	size_t device, resources;

	(void)state;
	device = aml_device_begin(aml, "COM1");
	aml_name_eisaid(aml, "_HID", "PNP0501");
	aml_name_integer(aml, "_UID", 1);
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_io(aml, COM1_PORT, COM1_LENGTH);
	aml_resource_interrupt(aml, COM1_GSI, true);
	aml_resources_end(aml, resources);
	aml_device_end(aml, device);
}

static const struct device serial_port = {
	.name = "serial port",
	.create = serial_create,
	.destroy = serial_destroy,
	.describe = serial_describe,
};

DEVICE(serial_port);
