// SPDX-License-Identifier: GPL-2.0-only
/* The guest's hvc0 on the keeper's terminal. */
#include "vmm/virtio/console_tty.h"

#include <pthread.h>
#include <string.h>

#include "vmm/cmdline.h"
#include "vmm/terminal.h"
#include "vmm/virtio/console.h"
#include "vmm/vm.h"

/*
 * There is one terminal, so there is one of these.  @lock protects @bytes: input
 * that was taken from the terminal, and that the guest has no room for.
 */
static struct {
	struct console_host host;
	struct vm *vm;
	bool has_input;
	pthread_mutex_t lock;
	uint8_t bytes[256];
	size_t count;
} tty = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

/* By the main thread when there is input, and by the I/O thread for room. */
static void carry_input(void)
{
	size_t sent;

	pthread_mutex_lock(&tty.lock);
	while (tty.has_input) {
		if (!tty.count)
			tty.count = terminal_take(tty.bytes, sizeof(tty.bytes));
		if (!tty.count)
			break;
		sent = console_send(&tty.host, tty.bytes, tty.count);
		tty.count -= sent;
		memmove(tty.bytes, tty.bytes + sent, tty.count);
		if (tty.count)
			break;
	}
	pthread_mutex_unlock(&tty.lock);
}

static void tty_opened(struct console_host *host, bool open)
{
	(void)host;
	if (open)
		carry_input();
}

static size_t tty_receive(struct console_host *host, const void *data, size_t size)
{
	(void)host;
	return terminal_write(data, size);
}

static void tty_writable(struct console_host *host)
{
	(void)host;
	carry_input();
}

static void terminal_ready(void *state)
{
	(void)state;
	carry_input();
}

static void terminal_wake(void *state)
{
	(void)state;
	vm_wake(tty.vm);
}

static void terminal_room(void *state)
{
	(void)state;
	console_resume(&tty.host);
}

static void terminal_size_changed(void *state)
{
	uint16_t columns, rows;

	(void)state;
	if (terminal_size(&columns, &rows))
		console_resize(&tty.host, columns, rows);
}

struct console_host *console_tty_create(struct vm *vm, uint16_t *columns,
					uint16_t *rows)
{
	static const struct console_host_ops ops = {
		.opened = tty_opened,
		.receive = tty_receive,
		.writable = tty_writable,
	};

	tty.host.name = "console";
	tty.host.ops = &ops;
	tty.vm = vm;
	tty.count = 0;
	tty.has_input = cmdline_console_is(vm->config->append, "hvc");
	if (tty.has_input)
		terminal_attach(terminal_ready, terminal_wake, NULL);
	terminal_attach_screen(terminal_room, terminal_size_changed, NULL);
	if (!terminal_size(columns, rows)) {
		*columns = 0;
		*rows = 0;
	}
	return &tty.host;
}

void console_tty_destroy(void)
{
	if (tty.has_input)
		terminal_attach(NULL, NULL, NULL);
	terminal_attach_screen(NULL, NULL, NULL);
}
