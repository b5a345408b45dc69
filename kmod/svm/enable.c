// SPDX-License-Identifier: GPL-2.0-only
/* Root mode of one CPU: EFER.SVME and the host save area. */
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/msr-index.h>
#include "svm.h"

DEFINE_PER_CPU(struct svm_cpu, svm_cpus);

bool svm_busy(void)
{
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	return efer & EFER_SVME;
}

/* AMD APM vol. 2, 15.4 and 15.30.4. */
int svm_enable_cpu(void)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpus);
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	/* Whoever set it has a host save area of its own: leave it alone. */
	if (efer & EFER_SVME)
		return -EBUSY;

	/* After a reset the processor knows none of our ASIDs any more. */
	sc->asid_generation++;
	sc->next_asid = lodge_svm_ops.nr_asids;
	sc->last_vm = 0;
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		rdmsrq(MSR_TSC_AUX, sc->tsc_aux);

	wrmsrq(MSR_EFER, efer | EFER_SVME);
	wrmsrq(MSR_VM_HSAVE_PA, page_to_phys(sc->hsave));
	return 0;
}

void svm_disable_cpu(void)
{
	u64 efer;

	wrmsrq(MSR_VM_HSAVE_PA, 0);
	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
}
