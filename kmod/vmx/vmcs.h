/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control structure (Intel SDM vol. 3, chapter 25 and
 * appendix B): how its fields are reached, and our copy of some of them.
 */
#ifndef LODGE_VMX_VMCS_H
#define LODGE_VMX_VMCS_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>
/* After enum lodge_reg: this defines some of its names as macros. */
#include "../vm/vm.h"
#include <asm/vmx.h>

/* vmx/enter.S cannot read the kernel's enum. */
#define VMCS_HOST_RSP	0x6c14
static_assert(HOST_RSP == VMCS_HOST_RSP);

/**
 * struct vmx_region - what the processor's own format begins with
 * @revision: from IA32_VMX_BASIC
 * @abort: why a VMX abort happened
 */
struct vmx_region {
	u32 revision;
	u32 abort;
};

/*
 * A field that this processor does not have is read as 0 and not written: the
 * instruction fails without a fault (Intel SDM vol. 3, 31.3).
 */
static __always_inline u64 vmcs_read(u32 field)
{
	unsigned long value = 0;

	asm volatile("vmread %1, %0"
		     : "+r" (value) : "r" ((unsigned long)field) : "cc");
	return value;
}

static __always_inline void vmcs_write(u32 field, u64 value)
{
	asm volatile("vmwrite %1, %0"
		     : : "r" ((unsigned long)field), "r" (value) : "cc");
}

/* Fields of segments are 2 apart, in the order of enum lodge_seg. */
#define GUEST_SELECTOR(seg)	(GUEST_ES_SELECTOR + 2 * (seg))
#define GUEST_LIMIT(seg)	(GUEST_ES_LIMIT + 2 * (seg))
#define GUEST_AR(seg)		(GUEST_ES_AR_BYTES + 2 * (seg))
#define GUEST_BASE(seg)		(GUEST_ES_BASE + 2 * (seg))
static_assert(GUEST_SELECTOR(SEG_TR) == GUEST_TR_SELECTOR);
static_assert(GUEST_LIMIT(SEG_TR) == GUEST_TR_LIMIT);
static_assert(GUEST_AR(SEG_TR) == GUEST_TR_AR_BYTES);
static_assert(GUEST_BASE(SEG_TR) == GUEST_TR_BASE);

/**
 * struct vmcs_seg - a segment register with its hidden part
 * @selector: visible part
 * @ar: access rights: bits 40-47 and 52-55 of a descriptor, 4 bits apart, and
 *      whether a null selector was loaded
 * @limit: in bytes
 * @base: linear address
 */
struct vmcs_seg {
	u16 selector;
	u32 ar;
	u32 limit;
	u64 base;
};

/* struct vmcs_seg.ar */
#define SEG_AR_TYPE	GENMASK(3, 0)
#define SEG_AR_ACCESSED	BIT(0)
#define SEG_AR_S	BIT(4)
#define SEG_AR_DPL	GENMASK(6, 5)
#define SEG_AR_P	BIT(7)
#define SEG_AR_AVL	BIT(12)
#define SEG_AR_L	BIT(13)
#define SEG_AR_DB	BIT(14)
#define SEG_AR_G	BIT(15)
#define SEG_AR_UNUSABLE	BIT(16)
#define SEG_AR_RESERVED	(GENMASK(11, 8) | GENMASK(31, 17))

struct vmcs_table {
	u32 limit;
	u64 base;
};

/**
 * struct vmcs_guest - the guest's part of the VMCS, as far as others read it
 * @seg: by enum lodge_seg
 * @gdtr: GDTR
 * @idtr: IDTR
 * @cr0: CR0 as the guest sees it
 * @cr3: CR3
 * @cr4: CR4 as the guest sees it
 * @efer: EFER; only we change it, as its intercepts are ours
 * @debugctl: IA32_DEBUGCTL
 * @sysenter_cs: IA32_SYSENTER_CS
 * @sysenter_esp: IA32_SYSENTER_ESP
 * @sysenter_eip: IA32_SYSENTER_EIP
 *
 * A VMCS can be read only on the CPU where it is current, in VMX operation; the
 * rest of the module must not depend on that.
 */
struct vmcs_guest {
	struct vmcs_seg seg[NR_SEGS];
	struct vmcs_table gdtr, idtr;
	u64 cr0, cr3, cr4, efer;
	u64 debugctl;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
};

/* Parts of struct vmcs_guest that are read back only when somebody asks */
#define SYNCED_CR	BIT(0)	/* CR0, CR3, CR4 */
#define SYNCED_SEG	BIT(1)	/* segments, tables, MSRs */
#define SYNCED_ALL	(SYNCED_CR | SYNCED_SEG)

/* What was changed and must be written before the next entry */
#define DIRTY_CONST	BIT(0)	/* what never changes, on the first entry */
#define DIRTY_CONTROLS	BIT(1)	/* processor-based controls, TSC offset */
#define DIRTY_CR	BIT(2)	/* CR0, CR3, CR4, EFER */
#define DIRTY_SEG	BIT(3)	/* segments, tables, MSRs */
#define DIRTY_DR	BIT(4)	/* DR7 and exceptions */
#define DIRTY_ALL	GENMASK(4, 0)

/* Exit qualification of an I/O instruction (28.2.1, table 28-5) */
#define IO_QUAL_SIZE	GENMASK(2, 0)
#define IO_QUAL_IN	BIT(3)
#define IO_QUAL_STRING	BIT(4)
#define IO_QUAL_PORT	GENMASK(31, 16)

/* Exit qualification of a control register access (28.2.1, table 28-3) */
#define CR_QUAL_NR	GENMASK(3, 0)
#define CR_QUAL_TYPE	GENMASK(5, 4)
#define CR_QUAL_REG	GENMASK(11, 8)

/* Exit qualification of an EPT violation (28.2.1, table 28-7) */
#define EPT_QUAL_READ		BIT(0)
#define EPT_QUAL_WRITE		BIT(1)
#define EPT_QUAL_FETCH		BIT(2)
#define EPT_QUAL_PRESENT	GENMASK(5, 3)
#define EPT_QUAL_LINEAR		BIT(7)	/* a linear address is involved */
#define EPT_QUAL_TRANSLATED	BIT(8)	/* and it had been translated */
#define EPT_QUAL_UNBLOCK_NMI	BIT(12)

/* Exit qualification of a debug exception (28.2.1, table 28-1) */
#define DB_QUAL_BITS	(GENMASK(3, 0) | GENMASK(14, 13))
#define DB_QUAL_INVERTED	(BIT(11) | BIT(16))

/* Pending debug exceptions (25.4.2) */
#define PENDING_DBG_BS	BIT(14)

/* Capabilities that older kernel headers do not name (appendix A) */
#define BASIC_SIZE	GENMASK_ULL(44, 32)
#define BASIC_MEMORY	GENMASK_ULL(53, 50)
#define BASIC_TRUE	BIT_ULL(55)
#define BASIC_ANY_ERROR	BIT_ULL(56)	/* error codes with any exception */

#define MEMORY_WB	6

/* Exit reasons that older kernel headers do not name (appendix C) */
#define EXIT_REASON_GETSEC_	11
#define EXIT_REASON_ENCLV_	70

#endif /* LODGE_VMX_VMCS_H */
