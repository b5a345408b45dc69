// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory by linear addresses, and the breakpoints in it. */
#include <string.h>

#include "vmm/gdb/private.h"

#define PAGE_SIZE	4096ULL

#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_LA57	(1ULL << 12)
#define EFER_LMA	(1ULL << 10)

#define PTE_PRESENT	(1ULL << 0)
#define PTE_LARGE	(1ULL << 7)
#define PTE_ADDRESS	0x000ffffffffff000ULL

#define INT3		0xcc

/* Where a physical address is in this process, or NULL */
static uint8_t *physical(struct vm *vm, uint64_t address, size_t count)
{
	if (vm->rom && address >= vm->rom_address &&
	    address - vm->rom_address < vm->rom_size &&
	    count <= vm->rom_size - (address - vm->rom_address))
		return (uint8_t *)vm->rom + (address - vm->rom_address);
	return vm_memory(vm, address, count);
}

static bool entry_at(struct vm *vm, uint64_t address, size_t size, uint64_t *entry)
{
	const void *where = vm_memory(vm, address, size);

	*entry = 0;
	if (!where)
		return false;
	memcpy(entry, where, size);
	return *entry & PTE_PRESENT;
}

/* Tables of 1024 entries (Intel SDM vol. 3, 4.3) */
static bool walk_32(struct vm *vm, const struct lodge_sregs *sregs, uint64_t linear,
		    uint64_t *result)
{
	uint64_t entry;

	if (!entry_at(vm, (sregs->cr3 & 0xfffff000) + (linear >> 22) * 4, 4, &entry))
		return false;
	if ((entry & PTE_LARGE) && (sregs->cr4 & CR4_PSE)) {
		*result = (entry & 0xffc00000) | (entry & 0x1fe000) << 19 |
			  (linear & 0x3fffff);
		return true;
	}
	if (!entry_at(vm, (entry & 0xfffff000) + (linear >> 12 & 0x3ff) * 4, 4, &entry))
		return false;
	*result = (entry & 0xfffff000) | (linear & (PAGE_SIZE - 1));
	return true;
}

/* Tables of 512 entries (4.4, 4.5) */
static bool walk_64(struct vm *vm, uint64_t table, int levels, uint64_t linear,
		    uint64_t *result)
{
	unsigned int shift = 12 + 9 * (unsigned int)levels;
	uint64_t entry;

	while (shift > 12) {
		shift -= 9;
		if (!entry_at(vm, table + (linear >> shift & 0x1ff) * 8, 8, &entry))
			return false;
		table = entry & PTE_ADDRESS;
		if ((entry & PTE_LARGE) && (shift == 21 || shift == 30))
			break;
	}
	*result = (table & -(1ULL << shift)) | (linear & ((1ULL << shift) - 1));
	return true;
}

/* As the guest's page tables have it, whatever they allow. */
static bool translate(struct vm *vm, const struct lodge_sregs *sregs, uint64_t linear,
		      uint64_t *result)
{
	int levels = sregs->cr4 & CR4_LA57 ? 5 : 4;
	uint64_t entry;

	if (!(sregs->efer & EFER_LMA) && linear >> 32)
		return false;
	if (!(sregs->cr0 & CR0_PG)) {
		*result = linear;
		return true;
	}
	if (!(sregs->cr4 & CR4_PAE))
		return walk_32(vm, sregs, linear, result);
	if (sregs->efer & EFER_LMA) {
		unsigned int unused = 64 - (12 + 9 * (unsigned int)levels);

		if ((uint64_t)((int64_t)(linear << unused) >> unused) != linear)
			return false;
		return walk_64(vm, sregs->cr3 & PTE_ADDRESS, levels, linear, result);
	}
	if (!entry_at(vm, (sregs->cr3 & 0xffffffe0) + (linear >> 30) * 8, 8, &entry))
		return false;
	return walk_64(vm, entry & PTE_ADDRESS, 2, linear, result);
}

static bool get_sregs(struct gdb *gdb, unsigned int cpu, struct lodge_sregs *sregs)
{
	return !vcpu_get_state(&gdb->vm->vcpus[cpu], LODGE_STATE_SREGS, sregs,
			       sizeof(*sregs));
}

/* Up to the end of a page. Return: where it is, or NULL; *@count is how much */
static uint8_t *piece(struct gdb *gdb, const struct lodge_sregs *sregs,
		      uint64_t address, size_t *count)
{
	size_t left = PAGE_SIZE - (address & (PAGE_SIZE - 1));
	uint64_t result;

	if (*count > left)
		*count = left;
	if (!translate(gdb->vm, sregs, address, &result))
		return NULL;
	return physical(gdb->vm, result, *count);
}

/* A client sees what was there before its breakpoints. */
static void hide_breakpoints(const struct gdb *gdb, const uint8_t *from, uint8_t *bytes,
			     size_t count)
{
	unsigned int i;

	for (i = 0; i < gdb->nr_breakpoints; i++) {
		const struct gdb_breakpoint *bp = &gdb->breakpoints[i];

		if (bp->byte >= from && bp->byte < from + count)
			bytes[bp->byte - from] = bp->original;
	}
}

size_t gdb_read(struct gdb *gdb, unsigned int cpu, uint64_t address, void *bytes,
		size_t count)
{
	struct lodge_sregs sregs;
	size_t done = 0;

	if (!get_sregs(gdb, cpu, &sregs))
		return 0;
	while (done < count) {
		size_t size = count - done;
		const uint8_t *from = piece(gdb, &sregs, address + done, &size);

		if (!from)
			break;
		memcpy((uint8_t *)bytes + done, from, size);
		hide_breakpoints(gdb, from, (uint8_t *)bytes + done, size);
		done += size;
	}
	return done;
}

/* Under a breakpoint, it is what will be there after it. */
static void write_piece(struct gdb *gdb, uint8_t *to, const uint8_t *bytes, size_t count)
{
	unsigned int i;

	memcpy(to, bytes, count);
	for (i = 0; i < gdb->nr_breakpoints; i++) {
		struct gdb_breakpoint *bp = &gdb->breakpoints[i];

		if (bp->byte < to || bp->byte >= to + count)
			continue;
		bp->original = *bp->byte;
		*bp->byte = INT3;
	}
}

int gdb_write(struct gdb *gdb, unsigned int cpu, uint64_t address, const void *bytes,
	      size_t count)
{
	struct lodge_sregs sregs;
	size_t done = 0;

	if (!get_sregs(gdb, cpu, &sregs))
		return -1;
	while (done < count) {
		size_t size = count - done;
		uint8_t *to = piece(gdb, &sregs, address + done, &size);

		if (!to)
			return -1;
		write_piece(gdb, to, (const uint8_t *)bytes + done, size);
		done += size;
	}
	return 0;
}

static struct gdb_breakpoint *find(struct gdb *gdb, uint64_t address)
{
	unsigned int i;

	for (i = 0; i < gdb->nr_breakpoints; i++)
		if (gdb->breakpoints[i].address == address)
			return &gdb->breakpoints[i];
	return NULL;
}

int gdb_insert(struct gdb *gdb, unsigned int cpu, uint64_t address)
{
	struct lodge_sregs sregs;
	size_t size = 1;
	uint8_t *byte;

	if (find(gdb, address))
		return 0;
	if (gdb->nr_breakpoints == GDB_MAX_BREAKPOINTS || !get_sregs(gdb, cpu, &sregs))
		return -1;
	byte = piece(gdb, &sregs, address, &size);
	if (!byte)
		return -1;
	gdb->breakpoints[gdb->nr_breakpoints] = (struct gdb_breakpoint){
		.address = address,
		.byte = byte,
		.original = *byte,
	};
	/* Two linear addresses of one byte: what was there is what is hidden. */
	hide_breakpoints(gdb, byte, &gdb->breakpoints[gdb->nr_breakpoints].original, 1);
	gdb->nr_breakpoints++;
	*byte = INT3;
	return 0;
}

static void take_out(struct gdb *gdb, struct gdb_breakpoint *bp)
{
	struct gdb_breakpoint gone = *bp;
	unsigned int i;

	*bp = gdb->breakpoints[--gdb->nr_breakpoints];
	for (i = 0; i < gdb->nr_breakpoints; i++)
		if (gdb->breakpoints[i].byte == gone.byte)
			return;
	/* The guest may have put something else there. */
	if (*gone.byte == INT3)
		*gone.byte = gone.original;
}

int gdb_remove(struct gdb *gdb, uint64_t address)
{
	struct gdb_breakpoint *bp = find(gdb, address);

	if (!bp)
		return -1;
	take_out(gdb, bp);
	return 0;
}

void gdb_remove_all(struct gdb *gdb)
{
	while (gdb->nr_breakpoints)
		take_out(gdb, &gdb->breakpoints[gdb->nr_breakpoints - 1]);
}

bool gdb_is_ours(struct gdb *gdb, struct vcpu *vcpu)
{
	struct lodge_sregs sregs;
	const uint8_t *byte;
	unsigned int i;
	uint64_t address;
	size_t size = 1;

	if (!get_sregs(gdb, vcpu->id, &sregs))
		return false;
	address = vcpu->run->debug.rip;
	if (!(sregs.efer & EFER_LMA) || !sregs.cs.l)
		address = (uint32_t)(address + sregs.cs.base);
	byte = piece(gdb, &sregs, address, &size);
	for (i = 0; i < gdb->nr_breakpoints; i++)
		if (gdb->breakpoints[i].byte == byte)
			return true;
	return false;
}
