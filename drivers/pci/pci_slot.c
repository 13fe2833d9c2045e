/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots with a button, by which somebody asks to take out what is in them, or to use it. PCI
 * Express Base Specification 3.0, "PCI Express Capability Structure" and "PCI Express Hot-Plug
 * Support". */
#include <drivers/pci/pci.h>

#define LENGTH    0x1Cu
#define PORT      0x02u /* "PCI Express Capabilities Register" */
#define PORT_SLOT 0x0100u
#define SLOT      0x14u /* "Slot Capabilities Register" */
#define CONTROL   0x18u
#define STATUS    0x1Au

#define SLOT_BUTTON    0x0001u
#define SLOT_POWER     0x0002u
#define SLOT_INDICATOR 0x0010u
#define SLOT_HOT_PLUG  0x0040u

#define CONTROL_INDICATOR    0x0300u /* and off is */
#define CONTROL_INDICATOR_ON 0x0100u
#define CONTROL_POWER_OFF    0x0400u

#define STATUS_PRESSED 0x0001u /* cleared by writing it as one, like the others */

void pci_slot_find(struct pci_config *c, struct pci_address a, struct pci_slot *s)
{
	u32 at = pci_capability(c, a, PCI_CAP_EXPRESS, LENGTH), slot;

	*s = (struct pci_slot){.at = 0};
	if (!at || !(c->read(c, a, at + PORT, 2) & PORT_SLOT))
		return;
	slot = c->read(c, a, at + SLOT, 4);
	if (slot & SLOT_HOT_PLUG && slot & SLOT_BUTTON)
		*s = (struct pci_slot){at, slot & SLOT_POWER, slot & SLOT_INDICATOR};
}

bool pci_slot_pressed(struct pci_config *c, struct pci_address a, const struct pci_slot *s)
{
	u32 status = c->read(c, a, s->at + STATUS, 2);

	if (status == 0xFFFF || !(status & STATUS_PRESSED))
		return false;
	c->write(c, a, s->at + STATUS, 2, STATUS_PRESSED);
	return true;
}

bool pci_slot_is_off(struct pci_config *c, struct pci_address a, const struct pci_slot *s)
{
	return s->power && (c->read(c, a, s->at + CONTROL, 2) & CONTROL_POWER_OFF);
}

void pci_slot_switch(struct pci_config *c, struct pci_address a, const struct pci_slot *s, bool on)
{
	u32 control = c->read(c, a, s->at + CONTROL, 2);

	if (s->power)
		control = on ? control & ~CONTROL_POWER_OFF : control | CONTROL_POWER_OFF;
	if (s->indicator)
		control = (control & ~CONTROL_INDICATOR) |
			  (on ? CONTROL_INDICATOR_ON : CONTROL_INDICATOR);
	c->write(c, a, s->at + CONTROL, 2, control);
}
