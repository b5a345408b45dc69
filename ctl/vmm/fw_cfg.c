// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's firmware configuration device (its docs/specs/fw_cfg.rst), as much of it as
 * SeaBIOS reads: a selector, a port that gives one byte after the other, and a
 * directory of files.  Only VMs with a firmware have it.
 */
#include "vmm/fw_cfg.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/vm.h"

#define SELECT_PORT	0x510
#define DATA_OFFSET	1

#define KEY_SIGNATURE	0x00
#define KEY_ID		0x01
#define KEY_CPUS	0x05
#define KEY_MAX_CPUS	0x0f
#define KEY_DIRECTORY	0x19
#define KEY_FIRST_FILE	0x20
/* Without the bit that says "write" */
#define KEY_MASK	0xbfff

#define ID_TRADITIONAL	1

#define MAX_FILES	16

struct directory_entry {
	uint32_t size;		/* big endian, as all here */
	uint16_t key, reserved;
	char name[56];
};

/**
 * struct fw_cfg - the device
 * @lock: protects @item and @offset
 * @item: what is read now
 * @item_size: its size
 * @offset: how far that is
 * @id: that there is no DMA
 * @cpus: how many
 * @nr_files: how many
 * @directory: what they are
 * @files: what is in them
 */
struct fw_cfg {
	pthread_mutex_t lock;
	const uint8_t *item;
	size_t item_size, offset;
	uint32_t id;
	uint16_t cpus;
	uint32_t nr_files;
	struct {
		uint32_t count;
		struct directory_entry entries[MAX_FILES];
	} directory;
	void *files[MAX_FILES];
};

static void select_item(struct fw_cfg *fw, uint16_t key)
{
	unsigned int file = (key & KEY_MASK) - KEY_FIRST_FILE;

	fw->item = NULL;
	fw->item_size = 0;
	fw->offset = 0;
	switch (key & KEY_MASK) {
	case KEY_SIGNATURE:
		fw->item = (const uint8_t *)"QEMU";
		fw->item_size = 4;
		break;
	case KEY_ID:
		fw->item = (const uint8_t *)&fw->id;
		fw->item_size = sizeof(fw->id);
		break;
	case KEY_CPUS:
	case KEY_MAX_CPUS:
		fw->item = (const uint8_t *)&fw->cpus;
		fw->item_size = sizeof(fw->cpus);
		break;
	case KEY_DIRECTORY:
		fw->item = (const uint8_t *)&fw->directory;
		fw->item_size = sizeof(fw->directory.count) +
				fw->nr_files * sizeof(fw->directory.entries[0]);
		break;
	default:
		if (file >= fw->nr_files)
			break;
		fw->item = fw->files[file];
		fw->item_size = be32toh(fw->directory.entries[file].size);
		break;
	}
}

static void fw_cfg_access(void *state, uint64_t offset, unsigned int width,
			  bool write, uint64_t *value)
{
	struct fw_cfg *fw = state;

	pthread_mutex_lock(&fw->lock);
	if (write && !offset && width == 2)
		select_item(fw, (uint16_t)*value);
	else if (!write && offset == DATA_OFFSET)
		*value = fw->offset < fw->item_size ? fw->item[fw->offset++] : 0;
	pthread_mutex_unlock(&fw->lock);
}

int fw_cfg_add(struct vm *vm, const char *name, const void *data, size_t size,
	       struct error *error)
{
	struct fw_cfg *fw = vm->fw_cfg;
	struct directory_entry *entry = &fw->directory.entries[fw->nr_files];
	void *copy;

	if (fw->nr_files == MAX_FILES)
		return error_set(error, 0, "too many files for the firmware");
	copy = malloc(size);
	if (!copy)
		return error_set(error, errno, "cannot make '%s' for the firmware", name);
	memcpy(copy, data, size);
	fw->files[fw->nr_files] = copy;
	entry->size = htobe32((uint32_t)size);
	entry->key = htobe16((uint16_t)(KEY_FIRST_FILE + fw->nr_files));
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	fw->nr_files++;
	fw->directory.count = htobe32(fw->nr_files);
	return 0;
}

static int fw_cfg_create(struct vm *vm, void **state, struct error *error)
{
	struct bus_region region = {
		.base = SELECT_PORT,
		.length = 2,
		.max_width = 2,
		.access = fw_cfg_access,
	};
	struct fw_cfg *fw;

	if (!vm->config->firmware)
		return 0;
	fw = calloc(1, sizeof(*fw));
	if (!fw)
		return error_set(error, errno, "cannot make the firmware's device");
	pthread_mutex_init(&fw->lock, NULL);
	fw->id = htole32(ID_TRADITIONAL);
	fw->cpus = htole16((uint16_t)vm->config->cpus);
	region.state = fw;
	vm->fw_cfg = fw;
	*state = fw;
	return bus_claim_ports(&vm->bus, &region, error);
}

static void fw_cfg_destroy(void *state)
{
	struct fw_cfg *fw = state;

	while (fw->nr_files)
		free(fw->files[--fw->nr_files]);
	pthread_mutex_destroy(&fw->lock);
	free(fw);
}

static const struct device fw_cfg = {
	.name = "firmware configuration",
	.create = fw_cfg_create,
	.destroy = fw_cfg_destroy,
};

DEVICE(fw_cfg);
