/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's interrupt controllers, built as a program, with four vCPUs that
 * do what the test says.  Needs no /dev/lodge.
 */
#ifndef LODGE_APIC_FIXTURE_H
#define LODGE_APIC_FIXTURE_H

#include "kselftest_harness.h"
#include "kernel_shim.h"
#include "../kmod/vm/irq.c"
#include "../kmod/vm/lapic.c"
#include "../kmod/vm/lapic_deliver.c"
#include "../kmod/vm/lapic_timer.c"
#define state_valid lapic_state_valid
#include "../kmod/vm/lapic_state.c"
#undef state_valid
#define state_valid ioapic_state_valid
#include "../kmod/vm/ioapic.c"
#undef state_valid
#include "../kmod/vm/pic.c"
#define state_valid pit_state_valid
#include "../kmod/vm/pit.c"
#undef state_valid

#define NR_TEST_VCPUS	4
#define X2(reg)		(APIC_FIRST_MSR + (reg))
#define MS		1000000ULL

u64 shim_now;
static struct lodge_vm vm;
static struct lodge_vcpu vcpus[NR_TEST_VCPUS];
static int kicks, resampled;

void lodge_vcpu_request(struct lodge_vcpu *vcpu, enum lodge_request req)
{
	vcpu->requests |= BIT(req);
}

void lodge_vcpu_kick(struct lodge_vcpu *vcpu)
{
	kicks++;
}

u32 lodge_phys_bits(void)
{
	return 40;
}

/* The device is still at it: it asserts the pin again. */
void lodge_irqfd_resample(struct lodge_vm *vm, u32 gsi)
{
	/* Eventfds must not be signalled under the lock. */
	if (vm->ioapic->lock.locked || (vm->pic && vm->pic->lock.locked))
		abort();
	if (resampled++ < 3)
		lodge_irq_set_line(vm, gsi, true, IRQ_SOURCE_RESAMPLE);
}

static inline void setup(void)
{
	int i;

	memset(&vm, 0, sizeof(vm));
	memset(vcpus, 0, sizeof(vcpus));
	shim_now = 1000000000;
	kicks = 0;
	resampled = 0;
	lodge_ioapic_create(&vm);
	for (i = 0; i < NR_TEST_VCPUS; i++) {
		vcpus[i].vm = &vm;
		vcpus[i].id = i;
		atomic_set(&vcpus[i].sipi_vector, -1);
		lodge_lapic_create(&vcpus[i]);
		vm.vcpus[i] = &vcpus[i];
		vm.nr_vcpus++;
	}
}

static inline void teardown(void)
{
	int i;

	for (i = 0; i < NR_TEST_VCPUS; i++)
		lodge_lapic_destroy(&vcpus[i]);
	lodge_pit_destroy(&vm);
	lodge_pic_destroy(&vm);
	lodge_ioapic_destroy(&vm);
}

static inline int wr(int cpu, u32 msr, u64 value)
{
	return lodge_lapic_msr(&vcpus[cpu], msr, &value, true);
}

static inline u64 rd(int cpu, u32 msr)
{
	u64 value = ~0ULL;

	return lodge_lapic_msr(&vcpus[cpu], msr, &value, false) ? ~0ULL : value;
}

static inline void mmio_wr(int cpu, u32 reg, u32 value)
{
	lodge_lapic_mmio(&vcpus[cpu], APIC_BASE_RESET + reg * 16, &value, 4, true);
}

static inline u32 mmio_rd(int cpu, u32 reg)
{
	u32 value = 0xdeadbeef;

	lodge_lapic_mmio(&vcpus[cpu], APIC_BASE_RESET + reg * 16, &value, 4, false);
	return value;
}

static inline void enable_xapic(void)
{
	int i;

	for (i = 0; i < NR_TEST_VCPUS; i++)
		mmio_wr(i, LAPIC_SVR, SVR_ENABLED | 0xff);
}

static inline void enable_x2apic(void)
{
	int i;

	for (i = 0; i < NR_TEST_VCPUS; i++) {
		wr(i, MSR_IA32_APICBASE,
		   vcpus[i].apic_base | APIC_BASE_X2APIC);
		wr(i, X2(LAPIC_SVR), SVR_ENABLED | 0xff);
	}
}

static inline int next(int cpu)
{
	vcpus[cpu].requests = 0;
	return lodge_lapic_next_irq(&vcpus[cpu]);
}

/* The guest takes what is next: which vector? */
static inline int take(int cpu)
{
	int vector = next(cpu);

	if (vector >= 0)
		lodge_lapic_ack(&vcpus[cpu], vector);
	return vector;
}

/* A bit for each vCPU that got the vector; it is taken and ended. */
static inline int who_got(int vector)
{
	int i, who = 0;

	for (i = 0; i < NR_TEST_VCPUS; i++) {
		if (next(i) != vector)
			continue;
		lodge_lapic_ack(&vcpus[i], vector);
		if (lapic_x2apic(&vcpus[i]))
			wr(i, X2(LAPIC_EOI), 0);
		else
			mmio_wr(i, LAPIC_EOI, 0);
		who |= 1 << i;
	}
	return who;
}

/* Moves time; timers expire on their way. */
static inline void advance(u64 ns)
{
	u64 end = shim_now + ns;
	struct hrtimer *first;
	int i;

	for (;;) {
		first = NULL;
		for (i = 0; i < NR_TEST_VCPUS; i++) {
			struct hrtimer *t = &vcpus[i].lapic->hrtimer;

			if (t->queued && t->expires <= end &&
			    (!first || t->expires < first->expires))
				first = t;
		}
		if (vm.pit && vm.pit->hrtimer.queued &&
		    vm.pit->hrtimer.expires <= end &&
		    (!first || vm.pit->hrtimer.expires < first->expires))
			first = &vm.pit->hrtimer;
		if (!first)
			break;
		if ((u64)first->expires > shim_now)
			shim_now = first->expires;
		first->queued = false;
		first->function(first);
	}
	shim_now = end;
}

static inline int msi(u32 dest, u32 low, u32 data)
{
	return lodge_irq_msi(&vm, 0xfee00000 | dest << 12 | low, data);
}

static inline void redir(int pin, u64 entry)
{
	u32 reg, value;

	reg = IOAPIC_REDIR + 2 * pin + 1;
	value = entry >> 32;
	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE, &reg, 4, true);
	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0x10, &value, 4, true);
	reg--;
	value = entry;
	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE, &reg, 4, true);
	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0x10, &value, 4, true);
}

static inline u32 ioapic_reg(u32 reg)
{
	u32 value;

	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE, &reg, 4, true);
	lodge_ioapic_mmio(&vm, LODGE_IOAPIC_BASE + 0x10, &value, 4, false);
	return value;
}

static inline void line(int pin, bool level)
{
	lodge_ioapic_set_line(&vm, pin, level, IRQ_SOURCE_USER);
}

#endif /* LODGE_APIC_FIXTURE_H */
