/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of svm/ share; core/ sees svm_ops alone. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include <core/hvm.h>
#include <core/types.h>
#include <svm/vmcb.h>

#define MSR_VM_CR       0xC0010114u
#define MSR_VM_HSAVE_PA 0xC0010117u
#define VM_CR_LOCK      (1u << 3)
#define VM_CR_SVMDIS    (1u << 4)

/* Maps of "Intercepting IN and OUT Instructions" and "MSR Intercepts" (APM volume 2). */
#define IOPM_ORDER 2u /* 12 KiB are used: 65536 ports and the bytes behind the last one */
#define IOPM_SIZE  0x3000u
#define MSRPM_SIZE 0x2000u

/* probe.c */
must_use int svm_probe(const char **why);
bool svm_npt_has_1g(void);
u32 svm_asid_count(void); /* ASIDs of the CPU, 0 (the host's) included */

/* enable.c: each CPU's struct pcpu.hvm is two pages: the host save area, and the block that holds
 * what VMLOAD gives back to the host after an exit. */
must_use int svm_cpu_enable(void);
void svm_cpu_disable(void);

/* exit.c */
void svm_intercept_all(struct vmcb *b); /* all exits that are known here */

static inline void svm_intercept(struct vmcb *b, u32 code, bool on)
{
	u32 bit = 1u << code % 32, *word = &b->intercept[code / 32];

	*word = on ? *word | bit : *word & ~bit;
	b->clean &= ~CLEAN_I;
}

/* vmcb.c */
void svm_maps_init(void); /* the maps of all guests, once, before the first vCPU */
must_use int svm_vcpu_create(struct vcpu *v);
void svm_vcpu_destroy(struct vcpu *v);
must_use int svm_set_ports(struct domain *d, u16 first, u16 last, bool open);
void svm_domain_destroy(struct domain *d);
/* In map (MSRPM_SIZE bytes): lets reads or writes of an MSR through. False if the map has no place
 * for it: it is always intercepted. */
bool svm_msrpm_allow(u8 *map, u32 msr, bool read, bool write);
void svm_dump(const struct vcpu *v);

/* state.c */
void svm_load(struct vcpu *v, unsigned int groups);
void svm_store(struct vcpu *v, unsigned int groups);
unsigned int svm_cpl(const struct vcpu *v);
unsigned int svm_code_bits(const struct vcpu *v);
void svm_switch_in(struct vcpu *v);
void svm_switch_out(struct vcpu *v);
void svm_debug_activate(struct vcpu *v); /* gives DR0-3 to the guest; v is this CPU's */

/* run.c */
extern u32 svm_clean_mask; /* clean bits that the CPU knows */
extern bool svm_tcg;       /* QEMU's TCG is the CPU, whose flaws run.c goes around */
void svm_run(struct vcpu *v, struct hvm_exit *exit);
void svm_flush(struct vcpu *v);

/* entry.S: enters the guest of the VMCB at physical address vmcb, returns at its exit. RAX, RSP,
 * RIP, RFLAGS go through the VMCB, the other general registers through regs. host: where this
 * CPU's VMLOAD state lies. IF=0 before and after. */
void svm_enter(struct plinth_vcpu_state *regs, u64 vmcb, u64 host);
/* Bochs 2.7's VMRUN leaves CR2 as it is: this brings the guest's, where it may be another. */
void svm_write_cr2(u64 value);

#endif
