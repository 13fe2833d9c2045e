/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's devices: found at the start, given to their drivers, taken away again. */
#ifndef DOM0_DEVICE_DEVICES_H
#define DOM0_DEVICE_DEVICES_H

#include <core/types.h>
#include <drivers/pci/pci.h>

#define DEVICE_NAME_MAX 16u

/* Looks for all devices, makes those silent that firmware left running, and lets the drivers
 * attach, each in a fiber of its own. rsdp: of the ACPI tables, 0: none. */
void devices_init(u64 rsdp);
/* Is every attach() that was begun over? devices_settle() waits for it, in a fiber. */
bool devices_settled(void);
void devices_settle(void);
/* Both only in a fiber. Takes the device from its driver; it stays without until the next rescan.
 * -XEN_ENOENT: no driver has a device of that name. */
must_use int device_detach(const char *name);
/* Devices that are gone lose their driver, new ones and detached ones get theirs. Returns when that
 * is done. */
void device_rescan(void);

enum device_interrupts { DEVICE_POLLED, DEVICE_WIRED, DEVICE_MSI, DEVICE_MSIX };

struct device_info {
	struct pci_address address;
	struct device_id id;
	const char *name;   /* "" while no driver has it */
	const char *driver; /* NULL: none matches */
	bool platform;
	enum device_interrupts kind;
	unsigned int interrupts; /* how many */
};
/* The i-th device in order of address, from 0. false: no more. */
must_use bool device_list(unsigned int i, struct device_info *info);

#endif
