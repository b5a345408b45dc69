// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules that VM entry holds the VMCS against (Intel SDM vol. 3, 27.2 and
 * 27.3), checked in software.  The processor only says which third of the VMCS
 * was wrong; this names the rule.  It reads the VMCS itself, which is current.
 */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "../vm/arch.h"
#include "vmx.h"

#define EFER_KNOWN	(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX)
#define DEBUGCTL_KNOWN	(GENMASK(1, 0) | GENMASK(15, 6))
#define RFLAGS_ZERO	(GENMASK_ULL(63, 22) | BIT(15) | BIT(5) | BIT(3))
#define PENDING_ZERO	(GENMASK_ULL(63, 17) | BIT(15) | BIT(13) | \
			 GENMASK(11, 4))
#define INTR_INFO_ZERO	GENMASK(30, 12)

static bool canonical(u64 address, u64 cr4)
{
	int shift = cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(address << shift) >> shift) == address;
}

static bool page_address_bad(u64 pa)
{
	return (pa & ~PAGE_MASK) || pa >> boot_cpu_data.x86_phys_bits;
}

static bool word_bad(u32 word, enum vmx_word which)
{
	return (~word & vmx_caps.allowed0[which]) ||
	       (word & ~vmx_caps.allowed1[which]);
}

/* ---- Controls (27.2.1) ---- */

static const char *check_ept(u32 cpu2)
{
	u64 eptp = vmcs_read(EPT_POINTER);

	if (!(cpu2 & SECONDARY_EXEC_ENABLE_EPT))
		return cpu2 & SECONDARY_EXEC_UNRESTRICTED_GUEST ?
		       "an unrestricted guest has no EPT" : NULL;
	if ((eptp & VMX_EPTP_MT_MASK) != MEMORY_WB ||
	    (eptp & VMX_EPTP_PWL_MASK) != VMX_EPTP_PWL_4)
		return "the EPT pointer has a wrong memory type or number of levels";
	if ((eptp & VMX_EPTP_AD_ENABLE_BIT) &&
	    !(vmx_caps.ept_vpid & VMX_EPT_AD_BIT))
		return "the EPT pointer asks for accessed and dirty bits that the processor lacks";
	if ((eptp & GENMASK(11, 7)) || eptp >> boot_cpu_data.x86_phys_bits)
		return "the EPT pointer has a reserved bit set";
	return NULL;
}

static const char *check_controls(void)
{
	u32 pin = vmcs_read(PIN_BASED_VM_EXEC_CONTROL);
	u32 cpu = vmcs_read(CPU_BASED_VM_EXEC_CONTROL);
	u32 cpu2 = vmcs_read(SECONDARY_VM_EXEC_CONTROL);

	if (word_bad(pin, WORD_PIN))
		return "the pin-based controls have a bit that the processor does not allow";
	if (word_bad(cpu, WORD_CPU))
		return "the processor-based controls have a bit that the processor does not allow";
	if (word_bad(cpu2, WORD_CPU2))
		return "the secondary controls have a bit that the processor does not allow";
	if (word_bad(vmcs_read(VM_EXIT_CONTROLS), WORD_EXIT))
		return "the exit controls have a bit that the processor does not allow";
	if (word_bad(vmcs_read(VM_ENTRY_CONTROLS), WORD_ENTRY))
		return "the entry controls have a bit that the processor does not allow";
	if (vmcs_read(CR3_TARGET_COUNT) > 4)
		return "the CR3 target count is above 4";
	if (page_address_bad(vmcs_read(MSR_BITMAP)))
		return "the MSR bitmap's address is not one";
	if (!(pin & PIN_BASED_NMI_EXITING) && (pin & PIN_BASED_VIRTUAL_NMIS))
		return "virtual NMIs without exits for NMIs";
	if (!(pin & PIN_BASED_VIRTUAL_NMIS) && (cpu & CPU_BASED_NMI_WINDOW_EXITING))
		return "an NMI window without virtual NMIs";
	if ((cpu2 & SECONDARY_EXEC_ENABLE_VPID) &&
	    !(u16)vmcs_read(VIRTUAL_PROCESSOR_ID))
		return "the VPID is 0";
	if (vmcs_read(VM_EXIT_MSR_STORE_COUNT) || vmcs_read(VM_EXIT_MSR_LOAD_COUNT) ||
	    vmcs_read(VM_ENTRY_MSR_LOAD_COUNT))
		return "there is a list of MSRs";
	return check_ept(cpu2);
}

/* 27.2.1.3: vectors whose error code is pushed. */
static bool has_error_code(u8 vector)
{
	return vector == X86_TRAP_DF || vector == X86_TRAP_AC ||
	       (vector >= X86_TRAP_TS && vector <= X86_TRAP_PF);
}

static const char *check_event(void)
{
	u32 info = vmcs_read(VM_ENTRY_INTR_INFO_FIELD);
	u8 vector = info & INTR_INFO_VECTOR_MASK;
	u32 type = info & INTR_INFO_INTR_TYPE_MASK;
	bool error = info & INTR_INFO_DELIVER_CODE_MASK;
	bool wants = type == INTR_TYPE_HARD_EXCEPTION && has_error_code(vector) &&
		     (vmcs_read(GUEST_CR0) & X86_CR0_PE);

	if (!(info & INTR_INFO_VALID_MASK))
		return NULL;
	if (type == INTR_TYPE_RESERVED || type == INTR_TYPE_OTHER_EVENT)
		return "an event of a reserved type is injected";
	if (info & INTR_INFO_ZERO)
		return "an event with a reserved bit set is injected";
	if (type == INTR_TYPE_NMI_INTR && vector != X86_TRAP_NMI)
		return "an NMI with another vector than 2 is injected";
	if (type == INTR_TYPE_HARD_EXCEPTION && vector > 31)
		return "an exception with a vector above 31 is injected";
	if (error && !wants && !(vmx_caps.basic & BASIC_ANY_ERROR))
		return "an event that has no error code is injected with one";
	if (!error && wants && !(vmx_caps.basic & BASIC_ANY_ERROR))
		return "an exception that has an error code is injected without";
	if (error && (vmcs_read(VM_ENTRY_EXCEPTION_ERROR_CODE) >> 16))
		return "an error code of more than 16 bits is injected";
	return NULL;
}

/* ---- Host state (27.2.2 to 27.2.4) ---- */

static const char *check_host(void)
{
	u64 cr0 = vmcs_read(HOST_CR0), cr4 = vmcs_read(HOST_CR4);
	u64 fixed0 = vmx_caps.cr0_fixed0 | X86_CR0_PE | X86_CR0_PG;
	u64 efer = vmcs_read(HOST_IA32_EFER);
	int field;

	if ((~cr0 & fixed0) || (cr0 & ~vmx_caps.cr0_fixed1))
		return "the host's CR0 has a bit that VMX does not allow";
	if ((~cr4 & vmx_caps.cr4_fixed0) || (cr4 & ~vmx_caps.cr4_fixed1))
		return "the host's CR4 has a bit that VMX does not allow";
	if (vmcs_read(HOST_CR3) >> boot_cpu_data.x86_phys_bits)
		return "the host's CR3 has a bit set above the physical address width";
	if (!(cr4 & X86_CR4_PAE))
		return "the host's CR4.PAE is clear";
	if (!(efer & EFER_LMA) || !(efer & EFER_LME))
		return "the host's EFER is not that of long mode";
	for (field = HOST_ES_SELECTOR; field <= HOST_TR_SELECTOR; field += 2)
		if (vmcs_read(field) & 7)
			return "a selector of the host's has TI or RPL set";
	if (!vmcs_read(HOST_CS_SELECTOR) || !vmcs_read(HOST_TR_SELECTOR))
		return "the host's CS or TR is null";
	for (field = HOST_FS_BASE; field <= HOST_RIP; field += 2)
		if (field != HOST_RSP && !canonical(vmcs_read(field), cr4))
			return "an address of the host's is not canonical";
	return NULL;
}

/* ---- Guest state (27.3.1) ---- */

struct guest {
	u64 cr0, cr4, efer, rflags;
	u32 entry;
	u32 ar[NR_SEGS];
};

static const char *check_control_registers(const struct guest *g)
{
	bool long_mode = g->entry & VM_ENTRY_IA32E_MODE;
	bool paging = g->cr0 & X86_CR0_PG;
	u64 unchecked = X86_CR0_CD | X86_CR0_NW;
	u64 debugctl = vmcs_read(GUEST_IA32_DEBUGCTL);

	if ((~g->cr0 & vmx_caps.cr0_fixed0 & ~unchecked) ||
	    (g->cr0 & ~vmx_caps.cr0_fixed1 & ~unchecked))
		return "CR0 has a bit that VMX does not allow";
	if (paging && !(g->cr0 & X86_CR0_PE))
		return "CR0.PG is set and CR0.PE is clear";
	if ((~g->cr4 & vmx_caps.cr4_fixed0) || (g->cr4 & ~vmx_caps.cr4_fixed1))
		return "CR4 has a bit that VMX does not allow";
	if (long_mode && !paging)
		return "a guest in IA-32e mode has CR0.PG clear";
	if (long_mode && !(g->cr4 & X86_CR4_PAE))
		return "a guest in IA-32e mode has CR4.PAE clear";
	if (!long_mode && (g->cr4 & X86_CR4_PCIDE))
		return "CR4.PCIDE is set outside IA-32e mode";
	if (vmcs_read(GUEST_CR3) >> boot_cpu_data.x86_phys_bits)
		return "CR3 has a bit set above the physical address width";
	if (vmcs_read(GUEST_DR7) >> 32)
		return "DR7 has one of bits 63 to 32 set";
	if (debugctl & ~(u64)DEBUGCTL_KNOWN)
		return "DEBUGCTL has a reserved bit set";
	if (!canonical(vmcs_read(GUEST_SYSENTER_ESP), g->cr4) ||
	    !canonical(vmcs_read(GUEST_SYSENTER_EIP), g->cr4))
		return "SYSENTER_ESP or SYSENTER_EIP is not canonical";
	if (g->efer & ~(u64)EFER_KNOWN)
		return "EFER has a reserved bit set";
	if (!!(g->efer & EFER_LMA) != long_mode)
		return "EFER.LMA is not the entry control of IA-32e mode";
	if (paging && !!(g->efer & EFER_LME) != long_mode)
		return "EFER.LMA is not EFER.LME and CR0.PG";
	return NULL;
}

static const char *check_v86(const struct guest *g)
{
	int i;

	for (i = SEG_ES; i <= SEG_GS; i++) {
		if (vmcs_read(GUEST_BASE(i)) != vmcs_read(GUEST_SELECTOR(i)) << 4)
			return "in virtual-8086 mode a base is not 16 times the selector";
		if (vmcs_read(GUEST_LIMIT(i)) != 0xffff)
			return "in virtual-8086 mode a limit is not 0xffff";
		if (g->ar[i] != 0xf3)
			return "in virtual-8086 mode access rights are not 0xf3";
	}
	return NULL;
}

static const char *check_cs(const struct guest *g)
{
	u32 type = FIELD_GET(SEG_AR_TYPE, g->ar[SEG_CS]);
	u32 dpl = FIELD_GET(SEG_AR_DPL, g->ar[SEG_CS]);
	u32 cpl = FIELD_GET(SEG_AR_DPL, g->ar[SEG_SS]);

	switch (type) {
	case 3:
		return dpl ? "CS has a data segment's type and a DPL above 0" : NULL;
	case 9:
	case 11:
		return dpl != cpl ? "CS is not conforming and its DPL is not that of SS" :
				    NULL;
	case 13:
	case 15:
		return dpl > cpl ? "CS is conforming and its DPL is above that of SS" :
				   NULL;
	default:
		return "CS has a type that code segments do not have";
	}
}

static const char *check_ss(const struct guest *g)
{
	u32 ar = g->ar[SEG_SS], type = FIELD_GET(SEG_AR_TYPE, ar);
	u32 dpl = FIELD_GET(SEG_AR_DPL, ar);

	if (!(ar & SEG_AR_UNUSABLE) && type != 3 && type != 7)
		return "SS has a type that stacks do not have";
	if (dpl && (FIELD_GET(SEG_AR_TYPE, g->ar[SEG_CS]) == 3 ||
		    !(g->cr0 & X86_CR0_PE)))
		return "the DPL of SS is above 0 in real mode";
	return NULL;
}

static const char *check_data(u32 ar)
{
	u32 type = FIELD_GET(SEG_AR_TYPE, ar);

	if (ar & SEG_AR_UNUSABLE)
		return NULL;
	if (!(type & 1))
		return "a data segment is not accessed";
	if ((type & 8) && !(type & 2))
		return "a data segment is code that cannot be read";
	return NULL;
}

/* What all usable segments have in common. */
static const char *check_rights(const struct guest *g, int seg)
{
	u32 ar = g->ar[seg], limit = vmcs_read(GUEST_LIMIT(seg));
	bool system = seg == SEG_LDT || seg == SEG_TR;

	if ((ar & SEG_AR_UNUSABLE) && seg != SEG_CS && seg != SEG_TR)
		return NULL;
	if (!!(ar & SEG_AR_S) == system)
		return system ? "LDTR or TR is no system segment" :
				"a segment register holds a system segment";
	if (!(ar & SEG_AR_P))
		return "a segment is not present";
	if (ar & SEG_AR_RESERVED)
		return "access rights have a reserved bit set";
	if (((limit & 0xfff) != 0xfff && (ar & SEG_AR_G)) ||
	    ((limit & 0xfff00000) && !(ar & SEG_AR_G)))
		return "a limit does not go with its granularity";
	return NULL;
}

static const char *check_system_segments(const struct guest *g)
{
	bool long_mode = g->entry & VM_ENTRY_IA32E_MODE;
	u32 tr = g->ar[SEG_TR], ldtr = g->ar[SEG_LDT];
	u32 type = FIELD_GET(SEG_AR_TYPE, tr);

	if (tr & SEG_AR_UNUSABLE)
		return "TR is not usable";
	if (vmcs_read(GUEST_TR_SELECTOR) & 4)
		return "TR's selector points to the LDT";
	if (type != 11 && (type != 3 || long_mode))
		return "TR is no busy TSS";
	if (!canonical(vmcs_read(GUEST_TR_BASE), g->cr4))
		return "the base of TR is not canonical";
	if (ldtr & SEG_AR_UNUSABLE)
		return NULL;
	if (vmcs_read(GUEST_LDTR_SELECTOR) & 4)
		return "LDTR's selector points to the LDT";
	if (FIELD_GET(SEG_AR_TYPE, ldtr) != 2)
		return "LDTR is no LDT";
	if (!canonical(vmcs_read(GUEST_LDTR_BASE), g->cr4))
		return "the base of LDTR is not canonical";
	return NULL;
}

static const char *check_segments(const struct guest *g)
{
	bool long_mode = g->entry & VM_ENTRY_IA32E_MODE;
	const char *rule;
	int i;

	for (i = SEG_ES; i <= SEG_GS; i++) {
		u64 base = vmcs_read(GUEST_BASE(i));

		if (i == SEG_FS || i == SEG_GS) {
			if (!canonical(base, g->cr4))
				return "the base of FS or GS is not canonical";
		} else if (base >> 32 &&
			   (i == SEG_CS || !(g->ar[i] & SEG_AR_UNUSABLE))) {
			return "the base of a segment is above 4 GiB";
		}
	}
	rule = check_system_segments(g);
	if (!rule && (g->rflags & X86_EFLAGS_VM))
		return check_v86(g);
	if (!rule)
		rule = check_cs(g);
	if (!rule)
		rule = check_ss(g);
	for (i = SEG_ES; !rule && i <= SEG_GS; i++)
		if (i != SEG_CS && i != SEG_SS)
			rule = check_data(g->ar[i]);
	for (i = SEG_ES; !rule && i <= SEG_TR; i++)
		rule = check_rights(g, i);
	if (!rule && long_mode && (g->ar[SEG_CS] & SEG_AR_L) &&
	    (g->ar[SEG_CS] & SEG_AR_DB))
		rule = "in IA-32e mode CS.L and CS.D are both set";
	return rule;
}

static const char *check_tables(const struct guest *g)
{
	if (!canonical(vmcs_read(GUEST_GDTR_BASE), g->cr4))
		return "the base of GDTR is not canonical";
	if (!canonical(vmcs_read(GUEST_IDTR_BASE), g->cr4))
		return "the base of IDTR is not canonical";
	if (vmcs_read(GUEST_GDTR_LIMIT) >> 16 || vmcs_read(GUEST_IDTR_LIMIT) >> 16)
		return "the limit of GDTR or IDTR has more than 16 bits";
	return NULL;
}

static const char *check_instruction_pointer(const struct guest *g)
{
	u64 rip = vmcs_read(GUEST_RIP);
	u32 info = vmcs_read(VM_ENTRY_INTR_INFO_FIELD);
	bool code64 = (g->entry & VM_ENTRY_IA32E_MODE) &&
		      (g->ar[SEG_CS] & SEG_AR_L);

	if (!code64 && rip >> 32)
		return "RIP is above 4 GiB outside 64-bit code";
	/* As many bits as there are linear addresses; no sign (27.3.1.4). */
	if (code64 && !canonical(rip, g->cr4))
		return "RIP is not canonical";
	if ((g->rflags & RFLAGS_ZERO) || !(g->rflags & X86_EFLAGS_FIXED))
		return "RFLAGS has a reserved bit wrong";
	if ((g->rflags & X86_EFLAGS_VM) &&
	    ((g->entry & VM_ENTRY_IA32E_MODE) || !(g->cr0 & X86_CR0_PE)))
		return "RFLAGS.VM is set in IA-32e mode or in real mode";
	if ((info & INTR_INFO_VALID_MASK) && !(g->rflags & X86_EFLAGS_IF) &&
	    (info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_EXT_INTR)
		return "an interrupt is injected with RFLAGS.IF clear";
	return NULL;
}

/* 27.3.1.5. */
static const char *check_non_register(const struct guest *g)
{
	u32 state = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	u64 pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	u32 info = vmcs_read(VM_ENTRY_INTR_INFO_FIELD);
	u32 type = info & INTR_INFO_INTR_TYPE_MASK;
	u32 shadow = state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	bool step = (g->rflags & X86_EFLAGS_TF) &&
		    !(vmcs_read(GUEST_IA32_DEBUGCTL) & DEBUGCTLMSR_BTF);

	if (vmcs_read(GUEST_ACTIVITY_STATE) != GUEST_ACTIVITY_ACTIVE)
		return "the guest is not active";
	if (state & ~GENMASK(4, 0))
		return "the interruptibility state has a reserved bit set";
	if (shadow == (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS))
		return "there are two interrupt shadows";
	if ((state & GUEST_INTR_STATE_STI) && !(g->rflags & X86_EFLAGS_IF))
		return "there is a shadow of STI with RFLAGS.IF clear";
	if (info & INTR_INFO_VALID_MASK) {
		if (type == INTR_TYPE_EXT_INTR && shadow)
			return "an interrupt is injected into an interrupt shadow";
		if (type == INTR_TYPE_NMI_INTR &&
		    (state & (GUEST_INTR_STATE_MOV_SS | GUEST_INTR_STATE_NMI)))
			return "an NMI is injected where NMIs are blocked";
	}
	if (state & GUEST_INTR_STATE_SMI)
		return "SMIs are blocked outside SMM";
	if (pending & PENDING_ZERO)
		return "the pending debug exceptions have a reserved bit set";
	if (shadow && !!(pending & PENDING_DBG_BS) != step)
		return "a single step and its pending exception do not go together";
	if (vmcs_read(VMCS_LINK_POINTER) != ~0ULL)
		return "there is a VMCS link pointer";
	return NULL;
}

/* 27.3.1.6. */
static const char *check_pdptrs(const struct guest *g)
{
	u64 reserved = GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5) |
		       GENMASK_ULL(63, boot_cpu_data.x86_phys_bits);
	int i;

	if (!(g->cr0 & X86_CR0_PG) || !(g->cr4 & X86_CR4_PAE) ||
	    (g->entry & VM_ENTRY_IA32E_MODE))
		return NULL;
	for (i = 0; i < 4; i++) {
		u64 entry = vmcs_read(GUEST_PDPTR0 + 2 * i);

		if ((entry & 1) && (entry & reserved))
			return "a PDPTE has a reserved bit set";
	}
	return NULL;
}

static const char *check_guest(void)
{
	struct guest g = {
		.cr0 = vmcs_read(GUEST_CR0),
		.cr4 = vmcs_read(GUEST_CR4),
		.efer = vmcs_read(GUEST_IA32_EFER),
		.rflags = vmcs_read(GUEST_RFLAGS),
		.entry = vmcs_read(VM_ENTRY_CONTROLS),
	};
	const char *rule;
	int i;

	for (i = 0; i < NR_SEGS; i++)
		g.ar[i] = vmcs_read(GUEST_AR(i));
	rule = check_control_registers(&g);
	if (!rule)
		rule = check_segments(&g);
	if (!rule)
		rule = check_tables(&g);
	if (!rule)
		rule = check_instruction_pointer(&g);
	if (!rule)
		rule = check_non_register(&g);
	if (!rule)
		rule = check_pdptrs(&g);
	return rule;
}

/* What a failed entry is told with; the host's addresses are nobody's business. */
static const u16 dumped[] = {
	PIN_BASED_VM_EXEC_CONTROL, CPU_BASED_VM_EXEC_CONTROL,
	SECONDARY_VM_EXEC_CONTROL, VM_EXIT_CONTROLS, VM_ENTRY_CONTROLS,
	VM_INSTRUCTION_ERROR, VM_EXIT_REASON, EXIT_QUALIFICATION,
	VM_ENTRY_INTR_INFO_FIELD, VM_ENTRY_EXCEPTION_ERROR_CODE,
	VIRTUAL_PROCESSOR_ID, VMCS_LINK_POINTER,
	GUEST_CR0, GUEST_CR3, GUEST_CR4, CR0_READ_SHADOW, CR4_READ_SHADOW,
	GUEST_IA32_EFER, GUEST_DR7, GUEST_IA32_DEBUGCTL,
	GUEST_RIP, GUEST_RSP, GUEST_RFLAGS,
	GUEST_INTERRUPTIBILITY_INFO, GUEST_ACTIVITY_STATE,
	GUEST_PENDING_DBG_EXCEPTIONS,
	GUEST_SYSENTER_ESP, GUEST_SYSENTER_EIP,
	GUEST_PDPTR0, GUEST_PDPTR1, GUEST_PDPTR2, GUEST_PDPTR3,
	GUEST_GDTR_BASE, GUEST_GDTR_LIMIT, GUEST_IDTR_BASE, GUEST_IDTR_LIMIT,
	HOST_CR0, HOST_CR4, HOST_IA32_EFER, HOST_CS_SELECTOR, HOST_TR_SELECTOR,
};

static void dump_field(struct lodge_run *run, u32 *n, u32 field)
{
	run->fields[*n] = (struct lodge_field){
		.field = field,
		.value = vmcs_read(field),
	};
	(*n)++;
}

void vmx_dump_state(struct lodge_run *run)
{
	u32 n = 0;
	int i;

	BUILD_BUG_ON(ARRAY_SIZE(dumped) + 4 * NR_SEGS > LODGE_MAX_FIELDS);
	for (i = 0; i < ARRAY_SIZE(dumped); i++)
		dump_field(run, &n, dumped[i]);
	for (i = 0; i < NR_SEGS; i++) {
		dump_field(run, &n, GUEST_SELECTOR(i));
		dump_field(run, &n, GUEST_AR(i));
		dump_field(run, &n, GUEST_LIMIT(i));
		dump_field(run, &n, GUEST_BASE(i));
	}
	run->nr_fields = n;
}

const char *vmx_check_state(void)
{
	const char *rule;

	rule = check_controls();
	if (!rule)
		rule = check_event();
	if (!rule)
		rule = check_host();
	if (!rule)
		rule = check_guest();
	return rule;
}
