/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that the processor hands over: decoded and executed in software.
 *
 * The decoder, the executor and the page walk know no vCPU and nothing of the
 * kernel; selftests/insn_test.c runs them as a program, beside the processor.
 * vm/emulate.c ties them to a vCPU.
 */
#ifndef LODGE_VM_INSN_H
#define LODGE_VM_INSN_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include "vm.h"

#define LODGE_INSN_MAX	15	/* bytes; one more is #GP */

/* struct lodge_insn.op: which opcode map, above the opcode's own byte */
#define MAP_0F		0x100
#define MAP_0F38	0x200
#define MAP_0F3A	0x300

/**
 * struct lodge_insn - a decoded instruction
 * @op: opcode byte, with MAP_*
 * @len: length in bytes
 * @mode: size in bytes that code has by default: 2, 4 or 8
 * @opsize: operand size in bytes, 2, 4 or 8, as prefixes and defaults make it
 * @addrsize: address size in bytes
 * @size: size of the operands: 1 for byte instructions, else @opsize
 * @opsize_prefix: 66 was there
 * @rep: F2 or F3 if one was there, else 0
 * @lock: F0 was there
 * @rex: the REX prefix, or 0
 * @has_modrm: @modrm to @disp are valid
 * @modrm: the byte itself
 * @mem: operand E is memory
 * @reg: general register of the reg field, with REX.R
 * @rm: general register of the r/m field, with REX.B (unless @mem)
 * @base: base register, -1 for none, REG_RIP_BASE for the next instruction
 * @index: index register, -1 for none
 * @scale: shift of the index
 * @seg: segment of a memory operand: what the base implies, or an override
 * @override: segment override prefix, -1 for none
 * @disp: displacement, or the address of A0 to A3
 * @imm: immediate, sign-extended (but for MOV's with 8 bytes, and far pointers)
 */
struct lodge_insn {
	u16 op;
	u8 len;
	u8 mode;
	u8 opsize;
	u8 addrsize;
	u8 size;
	bool opsize_prefix;
	u8 rep;
	bool lock;
	u8 rex;
	bool has_modrm;
	u8 modrm;
	bool mem;
	u8 reg;
	u8 rm;
	s8 base;
	s8 index;
	u8 scale;
	s8 seg;
	s8 override;
	u64 disp;
	u64 imm;
};

#define REG_RIP_BASE	NR_REGS

/* The middle of the ModRM byte, which selects an instruction of a group. */
static inline int insn_group(const struct lodge_insn *insn)
{
	return (insn->modrm >> 3) & 7;
}

/**
 * enum lodge_decode - what became of the bytes
 * @DECODE_OK:      decoded; whether it can be executed is another matter
 * @DECODE_SHORT:   more bytes are needed
 * @DECODE_LONG:    longer than LODGE_INSN_MAX: #GP
 * @DECODE_UD:      no such instruction in this mode: #UD
 * @DECODE_UNKNOWN: an encoding that is not known here (VEX, EVEX, XOP)
 */
enum lodge_decode {
	DECODE_OK,
	DECODE_SHORT,
	DECODE_LONG,
	DECODE_UD,
	DECODE_UNKNOWN,
};

/**
 * lodge_decode() - bytes to an instruction
 * @insn: out: the instruction, if DECODE_OK
 * @bytes: where it begins
 * @n: how many bytes are there
 * @mode: default size of code in bytes: 2, 4 or 8
 *
 * Return: enum lodge_decode
 */
enum lodge_decode lodge_decode(struct lodge_insn *insn, const u8 *bytes,
			       unsigned int n, unsigned int mode);

/* RFLAGS */
#define RF_CF		BIT(0)
#define RF_PF		BIT(2)
#define RF_AF		BIT(4)
#define RF_ZF		BIT(6)
#define RF_SF		BIT(7)
#define RF_TF		BIT(8)
#define RF_DF		BIT(10)
#define RF_OF		BIT(11)
#define RF_IOPL_SHIFT	12
#define RF_RF		BIT(16)
#define RF_VM		BIT(17)
#define RF_AC		BIT(18)
#define RF_ARITH	(RF_CF | RF_PF | RF_AF | RF_ZF | RF_SF | RF_OF)

/* Control registers and EFER, as far as they matter here */
#define C0_PE		BIT(0)
#define C0_EM		BIT(2)
#define C0_TS		BIT(3)
#define C0_WP		BIT(16)
#define C0_PG		BIT(31)
#define C4_DE		BIT(3)
#define C4_PSE		BIT(4)
#define C4_PAE		BIT(5)
#define C4_OSFXSR	BIT(9)
#define C4_UMIP		BIT(11)
#define C4_LA57		BIT(12)
#define C4_SMEP		BIT(20)
#define C4_SMAP		BIT(21)
#define C4_PKE		BIT(22)
#define EF_LMA		BIT(10)
#define EF_NXE		BIT(11)

/* Exceptions */
#define VECTOR_DB	1
#define VECTOR_UD	6
#define VECTOR_NM	7
#define VECTOR_SS	12
#define VECTOR_GP	13
#define VECTOR_PF	14

/* What for memory is accessed; a plain read is 0. */
#define ACCESS_WRITE	BIT(0)	/* on a read: it will be written, check for that */
#define ACCESS_FETCH	BIT(1)
#define ACCESS_SYSTEM	BIT(2)	/* the processor's own, whatever the CPL */
#define ACCESS_PEEK	BIT(3)	/* no permissions, no accessed bits: for us */

/**
 * struct lodge_fault - an exception
 * @vector: 0 to 31
 * @has_error: @error is pushed
 * @error: error code
 * @cr2: for #PF
 */
struct lodge_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2;
};

/**
 * enum lodge_exec - how far execution came
 * @EXEC_DONE:    done, registers changed
 * @EXEC_FAULT:   an exception, nothing changed
 * @EXEC_STOP:    a callback wants it to stop, nothing changed
 * @EXEC_UNKNOWN: not an instruction that is executed here, nothing changed
 */
enum lodge_exec {
	EXEC_DONE,
	EXEC_FAULT,
	EXEC_STOP,
	EXEC_UNKNOWN,
};

/* ---- Page tables ---- */

/**
 * struct lodge_paging - what decides about a translation
 * @cr0: control register
 * @cr3: likewise
 * @cr4: likewise
 * @efer: likewise
 * @rflags: for AC
 * @pkru: protection key rights
 * @cpl: current privilege level
 * @phys_bits: width of physical addresses
 * @read: read an entry of @size bytes: 0, or what lodge_walk() is to return
 * @replace: exchange it: 0, 1 (it has changed), or what lodge_walk() is to
 *           return; both return nothing that is enum lodge_exec but EXEC_STOP
 */
struct lodge_paging {
	u64 cr0, cr3, cr4, efer, rflags;
	u32 pkru;
	u8 cpl;
	u8 phys_bits;
	int (*read)(struct lodge_paging *paging, u64 gpa, u64 *entry, int size);
	int (*replace)(struct lodge_paging *paging, u64 gpa, u64 old, u64 new,
		       int size);
};

/**
 * lodge_walk() - linear address to physical address
 * @paging: how
 * @linear: linear address, canonical
 * @access: ACCESS_*
 * @gpa: out: physical address
 * @fault: out: the page fault, on EXEC_FAULT
 *
 * Sets accessed and dirty bits as the processor does, but only once the access
 * is known to be allowed.
 *
 * Return: EXEC_DONE, EXEC_FAULT, EXEC_STOP
 */
int lodge_walk(struct lodge_paging *paging, u64 linear, u32 access, u64 *gpa,
	       struct lodge_fault *fault);

/* ---- Execution ---- */

/**
 * struct lodge_cpu - the registers that instructions work on
 * @regs: general registers
 * @rip: of the instruction
 * @rflags: flags
 * @cr0: control register
 * @cr4: likewise
 * @efer: likewise
 * @mode: default size of code in bytes: 2, 4 or 8
 * @cpl: current privilege level
 * @repeat: out, on EXEC_DONE: a repeated instruction has more to do, RIP stays
 * @fault: out, on EXEC_FAULT
 * @ops: the rest of the machine
 */
struct lodge_cpu {
	u64 regs[NR_REGS];
	u64 rip;
	u64 rflags;
	u64 cr0, cr4, efer;
	u8 mode;
	u8 cpl;
	bool repeat;
	struct lodge_fault fault;
	const struct lodge_cpu_ops *ops;
};

/**
 * struct lodge_cpu_ops - what an instruction can reach outside the registers
 * @probe: could it be accessed? (translation only)
 * @read: read
 * @write: write
 * @replace: write @new where @old was read; stops if it has changed since
 * @port: in or out of 1, 2 or 4 bytes
 * @segment: hidden part of a segment register, enum lodge_seg; it stays valid
 * @cr: read or write a control register, as the last thing
 * @dr: likewise a debug register
 * @xmm: read or write 16 bytes of vector register @nr, as the last thing
 * @invlpg: forget the translation of an address
 *
 * Memory is by linear address, at most 16 bytes, which may cross one page
 * border.  All return EXEC_DONE, EXEC_STOP, or EXEC_FAULT with cpu->fault set.
 * A write is the last thing that an instruction asks for before it is done.
 */
struct lodge_cpu_ops {
	int (*probe)(struct lodge_cpu *cpu, u64 linear, unsigned int len,
		     u32 access);
	int (*read)(struct lodge_cpu *cpu, u64 linear, void *data,
		    unsigned int len, u32 access);
	int (*write)(struct lodge_cpu *cpu, u64 linear, const void *data,
		     unsigned int len, u32 access);
	int (*replace)(struct lodge_cpu *cpu, u64 linear, u64 old, u64 new,
		       unsigned int len);
	int (*port)(struct lodge_cpu *cpu, u16 port, void *data,
		    unsigned int len, bool write);
	const struct lodge_segment *(*segment)(struct lodge_cpu *cpu, int seg);
	int (*cr)(struct lodge_cpu *cpu, int nr, u64 *value, bool write);
	int (*dr)(struct lodge_cpu *cpu, int nr, u64 *value, bool write);
	int (*xmm)(struct lodge_cpu *cpu, int nr, void *data, bool write);
	void (*invlpg)(struct lodge_cpu *cpu, u64 linear);
};

/**
 * lodge_execute() - execute one instruction, or one round of a repeated one
 * @cpu: the registers
 * @insn: the instruction at RIP, decoded in the CPU's mode
 *
 * Return: enum lodge_exec
 */
int lodge_execute(struct lodge_cpu *cpu, const struct lodge_insn *insn);

/* ---- On a vCPU ---- */

/* Memory for the instruction in the works. Return: 0 or -ENOMEM */
int lodge_emulate_create(struct lodge_vcpu *vcpu);
void lodge_emulate_destroy(struct lodge_vcpu *vcpu);

/**
 * lodge_emulate() - execute the instruction at RIP in software
 * @vcpu: the vCPU, by its own thread
 * @can_sleep: false in the stretch without preemption
 *
 * Accesses to memory go to memory; what is not memory goes to the module's own
 * devices (local APIC, I/O APIC, ioeventfds) or to the tool.  In the latter case
 * the instruction is left as it was, with the access noted in vcpu->access;
 * lodge_emulate_complete() puts the tool's answer in, and the next call
 * executes the instruction from its start with the answers so far.  A write to
 * the tool that is the last thing an instruction does is not waited for: the
 * instruction is over when the tool sees it.
 *
 * Of a repeated string instruction as many rounds are executed as need neither
 * the tool nor the host's attention; RIP stays while there are more to come.
 *
 * Return: NEXT_ENTER (done, or a fault queued), NEXT_SLEEP, NEXT_USER
 */
int lodge_emulate(struct lodge_vcpu *vcpu, bool can_sleep);

/**
 * lodge_emulate_complete() - the tool has answered run->mmio or run->io
 * @vcpu: the vCPU, by its own thread, at the start of LODGE_RUN
 *
 * Return: as lodge_emulate(), NEXT_ENTER if nothing was waiting
 */
int lodge_emulate_complete(struct lodge_vcpu *vcpu);

/**
 * lodge_emulate_cancel() - forget an instruction that waits for the tool
 * @vcpu: the vCPU, locked, not in LODGE_RUN
 *
 * For LODGE_SET_STATE of registers: what the tool has answered belongs to an
 * instruction that the vCPU is no longer at.
 */
void lodge_emulate_cancel(struct lodge_vcpu *vcpu);

/**
 * lodge_skip_insn() - RIP to the next instruction
 * @vcpu: the vCPU, by its own thread
 * @can_sleep: false in the stretch without preemption
 *
 * Uses vcpu->exit.insn_len if the processor told, else fetches and decodes.
 * Clears the interrupt shadow; sets a pending #DB if RFLAGS.TF is set.
 *
 * Return: NEXT_ENTER or, if that cannot be done here, NEXT_SLEEP; with
 * can_sleep and bytes that cannot be fetched, NEXT_USER (the guest ends)
 */
int lodge_skip_insn(struct lodge_vcpu *vcpu, bool can_sleep);

/**
 * lodge_fetch_insn() - the bytes at RIP, as far as they can be read
 * @vcpu: the vCPU, by its own thread
 * @buf: 15 bytes
 * @can_sleep: false in the stretch without preemption
 *
 * Return: how many, or -EAGAIN (only without @can_sleep)
 */
int lodge_fetch_insn(struct lodge_vcpu *vcpu, u8 *buf, bool can_sleep);

#endif /* LODGE_VM_INSN_H */
