/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The line between what is shared and what is a vendor's: one table of
 * functions, and the plain structs that a vendor turns its exits into.
 * Nothing outside svm/ and vmx/ knows which of them is in use.
 */
#ifndef LODGE_VM_OPS_H
#define LODGE_VM_OPS_H

#include <linux/bits.h>
#include <linux/types.h>
#include <uapi/linux/lodge.h>

struct lodge_vm;
struct lodge_vcpu;

/**
 * enum lodge_exit_kind - what made the guest stop, in the vendor's words' stead
 * @EXIT_HOST:      a host interrupt or NMI; nothing to do
 * @EXIT_WINDOW:    the guest can take an interrupt or NMI now
 * @EXIT_CPUID:     CPUID
 * @EXIT_MSR:       RDMSR or WRMSR (exit.msr)
 * @EXIT_PORT:      IN or OUT of a register (exit.port)
 * @EXIT_HLT:       HLT
 * @EXIT_PAUSE:     a spinning guest
 * @EXIT_HYPERCALL: VMMCALL or VMCALL
 * @EXIT_XSETBV:    XSETBV
 * @EXIT_NPF:       nested page fault, EPT violation (exit.npf)
 * @EXIT_CR:        MOV to or from a control register (exit.cr)
 * @EXIT_DR:        MOV to or from a debug register
 * @EXIT_EMULATE:   any other instruction that the emulator is to execute
 * @EXIT_UD:        an instruction that the guest must not have: #UD
 * @EXIT_GP:        an instruction that is refused: #GP(0)
 * @EXIT_NOP:       an instruction without effect: skip it
 * @EXIT_EXCEPTION: an exception to be given back (exit.exception)
 * @EXIT_SHUTDOWN:  triple fault
 * @EXIT_FAIL:      VMRUN or VM entry refused the state
 * @EXIT_UNKNOWN:   none of the above: the guest ends
 */
enum lodge_exit_kind {
	EXIT_HOST,
	EXIT_WINDOW,
	EXIT_CPUID,
	EXIT_MSR,
	EXIT_PORT,
	EXIT_HLT,
	EXIT_PAUSE,
	EXIT_HYPERCALL,
	EXIT_XSETBV,
	EXIT_NPF,
	EXIT_CR,
	EXIT_DR,
	EXIT_EMULATE,
	EXIT_UD,
	EXIT_GP,
	EXIT_NOP,
	EXIT_EXCEPTION,
	EXIT_SHUTDOWN,
	EXIT_FAIL,
	EXIT_UNKNOWN,
};

#define NR_EXIT_KINDS	(EXIT_UNKNOWN + 1)

/* exit.npf.flags */
#define NPF_PRESENT	BIT(0) /* a translation was there */
#define NPF_WRITE	BIT(1)
#define NPF_FETCH	BIT(2)
#define NPF_TABLE_WALK	BIT(3) /* while the guest's own tables were walked */

/**
 * struct lodge_exit - one exit, filled by the vendor
 * @kind: enum lodge_exit_kind
 * @insn_len: length of the instruction in bytes, 0 where the processor does
 *            not tell (lodge_skip_insn() finds out)
 * @code: the processor's exit code, for people
 * @info1: what the processor tells with it, for people
 * @info2: likewise
 * @reason: EXIT_FAIL: the rule that the state breaks; EXIT_UNKNOWN: what it
 *          is; or NULL
 * @msr: EXIT_MSR: which way
 * @port: EXIT_PORT: where, how wide, which way
 * @npf: EXIT_NPF: guest physical address and NPF_*
 * @cr: EXIT_CR: which one, from or to which general register
 * @exception: EXIT_EXCEPTION: which, and its error code; #BP may be an INT n, too
 */
struct lodge_exit {
	enum lodge_exit_kind kind;
	u8 insn_len;
	u64 code;
	u64 info1, info2;
	const char *reason;
	union {
		struct {
			bool write;
		} msr;
		struct {
			u16 port;
			u8 width;
			bool in;
			bool string;
		} port;
		struct {
			u64 gpa;
			u32 flags;
		} npf;
		struct {
			u8 nr;
			u8 reg;		/* general register, in encoding order */
			bool write;
			bool valid;	/* false: decode the instruction */
		} cr;
		struct {
			u8 vector;
			bool has_error;
			bool maybe_int_n;	/* #BP only */
			u32 error;
		} exception;
	};
};

/**
 * struct lodge_npt_format - how this vendor writes a nested page table entry
 * @leaf: bits of every leaf: readable, executable, memory type
 * @table: bits of every entry that points to a table
 * @write: may be written
 * @huge: the entry is a 2 MiB leaf (set at level 2 only)
 * @accessed: set by the processor on use; 0 if it does not
 * @dirty: set by the processor on a write; 0 if it does not
 * @levels: levels of tables, 4 or 5
 *
 * An entry is present if it is not 0.
 */
struct lodge_npt_format {
	u64 leaf, table, write, huge, accessed, dirty;
	int levels;
};

/* lodge_vendor_ops.hidden: what guests cannot have though the processor does */
#define LODGE_HIDE_RDTSCP	BIT(0) /* RDTSCP and RDPID */
#define LODGE_HIDE_INVPCID	BIT(1)

/**
 * struct lodge_vendor_ops - what a vendor does
 * @vendor: enum lodge_vendor
 * @name: "SVM" or "VMX"
 * @npt: its nested page table format
 * @features: LODGE_FEATURE_* of this processor, set by @setup
 * @nr_asids: address space identifiers of this processor, set by @setup
 * @hidden: LODGE_HIDE_*, set by @setup
 * @setup: detect and allocate; -ENODEV with *@reason set. Once, at module load.
 * @teardown: undo @setup
 * @busy: is root mode held by somebody else on this CPU? (IRQs off)
 * @enable_cpu: enter root mode on this CPU (IRQs off): 0, -EBUSY
 * @disable_cpu: leave it (IRQs off); harmless where it was not entered
 * @vcpu_create: allocate the control block (vcpu->arch); may sleep
 * @vcpu_destroy: free it
 * @vcpu_reset: registers to their values after RESET or, with @init, INIT
 * @vcpu_load: make the vCPU current on this CPU (preemption off)
 * @vcpu_put: undo vcpu_load (preemption off)
 * @enter: run the guest until it exits (loaded, IRQs off)
 * @decode_exit: turn what the control block says into struct lodge_exit
 *               (loaded, IRQs on)
 * @inject: deliver an event on the next entry (loaded)
 * @can_inject: could the guest take an external interrupt / an NMI right now?
 * @want_window: exit as soon as it could (loaded or not)
 * @get_segment: hidden part of one segment register, enum lodge_seg
 * @get_sregs: segments, tables, CR0, CR2, CR3, CR4, EFER
 * @set_sregs: the same; consistent as vm/state.c has checked them
 * @set_cr: write CR0, CR2, CR3, CR4 or EFER (index LODGE_CR_EFER), as checked
 * @get_cr: read them
 * @msr: get or set an MSR that lives in the control block (STAR, LSTAR, CSTAR,
 *       SFMASK, KERNEL_GS_BASE, FS_BASE, GS_BASE, SYSENTER_*, PAT, DEBUGCTL);
 *       -ENOENT if it does not
 * @set_debug: DR6, DR7 and what a debugger wants, from vcpu->dr6, vcpu->dr7 and
 *             vcpu->debug
 * @set_tsc_offset: from vcpu->tsc_offset
 * @insn_bytes: bytes that the processor fetched, up to 15; how many
 * @flush_tlb: forget this vCPU's translations before the next entry
 *
 * Loaded means: between vcpu_load and vcpu_put, with preemption off, on one CPU.
 */
struct lodge_vendor_ops {
	enum lodge_vendor vendor;
	const char *name;
	struct lodge_npt_format npt;
	u64 features;
	u32 nr_asids;
	u32 hidden;

	int (*setup)(const char **reason);
	void (*teardown)(void);
	bool (*busy)(void);
	int (*enable_cpu)(void);
	void (*disable_cpu)(void);

	int (*vcpu_create)(struct lodge_vcpu *vcpu);
	void (*vcpu_destroy)(struct lodge_vcpu *vcpu);
	void (*vcpu_reset)(struct lodge_vcpu *vcpu, bool init);
	void (*vcpu_load)(struct lodge_vcpu *vcpu);
	void (*vcpu_put)(struct lodge_vcpu *vcpu);
	void (*enter)(struct lodge_vcpu *vcpu);
	void (*decode_exit)(struct lodge_vcpu *vcpu, struct lodge_exit *exit);

	void (*inject)(struct lodge_vcpu *vcpu);
	bool (*can_inject)(struct lodge_vcpu *vcpu, bool nmi);
	void (*want_window)(struct lodge_vcpu *vcpu, bool nmi);

	void (*get_segment)(struct lodge_vcpu *vcpu, int seg,
			    struct lodge_segment *out);
	void (*get_sregs)(struct lodge_vcpu *vcpu, struct lodge_sregs *out);
	void (*set_sregs)(struct lodge_vcpu *vcpu, const struct lodge_sregs *in);
	u64 (*get_cr)(struct lodge_vcpu *vcpu, int cr);
	void (*set_cr)(struct lodge_vcpu *vcpu, int cr, u64 value);
	int (*msr)(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write);
	void (*set_debug)(struct lodge_vcpu *vcpu);
	void (*set_tsc_offset)(struct lodge_vcpu *vcpu);
	int (*insn_bytes)(struct lodge_vcpu *vcpu, u8 *buf);
	void (*flush_tlb)(struct lodge_vcpu *vcpu);
};

#define LODGE_CR_EFER	16

/* The vendor in use; NULL while no VM can run on this host. */
extern struct lodge_vendor_ops *lodge_vendor;

extern struct lodge_vendor_ops lodge_svm_ops;
extern struct lodge_vendor_ops lodge_vmx_ops;

#endif /* LODGE_VM_OPS_H */
