// SPDX-License-Identifier: GPL-2.0-only
/* rdmsrq() and wrmsrq() are the new names of rdmsrl() and wrmsrl(). */
#include <asm/msr.h>

u64 probe(void)
{
	u64 value;

	rdmsrq(MSR_EFER, value);
	wrmsrq(MSR_EFER, value);
	return value;
}
