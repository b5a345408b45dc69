/* SPDX-License-Identifier: GPL-2.0-only */
/* Where kexec_payload.S is, and what it is told. */
#ifndef LODGE_SELFTEST_KEXEC_PAYLOAD_H
#define LODGE_SELFTEST_KEXEC_PAYLOAD_H

#define PAYLOAD		0x4000000	/* its code */
#define PAYLOAD_PML5	(PAYLOAD + 0x1000)	/* of five levels */
#define PAYLOAD_PML4	(PAYLOAD + 0x2000)
#define PAYLOAD_PDPT	(PAYLOAD + 0x3000)
#define PAYLOAD_DATA	(PAYLOAD + 0x4000)
#define PAYLOAD_SIZE	0x5000
#define PAYLOAD_AP	0x8000		/* where other CPUs start */

/*
 * Data: how many other CPUs there are, then for each result a text for COM2 and one
 * for COM3, with 32 bits of place and of length each.
 */
#define DATA_OTHERS	0
#define DATA_TEXTS	8
#define RESULT_ROOT_ON	1		/* root mode was on */
#define RESULT_MISSING	2		/* a CPU did not start */
#define NR_RESULTS	4

#endif
