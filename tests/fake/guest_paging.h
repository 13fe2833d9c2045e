/* SPDX-License-Identifier: BSD-2-Clause */
/* Four levels of page tables for vCPU 0 of vcpu_env.h: the first 2 MiB of linear addresses, page by
 * page, one to one at first. */
#ifndef FAKE_GUEST_PAGING_H
#define FAKE_GUEST_PAGING_H

#include <arch/x86_64/cpu/regs.h>
#include <vcpu_env.h>

#define PAGING_P  1ull
#define PAGING_W  2ull
#define PAGING_U  4ull
#define PAGING_AD 0x60ull

/* Maps the page at linear address `at` (below 2 MiB) to gpa with these bits; 0: to nothing. */
static inline void paging_map(u64 at, u64 gpa, u64 bits)
{
	((u64 *)env_at(0x4000))[at >> PAGE_SHIFT] = bits ? gpa | bits | PAGING_P | PAGING_AD : 0;
}

static inline void paging_on(void)
{
	struct plinth_vcpu_state *r = &env_vcpu[0].regs;

	for (u64 table = 0x1000; table < 0x4000; table += PAGE_SIZE)
		*(u64 *)env_at(table) = (table + PAGE_SIZE) | PAGING_P | PAGING_W | PAGING_U;
	for (u64 at = 0; at < MIB(2); at += PAGE_SIZE)
		paging_map(at, at, PAGING_W | PAGING_U);
	r->cr0 = CR0_PE | CR0_PG | CR0_WP;
	r->cr3 = 0x1000;
	r->cr4 = CR4_PAE;
	r->efer = EFER_LME | EFER_LMA | EFER_NXE;
	r->rflags = 2;
}

#endif
