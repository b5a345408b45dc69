// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to control and debug registers: what the manuals say must fault, and
 * what changes with them.  Reading has no rules, so it has no functions here.
 *
 * With nested paging most of these writes do not leave the guest at all; these
 * functions serve those that do, and the emulator.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "arch.h"
#include "irq.h"
#include "memory.h"

#define CR0_DEFINED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | \
			 X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
			 X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
/* What cached translations depend on. */
#define CR0_TLB		(X86_CR0_PE | X86_CR0_WP | X86_CR0_PG)
#define CR4_TLB		(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | \
			 X86_CR4_LA57 | X86_CR4_PCIDE | X86_CR4_SMEP | \
			 X86_CR4_SMAP | X86_CR4_PKE)
/* What makes the processor read the PDPTEs again (Intel SDM vol. 3, 4.4.1). */
#define CR4_PDPTES	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP)

#define CR3_PCID	0xfffULL
#define CR3_NOFLUSH	BIT_ULL(63)

/* Debug registers (Intel SDM vol. 3, 17.2) */
#define DR6_WRITABLE	0xe00fULL
#define DR6_ONES	0xffff0ff0ULL
#define DR6_ACCESS	BIT(13)
#define DR7_WRITABLE	0xffff23ffULL
#define DR7_ONES	0x400ULL
#define DR7_DETECT	BIT(13)

static u64 get_cr(struct lodge_vcpu *vcpu, int nr)
{
	return lodge_vendor->get_cr(vcpu, nr);
}

static bool long_mode(struct lodge_vcpu *vcpu)
{
	return get_cr(vcpu, LODGE_CR_EFER) & EFER_LMA;
}

/* Executing 64-bit code: long mode, and not one of its compatibility segments */
static bool code64(struct lodge_vcpu *vcpu)
{
	struct lodge_segment cs;

	lodge_vendor->get_segment(vcpu, SEG_CS, &cs);
	return cs.l;
}

/**
 * lodge_cpl() - current privilege level
 * @vcpu: the vCPU, by its own thread
 *
 * Return: 0 to 3
 */
int lodge_cpl(struct lodge_vcpu *vcpu)
{
	struct lodge_segment ss;

	if (!(get_cr(vcpu, 0) & X86_CR0_PE))
		return 0;
	if (vcpu->rflags & X86_EFLAGS_VM)
		return 3;
	lodge_vendor->get_segment(vcpu, SEG_SS, &ss);
	return ss.dpl;
}

/**
 * lodge_canonical() - is a linear address canonical in the guest's paging mode?
 * @vcpu: the vCPU, by its own thread
 * @address: the address
 *
 * Return: true if it is
 */
bool lodge_canonical(struct lodge_vcpu *vcpu, u64 address)
{
	int unused = get_cr(vcpu, 4) & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(address << unused) >> unused) == address;
}

/**
 * lodge_cr0_valid() - is this a value that CR0 can have?
 * @cr0: the value
 *
 * Return: true if it is
 */
bool lodge_cr0_valid(u64 cr0)
{
	if (cr0 & ~(u64)CR0_DEFINED)
		return false;
	if ((cr0 & X86_CR0_PG) && !(cr0 & X86_CR0_PE))
		return false;
	return !(cr0 & X86_CR0_NW) || (cr0 & X86_CR0_CD);
}

/**
 * lodge_cr4_valid() - does CR4 have only bits that the guest's CPUID offers?
 * @cr4: the value
 *
 * Return: true if it has
 */
bool lodge_cr4_valid(u64 cr4)
{
	static const struct {
		u64 bit;
		enum lodge_cap cap;
	} optional[] = {
		{ X86_CR4_VME | X86_CR4_PVI,	CAP_VME },
		{ X86_CR4_UMIP,			CAP_UMIP },
		{ X86_CR4_LA57,			CAP_LA57 },
		{ X86_CR4_FSGSBASE,		CAP_FSGSBASE },
		{ X86_CR4_PCIDE,		CAP_PCID },
		{ X86_CR4_SMEP,			CAP_SMEP },
		{ X86_CR4_SMAP,			CAP_SMAP },
		{ X86_CR4_PKE,			CAP_PKU },
	};
	u64 valid = X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE |
		    X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR |
		    X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE;
	int i;

	for (i = 0; i < ARRAY_SIZE(optional); i++)
		if (lodge_cpuid_has(optional[i].cap))
			valid |= optional[i].bit;
	return !(cr4 & ~valid);
}

/**
 * lodge_efer_valid() - does EFER have only bits that the guest's CPUID offers?
 * @efer: the value, with or without LMA
 *
 * Return: true if it has
 */
bool lodge_efer_valid(u64 efer)
{
	u64 valid = EFER_SCE | EFER_LME | EFER_LMA;

	if (lodge_cpuid_has(CAP_NX))
		valid |= EFER_NX;
	if (lodge_cpuid_has(CAP_FXSR_OPT))
		valid |= EFER_FFXSR;
	return !(efer & ~valid);
}

/*
 * PAE paging outside long mode: a load of CR3 faults if a present PDPTE has a
 * reserved bit set (Intel SDM vol. 3, 4.4.1).  If the table cannot be read
 * here, the processor finds out on its walk.
 */
static bool pdptes_bad(struct lodge_vcpu *vcpu, u64 cr3)
{
	/* Bit 5 too is reserved, but QEMU marks what it has used. */
	u64 reserved = GENMASK_ULL(2, 1) | GENMASK_ULL(8, 6) |
		       GENMASK_ULL(63, lodge_phys_bits());
	u64 pdpte[4];
	int i;

	if (lodge_guest_read_nofault(vcpu->vm, cr3 & 0xffffffe0, pdpte,
				     sizeof(pdpte)))
		return false;
	for (i = 0; i < ARRAY_SIZE(pdpte); i++)
		if ((pdpte[i] & 1) && (pdpte[i] & reserved))
			return true;
	return false;
}

/**
 * lodge_set_cr0() - MOV to CR0, LMSW, CLTS
 * @vcpu: the vCPU, by its own thread
 * @value: all of CR0
 *
 * Switching paging on with EFER.LME set enters long mode, switching it off
 * leaves it (Intel SDM vol. 3, 2.5 and 9.8.5; AMD APM vol. 2, 14.6 and 14.7).
 *
 * Context: must not sleep.
 * Return: 0, or 1 for #GP
 */
int lodge_set_cr0(struct lodge_vcpu *vcpu, u64 value)
{
	u64 old = get_cr(vcpu, 0);
	u64 efer = get_cr(vcpu, LODGE_CR_EFER);
	u64 cr4 = get_cr(vcpu, 4);
	u64 changed;

	if (value >> 32)
		return 1;
	/* Of the lower half, writes of reserved bits are ignored. */
	value = (value & CR0_DEFINED) | X86_CR0_ET;
	if (!lodge_cr0_valid(value))
		return 1;

	changed = old ^ value;
	if (changed & value & X86_CR0_PG) {
		if (efer & EFER_LME) {
			if (!(cr4 & X86_CR4_PAE) || code64(vcpu))
				return 1;
			lodge_vendor->set_cr(vcpu, LODGE_CR_EFER, efer | EFER_LMA);
		} else if ((cr4 & X86_CR4_PAE) &&
			   pdptes_bad(vcpu, get_cr(vcpu, 3))) {
			return 1;
		}
	} else if (changed & X86_CR0_PG) {
		if (cr4 & X86_CR4_PCIDE)
			return 1;
		if (efer & EFER_LMA) {
			if (code64(vcpu))
				return 1;
			lodge_vendor->set_cr(vcpu, LODGE_CR_EFER,
					     efer & ~(u64)EFER_LMA);
		}
	}

	lodge_vendor->set_cr(vcpu, 0, value);
	if (changed & CR0_TLB)
		lodge_vendor->flush_tlb(vcpu);
	return 0;
}

/**
 * lodge_set_cr3() - MOV to CR3
 * @vcpu: the vCPU, by its own thread
 * @value: new value; with CR4.PCIDE, bit 63 asks for no flush
 *
 * Context: must not sleep.
 * Return: 0, or 1 for #GP
 */
int lodge_set_cr3(struct lodge_vcpu *vcpu, u64 value)
{
	u64 cr4 = get_cr(vcpu, 4);
	bool flush = true;

	if (cr4 & X86_CR4_PCIDE) {
		flush = !(value & CR3_NOFLUSH);
		value &= ~CR3_NOFLUSH;
	}
	if (value >> lodge_phys_bits())
		return 1;
	if ((get_cr(vcpu, 0) & X86_CR0_PG) && (cr4 & X86_CR4_PAE) &&
	    !long_mode(vcpu) && pdptes_bad(vcpu, value))
		return 1;

	lodge_vendor->set_cr(vcpu, 3, value);
	if (flush)
		lodge_vendor->flush_tlb(vcpu);
	return 0;
}

/**
 * lodge_set_cr4() - MOV to CR4
 * @vcpu: the vCPU, by its own thread
 * @value: new value
 *
 * Intel SDM vol. 3, 2.5 and 4.10.1; AMD APM vol. 2, 3.1.3 and 5.5.1.
 *
 * Context: must not sleep.
 * Return: 0, or 1 for #GP
 */
int lodge_set_cr4(struct lodge_vcpu *vcpu, u64 value)
{
	u64 changed = get_cr(vcpu, 4) ^ value;
	bool lma = long_mode(vcpu);

	if (!lodge_cr4_valid(value))
		return 1;
	if (lma && (!(value & X86_CR4_PAE) || (changed & X86_CR4_LA57)))
		return 1;
	if ((changed & value & X86_CR4_PCIDE) &&
	    (!lma || (get_cr(vcpu, 3) & CR3_PCID)))
		return 1;
	if (!lma && (get_cr(vcpu, 0) & X86_CR0_PG) && (value & X86_CR4_PAE) &&
	    (changed & CR4_PDPTES) && pdptes_bad(vcpu, get_cr(vcpu, 3)))
		return 1;

	lodge_vendor->set_cr(vcpu, 4, value);
	if (changed & CR4_TLB)
		lodge_vendor->flush_tlb(vcpu);
	return 0;
}

/**
 * lodge_set_cr8() - MOV to CR8: the task priority
 * @vcpu: the vCPU, by its own thread
 * @value: 0 to 15
 *
 * Context: must not sleep.
 * Return: 0, or 1 for #GP
 */
int lodge_set_cr8(struct lodge_vcpu *vcpu, u64 value)
{
	if (value > 15)
		return 1;
	lodge_lapic_set_cr8(vcpu, value);
	return 0;
}

/**
 * lodge_set_efer() - WRMSR to EFER
 * @vcpu: the vCPU, by its own thread
 * @value: new value; LMA cannot be written and is ignored
 *
 * Context: must not sleep.
 * Return: 0, or 1 for #GP
 */
int lodge_set_efer(struct lodge_vcpu *vcpu, u64 value)
{
	u64 old = get_cr(vcpu, LODGE_CR_EFER);

	if (!lodge_efer_valid(value))
		return 1;
	value = (value & ~(u64)EFER_LMA) | (old & EFER_LMA);
	if (((old ^ value) & EFER_LME) && (get_cr(vcpu, 0) & X86_CR0_PG))
		return 1;

	lodge_vendor->set_cr(vcpu, LODGE_CR_EFER, value);
	if ((old ^ value) & EFER_NX)
		lodge_vendor->flush_tlb(vcpu);
	return 0;
}

/**
 * lodge_set_xcr0() - XSETBV
 * @vcpu: the vCPU, by its own thread
 * @index: register number; there is only XCR0
 * @value: new value
 *
 * Context: must not sleep; loaded or not.
 * Return: 0, or 1 for #GP
 */
int lodge_set_xcr0(struct lodge_vcpu *vcpu, u32 index, u64 value)
{
	if (index || !lodge_xcr0_valid(value))
		return 1;
	lodge_fpu_set_xcr0(vcpu, value);
	return 0;
}

/* What may keep a MOV to or from a debug register from being executed. */
static int dr_fault(struct lodge_vcpu *vcpu, int *nr)
{
	if (*nr == 4 || *nr == 5) {
		if (get_cr(vcpu, 4) & X86_CR4_DE)
			return X86_TRAP_UD;
		*nr += 2;
	}
	if (*nr < 0 || *nr > 7)
		return X86_TRAP_UD;
	if (lodge_cpl(vcpu))
		return X86_TRAP_GP;
	if (vcpu->dr7 & DR7_DETECT) {
		/* The processor does both on its way into the handler. */
		vcpu->dr6 |= DR6_ACCESS;
		vcpu->dr7 &= ~(u64)DR7_DETECT;
		lodge_vendor->set_debug(vcpu);
		return X86_TRAP_DB;
	}
	return 0;
}

/**
 * lodge_get_dr() - MOV from a debug register
 * @vcpu: the vCPU, by its own thread
 * @nr: 0 to 7
 * @value: out
 *
 * Context: must not sleep.
 * Return: 0, or the vector of the fault: #DB, #UD or #GP(0)
 */
int lodge_get_dr(struct lodge_vcpu *vcpu, int nr, u64 *value)
{
	int fault = dr_fault(vcpu, &nr);

	if (fault)
		return fault;
	if (nr == 6)
		*value = vcpu->dr6;
	else if (nr == 7)
		*value = vcpu->dr7;
	else
		*value = vcpu->dr[nr];
	return 0;
}

/**
 * lodge_set_dr() - MOV to a debug register
 * @vcpu: the vCPU, by its own thread
 * @nr: 0 to 7
 * @value: new value
 *
 * Context: must not sleep.
 * Return: 0, or the vector of the fault: #DB, #UD or #GP(0)
 */
int lodge_set_dr(struct lodge_vcpu *vcpu, int nr, u64 value)
{
	int fault = dr_fault(vcpu, &nr);

	if (fault)
		return fault;
	if (nr >= 6 && value >> 32)
		return X86_TRAP_GP;
	if (nr == 6)
		vcpu->dr6 = (value & DR6_WRITABLE) | DR6_ONES;
	else if (nr == 7)
		vcpu->dr7 = (value & DR7_WRITABLE) | DR7_ONES;
	else
		vcpu->dr[nr] = value;
	/* Any of them may be live in the processor. */
	lodge_vendor->set_debug(vcpu);
	return 0;
}

/**
 * lodge_set_debugregs() - LODGE_SET_STATE of LODGE_STATE_DEBUG
 * @vcpu: the vCPU, not loaded
 * @in: as for MOV to these registers: bits that cannot be written are ignored in
 *      the lower half and wrong in the upper
 *
 * Return: 0, or 1 for a bad value
 */
int lodge_set_debugregs(struct lodge_vcpu *vcpu, const struct lodge_debugregs *in)
{
	if (in->dr6 >> 32 || in->dr7 >> 32)
		return 1;
	memcpy(vcpu->dr, in->dr, sizeof(vcpu->dr));
	vcpu->dr6 = (in->dr6 & DR6_WRITABLE) | DR6_ONES;
	vcpu->dr7 = (in->dr7 & DR7_WRITABLE) | DR7_ONES;
	lodge_vendor->set_debug(vcpu);
	return 0;
}
