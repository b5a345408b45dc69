// SPDX-License-Identifier: GPL-2.0-only
/* Any module may tell perf that VMX operation begins or ends. */
/* exported: intel_pt_handle_vmx */
#include <asm/perf_event.h>

void probe(void)
{
	intel_pt_handle_vmx(1);
}
