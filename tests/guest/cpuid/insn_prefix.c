/* SPDX-License-Identifier: BSD-2-Clause */
/* Intercepted instructions with prefixes: RIP must advance by the true length, also when the
 * instruction lies across two pages. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "prefixed and page-crossing intercepted instructions";

struct form {
	const char *name;
	u8 length, bytes[14];
};
static const struct form forms[] = {
	{"cpuid", 2, {0x0F, 0xA2}},
	{"rep cpuid", 3, {0xF3, 0x0F, 0xA2}},
	{"repne cpuid", 3, {0xF2, 0x0F, 0xA2}},
	{"data16 cpuid", 3, {0x66, 0x0F, 0xA2}},
	{"addr32 cpuid", 3, {0x67, 0x0F, 0xA2}},
	{"rex.w cpuid", 3, {0x48, 0x0F, 0xA2}},
	{"cs rex cpuid", 4, {0x2E, 0x4F, 0x0F, 0xA2}},
	{"dead rex cpuid", 4, {0x48, 0x66, 0x0F, 0xA2}},
	{"many prefixes", 9, {0x66, 0x67, 0xF3, 0x3E, 0x65, 0x66, 0x41, 0x0F, 0xA2}},
	{"fourteen bytes",
	 14,
	 {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0F, 0xA2}},
	{"rdmsr", 2, {0x0F, 0x32}},
	{"rex.w rdmsr", 3, {0x48, 0x0F, 0x32}},
	{"data16 rdmsr", 3, {0x66, 0x0F, 0x32}},
	{"rep rdmsr", 3, {0xF3, 0x0F, 0x32}},
	{"hlt", 1, {0xF4}},
	{"rep hlt", 2, {0xF3, 0xF4}},
	{"rex.w hlt", 2, {0x48, 0xF4}},
	{"data16 hlt", 2, {0x66, 0xF4}},
	{"wbinvd", 2, {0x0F, 0x09}},
	{"data16 wbinvd", 3, {0x66, 0x0F, 0x09}},
	{"in al, dx", 1, {0xEC}},
	{"in ax, dx", 2, {0x66, 0xED}},
	{"rex.w in eax, dx", 2, {0x48, 0xED}},
	{"rep in al, dx", 2, {0xF3, 0xEC}},
	{"addr32 in al, 0x77", 3, {0x67, 0xE4, 0x77}},
	{"out 0x78, al", 2, {0xE6, 0x78}},
	{"data16 out dx, ax", 2, {0x66, 0xEF}},
	{"pause", 2, {0xF3, 0x90}},
	{"rdtscp or #UD", 3, {0x0F, 0x01, 0xF9}},
	{"rdtsc", 2, {0x0F, 0x31}},
	{"rex rdtsc", 3, {0x40, 0x0F, 0x31}},
	{"rdpmc or #GP", 3, {0x66, 0x0F, 0x33}},
	{"mov rax, cr8", 4, {0x44, 0x0F, 0x20, 0xC0}},
	{"mov rax, cr4; mov cr4, rax", 6, {0x0F, 0x20, 0xE0, 0x0F, 0x22, 0xE0}},
	{"mov rax, cr0; rex mov cr0, rax", 7, {0x0F, 0x20, 0xC0, 0x48, 0x0F, 0x22, 0xC0}},
	{"mov rax, cr3; mov cr3, rax", 6, {0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8}},
	{"mov rax, dr7; mov dr7, rax", 6, {0x0F, 0x21, 0xF8, 0x0F, 0x23, 0xF8}},
	{"invlpg [rsp]", 4, {0x0F, 0x01, 0x3C, 0x24}},
};

static u8 code[8192] __attribute__((aligned(4096)));

struct call {
	u8 *at;
	u64 mark;
};

static void execute(void *arg)
{
	struct call *c = arg;
	u64 mark;

	/* ECX for RDMSR: EFER; DX for IN and OUT: a port where nothing is. */
	__asm__ volatile("xorl %%esi, %%esi; call *%%rdi; movq %%rsi, %0"
			 : "=&r"(mark)
			 : "D"(c->at), "a"(0), "c"(MSR_EFER), "d"(0x5678)
			 : "rbx", "rsi", "memory", "cc");
	c->mark = mark;
}

static void wake(struct trap_frame *f)
{
	count_interrupt(f);
}

static void try_form(const struct form *f, u32 offset)
{
	static const u8 tail[] = {0xBE, 0x44, 0x33,
				  0x22, 0x11, 0xC3}; /* mov esi, 0x11223344; ret */
	struct call c = {code + offset, 0};
	struct fault r;
	u64 efer = rdmsr(MSR_EFER);
	bool halts = f->bytes[f->length - 1] == 0xF4;

	memset(code, 0xCC, sizeof(code));
	memcpy(code + offset, f->bytes, f->length);
	memcpy(code + offset + f->length, tail, sizeof(tail));
	if (halts) { /* an interrupt ends it */
		apic_icr(0, ICR_SELF | 0x40);
		interrupts_on();
		apic_write(APIC_TMICT, 100000);
	}
	r = expect_fault(execute, &c);
	interrupts_off();
	if ((r.vector == 6 || r.vector == 13) && r.rip == (u64)c.at)
		return; /* the instruction does not exist, or is refused: told at its start */
	if (r.vector != VECTOR_NONE)
		test_fail("%s at offset %x: vector %u at +%ld", f->name, offset, r.vector,
			  (long)(r.rip - (u64)c.at));
	if (c.mark != 0x11223344)
		test_fail("%s at offset %x: the next instruction was missed", f->name, offset);
	CHECK_EQ(rdmsr(MSR_EFER), efer, "EFER");
}

void test_main(void)
{
	apic_enable();
	trap_set_handler(0x40, wake);
	trap_set_handler(0x41, wake);
	apic_write(APIC_TDCR, 0xB);
	apic_write(APIC_LVT_TIMER, 0x20041); /* periodic: HLT always ends */
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		try_form(&forms[i], 64);
		for (u32 cut = 1; cut<forms[i].length; cut += forms[i].length> 4 ? 3 : 1)
			try_form(&forms[i], 4096 - cut);
		try_form(&forms[i], 4096 - forms[i].length);
	}
}
