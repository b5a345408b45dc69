// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CMOS clock (Motorola MC146818A), and the memory beside it in which firmware
 * finds how large the machine is.  It has no interrupt.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vmm/vm.h"

#define INDEX_PORT	0x70
#define INDEX_MASK	0x7f		/* the highest bit masks NMIs */

#define CMOS_SIZE	128

enum {
	SECONDS = 0x00, MINUTES = 0x02, HOURS = 0x04,
	WEEKDAY = 0x06, DAY = 0x07, MONTH = 0x08, YEAR = 0x09,
	STATUS_A = 0x0a, STATUS_B = 0x0b, STATUS_C = 0x0c, STATUS_D = 0x0d,
	BASE_MEMORY = 0x15,		/* KiB */
	EXTENDED_MEMORY = 0x17,		/* KiB above 1 MiB */
	EXTENDED_MEMORY_2 = 0x30,
	CENTURY = 0x32,
	MEMORY_ABOVE_16M = 0x34,	/* 64 KiB each */
	MEMORY_ABOVE_4G = 0x5b,		/* likewise; three bytes */
	SMP_COUNT = 0x5f,		/* CPUs besides the first */
};

#define STATUS_A_RATE	0x26		/* 32 kHz; no update is under way */
#define STATUS_B_24H	0x02
#define STATUS_B_BINARY	0x04
#define STATUS_B_BITS	0x87		/* SET, BINARY, 24H, daylight saving */
#define STATUS_D_VALID	0x80

/**
 * struct cmos - the chip
 * @lock: protects all of it
 * @index: register that the data port shows
 * @data: all registers but those of the time
 * @offset: seconds that its clock is ahead of the host's
 */
struct cmos {
	pthread_mutex_t lock;
	uint8_t index;
	uint8_t data[CMOS_SIZE];
	int64_t offset;
};

static uint8_t encode(const struct cmos *cmos, int value)
{
	if (cmos->data[STATUS_B] & STATUS_B_BINARY)
		return (uint8_t)value;
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static int decode(const struct cmos *cmos, uint8_t value)
{
	if (cmos->data[STATUS_B] & STATUS_B_BINARY)
		return value;
	return (value >> 4) * 10 + (value & 0xf);
}

static void now(const struct cmos *cmos, struct tm *tm)
{
	time_t seconds = time(NULL) + cmos->offset;

	if (!gmtime_r(&seconds, tm))
		memset(tm, 0, sizeof(*tm));
}

/* The field of the time that a register shows. Return: NULL if it shows none */
static int *field(struct tm *tm, uint8_t index)
{
	switch (index) {
	case SECONDS:
		return &tm->tm_sec;
	case MINUTES:
		return &tm->tm_min;
	case HOURS:
		return &tm->tm_hour;
	case DAY:
		return &tm->tm_mday;
	default:
		return NULL;
	}
}

static uint8_t read_register(const struct cmos *cmos)
{
	uint8_t index = cmos->index;
	struct tm tm;
	int *value;

	now(cmos, &tm);
	value = field(&tm, index);
	if (value)
		return encode(cmos, *value);
	switch (index) {
	case WEEKDAY:
		return encode(cmos, tm.tm_wday + 1);
	case MONTH:
		return encode(cmos, tm.tm_mon + 1);
	case YEAR:
		return encode(cmos, tm.tm_year % 100);
	case CENTURY:
		return encode(cmos, tm.tm_year / 100 + 19);
	default:
		return cmos->data[index];
	}
}

static void write_register(struct cmos *cmos, uint8_t byte)
{
	int number = decode(cmos, byte);
	time_t before;
	struct tm tm;
	int *value;

	now(cmos, &tm);
	before = timegm(&tm);
	value = field(&tm, cmos->index);
	if (value) {
		*value = number;
	} else {
		switch (cmos->index) {
		case WEEKDAY:
		case STATUS_C:
		case STATUS_D:
			return;
		case MONTH:
			tm.tm_mon = number - 1;
			break;
		case YEAR:
			tm.tm_year = tm.tm_year / 100 * 100 + number;
			break;
		case CENTURY:
			tm.tm_year = (number - 19) * 100 + tm.tm_year % 100;
			break;
		case STATUS_B:
			cmos->data[STATUS_B] = (byte & STATUS_B_BITS) | STATUS_B_24H;
			return;
		default:
			cmos->data[cmos->index] = byte;
			return;
		}
	}
	cmos->offset += timegm(&tm) - before;
}

static void cmos_access(void *state, uint64_t offset, unsigned int width,
			bool write, uint64_t *value)
{
	struct cmos *cmos = state;

	(void)width;
	pthread_mutex_lock(&cmos->lock);
	if (!offset && write)
		cmos->index = *value & INDEX_MASK;
	else if (offset && write)
		write_register(cmos, (uint8_t)*value);
	else if (offset)
		*value = read_register(cmos);
	pthread_mutex_unlock(&cmos->lock);
}

static void put16(struct cmos *cmos, unsigned int index, uint64_t value)
{
	if (value > 0xffff)
		value = 0xffff;
	cmos->data[index] = (uint8_t)value;
	cmos->data[index + 1] = (uint8_t)(value >> 8);
}

static void put_memory(struct cmos *cmos, const struct vm *vm)
{
	uint64_t low = vm->ram_low, high = vm->config->memory - low;

	put16(cmos, BASE_MEMORY, 640);
	put16(cmos, EXTENDED_MEMORY, (low - MIB) >> 10);
	put16(cmos, EXTENDED_MEMORY_2, (low - MIB) >> 10);
	put16(cmos, MEMORY_ABOVE_16M, low > 16 * MIB ? (low - 16 * MIB) >> 16 : 0);
	put16(cmos, MEMORY_ABOVE_4G, high >> 16 & 0xffff);
	cmos->data[MEMORY_ABOVE_4G + 2] = (uint8_t)(high >> 32);
}

static int cmos_create(struct vm *vm, void **state, struct error *error)
{
	struct cmos *cmos = calloc(1, sizeof(*cmos));
	struct bus_region region = {
		.base = INDEX_PORT,
		.length = 2,
		.max_width = 1,
		.access = cmos_access,
		.state = cmos,
	};

	if (!cmos)
		return error_set(error, errno, "cannot make the CMOS clock");
	*state = cmos;
	pthread_mutex_init(&cmos->lock, NULL);
	cmos->data[STATUS_A] = STATUS_A_RATE;
	cmos->data[STATUS_B] = STATUS_B_24H;
	cmos->data[STATUS_D] = STATUS_D_VALID;
	put_memory(cmos, vm);
	cmos->data[SMP_COUNT] = (uint8_t)(vm->config->cpus - 1);
	if (bus_claim_ports(&vm->bus, &region, error)) {
		free(cmos);
		*state = NULL;
		return -1;
	}
	return 0;
}

static void cmos_destroy(void *state)
{
	struct cmos *cmos = state;

	pthread_mutex_destroy(&cmos->lock);
	free(cmos);
}

static const struct device cmos = {
	.name = "CMOS clock",
	.create = cmos_create,
	.destroy = cmos_destroy,
};

DEVICE(cmos);
