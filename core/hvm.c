/* SPDX-License-Identifier: BSD-2-Clause */
/* Picking the vendor. */
#include <core/hvm.h>

#include <core/lib/print.h>
#include <xen/errno.h>

const struct hvm_ops *hvm;
bool hvm_ends_slices;

static const struct hvm_ops *const vendors[] = {&svm_ops, &vmx_ops};

int hvm_select(void)
{
	const char *why[ARRAY_SIZE(vendors)];

	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		if (vendors[i]->probe(&why[i]) == 0) {
			hvm = vendors[i];
			log_line("%s: guests run by it, memory by %s", hvm->name, hvm->ept->name);
			return 0;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
		log_line("%s cannot be used: %s", vendors[i]->name, why[i]);
	return -XEN_ENOSYS;
}
