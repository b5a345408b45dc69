// SPDX-License-Identifier: GPL-2.0-only
/* Runs inside of the guest: traps, and the words to the test. */
#include <stddef.h>
#include "guest.h"

struct guest_mail guest_mail[GUEST_CPUS];
guest_handler_t guest_handlers[256];
volatile struct guest_caught guest_caught;
volatile u64 guest_resume;
volatile u64 guest_counts[256];
bool on_tcg;
u64 guest_cpu_area[GUEST_CPUS][2];

void guest_trap(struct guest_frame *frame);

static void tell(u16 port)
{
	out8(port, 0);
}

void guest_done(void)
{
	for (;;)
		tell(PORT_DONE);
}

void guest_report(u64 value)
{
	guest_mail[guest_cpu()].value[0] = value;
	tell(PORT_MAIL);
}

void guest_assert_failed(const char *what, const char *file, int line,
			 u64 a, u64 b)
{
	struct guest_mail *mail = &guest_mail[guest_cpu()];

	mail->what = what;
	mail->file = file;
	mail->line = line;
	mail->value[0] = a;
	mail->value[1] = b;
	for (;;)
		tell(PORT_ASSERT);
}

static u64 read_cr2(void)
{
	u64 v;

	asm volatile("mov %%cr2, %0" : "=r" (v));
	return v;
}

void guest_trap(struct guest_frame *frame)
{
	guest_handler_t handler = guest_handlers[frame->vector];
	struct guest_mail *mail;

	if (handler) {
		handler(frame);
		return;
	}
	if (frame->vector < 32 && guest_resume) {
		guest_caught.vector = frame->vector;
		guest_caught.error = frame->error;
		guest_caught.rip = frame->rip;
		guest_caught.cr2 = read_cr2();
		frame->rip = guest_resume;
		guest_resume = 0;
		return;
	}
	mail = &guest_mail[guest_cpu()];
	mail->value[0] = frame->vector;
	mail->value[1] = frame->error;
	mail->value[2] = frame->rip;
	mail->value[3] = read_cr2();
	for (;;)
		tell(PORT_TRAP);
}

void guest_count_only(struct guest_frame *frame)
{
	asm volatile("lock incq %0" : "+m" (guest_counts[frame->vector]));
}

void guest_count(struct guest_frame *frame)
{
	guest_count_only(frame);
	x2apic_write(APIC_EOI, 0);
}

void guest_x2apic_on(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 0xc00);
	x2apic_write(APIC_SVR, 0x1ff);
}

void guest_xapic_on(void)
{
	xapic_write(APIC_SVR, 0x1ff);
}
