/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC's interprocessor interrupts: who is meant, and what arrives there. */
#include <core/vapic_private.h>

#include <core/domain.h>

enum delivery { FIXED = 0, LOWEST = 1, NMI = 4, INIT = 5, STARTUP = 6 };
enum shorthand { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };

#define ICR_LOGICAL (1u << 11)
#define ICR_ASSERT  (1u << 14)
#define ICR_LEVEL   (1u << 15)

static void deliver(struct vcpu *v, struct vcpu *to, u32 low)
{
	u8 vector = (u8)low;

	if (!(to->vapic.base_msr & BASE_EN))
		return;
	switch ((enum delivery)(low >> 8 & 7)) {
	case FIXED:
	case LOWEST:
		if (to != v)
			vapic_set_irq(to, vector);
		else if (vapic_software_enabled(v))
			vapic_irr_set(&v->vapic, vector); /* seen at the next entry: no kick */
		break;
	case NMI:
		WRITE_ONCE(to->nmi_pending, true);
		vcpu_kick(to);
		break;
	case INIT:
		/* The de-assert that follows an INIT is a message to no one. */
		if ((low & ICR_ASSERT) || !(low & ICR_LEVEL))
			vcpu_init_signal(to);
		break;
	case STARTUP:
		vcpu_startup(to, vector);
		break;
	default: /* SMI, ExtINT: nobody to take them */
		break;
	}
}

/* Is `to` a member of the logical destination dest, sent in the other's or its own mode? */
static bool match_logical(const struct vapic *to, u32 dest)
{
	u32 ldr = READ_ONCE(REG(to, REG_LDR));

	if (vapic_is_x2(to))
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xFFFF);
	ldr >>= 24;
	if (READ_ONCE(REG(to, REG_DFR)) >> 28 == 0xF) /* flat */
		return ldr & dest;
	return (dest >> 4 == ldr >> 4 || dest >> 4 == 0xF) && (dest & ldr & 0xF);
}

static bool is_meant(struct vcpu *v, struct vcpu *to, u32 low, u32 dest)
{
	u32 all = vapic_is_x2(&v->vapic) ? ~0u : 0xFFu, shorthand = low >> 18 & 3;

	if (shorthand == TO_SELF || shorthand == TO_OTHERS)
		return (to == v) == (shorthand == TO_SELF);
	if (shorthand == TO_ALL || dest == all)
		return true;
	return low & ICR_LOGICAL ? match_logical(&to->vapic, dest) : to->vapic.id == dest;
}

void vapic_send(struct vcpu *v, u32 low, u32 dest)
{
	struct domain *d = v->domain;
	u32 mode = low >> 8 & 7, first = 0, end = d->max_vcpus;
	struct vcpu *lowest = NULL;

	if ((mode == FIXED || mode == LOWEST) && (u8)low < VECTOR_LOWEST) {
		vapic_error(v, ESR_SEND_VECTOR);
		return;
	}
	/* An APIC id is the vCPU's number: most IPIs find their target without a search. */
	if ((low >> 18 & 3) == TO_SELF) {
		first = v->id;
		end = first + 1;
	} else if ((low >> 18 & 3) == TO_DEST && !(low & ICR_LOGICAL) && dest < end) {
		first = dest;
		end = first + 1;
	}
	for (; first < end; first++) {
		struct vcpu *to = d->vcpu[first];

		if (!to || !is_meant(v, to, low, dest))
			continue;
		if (mode != LOWEST)
			deliver(v, to, low);
		else if (!lowest || READ_ONCE(REG(&to->vapic, REG_TPR)) <
					    READ_ONCE(REG(&lowest->vapic, REG_TPR)))
			lowest = vapic_software_enabled(to) ? to : lowest;
	}
	if (lowest)
		deliver(v, lowest, low);
}
