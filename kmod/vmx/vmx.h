/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of vmx/ share. */
#ifndef LODGE_VMX_H
#define LODGE_VMX_H

#include <linux/mm_types.h>
#include <linux/percpu.h>
#include <asm/desc_defs.h>
#include "../compat.h"
#include "../vm/vm.h"
#include "vmcs.h"

/* System call MSRs, which the VMCS does not hold */
enum vmx_syscall_msr {
	VMX_STAR, VMX_LSTAR, VMX_CSTAR, VMX_SFMASK, VMX_KERNEL_GS_BASE,
	NR_VMX_SYSCALL_MSRS
};

/**
 * struct vmx_cpu - what belongs to a CPU
 * @vmxon: page for the processor's own use (VMXON)
 * @asid_generation: goes up when the VPIDs are used up and start anew
 * @next_asid: the next one to give away; 0 is the host's
 * @tsc_aux: the host's TSC_AUX, constant for a CPU
 * @last_vm: id of the VM that ran last, for the branch predictor; 0 for none
 * @syscall: the host's system call MSRs, constant but for KERNEL_GS_BASE
 * @gs_base: the host's GS base in the kernel, constant for a CPU, as are
 * @tr_base: its TSS,
 * @sysenter_cs: and its
 * @sysenter_esp: SYSENTER
 * @sysenter_eip: MSRs
 */
struct vmx_cpu {
	struct page *vmxon;
	u64 asid_generation;
	u32 next_asid;
	u64 tsc_aux;
	u64 last_vm;
	u64 syscall[NR_VMX_SYSCALL_MSRS];
	u64 gs_base, tr_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpus);

/**
 * struct vmx_host - what a VM exit spoils, as it was when the vCPU was loaded
 * @gdt: GDTR; an exit makes the limit 0xffff
 * @idt: IDTR; likewise
 * @ldt: LDTR; an exit makes it null
 * @ds: DS, and the others that an exit makes null:
 * @es: ES
 * @fs: FS
 * @gs: GS
 * @fs_base: base of FS
 * @kernel_gs_base: KERNEL_GS_BASE: the calling thread's GS base
 */
struct vmx_host {
	struct desc_ptr gdt, idt;
	u16 ldt, ds, es, fs, gs;
	u64 fs_base;
	u64 kernel_gs_base;
};

/**
 * struct vmx_exit - what the last exit left in the VMCS
 * @reason: basic reason, and whether it was a failed entry
 * @qualification: exit qualification
 * @gpa: guest physical address, for EPT exits
 * @intr_info: event that caused it, and
 * @intr_error: its error code
 * @idt_info: event whose delivery it interrupted, and
 * @idt_error: its error code
 * @insn_len: length of the instruction
 */
struct vmx_exit {
	u32 reason;
	u32 intr_info, intr_error;
	u32 idt_info, idt_error;
	u32 insn_len;
	u64 qualification;
	u64 gpa;
};

/**
 * struct vmx_vcpu - what belongs to a vCPU
 * @vmcs: its control structure
 * @vmcs_pa: physical address of that
 * @guest: our copy of the guest's part
 * @synced: SYNCED_*: what of @guest is as in the VMCS, or newer
 * @dirty: DIRTY_*: what of @guest, and of the rest here, is newer
 * @exit: the last exit
 * @host: the host's state while loaded
 * @syscall: the guest's system call MSRs; in the processor while @loaded
 * @loaded: between vcpu_load and vcpu_put
 * @host_saved: @host was saved since loading
 * @current_vmcs: the VMCS is current on this CPU
 * @launched: it was launched since it became current
 * @flush: forget this vCPU's translations before the next entry
 * @pdptrs_stale: PAE paging: read the PDPTEs before the next entry
 * @l1d_stale: the L1 data cache may have something of the host's
 * @asid_generation: struct vmx_cpu.asid_generation that @vpid is from; 0 for none
 * @asid_cpu: the CPU that it is from
 * @vpid: tag of its translations
 * @eptp: EPT pointer
 * @controls: processor-based controls, with windows
 * @interruptibility: as it is in the VMCS
 * @shadow_kind: by what an interrupt shadow came: STI or MOV SS
 * @cr2: CR2
 * @pat: IA32_PAT: only storage, as EPT says that all memory is write-back
 * @failed_rule: the rule that vmx_check_state() found broken, or NULL
 * @reason: room for words about a failed entry
 */
struct vmx_vcpu {
	struct vmx_region *vmcs;
	phys_addr_t vmcs_pa;
	struct vmcs_guest guest;
	u32 synced, dirty;
	struct vmx_exit exit;
	struct vmx_host host;
	u64 syscall[NR_VMX_SYSCALL_MSRS];
	bool loaded, host_saved, current_vmcs, launched;
	bool flush, pdptrs_stale, l1d_stale;
	u64 asid_generation;
	int asid_cpu;
	u16 vpid;
	u64 eptp;
	u32 controls;
	u32 interruptibility;
	u32 shadow_kind;
	u64 cr2;
	u64 pat;
	const char *failed_rule;
	char reason[64];
};

static inline struct vmx_vcpu *to_vmx(struct lodge_vcpu *vcpu)
{
	return vcpu->arch;
}

/* These were changed: they must be written before the next entry. */
static inline void vmx_dirty(struct vmx_vcpu *vmx, u32 bits)
{
	vmx->dirty |= bits;
}

enum vmx_word {
	WORD_PIN, WORD_CPU, WORD_CPU2, WORD_EXIT, WORD_ENTRY,
	NR_WORDS
};

/**
 * struct vmx_caps - what the processor offers; constant once set up
 * @basic: IA32_VMX_BASIC
 * @misc: IA32_VMX_MISC
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP
 * @cr0_fixed0: bits of CR0 that must be 1, paging and protection aside
 * @cr0_fixed1: bits that may be 1
 * @cr4_fixed0: bits of CR4 that must be 1
 * @cr4_fixed1: bits that may be 1
 * @word: control words as every VMCS begins with them
 * @allowed0: of each, the bits that must be 1
 * @allowed1: of each, the bits that may be 1
 */
struct vmx_caps {
	u64 basic, misc, ept_vpid;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u32 word[NR_WORDS];
	u32 allowed0[NR_WORDS], allowed1[NR_WORDS];
};

extern struct vmx_caps vmx_caps;

static inline bool vmx_has_vpid(void)
{
	return vmx_caps.word[WORD_CPU2] & SECONDARY_EXEC_ENABLE_VPID;
}

/* vmx/detect.c */
int vmx_setup(const char **reason);
void vmx_teardown(void);
extern struct page *vmx_msr_bitmap;

/* vmx/enable.c */
bool vmx_busy(void);
int vmx_enable_cpu(void);
void vmx_disable_cpu(void);
bool vmx_root_enter(void);
void vmx_root_leave(void);
extern bool vmx_root_each_entry;

/* vmx/vmcs.c */
int vmx_vcpu_create(struct lodge_vcpu *vcpu);
void vmx_vcpu_destroy(struct lodge_vcpu *vcpu);
void vmx_vcpu_reset(struct lodge_vcpu *vcpu, bool init);
void vmx_read_guest(struct vmx_vcpu *vmx, u32 parts);
void vmx_write_guest(struct lodge_vcpu *vcpu);
void vmx_get_segment(struct lodge_vcpu *vcpu, int seg, struct lodge_segment *out);
void vmx_get_sregs(struct lodge_vcpu *vcpu, struct lodge_sregs *out);
void vmx_set_sregs(struct lodge_vcpu *vcpu, const struct lodge_sregs *in);
u64 vmx_get_cr(struct lodge_vcpu *vcpu, int cr);
void vmx_set_cr(struct lodge_vcpu *vcpu, int cr, u64 value);
int vmx_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write);
void vmx_set_debug(struct lodge_vcpu *vcpu);
void vmx_set_tsc_offset(struct lodge_vcpu *vcpu);
int vmx_insn_bytes(struct lodge_vcpu *vcpu, u8 *buf);
extern const u32 vmx_syscall_msrs[NR_VMX_SYSCALL_MSRS];

/* vmx/vcpu.c */
void vmx_vcpu_load(struct lodge_vcpu *vcpu);
void vmx_vcpu_put(struct lodge_vcpu *vcpu);
void vmx_enter(struct lodge_vcpu *vcpu);
void vmx_inject(struct lodge_vcpu *vcpu);
bool vmx_can_inject(struct lodge_vcpu *vcpu, bool nmi);
void vmx_want_window(struct lodge_vcpu *vcpu, bool nmi);
void vmx_flush_tlb(struct lodge_vcpu *vcpu);

/* vmx/exits.c */
void vmx_decode_exit(struct lodge_vcpu *vcpu, struct lodge_exit *exit);

/* vmx/check.c: the rule that the current VMCS breaks, or NULL */
const char *vmx_check_state(void);
void vmx_dump_state(struct lodge_run *run);

/* vmx/enter.S: false, or true if the processor refused to enter at all */
asmlinkage bool vmx_vmenter(u64 *regs, bool launched);
extern const char vmx_vmexit[];

#endif /* LODGE_VMX_H */
