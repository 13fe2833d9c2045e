/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of capabilities: "Capabilities List". A device may lie about it. */
#include <drivers/pci/pci.h>

#define FIRST 0x40u /* below it is the header */
#define END   0x100u
#define LINKS 48u /* more do not fit */

#define POWER_CONTROL 4u /* in that capability */
#define POWER_STATE   3u
#define POWER_EVENT   0x8000u /* written as one it is cleared */

u32 pci_capability(struct pci_config *c, struct pci_address a, u8 id, u32 length)
{
	u32 at;

	if (!(c->read(c, a, PCI_STATUS, 2) & PCI_STATUS_LIST))
		return 0;
	at = c->read(c, a, PCI_CAPABILITIES, 1) & 0xFCu;
	for (unsigned int n = 0; n < LINKS && at >= FIRST; n++) {
		u32 header = c->read(c, a, at, 2);

		if ((u8)header == id)
			return at + length <= END ? at : 0;
		at = header >> 8 & 0xFCu;
	}
	return 0;
}

bool pci_power_on(struct pci_config *c, struct pci_address a)
{
	u32 at = pci_capability(c, a, PCI_CAP_POWER, 8), control;

	if (!at)
		return false;
	control = c->read(c, a, at + POWER_CONTROL, 2);
	if ((control & POWER_STATE) == 0 || control == 0xFFFF)
		return false;
	c->write(c, a, at + POWER_CONTROL, 2, control & ~(POWER_STATE | POWER_EVENT));
	return true;
}
