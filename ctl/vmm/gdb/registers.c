// SPDX-License-Identifier: GPL-2.0-only
/* Registers as gdb wants them, and their description. */
#include <stdio.h>
#include <string.h>

#include "vmm/gdb/private.h"

#define MSR_KERNEL_GS_BASE	0xc0000102

/* Offsets in the XSAVE area (Intel SDM vol. 1, tables 10-2 and 13.4) */
#define AREA_FCW	0
#define AREA_FSW	2
#define AREA_FTW	4
#define AREA_FOP	6
#define AREA_FIP	8
#define AREA_FDP	16
#define AREA_MXCSR	24
#define AREA_ST		32
#define AREA_XMM	160
#define AREA_XSTATE_BV	512

#define XSTATE_FP	(1ULL << 0)
#define XSTATE_SSE	(1ULL << 1)

#define FCW_INIT	0x037f
#define MXCSR_INIT	0x1f80

/* Where a register is */
enum place {
	IN_REGS,
	IN_SREGS,
	SELECTOR,		/* likewise, and read only: there is more to a segment */
	IN_AREA,		/* floating point */
	TAG,			/* likewise, in another form */
	IN_SSE,			/* likewise */
	KERNEL_GS,
	NOTHING,		/* 0 */
};

/**
 * struct registers - all that a CPU has
 * @regs: LODGE_STATE_REGS
 * @sregs: LODGE_STATE_SREGS
 * @xsave: LODGE_STATE_XSAVE
 * @msrs: LODGE_STATE_MSRS: one of them
 * @changed: bits of enum place
 */
struct registers {
	struct lodge_regs regs;
	struct lodge_sregs sregs;
	struct lodge_xsave xsave;
	struct lodge_msrs msrs;
	unsigned int changed;
};

/**
 * struct description - a register
 * @name: gdb's name of it
 * @type: gdb's type, or NULL for an integer
 * @feature: begins a feature of that name
 * @place: where it is
 * @offset: there
 * @stored: bytes that it has there
 * @size: bytes that it has for gdb; the rest is 0
 */
struct description {
	const char *name;
	const char *type;
	const char *feature;
	enum place place;
	size_t offset;
	size_t stored;
	size_t size;
};

#define REG(reg)	{ #reg, NULL, NULL, IN_REGS, \
			  offsetof(struct lodge_regs, reg), 8, 8 }
#define SEL(seg)	{ #seg, NULL, NULL, SELECTOR, \
			  offsetof(struct lodge_sregs, seg) + \
			  offsetof(struct lodge_segment, selector), 2, 4 }
#define ST(n)		{ "st" #n, "i387_ext", NULL, IN_AREA, AREA_ST + 16 * (n), 10, 10 }
#define FPU(reg, off, n) { #reg, NULL, NULL, IN_AREA, (off), (n), 4 }
#define XMM(n)		{ "xmm" #n, "vec128", NULL, IN_SSE, AREA_XMM + 16 * (n), 16, 16 }
#define SYS(reg)	{ #reg, NULL, NULL, IN_SREGS, \
			  offsetof(struct lodge_sregs, reg), 8, 8 }

static const struct description registers[] = {
	{ "rax", NULL, "org.gnu.gdb.i386.core", IN_REGS,
	  offsetof(struct lodge_regs, rax), 8, 8 },
	REG(rbx), REG(rcx), REG(rdx), REG(rsi), REG(rdi),
	{ "rbp", "data_ptr", NULL, IN_REGS, offsetof(struct lodge_regs, rbp), 8, 8 },
	{ "rsp", "data_ptr", NULL, IN_REGS, offsetof(struct lodge_regs, rsp), 8, 8 },
	REG(r8), REG(r9), REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
	{ "rip", "code_ptr", NULL, IN_REGS, offsetof(struct lodge_regs, rip), 8, 8 },
	{ "eflags", "eflags", NULL, IN_REGS, offsetof(struct lodge_regs, rflags), 4, 4 },
	SEL(cs), SEL(ss), SEL(ds), SEL(es), SEL(fs), SEL(gs),
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7),
	FPU(fctrl, AREA_FCW, 2), FPU(fstat, AREA_FSW, 2),
	{ "ftag", NULL, NULL, TAG, AREA_FTW, 1, 4 },
	{ "fiseg", NULL, NULL, NOTHING, 0, 0, 4 },
	FPU(fioff, AREA_FIP, 4),
	{ "foseg", NULL, NULL, NOTHING, 0, 0, 4 },
	FPU(fooff, AREA_FDP, 4), FPU(fop, AREA_FOP, 2),
	{ "xmm0", "vec128", "org.gnu.gdb.i386.sse", IN_SSE, AREA_XMM, 16, 16 },
	XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7), XMM(8), XMM(9),
	XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
	{ "mxcsr", NULL, NULL, IN_SSE, AREA_MXCSR, 4, 4 },
	{ "fs_base", NULL, "org.gnu.gdb.i386.segments", IN_SREGS,
	  offsetof(struct lodge_sregs, fs.base), 8, 8 },
	{ "gs_base", NULL, NULL, IN_SREGS, offsetof(struct lodge_sregs, gs.base), 8, 8 },
	{ "k_gs_base", NULL, "lodge.system", KERNEL_GS, 0, 8, 8 },
	SYS(cr0), SYS(cr2), SYS(cr3), SYS(cr4), SYS(cr8), SYS(efer),
};

#define NR_REGISTERS	(sizeof(registers) / sizeof(registers[0]))
#define LARGEST		16

#define FLAG(name, bit) \
	"<field name=\"" #name "\" start=\"" #bit "\" end=\"" #bit "\"/>\n"
#define VECTOR(id, type, count) \
	"<vector id=\"" #id "\" type=\"" #type "\" count=\"" #count "\"/>\n"
#define FIELD(name, type) "<field name=\"" #name "\" type=\"" #type "\"/>\n"

static const char types[] =
	"<flags id=\"eflags\" size=\"4\">\n"
	FLAG(CF, 0) FLAG(PF, 2) FLAG(AF, 4) FLAG(ZF, 6) FLAG(SF, 7) FLAG(TF, 8)
	FLAG(IF, 9) FLAG(DF, 10) FLAG(OF, 11) FLAG(NT, 14) FLAG(RF, 16)
	FLAG(VM, 17) FLAG(AC, 18)
	"</flags>\n";

static const char vector_types[] =
	VECTOR(v4f, ieee_single, 4) VECTOR(v2d, ieee_double, 2)
	VECTOR(v16i8, int8, 16) VECTOR(v4i32, int32, 4)
	"<union id=\"vec128\">\n"
	FIELD(v4_float, v4f) FIELD(v2_double, v2d) FIELD(v16_int8, v16i8)
	FIELD(v4_int32, v4i32) FIELD(uint128, uint128)
	"</union>\n";

size_t gdb_describe(char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	size_t length, i;

	if (!out)
		return 0;
	fputs("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
	      "<target><architecture>i386:x86-64</architecture>", out);
	for (i = 0; i < NR_REGISTERS; i++) {
		const struct description *reg = &registers[i];

		if (reg->feature)
			fprintf(out, "%s<feature name=\"%s\">", i ? "</feature>" : "",
				reg->feature);
		if (!i)
			fputs(types, out);
		if (reg->place == IN_SSE && reg->feature)
			fputs(vector_types, out);
		fprintf(out, "<reg name=\"%s\" bitsize=\"%zu\" type=\"%s\"/>", reg->name,
			8 * reg->size, reg->type ? reg->type :
			reg->size == 8 ? "int64" : "int32");
	}
	fputs("</feature></target>", out);
	length = (size_t)ftell(out);
	fclose(out);
	return length < size ? length : 0;
}

static uint64_t xstate_bv(const struct registers *all)
{
	uint64_t bits;

	memcpy(&bits, all->xsave.area + AREA_XSTATE_BV, sizeof(bits));
	return bits;
}

/* A component that was never used has its initial values, which are not there. */
static void fill_in(struct registers *all)
{
	const uint16_t fcw = FCW_INIT;
	const uint32_t mxcsr = MXCSR_INIT;
	uint64_t bits = xstate_bv(all);

	if (!(bits & XSTATE_FP)) {
		memset(all->xsave.area, 0, AREA_MXCSR);
		memset(all->xsave.area + AREA_ST, 0, AREA_XMM - AREA_ST);
		memcpy(all->xsave.area + AREA_FCW, &fcw, sizeof(fcw));
	}
	if (!(bits & XSTATE_SSE)) {
		memset(all->xsave.area + AREA_XMM, 0, 256);
		memcpy(all->xsave.area + AREA_MXCSR, &mxcsr, sizeof(mxcsr));
	}
}

static int load(struct gdb *gdb, struct registers *all)
{
	struct vcpu *vcpu = &gdb->vm->vcpus[gdb->current];

	all->changed = 0;
	all->msrs = (struct lodge_msrs){
		.count = 1,
		.entries = { { .index = MSR_KERNEL_GS_BASE } },
	};
	if (vcpu_get_state(vcpu, LODGE_STATE_REGS, &all->regs, sizeof(all->regs)) ||
	    vcpu_get_state(vcpu, LODGE_STATE_SREGS, &all->sregs, sizeof(all->sregs)) ||
	    vcpu_get_state(vcpu, LODGE_STATE_XSAVE, &all->xsave, sizeof(all->xsave)) ||
	    vcpu_get_state(vcpu, LODGE_STATE_MSRS, &all->msrs, sizeof(all->msrs)))
		return -1;
	fill_in(all);
	return 0;
}

#define CHANGED(place)	(1U << (place))

static int store(struct gdb *gdb, struct registers *all)
{
	struct vcpu *vcpu = &gdb->vm->vcpus[gdb->current];
	uint64_t bits = xstate_bv(all);

	if ((all->changed & CHANGED(IN_SREGS)) &&
	    vcpu_set_state(vcpu, LODGE_STATE_SREGS, &all->sregs, sizeof(all->sregs)))
		return -1;
	if ((all->changed & CHANGED(IN_REGS)) &&
	    vcpu_set_state(vcpu, LODGE_STATE_REGS, &all->regs, sizeof(all->regs)))
		return -1;
	if ((all->changed & CHANGED(KERNEL_GS)) &&
	    vcpu_set_state(vcpu, LODGE_STATE_MSRS, &all->msrs, sizeof(all->msrs)))
		return -1;
	if (!(all->changed & (CHANGED(IN_AREA) | CHANGED(TAG) | CHANGED(IN_SSE))))
		return 0;
	/* What was filled in counts now. */
	bits |= XSTATE_FP | XSTATE_SSE;
	memcpy(all->xsave.area + AREA_XSTATE_BV, &bits, sizeof(bits));
	return vcpu_set_state(vcpu, LODGE_STATE_XSAVE, &all->xsave, sizeof(all->xsave));
}

static void *where(struct registers *all, const struct description *reg)
{
	switch (reg->place) {
	case IN_REGS:
		return (uint8_t *)&all->regs + reg->offset;
	case IN_SREGS:
	case SELECTOR:
		return (uint8_t *)&all->sregs + reg->offset;
	case KERNEL_GS:
		return &all->msrs.entries[0].value;
	default:
		return all->xsave.area + reg->offset;
	}
}

/* One bit a register there, 1 for one in use; for gdb two, 3 for one that is not. */
static uint16_t tag_of(uint8_t used)
{
	uint16_t tag = 0;
	int i;

	for (i = 0; i < 8; i++)
		if (!(used >> i & 1))
			tag |= (uint16_t)(3 << 2 * i);
	return tag;
}

static uint8_t used_of(uint16_t tag)
{
	uint8_t used = 0;
	int i;

	for (i = 0; i < 8; i++)
		if ((tag >> 2 * i & 3) != 3)
			used |= (uint8_t)(1 << i);
	return used;
}

static void get(struct registers *all, const struct description *reg, uint8_t *bytes)
{
	uint16_t tag;

	memset(bytes, 0, reg->size);
	memcpy(bytes, where(all, reg), reg->stored);
	if (reg->place == TAG) {
		tag = tag_of(bytes[0]);
		memcpy(bytes, &tag, sizeof(tag));
	}
}

/* Return: -1 if it cannot have this value */
static int set(struct registers *all, const struct description *reg, const uint8_t *bytes)
{
	uint8_t now[LARGEST], used;
	uint16_t tag;
	size_t i;

	get(all, reg, now);
	if (!memcmp(now, bytes, reg->size))
		return 0;
	if (reg->place == SELECTOR || reg->place == NOTHING)
		return -1;
	all->changed |= CHANGED(reg->place);
	if (reg->place == TAG) {
		memcpy(&tag, bytes, sizeof(tag));
		used = used_of(tag);
		memcpy(where(all, reg), &used, 1);
		return 0;
	}
	for (i = reg->stored; i < reg->size; i++)
		if (bytes[i])
			return -1;
	memcpy(where(all, reg), bytes, reg->stored);
	return 0;
}

int gdb_get_registers(struct gdb *gdb, struct gdb_reply *reply)
{
	struct registers all;
	uint8_t bytes[LARGEST];
	size_t i;

	if (load(gdb, &all))
		return -1;
	for (i = 0; i < NR_REGISTERS; i++) {
		get(&all, &registers[i], bytes);
		gdb_put_hex(reply, bytes, registers[i].size);
	}
	return 0;
}

int gdb_set_registers(struct gdb *gdb, const char *hex)
{
	struct registers all;
	uint8_t bytes[LARGEST];
	size_t i;

	if (load(gdb, &all))
		return -1;
	for (i = 0; i < NR_REGISTERS; i++) {
		if (!gdb_bytes(hex, bytes, registers[i].size) ||
		    set(&all, &registers[i], bytes))
			return -1;
		hex += 2 * registers[i].size;
	}
	return *hex ? -1 : store(gdb, &all);
}

int gdb_get_register(struct gdb *gdb, uint64_t number, struct gdb_reply *reply)
{
	struct registers all;
	uint8_t bytes[LARGEST];

	if (number >= NR_REGISTERS || load(gdb, &all))
		return -1;
	get(&all, &registers[number], bytes);
	gdb_put_hex(reply, bytes, registers[number].size);
	return 0;
}

int gdb_set_register(struct gdb *gdb, uint64_t number, const char *hex)
{
	struct registers all;
	uint8_t bytes[LARGEST];

	if (number >= NR_REGISTERS ||
	    !gdb_bytes(hex, bytes, registers[number].size) ||
	    hex[2 * registers[number].size] || load(gdb, &all) ||
	    set(&all, &registers[number], bytes))
		return -1;
	return store(gdb, &all);
}
