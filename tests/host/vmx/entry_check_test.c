/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry checker: good states pass; each check has a state that fails it alone, named by field,
 * value and rule; of several the first is named. */
// links: vmx/entry_check.c
// cflags: -include tests/fake/vmx/vmcs.h
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arch/x86_64/cpu/regs.h>
#include <vmx/entry_check.h>

#define CONTROLS 7u /* the failures that checks stand for */
#define HOST     8u
#define GUEST    33u
#define ANY      (0xFFFFFFFFull << 32) /* all may be 1 */
#define FAR      (1ull << 40)          /* beyond physical addresses */
#define ODD      (1ull << 50)          /* not canonical */

static const struct vmx_caps standard = {
	.pin = (ANY & ~(1ull << 63)) | 0x16,
	.primary = (ANY & ~(1ull << 62)) | 1u << 1,
	.secondary = ANY & ~(1ull << 63),
	.exit = (ANY & ~(1ull << 63)) | 0x36DFB,
	.entry = (ANY & ~(1ull << 63)) | 0x11FB,
	.ept_vpid = 1u << 6 | 1u << 14,
	.cr0_fixed0 = 0x80000021,
	.cr0_fixed1 = 0xFFFFFFFF,
	.cr4_fixed0 = 0x2000,
	.cr4_fixed1 = 0x7727FF,
	.phys_bits = 40,
};
static struct vmx_caps caps;
static u32 vtpr;
static u64 vmcs[0x7000];

u64 vmread(u32 field)
{
	assert_string_not_equal(vmcs_field_name(field), "?");
	return vmcs[field];
}

struct value {
	u32 field;
	u64 value;
};
static void set(const struct value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vmcs[values[i].field] = values[i].value;
}
#define SET(...)                                                     \
	do {                                                         \
		static const struct value values_[] = {__VA_ARGS__}; \
		set(values_, ARRAY_SIZE(values_));                   \
	} while (0)
#define SEGMENT(S, selector, limit, rights, base)                     \
	{GUEST_##S##_SELECTOR, selector}, {GUEST_##S##_LIMIT, limit}, \
		{GUEST_##S##_RIGHTS, rights},                         \
	{                                                             \
		GUEST_##S##_BASE, base                                \
	}

#define PINS        0x3Full
#define PRIMARIES   (PRIMARY_HLT | PRIMARY_SECONDARY | PRIMARY_TPR_SHADOW | PRIMARY_MSR_BITMAP | 2ull)
#define SECONDARIES ((u64)(SECONDARY_EPT | SECONDARY_VPID | SECONDARY_UNRESTRICTED))
#define EXITS                                                                      \
	(0x36FFBull | EXIT_CTL_SAVE_PAT | EXIT_CTL_LOAD_PAT | EXIT_CTL_SAVE_EFER | \
	 EXIT_CTL_LOAD_EFER)
#define ENTRIES (0x11FBull | ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER)
#define EPTP    (0x1234000ull | 6 | 3 << 3)

/* A 64-bit kernel. */
static void good(void)
{
	caps = standard;
	vtpr = 0x40;
	memset(vmcs, 0, sizeof(vmcs));
	SET({PIN_CONTROLS, PINS}, {PRIMARY_CONTROLS, PRIMARIES}, {SECONDARY_CONTROLS, SECONDARIES},
	    {EXIT_CONTROLS, EXITS}, {ENTRY_CONTROLS, ENTRIES | ENTRY_CTL_LONG_MODE},
	    {MSR_BITMAP, 0x3000}, {VIRTUAL_APIC_PAGE, 0x4000}, {TPR_THRESHOLD, 4}, {VPID, 1},
	    {EPT_POINTER, EPTP}, {LINK_POINTER, ~0ull});
	SET({HOST_CR0, 0x80050033}, {HOST_CR3, 0x5000}, {HOST_CR4, 0x426A0},
	    {HOST_EFER, EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE}, {HOST_PAT, 0x0007040600070406},
	    {HOST_CS_SELECTOR, 8}, {HOST_SS_SELECTOR, 0x10}, {HOST_DS_SELECTOR, 0x10},
	    {HOST_ES_SELECTOR, 0x10}, {HOST_TR_SELECTOR, 0x28}, {HOST_GS_BASE, 0xFFFF800000000000},
	    {HOST_TR_BASE, 0xFFFFFFFF80001000}, {HOST_GDTR_BASE, 0xFFFFFFFF80002000},
	    {HOST_IDTR_BASE, 0xFFFFFFFF80003000}, {HOST_RIP, 0xFFFFFFFF80100000},
	    {HOST_RSP, 0xFFFFFFFF80200000});
	SET({GUEST_CR0, 0x80050033}, {GUEST_CR3, 0x1000}, {GUEST_CR4, 0x26A0}, {GUEST_DR7, 0x400},
	    {GUEST_PAT, 0x0007040600010406}, {GUEST_EFER, EFER_LME | EFER_LMA | EFER_SCE},
	    {GUEST_RFLAGS, 0x202}, {GUEST_RIP, 0xFFFFFFFF81000000},
	    SEGMENT(ES, 0, 0, RIGHTS_UNUSABLE, 0), SEGMENT(CS, 0x10, 0xFFFFFFFF, 0xA09B, 0),
	    SEGMENT(SS, 0x18, 0xFFFFFFFF, 0xC093, 0), SEGMENT(DS, 0x18, 0xFFFFFFFF, 0xC093, 0),
	    SEGMENT(FS, 0, 0, RIGHTS_UNUSABLE, 0),
	    SEGMENT(GS, 0, 0, RIGHTS_UNUSABLE, 0xFFFF888000000000),
	    SEGMENT(LDTR, 0, 0, RIGHTS_UNUSABLE, 0),
	    SEGMENT(TR, 0x40, 0x206F, 0x8B, 0xFFFFFE0000003000));
}

/* Also: interrupts go by the virtual APIC, ports by maps, MSRs by areas, an interrupt is injected.
 */
static void rich(void)
{
	good();
	caps.ept_vpid |= CAP_EPT_AD;
	SET({PRIMARY_CONTROLS, PRIMARIES | PRIMARY_IO_BITMAPS}, {IO_BITMAP_A, 0x6000},
	    {IO_BITMAP_B, 0xFFFFFFF000}, {PIN_CONTROLS, PINS | PIN_TIMER},
	    {SECONDARY_CONTROLS,
	     SECONDARIES | SECONDARY_APIC_ACCESS | SECONDARY_APIC_REGS | SECONDARY_DELIVERY},
	    {APIC_ACCESS_PAGE, 0x7000}, {TPR_THRESHOLD, 0xFF}, {EPT_POINTER, EPTP | 1 << 6},
	    {EXIT_CONTROLS, EXITS | 1 << 22}, {CR3_TARGET_COUNT, 4}, {EXIT_MSR_STORE_COUNT, 2},
	    {EXIT_MSR_STORE_AREA, 0x8010}, {EXIT_MSR_LOAD_COUNT, 1},
	    {EXIT_MSR_LOAD_AREA, 0xFFFFFFFFF0}, {ENTRY_MSR_LOAD_COUNT, 256},
	    {ENTRY_MSR_LOAD_AREA, 0x9000}, {ENTRY_EVENT, EVENT_VALID | 0x30});
}

static void real_mode(void)
{
	good();
	SET({ENTRY_CONTROLS, ENTRIES}, {GUEST_EFER, 0}, {GUEST_RIP, 0xFFF0}, {GUEST_CR0, 0x30},
	    {GUEST_CR4, 0x2000}, {GUEST_RFLAGS, 2}, SEGMENT(ES, 0, 0xFFFF, 0x93, 0),
	    SEGMENT(CS, 0x9900, 0xFFFF, 0x9B, 0x99000), SEGMENT(SS, 0, 0xFFFF, 0x93, 0),
	    SEGMENT(DS, 0, 0xFFFF, 0x93, 0), SEGMENT(FS, 0, 0xFFFF, 0x93, 0),
	    SEGMENT(GS, 0, 0xFFFF, 0x93, 0), SEGMENT(LDTR, 0, 0xFFFF, 0x82, 0),
	    SEGMENT(TR, 0, 0xFFFF, 0x83, 0));
}

static void virtual_8086(void)
{
	good();
	SET({ENTRY_CONTROLS, ENTRIES}, {GUEST_EFER, EFER_NXE}, {GUEST_RIP, 0},
	    {GUEST_RFLAGS, 0x20202}, SEGMENT(ES, 0x100, 0xFFFF, 0xF3, 0x1000),
	    SEGMENT(CS, 0x200, 0xFFFF, 0xF3, 0x2000), SEGMENT(SS, 0x300, 0xFFFF, 0xF3, 0x3000),
	    SEGMENT(DS, 0x400, 0xFFFF, 0xF3, 0x4000), SEGMENT(FS, 0x500, 0xFFFF, 0xF3, 0x5000),
	    SEGMENT(GS, 0x600, 0xFFFF, 0xF3, 0x6000));
}

/* 32-bit with PAE, user mode. */
static void pae(void)
{
	good();
	SET({ENTRY_CONTROLS, ENTRIES}, {GUEST_EFER, 0}, {GUEST_RIP, 0x8048000},
	    {GUEST_PDPTE0, 0x2001}, {GUEST_PDPTE1, 0xFFFFFFFFFE}, {GUEST_PDPTE2, 0x4019},
	    {GUEST_PDPTE3, 0x5E01}, SEGMENT(CS, 0x73, 0xFFFFFFFF, 0xC0FB, 0),
	    SEGMENT(SS, 0x7B, 0xFFFFFFFF, 0xC0F3, 0), SEGMENT(DS, 0x7B, 0xFFFFFFFF, 0xC0F1, 0),
	    SEGMENT(ES, 0x7B, 0xFFFFFFFF, 0xC0FF, 0), SEGMENT(LDTR, 0x50, 0xFFF, 0x82, ~0ull));
}

/* Each is the good state but for up to four fields; the first of them is to be named. */
struct bad {
	u32 failure;
	const char *rule;
	struct value set[4];
};
#define BAD(failure, rule, ...)     \
	{                           \
		failure, rule,      \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
#define EVENT(type, vector, more) (EVENT_VALID | (type) << EVENT_TYPE_SHIFT | (vector) | (more))
#define CAPABLE                   "capabilities"
#define ADDRESS                   "physical addresses"
#define RESERVED                  "reserved bit"

static const struct bad in_long_mode[] = {
	BAD(CONTROLS, CAPABLE, {PIN_CONTROLS, PINS & ~2ull}),
	BAD(CONTROLS, CAPABLE, {PIN_CONTROLS, PINS | 1ull << 31}),
	BAD(CONTROLS, CAPABLE, {PRIMARY_CONTROLS, PRIMARIES & ~2ull}),
	BAD(CONTROLS, CAPABLE, {PRIMARY_CONTROLS, PRIMARIES | 1u << 30}),
	BAD(CONTROLS, CAPABLE, {SECONDARY_CONTROLS, SECONDARIES | 1u << 31}),
	BAD(CONTROLS, "above 4", {CR3_TARGET_COUNT, 5}),
	BAD(CONTROLS, ADDRESS, {MSR_BITMAP, 0x3800}),
	BAD(CONTROLS, ADDRESS, {MSR_BITMAP, FAR}),
	BAD(CONTROLS, ADDRESS, {VIRTUAL_APIC_PAGE, 1}),
	BAD(CONTROLS, ADDRESS, {VIRTUAL_APIC_PAGE, FAR}),
	BAD(CONTROLS, RESERVED, {TPR_THRESHOLD, 0x10}),
	BAD(CONTROLS, "above the TPR", {TPR_THRESHOLD, 5}),
	BAD(CONTROLS, "no NMI exiting", {PIN_CONTROLS, PINS & ~8ull}),
	BAD(CONTROLS, "no virtual NMIs", {PRIMARY_CONTROLS, PRIMARIES | PRIMARY_NMI_WINDOW},
	    {PIN_CONTROLS, PINS & ~(u64)PIN_VIRTUAL_NMI}),
	BAD(CONTROLS, ADDRESS, {APIC_ACCESS_PAGE, 0x7010},
	    {SECONDARY_CONTROLS, SECONDARIES | SECONDARY_APIC_ACCESS}),
	BAD(CONTROLS, "no TPR shadow", {SECONDARY_CONTROLS, SECONDARIES | SECONDARY_X2APIC},
	    {PRIMARY_CONTROLS, PRIMARIES & ~(u64)PRIMARY_TPR_SHADOW}),
	BAD(CONTROLS, "no TPR shadow", {SECONDARY_CONTROLS, SECONDARIES | SECONDARY_APIC_REGS},
	    {PRIMARY_CONTROLS, PRIMARIES & ~(u64)PRIMARY_TPR_SHADOW}),
	BAD(CONTROLS, "no TPR shadow", {SECONDARY_CONTROLS, SECONDARIES | SECONDARY_DELIVERY},
	    {PRIMARY_CONTROLS, PRIMARIES & ~(u64)PRIMARY_TPR_SHADOW}),
	BAD(CONTROLS, "with APIC accesses",
	    {SECONDARY_CONTROLS, SECONDARIES | SECONDARY_X2APIC | SECONDARY_APIC_ACCESS}),
	BAD(CONTROLS, "no exits by real", {PIN_CONTROLS, PINS & ~1ull},
	    {SECONDARY_CONTROLS, SECONDARIES | SECONDARY_DELIVERY}),
	BAD(CONTROLS, "the host's", {VPID, 0}),
	BAD(CONTROLS, "memory type", {EPT_POINTER, EPTP & ~7ull}),
	BAD(CONTROLS, "walk length", {EPT_POINTER, EPTP | 4 << 3}),
	BAD(CONTROLS, "dirty", {EPT_POINTER, EPTP | 1 << 6}),
	BAD(CONTROLS, RESERVED, {EPT_POINTER, EPTP | 1 << 7}),
	BAD(CONTROLS, RESERVED, {EPT_POINTER, EPTP | 1 << 11}),
	BAD(CONTROLS, RESERVED, {EPT_POINTER, EPTP | FAR}),
	BAD(CONTROLS, "no EPT", {SECONDARY_CONTROLS, SECONDARY_VPID | SECONDARY_UNRESTRICTED}),
	BAD(CONTROLS, CAPABLE, {EXIT_CONTROLS, EXITS & ~1ull}),
	BAD(CONTROLS, CAPABLE, {EXIT_CONTROLS, EXITS | 1ull << 31}),
	BAD(CONTROLS, "timer that is off", {EXIT_CONTROLS, EXITS | 1 << 22}),
	BAD(CONTROLS, ADDRESS, {EXIT_MSR_STORE_AREA, 0x8008}, {EXIT_MSR_STORE_COUNT, 1}),
	BAD(CONTROLS, ADDRESS, {EXIT_MSR_LOAD_AREA, FAR}, {EXIT_MSR_LOAD_COUNT, 1}),
	BAD(CONTROLS, ADDRESS, {EXIT_MSR_LOAD_AREA, FAR - 16}, {EXIT_MSR_LOAD_COUNT, 2}),
	BAD(CONTROLS, CAPABLE, {ENTRY_CONTROLS, (ENTRIES | ENTRY_CTL_LONG_MODE) & ~1ull}),
	BAD(CONTROLS, CAPABLE, {ENTRY_CONTROLS, ENTRIES | ENTRY_CTL_LONG_MODE | 1ull << 31}),
	BAD(CONTROLS, "reserved type", {ENTRY_EVENT, EVENT(1u, 3, 0)}),
	BAD(CONTROLS, "reserved type", {ENTRY_EVENT, EVENT(7u, 3, 0)}),
	BAD(CONTROLS, "vector 2", {ENTRY_EVENT, EVENT(2u, 3, 0)}),
	BAD(CONTROLS, "below 32", {ENTRY_EVENT, EVENT(3u, 32, 0)}),
	BAD(CONTROLS, "no exception", {ENTRY_EVENT, EVENT(0u, 40, EVENT_HAS_ERROR)}),
	BAD(CONTROLS, "error code", {ENTRY_EVENT, EVENT(3u, 6, EVENT_HAS_ERROR)}),
	BAD(CONTROLS, "error code", {ENTRY_EVENT, EVENT(3u, 8, 0)}),
	BAD(CONTROLS, "error code", {ENTRY_EVENT, EVENT(3u, 10, 0)}),
	BAD(CONTROLS, "error code", {ENTRY_EVENT, EVENT(3u, 14, 0)}),
	BAD(CONTROLS, "error code", {ENTRY_EVENT, EVENT(3u, 15, EVENT_HAS_ERROR)}),
	BAD(CONTROLS, "error code", {ENTRY_EVENT, EVENT(3u, 17, 0)}),
	BAD(CONTROLS, RESERVED, {ENTRY_EVENT, EVENT(0u, 33, 1u << 12)}),
	BAD(CONTROLS, RESERVED, {ENTRY_EVENT, EVENT(0u, 33, 1u << 30)}),
	BAD(CONTROLS, RESERVED, {ENTRY_ERROR_CODE, 0x10000},
	    {ENTRY_EVENT, EVENT(3u, 13, EVENT_HAS_ERROR)}),
	BAD(CONTROLS, "instruction's length", {ENTRY_INSN_LENGTH, 0},
	    {ENTRY_EVENT, EVENT(4u, 0x80, 0)}),
	BAD(CONTROLS, "instruction's length", {ENTRY_INSN_LENGTH, 16},
	    {ENTRY_EVENT, EVENT(6u, 3, 0)}),
	BAD(CONTROLS, ADDRESS, {ENTRY_MSR_LOAD_AREA, 8}, {ENTRY_MSR_LOAD_COUNT, 1}),
	BAD(CONTROLS, "SMM", {ENTRY_CONTROLS, ENTRIES | ENTRY_CTL_LONG_MODE | 1u << 10}),
	BAD(CONTROLS, "SMM", {ENTRY_CONTROLS, ENTRIES | ENTRY_CTL_LONG_MODE | 1u << 11}),

	BAD(HOST, CAPABLE, {HOST_CR0, 0x80050013}),
	BAD(HOST, CAPABLE, {HOST_CR0, 1ull << 32 | 0x80050033}),
	BAD(HOST, CAPABLE, {HOST_CR4, 0x6A0}),
	BAD(HOST, CAPABLE, {HOST_CR4, 0x800026A0}),
	BAD(HOST, ADDRESS, {HOST_CR3, FAR}),
	BAD(HOST, "canonical", {HOST_SYSENTER_ESP, ODD}),
	BAD(HOST, "canonical", {HOST_SYSENTER_EIP, 1ull << 47}),
	BAD(HOST, "memory types", {HOST_PAT, 3ull << 8}),
	BAD(HOST, RESERVED, {HOST_EFER, EFER_LME | EFER_LMA | EFER_FFXSR}),
	BAD(HOST, "long mode", {HOST_EFER, EFER_LME}),
	BAD(HOST, "long mode", {HOST_EFER, EFER_LMA}),
	BAD(HOST, "RPL", {HOST_ES_SELECTOR, 0x13}),
	BAD(HOST, "RPL", {HOST_CS_SELECTOR, 0xC}),
	BAD(HOST, "RPL", {HOST_SS_SELECTOR, 1}),
	BAD(HOST, "RPL", {HOST_DS_SELECTOR, 2}),
	BAD(HOST, "RPL", {HOST_FS_SELECTOR, 3}),
	BAD(HOST, "RPL", {HOST_GS_SELECTOR, 4}),
	BAD(HOST, "RPL", {HOST_TR_SELECTOR, 0x2C}),
	BAD(HOST, "null", {HOST_CS_SELECTOR, 0}),
	BAD(HOST, "null", {HOST_TR_SELECTOR, 0}),
	BAD(HOST, "canonical", {HOST_FS_BASE, ODD}),
	BAD(HOST, "canonical", {HOST_GS_BASE, ODD}),
	BAD(HOST, "canonical", {HOST_TR_BASE, ODD}),
	BAD(HOST, "canonical", {HOST_GDTR_BASE, ODD}),
	BAD(HOST, "canonical", {HOST_IDTR_BASE, ODD}),
	BAD(HOST, "64-bit mode", {EXIT_CONTROLS, EXITS & ~(u64)EXIT_CTL_HOST_64}),
	BAD(HOST, "PAE", {HOST_CR4, 0x2680}),
	BAD(HOST, "canonical", {HOST_RIP, ODD}),

	BAD(GUEST, CAPABLE, {GUEST_CR0, 0x80050013}),
	BAD(GUEST, CAPABLE, {GUEST_CR0, 1ull << 32 | 0x80050033}),
	BAD(GUEST, "PG without PE", {GUEST_CR0, 0x80050032}),
	BAD(GUEST, CAPABLE, {GUEST_CR4, 0x6A0}),
	BAD(GUEST, CAPABLE, {GUEST_CR4, 0x800026A0}),
	BAD(GUEST, RESERVED, {GUEST_DEBUGCTL, 1 << 3}),
	BAD(GUEST, RESERVED, {GUEST_DEBUGCTL, 1 << 16}),
	BAD(GUEST, "without PG", {GUEST_CR0, 0x50033}),
	BAD(GUEST, "without PAE", {GUEST_CR4, 0x2680}),
	BAD(GUEST, ADDRESS, {GUEST_CR3, FAR}),
	BAD(GUEST, RESERVED, {GUEST_DR7, 1ull << 32}),
	BAD(GUEST, "canonical", {GUEST_SYSENTER_ESP, 1ull << 47}),
	BAD(GUEST, "canonical", {GUEST_SYSENTER_EIP, 1ull << 63}),
	BAD(GUEST, "memory types", {GUEST_PAT, 2}),
	BAD(GUEST, "memory types", {GUEST_PAT, 3ull << 24}),
	BAD(GUEST, "memory types", {GUEST_PAT, 8ull << 56}),
	BAD(GUEST, RESERVED, {GUEST_EFER, EFER_LME | EFER_LMA | EFER_FFXSR}),
	BAD(GUEST, "no LMA", {GUEST_EFER, EFER_LME}),
	BAD(GUEST, "without LME", {GUEST_EFER, EFER_LMA}),
	BAD(GUEST, "TI", {GUEST_TR_SELECTOR, 0x44}),
	BAD(GUEST, "TI", {GUEST_LDTR_SELECTOR, 4}, {GUEST_LDTR_RIGHTS, 0x82}),
	BAD(GUEST, "canonical", {GUEST_FS_BASE, ODD}),
	BAD(GUEST, "canonical", {GUEST_GS_BASE, ODD}),
	BAD(GUEST, "canonical", {GUEST_TR_BASE, ODD}),
	BAD(GUEST, "canonical", {GUEST_LDTR_BASE, ODD}, {GUEST_LDTR_RIGHTS, 0x82}),
	BAD(GUEST, "4 GiB", {GUEST_ES_BASE, 1ull << 32}, {GUEST_ES_RIGHTS, 0x93}),
	BAD(GUEST, "4 GiB", {GUEST_CS_BASE, 1ull << 32}),
	BAD(GUEST, "4 GiB", {GUEST_SS_BASE, 1ull << 40}),
	BAD(GUEST, "4 GiB", {GUEST_DS_BASE, 1ull << 63}),
	BAD(GUEST, "accessed code", {GUEST_CS_RIGHTS, 0xA09A}),
	BAD(GUEST, "accessed code", {GUEST_CS_RIGHTS, 0xA091}),
	BAD(GUEST, "accessed code", {GUEST_CS_RIGHTS, 0xA090 | RIGHTS_UNUSABLE}),
	BAD(GUEST, "writable data", {GUEST_SS_RIGHTS, 0xC091}),
	BAD(GUEST, "writable data", {GUEST_SS_RIGHTS, 0xC09B}),
	BAD(GUEST, "readable", {GUEST_DS_RIGHTS, 0xC092}),
	BAD(GUEST, "readable", {GUEST_DS_RIGHTS, 0xC099}),
	BAD(GUEST, "readable", {GUEST_ES_RIGHTS, 0x90}),
	BAD(GUEST, "readable", {GUEST_FS_RIGHTS, 0x9D}),
	BAD(GUEST, "readable", {GUEST_GS_RIGHTS, 0x9C}),
	BAD(GUEST, "a system segment", {GUEST_CS_RIGHTS, 0xA08B}),
	BAD(GUEST, "a system segment", {GUEST_SS_RIGHTS, 0xC083}),
	BAD(GUEST, "a system segment", {GUEST_DS_RIGHTS, 0xC083}),
	BAD(GUEST, "DPL does not fit", {GUEST_CS_RIGHTS, 0xA093 | 3 << 5}),
	BAD(GUEST, "DPL does not fit", {GUEST_CS_RIGHTS, 0xA0FB}),
	BAD(GUEST, "DPL does not fit", {GUEST_CS_RIGHTS, 0xA0FF}),
	BAD(GUEST, "DPL does not fit", {GUEST_CS_RIGHTS, 0xA09B}, {GUEST_SS_RIGHTS, 0xC0F3}),
	BAD(GUEST, "data as CS", {GUEST_SS_RIGHTS, 0xC0F3}, {GUEST_CS_RIGHTS, 0xC093}),
	BAD(GUEST, "not present", {GUEST_CS_RIGHTS, 0xA01B}),
	BAD(GUEST, "not present", {GUEST_SS_RIGHTS, 0xC013}),
	BAD(GUEST, "not present", {GUEST_DS_RIGHTS, 0xC013}),
	BAD(GUEST, RESERVED, {GUEST_CS_RIGHTS, 0xA19B}),
	BAD(GUEST, RESERVED, {GUEST_DS_RIGHTS, 0xC893}),
	BAD(GUEST, "D with L", {GUEST_CS_RIGHTS, 0xE09B}),
	BAD(GUEST, "limit", {GUEST_CS_RIGHTS, 0x209B}),
	BAD(GUEST, "limit", {GUEST_SS_RIGHTS, 0xC093}, {GUEST_SS_LIMIT, 0xFFEFF}),
	BAD(GUEST, RESERVED, {GUEST_CS_RIGHTS, 0x2A09B}),
	BAD(GUEST, RESERVED, {GUEST_SS_RIGHTS, 0x8000C093}),
	BAD(GUEST, "busy TSS", {GUEST_TR_RIGHTS, 0x89}),
	BAD(GUEST, "64-bit TSS", {GUEST_TR_RIGHTS, 0x83}),
	BAD(GUEST, "unusable", {GUEST_TR_RIGHTS, 0x1008B}),
	BAD(GUEST, "not a system", {GUEST_TR_RIGHTS, 0x9B}),
	BAD(GUEST, "not present", {GUEST_TR_RIGHTS, 0xB}),
	BAD(GUEST, RESERVED, {GUEST_TR_RIGHTS, 0x18B}),
	BAD(GUEST, RESERVED, {GUEST_TR_RIGHTS, 0x2008B}),
	BAD(GUEST, "limit", {GUEST_TR_RIGHTS, 0x808B}),
	BAD(GUEST, "LDT", {GUEST_LDTR_RIGHTS, 0x83}),
	BAD(GUEST, "not a system", {GUEST_LDTR_RIGHTS, 0x92}),
	BAD(GUEST, "not present", {GUEST_LDTR_RIGHTS, 0x2}),
	BAD(GUEST, RESERVED, {GUEST_LDTR_RIGHTS, 0x882}),
	BAD(GUEST, RESERVED, {GUEST_LDTR_RIGHTS, 0x20082}),
	BAD(GUEST, "limit", {GUEST_LDTR_RIGHTS, 0x82}, {GUEST_LDTR_LIMIT, 0x100000}),
	BAD(GUEST, "canonical", {GUEST_GDTR_BASE, ODD}),
	BAD(GUEST, "canonical", {GUEST_IDTR_BASE, ODD}),
	BAD(GUEST, RESERVED, {GUEST_GDTR_LIMIT, 0x10000}),
	BAD(GUEST, RESERVED, {GUEST_IDTR_LIMIT, 0x10000}),
	BAD(GUEST, "4 GiB", {GUEST_RIP, 1ull << 32}, {GUEST_CS_RIGHTS, 0xC09B}),
	BAD(GUEST, "linear", {GUEST_RIP, ODD}),
	BAD(GUEST, RESERVED, {GUEST_RFLAGS, 0x400202}),
	BAD(GUEST, RESERVED, {GUEST_RFLAGS, 0x20A}),
	BAD(GUEST, "bit 1", {GUEST_RFLAGS, 0x200}),
	BAD(GUEST, "IF is 0", {GUEST_RFLAGS, 2}, {ENTRY_EVENT, EVENT(0u, 0x30, 0)}),
	BAD(GUEST, "active", {GUEST_ACTIVITY, 1}),
	BAD(GUEST, "active", {GUEST_ACTIVITY, 4}),
	BAD(GUEST, RESERVED, {GUEST_INTERRUPTIBILITY, 0x20}),
	BAD(GUEST, "both", {GUEST_INTERRUPTIBILITY, 3}),
	BAD(GUEST, "IF is 0", {GUEST_INTERRUPTIBILITY, BLOCKED_STI}, {GUEST_RFLAGS, 2}),
	BAD(GUEST, "in a shadow", {GUEST_INTERRUPTIBILITY, BLOCKED_STI},
	    {ENTRY_EVENT, EVENT(0u, 0x30, 0)}),
	BAD(GUEST, "in a shadow", {GUEST_INTERRUPTIBILITY, BLOCKED_MOV_SS},
	    {ENTRY_EVENT, EVENT(0u, 0x30, 0)}),
	BAD(GUEST, "an NMI in MOV SS", {GUEST_INTERRUPTIBILITY, BLOCKED_MOV_SS},
	    {ENTRY_EVENT, EVENT(2u, 2, 0)}),
	BAD(GUEST, "SMI", {GUEST_INTERRUPTIBILITY, 4}),
	BAD(GUEST, "while blocked", {GUEST_INTERRUPTIBILITY, BLOCKED_NMI},
	    {ENTRY_EVENT, EVENT(2u, 2, 0)}),
	BAD(GUEST, "enclave", {GUEST_INTERRUPTIBILITY, 16 | BLOCKED_MOV_SS}),
	BAD(GUEST, RESERVED, {GUEST_PENDING_DEBUG, 1 << 4}),
	BAD(GUEST, RESERVED, {GUEST_PENDING_DEBUG, 1 << 13}),
	BAD(GUEST, RESERVED, {GUEST_PENDING_DEBUG, 1 << 17}),
	BAD(GUEST, "step", {GUEST_PENDING_DEBUG, 0}, {GUEST_RFLAGS, 0x302},
	    {GUEST_INTERRUPTIBILITY, BLOCKED_STI}),
	BAD(GUEST, "step", {GUEST_PENDING_DEBUG, PENDING_STEP},
	    {GUEST_INTERRUPTIBILITY, BLOCKED_MOV_SS}),
	BAD(GUEST, "step", {GUEST_PENDING_DEBUG, PENDING_STEP}, {GUEST_RFLAGS, 0x302},
	    {GUEST_INTERRUPTIBILITY, BLOCKED_STI}, {GUEST_DEBUGCTL, 2}),
	BAD(GUEST, "shadow VMCS", {LINK_POINTER, 0xA000}),
	BAD(GUEST, "an NMI in STI", {GUEST_INTERRUPTIBILITY, BLOCKED_STI},
	    {ENTRY_EVENT, EVENT(2u, 2, 0)}),

	/* Wrong in several ways: the first counts. */
	BAD(CONTROLS, "memory type", {EPT_POINTER, 0xFFFF000000000FC0}),
	BAD(CONTROLS, "walk length", {EPT_POINTER, 0xFFFF000000000FC6}),
	BAD(CONTROLS, "dirty", {EPT_POINTER, 0xFFFF000000000FDE}),
	BAD(CONTROLS, "reserved type", {ENTRY_EVENT, EVENT(7u, 99, 0x7FFFF800)}),
	BAD(CONTROLS, "vector 2", {ENTRY_EVENT, EVENT(2u, 99, 0x7FFFF800)}),
	BAD(CONTROLS, "below 32", {ENTRY_EVENT, EVENT(3u, 99, 0x7FFFF800)}),
	BAD(CONTROLS, "no exception", {ENTRY_EVENT, EVENT(0u, 99, 0x7FFFF800)}),
	BAD(CONTROLS, "error code", {ENTRY_EVENT, EVENT(3u, 13, 0x7FFFF000)}),
	BAD(HOST, RESERVED, {HOST_EFER, EFER_SVME}),
	BAD(GUEST, RESERVED, {GUEST_EFER, EFER_SVME}),
	BAD(GUEST, "no LMA", {GUEST_EFER, 0}),
	BAD(GUEST, "accessed code", {GUEST_CS_RIGHTS, 0xFFFEFF60}),
	BAD(GUEST, "a system segment", {GUEST_CS_RIGHTS, 0xFFFEFF6B}),
	BAD(GUEST, "DPL does not fit", {GUEST_CS_RIGHTS, 0xFFFE7F7B}),
	BAD(GUEST, "not present", {GUEST_CS_RIGHTS, 0xFFFE7F1B}),
	BAD(GUEST, RESERVED, {GUEST_CS_RIGHTS, 0x7F9B}),
	BAD(GUEST, "D with L", {GUEST_CS_RIGHTS, 0xFFFE709B}),
	BAD(GUEST, "limit", {GUEST_CS_RIGHTS, 0xFFFE309B}),
	BAD(GUEST, "busy TSS", {GUEST_TR_RIGHTS, 0xFFFFFF10}),
	BAD(GUEST, "64-bit TSS", {GUEST_TR_RIGHTS, 0xFFFFFF13}),
	BAD(GUEST, "LDT", {GUEST_LDTR_RIGHTS, 0xFFFEFF10}),
	BAD(GUEST, "not a system", {GUEST_LDTR_RIGHTS, 0xFFFEFF12}),
	BAD(GUEST, "not present", {GUEST_LDTR_RIGHTS, 0xFFFEFF02}),
	BAD(GUEST, RESERVED, {GUEST_RFLAGS, ~0ull & ~0x20002ull}),
	BAD(GUEST, RESERVED, {GUEST_INTERRUPTIBILITY, 0x3F}, {ENTRY_EVENT, EVENT(2u, 2, 0)}),
	BAD(GUEST, "both", {GUEST_INTERRUPTIBILITY, 0x1F}, {ENTRY_EVENT, EVENT(2u, 2, 0)}),
	BAD(GUEST, "an NMI in MOV SS", {GUEST_INTERRUPTIBILITY, 0x1E},
	    {ENTRY_EVENT, EVENT(2u, 2, 0)}),
	BAD(GUEST, "SMI", {GUEST_INTERRUPTIBILITY, 0x1D}, {ENTRY_EVENT, EVENT(2u, 2, 0)}),
	BAD(GUEST, "while blocked", {GUEST_INTERRUPTIBILITY, 0x19}, {ENTRY_EVENT, EVENT(2u, 2, 0)}),
};
static const struct bad in_rich[] = {
	BAD(CONTROLS, ADDRESS, {IO_BITMAP_A, 0x6100}),
	BAD(CONTROLS, ADDRESS, {IO_BITMAP_B, FAR}),
	BAD(CONTROLS, ADDRESS, {APIC_ACCESS_PAGE, FAR}),
	BAD(CONTROLS, ADDRESS, {EXIT_MSR_STORE_AREA, FAR - 16}),
	BAD(CONTROLS, ADDRESS, {EXIT_MSR_STORE_AREA, ~15ull}),
	BAD(CONTROLS, ADDRESS, {EXIT_MSR_LOAD_AREA, 0x1001}),
	BAD(CONTROLS, ADDRESS, {ENTRY_MSR_LOAD_AREA, FAR - 0xFF0}),
	BAD(CONTROLS, "no exits by real", {PIN_CONTROLS, (PINS | PIN_TIMER) & ~1ull}),
	BAD(CONTROLS, "timer that is off", {EXIT_CONTROLS, EXITS | 1 << 22}, {PIN_CONTROLS, PINS}),
};
static const struct bad in_real_mode[] = {
	BAD(CONTROLS, "error code in real mode", {ENTRY_EVENT, EVENT(3u, 13, EVENT_HAS_ERROR)}),
	BAD(GUEST, "PCIDE", {GUEST_CR4, 0x22000}),
	BAD(GUEST, "LMA, but not", {GUEST_EFER, EFER_LMA}),
	BAD(GUEST, "4 GiB", {GUEST_RIP, 1ull << 32}),
	BAD(GUEST, "4 GiB", {GUEST_RIP, 1ull << 32}, {GUEST_CS_RIGHTS, 0x209B}),
	BAD(GUEST, "TI", {GUEST_LDTR_SELECTOR, 4}),
	BAD(GUEST, "limit", {GUEST_CS_RIGHTS, 0x9B}, {GUEST_CS_LIMIT, 0x100000}),
	BAD(GUEST, "limit", {GUEST_GS_RIGHTS, 0x8093}, {GUEST_GS_LIMIT, 0xFFFE}),
	BAD(GUEST, "DPL in real mode", {GUEST_SS_RIGHTS, 0xF3}, {GUEST_CS_RIGHTS, 0xFB}),
	BAD(GUEST, "DPL does not fit", {GUEST_CS_RIGHTS, 0xF3}),
};
static const struct bad in_virtual_8086[] = {
	BAD(GUEST, "16 times", {GUEST_DS_BASE, 0x4010}),
	BAD(GUEST, "16 times", {GUEST_ES_BASE, 0}),
	BAD(GUEST, "16 times", {GUEST_CS_BASE, 0x3000}),
	BAD(GUEST, "64 KiB", {GUEST_GS_LIMIT, 0xFFFFF}),
	BAD(GUEST, "64 KiB", {GUEST_SS_LIMIT, 0xFFFE}),
	BAD(GUEST, "0xF3", {GUEST_CS_RIGHTS, 0x9B}),
	BAD(GUEST, "0xF3", {GUEST_FS_RIGHTS, 0x100F3}),
	BAD(GUEST, "VM without PE", {GUEST_RFLAGS, 0x20202}, {GUEST_CR0, 0x30}),
	BAD(GUEST, "VM in long mode", {GUEST_RFLAGS, 0x20202},
	    {ENTRY_CONTROLS, ENTRIES | ENTRY_CTL_LONG_MODE}, {GUEST_EFER, EFER_LMA | EFER_LME}),
};
static const struct bad in_pae[] = {
	BAD(GUEST, "LME and PG", {GUEST_EFER, EFER_LME}),
	BAD(GUEST, RESERVED, {GUEST_PDPTE0, 0x2003}),
	BAD(GUEST, RESERVED, {GUEST_PDPTE1, 0x2021}),
	BAD(GUEST, RESERVED, {GUEST_PDPTE2, 0x2101}),
	BAD(GUEST, RESERVED, {GUEST_PDPTE3, FAR | 1}),
	BAD(GUEST, "DPL does not fit", {GUEST_CS_RIGHTS, 0xC0DB}),
};

/* NULL: all checks of failure pass. */
static void expect(u32 failure, const struct value *first, const char *rule)
{
	struct vmx_violation w = {0};
	bool found = vmx_entry_check(failure, &caps, vtpr, &w);

	if (!rule && found)
		fail_msg("good: %s %#lx: %s", vmcs_field_name(w.field), (unsigned long)w.value,
			 w.rule);
	if (!rule)
		return;
	if (!found)
		fail_msg("%s %#lx passed", vmcs_field_name(first->field),
			 (unsigned long)first->value);
	if (w.field != first->field || w.value != first->value || !strstr(w.rule, rule))
		fail_msg("%s %#lx (%s): %s %#lx: %s", vmcs_field_name(first->field),
			 (unsigned long)first->value, rule, vmcs_field_name(w.field),
			 (unsigned long)w.value, w.rule);
}

static void all_good(void)
{
	expect(CONTROLS, NULL, NULL);
	expect(HOST, NULL, NULL);
	expect(GUEST, NULL, NULL);
}

static void set_bad(const struct bad *bad)
{
	set(bad->set, 1);
	for (size_t i = 1; i < ARRAY_SIZE(bad->set) && bad->set[i].field; i++)
		set(&bad->set[i], 1);
}

static void run(void (*base)(void), const struct bad *bad, size_t n)
{
	base();
	all_good();
	for (size_t i = 0; i < n; i++) {
		base();
		set_bad(&bad[i]);
		expect(bad[i].failure, &bad[i].set[0], bad[i].rule);
	}
}

static void one_by_one(void **state)
{
	(void)state;
	run(good, in_long_mode, ARRAY_SIZE(in_long_mode));
	run(rich, in_rich, ARRAY_SIZE(in_rich));
	run(real_mode, in_real_mode, ARRAY_SIZE(in_real_mode));
	run(virtual_8086, in_virtual_8086, ARRAY_SIZE(in_virtual_8086));
	run(pae, in_pae, ARRAY_SIZE(in_pae));
}

/* Where a control is off, what belongs to it does not count. */
static void switched_off(void **state)
{
	(void)state;
	good();
	SET({PRIMARY_CONTROLS, PRIMARY_SECONDARY | 2},
	    {SECONDARY_CONTROLS, SECONDARY_EPT | SECONDARY_UNRESTRICTED}, {IO_BITMAP_A, 1},
	    {MSR_BITMAP, 1}, {VIRTUAL_APIC_PAGE, 1}, {TPR_THRESHOLD, 0x10F}, {APIC_ACCESS_PAGE, 1},
	    {VPID, 0}, {EXIT_MSR_STORE_AREA, 1}, {EXIT_MSR_LOAD_AREA, 1}, {ENTRY_MSR_LOAD_AREA, 1},
	    {ENTRY_EVENT, 0x7FFFF9FF}, {ENTRY_ERROR_CODE, ~0u}, {ENTRY_INSN_LENGTH, 99},
	    {EXIT_CONTROLS, 0x36FFB}, {ENTRY_CONTROLS, 0x11FB | ENTRY_CTL_LONG_MODE}, {HOST_PAT, 2},
	    {GUEST_PAT, 2}, {HOST_EFER, 0}, {GUEST_EFER, 0}, {GUEST_DEBUGCTL, ~0ull},
	    {GUEST_DR7, ~0ull}, {GUEST_PDPTE0, ~0ull}, {GUEST_ES_BASE, ~0ull},
	    {GUEST_LDTR_BASE, ODD}, {GUEST_LDTR_SELECTOR, 4}, {GUEST_PENDING_DEBUG, PENDING_STEP});
	all_good();
	SET({SECONDARY_CONTROLS, 0}, {EPT_POINTER, 0}, {PIN_CONTROLS, 0x16},
	    {GUEST_CR0, 0xE0050033}); /* CD and NW are not looked at */
	all_good();
}

static void good_with(void (*base)(void), u32 field, u64 value)
{
	const struct value values[] = {{field, value}};

	base();
	set(values, 1);
	all_good();
}

/* A rule's conditions each count: the same value is good without one of them. */
static void conditions(void **state)
{
	(void)state;
	good_with(good, PRIMARY_CONTROLS, PRIMARIES | PRIMARY_NMI_WINDOW);
	good_with(good, SECONDARY_CONTROLS, SECONDARIES | SECONDARY_X2APIC | SECONDARY_APIC_REGS);
	good_with(good, GUEST_CR4, 0x226A0); /* PCIDE */
	good_with(good, GUEST_ES_RIGHTS, 0xFFFFFF00);
	good_with(good, GUEST_LDTR_RIGHTS, 0xFFFFFF1F);
	good_with(good, GUEST_SS_RIGHTS, RIGHTS_UNUSABLE);
	good_with(good, GUEST_INTERRUPTIBILITY, BLOCKED_STI | BLOCKED_NMI | 16);
	good_with(real_mode, ENTRY_EVENT, EVENT(3u, 13, 0));
	good_with(real_mode, ENTRY_EVENT, EVENT_HAS_ERROR);
	good_with(real_mode, GUEST_EFER, EFER_LME);
	good_with(pae, GUEST_CS_RIGHTS, 0xE0FB); /* L and D */
	good_with(pae, GUEST_CR4, 0x2680);       /* not PAE */
	SET({GUEST_PDPTE0, ~0ull});
	all_good();
	good_with(real_mode, GUEST_CR4, 0x2020); /* PAE, but no paging */
	SET({GUEST_PDPTE0, ~0ull}, {ENTRY_CONTROLS, 0x11FB}, {GUEST_EFER, ~0ull});
	all_good();
	good_with(pae, SECONDARY_CONTROLS, SECONDARY_VPID);
	SET({GUEST_PDPTE0, ~0ull}, {EPT_POINTER, ~0ull}, {EXIT_CONTROLS, 0x36FFB},
	    {HOST_EFER, ~0ull}, {ENTRY_CONTROLS, 0x11FB}, {GUEST_EFER, ~0ull});
	all_good();
	/* An NMI that no virtual mask holds; a threshold that the CPU itself looks after. */
	good_with(good, PIN_CONTROLS, PINS & ~(u64)PIN_VIRTUAL_NMI);
	SET({ENTRY_EVENT, EVENT(2u, 2, 0)}, {GUEST_INTERRUPTIBILITY, BLOCKED_NMI},
	    {SECONDARY_CONTROLS, SECONDARIES | SECONDARY_DELIVERY}, {TPR_THRESHOLD, 15});
	all_good();
}

static void good_event(u64 event, u64 length)
{
	const struct value values[] = {{ENTRY_EVENT, event}, {ENTRY_INSN_LENGTH, length}};

	set(values, 2);
	all_good();
}

/* What a capability other than those of controls allows. */
static void capabilities(void **state)
{
	static const struct value event = {ENTRY_EVENT, EVENT(3u, 6, EVENT_HAS_ERROR)},
				  length = {ENTRY_INSN_LENGTH, 0}, ept = {EPT_POINTER, EPTP | 64},
				  threshold = {TPR_THRESHOLD, 4};

	(void)state;
	good();
	good_event(EVENT(2u, 2, 0), 0);
	good_event(EVENT(3u, 14, EVENT_HAS_ERROR), 0);
	good_event(EVENT(3u, 31, 0), 0);
	good_event(EVENT(4u, 0x80, 0), 15);
	set(&event, 1);
	expect(CONTROLS, &event, "error code");
	caps.basic = 1ull << 56;
	expect(CONTROLS, NULL, NULL);
	good_event(EVENT(3u, 14, 0), 0);
	SET({ENTRY_EVENT, EVENT(5u, 1, 0)}, {ENTRY_INSN_LENGTH, 0});
	expect(CONTROLS, &length, "length");
	caps.misc = 1ull << 30;
	expect(CONTROLS, NULL, NULL);
	set(&ept, 1);
	expect(CONTROLS, &ept, "dirty");
	caps.ept_vpid |= CAP_EPT_AD;
	all_good();
	vtpr = 0x3F;
	expect(CONTROLS, &threshold, "above the TPR");
	SET({SECONDARY_CONTROLS, SECONDARIES | SECONDARY_APIC_ACCESS}, {APIC_ACCESS_PAGE, 0x1000});
	expect(CONTROLS, NULL, NULL);
	caps.phys_bits = 52;
	SET({GUEST_CR3, FAR}, {HOST_CR3, FAR}, {MSR_BITMAP, FAR});
	all_good();
}

/* Each of these alone fails; of those that are wrong together, the first is named. */
static const struct bad in_order[] = {
	BAD(CONTROLS, "", {PRIMARY_CONTROLS, 0}),
	BAD(CONTROLS, "", {SECONDARY_CONTROLS, ~0u}),
	BAD(CONTROLS, "", {CR3_TARGET_COUNT, 99}),
	BAD(CONTROLS, "", {IO_BITMAP_A, 7}),
	BAD(CONTROLS, "", {IO_BITMAP_B, 7}),
	BAD(CONTROLS, "", {MSR_BITMAP, 7}),
	BAD(CONTROLS, "", {VIRTUAL_APIC_PAGE, 7}),
	BAD(CONTROLS, "", {APIC_ACCESS_PAGE, 7}),
	BAD(CONTROLS, "", {VPID, 0}),
	BAD(CONTROLS, "", {EPT_POINTER, 0}),
	BAD(CONTROLS, "", {EXIT_CONTROLS, 0}),
	BAD(CONTROLS, "", {EXIT_MSR_STORE_AREA, 7}),
	BAD(CONTROLS, "", {EXIT_MSR_LOAD_AREA, 7}),
	BAD(CONTROLS, "", {ENTRY_CONTROLS, 0}),
	BAD(CONTROLS, "", {ENTRY_EVENT, EVENT(1u, 0, 0)}),
	BAD(CONTROLS, "", {ENTRY_MSR_LOAD_AREA, 7}),
	BAD(HOST, "", {HOST_CR0, 0}),
	BAD(HOST, "", {HOST_CR4, 0}),
	BAD(HOST, "", {HOST_CR3, ~0ull}),
	BAD(HOST, "", {HOST_SYSENTER_ESP, ODD}),
	BAD(HOST, "", {HOST_SYSENTER_EIP, ODD}),
	BAD(HOST, "", {HOST_PAT, 2}),
	BAD(HOST, "", {HOST_EFER, 0}),
	BAD(HOST, "", {HOST_DS_SELECTOR, 7}),
	BAD(HOST, "", {HOST_CS_SELECTOR, 0}),
	BAD(HOST, "", {HOST_TR_SELECTOR, 0}),
	BAD(HOST, "", {HOST_FS_BASE, ODD}),
	BAD(HOST, "", {HOST_IDTR_BASE, ODD}),
	BAD(HOST, "", {EXIT_CONTROLS, EXITS & ~(u64)EXIT_CTL_HOST_64}),
	BAD(HOST, "", {HOST_RIP, ODD}),
	BAD(GUEST, "", {GUEST_CR0, 1ull << 32 | 0x80050033}),
	BAD(GUEST, "", {GUEST_CR4, 0x26A0 | 1u << 31}),
	BAD(GUEST, "", {GUEST_DEBUGCTL, 1 << 3}),
	BAD(GUEST, "", {GUEST_CR3, ~0ull}),
	BAD(GUEST, "", {GUEST_DR7, ~0ull}),
	BAD(GUEST, "", {GUEST_SYSENTER_ESP, ODD}),
	BAD(GUEST, "", {GUEST_SYSENTER_EIP, ODD}),
	BAD(GUEST, "", {GUEST_PAT, 2}),
	BAD(GUEST, "", {GUEST_EFER, 0}),
	BAD(GUEST, "", {GUEST_TR_SELECTOR, 4}),
	BAD(GUEST, "", {GUEST_FS_BASE, ODD}),
	BAD(GUEST, "", {GUEST_TR_BASE, ODD}),
	BAD(GUEST, "", {GUEST_CS_BASE, ODD}),
	BAD(GUEST, "", {GUEST_CS_RIGHTS, 0}),
	BAD(GUEST, "", {GUEST_SS_RIGHTS, 0}),
	BAD(GUEST, "", {GUEST_DS_RIGHTS, 0}),
	BAD(GUEST, "", {GUEST_TR_RIGHTS, 0}),
	BAD(GUEST, "", {GUEST_LDTR_RIGHTS, 0}),
	BAD(GUEST, "", {GUEST_GDTR_BASE, ODD}),
	BAD(GUEST, "", {GUEST_IDTR_BASE, ODD}),
	BAD(GUEST, "", {GUEST_GDTR_LIMIT, ~0u}),
	BAD(GUEST, "", {GUEST_IDTR_LIMIT, ~0u}),
	BAD(GUEST, "", {GUEST_RIP, ODD}),
	BAD(GUEST, "", {GUEST_RFLAGS, ~0ull & ~(u64)RFLAGS_VM}),
	BAD(GUEST, "", {GUEST_ACTIVITY, 1}),
	BAD(GUEST, "", {GUEST_INTERRUPTIBILITY, ~0u & ~7u}),
	BAD(GUEST, "", {GUEST_PENDING_DEBUG, ~0ull}),
	BAD(GUEST, "", {LINK_POINTER, 0}),
};

static void first_of_many(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++) {
		rich();
		for (size_t j = ARRAY_SIZE(in_order); j > i; j--)
			if (in_order[j - 1].failure == in_order[i].failure)
				set(in_order[j - 1].set, 1);
		/* The conditions of the checks stay. */
		if (in_order[i].failure == CONTROLS && i > 0)
			SET({PRIMARY_CONTROLS, PRIMARIES | PRIMARY_IO_BITMAPS});
		expect(in_order[i].failure, &in_order[i].set[0], in_order[i].rule);
	}
}

/* Failures that stand for no checks. */
static void other_failures(void **state)
{
	struct vmx_violation w;

	(void)state;
	memset(vmcs, 0, sizeof(vmcs));
	for (u32 i = 0; i < 100; i++)
		assert_int_equal(vmx_entry_check(i, &caps, 0, &w),
				 i == CONTROLS || i == HOST || i == GUEST);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vmx_failure(7), "VM entry with invalid control fields");
	assert_string_equal(vmx_failure(8), "VM entry with invalid host-state fields");
	assert_string_equal(vmx_failure(33), "invalid guest state");
	assert_string_equal(vmx_failure(34), "MSR loading");
	assert_string_equal(vmx_failure(41), "machine-check event");
	for (u32 i = 0; i < 100; i++)
		assert_non_null(vmx_failure(i));
	assert_string_equal(vmcs_field_name(0), "VPID");
	assert_string_equal(vmcs_field_name(0x6800), "GUEST_CR0");
	assert_string_equal(vmcs_field_name(0x4818), "GUEST_SS_RIGHTS");
	assert_string_equal(vmcs_field_name(0x6C16), "HOST_RIP");
	assert_string_equal(vmcs_field_name(0x6C18), "?");
	for (size_t i = 0; i < vmcs_field_count; i++) {
		assert_ptr_equal(vmcs_field_name(vmcs_fields[i].encoding), vmcs_fields[i].name);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(vmcs_fields[i].encoding, vmcs_fields[j].encoding);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one),    cmocka_unit_test(switched_off),
		cmocka_unit_test(capabilities),  cmocka_unit_test(conditions),
		cmocka_unit_test(first_of_many), cmocka_unit_test(other_failures),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
