/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercall numbers, sub-operations and argument structures of the guest interface. */
#ifndef XEN_HYPERCALL_H
#define XEN_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>

#define HYPERVISOR_memory_op        12u
#define HYPERVISOR_set_timer_op     15u
#define HYPERVISOR_xen_version      17u
#define HYPERVISOR_console_io       18u
#define HYPERVISOR_grant_table_op   20u
#define HYPERVISOR_vm_assist        21u
#define HYPERVISOR_vcpu_op          24u
#define HYPERVISOR_sched_op         29u
#define HYPERVISOR_event_channel_op 32u
#define HYPERVISOR_hvm_op           34u
#define HYPERVISOR_plinth_control   48u /* Plinth's own; see <plinth/control.h> */
#define HYPERCALL_COUNT             64u

typedef uint16_t domid_t;
#define DOMID_FIRST_RESERVED 0x7FF0u
#define DOMID_SELF           0x7FF0u
#define DOMID_INVALID        0x7FF4u

/* memory_op */
#define XENMEM_decrease_reservation  1u
#define XENMEM_current_reservation   3u
#define XENMEM_maximum_reservation   4u
#define XENMEM_populate_physmap      6u
#define XENMEM_add_to_physmap        7u
#define XENMEM_memory_map            9u
#define XENMAPSPACE_shared_info      0u
#define XENMAPSPACE_grant_table      1u
#define XENMAPIDX_grant_table_status 0x80000000u

struct xen_memory_reservation {
	uint64_t extent_start; /* linear address of gfns, u64 each */
	uint64_t nr_extents;
	uint32_t extent_order;
	uint32_t mem_flags;
	domid_t domid;
	uint16_t pad[3];
};
struct xen_add_to_physmap {
	domid_t domid;
	uint16_t size;
	uint32_t space;
	uint64_t idx;
	uint64_t gpfn;
};
struct xen_memory_map {
	uint32_t nr_entries; /* in: room; out: entries there are */
	uint32_t pad;
	uint64_t buffer; /* linear address of packed 20-byte entries */
};
struct xen_e820_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
} __attribute__((packed));
struct xen_domid_arg {
	domid_t domid;
};

/* xen_version */
#define XENVER_version             0u
#define XENVER_extraversion        1u
#define XENVER_compile_info        2u
#define XENVER_capabilities        3u
#define XENVER_changeset           4u
#define XENVER_platform_parameters 5u
#define XENVER_get_features        6u
#define XENVER_pagesize            7u
#define XENVER_guest_handle        8u
#define XENVER_build_id            10u

struct xen_feature_info {
	uint32_t submap_idx;
	uint32_t submap;
};
struct xen_compile_info {
	char compiler[64];
	char compile_by[16];
	char compile_domain[32];
	char compile_date[32];
};
#define XENFEAT_writable_page_tables    0u
#define XENFEAT_auto_translated_physmap 2u
#define XENFEAT_hvm_callback_vector     8u
#define XENFEAT_hvm_safe_pvclock        9u
#define XENFEAT_not_direct_mapped       16u

/* console_io */
#define CONSOLEIO_write 0u
#define CONSOLEIO_read  1u /* control domain only */

/* vm_assist */
#define VMASST_CMD_enable                0u
#define VMASST_CMD_disable               1u
#define VMASST_TYPE_runstate_update_flag 5u

/* vcpu_op */
#define VCPUOP_up                             1u
#define VCPUOP_down                           2u
#define VCPUOP_is_up                          3u
#define VCPUOP_get_runstate_info              4u
#define VCPUOP_register_runstate_memory_area  5u
#define VCPUOP_stop_periodic_timer            7u
#define VCPUOP_set_singleshot_timer           8u
#define VCPUOP_stop_singleshot_timer          9u
#define VCPUOP_register_vcpu_info             10u
#define VCPUOP_register_vcpu_time_memory_area 13u

struct vcpu_register_area { /* runstate (5) and time (13) */
	uint64_t addr;      /* linear */
};
struct vcpu_register_vcpu_info {
	uint64_t gfn;
	uint32_t offset;
	uint32_t rsvd;
};
struct vcpu_set_singleshot_timer {
	uint64_t timeout_abs_ns;
	uint32_t flags;
	uint32_t pad;
};
#define VCPU_SSHOTTMR_future 1u

/* sched_op */
#define SCHEDOP_yield    0u
#define SCHEDOP_block    1u
#define SCHEDOP_shutdown 2u
#define SCHEDOP_poll     3u

struct sched_shutdown {
	uint32_t reason;
};
#define SHUTDOWN_poweroff   0u
#define SHUTDOWN_reboot     1u
#define SHUTDOWN_crash      3u
#define SHUTDOWN_watchdog   4u
#define SHUTDOWN_soft_reset 5u

struct sched_poll {
	uint64_t ports; /* linear address of u32 ports */
	uint32_t nr_ports;
	uint32_t pad;
	uint64_t timeout; /* absolute system time in ns; 0 = none */
};
#define SCHED_POLL_MAX_PORTS 128u

/* event_channel_op */
#define EVTCHNOP_bind_interdomain 0u
#define EVTCHNOP_bind_virq        1u
#define EVTCHNOP_close            3u
#define EVTCHNOP_send             4u
#define EVTCHNOP_status           5u
#define EVTCHNOP_alloc_unbound    6u
#define EVTCHNOP_bind_ipi         7u
#define EVTCHNOP_bind_vcpu        8u
#define EVTCHNOP_unmask           9u
#define EVTCHNOP_reset            10u
#define EVTCHNOP_init_control     11u
#define EVTCHNOP_expand_array     12u

typedef uint32_t evtchn_port_t;

struct evtchn_bind_interdomain {
	domid_t remote_dom;
	uint16_t pad;
	evtchn_port_t remote_port;
	evtchn_port_t local_port; /* out */
};
struct evtchn_bind_virq {
	uint32_t virq;
	uint32_t vcpu;
	evtchn_port_t port; /* out */
};
struct evtchn_port_arg { /* close, send, unmask */
	evtchn_port_t port;
};
struct evtchn_status {
	domid_t dom;
	uint16_t pad;
	evtchn_port_t port;
	uint32_t status; /* out */
	uint32_t vcpu;   /* out */
	union {
		struct {
			domid_t dom;
		} unbound;
		struct {
			domid_t dom;
			uint16_t pad;
			evtchn_port_t port;
		} interdomain;
		uint32_t pirq;
		uint32_t virq;
	} u;
};
#define EVTCHNSTAT_closed      0u
#define EVTCHNSTAT_unbound     1u
#define EVTCHNSTAT_interdomain 2u
#define EVTCHNSTAT_pirq        3u
#define EVTCHNSTAT_virq        4u
#define EVTCHNSTAT_ipi         5u

struct evtchn_alloc_unbound {
	domid_t dom;
	domid_t remote_dom;
	evtchn_port_t port; /* out */
};
struct evtchn_bind_ipi {
	uint32_t vcpu;
	evtchn_port_t port; /* out */
};
struct evtchn_bind_vcpu {
	evtchn_port_t port;
	uint32_t vcpu;
};
struct evtchn_reset {
	domid_t dom;
};

#define VIRQ_TIMER   0u
#define VIRQ_DEBUG   1u
#define VIRQ_CONSOLE 2u
#define VIRQ_DOM_EXC 3u
#define NR_VIRQS     24u

/* hvm_op */
#define HVMOP_set_param                0u
#define HVMOP_get_param                1u
#define HVMOP_pagetable_dying          9u
#define HVMOP_set_evtchn_upcall_vector 23u

struct xen_hvm_param {
	domid_t domid;
	uint16_t pad;
	uint32_t index;
	uint64_t value;
};
#define HVM_PARAM_CALLBACK_IRQ        0u
#define HVM_PARAM_STORE_PFN           1u
#define HVM_PARAM_STORE_EVTCHN        2u
#define HVM_PARAM_CONSOLE_PFN         17u
#define HVM_PARAM_CONSOLE_EVTCHN      18u
#define HVM_PARAM_TRIPLE_FAULT_REASON 31u
#define HVM_NR_PARAMS                 39u
#define HVM_CALLBACK_TYPE_VECTOR      2u

struct xen_hvm_evtchn_upcall_vector {
	uint32_t vcpu;
	uint8_t vector;
	uint8_t pad[3];
};

/* grant_table_op */
#define GNTTABOP_map_grant_ref   0u
#define GNTTABOP_unmap_grant_ref 1u
#define GNTTABOP_copy            5u
#define GNTTABOP_query_size      6u
#define GNTTABOP_set_version     8u
#define GNTTABOP_get_version     10u

typedef uint32_t grant_ref_t;
typedef uint32_t grant_handle_t;

struct grant_entry_v1 {
	uint16_t flags;
	domid_t domid;
	uint32_t frame;
};
#define GTF_invalid                0u
#define GTF_permit_access          1u
#define GTF_type_mask              3u
#define GTF_readonly               (1u << 2)
#define GTF_reading                (1u << 3)
#define GTF_writing                (1u << 4)
#define GTF_sub_page               (1u << 8)
#define GNTTAB_NR_RESERVED_ENTRIES 8u
#define GNTTAB_RESERVED_CONSOLE    0u
#define GNTTAB_RESERVED_XENSTORE   1u

#define GNTMAP_device_map (1u << 0)
#define GNTMAP_host_map   (1u << 1)
#define GNTMAP_readonly   (1u << 2)

struct gnttab_map_grant_ref {
	uint64_t host_addr;
	uint32_t flags;
	grant_ref_t ref;
	domid_t dom;
	int16_t status;        /* out */
	grant_handle_t handle; /* out */
	uint64_t dev_bus_addr; /* out */
};
struct gnttab_unmap_grant_ref {
	uint64_t host_addr;
	uint64_t dev_bus_addr;
	grant_handle_t handle;
	int16_t status; /* out */
	uint16_t pad;
};
struct gnttab_copy_ptr {
	union {
		grant_ref_t ref;
		uint64_t gmfn;
	} u;
	domid_t domid;
	uint16_t offset;
	uint32_t pad;
};
struct gnttab_copy {
	struct gnttab_copy_ptr source;
	struct gnttab_copy_ptr dest;
	uint16_t len;
	uint16_t flags;
	int16_t status; /* out */
	uint16_t pad;
};
#define GNTCOPY_source_gref 1u
#define GNTCOPY_dest_gref   2u
struct gnttab_query_size {
	domid_t dom;
	uint16_t pad;
	uint32_t nr_frames;     /* out */
	uint32_t max_nr_frames; /* out */
	int16_t status;         /* out */
	uint16_t pad2;
};
struct gnttab_set_version {
	uint32_t version;
};
struct gnttab_get_version {
	domid_t dom;
	uint16_t pad;
	uint32_t version; /* out */
};
#define GNTST_okay              0
#define GNTST_general_error     (-1)
#define GNTST_bad_domain        (-2)
#define GNTST_bad_gntref        (-3)
#define GNTST_bad_handle        (-4)
#define GNTST_bad_virt_addr     (-5)
#define GNTST_permission_denied (-8)
#define GNTST_bad_page          (-9)
#define GNTST_bad_copy_arg      (-10)
#define GNTST_eagain            (-12)
#define GNTST_no_space          (-13)

_Static_assert(sizeof(struct xen_memory_reservation) == 32, "ABI");
_Static_assert(offsetof(struct xen_memory_reservation, domid) == 24, "ABI");
_Static_assert(sizeof(struct xen_add_to_physmap) == 24, "ABI");
_Static_assert(offsetof(struct xen_add_to_physmap, idx) == 8, "ABI");
_Static_assert(sizeof(struct xen_e820_entry) == 20, "ABI");
_Static_assert(sizeof(struct xen_compile_info) == 144, "ABI");
_Static_assert(sizeof(struct sched_poll) == 24, "ABI");
_Static_assert(sizeof(struct evtchn_bind_interdomain) == 12, "ABI");
_Static_assert(sizeof(struct evtchn_status) == 24, "ABI");
_Static_assert(offsetof(struct evtchn_status, u) == 16, "ABI");
_Static_assert(sizeof(struct xen_hvm_param) == 16, "ABI");
_Static_assert(sizeof(struct grant_entry_v1) == 8, "ABI");
_Static_assert(sizeof(struct gnttab_map_grant_ref) == 32, "ABI");
_Static_assert(offsetof(struct gnttab_map_grant_ref, status) == 18, "ABI");
_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == 24, "ABI");
_Static_assert(sizeof(struct gnttab_copy) == 40, "ABI");
_Static_assert(offsetof(struct gnttab_copy, len) == 32, "ABI");
_Static_assert(sizeof(struct gnttab_query_size) == 16, "ABI");

#endif
