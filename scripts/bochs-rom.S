/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An option ROM that starts the kernel of a test machine under Bochs, which can
 * load no kernel but can place one file in memory (optramimage). The BIOS calls
 * it when all else is set up. The kernel is not packed and its 64-bit entry is
 * used (Documentation/arch/x86/boot.rst, "64-bit boot protocol"), for unpacking
 * it takes Bochs a minute.
 *
 * The file, which scripts/machine-vmx makes, is a row of blocks of 128 KiB:
 * FILLERS empty ones, one with a header, then the kernel, then the initramfs.
 *
 * Bochs 2.7 gives a block of its memory to the guest when it is first touched,
 * in that order, wherever it is, but reads the file as if all were there. So
 * when the blocks from LOAD on are touched one after the other, the file's
 * blocks appear there in order, less those that the BIOS used up before: the
 * fillers. A Bochs that reads the file to where it belongs works as well.
 */

#include "bochs-rom.h"

	.code16
	.section .text, "ax"
	.globl _start
_start:
	.byte	0x55, 0xaa
	.byte	ROM_SIZE / 512
	/* Far call by the BIOS; it never returns. */
	cli
	cld

	/* An empty zero page, and in it what memory the BIOS reports. */
	movw	$ZERO_PAGE >> 4, %ax
	movw	%ax, %es
	movw	%ax, %ds
	xorw	%di, %di
	xorw	%ax, %ax
	movw	$2048, %cx
	rep stosw
	movw	$BP_E820_TABLE, %di
	xorl	%ebx, %ebx
1:	movl	$0xe820, %eax
	movl	$0x534d4150, %edx	/* SMAP */
	movl	$20, %ecx
	int	$0x15
	jc	2f
	addw	$20, %di
	incb	BP_E820_ENTRIES
	testl	%ebx, %ebx
	jnz	1b
2:	cli
	inb	$0x92, %al		/* all address lines */
	orb	$2, %al
	outb	%al, $0x92
	lgdtl	%cs:gdt_pointer - _start
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$0x08, $(ROM + protected - _start)

	.code32
protected:
	movw	$0x18, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss

	/* Touch FILLERS + 1 blocks: the header is in one of them. */
	movl	$LOAD, %esi
	movl	$(FILLERS + 1), %ecx
1:	cmpl	$MAGIC, (%esi)
	je	found
	addl	$BLOCK, %esi
	loop	1b
	/* Nothing was loaded, or this Bochs works in another way again. */
	movl	$(ROM + lost - _start), %esi
2:	lodsb
	testb	%al, %al
	jz	3f
	movw	$0x402, %dx		/* rombios's debug port: into Bochs's log */
	outb	%al, %dx
	jmp	2b
3:	movw	$0x8900, %dx		/* end the emulation */
	movl	$(ROM + shutdown - _start), %esi
	movl	$8, %ecx
	rep outsb
4:	hlt
	jmp	4b

found:
	movl	%esi, %ebx
	movl	HEADER_BLOCKS(%ebx), %ecx
1:	movl	(%esi), %eax
	addl	$BLOCK, %esi
	loop	1b

	/* The zero page's middle and the command line. */
	leal	BP_SETUP_HEADER(%ebx), %esi
	movl	$(ZERO_PAGE + BP_SETUP_HEADER), %edi
	movl	$(BP_E820_TABLE - BP_SETUP_HEADER), %ecx
	rep movsb
	leal	4096(%ebx), %esi
	movl	$COMMAND_LINE, %edi
	movl	$4096, %ecx
	rep movsb
	movl	$COMMAND_LINE, ZERO_PAGE + BP_CMD_LINE_PTR

	/* The kernel goes down to where it wants to be; the initramfs stays. */
	leal	BLOCK(%ebx), %esi
	movl	HEADER_ENTRY(%ebx), %ebp
	movl	HEADER_KERNEL(%ebx), %ecx
	leal	(%esi, %ecx), %eax
	movl	%eax, ZERO_PAGE + BP_RAMDISK_IMAGE
	movl	$KERNEL, %edi
	shrl	$2, %ecx
	rep movsl

	/* 4 GiB as they are, in pages of 1 GiB. */
	movl	$PAGE_TABLES, %edi
	xorl	%eax, %eax
	movl	$2048, %ecx
	rep stosl
	movl	$(PAGE_TABLES + 4096 + 3), PAGE_TABLES
	movl	$(0 << 30 | 0x83), PAGE_TABLES + 4096
	movl	$(1 << 30 | 0x83), PAGE_TABLES + 4096 + 8
	movl	$(2 << 30 | 0x83), PAGE_TABLES + 4096 + 16
	movl	$(3 << 30 | 0x83), PAGE_TABLES + 4096 + 24
	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$PAGE_TABLES, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	movl	$ZERO_PAGE, %esi
	ljmpl	$0x10, $(ROM + long_mode - _start)

	.code64
long_mode:
	movl	%ebp, %eax		/* and zero above */
	jmp	*%rax

	/* The segments have been accessed already: a ROM cannot note that. */
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* 0x08: code, 32 bits */
	.quad	0x00af9b000000ffff	/* 0x10: code, 64 bits, as Linux has it */
	.quad	0x00cf93000000ffff	/* 0x18: data */
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	ROM + gdt - _start

lost:
	.asciz	"lodge: the kernel is not in memory\n"
shutdown:
	.ascii	"Shutdown"

	.org	ROM_SIZE - 1
	.byte	0			/* the checksum */
