/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kexec_test starts in place of a kernel: in 64-bit mode, interrupts off, all
 * memory where it is.  It looks whether root mode is on, starts the other CPUs,
 * says what it found, and resets the machine.
 */
#include "kexec_payload.h"

#define APIC		0xfee00000
#define LONG_WAIT	100000000

	.code64
	.globl kexec_payload, kexec_payload_end
kexec_payload:
	/* Page tables that have the local APIC as well; CR4.LA57 stays. */
	mov	$PAYLOAD_PML4, %eax
	mov	$PAYLOAD_PML5, %ecx
	mov	%cr4, %rdx
	bt	$12, %edx
	cmovc	%ecx, %eax
	mov	%rax, %cr3
	lea	PAYLOAD + PAYLOAD_SIZE, %rsp
	xor	%ebx, %ebx			/* the result */

	/* CR4.VMXE and EFER.SVME */
	mov	%cr4, %rax
	bt	$13, %eax
	jc	1f
	mov	$0xc0000080, %ecx
	rdmsr
	bt	$12, %eax
	jnc	2f
1:	or	$RESULT_ROOT_ON, %ebx

	/* Enable the local APIC; INIT and SIPI to all others. */
2:	mov	$APIC, %edi
	movl	$0x1ff, 0xf0(%rdi)
	movl	$0xc4500, 0x300(%rdi)
	mov	$LONG_WAIT / 100, %ecx
3:	pause
	dec	%ecx
	jnz	3b
	movl	$0xc4600 | PAYLOAD_AP >> 12, 0x300(%rdi)
	mov	$LONG_WAIT, %ecx
	mov	PAYLOAD_DATA + DATA_OTHERS, %eax
4:	cmp	%eax, PAYLOAD_AP + kexec_others - kexec_ap
	je	5f
	pause
	dec	%ecx
	jnz	4b
	or	$RESULT_MISSING, %ebx

5:	shl	$4, %ebx
	lea	PAYLOAD_DATA + DATA_TEXTS(%rbx), %ebx
	mov	$0x2f8, %edi
	call	say
	add	$8, %ebx
	mov	$0x3e8, %edi
	call	say

	/* There is no IDT: this resets the machine. */
	ud2

/* The text that RBX describes, to the port EDI */
say:
	mov	(%rbx), %esi
	mov	4(%rbx), %ecx
1:	lea	5(%rdi), %edx
2:	in	(%dx), %al
	test	$0x20, %al
	jz	2b
	mov	%edi, %edx
	lodsb
	out	%al, (%dx)
	dec	%ecx
	jnz	1b
	/* until all of it is sent */
	lea	5(%rdi), %edx
3:	in	(%dx), %al
	test	$0x40, %al
	jz	3b
	ret
kexec_payload_end:

	.code16
	.globl kexec_ap, kexec_ap_end
kexec_ap:
	cli
	lock incl %cs:(kexec_others - kexec_ap)
1:	hlt
	jmp	1b
	.balign 4
kexec_others:
	.long	0
kexec_ap_end:

	.section .note.GNU-stack, "", @progbits
