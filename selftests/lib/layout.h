/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things are in a test guest's physical memory, and its selectors.
 * For assembly too.
 *
 * The test program itself is copied to the addresses that it is linked to, and
 * all memory is mapped one to one: so a guest runs functions of the program,
 * and sees copies of its variables, under the addresses that the host knows.
 */
#ifndef LODGE_SELFTEST_LAYOUT_H
#define LODGE_SELFTEST_LAYOUT_H

#define G_PML4		0x1000
#define G_PDPT		0x2000
#define G_PD		0x3000		/* four of them: 4 GiB in 2 MiB pages */
#define G_PML5		0x7000
#define G_PAE_PDPT	0x8000		/* the four entries of PAE paging */
#define G_PD32		0x9000		/* 32-bit paging: 4 MiB pages */
#define G_GDT		0xa000
#define G_IDT		0xb000
#define G_TSS		0xc000		/* 0x100 bytes a vCPU */
#define G_IDT32		0xd000
#define G_LOW		0x10000		/* free, and in reach of real mode */
#define G_LOW_END	0x9f000
#define G_FREE		0x100000	/* free for a test */
#define G_FREE_END	0x400000	/* the program itself begins */
#define G_STACKS	0xe00000	/* a stack of 64 KiB for each vCPU ... */
#define G_STACK_SIZE	0x10000		/* ... its upper end is for interrupts */
#define G_MEMORY	0x1000000	/* size of slot 0 */

#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_TSS		0x18
#define SEL_CODE32	0x28
#define SEL_CODE16	0x30		/* its base is G_LOW */
#define SEL_DATA16	0x38
#define SEL_USER_DATA	0x43
#define SEL_USER_CODE64	0x4b
#define SEL_USER_CODE32	0x53
#define SEL_ABSENT	0x58		/* a data segment that is not present */
#define SEL_SMALL	0x60		/* a data segment of 4096 bytes */

/* Guest to test: OUT to these ports */
#define PORT_REPORT	0xe0		/* the operand is a value */
#define PORT_DONE	0xe1
#define PORT_MAIL	0xe2		/* guest_mail has a value of 64 bits */
#define PORT_ASSERT	0xe3		/* guest_mail tells which assertion failed */
#define PORT_TRAP	0xe4		/* guest_mail tells which exception came */
/* Ports and addresses where nothing is: the test answers */
#define PORT_TEST	0x510
#define G_MMIO		0xd0000000UL

#endif
