// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's floating point and vector state.
 *
 * kernel_fpu_begin() and kernel_fpu_end() are all that every kernel gives to
 * every module.  Between them the registers are ours: the host's are in its
 * task's own area and come back when that task returns to user space.  So the
 * guest's are loaded once a stretch of the run loop, not once an exit.
 *
 * What that asks of the stretch between lodge_fpu_load() and lodge_fpu_put():
 *
 * - it does not sleep, and both calls are made with interrupts on, since
 *   kernel_fpu_end() undoes what kernel_fpu_begin() did by looking at that;
 * - it ends when softirqs are pending.  Kernels before 6.15 only switch
 *   preemption off, and softirqs run on the way out of a host interrupt (they
 *   see that the FPU is taken and do without).  Since 6.15 softirqs are off
 *   too, and those of the host's timers and network would wait for as long as
 *   the stretch lasts;
 * - it must not touch user memory by ordinary means: PKRU is the guest's.  The
 *   variants that do not fault only fail, and callers try again outside.
 */
#include <linux/slab.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/msr-index.h>
#include <asm/processor.h>
#include <asm/special_insns.h>
#include "../compat.h"
#include "arch.h"

#define FEATURES_AVX512	(XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | \
			 XFEATURE_MASK_Hi16_ZMM)
/* AMX is not here: its state is 8 KiB and the kernel allocates it on demand. */
#define FEATURES_KNOWN	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | \
			 FEATURES_AVX512 | XFEATURE_MASK_PKRU)

#define AREA_SIZE	sizeof_field(struct lodge_xsave, area)

/* The reset value of the control word; FNINIT would make it 0x37f. */
#define FCW_RESET	0x40
#define MXCSR_RESET	0x1f80
/* What processors take that say nothing (Intel SDM vol. 1, 11.6.6). */
#define MXCSR_MASK_OLD	0xffbf

/* All of these are constant once the module is loaded. */
static u64 host_xcr0;
static u64 host_xss;
static u64 features;
static u32 area_size;
static u32 mxcsr_mask;

/* Bytes of a standard XSAVE area with @mask (Intel SDM vol. 1, 13.4). */
static u32 standard_size(u64 mask)
{
	u32 size = offsetof(struct xregs_state, extended_state_area);
	int i;

	for (i = 2; i < 63; i++) {
		u32 eax, ebx, ecx, edx;

		if (!(mask & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		size = max(size, eax + ebx);
	}
	return size;
}

static int read_mxcsr_mask(void)
{
	struct fxregs_state *fx = kzalloc(sizeof(*fx), GFP_KERNEL);

	if (!fx)
		return -ENOMEM;
	kernel_fpu_begin_mask(0);
	asm volatile("fxsave64 %0" : "=m" (*fx));
	kernel_fpu_end();
	mxcsr_mask = fx->mxcsr_mask ?: MXCSR_MASK_OLD;
	kfree(fx);
	return 0;
}

/**
 * lodge_fpu_init() - find out what state this host can keep for a guest
 *
 * Return: 0, -ENODEV (the host does not use XSAVE) or -ENOMEM
 */
int lodge_fpu_init(void)
{
	u32 eax, ebx, ecx, edx;

	/* OSXSAVE tells that the host's kernel uses it, not only that it could. */
	cpuid_count(1, 0, &eax, &ebx, &ecx, &edx);
	if (!boot_cpu_has(X86_FEATURE_XSAVE) ||
	    !(ecx & BIT(X86_FEATURE_OSXSAVE & 31)))
		return -ENODEV;

	host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	features = host_xcr0 & FEATURES_KNOWN;
	if ((features & FEATURES_AVX512) != FEATURES_AVX512)
		features &= ~FEATURES_AVX512;
	cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
	if (!(ecx & BIT(X86_FEATURE_OSPKE & 31)))
		features &= ~XFEATURE_MASK_PKRU;

	area_size = standard_size(features);
	if (area_size > AREA_SIZE)
		return -ENODEV;

	/* The kernel sets it when a CPU comes up and never changes it. */
	if (boot_cpu_has(X86_FEATURE_XSAVES) &&
	    rdmsrq_safe(MSR_IA32_XSS, &host_xss))
		host_xss = 0;

	return read_mxcsr_mask();
}

/** lodge_fpu_exit() - undo lodge_fpu_init(): nothing is held */
void lodge_fpu_exit(void)
{
}

/** lodge_fpu_features() - XCR0 bits that a guest may set */
u64 lodge_fpu_features(void)
{
	return features;
}

/** lodge_fpu_size() - bytes of XSAVE area that they need */
u32 lodge_fpu_size(void)
{
	return area_size;
}

/**
 * lodge_xcr0_valid() - could the guest's XCR0 have this value?
 * @xcr0: the value
 *
 * Intel SDM vol. 1, 13.3; AMD APM vol. 2, 11.5.2.
 *
 * Return: true if it could
 */
bool lodge_xcr0_valid(u64 xcr0)
{
	u64 avx512 = xcr0 & FEATURES_AVX512;

	if (!(xcr0 & XFEATURE_MASK_FP) || (xcr0 & ~features))
		return false;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	return !avx512 || (avx512 == FEATURES_AVX512 &&
			   (xcr0 & XFEATURE_MASK_YMM));
}

/**
 * lodge_fpu_create() - a vCPU's XSAVE area
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM
 */
int lodge_fpu_create(struct lodge_vcpu *vcpu)
{
	/* kmalloc() aligns a power of two to itself, so XSAVE's 64 are met. */
	BUILD_BUG_ON(AREA_SIZE & (AREA_SIZE - 1));
	vcpu->xsave = kzalloc(AREA_SIZE, GFP_KERNEL_ACCOUNT);
	return vcpu->xsave ? 0 : -ENOMEM;
}

/**
 * lodge_fpu_destroy() - free it
 * @vcpu: the vCPU, not loaded
 */
void lodge_fpu_destroy(struct lodge_vcpu *vcpu)
{
	kfree(vcpu->xsave);
	vcpu->xsave = NULL;
}

/**
 * lodge_fpu_reset() - registers as after RESET
 * @vcpu: the vCPU, not loaded
 *
 * Not for INIT, which leaves x87, SSE, AVX, PKRU and XCR0 as they are
 * (Intel SDM vol. 3, table 9-1; AMD APM vol. 2, table 14-1).
 */
void lodge_fpu_reset(struct lodge_vcpu *vcpu)
{
	struct xregs_state *area = vcpu->xsave;

	memset(area, 0, AREA_SIZE);
	/* All x87 registers hold +0.0 and count as used: the tag word is 5555h. */
	area->i387.cwd = FCW_RESET;
	area->i387.twd = 0xff;
	area->i387.mxcsr = MXCSR_RESET;
	area->header.xfeatures = XFEATURE_MASK_FPSSE;
	vcpu->xcr0 = XFEATURE_MASK_FP;
}

/* Return: 0, or -EFAULT if the processor refuses the area */
static int restore(const void *area, u64 mask)
{
	int ret = -EFAULT;

	/* A fault goes on behind the XORL. */
	asm volatile("1: xrstor64 %[area]\n"
		     "xorl %[ret], %[ret]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [ret] "+r" (ret)
		     : [area] "m" (*(const struct xregs_state *)area),
		       "a" ((u32)mask), "d" ((u32)(mask >> 32))
		     : "memory", "cc");
	return ret;
}

static void save(void *area, u64 mask)
{
	/*
	 * Not XSAVEOPT or XSAVES: both may leave out what they think is in
	 * memory already, and the guest's own use of them can mislead them.
	 */
	asm volatile("xsave64 %[area]"
		     : [area] "+m" (*(struct xregs_state *)area)
		     : "a" ((u32)mask), "d" ((u32)(mask >> 32))
		     : "memory");
}

/**
 * lodge_fpu_load() - the guest's registers into the processor
 * @vcpu: the vCPU, by its own thread
 *
 * Preemption is off until lodge_fpu_put().  Context: interrupts on.
 */
void lodge_fpu_load(struct lodge_vcpu *vcpu)
{
	kernel_fpu_begin_mask(0);
	if (features & XFEATURE_MASK_PKRU)
		vcpu->host_pkru = rdpkru();

	/*
	 * Where XRSTOR leaves the x87 pointers alone, the guest would see
	 * where the host's task last used the x87: load something harmless.
	 */
	if (boot_cpu_has_bug(X86_BUG_FXSAVE_LEAK))
		asm volatile("fnclex\n\temms\n\tfildl %0"
			     : : "m" (vcpu->host_pkru));

	/* Never fails: the area is checked when it is set. */
	if (unlikely(restore(vcpu->xsave, features))) {
		u64 xcr0 = vcpu->xcr0;

		lodge_fpu_reset(vcpu);
		vcpu->xcr0 = xcr0;
		restore(vcpu->xsave, features);
	}

	if (vcpu->xcr0 != host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	/* XSAVES in the guest must not find the host's supervisor state. */
	if (host_xss)
		wrmsrq(MSR_IA32_XSS, 0);
	vcpu->fpu_loaded = true;
}

/**
 * lodge_fpu_put() - the guest's registers into its area
 * @vcpu: the vCPU, by its own thread
 *
 * Context: interrupts on.
 */
void lodge_fpu_put(struct lodge_vcpu *vcpu)
{
	u64 xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);

	/*
	 * XSETBV exits, so this is what we know already.  QEMU's SVM lets it
	 * through: take what the guest may have, and never rely on it.
	 */
	if (unlikely(xcr0 != vcpu->xcr0) && lodge_xcr0_valid(xcr0))
		vcpu->xcr0 = xcr0;
	vcpu->fpu_loaded = false;
	if (host_xss)
		wrmsrq(MSR_IA32_XSS, host_xss);
	if (xcr0 != host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, host_xcr0);

	save(vcpu->xsave, features);

	/* Writing it is slow, and most guests do not use it. */
	if ((features & XFEATURE_MASK_PKRU) && rdpkru() != vcpu->host_pkru)
		wrpkru(vcpu->host_pkru);
	kernel_fpu_end();
}

/**
 * lodge_fpu_xcr0() - the guest's XCR0 now
 * @vcpu: the vCPU, by its own thread
 *
 * Context: loaded or not.
 * Return: the value
 */
u64 lodge_fpu_xcr0(struct lodge_vcpu *vcpu)
{
	return vcpu->fpu_loaded ? xgetbv(XCR_XFEATURE_ENABLED_MASK) : vcpu->xcr0;
}

/**
 * lodge_fpu_set_xcr0() - change the guest's XCR0
 * @vcpu: the vCPU, by its own thread
 * @xcr0: lodge_xcr0_valid() of it holds
 *
 * Context: loaded or not.
 */
void lodge_fpu_set_xcr0(struct lodge_vcpu *vcpu, u64 xcr0)
{
	vcpu->xcr0 = xcr0;
	if (vcpu->fpu_loaded)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0);
}

/**
 * lodge_fpu_set() - LODGE_SET_STATE of LODGE_STATE_XSAVE
 * @vcpu: the vCPU, not loaded
 * @in: kernel copy of the caller's struct; all of it is checked here
 *
 * What XRSTOR would refuse must not get into the area (Intel SDM vol. 1, 13.8.1).
 *
 * Return: 0 or -EINVAL
 */
int lodge_fpu_set(struct lodge_vcpu *vcpu, const struct lodge_xsave *in)
{
	const struct xregs_state *area = (const void *)in->area;

	if (memchr_inv(in->reserved, 0, sizeof(in->reserved)) ||
	    !lodge_xcr0_valid(in->xcr0))
		return -EINVAL;
	if ((area->header.xfeatures & ~features) || area->header.xcomp_bv ||
	    memchr_inv(area->header.reserved, 0, sizeof(area->header.reserved)))
		return -EINVAL;
	if (area->i387.mxcsr & ~mxcsr_mask)
		return -EINVAL;
	if (memchr_inv(in->area + area_size, 0, AREA_SIZE - area_size))
		return -EINVAL;

	memcpy(vcpu->xsave, in->area, AREA_SIZE);
	vcpu->xcr0 = in->xcr0;
	return 0;
}

/**
 * lodge_fpu_get() - LODGE_GET_STATE of LODGE_STATE_XSAVE
 * @vcpu: the vCPU, not loaded
 * @out: all of it is written
 */
void lodge_fpu_get(struct lodge_vcpu *vcpu, struct lodge_xsave *out)
{
	memset(out, 0, sizeof(*out));
	out->xcr0 = vcpu->xcr0;
	memcpy(out->area, vcpu->xsave, AREA_SIZE);
}
