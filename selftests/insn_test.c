// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's decoder and executor as a program: each instruction is executed
 * by the processor and by us, from the same random state, and must leave the
 * same state.  Needs no /dev/lodge.
 *
 * Sources: kmod/vm/decode.c and execute*.c, included here.
 */
#include "insn_native.h"

/* A slow machine takes minutes for these, hardware a second. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

#include "../kmod/vm/decode.c"
#include "../kmod/vm/execute.c"
#include "../kmod/vm/execute_arith.c"
#include "../kmod/vm/execute_string.c"
#include "../kmod/vm/execute_system.c"

/* Rounds for each opcode of a template; -DROUNDS=2000 -DSEED=n is for nights. */
#ifndef ROUNDS
#define ROUNDS	60
#endif
#ifndef SEED
#define SEED	0x9e3779b97f4a7c15ULL
#endif

static u64 seed;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL;
}

static bool lax;

static bool one_in(unsigned int n)
{
	return (rnd() >> 32) % n == 0;
}

/* Values at which flags change, and others */
static u64 rnd_value(void)
{
	static const u64 edge[] = {
		0, 1, -1ULL, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
		0x7fffffff, 0x80000000, 0xffffffff,
		0x7fffffffffffffffULL, 0x8000000000000000ULL,
	};

	return one_in(3) ? edge[(rnd() >> 32) % ARRAY_SIZE(edge)] : rnd();
}

/* ---- What is compared ---- */

#define T_MEM		BIT(0)	/* no register form */
#define T_NO64		BIT(1)
#define T_ONLY64	BIT(2)
#define T_STRING	BIT(3)
#define T_STACK		BIT(4)
#define T_BIT		BIT(5)	/* register is a bit offset */
#define T_VECTOR	BIT(6)
#define T_NOREG4	BIT(7)	/* register form with 4 bytes differs between makers */
#define T_PRIVILEGED	BIT(8)	/* always faults here */
#define T_MOVBE		BIT(9)
#define ANY		0xff

struct template {
	const char *name;
	u16 first, last;	/* opcodes */
	u8 group;
	u16 flags;
	u32 undefined;		/* RFLAGS */
	u8 prefix;		/* that makes the instruction what it is */
};

#define UNDEF_BIT	(RF_OF | RF_SF | RF_AF | RF_PF)

static const struct template templates[] = {
	{ "add", 0x00, 0x05, ANY },
	{ "or", 0x08, 0x0d, ANY, 0, RF_AF },
	{ "adc", 0x10, 0x15, ANY },
	{ "sbb", 0x18, 0x1d, ANY },
	{ "and", 0x20, 0x25, ANY, 0, RF_AF },
	{ "sub", 0x28, 0x2d, ANY },
	{ "xor", 0x30, 0x35, ANY, 0, RF_AF },
	{ "cmp", 0x38, 0x3d, ANY },
	{ "arith imm", 0x80, 0x81, ANY, 0, RF_AF },
	{ "arith imm 82", 0x82, 0x82, ANY, T_NO64, RF_AF },
	{ "arith imm 83", 0x83, 0x83, ANY, 0, RF_AF },
	{ "push reg", 0x50, 0x57, ANY, T_STACK },
	{ "pop reg", 0x58, 0x5f, ANY, T_STACK },
	{ "movsxd", 0x63, 0x63, ANY, T_ONLY64 },
	{ "push imm", 0x68, 0x68, ANY, T_STACK },
	{ "push imm8", 0x6a, 0x6a, ANY, T_STACK },
	{ "ins, outs", 0x6c, 0x6f, ANY, T_STRING | T_PRIVILEGED },
	{ "test", 0x84, 0x85, ANY, 0, RF_AF },
	{ "xchg", 0x86, 0x87, ANY },
	{ "mov", 0x88, 0x8b, ANY },
	{ "mov from seg", 0x8c, 0x8c, ANY },
	{ "pop", 0x8f, 0x8f, 0, T_STACK | T_MEM },
	{ "mov moffs", 0xa0, 0xa3, ANY, T_MEM },
	{ "movs", 0xa4, 0xa5, ANY, T_STRING },
	{ "cmps", 0xa6, 0xa7, ANY, T_STRING },
	{ "test acc", 0xa8, 0xa9, ANY, 0, RF_AF },
	{ "stos", 0xaa, 0xab, ANY, T_STRING },
	{ "lods", 0xac, 0xad, ANY, T_STRING },
	{ "scas", 0xae, 0xaf, ANY, T_STRING },
	{ "mov imm", 0xb0, 0xbf, ANY },
	{ "mov imm", 0xc6, 0xc7, 0 },
	{ "in, out imm", 0xe4, 0xe7, ANY, T_PRIVILEGED },
	{ "in, out", 0xec, 0xef, ANY, T_PRIVILEGED },
	{ "test imm", 0xf6, 0xf7, 0, 0, RF_AF },
	{ "not", 0xf6, 0xf7, 2 },
	{ "neg", 0xf6, 0xf7, 3 },
	{ "inc", 0xfe, 0xff, 0 },
	{ "dec", 0xfe, 0xff, 1 },
	{ "push", 0xff, 0xff, 6, T_STACK },
	{ "lmsw", MAP_0F | 0x01, MAP_0F | 0x01, 6, T_PRIVILEGED },
	{ "invlpg", MAP_0F | 0x01, MAP_0F | 0x01, 7, T_PRIVILEGED | T_MEM },
	{ "clts", MAP_0F | 0x06, MAP_0F | 0x06, ANY, T_PRIVILEGED },
	{ "invd, wbinvd", MAP_0F | 0x08, MAP_0F | 0x09, ANY, T_PRIVILEGED },
	{ "movups, movupd", MAP_0F | 0x10, MAP_0F | 0x11, ANY, T_VECTOR },
	{ "movss", MAP_0F | 0x10, MAP_0F | 0x11, ANY, T_VECTOR, 0, 0xf3 },
	{ "movsd", MAP_0F | 0x10, MAP_0F | 0x11, ANY, T_VECTOR, 0, 0xf2 },
	{ "mov cr, dr", MAP_0F | 0x20, MAP_0F | 0x23, ANY, T_PRIVILEGED },
	{ "movaps, movapd", MAP_0F | 0x28, MAP_0F | 0x29, ANY, T_VECTOR },
	{ "movntps", MAP_0F | 0x2b, MAP_0F | 0x2b, ANY, T_VECTOR },
	{ "cmov", MAP_0F | 0x40, MAP_0F | 0x4f, ANY },
	{ "movd", MAP_0F | 0x6e, MAP_0F | 0x6e, ANY, T_VECTOR, 0, 0x66 },
	{ "movd store", MAP_0F | 0x7e, MAP_0F | 0x7e, ANY, T_VECTOR, 0, 0x66 },
	{ "movq", MAP_0F | 0x7e, MAP_0F | 0x7e, ANY, T_VECTOR, 0, 0xf3 },
	{ "movq store", MAP_0F | 0xd6, MAP_0F | 0xd6, ANY, T_VECTOR, 0, 0x66 },
	{ "movdqa", MAP_0F | 0x6f, MAP_0F | 0x6f, ANY, T_VECTOR, 0, 0x66 },
	{ "movdqu", MAP_0F | 0x6f, MAP_0F | 0x6f, ANY, T_VECTOR, 0, 0xf3 },
	{ "movdqa store", MAP_0F | 0x7f, MAP_0F | 0x7f, ANY, T_VECTOR, 0, 0x66 },
	{ "movdqu store", MAP_0F | 0x7f, MAP_0F | 0x7f, ANY, T_VECTOR, 0, 0xf3 },
	{ "movntdq", MAP_0F | 0xe7, MAP_0F | 0xe7, ANY, T_VECTOR, 0, 0x66 },
	{ "setcc", MAP_0F | 0x90, MAP_0F | 0x9f, ANY },
	{ "bt", MAP_0F | 0xa3, MAP_0F | 0xa3, ANY, T_BIT, UNDEF_BIT },
	{ "bts", MAP_0F | 0xab, MAP_0F | 0xab, ANY, T_BIT, UNDEF_BIT },
	{ "btr", MAP_0F | 0xb3, MAP_0F | 0xb3, ANY, T_BIT, UNDEF_BIT },
	{ "btc", MAP_0F | 0xbb, MAP_0F | 0xbb, ANY, T_BIT, UNDEF_BIT },
	{ "bt imm", MAP_0F | 0xba, MAP_0F | 0xba, ANY, 0, UNDEF_BIT },
	{ "cmpxchg", MAP_0F | 0xb0, MAP_0F | 0xb1, ANY, T_NOREG4 },
	{ "movzx", MAP_0F | 0xb6, MAP_0F | 0xb7, ANY },
	{ "movsx", MAP_0F | 0xbe, MAP_0F | 0xbf, ANY },
	{ "xadd", MAP_0F | 0xc0, MAP_0F | 0xc1, ANY },
	{ "movnti", MAP_0F | 0xc3, MAP_0F | 0xc3, ANY, T_MEM },
	{ "movbe", MAP_0F38 | 0xf0, MAP_0F38 | 0xf1, ANY, T_MEM | T_MOVBE },
};

/* ---- The other machine ---- */

static u8 emu_data[DATA_SIZE];
static u8 emu_xmm[16][16];
static struct lodge_segment emu_seg[NR_SEGS];
/* Before which access the machine says stop; -1 for never */
static int emu_stop;

static int emu_check(struct lodge_cpu *cpu, u64 linear, unsigned int len)
{
	u64 at;

	if (emu_stop >= 0 && !emu_stop--)
		return EXEC_STOP;
	for (at = linear; at < linear + len; at++) {
		if (at - DATA_AT < DATA_SIZE)
			continue;
		cpu->fault = (struct lodge_fault){
			.vector = VECTOR_PF,
			.has_error = true,
			.cr2 = at,
		};
		return EXEC_FAULT;
	}
	return EXEC_DONE;
}

static int emu_probe(struct lodge_cpu *cpu, u64 linear, unsigned int len,
		     u32 access)
{
	return emu_check(cpu, linear, len);
}

static int emu_read(struct lodge_cpu *cpu, u64 linear, void *data,
		    unsigned int len, u32 access)
{
	int ret = emu_check(cpu, linear, len);

	if (!ret)
		memcpy(data, emu_data + (linear - DATA_AT), len);
	return ret;
}

static int emu_write(struct lodge_cpu *cpu, u64 linear, const void *data,
		     unsigned int len, u32 access)
{
	int ret = emu_check(cpu, linear, len);

	if (!ret)
		memcpy(emu_data + (linear - DATA_AT), data, len);
	return ret;
}

static int emu_replace(struct lodge_cpu *cpu, u64 linear, u64 old, u64 new,
		       unsigned int len)
{
	return emu_write(cpu, linear, &new, len, 0);
}

static int emu_port(struct lodge_cpu *cpu, u16 port, void *data,
		    unsigned int len, bool write)
{
	return EXEC_STOP;
}

static const struct lodge_segment *emu_segment(struct lodge_cpu *cpu, int seg)
{
	return &emu_seg[seg];
}

static int emu_cr(struct lodge_cpu *cpu, int nr, u64 *value, bool write)
{
	return EXEC_STOP;
}

static int emu_move_xmm(struct lodge_cpu *cpu, int nr, void *data, bool write)
{
	if (write)
		memcpy(emu_xmm[nr], data, 16);
	else
		memcpy(data, emu_xmm[nr], 16);
	return EXEC_DONE;
}

static void emu_invlpg(struct lodge_cpu *cpu, u64 linear)
{
}

static const struct lodge_cpu_ops emu_ops = {
	.probe = emu_probe,
	.read = emu_read,
	.write = emu_write,
	.replace = emu_replace,
	.port = emu_port,
	.segment = emu_segment,
	.cr = emu_cr,
	.dr = emu_cr,
	.xmm = emu_move_xmm,
	.invlpg = emu_invlpg,
};

/* What a program under Linux has. */
static void emu_setup(struct lodge_cpu *cpu, int mode)
{
	struct lodge_segment flat = {
		.limit = -1U, .selector = USER_DS, .type = 3, .s = 1, .dpl = 3,
		.present = 1, .db = 1, .g = 1,
	};
	int i;

	for (i = 0; i < NR_SEGS; i++)
		emu_seg[i] = flat;
	emu_seg[SEG_CS].type = 0xb;
	emu_seg[SEG_CS].selector = mode == 8 ? 0x33 : USER_CS32;
	if (mode == 2) {
		emu_seg[SEG_CS].base = CODE_AT;
		emu_seg[SEG_CS].limit = 0xffff;
		emu_seg[SEG_CS].selector = SELECTOR(LDT_CODE16);
	}
	emu_seg[SEG_FS] = (struct lodge_segment){ .unusable = 1 };
	emu_seg[SEG_TR] = (struct lodge_segment){ .unusable = 1 };
	emu_seg[SEG_GS].base = DATA_AT;
	emu_seg[SEG_GS].limit = DATA_SIZE - 1;
	emu_seg[SEG_GS].selector = SELECTOR(LDT_DATA);
	if (!native_ldt)
		emu_seg[SEG_GS] = (struct lodge_segment){ .unusable = 1 };

	memset(cpu, 0, sizeof(*cpu));
	cpu->ops = &emu_ops;
	cpu->cr0 = C0_PE | C0_PG;
	cpu->cr4 = C4_PAE | C4_OSFXSR;
	cpu->efer = EF_LMA;
	cpu->cpl = 3;
	cpu->mode = mode;
	emu_stop = -1;
}

/* ---- Random instructions ---- */

struct sample {
	u8 bytes[32];
	unsigned int modrm;	/* where that byte is */
	struct lodge_insn insn;
	u64 regs[NR_REGS];
	u64 rflags;
};

static unsigned int add_prefixes(const struct template *t, int mode, u8 *p)
{
	unsigned int n = 0;

	if (one_in(8))
		p[n++] = 0x67;
	if (one_in(8) && native_ldt)
		p[n++] = 0x65;
	else if (one_in(16))	/* FS is the program's own in 64-bit code */
		p[n++] = mode == 8 || lax ? 0x3e : 0x64;
	else if (one_in(8))	/* ES, SS, DS; CS */
		p[n++] = one_in(4) && mode != 2 && !lax ? 0x2e :
			 0x26 | (rnd() >> 20 & 0x10);
	if (one_in(20))
		p[n++] = 0xf0;
	if (t->prefix)
		p[n++] = t->prefix;
	if ((t->flags & T_STRING) && !one_in(3))
		p[n++] = one_in(2) ? 0xf2 : 0xf3;
	if ((!t->prefix || !(t->flags & T_VECTOR)) && one_in(3))
		p[n++] = 0x66;
	if (mode == 8 && one_in(2))
		p[n++] = 0x40 | (rnd() >> 40 & 0xf);
	return n;
}

static bool compose(struct sample *s, const struct template *t, int mode)
{
	u16 op = t->first + (rnd() >> 32) % (t->last - t->first + 1U);
	unsigned int n, i;

	n = add_prefixes(t, mode, s->bytes);
	if (op >= MAP_0F)
		s->bytes[n++] = 0x0f;
	if (op >= MAP_0F38)
		s->bytes[n++] = 0x38;
	s->bytes[n++] = op;
	s->modrm = n;
	for (i = n; i < sizeof(s->bytes); i++)
		s->bytes[i] = rnd() >> 32;
	if (t->group != ANY)
		s->bytes[n] = (s->bytes[n] & 0xc7) | t->group << 3;
	if ((t->flags & (T_MEM | T_VECTOR)) && s->bytes[n] >= 0xc0)
		s->bytes[n] &= 0xbf;
	return lodge_decode(&s->insn, s->bytes, sizeof(s->bytes), mode) ==
	       DECODE_OK;
}

/* Around a border, also where the memory ends, if the segment can be there */
static u64 pick_target(int seg)
{
	if (lax && seg == SEG_GS)
		return DATA_AT + 4096 - (rnd() >> 32) % 64;
	return DATA_AT + 4096 * ((rnd() >> 32) % (DATA_PAGES + 1)) +
	       (one_in(8) ? 0 : (s64)(rnd() >> 32) % 96) - 48;
}

static void put_low(u64 *reg, u64 value, unsigned int size)
{
	memcpy(reg, &value, size);
}

/*
 * Makes the memory operand be at @target, by changing a register or the
 * displacement.  False: it cannot be done with these bytes.
 */
static bool aim(struct sample *s, u64 target, u64 rip)
{
	struct lodge_insn *insn = &s->insn;
	unsigned int size = insn->addrsize;
	u64 rest = insn->disp;
	u8 *disp;

	if (!s->insn.has_modrm) {
		memcpy(s->bytes + s->modrm, &target, size);
		return true;
	}
	if (insn->index >= 0) {
		if (insn->index == insn->base)
			return false;
		rest += s->regs[insn->index] << insn->scale;
	}
	if (insn->base >= 0 && insn->base != REG_RIP_BASE) {
		put_low(&s->regs[insn->base], target - rest, size);
		return true;
	}

	/* Absolute, or relative to the next instruction */
	disp = s->bytes + s->modrm + 1;
	if (size != 2 && (insn->modrm & 7) == 4)
		disp++;
	if (insn->index >= 0)
		put_low(&s->regs[insn->index], 0x11, size);
	rest = target - (insn->index >= 0 ? 0x11 << insn->scale : 0);
	if (insn->base == REG_RIP_BASE)
		rest -= rip + insn->len;
	memcpy(disp, &rest, size == 2 ? 2 : 4);
	return true;
}

static u64 segment_base(const struct sample *s, int seg, int mode)
{
	if (mode == 8 && seg < SEG_FS)
		return 0;
	return emu_seg[seg].base;
}

/* Everything random, but no access outside the data and the lowest 64 KiB. */
static bool prepare(struct sample *s, const struct template *t, int mode)
{
	struct lodge_insn *insn = &s->insn;
	unsigned int i;

	for (i = 0; i < NR_REGS; i++)
		s->regs[i] = rnd_value();
	s->rflags = 0x202 | (rnd() & (RF_ARITH | RF_DF));

	if ((t->flags & T_NOREG4) && !insn->mem && insn->size == 4)
		return false;
	if (lax && insn->lock && !may_lock(insn))
		return false;
	/* AMD's processors reach CR8 by LOCK MOV CR0. */
	if (insn->lock && t->first == (MAP_0F | 0x20))
		return false;
	/* Bochs refuses a prefix there that processors ignore. */
	if (insn->op == 0x8c && (insn->rex & 4) && !native_ignores_rex_r())
		return false;
	/* QEMU 7.2 takes another size here than processors do. */
	if (lax && (t->flags & T_MOVBE) && insn->opsize_prefix)
		return false;
	if (t->flags & T_STACK)
		s->regs[REG_RSP] = pick_target(SEG_SS);
	if (t->flags & T_STRING) {
		int seg = insn->override >= 0 ? insn->override : SEG_DS;
		u64 rsi = pick_target(seg), rdi = pick_target(SEG_ES);

		rsi -= segment_base(s, seg, mode);
		put_low(&s->regs[REG_RSI], rsi, insn->addrsize);
		put_low(&s->regs[REG_RDI], rdi, insn->addrsize);
		put_low(&s->regs[REG_RCX], (rnd() >> 32) % 6, insn->addrsize);
		return true;
	}
	if ((t->flags & T_BIT) && insn->mem)
		s->regs[insn->reg] = (s64)(s32)((rnd() >> 32) % 512) - 256;
	if (insn->mem) {
		u64 target = pick_target(insn->seg) -
			     segment_base(s, insn->seg, mode);

		/* POP counts from where RSP is afterwards. */
		if (insn->op == 0x8f && insn->base == REG_RSP)
			return false;
		/* Registers with two purposes may not be what they must be. */
		if ((t->flags & T_STACK) &&
		    (insn->index == REG_RSP || insn->base == REG_RSP))
			return false;
		if ((t->flags & T_BIT) &&
		    (insn->base == insn->reg || insn->index == insn->reg))
			return false;
		if (!aim(s, target, native_codes[mode].rip))
			return false;
		/* Not with alignment, which some look at first. */
		if (mode == 8 && insn->addrsize == 8 && insn->has_modrm &&
		    !(t->flags & T_VECTOR) && !lax &&
		    insn->base >= 0 && insn->base < NR_REGS && one_in(16))
			s->regs[insn->base] ^= 0x5555ULL << 48;
	}
	return lodge_decode(insn, s->bytes, sizeof(s->bytes), mode) == DECODE_OK;
}

static void complain(const struct template *t, const struct sample *s, int mode,
		     const char *what, u64 ours, u64 theirs)
{
	unsigned int i;

	printf("# %s (%u-bit code): %s is %llx, the processor has %llx\n#  ",
	       t->name, 8 * mode, what, ours, theirs);
	for (i = 0; i < s->insn.len; i++)
		printf(" %02x", s->bytes[i]);
	printf("\n#  ");
	for (i = 0; i < NR_REGS; i++)
		printf(" %llx", s->regs[i]);
	printf(" flags %llx\n", s->rflags);
	fflush(stdout);
}

/* Returns whether both agree. */
static bool compare(const struct template *t, struct sample *s, int mode)
{
	static u8 before[DATA_SIZE], native_xmm[16][16];
	struct lodge_cpu cpu;
	u8 *data = (u8 *)(uintptr_t)DATA_AT;
	u64 mask = RF_ARITH | RF_DF, reg_mask = -1ULL;
	unsigned int i, nr = mode == 8 ? 16 : 8;
	bool any_fault;
	int vector, ret;

#define AGREE(what, ours, theirs)						\
	do {									\
		u64 a = (ours), b = (theirs);					\
										\
		if (a != b) {							\
			complain(t, s, mode, what, a, b);			\
			return false;						\
		}								\
	} while (0)

	/* The borders are all that is ever touched. */
	for (i = 0; i < 256; i += 8) {
		u64 value = rnd_value();
		unsigned int at = i < 64 ? i : i < 192 ? 4096 - 128 + i :
				  DATA_SIZE - 256 + i;

		memcpy(before + at, &value, 8);
	}
	memcpy(data, before, DATA_SIZE);
	memcpy(emu_data, before, DATA_SIZE);
	memcpy(native.regs, s->regs, sizeof(s->regs));
	native.rflags = s->rflags;
	if (t->flags & T_VECTOR)
		for (i = 0; i < sizeof(emu_xmm); i++)
			native.fx[160 + i] = ((u8 *)emu_xmm)[i] = rnd() >> 32;
	memcpy(native_xmm, emu_xmm, sizeof(emu_xmm));

	native_put(mode, s->bytes, s->insn.len);
	vector = native_run(mode);

	emu_setup(&cpu, mode);
	memcpy(cpu.regs, s->regs, sizeof(s->regs));
	cpu.rflags = s->rflags;
	cpu.rip = native_codes[mode].rip;
	/* Once with an access that cannot be made now: nothing may change. */
	emu_stop = (rnd() >> 32) % 3;
	ret = lodge_execute(&cpu, &s->insn);
	if (ret != EXEC_DONE) {
		AGREE("register after a stop", 0,
		      memcmp(cpu.regs, s->regs, sizeof(s->regs)));
		AGREE("rflags after a stop", cpu.rflags, s->rflags);
		AGREE("rip after a stop", cpu.rip, native_codes[mode].rip);
		AGREE("memory after a stop", 0,
		      memcmp(emu_data, before, DATA_SIZE));
	} else {
		memcpy(emu_data, before, DATA_SIZE);
		memcpy(cpu.regs, s->regs, sizeof(s->regs));
		cpu.rflags = s->rflags;
		cpu.rip = native_codes[mode].rip;
		if (t->flags & T_VECTOR)
			memcpy(emu_xmm, native_xmm, sizeof(emu_xmm));
	}
	emu_stop = -1;
	do {
		ret = lodge_execute(&cpu, &s->insn);
	} while (ret == EXEC_DONE && cpu.repeat);

	/* What must not be, an emulator may not look at, or not at first. */
	if (lax && ret == EXEC_FAULT &&
	    (cpu.fault.vector == VECTOR_UD || (t->flags & T_PRIVILEGED)))
		return true;
	/* Which of two operands is read first is each processor's own choice. */
	any_fault = (s->insn.op & ~1) == 0xa6 && ret == EXEC_FAULT && vector >= 0;
	if (!any_fault)
		AGREE("outcome", ret == EXEC_DONE ? -1 :
		      ret == EXEC_FAULT ? cpu.fault.vector : 1000 + ret,
		      (s64)vector);
	if (vector < 0) {
		mask &= ~(u64)t->undefined;
		AGREE("rip", cpu.rip, native_codes[mode].rip + s->insn.len);
	} else {
		/* The processor's address is linear, as ours. */
		AGREE("rip", cpu.rip, native_rip);
		if (vector == VECTOR_PF && !any_fault)
			AGREE("cr2", cpu.fault.cr2, native_cr2);
		/* Some go back to the flags from before the first round. */
		if ((t->flags & T_STRING) || lax)
			mask = 0;
	}
	AGREE("rflags", cpu.rflags & mask, native.rflags & mask);
	/*
	 * With 32-bit addresses in 64-bit code, some processors clear the upper
	 * halves of the registers that a string instruction uses, others only if
	 * it gets as far as to change them.
	 */
	if (mode != 8 || ((t->flags & T_STRING) && s->insn.addrsize == 4))
		reg_mask = (u32)-1;
	for (i = 0; i < nr; i++)
		AGREE("register", cpu.regs[i] & reg_mask,
		      native.regs[i] & reg_mask);
	/* An emulator may write 16 bytes in halves. */
	if (lax && vector >= 0 && (t->flags & T_VECTOR))
		return true;
	for (i = 0; i < DATA_SIZE; i += 8)
		if (memcmp(emu_data + i, data + i, 8))
			AGREE("memory", *(u64 *)(emu_data + i),
			      *(u64 *)(data + i));
	if ((t->flags & T_VECTOR) && vector < 0 && mode == 8)
		for (i = 0; i < sizeof(emu_xmm); i++)
			AGREE("vector register", ((u8 *)emu_xmm)[i],
			      native.fx[160 + i]);
	return true;
#undef AGREE
}

static bool has_movbe(void)
{
	u32 eax = 1, ebx, ecx = 0, edx;

	asm("cpuid" : "+a" (eax), "=b" (ebx), "+c" (ecx), "=d" (edx));
	return ecx & BIT(22);
}

static int compare_all(int mode)
{
	int bad = 0, rounds;
	struct sample s;
	unsigned int i;

	seed = SEED + mode;
	for (i = 0; i < ARRAY_SIZE(templates); i++) {
		const struct template *t = &templates[i];

		if ((t->flags & (mode == 8 ? T_NO64 : T_ONLY64)) ||
		    ((t->flags & T_MOVBE) &&
		     (!has_movbe() || (lax && mode == 2))) ||
		    ((t->flags & T_VECTOR) && mode != 8))
			continue;
		for (rounds = 0; rounds < ROUNDS * (1 + t->last - t->first);) {
			emu_setup(&(struct lodge_cpu){}, mode);
			if (!compose(&s, t, mode) || !prepare(&s, t, mode))
				continue;
			rounds++;
			if (!compare(t, &s, mode) && ++bad > 10)
				return bad;
		}
	}
	return bad;
}

TEST(code64)
{
	native_setup();
	lax = native_is_lax();
	EXPECT_EQ(0, compare_all(8));
}

TEST(code32)
{
	native_setup();
	lax = native_is_lax();
	EXPECT_EQ(0, compare_all(4));
}

TEST(code16)
{
	native_setup();
	lax = native_is_lax();
	if (!native_ldt)
		SKIP(return, "no modify_ldt() on this kernel");
	EXPECT_EQ(0, compare_all(2));
}

TEST_HARNESS_MAIN
