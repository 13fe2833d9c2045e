/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypercall page, both hypercall instructions, and the registers that a call must keep. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "hypercall page and instructions";

static u8 page[4096] __attribute__((aligned(4096)));

static void set_page(void *arg)
{
	wrmsr(0x40000000, (u64)arg);
}
static void refuse(u64 address, const char *what)
{
	struct fault f = expect_fault(set_page, (void *)address);

	if (f.vector != 13 || f.error)
		test_fail("hypercall page at %s: vector %u", what, f.vector);
}

static void check_page(void)
{
	for (u32 i = 0; i < 128; i++) {
		const u8 *s = page + i * 32;
		u32 nr;

		if (i == 23) {
			CHECK(s[0] == 0x0F && s[1] == 0x0B, "slot 23 is UD2");
			continue;
		}
		memcpy(&nr, s + 1, 4);
		if (s[0] != 0xB8 || nr != i || s[5] != 0x0F || s[6] != 0x01 ||
		    (s[7] != 0xC1 && s[7] != 0xD9) || s[8] != 0xC3)
			test_fail("slot %u of the hypercall page", i);
	}
}

static u64 before[16], after[16];

/* Fills all registers, calls sched_op yield, keeps what they hold afterwards. */
static void check_registers(void)
{
	for (u64 i = 0; i < 16; i++)
		before[i] = 0x1111111111111111 * i;
	before[0] = HYPERVISOR_sched_op;
	before[7] = SCHEDOP_yield;
	__asm__ volatile(
		"pushq %%rbx; pushq %%rbp; pushq %%r12; pushq %%r13; pushq %%r14; pushq %%r15\n"
		"pushq %0\n"
		"movq %1, %%r15\n"
		"movq 0(%%r15), %%rax; movq 8(%%r15), %%rcx; movq 16(%%r15), %%rdx\n"
		"movq 24(%%r15), %%rbx; movq 40(%%r15), %%rbp; movq 48(%%r15), %%rsi\n"
		"movq 56(%%r15), %%rdi; movq 64(%%r15), %%r8; movq 72(%%r15), %%r9\n"
		"movq 80(%%r15), %%r10; movq 88(%%r15), %%r11; movq 96(%%r15), %%r12\n"
		"movq 104(%%r15), %%r13; movq 112(%%r15), %%r14; movq 120(%%r15), %%r15\n"
		"vmmcall\n"
		"xchgq %%r15, (%%rsp)\n"
		"movq %%rax, 0(%%r15); movq %%rcx, 8(%%r15); movq %%rdx, 16(%%r15)\n"
		"movq %%rbx, 24(%%r15); movq %%rbp, 40(%%r15); movq %%rsi, 48(%%r15)\n"
		"movq %%rdi, 56(%%r15); movq %%r8, 64(%%r15); movq %%r9, 72(%%r15)\n"
		"movq %%r10, 80(%%r15); movq %%r11, 88(%%r15); movq %%r12, 96(%%r15)\n"
		"movq %%r13, 104(%%r15); movq %%r14, 112(%%r15); popq 120(%%r15)\n"
		"popq %%r15; popq %%r14; popq %%r13; popq %%r12; popq %%rbp; popq %%rbx\n"
		:
		: "r"(after), "r"(before)
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	CHECK_EQ(after[0], 0, "result of yield");
	for (u32 i = 1; i < 16; i++)
		if (i != 4 && after[i] != before[i])
			test_fail("register %u changed from %lx to %lx", i, before[i], after[i]);
}

void test_main(void)
{
	s64 version = xen_version(XENVER_version, NULL);

	CHECK_EQ(hypercall_vmmcall(HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0), version,
		 "VMMCALL");
	CHECK_EQ(hypercall_vmcall(HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0), version,
		 "VMCALL");
	wrmsr(0x40000000, (u64)page);
	CHECK_EQ(rdmsr(0x40000000), 0, "the MSR reads 0");
	check_page();
	hypercall_page_address = (u64)page;
	CHECK_EQ(hypercall_by_page(HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0), version,
		 "call through the page");
	CHECK_EQ(hypercall_by_page(127, 0, 0, 0, 0, 0), -XEN_ENOSYS, "slot 127");
	refuse((u64)page + 1, "an odd address");
	refuse((u64)page + 0x800, "the middle of a page");
	refuse(0xC0000000, "a hole");
	refuse(0xFFFFFFFFFF000, "the end of all addresses");
	refuse(1ull << 63, "a negative address");
	check_registers();
}
