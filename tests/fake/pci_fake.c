/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration space that host tests see. */
#include <pci_fake.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

struct fake_function *fake_pci_find(struct fake_pci *p, struct pci_address a)
{
	for (unsigned int i = 0; i < p->count; i++)
		if (p->functions[i].there && pci_same(p->functions[i].address, a))
			return &p->functions[i];
	return NULL;
}

u32 fake_pci_get(const struct fake_function *f, u32 offset, unsigned int width)
{
	u32 v = 0;

	memcpy(&v, f->space + offset, width);
	return v;
}

void fake_pci_set(struct fake_function *f, u32 offset, unsigned int width, u32 value)
{
	memcpy(f->space + offset, &value, width);
}

static bool strange(struct fake_pci *p, u32 offset, unsigned int width)
{
	bool bad = (width != 1 && width != 2 && width != 4) || offset % width || offset >= 4096;

	p->strange += bad;
	return bad;
}

static u32 read(struct pci_config *c, struct pci_address a, u32 offset, unsigned int width)
{
	struct fake_pci *p = (struct fake_pci *)(void *)c;
	const struct fake_function *f = fake_pci_find(p, a);

	p->reads++;
	if (strange(p, offset, width) || !f)
		return (u32)low_mask(8 * width);
	return fake_pci_get(f, offset, width);
}

static void write(struct pci_config *c, struct pci_address a, u32 offset, unsigned int width,
		  u32 value)
{
	struct fake_pci *p = (struct fake_pci *)(void *)c;
	struct fake_function *f = fake_pci_find(p, a);

	p->writes++;
	if (strange(p, offset, width) || !f)
		return;
	if (offset >= PCI_BAR && offset < PCI_BAR + 24 && value == ~0u &&
	    (fake_pci_get(f, PCI_COMMAND, 2) & 3))
		f->decoded_sizing++;
	for (unsigned int i = 0; i < width; i++) {
		u8 mask = f->writable[offset + i];

		f->space[offset + i] &= (u8) ~(f->ones_clear[offset + i] & (value >> (8 * i)));
		f->space[offset + i] =
			(u8)((f->space[offset + i] & ~mask) | ((value >> (8 * i)) & mask));
	}
}

void fake_pci_init(struct fake_pci *p)
{
	memset(p, 0, sizeof(*p));
	p->config = (struct pci_config){read, write};
}

struct fake_function *fake_pci_add(struct fake_pci *p, struct pci_address a, u32 vendor_product,
				   u32 class_code)
{
	struct fake_function *f = &p->functions[p->count++];

	assert_true(p->count <= FAKE_FUNCTIONS);
	f->address = a;
	f->there = true;
	fake_pci_set(f, PCI_VENDOR, 4, vendor_product);
	fake_pci_set(f, PCI_REVISION, 4, class_code << 8 | 3);
	f->writable[PCI_COMMAND] = 0xFF;
	f->writable[PCI_COMMAND + 1] = 0x07;
	f->writable[PCI_LINE] = 0xFF;
	return f;
}

void fake_pci_bar(struct fake_function *f, unsigned int i, u32 value, u32 mask)
{
	fake_pci_set(f, PCI_BAR + 4 * i, 4, value);
	memcpy(f->writable + PCI_BAR + 4 * (size_t)i, &mask, 4);
}

void fake_pci_capability(struct fake_function *f, u32 at, u8 id, u8 next)
{
	if (!(f->space[PCI_STATUS] & PCI_STATUS_LIST)) {
		f->space[PCI_STATUS] |= PCI_STATUS_LIST;
		f->space[PCI_CAPABILITIES] = (u8)at;
	}
	f->space[at] = id;
	f->space[at + 1] = next;
}
