/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages shared between a guest and the hypervisor. */
#ifndef XEN_SHARED_INFO_H
#define XEN_SHARED_INFO_H

#include <stddef.h>
#include <stdint.h>

#define XEN_EVTCHN_COUNT     4096u
#define XEN_LEGACY_MAX_VCPUS 32u

struct vcpu_time_info {
	uint32_t version; /* odd while being written */
	uint32_t pad0;
	uint64_t tsc_timestamp;
	uint64_t system_time; /* ns at tsc_timestamp */
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags;
	uint8_t pad1[2];
};
#define XEN_PVCLOCK_TSC_STABLE (1u << 0)

struct vcpu_info {
	uint8_t evtchn_upcall_pending;
	uint8_t evtchn_upcall_mask; /* unused for translated guests */
	uint8_t pad[6];
	uint64_t evtchn_pending_sel;
	uint64_t arch[2];
	struct vcpu_time_info time;
};

struct shared_info {
	struct vcpu_info vcpu_info[XEN_LEGACY_MAX_VCPUS];
	uint64_t evtchn_pending[64];
	uint64_t evtchn_mask[64];
	uint32_t wc_version; /* odd while being written */
	uint32_t wc_sec;     /* UTC at system time 0 */
	uint32_t wc_nsec;
	uint32_t wc_sec_hi;
	uint64_t arch_pad[2];
	uint64_t nmi_reason;
};

struct vcpu_runstate_info {
	int32_t state;
	uint32_t pad;
	uint64_t state_entry_time; /* ns; bit 63 set while being written */
	uint64_t time[4];          /* ns spent in each state */
};
#define RUNSTATE_running    0
#define RUNSTATE_runnable   1
#define RUNSTATE_blocked    2
#define RUNSTATE_offline    3
#define XEN_RUNSTATE_UPDATE (1ull << 63)

_Static_assert(sizeof(struct vcpu_time_info) == 32, "ABI");
_Static_assert(offsetof(struct vcpu_time_info, flags) == 29, "ABI");
_Static_assert(sizeof(struct vcpu_info) == 64, "ABI");
_Static_assert(offsetof(struct vcpu_info, time) == 32, "ABI");
_Static_assert(offsetof(struct shared_info, evtchn_pending) == 2048, "ABI");
_Static_assert(offsetof(struct shared_info, wc_version) == 3072, "ABI");
_Static_assert(offsetof(struct shared_info, nmi_reason) == 3104, "ABI");
_Static_assert(sizeof(struct vcpu_runstate_info) == 48, "ABI");

#endif
