/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place for what differs between kernels.  HAVE_* comes from compile
 * probes (probes/), so it follows what a distribution has backported.
 */
#ifndef LODGE_COMPAT_H
#define LODGE_COMPAT_H

#include <linux/kconfig.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "probed.h"

#ifdef HAVE_CPUID_API
#include <asm/cpuid/api.h>
#endif

#ifndef CONFIG_MMU_NOTIFIER
#error "the kernel lacks CONFIG_MMU_NOTIFIER: build it with CONFIG_KVM=m"
#endif

#ifndef HAVE_RDMSRQ
#define rdmsrq(msr, value)	rdmsrl(msr, value)
#define wrmsrq(msr, value)	wrmsrl(msr, value)
#define rdmsrq_safe(msr, p)	rdmsrl_safe(msr, p)
#define wrmsrq_safe(msr, value)	wrmsrl_safe(msr, value)
#endif

#ifdef HAVE_GENL_INFO_DUMP
#define genl_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define genl_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

#endif /* LODGE_COMPAT_H */
