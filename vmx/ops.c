/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-x as core/ sees it. */
#include <vmx/vmx.h>

#include <core/lib/string.h>

#define HYPERCALL_SLOT  32u
#define HYPERCALL_SLOTS 128u
#define HYPERCALL_IRET  23u /* never a hypercall for this kind of guest */

/* guest-abi 1.7: slot n is mov $n, %eax; vmcall; ret. */
static void hypercall_page(u8 *page)
{
	for (u32 i = 0; i < HYPERCALL_SLOTS; i++) {
		const u8 code[] = {0xB8, (u8)i, 0, 0, 0, 0x0F, 0x01, 0xC1, 0xC3};
		u8 *slot = page + i * HYPERCALL_SLOT;

		memset(slot, 0xCC, HYPERCALL_SLOT);
		memcpy(slot, code, sizeof(code));
	}
	memcpy(page + HYPERCALL_IRET * HYPERCALL_SLOT, "\x0F\x0B", 2); /* UD2 */
}

const struct hvm_ops vmx_ops = {
	.name = "VT-x",
	.ept = &ept_format,
	.ept_has_1g = vmx_ept_has_1g,
	.probe = vmx_probe,
	.cpu_enable = vmx_cpu_enable,
	.cpu_disable = vmx_cpu_disable,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_destroy = vmx_vcpu_destroy,
	.load = vmx_load,
	.store = vmx_store,
	.cpl = vmx_cpl,
	.code_bits = vmx_code_bits,
	.switch_in = vmx_switch_in,
	.switch_out = vmx_switch_out,
	.run = vmx_run,
	.flush = vmx_flush,
	.set_ports = vmx_set_ports,
	.domain_destroy = vmx_domain_destroy,
	.hypercall_page = hypercall_page,
	.dump = vmx_dump,
};
