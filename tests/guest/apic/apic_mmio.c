/* SPDX-License-Identifier: BSD-2-Clause */
/* The xAPIC page through every form of instruction that a compiler or a kernel uses. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "xAPIC registers by MMIO";

#define REG(off) ((u64)APIC_MMIO + (off))

static void check_forms(void)
{
	u64 tpr = REG(APIC_TPR);
	u32 v;

	__asm__ volatile("movl %1, (%0)" : : "r"(tpr), "r"(0x10) : "memory"); /* 89 */
	__asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(tpr) : "memory");    /* 8B */
	CHECK_EQ(v, 0x10, "mov r32");
	__asm__ volatile("movl $0x20, (%0)" : : "r"(tpr) : "memory"); /* C7 */
	__asm__ volatile("movl 0x40(%1,%2,2), %0" : "=r"(v) : "r"(tpr - 0x60), "r"(0x10ull));
	CHECK_EQ(v, 0x20, "mov imm32, SIB addressing");
	__asm__ volatile("movl %1, %%r13d; movl %%r13d, (%0)"
			 :
			 : "r"(tpr), "r"(0x30)
			 : "r13", "memory");
	__asm__ volatile("movl (%1), %%r9d; movl %%r9d, %0" : "=r"(v) : "r"(tpr) : "r9");
	CHECK_EQ(v, 0x30, "extended registers");
	__asm__ volatile("movabsl %%eax, 0xFEE00080" : : "a"(0x40) : "memory"); /* A3 */
	__asm__ volatile("movabsl 0xFEE00080, %%eax" : "=a"(v) : : "memory");   /* A1 */
	CHECK_EQ(v, 0x40, "moffs");
	v = 0x50;
	__asm__ volatile("xchgl %0, (%1)" : "+r"(v) : "r"(tpr) : "memory"); /* 87 */
	CHECK_EQ(v, 0x40, "xchg gives the old value");
	CHECK_EQ(*apic_mmio(APIC_TPR), 0x50, "xchg writes the new one");
	__asm__ volatile("movq $-1, %%rax; movl (%1), %%eax; movq %%rax, %0"
			 : "=r"(tpr)
			 : "r"(REG(APIC_TPR))
			 : "rax");
	CHECK_EQ(tpr, 0x50, "a 32-bit load clears the upper half");
	tpr = REG(APIC_TPR);
	__asm__ volatile("movl %1, %%ecx; movl %%ecx, %%fs:(%0)"
			 :
			 : "r"(tpr), "r"(0x60)
			 : "rcx", "memory");
	CHECK_EQ(*apic_mmio(APIC_TPR), 0x60, "segment prefix");
	__asm__ volatile(".byte 0x67; movl %%ecx, (%%rax)" : : "a"(tpr), "c"(0x70) : "memory");
	CHECK_EQ(*apic_mmio(APIC_TPR), 0x70, "address-size prefix");
	*apic_mmio(APIC_TPR) = 0;
}

/* Read-modify-write and compare forms: handled, or the guest's own fault, but never nonsense. */
static void alu_forms(void *arg)
{
	u64 tpr = REG(APIC_TPR);
	u64 flags;

	(void)arg;
	*apic_mmio(APIC_TPR) = 0x21;
	__asm__ volatile("orl $0x42, (%0)" : : "r"(tpr) : "memory", "cc");
	CHECK_EQ(*apic_mmio(APIC_TPR), 0x63, "or");
	__asm__ volatile("andl $0x60, (%0)" : : "r"(tpr) : "memory", "cc");
	CHECK_EQ(*apic_mmio(APIC_TPR), 0x60, "and");
	__asm__ volatile("cmpl $0x60, (%1); pushfq; popq %0" : "=r"(flags) : "r"(tpr) : "cc");
	CHECK(flags & 0x40, "cmp: equal");
	__asm__ volatile("testl $0x1, (%1); pushfq; popq %0" : "=r"(flags) : "r"(tpr) : "cc");
	CHECK(flags & 0x40, "test: zero");
	__asm__ volatile("addl $0x10, (%0)" : : "r"(tpr) : "memory", "cc");
	CHECK_EQ(*apic_mmio(APIC_TPR), 0x70, "add");
}
static void movzx_form(void *arg)
{
	u32 v;

	(void)arg;
	*apic_mmio(APIC_TPR) = 0x33;
	__asm__ volatile("movzbl (%1), %0" : "=r"(v) : "r"(REG(APIC_TPR)));
	CHECK(v == 0x33 || !v || v == 0xFF, "movzx: the byte, or nothing there");
}
static void wide_form(void *arg)
{
	u64 v;

	(void)arg;
	__asm__ volatile("movq (%1), %0" : "=r"(v) : "r"(REG(APIC_ID)));
}

static void check_registers(void)
{
	u32 version = apic_read(APIC_VERSION);

	CHECK_EQ(apic_read(APIC_ID) >> 24, cpu_apic_id(0), "id");
	CHECK((version & 0xFF) >= 0x10 && (version & 0xFF) <= 0x1F, "version");
	CHECK((version >> 16 & 0xFF) >= 3, "LVT entries");
	*apic_mmio(APIC_VERSION) = 0;
	CHECK_EQ(apic_read(APIC_VERSION), version, "version is read-only");
	apic_write(APIC_LDR, 0x05FFFFFF);
	CHECK_EQ(apic_read(APIC_LDR), 0x05000000, "LDR");
	apic_write(APIC_DFR, 0x0FFFFFFF);
	CHECK_EQ(apic_read(APIC_DFR), 0x0FFFFFFF, "DFR: cluster");
	apic_write(APIC_DFR, 0xFFFFFFFF);
	CHECK_EQ(apic_read(APIC_DFR), 0xFFFFFFFF, "DFR: flat");
	apic_enable();
	CHECK_EQ(apic_read(APIC_SVR) & 0x1FF, 0x1FF, "SVR");
	apic_write(APIC_LVT_LINT0, 0x10700);
	CHECK_EQ(apic_read(APIC_LVT_LINT0), 0x10700, "LINT0");
	apic_write(APIC_LVT_ERROR, 0xFE);
	CHECK_EQ(apic_read(APIC_LVT_ERROR), 0xFE, "LVT error");
	apic_write(APIC_ICR2, 0x03000000);
	CHECK_EQ(apic_read(APIC_ICR2), 0x03000000, "ICR high");
	apic_write(APIC_SVR, 0x0FF);
	CHECK(apic_read(APIC_LVT_ERROR) & 0x10000, "software disable masks the LVTs");
	apic_enable();
	for (u32 i = 0; i < 8; i++) {
		CHECK_EQ(apic_read(APIC_ISR + i * 16), 0, "ISR is empty");
		CHECK_EQ(apic_read(APIC_IRR + i * 16), 0, "IRR is empty");
	}
	/* Writes to whatever else is in the page do no harm. */
	for (u32 off = 0; off < 0x1000; off += 16)
		if (off != APIC_ICR && off != APIC_SVR && off != APIC_LVT_TIMER &&
		    off != APIC_TMICT) {
			(void)*apic_mmio(off);
			*apic_mmio(off) = 0;
		}
	apic_write(APIC_ESR, 0);
	apic_write(APIC_ESR, 0);
	CHECK_EQ(apic_read(APIC_ESR), 0, "ESR after clearing it");
}

void test_main(void)
{
	struct fault f;

	if (apic_x2_mode())
		test_skip("vCPUs start in x2APIC mode");
	check_forms();
	f = expect_fault(movzx_form, NULL);
	CHECK(f.vector == VECTOR_NONE, "movzx");
	f = expect_fault(alu_forms, NULL);
	CHECK(f.vector == VECTOR_NONE, "ALU forms");
	(void)expect_fault(wide_form, NULL);
	check_registers();
}
