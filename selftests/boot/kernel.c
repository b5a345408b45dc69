// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel for boot_other_test.sh that prints what it was given, by Multiboot or by
 * PVH, and powers off.  32 bits, without paging.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define COM1		0x3f8
#define DEBUG_PORT	0xe9
#define SLEEP_CONTROL	0x600
#define POWER_OFF	0x34

#define MULTIBOOT	0x2badb002
#define PVH		0x336ec578

static void out(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a" (value), "Nd" (port));
}

static u8 in(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a" (value) : "Nd" (port));
	return value;
}

static void put(const char *text)
{
	for (; *text; text++)
		out(COM1, *text);
}

static void put_hex(u64 value)
{
	int shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		out(COM1, "0123456789abcdef"[value >> shift & 15]);
}

static void put_bytes(const u8 *at, u32 size)
{
	while (size--)
		out(COM1, *at++);
}

static void show_memory(u64 start, u64 size, u32 type)
{
	put("memory ");
	put_hex(start);
	put(" ");
	put_hex(size);
	put(type == 1 ? " usable\n" : " reserved\n");
}

static void show_module(const char *arguments, const u8 *at, u32 size)
{
	put("module '");
	put(arguments);
	put("' has '");
	put_bytes(at, size);
	put("'\n");
}

struct multiboot {
	u32 flags, lower, upper, device;
	const char *cmdline;
	u32 nr_modules;
	const struct {
		const u8 *start, *end;
		const char *string;
		u32 reserved;
	} *modules;
	u32 symbols[4];
	u32 map_length;
	const u8 *map;
	u32 drives[2], table;
	const char *loader;
};

static void multiboot(const struct multiboot *info)
{
	u32 i, at;

	put("Multiboot by ");
	put(info->loader);
	put(": '");
	put(info->cmdline);
	put("'\n");
	for (i = 0; i < info->nr_modules; i++)
		show_module(info->modules[i].string, info->modules[i].start,
			    info->modules[i].end - info->modules[i].start);
	for (at = 0; at < info->map_length; at += 4 + *(const u32 *)(info->map + at))
		show_memory(*(const u64 *)(info->map + at + 4),
			    *(const u64 *)(info->map + at + 12),
			    *(const u32 *)(info->map + at + 20));
}

struct start_info {
	u32 magic, version, flags, nr_modules;
	u64 modules, cmdline, rsdp, map;
	u32 map_entries, reserved;
};

static void pvh(const struct start_info *info)
{
	const u64 *module = (const u64 *)(u32)info->modules;
	const u64 *entry = (const u64 *)(u32)info->map;
	u32 i;

	put("PVH: '");
	put((const char *)(u32)info->cmdline);
	put("', tables: ");
	put_bytes((const u8 *)(u32)info->rsdp, 7);
	put("\n");
	for (i = 0; i < info->nr_modules; i++, module += 4)
		show_module((const char *)(u32)module[2],
			    (const u8 *)(u32)module[0], module[1]);
	for (i = 0; i < info->map_entries; i++, entry += 3)
		show_memory(entry[0], entry[1], entry[2]);
}

/* A tenth of a second by the PIT, as systems without ACPI measure time */
static void show_pit(void)
{
	u32 ticks = 0, before, now;

	out(0x43, 0x34);
	out(0x40, 0);
	out(0x40, 0);
	before = 0xffff;
	while (ticks < 119318) {
		out(0x43, 0);
		now = in(0x40);
		now |= in(0x40) << 8;
		ticks += (before - now) & 0xffff;
		before = now;
	}
	put("the PIT counts\n");
}

/* The clock's registers, in BCD */
static u8 cmos(u8 index)
{
	out(0x70, index);
	return in(0x71);
}

void start(u32 magic, const void *info);

void start(u32 magic, const void *info)
{
	const char *text = "debug port\n";

	if (magic == MULTIBOOT)
		multiboot(info);
	else if (*(const u32 *)info == PVH)
		pvh(info);
	else
		put("nobody knows how I came here\n");
	show_pit();
	put("year 20");
	put_hex(cmos(9));
	put("\n");
	for (; *text; text++)
		out(DEBUG_PORT, *text);
	out(SLEEP_CONTROL, POWER_OFF);
	for (;;)
		asm volatile("hlt");
}
