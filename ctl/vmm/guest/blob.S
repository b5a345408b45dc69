/* SPDX-License-Identifier: GPL-2.0-only */
/* lodge-init, a program of its own, as the tool carries it. */
	.section .rodata
	.globl	lodge_init_start, lodge_init_end
	.balign	16
lodge_init_start:
	.incbin	"lodge-init"
lodge_init_end:

	.section .note.GNU-stack, "", @progbits
