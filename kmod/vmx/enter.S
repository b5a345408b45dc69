/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and back.
 *
 * VM entry and exit switch RSP, RIP, RFLAGS, the control registers, the segments
 * and some MSRs; the other general registers are ours to move (Intel SDM vol. 3,
 * chapters 27 and 28).
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>
#include "../probed.h"

#define VMCS_HOST_RSP	0x6c14	/* as in vmcs.h */

#define REGS_RAX	0 * 8
#define REGS_RCX	1 * 8
#define REGS_RDX	2 * 8
#define REGS_RBX	3 * 8
#define REGS_RBP	5 * 8
#define REGS_RSI	6 * 8
#define REGS_RDI	7 * 8
#define REGS_R8	8 * 8
#define REGS_R9	9 * 8
#define REGS_R10	10 * 8
#define REGS_R11	11 * 8
#define REGS_R12	12 * 8
#define REGS_R13	13 * 8
#define REGS_R14	14 * 8
#define REGS_R15	15 * 8

.text

/*
 * bool vmx_vmenter(u64 *regs, bool launched)
 *
 * TOUR 2.2: the world switch
 *
 * Called with interrupts off and the VMCS current.  An exit goes on behind
 * VMRESUME, with the flags clear; so does an entry that the processor refuses
 * before it has left the host, with CF or ZF set (31.2).
 */
SYM_FUNC_START(vmx_vmenter)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi			/* regs */

	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax

	test	%sil, %sil		/* no MOV changes the flags */
	mov	REGS_RAX(%rdi), %rax
	mov	REGS_RCX(%rdi), %rcx
	mov	REGS_RDX(%rdi), %rdx
	mov	REGS_RBX(%rdi), %rbx
	mov	REGS_RBP(%rdi), %rbp
	mov	REGS_RSI(%rdi), %rsi
	mov	REGS_R8(%rdi), %r8
	mov	REGS_R9(%rdi), %r9
	mov	REGS_R10(%rdi), %r10
	mov	REGS_R11(%rdi), %r11
	mov	REGS_R12(%rdi), %r12
	mov	REGS_R13(%rdi), %r13
	mov	REGS_R14(%rdi), %r14
	mov	REGS_R15(%rdi), %r15
	mov	REGS_RDI(%rdi), %rdi

	jnz	.Lresume
	vmlaunch
	jmp	vmx_vmexit
.Lresume:
	vmresume
SYM_INNER_LABEL(vmx_vmexit, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR		/* nobody jumps here but the processor */

	/* RSP is the host's again; all other registers the guest's. */
	push	%rax
	mov	8(%rsp), %rax		/* regs */
	pop	REGS_RAX(%rax)
	mov	%rcx, REGS_RCX(%rax)
	mov	%rdx, REGS_RDX(%rax)
	mov	%rbx, REGS_RBX(%rax)
	mov	%rbp, REGS_RBP(%rax)
	mov	%rsi, REGS_RSI(%rax)
	mov	%rdi, REGS_RDI(%rax)
	mov	%r8, REGS_R8(%rax)
	mov	%r9, REGS_R9(%rax)
	mov	%r10, REGS_R10(%rax)
	mov	%r11, REGS_R11(%rax)
	mov	%r12, REGS_R12(%rax)
	mov	%r13, REGS_R13(%rax)
	mov	%r14, REGS_R14(%rax)
	mov	%r15, REGS_R15(%rax)
	setbe	%bl

	/*
	 * Before the first RET: the guest may have filled the return stack
	 * buffer and the branch predictor with targets of its choice.
	 */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
#ifdef HAVE_CLEAR_BHB_LOOP
	CLEAR_BRANCH_HISTORY_VMEXIT
#endif
	movzbl	%bl, %eax

	/* No value of the guest's stays for speculation to use. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(vmx_vmenter)
