/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The emulator of the module with as much of the module around it as it sees: a
 * vCPU, memory, devices.  Needs no /dev/lodge.
 */
#ifndef LODGE_EMULATE_FIXTURE_H
#define LODGE_EMULATE_FIXTURE_H

#include "insn_shim.h"
#include <stdarg.h>

#define PAGE_SIZE		4096UL
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define likely(x)		(x)
#define unlikely(x)		(x)
#define WARN_ON_ONCE(x)		({ if (x) abort(); 0; })
#define DR_STEP			0x4000
#define XFEATURE_PKRU		9
#define XFEATURE_MASK_SSE	BIT(1)
#define XFEATURE_MASK_PKRU	BIT(9)
#define need_resched()		false
#define signal_pending(task)	false
#define rdpkru()		0

static inline void cpuid_count(u32 leaf, u32 subleaf, u32 *eax, u32 *ebx,
			       u32 *ecx, u32 *edx)
{
	*eax = 0;
	*ebx = 0;
	*ecx = 0;
	*edx = 0;
}

struct xregs_state {
	struct {
		u8 unused[160];
		u32 xmm_space[64];
		u8 unused2[96];
	} i387;
	struct {
		u64 xfeatures, xcomp_bv, reserved[6];
	} header;
};

#include "../kmod/vm/decode.c"
#include "../kmod/vm/execute.c"
#include "../kmod/vm/execute_arith.c"
#include "../kmod/vm/execute_string.c"
#include "../kmod/vm/execute_system.c"
#include "../kmod/vm/walk.c"
#undef E_ADDR
#include "../kmod/vm/access.c"
#include "../kmod/vm/fetch.c"
#include "../kmod/vm/emulate.c"

/* ---- The rest of the module ---- */

#define RAM_SIZE	0x80000U	/* above it: devices */
#define CODE		0x10000ULL
#define DATA		0x20000ULL
#define DEVICE		0x100000ULL
#define APIC		0x1f0000ULL
#define UNMAPPED	0x400000ULL

static u8 ram[RAM_SIZE];
static struct lodge_vm vm;
static struct lodge_vcpu vcpu;
static struct lodge_run run;
static struct lodge_emulation emulation;
static struct xregs_state xsave;
static u64 crs[17];
static struct lodge_segment segs[NR_SEGS];
static int apic_reads, apic_writes, nofault_reads;
static u64 apic_value;
static bool no_nofault;		/* nothing can be read without sleeping */
static char failure[128];

int lodge_guest_read(struct lodge_vm *vm, u64 gpa, void *buf, size_t len)
{
	if (gpa + len > RAM_SIZE)
		return -EFAULT;
	memcpy(buf, ram + gpa, len);
	return 0;
}

int lodge_guest_write(struct lodge_vm *vm, u64 gpa, const void *buf, size_t len)
{
	if (gpa + len > RAM_SIZE)
		return -EFAULT;
	memcpy(ram + gpa, buf, len);
	return 0;
}

int lodge_guest_read_nofault(struct lodge_vm *vm, u64 gpa, void *buf, size_t len)
{
	nofault_reads++;
	return no_nofault && gpa < RAM_SIZE ? -EAGAIN :
	       lodge_guest_read(vm, gpa, buf, len);
}

int lodge_guest_cmpxchg(struct lodge_vm *vm, u64 gpa, u64 *old, u64 new,
			int width)
{
	if (gpa + width > RAM_SIZE)
		return -EFAULT;
	if (memcmp(ram + gpa, old, width))
		return 1;
	memcpy(ram + gpa, &new, width);
	return 0;
}

int lodge_npt_fault(struct lodge_vcpu *vcpu, u64 gpa, u32 flags)
{
	return gpa < RAM_SIZE ? 0 : 1;
}

bool lodge_lapic_mmio(struct lodge_vcpu *vcpu, u64 gpa, void *data, int width,
		      bool write)
{
	if (gpa < APIC || gpa >= APIC + 4096)
		return false;
	if (write) {
		apic_writes++;
		memcpy(&apic_value, data, width);
	} else {
		apic_reads++;
		memcpy(data, &apic_value, width);
	}
	return true;
}

bool lodge_ioapic_mmio(struct lodge_vm *vm, u64 gpa, void *data, int width,
		       bool write)
{
	return false;
}

bool lodge_ioeventfd_write(struct lodge_vm *vm, bool port, u64 addr, int width,
			   const void *data)
{
	return addr == (port ? 0x77 : DEVICE + 0x77);
}

/* A port that the module answers itself */
bool lodge_pc_port(struct lodge_vm *vm, u16 port, int width, void *data,
		   bool write)
{
	if (port != 0x20)
		return false;
	if (!write)
		memset(data, 0x20, width);
	return true;
}

u64 lodge_lapic_get_cr8(struct lodge_vcpu *vcpu)
{
	return 5;
}

static int set_cr(int nr, u64 value)
{
	if (value >> 63)
		return 1;
	crs[nr] = value;
	return 0;
}

int lodge_set_cr0(struct lodge_vcpu *vcpu, u64 value)
{
	return set_cr(0, value);
}

int lodge_set_cr3(struct lodge_vcpu *vcpu, u64 value)
{
	return set_cr(3, value);
}

int lodge_set_cr4(struct lodge_vcpu *vcpu, u64 value)
{
	return set_cr(4, value);
}

int lodge_set_cr8(struct lodge_vcpu *vcpu, u64 value)
{
	return set_cr(8, value);
}

int lodge_get_dr(struct lodge_vcpu *vcpu, int nr, u64 *value)
{
	*value = 0xd0 + nr;
	return nr == 5 ? VECTOR_UD : 0;
}

int lodge_set_dr(struct lodge_vcpu *vcpu, int nr, u64 value)
{
	return 0;
}

u32 lodge_phys_bits(void)
{
	return 40;
}

u64 lodge_fpu_features(void)
{
	return 0;
}

void lodge_vcpu_request(struct lodge_vcpu *vcpu, enum lodge_request req)
{
	vcpu->requests |= BIT(req);
}

void lodge_queue_exception(struct lodge_vcpu *vcpu, u8 vector, bool has_error,
			   u32 error)
{
	vcpu->event = (struct lodge_event){
		.type = EVENT_EXCEPTION, .vector = vector,
		.has_error = has_error, .error = error,
	};
}

int lodge_fail(struct lodge_vcpu *vcpu, u32 reason, const char *fmt, ...)
{
	va_list args;

	/* %*ph is the kernel's own; the words before it will do. */
	va_start(args, fmt);
	snprintf(failure, sizeof(failure), "%s", fmt);
	va_end(args);
	vcpu->run->exit_reason = reason;
	return NEXT_USER;
}

static u64 vendor_get_cr(struct lodge_vcpu *vcpu, int cr)
{
	return crs[cr];
}

static void vendor_set_cr(struct lodge_vcpu *vcpu, int cr, u64 value)
{
	crs[cr] = value;
}

static void vendor_get_segment(struct lodge_vcpu *vcpu, int seg,
			       struct lodge_segment *out)
{
	*out = segs[seg];
}

static void vendor_set_debug(struct lodge_vcpu *vcpu)
{
}

static int vendor_insn_bytes(struct lodge_vcpu *vcpu, u8 *buf)
{
	return 0;
}

static struct lodge_vendor_ops vendor = {
	.get_cr = vendor_get_cr,
	.set_cr = vendor_set_cr,
	.get_segment = vendor_get_segment,
	.set_debug = vendor_set_debug,
	.insn_bytes = vendor_insn_bytes,
};

struct lodge_vendor_ops *lodge_vendor = &vendor;

/* ---- A vCPU in 64-bit code, addresses as they are up to 2 MiB ---- */

static void put64(u64 gpa, u64 value)
{
	memcpy(ram + gpa, &value, 8);
}

static u64 get64(u64 gpa)
{
	u64 value;

	memcpy(&value, ram + gpa, 8);
	return value;
}

FIXTURE(emulate) {
	int unused;
};

FIXTURE_SETUP(emulate)
{
	int i;

	memset(ram, 0, sizeof(ram));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&run, 0, sizeof(run));
	memset(&xsave, 0, sizeof(xsave));
	/* All in use already: the processor has tried first. */
	put64(0x1000, 0x2027);
	put64(0x2000, 0x3027);
	put64(0x3000, 0xe7);
	crs[0] = C0_PE | C0_PG | C0_WP;
	crs[3] = 0x1000;
	crs[4] = C4_PAE | C4_OSFXSR;
	crs[LODGE_CR_EFER] = EF_LMA | EF_NXE;
	for (i = 0; i < NR_SEGS; i++)
		segs[i] = (struct lodge_segment){
			.limit = -1U, .type = 3, .s = 1, .present = 1, .db = 1,
		};
	segs[SEG_CS].type = 0xb;
	segs[SEG_CS].l = 1;
	segs[SEG_CS].db = 0;
	vcpu.vm = &vm;
	vcpu.emulation = &emulation;
	vcpu.run = &run;
	vcpu.xsave = &xsave;
	vcpu.rip = CODE;
	vcpu.rflags = 2;
	vcpu.exit.kind = EXIT_NPF;
	apic_reads = 0;
	apic_writes = 0;
	nofault_reads = 0;
	no_nofault = false;
}

FIXTURE_TEARDOWN(emulate)
{
}

#define SAME(want, seen)	EXPECT_EQ((u64)(want), (u64)(seen))

#define INSN(...)							\
	({								\
		static const u8 __bytes[] = { __VA_ARGS__ };		\
									\
		memcpy(ram + vcpu.rip, __bytes, sizeof(__bytes));	\
		sizeof(__bytes);					\
	})

/* The tool is asked, and the instruction has not happened. */
#define ASKED(at, bytes, writes)					\
	do {								\
		SAME(LODGE_EXIT_MMIO, run.exit_reason);			\
		SAME(at, run.mmio.addr);				\
		SAME(bytes, run.mmio.width);				\
		SAME(writes, run.mmio.is_write);			\
	} while (0)

static void answer(u64 value)
{
	memcpy(run.mmio.data, &value, 8);
}

static u64 mmio_data(void)
{
	u64 value;

	memcpy(&value, run.mmio.data, 8);
	return value;
}

#endif /* LODGE_EMULATE_FIXTURE_H */
