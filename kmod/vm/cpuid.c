// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID as the guest sees it.
 *
 * The leaves are put together once, when the module loads: what the host's
 * processor has, its kernel has not switched off, and the lists below allow.
 * A feature that is on no list does not exist for a guest.  The few bits that
 * depend on the vCPU are filled in on each exit.
 */
#include <linux/nospec.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>
#include <uapi/asm/kvm_para.h>
#include "../compat.h"
#include "arch.h"

#define F(name)		BIT(X86_FEATURE_##name & 31)

/* Leaf 1, EDX, and those of them that AMD repeats in leaf 0x80000001, EDX */
#define ALLOW_1_EDX \
	(F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | \
	 F(CX8) | F(SEP) | F(PGE) | F(CMOV) | F(PAT) | F(PSE36) | F(CLFLUSH) | \
	 F(MMX) | F(FXSR) | F(XMM) | F(XMM2) | F(SELFSNOOP))
/* Lodge's own: they do not depend on the host. */
#define FORCE_1_EDX	(F(APIC) | F(MCE) | F(MCA) | F(MTRR) | F(HT))
#define AMD_COPIES	0x0183f3ff

/* No MONITOR, VMX, SMX, EIST, TM2, PDCM, DCA, debug store: not emulated. */
#define ALLOW_1_ECX \
	(F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) | \
	 F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) | \
	 F(AVX) | F(F16C) | F(RDRAND))
#define FORCE_1_ECX	(F(X2APIC) | F(TSC_DEADLINE_TIMER) | F(HYPERVISOR))

/* No SGX, HLE, RTM, MPX, RDT, Processor Trace. */
#define ALLOW_7_EBX \
	(F(FSGSBASE) | F(BMI1) | F(AVX2) | F(FDP_EXCPTN_ONLY) | F(SMEP) | \
	 F(BMI2) | F(ERMS) | F(INVPCID) | F(ZERO_FCS_FDS) | F(RDSEED) | \
	 F(ADX) | F(SMAP) | F(CLFLUSHOPT) | F(CLWB) | F(SHA_NI) | AVX512_7_EBX)
#define FORCE_7_EBX	F(TSC_ADJUST)
#define AVX512_7_EBX \
	(F(AVX512F) | F(AVX512DQ) | F(AVX512IFMA) | F(AVX512PF) | \
	 F(AVX512ER) | F(AVX512CD) | F(AVX512BW) | F(AVX512VL))
#define AVX_7_EBX	(F(AVX2) | AVX512_7_EBX)

/* No WAITPKG, CET, key locker, bus lock trap, ENQCMD.  LA57 and PKU: below. */
#define ALLOW_7_ECX \
	(F(UMIP) | F(GFNI) | F(RDPID) | F(CLDEMOTE) | F(MOVDIRI) | \
	 F(MOVDIR64B) | F(VAES) | F(VPCLMULQDQ) | AVX512_7_ECX)
#define AVX512_7_ECX \
	(F(AVX512VBMI) | F(AVX512_VBMI2) | F(AVX512_VNNI) | \
	 F(AVX512_BITALG) | F(AVX512_VPOPCNTDQ))
#define AVX_7_ECX	(F(VAES) | F(VPCLMULQDQ) | AVX512_7_ECX)

/* No AMX, CET, PCONFIG, LBR, hybrid, core capabilities, L1D_FLUSH. */
#define ALLOW_7_EDX \
	(F(FSRM) | F(MD_CLEAR) | F(SERIALIZE) | F(SPEC_CTRL) | \
	 F(INTEL_STIBP) | F(ARCH_CAPABILITIES) | F(SPEC_CTRL_SSBD) | \
	 AVX512_7_EDX)
#define AVX512_7_EDX \
	(F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(AVX512_VP2INTERSECT) | \
	 F(AVX512_FP16))

/* Leaf 7, subleaf 1: newer than the names of the oldest kernel. */
#define ALLOW_71_EAX \
	(AVX_71_EAX | AVX512_71_EAX | BIT(7) /* CMPCCXADD */ | \
	 BIT(10) /* FZRM */ | BIT(11) /* FSRS */ | BIT(12) /* FSRC */)
#define AVX_71_EAX \
	(BIT(0) /* SHA512 */ | BIT(1) /* SM3 */ | BIT(2) /* SM4 */ | \
	 BIT(4) /* AVX_VNNI */ | BIT(23) /* AVX_IFMA */)
#define AVX512_71_EAX	BIT(5) /* AVX512_BF16 */
#define ALLOW_71_EDX	(AVX_71_EDX | BIT(14) /* PREFETCHI */)
#define AVX_71_EDX \
	(BIT(4) /* AVX_VNNI_INT8 */ | BIT(5) /* AVX_NE_CONVERT */ | \
	 BIT(10) /* AVX_VNNI_INT16 */)
/* Leaf 7, subleaf 2: each but the last is a bit in SPEC_CTRL. */
#define SPEC_PSFD	BIT(0)
#define SPEC_IPRED	BIT(1)
#define SPEC_RRSBA	BIT(2)
#define SPEC_DDPD	BIT(3)
#define SPEC_BHI	BIT(4)
#define ALLOW_72_EDX \
	(SPEC_PSFD | SPEC_IPRED | SPEC_RRSBA | SPEC_DDPD | SPEC_BHI | \
	 BIT(5) /* MCDT_NO */)

/* No XSAVES: there is no supervisor state that a guest may have. */
#define ALLOW_D1_EAX	(F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1))

/* No SVM, SKINIT, IBS, OSVW, LWP, counters, MWAITX. */
#define ALLOW_81_ECX \
	(F(LAHF_LM) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) | \
	 F(3DNOWPREFETCH) | F(XOP) | F(FMA4) | F(TBM) | F(TOPOEXT))
#define AVX_81_ECX	(F(XOP) | F(FMA4))
#define ALLOW_81_EDX \
	(F(SYSCALL) | F(NX) | F(MMXEXT) | F(FXSR_OPT) | F(GBPAGES) | \
	 F(RDTSCP) | F(LM) | F(3DNOWEXT) | F(3DNOW))

/* No RDPRU, IRPERF, INVLPGB, VIRT_SSBD. */
#define ALLOW_88_EBX \
	(F(CLZERO) | F(XSAVEERPTR) | F(WBNOINVD) | F(AMD_IBPB) | \
	 F(AMD_IBRS) | F(AMD_STIBP) | F(AMD_STIBP_ALWAYS_ON) | \
	 BIT(19) /* IBRS_SAME_MODE */ | F(AMD_SSBD) | F(AMD_SSB_NO) | \
	 BIT(28) /* PSFD */ | BIT(29) /* BTC_NO */ | BIT(30) /* IBPB_RET */)
#define AMD_PSFD	BIT(28)

/* What the processor does by itself, without an MSR; no AUTOIBRS (EFER). */
#define SBPB		BIT(27)
#define ALLOW_821_EAX \
	(BIT(0) /* NO_NESTED_DATA_BP */ | BIT(2) /* LFENCE_RDTSC */ | \
	 BIT(6) /* NULL_SEL_CLR_BASE */ | BIT(10) /* FSRS */ | \
	 BIT(11) /* FSRC */ | SBPB | BIT(28) /* IBPB_BRTYPE */ | \
	 BIT(29) /* SRSO_NO */ | BIT(30) /* SRSO_USER_KERNEL_NO */)

/*
 * ARCH_CAPABILITIES: only statements about the processor, nothing that
 * promises an MSR (TSX_CTRL, FB_CLEAR_CTRL, GDS_CTRL, ENERGY_FILTERING).
 */
#define ALLOW_ARCH_CAPS \
	(BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(2) | BIT_ULL(4) | BIT_ULL(5) | \
	 BIT_ULL(8) | BIT_ULL(13) | BIT_ULL(14) | BIT_ULL(15) | BIT_ULL(17) | \
	 BIT_ULL(19) | BIT_ULL(20) | BIT_ULL(24) | BIT_ULL(26) | BIT_ULL(27) | \
	 BIT_ULL(28) | BIT_ULL(62))

#define EXT		0x80000000U
#define KVM		KVM_CPUID_SIGNATURE
#define MAX_BASIC	0x1f
#define MAX_EXT		0x21
#define NR_CACHES	8

/* The local APIC's timer counts nanoseconds (vm/lapic_timer.c). */
#define CRYSTAL_HZ	1000000000U
#define TOPOLOGY_SHIFT	ilog2(LODGE_MAX_VCPUS)

enum leaf_kind {
	LEAF_PLAIN,
	LEAF_FEATURES,		/* 1 */
	LEAF_CACHE,		/* 4 */
	LEAF_FEATURES7,		/* 7 */
	LEAF_TOPOLOGY,		/* 0xb, 0x1f */
	LEAF_XSAVE,		/* 0xd */
	LEAF_AMD_CACHE,		/* 0x8000001d */
	LEAF_AMD_TOPOLOGY,	/* 0x8000001e */
};

struct leaf {
	u32 r[4];
	u32 kind;
};

enum { EAX, EBX, ECX, EDX };

/* Constant once the module is loaded. */
static struct leaf basic[MAX_BASIC + 1];
static struct leaf ext[MAX_EXT + 1];
static struct leaf kvm[2];
static struct leaf outside;	/* what is asked for beyond the last leaf */
static struct leaf sub4[NR_CACHES];
static struct leaf sub7[3];
static struct leaf sub_d[64];
static struct leaf sub_1d[NR_CACHES];
static u32 nr_basic, nr_ext;
static bool intel;
static u32 caps;
static u64 spec_ctrl_mask;
static u64 arch_caps;

u32 lodge_phys_bits(void)
{
	/* Four levels of nested tables reach 48 bits. */
	return min_t(u32, boot_cpu_data.x86_phys_bits, 48);
}

u32 lodge_virt_bits(void)
{
	return lodge_cpuid_has(CAP_LA57) ? 57 : 48;
}

bool lodge_cpuid_intel(void)
{
	return intel;
}

bool lodge_cpuid_has(enum lodge_cap cap)
{
	return caps & BIT(cap);
}

u64 lodge_spec_ctrl_mask(void)
{
	return spec_ctrl_mask;
}

u64 lodge_arch_capabilities(void)
{
	return arch_caps;
}

static struct leaf host(u32 function, u32 sub)
{
	struct leaf l = {};

	cpuid_count(function, sub, &l.r[EAX], &l.r[EBX], &l.r[ECX], &l.r[EDX]);
	return l;
}

/* The host's bits that the list allows and that its kernel has not disabled. */
static u32 offer(u32 bits, u32 allow, enum cpuid_leafs word)
{
	return bits & allow & boot_cpu_data.x86_capability[word];
}

static void init_features(void)
{
	u64 xfeatures = lodge_fpu_features();
	bool avx = xfeatures & XFEATURE_MASK_YMM;
	bool avx512 = xfeatures & XFEATURE_MASK_OPMASK;
	struct leaf h = host(1, 0);
	struct leaf *l = &basic[1];

	l->kind = LEAF_FEATURES;
	l->r[EAX] = h.r[EAX];
	l->r[EBX] = (h.r[EBX] & 0xff00) | LODGE_MAX_VCPUS << 16;
	l->r[ECX] = offer(h.r[ECX], ALLOW_1_ECX, CPUID_1_ECX) | FORCE_1_ECX;
	l->r[EDX] = offer(h.r[EDX], ALLOW_1_EDX, CPUID_1_EDX) | FORCE_1_EDX;
	if (!avx)
		l->r[ECX] &= ~(F(AVX) | F(FMA) | F(F16C));

	basic[7].kind = LEAF_FEATURES7;
	h = host(7, 0);
	sub7[0].r[EAX] = min(h.r[EAX], 2U);
	l = &sub7[0];
	l->r[EBX] = offer(h.r[EBX], ALLOW_7_EBX, CPUID_7_0_EBX) | FORCE_7_EBX;
	l->r[ECX] = offer(h.r[ECX], ALLOW_7_ECX, CPUID_7_ECX);
	l->r[EDX] = offer(h.r[EDX], ALLOW_7_EDX, CPUID_7_EDX);
	/*
	 * Nested paging walks the guest's tables with the guest's own CR4, so
	 * this one does not depend on what the host's kernel uses.
	 */
	l->r[ECX] |= h.r[ECX] & F(LA57);
	if (xfeatures & XFEATURE_MASK_PKRU)
		l->r[ECX] |= h.r[ECX] & F(PKU);
	if (lodge_vendor->hidden & LODGE_HIDE_INVPCID)
		l->r[EBX] &= ~F(INVPCID);
	if (lodge_vendor->hidden & LODGE_HIDE_RDTSCP)
		l->r[ECX] &= ~F(RDPID);
	if (!avx) {
		l->r[EBX] &= ~AVX_7_EBX;
		l->r[ECX] &= ~AVX_7_ECX;
	}
	if (!avx512) {
		l->r[EBX] &= ~AVX512_7_EBX;
		l->r[ECX] &= ~AVX512_7_ECX;
		l->r[EDX] &= ~AVX512_7_EDX;
	}
	if (sub7[0].r[EAX] >= 1) {
		h = host(7, 1);
		l = &sub7[1];
		l->r[EAX] = h.r[EAX] & ALLOW_71_EAX;
		l->r[EDX] = h.r[EDX] & ALLOW_71_EDX;
		if (!avx) {
			l->r[EAX] &= ~AVX_71_EAX;
			l->r[EDX] &= ~AVX_71_EDX;
		}
		if (!avx512)
			l->r[EAX] &= ~AVX512_71_EAX;
	}
	if (sub7[0].r[EAX] >= 2)
		sub7[2].r[EDX] = host(7, 2).r[EDX] & ALLOW_72_EDX;

	h = host(EXT + 1, 0);
	l = &ext[1];
	l->r[EAX] = h.r[EAX];
	l->r[EBX] = h.r[EBX];
	l->r[ECX] = offer(h.r[ECX], ALLOW_81_ECX, CPUID_8000_0001_ECX);
	l->r[EDX] = offer(h.r[EDX], ALLOW_81_EDX, CPUID_8000_0001_EDX) | F(LM);
	if (!avx)
		l->r[ECX] &= ~AVX_81_ECX;
	if (lodge_vendor->hidden & LODGE_HIDE_RDTSCP)
		l->r[EDX] &= ~F(RDTSCP);
	if (nr_ext <= 0x1e)
		l->r[ECX] &= ~F(TOPOEXT);
	if (!intel) {
		/* The logical processors of leaf 1 are cores, not threads. */
		l->r[ECX] |= F(CMP_LEGACY);
		l->r[EDX] |= basic[1].r[EDX] & AMD_COPIES;
	}

	h = host(EXT + 8, 0);
	ext[8].r[EBX] = offer(h.r[EBX], ALLOW_88_EBX, CPUID_8000_0008_EBX);
	if (nr_ext > 0x21)
		ext[0x21].r[EAX] = host(EXT + 0x21, 0).r[EAX] & ALLOW_821_EAX;
}

/* What other parts of the module ask for again and again. */
static void init_caps(void)
{
	u32 edx1 = basic[1].r[EDX], ecx1 = basic[1].r[ECX];
	u32 ebx7 = sub7[0].r[EBX], ecx7 = sub7[0].r[ECX], edx7 = sub7[0].r[EDX];
	u32 edx81 = ext[1].r[EDX], ebx88 = ext[8].r[EBX];
	u32 edx72 = sub7[2].r[EDX];
	const struct {
		enum lodge_cap cap;
		bool on;
	} list[] = {
		{ CAP_VME,	 edx1 & F(VME) },
		{ CAP_PCID,	 ecx1 & F(PCID) },
		{ CAP_FSGSBASE,	 ebx7 & F(FSGSBASE) },
		{ CAP_SMEP,	 ebx7 & F(SMEP) },
		{ CAP_SMAP,	 ebx7 & F(SMAP) },
		{ CAP_UMIP,	 ecx7 & F(UMIP) },
		{ CAP_PKU,	 ecx7 & F(PKU) },
		{ CAP_LA57,	 ecx7 & F(LA57) },
		{ CAP_NX,	 edx81 & F(NX) },
		{ CAP_FXSR_OPT,	 edx81 & F(FXSR_OPT) },
		{ CAP_TSC_AUX,	 (edx81 & F(RDTSCP)) || (ecx7 & F(RDPID)) },
		{ CAP_IBPB,	 (edx7 & F(SPEC_CTRL)) ||
				 (ebx88 & F(AMD_IBPB)) },
		{ CAP_SBPB,	 ext[0x21].r[EAX] & SBPB },
		{ CAP_ARCH_CAPS, edx7 & F(ARCH_CAPABILITIES) },
	};
	u64 mask = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i].on)
			caps |= BIT(list[i].cap);

	if ((edx7 & F(SPEC_CTRL)) || (ebx88 & F(AMD_IBRS)))
		mask |= SPEC_CTRL_IBRS;
	if ((edx7 & F(INTEL_STIBP)) || (ebx88 & F(AMD_STIBP)))
		mask |= SPEC_CTRL_STIBP;
	if ((edx7 & F(SPEC_CTRL_SSBD)) || (ebx88 & F(AMD_SSBD)))
		mask |= SPEC_CTRL_SSBD;
	if ((edx72 & SPEC_PSFD) || (ebx88 & AMD_PSFD))
		mask |= BIT(7);
	if (edx72 & SPEC_IPRED)
		mask |= BIT(3) | BIT(4);
	if (edx72 & SPEC_RRSBA)
		mask |= BIT(5) | BIT(6);
	if (edx72 & SPEC_DDPD)
		mask |= BIT(8);
	if (edx72 & SPEC_BHI)
		mask |= BIT(10);
	spec_ctrl_mask = mask;

	if ((caps & BIT(CAP_ARCH_CAPS)) &&
	    !rdmsrq_safe(MSR_IA32_ARCH_CAPABILITIES, &arch_caps))
		arch_caps &= ALLOW_ARCH_CAPS;
	else
		arch_caps = 0;
}

/*
 * Caches as the host's, but shared as the guest's topology says: each vCPU is
 * a core with caches of its own, all of them share the third level.
 */
static void init_caches(struct leaf *sub, u32 function, bool cores)
{
	int i;

	for (i = 0; i < NR_CACHES; i++) {
		struct leaf l = host(function, i);
		u32 level = (l.r[EAX] >> 5) & 7;

		if (!(l.r[EAX] & 0x1f))
			break;
		l.r[EAX] &= 0x3fff;
		if (level >= 3)
			l.r[EAX] |= (LODGE_MAX_VCPUS - 1) << 14;
		if (cores)
			l.r[EAX] |= (LODGE_MAX_VCPUS - 1) << 26;
		sub[i] = l;
	}
}

static void init_xsave(void)
{
	u64 xfeatures = lodge_fpu_features();
	int i;

	basic[0xd].kind = LEAF_XSAVE;
	sub_d[0].r[EAX] = xfeatures;
	sub_d[0].r[ECX] = lodge_fpu_size();
	sub_d[0].r[EDX] = xfeatures >> 32;
	sub_d[1].r[EAX] = offer(host(0xd, 1).r[EAX], ALLOW_D1_EAX, CPUID_D_1_EAX);
	for (i = 2; i < 63; i++)
		if (xfeatures & BIT_ULL(i))
			sub_d[i] = host(0xd, i);
}

static void init_basic(void)
{
	basic[0] = host(0, 0);
	basic[0].r[EAX] = nr_basic - 1;
	basic[2] = host(2, 0);
	basic[4].kind = LEAF_CACHE;
	init_caches(sub4, 4, true);
	/* The local APIC's timer does not stop while the vCPU halts. */
	basic[6].r[EAX] = F(ARAT);
	basic[0xb].kind = LEAF_TOPOLOGY;
	init_xsave();
	if (intel && nr_basic > 0x15) {
		/* So that TSC and APIC timer come out right: kHz over kHz. */
		basic[0x15].r[EAX] = CRYSTAL_HZ / 1000;
		basic[0x15].r[EBX] = tsc_khz;
		basic[0x15].r[ECX] = CRYSTAL_HZ;
	}
	if (intel && nr_basic > 0x16) {
		basic[0x16].r[EAX] = tsc_khz / 1000;
		basic[0x16].r[EBX] = tsc_khz / 1000;
		basic[0x16].r[ECX] = 100;
	}
	if (nr_basic > 0x1f)
		basic[0x1f].kind = LEAF_TOPOLOGY;
}

static void init_ext(void)
{
	/* Brand string, caches and TLBs of AMD, hints: nothing to hide. */
	static const u8 as_host[] = { 0, 2, 3, 4, 5, 6, 0x19, 0x1a };
	u32 virt = lodge_virt_bits();
	int i;

	for (i = 0; i < ARRAY_SIZE(as_host); i++)
		if (as_host[i] < nr_ext)
			ext[as_host[i]] = host(EXT + as_host[i], 0);
	ext[0].r[EAX] = EXT + nr_ext - 1;
	if (lodge_tsc_stable())
		ext[7].r[EDX] = host(EXT + 7, 0).r[EDX] & BIT(8);
	ext[8].r[EAX] = lodge_phys_bits() | virt << 8;
	if (!intel)
		ext[8].r[ECX] = (LODGE_MAX_VCPUS - 1) | TOPOLOGY_SHIFT << 12;
	if (ext[1].r[ECX] & F(TOPOEXT)) {
		ext[0x1d].kind = LEAF_AMD_CACHE;
		init_caches(sub_1d, EXT + 0x1d, false);
		ext[0x1e].kind = LEAF_AMD_TOPOLOGY;
	}
}

/* The leaves by which stock kernels know KVM's paravirtual clock. */
static void init_kvm(void)
{
	kvm[0].r[EAX] = KVM + ARRAY_SIZE(kvm) - 1;
	memcpy(&kvm[0].r[EBX], KVM_SIGNATURE, 12);
	kvm[1].r[EAX] = BIT(KVM_FEATURE_CLOCKSOURCE) |
			BIT(KVM_FEATURE_CLOCKSOURCE2) |
			BIT(KVM_FEATURE_NOP_IO_DELAY) |
			BIT(KVM_FEATURE_PV_UNHALT);
	if (lodge_tsc_stable())
		kvm[1].r[EAX] |= BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);
}

/**
 * lodge_cpuid_init() - put the leaves together; after lodge_fpu_init()
 *
 * Return: 0, or -ENODEV if the host has no usable time stamp counter
 */
int lodge_cpuid_init(void)
{
	if (!tsc_khz)
		return -ENODEV;

	intel = boot_cpu_data.x86_vendor != X86_VENDOR_AMD &&
		boot_cpu_data.x86_vendor != X86_VENDOR_HYGON;
	nr_basic = clamp(host(0, 0).r[EAX], 0xdU, (u32)MAX_BASIC) + 1;
	nr_ext = clamp(host(EXT, 0).r[EAX], EXT + 8, EXT + MAX_EXT) - EXT + 1;

	init_features();
	init_caps();
	init_basic();
	init_ext();
	init_kvm();
	/*
	 * Beyond the last leaf, Intel's processors give the last basic one
	 * (Intel SDM vol. 2, CPUID), AMD's zeros (AMD APM vol. 3, E.3).
	 */
	if (intel)
		outside = basic[nr_basic - 1];
	return 0;
}

/* Bytes of an XSAVE area with the state that is switched on now. */
static u32 xsave_size(u64 xcr0, bool compacted)
{
	u32 size = offsetof(struct xregs_state, extended_state_area);
	int i;

	for (i = 2; xcr0 >> i; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (!compacted) {
			size = max(size, sub_d[i].r[EAX] + sub_d[i].r[EBX]);
			continue;
		}
		if (sub_d[i].r[ECX] & BIT(1))
			size = ALIGN(size, 64);
		size += sub_d[i].r[EAX];
	}
	return size;
}

static const struct leaf *subleaf(const struct leaf *sub, u32 index, u32 nr)
{
	static const struct leaf none;

	return index < nr ? &sub[array_index_nospec(index, nr)] : &none;
}

/* The leaves that depend on the subleaf or on the vCPU.  Not in the fast path. */
static noinline void dynamic(struct lodge_vcpu *vcpu, const struct leaf *l,
			     u32 sub, u32 *r)
{
	switch (l->kind) {
	case LEAF_FEATURES:
		r[EBX] |= vcpu->id << 24;
		if (lodge_vendor->get_cr(vcpu, 4) & X86_CR4_OSXSAVE)
			r[ECX] |= F(OSXSAVE);
		if (!(READ_ONCE(vcpu->apic_base) & MSR_IA32_APICBASE_ENABLE))
			r[EDX] &= ~F(APIC);
		break;
	case LEAF_CACHE:
		memcpy(r, subleaf(sub4, sub, NR_CACHES)->r, sizeof(l->r));
		break;
	case LEAF_FEATURES7:
		memcpy(r, subleaf(sub7, sub, ARRAY_SIZE(sub7))->r, sizeof(l->r));
		if (!sub && (lodge_vendor->get_cr(vcpu, 4) & X86_CR4_PKE))
			r[ECX] |= F(OSPKE);
		break;
	case LEAF_TOPOLOGY:
		/* Level 0 is threads, one a core; level 1 is cores. */
		if (sub == 0) {
			r[EBX] = 1;
			r[ECX] = 1 << 8;
		} else if (sub == 1) {
			r[EAX] = TOPOLOGY_SHIFT;
			r[EBX] = LODGE_MAX_VCPUS;
			r[ECX] = 2 << 8;
		}
		r[ECX] |= sub & 0xff;
		r[EDX] = vcpu->id;
		break;
	case LEAF_XSAVE:
		memcpy(r, subleaf(sub_d, sub, ARRAY_SIZE(sub_d))->r, sizeof(l->r));
		if (sub == 0)
			r[EBX] = xsave_size(lodge_fpu_xcr0(vcpu), false);
		else if (sub == 1 && (r[EAX] & F(XSAVEC)))
			r[EBX] = xsave_size(lodge_fpu_xcr0(vcpu), true);
		break;
	case LEAF_AMD_CACHE:
		memcpy(r, subleaf(sub_1d, sub, NR_CACHES)->r, sizeof(l->r));
		break;
	case LEAF_AMD_TOPOLOGY:
		r[EAX] = vcpu->id;
		r[EBX] = vcpu->id;
		break;
	}
}

static const struct leaf *find(u32 function)
{
	if (function < nr_basic)
		return &basic[array_index_nospec(function, nr_basic)];
	if (function - EXT < nr_ext)
		return &ext[array_index_nospec(function - EXT, nr_ext)];
	if (function - KVM < ARRAY_SIZE(kvm))
		return &kvm[array_index_nospec(function - KVM, ARRAY_SIZE(kvm))];
	return &outside;
}

void lodge_cpuid(struct lodge_vcpu *vcpu, u32 regs[4])
{
	const struct leaf *l = find(regs[0]);
	u32 sub = regs[2];

	memcpy(regs, l->r, sizeof(l->r));
	if (l->kind != LEAF_PLAIN)
		dynamic(vcpu, l, sub, regs);
}
