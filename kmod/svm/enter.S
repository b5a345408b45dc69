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
