/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-V as core/ sees it. */
#include <svm/svm.h>

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
	.hypercall_insn = {0x0F, 0x01, 0xD9}, /* VMMCALL */
	.keeps_x87_pointers = true,
	.dump = svm_dump,
};
