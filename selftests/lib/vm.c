// SPDX-License-Identifier: GPL-2.0-only
/* The test's side: makes guests, starts them and hears what they say. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "vm.h"

extern const char guest_vectors[], guest_vectors32[], guest_return[];
extern const Elf64_Ehdr __ehdr_start;

void die(const char *file, int line, const char *what)
{
	int err = errno;

	fflush(stdout);
	fprintf(stderr, "# %s:%d: %s: %s\n", file, line, what, strerror(err));
	abort();
}

int lodge_open(void)
{
	return CHECK(open("/dev/lodge", O_RDWR | O_CLOEXEC));
}

const struct lodge_info *lodge_get_info(void)
{
	static struct lodge_info info;
	int fd;

	if (!info.size) {
		info.size = sizeof(info);
		fd = lodge_open();
		CHECK(ioctl(fd, LODGE_GET_INFO, &info));
		close(fd);
	}
	return &info;
}

void *map_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die(__FILE__, __LINE__, "mmap");
	return p;
}

int vm_slot(struct vm *vm, u32 slot, u64 gpa, u64 size, const void *host,
	    u32 flags)
{
	struct lodge_memory memory = {
		.size = sizeof(memory),
		.slot = slot,
		.flags = flags,
		.guest_addr = gpa,
		.length = size,
		.host_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, LODGE_SET_MEMORY, &memory) ? -errno : 0;
}

static struct vm *new_named(const char *name, u32 flags)
{
	struct lodge_create_vm args = { .size = sizeof(args), .flags = flags };
	struct vm *vm = calloc(1, sizeof(*vm));
	int dev = lodge_open();
	int i;

	if (!vm)
		die(__FILE__, __LINE__, "calloc");
	memcpy(args.name, name, strlen(name));
	vm->fd = CHECK(ioctl(dev, LODGE_CREATE_VM, &args));
	close(dev);
	for (i = 0; i < LODGE_MAX_VCPUS; i++)
		vm->vcpus[i].fd = -1;
	return vm;
}

struct vm *vm_new(void)
{
	return new_named("", 0);
}

static void put64(struct vm *vm, u64 gpa, u64 value)
{
	memcpy(vm->mem + gpa, &value, sizeof(value));
}

static void put32(struct vm *vm, u64 gpa, u32 value)
{
	memcpy(vm->mem + gpa, &value, sizeof(value));
}

static void make_page_tables(struct vm *vm)
{
	const u64 table = 7, huge = 0x87;	/* present, writable, user */
	int i;

	put64(vm, G_PML5, G_PML4 | table);
	put64(vm, G_PML4, G_PDPT | table);
	for (i = 0; i < 4; i++) {
		put64(vm, G_PDPT + 8 * i, (G_PD + 0x1000 * i) | table);
		put64(vm, G_PAE_PDPT + 8 * i, (G_PD + 0x1000 * i) | 1);
	}
	for (i = 0; i < 2048; i++)
		put64(vm, G_PD + 8 * i, ((u64)i << 21) | huge);
	for (i = 0; i < 1024; i++)
		put32(vm, G_PD32 + 4 * i, ((u32)i << 22) | huge);
}

static void make_gate(struct vm *vm, u64 idt, int vector, uintptr_t to)
{
	put64(vm, idt + 16 * vector, (to & 0xffff) | SEL_CODE64 << 16 |
	      0x8e00ULL << 32 | (to >> 16 & 0xffff) << 48);
	put64(vm, idt + 16 * vector + 8, to >> 32);
}

static void make_descriptors(struct vm *vm)
{
	static const u64 gdt[] = {
		[SEL_CODE64 / 8] = 0x00af9b000000ffff,
		[SEL_DATA / 8] = 0x00cf93000000ffff,
		[SEL_TSS / 8] = 0x00008b0000000067 | (u64)G_TSS << 16,
		[SEL_CODE32 / 8] = 0x00cf9b000000ffff,
		[SEL_CODE16 / 8] = 0x00009b000000ffff | (u64)G_LOW << 16,
		[SEL_DATA16 / 8] = 0x000093000000ffff,
		[SEL_USER_DATA / 8] = 0x00cff3000000ffff,
		[SEL_USER_CODE64 / 8] = 0x00affb000000ffff,
		[SEL_USER_CODE32 / 8] = 0x00cffb000000ffff,
		[SEL_ABSENT / 8] = 0x00cf13000000ffff,
		[SEL_SMALL / 8] = 0x0040930000000fff,
		[15] = 0,
	};
	uintptr_t to;
	int i;

	memcpy(vm->mem + G_GDT, gdt, sizeof(gdt));
	for (i = 0; i < 256; i++)
		make_gate(vm, G_IDT, i, (uintptr_t)guest_vectors + 16 * i);
	for (i = 0; i < 32; i++) {
		to = (uintptr_t)guest_vectors32 + 16 * i;
		put64(vm, G_IDT32 + 8 * i, (to & 0xffff) | SEL_CODE32 << 16 |
		      0x8e00ULL << 32 | (to >> 16 & 0xffff) << 48);
	}
	for (i = 0; i < LODGE_MAX_VCPUS; i++) {
		put64(vm, G_TSS + 0x100 * i + 4,
		      G_STACKS + G_STACK_SIZE * i + 0x6000);
		put64(vm, G_TSS + 0x100 * i + 0x24,
		      G_STACKS + G_STACK_SIZE * i + 0x3000);
		/* the map of ports begins behind the limit: there is none */
		put32(vm, G_TSS + 0x100 * i + 0x64, 0x68 << 16);
	}
}

static void copy_program(struct vm *vm)
{
	const Elf64_Phdr *phdr = (const void *)((const char *)&__ehdr_start +
						__ehdr_start.e_phoff);
	int i;

	for (i = 0; i < __ehdr_start.e_phnum; i++, phdr++) {
		if (phdr->p_type != PT_LOAD)
			continue;
		if (phdr->p_vaddr < G_FREE_END ||
		    phdr->p_vaddr + phdr->p_memsz > G_STACKS) {
			errno = EFBIG;
			die(__FILE__, __LINE__, "program is not where guests expect it");
		}
		memcpy(vm->mem + phdr->p_vaddr, (const void *)phdr->p_vaddr,
		       phdr->p_memsz);
	}
}

static struct vm *create(const char *name, u32 flags)
{
	struct vm *vm = new_named(name, flags);
	int i;

	vm->size = G_MEMORY;
	vm->mem = map_pages(vm->size);
	for (i = 0; i < GUEST_CPUS; i++)
		guest_cpu_area[i][0] = i;
	make_page_tables(vm);
	make_descriptors(vm);
	copy_program(vm);
	errno = -vm_slot(vm, 0, 0, vm->size, vm->mem, 0);
	if (errno)
		die(__FILE__, __LINE__, "LODGE_SET_MEMORY");
	return vm;
}

struct vm *vm_create_named(const char *name)
{
	return create(name, 0);
}

struct vm *vm_create_flags(u32 flags)
{
	return create("", flags);
}

struct vm *vm_create(void)
{
	return create("", 0);
}

void vcpu_close(struct vcpu *c)
{
	if (c->fd < 0)
		return;
	munmap(c->run, lodge_get_info()->run_size);
	close(c->fd);
	c->fd = -1;
}

void vm_free(struct vm *vm)
{
	int i;

	for (i = 0; i < LODGE_MAX_VCPUS; i++)
		vcpu_close(&vm->vcpus[i]);
	close(vm->fd);
	if (vm->mem)
		munmap(vm->mem, vm->size);
	free(vm);
}

struct vcpu *vcpu_create(struct vm *vm, int id)
{
	struct lodge_create_vcpu args = { .size = sizeof(args), .id = id };
	struct vcpu *c = &vm->vcpus[id];

	c->vm = vm;
	c->id = id;
	c->fd = CHECK(ioctl(vm->fd, LODGE_CREATE_VCPU, &args));
	c->run = mmap(NULL, lodge_get_info()->run_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED, c->fd, 0);
	if (c->run == MAP_FAILED)
		die(__FILE__, __LINE__, "mmap of a vCPU");
	return c;
}

static int state(int fd, unsigned long request, u32 kind, const void *data,
		 u32 size)
{
	struct lodge_state args = {
		.size = sizeof(args),
		.kind = kind,
		.data = (uintptr_t)data,
		.data_size = size,
	};

	return ioctl(fd, request, &args) ? -errno : 0;
}

int vcpu_get(struct vcpu *c, u32 kind, void *data, u32 size)
{
	return state(c->fd, LODGE_GET_STATE, kind, data, size);
}

int vcpu_set(struct vcpu *c, u32 kind, const void *data, u32 size)
{
	return state(c->fd, LODGE_SET_STATE, kind, data, size);
}

int vm_get(struct vm *vm, u32 kind, void *data, u32 size)
{
	return state(vm->fd, LODGE_GET_STATE, kind, data, size);
}

int vm_set(struct vm *vm, u32 kind, const void *data, u32 size)
{
	return state(vm->fd, LODGE_SET_STATE, kind, data, size);
}

int vm_irq_line(struct vm *vm, u32 gsi, u32 level)
{
	struct lodge_irq_line args = {
		.size = sizeof(args), .gsi = gsi, .level = level,
	};

	return ioctl(vm->fd, LODGE_IRQ_LINE, &args) ? -errno : 0;
}

int vm_msi(struct vm *vm, u64 address, u32 data)
{
	struct lodge_msi args = {
		.size = sizeof(args), .address = address, .data = data,
	};
	int ret = ioctl(vm->fd, LODGE_SIGNAL_MSI, &args);

	return ret < 0 ? -errno : ret;
}

static void must(int ret, const char *what)
{
	errno = -ret;
	if (ret)
		die(__FILE__, __LINE__, what);
}

u64 vcpu_get_msr(struct vcpu *c, u32 index)
{
	struct lodge_msrs msrs = { .count = 1, .entries = { { .index = index } } };

	must(vcpu_get(c, LODGE_STATE_MSRS, &msrs, sizeof(msrs)), "get of an MSR");
	return msrs.entries[0].value;
}

int vcpu_set_msr(struct vcpu *c, u32 index, u64 value)
{
	struct lodge_msrs msrs = {
		.count = 1,
		.entries = { { .index = index, .value = value } },
	};

	return vcpu_set(c, LODGE_STATE_MSRS, &msrs, sizeof(msrs));
}

void vcpu_set_mp(struct vcpu *c, u32 mp_state)
{
	struct lodge_events events;

	must(vcpu_get(c, LODGE_STATE_EVENTS, &events, sizeof(events)), "get events");
	events.mp_state = mp_state;
	must(vcpu_set(c, LODGE_STATE_EVENTS, &events, sizeof(events)), "set events");
}

static struct lodge_segment code_segment(u16 selector, int l, int db)
{
	return (struct lodge_segment) {
		.limit = 0xffffffff, .selector = selector, .type = 0xb, .s = 1,
		.present = 1, .l = l, .db = db, .g = 1,
	};
}

static struct lodge_segment data_segment(u16 selector)
{
	return (struct lodge_segment) {
		.limit = 0xffffffff, .selector = selector, .type = 3, .s = 1,
		.present = 1, .db = 1, .g = 1,
	};
}

static void start(struct vcpu *c, const struct lodge_sregs *sregs, u64 rip,
		  u64 rsp, u64 rdi)
{
	struct lodge_regs regs = {
		.rip = rip, .rsp = rsp, .rdi = rdi, .rflags = 2,
	};
	struct lodge_events events = { .mp_state = LODGE_MP_RUNNABLE };

	must(vcpu_set(c, LODGE_STATE_SREGS, sregs, sizeof(*sregs)), "set sregs");
	must(vcpu_set(c, LODGE_STATE_REGS, &regs, sizeof(regs)), "set regs");
	/* Nothing is left of what it did before, and no SIPI is needed. */
	must(vcpu_set(c, LODGE_STATE_EVENTS, &events, sizeof(events)), "set events");
}

static void flat(struct vcpu *c, struct lodge_sregs *s)
{
	must(vcpu_get(c, LODGE_STATE_SREGS, s, sizeof(*s)), "get sregs");
	s->ds = data_segment(SEL_DATA);
	s->es = s->ds;
	s->ss = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	s->tr = (struct lodge_segment) {
		.base = G_TSS + 0x100 * c->id, .limit = 0x67,
		.selector = SEL_TSS, .type = 0xb, .present = 1,
	};
	s->ldt = (struct lodge_segment) { .type = 2, .unusable = 1 };
	s->gdt = (struct lodge_table) { .base = G_GDT, .limit = 0x7f };
	s->idt = (struct lodge_table) { .base = G_IDT, .limit = 0xfff };
}

static u64 stack_top(struct vcpu *c)
{
	return G_STACKS + G_STACK_SIZE * (c->id + 1) - 16;
}

static void start64(struct vcpu *c, void (*fn)(u64), u64 arg, bool la57)
{
	u64 rsp = stack_top(c) - 8;
	struct lodge_sregs s;

	flat(c, &s);
	s.cs = code_segment(SEL_CODE64, 1, 0);
	s.gs.base = (uintptr_t)guest_cpu_area[c->id];
	s.cr0 = 0x80050033;	/* PG, AM, WP, NE, ET, MP, PE */
	s.cr3 = la57 ? G_PML5 : G_PML4;
	s.cr4 = 0x620 | (la57 ? 0x1000 : 0);	/* OSXMMEXCPT, OSFXSR, PAE */
	s.efer = 0xd01;		/* NXE, LMA, LME, SCE */
	put64(c->vm, rsp, (uintptr_t)guest_return);
	start(c, &s, (uintptr_t)fn, rsp, arg);
}

void vcpu_start64(struct vcpu *c, void (*fn)(u64), u64 arg)
{
	start64(c, fn, arg, false);
}

void vcpu_start64_la57(struct vcpu *c, void (*fn)(u64), u64 arg)
{
	start64(c, fn, arg, true);
}

void vcpu_start32(struct vcpu *c, const void *code, enum paging32 paging)
{
	struct lodge_sregs s;

	flat(c, &s);
	s.cs = code_segment(SEL_CODE32, 0, 1);
	s.idt = (struct lodge_table) { .base = G_IDT32, .limit = 0xff };
	s.cr0 = 0x33;		/* NE, ET, MP, PE */
	s.cr4 = 0x600;
	s.efer = 0;
	if (paging == PAGING_32) {
		s.cr0 |= 0x80010000;
		s.cr3 = G_PD32;
		s.cr4 |= 0x10;	/* PSE */
	} else if (paging == PAGING_PAE) {
		s.cr0 |= 0x80010000;
		s.cr3 = G_PAE_PDPT;
		s.cr4 |= 0x20;
	}
	start(c, &s, (uintptr_t)code, stack_top(c), 0);
}

void vcpu_start16(struct vcpu *c, const void *code, const void *end)
{
	struct lodge_segment data = {
		.limit = 0xffff, .type = 3, .s = 1, .present = 1,
	};
	struct lodge_sregs s;

	memcpy(c->vm->mem + G_LOW, code, (const char *)end - (const char *)code);
	must(vcpu_get(c, LODGE_STATE_SREGS, &s, sizeof(s)), "get sregs");
	s.ds = data;
	s.es = data;
	s.ss = data;
	s.fs = data;
	s.gs = data;
	s.cs = data;
	s.cs.type = 0xb;
	s.cs.selector = G_LOW >> 4;
	s.cs.base = G_LOW;
	s.gdt = (struct lodge_table) { .limit = 0xffff };
	s.idt = (struct lodge_table) { .limit = 0x3ff };
	s.cr0 = 0x10;
	s.cr4 = 0;
	s.efer = 0;
	start(c, &s, 0, 0xf000, 0);
}

int vcpu_run(struct vcpu *c)
{
	return ioctl(c->fd, LODGE_RUN, 0) ? -errno : 0;
}

static const char *const exit_names[] = {
	"NONE", "INTR", "IO", "MMIO", "SHUTDOWN", "FAIL_ENTRY", "INTERNAL",
	"MEMORY",
};

/* A guest that went wrong: where its tables are, and what the host sees there. */
static void describe_tables(struct vcpu *c, char *text, size_t size)
{
	struct lodge_sregs s;
	u64 pml4 = 0;

	if (vcpu_get(c, LODGE_STATE_SREGS, &s, sizeof(s)))
		return;
	if (s.cr3 < G_MEMORY)
		memcpy(&pml4, c->vm->mem + s.cr3, sizeof(pml4));
	snprintf(text, size, " (cr0 %#llx cr2 %#llx cr3 %#llx: %#llx, cr4 %#llx efer %#llx cs %#x idt %#llx)",
		 (unsigned long long)s.cr0, (unsigned long long)s.cr2,
		 (unsigned long long)s.cr3, (unsigned long long)pml4,
		 (unsigned long long)s.cr4, (unsigned long long)s.efer,
		 s.cs.selector, (unsigned long long)s.idt.base);
}

const char *guest_describe(struct vcpu *c)
{
	static char text[500];
	struct lodge_run *run = c->run;
	u32 reason = run->exit_reason;
	int n;

	n = snprintf(text, sizeof(text), "exit %s (code %#llx) ",
		     reason < 8 ? exit_names[reason] : "?",
		     (unsigned long long)run->vendor_code);
	switch (reason) {
	case LODGE_EXIT_IO:
		snprintf(text + n, sizeof(text) - n, "%s port %#x width %u data %#x",
			 run->io.direction ? "out" : "in", run->io.port,
			 run->io.width, run->io.data);
		break;
	case LODGE_EXIT_MMIO:
		snprintf(text + n, sizeof(text) - n, "%s %#llx width %u",
			 run->mmio.is_write ? "write" : "read",
			 (unsigned long long)run->mmio.addr, run->mmio.width);
		break;
	case LODGE_EXIT_MEMORY:
		snprintf(text + n, sizeof(text) - n, "%s %#llx error %d",
			 run->memory.is_write ? "write" : "read",
			 (unsigned long long)run->memory.addr, run->memory.error);
		break;
	default:
		n += snprintf(text + n, sizeof(text) - n, "rip %#llx: %.92s",
			      (unsigned long long)run->fail.rip, run->fail.reason);
		describe_tables(c, text + n, sizeof(text) - n);
	}
	return text;
}

static void print_failure(struct vcpu *c, u16 port)
{
	const struct guest_mail *mail =
		(const void *)(c->vm->mem + (uintptr_t)&guest_mail[c->id]);

	if (port == PORT_ASSERT)
		fprintf(stderr, "# %s:%d: guest vCPU %d: not so: %s (%#llx, %#llx)\n",
			mail->file, (int)mail->line, c->id, mail->what,
			(unsigned long long)mail->value[0],
			(unsigned long long)mail->value[1]);
	else
		fprintf(stderr, "# guest vCPU %d: unexpected vector %llu error %#llx rip %#llx cr2 %#llx\n",
			c->id, (unsigned long long)mail->value[0],
			(unsigned long long)mail->value[1],
			(unsigned long long)mail->value[2],
			(unsigned long long)mail->value[3]);
}

enum guest_result guest_run(struct vcpu *c)
{
	struct lodge_run *run = c->run;
	int ret = vcpu_run(c);

	if (ret == -EINTR)
		return GUEST_EINTR;
	must(ret, "LODGE_RUN");
	if (run->exit_reason != LODGE_EXIT_IO ||
	    run->io.direction != LODGE_IO_OUT)
		return GUEST_EXIT;
	switch (run->io.port) {
	case PORT_REPORT:
		c->value = run->io.data;
		return GUEST_REPORT;
	case PORT_MAIL:
		c->value = GUEST(c->vm, guest_mail[c->id]).value[0];
		return GUEST_REPORT;
	case PORT_DONE:
		return GUEST_DONE;
	case PORT_ASSERT:
	case PORT_TRAP:
		print_failure(c, run->io.port);
		return GUEST_FAILED;
	default:
		return GUEST_EXIT;
	}
}

enum guest_result guest_expect(struct vcpu *c, enum guest_result expected)
{
	enum guest_result result = guest_run(c);

	if (result == expected)
		return result;
	if (result == GUEST_EXIT)
		fprintf(stderr, "# vCPU %d: unexpected %s\n", c->id, guest_describe(c));
	else if (result == GUEST_REPORT)
		fprintf(stderr, "# vCPU %d: unexpected report of %#llx\n", c->id,
			(unsigned long long)c->value);
	return result;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *c = arg;
	enum guest_result result;

	do {
		result = guest_run(c);
	} while (result == GUEST_REPORT);
	__atomic_store_n(&c->result, result, __ATOMIC_RELEASE);
	return NULL;
}

void vcpu_thread_start(struct vcpu *c)
{
	kick_init();
	c->result = 0;
	errno = pthread_create(&c->thread, NULL, vcpu_thread, c);
	if (errno)
		die(__FILE__, __LINE__, "pthread_create");
}

int vcpu_thread_join(struct vcpu *c)
{
	pthread_join(c->thread, NULL);
	if (c->result == GUEST_EXIT)
		fprintf(stderr, "# vCPU %d ended with %s\n", c->id, guest_describe(c));
	return c->result;
}

int vcpu_thread_wait(struct vcpu *c, unsigned int ms)
{
	if (WAIT_FOR(__atomic_load_n(&c->result, __ATOMIC_ACQUIRE), ms))
		return vcpu_thread_join(c);
	fprintf(stderr, "# vCPU %d: not done after %u ms\n", c->id, ms);
	return vcpu_thread_stop(c);
}

int vcpu_thread_stop(struct vcpu *c)
{
	__atomic_store_n(&c->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(c->thread, SIGUSR1);
	pthread_join(c->thread, NULL);
	c->run->immediate_exit = 0;
	return c->result;
}

static void on_kick(int sig)
{
	(void)sig;
}

void kick_init(void)
{
	struct sigaction sa = { .sa_handler = on_kick };

	CHECK(sigaction(SIGUSR1, &sa, NULL));
}

enum guest_result guest_call(void (*fn)(u64), u64 arg)
{
	struct vm *vm = vm_create();
	struct vcpu *c = vcpu_create(vm, 0);
	enum guest_result result;

	vcpu_start64(c, fn, arg);
	result = guest_expect(c, GUEST_DONE);
	vm_free(vm);
	return result;
}

u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L,
	};

	nanosleep(&ts, NULL);
}
