// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit costs: the same guest code under Lodge and under the kernel's
 * KVM, both driven by the barest loop there is.
 *
 *   bench-exits [--save FILE]           measures Lodge
 *   bench-exits --kvm [--compare FILE]  measures KVM, and prints both
 *
 * The unit is a tick of the time stamp counter, which is one instruction in a
 * test machine that counts instructions (scripts/testvm --icount), and time
 * elsewhere.  A figure is the mean of ROUNDS exits in a row, without the loop
 * around them.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/lodge.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUNDS		1000
#define MEMORY		0x400000
#define CODE		0x10000
#define PML4		0x1000
#define PORT_RESULT	0xe8
#define PORT_READ	0x10
#define MMIO		0xd0000000

/*
 * Each part runs twice: the first time fills caches and nested page tables.
 * Result: ticks for ROUNDS turns, written to PORT_RESULT.
 */
#define MEASURE(body)				\
	"	mov $2, %r12d\n"		\
	"1:	rdtsc\n"			\
	"	mov %eax, %r13d\n"		\
	"	mov $1000, %r14d\n"		\
	"2:\n"	body				\
	"	dec %r14d\n"			\
	"	jnz 2b\n"			\
	"	rdtsc\n"			\
	"	sub %r13d, %eax\n"		\
	"	dec %r12d\n"			\
	"	jnz 1b\n"			\
	"	out %eax, $0xe8\n"

asm(".pushsection .rodata\n"
    "guest_code:\n"
    MEASURE("")
    MEASURE("	xor %eax, %eax\n	cpuid\n")
    MEASURE("	mov $0x1b, %ecx\n	rdmsr\n")
    MEASURE("	in $0x10, %al\n")
    MEASURE("	mov (%rsi), %eax\n")
    "	hlt\n"
    "guest_code_end:\n"
    ".popsection\n");
extern const char guest_code[], guest_code_end[];

static const struct {
	const char *name;
	int loop;	/* instructions that are the loop's, beyond the empty one's */
} parts[] = {
	{ "empty loop", 0 },
	{ "CPUID", 1 },
	{ "RDMSR of IA32_APIC_BASE", 1 },
	{ "port read answered by the program", 0 },
	{ "MMIO read answered by the program", 0 },
};

#define NR_PARTS	((int)(sizeof(parts) / sizeof(parts[0])))

static double results[NR_PARTS], others[NR_PARTS];

static char *make_memory(void)
{
	char *mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *pml4 = (void *)(mem + PML4);
	uint64_t *pdpt = (void *)(mem + PML4 + 0x1000);
	uint64_t *pd = (void *)(mem + PML4 + 0x2000);
	uint64_t i;

	if (mem == MAP_FAILED)
		err(1, "mmap");
	/* Like a kernel's: four levels, the last one of 4 KiB pages. */
	pml4[0] = (PML4 + 0x1000) | 3;
	pdpt[0] = (PML4 + 0x2000) | 3;
	pdpt[MMIO >> 30] = (MMIO & ~0x3fffffffULL) | 0x83;
	pd[0] = (PML4 + 0x3000) | 3;
	for (i = 0; i < 512; i++)
		((uint64_t *)(mem + PML4 + 0x3000))[i] = i << 12 | 3;
	memcpy(mem + CODE, guest_code, guest_code_end - guest_code);
	return mem;
}

/* A result of the guest's.  True when it was the last. */
static bool take(int part, uint32_t ticks)
{
	results[part] = (double)ticks / ROUNDS;
	if (part)
		results[part] -= results[0] + parts[part].loop;
	return part == NR_PARTS - 1;
}

static void bench_lodge(void)
{
	struct lodge_create_vm create = { .size = sizeof(create) };
	struct lodge_create_vcpu create_vcpu = { .size = sizeof(create_vcpu) };
	struct lodge_memory memory = {
		.size = sizeof(memory),
		.length = MEMORY,
		.host_addr = (uintptr_t)make_memory(),
	};
	struct lodge_sregs sregs;
	struct lodge_regs regs = { .rip = CODE, .rflags = 2, .rsi = MMIO };
	struct lodge_state state = {
		.size = sizeof(state),
		.kind = LODGE_STATE_SREGS,
		.data = (uintptr_t)&sregs,
		.data_size = sizeof(sregs),
	};
	struct lodge_run *run;
	int dev, vm, vcpu, part = 0;

	dev = open("/dev/lodge", O_RDWR);
	if (dev < 0)
		err(1, "/dev/lodge");
	vm = ioctl(dev, LODGE_CREATE_VM, &create);
	if (vm < 0 || ioctl(vm, LODGE_SET_MEMORY, &memory))
		err(1, "cannot make a VM");
	vcpu = ioctl(vm, LODGE_CREATE_VCPU, &create_vcpu);
	if (vcpu < 0 || ioctl(vcpu, LODGE_GET_STATE, &state))
		err(1, "cannot make a vCPU");
	run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap of the vCPU");

	sregs.cs.base = 0;
	sregs.cs.limit = ~0U;
	sregs.cs.l = 1;
	sregs.cs.g = 1;
	sregs.cr0 = 0x80010033;
	sregs.cr3 = PML4;
	sregs.cr4 = 0x620;
	sregs.efer = 0x500;
	if (ioctl(vcpu, LODGE_SET_STATE, &state))
		err(1, "LODGE_STATE_SREGS");
	state.kind = LODGE_STATE_REGS;
	state.data = (uintptr_t)&regs;
	state.data_size = sizeof(regs);
	if (ioctl(vcpu, LODGE_SET_STATE, &state))
		err(1, "LODGE_STATE_REGS");

	for (;;) {
		if (ioctl(vcpu, LODGE_RUN, 0))
			err(1, "LODGE_RUN");
		switch (run->exit_reason) {
		case LODGE_EXIT_IO:
			if (run->io.direction == LODGE_IO_IN)
				run->io.data = 1;
			else if (take(part++, run->io.data))
				return;
			break;
		case LODGE_EXIT_MMIO:
			run->mmio.data[0] = 1;
			break;
		default:
			errx(1, "unexpected exit %u: %s", run->exit_reason,
			     run->fail.reason);
		}
	}
}

static void bench_kvm(void)
{
	struct kvm_userspace_memory_region memory = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)make_memory(),
	};
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[128];
	} cpuid = { .head.nent = 128 };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rsi = MMIO };
	struct kvm_sregs sregs;
	struct kvm_run *run;
	int dev, vm, vcpu, size, part = 0;
	char *data;

	dev = open("/dev/kvm", O_RDWR);
	if (dev < 0)
		err(1, "/dev/kvm");
	vm = ioctl(dev, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) ||
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &memory))
		err(1, "cannot make a VM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(dev, KVM_GET_SUPPORTED_CPUID, &cpuid) ||
	    ioctl(vcpu, KVM_SET_CPUID2, &cpuid) ||
	    ioctl(vcpu, KVM_GET_SREGS, &sregs))
		err(1, "cannot make a vCPU");
	size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap of the vCPU");

	sregs.cs.base = 0;
	sregs.cs.limit = ~0U;
	sregs.cs.l = 1;
	sregs.cs.g = 1;
	sregs.cr0 = 0x80010033;
	sregs.cr3 = PML4;
	sregs.cr4 = 0x620;
	sregs.efer = 0x500;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu, KVM_SET_REGS, &regs))
		err(1, "cannot set the registers");

	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0))
			err(1, "KVM_RUN");
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			data = (char *)run + run->io.data_offset;
			if (run->io.direction == KVM_EXIT_IO_IN)
				*data = 1;
			else if (take(part++, *(uint32_t *)data))
				return;
			break;
		case KVM_EXIT_MMIO:
			run->mmio.data[0] = 1;
			break;
		default:
			errx(1, "unexpected exit %u", run->exit_reason);
		}
	}
}

static void print_table(bool kvm, bool compare)
{
	const double *lodge = kvm ? others : results;
	int i;

	printf("%-36s %9s %9s %7s\n", "ticks an exit", "Lodge", "KVM", "ratio");
	for (i = 1; i < NR_PARTS; i++) {
		printf("%-36s", parts[i].name);
		if (!kvm || compare)
			printf(" %9.0f", lodge[i]);
		else
			printf(" %9s", "-");
		if (kvm)
			printf(" %9.0f", results[i]);
		else
			printf(" %9s", "-");
		if (kvm && compare)
			printf(" %7.2f", lodge[i] / results[i]);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	const char *save = NULL, *compare = NULL;
	bool kvm = false;
	FILE *f;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--kvm"))
			kvm = true;
		else if (!strcmp(argv[i], "--save") && i + 1 < argc)
			save = argv[++i];
		else if (!strcmp(argv[i], "--compare") && i + 1 < argc)
			compare = argv[++i];
		else
			errx(2, "usage: bench-exits [--save FILE] | --kvm [--compare FILE]");
	}

	if (kvm)
		bench_kvm();
	else
		bench_lodge();

	if (compare) {
		f = fopen(compare, "r");
		if (!f || fread(others, sizeof(others), 1, f) != 1)
			err(1, "%s", compare);
		fclose(f);
	}
	if (save) {
		f = fopen(save, "w");
		if (!f || fwrite(results, sizeof(results), 1, f) != 1 || fclose(f))
			err(1, "%s", save);
	} else {
		print_table(kvm, compare);
	}
	return 0;
}
