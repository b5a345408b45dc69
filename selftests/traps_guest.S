/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions that only 32-bit code can raise. */
#include "layout.h"

	.text
	.code32
	.globl	into32, bound32
into32:
	movl	$0x7fffffff, %eax
	addl	$1, %eax
	into
	movl	$1, %eax
	outl	%eax, $PORT_REPORT

bound32:
	pushl	$10
	pushl	$5
	movl	$7, %eax
	bound	%eax, (%esp)		/* within: nothing */
	movl	$11, %eax
	bound	%eax, (%esp)
	movl	$1, %eax
	outl	%eax, $PORT_REPORT

	.section .note.GNU-stack, "", @progbits
