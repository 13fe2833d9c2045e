/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC: registers, modes, and which interrupt is next. */
#include <core/vapic_private.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/domain.h>
#include <xen/errno.h>

#define VERSION 0x00050014u /* 6 LVT entries */

/* Who may touch a register, and which bits can be set: in x2APIC mode setting another is #GP, in
 * xAPIC mode it is ignored. */
#define XR  1u /* xAPIC read, write */
#define XW  2u
#define X2R 4u /* x2APIC read, write */
#define X2W 8u
#define RO  (XR | X2R)
#define RW  (XR | XW | X2R | X2W)
static const struct reg_rule {
	u32 writable;
	u8 access;
} rules[VAPIC_REGS] = {
	[REG_ID] = {0, RO},
	[REG_VERSION] = {0, RO},
	[REG_TPR] = {0xFF, RW},
	[REG_PPR] = {0, RO},
	[REG_EOI] = {0, XW | X2W},
	[REG_LDR] = {0xFF000000, RO | XW}, /* fixed by the id in x2APIC mode */
	[REG_DFR] = {0xF0000000, XR | XW},
	[REG_SVR] = {0x3FF, RW},
	[REG_ISR... REG_IRR + 7] = {0, RO},
	[REG_ESR] = {0, RW},
	[REG_ICR] = {0x000CDFFF, RW}, /* bit 12 reads 0: nothing is ever on its way */
	[REG_ICR2] = {0xFF000000, XR | XW},
	[REG_LVT + LVT_TIMER] = {0x300FF, RW}, /* no TSC deadline: bit 18 */
	[REG_LVT + 1] = {0x107FF, RW},
	[REG_LVT + 2] = {0x107FF, RW},
	[REG_LVT + 3] = {0x1A7FF, RW}, /* LINT0, LINT1: pins with nothing behind them */
	[REG_LVT + 4] = {0x1A7FF, RW},
	[REG_LVT + LVT_ERROR] = {0x100FF, RW},
	[REG_INITIAL] = {~0u, RW},
	[REG_CURRENT] = {0, RO},
	[REG_DIVIDE] = {0xB, RW},
	[REG_SELF] = {0xFF, X2W},
};

/* Priorities */

static int isr_top(const struct vapic *a)
{
	unsigned int w;

	if (!a->isr_hint)
		return -1;
	w = 31 - (unsigned int)__builtin_clz(a->isr_hint);
	return (int)(w * 32 + 31 - (unsigned int)__builtin_clz(REG(a, REG_ISR + w)));
}

/* Word w was seen empty. It may be filled at this moment by another CPU, which sets the bit before
 * the hint: look again after the hint is gone. */
static void irr_forget(struct vapic *a, unsigned int w)
{
	__atomic_fetch_and(&a->irr_hint, ~(1u << w), __ATOMIC_SEQ_CST);
	if (READ_ONCE(REG(a, REG_IRR + w)))
		__atomic_fetch_or(&a->irr_hint, 1u << w, __ATOMIC_SEQ_CST);
}

static int irr_top(struct vapic *a)
{
	u32 hint;

	while ((hint = READ_ONCE(a->irr_hint))) {
		unsigned int w = 31 - (unsigned int)__builtin_clz(hint);
		u32 bits = READ_ONCE(REG(a, REG_IRR + w));

		if (likely(bits))
			return (int)(w * 32 + 31 - (unsigned int)__builtin_clz(bits));
		irr_forget(a, w);
	}
	return -1;
}

static u32 priority(const struct vapic *a)
{
	int top = isr_top(a);
	u32 class = top < 0 ? 0 : (u32)top & 0xF0;

	return (REG(a, REG_TPR) & 0xF0) >= class ? REG(a, REG_TPR) : class;
}

int vapic_pending(struct vcpu *v)
{
	struct vapic *a = &v->vapic;
	int vector;

	if (!READ_ONCE(a->irr_hint))
		return -1;
	vector = irr_top(a);
	return vector >= 0 && ((u32)vector & 0xF0) > (priority(a) & 0xF0) ? vector : -1;
}

void vapic_accept(struct vcpu *v, u8 vector)
{
	struct vapic *a = &v->vapic;
	unsigned int w = vector >> 5;
	u32 bit = 1u << (vector & 31);

	if (__atomic_and_fetch(&REG(a, REG_IRR + w), ~bit, __ATOMIC_SEQ_CST) == 0)
		irr_forget(a, w);
	REG(a, REG_ISR + w) |= bit;
	a->isr_hint |= 1u << w;
}

static void isr_clear(struct vapic *a, unsigned int vector)
{
	unsigned int w = vector >> 5;

	REG(a, REG_ISR + w) &= ~(1u << (vector & 31));
	if (!REG(a, REG_ISR + w))
		a->isr_hint &= ~(1u << w);
}

void vapic_unaccept(struct vcpu *v, u8 vector)
{
	if (!(REG(&v->vapic, REG_ISR + (vector >> 5)) >> (vector & 31) & 1))
		return; /* it did not come from here: a callback's vector */
	isr_clear(&v->vapic, vector);
	vapic_irr_set(&v->vapic, vector);
}

static void eoi(struct vapic *a)
{
	int top = isr_top(a);

	if (top >= 0)
		isr_clear(a, (unsigned int)top);
}

/* Arriving interrupts */

bool vapic_software_enabled(const struct vcpu *v)
{
	return (v->vapic.base_msr & BASE_EN) && (READ_ONCE(REG(&v->vapic, REG_SVR)) & SVR_ENABLE);
}

void vapic_set_irq(struct vcpu *v, u8 vector)
{
	/* If it was there already, whoever set it kicks. */
	if (vapic_software_enabled(v) && !vapic_irr_set(&v->vapic, vector))
		vcpu_kick(v);
}

/* False if it is not masked and has a vector that no interrupt can have. */
static bool lvt_deliver(struct vcpu *v, unsigned int entry)
{
	u32 lvt = READ_ONCE(REG(&v->vapic, REG_LVT + entry));

	if (lvt & LVT_MASKED)
		return true;
	if ((u8)lvt < VECTOR_LOWEST) {
		__atomic_fetch_or(&v->vapic.esr_shadow, ESR_RECEIVED_VECTOR, __ATOMIC_RELAXED);
		return false;
	}
	vapic_set_irq(v, (u8)lvt);
	return true;
}

void vapic_error(struct vcpu *v, u32 esr_bit)
{
	__atomic_fetch_or(&v->vapic.esr_shadow, esr_bit, __ATOMIC_RELAXED);
	(void)lvt_deliver(v, LVT_ERROR);
}

void vapic_lvt_raise(struct vcpu *v, unsigned int entry)
{
	if (!lvt_deliver(v, entry))
		(void)lvt_deliver(v, LVT_ERROR);
}

/* Registers */

static u32 x2_ldr(const struct vapic *a)
{
	return (a->id >> 4) << 16 | 1u << (a->id & 15);
}

/* What depends on the mode, or never changes. */
static void identify(struct vapic *a)
{
	REG(a, REG_ID) = vapic_is_x2(a) ? a->id : a->id << 24;
	REG(a, REG_VERSION) = VERSION;
}

static u32 reg_read(const struct vcpu *v, u32 reg)
{
	const struct vapic *a = &v->vapic;

	switch (reg) {
	case REG_PPR:
		return priority(a);
	case REG_CURRENT:
		return vapic_timer_current(v);
	default:
		return READ_ONCE(REG(a, reg));
	}
}

/* While the APIC is software-disabled every LVT entry is masked. An upcall that came meanwhile was
 * dropped: enabling shows it again, or the guest would wait for it for ever. */
static void svr_write(struct vcpu *v, u32 value)
{
	struct vapic *a = &v->vapic;
	bool was = a->enabled;

	a->enabled = value & SVR_ENABLE;
	REG(a, REG_SVR) = value;
	if (!a->enabled) {
		for (unsigned int i = 0; i <= LVT_ERROR; i++)
			REG(a, REG_LVT + i) |= LVT_MASKED;
		vapic_timer_lvt_changed(v);
	} else if (!was && v->upcall_vector && event_upcall_pending(v)) {
		event_upcall(v);
	}
}

/* value has only bits that can be set. */
static void reg_write(struct vcpu *v, u32 reg, u32 value)
{
	struct vapic *a = &v->vapic;
	u32 dest;

	switch (reg) {
	case REG_EOI:
		eoi(a);
		break;
	case REG_DFR:
		REG(a, reg) = value | 0x0FFFFFFF;
		break;
	case REG_SVR:
		svr_write(v, value);
		break;
	case REG_ESR: /* any write makes what was collected readable */
		REG(a, reg) = __atomic_exchange_n(&a->esr_shadow, 0, __ATOMIC_RELAXED);
		break;
	case REG_ICR:
		REG(a, reg) = value & ~(1u << 12);
		dest = REG(a, REG_ICR2);
		vapic_send(v, REG(a, reg), vapic_is_x2(a) ? dest : dest >> 24);
		break;
	case REG_LVT ... REG_LVT + LVT_ERROR:
		REG(a, reg) = REG(a, REG_SVR) & SVR_ENABLE ? value : value | LVT_MASKED;
		if (reg == REG_LVT + LVT_TIMER)
			vapic_timer_lvt_changed(v);
		break;
	case REG_INITIAL:
		vapic_timer_set_initial(v, value);
		break;
	case REG_DIVIDE:
		vapic_timer_set_divide(v, value);
		break;
	default: /* TPR, LDR, ICR2 */
		REG(a, reg) = value;
		break;
	}
}

bool vapic_mmio_active(const struct vcpu *v)
{
	return (v->vapic.base_msr & (BASE_EN | BASE_EXTD)) == BASE_EN;
}

u64 vapic_mmio_read(struct vcpu *v, u32 offset, unsigned int width)
{
	u32 reg = offset >> 4, byte = offset & 15;

	if (!vapic_mmio_active(v))
		return low_mask(width * 8);
	if (reg >= VAPIC_REGS || !(rules[reg].access & XR)) {
		vapic_error(v, ESR_REGISTER);
		return 0;
	}
	/* The other 12 bytes of a slot are not defined. */
	return byte < 4 ? reg_read(v, reg) >> (byte * 8) & low_mask(width * 8) : 0;
}

void vapic_mmio_write(struct vcpu *v, u32 offset, unsigned int width, u64 value)
{
	u32 reg = offset >> 4;

	if (!vapic_mmio_active(v) || (offset & 15) || width < 4)
		return; /* not a whole register: not defined, and no guest does it */
	if (reg >= VAPIC_REGS || !(rules[reg].access & XW))
		vapic_error(v, ESR_REGISTER);
	else
		reg_write(v, reg, (u32)value & rules[reg].writable);
}

/* The CPU stores what the guest writes as it is, and tells us then. */
void vapic_written(struct vcpu *v, u32 offset)
{
	u32 reg = offset >> 4;

	if (reg == REG_ID)
		identify(&v->vapic);
	else if (reg < VAPIC_REGS)
		vapic_mmio_write(v, reg << 4, 4, REG(&v->vapic, reg));
}

/* MSRs */

static void registers_reset(struct vcpu *v)
{
	struct vapic *a = &v->vapic;

	vapic_timer_stop(v);
	a->timer_running = false;
	a->esr_shadow = a->irr_hint = a->isr_hint = a->divide = 0;
	for (unsigned int i = 0; i < VAPIC_REGS; i++)
		REG(a, i) = i - REG_LVT <= LVT_ERROR ? LVT_MASKED : 0;
	identify(a);
	a->enabled = false;
	REG(a, REG_SVR) = 0xFF;
	REG(a, REG_DFR) = ~0u;
	REG(a, REG_LDR) = vapic_is_x2(a) ? x2_ldr(a) : 0;
}

/* IA32_APIC_BASE: bits 11:10 are the mode: 0 disabled, 2 xAPIC, 3 x2APIC. Only the steps of SDM
 * vol. 3, "x2APIC State Transitions" exist. The page cannot be moved (no guest does), and who boots
 * is not the guest's choice: bit 8 keeps its value. */
static int base_write(struct vcpu *v, u64 value)
{
	static const u8 steps[4] = {[0] = 0x5, [2] = 0xD, [3] = 0x9}; /* masks of next modes */
	struct vapic *a = &v->vapic;
	unsigned int old = a->base_msr >> 10 & 3, mode = value >> 10 & 3;

	if ((value & ~(BASE_BSP | BASE_EXTD | BASE_EN)) != VAPIC_BASE || !(steps[old] >> mode & 1))
		return -XEN_EINVAL;
	a->base_msr = VAPIC_BASE | (a->base_msr & BASE_BSP) | (value & (BASE_EXTD | BASE_EN));
	vcpu_dirty(v, HVM_STATE_apic);
	identify(a);
	if (mode == 0) {
		registers_reset(v);
	} else if (mode != old && mode == 3) {
		REG(a, REG_LDR) = x2_ldr(a);
		REG(a, REG_ICR2) = 0;
	}
	return 0;
}

static void self_ipi(struct vcpu *v, u8 vector)
{
	if (unlikely(vector < VECTOR_LOWEST))
		vapic_error(v, ESR_SEND_VECTOR);
	else if (vapic_software_enabled(v))
		vapic_irr_set(&v->vapic, vector); /* seen at the next entry: no kick */
}

int vapic_msr_read(struct vcpu *v, u32 index, u64 *value)
{
	struct vapic *a = &v->vapic;
	u32 reg = index - MSR_X2APIC_FIRST;

	if (unlikely(index == MSR_APIC_BASE)) {
		*value = a->base_msr;
		return 0;
	}
	if (unlikely(!vapic_is_x2(a) || reg >= VAPIC_REGS || !(rules[reg].access & X2R)))
		return -XEN_EINVAL;
	*value = reg_read(v, reg);
	if (reg == REG_ICR)
		*value |= (u64)REG(a, REG_ICR2) << 32;
	return 0;
}

int vapic_msr_write(struct vcpu *v, u32 index, u64 value)
{
	struct vapic *a = &v->vapic;
	u32 reg = index - MSR_X2APIC_FIRST;

	if (unlikely(index == MSR_APIC_BASE))
		return base_write(v, value);
	if (unlikely(!vapic_is_x2(a) || reg >= VAPIC_REGS || !(rules[reg].access & X2W)))
		return -XEN_EINVAL;
	if (reg == REG_ICR) {
		if ((u32)value & ~rules[REG_ICR].writable)
			return -XEN_EINVAL;
		REG(a, REG_ICR2) = (u32)(value >> 32);
		reg_write(v, reg, (u32)value);
		return 0;
	}
	if (unlikely(value & ~(u64)rules[reg].writable))
		return -XEN_EINVAL;
	if (reg == REG_SELF)
		self_ipi(v, (u8)value);
	else if (likely(reg == REG_TPR))
		REG(a, REG_TPR) = (u32)value;
	else
		reg_write(v, reg, (u32)value);
	return 0;
}

u64 vapic_get_cr8(const struct vcpu *v)
{
	return REG(&v->vapic, REG_TPR) >> 4;
}

void vapic_set_cr8(struct vcpu *v, u64 value)
{
	REG(&v->vapic, REG_TPR) = (u32)(value & 0xF) << 4;
}

/* Life */

void vapic_reset(struct vcpu *v, bool init)
{
	struct vapic *a = &v->vapic;

	if (!init) {
		vapic_timer_init(v);
		a->id = v->id;
		a->base_msr = VAPIC_BASE | BASE_EN | (v->id == 0 ? BASE_BSP : 0) |
			      (v->domain->x2apic ? BASE_EXTD : 0);
	} else if (!(a->base_msr & BASE_EN)) {
		a->base_msr |= BASE_EN; /* or the STARTUP that follows could never arrive */
	}
	registers_reset(v);
}

void vapic_stop(struct vcpu *v)
{
	vapic_timer_stop(v);
}
