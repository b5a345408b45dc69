/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What runs inside of a test guest in long mode: plain C functions of the test
 * program, which may call what is declared here and nothing of libc.
 */
#ifndef LODGE_SELFTEST_GUEST_H
#define LODGE_SELFTEST_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include "layout.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define GUEST_CPUS	8
#define NO_VECTOR	(-1)

/* What a vCPU tells the test; pointers are valid on both sides. */
struct guest_mail {
	u64 value[4];
	const char *what;
	const char *file;
	u64 line;
};

/* What is pushed when an exception or interrupt arrives, last first. */
struct guest_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

typedef void (*guest_handler_t)(struct guest_frame *frame);

/* The exception that TRY() caught. */
struct guest_caught {
	int vector;
	u32 error;
	u64 rip;
	u64 cr2;
};

extern struct guest_mail guest_mail[GUEST_CPUS];
extern guest_handler_t guest_handlers[256];
extern volatile struct guest_caught guest_caught;
extern volatile u64 guest_resume;
extern volatile u64 guest_counts[256];	/* by guest_count() */

/* The host is QEMU's emulation, which has less of some things. */
extern bool on_tcg;

/* A GS base for each vCPU: its number is at offset 0. */
extern u64 guest_cpu_area[GUEST_CPUS][2];

static inline unsigned int guest_cpu(void)
{
	u64 id;

	asm volatile("movq %%gs:0, %0" : "=r" (id));
	return id;
}

__attribute__((noreturn)) void guest_done(void);
void guest_report(u64 value);
void guest_assert_failed(const char *what, const char *file, int line,
			 u64 a, u64 b) __attribute__((noreturn));
/* Count an interrupt in guest_counts[], and end it in x2APIC mode. */
void guest_count(struct guest_frame *frame);
/* Count it without an EOI. */
void guest_count_only(struct guest_frame *frame);

#define GUEST_ASSERT(cond) do {						\
	if (!(cond))							\
		guest_assert_failed(#cond, __FILE__, __LINE__, 0, 0);	\
} while (0)

#define GUEST_EQ(expected, seen) do {					\
	u64 guest_a = (u64)(expected), guest_b = (u64)(seen);		\
	if (guest_a != guest_b)						\
		guest_assert_failed(#seen " is " #expected, __FILE__,	\
				    __LINE__, guest_a, guest_b);	\
} while (0)

/*
 * Executes one instruction that may raise an exception, which is noted in
 * guest_caught.  Operands as in asm(); they must not use RSP.
 */
#define TRY(insn, ...) do {						\
	guest_caught.vector = NO_VECTOR;				\
	asm volatile("movq $.Ltry%=, guest_resume(%%rip)\n\t"		\
		     insn "\n"						\
		     ".Ltry%=:\n\t"					\
		     "movq $0, guest_resume(%%rip)"			\
		     __VA_ARGS__);					\
} while (0)

#define GUEST_CATCHES(vec, err) do {					\
	GUEST_EQ((u32)(vec), (u32)guest_caught.vector);			\
	GUEST_EQ((u32)(err), guest_caught.error);			\
} while (0)

#define GUEST_NO_FAULT()	GUEST_EQ((u32)NO_VECTOR, (u32)guest_caught.vector)

static inline void out8(u16 port, u8 v)
{
	asm volatile("outb %0, %1" : : "a" (v), "Nd" (port) : "memory");
}

static inline void out16(u16 port, u16 v)
{
	asm volatile("outw %0, %1" : : "a" (v), "Nd" (port) : "memory");
}

static inline void out32(u16 port, u32 v)
{
	asm volatile("outl %0, %1" : : "a" (v), "Nd" (port) : "memory");
}

static inline u8 in8(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a" (v) : "Nd" (port) : "memory");
	return v;
}

static inline u16 in16(u16 port)
{
	u16 v;

	asm volatile("inw %1, %0" : "=a" (v) : "Nd" (port) : "memory");
	return v;
}

static inline u32 in32(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a" (v) : "Nd" (port) : "memory");
	return v;
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("lfence; rdtsc" : "=a" (lo), "=d" (hi) : : "memory");
	return lo | (u64)hi << 32;
}

static inline u64 rdmsr(u32 index)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a" (lo), "=d" (hi) : "c" (index) : "memory");
	return lo | (u64)hi << 32;
}

static inline void wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "c" (index), "a" ((u32)value),
		     "d" ((u32)(value >> 32)) : "memory");
}

/* The vector of the exception, or NO_VECTOR. */
static inline int try_rdmsr(u32 index, u64 *value)
{
	u32 lo = 0, hi = 0;

	TRY("rdmsr", : "+a" (lo), "+d" (hi) : "c" (index) : "memory");
	*value = lo | (u64)hi << 32;
	return guest_caught.vector;
}

static inline int try_wrmsr(u32 index, u64 value)
{
	TRY("wrmsr", : : "c" (index), "a" ((u32)value),
	    "d" ((u32)(value >> 32)) : "memory");
	return guest_caught.vector;
}

static inline void cpuid(u32 leaf, u32 sub, u32 *a, u32 *b, u32 *c, u32 *d)
{
	asm volatile("cpuid" : "=a" (*a), "=b" (*b), "=c" (*c), "=d" (*d)
		     : "a" (leaf), "c" (sub) : "memory");
}

static inline u64 read_cr0(void)
{
	u64 v;

	asm volatile("mov %%cr0, %0" : "=r" (v) : : "memory");
	return v;
}

static inline void write_cr0(u64 v)
{
	asm volatile("mov %0, %%cr0" : : "r" (v) : "memory");
}

static inline u64 read_cr3(void)
{
	u64 v;

	asm volatile("mov %%cr3, %0" : "=r" (v) : : "memory");
	return v;
}

static inline void write_cr3(u64 v)
{
	asm volatile("mov %0, %%cr3" : : "r" (v) : "memory");
}

static inline u64 read_cr4(void)
{
	u64 v;

	asm volatile("mov %%cr4, %0" : "=r" (v) : : "memory");
	return v;
}

static inline void write_cr4(u64 v)
{
	asm volatile("mov %0, %%cr4" : : "r" (v) : "memory");
}

static inline u64 read_cr8(void)
{
	u64 v;

	asm volatile("mov %%cr8, %0" : "=r" (v) : : "memory");
	return v;
}

static inline void write_cr8(u64 v)
{
	asm volatile("mov %0, %%cr8" : : "r" (v) : "memory");
}

static inline u64 read_flags(void)
{
	u64 v;

	asm volatile("pushfq; popq %0" : "=r" (v) : : "memory");
	return v;
}

static inline void guest_irq_on(void)
{
	asm volatile("sti" : : : "memory");
}

static inline void guest_irq_off(void)
{
	asm volatile("cli" : : : "memory");
}

/* Let one interrupt window open: STI's shadow ends after the NOP. */
static inline void guest_irq_window(void)
{
	asm volatile("sti; nop; nop; cli" : : : "memory");
}

/* Sleep until an interrupt has been served; with interrupts off outside. */
static inline void guest_sleep(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

static inline void guest_relax(void)
{
	asm volatile("pause" : : : "memory");
}

static inline void guest_delay(u64 ticks)
{
	u64 begin = rdtsc();

	while (rdtsc() - begin < ticks)
		guest_relax();
}

/* The same numbers in every run. */
static inline u64 random64(void)
{
	static u32 seed = 1;
	u64 r = 0;
	int i;

	for (i = 0; i < 4; i++) {
		seed = seed * 1103515245 + 12345;
		r = r << 16 | (seed >> 12 & 0xffff);
	}
	return r;
}

#define READ(x)		(*(volatile __typeof__(x) *)&(x))
#define WRITE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

#define MSR_APIC_BASE	0x1b
#define MSR_X2APIC(reg)	(0x800 + ((reg) >> 4))
#define APIC_BASE	0xfee00000UL
#define IOAPIC_BASE	0xfec00000UL
#define APIC_ID		0x020
#define APIC_VERSION	0x030
#define APIC_TPR	0x080
#define APIC_PPR	0x0a0
#define APIC_EOI	0x0b0
#define APIC_LDR	0x0d0
#define APIC_DFR	0x0e0
#define APIC_SVR	0x0f0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVT_TIMER	0x320
#define APIC_LVT_LINT0	0x350
#define APIC_LVT_LINT1	0x360
#define APIC_LVT_ERROR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define APIC_SELF_IPI	0x3f0

static inline u32 xapic_read(u32 reg)
{
	u32 v;

	asm volatile("movl (%1), %0" : "=r" (v) : "r" (APIC_BASE + reg) : "memory");
	return v;
}

static inline void xapic_write(u32 reg, u32 v)
{
	asm volatile("movl %0, (%1)" : : "r" (v), "r" (APIC_BASE + reg) : "memory");
}

static inline u64 x2apic_read(u32 reg)
{
	return rdmsr(MSR_X2APIC(reg));
}

static inline void x2apic_write(u32 reg, u64 v)
{
	wrmsr(MSR_X2APIC(reg), v);
}

/* Software-enable the local APIC; spurious vector 0xff. */
void guest_x2apic_on(void);
void guest_xapic_on(void);

static inline u32 ioapic_read(u32 reg)
{
	*(volatile u32 *)IOAPIC_BASE = reg;
	return *(volatile u32 *)(IOAPIC_BASE + 0x10);
}

static inline void ioapic_write(u32 reg, u32 v)
{
	*(volatile u32 *)IOAPIC_BASE = reg;
	*(volatile u32 *)(IOAPIC_BASE + 0x10) = v;
}

static inline void ioapic_set(int pin, u64 entry)
{
	ioapic_write(0x10 + 2 * pin, 1u << 16);
	ioapic_write(0x11 + 2 * pin, entry >> 32);
	ioapic_write(0x10 + 2 * pin, entry);
}

static inline u64 ioapic_get(int pin)
{
	return ioapic_read(0x10 + 2 * pin) |
	       (u64)ioapic_read(0x11 + 2 * pin) << 32;
}

#define IOAPIC_LEVEL	(1u << 15)
#define IOAPIC_MASKED	(1u << 16)
#define IOAPIC_IRR	(1u << 14)

#endif
