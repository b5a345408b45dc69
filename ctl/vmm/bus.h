/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices, and which of them answers at a port or a physical address. */
#ifndef BUS_H
#define BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct aml;
struct vm;

/**
 * typedef bus_access - the guest reads or writes a device
 * @state: the device's own
 * @offset: from the start of the region
 * @width: bytes: 1, 2, 4 or 8, at most the region's max_width
 * @write: direction
 * @value: what is written, or where to put what is read (preset to all ones)
 *
 * Called by any vCPU's thread, by several at once: the device locks.
 */
typedef void (*bus_access)(void *state, uint64_t offset, unsigned int width,
			   bool write, uint64_t *value);

/**
 * struct bus_region - a range of ports or of guest physical addresses
 * @base: where it begins
 * @length: its length
 * @max_width: wider accesses are cut into bytes, as are those whose width is
 *             no power of two (the rest of one that crosses pages)
 * @access: called for each access that begins in it
 * @state: passed to @access
 */
struct bus_region {
	uint64_t base;
	uint64_t length;
	unsigned int max_width;
	bus_access access;
	void *state;
};

#define BUS_MAX_REGIONS	64

/**
 * struct bus - what a VM's devices have claimed; does not change while it runs
 * @ports: regions of ports
 * @nr_ports: how many
 * @mmio: regions of physical addresses, ascending
 * @nr_mmio: how many
 * @port_owner: for each port, 1 + the index in @ports, or 0
 */
struct bus {
	struct bus_region ports[BUS_MAX_REGIONS];
	unsigned int nr_ports;
	struct bus_region mmio[BUS_MAX_REGIONS];
	unsigned int nr_mmio;
	uint8_t port_owner[0x10000];
};

/* Both fail if the range is taken, or not one. */
int bus_claim_ports(struct bus *bus, const struct bus_region *region,
		    struct error *error);
int bus_claim_mmio(struct bus *bus, const struct bus_region *region,
		   struct error *error);

/* What nobody has claimed reads as all ones and ignores writes. */
void bus_port(struct bus *bus, uint16_t port, unsigned int width, bool write,
	      uint64_t *value);
void bus_mmio(struct bus *bus, uint64_t address, unsigned int width, bool write,
	      uint64_t *value);

/**
 * struct device - a kind of device; DEVICE() makes it known
 * @name: for errors
 * @create: make one for @vm, claim its ports, put what it needs into @state.
 *          May leave @state NULL: then the VM has none of this kind
 * @start: the VM is about to run; start threads; may be NULL
 * @stop: no vCPU runs any more; end them; may be NULL, and is called once more
 *        than @start if that failed
 * @destroy: free it; it is stopped
 * @describe: its node in the ACPI namespace, below \_SB; may be NULL
 */
struct device {
	const char *name;
	int (*create)(struct vm *vm, void **state, struct error *error);
	int (*start)(void *state, struct error *error);
	void (*stop)(void *state);
	void (*destroy)(void *state);
	void (*describe)(void *state, struct aml *aml);
};

/*
 * The linker gathers these pointers into one array, so that a new device is a
 * new file and no other line.
 */
#define DEVICE(dev)							\
	static const struct device *const dev##_entry			\
	__attribute__((section("lodge_devices"), used)) = &(dev)

#define MAX_DEVICES	16

int devices_create(struct vm *vm, struct error *error);
int devices_start(struct vm *vm, struct error *error);
void devices_stop(struct vm *vm);
void devices_destroy(struct vm *vm);
void devices_describe(struct vm *vm, struct aml *aml);

#endif /* BUS_H */
