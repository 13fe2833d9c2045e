/* SPDX-License-Identifier: BSD-2-Clause */
/* From the exit fields of a VMCB to a neutral exit. */
#ifndef SVM_EXIT_H
#define SVM_EXIT_H

#include <core/hvm.h>
#include <svm/vmcb.h>

/* What is left to do after decoding, besides what the neutral exit says. */
enum svm_exit_kind {
	KIND_unknown,
	KIND_plain, /* nothing */
	KIND_io,    /* the three whose facts are decoded */
	KIND_msr,
	KIND_npf,
	KIND_ud, /* from here on run.c has an action for each */
	KIND_db,
	KIND_ac,
	KIND_mc,
	KIND_gp, /* an instruction that gets #GP(0) */
	KIND_mf,
	KIND_dr,   /* first use of a debug register */
	KIND_cr8,  /* a write */
	KIND_iret, /* about to leave an NMI handler */
};

/* Fills *exit from b's exit fields (APM volume 2, appendix "SVM Intercept Exit Codes"); ecx as the
 * guest has it. Pure: changes nothing but *exit. */
enum svm_exit_kind svm_exit_decode(const struct vmcb *b, u32 ecx, struct hvm_exit *exit);

/* How long the instruction that exited with this code is, if its bytes (the first in the low ones)
 * are its shortest form; 0: it has prefixes, or nothing is known. */
unsigned int svm_insn_length(u64 code, u64 info1, u64 bytes);

#endif
