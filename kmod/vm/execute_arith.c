// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic: instructions that change flags, and those that lock. */
#include "execute.h"

/*
 * The second half of a read-modify-write: always as if it were locked, which
 * nobody can tell from an unlocked one that was lucky.
 */
static int exec_replace(struct lodge_cpu *cpu, const struct lodge_insn *insn,
			const struct lodge_operand *op, u64 old, u64 value)
{
	if (op->mem)
		return cpu->ops->replace(cpu, op->linear, old, value, insn->size);
	exec_set_reg(cpu, insn, op->reg, insn->size, value);
	return EXEC_DONE;
}

/* ---- Flags ---- */

static u64 parity_flag(u64 result)
{
	u8 x = result;

	x ^= x >> 4;
	return (0x9669 >> (x & 0xf)) & 1 ? RF_PF : 0;
}

/* SF, ZF and PF of a result */
static u64 result_flags(u64 result, unsigned int size)
{
	u64 flags = parity_flag(result);

	result &= size_mask(size);
	if (!result)
		flags |= RF_ZF;
	if (result >> (8 * size - 1))
		flags |= RF_SF;
	return flags;
}

static u64 flags_logic(u64 rflags, u64 result, unsigned int size)
{
	return (rflags & ~RF_ARITH) | result_flags(result, size);
}

/* @carries: where a carry came out of a bit */
static u64 flags_carries(u64 rflags, u64 result, u64 carries, unsigned int size)
{
	unsigned int top = 8 * size - 1;
	u64 flags = result_flags(result, size);

	if (carries >> top & 1)
		flags |= RF_CF;
	if (carries >> 3 & 1)
		flags |= RF_AF;
	if ((carries >> top ^ carries >> (top - 1)) & 1)
		flags |= RF_OF;
	return (rflags & ~RF_ARITH) | flags;
}

static u64 flags_add(u64 rflags, u64 dst, u64 src, u64 result, unsigned int size)
{
	return flags_carries(rflags, result,
			     (dst & src) | ((dst | src) & ~result), size);
}

static u64 flags_sub(u64 rflags, u64 dst, u64 src, u64 result, unsigned int size)
{
	return flags_carries(rflags, result,
			     (~dst & src) | ((~dst | src) & result), size);
}

u64 exec_flags_sub(u64 rflags, u64 dst, u64 src, unsigned int size)
{
	return flags_sub(rflags, dst, src, dst - src, size);
}

/* In the order in which instructions encode them */
enum { OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP };

static u64 arith(unsigned int which, u64 dst, u64 src, unsigned int size,
		 u64 *rflags)
{
	u64 carry = *rflags & RF_CF, result;

	switch (which) {
	case OP_ADD:
		result = dst + src;
		*rflags = flags_add(*rflags, dst, src, result, size);
		return result;
	case OP_ADC:
		result = dst + src + carry;
		*rflags = flags_add(*rflags, dst, src, result, size);
		return result;
	case OP_SBB:
		result = dst - src - carry;
		*rflags = flags_sub(*rflags, dst, src, result, size);
		return result;
	case OP_SUB:
	case OP_CMP:
		result = dst - src;
		*rflags = flags_sub(*rflags, dst, src, result, size);
		return result;
	case OP_OR:
		result = dst | src;
		break;
	case OP_AND:
		result = dst & src;
		break;
	default:
		result = dst ^ src;
		break;
	}
	*rflags = flags_logic(*rflags, result, size);
	return result;
}

/* All of the kind E = f(E, @src); comparisons do not write. */
static int exec_arith(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		      unsigned int which, u64 src)
{
	u32 access = which == OP_CMP ? 0 : ACCESS_WRITE;
	u64 rflags = cpu->rflags, dst, result;
	struct lodge_operand e;
	int ret;

	ret = exec_operand(cpu, insn, insn->size, access, &e);
	if (!ret)
		ret = exec_get(cpu, insn, &e, insn->size, access, &dst);
	if (ret)
		return ret;
	result = arith(which, dst, src & size_mask(insn->size), insn->size,
		       &rflags);
	if (which != OP_CMP)
		ret = exec_replace(cpu, insn, &e, dst, result);
	if (ret)
		return ret;
	cpu->rflags = rflags;
	return exec_done(cpu, insn);
}

/* 00 to 3f: operation, then shape */
static int exec_arith_block(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	unsigned int which = insn->op >> 3, size = insn->size;
	u64 rflags = cpu->rflags, src, dst;
	u8 reg = REG_RAX;
	int ret;

	switch (insn->op & 7) {
	case 0:
	case 1:
		return exec_arith(cpu, insn, which,
				  exec_get_reg(cpu, insn, insn->reg, size));
	case 2:
	case 3:
		ret = exec_source(cpu, insn, size, &src);
		if (ret)
			return ret;
		reg = insn->reg;
		break;
	case 4:
	case 5:
		src = insn->imm & size_mask(size);
		break;
	default:
		return EXEC_UNKNOWN;
	}
	dst = exec_get_reg(cpu, insn, reg, size);
	dst = arith(which, dst, src, size, &rflags);
	if (which != OP_CMP)
		exec_set_reg(cpu, insn, reg, size, dst);
	cpu->rflags = rflags;
	return exec_done(cpu, insn);
}

/* NOT, NEG, INC, DEC */
static int exec_unary(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		      u64 (*f)(u64 dst, unsigned int size, u64 *rflags))
{
	u64 rflags = cpu->rflags, dst;
	struct lodge_operand e;
	int ret;

	ret = exec_operand(cpu, insn, insn->size, ACCESS_WRITE, &e);
	if (!ret)
		ret = exec_get(cpu, insn, &e, insn->size, ACCESS_WRITE, &dst);
	if (!ret)
		ret = exec_replace(cpu, insn, &e, dst,
				   f(dst, insn->size, &rflags));
	if (ret)
		return ret;
	cpu->rflags = rflags;
	return exec_done(cpu, insn);
}

static u64 op_not(u64 dst, unsigned int size, u64 *rflags)
{
	return ~dst;
}

static u64 op_neg(u64 dst, unsigned int size, u64 *rflags)
{
	return arith(OP_SUB, 0, dst, size, rflags);
}

/* These two leave the carry alone. */
static u64 op_inc(u64 dst, unsigned int size, u64 *rflags)
{
	u64 carry = *rflags & RF_CF;

	dst = arith(OP_ADD, dst, 1, size, rflags);
	*rflags = (*rflags & ~RF_CF) | carry;
	return dst;
}

static u64 op_dec(u64 dst, unsigned int size, u64 *rflags)
{
	u64 carry = *rflags & RF_CF;

	dst = arith(OP_SUB, dst, 1, size, rflags);
	*rflags = (*rflags & ~RF_CF) | carry;
	return dst;
}

static int exec_test(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		     u64 src)
{
	u64 dst;
	int ret;

	ret = exec_source(cpu, insn, insn->size, &dst);
	if (ret)
		return ret;
	cpu->rflags = flags_logic(cpu->rflags, dst & src, insn->size);
	return exec_done(cpu, insn);
}

/* F6, F7 */
static int exec_group_f6(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	switch (insn_group(insn)) {
	case 0:
	case 1:
		return exec_test(cpu, insn, insn->imm);
	case 2:
		return exec_unary(cpu, insn, op_not);
	case 3:
		return exec_unary(cpu, insn, op_neg);
	default:
		return EXEC_UNKNOWN;
	}
}

/* FE, FF */
static int exec_group_fe(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	switch (insn_group(insn)) {
	case 0:
		return exec_unary(cpu, insn, op_inc);
	case 1:
		return exec_unary(cpu, insn, op_dec);
	default:
		return EXEC_UNKNOWN;
	}
}

static int exec_xchg(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 src = exec_get_reg(cpu, insn, insn->reg, insn->size), dst;
	struct lodge_operand e;
	int ret;

	ret = exec_operand(cpu, insn, insn->size, ACCESS_WRITE, &e);
	if (!ret)
		ret = exec_get(cpu, insn, &e, insn->size, ACCESS_WRITE, &dst);
	if (!ret)
		ret = exec_replace(cpu, insn, &e, dst, src);
	if (ret)
		return ret;
	exec_set_reg(cpu, insn, insn->reg, insn->size, dst);
	return exec_done(cpu, insn);
}

static int exec_xadd(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 src = exec_get_reg(cpu, insn, insn->reg, insn->size), dst, sum;
	u64 rflags = cpu->rflags;
	struct lodge_operand e;
	int ret;

	ret = exec_operand(cpu, insn, insn->size, ACCESS_WRITE, &e);
	if (!ret)
		ret = exec_get(cpu, insn, &e, insn->size, ACCESS_WRITE, &dst);
	if (ret)
		return ret;
	sum = arith(OP_ADD, dst, src, insn->size, &rflags);
	if (e.mem) {
		ret = exec_replace(cpu, insn, &e, dst, sum);
		if (ret)
			return ret;
	}
	exec_set_reg(cpu, insn, insn->reg, insn->size, dst);
	/* In this order: with one register for both, the sum stays. */
	if (!e.mem)
		exec_set_reg(cpu, insn, e.reg, insn->size, sum);
	cpu->rflags = rflags;
	return exec_done(cpu, insn);
}

static int exec_cmpxchg(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 want = exec_get_reg(cpu, insn, REG_RAX, insn->size), dst;
	u64 src = exec_get_reg(cpu, insn, insn->reg, insn->size);
	struct lodge_operand e;
	int ret;

	ret = exec_operand(cpu, insn, insn->size, ACCESS_WRITE, &e);
	if (!ret)
		ret = exec_get(cpu, insn, &e, insn->size, ACCESS_WRITE, &dst);
	/* The destination is written in any case, if only with what it holds. */
	if (!ret)
		ret = exec_replace(cpu, insn, &e, dst, dst == want ? src : dst);
	if (ret)
		return ret;
	if (dst != want)
		exec_set_reg(cpu, insn, REG_RAX, insn->size, dst);
	cpu->rflags = exec_flags_sub(cpu->rflags, want, dst, insn->size);
	return exec_done(cpu, insn);
}

/*
 * BT, BTS, BTR, BTC.  A register as bit number reaches beyond the operand: it
 * selects the word, counted from the one that the address names.
 */
static int exec_bit(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	bool immediate = insn->op == (MAP_0F | 0xba);
	unsigned int which = immediate ? insn_group(insn) & 3 :
					 insn->op >> 3 & 3;
	unsigned int size = insn->size, bits = 8 * size;
	u32 access = which ? ACCESS_WRITE : 0;
	struct lodge_operand e = { .mem = insn->mem, .reg = insn->rm };
	u64 number, dst, value, mask;
	int ret;

	if (immediate && insn_group(insn) < 4)
		return exec_fault(cpu, VECTOR_UD);
	number = immediate ? insn->imm & (bits - 1) :
			     sign_extend(cpu->regs[insn->reg], size);
	if (insn->mem) {
		u64 offset = exec_offset(cpu, insn);
		s64 word = (s64)number >> (size == 8 ? 6 : size == 4 ? 5 : 4);

		offset = (offset + (u64)word * size) & size_mask(insn->addrsize);
		ret = exec_linear(cpu, insn->seg, offset, size, access,
				  &e.linear);
		if (ret)
			return ret;
	}
	ret = exec_get(cpu, insn, &e, size, access, &dst);
	if (ret)
		return ret;

	mask = BIT_ULL(number & (bits - 1));
	value = which == 1 ? dst | mask : which == 2 ? dst & ~mask : dst ^ mask;
	if (which)
		ret = exec_replace(cpu, insn, &e, dst, value);
	if (ret)
		return ret;
	cpu->rflags &= ~RF_CF;
	if (dst & mask)
		cpu->rflags |= RF_CF;
	return exec_done(cpu, insn);
}

int exec_arithmetic(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	switch (insn->op) {
	case 0x00 ... 0x3f:
		return exec_arith_block(cpu, insn);
	case 0x80 ... 0x83:
		return exec_arith(cpu, insn, insn_group(insn), insn->imm);
	case 0x84 ... 0x85:
		return exec_test(cpu, insn, exec_get_reg(cpu, insn, insn->reg,
							 insn->size));
	case 0x86 ... 0x87:
		return exec_xchg(cpu, insn);
	case 0xa8 ... 0xa9:
		cpu->rflags = flags_logic(cpu->rflags,
					  cpu->regs[REG_RAX] & insn->imm,
					  insn->size);
		return exec_done(cpu, insn);
	case 0xf6 ... 0xf7:
		return exec_group_f6(cpu, insn);
	case 0xfe ... 0xff:
		return exec_group_fe(cpu, insn);
	case MAP_0F | 0xa3:
	case MAP_0F | 0xab:
	case MAP_0F | 0xb3:
	case MAP_0F | 0xba ... MAP_0F | 0xbb:
		return exec_bit(cpu, insn);
	case MAP_0F | 0xb0 ... MAP_0F | 0xb1:
		return exec_cmpxchg(cpu, insn);
	case MAP_0F | 0xc0 ... MAP_0F | 0xc1:
		return exec_xadd(cpu, insn);
	default:
		return EXEC_UNKNOWN;
	}
}
