/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual machine control block: AMD64 Architecture Programmer's Manual, volume 2, appendix
 * "Layout of VMCB". */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include <core/types.h>
#include <plinth/vcpu_state.h>

/* vmcb.intercept has a bit for each exit code up to 0xBF: these change as a guest runs. */
#define CODE_CR8_WRITE 0x18u
#define CODE_DR        0x20u /* and all behind it in the same word */
#define CODE_VINTR     0x64u
#define CODE_IRET      0x74u
#define CODE_PAUSE     0x77u

#define TLB_CONTROL_FLUSH_ALL 1u

/* int_ctl */
#define V_TPR_MASK     0xFull
#define V_IRQ          (1ull << 8)
#define V_PRIO_HIGH    (15ull << 16)
#define V_IGN_TPR      (1ull << 20)
#define V_INTR_MASKING (1ull << 24)
#define V_VECTOR_SHIFT 32
#define V_VECTOR       (0xFFull << V_VECTOR_SHIFT)

#define INT_STATE_SHADOW 1u
#define NP_ENABLE        1u

/* EVENTINJ and EXITINTINFO: vector 7:0, type 10:8, error code valid, valid, error code 63:32 */
#define EVENT_TYPE_SHIFT 8
#define EVENT_HAS_ERROR  (1ull << 11)
#define EVENT_VALID      (1ull << 31)

/* "VMCB Clean Field": a set bit says that the CPU may keep what it has. */
#define CLEAN_I   (1u << 0) /* intercepts, TSC offset, pause filter */
#define CLEAN_TPR (1u << 3) /* int_ctl */
#define CLEAN_NP  (1u << 4) /* n_cr3, np_enable, g_pat */
#define CLEAN_CRX (1u << 5) /* cr0 cr3 cr4 efer */
#define CLEAN_DRX (1u << 6)
#define CLEAN_DT  (1u << 7)
#define CLEAN_SEG (1u << 8) /* cs ds ss es cpl */
#define CLEAN_CR2 (1u << 9)
#define CLEAN_ALL 0x3FFu

/* EXITINFO1 of an access to a port */
#define IO_IN            (1u << 0)
#define IO_STRING        (1u << 2)
#define IO_REP           (1u << 3)
#define IO_WIDTH_SHIFT   4 /* bits 6:4: one of 1, 2, 4 */
#define IO_ADDRESS_SHIFT 7 /* bits 9:7: 16, 32, 64 bits */
#define IO_PORT_SHIFT    16
/* EXITINFO1 of a nested page fault */
#define NPF_WRITE (1ull << 1)
#define NPF_FETCH (1ull << 4)
#define NPF_TABLE (1ull << 33)

/* svm_host.nmi */
#define NMI_IRET_AWAITED 1u /* the IRET at iret_rip is about to end the NMI handler */
#define NMI_STEPPING     2u /* RFLAGS.TF is ours, to see it done */
#define NMI_GUEST_TF     4u /* and the guest had set it too */
#define SHADOW_AWAITED   8u /* the instruction at iret_rip lies in a forgotten shadow */

/* What we keep beside the hardware's fields, in the bytes that the manual gives to software. */
struct svm_host {
	u64 asid_generation; /* of the pCPU whose ASID this is; 0: none */
	u64 pa;              /* of this block */
	u64 iret_rip;
	u8 nmi;     /* NMI_* */
	u8 dr_live; /* DR0-3 of the CPU are the guest's, and not intercepted */
	u8 pad[6];
};
_Static_assert(sizeof(struct svm_host) == 32, "as large as the space for it");

struct vmcb {
	u32 intercept[6];
	u8 reserved_018[0x3C - 0x18];
	u16 pause_threshold, pause_count;
	u64 iopm_pa, msrpm_pa, tsc_offset;
	u32 asid;
	u8 tlb_control, reserved_05d[3];
	u64 int_ctl, int_state;
	u64 exit_code, exit_info1, exit_info2, exit_int_info;
	u64 np_enable;
	u8 reserved_098[0xA8 - 0x98];
	u64 event_inj, n_cr3, lbr_control;
	u32 clean, reserved_0c4;
	u64 next_rip;
	u8 reserved_0d0[0x3E0 - 0xD0];
	struct svm_host host;

	struct plinth_segment seg[SEG_GS + 1], gdtr, ldtr, idtr, tr;
	u8 reserved_4a0[0x4CB - 0x4A0];
	u8 cpl;
	u32 reserved_4cc;
	u64 efer;
	u8 reserved_4d8[0x548 - 0x4D8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_580[0x5D8 - 0x580];
	u64 rsp;
	u8 reserved_5e0[0x5F8 - 0x5E0];
	u64 rax;
	struct plinth_syscall_msrs msr;
	u64 cr2;
	u8 reserved_648[0x668 - 0x648];
	u64 g_pat;
	u8 reserved_670[0x1000 - 0x670];
};

/* The last field of each stretch without a gap. */
#define VMCB_AT(field, offset) _Static_assert(offsetof(struct vmcb, field) == (offset), #field)
VMCB_AT(np_enable, 0x090);
VMCB_AT(next_rip, 0x0C8);
VMCB_AT(host, 0x3E0);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4CB);
VMCB_AT(efer, 0x4D0);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5D8);
VMCB_AT(cr2, 0x640);
VMCB_AT(g_pat, 0x668);
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "a VMCB is one page");

#endif
