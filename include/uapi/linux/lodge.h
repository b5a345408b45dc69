/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Lodge: virtual machines and the walls of containers.
 *
 * File descriptors are the objects: /dev/lodge makes VM descriptors, a VM
 * descriptor makes vCPU descriptors.  Closing the last reference destroys.
 *
 * Every argument is a pointer to a struct that begins with its own size in
 * bytes, as the caller knows it.  Structs only ever grow at the end:
 *
 * - a caller with a shorter (older) struct is served as if the rest were zero;
 * - a caller with a longer (newer) struct is served if the part that this
 *   module does not know is zero, else the call fails with E2BIG;
 * - a size below the first published one fails with EINVAL.
 *
 * Flags, padding and reserved fields that are not defined here must be zero,
 * or the call fails with EINVAL.  Errors common to all calls: EFAULT (bad
 * pointer), ENOTTY (no such request on this kind of descriptor), ENOMEM.
 */
#ifndef _UAPI_LINUX_LODGE_H
#define _UAPI_LINUX_LODGE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define LODGE_API_VERSION	1
#define LODGE_IOC		0xBB

/* Requests on /dev/lodge */
#define LODGE_GET_INFO		_IO(LODGE_IOC, 0x00)
#define LODGE_CREATE_VM		_IO(LODGE_IOC, 0x01)
#define LODGE_CREATE_CELL	_IO(LODGE_IOC, 0x02)

/* Requests on a VM descriptor */
#define LODGE_CREATE_VCPU	_IO(LODGE_IOC, 0x20)
#define LODGE_SET_MEMORY	_IO(LODGE_IOC, 0x21)
#define LODGE_IRQ_LINE		_IO(LODGE_IOC, 0x22)
#define LODGE_SIGNAL_MSI	_IO(LODGE_IOC, 0x23)
#define LODGE_IOEVENTFD		_IO(LODGE_IOC, 0x24)
#define LODGE_IRQFD		_IO(LODGE_IOC, 0x25)

/* Requests on a vCPU descriptor */
#define LODGE_RUN		_IO(LODGE_IOC, 0x40)
#define LODGE_NMI		_IO(LODGE_IOC, 0x41)

/* Requests on a VM or a vCPU descriptor, by the kind of state */
#define LODGE_GET_STATE		_IO(LODGE_IOC, 0x60)
#define LODGE_SET_STATE		_IO(LODGE_IOC, 0x61)

/* Requests on a cell descriptor */
#define LODGE_CELL_SET_POLICY	_IO(LODGE_IOC, 0x80)
#define LODGE_CELL_SET_STATE	_IO(LODGE_IOC, 0x81)
#define LODGE_CELL_GET_STATE	_IO(LODGE_IOC, 0x82)

#define LODGE_MAX_VCPUS		8
#define LODGE_MAX_SLOTS		64
/* Interrupt lines of a VM: the pins of its I/O APIC. */
#define LODGE_NR_GSIS		24

/* lodge_create_vm.flags: with the interrupt controllers and the timer of a PC, two
 * 8259As with ELCR (ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1) and an 8254 (0x40 to
 * 0x43, and 0x61).  LODGE_NMI is their NMI line then, which ends at LINT1.
 */
#define LODGE_VM_PC		(1U << 0)

/**
 * enum lodge_vendor - which virtualization extension the module drives.
 * @LODGE_VENDOR_NONE: none
 * @LODGE_VENDOR_SVM:  AMD's
 * @LODGE_VENDOR_VMX:  Intel's
 */
enum lodge_vendor {
	LODGE_VENDOR_NONE = 0,
	LODGE_VENDOR_SVM = 1,
	LODGE_VENDOR_VMX = 2,
};

/* What the processor offers beyond the requirements: lodge_info.features */
#define LODGE_FEATURE_NEXT_RIP		(1ULL << 0) /* saves the next RIP on an exit */
#define LODGE_FEATURE_DECODE_ASSISTS	(1ULL << 1) /* hands out instruction bytes */
#define LODGE_FEATURE_CLEAN_BITS	(1ULL << 2) /* VMCB clean bits */
#define LODGE_FEATURE_FLUSH_BY_ASID	(1ULL << 3) /* flushes one address space */
#define LODGE_FEATURE_HUGE_1G		(1ULL << 4) /* 1 GiB nested pages (not used) */
#define LODGE_FEATURE_VIRTUAL_SPEC_CTRL	(1ULL << 5) /* SPEC_CTRL in the VMCB */
#define LODGE_FEATURE_PAUSE_FILTER	(1ULL << 6) /* exits for a guest that spins */
#define LODGE_FEATURE_VPID		(1ULL << 7) /* tags the guest's translations */
#define LODGE_FEATURE_FLUSH_BY_EPT	(1ULL << 8) /* flushes one nested page table */
#define LODGE_FEATURE_NPT_AD		(1ULL << 9) /* accessed and dirty bits in EPT */
#define LODGE_FEATURE_WBINVD_EXIT	(1ULL << 10) /* exits for WBINVD */
#define LODGE_FEATURE_RDTSCP		(1ULL << 11) /* RDTSCP in the guest */
#define LODGE_FEATURE_INVPCID		(1ULL << 12) /* INVPCID in the guest */
#define LODGE_FEATURE_PREEMPTION_TIMER	(1ULL << 13) /* a timer ends long runs */
#define LODGE_FEATURE_TSC_SCALING	(1ULL << 14) /* TSC at another rate (not used) */
#define LODGE_FEATURE_XSAVES		(1ULL << 15) /* XSAVES in the guest (not used) */
#define LODGE_FEATURE_LOAD_PAT		(1ULL << 16) /* PAT in the VMCS (not used) */
#define LODGE_FEATURE_STEP		(1ULL << 17) /* LODGE_DEBUG_STEP */

/**
 * struct lodge_info - what this module and this host can do (LODGE_GET_INFO).
 * @size:        in: size of this struct in bytes; out: the module's size of it
 * @api_version: out: LODGE_API_VERSION of the module
 * @vendor:      out: enum lodge_vendor; LODGE_VENDOR_NONE if no VM can run
 * @vm_error:    out: 0, or the errno that LODGE_CREATE_VM would fail with now:
 *               ENODEV (no usable extension), EBUSY (root mode is taken)
 * @max_vcpus:   out: the most vCPUs a VM can have
 * @max_slots:   out: the most memory slots a VM can have
 * @phys_bits:   out: width of guest physical addresses in bits
 * @tsc_khz:     out: rate of the guest's time stamp counter in kHz
 * @run_size:    out: bytes to mmap() from a vCPU descriptor
 * @nr_gsis:     out: number of interrupt lines of a VM
 * @features:    out: LODGE_FEATURE_*
 * @nr_asids:    out: address space identifiers of the processor
 * @xsave_size:  out: bytes of XSAVE area in struct lodge_xsave
 * @reason:      out: NUL-terminated reason in words if @vm_error is not 0
 * @nr_hooks:    out: functions of the kernel at which the walls of cells stand
 * @reserved:    out: 0
 *
 * Never fails but for the errors common to all calls.
 */
struct lodge_info {
	__u32 size;
	__u32 api_version;
	__u32 vendor;
	__s32 vm_error;
	__u32 max_vcpus;
	__u32 max_slots;
	__u32 phys_bits;
	__u32 tsc_khz;
	__u32 run_size;
	__u32 nr_gsis;
	__u64 features;
	__u32 nr_asids;
	__u32 xsave_size;
	char reason[96];
	__u32 nr_hooks;
	__u32 reserved;
};

/**
 * struct lodge_create_vm - LODGE_CREATE_VM: make a VM without vCPUs or memory.
 * @size:  size of this struct in bytes
 * @flags: LODGE_VM_PC, or 0
 * @name:  its name for people, or empty for one that the module makes of its id:
 *         a letter or digit, then letters, digits, "_", "." and "-", and a NUL
 *
 * Returns a VM descriptor (close-on-exec).  The VM uses the memory of the
 * process that calls this; no other process can run its vCPUs or give it
 * memory (EIO).  What it allocates is charged to the caller's memory cgroup.
 *
 * Errors: EINVAL (bad @flags or @name), EEXIST (a living guest has the name),
 * ENODEV (the host has no usable VMX or SVM), EBUSY (another hypervisor holds
 * root mode), EINTR (a signal came: try again), EMFILE, ENFILE.
 */
struct lodge_create_vm {
	__u32 size;
	__u32 flags;
	char name[64];
};

/**
 * struct lodge_create_vcpu - LODGE_CREATE_VCPU: add a virtual CPU.
 * @size:  size of this struct in bytes
 * @id:    its APIC ID, 0 to LODGE_MAX_VCPUS - 1.  vCPU 0 is the bootstrap
 *         processor and runnable at once; the others wait for INIT and SIPI.
 * @flags: must be 0
 * @reserved: must be 0
 *
 * Returns a vCPU descriptor (close-on-exec), whose registers have their values
 * after RESET (AMD APM vol. 2, 14.1.3; Intel SDM vol. 3, 9.1.1).  It keeps its
 * VM alive.  mmap() of its first lodge_info.run_size bytes (shared, offset 0)
 * gives its struct lodge_run.
 *
 * Errors: EINVAL (@id out of range), EEXIST (@id taken), EIO (not the process
 * that made the VM), EMFILE, ENFILE.
 */
struct lodge_create_vcpu {
	__u32 size;
	__u32 id;
	__u32 flags;
	__u32 reserved;
};

#define LODGE_MEM_READONLY	(1U << 0)

/**
 * struct lodge_memory - LODGE_SET_MEMORY: set, move or remove a memory slot.
 * @size:       size of this struct in bytes
 * @slot:       0 to LODGE_MAX_SLOTS - 1
 * @flags:      LODGE_MEM_READONLY: guest writes become LODGE_EXIT_MMIO
 * @reserved:   must be 0
 * @guest_addr: guest physical address of the slot, a multiple of 4096
 * @length:     bytes, a multiple of 4096; 0 removes the slot
 * @host_addr:  where the memory is mapped in the calling process, a multiple
 *              of 4096.  The mapping may change at any time; the guest sees at
 *              once what the process would see.  Nothing is pinned.
 *
 * Setting a slot that exists replaces it; no guest access uses the old memory
 * once the call has returned.  What the host maps with 2 MiB pages is mapped so
 * for the guest, too, where @guest_addr and @host_addr are equal modulo 2 MiB.
 *
 * Errors: EINVAL (bad slot, alignment, wrap-around, above the guest's physical
 * addresses, not user addresses, or over the interrupt controllers at 0xfec00000
 * to 0xfecfffff and 0xfee00000 to 0xfeefffff), EEXIST (overlaps another slot),
 * ENOENT (removing a slot that is not there), EINTR (killed while waiting), EIO
 * (not the process that made the VM).
 */
struct lodge_memory {
	__u32 size;
	__u32 slot;
	__u32 flags;
	__u32 reserved;
	__u64 guest_addr;
	__u64 length;
	__u64 host_addr;
};

/**
 * struct lodge_irq_line - LODGE_IRQ_LINE: drive a pin of the I/O APIC.
 * @size:  size of this struct in bytes
 * @gsi:   pin, 0 to LODGE_NR_GSIS - 1
 * @level: 1 asserts, 0 deasserts.  An edge-triggered pin delivers when the
 *         level rises; a level-triggered one as long as it is 1.
 * @reserved: must be 0
 *
 * With LODGE_VM_PC, lines below 16 go to the 8259As too: 2 is the timer's, their
 * IRQ 0, and 0 is where the I/O APIC has their output; the others are IRQs of the
 * same number.
 *
 * Errors: EINVAL (@gsi or @level out of range).
 */
struct lodge_irq_line {
	__u32 size;
	__u32 gsi;
	__u32 level;
	__u32 reserved;
};

/**
 * struct lodge_msi - LODGE_SIGNAL_MSI: deliver a message signalled interrupt.
 * @size:    size of this struct in bytes
 * @flags:   must be 0
 * @address: message address (Intel SDM vol. 3, 11.11.1): 0xfee00000 to 0xfeefffff
 * @data:    message data (Intel SDM vol. 3, 11.11.2)
 * @reserved: must be 0
 *
 * Returns the number of vCPUs that took it, which can be 0.
 * Errors: EINVAL (not an MSI address, or a reserved delivery mode).
 */
struct lodge_msi {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u32 data;
	__u32 reserved;
};

#define LODGE_IOEVENTFD_PIO		(1U << 0) /* @addr is an I/O port */
#define LODGE_IOEVENTFD_DATAMATCH	(1U << 1) /* only for writes of @datamatch */
#define LODGE_IOEVENTFD_DEASSIGN	(1U << 2) /* remove it again */

/**
 * struct lodge_ioeventfd - LODGE_IOEVENTFD: signal an eventfd on a guest write.
 * @size:      size of this struct in bytes
 * @flags:     LODGE_IOEVENTFD_*
 * @addr:      guest physical address, or port with LODGE_IOEVENTFD_PIO
 * @datamatch: with LODGE_IOEVENTFD_DATAMATCH, the value that counts; else 0
 * @len:       width of the write in bytes: 1, 2, 4, 8 (8 not for ports), or 0
 *             for any width (then without LODGE_IOEVENTFD_DATAMATCH)
 * @fd:        the eventfd
 *
 * A write that matches signals the eventfd and does not leave the module.
 * To remove it, pass the same values with LODGE_IOEVENTFD_DEASSIGN.
 *
 * Errors: EINVAL (bad flags, width, port, address wraps, not an eventfd),
 * EBADF, EEXIST (an ioeventfd of the same address, width and match is there),
 * ENOENT (nothing to remove), ENOSPC (more than 256).
 */
struct lodge_ioeventfd {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 datamatch;
	__u32 len;
	__s32 fd;
};

#define LODGE_IRQFD_DEASSIGN	(1U << 0)
#define LODGE_IRQFD_RESAMPLE	(1U << 1) /* level-triggered, with @resample_fd */
#define LODGE_IRQFD_MSI		(1U << 2) /* @msi_address and @msi_data, not @gsi */

/**
 * struct lodge_irqfd - LODGE_IRQFD: interrupt the guest by an eventfd.
 * @size:        size of this struct in bytes
 * @flags:       LODGE_IRQFD_*
 * @fd:          the eventfd: each signal is an edge on @gsi, or a message
 * @gsi:         pin, 0 to LODGE_NR_GSIS - 1; 0 with LODGE_IRQFD_MSI
 * @msi_address: with LODGE_IRQFD_MSI, as in struct lodge_msi; else 0
 * @msi_data:    with LODGE_IRQFD_MSI, as in struct lodge_msi; else 0
 * @resample_fd: with LODGE_IRQFD_RESAMPLE, the eventfd that is signalled when
 *               the guest's EOI has deasserted the pin; else 0
 *
 * To remove it, pass @fd and the same @gsi with LODGE_IRQFD_DEASSIGN.
 *
 * Errors: EINVAL (bad flags, pin, message, not an eventfd), EBADF,
 * EBUSY (@fd is attached to this VM already), ENOENT (nothing to remove), ENOSPC
 * (more than 1024).
 */
struct lodge_irqfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 gsi;
	__u64 msi_address;
	__u32 msi_data;
	__s32 resample_fd;
};

/**
 * enum lodge_state_kind - what LODGE_GET_STATE and LODGE_SET_STATE move.
 * @LODGE_STATE_REGS:   struct lodge_regs, vCPU
 * @LODGE_STATE_SREGS:  struct lodge_sregs, vCPU
 * @LODGE_STATE_XSAVE:  struct lodge_xsave, vCPU
 * @LODGE_STATE_MSRS:   struct lodge_msrs, vCPU; a get fills the values of the
 *                      indices that the caller put in
 * @LODGE_STATE_LAPIC:  struct lodge_lapic_state, vCPU
 * @LODGE_STATE_EVENTS: struct lodge_events, vCPU
 * @LODGE_STATE_DEBUG:  struct lodge_debugregs, vCPU
 * @LODGE_STATE_IOAPIC: struct lodge_ioapic_state, VM
 * @LODGE_STATE_CPUID:  struct lodge_cpuid, vCPU, get only: the value of a leaf
 *                      that the caller put in
 * @LODGE_STATE_PIC:    struct lodge_pic_state, VM with LODGE_VM_PC
 * @LODGE_STATE_PIT:    struct lodge_pit_state, VM with LODGE_VM_PC
 * @LODGE_STATE_GUEST_DEBUG: struct lodge_guest_debug, vCPU
 */
enum lodge_state_kind {
	LODGE_STATE_REGS = 1,
	LODGE_STATE_SREGS = 2,
	LODGE_STATE_XSAVE = 3,
	LODGE_STATE_MSRS = 4,
	LODGE_STATE_LAPIC = 5,
	LODGE_STATE_EVENTS = 6,
	LODGE_STATE_DEBUG = 7,
	LODGE_STATE_IOAPIC = 8,
	LODGE_STATE_CPUID = 9,
	LODGE_STATE_PIC = 10,
	LODGE_STATE_PIT = 11,
	LODGE_STATE_GUEST_DEBUG = 12,
};

/**
 * struct lodge_state - LODGE_GET_STATE, LODGE_SET_STATE: state in and out.
 * @size:      size of this struct in bytes
 * @kind:      enum lodge_state_kind
 * @data:      user address of the struct that @kind names
 * @data_size: its size in bytes; it must be that struct's exactly
 * @reserved:  must be 0
 *
 * The vCPU must not be in LODGE_RUN: these calls wait until it is not, or fail
 * with EINTR when a signal comes first.
 *
 * Errors: EINVAL (unknown kind, kind not of this descriptor, wrong size, or a
 * value that the processor could not have), EINTR, EIO (not the process that
 * made the VM).
 */
struct lodge_state {
	__u32 size;
	__u32 kind;
	__u64 data;
	__u32 data_size;
	__u32 reserved;
};

/**
 * struct lodge_regs - general registers, in the processor's own order.
 * @rax:    number 0
 * @rcx:    number 1
 * @rdx:    number 2
 * @rbx:    number 3
 * @rsp:    number 4
 * @rbp:    number 5
 * @rsi:    number 6
 * @rdi:    number 7
 * @r8:     number 8
 * @r9:     number 9
 * @r10:    number 10
 * @r11:    number 11
 * @r12:    number 12
 * @r13:    number 13
 * @r14:    number 14
 * @r15:    number 15
 * @rip:    of the next instruction
 * @rflags: bit 1 must be set
 */
struct lodge_regs {
	__u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	__u64 r8, r9, r10, r11, r12, r13, r14, r15;
	__u64 rip, rflags;
};

/**
 * struct lodge_segment - a segment register with its hidden part.
 * @base:     linear address
 * @limit:    in bytes, granularity applied
 * @selector: visible part
 * @type:     descriptor type, 4 bits
 * @s:        1: code or data, 0: system
 * @dpl:      descriptor privilege level, 0 to 3
 * @present:  1: present
 * @avl:      available to software
 * @l:        64-bit code
 * @db:       default operand size 32 bits
 * @g:        granularity as in the descriptor
 * @unusable: 1: null selector was loaded
 * @padding:  must be 0
 */
struct lodge_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u8 type;
	__u8 s, dpl, present, avl, l, db, g;
	__u8 unusable;
	__u8 padding[1];
};

/**
 * struct lodge_table - GDTR or IDTR.
 * @base:    linear address
 * @limit:   in bytes
 * @padding: must be 0
 */
struct lodge_table {
	__u64 base;
	__u16 limit;
	__u16 padding[3];
};

/**
 * struct lodge_sregs - segments and control registers.
 * @es:        data segment
 * @cs:        code segment
 * @ss:        stack segment; its DPL is the current privilege level
 * @ds:        data segment
 * @fs:        data segment; in 64-bit mode its base counts
 * @gs:        likewise
 * @ldt:       LDTR
 * @tr:        task register
 * @gdt:       GDTR
 * @idt:       IDTR
 * @cr0:       CR0
 * @cr2:       address of the last page fault
 * @cr3:       CR3
 * @cr4:       CR4
 * @cr8:       task priority class, 0 to 15
 * @efer:      EFER
 * @apic_base: IA32_APIC_BASE
 *
 * EFER.LMA must be EFER.LME and CR0.PG.  Setting values that no processor can
 * be in fails with EINVAL; what only VMRUN or VM entry refuses shows as
 * LODGE_EXIT_FAIL_ENTRY.
 */
struct lodge_sregs {
	struct lodge_segment es, cs, ss, ds, fs, gs, ldt, tr;
	struct lodge_table gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8;
	__u64 efer;
	__u64 apic_base;
};

/**
 * struct lodge_xsave - floating point and vector state.
 * @xcr0:  XCR0; bits that the guest's CPUID leaf 0xd does not offer are EINVAL
 * @reserved: must be 0
 * @area:  standard (non-compacted) XSAVE format, lodge_info.xsave_size bytes of
 *         it are used, the rest is zero.  XSTATE_BV bits outside what leaf 0xd
 *         offers, a non-zero XCOMP_BV, and reserved MXCSR bits are EINVAL.
 */
struct lodge_xsave {
	__u64 xcr0;
	__u64 reserved[7];
	__u8 area[4096];
};

#define LODGE_MAX_MSRS	64

/**
 * struct lodge_msr - one model specific register.
 * @index:    its number, as in ECX
 * @reserved: must be 0
 * @value:    of the register
 */
struct lodge_msr {
	__u32 index;
	__u32 reserved;
	__u64 value;
};

/**
 * struct lodge_msrs - model specific registers.
 * @count:    number of @entries in use, at most LODGE_MAX_MSRS
 * @done:     out: how many were got or set before the first that failed (then
 *            the call's error is EINVAL)
 * @entries:  index and value
 */
struct lodge_msrs {
	__u32 count;
	__u32 done;
	struct lodge_msr entries[LODGE_MAX_MSRS];
};

/**
 * struct lodge_lapic_state - the local APIC's register page (xAPIC layout).
 * @regs: registers are 16 bytes apart, everything between them is zero
 *
 * Set lodge_sregs.apic_base before it, whose mode LDR and ICR depend on, and
 * IA32_TSC_DEADLINE after it.  The ID is in bits 31:24 in all modes and cannot
 * be changed; PPR is computed; the current count is at most the initial one.
 */
struct lodge_lapic_state {
	__u8 regs[1024];
};

/**
 * enum lodge_mp_state - what a vCPU is doing.
 * @LODGE_MP_RUNNABLE:      runs
 * @LODGE_MP_UNINITIALIZED: waits for INIT
 * @LODGE_MP_INIT_RECEIVED: waits for SIPI
 * @LODGE_MP_HALTED:        waits for an interrupt
 */
enum lodge_mp_state {
	LODGE_MP_RUNNABLE = 0,
	LODGE_MP_UNINITIALIZED = 1,
	LODGE_MP_INIT_RECEIVED = 2,
	LODGE_MP_HALTED = 3,
};

/**
 * struct lodge_events - what is about to be delivered.
 * @mp_state:           enum lodge_mp_state
 * @exception_pending:  1: @exception_vector is to be injected on entry
 * @exception_has_error: 1: with @exception_error
 * @exception_vector:   0 to 31
 * @exception_error:    error code
 * @exception_padding:  must be 0
 * @interrupt_pending:  1: @interrupt_vector was acknowledged and not delivered
 * @interrupt_vector:   0 to 255
 * @interrupt_shadow:   1: after STI or MOV SS
 * @nmi_pending:        NMIs waiting, 0 to 2
 * @nmi_masked:         1: an NMI handler runs
 * @padding:            must be 0
 */
struct lodge_events {
	__u32 mp_state;
	__u8 exception_pending;
	__u8 exception_has_error;
	__u8 exception_vector;
	__u8 exception_padding;
	__u32 exception_error;
	__u8 interrupt_pending;
	__u8 interrupt_vector;
	__u8 interrupt_shadow;
	__u8 nmi_pending;
	__u8 nmi_masked;
	__u8 padding[7];
};

/**
 * struct lodge_debugregs - debug registers.
 * @dr:  DR0 to DR3: addresses of breakpoints
 * @dr6: status
 * @dr7: control
 *
 * DR4 and DR5 are aliases of DR6 and DR7.
 */
struct lodge_debugregs {
	__u64 dr[4];
	__u64 dr6;
	__u64 dr7;
};

/* lodge_guest_debug.flags */
#define LODGE_DEBUG_BREAKPOINTS	(1U << 0)
#define LODGE_DEBUG_STEP	(1U << 1)
#define LODGE_DEBUG_REFLECT	(1U << 2)

/**
 * struct lodge_guest_debug - what the caller's debugger wants to see.
 * @flags:    LODGE_DEBUG_BREAKPOINTS: INT3 (0xcc) ends LODGE_RUN with
 *            LODGE_EXIT_DEBUG, vector 3, RIP at the instruction.
 *            LODGE_DEBUG_STEP (with LODGE_FEATURE_STEP): so does, with vector 1, each
 *            instruction that was executed, and each event that was delivered, RIP
 *            at the first instruction of its handler. Interrupts and NMIs
 *            that were not about to be delivered already wait.
 *            LODGE_DEBUG_REFLECT, set only, after a LODGE_EXIT_DEBUG of vector 3 and
 *            before anything else was run: that INT3 is the guest's own,
 *            the next LODGE_RUN delivers it to the guest.
 * @reserved: must be 0
 *
 * It stays until it is set again, and no reset of the guest changes it. The guest
 * sees neither, and its own single steps and breakpoints go on; but with SVM, what
 * PUSHF, SYSCALL or INTO store while they are stepped has the trap flag set, and of the
 * latter two the step ends only behind the handler; and a step into a handler may
 * end some instructions later.
 *
 * Errors: EINVAL (@flags, no LODGE_FEATURE_STEP, nothing to reflect).
 */
struct lodge_guest_debug {
	__u32 flags;
	__u32 reserved;
};

/**
 * struct lodge_ioapic_state - the I/O APIC's registers.
 * @id:       ID register
 * @ioregsel: index of the register that the window shows
 * @irr:      one bit a pin: pending
 * @level:    one bit a pin: its input now
 * @redirtbl: redirection table
 */
struct lodge_ioapic_state {
	__u32 id;
	__u32 ioregsel;
	__u32 irr;
	__u32 level;
	__u64 redirtbl[LODGE_NR_GSIS];
};

/**
 * struct lodge_pic_chip - an 8259A.
 * @irr:          requests
 * @imr:          masked ones
 * @isr:          in service
 * @level:        inputs as they are now
 * @elcr:         level-triggered inputs; 0 for IRQ 0, 1, 2, 8 and 13
 * @base:         vector of its IR 0, a multiple of 8
 * @lowest:       the IR of lowest priority, 0 to 7
 * @icw:          which initialization command word it waits for: 2, 3, 4 or 0
 * @icw4:         1: there will be an ICW4
 * @single:       1: without cascade
 * @auto_eoi:     1: automatic end of interrupt
 * @rotate:       1: with rotation
 * @special_mask: 1: special mask mode
 * @special_nested: 1: special fully nested mode
 * @read_isr:     1: reads give ISR, not IRR
 * @poll:         1: the next read polls
 */
struct lodge_pic_chip {
	__u8 irr, imr, isr;
	__u8 level;
	__u8 elcr;
	__u8 base;
	__u8 lowest;
	__u8 icw;
	__u8 icw4, single, auto_eoi, rotate;
	__u8 special_mask, special_nested;
	__u8 read_isr, poll;
};

/**
 * struct lodge_pic_state - both 8259As.
 * @chips: the one with IRQ 0 to 7, and on its IR 2 the one with IRQ 8 to 15; bit 2 of
 *         the first one's @irr and @level is what the second asks for
 */
struct lodge_pic_state {
	struct lodge_pic_chip chips[2];
};

/**
 * struct lodge_pit_channel - a counter of the 8254.
 * @elapsed:        ns for which it has counted, below 2^62
 * @count:          initial count, 1 to 65536 (10000 with @bcd), 0 before there is one
 * @latch:          count that was latched
 * @latched:        how many of its bytes are to be read yet, 0 to 2
 * @status:         status that was latched
 * @status_latched: 1: the next read gives it
 * @mode:           0 to 5
 * @access:         1: low byte, 2: high byte, 3: both
 * @bcd:            1: counts in decimal
 * @gate:           its input
 * @counting:       1: @elapsed has begun (after a trigger in modes 1 and 5)
 * @read_high:      1: the high byte is read next
 * @write_high:     1: the high byte is written next
 * @low:            the low byte that was written
 * @padding:        must be 0
 */
struct lodge_pit_channel {
	__u64 elapsed;
	__u32 count;
	__u16 latch;
	__u8 latched;
	__u8 status, status_latched;
	__u8 mode, access, bcd;
	__u8 gate, counting;
	__u8 read_high, write_high, low;
	__u8 padding[7];
};

/**
 * struct lodge_pit_state - the 8254, and port 0x61.
 * @channels: its counters
 * @backlog:  ticks of the first that are due and were not delivered yet
 * @control:  port 0x61 as written, bits 0 to 3; bit 0 is the gate of channel 2
 * @padding:  must be 0
 */
struct lodge_pit_state {
	struct lodge_pit_channel channels[3];
	__u32 backlog;
	__u8 control;
	__u8 padding[3];
};

/**
 * struct lodge_cpuid - one CPUID leaf as the guest sees it.
 * @leaf:    in: as in EAX
 * @subleaf: in: as in ECX
 * @eax:     out: EAX
 * @ebx:     out: EBX
 * @ecx:     out: ECX
 * @edx:     out: EDX
 */
struct lodge_cpuid {
	__u32 leaf, subleaf;
	__u32 eax, ebx, ecx, edx;
};

/**
 * enum lodge_exit_reason - why LODGE_RUN came back (lodge_run.exit_reason).
 * @LODGE_EXIT_NONE:       LODGE_RUN failed before it ran anything
 * @LODGE_EXIT_INTR:       a signal or lodge_run.immediate_exit; the call
 *                         failed with EINTR
 * @LODGE_EXIT_IO:         port access, see lodge_run.io; for a read, put the
 *                         value into @data and call LODGE_RUN again
 * @LODGE_EXIT_MMIO:       access to what is not memory, see lodge_run.mmio;
 *                         for a read as above
 * @LODGE_EXIT_SHUTDOWN:   triple fault
 * @LODGE_EXIT_FAIL_ENTRY: the processor or the module's checker refused the
 *                         guest's state; see lodge_run.fail
 * @LODGE_EXIT_INTERNAL:   an instruction that cannot be emulated or an exit
 *                         that cannot be handled; see lodge_run.fail
 * @LODGE_EXIT_MEMORY:     a slot's memory cannot be reached (hole, SIGBUS,
 *                         no memory); see lodge_run.memory
 * @LODGE_EXIT_DEBUG:      what struct lodge_guest_debug asks for; see
 *                         lodge_run.debug
 */
enum lodge_exit_reason {
	LODGE_EXIT_NONE = 0,
	LODGE_EXIT_INTR = 1,
	LODGE_EXIT_IO = 2,
	LODGE_EXIT_MMIO = 3,
	LODGE_EXIT_SHUTDOWN = 4,
	LODGE_EXIT_FAIL_ENTRY = 5,
	LODGE_EXIT_INTERNAL = 6,
	LODGE_EXIT_MEMORY = 7,
	LODGE_EXIT_DEBUG = 8,
};

#define LODGE_IO_IN	0
#define LODGE_IO_OUT	1

#define LODGE_MAX_FIELDS	96

/**
 * struct lodge_field - a field of the control block that was refused.
 * @field:    VMX: its encoding in the VMCS (Intel SDM vol. 3, appendix B);
 *            SVM: its offset in the VMCB (AMD APM vol. 2, appendix B)
 * @reserved: 0
 * @value:    what it held
 */
struct lodge_field {
	__u32 field;
	__u32 reserved;
	__u64 value;
};

/**
 * struct lodge_run - the page that a vCPU shares with the tool.
 * @immediate_exit: in: not 0: LODGE_RUN completes what the last exit asked for
 *                  and returns EINTR without entering the guest (set it from a
 *                  signal handler to close the race)
 * @padding0:       ignored
 * @exit_reason:    out: enum lodge_exit_reason
 * @padding1:       ignored
 * @vendor_code:    out: the processor's own exit code, for people
 * @io:             LODGE_EXIT_IO: @port, @width 1, 2 or 4 bytes, @direction
 *                  LODGE_IO_*, @data
 * @mmio:           LODGE_EXIT_MMIO: @addr guest physical, @width 1 to 8 bytes
 *                  (never across a page), @is_write, @data little endian
 * @memory:         LODGE_EXIT_MEMORY: @addr guest physical, @error an errno
 * @debug:          LODGE_EXIT_DEBUG: @rip, @vector 1 for a step, 3 for INT3
 * @fail:           FAIL_ENTRY, INTERNAL, SHUTDOWN: where the guest was (@rip,
 *                  @insn with @insn_len bytes), and in words why (@reason)
 * @padding2:       room for what may come
 * @nr_fields:      LODGE_EXIT_FAIL_ENTRY: how many of @fields are filled
 * @padding3:       ignored
 * @fields:         LODGE_EXIT_FAIL_ENTRY: what the processor held against its
 *                  rules
 */
struct lodge_run {
	__u8 immediate_exit;
	__u8 padding0[7];

	__u32 exit_reason;
	__u32 padding1;
	__u64 vendor_code;
	union {
		struct {
			__u16 port;
			__u8 width;
			__u8 direction;
			__u32 data;
		} io;
		struct {
			__u64 addr;
			__u8 data[8];
			__u32 width;
			__u32 is_write;
		} mmio;
		struct {
			__u64 addr;
			__s32 error;
			__u32 is_write;
		} memory;
		struct {
			__u64 rip;
			__u32 vector;
			__u32 reserved;
		} debug;
		struct {
			__u64 rip;
			__u64 info1;
			__u64 info2;
			__u32 insn_len;
			__u8 insn[16];
			char reason[92];
		} fail;
		__u8 padding2[256];
	};
	__u32 nr_fields;
	__u32 padding3;
	struct lodge_field fields[LODGE_MAX_FIELDS];
};

/* What a cell's processes may do to files: lodge_cell_rule.access */
#define LODGE_ACCESS_READ	(1U << 0)
#define LODGE_ACCESS_WRITE	(1U << 1)
#define LODGE_ACCESS_EXECUTE	(1U << 2)

/* lodge_cell_rule.major and .minor: all of them */
#define LODGE_DEVICE_ANY	0xffffffffU

/**
 * enum lodge_cell_rule_kind - what a rule gives to a cell.
 * @LODGE_RULE_TREE: files: a folder with all below it, on its file system alone,
 *                   or a single file; also a socket that was made outside
 * @LODGE_RULE_CHAR_DEVICE: character devices
 * @LODGE_RULE_BLOCK_DEVICE: block devices
 * @LODGE_RULE_FILESYSTEM: a type of file system that it may mount anew
 * @LODGE_RULE_FAMILY: a family of sockets
 */
enum lodge_cell_rule_kind {
	LODGE_RULE_TREE = 1,
	LODGE_RULE_CHAR_DEVICE = 2,
	LODGE_RULE_BLOCK_DEVICE = 3,
	LODGE_RULE_FILESYSTEM = 4,
	LODGE_RULE_FAMILY = 5,
};

/**
 * struct lodge_cell_rule - one thing that a cell's processes may use.
 * @kind:   enum lodge_cell_rule_kind
 * @access: TREE and devices: LODGE_ACCESS_*; else 0
 * @fd:     TREE: a descriptor of the folder or file (O_PATH suffices); else 0
 * @major:  devices: its major number, or LODGE_DEVICE_ANY; FAMILY: AF_*; else 0
 * @minor:  devices: its minor number, or LODGE_DEVICE_ANY; else 0
 * @type:   FILESYSTEM: its name, as in /proc/filesystems, and a NUL; else zeros
 */
struct lodge_cell_rule {
	__u32 kind;
	__u32 access;
	__s32 fd;
	__u32 major;
	__u32 minor;
	char type[20];
};

/* All of what a wall keeps off, where no rule says otherwise: lodge_policy.rights
 * takes a part of the wall down.
 */
#define LODGE_RIGHT_FILES	(1U << 0) /* files outside its trees */
#define LODGE_RIGHT_DEVICES	(1U << 1) /* devices that no rule names */
#define LODGE_RIGHT_SOCKETS	(1U << 2) /* sockets of others, any family */
#define LODGE_RIGHT_PROCESSES	(1U << 3) /* processes outside */
#define LODGE_RIGHT_NAMESPACES	(1U << 4) /* namespaces of others */
#define LODGE_RIGHT_MOUNTS	(1U << 5) /* any file system; remount what it was given */
#define LODGE_RIGHT_SYSCTL	(1U << 6) /* the host's files in /proc and /sys */
#define LODGE_RIGHT_MODULES	(1U << 7) /* kernel modules */
#define LODGE_RIGHT_BPF		(1U << 8) /* bpf() */
#define LODGE_RIGHT_PERF	(1U << 9) /* perf_event_open() */
#define LODGE_RIGHT_CLOCK	(1U << 10) /* the host's clock */
#define LODGE_RIGHT_SYSLOG	(1U << 11) /* the kernel's log */
#define LODGE_RIGHT_KEYS	(1U << 12) /* keyrings */
#define LODGE_RIGHT_BOOT	(1U << 13) /* reboot and kexec */
#define LODGE_RIGHT_RAW		(1U << 14) /* ports, memory and debug interfaces */
#define LODGE_RIGHTS_ALL	((1U << 15) - 1)

#define LODGE_POLICY_COMPLAIN	(1U << 0)

#define LODGE_MAX_RULES		512

/**
 * struct lodge_policy - what a cell's processes may do (LODGE_CELL_SET_POLICY).
 * @size:     size of this struct in bytes
 * @flags:    LODGE_POLICY_COMPLAIN: report what would be denied, and let it happen
 * @rights:   LODGE_RIGHT_*: what is not guarded at all
 * @nr_rules: how many @rules, up to LODGE_MAX_RULES
 * @rules:    address of an array of struct lodge_cell_rule
 * @reserved: must be 0
 *
 * LODGE_CELL_SET_POLICY replaces the whole policy at once; what is open stays
 * open, but its use is checked by the new one.
 *
 * Errors: EINVAL (flags, rights, a rule that makes no sense), E2BIG (too many
 * rules), EBADF (a TREE's descriptor), ESRCH (the cell has ended).
 */
struct lodge_policy {
	__u32 size;
	__u32 flags;
	__u32 rights;
	__u32 nr_rules;
	__u64 rules;
	__u64 reserved;
};

/**
 * struct lodge_create_cell - LODGE_CREATE_CELL: put a wall around processes.
 * @size:   size of this struct in bytes
 * @pid:    the first process (PID 1) of a pid namespace, a child of the caller's,
 *          as the caller's pid namespace numbers it
 * @cgroup: descriptor of the cgroup (version 2) that the processes are in;
 *          not the root. A socket is the cell's own if it was made in here.
 *          -1, with LODGE_CELL_VM alone: none, so no socket is its own
 * @flags:  LODGE_CELL_VM or 0
 * @policy: address of a struct lodge_policy
 * @name:   its name for people, or empty for one that the module makes of its
 *          id: as in struct lodge_create_vm; with LODGE_CELL_VM empty
 * @vm:     with LODGE_CELL_VM: descriptor of a VM that @pid has made; else 0
 * @reserved: must be 0
 *
 * All processes of the pid namespace and of those within it are in the cell,
 * from now on and whatever they do. Returns a cell descriptor (close-on-exec).
 * When the last reference is closed, the module kills the processes; the wall
 * stands until the last of them has gone.
 *
 * LODGE_CELL_VM puts the wall around the process that runs a VM. There is no
 * second guest: the VM is the guest that the cell belongs to, and the caller is its
 * keeper from now on.
 *
 * Errors: EINVAL (@pid is not the first process of a pid namespace other than the
 * initial one, @cgroup is the root, @name, @flags, @vm is no VM or not made by
 * @pid), ESRCH (there is no @pid, or the VM has ended), ECHILD (it is
 * not the caller's), EBADF (a descriptor), EEXIST (a living guest has the name),
 * EBUSY (a cell is there already), EPERM (the caller is in a cell, or has not
 * CAP_SYS_ADMIN in the initial user namespace, which LODGE_CELL_VM does not ask
 * for if @pid has set no_new_privs), those of struct lodge_policy, EMFILE, ENFILE.
 */
struct lodge_create_cell {
	__u32 size;
	__s32 pid;
	__s32 cgroup;
	__u32 flags;
	__u64 policy;
	char name[64];
	__s32 vm;
	__u32 reserved;
};

/* lodge_create_cell.flags */
#define LODGE_CELL_VM		(1U << 0)

/* lodge_cell_state.flags */
#define LODGE_CELL_PAUSED	(1U << 0)
#define LODGE_CELL_ENDED	(1U << 1)

/**
 * struct lodge_cell_state - LODGE_CELL_SET_STATE and LODGE_CELL_GET_STATE.
 * @size:    size of this struct in bytes
 * @flags:   LODGE_CELL_PAUSED: its keeper has stopped it; LODGE_CELL_ENDED: it
 *           has ended by itself, with @status
 * @status:  as of wait(2): of the process that the guest was for
 * @reserved: must be 0
 * @checks:  get: how often a hook looked at what a process of the cell did
 * @denials: get: how often one said no (or would have)
 *
 * SET_STATE is for lodge ps and events: the keeper knows these things, the module
 * does not look. @checks and @denials must be 0 then.
 *
 * Errors: EINVAL.
 */
struct lodge_cell_state {
	__u32 size;
	__u32 flags;
	__s32 status;
	__u32 reserved;
	__u64 checks;
	__u64 denials;
};

#endif /* _UAPI_LINUX_LODGE_H */
