/* SPDX-License-Identifier: GPL-2.0-only */
/* Accesses to a device in the modes other than 64-bit; see run_mode(). */
#include "layout.h"

	.macro	accesses
	movl	$0x12345678, (%bx)
	movw	(%bx), %ax
	movw	$0x20, %di
	movw	$3, %cx
	movb	$'z', %al
	rep stosb
	orl	$0x80, %ds:0x30
	movl	%ds:0x10, %eax
	outl	%eax, $PORT_REPORT
	outb	%al, $PORT_DONE
9:	cli
	hlt
	jmp	9b
	.endm

	.text
	.code16
	.globl	mmio16, mmio16_end
mmio16:
	movw	$0xa000, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	$0x10, %bx
	accesses
mmio16_end:

	.code32
	.globl	mmio32
mmio32:
	movl	$0xa0010, %ebx
	movl	$0x12345678, (%ebx)
	movw	(%ebx), %ax
	movl	$0xa0020, %edi
	movl	$3, %ecx
	movb	$'z', %al
	rep stosb
	orl	$0x80, 0xa0030
	movl	0xa0010, %eax
	outl	%eax, $PORT_REPORT
	outb	%al, $PORT_DONE
1:	cli
	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
