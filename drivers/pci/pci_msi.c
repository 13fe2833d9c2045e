/* SPDX-License-Identifier: BSD-2-Clause */
/* Message-signalled interrupts: "MSI Capability Structure", "MSI-X Capability and Table
 * Structures". */
#include <drivers/pci/pci.h>

#define CONTROL 2u /* in either capability */

#define MSI_ENABLE   0x0001u
#define MSI_MULTIPLE 0x0070u
#define MSI_WIDE     0x0080u
#define MSI_MASKABLE 0x0100u
#define MSI_ADDRESS  4u
#define MSI_LENGTH   10u /* of the shortest form */

#define MSIX_ENABLE   0x8000u
#define MSIX_MASK_ALL 0x4000u
#define MSIX_SIZE     0x07FFu
#define MSIX_TABLE    4u
#define MSIX_LENGTH   12u
#define ENTRY_WORDS   4u
#define ENTRY_CONTROL 3u
#define ENTRY_MASKED  1u

static void change(struct pci_config *c, struct pci_address a, u32 at, u32 set, u32 clear)
{
	u32 old = c->read(c, a, at + CONTROL, 2);

	c->write(c, a, at + CONTROL, 2, (old & ~clear) | set);
}

void pci_msi_find(struct pci_config *c, struct pci_address a, struct pci_msi *m)
{
	u32 at = pci_capability(c, a, PCI_CAP_MSI, MSI_LENGTH), control, length = MSI_LENGTH;

	*m = (struct pci_msi){.at = 0};
	if (!at)
		return;
	control = c->read(c, a, at + CONTROL, 2);
	if (control & MSI_WIDE)
		length += 4;
	if (control & MSI_MASKABLE)
		length += 10;
	if (at + length <= 256)
		*m = (struct pci_msi){at, control & MSI_WIDE, control & MSI_MASKABLE};
}

void pci_msi_enable(struct pci_config *c, struct pci_address a, const struct pci_msi *m,
		    u64 address, u32 data)
{
	u32 at = m->at + MSI_ADDRESS;

	change(c, a, m->at, 0, MSI_ENABLE | MSI_MULTIPLE);
	c->write(c, a, at, 4, (u32)address);
	at += 4;
	if (m->wide) {
		c->write(c, a, at, 4, (u32)(address >> 32));
		at += 4;
	}
	c->write(c, a, at, 2, data);
	if (m->maskable)
		c->write(c, a, at + 4, 4, 0);
	change(c, a, m->at, MSI_ENABLE, 0);
}

void pci_msi_disable(struct pci_config *c, struct pci_address a, const struct pci_msi *m)
{
	if (m->at)
		change(c, a, m->at, 0, MSI_ENABLE);
}

void pci_msix_find(struct pci_config *c, struct pci_address a, const struct pci_bar *bars,
		   struct pci_msix *m)
{
	u32 at = pci_capability(c, a, PCI_CAP_MSIX, MSIX_LENGTH), table, entries, offset;
	const struct pci_bar *b;

	*m = (struct pci_msix){.at = 0};
	if (!at)
		return;
	entries = (c->read(c, a, at + CONTROL, 2) & MSIX_SIZE) + 1;
	table = c->read(c, a, at + MSIX_TABLE, 4);
	if ((table & 7) >= DEVICE_BARS)
		return;
	b = &bars[table & 7];
	offset = table & ~7u;
	if (b->state != PCI_BAR_GOOD || b->port || offset >= b->size ||
	    b->size - offset < (u64)entries * ENTRY_WORDS * 4)
		return;
	*m = (struct pci_msix){at, table & 7, offset, entries};
}

void pci_msix_enable(struct pci_config *c, struct pci_address a, const struct pci_msix *m,
		     volatile u32 *table)
{
	/* The whole function is masked while old entries may still be there. */
	change(c, a, m->at, MSIX_ENABLE | MSIX_MASK_ALL, 0);
	for (u32 i = 0; i < m->entries; i++)
		table[i * ENTRY_WORDS + ENTRY_CONTROL] = ENTRY_MASKED;
	change(c, a, m->at, 0, MSIX_MASK_ALL);
}

void pci_msix_set(volatile u32 *table, unsigned int i, u64 address, u32 data)
{
	volatile u32 *entry = table + i * ENTRY_WORDS;

	entry[ENTRY_CONTROL] = ENTRY_MASKED;
	entry[0] = (u32)address;
	entry[1] = (u32)(address >> 32);
	entry[2] = data;
	entry[ENTRY_CONTROL] = 0;
}

void pci_msix_disable(struct pci_config *c, struct pci_address a, const struct pci_msix *m)
{
	if (m->at)
		change(c, a, m->at, 0, MSIX_ENABLE);
}
