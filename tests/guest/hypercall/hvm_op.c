/* SPDX-License-Identifier: BSD-2-Clause */
/* hvm_op: which parameters there are, and who may set them. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "hvm_op parameters";

void test_main(void)
{
	struct xen_hvm_param p;
	struct xen_hvm_evtchn_upcall_vector u = {.vcpu = 0, .vector = 0x50};
	u64 value, port;

	CHECK_EQ(hvm_get_param(HVM_PARAM_STORE_PFN, &value), 0, "store page");
	CHECK(value != 0, "there is a store page");
	CHECK_EQ(hvm_get_param(HVM_PARAM_STORE_EVTCHN, &port), 0, "store port");
	CHECK(port > 0 && port < XEN_EVTCHN_COUNT, "store port in range");
	CHECK_EQ(hvm_get_param(HVM_PARAM_CONSOLE_PFN, &value), 0, "console page");
	CHECK(value != 0, "there is a console page");
	CHECK_EQ(hvm_get_param(HVM_PARAM_CONSOLE_EVTCHN, &port), 0, "console port");
	CHECK(port > 0 && port < XEN_EVTCHN_COUNT, "console port in range");
	CHECK_EQ(hvm_set_param(HVM_PARAM_CONSOLE_EVTCHN, port), 0,
		 "a guest may write its console port");
	CHECK_EQ(hvm_get_param(HVM_PARAM_CALLBACK_IRQ, &value), 0, "callback");
	CHECK_EQ(value, 0, "no callback at first");
	CHECK_EQ(hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 2ull << 56 | 0x51), 0, "set callback");
	CHECK_EQ(hvm_get_param(HVM_PARAM_CALLBACK_IRQ, &value), 0, "callback again");
	CHECK_EQ(value, 2ull << 56 | 0x51, "callback value");
	CHECK_EQ(hvm_set_param(HVM_PARAM_STORE_PFN, 5), -XEN_EPERM, "store page is read-only");
	CHECK_EQ(hvm_set_param(HVM_PARAM_CONSOLE_PFN, 5), -XEN_EPERM, "console page is read-only");
	CHECK_EQ(hvm_set_param(HVM_PARAM_TRIPLE_FAULT_REASON, 0), -XEN_EPERM,
		 "triple-fault reason");
	CHECK(hvm_set_param(HVM_NR_PARAMS, 0) == -XEN_EINVAL, "set param 39");
	CHECK(hvm_get_param(HVM_NR_PARAMS, &value) == -XEN_EINVAL, "get param 39");
	CHECK(hvm_get_param(~0u, &value) == -XEN_EINVAL, "get param 2^32 - 1");
	CHECK(hvm_set_param(0x80000000, 0) == -XEN_EINVAL, "set param 2^31");
	p = (struct xen_hvm_param){.domid = 0, .index = HVM_PARAM_STORE_PFN};
	CHECK(hvm_op(HVMOP_get_param, &p) < 0, "another domain's parameter");
	p.domid = DOMID_INVALID;
	CHECK(hvm_op(HVMOP_get_param, &p) < 0, "domain INVALID");
	p.domid = (domid_t)cpuid(0x40000004, 0).ecx;
	CHECK_EQ(hvm_op(HVMOP_get_param, &p), 0, "own domain by number");
	CHECK_EQ(hvm_op(HVMOP_set_evtchn_upcall_vector, &u), 0, "upcall vector");
	u.vector = 15;
	CHECK_EQ(hvm_op(HVMOP_set_evtchn_upcall_vector, &u), -XEN_EINVAL, "vector 15");
	u.vector = 0x50;
	u.vcpu = 1;
	CHECK_EQ(hvm_op(HVMOP_set_evtchn_upcall_vector, &u), -XEN_ENOENT, "vCPU 1 of 1");
	u.vcpu = ~0u;
	CHECK_EQ(hvm_op(HVMOP_set_evtchn_upcall_vector, &u), -XEN_ENOENT, "vCPU 2^32 - 1");
	CHECK_EQ(hvm_set_param(HVM_PARAM_CALLBACK_IRQ, 1), 0, "callback 1 beside the vector");
}
