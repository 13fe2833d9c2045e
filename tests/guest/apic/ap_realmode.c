/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU after INIT and STARTUP: its state in real mode, and 16-bit code with exits in it. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "real-mode start of a vCPU";

/* At the start of its page; results behind offset 0x200. */
__asm__(".text\n"
	".code16\n"
	".globl real_code, real_code_end\n"
	"real_code:\n"
	"	movw %cs, %ss:0x9200\n" /* SS base 0 */
	"	movw %cs, %ax\n"
	"	movw %ds, %bx\n"
	"	movw %ax, %ds\n"
	"	movw %bx, 0x202\n"
	"	movl %cr0, %eax\n"
	"	movl %eax, 0x204\n"
	"	pushfl\n"
	"	popl 0x208\n"
	"	smsw %ax\n"
	"	movw %ax, 0x20C\n"
	"	movl $0x40000000, %eax\n"
	"	cpuid\n"
	"	movl %ebx, 0x210\n"
	"	movl $0x1B, %ecx\n"
	"	rdmsr\n"
	"	movl %eax, 0x214\n"
	"	movw $0x5678, %dx\n"
	"	inw %dx, %ax\n"
	"	movw %ax, 0x218\n"
	"	inl %dx, %eax\n"
	"	movl %eax, 0x21C\n"
	"	movw %cs, %ax\n"
	"	movw %ax, %es\n"
	"	movw $0x220, %di\n"
	"	movw $4, %cx\n"
	"	rep insb\n"
	"	movw %di, 0x228\n"
	"	.byte 0x67, 0xF3, 0x6C\n" /* rep insb with 32-bit addresses, ECX = 0 */
	"	movl %edx, 0x230\n"
	"	movl $0x600DC0DE, 0x23C\n"
	"1:	cli\n"
	"	hlt\n"
	"	jmp 1b\n"
	"real_code_end:\n"
	".code64\n");
extern const char real_code[], real_code_end[];

#define PAGE_AT 0x9000u
static volatile u32 *result(u32 offset)
{
	return (volatile u32 *)(u64)(PAGE_AT + offset);
}

static volatile u32 ran;
static void set_ran(void *arg)
{
	(void)arg;
	ran = 1;
}

static void start(void)
{
	memset((void *)(u64)PAGE_AT, 0, 4096);
	memcpy((void *)(u64)PAGE_AT, real_code, (size_t)(real_code_end - real_code));
	apic_icr(cpu_apic_id(1), ICR_STARTUP | PAGE_AT >> 12);
}

void test_main(void)
{
	/* STARTUP alone starts nothing that runs; a vCPU that was never started waits for INIT. */
	apic_icr(cpu_apic_id(1), ICR_INIT | ICR_ASSERT);
	start();
	CHECK(WAIT_FOR(*result(0x23C) == 0x600DC0DE, 20000), "real-mode code ran to its end");
	CHECK_EQ(*result(0x200) & 0xFFFF, PAGE_AT >> 4, "CS");
	CHECK_EQ(*result(0x200) >> 16, 0, "DS");
	CHECK_EQ(*result(0x204) & ~0x60000000u, 0x10, "CR0 but for the cache bits");
	CHECK_EQ(*result(0x208), 2, "EFLAGS");
	CHECK_EQ(*result(0x20C) & 0xFFFF, 0x10, "SMSW");
	if (on_xen())
		CHECK_EQ(*result(0x210), 0x566E6558, "CPUID");
	CHECK_EQ(*result(0x214) & 0x900, 0x800, "APIC on, not the boot CPU");
	CHECK_EQ(*result(0x218) & 0xFFFF, 0xFFFF, "IN 16");
	CHECK_EQ(*result(0x21C), 0xFFFFFFFF, "IN 32");
	CHECK_EQ(*result(0x220), 0xFFFFFFFF, "REP INSB");
	CHECK_EQ(*result(0x228) & 0xFFFF, 0x224, "DI after REP INSB");
	CHECK_EQ(*result(0x230), 0x5678, "DX kept its value");
	/* Running: STARTUP is ignored. Parked with IF=0: INIT and STARTUP start it again. */
	apic_icr(cpu_apic_id(1), ICR_INIT | ICR_ASSERT);
	start();
	CHECK(WAIT_FOR(*result(0x23C) == 0x600DC0DE, 20000), "started a second time");
	/* And the library's own way still works. */
	cpu_start(1, set_ran, NULL);
	CHECK(WAIT_FOR(ran == 1, 20000), "64-bit code after real mode");
}

// guest: vcpus=2
