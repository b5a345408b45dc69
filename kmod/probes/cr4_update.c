// SPDX-License-Identifier: GPL-2.0-only
/* Any module may tell the kernel of a bit in CR4. */
/* exported: cr4_update_irqsoff */
#include <asm/tlbflush.h>

void probe(void)
{
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
}
