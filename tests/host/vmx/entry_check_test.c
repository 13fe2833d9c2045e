/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry checker: good states pass, and each check has a state that fails it, named by field. */
// links: vmx/entry_check.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/regs.h>
#include <vmx/entry_check.h>

#define ALL (0xFFFFFFFFull << 32)

static const struct vmx_caps caps = {
	.pin = ALL | 0x16,
	.primary = (ALL & ~(1ull << 60)) | 1u << 1, /* no MSR bitmap: a control to be refused */
	.secondary = ALL & ~(1ull << 63),
	.exit = ALL | 0x36DFB,
	.entry = ALL | 0x11FB,
	.cr0_fixed0 = 0x80000021,
	.cr0_fixed1 = 0xFFFFFFFF,
	.cr4_fixed0 = 0x2000,
	.cr4_fixed1 = 0x7727FF,
};
static struct vmcs_values s;

#define SEGMENT(S, sel, lim, ar, at)          \
	do {                                  \
		s.GUEST_##S##_SELECTOR = sel; \
		s.GUEST_##S##_LIMIT = lim;    \
		s.GUEST_##S##_RIGHTS = ar;    \
		s.GUEST_##S##_BASE = at;      \
	} while (0)

/* A 64-bit kernel. */
static void good(void)
{
	memset(&s, 0, sizeof(s));
	s.PIN_CONTROLS = 0x3F;
	s.PRIMARY_CONTROLS = PRIMARY_HLT | PRIMARY_SECONDARY | 2;
	s.SECONDARY_CONTROLS = SECONDARY_EPT | SECONDARY_VPID | SECONDARY_UNRESTRICTED;
	s.VPID = 1;
	s.EPT_POINTER = 0x1234000 | 6 | 3 << 3;
	s.EXIT_CONTROLS = 0x36FFB;
	s.ENTRY_CONTROLS = 0x11FB | ENTRY_CTL_LONG_MODE;
	s.GUEST_CR0 = 0x80050033;
	s.GUEST_CR3 = 0x1000;
	s.GUEST_CR4 = 0x26A0;
	s.GUEST_DR7 = 0x400;
	s.GUEST_PAT = 0x0007040600070406;
	s.GUEST_EFER = EFER_LME | EFER_LMA | EFER_SCE;
	s.GUEST_RFLAGS = 0x202;
	s.GUEST_RIP = 0xFFFFFFFF81000000;
	s.LINK_POINTER = ~0ull;
	SEGMENT(ES, 0, 0, RIGHTS_UNUSABLE, 0);
	SEGMENT(CS, 0x10, 0xFFFFFFFF, 0xA09B, 0);
	SEGMENT(SS, 0x18, 0xFFFFFFFF, 0xC093, 0);
	SEGMENT(DS, 0x18, 0xFFFFFFFF, 0xC093, 0);
	SEGMENT(FS, 0, 0, RIGHTS_UNUSABLE, 0);
	SEGMENT(GS, 0, 0, RIGHTS_UNUSABLE, 0xFFFF888000000000);
	SEGMENT(LDTR, 0, 0, RIGHTS_UNUSABLE, 0);
	SEGMENT(TR, 0x40, 0x206F, 0x8B, 0xFFFFFE0000003000);
}

static void real_mode(void)
{
	good();
	s.ENTRY_CONTROLS &= ~(u64)ENTRY_CTL_LONG_MODE;
	s.GUEST_EFER = s.GUEST_RIP = 0;
	s.GUEST_CR0 = 0x30;
	s.GUEST_CR4 = 0x2000;
	SEGMENT(ES, 0, 0xFFFF, 0x93, 0);
	SEGMENT(CS, 0x9900, 0xFFFF, 0x9B, 0x99000);
	SEGMENT(SS, 0, 0xFFFF, 0x93, 0);
	SEGMENT(DS, 0, 0xFFFF, 0x93, 0);
	SEGMENT(FS, 0, 0xFFFF, 0x93, 0);
	SEGMENT(GS, 0, 0xFFFF, 0x93, 0);
	SEGMENT(LDTR, 0, 0xFFFF, 0x82, 0);
	SEGMENT(TR, 0, 0xFFFF, 0x8B, 0);
}

static void virtual_8086(void)
{
	good();
	s.ENTRY_CONTROLS &= ~(u64)ENTRY_CTL_LONG_MODE;
	s.GUEST_EFER = s.GUEST_RIP = 0;
	s.GUEST_RFLAGS = 0x20202;
	SEGMENT(ES, 0x100, 0xFFFF, 0xF3, 0x1000);
	SEGMENT(CS, 0x200, 0xFFFF, 0xF3, 0x2000);
	SEGMENT(SS, 0x300, 0xFFFF, 0xF3, 0x3000);
	SEGMENT(DS, 0x400, 0xFFFF, 0xF3, 0x4000);
	SEGMENT(FS, 0x500, 0xFFFF, 0xF3, 0x5000);
	SEGMENT(GS, 0x600, 0xFFFF, 0xF3, 0x6000);
}

#define BAD(f, v)                                      \
	{                                              \
		offsetof(struct vmcs_values, f), v, #f \
	}
#define EVENT(type, vector, more) (EVENT_VALID | (type) << EVENT_TYPE_SHIFT | (vector) | (more))
struct bad {
	size_t offset;
	u64 value;
	const char *field;
};

static const struct bad in_long_mode[] = {
	BAD(PIN_CONTROLS, 0),
	BAD(PRIMARY_CONTROLS, 0),
	BAD(PRIMARY_CONTROLS, PRIMARY_SECONDARY | PRIMARY_MSR_BITMAP | 2),
	BAD(SECONDARY_CONTROLS, 1u << 31),
	BAD(SECONDARY_CONTROLS, SECONDARY_UNRESTRICTED),
	BAD(TPR_THRESHOLD, 0x10),
	BAD(PIN_CONTROLS, 0x36),
	BAD(VPID, 0),
	BAD(EPT_POINTER, 0x1234000),
	BAD(EPT_POINTER, 0x1234000 | 6),
	BAD(EPT_POINTER, 0x1234000 | 6 | 3 << 3 | 1 << 6),
	BAD(EXIT_CONTROLS, 0),
	BAD(ENTRY_CONTROLS, 0),
	BAD(ENTRY_EVENT, EVENT(1u, 3, 0)),
	BAD(ENTRY_EVENT, EVENT(7u, 3, 0)),
	BAD(ENTRY_EVENT, EVENT(2u, 3, 0)),
	BAD(ENTRY_EVENT, EVENT(3u, 32, 0)),
	BAD(ENTRY_EVENT, EVENT(3u, 6, EVENT_HAS_ERROR)),
	BAD(ENTRY_EVENT, EVENT(3u, 13, 0)),
	BAD(ENTRY_EVENT, EVENT(0u, 33, 1u << 13)),
	BAD(GUEST_CR0, 0x80050013),
	BAD(GUEST_CR0, 0x80000020),
	BAD(GUEST_CR0, 0x31),
	BAD(GUEST_CR4, 0x6A0),
	BAD(GUEST_CR4, 0x80002020),
	BAD(GUEST_CR4, 0x2000),
	BAD(GUEST_CR3, 1ull << 52),
	BAD(GUEST_DR7, 1ull << 32),
	BAD(GUEST_SYSENTER_ESP, 1ull << 47),
	BAD(GUEST_SYSENTER_EIP, 1ull << 63),
	BAD(GUEST_PAT, 2),
	BAD(GUEST_PAT, 8ull << 56),
	BAD(GUEST_EFER, EFER_LME | EFER_LMA | EFER_FFXSR),
	BAD(GUEST_EFER, EFER_LME),
	BAD(GUEST_EFER, EFER_LMA),
	BAD(GUEST_TR_SELECTOR, 0x44),
	BAD(GUEST_CS_RIGHTS, 0xA093 | 3 << 5),
	BAD(GUEST_CS_RIGHTS, 0xA0FB),
	BAD(GUEST_CS_RIGHTS, 0xA0FF),
	BAD(GUEST_CS_RIGHTS, 0xA090),
	BAD(GUEST_CS_RIGHTS, 0xA08B),
	BAD(GUEST_CS_RIGHTS, 0xE09B),
	BAD(GUEST_CS_RIGHTS, 0xA01B),
	BAD(GUEST_CS_RIGHTS, 0xA19B),
	BAD(GUEST_CS_RIGHTS, 0x209B),
	BAD(GUEST_CS_BASE, 1ull << 32),
	BAD(GUEST_SS_RIGHTS, 0xC091),
	BAD(GUEST_SS_RIGHTS, 0xC083),
	BAD(GUEST_SS_BASE, 1ull << 40),
	BAD(GUEST_DS_RIGHTS, 0xC013),
	BAD(GUEST_DS_RIGHTS, 0xC092),
	BAD(GUEST_DS_RIGHTS, 0xC099),
	BAD(GUEST_DS_RIGHTS, 0xC083),
	BAD(GUEST_FS_BASE, 1ull << 50),
	BAD(GUEST_GS_BASE, 1ull << 50),
	BAD(GUEST_LDTR_BASE, 1ull << 50),
	BAD(GUEST_LDTR_RIGHTS, 0x83),
	BAD(GUEST_TR_RIGHTS, 0x89),
	BAD(GUEST_TR_RIGHTS, 0x83),
	BAD(GUEST_TR_RIGHTS, 0x808B),
	BAD(GUEST_TR_RIGHTS, 0x1008B),
	BAD(GUEST_TR_BASE, 1ull << 50),
	BAD(GUEST_GDTR_BASE, 1ull << 50),
	BAD(GUEST_IDTR_BASE, 1ull << 50),
	BAD(GUEST_GDTR_LIMIT, 0x10000),
	BAD(GUEST_IDTR_LIMIT, 0x10000),
	BAD(GUEST_RIP, 1ull << 50),
	BAD(GUEST_RFLAGS, 0x200),
	BAD(GUEST_RFLAGS, 0x400202),
	BAD(GUEST_ACTIVITY, 1),
	BAD(GUEST_INTERRUPTIBILITY, 0x20),
	BAD(GUEST_INTERRUPTIBILITY, 3),
	BAD(LINK_POINTER, 0),
};
static const struct bad in_real_mode[] = {
	BAD(GUEST_CR4, 0x22000), /* PCIDE */
	BAD(GUEST_RIP, 1ull << 32), BAD(GUEST_LDTR_SELECTOR, 4),
	BAD(GUEST_EFER, EFER_LMA),  BAD(ENTRY_EVENT, EVENT(3u, 13, EVENT_HAS_ERROR)),
};
static const struct bad in_virtual_8086[] = {
	BAD(GUEST_DS_BASE, 0x4010),
	BAD(GUEST_GS_LIMIT, 0xFFFFF),
	BAD(GUEST_CS_RIGHTS, 0x9B),
};

static void expect(const char *field, u64 value)
{
	struct vmx_violation wrong = {0};

	if (!vmx_entry_check(&s, &caps, &wrong))
		fail_msg("%s %#lx passed", field, (unsigned long)value);
	if (strcmp(wrong.field, field) != 0 || wrong.value != value)
		fail_msg("%s %#lx: %s %#lx (%s)", field, (unsigned long)value, wrong.field,
			 (unsigned long)wrong.value, wrong.rule);
	assert_non_null(wrong.rule);
}

static void run(void (*base)(void), const struct bad *bad, size_t n)
{
	struct vmx_violation wrong;

	base();
	if (vmx_entry_check(&s, &caps, &wrong))
		fail_msg("good state: %s %#lx: %s", wrong.field, (unsigned long)wrong.value,
			 wrong.rule);
	for (size_t i = 0; i < n; i++) {
		base();
		memcpy((u8 *)&s + bad[i].offset, &bad[i].value, 8);
		expect(bad[i].field, bad[i].value);
	}
}

static void long_mode(void **state)
{
	(void)state;
	run(good, in_long_mode, ARRAY_SIZE(in_long_mode));
}
static void real(void **state)
{
	(void)state;
	run(real_mode, in_real_mode, ARRAY_SIZE(in_real_mode));
}
static void v8086(void **state)
{
	(void)state;
	run(virtual_8086, in_virtual_8086, ARRAY_SIZE(in_virtual_8086));
}

/* Where two fields must agree. */
static void together(void **state)
{
	(void)state;
	good();
	s.PIN_CONTROLS = 0x1F;
	s.PRIMARY_CONTROLS |= PRIMARY_NMI_WINDOW;
	expect("PRIMARY_CONTROLS", s.PRIMARY_CONTROLS);
	good();
	s.ENTRY_EVENT = EVENT(3u, 13, EVENT_HAS_ERROR);
	s.ENTRY_ERROR_CODE = 0x10000;
	expect("ENTRY_ERROR_CODE", 0x10000);
	good();
	s.ENTRY_EVENT = EVENT(4u, 0x80, 0);
	expect("ENTRY_INSN_LENGTH", 0);
	s.ENTRY_INSN_LENGTH = 16;
	expect("ENTRY_INSN_LENGTH", 16);
	good();
	s.ENTRY_EVENT = EVENT(0u, 0x30, 0);
	s.GUEST_RFLAGS = 2;
	expect("GUEST_RFLAGS", 2);
	s.GUEST_RFLAGS = 0x202;
	s.GUEST_INTERRUPTIBILITY = BLOCKED_STI;
	expect("GUEST_INTERRUPTIBILITY", BLOCKED_STI);
	good();
	s.ENTRY_EVENT = EVENT(2u, 2, 0);
	s.GUEST_INTERRUPTIBILITY = BLOCKED_NMI;
	expect("GUEST_INTERRUPTIBILITY", BLOCKED_NMI);
	good();
	s.GUEST_INTERRUPTIBILITY = BLOCKED_STI;
	s.GUEST_RFLAGS = 2;
	expect("GUEST_INTERRUPTIBILITY", BLOCKED_STI);
	s.GUEST_RFLAGS = 0x302;
	expect("GUEST_PENDING_DEBUG", 0);
	s.GUEST_PENDING_DEBUG = PENDING_STEP;
	s.GUEST_RFLAGS = 0x202;
	expect("GUEST_PENDING_DEBUG", PENDING_STEP);
	good();
	s.GUEST_LDTR_RIGHTS = 0x82;
	s.GUEST_LDTR_SELECTOR = 4;
	expect("GUEST_LDTR_SELECTOR", 4);
	good();
	s.GUEST_SS_RIGHTS = 0xC0F3;
	expect("GUEST_CS_RIGHTS", s.GUEST_CS_RIGHTS);
	virtual_8086();
	s.GUEST_CR0 = 0x30;
	expect("GUEST_RFLAGS", 0x20202);
	real_mode();
	s.GUEST_CS_LIMIT = 0x100000;
	expect("GUEST_CS_RIGHTS", 0x9B);
	real_mode();
	s.GUEST_CS_RIGHTS = 0xFB;
	s.GUEST_SS_RIGHTS = 0xF3;
	expect("GUEST_SS_RIGHTS", 0xF3);
	real_mode();
	s.GUEST_CS_RIGHTS = 0xF3;
	expect("GUEST_CS_RIGHTS", 0xF3);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vmx_insn_error(7), "VM entry with invalid control fields");
	for (u32 i = 0; i < 100; i++)
		assert_non_null(vmx_insn_error(i));
	assert_string_equal(vmx_failed_reason(33 | REASON_ENTRY_FAILED), "invalid guest state");
	assert_string_equal(vmx_failed_reason(34 | REASON_ENTRY_FAILED), "MSR loading");
	assert_string_equal(vmx_failed_reason(41 | REASON_ENTRY_FAILED), "machine-check event");
	assert_non_null(vmx_failed_reason(1));
	for (size_t i = 0; i < VMCS_FIELD_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(vmcs_fields[i].encoding, vmcs_fields[j].encoding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_mode), cmocka_unit_test(real),  cmocka_unit_test(v8086),
		cmocka_unit_test(together),  cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
