// SPDX-License-Identifier: GPL-2.0-only
/* cpuid_count() and its kin left asm/processor.h for a header of their own. */
#include <asm/cpuid/api.h>

u32 probe(void)
{
	return cpuid_eax(0);
}
