/* SPDX-License-Identifier: GPL-2.0-only */
/* What lets the decoder, the executor and the page walk be built as a program. */
#ifndef LODGE_INSN_SHIM_H
#define LODGE_INSN_SHIM_H

#include "kselftest_harness.h"
#include "kernel_shim.h"
/* A member of two structs has this name. */
#undef tsc_khz

typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;

#undef fallthrough
#define fallthrough	__attribute__((fallthrough))

#include "../kmod/vm/insn.h"

#endif /* LODGE_INSN_SHIM_H */
