// SPDX-License-Identifier: GPL-2.0-only
/* vm_flags_set() and its kin: vma->vm_flags is read-only. */
#include <linux/mm.h>

void probe(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTEXPAND);
}
