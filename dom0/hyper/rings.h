/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages shared between a guest and the control domain; the hypervisor does not look into them. */
#ifndef DOM0_HYPER_RINGS_H
#define DOM0_HYPER_RINGS_H

#include <stddef.h>
#include <stdint.h>

struct xencons_interface {
	char in[1024];
	char out[2048];
	uint32_t in_cons, in_prod;
	uint32_t out_cons, out_prod;
	uint8_t connection;
};

struct xenstore_domain_interface {
	char req[1024];
	char rsp[1024];
	uint32_t req_cons, req_prod;
	uint32_t rsp_cons, rsp_prod;
	uint32_t server_features;
	uint32_t connection;
	uint32_t error;
};

_Static_assert(offsetof(struct xencons_interface, in_cons) == 3072, "ABI");
_Static_assert(offsetof(struct xencons_interface, connection) == 3088, "ABI");
_Static_assert(offsetof(struct xenstore_domain_interface, req_cons) == 2048, "ABI");
_Static_assert(offsetof(struct xenstore_domain_interface, error) == 2072, "ABI");

#endif
