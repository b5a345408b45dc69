/* SPDX-License-Identifier: GPL-2.0-only */
/* Where interrupts and exceptions of a guest arrive, and where functions return. */
#include "layout.h"

	.text

/* 64-bit: one stub of 16 bytes for each vector. */
	.balign	16
	.globl	guest_vectors
guest_vectors:
	vector = 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || \
		  vector == 17 || vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	trap_common
	vector = vector + 1
	.endr

trap_common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	call	guest_trap
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	iretq

/* What the first function of a vCPU returns to. */
	.globl	guest_return
guest_return:
	outb	%al, $PORT_DONE
	cli
	hlt
	jmp	guest_return

/* 32-bit: each exception reports 0x10000 + its vector, and stops. */
	.code32
	.balign	16
	.globl	guest_vectors32
guest_vectors32:
	vector = 0
	.rept	32
	.balign	16
	movl	$(0x10000 + vector), %eax
	outl	%eax, $PORT_REPORT
	jmp	stop32
	vector = vector + 1
	.endr
stop32:
	cli
	hlt
	jmp	stop32

	.section .note.GNU-stack, "", @progbits
