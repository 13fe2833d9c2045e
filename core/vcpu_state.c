/* SPDX-License-Identifier: BSD-2-Clause */
/* A stopped vCPU's state, checked, in and out. */
#include <core/vcpu_state.h>

#include <arch/x86_64/cpu/regs.h>
#include <core/cpuid.h>
#include <xen/errno.h>

/* What would make the guest entry fail: AMD APM vol. 2, "Canonicalization and Consistency Checks".
 */
static bool state_valid(const struct plinth_vcpu_state *s)
{
	bool paging = s->cr0 & (1u << 31), long_mode = paging && (s->efer & EFER_LME);

	return s->version == PLINTH_VCPU_STATE_VERSION && !(s->flags & ~PLINTH_VCPU_ONLINE) &&
	       !(s->cr0 >> 32) && (!paging || (s->cr0 & 1)) && !(s->cr4 & ~cpuid_limits.cr4) &&
	       !(s->efer & ~cpuid_limits.efer) && !(s->cr3 >> cpuid_limits.phys_bits) &&
	       (!long_mode || (s->cr4 & (1u << 5))) && (s->xcr0 & 1) &&
	       !(s->xcr0 & ~(cpuid_limits.xcr0 | 1)) && !(s->dr6 >> 32) && !(s->dr7 >> 32) &&
	       (s->rflags & 2) && !(s->rflags >> 22) && !(s->cr8 & ~15ull);
}

int vcpu_state_set(struct vcpu *v, const struct plinth_vcpu_state *s)
{
	if (!state_valid(s))
		return -XEN_EINVAL;
	v->regs = *s;
	v->regs_valid = v->regs_dirty = HVM_STATE_all;
	vapic_set_cr8(v, s->cr8);
	v->has_state = true;
	if (s->flags & PLINTH_VCPU_ONLINE)
		vcpu_up(v);
	return 0;
}

void vcpu_state_get(struct vcpu *v, struct plinth_vcpu_state *s)
{
	vcpu_need(v, HVM_STATE_all);
	*s = v->regs;
	s->version = PLINTH_VCPU_STATE_VERSION;
	s->flags = READ_ONCE(v->wait) & VCPU_DOWN ? 0 : PLINTH_VCPU_ONLINE;
	s->cr8 = vapic_get_cr8(v);
}
