// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions executed in software: operands, moves, and who does the rest.
 *
 * Whatever may go wrong goes wrong before anything changes: an instruction
 * reads, then writes memory, a port or a control register once, and only then
 * changes registers.  So it can be abandoned at any access and begun again.
 */
#include "execute.h"

int exec_fault(struct lodge_cpu *cpu, u8 vector)
{
	cpu->fault.vector = vector;
	/* Real mode has no error codes. */
	cpu->fault.has_error = (cpu->cr0 & C0_PE) &&
			       vector >= VECTOR_SS && vector <= VECTOR_PF;
	cpu->fault.error = 0;
	return EXEC_FAULT;
}

/* AH, CH, DH and BH are where SPL, BPL, SIL and DIL are with a REX prefix. */
static bool is_high_byte(const struct lodge_insn *insn, u8 reg, unsigned int size)
{
	return size == 1 && !insn->rex && reg >= 4 && reg < 8;
}

u64 exec_get_reg(const struct lodge_cpu *cpu, const struct lodge_insn *insn,
		 u8 reg, unsigned int size)
{
	if (is_high_byte(insn, reg, size))
		return (cpu->regs[reg - 4] >> 8) & 0xff;
	return cpu->regs[reg] & size_mask(size);
}

void exec_set_reg(struct lodge_cpu *cpu, const struct lodge_insn *insn, u8 reg,
		  unsigned int size, u64 value)
{
	if (is_high_byte(insn, reg, size)) {
		u64 *full = &cpu->regs[reg - 4];

		*full = (*full & ~0xff00ULL) | (value & 0xff) << 8;
		return;
	}
	set_part(&cpu->regs[reg], value, size);
}

static bool is_canonical(const struct lodge_cpu *cpu, u64 linear)
{
	unsigned int shift = cpu->cr4 & C4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << shift) >> shift) == linear;
}

/* Descriptor types: bit 3 code, bit 2 expand-down, bit 1 writable or readable */
static bool type_allows(const struct lodge_segment *s, u32 access)
{
	if (s->unusable || !s->present)
		return false;
	if (s->type & 8)
		return !(access & ACCESS_WRITE) && (s->type & 2);
	return !(access & ACCESS_WRITE) || (s->type & 2);
}

int exec_linear(struct lodge_cpu *cpu, int seg, u64 offset, unsigned int len,
		u32 access, u64 *linear)
{
	u8 vector = seg == SEG_SS ? VECTOR_SS : VECTOR_GP;
	const struct lodge_segment *s;
	u64 last = offset + len - 1;

	if (cpu->mode == 8) {
		if (seg == SEG_FS || seg == SEG_GS)
			offset += cpu->ops->segment(cpu, seg)->base;
		last = offset + len - 1;
		if (!is_canonical(cpu, offset) || !is_canonical(cpu, last))
			return exec_fault(cpu, vector);
		*linear = offset;
		return EXEC_DONE;
	}

	s = cpu->ops->segment(cpu, seg);
	if (in_protected_mode(cpu) && !type_allows(s, access))
		return exec_fault(cpu, vector);
	if (in_protected_mode(cpu) && (s->type & 0xc) == 4) {
		/* Expand-down: what is above the limit. */
		if (offset <= s->limit || last > (s->db ? ~0U : 0xffff))
			return exec_fault(cpu, vector);
	} else if (last > s->limit) {
		return exec_fault(cpu, vector);
	}
	*linear = (u32)(s->base + offset);
	return EXEC_DONE;
}

u64 exec_offset(const struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 offset = insn->disp;

	if (insn->base == REG_RIP_BASE)
		offset += cpu->rip + insn->len;
	else if (insn->base >= 0)
		offset += cpu->regs[insn->base];
	if (insn->index >= 0)
		offset += cpu->regs[insn->index] << insn->scale;
	return offset & size_mask(insn->addrsize);
}

/* Finds the operand, and checks it as far as can be without page tables. */
int exec_operand(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		 unsigned int len, u32 access, struct lodge_operand *out)
{
	out->mem = insn->mem;
	out->reg = insn->rm;
	out->linear = 0;
	if (!insn->mem)
		return EXEC_DONE;
	return exec_linear(cpu, insn->seg, exec_offset(cpu, insn), len, access,
			   &out->linear);
}

int exec_get(struct lodge_cpu *cpu, const struct lodge_insn *insn,
	     const struct lodge_operand *op, unsigned int size, u32 access,
	     u64 *value)
{
	*value = 0;
	if (op->mem)
		return cpu->ops->read(cpu, op->linear, value, size, access);
	*value = exec_get_reg(cpu, insn, op->reg, size);
	return EXEC_DONE;
}

int exec_put(struct lodge_cpu *cpu, const struct lodge_insn *insn,
	     const struct lodge_operand *op, unsigned int size, u64 value)
{
	if (op->mem)
		return cpu->ops->write(cpu, op->linear, &value, size, 0);
	exec_set_reg(cpu, insn, op->reg, size, value);
	return EXEC_DONE;
}

/* E is only read: value to @value. */
int exec_source(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		unsigned int size, u64 *value)
{
	struct lodge_operand e;
	int ret;

	ret = exec_operand(cpu, insn, size, 0, &e);
	if (ret)
		return ret;
	return exec_get(cpu, insn, &e, size, 0, value);
}

/* E is only written. */
static int exec_store(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		      unsigned int size, u64 value)
{
	struct lodge_operand e;
	int ret;

	ret = exec_operand(cpu, insn, size, ACCESS_WRITE, &e);
	if (!ret)
		ret = exec_put(cpu, insn, &e, size, value);
	return ret ?: exec_done(cpu, insn);
}

/* A destination register gets what a source operand of @from bytes holds. */
static int exec_load(struct lodge_cpu *cpu, const struct lodge_insn *insn,
		     unsigned int from, bool is_signed)
{
	u64 value;
	int ret;

	ret = exec_source(cpu, insn, from, &value);
	if (ret)
		return ret;
	if (is_signed)
		value = sign_extend(value, from);
	exec_set_reg(cpu, insn, insn->reg, insn->size, value);
	return exec_done(cpu, insn);
}

/* Intel SDM vol. 1, B: the condition in an opcode's lower four bits. */
static bool condition(u64 rflags, unsigned int cc)
{
	bool cf = rflags & RF_CF, zf = rflags & RF_ZF, sf = rflags & RF_SF;
	bool of = rflags & RF_OF, pf = rflags & RF_PF, yes;

	switch (cc >> 1 & 7) {
	case 0:
		yes = of;
		break;
	case 1:
		yes = cf;
		break;
	case 2:
		yes = zf;
		break;
	case 3:
		yes = cf || zf;
		break;
	case 4:
		yes = sf;
		break;
	case 5:
		yes = pf;
		break;
	case 6:
		yes = sf != of;
		break;
	default:
		yes = zf || sf != of;
		break;
	}
	return yes != (cc & 1);
}

/* MOV to and from the address in the instruction */
static int exec_mov_offset(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	bool store = insn->op & 2;

	if (store)
		return exec_store(cpu, insn, insn->size,
				  exec_get_reg(cpu, insn, REG_RAX, insn->size));
	return exec_load(cpu, insn, insn->size, false);
}

/* MOV from a segment register: memory gets 2 bytes, a register all. */
static int exec_mov_from_seg(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	unsigned int seg = insn_group(insn);

	if (seg > SEG_GS)
		return exec_fault(cpu, VECTOR_UD);
	return exec_store(cpu, insn, insn->mem ? 2 : insn->size,
			  cpu->ops->segment(cpu, seg)->selector);
}

static u64 swap_bytes(u64 value, unsigned int size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

static int exec_movbe(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 value;
	int ret;

	if (insn->rep)
		return EXEC_UNKNOWN;	/* CRC32 */
	if (!insn->mem)
		return exec_fault(cpu, VECTOR_UD);
	if (insn->op & 1) {
		value = exec_get_reg(cpu, insn, insn->reg, insn->size);
		return exec_store(cpu, insn, insn->size,
				  swap_bytes(value, insn->size));
	}
	ret = exec_source(cpu, insn, insn->size, &value);
	if (ret)
		return ret;
	exec_set_reg(cpu, insn, insn->reg, insn->size,
		     swap_bytes(value, insn->size));
	return exec_done(cpu, insn);
}

static int exec_cmov(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	u64 value;
	int ret;

	ret = exec_source(cpu, insn, insn->size, &value);
	if (ret)
		return ret;
	/* A destination of 4 bytes loses its upper half in any case. */
	if (!condition(cpu->rflags, insn->op))
		value = exec_get_reg(cpu, insn, insn->reg, insn->size);
	exec_set_reg(cpu, insn, insn->reg, insn->size, value);
	return exec_done(cpu, insn);
}

/* The instructions that have a locked form; the operand must be memory. */
static bool may_lock(const struct lodge_insn *insn)
{
	unsigned int group = insn_group(insn);

	if (!insn->mem)
		return false;
	switch (insn->op) {
	case 0x00 ... 0x37:
		return (insn->op & 7) < 2;
	case 0x80 ... 0x83:
		return group != 7;
	case 0x86 ... 0x87:
	case MAP_0F | 0xab:
	case MAP_0F | 0xb0 ... MAP_0F | 0xb1:
	case MAP_0F | 0xb3:
	case MAP_0F | 0xbb:
	case MAP_0F | 0xc0 ... MAP_0F | 0xc1:
		return true;
	case 0xf6 ... 0xf7:
		return group == 2 || group == 3;
	case 0xfe ... 0xff:
		return group < 2;
	case MAP_0F | 0xba:
		return group > 4;
	case MAP_0F | 0xc7:
		return group == 1;
	default:
		return false;
	}
}

static int execute_1(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	unsigned int size = insn->size;

	switch (insn->op) {
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
	case 0x50 ... 0x5f:
	case 0x68:
	case 0x6a:
	case 0x8f:
		return exec_stack(cpu, insn);
	case 0x63:
		/* In other modes it is ARPL. */
		if (cpu->mode != 8)
			return EXEC_UNKNOWN;
		return exec_load(cpu, insn, size < 4 ? size : 4, true);
	case 0x6c ... 0x6f:
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef:
		return exec_port(cpu, insn);
	case 0x88 ... 0x89:
		return exec_store(cpu, insn, size,
				  exec_get_reg(cpu, insn, insn->reg, size));
	case 0x8a ... 0x8b:
		return exec_load(cpu, insn, size, false);
	case 0x8c:
		return exec_mov_from_seg(cpu, insn);
	case 0xa0 ... 0xa3:
		return exec_mov_offset(cpu, insn);
	case 0xa4 ... 0xa7:
	case 0xaa ... 0xaf:
		return exec_string(cpu, insn);
	case 0xb0 ... 0xbf:
		exec_set_reg(cpu, insn, (insn->op & 7) | (insn->rex & 1 ? 8 : 0),
			     size, insn->imm);
		return exec_done(cpu, insn);
	case 0xc6 ... 0xc7:
		if (insn_group(insn))
			return EXEC_UNKNOWN;
		return exec_store(cpu, insn, size, insn->imm);
	case 0xff:
		if (insn_group(insn) == 6)
			return exec_stack(cpu, insn);
		fallthrough;
	default:
		return exec_arithmetic(cpu, insn);
	}
}

static int execute_0f(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	unsigned int size;
	int ret;

	switch (insn->op) {
	case MAP_0F | 0x40 ... MAP_0F | 0x4f:
		return exec_cmov(cpu, insn);
	case MAP_0F | 0x90 ... MAP_0F | 0x9f:
		return exec_store(cpu, insn, 1, condition(cpu->rflags, insn->op));
	case MAP_0F | 0xa0:
	case MAP_0F | 0xa8:
		return exec_stack(cpu, insn);
	case MAP_0F | 0xb6 ... MAP_0F | 0xb7:
		return exec_load(cpu, insn, insn->op & 1 ? 2 : 1, false);
	case MAP_0F | 0xbe ... MAP_0F | 0xbf:
		return exec_load(cpu, insn, insn->op & 1 ? 2 : 1, true);
	case MAP_0F | 0xc3:
		if (insn->opsize_prefix || insn->rep || !insn->mem)
			return exec_fault(cpu, VECTOR_UD);
		/* MOVNTI has no 16-bit form, in 16-bit code neither. */
		size = insn->opsize == 8 ? 8 : 4;
		return exec_store(cpu, insn, size,
				  exec_get_reg(cpu, insn, insn->reg, size));
	case MAP_0F38 | 0xf0 ... MAP_0F38 | 0xf1:
		return exec_movbe(cpu, insn);
	default:
		break;
	}
	if (insn->op >= MAP_0F38)
		return EXEC_UNKNOWN;
	ret = exec_arithmetic(cpu, insn);
	if (ret == EXEC_UNKNOWN)
		ret = exec_system(cpu, insn);
	return ret == EXEC_UNKNOWN ? exec_vector(cpu, insn) : ret;
}

int lodge_execute(struct lodge_cpu *cpu, const struct lodge_insn *insn)
{
	cpu->repeat = false;
	if (insn->lock && !may_lock(insn))
		return exec_fault(cpu, VECTOR_UD);
	return insn->op < MAP_0F ? execute_1(cpu, insn) : execute_0f(cpu, insn);
}
