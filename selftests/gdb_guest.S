/* SPDX-License-Identifier: GPL-2.0-only */
/* What gdb_test debugs: a flat binary at 1 MiB, in protected mode, and its second CPU. */
#define APIC_ICR	0xfee00300
#define APIC_ICR2	0xfee00310
#define AP_PAGE		0x8000

	.section .rodata
	.globl gdb_guest, gdb_guest_loop, gdb_guest_called, gdb_guest_ret
	.globl gdb_guest_int3, gdb_guest_data, gdb_guest_end
	.balign 4096
	.code32
gdb_guest:
	movl $0x200000, %esp
	call 1f
1:	popl %esi				/* it is linked elsewhere */
	addl $(ap - 1b), %esi
	movl $AP_PAGE, %edi
	movl $(ap_end - ap), %ecx
	rep movsb
	movl $1 << 24, APIC_ICR2		/* to the CPU with APIC ID 1 */
	movl $0x4500, APIC_ICR			/* INIT */
	movl $0x4600 | AP_PAGE >> 12, APIC_ICR	/* SIPI */
	xorl %ebx, %ebx
gdb_guest_loop:
	incl %ebx
	call gdb_guest_called
	jmp gdb_guest_loop
gdb_guest_called:
	movl $0x1234, %eax
gdb_guest_ret:
	ret
gdb_guest_int3:
	int3
gdb_guest_data:
	.ascii "data"

	.code16
ap:	xorw %cx, %cx
2:	incw %cx
	jmp 2b
ap_end:
gdb_guest_end:
	.section .note.GNU-stack, "", @progbits
