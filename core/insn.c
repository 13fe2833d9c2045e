/* SPDX-License-Identifier: BSD-2-Clause */
/* Instruction decoder, table-driven, and the emulation of plain memory accesses. */
#include <core/insn.h>

#include <xen/errno.h>

/* What follows an opcode. M: ModRM; B, W: 8, 16 bits of immediate; Z: 16 or 32 by operand size; V:
 * 16, 32 or 64; S: not in 64-bit mode; P: this is a prefix; X: not known. */
enum { M = 1, B = 2, Z = 4, V = 8, W = 16, S = 32, P = 64, X = 128 };
#define MB (M | B)
#define MZ (M | Z)
#define MS (M | S)
#define BS (B | S)

/* clang-format off */
static const u8 map_1[256] = {
	/*       0   1   2   3   4   5   6   7   8   9   A   B   C   D   E   F */
	/* 00 */ M,  M,  M,  M,  B,  Z,  S,  S,  M,  M,  M,  M,  B,  Z,  S,  0,
	/* 10 */ M,  M,  M,  M,  B,  Z,  S,  S,  M,  M,  M,  M,  B,  Z,  S,  S,
	/* 20 */ M,  M,  M,  M,  B,  Z,  P,  S,  M,  M,  M,  M,  B,  Z,  P,  S,
	/* 30 */ M,  M,  M,  M,  B,  Z,  P,  S,  M,  M,  M,  M,  B,  Z,  P,  S,
	/* 40 */ 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	/* 50 */ 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	/* 60 */ S,  S,  MS, M,  P,  P,  P,  P,  Z,  MZ, B,  MB, 0,  0,  0,  0,
	/* 70 */ B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
	/* 80 */ MB, MZ, MB | S, MB, M, M, M, M, M,  M,  M,  M,  M,  M,  M,  M,
	/* 90 */ 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  Z | W | S, 0, 0, 0, 0, 0,
	/* A0 */ V,  V,  V,  V,  0,  0,  0,  0,  B,  Z,  0,  0,  0,  0,  0,  0,
	/* B0 */ B,  B,  B,  B,  B,  B,  B,  B,  V,  V,  V,  V,  V,  V,  V,  V,
	/* C0 */ MB, MB, W,  0,  MS, MS, MB, MZ, W | B, 0, W, 0, 0,  B,  S,  0,
	/* D0 */ M,  M,  M,  M,  BS, BS, S,  0,  M,  M,  M,  M,  M,  M,  M,  M,
	/* E0 */ B,  B,  B,  B,  B,  B,  B,  B,  Z,  Z,  Z | W | S, B, 0, 0, 0, 0,
	/* F0 */ P,  0,  P,  P,  0,  0,  M,  M,  0,  0,  0,  0,  0,  0,  M,  M,
};
static const u8 map_0f[256] = {
	/*       0   1   2   3   4   5   6   7   8   9   A   B   C   D   E   F */
	/* 00 */ M,  M,  M,  M,  X,  0,  0,  0,  0,  0,  X,  0,  X,  M,  0,  MB,
	/* 10 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 20 */ M,  M,  M,  M,  X,  X,  X,  X,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 30 */ 0,  0,  0,  0,  0,  0,  X,  0,  0,  X,  0,  X,  X,  X,  X,  X,
	/* 40 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 50 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 60 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 70 */ MB, MB, MB, MB, M,  M,  M,  0,  M,  M,  X,  X,  M,  M,  M,  M,
	/* 80 */ Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,
	/* 90 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* A0 */ 0,  0,  0,  M,  MB, M,  X,  X,  0,  0,  0,  M,  MB, M,  M,  M,
	/* B0 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  MB, M,  M,  M,  M,  M,
	/* C0 */ M,  M,  MB, M,  MB, MB, MB, M,  0,  0,  0,  0,  0,  0,  0,  0,
	/* D0 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* E0 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* F0 */ M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
};
/* clang-format on */

#define REX_B 1u
#define REX_X 2u
#define REX_R 4u
#define REX_W 8u

struct reader {
	const u8 *bytes;
	size_t n, pos;
	bool ended; /* more was asked for than there is; zeros were given */
};

static inline u8 take_byte(struct reader *r)
{
	if (unlikely(r->pos >= r->n)) {
		r->ended = true;
		return 0;
	}
	return r->bytes[r->pos++];
}

/* A sign-extended number of 1, 2, 4 or 8 bytes. */
static s64 take(struct reader *r, unsigned int size)
{
	u64 v = 0;

	for (unsigned int i = 0; i < size; i++)
		v |= (u64)take_byte(r) << (8 * i);
	return (s64)(v << (64 - 8 * size)) >> (64 - 8 * size);
}

/* Prefixes up to the opcode's first byte, which is returned. A REX counts only right before it. */
static u8 take_prefixes(struct insn *in, struct reader *r)
{
	bool wide_op = in->mode != 16, other_addr = false;
	u8 byte, segment = INSN_REG_NONE;

	for (;;) {
		byte = take_byte(r);
		if (in->mode == 64 && (byte & 0xF0) == 0x40) {
			in->rex = byte;
			continue;
		}
		if (likely(!(map_1[byte] & P)))
			break;
		in->rex = 0;
		if (byte == 0x66)
			wide_op = in->mode == 16;
		else if (byte == 0x67)
			other_addr = true;
		else if (byte == 0xF0)
			in->lock = true;
		else if (byte >= 0xF2)
			in->rep = byte;
		else if (byte >= 0x64)
			segment = byte == 0x64 ? SEG_FS : SEG_GS;
		else if (in->mode != 64) /* 26, 2E, 36, 3E */
			segment = byte >> 3 & 3;
	}
	in->segment = segment;
	in->op_size = in->rex & REX_W ? 8 : wide_op ? 4 : 2;
	if (in->mode == 64)
		in->addr_size = other_addr ? 4 : 8;
	else
		in->addr_size = (in->mode == 32) != other_addr ? 4 : 2;
	return byte;
}

static void take_memory_16(struct insn *in, struct reader *r)
{
	static const u8 base[8] = {GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
				   GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX};

	in->base = base[in->rm];
	if (in->rm < 4)
		in->index = in->rm & 1 ? GPR_RDI : GPR_RSI;
	if (in->mod == 0 && in->rm == 6)
		in->base = INSN_REG_NONE;
	if (in->mod != 0)
		in->disp = take(r, in->mod);
	else if (in->rm == 6)
		in->disp = take(r, 2);
}

static void take_memory(struct insn *in, struct reader *r)
{
	u8 base = in->rm;

	if (base == 4) {
		u8 sib = take_byte(r);
		u8 index = (u8)((sib >> 3 & 7) | (in->rex & REX_X) << 2);

		base = sib & 7;
		in->scale = (u8)(1u << (sib >> 6));
		if (index != 4)
			in->index = index;
	}
	if (base == 5 && in->mod == 0) {
		in->disp = take(r, 4);
		if (in->rm == 5 && in->mode == 64)
			in->base = INSN_REG_RIP;
		return;
	}
	in->base = (u8)(base | (in->rex & REX_B) << 3);
	if (in->mod != 0)
		in->disp = take(r, in->mod == 1 ? 1 : 4);
}

static void take_modrm(struct insn *in, struct reader *r)
{
	in->modrm = take_byte(r);
	in->mod = in->modrm >> 6;
	in->reg = (u8)((in->modrm >> 3 & 7) | (in->rex & REX_R) << 1);
	in->rm = in->modrm & 7;
	if (in->map == INSN_MAP_0F && (in->opcode & 0xFC) == 0x20)
		in->mod = 3; /* MOV to and from CR and DR: the field is ignored */
	if (in->mod == 3) {
		in->rm |= (u8)((in->rex & REX_B) << 3);
		return;
	}
	in->has_mem = true;
	if (in->addr_size == 2)
		take_memory_16(in, r);
	else
		take_memory(in, r);
}

static u8 take_opcode(struct insn *in, struct reader *r)
{
	in->opcode = take_prefixes(in, r);
	if (in->opcode != 0x0F)
		return map_1[in->opcode];
	in->map = INSN_MAP_0F;
	in->opcode = take_byte(r);
	if (in->opcode != 0x38 && in->opcode != 0x3A)
		return map_0f[in->opcode];
	in->map = in->opcode == 0x38 ? INSN_MAP_0F38 : INSN_MAP_0F3A;
	in->opcode = take_byte(r);
	return in->map == INSN_MAP_0F38 ? M : MB;
}

/* Where the one-byte map says more by ModRM: TEST among F6 and F7; and what VEX, EVEX and XOP took
 * from LES, LDS, BOUND and POP. */
static u8 refine(const struct insn *in, u8 what)
{
	u8 op = in->opcode;

	if (in->map != INSN_MAP_1)
		return what;
	if ((op | 1) == 0xF7 && (in->reg & 7) < 2)
		return op == 0xF6 ? MB : MZ;
	if ((op | 1) == 0xC5 || op == 0x62)
		return in->has_mem ? what : X;
	return op == 0x8F && (in->reg & 7) != 0 ? X : what;
}

static void take_immediates(struct insn *in, struct reader *r, u8 what)
{
	if (what & V) {
		if (in->opcode >= 0xB0) {
			in->imm = (u64)take(r, in->op_size);
			return;
		}
		in->has_mem = true; /* A0..A3: the address itself */
		in->disp = take(r, in->addr_size);
		return;
	}
	if (what & Z)
		in->imm = (u64)take(r, in->op_size == 2 ? 2 : 4);
	else if (what & (W | B))
		in->imm = (u64)take(r, what & W ? 2 : 1);
	if (what & W && what & (Z | B)) /* a far pointer's selector; ENTER's nesting level */
		(void)take(r, what & Z ? 2 : 1);
}

int insn_decode(struct insn *out, const u8 *bytes, size_t n, unsigned int mode_bits)
{
	struct insn in = {
		.mode = (u8)mode_bits, .base = INSN_REG_NONE, .index = INSN_REG_NONE, .scale = 1};
	struct reader r = {.bytes = bytes, .n = min_u64(n, INSN_MAX_LENGTH)};
	u8 what = take_opcode(&in, &r);

	if (what & M) {
		take_modrm(&in, &r);
		if (!r.ended)
			what = refine(&in, what);
	}
	if (what & (V | Z | W | B))
		take_immediates(&in, &r, what);
	if (r.ended)
		return n < INSN_MAX_LENGTH ? -XEN_E2BIG : -XEN_EINVAL;
	if ((what & X) || ((what & S) && mode_bits == 64))
		return -XEN_EINVAL;
	if (in.segment == INSN_REG_NONE)
		in.segment = in.base == GPR_RSP || in.base == GPR_RBP ? SEG_SS : SEG_DS;
	in.length = (u8)r.pos;
	*out = in;
	return 0;
}

int insn_length(const u8 *bytes, size_t n, unsigned int mode_bits, unsigned int *length)
{
	struct insn in;
	int err;

	if (likely(n >= 3 && bytes[0] == 0x0F)) {
		u8 op = bytes[1];

		if (op == 0xA2 || op == 0x30 || op == 0x32) {
			*length = 2;
			return 0;
		}
		if (op == 0x01 && bytes[2] >= 0xC0) {
			*length = 3;
			return 0;
		}
	}
	err = insn_decode(&in, bytes, n, mode_bits);
	if (!err)
		*length = in.length;
	return err;
}

gva_t insn_linear(const struct insn *in, const u64 gpr[GPR_COUNT], const struct plinth_segment *seg,
		  u64 rip)
{
	u64 a = (u64)in->disp;

	if (in->base == INSN_REG_RIP)
		a += rip + in->length;
	else if (in->base < GPR_COUNT)
		a += gpr[in->base];
	if (in->index < GPR_COUNT)
		a += gpr[in->index] * in->scale;
	a &= low_mask(8u * in->addr_size);
	/* In 64-bit mode only FS and GS have a base; elsewhere linear addresses have 32 bits. */
	if (in->mode == 64)
		return gva(in->segment >= SEG_FS ? a + seg[in->segment].base : a);
	return gva((a + seg[in->segment].base) & 0xFFFFFFFFu);
}

/* --- emulation of an access to device memory --- */

/* Groups that tell the operation by ModRM.reg: 80..83, C6, C7, F6, F7, FE, FF. */
static int plan_group(const struct insn *in, struct insn_mmio *p)
{
	static const u8 unary[] = {INSN_OP_test, INSN_OP_test, INSN_OP_not, INSN_OP_neg};
	unsigned int n = in->reg & 7, count = 8;

	p->use_imm = true;
	p->imm = in->imm;
	switch (in->opcode & 0xFE) {
	case 0xC6: /* MOV */
		count = 1;
		break;
	case 0xF6:
		count = ARRAY_SIZE(unary);
		p->op = unary[n % count];
		break;
	case 0xFE:
		count = 2;
		p->op = n == 0 ? INSN_OP_inc : INSN_OP_dec;
		break;
	default: /* 80, 82 */
		p->op = (u8)n;
		break;
	}
	return n < count ? 0 : -XEN_EINVAL;
}

/* p is a MOV to memory until more is known. */
static int plan_map_1(const struct insn *in, struct insn_mmio *p)
{
	u8 op = in->opcode;

	if (op < 0x40) { /* ADD .. CMP; those with a memory operand have bit 2 clear */
		p->op = op >> 3;
		p->to_reg = op & 2;
		return 0;
	}
	switch (op & 0xFE) {
	case 0x84:
		p->op = INSN_OP_test;
		return 0;
	case 0x86:
		p->op = INSN_OP_xchg;
		p->to_reg = true;
		return 0;
	case 0x88:
	case 0xA2:
		return 0;
	case 0x8A:
	case 0xA0:
		p->to_reg = true;
		return 0;
	case 0x62: /* MOVSXD; in other modes and sizes 62 and 63 are something else */
		p->to_reg = p->sign_extend = true;
		p->width = 4;
		return op == 0x63 && in->mode == 64 && in->op_size != 2 ? 0 : -XEN_EINVAL;
	case 0x80:
	case 0x82:
	case 0xC6:
	case 0xF6:
	case 0xFE:
		return plan_group(in, p);
	default:
		return -XEN_EINVAL;
	}
}

int insn_mmio_plan(const struct insn *in, struct insn_mmio *plan)
{
	u8 size = in->opcode & 1 ? in->op_size : 1;
	struct insn_mmio p = {.op = INSN_OP_mov, .width = size, .reg = in->reg, .reg_width = size};
	int err = -XEN_EINVAL;

	if (!in->has_mem)
		return -XEN_EINVAL;
	if (in->map == INSN_MAP_1) {
		err = plan_map_1(in, &p);
	} else if (in->map == INSN_MAP_0F && (in->opcode & 0xF6) == 0xB6) { /* MOVZX, MOVSX */
		p.to_reg = true;
		p.width = in->opcode & 1 ? 2 : 1;
		p.reg_width = in->op_size;
		p.sign_extend = in->opcode & 8;
		err = 0;
	}
	p.reads = p.op != INSN_OP_mov || p.to_reg;
	p.writes =
		p.op == INSN_OP_xchg || (!p.to_reg && p.op != INSN_OP_cmp && p.op != INSN_OP_test);
	if (err || (in->lock && (!p.writes || p.op == INSN_OP_mov)))
		return -XEN_EINVAL;
	if (p.reg_width == 1 && in->rex == 0 && p.reg >= 4) {
		p.reg = (u8)(p.reg - 4);
		p.reg_high = true;
	}
	*plan = p;
	return 0;
}

#define FLAG_CF  (1ull << 0)
#define FLAG_PF  (1ull << 2)
#define FLAG_AF  (1ull << 4)
#define FLAG_ZF  (1ull << 6)
#define FLAG_SF  (1ull << 7)
#define FLAG_OF  (1ull << 11)
#define FLAG_ALL (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* a op b on `bits` bits, both already cut to them; sets the arithmetic flags. */
static u64 alu(unsigned int op, u64 a, u64 b, unsigned int bits, u64 *rflags)
{
	u64 mask = low_mask(bits), carry = 0, sign = 1ull << (bits - 1), set = 0, r;

	if (op == INSN_OP_adc || op == INSN_OP_sbb)
		carry = *rflags & FLAG_CF;
	switch (op) {
	case INSN_OP_add:
	case INSN_OP_adc:
		r = (a + b + carry) & mask;
		set |= (r < a || (carry && r == a) ? FLAG_CF : 0);
		set |= ((a ^ r) & (b ^ r) & sign ? FLAG_OF : 0) | ((a ^ b ^ r) & FLAG_AF);
		break;
	case INSN_OP_sub:
	case INSN_OP_sbb:
	case INSN_OP_cmp:
		r = (a - b - carry) & mask;
		set |= (a < b || (carry && a == b) ? FLAG_CF : 0);
		set |= ((a ^ b) & (a ^ r) & sign ? FLAG_OF : 0) | ((a ^ b ^ r) & FLAG_AF);
		break;
	default:
		r = op == INSN_OP_or ? a | b : op == INSN_OP_xor ? a ^ b : a & b;
	}
	set |= (r == 0 ? FLAG_ZF : 0) | (r & sign ? FLAG_SF : 0);
	set |= __builtin_parity((unsigned int)r & 0xFF) ? 0 : FLAG_PF;
	*rflags = (*rflags & ~FLAG_ALL) | set;
	return r;
}

static void set_reg(const struct insn_mmio *p, u64 gpr[GPR_COUNT], u64 v)
{
	u64 mask = p->reg_width == 4 ? ~0ull : low_mask(8u * p->reg_width);

	if (p->reg_width == 4)
		v &= 0xFFFFFFFFu; /* the upper half becomes zero */
	if (p->reg_high) {
		v <<= 8;
		mask <<= 8;
	}
	gpr[p->reg] = (gpr[p->reg] & ~mask) | (v & mask);
}

u64 insn_mmio_execute(const struct insn_mmio *p, u64 mem, u64 gpr[GPR_COUNT], u64 *rflags)
{
	unsigned int bits = 8u * p->width;
	u64 mask = low_mask(bits), keep = *rflags & FLAG_CF, r;
	u64 other = (p->use_imm ? p->imm : gpr[p->reg] >> (p->reg_high ? 8 : 0)) & mask;

	mem &= mask;
	switch (p->op) {
	case INSN_OP_mov:
	case INSN_OP_xchg:
		if (p->sign_extend)
			mem = (u64)((s64)(mem << (64 - bits)) >> (64 - bits));
		if (p->to_reg)
			set_reg(p, gpr, mem);
		return other;
	case INSN_OP_not:
		return ~mem & mask;
	case INSN_OP_neg:
		return alu(INSN_OP_sub, 0, mem, bits, rflags);
	case INSN_OP_inc:
	case INSN_OP_dec:
		r = alu(p->op == INSN_OP_inc ? INSN_OP_add : INSN_OP_sub, mem, 1, bits, rflags);
		*rflags = (*rflags & ~FLAG_CF) | keep;
		return r;
	default:
		if (!p->to_reg)
			return alu(p->op, mem, other, bits, rflags);
		r = alu(p->op, other, mem, bits, rflags);
		if (p->op != INSN_OP_cmp)
			set_reg(p, gpr, r);
		return r;
	}
}
