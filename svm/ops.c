/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-V as core/ sees it. */
#include <svm/svm.h>

#include <core/lib/string.h>

#define HYPERCALL_SLOT  32u
#define HYPERCALL_SLOTS 128u
#define HYPERCALL_IRET  23u /* never a hypercall for this kind of guest */

/* guest-abi 1.7: slot n is mov $n, %eax; vmmcall; ret. */
static void hypercall_page(u8 *page)
{
	for (u32 i = 0; i < HYPERCALL_SLOTS; i++) {
		const u8 code[] = {0xB8, (u8)i, 0, 0, 0, 0x0F, 0x01, 0xD9, 0xC3};
		u8 *slot = page + i * HYPERCALL_SLOT;

		memset(slot, 0xCC, HYPERCALL_SLOT);
		memcpy(slot, code, sizeof(code));
	}
	memcpy(page + HYPERCALL_IRET * HYPERCALL_SLOT, "\x0F\x0B", 2); /* UD2 */
}

const struct hvm_ops svm_ops = {
	.name = "AMD-V",
	.ept = &npt_format,
	.ept_has_1g = svm_npt_has_1g,
	.probe = svm_probe,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.load = svm_load,
	.store = svm_store,
	.cpl = svm_cpl,
	.code_bits = svm_code_bits,
	.switch_in = svm_switch_in,
	.switch_out = svm_switch_out,
	.run = svm_run,
	.flush = svm_flush,
	.set_ports = svm_set_ports,
	.domain_destroy = svm_domain_destroy,
	.hypercall_page = hypercall_page,
	.dump = svm_dump,
};
