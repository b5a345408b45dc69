// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules that VMRUN holds the guest's state against (AMD APM vol. 2,
 * 15.5.1), checked in software.  Emulators forgive what the processor refuses,
 * and the processor does not say which rule was broken; this does both.
 */
#include <linux/bitfield.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/processor.h>
#include "../vm/arch.h"
#include "svm.h"

#define EFER_KNOWN	(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_SVME | \
			 EFER_LMSLE | EFER_FFXSR | BIT(15) | BIT(17) | \
			 BIT(18) | BIT(20) | BIT(21))

static bool canonical(const struct vmcb *vmcb, u64 address)
{
	int shift = vmcb->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(address << shift) >> shift) == address;
}

static const char *check_control_registers(const struct vmcb *vmcb)
{
	bool paging = vmcb->cr0 & X86_CR0_PG;
	bool long_mode = (vmcb->efer & EFER_LME) && paging;
	u64 max = BIT_ULL(boot_cpu_data.x86_phys_bits);

	if (!(vmcb->efer & EFER_SVME))
		return "EFER.SVME is clear";
	if (vmcb->efer & ~(u64)EFER_KNOWN)
		return "EFER has a reserved bit set";
	if (!(vmcb->cr0 & X86_CR0_CD) && (vmcb->cr0 & X86_CR0_NW))
		return "CR0.NW is set and CR0.CD is clear";
	if (vmcb->cr0 >> 32)
		return "CR0 has one of bits 63 to 32 set";
	if (paging && !(vmcb->cr0 & X86_CR0_PE))
		return "CR0.PG is set and CR0.PE is clear";
	if (long_mode && vmcb->cr3 & ~(max - 1))
		return "CR3 has a bit set above the physical address width";
	if (vmcb->cr4 >> 32 || !lodge_cr4_valid(vmcb->cr4))
		return "CR4 has a reserved bit set";
	if (long_mode && !(vmcb->cr4 & X86_CR4_PAE))
		return "EFER.LME and CR0.PG are set and CR4.PAE is clear";
	if (long_mode && !(vmcb->cr0 & X86_CR0_PE))
		return "EFER.LME and CR0.PG are set and CR0.PE is clear";
	if (long_mode && (vmcb->cs.attrib & SEG_ATTR_L) &&
	    (vmcb->cs.attrib & SEG_ATTR_DB))
		return "in long mode CS.L and CS.D are both set";
	if (!!(vmcb->efer & EFER_LMA) != long_mode)
		return "EFER.LMA is not EFER.LME and CR0.PG";
	if (vmcb->dr6 >> 32)
		return "DR6 has one of bits 63 to 32 set";
	if (vmcb->dr7 >> 32)
		return "DR7 has one of bits 63 to 32 set";
	return NULL;
}

/* VMRUN quietly makes these canonical: the guest would see another address. */
static const char *check_addresses(const struct vmcb *vmcb)
{
	if (!canonical(vmcb, vmcb->fs.base))
		return "the base of FS is not canonical";
	if (!canonical(vmcb, vmcb->gs.base))
		return "the base of GS is not canonical";
	if (!canonical(vmcb, vmcb->ldtr.base))
		return "the base of LDTR is not canonical";
	if (!canonical(vmcb, vmcb->tr.base))
		return "the base of TR is not canonical";
	if (!canonical(vmcb, vmcb->gdtr.base))
		return "the base of GDTR is not canonical";
	if (!canonical(vmcb, vmcb->idtr.base))
		return "the base of IDTR is not canonical";
	if (!canonical(vmcb, vmcb->kernel_gs_base))
		return "KERNEL_GS_BASE is not canonical";
	if (!canonical(vmcb, vmcb->lstar) || !canonical(vmcb, vmcb->cstar))
		return "LSTAR or CSTAR is not canonical";
	if (!canonical(vmcb, vmcb->sysenter_esp) ||
	    !canonical(vmcb, vmcb->sysenter_eip))
		return "SYSENTER_ESP or SYSENTER_EIP is not canonical";
	return NULL;
}

static bool memory_type_valid(u8 type)
{
	return type <= 7 && type != 2 && type != 3;
}

static const char *check_control_area(const struct vmcb *vmcb)
{
	u64 max = BIT_ULL(boot_cpu_data.x86_phys_bits);
	int i;

	if (!(vmcb->intercept2 & INTERCEPT_VMRUN))
		return "VMRUN is not intercepted";
	if (!vmcb->asid)
		return "the ASID is 0";
	if (vmcb->asid >= lodge_svm_ops.nr_asids)
		return "the ASID is above the processor's";
	if (vmcb->iopm_pa + 3 * PAGE_SIZE > max ||
	    vmcb->msrpm_pa + 2 * PAGE_SIZE > max)
		return "a permission map is above physical memory";
	if (vmcb->nested_cr3 & ~(max - 1) || vmcb->nested_cr3 & (PAGE_SIZE - 1))
		return "the nested CR3 has a reserved bit set";
	for (i = 0; i < 64; i += 8)
		if (!memory_type_valid(vmcb->pat >> i))
			return "the guest's PAT has a reserved memory type";
	if (!(vmcb->rflags & X86_EFLAGS_FIXED))
		return "RFLAGS bit 1 is clear";
	if (vmcb->cpl > 3)
		return "the CPL is above 3";
	return NULL;
}

/* AMD APM vol. 2, 15.20: what makes an injection illegal. */
static const char *check_event(const struct vmcb *vmcb)
{
	u8 vector = FIELD_GET(INJ_VECTOR, vmcb->event_inj);

	if (!(vmcb->event_inj & INJ_VALID))
		return NULL;
	switch (vmcb->event_inj & INJ_TYPE) {
	case INJ_TYPE_INTR:
	case INJ_TYPE_SOFT:
		return NULL;
	case INJ_TYPE_NMI:
		return NULL;
	case INJ_TYPE_EXCEPTION:
		if (vector == X86_TRAP_NMI)
			return "an exception with the NMI's vector is injected";
		if (vector > 31)
			return "an exception with a vector above 31 is injected";
		if ((vector == X86_TRAP_BR || vector == X86_TRAP_OF) &&
		    (vmcb->cs.attrib & SEG_ATTR_L) && (vmcb->efer & EFER_LMA))
			return "#BR or #OF is injected in 64-bit mode";
		return NULL;
	default:
		return "an event of a reserved type is injected";
	}
}

/* What a failed entry is told with: offset in the VMCB, and bytes. */
static const struct {
	u16 offset, size;
} dumped[] = {
	{ offsetof(struct vmcb, intercept2), 4 },
	{ offsetof(struct vmcb, asid), 4 },
	{ offsetof(struct vmcb, int_ctl), 4 },
	{ offsetof(struct vmcb, int_state), 8 },
	{ offsetof(struct vmcb, event_inj), 8 },
	{ offsetof(struct vmcb, nested_ctl), 8 },
	{ offsetof(struct vmcb, cs.selector), 2 },
	{ offsetof(struct vmcb, cs.attrib), 2 },
	{ offsetof(struct vmcb, cs.limit), 4 },
	{ offsetof(struct vmcb, cs.base), 8 },
	{ offsetof(struct vmcb, ss.selector), 2 },
	{ offsetof(struct vmcb, ss.attrib), 2 },
	{ offsetof(struct vmcb, ss.limit), 4 },
	{ offsetof(struct vmcb, ss.base), 8 },
	{ offsetof(struct vmcb, ds.attrib), 2 },
	{ offsetof(struct vmcb, es.attrib), 2 },
	{ offsetof(struct vmcb, fs.base), 8 },
	{ offsetof(struct vmcb, gs.base), 8 },
	{ offsetof(struct vmcb, ldtr.base), 8 },
	{ offsetof(struct vmcb, tr.attrib), 2 },
	{ offsetof(struct vmcb, tr.base), 8 },
	{ offsetof(struct vmcb, gdtr.base), 8 },
	{ offsetof(struct vmcb, gdtr.limit), 4 },
	{ offsetof(struct vmcb, idtr.base), 8 },
	{ offsetof(struct vmcb, idtr.limit), 4 },
	{ offsetof(struct vmcb, cpl), 1 },
	{ offsetof(struct vmcb, efer), 8 },
	{ offsetof(struct vmcb, cr0), 8 },
	{ offsetof(struct vmcb, cr3), 8 },
	{ offsetof(struct vmcb, cr4), 8 },
	{ offsetof(struct vmcb, dr6), 8 },
	{ offsetof(struct vmcb, dr7), 8 },
	{ offsetof(struct vmcb, rflags), 8 },
	{ offsetof(struct vmcb, rip), 8 },
	{ offsetof(struct vmcb, rsp), 8 },
	{ offsetof(struct vmcb, lstar), 8 },
	{ offsetof(struct vmcb, cstar), 8 },
	{ offsetof(struct vmcb, kernel_gs_base), 8 },
	{ offsetof(struct vmcb, sysenter_esp), 8 },
	{ offsetof(struct vmcb, sysenter_eip), 8 },
	{ offsetof(struct vmcb, pat), 8 },
};

void svm_dump_state(const struct vmcb *vmcb, struct lodge_run *run)
{
	int i;

	BUILD_BUG_ON(ARRAY_SIZE(dumped) > LODGE_MAX_FIELDS);
	for (i = 0; i < ARRAY_SIZE(dumped); i++) {
		u64 value = 0;

		memcpy(&value, (const u8 *)vmcb + dumped[i].offset,
		       dumped[i].size);
		run->fields[i] = (struct lodge_field){
			.field = dumped[i].offset,
			.value = value,
		};
	}
	run->nr_fields = ARRAY_SIZE(dumped);
}

const char *svm_check_state(const struct vmcb *vmcb)
{
	const char *rule;

	rule = check_control_registers(vmcb);
	if (!rule)
		rule = check_addresses(vmcb);
	if (!rule)
		rule = check_control_area(vmcb);
	if (!rule)
		rule = check_event(vmcb);
	return rule;
}
