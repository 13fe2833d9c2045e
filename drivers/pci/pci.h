/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI: which functions there are, their windows, capabilities and interrupts. Everything goes
 * through a configuration space that the machine or a test provides. PCI Local Bus Specification
 * 3.0, unless said otherwise. */
#ifndef DRIVERS_PCI_PCI_H
#define DRIVERS_PCI_PCI_H

#include <core/types.h>
#include <drivers/device.h>

struct pci_address {
	u16 segment;
	u8 bus, slot, function;
};

static inline bool pci_same(struct pci_address a, struct pci_address b)
{
	return a.segment == b.segment && a.bus == b.bus && a.slot == b.slot &&
	       a.function == b.function;
}

/* Width 1, 2 or 4, offset aligned to it and below 4096. What is not there reads as all ones. */
struct pci_config {
	u32 (*read)(struct pci_config *c, struct pci_address a, u32 offset, unsigned int width);
	void (*write)(struct pci_config *c, struct pci_address a, u32 offset, unsigned int width,
		      u32 value);
};

/* Registers, "Configuration Space Organization". */
#define PCI_VENDOR        0x00u
#define PCI_COMMAND       0x04u
#define PCI_STATUS        0x06u
#define PCI_REVISION      0x08u
#define PCI_HEADER_TYPE   0x0Eu
#define PCI_BAR           0x10u
#define PCI_SECONDARY_BUS 0x19u
#define PCI_LAST_BUS      0x1Au /* behind a bridge: "Subordinate Bus Number" */
#define PCI_BRIDGE_MEMORY 0x20u /* of a bridge: "Memory Base", "Memory Limit" */
#define PCI_SUBSYSTEM     0x2Cu
#define PCI_CAPABILITIES  0x34u
#define PCI_LINE          0x3Cu
#define PCI_PIN           0x3Du

#define PCI_COMMAND_PORTS   0x0001u
#define PCI_COMMAND_MEMORY  0x0002u
#define PCI_COMMAND_MASTER  0x0004u
#define PCI_COMMAND_NO_INTX 0x0400u /* "Interrupt Disable" */
#define PCI_STATUS_LIST     0x0010u /* there is a list of capabilities */

#define PCI_CLASS_BRIDGE 0x06u
#define PCI_CLASS_IOMMU  0x0806u /* with the subclass */
#define PCI_CAP_POWER    0x01u
#define PCI_CAP_MSI      0x05u
#define PCI_CAP_EXPRESS  0x10u
#define PCI_CAP_MSIX     0x11u

/* --- pci_scan.c --- */

/* Buses to look at. probe_all: look at each; else only at the first and those behind bridges. */
struct pci_range {
	u16 segment;
	u8 first_bus, last_bus;
	bool probe_all;
};

typedef void pci_found_fn(void *ctx, struct pci_address a);
/* Calls found for each function of the range that is there, in order of address. Changes nothing.
 */
void pci_scan(struct pci_config *c, const struct pci_range *r, pci_found_fn *found, void *ctx);
/* Is there (still) a function? */
bool pci_present(struct pci_config *c, struct pci_address a);
void pci_read_id(struct pci_config *c, struct pci_address a, struct device_id *id);
/* Bridges, the host's and those to ISA too, keep what firmware gave them; an IOMMU is the
 * hypervisor's. */
bool pci_is_platform(struct pci_config *c, struct pci_address a);
/* Is a the bridge to bus, or one before it? */
bool pci_is_above(struct pci_config *c, struct pci_address a, u8 bus);
/* No DMA and no interrupt any more. */
void pci_quiet(struct pci_config *c, struct pci_address a);
/* Sets and clears bits of the command register. */
void pci_command(struct pci_config *c, struct pci_address a, u16 set, u16 clear);

/* --- pci_bar.c --- */

enum pci_bar_state {
	PCI_BAR_NONE,
	PCI_BAR_GOOD,
	PCI_BAR_UNASSIGNED, /* it has a size, but firmware gave it no address */
	PCI_BAR_BROKEN,     /* what it says cannot be */
};
struct pci_bar {
	enum pci_bar_state state;
	bool port;
	bool upper; /* the upper half of the one before: PCI_BAR_NONE too */
	u64 address, size;
};
/* Finds out about all windows of a function that is no bridge; decoding is off meanwhile and then
 * as before. */
void pci_bars(struct pci_config *c, struct pci_address a, struct pci_bar bars[DEVICE_BARS]);

/* Addresses that a bridge passes on and nobody has yet. */
struct pci_room {
	u64 next, end;
};
/* All that bridge a passes on; empty if nothing. PCI-to-PCI Bridge Architecture Specification 1.2,
 * "Memory Base Register and Memory Limit Register". */
void pci_bridge_room(struct pci_config *c, struct pci_address a, struct pci_room *room);
/* Gives the windows of memory that have no address one from room, as long as it lasts. */
void pci_assign(struct pci_config *c, struct pci_address a, struct pci_bar bars[DEVICE_BARS],
		struct pci_room *room);

/* An IDE controller's channels may be where the ISA bus had them. PCI IDE Controller Specification
 * 1.0, "Compatibility Mode". Puts the fixed windows into bars and says which of the channels (bits
 * 0 and 1) are such, with interrupts 14 and 15. */
unsigned int pci_ide_compatible(const struct device_id *id, struct pci_bar bars[DEVICE_BARS]);

/* --- pci_capability.c --- */

/* Where the capability is in configuration space, 0: nowhere. `length` bytes from there are within
 * the first 256. */
u32 pci_capability(struct pci_config *c, struct pci_address a, u8 id, u32 length);

/* Out of a power-saving state. true: it was in one, so leave it alone for 10 ms. PCI Bus Power
 * Management Interface Specification 1.2, "State Transition Recovery Time Requirements". */
must_use bool pci_power_on(struct pci_config *c, struct pci_address a);

/* --- pci_msi.c --- */

struct pci_msi {
	u32 at; /* the capability, 0: none */
	bool wide, maskable;
};
void pci_msi_find(struct pci_config *c, struct pci_address a, struct pci_msi *m);
/* One message. */
void pci_msi_enable(struct pci_config *c, struct pci_address a, const struct pci_msi *m,
		    u64 address, u32 data);
void pci_msi_disable(struct pci_config *c, struct pci_address a, const struct pci_msi *m);

struct pci_msix {
	u32 at;           /* the capability, 0: none that can be used */
	unsigned int bar; /* where the table is */
	u32 offset, entries;
};
/* bars: the function's. A table that is not within a good window of memory is none. */
void pci_msix_find(struct pci_config *c, struct pci_address a, const struct pci_bar *bars,
		   struct pci_msix *m);
/* table: the mapped one, m->entries long. All its entries are masked, then the function is switched
 * to it. */
void pci_msix_enable(struct pci_config *c, struct pci_address a, const struct pci_msix *m,
		     volatile u32 *table);
/* Entry i < m->entries, unmasked. */
void pci_msix_set(volatile u32 *table, unsigned int i, u64 address, u32 data);
void pci_msix_disable(struct pci_config *c, struct pci_address a, const struct pci_msix *m);

/* --- pci_slot.c --- */

struct pci_slot {
	u32 at; /* the capability of the port, 0: it has no slot with a button */
	bool power, indicator;
};
void pci_slot_find(struct pci_config *c, struct pci_address a, struct pci_slot *s);
/* Was the button pressed since the last time? */
must_use bool pci_slot_pressed(struct pci_config *c, struct pci_address a,
			       const struct pci_slot *s);
must_use bool pci_slot_is_off(struct pci_config *c, struct pci_address a, const struct pci_slot *s);
/* Power and light: off, and what is in it can be taken out; on, and it is there after a second. */
void pci_slot_switch(struct pci_config *c, struct pci_address a, const struct pci_slot *s, bool on);

#endif
