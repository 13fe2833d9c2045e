/* SPDX-License-Identifier: BSD-2-Clause */
/* Enumeration: bus by bus upwards, as a bridge's secondary bus has a higher number than its own. */
#include <drivers/pci/pci.h>

#define SLOTS          32u
#define FUNCTIONS      8u
#define MULTI_FUNCTION 0x80u
#define TYPE_MASK      0x7Fu
#define TYPE_BRIDGE    1u /* PCI to PCI: PCI-to-PCI Bridge Architecture Specification 1.2 */
#define TYPE_CARDBUS   2u

struct scan {
	struct pci_config *c;
	const struct pci_range *range;
	pci_found_fn *found;
	void *ctx;
	u64 wanted[4]; /* a bit for each bus */
};

bool pci_present(struct pci_config *c, struct pci_address a)
{
	u16 vendor = (u16)c->read(c, a, PCI_VENDOR, 4);

	return vendor != 0xFFFF && vendor != 0;
}

void pci_read_id(struct pci_config *c, struct pci_address a, struct device_id *id)
{
	u32 ids = c->read(c, a, PCI_VENDOR, 4), class_code = c->read(c, a, PCI_REVISION, 4);
	u32 subsystem = c->read(c, a, PCI_SUBSYSTEM, 4);

	*id = (struct device_id){.vendor = (u16)ids,
				 .product = (u16)(ids >> 16),
				 .class_code = (u8)(class_code >> 24),
				 .subclass = (u8)(class_code >> 16),
				 .prog_if = (u8)(class_code >> 8),
				 .revision = (u8)class_code};
	if ((c->read(c, a, PCI_HEADER_TYPE, 1) & TYPE_MASK) == 0) {
		id->subsystem_vendor = (u16)subsystem;
		id->subsystem = (u16)(subsystem >> 16);
	}
}

bool pci_is_platform(struct pci_config *c, struct pci_address a)
{
	u32 class_code = c->read(c, a, PCI_REVISION, 4);

	return (c->read(c, a, PCI_HEADER_TYPE, 1) & TYPE_MASK) != 0 ||
	       class_code >> 24 == PCI_CLASS_BRIDGE || class_code >> 16 == PCI_CLASS_IOMMU;
}

bool pci_is_above(struct pci_config *c, struct pci_address a, u8 bus)
{
	u8 type = c->read(c, a, PCI_HEADER_TYPE, 1) & TYPE_MASK;

	return (type == TYPE_BRIDGE || type == TYPE_CARDBUS) &&
	       c->read(c, a, PCI_SECONDARY_BUS, 1) <= bus && c->read(c, a, PCI_LAST_BUS, 1) >= bus;
}

void pci_command(struct pci_config *c, struct pci_address a, u16 set, u16 clear)
{
	u32 old = c->read(c, a, PCI_COMMAND, 2), new = (old & ~(u32)clear) | set;

	/* Two bytes wide: the status register beside it clears what is written as one. */
	if (new != old)
		c->write(c, a, PCI_COMMAND, 2, new);
}

void pci_quiet(struct pci_config *c, struct pci_address a)
{
	/* Its table does not matter here. */
	struct pci_msix msix = {.at = pci_capability(c, a, PCI_CAP_MSIX, 4)};
	struct pci_msi msi;

	pci_command(c, a, PCI_COMMAND_NO_INTX, PCI_COMMAND_MASTER);
	pci_msi_find(c, a, &msi);
	pci_msi_disable(c, a, &msi);
	pci_msix_disable(c, a, &msix);
}

static void want_behind(struct scan *s, struct pci_address a)
{
	u8 type = s->c->read(s->c, a, PCI_HEADER_TYPE, 1) & TYPE_MASK;
	u8 secondary;

	if (type != TYPE_BRIDGE && type != TYPE_CARDBUS)
		return;
	secondary = (u8)s->c->read(s->c, a, PCI_SECONDARY_BUS, 1);
	if (secondary > a.bus)
		s->wanted[secondary / 64] |= bit64(secondary);
}

static void scan_slot(struct scan *s, struct pci_address a)
{
	unsigned int functions = 1;

	for (unsigned int f = 0; f < functions; f++) {
		a.function = (u8)f;
		if (!pci_present(s->c, a))
			continue;
		if (f == 0 && (s->c->read(s->c, a, PCI_HEADER_TYPE, 1) & MULTI_FUNCTION))
			functions = FUNCTIONS;
		want_behind(s, a);
		s->found(s->ctx, a);
	}
}

void pci_scan(struct pci_config *c, const struct pci_range *r, pci_found_fn *found, void *ctx)
{
	struct scan s = {.c = c, .range = r, .found = found, .ctx = ctx};

	for (unsigned int bus = r->first_bus; bus <= r->last_bus; bus++) {
		if (!r->probe_all && bus != r->first_bus && !(s.wanted[bus / 64] & bit64(bus)))
			continue;
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			scan_slot(&s, (struct pci_address){r->segment, (u8)bus, (u8)slot, 0});
	}
}
