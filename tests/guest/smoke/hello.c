/* SPDX-License-Identifier: BSD-2-Clause */
/* The library itself: traps, guards, user mode, start info. Also runs on a plain emulator. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "the test library works";

static void undefined(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}
static void nothing(void *arg)
{
	*(u32 *)arg = 7;
}
static void call(void *arg)
{
	*(s64 *)arg = xen_version(XENVER_version, NULL);
}
static void privileged(void *arg)
{
	(void)arg;
	__asm__ volatile("hlt");
}

void test_main(void)
{
	u32 seen = 0;
	s64 version = -1;

	CHECK_EQ(expect_fault(undefined, NULL).vector, 6, "UD2");
	CHECK_EQ(expect_fault(nothing, &seen).vector, VECTOR_NONE, "no fault");
	CHECK_EQ(seen, 7, "guarded function ran");
	CHECK_EQ(run_user(nothing, &seen).vector, 0x80, "user mode and back");
	CHECK_EQ(run_user(privileged, NULL).vector, 13, "HLT in user mode");
	CHECK_EQ(start_info()->version, 1, "start info version");
	if (!on_xen()) {
		CHECK_EQ(expect_fault(call, &version).vector, 6, "hypercall on a plain machine");
		return;
	}
	CHECK_EQ(expect_fault(call, &version).vector, VECTOR_NONE, "hypercall");
	CHECK(version > 0, "xen_version");
}
