/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual machine control block (AMD APM vol. 2, appendix B). */
#ifndef LODGE_SVM_VMCB_H
#define LODGE_SVM_VMCB_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/**
 * struct vmcb_seg - a segment register with its hidden part
 * @selector: visible part
 * @attrib: type, S, DPL, P, AVL, L, D/B, G: bits 40-47 and 52-55 of a
 *          descriptor, next to each other
 * @limit: in bytes
 * @base: linear address
 */
struct vmcb_seg {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
} __packed;

/* struct vmcb_seg.attrib */
#define SEG_ATTR_TYPE	GENMASK(3, 0)
#define SEG_ATTR_S	BIT(4)
#define SEG_ATTR_DPL	GENMASK(6, 5)
#define SEG_ATTR_P	BIT(7)
#define SEG_ATTR_AVL	BIT(8)
#define SEG_ATTR_L	BIT(9)
#define SEG_ATTR_DB	BIT(10)
#define SEG_ATTR_G	BIT(11)

struct vmcb {
	/* Control area: what is intercepted, and why it exited */
	u16 intercept_cr_read, intercept_cr_write;
	u16 intercept_dr_read, intercept_dr_write;
	u32 intercept_exceptions;
	u32 intercept1;
	u32 intercept2;
	u32 intercept3;
	u8 reserved_018[0x3c - 0x18];
	u16 pause_threshold, pause_count;
	u64 iopm_pa, msrpm_pa;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	u32 int_ctl;
	u8 int_vector;
	u8 reserved_065[3];
	u64 int_state;
	u64 exit_code, exit_info1, exit_info2, exit_int_info;
	u64 nested_ctl;
	u8 reserved_098[0xa8 - 0x98];
	u64 event_inj;
	u64 nested_cr3;
	u64 virt_ext;
	u32 clean;
	u32 reserved_0c4;
	u64 next_rip;
	u8 insn_len;
	u8 insn[15];
	u8 reserved_0e0[0x400 - 0xe0];

	/* State save area: the guest */
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_4a0[0xcb - 0xa0];
	u8 cpl;
	u32 reserved_4cc;
	u64 efer;
	u8 reserved_4d8[0x148 - 0xd8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_580[0x1d8 - 0x180];
	u64 rsp;
	u8 reserved_5e0[0x1f8 - 0x1e0];
	u64 rax;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved_648[0x268 - 0x248];
	u64 pat;
	u64 debugctl;
	u64 br_from, br_to, last_excp_from, last_excp_to;
	u8 reserved_698[0x2e0 - 0x298];
	u64 spec_ctrl;
	u8 reserved_6e8[0x1000 - 0x6e8];
} __packed;

static_assert(offsetof(struct vmcb, pause_threshold) == 0x03c);
static_assert(offsetof(struct vmcb, exit_code) == 0x070);
static_assert(offsetof(struct vmcb, event_inj) == 0x0a8);
static_assert(offsetof(struct vmcb, next_rip) == 0x0c8);
static_assert(offsetof(struct vmcb, es) == 0x400);
static_assert(offsetof(struct vmcb, cpl) == 0x4cb);
static_assert(offsetof(struct vmcb, cr4) == 0x548);
static_assert(offsetof(struct vmcb, rsp) == 0x5d8);
static_assert(offsetof(struct vmcb, rax) == 0x5f8);
static_assert(offsetof(struct vmcb, cr2) == 0x640);
static_assert(offsetof(struct vmcb, pat) == 0x668);
static_assert(offsetof(struct vmcb, spec_ctrl) == 0x6e0);
static_assert(sizeof(struct vmcb) == 0x1000);

/* intercept1 (offset 0x00c) */
#define INTERCEPT_INTR		BIT(0)
#define INTERCEPT_NMI		BIT(1)
#define INTERCEPT_SMI		BIT(2)
#define INTERCEPT_INIT		BIT(3)
#define INTERCEPT_VINTR		BIT(4)
#define INTERCEPT_RDPMC		BIT(15)
#define INTERCEPT_CPUID		BIT(18)
#define INTERCEPT_IRET		BIT(20)
#define INTERCEPT_INTN		BIT(21)
#define INTERCEPT_INVD		BIT(22)
#define INTERCEPT_PAUSE		BIT(23)
#define INTERCEPT_HLT		BIT(24)
#define INTERCEPT_INVLPGA	BIT(26)
#define INTERCEPT_IOIO		BIT(27)
#define INTERCEPT_MSR		BIT(28)
#define INTERCEPT_TASK_SWITCH	BIT(29)
#define INTERCEPT_FERR_FREEZE	BIT(30)
#define INTERCEPT_SHUTDOWN	BIT(31)

/* intercept2 (offset 0x010) */
#define INTERCEPT_VMRUN		BIT(0)
#define INTERCEPT_VMMCALL	BIT(1)
#define INTERCEPT_VMLOAD	BIT(2)
#define INTERCEPT_VMSAVE	BIT(3)
#define INTERCEPT_STGI		BIT(4)
#define INTERCEPT_CLGI		BIT(5)
#define INTERCEPT_SKINIT	BIT(6)
#define INTERCEPT_WBINVD	BIT(9)
#define INTERCEPT_MONITOR	BIT(10)
#define INTERCEPT_MWAIT		BIT(11)
#define INTERCEPT_XSETBV	BIT(13)
#define INTERCEPT_RDPRU		BIT(14)

/* intercept3 (offset 0x014) */
#define INTERCEPT_INVLPGB	BIT(0)
#define INTERCEPT_INVLPGB_ILL	BIT(1)
#define INTERCEPT_MCOMMIT	BIT(3)
#define INTERCEPT_TLBSYNC	BIT(4)

/* int_ctl (offset 0x060) */
#define V_IRQ			BIT(8)
#define V_INTR_PRIO_HIGHEST	(0xfU << 16)
#define V_IGN_TPR		BIT(20)
#define V_INTR_MASKING		BIT(24)

/* int_state (offset 0x068) */
#define INT_STATE_SHADOW	BIT(0)

/* tlb_control */
#define TLB_CTL_NONE		0
#define TLB_CTL_ALL		1
#define TLB_CTL_ASID		3

/* nested_ctl */
#define NESTED_PAGING		BIT(0)

/* event_inj, exit_int_info (AMD APM vol. 2, 15.20) */
#define INJ_VECTOR		GENMASK(7, 0)
#define INJ_TYPE		GENMASK(10, 8)
#define INJ_TYPE_INTR		(0U << 8)
#define INJ_TYPE_NMI		(2U << 8)
#define INJ_TYPE_EXCEPTION	(3U << 8)
#define INJ_TYPE_SOFT		(4U << 8)
#define INJ_ERROR_VALID	BIT(11)
#define INJ_VALID		BIT(31)

/* clean: what the processor may keep from the last VMRUN (15.15.3) */
#define CLEAN_INTERCEPTS	BIT(0)	/* also TSC offset, pause filter */
#define CLEAN_PERM		BIT(1)	/* permission maps */
#define CLEAN_ASID		BIT(2)
#define CLEAN_TPR		BIT(3)	/* int_ctl, int_vector */
#define CLEAN_NP		BIT(4)	/* nested CR3, PAT */
#define CLEAN_CR		BIT(5)	/* CR0, CR3, CR4, EFER */
#define CLEAN_DR		BIT(6)	/* DR6, DR7 */
#define CLEAN_DT		BIT(7)	/* GDTR, IDTR */
#define CLEAN_SEG		BIT(8)	/* CS, DS, SS, ES, CPL */
#define CLEAN_CR2		BIT(9)
#define CLEAN_LBR		BIT(10)	/* DEBUGCTL */
#define CLEAN_ALL		GENMASK(10, 0)

/* exit_info1 of IOIO (15.10.2) */
#define IOIO_IN			BIT(0)
#define IOIO_STRING		BIT(2)
#define IOIO_WIDTH		GENMASK(6, 4)
#define IOIO_PORT		GENMASK(31, 16)

/* exit_info1 of a nested page fault (15.25.6) */
#define NPF_INFO_P		BIT_ULL(0)
#define NPF_INFO_W		BIT_ULL(1)
#define NPF_INFO_RSV		BIT_ULL(3)
#define NPF_INFO_ID		BIT_ULL(4)
#define NPF_INFO_WALK		BIT_ULL(33)

/* exit_info1 of a CR access with decode assists (15.33.1) */
#define CR_INFO_MOV		BIT_ULL(63)
#define CR_INFO_REG		GENMASK(3, 0)

/* Exit codes that older kernel headers do not name (appendix C) */
#define VMEXIT_INVLPGB		0xa0
#define VMEXIT_INVLPGB_ILLEGAL	0xa1
#define VMEXIT_MCOMMIT		0xa3
#define VMEXIT_TLBSYNC		0xa4

#endif /* LODGE_SVM_VMCB_H */
