/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of capabilities: "Capabilities List". A device may lie about it. */
#include <drivers/pci/pci.h>

#define FIRST 0x40u /* below it is the header */
#define END   0x100u
#define LINKS 48u /* more do not fit */

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
