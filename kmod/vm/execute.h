/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to execute*.c. */
#ifndef LODGE_VM_EXECUTE_H
#define LODGE_VM_EXECUTE_H

#include "insn.h"

/**
 * struct lodge_operand - the operand that the ModRM byte's r/m field names
 * @mem: it is memory
 * @linear: where, if it is
 * @reg: general register, if it is not
 */
struct lodge_operand {
	bool mem;
	u64 linear;
	u8 reg;
};

static inline u64 size_mask(unsigned int size)
{
	return ~0ULL >> (64 - 8 * size);
}

static inline u64 sign_extend(u64 value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(value << shift) >> shift);
}

/* Segments have types and selectors are checked: not real, not virtual-8086. */
static inline bool in_protected_mode(const struct lodge_cpu *cpu)
{
	return (cpu->cr0 & C0_PE) && !(cpu->rflags & RF_VM);
}

/* The instruction is over. */
static inline int exec_done(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	cpu->rip += insn->len;
	if (cpu->mode != 8)
		cpu->rip = (u32)cpu->rip;
	return EXEC_DONE;
}

/* A register as a destination: 4 bytes clear the upper half, fewer do not. */
static inline void set_part(u64 *reg, u64 value, unsigned int size)
{
	u64 mask = size_mask(size);

	*reg = size == 4 ? (u32)value : (*reg & ~mask) | (value & mask);
}

/* An exception with error code 0, where it has one. */
int exec_fault(struct lodge_cpu *cpu, u8 vector);

u64 exec_get_reg(const struct lodge_cpu *cpu, const struct lodge_insn *insn,
		 u8 reg, unsigned int size);
void exec_set_reg(struct lodge_cpu *cpu, const struct lodge_insn *insn, u8 reg,
		  unsigned int size, u64 value);

/**
 * exec_linear() - segment and offset to a linear address
 * @cpu: the CPU
 * @seg: enum lodge_seg
 * @offset: wrapped to the address size already
 * @len: bytes
 * @access: ACCESS_WRITE or 0
 * @linear: out
 *
 * Checks type, limit and canonical form.
 *
 * Return: EXEC_DONE or EXEC_FAULT
 */
int exec_linear(struct lodge_cpu *cpu, int seg, u64 offset, unsigned int len,
		u32 access, u64 *linear);

/* Offset of the memory operand, wrapped to the address size. */
u64 exec_offset(const struct lodge_cpu *cpu, const struct lodge_insn *insn);

int exec_operand(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		 unsigned int len, u32 access, struct lodge_operand *out);
int exec_get(struct lodge_cpu *cpu, const struct lodge_insn *insn,
	     const struct lodge_operand *op, unsigned int size, u32 access,
	     u64 *value);
/* The operand is only read: both of these at once. */
int exec_source(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		unsigned int size, u64 *value);
int exec_put(struct lodge_cpu *cpu, const struct lodge_insn *insn,
	     const struct lodge_operand *op, unsigned int size, u64 value);

/* Flags of @dst - @src. */
u64 exec_flags_sub(u64 rflags, u64 dst, u64 src, unsigned int size);

/* All return enum lodge_exec, EXEC_UNKNOWN if the instruction is not theirs. */
int exec_arithmetic(struct lodge_cpu *cpu, const struct lodge_insn *insn);
int exec_string(struct lodge_cpu *cpu, const struct lodge_insn *insn);
int exec_port(struct lodge_cpu *cpu, const struct lodge_insn *insn);
int exec_stack(struct lodge_cpu *cpu, const struct lodge_insn *insn);
int exec_system(struct lodge_cpu *cpu, const struct lodge_insn *insn);
int exec_vector(struct lodge_cpu *cpu, const struct lodge_insn *insn);

#endif /* LODGE_VM_EXECUTE_H */
