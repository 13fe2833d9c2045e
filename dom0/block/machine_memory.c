/* SPDX-License-Identifier: BSD-2-Clause */
/* How far the machine's memory goes. */
#include <dom0/block/block_internal.h>

#include <dom0/hyper/hypercall.h>

/* Nothing says where the memory lies, only how much there is. What firmware keeps free for devices
 * below 4 GiB moves as much memory beyond; it is never more than 2 GiB on machines with less than
 * that, and memory of less than 2 GiB is not moved. */
u64 block_memory_end(void)
{
	static u64 end;
	struct plinth_control c = {0};

	if (end)
		return end;
	if (control_op(&c, PLINTH_CTL_machine_info))
		return ~0ull;
	end = c.u.machine_info.total_pages << PAGE_SHIFT;
	end += end < GIB(2) ? MIB(16) : GIB(2);
	return end;
}
