// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual clock that stock kernels know from KVM: a page of guest
 * memory tells how to turn the time stamp counter into nanoseconds.  And the
 * hypercalls, of which there are two.
 *
 * With a host whose counters agree, all vCPUs of a VM count from one moment,
 * the VM's creation, with one rate: their clocks are the same function of the
 * same counter, so none is ever behind another, and a page is written once.
 * Otherwise a page is written anew whenever the vCPU gets to another CPU.
 */
#include <linux/kvm_types.h>
#include <linux/math64.h>
#include <linux/ktime.h>
#include <linux/nospec.h>
#include <asm/cpufeature.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include <uapi/linux/kvm_para.h>
#include "arch.h"
#include "memory.h"
#include "msr.h"

/**
 * struct clock_rate - counter to nanoseconds: ((count << shift) * mul) >> 32
 * @mul: multiplier, at least 2^31 for its precision
 * @shift: to the left; negative to the right
 */
struct clock_rate {
	u32 mul;
	s8 shift;
};

bool lodge_tsc_stable(void)
{
	/* Ticks at one rate, and does not stop in deep sleep states. */
	if (!boot_cpu_has(X86_FEATURE_CONSTANT_TSC) ||
	    !boot_cpu_has(X86_FEATURE_NONSTOP_TSC))
		return false;
#ifdef EXPORT_SYMBOL_FOR_KVM
	/* Kernels with that keep check_tsc_unstable() for KVM. */
	return true;
#else
	return !check_tsc_unstable();
#endif
}

/* One rate for a VM: the host may refine its own after boot. */
static struct clock_rate clock_rate(struct lodge_vm *vm)
{
	struct clock_rate rate = { };
	u64 hz, scaled;

	if (!READ_ONCE(vm->tsc_khz))
		cmpxchg(&vm->tsc_khz, 0, max(tsc_khz, 1U));
	hz = READ_ONCE(vm->tsc_khz) * 1000ULL;

	/* Shift until the counter as shifted runs at 1 to 2 GHz. */
	scaled = hz;
	while (scaled <= NSEC_PER_SEC) {
		scaled <<= 1;
		rate.shift++;
	}
	while (scaled > 2 * NSEC_PER_SEC) {
		scaled >>= 1;
		rate.shift--;
	}
	/* 10^9 * 2^34 fits into 64 bits: that is enough for up to 8 GHz. */
	if (rate.shift >= -2)
		rate.mul = div64_u64((u64)NSEC_PER_SEC << (32 - rate.shift), hz);
	else
		rate.mul = div64_u64((u64)NSEC_PER_SEC << 32, scaled);
	return rate;
}

static u64 scale(u64 count, struct clock_rate rate)
{
	if (rate.shift >= 0)
		count <<= rate.shift;
	else
		count >>= -rate.shift;
	return mul_u64_u32_shr(count, rate.mul, 32);
}

/*
 * Host counter and the guest clock's time at that moment.  For a VM as a whole
 * if the counters agree, else only for this CPU (interrupts off).
 */
static u64 reference(struct lodge_vm *vm, u64 *tsc, bool stable)
{
	if (stable) {
		*tsc = vm->boot_tsc;
		return 0;
	}
	*tsc = rdtsc_ordered();
	return ktime_get_boottime_ns() - vm->boot_ns;
}

/*
 * Both structs begin with a version, which is odd while the rest is written:
 * vCPUs may read each other's.
 */
static int write_versioned(struct lodge_vm *vm, u64 gpa, void *data,
			   size_t size, u32 version)
{
	u32 *v = data;
	int ret;

	*v = version - 1;
	ret = lodge_guest_write(vm, gpa, v, sizeof(*v));
	if (ret)
		return ret;
	/* Pairs with the reader's barriers, as does the next. */
	smp_wmb();
	ret = lodge_guest_write(vm, gpa, data, size);
	if (ret)
		return ret;
	/* The rest before the even version. */
	smp_wmb();
	*v = version;
	return lodge_guest_write(vm, gpa, v, sizeof(*v));
}

static int write_clock(struct lodge_vcpu *vcpu)
{
	struct pvclock_vcpu_time_info info = { };
	struct lodge_vm *vm = vcpu->vm;
	struct clock_rate rate = clock_rate(vm);
	bool stable = lodge_tsc_stable();
	u64 tsc;

	if (!(vcpu->pv_clock & 1))
		return 0;

	local_irq_disable();
	info.system_time = reference(vm, &tsc, stable);
	vcpu->msr->clock_cpu = smp_processor_id();
	local_irq_enable();
	info.tsc_timestamp = tsc + vcpu->tsc_offset;
	info.tsc_to_system_mul = rate.mul;
	info.tsc_shift = rate.shift;
	info.flags = stable ? PVCLOCK_TSC_STABLE_BIT : 0;

	vcpu->msr->clock_version += 2;
	return write_versioned(vm, vcpu->pv_clock & ~1ULL, &info, sizeof(info),
			       vcpu->msr->clock_version);
}

/* What the real-time clock showed when the guest's clock was 0. */
static int write_wall_clock(struct lodge_vm *vm, u64 gpa)
{
	bool stable = lodge_tsc_stable();
	struct pvclock_wall_clock wall = { };
	u64 tsc, now, real;
	u32 version;
	int ret;

	local_irq_disable();
	now = reference(vm, &tsc, stable);
	if (stable)
		now = scale(rdtsc_ordered() - tsc, clock_rate(vm));
	real = ktime_get_real_ns();
	local_irq_enable();
	wall.sec = div_u64_rem(real > now ? real - now : 0, NSEC_PER_SEC,
			       &wall.nsec);

	/* There is one for all vCPUs: go on from the version that it has. */
	ret = lodge_guest_read(vm, gpa, &version, sizeof(version));
	if (ret)
		return ret;
	return write_versioned(vm, gpa, &wall, sizeof(wall), (version | 1) + 3);
}

/*
 * A page that the guest put where no memory is gets nothing, and that is no
 * error.  But memory that cannot be had now is the tool's business, as when the
 * guest itself touches it; the next LODGE_RUN tries again.
 */
static int write_failed(struct lodge_vcpu *vcpu, u64 gpa)
{
	int ret = lodge_npt_fault(vcpu, gpa, NPF_WRITE);

	if (ret == 1)
		return NEXT_ENTER;
	lodge_vcpu_request(vcpu, REQ_CLOCK);
	if (!ret)
		return NEXT_ENTER;
	if (ret == -EINTR)
		return ret;
	return lodge_exit_memory(vcpu, gpa, ret, true);
}

/**
 * lodge_pvclock_update() - write what the guest asked for: REQ_CLOCK
 * @vcpu: the vCPU, by its own thread, which runs in vm->mm
 *
 * Context: may sleep.
 * Return: enum lodge_next or -errno
 */
int lodge_pvclock_update(struct lodge_vcpu *vcpu)
{
	struct lodge_vm *vm = vcpu->vm;
	u64 gpa = xchg(&vm->wall_clock_gpa, 0);
	int next;

	if (gpa && write_wall_clock(vm, gpa)) {
		next = write_failed(vcpu, gpa);
		/* To be tried again, unless the guest wants another by now. */
		if (test_bit(REQ_CLOCK, &vcpu->requests))
			cmpxchg(&vm->wall_clock_gpa, 0, gpa);
		if (next != NEXT_ENTER)
			return next;
	}
	if (write_clock(vcpu))
		return write_failed(vcpu, vcpu->pv_clock & ~1ULL);
	return NEXT_ENTER;
}

/**
 * lodge_pvclock_load() - the vCPU was loaded on a CPU
 * @vcpu: the vCPU, by its own thread
 *
 * Context: loaded; before the run loop looks at vcpu->requests.
 */
void lodge_pvclock_load(struct lodge_vcpu *vcpu)
{
	if ((vcpu->pv_clock & 1) &&
	    unlikely(vcpu->msr->clock_cpu != smp_processor_id()) &&
	    !lodge_tsc_stable())
		lodge_vcpu_request(vcpu, REQ_CLOCK);
}

/* Lies it in one page, where the ABI wants it? */
static bool fits(u64 gpa, size_t size)
{
	return !(gpa & 3) && !(gpa >> lodge_phys_bits()) &&
	       (gpa & ~PAGE_MASK) + size <= PAGE_SIZE;
}

/**
 * lodge_pvclock_msr() - the MSRs that say where the pages are
 * @vcpu: the vCPU, by its own thread
 * @index: MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME, or their newer numbers
 * @value: in or out
 * @write: direction
 *
 * Context: must not sleep: the page itself is written by REQ_CLOCK, before the
 * guest's next instruction.
 * Return: 0, or 1 for #GP
 */
int lodge_pvclock_msr(struct lodge_vcpu *vcpu, u32 index, u64 *value, bool write)
{
	bool wall = index == MSR_KVM_WALL_CLOCK ||
		    index == MSR_KVM_WALL_CLOCK_NEW;

	if (!write) {
		*value = wall ? vcpu->msr->wall_clock : vcpu->pv_clock;
		return 0;
	}
	if (wall) {
		vcpu->msr->wall_clock = *value;
		if (!*value || !fits(*value, sizeof(struct pvclock_wall_clock)))
			return 0;
		WRITE_ONCE(vcpu->vm->wall_clock_gpa, *value);
	} else {
		vcpu->pv_clock = *value;
		if (!fits(*value & ~1ULL, sizeof(struct pvclock_vcpu_time_info)))
			vcpu->pv_clock &= ~1ULL;
	}
	lodge_vcpu_request(vcpu, REQ_CLOCK);
	return 0;
}

/* Ends the halt in which the vCPU with APIC ID @id waits for a spinlock. */
static void kick(struct lodge_vm *vm, u64 id)
{
	struct lodge_vcpu *target;

	if (id >= LODGE_MAX_VCPUS)
		return;
	id = array_index_nospec(id, LODGE_MAX_VCPUS);
	/* Pairs with lodge_vcpu_create(). */
	target = smp_load_acquire(&vm->vcpus[id]);
	if (!target)
		return;
	/* rcuwait_wake_up() in there orders this before its look at the task. */
	atomic_set(&target->pv_unhalted, 1);
	lodge_vcpu_kick(target);
}

/**
 * lodge_hypercall() - VMCALL or VMMCALL
 * @vcpu: the vCPU, by its own thread, with RIP behind the instruction
 *
 * KVM's convention: RAX is the number and, afterwards, the result; RBX, RCX,
 * RDX and RSI are the arguments.
 *
 * Context: must not sleep.
 * Return: NEXT_ENTER
 */
int lodge_hypercall(struct lodge_vcpu *vcpu)
{
	u64 *regs = vcpu->regs;
	struct lodge_segment cs;
	u64 nr = regs[REG_RAX], id = regs[REG_RCX];
	bool wide;
	long ret = 0;

	lodge_vendor->get_segment(vcpu, SEG_CS, &cs);
	wide = cs.l && (lodge_vendor->get_cr(vcpu, LODGE_CR_EFER) & EFER_LMA);
	if (!wide) {
		nr = (u32)nr;
		id = (u32)id;
	}

	if (lodge_cpl(vcpu)) {
		ret = -KVM_EPERM;
	} else {
		switch (nr) {
		case KVM_HC_VAPIC_POLL_IRQ:
			break;
		case KVM_HC_KICK_CPU:
			kick(vcpu->vm, id);
			break;
		default:
			ret = -KVM_ENOSYS;
			break;
		}
	}
	regs[REG_RAX] = wide ? (u64)ret : (u32)ret;
	return NEXT_ENTER;
}
