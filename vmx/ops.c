/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-x as core/ sees it. */
#include <vmx/vmx.h>

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
	.hypercall_insn = {0x0F, 0x01, 0xC1}, /* VMCALL */
	.dump = vmx_dump,
};
