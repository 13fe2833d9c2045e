/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to guest-physical addresses that no RAM stands behind: the virtual APIC's page, devices
 * of the control domain, and holes, which read as all ones and swallow writes. */
#include <core/run.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/control_domain.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/insn.h>
#include <core/mm/p2m.h>

#define STRING_PIECE 64u /* elements for each exit */

/* One access that does not leave its page. What reads there may be memory all the same: read-only,
 * and the instruction writes as well. */
static u64 page_read(struct vcpu *v, gpa_t at, unsigned int width)
{
	u64 value = 0;

	if ((at.v & ~PAGE_MASK) == VAPIC_BASE && vapic_mmio_active(v))
		return vapic_mmio_read(v, (u32)(at.v & PAGE_MASK), width);
	return copy_gpa(v->domain, at, &value, width, false) ? low_mask(width * 8) : value;
}

static void page_write(struct vcpu *v, gpa_t at, unsigned int width, u64 value)
{
	if ((at.v & ~PAGE_MASK) == VAPIC_BASE && vapic_mmio_active(v))
		vapic_mmio_write(v, (u32)(at.v & PAGE_MASK), width, value);
}

static bool walk_byte(struct vcpu *v, gva_t at, bool write, gpa_t *out)
{
	unsigned int access = (write ? ACCESS_WRITE : 0) | (hvm->cpl(v) == 3 ? ACCESS_USER : 0);
	u32 fault;

	if (guest_walk(v, at, access, out, &fault) == 0)
		return true;
	if (fault == FAULT_NONCANONICAL)
		vcpu_raise_error(v, X86_GP, 0);
	else
		vcpu_raise_page_fault(v, at, fault);
	return false;
}

bool access_walk(struct vcpu *v, gva_t at, unsigned int width, bool write, gpa_t *out)
{
	gva_t second = gva(align_down(at.v + width - 1, PAGE_SIZE));
	gpa_t unused;

	return walk_byte(v, at, write, out) &&
	       (second.v <= at.v || walk_byte(v, second, write, &unused));
}

/* An operand that straddles two pages, of which one or both are not RAM: byte by byte, each where
 * it belongs. false: a fault was queued. */
static bool straddling(struct vcpu *v, gva_t at, unsigned int width, bool write, u64 *value)
{
	u64 result = 0;

	for (unsigned int i = 0; i < width; i++) {
		u8 byte = (u8)(*value >> (i * 8));
		gpa_t g;

		if (!walk_byte(v, gva(at.v + i), write, &g))
			return false;
		if (!write)
			byte = (u8)page_read(v, g, 1);
		else if (copy_gpa(v->domain, g, &byte, 1, true))
			page_write(v, g, 1, byte);
		result |= (u64)byte << (i * 8);
	}
	if (!write)
		*value = result;
	return true;
}

static void complete(struct vcpu *v, const struct insn *insn)
{
	v->regs.rip += insn->length;
	if (insn->mode != 64)
		v->regs.rip &= 0xFFFFFFFFu;
	vcpu_completed(v);
}

static void emulate(struct vcpu *v, const struct insn *insn, const struct insn_mmio *plan, gpa_t g)
{
	bool within = (g.v & PAGE_MASK) + plan->width <= PAGE_SIZE;
	gva_t linear = gva(0);
	gpa_t unused;
	u64 value = 0;

	/* Only an operand at the page's end or start can straddle; the address is not needed else.
	 */
	if (!within || (g.v & PAGE_MASK) == 0) {
		vcpu_need(v, HVM_STATE_seg);
		linear = insn_linear(insn, v->regs.gpr, v->regs.seg, v->regs.rip);
		within = (linear.v & PAGE_MASK) + plan->width <= PAGE_SIZE;
	}
	/* All faults come before any effect. */
	if (!within && !access_walk(v, linear, plan->width, plan->writes, &unused))
		return;
	if (plan->reads) {
		if (within)
			value = page_read(v, g, plan->width);
		else if (!straddling(v, linear, plan->width, false, &value))
			return;
	}
	value = insn_mmio_execute(plan, value, v->regs.gpr, &v->regs.rflags);
	if (plan->writes) {
		if (within)
			page_write(v, g, plan->width, value);
		else if (!straddling(v, linear, plan->width, true, &value))
			return;
	}
	complete(v, insn);
}

u64 segment_base(struct vcpu *v, u8 segment)
{
	vcpu_need(v, HVM_STATE_seg);
	return hvm->code_bits(v) == 64 && segment != SEG_FS && segment != SEG_GS
		       ? 0
		       : v->regs.seg[segment].base;
}

void string_advance(u64 *reg, u64 by, unsigned int address_bytes)
{
	u64 mask = low_mask(address_bytes * 8);
	u64 value = (*reg + by) & mask;

	/* A 16-bit address leaves the upper part of the register alone, a 32-bit one clears it. */
	*reg = address_bytes == 2 ? (*reg & ~mask) | value : value;
}

/* MOVS and STOS of which an operand is no memory: element by element, a piece for each exit. false:
 * another instruction. */
static bool string_move(struct vcpu *v, const struct insn *insn)
{
	bool movs = (insn->opcode & 0xFEu) == 0xA4, stos = (insn->opcode & 0xFEu) == 0xAA;
	unsigned int bytes = insn->addr_size, width = insn->opcode & 1u ? insn->op_size : 1;
	u64 *gpr = v->regs.gpr, mask = low_mask(bytes * 8), value = gpr[GPR_RAX];
	u64 linear = low_mask(insn->mode == 64 ? 64 : 32);
	u64 count = insn->rep ? gpr[GPR_RCX] & mask : 1;
	u64 step = v->regs.rflags & RFLAGS_DF ? 0 - (u64)width : width;

	if (insn->map != INSN_MAP_1 || (!movs && !stos))
		return false;
	for (unsigned int n = 0; count && n < STRING_PIECE; n++, count--) {
		u64 source = segment_base(v, insn->segment) + (gpr[GPR_RSI] & mask);
		u64 target = segment_base(v, SEG_ES) + (gpr[GPR_RDI] & mask);
		gva_t from = gva(source & linear), to = gva(target & linear);
		gpa_t unused;

		if ((movs && !straddling(v, from, width, false, &value)) ||
		    !access_walk(v, to, width, true, &unused) ||
		    !straddling(v, to, width, true, &value))
			return true;
		if (movs)
			string_advance(&gpr[GPR_RSI], step, bytes);
		string_advance(&gpr[GPR_RDI], step, bytes);
		if (insn->rep)
			string_advance(&gpr[GPR_RCX], ~0ull, bytes);
	}
	if (!count)
		complete(v, insn);
	return true;
}

/* The page walk of the guest itself read a table entry of all ones: reserved bits are set. The
 * linear address is not reported, but CR2 must hold one; the instruction's own is the best known.
 */
static void walk_in_hole(struct vcpu *v)
{
	vcpu_raise_page_fault(v, gva(v->regs.rip), 0x9);
}

/* Was another vCPU's fault resolved first, or can this one be? Try again. */
static bool resolved(struct vcpu *v, const struct hvm_exit *exit)
{
	struct ept_leaf leaf = p2m_lookup(v->domain, gpa_to_gfn(exit->u.npf.gpa));

	if (leaf.type != EPT_TYPE_none)
		return (leaf.rights & exit->u.npf.access) == exit->u.npf.access;
	return v->domain->control && control_domain_map_device(exit->u.npf.gpa);
}

void nested_fault_exit(struct vcpu *v, const struct hvm_exit *exit)
{
	gpa_t g = exit->u.npf.gpa;
	u8 bytes[INSN_MAX_LENGTH];
	struct insn_mmio plan;
	struct insn insn;
	size_t got;

	if (((g.v & ~PAGE_MASK) != VAPIC_BASE || !vapic_mmio_active(v)) && resolved(v, exit))
		return;
	if (exit->u.npf.access & EPT_X) {
		vcpu_raise(v, X86_UD); /* what a fetch of all ones executes */
		return;
	}
	if (exit->u.npf.table_walk) {
		walk_in_hole(v);
		return;
	}
	if (guest_fetch(v, bytes, sizeof(bytes), &got))
		return;
	/* An access that is not emulated (SSE, say): the guest has no business doing it on memory
	 * that is not there. */
	if (insn_decode(&insn, bytes, got, hvm->code_bits(v)))
		vcpu_raise_error(v, X86_GP, 0);
	else if (insn_mmio_plan(&insn, &plan) == 0)
		emulate(v, &insn, &plan, g);
	else if (!string_move(v, &insn))
		vcpu_raise_error(v, X86_GP, 0);
}
