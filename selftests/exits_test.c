// SPDX-License-Identifier: GPL-2.0-only
/* Each instruction that leaves the guest, well used and badly. */
#include <signal.h>
#include "harness.h"

#define GP	13
#define UD	6

static u32 leaf_of(struct vcpu *c, u32 leaf, u32 sub, char reg)
{
	struct lodge_cpuid cpuid = { .leaf = leaf, .subleaf = sub };

	CHECK(-!!vcpu_get(c, LODGE_STATE_CPUID, &cpuid, sizeof(cpuid)));
	return reg == 'a' ? cpuid.eax : reg == 'b' ? cpuid.ebx :
	       reg == 'c' ? cpuid.ecx : cpuid.edx;
}

/* CPUID */

struct leaf {
	u32 leaf, sub, a, b, c, d;
};

static struct leaf leaves[64];
static int nr_leaves;

static void guest_cpuid_all(void)
{
	int i;

	for (i = 0; i < nr_leaves; i++)
		cpuid(leaves[i].leaf, leaves[i].sub, &leaves[i].a, &leaves[i].b,
		      &leaves[i].c, &leaves[i].d);
}

TEST(cpuid_leaves)
{
	static const u32 which[][2] = {
		{ 0, 0 }, { 1, 0 }, { 2, 0 }, { 4, 0 }, { 4, 1 }, { 7, 0 },
		{ 7, 1 }, { 0xb, 0 }, { 0xb, 1 }, { 0xd, 0 }, { 0xd, 1 },
		{ 0xd, 2 }, { 0x40000000, 0 }, { 0x40000001, 0 },
		{ 0x80000000, 0 }, { 0x80000001, 0 }, { 0x80000002, 0 },
		{ 0x80000008, 0 }, { 0x8000000a, 0 }, { 0x12345678, 0 },
		{ 0xffffffff, 0xffffffff },
	};
	u32 a, b, c, d, max, max_ext;
	struct vm *vm = vm_create();
	struct vcpu *v = vcpu_create(vm, 0);
	struct leaf *l;
	int i;

	nr_leaves = ARRAY_SIZE(which);
	for (i = 0; i < nr_leaves; i++) {
		leaves[i].leaf = which[i][0];
		leaves[i].sub = which[i][1];
		GUEST(vm, leaves[i]) = leaves[i];
	}
	GUEST(vm, nr_leaves) = nr_leaves;
	vcpu_start64(v, FN(guest_cpuid_all), 0);
	ASSERT_GUEST(GUEST_DONE, v);
	memcpy(leaves, (void *)&GUEST(vm, leaves), sizeof(leaves));

	/* the tool is told the same */
	for (i = 0; i < nr_leaves; i++) {
		l = &leaves[i];
		EXPECT_EQ(l->a, leaf_of(v, l->leaf, l->sub, 'a')) TH_LOG("%x", l->leaf);
		EXPECT_EQ(l->b, leaf_of(v, l->leaf, l->sub, 'b')) TH_LOG("%x", l->leaf);
		EXPECT_EQ(l->c, leaf_of(v, l->leaf, l->sub, 'c')) TH_LOG("%x", l->leaf);
		EXPECT_EQ(l->d, leaf_of(v, l->leaf, l->sub, 'd')) TH_LOG("%x", l->leaf);
	}
	/* the host's vendor, and nothing beyond the host */
	cpuid(0, 0, &a, &b, &c, &d);
	EXPECT_EQ(b, leaves[0].b);
	EXPECT_EQ(c, leaves[0].c);
	EXPECT_EQ(d, leaves[0].d);
	max = leaves[0].a;
	EXPECT_LE(0xd, max);
	cpuid(1, 0, &a, &b, &c, &d);
	/* HYPERVISOR, X2APIC and TSC_DEADLINE are Lodge's own; OSXSAVE is CR4's */
	EXPECT_EQ(0, leaves[1].c & ~c & ~(1u << 31 | 1 << 24 | 1 << 21));
	EXPECT_EQ(1u << 31, leaves[1].c & 1u << 31);
	EXPECT_EQ(1 << 21, leaves[1].c & 1 << 21);
	EXPECT_EQ(0, leaves[1].c & 1 << 27);
	EXPECT_EQ(0, leaves[1].c & (1 << 3 | 1 << 5)) TH_LOG("MONITOR or VMX");
	EXPECT_EQ(0, leaves[1].b >> 24) TH_LOG("APIC ID");
	EXPECT_EQ(1 << 9, leaves[1].d & 1 << 9) TH_LOG("APIC");
	/* KVM's paravirtual leaves */
	EXPECT_EQ(0x40000001, leaf_of(v, 0x40000000, 0, 'a'));
	EXPECT_EQ(0x4b4d564b, leaf_of(v, 0x40000000, 0, 'b'));
	EXPECT_EQ(0x564b4d56, leaf_of(v, 0x40000000, 0, 'c'));
	EXPECT_EQ(0x4d, leaf_of(v, 0x40000000, 0, 'd'));
	EXPECT_EQ(1 << 3, leaf_of(v, 0x40000001, 0, 'a') & 1 << 3);
	EXPECT_EQ(0, leaf_of(v, 0x80000001, 0, 'c') & 1 << 2) TH_LOG("SVM");
	max_ext = leaf_of(v, 0x80000000, 0, 'a');
	EXPECT_LE(0x80000008, max_ext);
	EXPECT_EQ(lodge_get_info()->phys_bits, leaf_of(v, 0x80000008, 0, 'a') & 0xff);
	EXPECT_EQ(3, leaf_of(v, 0xd, 0, 'a') & 3);
	vm_free(vm);
}

TEST(cpuid_of_each_vcpu)
{
	struct vm *vm = vm_create();
	struct vcpu *v;
	int i;

	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		v = vcpu_create(vm, i);
		EXPECT_EQ(i, leaf_of(v, 1, 0, 'b') >> 24);
		if (leaf_of(v, 0, 0, 'a') >= 0xb) {
			EXPECT_EQ(i, leaf_of(v, 0xb, 0, 'd'));
		}
	}
	vm_free(vm);
}

static void cpuid_keeps_the_rest(void)
{
	u64 a = 0xffffffff00000000, b = -1, c = 0xffffffff00000000, d = -1;

	asm volatile("cpuid" : "+a" (a), "+b" (b), "+c" (c), "+d" (d));
	/* upper halves are cleared, as by any write of 32 bits */
	GUEST_EQ(0, a >> 32);
	GUEST_EQ(0, b >> 32);
	GUEST_EQ(0, c >> 32);
	GUEST_EQ(0, d >> 32);
	/* OSXSAVE follows CR4 */
	write_cr4(read_cr4() | 1 << 18);
	asm volatile("cpuid" : "=a" (a), "=b" (b), "=c" (c), "=d" (d) : "a" (1), "c" (0));
	GUEST_EQ(1 << 27, c & 1 << 27);
	write_cr4(read_cr4() & ~(1UL << 18));
	asm volatile("cpuid" : "=a" (a), "=b" (b), "=c" (c), "=d" (d) : "a" (1), "c" (0));
	GUEST_EQ(0, c & 1 << 27);
	/* prefixes make it longer */
	asm volatile(".byte 0x66, 0x2e, 0x48, 0x0f, 0xa2"
		     : "=a" (a), "=b" (b), "=c" (c), "=d" (d) : "a" (0), "c" (0));
	GUEST_ASSERT(a >= 0xd);
}

TEST(cpuid_registers)
{
	RUN_GUEST(cpuid_keeps_the_rest, 0);
}

/* Control registers */

static void control(void)
{
	u64 cr0 = read_cr0(), cr4 = read_cr4(), v;

	TRY("mov %0, %%cr0", : : "r" (cr0 & ~1UL));		/* PG without PE */
	GUEST_CATCHES(GP, 0);
	TRY("mov %0, %%cr0", : : "r" (cr0 | 1 << 29));		/* NW without CD */
	GUEST_CATCHES(GP, 0);
	TRY("mov %0, %%cr0", : : "r" (cr0 | 1UL << 32));
	GUEST_CATCHES(GP, 0);
	GUEST_EQ(cr0, read_cr0());
	write_cr0(cr0 | 1 << 30);				/* CD */
	GUEST_EQ(cr0 | 1 << 30, read_cr0());
	write_cr0(cr0);
	write_cr0(cr0 & ~0x10UL);				/* ET is hard-wired */
	GUEST_EQ(cr0, read_cr0());
	/* TS: by CLTS, LMSW; SMSW reads */
	write_cr0(cr0 | 8);
	TRY("fnop", ::);
	GUEST_CATCHES(7, 0);
	TRY("movups %%xmm0, (%0)", : : "r" (G_FREE) : "memory");
	GUEST_CATCHES(7, 0);
	asm volatile("clts");
	GUEST_EQ(cr0, read_cr0());
	asm volatile("lmsw %w0" : : "r" ((u32)cr0 | 8));
	GUEST_EQ(cr0 | 8, read_cr0());
	asm volatile("lmsw %w0" : : "r" ((u32)cr0 & ~1u));	/* cannot clear PE */
	GUEST_EQ(cr0, read_cr0());
	asm volatile("smsw %0" : "=r" (v));
	GUEST_EQ(cr0 & 0xffff, v & 0xffff);
	*(volatile u16 *)G_FREE = 0;
	asm volatile("smsw (%0)" : : "r" (G_FREE) : "memory");
	GUEST_EQ(cr0 & 0xffff, *(volatile u16 *)G_FREE);
	write_cr0(cr0 | 4);					/* EM */
	TRY("fnop", ::);
	GUEST_CATCHES(7, 0);
	write_cr0(cr0);
	/* CR2 is storage */
	asm volatile("mov %0, %%cr2" : : "r" (0x123456789abcdef0));
	asm volatile("mov %%cr2, %0" : "=r" (v));
	GUEST_EQ(0x123456789abcdef0, v);
	/* CR3: an address that is too wide */
	if (!on_tcg) {		/* QEMU takes it, and refuses the next VMRUN */
		TRY("mov %0, %%cr3", : : "r" (G_PML4 | 1UL << 52));
		GUEST_CATCHES(GP, 0);
	}
	GUEST_EQ(G_PML4, read_cr3());
	/* CR4: bits that do not exist, PAE in long mode */
	TRY("mov %0, %%cr4", : : "r" (cr4 | 1 << 15));
	GUEST_CATCHES(GP, 0);
	TRY("mov %0, %%cr4", : : "r" (cr4 | 1 << 13));		/* VMXE */
	GUEST_CATCHES(GP, 0);
	TRY("mov %0, %%cr4", : : "r" (cr4 | 1UL << 32));
	GUEST_CATCHES(GP, 0);
	TRY("mov %0, %%cr4", : : "r" (cr4 & ~0x20UL));
	GUEST_CATCHES(GP, 0);
	GUEST_EQ(cr4, read_cr4());
	write_cr4(cr4 | 0x80);					/* PGE */
	GUEST_EQ(cr4 | 0x80, read_cr4());
	write_cr4(cr4);
	/* CR8 is the task priority */
	for (v = 0; v < 16; v++) {
		write_cr8(v);
		GUEST_EQ(v, read_cr8());
		GUEST_EQ(v << 4, xapic_read(APIC_TPR));
	}
	xapic_write(APIC_TPR, 0x50);
	GUEST_EQ(5, read_cr8());
	write_cr8(0);
	TRY("mov %0, %%cr8", : : "r" (16UL));
	GUEST_CATCHES(GP, 0);
	TRY("mov %0, %%cr8", : : "r" (1UL << 32));
	GUEST_CATCHES(GP, 0);
	/* there is no CR1, CR5, CR7, CR9 */
	TRY(".byte 0x0f, 0x20, 0xc8", : : : "rax");
	GUEST_CATCHES(UD, 0);
	TRY(".byte 0x0f, 0x20, 0xe8", : : : "rax");
	GUEST_CATCHES(UD, 0);
	TRY(".byte 0x0f, 0x22, 0xf8", : : : "rax");
	GUEST_CATCHES(UD, 0);
	TRY(".byte 0x44, 0x0f, 0x20, 0xc8", : : : "rax");
	GUEST_CATCHES(UD, 0);
	/* with the high registers */
	asm volatile("mov %%cr8, %%r15; mov %%r15, %%cr8; mov %%r15, %0" : "=r" (v) : : "r15");
	GUEST_EQ(0, v);
}

TEST(control_registers)
{
	RUN_GUEST(control, 0);
}

/* Debug registers */

static u64 read_dr(int n)
{
	u64 v = 0;

	switch (n) {
	case 0: asm volatile("mov %%dr0, %0" : "=r" (v)); break;
	case 1: asm volatile("mov %%dr1, %0" : "=r" (v)); break;
	case 2: asm volatile("mov %%dr2, %0" : "=r" (v)); break;
	case 3: asm volatile("mov %%dr3, %0" : "=r" (v)); break;
	case 6: asm volatile("mov %%dr6, %0" : "=r" (v)); break;
	case 7: asm volatile("mov %%dr7, %0" : "=r" (v)); break;
	}
	return v;
}

static void debug_registers(void)
{
	u64 v;

	GUEST_EQ(0xffff0ff0, read_dr(6));
	GUEST_EQ(0x400, read_dr(7));
	asm volatile("mov %0, %%dr0" : : "r" (0x1111UL));
	asm volatile("mov %0, %%dr1" : : "r" (0x2222UL));
	asm volatile("mov %0, %%dr2" : : "r" (0xffff800000003333UL));
	asm volatile("mov %0, %%dr3" : : "r" (0x4444UL));
	GUEST_EQ(0x1111, read_dr(0));
	GUEST_EQ(0x2222, read_dr(1));
	GUEST_EQ(0xffff800000003333, read_dr(2));
	GUEST_EQ(0x4444, read_dr(3));
	/* they outlast exits */
	out8(PORT_MAIL, 0);
	GUEST_EQ(0x1111, read_dr(0));
	GUEST_EQ(0xffff800000003333, read_dr(2));
	asm volatile("mov %0, %%dr6" : : "r" (0UL));
	GUEST_EQ(0xffff0ff0, read_dr(6));
	asm volatile("mov %0, %%dr7" : : "r" (0x700UL));
	GUEST_EQ(0x700, read_dr(7));
	TRY("mov %0, %%dr7", : : "r" (0x100000400UL));
	GUEST_CATCHES(GP, 0);
	TRY("mov %0, %%dr6", : : "r" (1UL << 40));
	GUEST_CATCHES(GP, 0);
	/* DR4 and DR5 are aliases, but with CR4.DE they are not there */
	asm volatile(".byte 0x0f, 0x21, 0xe8" : "=a" (v));	/* mov %dr5, %rax */
	GUEST_EQ(0x700, v);
	write_cr4(read_cr4() | 8);
	TRY(".byte 0x0f, 0x21, 0xe8", : : : "rax");
	GUEST_CATCHES(UD, 0);
	TRY(".byte 0x0f, 0x23, 0xe0", : : "a" (0));
	GUEST_CATCHES(UD, 0);
	write_cr4(read_cr4() & ~8UL);
}

TEST(mov_dr)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start64(c, FN(debug_registers), 0);
	ASSERT_GUEST(GUEST_REPORT, c);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* XSETBV */

static int try_xsetbv(u32 index, u64 value)
{
	TRY("xsetbv", : : "c" (index), "a" ((u32)value), "d" ((u32)(value >> 32)));
	return guest_caught.vector;
}

static u64 xgetbv(void)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
	return lo | (u64)hi << 32;
}

static void xcr0(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	GUEST_ASSERT(c & 1 << 26);
	GUEST_EQ(UD, try_xsetbv(0, 3));		/* CR4.OSXSAVE is 0 */
	write_cr4(read_cr4() | 1 << 18);
	GUEST_EQ(1, xgetbv());
	GUEST_EQ(NO_VECTOR, try_xsetbv(0, 3));
	GUEST_EQ(3, xgetbv());
	GUEST_EQ(GP, try_xsetbv(0, 0));		/* x87 is always on */
	GUEST_EQ(GP, try_xsetbv(0, 2));
	GUEST_EQ(GP, try_xsetbv(0, 5));		/* AVX without SSE */
	GUEST_EQ(GP, try_xsetbv(1, 3));
	GUEST_EQ(GP, try_xsetbv(0, 3 | 1UL << 62));
	GUEST_EQ(GP, try_xsetbv(0, -1UL));
	GUEST_EQ(3, xgetbv());
	cpuid(0xd, 0, &a, &b, &c, &d);
	GUEST_EQ(576, b);			/* what is on */
	if (a & 4) {
		GUEST_EQ(NO_VECTOR, try_xsetbv(0, 7));
		GUEST_EQ(7, xgetbv());
		cpuid(0xd, 0, &a, &b, &c, &d);
		GUEST_EQ(832, b);
		GUEST_EQ(GP, try_xsetbv(0, 0x27));	/* part of AVX-512 */
	}
	GUEST_EQ(NO_VECTOR, try_xsetbv(0, a | (u64)d << 32));
}

static bool cpu_has_xsave(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	return c & 1 << 26;
}

TEST(xsetbv)
{
	if (!cpu_has_xsave())
		SKIP_TEST("the processor has no XSAVE");
	RUN_GUEST(xcr0, 0);
}

/* Instructions that a guest may not have, or that do nothing. */
static void refused(void)
{
	TRY("vmrun", : : "a" (G_FREE));
	GUEST_CATCHES(UD, 0);
	TRY("vmload", : : "a" (G_FREE));
	GUEST_CATCHES(UD, 0);
	TRY("vmsave", : : "a" (G_FREE));
	GUEST_CATCHES(UD, 0);
	TRY("stgi", ::);
	GUEST_CATCHES(UD, 0);
	TRY("clgi", ::);
	GUEST_CATCHES(UD, 0);
	TRY("skinit", : : "a" (0));
	GUEST_CATCHES(UD, 0);
	TRY("invlpga", : : "a" (0), "c" (0));
	GUEST_CATCHES(UD, 0);
	TRY("vmxoff", ::);
	GUEST_CATCHES(UD, 0);
	TRY("monitor", : : "a" (G_FREE), "c" (0), "d" (0));
	GUEST_CATCHES(UD, 0);
	TRY("mwait", : : "a" (0), "c" (0));
	GUEST_CATCHES(UD, 0);
	TRY("rsm", ::);
	GUEST_CATCHES(UD, 0);
	TRY("ud2", ::);
	GUEST_CATCHES(UD, 0);
	TRY("rdpmc", : : "c" (0x12345678) : "rax", "rdx");
	GUEST_CATCHES(GP, 0);
}

TEST(refused_instructions)
{
	RUN_GUEST(refused, 0);
}

static void caches(void)
{
	*(volatile u32 *)G_FREE = 0x1234;
	asm volatile("wbinvd" : : : "memory");
	asm volatile("invd" : : : "memory");
	GUEST_EQ(0x1234, *(volatile u32 *)G_FREE);
	asm volatile("clflush (%0)" : : "r" (G_FREE) : "memory");
	GUEST_EQ(0x1234, *(volatile u32 *)G_FREE);
}

TEST(invd_and_wbinvd)
{
	RUN_GUEST(caches, 0);
}

static void hypercall(u64 vmx)
{
	u64 ret;
	int i;

	for (i = 0; i < 3; i++) {
		if (vmx)
			asm volatile("vmcall" : "=a" (ret) : "a" (9999 + i) : "memory");
		else
			asm volatile("vmmcall" : "=a" (ret) : "a" (9999 + i) : "memory");
		GUEST_EQ(-1000, ret);		/* -KVM_ENOSYS */
	}
}

TEST(hypercalls)
{
	RUN_GUEST(hypercall, lodge_get_info()->vendor == LODGE_VENDOR_VMX);
}

static void pauses(void)
{
	int i;

	for (i = 0; i < 100000; i++)
		guest_relax();
}

TEST(pause_spins)
{
	RUN_GUEST(pauses, 0);
}

static void time_stamps(void)
{
	u64 before = rdtsc(), after;
	u32 lo, hi, aux, a, b, c, d;
	int i;

	for (i = 0; i < 10000; i++) {
		after = rdtsc();
		GUEST_ASSERT(after > before);
		before = after;
	}
	cpuid(0x80000001, 0, &a, &b, &c, &d);
	if (!(d & 1 << 27)) {
		TRY("rdtscp", : : : "rax", "rcx", "rdx");
		GUEST_CATCHES(UD, 0);
		return;
	}
	wrmsr(0xc0000103, 0x1234567);
	for (i = 0; i < 3; i++) {
		asm volatile("rdtscp" : "=a" (lo), "=d" (hi), "=c" (aux));
		GUEST_EQ(0x1234567, aux);
		GUEST_ASSERT((lo | (u64)hi << 32) > before);
		out8(PORT_MAIL, 0);
	}
	/* CR4.TSD is for users only */
	write_cr4(read_cr4() | 4);
	GUEST_ASSERT(rdtsc() > before);
}

TEST(rdtsc_and_rdtscp)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	enum guest_result result;

	vcpu_start64(c, FN(time_stamps), 0);
	while ((result = guest_run(c)) == GUEST_REPORT)
		;
	ASSERT_EQ(GUEST_DONE, result);
	vm_free(vm);
}

/* HLT without interrupts sleeps until the tool says otherwise. */
extern const char after_hlt[];

static void halt(void)
{
	asm volatile("cli; hlt; after_hlt:");
	guest_assert_failed("it never wakes", __FILE__, __LINE__, 0, 0);
}

TEST(hlt_sleeps)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	struct lodge_events events;
	struct lodge_regs regs;

	vcpu_start64(c, FN(halt), 0);
	vcpu_thread_start(c);
	sleep_ms(100);
	EXPECT_EQ(0, c->result);
	EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
	EXPECT_EQ(LODGE_EXIT_INTR, c->run->exit_reason);
	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_EVENTS, &events, sizeof(events)));
	EXPECT_EQ(LODGE_MP_HALTED, events.mp_state);
	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_REGS, &regs, sizeof(regs)));
	EXPECT_EQ((uintptr_t)after_hlt, regs.rip);
	vm_free(vm);
}

/* The tool's word ends a HLT: runnable again, at the next instruction. */
TEST(hlt_ended_by_the_tool)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);

	vcpu_start64(c, FN(halt), 0);
	vcpu_thread_start(c);
	sleep_ms(20);
	EXPECT_EQ(GUEST_EINTR, vcpu_thread_stop(c));
	vcpu_start64(c, FN(guest_done), 0);
	vcpu_set_mp(c, LODGE_MP_RUNNABLE);
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

/* The state in which an exit leaves the guest is that of its instruction. */
static void regs_at_exit(void)
{
	asm volatile("movq $0x0101, %%rbx\n\t"
		     "movq $0x0202, %%r12\n\t"
		     "movl $0x77, %%eax\n\t"
		     ".globl exit_here\n"
		     "exit_here: outb %%al, $0x50\n\t"
		     "cmpq $0x0303, %%rbx\n\t"
		     "je 1f\n\t"
		     "ud2\n"
		     "1:" : : : "rax", "rbx", "r12", "memory");
}

TEST(registers_at_an_exit)
{
	extern const char exit_here[];
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	struct lodge_regs regs;

	vcpu_start64(c, FN(regs_at_exit), 0);
	ASSERT_GUEST(GUEST_EXIT, c);
	ASSERT_EQ(LODGE_EXIT_IO, c->run->exit_reason);
	EXPECT_EQ(0x50, c->run->io.port);
	ASSERT_EQ(0, vcpu_get(c, LODGE_STATE_REGS, &regs, sizeof(regs)));
	EXPECT_EQ(0x0101, regs.rbx);
	EXPECT_EQ(0x0202, regs.r12);
	EXPECT_EQ(0x77, regs.rax & 0xff);
	EXPECT_EQ((uintptr_t)exit_here + 2, regs.rip);
	regs.rbx = 0x0303;
	ASSERT_EQ(0, vcpu_set(c, LODGE_STATE_REGS, &regs, sizeof(regs)));
	ASSERT_GUEST(GUEST_DONE, c);
	vm_free(vm);
}

LODGE_TEST_MAIN
