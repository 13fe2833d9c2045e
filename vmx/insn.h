/* SPDX-License-Identifier: BSD-2-Clause */
/* The instructions of VT-x: SDM volume 3, "VMX Instruction Reference". Host tests put their own in
 * this header's place. */
#ifndef VMX_INSN_H
#define VMX_INSN_H

#include <core/types.h>

/* Of the current VMCS. Unchecked, as they are paid at each exit: the fields that are used exist on
 * each CPU that passes probe.c, and a VMCS is current wherever these are called. */
static inline u64 vmread(u32 field)
{
	u64 value;

	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((u64)field) : "cc");
	return value;
}
/* 0 if this CPU has no such field. */
static inline u64 vmread_if_there(u32 field)
{
	u64 value = 0;

	__asm__ volatile("vmread %1, %0" : "+r"(value) : "r"((u64)field) : "cc");
	return value;
}
static inline void vmwrite(u32 field, u64 value)
{
	__asm__ volatile("vmwrite %1, %0" ::"r"((u64)field), "r"(value) : "cc", "memory");
}

/* Addresses are physical. False: the CPU refuses the region. */
must_use static inline bool vmxon(u64 region)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
	return !failed;
}
static inline void vmxoff(void)
{
	__asm__ volatile("vmxoff" ::: "cc", "memory");
}
static inline void vmptrld(u64 vmcs)
{
	__asm__ volatile("vmptrld %0" ::"m"(vmcs) : "cc", "memory");
}
/* The VMCS is in memory entirely, belongs to no CPU, and is current nowhere. */
static inline void vmclear(u64 vmcs)
{
	__asm__ volatile("vmclear %0" ::"m"(vmcs) : "cc", "memory");
}
#define VMCS_NONE (~0ull)
static inline u64 vmptrst(void)
{
	u64 vmcs;

	__asm__ volatile("vmptrst %0" : "=m"(vmcs)::"cc", "memory");
	return vmcs;
}

/* DR6 is in no VMCS. */
static inline u64 read_dr6(void)
{
	u64 value;

	__asm__ volatile("movq %%db6, %0" : "=r"(value));
	return value;
}
static inline void write_dr6(u64 value)
{
	__asm__ volatile("movq %0, %%db6" ::"r"(value));
}

#define INVEPT_CONTEXT 1u /* one EPT pointer */
#define INVEPT_ALL     2u
static inline void invept(u64 type, u64 eptp)
{
	const u64 descriptor[2] = {eptp, 0};

	__asm__ volatile("invept %0, %1" ::"m"(descriptor), "r"(type) : "cc", "memory");
}

#endif
