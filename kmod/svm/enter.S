/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and back.
 *
 * VMRUN itself switches RAX, RSP, RIP, RFLAGS, the control registers and most
 * segments; VMLOAD and VMSAVE the rest of the segments and the system call
 * MSRs.  Everything else is ours to move (AMD APM vol. 2, 15.5).
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>

#define RCX	1 * 8
#define RDX	2 * 8
#define RBX	3 * 8
#define RBP	5 * 8
#define RSI	6 * 8
#define RDI	7 * 8
#define R8	8 * 8
#define R9	9 * 8
#define R10	10 * 8
#define R11	11 * 8
#define R12	12 * 8
#define R13	13 * 8
#define R14	14 * 8
#define R15	15 * 8

.text

/*
 * void svm_vmrun(u64 *regs, phys_addr_t vmcb_pa, phys_addr_t host_pa)
 *
 * TOUR 2.2: the world switch
 *
 * Called with interrupts off.  The global interrupt flag is cleared around it:
 * between CLGI and STGI nothing comes in, NMIs neither, while segments are half
 * the host's and half the guest's.  RFLAGS.IF must be set when VMRUN runs, for
 * with V_INTR_MASKING it is this IF that lets the host's interrupts end the
 * guest (15.21.1).
 */
SYM_FUNC_START(svm_vmrun)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx			/* host_pa */
	push	%rdi			/* regs */

	mov	%rsi, %rax		/* the operand of VMLOAD, VMRUN, VMSAVE */

	mov	RCX(%rdi), %rcx
	mov	RDX(%rdi), %rdx
	mov	RBX(%rdi), %rbx
	mov	RBP(%rdi), %rbp
	mov	RSI(%rdi), %rsi
	mov	R8(%rdi), %r8
	mov	R9(%rdi), %r9
	mov	R10(%rdi), %r10
	mov	R11(%rdi), %r11
	mov	R12(%rdi), %r12
	mov	R13(%rdi), %r13
	mov	R14(%rdi), %r14
	mov	R15(%rdi), %r15
	mov	RDI(%rdi), %rdi

	clgi
	sti
	vmload	%rax
	vmrun	%rax
	vmsave	%rax
	cli

	/* RSP is the host's again, RAX too; all other registers the guest's. */
	mov	8(%rsp), %rax
	vmload	%rax

	/*
	 * Before the first RET: the guest may have filled the return stack
	 * buffer and the branch predictor with targets of its choice.
	 */
	ALTERNATIVE "jmp .Lrsb_done", "", X86_FEATURE_RSB_VMEXIT
	push	%rcx
	mov	$16, %ecx
.Lrsb_fill:
	ANNOTATE_INTRA_FUNCTION_CALL
	call	.Lrsb_1
	int3
.Lrsb_1:
	ANNOTATE_INTRA_FUNCTION_CALL
	call	.Lrsb_2
	int3
.Lrsb_2:
	add	$16, %rsp
	dec	%ecx
	jnz	.Lrsb_fill
	lfence
	pop	%rcx
.Lrsb_done:

	mov	(%rsp), %rax		/* regs */
	mov	%rcx, RCX(%rax)
	mov	%rdx, RDX(%rax)
	mov	%rbx, RBX(%rax)
	mov	%rbp, RBP(%rax)
	mov	%rsi, RSI(%rax)
	mov	%rdi, RDI(%rax)
	mov	%r8, R8(%rax)
	mov	%r9, R9(%rax)
	mov	%r10, R10(%rax)
	mov	%r11, R11(%rax)
	mov	%r12, R12(%rax)
	mov	%r13, R13(%rax)
	mov	%r14, R14(%rax)
	mov	%r15, R15(%rax)

	stgi

	/* No value of the guest's stays for speculation to use. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

#ifdef UNTRAIN_RET_VM
	UNTRAIN_RET_VM
#else
	UNTRAIN_RET
#endif

	pop	%rdi
	pop	%rdx
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(svm_vmrun)
