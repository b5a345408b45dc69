/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the server share. */
#ifndef GDB_PRIVATE_H
#define GDB_PRIVATE_H

#include <linux/lodge.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/gdb/gdb.h"
#include "vmm/vm.h"

/* The longest packet in either direction, without '$', '#' and checksum */
#define GDB_PACKET_MAX	4096

#define GDB_MAX_BREAKPOINTS	256

#define GDB_SIGINT	2
#define GDB_SIGTRAP	5

/* The vector of INT3 */
#define GDB_INT3	3

/* What a byte of the client's has completed */
enum gdb_event {
	GDB_NOTHING,
	GDB_PACKET,		/* gdb_input.data */
	GDB_BAD_PACKET,		/* too long, or its checksum is wrong */
	GDB_INTERRUPT,		/* ctrl-C */
	GDB_AGAIN,		/* it wants the last reply once more */
};

/**
 * struct gdb_input - the packet that is coming
 * @state: between packets, in one, in its checksum
 * @digits: of the checksum, that have come
 * @sum: of what has come
 * @wanted: checksum that it says it has
 * @too_long: some of it was dropped
 * @length: bytes of @data
 * @data: a NUL comes after it; what was escaped still is
 */
struct gdb_input {
	enum { GDB_BETWEEN, GDB_WITHIN, GDB_CHECKSUM } state;
	unsigned int digits;
	uint8_t sum;
	uint8_t wanted;
	bool too_long;
	size_t length;
	char data[GDB_PACKET_MAX + 1];
};

/* A reply: what does not fit makes it an error. */
struct gdb_reply {
	size_t length;
	bool too_long;
	char data[GDB_PACKET_MAX];
};

/**
 * struct gdb_breakpoint - an INT3 of the client's in the guest's memory
 * @address: linear, as the client named it
 * @byte: where it is
 * @original: what was there
 */
struct gdb_breakpoint {
	uint64_t address;
	uint8_t *byte;
	uint8_t original;
};

/**
 * struct gdb_cpu - a virtual CPU as the server has it
 * @go: it may run
 * @parked: its thread waits, with no exit to be completed
 * @trapped: it had a breakpoint or has done its step: the vector, else 0
 * @flags: LODGE_DEBUG_*
 */
struct gdb_cpu {
	bool go;
	bool parked;
	uint8_t trapped;
	uint32_t flags;
};

/**
 * struct gdb - the server
 * @vm: its VM
 * @in: from the keeper
 * @out: to the keeper
 * @wake: eventfd: a CPU has trapped, or the end
 * @thread: the server's thread
 * @started: it is there
 * @ending: it is to end
 * @lock: protects @cpus
 * @changed: something in @cpus has
 * @cpus: the CPUs
 * @connected: there is a client
 * @closing: the keeper is to confirm the end of a connection
 * @running: the client waits for the guest to stop
 * @no_acks: neither side confirms packets
 * @swbreak: the client wants to know breakpoints from steps
 * @current: the CPU whose registers are meant
 * @resumed: the CPU that 'c' and 's' are for, or -1 for all
 * @input: what comes
 * @reply: what was sent last
 * @nr_breakpoints: how many
 * @breakpoints: changed while all CPUs are parked, and read by their threads
 */
struct gdb {
	struct vm *vm;
	int in;
	int out;
	int wake;
	pthread_t thread;
	bool started;
	atomic_bool ending;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct gdb_cpu cpus[LODGE_MAX_VCPUS];
	bool connected;
	bool closing;
	bool running;
	bool no_acks;
	bool swbreak;
	unsigned int current;
	int resumed;
	struct gdb_input input;
	struct gdb_reply reply;
	unsigned int nr_breakpoints;
	struct gdb_breakpoint breakpoints[GDB_MAX_BREAKPOINTS];
};

/* packet.c */
enum gdb_event gdb_input_byte(struct gdb_input *input, uint8_t byte);
void gdb_printf(struct gdb_reply *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void gdb_put_hex(struct gdb_reply *reply, const void *bytes, size_t count);
/* Binary, escaped. */
void gdb_put_binary(struct gdb_reply *reply, const void *bytes, size_t count);
/* A number in hexadecimal at *@text, which moves on. Return: false if none is there */
bool gdb_number(const char **text, uint64_t *value);
/* @count bytes from twice as many digits. Return: false if they are not all there */
bool gdb_bytes(const char *text, void *bytes, size_t count);
/* In place. Return: how many bytes, or -1 */
long gdb_unescape(char *data, size_t length);
/* Sends a packet, or lets the client go if it does not take it. */
void gdb_send(struct gdb *gdb, const struct gdb_reply *reply);
/* One byte outside of packets */
void gdb_send_byte(struct gdb *gdb, char byte);
/* Tells the keeper of the end of a connection. */
void gdb_send_closed(struct gdb *gdb);

/* halt.c; all for the server's thread */
bool gdb_ends(const struct gdb *gdb);
/* Return: false if the VM ends meanwhile */
bool gdb_halt(struct gdb *gdb);
/* What a CPU is to do next: of those for which it is not said, none goes. */
void gdb_prepare(struct gdb *gdb, unsigned int cpu, bool step);
void gdb_resume(struct gdb *gdb);
/* Return: a CPU that has trapped, or -1 */
int gdb_trapped(struct gdb *gdb, uint8_t *vector);

/* memory.c */

/**
 * gdb_read() - guest memory at a linear address
 * @gdb: the server
 * @cpu: whose page tables count
 * @address: linear
 * @bytes: filled
 * @count: how many
 *
 * Return: how many could be read
 */
size_t gdb_read(struct gdb *gdb, unsigned int cpu, uint64_t address, void *bytes,
		size_t count);
/* The same for writing: all or, with -1, some */
int gdb_write(struct gdb *gdb, unsigned int cpu, uint64_t address, const void *bytes,
	      size_t count);
int gdb_insert(struct gdb *gdb, unsigned int cpu, uint64_t address);
int gdb_remove(struct gdb *gdb, uint64_t address);
void gdb_remove_all(struct gdb *gdb);
/* Is the INT3 that @vcpu has met one of ours? By its own thread. */
bool gdb_is_ours(struct gdb *gdb, struct vcpu *vcpu);

/* registers.c; 0 or -1 */
int gdb_get_registers(struct gdb *gdb, struct gdb_reply *reply);
int gdb_set_registers(struct gdb *gdb, const char *hex);
int gdb_get_register(struct gdb *gdb, uint64_t number, struct gdb_reply *reply);
int gdb_set_register(struct gdb *gdb, uint64_t number, const char *hex);
/* target.xml; @size bytes of room. Return: its length */
size_t gdb_describe(char *text, size_t size);

/* commands.c */
void gdb_command(struct gdb *gdb);
void gdb_report(struct gdb *gdb, int signal, uint8_t vector);

#endif /* GDB_PRIVATE_H */
