/* SPDX-License-Identifier: GPL-2.0-only */
/* Where application processors begin: from SIPI to C. */
#include "layout.h"

	.data
	.code16
	.globl	ap_begin, ap_end
ap_begin:
	cli
	movw	%cs, %ax		/* the vector of the SIPI, by 0x100 */
	movw	%ax, %ds
	lock incw	(ap_count - ap_begin)
	lgdtl	(ap_gdtr - ap_begin)
	movl	%cr4, %eax
	orl	$0x20, %eax
	movl	%eax, %cr4
	movl	$G_PML4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x900, %eax
	wrmsr
	movl	$0x80010011, %eax	/* straight into long mode */
	movl	%eax, %cr0
	ljmpl	$SEL_CODE64, $(1f - ap_begin + G_LOW)
	.code64
1:	movl	$SEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx		/* the APIC ID */
	movl	%ebx, %edi
	/* GS base: guest_cpu_area[id] */
	movl	%ebx, %eax
	shll	$4, %eax
	addl	$guest_cpu_area, %eax
	xorl	%edx, %edx
	movl	$0xc0000101, %ecx
	wrmsr
	movl	%edi, %eax
	incl	%eax
	imull	$G_STACK_SIZE, %eax, %eax
	leaq	G_STACKS - 16(%rax), %rsp
	lidt	ap_idtr - ap_begin + G_LOW
	movq	$ap_main, %rax
	call	*%rax
2:	cli
	hlt
	jmp	2b
	.balign	8
ap_gdtr:
	.word	0x7f
	.long	G_GDT
ap_idtr:
	.word	0xfff
	.quad	G_IDT
	.globl	ap_count
ap_count:
	.word	0
ap_end:

	.section .note.GNU-stack, "", @progbits
