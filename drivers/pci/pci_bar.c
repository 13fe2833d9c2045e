/* SPDX-License-Identifier: BSD-2-Clause */
/* A function's windows: "Base Addresses". */
#include <drivers/pci/pci.h>

#define BAR_PORT          0x1u
#define BAR_TYPE          0x6u
#define BAR_TYPE_BELOW_1M 0x2u
#define BAR_TYPE_64       0x4u
#define BAR_TYPE_BAD      0x6u
#define PORT_FLAGS        0x3u
#define MEMORY_FLAGS      0xFu

static u32 bar_offset(unsigned int i)
{
	return PCI_BAR + 4 * i;
}

/* The bits that can be set. */
static u32 writable(struct pci_config *c, struct pci_address a, unsigned int i, u32 *value)
{
	u32 mask;

	*value = c->read(c, a, bar_offset(i), 4);
	c->write(c, a, bar_offset(i), 4, ~0u);
	mask = c->read(c, a, bar_offset(i), 4);
	c->write(c, a, bar_offset(i), 4, *value);
	return mask;
}

/* address and mask without the flags; top: the highest address bits that there are. */
static void decode(struct pci_bar *b, u64 address, u64 mask, u64 top)
{
	b->address = address & mask;
	b->size = mask & -mask;
	/* All address bits above the size can be set, or it is no window of a power of two. */
	if ((mask | (b->size - 1)) != top || address != b->address)
		b->state = PCI_BAR_BROKEN;
	else if (b->address == 0 || b->address == mask)
		b->state = PCI_BAR_UNASSIGNED;
	else
		b->state = PCI_BAR_GOOD;
}

static void decode_port(struct pci_bar *b, u32 value, u32 mask)
{
	mask &= ~PORT_FLAGS;
	b->port = true;
	if ((mask & 0xFFFF0000u) == 0) /* devices for PCs may leave out the upper half */
		mask |= 0xFFFF0000u;
	decode(b, value & ~PORT_FLAGS, mask, 0xFFFFFFFF);
	if (b->state == PCI_BAR_GOOD && b->address + b->size > 0x10000)
		b->state = PCI_BAR_BROKEN; /* no such ports here */
}

/* Returns how many of the registers it was. */
static unsigned int bar(struct pci_config *c, struct pci_address a, unsigned int i,
			struct pci_bar *b)
{
	u32 value, mask = writable(c, a, i, &value), high, high_mask;

	if (mask == 0 || (value == ~0u && mask == ~0u))
		return 1; /* not implemented, or gone */
	if (mask & BAR_PORT) {
		if (mask & ~PORT_FLAGS)
			decode_port(b, value, mask);
		return 1;
	}
	if ((mask & BAR_TYPE) != BAR_TYPE_64) {
		if ((mask & BAR_TYPE) == BAR_TYPE_BAD)
			b->state = PCI_BAR_BROKEN;
		else if (mask & ~MEMORY_FLAGS)
			decode(b, value & ~MEMORY_FLAGS, mask & ~MEMORY_FLAGS, 0xFFFFFFFF);
		return 1;
	}
	if (i + 1 == DEVICE_BARS) {
		b->state = PCI_BAR_BROKEN;
		return 1;
	}
	high_mask = writable(c, a, i + 1, &high);
	if ((mask & ~MEMORY_FLAGS) || high_mask)
		decode(b, (u64)high << 32 | (value & ~MEMORY_FLAGS),
		       (u64)high_mask << 32 | (mask & ~MEMORY_FLAGS), ~0ull);
	return 2;
}

void pci_bars(struct pci_config *c, struct pci_address a, struct pci_bar bars[DEVICE_BARS])
{
	u16 command = (u16)c->read(c, a, PCI_COMMAND, 2);
	unsigned int used;

	for (unsigned int i = 0; i < DEVICE_BARS; i++)
		bars[i] = (struct pci_bar){.state = PCI_BAR_NONE};
	pci_command(c, a, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_PORTS);
	for (unsigned int i = 0; i < DEVICE_BARS; i += used) {
		used = bar(c, a, i, &bars[i]);
		if (used == 2)
			bars[i + 1].upper = true;
	}
	pci_command(c, a, command & (PCI_COMMAND_MEMORY | PCI_COMMAND_PORTS), 0);
}

void pci_bridge_room(struct pci_config *c, struct pci_address a, struct pci_room *room)
{
	u64 base = (c->read(c, a, PCI_BRIDGE_MEMORY, 2) & 0xFFF0u) << 16;
	u64 limit = (c->read(c, a, PCI_BRIDGE_MEMORY + 2, 2) & 0xFFF0u) << 16 | 0xFFFFF;

	*room = (struct pci_room){0, 0};
	if (base && base < limit)
		*room = (struct pci_room){base, limit + 1};
}

void pci_assign(struct pci_config *c, struct pci_address a, struct pci_bar bars[DEVICE_BARS],
		struct pci_room *room)
{
	for (unsigned int i = 0; i < DEVICE_BARS; i++) {
		struct pci_bar *b = &bars[i];
		u64 at = align_up(room->next, b->size ? b->size : 1);

		if (b->state != PCI_BAR_UNASSIGNED || b->port || at < room->next ||
		    at > room->end || b->size > room->end - at)
			continue;
		c->write(c, a, bar_offset(i), 4, (u32)at);
		if (i + 1 < DEVICE_BARS && bars[i + 1].upper)
			c->write(c, a, bar_offset(i + 1), 4, (u32)(at >> 32));
		b->address = at;
		b->state = PCI_BAR_GOOD;
		room->next = at + b->size;
	}
}

unsigned int pci_ide_compatible(const struct device_id *id, struct pci_bar bars[DEVICE_BARS])
{
	/* A native control block has its one register, 0x3F6 and 0x376, at offset 2. */
	static const u16 command[] = {0x1F0, 0x170}, control[] = {0x3F4, 0x374};
	unsigned int channels = 0;

	if (id->class_code != 1 || id->subclass != 1)
		return 0;
	for (unsigned int i = 0; i < 2; i++) {
		if (id->prog_if & (1u << (2 * i)))
			continue; /* native */
		channels |= 1u << i;
		bars[2 * i] = (struct pci_bar){
			.state = PCI_BAR_GOOD, .port = true, .address = command[i], .size = 8};
		bars[2 * i + 1] = (struct pci_bar){
			.state = PCI_BAR_GOOD, .port = true, .address = control[i], .size = 4};
	}
	return channels;
}
