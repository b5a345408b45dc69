// SPDX-License-Identifier: GPL-2.0-only
/* Control and debug registers, cache instructions, and moves of vectors. */
#include "execute.h"

#define CR0_MSW		0xfULL	/* PE, MP, EM, TS: what LMSW sets */

static int mov_cr(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	bool write = insn->op & 2;
	u64 value = 0;
	int ret;

	if (insn->reg != 8 && (insn->reg > 4 || insn->reg == 1))
		return exec_fault(cpu, VECTOR_UD);
	if (cpu->cpl)
		return exec_fault(cpu, VECTOR_GP);
	if (write)
		value = exec_get_reg(cpu, insn, insn->rm, insn->opsize);
	ret = cpu->ops->cr(cpu, insn->reg, &value, write);
	if (ret)
		return ret;
	if (!write)
		exec_set_reg(cpu, insn, insn->rm, insn->opsize, value);
	return exec_done(cpu, insn);
}

static int mov_dr(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	bool write = insn->op & 2;
	u64 value = 0;
	int ret;

	if (insn->reg > 7)
		return exec_fault(cpu, VECTOR_UD);
	if (cpu->cpl)
		return exec_fault(cpu, VECTOR_GP);
	if (write)
		value = exec_get_reg(cpu, insn, insn->rm, insn->opsize);
	ret = cpu->ops->dr(cpu, insn->reg, &value, write);
	if (ret)
		return ret;
	if (!write)
		exec_set_reg(cpu, insn, insn->rm, insn->opsize, value);
	return exec_done(cpu, insn);
}

static int set_cr0(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		   u64 value)
{
	int ret = cpu->ops->cr(cpu, 0, &value, true);

	return ret ?: exec_done(cpu, insn);
}

static int smsw(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	/* Memory gets 2 bytes, a register all. */
	unsigned int size = insn->mem ? 2 : insn->opsize;
	struct lodge_operand e;
	int ret;

	if (cpu->cpl && (cpu->cr4 & C4_UMIP))
		return exec_fault(cpu, VECTOR_GP);
	ret = exec_operand(cpu, insn, size, ACCESS_WRITE, &e);
	if (!ret)
		ret = exec_put(cpu, insn, &e, size, cpu->cr0);
	return ret ?: exec_done(cpu, insn);
}

static int lmsw(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	struct lodge_operand e;
	u64 value;
	int ret;

	if (cpu->cpl)
		return exec_fault(cpu, VECTOR_GP);
	ret = exec_operand(cpu, insn, 2, 0, &e);
	if (!ret)
		ret = exec_get(cpu, insn, &e, 2, 0, &value);
	if (ret)
		return ret;
	/* It can set PE but not clear it. */
	value &= CR0_MSW;
	value |= cpu->cr0 & ~(CR0_MSW & ~C0_PE);
	return set_cr0(cpu, insn, value);
}

static int group_0f01(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	struct lodge_operand e;
	int ret;

	switch (insn_group(insn)) {
	case 4:
		return smsw(cpu, insn);
	case 6:
		return lmsw(cpu, insn);
	case 7:
		if (!insn->mem)
			return EXEC_UNKNOWN;
		if (cpu->cpl)
			return exec_fault(cpu, VECTOR_GP);
		/* An address that is not canonical is no fault here. */
		ret = exec_operand(cpu, insn, 1, 0, &e);
		if (!ret)
			cpu->ops->invlpg(cpu, e.linear);
		return exec_done(cpu, insn);
	default:
		return EXEC_UNKNOWN;
	}
}

/* CLFLUSH, CLFLUSHOPT and CLWB: of what is not cached there is nothing to flush. */
static int flush_line(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	struct lodge_operand e;
	int ret;

	if (!insn->mem || insn->rep ||
	    (insn_group(insn) != 7 &&
	     !(insn_group(insn) == 6 && insn->opsize_prefix)))
		return EXEC_UNKNOWN;
	ret = exec_operand(cpu, insn, 1, 0, &e);
	if (!ret)
		ret = cpu->ops->probe(cpu, e.linear, 1, 0);
	return ret ?: exec_done(cpu, insn);
}

int exec_system(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	switch (insn->op & 0xff) {
	case 0x01:
		return group_0f01(cpu, insn);
	case 0x06:	/* CLTS */
		if (cpu->cpl)
			return exec_fault(cpu, VECTOR_GP);
		return set_cr0(cpu, insn, cpu->cr0 & ~(u64)C0_TS);
	case 0x08:	/* INVD */
	case 0x09:	/* WBINVD */
		if (cpu->cpl)
			return exec_fault(cpu, VECTOR_GP);
		return exec_done(cpu, insn);
	case 0x0d:	/* PREFETCHW */
	case 0x18:	/* PREFETCHh */
		return insn->mem ? exec_done(cpu, insn) : EXEC_UNKNOWN;
	case 0x20:
	case 0x22:
		return mov_cr(cpu, insn);
	case 0x21:
	case 0x23:
		return mov_dr(cpu, insn);
	case 0xae:
		return flush_line(cpu, insn);
	default:
		return EXEC_UNKNOWN;
	}
}

/* ---- Vectors: only what compilers use to copy memory ---- */

/* Which of the four instructions that share an opcode */
enum { P_NONE, P_66, P_F3, P_F2 };

struct vector_move {
	u8 bytes;	/* 0: not this instruction */
	bool store;
	bool aligned;
};

static struct vector_move classify(const struct lodge_insn *insn)
{
	int prefix = insn->rep == 0xf3 ? P_F3 : insn->rep == 0xf2 ? P_F2 :
		     insn->opsize_prefix ? P_66 : P_NONE;
	u8 word = insn->rex & 8 ? 8 : 4;

	switch (insn->op & 0xff) {
	case 0x10:	/* MOVUPS, MOVUPD, MOVSS, MOVSD */
	case 0x11:
		return (struct vector_move){
			.bytes = prefix == P_F3 ? 4 : prefix == P_F2 ? 8 : 16,
			.store = insn->op & 1,
		};
	case 0x28:	/* MOVAPS, MOVAPD */
	case 0x29:
		if (prefix > P_66)
			break;
		return (struct vector_move){ 16, insn->op & 1, true };
	case 0x2b:	/* MOVNTPS, MOVNTPD */
		if (prefix > P_66)
			break;
		return (struct vector_move){ 16, true, true };
	case 0x6e:	/* MOVD, MOVQ */
		if (prefix != P_66)
			break;
		return (struct vector_move){ word, false, false };
	case 0x7e:
		if (prefix == P_66)
			return (struct vector_move){ word, true, false };
		if (prefix == P_F3)
			return (struct vector_move){ 8, false, false };
		break;
	case 0xd6:	/* MOVQ */
		if (prefix != P_66)
			break;
		return (struct vector_move){ 8, true, false };
	case 0x6f:	/* MOVDQA, MOVDQU */
	case 0x7f:
		if (prefix != P_66 && prefix != P_F3)
			break;
		return (struct vector_move){ 16, insn->op & 0x10,
					     prefix == P_66 };
	case 0xe7:	/* MOVNTDQ */
		if (prefix != P_66)
			break;
		return (struct vector_move){ 16, true, true };
	default:
		break;
	}
	return (struct vector_move){};
}

int exec_vector(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	struct vector_move move = classify(insn);
	u64 data[2] = {};
	struct lodge_operand e;
	int ret;

	if (!move.bytes || !insn->mem)
		return EXEC_UNKNOWN;
	if ((cpu->cr0 & C0_EM) || !(cpu->cr4 & C4_OSFXSR))
		return exec_fault(cpu, VECTOR_UD);
	if (cpu->cr0 & C0_TS)
		return exec_fault(cpu, VECTOR_NM);

	ret = exec_operand(cpu, insn, move.bytes, move.store ? ACCESS_WRITE : 0,
			   &e);
	if (ret)
		return ret;
	if (move.aligned && (e.linear & 15))
		return exec_fault(cpu, VECTOR_GP);

	if (move.store) {
		ret = cpu->ops->xmm(cpu, insn->reg, data, false);
		if (!ret)
			ret = cpu->ops->write(cpu, e.linear, data, move.bytes, 0);
	} else {
		/* What memory does not fill is cleared. */
		ret = cpu->ops->read(cpu, e.linear, data, move.bytes, 0);
		if (!ret)
			ret = cpu->ops->xmm(cpu, insn->reg, data, true);
	}
	return ret ?: exec_done(cpu, insn);
}
