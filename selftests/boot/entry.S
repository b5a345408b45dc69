/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Headers and entry of boot/kernel.c.  With -DADDRESSES, the Multiboot header says
 * where the file belongs, and no ELF header is needed; then there is no note.
 */
#define MAGIC	0x1badb002
#define KLUDGE	(1 << 16)

	.section .multiboot, "a"
	.balign 4
#ifdef ADDRESSES
header:	.long MAGIC, KLUDGE, -(MAGIC + KLUDGE)
	.long header, load, load_end, bss_end, entry
#else
#ifndef ONLY_PVH
	.long MAGIC, 3, -(MAGIC + 3)
#endif
#ifdef ONLY_PVH
	.section .note, "a", @note
	.long 4, 4, 18
	.asciz "Xen"
	.long entry
#endif
#endif

	.text
	.code32
	.globl entry
entry:	movl $stack_end, %esp
	cld
	pushl %ebx
	pushl %eax
	pushl $0
	jmp start

	.bss
	.balign 16
	.skip 16384
stack_end:

	.section .note.GNU-stack, "", @progbits
