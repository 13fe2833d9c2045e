/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual machine control structure: fields, and the bits of those that control. SDM volume 3,
 * "Virtual Machine Control Structures" and appendix "Field Encoding in VMCS". */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include <core/types.h>

/* X(name, encoding): each field that is used, and those that tell why an entry failed. */
/* clang-format off */
#define VMCS_SEGMENT_FIELDS(X, S, n) \
	X(GUEST_##S##_SELECTOR, 0x0800 + 2 * (n)) X(GUEST_##S##_LIMIT, 0x4800 + 2 * (n)) \
	X(GUEST_##S##_RIGHTS, 0x4814 + 2 * (n)) X(GUEST_##S##_BASE, 0x6806 + 2 * (n))
#define VMCS_FIELDS(X) \
	X(VPID, 0x0000) X(HOST_ES_SELECTOR, 0x0C00) X(HOST_CS_SELECTOR, 0x0C02) \
	X(HOST_SS_SELECTOR, 0x0C04) X(HOST_DS_SELECTOR, 0x0C06) X(HOST_FS_SELECTOR, 0x0C08) \
	X(HOST_GS_SELECTOR, 0x0C0A) X(HOST_TR_SELECTOR, 0x0C0C) X(IO_BITMAP_A, 0x2000) \
	X(IO_BITMAP_B, 0x2002) X(MSR_BITMAP, 0x2004) X(VIRTUAL_APIC_PAGE, 0x2012) X(APIC_ACCESS_PAGE, 0x2014) \
	X(EPT_POINTER, 0x201A) X(GUEST_PHYSICAL, 0x2400) X(LINK_POINTER, 0x2800) \
	X(GUEST_DEBUGCTL, 0x2802) X(GUEST_PAT, 0x2804) X(GUEST_EFER, 0x2806) \
	X(GUEST_PDPTE0, 0x280A) X(GUEST_PDPTE1, 0x280C) X(GUEST_PDPTE2, 0x280E) \
	X(GUEST_PDPTE3, 0x2810) X(HOST_PAT, 0x2C00) X(HOST_EFER, 0x2C02) \
	X(PIN_CONTROLS, 0x4000) X(PRIMARY_CONTROLS, 0x4002) X(EXCEPTION_BITMAP, 0x4004) \
	X(EXIT_CONTROLS, 0x400C) X(EXIT_MSR_STORE_COUNT, 0x400E) \
	X(EXIT_MSR_LOAD_COUNT, 0x4010) X(ENTRY_CONTROLS, 0x4012) \
	X(ENTRY_MSR_LOAD_COUNT, 0x4014) X(ENTRY_EVENT, 0x4016) X(ENTRY_ERROR_CODE, 0x4018) \
	X(ENTRY_INSN_LENGTH, 0x401A) X(TPR_THRESHOLD, 0x401C) X(SECONDARY_CONTROLS, 0x401E) \
	X(PLE_GAP, 0x4020) X(PLE_WINDOW, 0x4022) X(INSN_ERROR, 0x4400) X(EXIT_REASON, 0x4402) \
	X(EXIT_EVENT, 0x4404) X(EXIT_ERROR_CODE, 0x4406) X(IDT_VECTORING, 0x4408) \
	X(IDT_ERROR_CODE, 0x440A) X(EXIT_INSN_LENGTH, 0x440C) X(EXIT_INSN_INFO, 0x440E) \
	VMCS_SEGMENT_FIELDS(X, ES, 0) VMCS_SEGMENT_FIELDS(X, CS, 1) \
	VMCS_SEGMENT_FIELDS(X, SS, 2) VMCS_SEGMENT_FIELDS(X, DS, 3) \
	VMCS_SEGMENT_FIELDS(X, FS, 4) VMCS_SEGMENT_FIELDS(X, GS, 5) \
	VMCS_SEGMENT_FIELDS(X, LDTR, 6) VMCS_SEGMENT_FIELDS(X, TR, 7) \
	X(GUEST_GDTR_LIMIT, 0x4810) X(GUEST_IDTR_LIMIT, 0x4812) \
	X(GUEST_INTERRUPTIBILITY, 0x4824) X(GUEST_ACTIVITY, 0x4826) X(GUEST_TIMER, 0x482E) \
	X(GUEST_SYSENTER_CS, 0x482A) X(HOST_SYSENTER_CS, 0x4C00) X(CR0_MASK, 0x6000) \
	X(CR4_MASK, 0x6002) X(CR0_SHADOW, 0x6004) X(CR4_SHADOW, 0x6006) X(EXIT_QUALIFICATION, 0x6400) \
	X(GUEST_LINEAR, 0x640A) X(GUEST_CR0, 0x6800) X(GUEST_CR3, 0x6802) X(GUEST_CR4, 0x6804) \
	X(GUEST_GDTR_BASE, 0x6816) X(GUEST_IDTR_BASE, 0x6818) X(GUEST_DR7, 0x681A) \
	X(GUEST_RSP, 0x681C) X(GUEST_RIP, 0x681E) X(GUEST_RFLAGS, 0x6820) \
	X(GUEST_PENDING_DEBUG, 0x6822) \
	X(GUEST_SYSENTER_ESP, 0x6824) X(GUEST_SYSENTER_EIP, 0x6826) X(HOST_CR0, 0x6C00) X(HOST_CR3, 0x6C02) \
	X(HOST_CR4, 0x6C04) X(HOST_FS_BASE, 0x6C06) X(HOST_GS_BASE, 0x6C08) \
	X(HOST_TR_BASE, 0x6C0A) X(HOST_GDTR_BASE, 0x6C0C) X(HOST_IDTR_BASE, 0x6C0E) \
	X(HOST_SYSENTER_ESP, 0x6C10) X(HOST_SYSENTER_EIP, 0x6C12) \
	X(HOST_RSP, 0x6C14) X(HOST_RIP, 0x6C16) \
	X(EXIT_MSR_STORE_AREA, 0x2006) X(EXIT_MSR_LOAD_AREA, 0x2008) X(ENTRY_MSR_LOAD_AREA, 0x200A) \
	X(CR3_TARGET_COUNT, 0x400A)
/* clang-format on */

#define VMCS_NUMBER(name, encoding) name = (encoding),
enum vmcs_field { VMCS_FIELDS(VMCS_NUMBER) };
#undef VMCS_NUMBER
/* The fields of segment n (order of enum plinth_seg) lie 2 n behind those of ES. */

/* PIN_CONTROLS */
#define PIN_INTERRUPT   (1u << 0)
#define PIN_NMI         (1u << 3)
#define PIN_VIRTUAL_NMI (1u << 5)
#define PIN_TIMER       (1u << 6)
/* PRIMARY_CONTROLS */
#define PRIMARY_IRQ_WINDOW (1u << 2)
#define PRIMARY_WINDOWS    (PRIMARY_IRQ_WINDOW | PRIMARY_NMI_WINDOW)
#define PRIMARY_HLT        (1u << 7)
#define PRIMARY_MWAIT      (1u << 10)
#define PRIMARY_RDPMC      (1u << 11)
#define PRIMARY_TPR_SHADOW (1u << 21)
#define PRIMARY_NMI_WINDOW (1u << 22)
#define PRIMARY_MOV_DR     (1u << 23)
#define PRIMARY_IO_ALL     (1u << 24)
#define PRIMARY_IO_BITMAPS (1u << 25)
#define PRIMARY_MSR_BITMAP (1u << 28)
#define PRIMARY_MONITOR    (1u << 29)
#define PRIMARY_SECONDARY  (1u << 31)
/* SECONDARY_CONTROLS */
#define SECONDARY_APIC_ACCESS  (1u << 0) /* "virtualize APIC accesses" */
#define SECONDARY_EPT          (1u << 1)
#define SECONDARY_RDTSCP       (1u << 3)
#define SECONDARY_X2APIC       (1u << 4) /* "virtualize x2APIC mode" */
#define SECONDARY_VPID         (1u << 5)
#define SECONDARY_WBINVD       (1u << 6)
#define SECONDARY_UNRESTRICTED (1u << 7)
#define SECONDARY_APIC_REGS    (1u << 8) /* "APIC-register virtualization" */
#define SECONDARY_DELIVERY     (1u << 9) /* "virtual-interrupt delivery" */
#define SECONDARY_PAUSE_LOOP   (1u << 10)
#define SECONDARY_INVPCID      (1u << 12)
/* EXIT_CONTROLS */
#define EXIT_CTL_SAVE_DEBUG  (1u << 2)
#define EXIT_CTL_HOST_64     (1u << 9)
#define EXIT_CTL_ACKNOWLEDGE (1u << 15)
#define EXIT_CTL_SAVE_PAT    (1u << 18)
#define EXIT_CTL_LOAD_PAT    (1u << 19)
#define EXIT_CTL_SAVE_EFER   (1u << 20)
#define EXIT_CTL_LOAD_EFER   (1u << 21)
/* ENTRY_CONTROLS */
#define ENTRY_CTL_LOAD_DEBUG (1u << 2)
#define ENTRY_CTL_LONG_MODE  (1u << 9)
#define ENTRY_CTL_LOAD_PAT   (1u << 14)
#define ENTRY_CTL_LOAD_EFER  (1u << 15)

/* ENTRY_EVENT, EXIT_EVENT, IDT_VECTORING: vector 7:0, type 10:8, error code valid, valid */
#define EVENT_TYPE_SHIFT    8
#define EVENT_HAS_ERROR     (1u << 11)
#define EVENT_NMI_UNBLOCKED (1u << 12) /* EXIT_EVENT: an IRET had ended the NMI mask already */
#define EVENT_VALID         (1u << 31)
#define EVENT_TYPE_INT      4u /* from here on: instructions */
#define EVENT_TYPE_ICEBP    5u

/* GUEST_INTERRUPTIBILITY */
#define BLOCKED_STI    (1u << 0)
#define BLOCKED_MOV_SS (1u << 1)
#define BLOCKED_NMI    (1u << 3)
#define PENDING_STEP   (1u << 14) /* GUEST_PENDING_DEBUG */

/* Access rights of a segment: as in enum plinth_segment, but AVL L D/B G at 12-15. */
#define RIGHTS_L        (1u << 13)
#define RIGHTS_DB       (1u << 14)
#define RIGHTS_UNUSABLE (1u << 16)

/* EXIT_REASON */
#define REASON_ENTRY_FAILED (1u << 31)

/* EXIT_QUALIFICATION of an APIC access: offset 11:0, type 15:12 */
#define APIC_ACCESS_WRITE 1u
#define APIC_ACCESS_FETCH 2u

#define IO_STRING (1u << 4) /* EXIT_QUALIFICATION of an access to a port */
/* EXIT_QUALIFICATION of an EPT violation */
#define EPT_VIOLATION_WRITE     (1u << 1)
#define EPT_VIOLATION_FETCH     (1u << 2)
#define EPT_VIOLATION_LINEAR    (1u << 7)
#define EPT_VIOLATION_FINAL     (1u << 8) /* not the guest's own page walk */
#define EPT_VIOLATION_UNBLOCKED (1u << 12)

#endif
