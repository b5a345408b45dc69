// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an emulated instruction touches: memory, the module's own devices, or
 * what only the tool knows.
 *
 * TOUR 3.3: an instruction that touches a device.  The processor has told no
 * more than an address, so the instruction is executed in software.  If the tool
 * has to answer, everything is forgotten but the accesses to devices and their
 * answers (vcpu->access); then the instruction is executed anew, and finds the
 * answers there.
 */
#include <linux/mm.h>
#include "emulate.h"
#include "eventfd.h"
#include "irq.h"
#include "memory.h"

/*
 * Guest memory could not be reached.  EXEC_DONE: since there is none, it is a
 * device.
 */
static int no_memory(struct lodge_emulation *e, u64 gpa, bool write)
{
	int ret;

	ret = lodge_npt_fault(e->vcpu, gpa, write ? NPF_WRITE : 0);
	if (ret == 1)
		return EXEC_DONE;
	/* It is there now. */
	if (!ret)
		return lodge_stop(e, NEXT_ENTER);
	if (ret == -EINTR)
		return lodge_stop(e, ret);
	return lodge_stop(e, lodge_exit_memory(e->vcpu, gpa, ret, write));
}

int lodge_translate(struct lodge_emulation *e, u64 linear, u32 access, u64 *gpa)
{
	u64 page = linear & PAGE_MASK;
	struct lodge_translation *t;
	int i, ret;

	for (i = 0; i < NR_TRANSLATIONS; i++) {
		t = &e->translation[i];
		if (t->valid && t->page == page &&
		    (t->access == access || t->access == (access | ACCESS_WRITE))) {
			*gpa = t->gpa | offset_in_page(linear);
			return EXEC_DONE;
		}
	}

	e->paging.error = 0;
	ret = lodge_walk(&e->paging.paging, linear, access, gpa, &e->cpu.fault);
	if (ret == EXEC_DONE) {
		t = &e->translation[e->evict++ % NR_TRANSLATIONS];
		t->valid = true;
		t->access = access;
		t->page = page;
		t->gpa = *gpa & PAGE_MASK;
	}
	if (ret != EXEC_STOP)
		return ret;

	if (e->paging.error && !e->can_sleep)
		return lodge_stop(e, NEXT_SLEEP);
	switch (e->paging.error) {
	case 0:
		return lodge_stop(e, NEXT_ENTER);
	case -EFAULT:
		ret = no_memory(e, e->paging.gpa, false);
		if (ret)
			return ret;
		fallthrough;
	default:
		return lodge_stop(e, lodge_fail(e->vcpu, LODGE_EXIT_INTERNAL,
					  "the guest's page tables are at 0x%llx, which is not writable memory",
					  e->paging.gpa));
	}
}

static bool in_kernel_device(struct lodge_vcpu *vcpu,
			     const struct lodge_access *a, void *data)
{
	if (a->port && lodge_pc_port(vcpu->vm, a->gpa, a->width, data, a->write))
		return true;
	if (a->port)
		return a->write && lodge_ioeventfd_write(vcpu->vm, true, a->gpa,
							 a->width, data);
	if (lodge_lapic_mmio(vcpu, a->gpa, data, a->width, a->write) ||
	    lodge_ioapic_mmio(vcpu->vm, a->gpa, data, a->width, a->write))
		return true;
	return a->write && lodge_ioeventfd_write(vcpu->vm, false, a->gpa,
						 a->width, data);
}

static void ask_tool(struct lodge_vcpu *vcpu, const struct lodge_access *a)
{
	struct lodge_run *run = vcpu->run;

	run->vendor_code = vcpu->exit.code;
	if (a->port) {
		u32 data;

		memcpy(&data, a->data, sizeof(data));
		run->exit_reason = LODGE_EXIT_IO;
		run->io.port = a->gpa;
		run->io.width = a->width;
		run->io.direction = a->write ? LODGE_IO_OUT : LODGE_IO_IN;
		run->io.data = data;
		return;
	}
	run->exit_reason = LODGE_EXIT_MMIO;
	run->mmio.addr = a->gpa;
	run->mmio.width = a->width;
	run->mmio.is_write = a->write;
	memcpy(run->mmio.data, a->data, sizeof(a->data));
}

/*
 * An access to a device.  @last: nothing can go wrong any more after it, so a
 * write need not wait for the tool to take it.
 */
static int access_device(struct lodge_emulation *e, u64 where, bool port, void *data,
			 unsigned int len, bool write, bool last)
{
	struct lodge_vcpu *vcpu = e->vcpu;
	int nr = e->accesses++;
	struct lodge_access *a;

	/* No instruction makes so many. */
	if (WARN_ON_ONCE(nr >= LODGE_MAX_ACCESSES))
		return EXEC_UNKNOWN;

	a = &vcpu->access[nr];
	if (nr < vcpu->nr_accesses) {
		if (a->done && a->gpa == where && a->port == port &&
		    a->width == len && a->write == write) {
			if (!write)
				memcpy(data, a->data, len);
			return EXEC_DONE;
		}
		/*
		 * Another vCPU has changed the instruction before it was begun
		 * again: what was answered is no answer to this.
		 */
		vcpu->nr_accesses = nr;
	}

	memset(a, 0, sizeof(*a));
	a->gpa = where;
	a->port = port;
	a->width = len;
	a->write = write;
	if (write)
		memcpy(a->data, data, len);
	if (in_kernel_device(vcpu, a, data)) {
		/* Reading a register can change it: never twice. */
		if (!write)
			memcpy(a->data, data, len);
		a->done = true;
		vcpu->nr_accesses = nr + 1;
		return EXEC_DONE;
	}

	ask_tool(vcpu, a);
	if (write && last) {
		e->posted = true;
		return EXEC_DONE;
	}
	vcpu->nr_accesses = nr + 1;
	return lodge_stop(e, NEXT_USER);
}

/* A device's registers are at most 8 bytes wide. */
static int access_mmio(struct lodge_emulation *e, u64 gpa, void *data,
		       unsigned int len, bool write, bool last)
{
	unsigned int n;
	int ret;

	for (; len; gpa += n, data += n, len -= n) {
		n = min(len, 8U);
		ret = access_device(e, gpa, false, data, n, write,
				    last && n == len);
		if (ret)
			return ret;
	}
	return EXEC_DONE;
}

/* ---- Memory, in pieces that lie within a page ---- */

enum piece_kind { PIECE_PROBE, PIECE_READ, PIECE_WRITE };

/*
 * First without sleeping: mostly it is as quick as can be, and it tells for sure
 * whether there is memory at all.
 */
static int access_piece(struct lodge_emulation *e, u64 gpa, void *data,
			unsigned int len, bool write, bool last)
{
	struct lodge_vm *vm = e->vcpu->vm;
	u8 unused[16];
	int ret;

	ret = lodge_guest_read_nofault(vm, gpa, write ? unused : data, len);
	if (!ret && !write)
		return EXEC_DONE;
	if (ret != -EFAULT) {
		if (!e->can_sleep)
			return lodge_stop(e, NEXT_SLEEP);
		if (write)
			ret = lodge_guest_write(vm, gpa, data, len);
		else
			ret = lodge_guest_read(vm, gpa, data, len);
		if (!ret)
			return EXEC_DONE;
		if (ret == -EFAULT) {
			ret = no_memory(e, gpa, write);
			if (ret)
				return ret;
		}
	}
	return access_mmio(e, gpa, data, len, write, last);
}

static int access_memory(struct lodge_cpu *cpu, u64 linear, void *data,
			 unsigned int len, u32 access, enum piece_kind kind)
{
	struct lodge_emulation *e = lodge_emulation_of(cpu);
	unsigned int first = min_t(unsigned int, len,
				   PAGE_SIZE - offset_in_page(linear));
	bool write = kind == PIECE_WRITE;
	u64 gpa, gpa2;
	int ret;

	/* Both translations before either access. */
	ret = lodge_translate(e, linear, access, &gpa);
	if (!ret && first < len)
		ret = lodge_translate(e, linear + first, access, &gpa2);
	if (ret || kind == PIECE_PROBE)
		return ret;

	ret = access_piece(e, gpa, data, first, write, first == len);
	if (!ret && first < len)
		ret = access_piece(e, gpa2, data + first, len - first, write,
				   true);
	return ret;
}

int lodge_emu_probe(struct lodge_cpu *cpu, u64 linear, unsigned int len,
		    u32 access)
{
	return access_memory(cpu, linear, NULL, len, access, PIECE_PROBE);
}

int lodge_emu_read(struct lodge_cpu *cpu, u64 linear, void *data,
		   unsigned int len, u32 access)
{
	return access_memory(cpu, linear, data, len, access, PIECE_READ);
}

int lodge_emu_write(struct lodge_cpu *cpu, u64 linear, const void *data,
		    unsigned int len, u32 access)
{
	u8 copy[16];

	memcpy(copy, data, len);
	return access_memory(cpu, linear, copy, len, access | ACCESS_WRITE,
			     PIECE_WRITE);
}

/*
 * Memory here is rare: it has just become memory, or it is read-only.  Somebody
 * else may use it already, so it takes a locked access, unless it lies in two
 * pages, where nobody relies on one.
 */
int lodge_emu_replace(struct lodge_cpu *cpu, u64 linear, u64 old, u64 new,
		      unsigned int len)
{
	struct lodge_emulation *e = lodge_emulation_of(cpu);
	u64 gpa, unused;
	int ret;

	if (!e->can_sleep || offset_in_page(linear) + len > PAGE_SIZE)
		return lodge_emu_write(cpu, linear, &new, len, 0);

	ret = lodge_translate(e, linear, ACCESS_WRITE, &gpa);
	if (ret)
		return ret;
	ret = lodge_guest_read_nofault(e->vcpu->vm, gpa, &unused, len);
	if (ret != -EFAULT) {
		ret = lodge_guest_cmpxchg(e->vcpu->vm, gpa, &old, new, len);
		if (!ret)
			return EXEC_DONE;
		/* Changed since it was read: the guest begins again. */
		if (ret == 1)
			return lodge_stop(e, NEXT_ENTER);
		if (ret == -EFAULT) {
			ret = no_memory(e, gpa, true);
			if (ret)
				return ret;
		}
	}
	return access_mmio(e, gpa, &new, len, true, true);
}

int lodge_emu_port(struct lodge_cpu *cpu, u16 port, void *data,
		   unsigned int len, bool write)
{
	return access_device(lodge_emulation_of(cpu), port, true, data, len, write,
			     true);
}

int lodge_access_code(struct lodge_emulation *e, u64 gpa, void *buf,
		      unsigned int *len)
{
	struct lodge_vm *vm = e->vcpu->vm;
	unsigned int offset = gpa & 7;
	u64 words[2];
	int ret;

	*len = min(*len, 16 - offset);
	ret = lodge_guest_read_nofault(vm, gpa - offset, &words[0], 8);
	if (!ret && offset + *len > 8)
		ret = lodge_guest_read_nofault(vm, gpa - offset + 8, &words[1],
					       8);
	if (!ret) {
		memcpy(buf, (u8 *)words + offset, *len);
		return EXEC_DONE;
	}
	if (!e->can_sleep)
		return lodge_stop(e, NEXT_SLEEP);
	if (!lodge_guest_read(vm, gpa, buf, *len))
		return EXEC_DONE;
	ret = no_memory(e, gpa, false);
	if (ret)
		return ret;
	return lodge_stop(e, lodge_fail(e->vcpu, LODGE_EXIT_INTERNAL,
					"the guest executes at 0x%llx, which is not memory",
					gpa));
}
