// SPDX-License-Identifier: GPL-2.0-only
/* How the first CPU begins: in real, protected or long mode. */
#include "vmm/boot_private.h"

#include <errno.h>
#include <string.h>

#define PTE_PRESENT		(1ULL << 0)
#define PTE_WRITE		(1ULL << 1)
#define PTE_HUGE		(1ULL << 7)

#define CR0_PE			(1ULL << 0)
#define CR0_ET			(1ULL << 4)
#define CR0_PG			(1ULL << 31)
#define CR4_PAE			(1ULL << 5)
#define EFER_LME		(1ULL << 8)
#define EFER_LMA		(1ULL << 10)
#define RFLAGS_FIXED		(1ULL << 1)

/* Registers of the local APIC, by their offset in its page */
#define APIC_SVR		0x0f0
#define APIC_LVT_LINT0		0x350
#define APIC_LVT_LINT1		0x360
#define APIC_ENABLED		0x1ffU
#define APIC_EXTINT		0x700U
#define APIC_NMI		0x400U

/*
 * Identity-mapped with 2 MiB pages up to 4 GiB: all that a kernel touches before
 * it has tables of its own.
 */
static void build_page_tables(uint8_t *low)
{
	uint64_t *pml4 = (uint64_t *)(low + PML4_ADDRESS);
	uint64_t *pdpt = (uint64_t *)(low + PDPT_ADDRESS);
	uint64_t *pd = (uint64_t *)(low + PD_ADDRESS);
	uint64_t i;

	pml4[0] = PDPT_ADDRESS | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4; i++)
		pdpt[i] = (PD_ADDRESS + i * PAGE) | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4 * 512ULL; i++)
		pd[i] = i << 21 | PTE_PRESENT | PTE_WRITE | PTE_HUGE;
}

/* Selectors 0x10 and 0x18, as Linux's protocol has them. */
static const uint64_t gdt64[] = {
	0,
	0,
	0x00af9b000000ffffULL,	/* code, 64-bit */
	0x00cf93000000ffffULL,	/* data */
	0x00008b0000000067ULL,	/* TSS, busy */
	0,
};

static const uint64_t gdt32[] = {
	0,
	0,
	0x00cf9b000000ffffULL,	/* code, 32-bit */
	0x00cf93000000ffffULL,	/* data */
	0x00008b0000000067ULL,	/* TSS, busy */
	0,
};

static const struct lodge_segment code64_segment = {
	.limit = 0xffffffff, .selector = 0x10, .type = 0xb, .s = 1,
	.present = 1, .l = 1, .g = 1,
};

static const struct lodge_segment code32_segment = {
	.limit = 0xffffffff, .selector = 0x10, .type = 0xb, .s = 1,
	.present = 1, .db = 1, .g = 1,
};

static const struct lodge_segment data_segment = {
	.limit = 0xffffffff, .selector = 0x18, .type = 0x3, .s = 1,
	.present = 1, .db = 1, .g = 1,
};

static const struct lodge_segment task_segment = {
	.limit = 0x67, .selector = 0x20, .type = 0xb, .present = 1,
};

static const struct lodge_segment code16_segment = {
	.limit = 0xffff, .type = 0xb, .s = 1, .present = 1,
};

static const struct lodge_segment data16_segment = {
	.limit = 0xffff, .type = 0x3, .s = 1, .present = 1,
};

static void set_data(struct lodge_sregs *sregs, const struct lodge_segment *data)
{
	sregs->ds = *data;
	sregs->es = *data;
	sregs->ss = *data;
	sregs->fs = *data;
	sregs->gs = *data;
}

static int get_sregs(struct vm *vm, struct lodge_sregs *sregs, struct error *error)
{
	if (vcpu_get_state(&vm->vcpus[0], LODGE_STATE_SREGS, sregs, sizeof(*sregs)))
		return error_set(error, errno, "cannot read the registers of guest CPU 0");
	return 0;
}

static int set_state(struct vm *vm, struct lodge_sregs *sregs,
		     struct lodge_regs *regs, struct error *error)
{
	struct vcpu *vcpu = &vm->vcpus[0];

	regs->rflags = RFLAGS_FIXED;
	if (vcpu_set_state(vcpu, LODGE_STATE_SREGS, sregs, sizeof(*sregs)) ||
	    vcpu_set_state(vcpu, LODGE_STATE_REGS, regs, sizeof(*regs)))
		return error_set(error, errno, "cannot set the registers of guest CPU 0");
	return 0;
}

static void set_tables(struct vm *vm, struct lodge_sregs *sregs,
		       const uint64_t *gdt, size_t size)
{
	memcpy(vm_memory(vm, GDT_ADDRESS, size), gdt, size);
	sregs->gdt.base = GDT_ADDRESS;
	sregs->gdt.limit = (uint16_t)(size - 1);
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
	sregs->tr = task_segment;
	memset(&sregs->ldt, 0, sizeof(sregs->ldt));
	sregs->ldt.unusable = 1;
	sregs->ldt.type = 2;
}

int boot_enter_long(struct vm *vm, uint64_t rip, uint64_t rsi,
		    struct error *error)
{
	struct lodge_regs regs = { .rip = rip, .rsi = rsi };
	struct lodge_sregs sregs;

	if (get_sregs(vm, &sregs, error))
		return -1;
	build_page_tables(vm_memory(vm, 0, MEGABYTE));
	set_tables(vm, &sregs, gdt64, sizeof(gdt64));
	sregs.cs = code64_segment;
	set_data(&sregs, &data_segment);
	sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs.cr3 = PML4_ADDRESS;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	return set_state(vm, &sregs, &regs, error);
}

int boot_enter_protected(struct vm *vm, const struct boot_registers *r,
			 struct error *error)
{
	struct lodge_regs regs = {
		.rip = r->eip, .rax = r->eax, .rbx = r->ebx, .rsi = r->esi,
	};
	struct lodge_sregs sregs;

	if (get_sregs(vm, &sregs, error))
		return -1;
	set_tables(vm, &sregs, gdt32, sizeof(gdt32));
	sregs.cs = code32_segment;
	set_data(&sregs, &data_segment);
	sregs.cr0 = CR0_PE | CR0_ET;
	sregs.cr3 = 0;
	sregs.cr4 = 0;
	sregs.efer = 0;
	return set_state(vm, &sregs, &regs, error);
}

int boot_enter_real(struct vm *vm, uint16_t ip, struct error *error)
{
	struct lodge_regs regs = { .rip = ip, .rsp = ip };
	struct lodge_sregs sregs;

	if (get_sregs(vm, &sregs, error))
		return -1;
	sregs.cs = code16_segment;
	set_data(&sregs, &data16_segment);
	sregs.idt.base = 0;
	sregs.idt.limit = 0x3ff;
	sregs.cr0 = CR0_ET;
	return set_state(vm, &sregs, &regs, error);
}

static void put_register(struct lodge_lapic_state *apic, unsigned int offset,
			 uint32_t value)
{
	memcpy(apic->regs + offset, &value, sizeof(value));
}

int boot_wire_apic(struct vm *vm, struct error *error)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	struct lodge_lapic_state apic;

	if (vcpu_get_state(vcpu, LODGE_STATE_LAPIC, &apic, sizeof(apic)))
		return error_set(error, errno, "cannot read the local APIC of guest CPU 0");
	put_register(&apic, APIC_SVR, APIC_ENABLED);
	put_register(&apic, APIC_LVT_LINT0, APIC_EXTINT);
	put_register(&apic, APIC_LVT_LINT1, APIC_NMI);
	if (vcpu_set_state(vcpu, LODGE_STATE_LAPIC, &apic, sizeof(apic)))
		return error_set(error, errno, "cannot set the local APIC of guest CPU 0");
	return 0;
}
