/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls 17 and 21: what this hypervisor says it is, and the one assist it knows. */
#include <core/hypercall.h>

#include <core/domain.h>
#include <core/guest_access.h>
#include <xen/errno.h>

#define VERSION_MAJOR 4
#define VERSION_MINOR 17

/* Only what a guest shows its users: constant, so that builds can be repeated bit by bit. */
static const char extraversion[16] = "-plinth";
static const char capabilities[1024] = "xen-3.0-x86_64 hvm-3.0-x86_64 ";
static const char changeset[64] = "plinth";
static const struct xen_compile_info compile_info = {
	.compiler = "C11",
	.compile_by = "plinth",
};
static const u64 platform_parameters; /* no virtual address is the hypervisor's */

enum {
	FEATURES = 1u << XENFEAT_writable_page_tables | 1u << XENFEAT_auto_translated_physmap |
		   1u << XENFEAT_hvm_callback_vector | 1u << XENFEAT_hvm_safe_pvclock |
		   1u << XENFEAT_not_direct_mapped
};
_Static_assert(FEATURES == 0x00010305, "guest-abi 3");

static const struct {
	const void *text;
	u32 size;
} constants[] = {
	[XENVER_extraversion] = {extraversion, sizeof(extraversion)},
	[XENVER_compile_info] = {&compile_info, sizeof(compile_info)},
	[XENVER_capabilities] = {capabilities, sizeof(capabilities)},
	[XENVER_changeset] = {changeset, sizeof(changeset)},
	[XENVER_platform_parameters] = {&platform_parameters, sizeof(platform_parameters)},
};

static s64 get_features(struct vcpu *v, gva_t at)
{
	struct xen_feature_info f;

	if (copy_from_guest(v, &f, at, sizeof(f)))
		return -XEN_EFAULT;
	if (f.submap_idx != 0)
		return -XEN_EINVAL;
	f.submap = FEATURES;
	return copy_to_guest(v, at, &f, sizeof(f));
}

s64 do_xen_version(struct vcpu *v)
{
	u32 op = (u32)v->regs.gpr[GPR_RDI];
	gva_t at = gva(v->regs.gpr[GPR_RSI]);

	switch (op) {
	case XENVER_version:
		return VERSION_MAJOR << 16 | VERSION_MINOR;
	case XENVER_get_features:
		return get_features(v, at);
	case XENVER_pagesize:
		return PAGE_SIZE;
	case XENVER_guest_handle:
		return copy_to_guest(v, at, v->domain->uuid, sizeof(v->domain->uuid));
	default:
		if (op >= ARRAY_SIZE(constants))
			return -XEN_ENOSYS;
		return copy_to_guest(v, at, constants[op].text, constants[op].size);
	}
}

s64 do_vm_assist(struct vcpu *v)
{
	u32 cmd = (u32)v->regs.gpr[GPR_RDI], type = (u32)v->regs.gpr[GPR_RSI];

	if (type != VMASST_TYPE_runstate_update_flag || cmd > VMASST_CMD_disable)
		return -XEN_EINVAL;
	WRITE_ONCE(v->domain->runstate_flag, cmd == VMASST_CMD_enable);
	return 0;
}
