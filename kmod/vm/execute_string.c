// SPDX-License-Identifier: GPL-2.0-only
/* Instructions with operands of their own: strings, ports, the stack. */
#include "execute.h"

/* ---- Strings ---- */

/* A repeated instruction with a count of 0 does nothing at all. */
static bool no_rounds(const struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	return insn->rep && !(cpu->regs[REG_RCX] & size_mask(insn->addrsize));
}

/* After a round: RIP stays if there are more.  @stop: a comparison says so. */
static int end_round(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		     bool stop)
{
	if (insn->rep) {
		u64 count = (cpu->regs[REG_RCX] - 1) & size_mask(insn->addrsize);

		set_part(&cpu->regs[REG_RCX], count, insn->addrsize);
		if (count && !stop) {
			cpu->repeat = true;
			return EXEC_DONE;
		}
	}
	return exec_done(cpu, insn);
}

static void advance(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		    u8 reg, unsigned int size)
{
	u64 step = cpu->rflags & RF_DF ? -(u64)size : size;

	set_part(&cpu->regs[reg], cpu->regs[reg] + step, insn->addrsize);
}

/* What RSI points to; its segment can be overridden. */
static int source_linear(struct lodge_cpu *cpu, const struct lodge_insn *insn,
			 unsigned int size, u64 *linear)
{
	u64 offset = cpu->regs[REG_RSI] & size_mask(insn->addrsize);
	int seg = insn->override >= 0 ? insn->override : SEG_DS;

	return exec_linear(cpu, seg, offset, size, 0, linear);
}

/* What RDI points to, in ES always. */
static int dest_linear(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		       unsigned int size, u32 access, u64 *linear)
{
	u64 offset = cpu->regs[REG_RDI] & size_mask(insn->addrsize);

	return exec_linear(cpu, SEG_ES, offset, size, access, linear);
}

static int exec_movs(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	unsigned int size = insn->size;
	u64 from, to, value = 0;
	int ret;

	ret = source_linear(cpu, insn, size, &from);
	if (!ret)
		ret = dest_linear(cpu, insn, size, ACCESS_WRITE, &to);
	/* No device is read for what cannot be written then. */
	if (!ret)
		ret = cpu->ops->probe(cpu, from, size, 0);
	if (!ret)
		ret = cpu->ops->probe(cpu, to, size, ACCESS_WRITE);
	if (!ret)
		ret = cpu->ops->read(cpu, from, &value, size, 0);
	if (!ret)
		ret = cpu->ops->write(cpu, to, &value, size, 0);
	if (ret)
		return ret;
	advance(cpu, insn, REG_RSI, size);
	advance(cpu, insn, REG_RDI, size);
	return end_round(cpu, insn, false);
}

static int exec_stos(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 to;
	int ret;

	ret = dest_linear(cpu, insn, insn->size, ACCESS_WRITE, &to);
	if (!ret)
		ret = cpu->ops->write(cpu, to, &cpu->regs[REG_RAX], insn->size,
				      0);
	if (ret)
		return ret;
	advance(cpu, insn, REG_RDI, insn->size);
	return end_round(cpu, insn, false);
}

static int exec_lods(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 from, value = 0;
	int ret;

	ret = source_linear(cpu, insn, insn->size, &from);
	if (!ret)
		ret = cpu->ops->read(cpu, from, &value, insn->size, 0);
	if (ret)
		return ret;
	set_part(&cpu->regs[REG_RAX], value, insn->size);
	advance(cpu, insn, REG_RSI, insn->size);
	return end_round(cpu, insn, false);
}

/* SCAS and CMPS: REPE goes on while equal, REPNE while not. */
static int exec_compare(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	bool scas = insn->op >= 0xae, equal;
	unsigned int size = insn->size;
	u64 from, to, a = 0, b = 0;
	int ret;

	/* Processors look at the second operand first. */
	ret = dest_linear(cpu, insn, size, 0, &to);
	if (!ret)
		ret = cpu->ops->read(cpu, to, &b, size, 0);
	if (scas)
		a = cpu->regs[REG_RAX] & size_mask(size);
	else if (!ret)
		ret = source_linear(cpu, insn, size, &from);
	if (!ret && !scas)
		ret = cpu->ops->read(cpu, from, &a, size, 0);
	if (ret)
		return ret;

	cpu->rflags = exec_flags_sub(cpu->rflags, a, b, size);
	if (!scas)
		advance(cpu, insn, REG_RSI, size);
	advance(cpu, insn, REG_RDI, size);
	equal = cpu->rflags & RF_ZF;
	return end_round(cpu, insn, equal != (insn->rep == 0xf3));
}

int exec_string(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	if (no_rounds(cpu, insn))
		return exec_done(cpu, insn);

	switch (insn->op) {
	case 0xa4 ... 0xa5:
		return exec_movs(cpu, insn);
	case 0xaa ... 0xab:
		return exec_stos(cpu, insn);
	case 0xac ... 0xad:
		return exec_lods(cpu, insn);
	default:
		return exec_compare(cpu, insn);
	}
}

/* ---- Ports ---- */

/* Offset of the I/O permission bitmap's own offset in a TSS */
#define TSS_BITMAP	0x66
#define TSS_MIN_LIMIT	0x67

/*
 * Whoever is above IOPL needs the permission of the TSS (AMD APM vol. 2, 12.2.5;
 * Intel SDM vol. 1, 19.5.2).
 */
static int check_port(struct lodge_cpu *cpu, u16 port, unsigned int size)
{
	unsigned int iopl = cpu->rflags >> RF_IOPL_SHIFT & 3;
	const struct lodge_segment *tr;
	u16 offset = 0, bits = 0;
	int ret;

	if (!(cpu->cr0 & C0_PE) ||
	    (in_protected_mode(cpu) && cpu->cpl <= iopl))
		return EXEC_DONE;

	tr = cpu->ops->segment(cpu, SEG_TR);
	/* A TSS of 16 bits has no bitmap. */
	if (tr->unusable || !tr->present || !(tr->type & 8) ||
	    tr->limit < TSS_MIN_LIMIT)
		return exec_fault(cpu, VECTOR_GP);
	ret = cpu->ops->read(cpu, tr->base + TSS_BITMAP, &offset, 2,
			     ACCESS_SYSTEM);
	if (ret)
		return ret;
	/* The processor always reads two bytes of it. */
	if (offset + port / 8 + 1U > tr->limit)
		return exec_fault(cpu, VECTOR_GP);
	ret = cpu->ops->read(cpu, tr->base + offset + port / 8, &bits, 2,
			     ACCESS_SYSTEM);
	if (ret)
		return ret;
	if (bits >> (port & 7) & ((1U << size) - 1))
		return exec_fault(cpu, VECTOR_GP);
	return EXEC_DONE;
}

static int exec_ins(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		    u16 port, unsigned int size)
{
	u64 to, value = 0;
	int ret;

	ret = dest_linear(cpu, insn, size, ACCESS_WRITE, &to);
	/* The port must not lose a value that cannot be stored. */
	if (!ret)
		ret = cpu->ops->probe(cpu, to, size, ACCESS_WRITE);
	if (!ret)
		ret = cpu->ops->port(cpu, port, &value, size, false);
	if (!ret)
		ret = cpu->ops->write(cpu, to, &value, size, 0);
	if (ret)
		return ret;
	advance(cpu, insn, REG_RDI, size);
	return end_round(cpu, insn, false);
}

static int exec_outs(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		     u16 port, unsigned int size)
{
	u64 from, value = 0;
	int ret;

	ret = source_linear(cpu, insn, size, &from);
	if (!ret)
		ret = cpu->ops->read(cpu, from, &value, size, 0);
	if (!ret)
		ret = cpu->ops->port(cpu, port, &value, size, true);
	if (ret)
		return ret;
	advance(cpu, insn, REG_RSI, size);
	return end_round(cpu, insn, false);
}

/* 6C to 6F: strings; E4 to E7: port in the instruction; EC to EF: port in DX */
int exec_port(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	bool string = insn->op < 0x70, out = insn->op & 2;
	u16 port = cpu->regs[REG_RDX];
	/* There are no ports of 8 bytes: REX.W does nothing. */
	unsigned int size = insn->size == 8 ? 4 : insn->size;
	u64 value = 0;
	int ret;

	if (insn->op >= 0xe4 && insn->op <= 0xe7)
		port = insn->imm & 0xff;
	ret = check_port(cpu, port, size);
	if (ret)
		return ret;
	if (string && no_rounds(cpu, insn))
		return exec_done(cpu, insn);
	if (string)
		return out ? exec_outs(cpu, insn, port, size) :
			     exec_ins(cpu, insn, port, size);

	if (out)
		value = cpu->regs[REG_RAX] & size_mask(size);
	ret = cpu->ops->port(cpu, port, &value, size, out);
	if (ret)
		return ret;
	if (!out)
		set_part(&cpu->regs[REG_RAX], value, size);
	return exec_done(cpu, insn);
}

/* ---- The stack ---- */

static unsigned int stack_size(struct lodge_cpu *cpu)
{
	if (cpu->mode == 8)
		return 8;
	return cpu->ops->segment(cpu, SEG_SS)->db ? 4 : 2;
}

static int push(struct lodge_cpu *cpu, const struct lodge_insn *insn, u64 value)
{
	unsigned int width = stack_size(cpu), size = insn->opsize;
	u64 top = (cpu->regs[REG_RSP] - size) & size_mask(width), linear;
	int ret;

	ret = exec_linear(cpu, SEG_SS, top, size, ACCESS_WRITE, &linear);
	if (!ret)
		ret = cpu->ops->write(cpu, linear, &value, size, 0);
	if (ret)
		return ret;
	set_part(&cpu->regs[REG_RSP], top, width);
	return exec_done(cpu, insn);
}

/* An address that is relative to RSP counts from where it is afterwards. */
static int pop(struct lodge_cpu *cpu, const struct lodge_insn *insn,
	       struct lodge_operand *to)
{
	unsigned int width = stack_size(cpu), size = insn->opsize;
	u64 old = cpu->regs[REG_RSP], linear, value = 0;
	u64 top = old & size_mask(width);
	int ret;

	ret = exec_linear(cpu, SEG_SS, top, size, 0, &linear);
	if (!ret)
		ret = cpu->ops->read(cpu, linear, &value, size, 0);
	if (ret)
		return ret;
	set_part(&cpu->regs[REG_RSP], top + size, width);
	if (insn->mem)
		ret = exec_operand(cpu, insn, size, ACCESS_WRITE, to);
	if (!ret)
		ret = exec_put(cpu, insn, to, size, value);
	if (ret) {
		cpu->regs[REG_RSP] = old;
		return ret;
	}
	return exec_done(cpu, insn);
}

int exec_stack(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	struct lodge_operand e = { .reg = insn->rm };
	u64 value;
	int ret;

	switch (insn->op) {
	case 0x50 ... 0x5f:
		e.reg = (insn->op & 7) | (insn->rex & 1 ? 8 : 0);
		if (insn->op >= 0x58)
			return pop(cpu, insn, &e);
		return push(cpu, insn, cpu->regs[e.reg]);
	case 0x68:
	case 0x6a:
		return push(cpu, insn, insn->imm);
	case 0x8f:
		return insn_group(insn) ? EXEC_UNKNOWN : pop(cpu, insn, &e);
	case 0xff:
		ret = exec_operand(cpu, insn, insn->opsize, 0, &e);
		if (!ret)
			ret = exec_get(cpu, insn, &e, insn->opsize, 0, &value);
		return ret ?: push(cpu, insn, value);
	default:
		/* 06, 0E, 16, 1E, 0F A0, 0F A8 */
		return push(cpu, insn,
			    cpu->ops->segment(cpu, insn->op >> 3 & 7)->selector);
	}
}
