// SPDX-License-Identifier: GPL-2.0-only
/* State in and out: reset values, round trips, what is refused. */
#include <errno.h>
#include <signal.h>
#include "harness.h"

FIXTURE(state) {
	struct vm *vm;
	struct vcpu *c;
};

FIXTURE_SETUP(state)
{
	self->vm = vm_create();
	self->c = vcpu_create(self->vm, 0);
}

FIXTURE_TEARDOWN(state)
{
	vm_free(self->vm);
}

#define GET(kind, var)	vcpu_get(self->c, LODGE_STATE_##kind, &(var), sizeof(var))
#define SET(kind, var)	vcpu_set(self->c, LODGE_STATE_##kind, &(var), sizeof(var))

static u32 guest_leaf(struct vcpu *c, u32 leaf, u32 sub, char reg)
{
	struct lodge_cpuid cpuid = { .leaf = leaf, .subleaf = sub };

	CHECK(-!!vcpu_get(c, LODGE_STATE_CPUID, &cpuid, sizeof(cpuid)));
	return reg == 'a' ? cpuid.eax : reg == 'b' ? cpuid.ebx :
	       reg == 'c' ? cpuid.ecx : cpuid.edx;
}

/* Intel SDM vol. 3, table 9-1; AMD APM vol. 2, table 14-1. */
TEST_F(state, reset_values)
{
	struct lodge_regs r;
	struct lodge_sregs s;
	struct lodge_debugregs d;
	struct lodge_events e;
	struct lodge_xsave x;
	int i;

	ASSERT_EQ(0, GET(REGS, r));
	EXPECT_EQ(0xfff0, r.rip);
	EXPECT_EQ(2, r.rflags);
	EXPECT_EQ(guest_leaf(self->c, 1, 0, 'a'), r.rdx);
	EXPECT_EQ(0, r.rax | r.rcx | r.rbx | r.rsp | r.rbp | r.rsi | r.rdi);
	EXPECT_EQ(0, r.r8 | r.r9 | r.r10 | r.r11 | r.r12 | r.r13 | r.r14 | r.r15);

	ASSERT_EQ(0, GET(SREGS, s));
	EXPECT_EQ(0xf000, s.cs.selector);
	EXPECT_EQ(0xffff0000, s.cs.base);
	EXPECT_EQ(0xffff, s.cs.limit);
	EXPECT_EQ(1, s.cs.present);
	EXPECT_EQ(1, s.cs.s);
	EXPECT_EQ(0xa, s.cs.type & 0xe);
	EXPECT_EQ(0, s.cs.l | s.cs.db | s.cs.dpl | s.cs.unusable);
	for (i = 0; i < 5; i++) {
		const struct lodge_segment *all[] = {
			&s.es, &s.ss, &s.ds, &s.fs, &s.gs,
		};
		const struct lodge_segment *seg = all[i];

		EXPECT_EQ(0, seg->selector);
		EXPECT_EQ(0, seg->base);
		EXPECT_EQ(0xffff, seg->limit);
		EXPECT_EQ(1, seg->present);
		EXPECT_EQ(1, seg->s);
		EXPECT_EQ(2, seg->type & 0xe);
		EXPECT_EQ(0, seg->unusable);
	}
	EXPECT_EQ(0xffff, s.ldt.limit);
	EXPECT_EQ(2, s.ldt.type);
	EXPECT_EQ(0xffff, s.tr.limit);
	EXPECT_TRUE(s.tr.type == 3 || s.tr.type == 0xb);
	EXPECT_EQ(0, s.gdt.base | s.idt.base);
	EXPECT_EQ(0xffff, s.gdt.limit);
	EXPECT_EQ(0xffff, s.idt.limit);
	EXPECT_EQ(0x60000010, s.cr0);
	EXPECT_EQ(0, s.cr2 | s.cr3 | s.cr4 | s.cr8);
	EXPECT_EQ(0, s.efer);
	EXPECT_EQ(0xfee00900, s.apic_base);

	ASSERT_EQ(0, GET(DEBUG, d));
	EXPECT_EQ(0, d.dr[0] | d.dr[1] | d.dr[2] | d.dr[3]);
	EXPECT_EQ(0xffff0ff0, d.dr6);
	EXPECT_EQ(0x400, d.dr7);

	ASSERT_EQ(0, GET(EVENTS, e));
	EXPECT_EQ(LODGE_MP_RUNNABLE, e.mp_state);
	EXPECT_EQ(0, e.exception_pending | e.interrupt_pending | e.interrupt_shadow |
		     e.nmi_pending | e.nmi_masked);

	ASSERT_EQ(0, GET(XSAVE, x));
	EXPECT_EQ(1, x.xcr0);
	EXPECT_EQ(0x40, *(u16 *)x.area);		/* FCW */
	EXPECT_EQ(0x1f80, *(u32 *)(x.area + 24));	/* MXCSR */

	EXPECT_EQ(0, vcpu_get_msr(self->c, 0xc0000080));
	EXPECT_EQ(0x0007040600070406, vcpu_get_msr(self->c, 0x277));
	EXPECT_EQ(0xfee00900, vcpu_get_msr(self->c, MSR_APIC_BASE));
	EXPECT_EQ(0, vcpu_get_msr(self->c, 0xc0000082));
	EXPECT_EQ(0, vcpu_get_msr(self->c, 0x3b));
}

TEST_F(state, reset_values_of_others)
{
	struct vcpu *ap = vcpu_create(self->vm, 3);
	struct lodge_sregs s;
	struct lodge_events e;
	struct lodge_lapic_state l;

	ASSERT_EQ(0, vcpu_get(ap, LODGE_STATE_SREGS, &s, sizeof(s)));
	EXPECT_EQ(0xfee00800, s.apic_base);
	ASSERT_EQ(0, vcpu_get(ap, LODGE_STATE_EVENTS, &e, sizeof(e)));
	EXPECT_EQ(LODGE_MP_UNINITIALIZED, e.mp_state);
	ASSERT_EQ(0, vcpu_get(ap, LODGE_STATE_LAPIC, &l, sizeof(l)));
	EXPECT_EQ(3 << 24, *(u32 *)(l.regs + APIC_ID));
	EXPECT_EQ(0xff, *(u32 *)(l.regs + APIC_SVR));
	EXPECT_EQ(1 << 16, *(u32 *)(l.regs + APIC_LVT_TIMER));
}

TEST_F(state, regs)
{
	struct lodge_regs r, back;
	u64 *v = (u64 *)&r;
	unsigned int i;

	for (i = 0; i < sizeof(r) / 8; i++)
		v[i] = 0x0101010101010101 * (i + 1);
	r.rip = 0x1234;
	r.rflags = 0x202;
	ASSERT_EQ(0, SET(REGS, r));
	ASSERT_EQ(0, GET(REGS, back));
	EXPECT_EQ(0, memcmp(&r, &back, sizeof(r)));
}

static volatile u64 seen[18];

static void __attribute__((naked)) show_regs(void)
{
	asm volatile("pushq %%rax\n\t"
		     "leaq %0, %%rax\n\t"
		     "movq %%rcx, 8(%%rax)\n\t"
		     "movq %%rdx, 16(%%rax)\n\t"
		     "movq %%rbx, 24(%%rax)\n\t"
		     "movq %%rbp, 40(%%rax)\n\t"
		     "movq %%rsi, 48(%%rax)\n\t"
		     "movq %%rdi, 56(%%rax)\n\t"
		     "movq %%r8, 64(%%rax)\n\t"
		     "movq %%r9, 72(%%rax)\n\t"
		     "movq %%r10, 80(%%rax)\n\t"
		     "movq %%r11, 88(%%rax)\n\t"
		     "movq %%r12, 96(%%rax)\n\t"
		     "movq %%r13, 104(%%rax)\n\t"
		     "movq %%r14, 112(%%rax)\n\t"
		     "movq %%r15, 120(%%rax)\n\t"
		     "popq %%rcx\n\t"
		     "movq %%rcx, (%%rax)\n\t"
		     "movq %%rsp, 32(%%rax)\n\t"
		     "ret"
		     : : "m" (seen[0]));
}

/* What is set is what the guest has. */
TEST_F(state, regs_reach_the_guest)
{
	struct lodge_regs r;
	u64 *v = (u64 *)&r;
	int i;

	vcpu_start64(self->c, FN(show_regs), 0);
	ASSERT_EQ(0, GET(REGS, r));
	for (i = 0; i < 16; i++)
		if (i != 4)
			v[i] = 0x1010101010101010 * (i + 1) + i;
	ASSERT_EQ(0, SET(REGS, r));
	ASSERT_GUEST(GUEST_DONE, self->c);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(v[i], GUEST(self->vm, seen[i])) TH_LOG("register %d", i);
}

TEST_F(state, sregs)
{
	struct lodge_sregs s, back;

	vcpu_start64(self->c, FN(guest_done), 0);
	ASSERT_EQ(0, GET(SREGS, s));
	s.cr2 = 0x123456789abcdef0;
	s.cr8 = 7;
	s.fs.base = 0x7fff12345678;
	s.gs.base = 0xffff888012345678;
	s.gdt.base = 0xffff800000001000;
	s.gdt.limit = 0x1234;
	s.idt.limit = 0xffe;
	s.tr.base = 0xffff800000002000;
	s.ldt = (struct lodge_segment) {
		.base = 0x3000, .limit = 0xfff, .selector = 0x70, .type = 2,
		.present = 1,
	};
	s.ds.selector = 0x43;
	s.ds.dpl = 3;
	s.es = (struct lodge_segment) { .unusable = 1 };
	ASSERT_EQ(0, SET(SREGS, s));
	ASSERT_EQ(0, GET(SREGS, back));
	EXPECT_EQ(s.cr0, back.cr0);
	EXPECT_EQ(s.cr2, back.cr2);
	EXPECT_EQ(s.cr3, back.cr3);
	EXPECT_EQ(s.cr4, back.cr4);
	EXPECT_EQ(s.cr8, back.cr8);
	EXPECT_EQ(s.efer, back.efer);
	EXPECT_EQ(s.apic_base, back.apic_base);
	EXPECT_EQ(0, memcmp(&s.cs, &back.cs, sizeof(s.cs)));
	EXPECT_EQ(0, memcmp(&s.ss, &back.ss, sizeof(s.ss)));
	EXPECT_EQ(0, memcmp(&s.ds, &back.ds, sizeof(s.ds)));
	EXPECT_EQ(0, memcmp(&s.fs, &back.fs, sizeof(s.fs)));
	EXPECT_EQ(0, memcmp(&s.gs, &back.gs, sizeof(s.gs)));
	EXPECT_EQ(0, memcmp(&s.ldt, &back.ldt, sizeof(s.ldt)));
	EXPECT_EQ(0, memcmp(&s.tr, &back.tr, sizeof(s.tr)));
	EXPECT_EQ(1, back.es.unusable);
	EXPECT_EQ(0, memcmp(&s.gdt, &back.gdt, sizeof(s.gdt)));
	EXPECT_EQ(0, memcmp(&s.idt, &back.idt, sizeof(s.idt)));
	/* and a second time the same */
	ASSERT_EQ(0, SET(SREGS, back));
	ASSERT_EQ(0, GET(SREGS, s));
	EXPECT_EQ(0, memcmp(&s, &back, sizeof(s)));
}

/* Values that no processor can have; the state stays as it was. */
TEST_F(state, sregs_refused)
{
	struct lodge_sregs good, s, back;

	vcpu_start64(self->c, FN(guest_done), 0);
	ASSERT_EQ(0, GET(SREGS, good));
#define BAD(...) do {							\
	s = good;							\
	__VA_ARGS__;							\
	EXPECT_EQ(-EINVAL, SET(SREGS, s)) TH_LOG("%s", #__VA_ARGS__);	\
} while (0)
	BAD(s.cr0 |= 1ULL << 32);
	BAD(s.cr0 &= ~1ULL);				/* PG without PE */
	BAD(s.cr0 |= 1 << 29);				/* NW without CD */
	BAD(s.cr3 |= 1ULL << 52);
	BAD(s.cr4 |= 1ULL << 32);
	BAD(s.cr4 |= 1 << 13);				/* VMXE */
	BAD(s.cr4 |= 1 << 15);
	BAD(s.cr4 &= ~0x20ULL);				/* long mode without PAE */
	BAD(s.cr8 = 16);
	BAD(s.efer |= 1 << 12);				/* SVME */
	BAD(s.efer |= 1ULL << 40);
	BAD(s.efer &= ~0x400ULL);			/* LMA is LME and PG */
	BAD(s.efer &= ~0x100ULL);
	BAD(s.apic_base |= 1ULL << 60);
	BAD(s.apic_base |= 1);
	BAD(s.apic_base = 0xfee00400);			/* x2APIC, and off */
	BAD(s.cs.padding[0] = 1);
	BAD(s.ds.padding[0] = 1);
	BAD(s.gdt.padding[1] = 1);
	BAD(s.idt.padding[2] = 1);
	BAD(s.cs.type = 16);
	BAD(s.cs.dpl = 4);
	BAD(s.cs.present = 2);
	BAD(s.tr.unusable = 2);
#undef BAD
	ASSERT_EQ(0, GET(SREGS, back));
	EXPECT_EQ(0, memcmp(&good, &back, sizeof(good)));
	ASSERT_GUEST(GUEST_DONE, self->c);
}

/* Is the value among the fields that the processor refused? */
static bool dump_has(const struct lodge_run *run, u64 value)
{
	u32 i;

	for (i = 0; i < run->nr_fields && i < LODGE_MAX_FIELDS; i++)
		if (run->fields[i].value == value)
			return true;
	return false;
}

/* States that only entry refuses: named, and put right again. */
TEST_F(state, failed_entry)
{
	struct lodge_sregs good, s;
	struct lodge_regs r;
	int ret;

	vcpu_start64(self->c, FN(guest_done), 0);
	ASSERT_EQ(0, GET(SREGS, good));
	s = good;
	/* with L: AMD APM vol. 2, 15.5.1; Intel SDM vol. 3, 27.3.1.2 */
	s.cs.db = 1;
	ret = SET(SREGS, s);
	if (ret == -EINVAL)
		SKIP_TEST("LODGE_SET_STATE refuses CS.L with CS.D already");
	ASSERT_EQ(0, ret);
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_FAIL_ENTRY, self->c->run->exit_reason);
	EXPECT_NE(0, self->c->run->fail.reason[0]);
	EXPECT_NE(NULL, memchr(self->c->run->fail.reason, 0,
			       sizeof(self->c->run->fail.reason)));
	TH_LOG("the reason given: %s", self->c->run->fail.reason);
	ASSERT_EQ(0, GET(REGS, r));
	EXPECT_EQ(r.rip, self->c->run->fail.rip);
	EXPECT_TRUE(dump_has(self->c->run, s.cr3));
	EXPECT_TRUE(dump_has(self->c->run, r.rip));
	EXPECT_TRUE(dump_has(self->c->run, s.gdt.base));
	/* again, the same */
	ASSERT_GUEST(GUEST_EXIT, self->c);
	ASSERT_EQ(LODGE_EXIT_FAIL_ENTRY, self->c->run->exit_reason);
	ASSERT_EQ(0, SET(SREGS, good));
	ASSERT_GUEST(GUEST_DONE, self->c);
}

TEST_F(state, debug)
{
	struct lodge_debugregs d = {
		.dr = { 1, 2, 0xffff800000000003, 4 }, .dr6 = 0xffff0ff1, .dr7 = 0x500,
	}, back;

	ASSERT_EQ(0, SET(DEBUG, d));
	ASSERT_EQ(0, GET(DEBUG, back));
	EXPECT_EQ(0, memcmp(&d, &back, sizeof(d)));
	d.dr7 |= 1ULL << 32;
	EXPECT_EQ(-EINVAL, SET(DEBUG, d));
	d.dr7 = 0x400;
	d.dr6 |= 1ULL << 32;
	EXPECT_EQ(-EINVAL, SET(DEBUG, d));
	ASSERT_EQ(0, GET(DEBUG, d));
	EXPECT_EQ(0, memcmp(&d, &back, sizeof(d)));
}

TEST_F(state, events)
{
	struct lodge_events e = {
		.mp_state = LODGE_MP_HALTED, .exception_pending = 1,
		.exception_has_error = 1, .exception_vector = 13,
		.exception_error = 0x18, .nmi_pending = 2, .nmi_masked = 1,
	}, back;

	ASSERT_EQ(0, SET(EVENTS, e));
	ASSERT_EQ(0, GET(EVENTS, back));
	EXPECT_EQ(0, memcmp(&e, &back, sizeof(e)));
	e = (struct lodge_events) { .interrupt_pending = 1, .interrupt_vector = 0x55 };
	ASSERT_EQ(0, SET(EVENTS, e));
	ASSERT_EQ(0, GET(EVENTS, back));
	EXPECT_EQ(0, memcmp(&e, &back, sizeof(e)));
	e = (struct lodge_events) { .interrupt_shadow = 1 };
	ASSERT_EQ(0, SET(EVENTS, e));
	ASSERT_EQ(0, GET(EVENTS, back));
	EXPECT_EQ(0, memcmp(&e, &back, sizeof(e)));
#define BAD(...) do {							\
	e = (struct lodge_events) { __VA_ARGS__ };			\
	EXPECT_EQ(-EINVAL, SET(EVENTS, e)) TH_LOG("%s", #__VA_ARGS__);	\
} while (0)
	BAD(.mp_state = 4);
	BAD(.exception_pending = 2);
	BAD(.exception_pending = 1, .exception_vector = 32);
	BAD(.exception_pending = 1, .exception_vector = 2);	/* that is an NMI */
	BAD(.exception_pending = 1, .exception_has_error = 2);
	BAD(.exception_padding = 1);
	BAD(.interrupt_pending = 2);
	BAD(.interrupt_shadow = 2);
	BAD(.nmi_pending = 3);
	BAD(.nmi_masked = 2);
	BAD(.padding = { 1 });
	BAD(.padding = { [6] = 1 });
#undef BAD
}

/* An exception and an interrupt that are put in arrive. */
static void spin(void)
{
	for (;;)
		guest_relax();
}

static void tell(struct guest_frame *f)
{
	guest_report(f->vector << 32 | f->error);
	guest_done();
}

TEST_F(state, events_arrive)
{
	struct lodge_events e = {
		.exception_pending = 1, .exception_vector = 14,
		.exception_has_error = 1, .exception_error = 7,
	};
	struct lodge_regs r;

	GUEST(self->vm, guest_handlers)[14] = tell;
	GUEST(self->vm, guest_handlers)[6] = tell;
	GUEST(self->vm, guest_handlers)[0x77] = tell;
	GUEST(self->vm, guest_handlers)[2] = tell;
	vcpu_start64(self->c, FN(spin), 0);
	ASSERT_EQ(0, SET(EVENTS, e));
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(14ULL << 32 | 7, self->c->value);

	vcpu_start64(self->c, FN(spin), 0);
	e = (struct lodge_events) { .exception_pending = 1, .exception_vector = 6 };
	ASSERT_EQ(0, SET(EVENTS, e));
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(6ULL << 32, self->c->value);

	/* acknowledged already: the guest had IF set then, and has it still */
	vcpu_start64(self->c, FN(spin), 0);
	ASSERT_EQ(0, GET(REGS, r));
	r.rflags |= 1 << 9;
	ASSERT_EQ(0, SET(REGS, r));
	e = (struct lodge_events) { .interrupt_pending = 1, .interrupt_vector = 0x77 };
	ASSERT_EQ(0, SET(EVENTS, e));
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(0x77ULL << 32, self->c->value);

	vcpu_start64(self->c, FN(spin), 0);
	e = (struct lodge_events) { .nmi_pending = 1 };
	ASSERT_EQ(0, SET(EVENTS, e));
	ASSERT_GUEST(GUEST_REPORT, self->c);
	EXPECT_EQ(2ULL << 32, self->c->value);
}

TEST_F(state, xsave)
{
	static struct lodge_xsave x, back;
	u32 size = lodge_get_info()->xsave_size;
	u32 i, features = guest_leaf(self->c, 0xd, 0, 'a');

	ASSERT_EQ(0, GET(XSAVE, x));
	for (i = 32; i < 416; i++)
		x.area[i] = i % 16 < 10 || i >= 160 ? i : 0;
	*(u16 *)x.area = 0x27f;
	*(u32 *)(x.area + 24) = 0x1f00;
	*(u64 *)(x.area + 512) = 3;
	x.xcr0 = 3;
	ASSERT_EQ(0, SET(XSAVE, x));
	ASSERT_EQ(0, GET(XSAVE, back));
	EXPECT_EQ(3, back.xcr0);
	EXPECT_EQ(0x27f, *(u16 *)back.area);
	EXPECT_EQ(0x1f00, *(u32 *)(back.area + 24));
	EXPECT_EQ(0, memcmp(x.area + 160, back.area + 160, 256));
	EXPECT_EQ(3, *(u64 *)(back.area + 512) & 3);
	for (i = size; i < sizeof(back.area); i++)
		ASSERT_EQ(0, back.area[i]);
#define BAD(...) do {							\
	back = x;							\
	__VA_ARGS__;							\
	EXPECT_EQ(-EINVAL, SET(XSAVE, back)) TH_LOG("%s", #__VA_ARGS__); \
} while (0)
	BAD(back.xcr0 = 0);
	BAD(back.xcr0 = 2);
	BAD(back.xcr0 = 5);
	BAD(back.xcr0 |= 1ULL << 62);
	BAD(back.xcr0 |= ~(u64)features);
	BAD(back.reserved[0] = 1);
	BAD(back.reserved[6] = 1);
	BAD(*(u64 *)(back.area + 512) |= 1ULL << 62);	/* XSTATE_BV */
	BAD(*(u64 *)(back.area + 520) = 1ULL << 63);	/* XCOMP_BV */
	BAD(*(u64 *)(back.area + 520) = 1);
	BAD(*(u64 *)(back.area + 528) = 1);
	BAD(*(u64 *)(back.area + 568) = 1);
	BAD(*(u32 *)(back.area + 24) |= 1u << 31);	/* MXCSR */
#undef BAD
	ASSERT_EQ(0, GET(XSAVE, back));
	EXPECT_EQ(0, memcmp(x.area + 160, back.area + 160, 256));
}

TEST_F(state, msrs)
{
	static const u32 good[] = {
		0x174, 0x175, 0x176, 0x277, 0xc0000080, 0xc0000081, 0xc0000082,
		0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102,
		0x3b, MSR_APIC_BASE, 0x2ff,
	};
	struct lodge_msrs m = {}, back;
	unsigned int i;

	m.count = ARRAY_SIZE(good);
	for (i = 0; i < m.count; i++)
		m.entries[i].index = good[i];
	ASSERT_EQ(0, GET(MSRS, m));
	EXPECT_EQ(m.count, m.done);
	for (i = 0; i < m.count; i++)
		EXPECT_EQ(good[i], m.entries[i].index);
	m.entries[6].value = 0xffffffff81000000;
	m.entries[9].value = 0x7f0000001000;
	ASSERT_EQ(0, SET(MSRS, m));
	back = m;
	for (i = 0; i < m.count; i++)
		back.entries[i].value = ~0ULL;
	ASSERT_EQ(0, GET(MSRS, back));
	for (i = 0; i < m.count; i++)
		EXPECT_EQ(m.entries[i].value, back.entries[i].value)
			TH_LOG("%#x", m.entries[i].index);

	/* up to the first that fails */
	m = (struct lodge_msrs) { .count = 4 };
	m.entries[0].index = 0x174;
	m.entries[0].value = 0x10;
	m.entries[1].index = 0x175;
	m.entries[1].value = 0x1000;
	m.entries[2].index = 0x12345;
	m.entries[3].index = 0x176;
	m.entries[3].value = 0x2000;
	EXPECT_EQ(-EINVAL, SET(MSRS, m));
	EXPECT_EQ(2, m.done);
	EXPECT_EQ(0x10, vcpu_get_msr(self->c, 0x174));
	EXPECT_EQ(0x1000, vcpu_get_msr(self->c, 0x175));
	EXPECT_EQ(0, vcpu_get_msr(self->c, 0x176));
	EXPECT_EQ(-EINVAL, GET(MSRS, m));
	EXPECT_EQ(2, m.done);

	EXPECT_EQ(-EINVAL, vcpu_set_msr(self->c, 0xc0000082, 0x0800000000000000));
	EXPECT_EQ(-EINVAL, vcpu_set_msr(self->c, 0xc0000080, 1 << 12));
	m = (struct lodge_msrs) { .count = LODGE_MAX_MSRS + 1 };
	EXPECT_EQ(-EINVAL, GET(MSRS, m));
	m.count = ~0u;
	EXPECT_EQ(-EINVAL, SET(MSRS, m));
	m.count = 1;
	m.entries[0].index = 0x174;
	m.entries[0].reserved = 1;
	EXPECT_EQ(-EINVAL, GET(MSRS, m));
	EXPECT_EQ(-EINVAL, SET(MSRS, m));
	m.count = 0;
	EXPECT_EQ(0, GET(MSRS, m));
}

TEST_F(state, lapic)
{
	struct lodge_lapic_state l, back;

	vcpu_start64(self->c, FN(guest_xapic_on), 0);
	ASSERT_GUEST(GUEST_DONE, self->c);
	ASSERT_EQ(0, GET(LAPIC, l));
	EXPECT_EQ(0x1ff, *(u32 *)(l.regs + APIC_SVR));
	*(u32 *)(l.regs + APIC_TPR) = 0x30;
	*(u32 *)(l.regs + APIC_LVT_LINT0) = 1 << 16;
	*(u32 *)(l.regs + APIC_IRR + 0x20) = 1 << 5;	/* vector 0x45 */
	ASSERT_EQ(0, SET(LAPIC, l));
	ASSERT_EQ(0, GET(LAPIC, back));
	EXPECT_EQ(0x30, *(u32 *)(back.regs + APIC_TPR));
	EXPECT_EQ(1 << 5, *(u32 *)(back.regs + APIC_IRR + 0x20));
	EXPECT_EQ(0x1ff, *(u32 *)(back.regs + APIC_SVR));
}

/* An interrupt that waits in a state that is put in arrives. */
static void take_45(void)
{
	guest_handlers[0x45] = guest_count_only;
	guest_irq_window();
	GUEST_EQ(1, guest_counts[0x45]);
}

TEST_F(state, lapic_interrupt)
{
	struct lodge_lapic_state l;

	vcpu_start64(self->c, FN(guest_xapic_on), 0);
	ASSERT_GUEST(GUEST_DONE, self->c);
	ASSERT_EQ(0, GET(LAPIC, l));
	*(u32 *)(l.regs + APIC_IRR + 0x20) = 1 << 5;
	ASSERT_EQ(0, SET(LAPIC, l));
	vcpu_start64(self->c, FN(take_45), 0);
	ASSERT_GUEST(GUEST_DONE, self->c);
}

TEST_F(state, ioapic)
{
	struct lodge_ioapic_state s, back;
	int i;

	ASSERT_EQ(0, vm_get(self->vm, LODGE_STATE_IOAPIC, &s, sizeof(s)));
	EXPECT_EQ(0, s.irr | s.level);
	for (i = 0; i < LODGE_NR_GSIS; i++) {
		EXPECT_EQ(IOAPIC_MASKED, s.redirtbl[i]);
		s.redirtbl[i] = IOAPIC_MASKED | (0x20 + i) | (u64)i << 56;
	}
	s.id = 3;
	s.ioregsel = 0x12;
	ASSERT_EQ(0, vm_set(self->vm, LODGE_STATE_IOAPIC, &s, sizeof(s)));
	ASSERT_EQ(0, vm_get(self->vm, LODGE_STATE_IOAPIC, &back, sizeof(back)));
	EXPECT_EQ(0, memcmp(&s, &back, sizeof(s)));
	s.irr = 1u << 31;
	EXPECT_EQ(-EINVAL, vm_set(self->vm, LODGE_STATE_IOAPIC, &s, sizeof(s)));
}

TEST_F(state, cpuid_is_for_reading)
{
	struct lodge_cpuid cpuid = { .leaf = 1 };

	EXPECT_EQ(-EINVAL, SET(CPUID, cpuid));
	EXPECT_EQ(0, GET(CPUID, cpuid));
	EXPECT_EQ(1, cpuid.leaf);
}

/* A vCPU in LODGE_RUN is waited for, and a signal ends the waiting. */
static void sleep_on(void)
{
	asm volatile("cli; hlt");
}

static void on_alarm(int sig)
{
}

TEST_F(state, waits_for_a_running_vcpu)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct lodge_regs r;

	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	vcpu_start64(self->c, FN(sleep_on), 0);
	/* the signal is for us, not for the vCPU's thread */
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	vcpu_thread_start(self->c);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	sleep_ms(100);
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	EXPECT_EQ(-EINTR, GET(REGS, r));
	EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(self->c));
	EXPECT_EQ(0, GET(REGS, r));
}

/* All of a guest's state moved to another VM: it goes on there. */
static volatile u64 result;

static void compute(void)
{
	u64 a = 1, i;

	wrmsr(0xc0000082, 0x1234000);
	write_cr8(3);
	for (i = 0; i < 1000; i++) {
		a = a * 6364136223846793005 + i;
		if (i % 100 == 99)
			out8(0x80, i);
	}
	GUEST_EQ(0x1234000, rdmsr(0xc0000082));
	GUEST_EQ(3, read_cr8());
	result = a;
}

#define MOVE(kind, type) do {						\
	static type moved;						\
	ASSERT_EQ(0, vcpu_get(from, LODGE_STATE_##kind, &moved, sizeof(moved))); \
	ASSERT_EQ(0, vcpu_set(to, LODGE_STATE_##kind, &moved, sizeof(moved))); \
} while (0)

TEST_F(state, migration)
{
	struct lodge_msrs msrs = {
		.count = 1, .entries = { { .index = 0xc0000082 } },
	};
	struct vm *vm = self->vm, *next;
	struct vcpu *from = self->c, *to;
	u64 a = 1;
	int i;

	for (i = 0; i < 1000; i++)
		a = a * 6364136223846793005 + i;
	vcpu_start64(from, FN(compute), 0);
	for (i = 0; i < 10; i++) {
		ASSERT_GUEST(GUEST_EXIT, from);
		ASSERT_EQ(0x80, from->run->io.port);
		next = vm_create();
		to = vcpu_create(next, 0);
		memcpy(next->mem, vm->mem, vm->size);
		MOVE(SREGS, struct lodge_sregs);
		MOVE(REGS, struct lodge_regs);
		MOVE(XSAVE, struct lodge_xsave);
		MOVE(LAPIC, struct lodge_lapic_state);
		MOVE(DEBUG, struct lodge_debugregs);
		MOVE(EVENTS, struct lodge_events);
		ASSERT_EQ(0, vcpu_get(from, LODGE_STATE_MSRS, &msrs, sizeof(msrs)));
		ASSERT_EQ(0, vcpu_set(to, LODGE_STATE_MSRS, &msrs, sizeof(msrs)));
		vm_free(vm);
		vm = next;
		from = to;
	}
	ASSERT_GUEST(GUEST_DONE, from);
	EXPECT_EQ(a, GUEST(vm, result));
	self->vm = vm;
}

LODGE_TEST_MAIN
