/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes the instruction decoder: bounds, agreement with itself, and emulation of whatever decodes.
 */
// links: core/insn.c
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <core/insn.h>
#include <xen/errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void emulate(const struct insn *in, u64 seed)
{
	struct plinth_segment seg[SEG_COUNT];
	struct insn_mmio p;
	u64 gpr[GPR_COUNT], rflags = seed;

	memset(seg, 0x5A, sizeof(seg));
	for (unsigned int i = 0; i < GPR_COUNT; i++)
		gpr[i] = seed * (2 * i + 1);
	if (!in->has_mem)
		return;
	check(in->mode == 64 || insn_linear(in, gpr, seg, seed).v <= UINT32_MAX);
	if (insn_mmio_plan(in, &p))
		return;
	check(p.width == 1 || p.width == 2 || p.width == 4 || p.width == 8);
	check(p.reg < GPR_COUNT && (p.reads || p.writes));
	check((insn_mmio_execute(&p, ~seed, gpr, &rflags) & ~low_mask(8u * p.width)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned int mode = 16; mode <= 64; mode *= 2) {
		struct insn in, again;
		unsigned int length;
		uint8_t *copy;
		int err = insn_decode(&in, data, size, mode);

		check(err == 0 || err == -XEN_EINVAL || (err == -XEN_E2BIG && size < 15));
		check(insn_length(data, size, mode, &length) == err);
		if (err)
			continue;
		check(in.length > 0 && in.length <= 15 && in.length <= size && length == in.length);
		/* The same bytes alone, where the sanitizer sees a read past them. */
		copy = malloc(in.length);
		memcpy(copy, data, in.length);
		check(insn_decode(&again, copy, in.length, mode) == 0);
		check(memcmp(&in, &again, sizeof(in)) == 0);
		check(insn_decode(&again, copy, in.length - 1u, mode) == -XEN_E2BIG);
		free(copy);
		emulate(&in, data[0] * 0x9E3779B97F4A7C15ull + mode);
	}
	return 0;
}
