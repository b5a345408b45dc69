/* SPDX-License-Identifier: GPL-2.0-only */
/* What scripts/bochs-rom.S and scripts/machine-vmx agree on. */

#define ROM_SIZE	1024
#define ROM		0xd0000

/* The blocks of the memory file. */
#define BLOCK		0x20000
#define FILLERS		32
#define LOAD		0x1000000
#define KERNEL		0x1000000

/* The header's own fields; the setup header is at its usual place, the command line one page on. */
#define MAGIC		0x64676f6c
#define HEADER_BLOCKS	4
#define HEADER_KERNEL	8
#define HEADER_ENTRY	12

/* Low memory that is free when the BIOS has done its work. */
#define PAGE_TABLES	0x8000
#define ZERO_PAGE	0x10000
#define COMMAND_LINE	0x11000

/* Places in the zero page. */
#define BP_E820_ENTRIES	0x1e8
#define BP_SETUP_HEADER	0x1f1
#define BP_RAMDISK_IMAGE 0x218
#define BP_CMD_LINE_PTR	0x228
#define BP_E820_TABLE	0x2d0
