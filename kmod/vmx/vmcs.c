// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control structure of a vCPU: made, reset, read and written.
 *
 * What others read and write is a copy (struct vmcs_guest), since the VMCS itself
 * can be reached only where it is current.  What they change goes into the VMCS
 * right before an entry; what the guest has changed comes back when it is asked
 * for, or at the latest when the vCPU is put away.
 */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/io.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include <asm/trapnr.h>
#include <asm/tsc.h>
#include "../vm/arch.h"
#include "../vm/memory.h"
#include "../vm/rootmode.h"
#include "vmx.h"

/* Bits that the guest may change without an exit, if it has them at all */
#define CR0_GUEST_OWNED	(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_WP | \
			 X86_CR0_AM)
#define CR4_GUEST_OWNED	(X86_CR4_TSD | X86_CR4_DE | X86_CR4_PGE | \
			 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/* How long a guest may run without an exit, in ms. */
#define LONGEST_RUN_MS	2

const u32 vmx_syscall_msrs[NR_VMX_SYSCALL_MSRS] = {
	[VMX_STAR] = MSR_STAR,
	[VMX_LSTAR] = MSR_LSTAR,
	[VMX_CSTAR] = MSR_CSTAR,
	[VMX_SFMASK] = MSR_SYSCALL_MASK,
	[VMX_KERNEL_GS_BASE] = MSR_KERNEL_GS_BASE,
};

int vmx_vcpu_create(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx;
	struct vmx_region *vmcs;

	vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	if (!vmx)
		return -ENOMEM;
	vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmcs) {
		kfree(vmx);
		return -ENOMEM;
	}
	vmcs->revision = vmx_basic_vmcs_revision_id(vmx_caps.basic);
	vmx->vmcs = vmcs;
	vmx->vmcs_pa = virt_to_phys(vmcs);
	vmx->synced = SYNCED_ALL;
	vmx->dirty = DIRTY_ALL;
	vmx->controls = vmx_caps.word[WORD_CPU];
	vmx->eptp = lodge_npt_root(vcpu->vm) | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4;
	if (lodge_vmx_ops.features & LODGE_FEATURE_NPT_AD)
		vmx->eptp |= VMX_EPTP_AD_ENABLE_BIT;
	vcpu->arch = vmx;
	return 0;
}

void vmx_vcpu_destroy(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	free_page((unsigned long)vmx->vmcs);
	kfree(vmx);
	vcpu->arch = NULL;
}

static u64 cr4_guest_owned(void)
{
	u64 bits = CR4_GUEST_OWNED;

	if (lodge_cpuid_has(CAP_FSGSBASE))
		bits |= X86_CR4_FSGSBASE;
	return bits;
}

/* What never changes in a VMCS. */
static void write_constants(struct vmx_vcpu *vmx)
{
	const struct vmx_caps *caps = &vmx_caps;

	vmcs_write(PIN_BASED_VM_EXEC_CONTROL, caps->word[WORD_PIN]);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, caps->word[WORD_CPU2]);
	vmcs_write(VM_EXIT_CONTROLS, caps->word[WORD_EXIT]);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(CR3_TARGET_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_write(MSR_BITMAP, page_to_phys(vmx_msr_bitmap));
	vmcs_write(EPT_POINTER, vmx->eptp);
	vmcs_write(CR0_GUEST_HOST_MASK, ~(u64)CR0_GUEST_OWNED);
	vmcs_write(CR4_GUEST_HOST_MASK, ~cr4_guest_owned());
	if (caps->word[WORD_CPU2] & SECONDARY_EXEC_PAUSE_LOOP_EXITING) {
		vmcs_write(PLE_GAP, 128);
		vmcs_write(PLE_WINDOW, 4096);
	}
	if (caps->word[WORD_CPU2] & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write(ENCLS_EXITING_BITMAP, ~0ULL);

	/*
	 * The host's interrupts end a guest whatever its RFLAGS.IF.  In Bochs
	 * they do not where it is clear at an entry, so a timer ends it now and
	 * then; elsewhere that is a few hundred exits a second at the most.
	 */
	if (caps->word[WORD_PIN] & PIN_BASED_VMX_PREEMPTION_TIMER)
		vmcs_write(VMX_PREEMPTION_TIMER_VALUE,
			   (tsc_khz * LONGEST_RUN_MS) >>
			   vmx_misc_preemption_timer_rate(caps->misc));

	/* There is no shadow VMCS (27.3.1.5). */
	vmcs_write(VMCS_LINK_POINTER, ~0ULL);
	vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmx->interruptibility = 0;

	/* 27.2.3: null selectors are made good again in vmx_vcpu_put(). */
	vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write(HOST_DS_SELECTOR, 0);
	vmcs_write(HOST_ES_SELECTOR, 0);
	vmcs_write(HOST_FS_SELECTOR, 0);
	vmcs_write(HOST_GS_SELECTOR, 0);
	vmcs_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(HOST_RIP, (unsigned long)vmx_vmexit);
}

/* The hardware's CR0: what the guest wrote, but its memory stays cached. */
static void write_cr(struct vmx_vcpu *vmx)
{
	const struct vmcs_guest *g = &vmx->guest;
	const struct vmx_caps *caps = &vmx_caps;
	u32 entry = caps->word[WORD_ENTRY];
	u64 cr0, cr4;

	cr0 = (g->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW)) | caps->cr0_fixed0;
	/* A machine check in the guest must exit, not shut down. */
	cr4 = (g->cr4 & ~(u64)X86_CR4_MCE) | (__read_cr4() & X86_CR4_MCE) |
	      caps->cr4_fixed0;
	vmcs_write(GUEST_CR0, cr0 & caps->cr0_fixed1);
	vmcs_write(CR0_READ_SHADOW, g->cr0);
	vmcs_write(GUEST_CR4, cr4 & caps->cr4_fixed1);
	vmcs_write(CR4_READ_SHADOW, g->cr4);
	vmcs_write(GUEST_CR3, g->cr3);
	vmcs_write(GUEST_IA32_EFER, g->efer);
	if (g->efer & EFER_LMA)
		entry |= VM_ENTRY_IA32E_MODE;
	vmcs_write(VM_ENTRY_CONTROLS, entry);
}

static void write_segments(const struct vmcs_guest *g)
{
	int i;

	for (i = 0; i < NR_SEGS; i++) {
		vmcs_write(GUEST_SELECTOR(i), g->seg[i].selector);
		vmcs_write(GUEST_AR(i), g->seg[i].ar);
		vmcs_write(GUEST_LIMIT(i), g->seg[i].limit);
		vmcs_write(GUEST_BASE(i), g->seg[i].base);
	}
	vmcs_write(GUEST_GDTR_LIMIT, g->gdtr.limit);
	vmcs_write(GUEST_GDTR_BASE, g->gdtr.base);
	vmcs_write(GUEST_IDTR_LIMIT, g->idtr.limit);
	vmcs_write(GUEST_IDTR_BASE, g->idtr.base);
	vmcs_write(GUEST_IA32_DEBUGCTL, g->debugctl);
	vmcs_write(GUEST_SYSENTER_CS, g->sysenter_cs);
	vmcs_write(GUEST_SYSENTER_ESP, g->sysenter_esp);
	vmcs_write(GUEST_SYSENTER_EIP, g->sysenter_eip);
}

static void read_segments(struct vmcs_guest *g)
{
	int i;

	for (i = 0; i < NR_SEGS; i++) {
		g->seg[i].selector = vmcs_read(GUEST_SELECTOR(i));
		g->seg[i].ar = vmcs_read(GUEST_AR(i));
		g->seg[i].limit = vmcs_read(GUEST_LIMIT(i));
		g->seg[i].base = vmcs_read(GUEST_BASE(i));
	}
	g->gdtr.limit = vmcs_read(GUEST_GDTR_LIMIT);
	g->gdtr.base = vmcs_read(GUEST_GDTR_BASE);
	g->idtr.limit = vmcs_read(GUEST_IDTR_LIMIT);
	g->idtr.base = vmcs_read(GUEST_IDTR_BASE);
	g->debugctl = vmcs_read(GUEST_IA32_DEBUGCTL);
	g->sysenter_cs = vmcs_read(GUEST_SYSENTER_CS);
	g->sysenter_esp = vmcs_read(GUEST_SYSENTER_ESP);
	g->sysenter_eip = vmcs_read(GUEST_SYSENTER_EIP);
}

/* Bits that are not the guest's are in our copy only. */
static void read_cr(struct vmcs_guest *g)
{
	u64 owned4 = cr4_guest_owned();

	g->cr0 = (g->cr0 & ~(u64)CR0_GUEST_OWNED) |
		 (vmcs_read(GUEST_CR0) & CR0_GUEST_OWNED);
	g->cr3 = vmcs_read(GUEST_CR3);
	g->cr4 = (g->cr4 & ~owned4) | (vmcs_read(GUEST_CR4) & owned4);
}

/* Make the copy complete: @parts of it, SYNCED_*. */
void vmx_read_guest(struct vmx_vcpu *vmx, u32 parts)
{
	unsigned long flags;

	parts &= ~vmx->synced;
	if (!parts)
		return;
	/* A reboot takes root mode away between two instructions. */
	local_irq_save(flags);
	if (this_cpu_read(lodge_root_on)) {
		if (parts & SYNCED_CR)
			read_cr(&vmx->guest);
		if (parts & SYNCED_SEG)
			read_segments(&vmx->guest);
	}
	vmx->synced |= parts;
	local_irq_restore(flags);
}

/*
 * #DB and #AC: a guest can make their delivery raise them again, for ever, with
 * host interrupts never let in.  #MC is the host's.
 */
static void write_exceptions(struct lodge_vcpu *vcpu)
{
	u32 exceptions = BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC);

	if (vcpu->debug & LODGE_DEBUG_BREAKPOINTS)
		exceptions |= BIT(X86_TRAP_BP);
	vmcs_write(EXCEPTION_BITMAP, exceptions);
}

/* What has changed goes into the VMCS, which is current. */
void vmx_write_guest(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 dirty = vmx->dirty;

	if (dirty & DIRTY_CONST)
		write_constants(vmx);
	if (dirty & DIRTY_CONTROLS) {
		vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx->controls);
		vmcs_write(TSC_OFFSET, vcpu->tsc_offset);
	}
	if (dirty & DIRTY_CR)
		write_cr(vmx);
	if (dirty & DIRTY_SEG)
		write_segments(&vmx->guest);
	if (dirty & DIRTY_DR) {
		vmcs_write(GUEST_DR7, vcpu->dr7);
		write_exceptions(vcpu);
	}
	vmx->dirty = 0;
}

/* The copy, with @parts as the guest has them now; and to be changed. */
static struct vmcs_guest *guest_of(struct lodge_vcpu *vcpu, u32 parts)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_read_guest(vmx, parts);
	return &vmx->guest;
}

/*
 * With PAE paging, the processor keeps the four PDPTEs in the VMCS and reads
 * them from memory only when the guest itself loads CR3 (27.3.1.6).
 */
static void cr_changed(struct vmx_vcpu *vmx)
{
	const struct vmcs_guest *g = &vmx->guest;

	vmx->pdptrs_stale = (g->cr0 & X86_CR0_PG) && (g->cr4 & X86_CR4_PAE) &&
			    !(g->efer & EFER_LMA);
	vmx_dirty(vmx, DIRTY_CR);
}

static void reset_seg(struct vmcs_seg *seg, u32 ar)
{
	seg->selector = 0;
	seg->ar = ar;
	seg->limit = 0xffff;
	seg->base = 0;
}

/* Intel SDM vol. 3, table 10-1. */
void vmx_vcpu_reset(struct lodge_vcpu *vcpu, bool init)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmcs_guest *g = guest_of(vcpu, SYNCED_ALL);
	u64 kept = init ? g->cr0 & (X86_CR0_CD | X86_CR0_NW) :
			  X86_CR0_CD | X86_CR0_NW;
	int i;

	reset_seg(&g->seg[SEG_CS], SEG_AR_P | SEG_AR_S | 0xb);
	g->seg[SEG_CS].selector = 0xf000;
	g->seg[SEG_CS].base = 0xffff0000;
	reset_seg(&g->seg[SEG_DS], SEG_AR_P | SEG_AR_S | 0x3);
	reset_seg(&g->seg[SEG_ES], SEG_AR_P | SEG_AR_S | 0x3);
	reset_seg(&g->seg[SEG_SS], SEG_AR_P | SEG_AR_S | 0x3);
	reset_seg(&g->seg[SEG_FS], SEG_AR_P | SEG_AR_S | 0x3);
	reset_seg(&g->seg[SEG_GS], SEG_AR_P | SEG_AR_S | 0x3);
	reset_seg(&g->seg[SEG_LDT], SEG_AR_P | 0x2);
	reset_seg(&g->seg[SEG_TR], SEG_AR_P | 0xb);
	g->gdtr = (struct vmcs_table){ .limit = 0xffff };
	g->idtr = (struct vmcs_table){ .limit = 0xffff };
	g->efer = 0;
	vmx->cr2 = 0;
	g->cr3 = 0;
	g->cr4 = 0;
	g->cr0 = X86_CR0_ET | kept;
	cr_changed(vmx);

	g->debugctl = 0;
	if (!init) {
		vmx->pat = 0x0007040600070406ULL;
		for (i = 0; i < NR_VMX_SYSCALL_MSRS; i++)
			vmx->syscall[i] = 0;
		g->sysenter_cs = 0;
		g->sysenter_esp = 0;
		g->sysenter_eip = 0;
	}

	vmx->controls = vmx_caps.word[WORD_CPU];
	vmx_set_debug(vcpu);
	vmx_dirty(vmx, DIRTY_ALL & ~DIRTY_CONST);
	vmx_flush_tlb(vcpu);
}

void vmx_get_segment(struct lodge_vcpu *vcpu, int seg, struct lodge_segment *out)
{
	const struct vmcs_seg *s = &guest_of(vcpu, SYNCED_SEG)->seg[seg];
	u32 ar = s->ar;

	out->base = s->base;
	out->limit = s->limit;
	out->selector = s->selector;
	out->type = FIELD_GET(SEG_AR_TYPE, ar);
	out->s = FIELD_GET(SEG_AR_S, ar);
	/* That of SS is the current privilege level, usable or not (25.4.1). */
	out->dpl = FIELD_GET(SEG_AR_DPL, ar);
	out->unusable = FIELD_GET(SEG_AR_UNUSABLE, ar);
	out->present = FIELD_GET(SEG_AR_P, ar) && !out->unusable;
	out->avl = FIELD_GET(SEG_AR_AVL, ar);
	out->l = FIELD_GET(SEG_AR_L, ar);
	out->db = FIELD_GET(SEG_AR_DB, ar);
	out->g = FIELD_GET(SEG_AR_G, ar);
	out->padding[0] = 0;
}

static void put_segment(struct vmcs_seg *s, const struct lodge_segment *in)
{
	s->base = in->base;
	s->limit = in->limit;
	s->selector = in->selector;
	s->ar = FIELD_PREP(SEG_AR_TYPE, in->type) |
		FIELD_PREP(SEG_AR_S, in->s) |
		FIELD_PREP(SEG_AR_DPL, in->dpl) |
		FIELD_PREP(SEG_AR_P, in->present) |
		FIELD_PREP(SEG_AR_AVL, in->avl) |
		FIELD_PREP(SEG_AR_L, in->l) |
		FIELD_PREP(SEG_AR_DB, in->db) |
		FIELD_PREP(SEG_AR_G, in->g);
	if (in->unusable || !in->present)
		s->ar |= SEG_AR_UNUSABLE;
	/* The processor sets it whenever it loads a segment (27.3.1.2). */
	else if (in->s)
		s->ar |= SEG_AR_ACCESSED;
}

void vmx_get_sregs(struct lodge_vcpu *vcpu, struct lodge_sregs *out)
{
	const struct vmcs_guest *g = guest_of(vcpu, SYNCED_ALL);

	vmx_get_segment(vcpu, SEG_ES, &out->es);
	vmx_get_segment(vcpu, SEG_CS, &out->cs);
	vmx_get_segment(vcpu, SEG_SS, &out->ss);
	vmx_get_segment(vcpu, SEG_DS, &out->ds);
	vmx_get_segment(vcpu, SEG_FS, &out->fs);
	vmx_get_segment(vcpu, SEG_GS, &out->gs);
	vmx_get_segment(vcpu, SEG_LDT, &out->ldt);
	vmx_get_segment(vcpu, SEG_TR, &out->tr);
	memset(&out->gdt, 0, sizeof(out->gdt));
	memset(&out->idt, 0, sizeof(out->idt));
	out->gdt.base = g->gdtr.base;
	out->gdt.limit = g->gdtr.limit;
	out->idt.base = g->idtr.base;
	out->idt.limit = g->idtr.limit;
	out->cr0 = vmx_get_cr(vcpu, 0);
	out->cr2 = vmx_get_cr(vcpu, 2);
	out->cr3 = vmx_get_cr(vcpu, 3);
	out->cr4 = vmx_get_cr(vcpu, 4);
	out->efer = vmx_get_cr(vcpu, LODGE_CR_EFER);
}

void vmx_set_sregs(struct lodge_vcpu *vcpu, const struct lodge_sregs *in)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmcs_guest *g = guest_of(vcpu, SYNCED_ALL);

	put_segment(&g->seg[SEG_ES], &in->es);
	put_segment(&g->seg[SEG_CS], &in->cs);
	put_segment(&g->seg[SEG_SS], &in->ss);
	put_segment(&g->seg[SEG_DS], &in->ds);
	put_segment(&g->seg[SEG_FS], &in->fs);
	put_segment(&g->seg[SEG_GS], &in->gs);
	put_segment(&g->seg[SEG_LDT], &in->ldt);
	put_segment(&g->seg[SEG_TR], &in->tr);
	g->gdtr.base = in->gdt.base;
	g->gdtr.limit = in->gdt.limit;
	g->idtr.base = in->idt.base;
	g->idtr.limit = in->idt.limit;
	g->cr0 = in->cr0;
	vmx->cr2 = in->cr2;
	g->cr3 = in->cr3;
	g->cr4 = in->cr4;
	g->efer = in->efer;
	cr_changed(vmx);
	vmx_dirty(vmx, DIRTY_SEG);
	/* The guest's own translations are tagged with the same VPID. */
	vmx_flush_tlb(vcpu);
}

u64 vmx_get_cr(struct lodge_vcpu *vcpu, int cr)
{
	switch (cr) {
	case 0:
		return guest_of(vcpu, SYNCED_CR)->cr0;
	case 2:
		return to_vmx(vcpu)->cr2;
	case 3:
		return guest_of(vcpu, SYNCED_CR)->cr3;
	case 4:
		return guest_of(vcpu, SYNCED_CR)->cr4;
	default:
		return to_vmx(vcpu)->guest.efer;
	}
}

void vmx_set_cr(struct lodge_vcpu *vcpu, int cr, u64 value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmcs_guest *g = guest_of(vcpu, SYNCED_CR);

	switch (cr) {
	case 0:
		g->cr0 = value;
		cr_changed(vmx);
		break;
	case 2:
		vmx->cr2 = value;
		break;
	case 3:
		g->cr3 = value;
		cr_changed(vmx);
		break;
	case 4:
		g->cr4 = value;
		cr_changed(vmx);
		break;
	default:
		g->efer = value;
		cr_changed(vmx);
		break;
	}
}

/* Those that the processor holds while the vCPU is loaded. */
static bool syscall_msr(struct vmx_vcpu *vmx, u32 index, u64 *value, bool write)
{
	int i;

	for (i = 0; i < NR_VMX_SYSCALL_MSRS; i++) {
		if (vmx_syscall_msrs[i] != index)
			continue;
		if (write) {
			vmx->syscall[i] = *value;
			if (vmx->loaded)
				wrmsrq(index, *value);
		} else if (vmx->loaded) {
			rdmsrq(index, *value);
		} else {
			*value = vmx->syscall[i];
		}
		return true;
	}
	return false;
}

static u64 *msr_of(struct lodge_vcpu *vcpu, u32 index)
{
	struct vmcs_guest *g = guest_of(vcpu, SYNCED_SEG);

	switch (index) {
	case MSR_FS_BASE:
		return &g->seg[SEG_FS].base;
	case MSR_GS_BASE:
		return &g->seg[SEG_GS].base;
	case MSR_IA32_SYSENTER_CS:
		return &g->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &g->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &g->sysenter_eip;
	case MSR_IA32_CR_PAT:
		return &to_vmx(vcpu)->pat;
	case MSR_IA32_DEBUGCTLMSR:
		return &g->debugctl;
	default:
		return NULL;
	}
}

int vmx_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 *msr;

	if (syscall_msr(vmx, index, value, write))
		return 0;
	msr = msr_of(vcpu, index);
	if (!msr)
		return -ENOENT;
	if (write) {
		*msr = *value;
		vmx_dirty(vmx, DIRTY_SEG);
	} else {
		*value = *msr;
	}
	return 0;
}

void vmx_set_debug(struct lodge_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	/* An exit behind each instruction and each delivery (26.5.2) */
	vmx->controls &= ~CPU_BASED_MONITOR_TRAP_FLAG;
	if (vcpu->debug & LODGE_DEBUG_STEP)
		vmx->controls |= CPU_BASED_MONITOR_TRAP_FLAG;
	/* DR6 never gets into the processor: what reads or sets it exits. */
	vmx_dirty(vmx, DIRTY_DR | DIRTY_CONTROLS);
}

void vmx_set_tsc_offset(struct lodge_vcpu *vcpu)
{
	vmx_dirty(to_vmx(vcpu), DIRTY_CONTROLS);
}

int vmx_insn_bytes(struct lodge_vcpu *vcpu, u8 *buf)
{
	return 0;	/* the processor hands none out */
}
