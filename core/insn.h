/* SPDX-License-Identifier: BSD-2-Clause */
/* Instruction decoder: lengths of intercepted instructions, and plain memory accesses to be
 * emulated. Pure: bytes in, facts out. Guest-chosen bytes; every result is bounded. */
#ifndef CORE_INSN_H
#define CORE_INSN_H

#include <core/types.h>
#include <plinth/vcpu_state.h>

#define INSN_MAX_LENGTH 15u

enum insn_map { INSN_MAP_1, INSN_MAP_0F, INSN_MAP_0F38, INSN_MAP_0F3A };

/* Values of base and index besides a GPR number. */
#define INSN_REG_NONE 0xFFu
#define INSN_REG_RIP  0xFEu

struct insn {
	u8 length;                  /* 1..15 bytes */
	u8 mode;                    /* bits of the code segment: 16, 32, 64 */
	u8 map, opcode;             /* enum insn_map; the byte after the escapes */
	u8 rex, modrm;              /* 0 if there is none */
	u8 op_size, addr_size;      /* bytes: 2, 4, 8 */
	u8 segment;                 /* SEG_xx of the memory operand: override or default */
	u8 rep;                     /* 0, 0xF2 or 0xF3: the last one */
	bool lock;                  /* F0 was there; whether it is legal is not checked */
	bool has_mem;               /* ModRM or moffs operand in memory */
	u8 mod, reg, rm;            /* with the REX bits */
	u8 base, index, scale, pad; /* of the memory operand; scale: 1, 2, 4, 8 */
	s64 disp;                   /* sign-extended; an absolute address for moffs */
	u64 imm;                    /* sign-extended; the first of two */
};

/* Decodes one instruction of the general-purpose, system, x87, MMX and SSE sets (no VEX, EVEX, XOP;
 * not the two SSE4a forms with immediates) at bytes[0..n). mode_bits: 16, 32, 64. -XEN_E2BIG: it
 * goes on after n bytes. -XEN_EINVAL: unknown, or longer than 15. Source: AMD APM volume 3,
 * "Instruction Encoding" and "Opcode and Operand Encodings". */
must_use int insn_decode(struct insn *out, const u8 *bytes, size_t n, unsigned int mode_bits);
/* Only the length; plain CPUID, RDMSR, WRMSR and hypercalls are recognised at a glance. */
must_use int insn_length(const u8 *bytes, size_t n, unsigned int mode_bits, unsigned int *length);

/* Linear address of the memory operand (has_mem). seg: SEG_ES..SEG_GS; rip: of the instruction. No
 * limit or right is checked: the processor did before it reported the access. */
gva_t insn_linear(const struct insn *in, const u64 gpr[GPR_COUNT], const struct plinth_segment *seg,
		  u64 rip);

/* The first eight are numbered as instructions encode them. */
enum insn_op {
	INSN_OP_add,
	INSN_OP_or,
	INSN_OP_adc,
	INSN_OP_sbb,
	INSN_OP_and,
	INSN_OP_sub,
	INSN_OP_xor,
	INSN_OP_cmp,
	INSN_OP_test,
	INSN_OP_mov,
	INSN_OP_xchg,
	INSN_OP_not,
	INSN_OP_neg,
	INSN_OP_inc,
	INSN_OP_dec,
};

/* What an instruction does to its memory operand: read `width` bytes if reads; then call
 * insn_mmio_execute(); then write what it returned if writes. */
struct insn_mmio {
	u8 op;         /* enum insn_op */
	u8 width;      /* of the access: 1, 2, 4, 8 bytes */
	u8 reg;        /* the other operand, unless use_imm */
	u8 reg_width;  /* bytes; more than width for MOVZX, MOVSX */
	bool reg_high; /* AH, CH, DH, BH */
	bool reads, writes;
	bool to_reg; /* the register is the first operand: MOV, XCHG and ALU results go there */
	bool sign_extend; /* MOVSX */
	bool use_imm;
	u64 imm;
};

/* -XEN_EINVAL: not an instruction that is emulated (or LOCK where it is not allowed). Emulated:
 * MOV, MOVZX, MOVSX, MOVSXD, XCHG, ADD..CMP, TEST, NOT, NEG, INC, DEC with a memory operand. */
must_use int insn_mmio_plan(const struct insn *in, struct insn_mmio *plan);
/* mem: what was read (low width bytes count). Updates gpr and rflags; returns what is to be written
 * to memory (zero-extended). The caller moves RIP on. */
u64 insn_mmio_execute(const struct insn_mmio *plan, u64 mem, u64 gpr[GPR_COUNT], u64 *rflags);

#endif
