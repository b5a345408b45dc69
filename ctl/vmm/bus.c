// SPDX-License-Identifier: GPL-2.0-only
/* Finds the device that answers at a port or a guest physical address. */
#include "vmm/bus.h"

#include <string.h>

#include "vmm/vm.h"

extern const struct device *const __start_lodge_devices[];
extern const struct device *const __stop_lodge_devices[];

int bus_claim_ports(struct bus *bus, const struct bus_region *region,
		    struct error *error)
{
	uint64_t port;

	if (!region->length || region->base > 0xffff ||
	    region->length > 0x10000 - region->base)
		return error_set(error, 0, "ports 0x%llx+%llu are not a range of ports",
				 (unsigned long long)region->base,
				 (unsigned long long)region->length);
	if (bus->nr_ports == BUS_MAX_REGIONS)
		return error_set(error, 0, "too many devices: no room for ports 0x%llx",
				 (unsigned long long)region->base);
	for (port = region->base; port < region->base + region->length; port++)
		if (bus->port_owner[port])
			return error_set(error, 0, "two devices claim port 0x%llx",
					 (unsigned long long)port);
	bus->ports[bus->nr_ports++] = *region;
	memset(bus->port_owner + region->base, (int)bus->nr_ports,
	       region->length);
	return 0;
}

int bus_claim_mmio(struct bus *bus, const struct bus_region *region,
		   struct error *error)
{
	unsigned int i;

	if (!region->length || region->base + region->length < region->base)
		return error_set(error, 0, "0x%llx+%llu is not a range of addresses",
				 (unsigned long long)region->base,
				 (unsigned long long)region->length);
	if (bus->nr_mmio == BUS_MAX_REGIONS)
		return error_set(error, 0, "too many devices: no room for address 0x%llx",
				 (unsigned long long)region->base);
	for (i = 0; i < bus->nr_mmio; i++) {
		const struct bus_region *other = &bus->mmio[i];

		if (region->base < other->base + other->length &&
		    other->base < region->base + region->length)
			return error_set(error, 0, "two devices claim address 0x%llx",
					 (unsigned long long)region->base);
		if (other->base > region->base)
			break;
	}
	memmove(&bus->mmio[i + 1], &bus->mmio[i],
		(bus->nr_mmio - i) * sizeof(bus->mmio[0]));
	bus->mmio[i] = *region;
	bus->nr_mmio++;
	return 0;
}

static void region_access(const struct bus_region *region, uint64_t offset,
			  unsigned int width, bool write, uint64_t *value)
{
	bool regular = !(width & (width - 1));	/* 1, 2, 4, 8 */
	uint64_t byte, result = ~0ULL;
	unsigned int i;

	if (regular && width <= region->max_width &&
	    width <= region->length - offset) {
		region->access(region->state, offset, width, write, value);
		return;
	}
	/* What reaches beyond the region falls on nothing. */
	for (i = 0; i < width && offset + i < region->length; i++) {
		byte = write ? (*value >> (8 * i)) & 0xff : ~0ULL;
		region->access(region->state, offset + i, 1, write, &byte);
		result &= ~(0xffULL << (8 * i));
		result |= (byte & 0xff) << (8 * i);
	}
	if (!write)
		*value = result;
}

/*
 * An access belongs to the device at its first byte: a dword at 0xcf8, the PCI
 * configuration address, does not touch the reset register at 0xcf9.
 */
void bus_port(struct bus *bus, uint16_t port, unsigned int width, bool write,
	      uint64_t *value)
{
	unsigned int owner = bus->port_owner[port];
	const struct bus_region *region;

	if (!write)
		*value = ~0ULL;
	if (!owner)
		return;
	region = &bus->ports[owner - 1];
	region_access(region, port - region->base, width, write, value);
}

void bus_mmio(struct bus *bus, uint64_t address, unsigned int width, bool write,
	      uint64_t *value)
{
	unsigned int low = 0, high = bus->nr_mmio;

	if (!write)
		*value = ~0ULL;
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		const struct bus_region *region = &bus->mmio[middle];

		if (address < region->base) {
			high = middle;
		} else if (address - region->base >= region->length) {
			low = middle + 1;
		} else {
			region_access(region, address - region->base, width,
				      write, value);
			return;
		}
	}
}

int devices_create(struct vm *vm, struct error *error)
{
	const struct device *const *entry;

	for (entry = __start_lodge_devices; entry < __stop_lodge_devices; entry++) {
		void *state = NULL;

		if (vm->nr_devices == MAX_DEVICES)
			return error_set(error, 0, "too many kinds of devices");
		if ((*entry)->create(vm, &state, error))
			return -1;
		if (!state)
			continue;
		vm->devices[vm->nr_devices].device = *entry;
		vm->devices[vm->nr_devices].state = state;
		vm->nr_devices++;
	}
	return 0;
}

int devices_start(struct vm *vm, struct error *error)
{
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++)
		if (vm->devices[i].device->start &&
		    vm->devices[i].device->start(vm->devices[i].state, error))
			return -1;
	return 0;
}

void devices_stop(struct vm *vm)
{
	unsigned int i;

	for (i = vm->nr_devices; i--;)
		if (vm->devices[i].device->stop)
			vm->devices[i].device->stop(vm->devices[i].state);
}

void devices_destroy(struct vm *vm)
{
	unsigned int i;

	while (vm->nr_devices) {
		i = --vm->nr_devices;
		vm->devices[i].device->destroy(vm->devices[i].state);
	}
}

void devices_describe(struct vm *vm, struct aml *aml)
{
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++)
		if (vm->devices[i].device->describe)
			vm->devices[i].device->describe(vm->devices[i].state, aml);
}
