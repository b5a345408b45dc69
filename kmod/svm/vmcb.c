// SPDX-License-Identifier: GPL-2.0-only
/* The control block of a vCPU: made, reset, read and written. */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/io.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "../vm/arch.h"
#include "../vm/memory.h"
#include "svm.h"

/*
 * #DB and #AC: a guest can make their delivery raise them again, for ever, with
 * host interrupts never let in.  #MC is the host's.
 */
#define ALWAYS_INTERCEPTED \
	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC))

/* What would push the trap flag that is a step's (see prepare_step()) */
#define STEP_INTERCEPTED \
	(BIT(X86_TRAP_DE) | BIT(X86_TRAP_BP) | BIT(X86_TRAP_BR) | \
	 BIT(X86_TRAP_UD) | BIT(X86_TRAP_NM) | BIT(X86_TRAP_DF) | \
	 BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | BIT(X86_TRAP_SS) | \
	 BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) | BIT(X86_TRAP_MF) | \
	 BIT(X86_TRAP_XF))

int svm_vcpu_create(struct lodge_vcpu *vcpu)
{
	struct svm_vcpu *svm;
	struct vmcb *vmcb;

	svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);
	if (!svm)
		return -ENOMEM;
	vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	svm->vmcb = vmcb;
	svm->vmcb_pa = virt_to_phys(vmcb);
	vcpu->arch = svm;

	/* CR3 is the guest's own business, nested paging sees to the rest. */
	vmcb->intercept_cr_read = BIT(8);
	vmcb->intercept_cr_write = BIT(0) | BIT(4) | BIT(8);
	vmcb->intercept_dr_read = 0xff;
	vmcb->intercept_dr_write = 0xff;
	/* Exceptions: svm_set_debug() */
	vmcb->intercept1 = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI |
			   INTERCEPT_INIT | INTERCEPT_RDPMC | INTERCEPT_CPUID |
			   INTERCEPT_INVD | INTERCEPT_HLT | INTERCEPT_INVLPGA |
			   INTERCEPT_IOIO | INTERCEPT_MSR |
			   INTERCEPT_FERR_FREEZE | INTERCEPT_SHUTDOWN;
	vmcb->intercept2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL |
			   INTERCEPT_VMLOAD | INTERCEPT_VMSAVE |
			   INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT |
			   INTERCEPT_WBINVD | INTERCEPT_MONITOR |
			   INTERCEPT_MWAIT | INTERCEPT_XSETBV;
	if (boot_cpu_has(X86_FEATURE_RDPRU))
		vmcb->intercept2 |= INTERCEPT_RDPRU;
	vmcb->intercept3 = INTERCEPT_INVLPGB | INTERCEPT_INVLPGB_ILL |
			   INTERCEPT_MCOMMIT | INTERCEPT_TLBSYNC;
	if (lodge_svm_ops.features & LODGE_FEATURE_PAUSE_FILTER) {
		vmcb->intercept1 |= INTERCEPT_PAUSE;
		vmcb->pause_count = 3000;
	}

	vmcb->iopm_pa = page_to_phys(svm_iopm);
	vmcb->msrpm_pa = page_to_phys(svm_msrpm);
	vmcb->int_ctl = V_INTR_MASKING;
	vmcb->nested_ctl = NESTED_PAGING;
	vmcb->nested_cr3 = lodge_npt_root(vcpu->vm);
	vmcb->tsc_offset = vcpu->tsc_offset;
	return 0;
}

void svm_vcpu_destroy(struct lodge_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	free_page((unsigned long)svm->vmcb);
	kfree(svm);
	vcpu->arch = NULL;
}

/* The hardware's CR0: what the guest wrote, but its memory stays cached. */
static void set_cr0(struct svm_vcpu *svm, u64 cr0)
{
	struct vmcb *vmcb = svm->vmcb;

	svm->cr0 = cr0;
	vmcb->cr0 = cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW);
	/* Reads exit only while the guest would see a difference. */
	if (vmcb->cr0 != cr0)
		vmcb->intercept_cr_read |= BIT(0);
	else
		vmcb->intercept_cr_read &= ~BIT(0);
	svm_dirty(svm, CLEAN_CR | CLEAN_INTERCEPTS);
}

static void reset_seg(struct vmcb_seg *seg, u16 attrib)
{
	seg->selector = 0;
	seg->attrib = attrib;
	seg->limit = 0xffff;
	seg->base = 0;
}

/* AMD APM vol. 2, 14.1.3, table 14-1. */
void svm_vcpu_reset(struct lodge_vcpu *vcpu, bool init)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	u64 kept = init ? svm->cr0 & (X86_CR0_CD | X86_CR0_NW) :
			  X86_CR0_CD | X86_CR0_NW;

	reset_seg(&vmcb->cs, SEG_ATTR_P | SEG_ATTR_S | 0xb);
	vmcb->cs.selector = 0xf000;
	vmcb->cs.base = 0xffff0000;
	reset_seg(&vmcb->ds, SEG_ATTR_P | SEG_ATTR_S | 0x3);
	reset_seg(&vmcb->es, SEG_ATTR_P | SEG_ATTR_S | 0x3);
	reset_seg(&vmcb->ss, SEG_ATTR_P | SEG_ATTR_S | 0x3);
	reset_seg(&vmcb->fs, SEG_ATTR_P | SEG_ATTR_S | 0x3);
	reset_seg(&vmcb->gs, SEG_ATTR_P | SEG_ATTR_S | 0x3);
	reset_seg(&vmcb->gdtr, 0);
	reset_seg(&vmcb->idtr, 0);
	reset_seg(&vmcb->ldtr, SEG_ATTR_P | 0x2);
	reset_seg(&vmcb->tr, SEG_ATTR_P | 0xb);
	vmcb->cpl = 0;
	vmcb->efer = EFER_SVME;
	vmcb->cr2 = 0;
	vmcb->cr3 = 0;
	vmcb->cr4 = 0;
	set_cr0(svm, X86_CR0_ET | kept);
	svm_set_debug(vcpu);

	vmcb->debugctl = 0;
	if (!init) {
		vmcb->pat = 0x0007040600070406ULL;
		vmcb->star = 0;
		vmcb->lstar = 0;
		vmcb->cstar = 0;
		vmcb->sfmask = 0;
		vmcb->kernel_gs_base = 0;
		vmcb->sysenter_cs = 0;
		vmcb->sysenter_esp = 0;
		vmcb->sysenter_eip = 0;
	}

	vmcb->event_inj = 0;
	vmcb->int_state = 0;
	vmcb->int_ctl = V_INTR_MASKING;
	vmcb->intercept1 &= ~(INTERCEPT_VINTR | INTERCEPT_IRET);
	svm->iret_seen = false;
	svm->stepping = false;
	vmcb->clean = 0;
	svm_flush_tlb(vcpu);
}

static struct vmcb_seg *seg_of(struct vmcb *vmcb, int seg)
{
	switch (seg) {
	case SEG_ES:
		return &vmcb->es;
	case SEG_CS:
		return &vmcb->cs;
	case SEG_SS:
		return &vmcb->ss;
	case SEG_DS:
		return &vmcb->ds;
	case SEG_FS:
		return &vmcb->fs;
	case SEG_GS:
		return &vmcb->gs;
	case SEG_LDT:
		return &vmcb->ldtr;
	default:
		return &vmcb->tr;
	}
}

void svm_get_segment(struct lodge_vcpu *vcpu, int seg, struct lodge_segment *out)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	const struct vmcb_seg *s = seg_of(vmcb, seg);
	u16 attrib = s->attrib;

	out->base = s->base;
	out->limit = s->limit;
	out->selector = s->selector;
	out->type = FIELD_GET(SEG_ATTR_TYPE, attrib);
	out->s = FIELD_GET(SEG_ATTR_S, attrib);
	out->dpl = FIELD_GET(SEG_ATTR_DPL, attrib);
	out->present = FIELD_GET(SEG_ATTR_P, attrib);
	out->avl = FIELD_GET(SEG_ATTR_AVL, attrib);
	out->l = FIELD_GET(SEG_ATTR_L, attrib);
	out->db = FIELD_GET(SEG_ATTR_DB, attrib);
	/* The processor may keep no G; the limit tells it. */
	out->g = FIELD_GET(SEG_ATTR_G, attrib) || s->limit > 0xfffff;
	out->unusable = !out->present;
	out->padding[0] = 0;
	/* The current privilege level is the VMCB's, not a descriptor's. */
	if (seg == SEG_SS)
		out->dpl = vmcb->cpl;
	/* A task register in use is busy, whatever the processor saved. */
	if (seg == SEG_TR && out->present)
		out->type |= 2;
}

static void put_segment(struct vmcb_seg *s, const struct lodge_segment *in)
{
	s->base = in->base;
	s->limit = in->limit;
	s->selector = in->selector;
	s->attrib = FIELD_PREP(SEG_ATTR_TYPE, in->type) |
		    FIELD_PREP(SEG_ATTR_S, in->s) |
		    FIELD_PREP(SEG_ATTR_DPL, in->dpl) |
		    FIELD_PREP(SEG_ATTR_P, in->present && !in->unusable) |
		    FIELD_PREP(SEG_ATTR_AVL, in->avl) |
		    FIELD_PREP(SEG_ATTR_L, in->l) |
		    FIELD_PREP(SEG_ATTR_DB, in->db) |
		    FIELD_PREP(SEG_ATTR_G, in->g);
}

void svm_get_sregs(struct lodge_vcpu *vcpu, struct lodge_sregs *out)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	svm_get_segment(vcpu, SEG_ES, &out->es);
	svm_get_segment(vcpu, SEG_CS, &out->cs);
	svm_get_segment(vcpu, SEG_SS, &out->ss);
	svm_get_segment(vcpu, SEG_DS, &out->ds);
	svm_get_segment(vcpu, SEG_FS, &out->fs);
	svm_get_segment(vcpu, SEG_GS, &out->gs);
	svm_get_segment(vcpu, SEG_LDT, &out->ldt);
	svm_get_segment(vcpu, SEG_TR, &out->tr);
	memset(&out->gdt, 0, sizeof(out->gdt));
	memset(&out->idt, 0, sizeof(out->idt));
	out->gdt.base = vmcb->gdtr.base;
	out->gdt.limit = vmcb->gdtr.limit;
	out->idt.base = vmcb->idtr.base;
	out->idt.limit = vmcb->idtr.limit;
	out->cr0 = svm_get_cr(vcpu, 0);
	out->cr2 = svm_get_cr(vcpu, 2);
	out->cr3 = svm_get_cr(vcpu, 3);
	out->cr4 = svm_get_cr(vcpu, 4);
	out->efer = svm_get_cr(vcpu, LODGE_CR_EFER);
}

void svm_set_sregs(struct lodge_vcpu *vcpu, const struct lodge_sregs *in)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;

	put_segment(&vmcb->es, &in->es);
	put_segment(&vmcb->cs, &in->cs);
	put_segment(&vmcb->ss, &in->ss);
	put_segment(&vmcb->ds, &in->ds);
	put_segment(&vmcb->fs, &in->fs);
	put_segment(&vmcb->gs, &in->gs);
	put_segment(&vmcb->ldtr, &in->ldt);
	put_segment(&vmcb->tr, &in->tr);
	vmcb->cpl = in->ss.dpl;
	vmcb->gdtr.base = in->gdt.base;
	vmcb->gdtr.limit = in->gdt.limit;
	vmcb->idtr.base = in->idt.base;
	vmcb->idtr.limit = in->idt.limit;
	set_cr0(svm, in->cr0);
	vmcb->cr2 = in->cr2;
	vmcb->cr3 = in->cr3;
	vmcb->cr4 = in->cr4;
	vmcb->efer = in->efer | EFER_SVME;
	vmcb->clean = 0;
	/* The guest's own translations are tagged with the same ASID. */
	svm_flush_tlb(vcpu);
}

u64 svm_get_cr(struct lodge_vcpu *vcpu, int cr)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	switch (cr) {
	case 0:
		return svm->cr0;
	case 2:
		return svm->vmcb->cr2;
	case 3:
		return svm->vmcb->cr3;
	case 4:
		return svm->vmcb->cr4;
	default:
		return svm->vmcb->efer & ~EFER_SVME;
	}
}

void svm_set_cr(struct lodge_vcpu *vcpu, int cr, u64 value)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	switch (cr) {
	case 0:
		set_cr0(svm, value);
		break;
	case 2:
		svm->vmcb->cr2 = value;
		svm_dirty(svm, CLEAN_CR2);
		break;
	case 3:
		svm->vmcb->cr3 = value;
		svm_dirty(svm, CLEAN_CR);
		break;
	case 4:
		svm->vmcb->cr4 = value;
		svm_dirty(svm, CLEAN_CR);
		break;
	default:
		/* VMRUN demands SVME; the guest does not see it (15.5.1). */
		svm->vmcb->efer = value | EFER_SVME;
		svm_dirty(svm, CLEAN_CR);
		break;
	}
}

static u64 *msr_of(struct vmcb *vmcb, u32 index)
{
	switch (index) {
	case MSR_FS_BASE:
		return &vmcb->fs.base;
	case MSR_GS_BASE:
		return &vmcb->gs.base;
	case MSR_KERNEL_GS_BASE:
		return &vmcb->kernel_gs_base;
	case MSR_STAR:
		return &vmcb->star;
	case MSR_LSTAR:
		return &vmcb->lstar;
	case MSR_CSTAR:
		return &vmcb->cstar;
	case MSR_SYSCALL_MASK:
		return &vmcb->sfmask;
	case MSR_IA32_SYSENTER_CS:
		return &vmcb->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &vmcb->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &vmcb->sysenter_eip;
	case MSR_IA32_CR_PAT:
		return &vmcb->pat;
	case MSR_IA32_DEBUGCTLMSR:
		return &vmcb->debugctl;
	default:
		return NULL;
	}
}

int svm_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 *msr = msr_of(svm->vmcb, index);

	if (!msr)
		return -ENOENT;
	if (write) {
		*msr = *value;
		svm_dirty(svm, CLEAN_NP | CLEAN_LBR);
	} else {
		*value = *msr;
	}
	return 0;
}

void svm_set_debug(struct lodge_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->dr6 = vcpu->dr6;
	svm->vmcb->dr7 = vcpu->dr7;
	svm->vmcb->intercept_exceptions = ALWAYS_INTERCEPTED;
	svm->vmcb->intercept1 &= ~INTERCEPT_INTN;
	if (vcpu->debug)
		svm->vmcb->intercept1 |= INTERCEPT_INTN;
	if (vcpu->debug & LODGE_DEBUG_BREAKPOINTS)
		svm->vmcb->intercept_exceptions |= BIT(X86_TRAP_BP);
	if (vcpu->debug & LODGE_DEBUG_STEP)
		svm->vmcb->intercept_exceptions |= STEP_INTERCEPTED;
	svm_dirty(svm, CLEAN_DR | CLEAN_INTERCEPTS);
}

void svm_set_tsc_offset(struct lodge_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->tsc_offset = vcpu->tsc_offset;
	svm_dirty(svm, CLEAN_INTERCEPTS);
}

int svm_insn_bytes(struct lodge_vcpu *vcpu, u8 *buf)
{
	const struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	int len;

	/* Only page faults leave them, guest or nested (15.33.3). */
	if (!(lodge_svm_ops.features & LODGE_FEATURE_DECODE_ASSISTS) ||
	    vcpu->exit.kind != EXIT_NPF)
		return 0;
	len = min_t(int, vmcb->insn_len & 0xf, sizeof(vmcb->insn));
	memcpy(buf, vmcb->insn, len);
	return len;
}
