// SPDX-License-Identifier: GPL-2.0-only
/* States of vCPUs: such as a processor could be in, and mutations of them. */
#include <string.h>
#include <sys/ioctl.h>
#include "fuzz.h"

union any_state {
	struct lodge_regs regs;
	struct lodge_sregs sregs;
	struct lodge_xsave xsave;
	struct lodge_msrs msrs;
	struct lodge_lapic_state lapic;
	struct lodge_events events;
	struct lodge_debugregs debug;
	struct lodge_ioapic_state ioapic;
	struct lodge_cpuid cpuid;
	struct lodge_pic_state pic;
	struct lodge_pit_state pit;
	struct lodge_guest_debug guest_debug;
};

static const u32 sizes[] = {
	[LODGE_STATE_REGS] = sizeof(struct lodge_regs),
	[LODGE_STATE_SREGS] = sizeof(struct lodge_sregs),
	[LODGE_STATE_XSAVE] = sizeof(struct lodge_xsave),
	[LODGE_STATE_MSRS] = sizeof(struct lodge_msrs),
	[LODGE_STATE_LAPIC] = sizeof(struct lodge_lapic_state),
	[LODGE_STATE_EVENTS] = sizeof(struct lodge_events),
	[LODGE_STATE_DEBUG] = sizeof(struct lodge_debugregs),
	[LODGE_STATE_IOAPIC] = sizeof(struct lodge_ioapic_state),
	[LODGE_STATE_CPUID] = sizeof(struct lodge_cpuid),
	[LODGE_STATE_PIC] = sizeof(struct lodge_pic_state),
	[LODGE_STATE_PIT] = sizeof(struct lodge_pit_state),
	[LODGE_STATE_GUEST_DEBUG] = sizeof(struct lodge_guest_debug),
};

/*
 * QEMU aborts ("invalid tss type") when a guest outside long mode changes its
 * privilege level with a TSS that is busy, as one in use has to be, and where
 * there is none ("invalid tss").
 */
static void spare_emulator(struct lodge_sregs *s)
{
	if (!on_tcg)
		return;
	s->tr.type = 9;
	s->tr.s = 0;
	s->tr.present = 1;
	s->tr.unusable = 0;
}

/* The struct that says what, itself with or without a flaw. */
static long state_call(struct thread *t, int fd, bool set, u32 kind, void *data,
		       u32 size)
{
	struct lodge_state args = {
		.size = sizeof(args), .kind = kind, .data = (uintptr_t)data,
		.data_size = size,
	};

	if (set && kind == LODGE_STATE_SREGS && size == sizeof(struct lodge_sregs))
		spare_emulator(data);
	return do_ioctl(t, set ? CALL_SET_STATE : CALL_GET_STATE, fd,
			set ? LODGE_SET_STATE : LODGE_GET_STATE, &args,
			sizeof(args));
}

static struct lodge_segment code(u16 selector, int l, int db)
{
	return (struct lodge_segment) {
		.limit = 0xffffffff, .selector = selector, .type = 0xb, .s = 1,
		.present = 1, .l = l, .db = db, .g = 1, .dpl = selector & 3,
	};
}

static struct lodge_segment data(u16 selector)
{
	return (struct lodge_segment) {
		.limit = 0xffffffff, .selector = selector, .type = 3, .s = 1,
		.present = 1, .db = 1, .g = 1, .dpl = selector & 3,
	};
}

static struct lodge_segment flat16(u16 selector, u8 type)
{
	return (struct lodge_segment) {
		.base = selector << 4, .limit = 0xffff, .selector = selector,
		.type = type, .s = 1, .present = 1,
	};
}

static void segments16(struct lodge_sregs *s, u32 code, int dpl)
{
	s->cs = flat16(code >> 4, dpl ? 3 : 0xb);
	s->ss = flat16(F_STACK >> 4, 3);
	s->ds = flat16(0, 3);
	s->es = flat16(F_DATA >> 4, 3);
	s->fs = flat16(0xf000, 3);
	s->gs = s->es;
	s->cs.dpl = dpl;
	s->ss.dpl = dpl;
	s->ds.dpl = dpl;
	s->es.dpl = dpl;
	s->fs.dpl = dpl;
	s->gs.dpl = dpl;
}

/* @user: at privilege level 3; @where: its code */
static void build_sregs(struct lodge_sregs *s, enum mode mode, bool user,
			u32 where)
{
	u16 code64 = user ? SEL_USER_CODE64 : SEL_CODE64;
	u16 code32 = user ? SEL_USER_CODE32 : SEL_CODE32;

	s->ds = data(user ? SEL_USER_DATA : SEL_DATA);
	s->es = s->ds;
	s->ss = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	s->cs = code(mode >= LONG64 ? code64 : code32, mode >= LONG64,
		     mode < LONG64);
	s->tr = (struct lodge_segment) {
		.base = F_TSS, .limit = 0x67, .selector = SEL_TSS, .type = 0xb,
		.present = 1,
	};
	s->ldt = (struct lodge_segment) { .type = 2, .unusable = 1 };
	s->gdt = (struct lodge_table) { .base = F_GDT, .limit = 0x7f };
	s->idt = (struct lodge_table) { .base = F_IDT64, .limit = 0xfff };
	s->cr0 = 0x80050033;
	s->cr4 = 0x620;
	s->efer = 0xd01;
	switch (mode) {
	case REAL:
		segments16(s, where, 0);
		s->idt = (struct lodge_table) { .limit = 0x3ff };
		s->cr0 = 0x10;
		s->cr4 = 0;
		s->efer = 0;
		return;
	case V8086:
		segments16(s, where, 3);
		s->cr0 = 0x33;
		break;
	case PROTECTED:
		s->cr0 = 0x33;
		break;
	case PAGING32:
		s->cr3 = F_PD32;
		s->cr4 = 0x610;
		break;
	case PAE:
		s->cr3 = F_PDPT_PAE;
		break;
	case LA57:
		s->cr3 = F_PML5;
		s->cr4 |= 0x1000;
		return;
	default:
		s->cr3 = F_PML4;
		return;
	}
	s->idt = (struct lodge_table) { .base = F_IDT32, .limit = 0x7ff };
	s->efer = 0;
}

static void random_regs(struct tape *t, struct lodge_regs *r, enum mode mode,
			bool user, u32 where)
{
	u64 *v = (u64 *)r;
	int i;

	for (i = 0; i < 16; i++)
		v[i] = one_in(t, 3) ? draw_value(t) : random_address(t);
	r->rcx = below(t, 64);
	r->rsp = F_STACK + 0x8000 - 8 * below(t, 16);
	r->rip = where + (one_in(t, 3) ? below(t, F_CODE_SIZE) : 0);
	if (mode == REAL || mode == V8086) {
		r->rsp = 0x8000;
		r->rip -= where;
	}
	r->rflags = 2 | (draw(t) & 0x8d5);
	if (one_in(t, 2))
		r->rflags |= 0x200;
	if (one_in(t, 16))
		r->rflags |= 0x100;
	if (user && one_in(t, 2))
		r->rflags |= 0x3000;
	if (mode == V8086)
		r->rflags |= 0x20000;
	if (one_in(t, 32))
		r->rflags = (draw(t) & 0x3f7fd7) | 2;
}

/* New code and state for a vCPU, of which it may take all or a part. */
void start_guest(struct thread *t, int vcpu, int region)
{
	static __thread u8 image[IMAGE_SIZE], code_bytes[F_CODE_SIZE];
	struct tape *tape = &t->tape;
	enum mode mode = below(tape, NR_MODES);
	bool user = mode != REAL && one_in(tape, 5);
	struct lodge_events *events = t->scratch;
	struct lodge_regs *regs = t->scratch + 0x100;
	struct lodge_sregs *sregs = t->scratch + 0x200;
	int fd = t->world->vcpu[vcpu];
	u32 where = F_CODE_OF(vcpu);

	image_build(image);
	if (one_in(tape, 6))
		mutate(tape, image + 0x1000, IMAGE_SIZE - 0x1000);
	poke(REGION(region), image, sizeof(image));
	random_code(tape, code_bytes, sizeof(code_bytes), mode);
	poke(REGION(region) + where, code_bytes, sizeof(code_bytes));

	memset(sregs, 0, sizeof(*sregs));
	memset(events, 0, sizeof(*events));
	state_call(t, fd, false, LODGE_STATE_SREGS, sregs, sizeof(*sregs));
	build_sregs(sregs, mode, user, where);
	if (one_in(tape, 4))
		sregs->apic_base = 0xfee00900 | below(tape, 2) << 10;
	if (one_in(tape, 5))
		mutate(tape, sregs, sizeof(*sregs));
	random_regs(tape, regs, mode, user, where);
	if (one_in(tape, 16))
		mutate(tape, regs, sizeof(*regs));
	events->nmi_pending = one_in(tape, 8);
	events->interrupt_shadow = one_in(tape, 8);
	if (one_in(tape, 8)) {
		events->exception_pending = 1;
		events->exception_vector = below(tape, 32);
		events->exception_has_error = below(tape, 2);
	}
	if (one_in(tape, 16))
		mutate(tape, events, sizeof(*events));
	state_call(t, fd, true, LODGE_STATE_SREGS, sregs, sizeof(*sregs));
	state_call(t, fd, true, LODGE_STATE_REGS, regs, sizeof(*regs));
	state_call(t, fd, true, LODGE_STATE_EVENTS, events, sizeof(*events));
}

static void prepare(struct tape *t, u32 kind, union any_state *s)
{
	static const u32 leaves[] = { 0, 0x40000000, 0x80000000 };
	u32 i;

	switch (kind) {
	case LODGE_STATE_MSRS:
		s->msrs.count = one_in(t, 16) ? draw_value(t) :
						below(t, LODGE_MAX_MSRS + 1);
		for (i = 0; i < LODGE_MAX_MSRS; i++)
			s->msrs.entries[i].index = random_msr(t);
		break;
	case LODGE_STATE_CPUID:
		s->cpuid.leaf = one_in(t, 2) ? draw_value(t) :
				PICK(t, leaves) + below(t, 0x22);
		s->cpuid.subleaf = below(t, 4);
		break;
	}
}

static void change(struct tape *t, u32 kind, union any_state *s)
{
	u32 i;

	if (kind == LODGE_STATE_MSRS) {
		for (i = 0; i < LODGE_MAX_MSRS; i++) {
			s->msrs.entries[i].index = random_msr(t);
			s->msrs.entries[i].value = draw_value(t);
		}
		s->msrs.count = 1 + below(t, 4);
	}
	if (kind == LODGE_STATE_GUEST_DEBUG) {
		s->guest_debug.flags = below(t, 2 * LODGE_DEBUG_REFLECT);
		if (!one_in(t, 4))
			return;
	}
	if (!one_in(t, 6))
		mutate(t, s, sizes[kind]);
}

/* Out, and changed in again. */
void move_state(struct thread *t)
{
	union any_state *state = t->scratch;
	struct tape *tape = &t->tape;
	u32 kind = 1 + below(tape, ARRAY_SIZE(sizes) - 1);
	u32 size = sizes[kind];
	bool of_vm = kind == LODGE_STATE_IOAPIC || kind == LODGE_STATE_PIC ||
		     kind == LODGE_STATE_PIT;
	void *data = state;
	int fd;

	if (one_in(tape, 32))
		of_vm = !of_vm;
	fd = of_vm ? any_vm(t) : any_vcpu(t);
	if (one_in(tape, 32))
		size = draw_value(tape);
	if (one_in(tape, 32))
		data = t->arena.ro;
	if (one_in(tape, 32))
		data = t->arena.rw + 4096 - below(tape, size ? size : 1);
	if (one_in(tape, 64))
		data = (void *)wild_pointer(tape);
	if (one_in(tape, 64))
		kind = draw_value(tape);

	memset(state, 0, sizeof(*state));
	prepare(tape, kind, state);
	if (state_call(t, fd, false, kind, data, size) && one_in(tape, 2))
		return;
	if (kind >= ARRAY_SIZE(sizes) || !kind || one_in(tape, 3))
		return;
	if (on_tcg && kind == LODGE_STATE_SREGS)
		data = state;
	change(tape, kind, state);
	state_call(t, fd, true, kind, data, size);
}
