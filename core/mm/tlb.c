/* SPDX-License-Identifier: BSD-2-Clause */
/* Making sure that no CPU knows a mapping any more. */
#include <core/mm/p2m.h>

#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/cpu/smp.h>
#include <core/lib/lock.h>

/* A vCPU that enters later sees the new generation and flushes; one that is in guest mode now is
 * made to leave. Its CPU leaves guest mode whatever the guest does and needs no lock for it, so the
 * wait is bounded even though others may wait for this CPU in the same way. */
void tlb_flush_domain(struct domain *d)
{
	const struct pcpu *self = this_cpu();

	__atomic_fetch_add(&d->tlb_generation, 1, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < cpu_count; i++) {
		const struct pcpu *cpu = cpu_by_id(i);
		u64 exits = __atomic_load_n(&cpu->exits, __ATOMIC_ACQUIRE);

		if (cpu == self || READ_ONCE(cpu->in_guest) != d)
			continue;
		ipi_kick(i);
		while (__atomic_load_n(&cpu->in_guest, __ATOMIC_ACQUIRE) == d &&
		       __atomic_load_n(&cpu->exits, __ATOMIC_ACQUIRE) == exits)
			cpu_relax();
	}
}
