// SPDX-License-Identifier: GPL-2.0-only
/* The thread that serves a debugger: connections, and when the guest stops. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/gdb/private.h"
#include "vmm/io.h"
#include "vmm/thread.h"

static void connect_client(struct gdb *gdb)
{
	memset(&gdb->input, 0, sizeof(gdb->input));
	gdb->reply.length = 0;
	gdb->no_acks = false;
	gdb->swbreak = false;
	gdb->current = 0;
	gdb->resumed = -1;
	gdb->connected = gdb_halt(gdb);
}

/* Whoever vanishes leaves a VM that runs as if nobody had been there. */
static void disconnect_client(struct gdb *gdb)
{
	unsigned int i;

	if (!gdb->connected || !gdb_halt(gdb))
		return;
	gdb_remove_all(gdb);
	for (i = 0; i < gdb->vm->nr_vcpus; i++)
		gdb_prepare(gdb, i, false);
	gdb_resume(gdb);
	gdb->running = false;
	gdb->connected = false;
}

/* Of several CPUs that trap at once, one is told of: the others do it again. */
static void stopped(struct gdb *gdb, bool interrupted)
{
	uint8_t vector = 0;
	int cpu;

	if (!gdb->running)
		return;
	cpu = gdb_trapped(gdb, &vector);
	if ((cpu < 0 && !interrupted) || !gdb_halt(gdb))
		return;
	if (cpu >= 0)
		gdb->current = (unsigned int)cpu;
	gdb_report(gdb, cpu >= 0 ? GDB_SIGTRAP : GDB_SIGINT, vector);
}

static void take_byte(struct gdb *gdb, uint8_t byte)
{
	switch (gdb_input_byte(&gdb->input, byte)) {
	case GDB_PACKET:
		/* While the guest runs, only ctrl-C means something. */
		if (gdb->running)
			break;
		if (!gdb->no_acks)
			gdb_send_byte(gdb, '+');
		gdb_command(gdb);
		break;
	case GDB_BAD_PACKET:
		if (!gdb->no_acks)
			gdb_send_byte(gdb, '-');
		break;
	case GDB_AGAIN:
		if (!gdb->no_acks && gdb->reply.length)
			gdb_send(gdb, &gdb->reply);
		break;
	case GDB_INTERRUPT:
		stopped(gdb, true);
		break;
	case GDB_NOTHING:
		break;
	}
}

/* Return: false if the keeper has gone */
static bool take_packet(struct gdb *gdb)
{
	uint8_t packet[GDB_PIPE_PACKET];
	ssize_t count = read(gdb->in, packet, sizeof(packet)), i;

	if (count <= 0)
		return count < 0 && (errno == EAGAIN || errno == EINTR);
	if (packet[0] == GDB_CLOSED) {
		if (!gdb->closing) {
			disconnect_client(gdb);
			gdb_send_closed(gdb);
		}
		gdb->closing = false;
		return true;
	}
	/* What was under way to the VMM before this one */
	if (gdb->closing)
		return true;
	if (!gdb->connected)
		connect_client(gdb);
	for (i = 1; i < count && !gdb_ends(gdb); i++)
		take_byte(gdb, packet[i]);
	return true;
}

/* The client is told that there is nothing more to debug. */
static void say_goodbye(struct gdb *gdb)
{
	static const struct gdb_reply ended = { .length = 3, .data = "W00" };

	if (gdb->connected)
		gdb_send(gdb, &ended);
}

static void *server_thread(void *data)
{
	struct gdb *gdb = data;

	pthread_setname_np(pthread_self(), "lodge-gdb");
	while (!gdb_ends(gdb)) {
		struct pollfd fds[] = {
			{ gdb->wake, POLLIN, 0 },
			{ gdb->in, POLLIN, 0 },
		};

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents) {
			io_clear(gdb->wake);
			stopped(gdb, false);
		}
		if (fds[1].revents && !gdb_ends(gdb) && !take_packet(gdb))
			gdb->in = -1;
	}
	say_goodbye(gdb);
	return NULL;
}

struct gdb *gdb_create(struct vm *vm, struct error *error)
{
	const struct gdb_config *config = vm->config->gdb;
	struct gdb *gdb = calloc(1, sizeof(*gdb));
	unsigned int i;

	if (!gdb) {
		error_set(error, errno, "cannot make room for a debugger");
		return NULL;
	}
	gdb->vm = vm;
	gdb->in = config->in;
	gdb->out = config->out;
	gdb->closing = true;
	gdb->resumed = -1;
	for (i = 0; i < vm->nr_vcpus; i++)
		gdb->cpus[i].go = !config->wait;
	gdb->wake = io_eventfd(error);
	if (gdb->wake < 0) {
		free(gdb);
		return NULL;
	}
	pthread_mutex_init(&gdb->lock, NULL);
	pthread_cond_init(&gdb->changed, NULL);
	return gdb;
}

int gdb_start(struct gdb *gdb, struct error *error)
{
	if (!(gdb->vm->info.features & LODGE_FEATURE_STEP)) {
		error_set(error, 0,
			  "this processor cannot step a guest, as a debugger has to behind a breakpoint");
		return error_advise(error, "'lodge check' lists what it can; leave --gdb away");
	}
	/* Nobody is connected yet: whoever was, was so with the VMM before. */
	gdb_send_closed(gdb);
	if (thread_start(&gdb->thread, server_thread, gdb, 0, "the thread of the debugger",
			 error))
		return -1;
	gdb->started = true;
	return 0;
}

void gdb_stop(struct gdb *gdb)
{
	if (!gdb->started)
		return;
	atomic_store(&gdb->ending, true);
	io_signal(gdb->wake);
	pthread_join(gdb->thread, NULL);
	gdb->started = false;
	pthread_mutex_lock(&gdb->lock);
	pthread_cond_broadcast(&gdb->changed);
	pthread_mutex_unlock(&gdb->lock);
}

void gdb_destroy(struct gdb *gdb)
{
	if (!gdb)
		return;
	close(gdb->wake);
	pthread_mutex_destroy(&gdb->lock);
	pthread_cond_destroy(&gdb->changed);
	free(gdb);
}
