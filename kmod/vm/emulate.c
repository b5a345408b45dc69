// SPDX-License-Identifier: GPL-2.0-only
/* The emulator on a vCPU: its registers, and what becomes of an instruction. */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <asm/fpu/types.h>
#include "arch.h"
#include "emulate.h"
#include "irq.h"

/* Rounds of a repeated instruction before the guest is entered again */
#define MAX_ROUNDS	4096

static int fault(struct lodge_emulation *e, u8 vector)
{
	e->cpu.fault = (struct lodge_fault){
		.vector = vector,
		.has_error = vector == VECTOR_GP && (e->cpu.cr0 & C0_PE),
	};
	return EXEC_FAULT;
}

static const struct lodge_segment *get_segment(struct lodge_cpu *cpu, int seg)
{
	struct lodge_emulation *e = lodge_emulation_of(cpu);

	if (!(e->segments & BIT(seg))) {
		lodge_vendor->get_segment(e->vcpu, seg, &e->segment[seg]);
		e->segments |= BIT(seg);
	}
	return &e->segment[seg];
}

/* ---- Registers ---- */

static int emu_cr(struct lodge_cpu *cpu, int nr, u64 *value, bool write)
{
	struct lodge_emulation *e = lodge_emulation_of(cpu);
	struct lodge_vcpu *vcpu = e->vcpu;
	int ret;

	if (!write) {
		*value = nr == 8 ? lodge_lapic_get_cr8(vcpu) :
				   lodge_vendor->get_cr(vcpu, nr);
		return EXEC_DONE;
	}
	switch (nr) {
	case 0:
		ret = lodge_set_cr0(vcpu, *value);
		break;
	case 2:
		lodge_vendor->set_cr(vcpu, 2, *value);
		ret = 0;
		break;
	case 3:
		ret = lodge_set_cr3(vcpu, *value);
		break;
	case 4:
		ret = lodge_set_cr4(vcpu, *value);
		break;
	default:
		ret = lodge_set_cr8(vcpu, *value);
		break;
	}
	return ret ? fault(e, VECTOR_GP) : EXEC_DONE;
}

static int emu_dr(struct lodge_cpu *cpu, int nr, u64 *value, bool write)
{
	struct lodge_emulation *e = lodge_emulation_of(cpu);
	int vector;

	if (write)
		vector = lodge_set_dr(e->vcpu, nr, *value);
	else
		vector = lodge_get_dr(e->vcpu, nr, value);
	return vector ? fault(e, vector) : EXEC_DONE;
}

/* In the XSAVE area, where registers that are not marked as used are zero. */
static int emu_xmm(struct lodge_cpu *cpu, int nr, void *data, bool write)
{
	struct lodge_emulation *e = lodge_emulation_of(cpu);
	struct xregs_state *area = e->vcpu->xsave;
	u32 *xmm = &area->i387.xmm_space[4 * nr];
	bool used = area->header.xfeatures & XFEATURE_MASK_SSE;

	if (e->vcpu->fpu_loaded)
		return lodge_stop(e, NEXT_SLEEP);
	if (write) {
		if (!used)
			memset(area->i387.xmm_space, 0,
			       sizeof(area->i387.xmm_space));
		area->header.xfeatures |= XFEATURE_MASK_SSE;
		memcpy(xmm, data, 16);
	} else if (used) {
		memcpy(data, xmm, 16);
	} else {
		memset(data, 0, 16);
	}
	return EXEC_DONE;
}

static void emu_invlpg(struct lodge_cpu *cpu, u64 linear)
{
	lodge_vcpu_request(lodge_emulation_of(cpu)->vcpu, REQ_FLUSH_TLB);
}

static const struct lodge_cpu_ops emulation_ops = {
	.probe = lodge_emu_probe,
	.read = lodge_emu_read,
	.write = lodge_emu_write,
	.replace = lodge_emu_replace,
	.port = lodge_emu_port,
	.segment = get_segment,
	.cr = emu_cr,
	.dr = emu_dr,
	.xmm = emu_xmm,
	.invlpg = emu_invlpg,
};

static void begin(struct lodge_emulation *e, struct lodge_vcpu *vcpu, bool can_sleep)
{
	struct lodge_cpu *cpu = &e->cpu;
	int i;

	e->vcpu = vcpu;
	e->can_sleep = can_sleep;
	e->segments = 0;
	e->evict = 0;
	for (i = 0; i < NR_TRANSLATIONS; i++)
		e->translation[i].valid = false;

	memcpy(cpu->regs, vcpu->regs, sizeof(cpu->regs));
	cpu->rip = vcpu->rip;
	cpu->rflags = vcpu->rflags;
	cpu->ops = &emulation_ops;
	cpu->cr0 = lodge_vendor->get_cr(vcpu, 0);
	if (!(cpu->cr0 & C0_PE))
		cpu->cpl = 0;
	else
		cpu->cpl = vcpu->rflags & RF_VM ? 3 :
						  get_segment(cpu, SEG_SS)->dpl;

	lodge_guest_paging_init(&e->paging, vcpu, cpu->cpl, can_sleep);
	cpu->cr4 = e->paging.paging.cr4;
	cpu->efer = e->paging.paging.efer;
	cpu->mode = lodge_code_mode(cpu->efer, get_segment(cpu, SEG_CS));
}

/* ---- Bytes ---- */

/* As much as can be had at once, up to @max bytes. */
static int fetch_piece(struct lodge_emulation *e, u64 linear, u8 *buf,
		       unsigned int max, unsigned int *got)
{
	u64 gpa;
	int ret;

	*got = min_t(unsigned int, max, PAGE_SIZE - offset_in_page(linear));
	ret = lodge_translate(e, linear, ACCESS_FETCH, &gpa);
	return ret ?: lodge_access_code(e, gpa, buf, got);
}

static int decoded(struct lodge_emulation *e, enum lodge_decode result)
{
	switch (result) {
	case DECODE_OK:
		return EXEC_DONE;
	case DECODE_LONG:
	case DECODE_SHORT:
		return fault(e, VECTOR_GP);
	case DECODE_UD:
		return fault(e, VECTOR_UD);
	default:
		return EXEC_UNKNOWN;
	}
}

static int fetch_and_decode(struct lodge_emulation *e)
{
	struct lodge_insn *insn = &e->insn;
	u64 linear = e->cpu.rip, left = LODGE_INSN_MAX;
	unsigned int n = 0, got;
	enum lodge_decode result;
	u8 buf[LODGE_INSN_MAX];
	int ret;

	ret = lodge_vendor->insn_bytes(e->vcpu, buf);
	if (ret > 0) {
		result = lodge_decode(insn, buf, ret, e->cpu.mode);
		if (result != DECODE_SHORT)
			return decoded(e, result);
	}

	if (e->cpu.mode != 8) {
		const struct lodge_segment *cs = get_segment(&e->cpu, SEG_CS);

		if (e->cpu.rip > cs->limit)
			return fault(e, VECTOR_GP);
		left = min_t(u64, left, cs->limit - e->cpu.rip + 1);
		linear = (u32)(linear + cs->base);
	}
	/* The second page only if the instruction goes on in it. */
	do {
		ret = fetch_piece(e, linear + n, buf + n, left - n, &got);
		if (ret)
			return ret;
		n += got;
		result = lodge_decode(insn, buf, n, e->cpu.mode);
	} while (result == DECODE_SHORT && n < left);
	return decoded(e, result);
}

/* ---- The whole ---- */

static int give_up(struct lodge_emulation *e, int len)
{
	u8 buf[LODGE_INSN_MAX];

	/*
	 * A program can get any instruction here, by changing it while it is
	 * looked at.  That must not be the end of the whole guest.
	 */
	if (e->cpu.cpl == 3) {
		lodge_queue_ud(e->vcpu);
		return NEXT_ENTER;
	}
	len = min(len, lodge_fetch_insn(e->vcpu, buf, e->can_sleep));
	if (len <= 0)
		return lodge_fail(e->vcpu, LODGE_EXIT_INTERNAL,
				  "cannot emulate the instruction at 0x%llx",
				  e->cpu.rip);
	return lodge_fail(e->vcpu, LODGE_EXIT_INTERNAL,
			  "cannot emulate instruction %*ph", len, buf);
}

static void commit(struct lodge_emulation *e)
{
	struct lodge_vcpu *vcpu = e->vcpu;

	memcpy(vcpu->regs, e->cpu.regs, sizeof(vcpu->regs));
	vcpu->rip = e->cpu.rip;
	vcpu->rflags = e->cpu.rflags;
	vcpu->nr_accesses = 0;
	lodge_insn_done(vcpu);
	/* Resume flag: a repeated instruction is over only after its last round. */
	if (e->cpu.repeat)
		vcpu->rflags = e->cpu.rflags;
}

/* @len: of the instruction, as far as it is known */
static int finish(struct lodge_emulation *e, int result, int len)
{
	struct lodge_vcpu *vcpu = e->vcpu;
	const struct lodge_fault *f = &e->cpu.fault;

	if (result == EXEC_STOP) {
		/* The log is for who comes back to this instruction. */
		if (e->next != NEXT_SLEEP &&
		    !(e->next == NEXT_USER && vcpu->nr_accesses &&
		      !vcpu->access[vcpu->nr_accesses - 1].done))
			vcpu->nr_accesses = 0;
		return e->next;
	}
	vcpu->nr_accesses = 0;
	if (result == EXEC_UNKNOWN)
		return give_up(e, len);

	if (f->vector == VECTOR_PF)
		lodge_vendor->set_cr(vcpu, 2, f->cr2);
	lodge_queue_exception(vcpu, f->vector, f->has_error, f->error);
	return NEXT_ENTER;
}

/* Does anybody want this thread, or the vCPU, between two rounds? */
static bool wanted(struct lodge_emulation *e)
{
	return READ_ONCE(e->vcpu->requests) || need_resched() ||
	       signal_pending(current);
}

/* From what begin() and fetch_and_decode() have found. */
static int execute(struct lodge_emulation *e)
{
	struct lodge_vcpu *vcpu = e->vcpu;
	int ret, rounds = 0;

	do {
		e->accesses = 0;
		e->posted = false;
		ret = lodge_execute(&e->cpu, &e->insn);
		if (ret)
			return finish(e, ret, e->insn.len);
		commit(e);
		if (e->posted)
			return NEXT_USER;
	} while (e->cpu.repeat && !vcpu->event.type && ++rounds < MAX_ROUNDS &&
		 !wanted(e));
	return NEXT_ENTER;
}

int lodge_emulate(struct lodge_vcpu *vcpu, bool can_sleep)
{
	struct lodge_emulation *e = vcpu->emulation;
	int ret;

	if (vcpu->event.type)
		return lodge_fail(vcpu, LODGE_EXIT_INTERNAL,
				  "the guest takes vector %u through tables or a stack in a device",
				  vcpu->event.vector);

	/* Left over: only what a call without @can_sleep has begun is ours. */
	if (vcpu->nr_accesses && !vcpu->access[vcpu->nr_accesses - 1].done)
		vcpu->nr_accesses = 0;

	begin(e, vcpu, can_sleep);
	ret = fetch_and_decode(e);
	if (ret)
		return finish(e, ret, LODGE_INSN_MAX);
	return execute(e);
}

int lodge_emulate_complete(struct lodge_vcpu *vcpu)
{
	const struct lodge_run *run = vcpu->run;
	struct lodge_access *a;

	if (!vcpu->nr_accesses)
		return NEXT_ENTER;
	a = &vcpu->access[vcpu->nr_accesses - 1];
	if (a->done) {
		vcpu->nr_accesses = 0;
		return NEXT_ENTER;
	}

	if (a->port && !a->write) {
		u32 data = READ_ONCE(run->io.data);

		memcpy(a->data, &data, sizeof(data));
	} else if (!a->write) {
		memcpy(a->data, run->mmio.data, sizeof(a->data));
	}
	a->done = true;
	vcpu->emulation->can_sleep = true;
	vcpu->emulation->paging.can_sleep = true;
	return execute(vcpu->emulation);
}

int lodge_emulate_create(struct lodge_vcpu *vcpu)
{
	vcpu->emulation = kzalloc(sizeof(*vcpu->emulation), GFP_KERNEL_ACCOUNT);
	return vcpu->emulation ? 0 : -ENOMEM;
}

void lodge_emulate_destroy(struct lodge_vcpu *vcpu)
{
	kfree(vcpu->emulation);
	vcpu->emulation = NULL;
}

void lodge_emulate_cancel(struct lodge_vcpu *vcpu)
{
	vcpu->nr_accesses = 0;
}
