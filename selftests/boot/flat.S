/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flat binaries for boot_other_test.sh: each prints its mode and powers off.  BITS is
 * 16, 32 or 64.
 */
	.text
#if BITS == 16
	.code16
#elif BITS == 32
	.code32
#else
	.code64
#endif
	.globl _start
_start:	cld
	movw $0x3f8, %dx
#if BITS == 64
	lea text(%rip), %rsi
#elif BITS == 32
	movl $text, %esi
#else
	movw $text, %si
#endif
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:
#if BITS == 16
	/* the PC's own way: the keyboard controller resets */
	movb $0xfe, %al
	outb %al, $0x64
#else
	movw $0x600, %dx
	movb $0x34, %al
	outb %al, %dx
#endif
3:	hlt
	jmp 3b

#if BITS == 16
text:	.asciz "real mode\n"
#elif BITS == 32
text:	.asciz "protected mode\n"
#else
text:	.asciz "long mode\n"
#endif
	.section .note.GNU-stack, "", @progbits
