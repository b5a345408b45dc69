// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes at the guest's RIP, and how to get past them.
 *
 * Processors that do not tell an instruction's length leave it to us at every
 * exit of an instruction, so there is a short way for the common case.
 */
#include <linux/mm.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include <asm/special_insns.h>
#include "../compat.h"
#include "arch.h"
#include "emulate.h"
#include "memory.h"

/* A page table entry, as far as the short way needs it */
#define E_PRESENT	BIT_ULL(0)
#define E_HUGE		BIT_ULL(7)
#define E_ADDR		0x000ffffffffff000ULL

static int read_entry(struct lodge_paging *paging, u64 gpa, u64 *entry, int size)
{
	struct lodge_guest_paging *p =
		container_of(paging, struct lodge_guest_paging, paging);
	int ret;

	ret = lodge_guest_read_nofault(p->vcpu->vm, gpa, entry, size);
	if (ret == -EAGAIN && p->can_sleep)
		ret = lodge_guest_read(p->vcpu->vm, gpa, entry, size);
	if (!ret)
		return EXEC_DONE;
	p->error = ret;
	p->gpa = gpa;
	return EXEC_STOP;
}

static int replace_entry(struct lodge_paging *paging, u64 gpa, u64 old, u64 new,
			 int size)
{
	struct lodge_guest_paging *p =
		container_of(paging, struct lodge_guest_paging, paging);
	int ret = -EAGAIN;

	if (p->can_sleep)
		ret = lodge_guest_cmpxchg(p->vcpu->vm, gpa, &old, new, size);
	if (ret >= 0)
		return ret;
	p->error = ret;
	p->gpa = gpa;
	return EXEC_STOP;
}

static u32 guest_pkru(struct lodge_vcpu *vcpu)
{
	static u32 offset;
	const struct xregs_state *area = vcpu->xsave;
	u32 eax, ebx, ecx, edx, pkru;

	if (!(lodge_fpu_features() & XFEATURE_MASK_PKRU))
		return 0;
	if (vcpu->fpu_loaded)
		return rdpkru();
	if (!(area->header.xfeatures & XFEATURE_MASK_PKRU))
		return 0;
	if (!READ_ONCE(offset)) {
		cpuid_count(0xd, XFEATURE_PKRU, &eax, &ebx, &ecx, &edx);
		WRITE_ONCE(offset, ebx);
	}
	memcpy(&pkru, vcpu->xsave + offset, sizeof(pkru));
	return pkru;
}

void lodge_guest_paging_init(struct lodge_guest_paging *p,
			     struct lodge_vcpu *vcpu, u8 cpl, bool can_sleep)
{
	p->paging = (struct lodge_paging){
		.cr0 = lodge_vendor->get_cr(vcpu, 0),
		.cr3 = lodge_vendor->get_cr(vcpu, 3),
		.cr4 = lodge_vendor->get_cr(vcpu, 4),
		.efer = lodge_vendor->get_cr(vcpu, LODGE_CR_EFER),
		.rflags = vcpu->rflags,
		.cpl = cpl,
		.phys_bits = lodge_phys_bits(),
		.read = read_entry,
		.replace = replace_entry,
	};
	if (p->paging.cr4 & C4_PKE)
		p->paging.pkru = guest_pkru(vcpu);
	p->vcpu = vcpu;
	p->can_sleep = can_sleep;
	p->error = 0;
	p->gpa = 0;
}

/*
 * The linear address of the code at RIP, and how many bytes there are before
 * the segment ends.
 */
static u64 code_address(struct lodge_vcpu *vcpu, u8 *mode, u64 *left)
{
	u64 efer = lodge_vendor->get_cr(vcpu, LODGE_CR_EFER);
	struct lodge_segment cs;

	lodge_vendor->get_segment(vcpu, SEG_CS, &cs);
	*mode = lodge_code_mode(efer, &cs);
	*left = LODGE_INSN_MAX;
	if (*mode == 8)
		return vcpu->rip;
	if (vcpu->rip > cs.limit)
		*left = 0;
	else
		*left = min_t(u64, *left, cs.limit - vcpu->rip + 1);
	return (u32)(cs.base + vcpu->rip);
}

/*
 * What the processor has executed is there and may be executed; so this looks
 * neither at permissions nor changes anything.
 */
static int fetch(struct lodge_vcpu *vcpu, u8 *buf, u8 *mode, bool can_sleep)
{
	struct lodge_guest_paging p;
	struct lodge_fault fault;
	u64 linear, left, gpa;
	unsigned int n = 0, chunk;
	int ret;

	linear = code_address(vcpu, mode, &left);
	lodge_guest_paging_init(&p, vcpu, 0, can_sleep);
	while (n < left) {
		chunk = min_t(u64, left - n, PAGE_SIZE - offset_in_page(linear));
		ret = lodge_walk(&p.paging, linear, ACCESS_FETCH | ACCESS_PEEK,
				 &gpa, &fault);
		if (ret == EXEC_STOP && p.error == -EAGAIN)
			return n ? (int)n : -EAGAIN;
		if (ret)
			break;
		if (can_sleep)
			ret = lodge_guest_read(vcpu->vm, gpa, buf + n, chunk);
		else
			ret = lodge_guest_read_nofault(vcpu->vm, gpa, buf + n,
						       chunk);
		if (ret == -EAGAIN)
			return n ? (int)n : -EAGAIN;
		if (ret)
			break;
		n += chunk;
		linear += chunk;
	}
	return n;
}

int lodge_fetch_insn(struct lodge_vcpu *vcpu, u8 *buf, bool can_sleep)
{
	u8 mode;

	return fetch(vcpu, buf, &mode, can_sleep);
}

/*
 * The short way: 64-bit code, four levels, no prefixes, all bytes in one aligned
 * word.  Tells the length, or 0 to say that the long way must do.
 */
static unsigned int quick_length(struct lodge_vcpu *vcpu)
{
	struct lodge_vm *vm = vcpu->vm;
	u64 rip = vcpu->rip, table, word;
	struct lodge_segment cs;
	unsigned int shift;

	lodge_vendor->get_segment(vcpu, SEG_CS, &cs);
	if (!cs.l || !(lodge_vendor->get_cr(vcpu, LODGE_CR_EFER) & EF_LMA) ||
	    (lodge_vendor->get_cr(vcpu, 4) & C4_LA57))
		return 0;

	table = lodge_vendor->get_cr(vcpu, 3);
	for (shift = 39; ; shift -= 9) {
		u64 where = (table & E_ADDR) + ((rip >> shift) & 0x1ff) * 8;

		if (lodge_guest_read_nofault(vm, where, &table, 8) ||
		    !(table & E_PRESENT))
			return 0;
		if (shift == 12 || (table & E_HUGE))
			break;
	}
	table &= E_ADDR & ~(BIT_ULL(shift) - 1);
	table |= rip & (BIT_ULL(shift) - 1) & ~7ULL;
	if (lodge_guest_read_nofault(vm, table, &word, 8))
		return 0;

	/* Bytes past the word read as 0, which none of these ends in. */
	word >>= 8 * (rip & 7);
	switch (word & 0xff) {
	case 0xec ... 0xef:	/* IN, OUT */
	case 0xf4:		/* HLT */
		return 1;
	case 0x0f:
		break;
	default:
		return 0;
	}
	switch (word >> 8 & 0xff) {
	case 0x30:		/* WRMSR */
	case 0x32:		/* RDMSR */
	case 0xa2:		/* CPUID */
		return 2;
	case 0x01:		/* VMMCALL, VMCALL, XSETBV: a register form */
		return (word >> 16 & 0xff) >= 0xc0 ? 3 : 0;
	default:
		return 0;
	}
}

static int long_length(struct lodge_vcpu *vcpu, bool can_sleep)
{
	struct lodge_insn insn;
	u8 buf[LODGE_INSN_MAX], mode;
	int n;

	n = fetch(vcpu, buf, &mode, can_sleep);
	if (n < 0)
		return n;
	if (lodge_decode(&insn, buf, n, mode) != DECODE_OK)
		return can_sleep ? -EINVAL : -EAGAIN;
	return insn.len;
}

void lodge_insn_done(struct lodge_vcpu *vcpu)
{
	vcpu->shadow = false;
	vcpu->rflags &= ~(u64)RF_RF;
	if (unlikely(vcpu->debug & LODGE_DEBUG_STEP))
		lodge_vcpu_request(vcpu, REQ_STEPPED);
	if (unlikely(vcpu->rflags & RF_TF)) {
		vcpu->dr6 |= DR_STEP;
		lodge_vendor->set_debug(vcpu);
		lodge_queue_exception(vcpu, VECTOR_DB, false, 0);
	}
}

int lodge_skip_insn(struct lodge_vcpu *vcpu, bool can_sleep)
{
	int len = vcpu->exit.insn_len;
	u64 next;

	if (!len)
		len = quick_length(vcpu);
	if (!len)
		len = long_length(vcpu, can_sleep);
	if (unlikely(len < 0)) {
		if (!can_sleep)
			return NEXT_SLEEP;
		return lodge_fail(vcpu, LODGE_EXIT_INTERNAL,
				  "the instruction at 0x%llx cannot be skipped",
				  vcpu->rip);
	}

	next = vcpu->rip + len;
	/* Only 64-bit code gets past 4 GiB. */
	if (unlikely(next >> 32 != vcpu->rip >> 32)) {
		u64 left;
		u8 mode;

		code_address(vcpu, &mode, &left);
		if (mode != 8)
			next = (u32)next;
	}
	vcpu->rip = next;
	lodge_insn_done(vcpu);
	return NEXT_ENTER;
}
