/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits of the control registers, RFLAGS and EFER, and the MSR numbers that both vendors share.
 * Plain constants, so that assembly can use them too. AMD64 Architecture Programmer's Manual,
 * volume 2, "System-Control Registers" and "Model-Specific Registers". */
#ifndef ARCH_X86_64_CPU_REGS_H
#define ARCH_X86_64_CPU_REGS_H

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000

#define CR4_VME        0x000001
#define CR4_PVI        0x000002
#define CR4_TSD        0x000004
#define CR4_DE         0x000008
#define CR4_PSE        0x000010
#define CR4_PAE        0x000020
#define CR4_MCE        0x000040
#define CR4_PGE        0x000080
#define CR4_PCE        0x000100
#define CR4_OSFXSR     0x000200
#define CR4_OSXMMEXCPT 0x000400
#define CR4_UMIP       0x000800
#define CR4_LA57       0x001000
#define CR4_VMXE       0x002000
#define CR4_FSGSBASE   0x010000
#define CR4_PCIDE      0x020000
#define CR4_OSXSAVE    0x040000
#define CR4_SMEP       0x100000
#define CR4_SMAP       0x200000
#define CR4_PKE        0x400000

#define RFLAGS_TF 0x000100
#define RFLAGS_IF 0x000200
#define RFLAGS_DF 0x000400
#define RFLAGS_VM 0x020000
#define DR6_BS    0x4000 /* single step */

#define EFER_SCE    0x0001
#define EFER_LME    0x0100
#define EFER_LMA    0x0400
#define EFER_NXE    0x0800
#define EFER_SVME   0x1000
#define EFER_FFXSR  0x4000
#define EFER_AIBRSE 0x200000

#define MSR_TSC             0x00000010
#define MSR_APIC_BASE       0x0000001B
#define MSR_PRED_CMD        0x00000049
#define MSR_FEATURE_CONTROL 0x0000003A
#define MSR_SYSENTER_CS     0x00000174
#define MSR_SYSENTER_ESP    0x00000175
#define MSR_SYSENTER_EIP    0x00000176
#define MSR_MISC_ENABLE     0x000001A0
#define MSR_DEBUGCTL        0x000001D9
#define MSR_PAT             0x00000277
#define MSR_TSC_DEADLINE    0x000006E0
#define MSR_X2APIC_FIRST    0x00000800 /* register offset / 16 is added */
#define MSR_X2APIC_LAST     0x000008FF
#define MSR_EFER            0xC0000080
#define MSR_STAR            0xC0000081
#define MSR_LSTAR           0xC0000082
#define MSR_CSTAR           0xC0000083
#define MSR_SFMASK          0xC0000084
#define MSR_FS_BASE         0xC0000100
#define MSR_GS_BASE         0xC0000101
#define MSR_KERNEL_GS_BASE  0xC0000102
#define MSR_TSC_AUX         0xC0000103

#endif
