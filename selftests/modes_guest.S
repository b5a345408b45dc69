/* SPDX-License-Identifier: GPL-2.0-only */
/* Code of modes_test's guests that is not 64-bit C. */
#include "layout.h"

	.macro	report value
	movl	$\value, %eax
	outl	%eax, $PORT_REPORT
	.endm

	.macro	done
	outb	%al, $PORT_DONE
9:	cli
	hlt
	jmp	9b
	.endm

	.data

/*
 * Real mode at G_LOW. Segments, a stack, INT n through the vectors at 0, string
 * instructions, an address that wraps, and what the processor says that it is.
 */
	.code16
	.globl	real_begin, real_end
real_begin:
	report	0x1616
	smsww	%ax
	andl	$1, %eax
	outl	%eax, $PORT_REPORT	/* PE: 0 */
	/* 0x3000:0x10 is 0x30010 */
	movw	$0x3000, %ax
	movw	%ax, %ds
	movl	$0xcafe1234, 0x10
	xorw	%ax, %ax
	movw	%ax, %ds
	movl	$0x30010, %esi
	movw	$0x3001, %ax
	movw	%ax, %fs
	movl	%fs:0, %eax
	outl	%eax, $PORT_REPORT
	/* the stack is of 16 bits */
	movw	$0xf000, %sp
	pushw	$0x7788
	movl	0xeffe, %eax
	andl	$0xffff, %eax
	outl	%eax, $PORT_REPORT
	popw	%ax
	/* a software interrupt, and what it pushes */
	movw	$(handler - real_begin), 4 * 0x21
	movw	$(G_LOW >> 4), 4 * 0x21 + 2
	stc
	int	$0x21
	outl	%eax, $PORT_REPORT
	/* 0xffff:0x0010 is 0x100000, not 0 */
	movw	$0xffff, %ax
	movw	%ax, %gs
	movl	%gs:0x10, %eax
	outl	%eax, $PORT_REPORT
	/* rep stos, backwards, across 0x20000 */
	movw	$0x1fff, %ax
	movw	%ax, %es
	movw	$0x1e, %di
	movw	$16, %cx
	movw	$0x5aa5, %ax
	std
	rep stosw
	cld
	movzwl	%di, %eax
	outl	%eax, $PORT_REPORT
	done
handler:
	movw	%sp, %bp
	movzwl	4(%bp), %eax	/* FLAGS */
	andl	$1, %eax
	orl	$0x210000, %eax
	iret
real_end:

/* From real mode to long mode, and all the way back. */
	.code16
	.globl	climb_begin, climb_end
climb_begin:
	cli
	report	0x16
	lgdtl	%cs:(gdtr - climb_begin)
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	report	0x17			/* protected, still the old segment */
	ljmpl	$SEL_CODE32, $(1f - climb_begin + G_LOW)
	.code32
1:	movl	$SEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$G_LOW_END, %esp
	report	0x32
	movl	%cr4, %eax
	orl	$0x20, %eax
	movl	%eax, %cr4
	movl	$G_PML4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	rdmsr
	andl	$0x500, %eax		/* LMA and LME */
	outl	%eax, $PORT_REPORT
	ljmp	$SEL_CODE64, $(2f - climb_begin + G_LOW)
	.code64
2:	movabsq	$0x6464646464646464, %rax
	shrq	$32, %rax
	outl	%eax, $PORT_REPORT
	pushq	$SEL_CODE32
	pushq	$(3f - climb_begin + G_LOW)
	lretq
	.code32
3:	report	0x33			/* compatibility mode */
	movl	%cr0, %eax
	andl	$0x7fffffff, %eax
	movl	%eax, %cr0
	movl	$0xc0000080, %ecx
	rdmsr
	andl	$0x500, %eax		/* LMA is gone with paging */
	outl	%eax, $PORT_REPORT
	rdmsr
	andl	$~0x100, %eax
	wrmsr
	movl	%cr4, %eax
	andl	$~0x20, %eax
	movl	%eax, %cr4
	report	0x34
	ljmp	$SEL_CODE16, $(4f - climb_begin)
	.code16
4:	movl	$SEL_DATA16, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	%cr0, %eax
	andb	$0xfe, %al
	movl	%eax, %cr0
	ljmpw	$(G_LOW >> 4), $(5f - climb_begin)
5:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0xf000, %sp
	report	0x18
	done
	.balign	8
gdtr:	.word	0x7f
	.long	G_GDT
climb_end:

/* 32-bit: flat, without and with paging; %ebx says which address to read. */
	.text
	.code32
	.globl	flat32
flat32:
	report	0x3232
	movl	%cr0, %eax
	shrl	$31, %eax
	outl	%eax, $PORT_REPORT
	pushl	$0x12345678
	popl	%eax
	outl	%eax, $PORT_REPORT
	call	1f
1:	popl	%eax
	subl	$1b, %eax
	outl	%eax, $PORT_REPORT	/* 0: it runs where it was linked */
	movl	(%ebx), %eax
	outl	%eax, $PORT_REPORT
	movl	$0x87654321, 4(%ebx)
	/* a far call, a segment limit */
	lcall	$SEL_CODE32, $2f
	outl	%eax, $PORT_REPORT
	movl	$SEL_SMALL, %eax
	movl	%eax, %es
	movl	%es:0xffc, %eax
	report	0x50
	movl	%es:0xffd, %eax		/* #GP: ends with 0x1000d */
	report	0x51
2:	report	0x40
	movl	$0x41, %eax
	lret

/* PAE: an entry of the PDPT counts from the next load of CR3 on. */
	.globl	pae32
pae32:
	movl	0x80000000, %eax
	outl	%eax, $PORT_REPORT
	/* 2 GiB to 3 GiB: as 0 to 1 GiB */
	movl	G_PAE_PDPT, %eax
	movl	%eax, G_PAE_PDPT + 16
	movl	%cr3, %eax
	movl	%eax, %cr3
	movl	0x80100000, %eax
	outl	%eax, $PORT_REPORT
	/* not present any more: #PF */
	movl	$0, G_PAE_PDPT + 16
	movl	%cr3, %eax
	movl	%eax, %cr3
	movl	0x80100000, %eax
	report	0x52

/* The least that says that it ran. */
	.globl	hello32
hello32:
	report	0x3200
	done

/* 32-bit code of a user, in compatibility mode: back by INT 0x80. */
	.globl	compat_user
compat_user:
	movl	$0x11223344, %eax
	pushl	%eax
	popl	%ebx
	int	$0x80

	.section .note.GNU-stack, "", @progbits
