/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration space of a few functions for host tests. What can be written is as the masks say;
 * the rest ignores it, as hardware does. */
#ifndef FAKE_PCI_FAKE_H
#define FAKE_PCI_FAKE_H

#include <drivers/pci/pci.h>

#define FAKE_FUNCTIONS 24u

struct fake_function {
	struct pci_address address;
	bool there;
	u8 space[4096], writable[4096];
	u8 ones_clear[4096];         /* bits that are cleared by writing them as ones */
	unsigned int decoded_sizing; /* windows written as all ones with decoding on */
};

struct fake_pci {
	struct pci_config config; /* first */
	struct fake_function functions[FAKE_FUNCTIONS];
	unsigned int count;
	unsigned int reads, writes, strange; /* strange: width or alignment or offset not allowed */
};

void fake_pci_init(struct fake_pci *p);
/* A function with vendor, product, class (0xCCSSPP); header type 0, command and line register
 * writable. */
struct fake_function *fake_pci_add(struct fake_pci *p, struct pci_address a, u32 vendor_product,
				   u32 class_code);
struct fake_function *fake_pci_find(struct fake_pci *p, struct pci_address a);
void fake_pci_set(struct fake_function *f, u32 offset, unsigned int width, u32 value);
u32 fake_pci_get(const struct fake_function *f, u32 offset, unsigned int width);
/* A register i (0..5) of a window: value, and which bits can be written. */
void fake_pci_bar(struct fake_function *f, unsigned int i, u32 value, u32 mask);
/* Appends a capability at `at`; the list is at..next. */
void fake_pci_capability(struct fake_function *f, u32 at, u8 id, u8 next);

#endif
