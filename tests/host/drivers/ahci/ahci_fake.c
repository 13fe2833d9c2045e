/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake AHCI controller. Memory is read as the hardware reads it, by the specification's
 * offsets, without the driver's headers. */
#include "ahci_fake.h"

#include <drivers/ahci/ahci.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define PRCS (1u << 22)
#define PCS  (1u << 6)
#define TFES (1u << 30)
#define SDBS (1u << 3)
#define DHRS (1u << 0)

static struct fake_ahci *of(struct fake_device *f)
{
	return (struct fake_ahci *)(void *)f;
}

static u32 get32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, 4);
	return v;
}

static void raise(struct fake_ahci *a, unsigned int port, u32 bits)
{
	a->port[port].is |= bits;
}

static u32 pending(struct fake_ahci *a)
{
	for (unsigned int i = 0; i < FAKE_PORTS; i++)
		if (a->port[i].is & a->port[i].ie)
			a->is |= 1u << i;
	return a->is;
}

void fake_ahci_interrupt(struct fake_ahci *a)
{
	if (pending(a) && (a->ghc & 2) && !a->mute && a->f.interrupts_given)
		a->f.d.driver->irq(&a->f.d, 0);
}

/* The device's first FIS after a reset. */
static void first_fis(struct fake_port *p)
{
	p->tfd = 0x50;
	p->sig = p->signature;
}

static void link_reset(struct fake_ahci *a, unsigned int i)
{
	struct fake_port *p = &a->port[i];

	p->resets++;
	p->up = p->disk != NULL;
	p->tfd = 0x7F;
	p->sig = ~0u;
	p->failed = p->wedged = false;
	p->serr |= 1u << 16 | 1u << 26;
	raise(a, i, PRCS | PCS);
	p->ready_at = p->dead_after_reset ? ~0ull : a->f.now + p->spin_up;
}

void fake_ahci_plug(struct fake_ahci *a, unsigned int port, struct fake_ata_disk *disk)
{
	a->port[port].disk = disk;
	a->port[port].signature = 0x101;
	link_reset(a, port);
}

void fake_ahci_unplug(struct fake_ahci *a, unsigned int port)
{
	a->port[port].disk = NULL;
	a->port[port].up = false;
	a->port[port].serr |= 1u << 16;
	raise(a, port, PRCS);
}

static void gather(struct fake_ahci *a, const u8 *table, u32 prds, u8 *data, size_t bytes,
		   bool to_disk)
{
	size_t at = 0;

	for (u32 i = 0; i < prds && at < bytes; i++) {
		const u8 *prd = table + 0x80 + i * 16;
		u64 bus = get32(prd) | (u64)get32(prd + 4) << 32;
		size_t n = (get32(prd + 12) & 0x3FFFFF) + 1;
		u8 *p;

		assert_int_equal(n % 2, 0);
		assert_int_equal(bus % 2, 0);
		if (!(a->cap >> 31))
			assert_true(bus + n <= 1ull << 32);
		p = fake_dma(&a->f, bus, n);
		assert_non_null(p);
		assert_true(at + n <= bytes);
		if (to_disk)
			memcpy(data + at, p, n);
		else
			memcpy(p, data + at, n);
		at += n;
	}
	assert_int_equal(at, bytes);
}

static void fetch(struct fake_ahci *a, struct fake_port *p, unsigned int slot, u32 *flags,
		  const u8 **table, struct fake_ata_command *c)
{
	u8 *header = fake_dma(&a->f, p->clb + slot * 32, 32);
	const u8 *t;

	assert_non_null(header);
	*flags = get32(header);
	assert_int_equal(*flags & 0x1F, 5);
	t = *table = fake_dma(&a->f, get32(header + 8) | (u64)get32(header + 12) << 32,
			      0x80 + (*flags >> 16) * 16);
	assert_non_null(t);
	assert_int_equal(t[0], 0x27);
	assert_int_equal(t[1], 0x80);
	*c = (struct fake_ata_command){
		.opcode = t[2],
		.device = t[7],
		.features = (u16)(t[3] | t[11] << 8),
		.count = (u16)(t[12] | t[13] << 8),
		.lba = t[4] | (u64)t[5] << 8 | (u64)t[6] << 16 | (u64)t[8] << 24 | (u64)t[9] << 32 |
		       (u64)t[10] << 40,
	};
}

static void execute(struct fake_ahci *a, unsigned int port, unsigned int slot)
{
	struct fake_port *p = &a->port[port];
	struct fake_ata_command c;
	const u8 *table;
	size_t bytes;
	bool write, ok;
	u32 flags;
	u8 *data;

	fetch(a, p, slot, &flags, &table, &c);
	if (c.opcode == 0x60 || c.opcode == 0x61) {
		assert_true(p->sact >> slot & 1);
		assert_int_equal(c.count, slot << 3);
	} else {
		assert_int_equal(p->sact, 0);
		assert_int_equal(p->ci, 1u << slot); /* never beside another one */
	}
	assert_true(fake_ata_shape(p->disk, &c, &bytes, &write));
	assert_int_equal(flags >> 6 & 1, write);
	data = calloc(1, bytes + 1);
	if (write)
		gather(a, table, flags >> 16, data, bytes, true);
	ok = fake_ata_execute(p->disk, &c, data);
	if (ok && !write && bytes)
		gather(a, table, flags >> 16, data, bytes, false);
	free(data);
	if (!ok) {
		p->failed = true;
		p->tfd = 0x4041;
		raise(a, port, TFES);
		return;
	}
	p->tfd = 0x50;
	raise(a, port, p->sact >> slot & 1 ? SDBS : DHRS);
	p->ci &= ~(1u << slot);
	p->sact &= ~(1u << slot);
}

unsigned int fake_ahci_run(struct fake_ahci *a, unsigned int port, unsigned int n)
{
	struct fake_port *p = &a->port[port];
	unsigned int done = 0;

	for (; done < n; done++) {
		if (!p->ci || p->failed || p->hangs || p->wedged || !p->up || !(p->cmd & 1) ||
		    p->tfd == 0x7F)
			break;
		execute(a, port,
			a->backwards ? 31u - (unsigned int)__builtin_clz(p->ci)
				     : (unsigned int)__builtin_ctz(p->ci));
	}
	return done;
}

static void tick(struct fake_device *f)
{
	struct fake_ahci *a = of(f);

	if (a->gone)
		return;
	for (unsigned int i = 0; i < FAKE_PORTS; i++) {
		struct fake_port *p = &a->port[i];

		/* Not before the change of the link was acknowledged. */
		if (p->up && p->tfd == 0x7F && f->now >= p->ready_at && (p->cmd & 0x10) &&
		    !(p->serr >> 26 & 1))
			first_fis(p);
		if (a->automatic)
			fake_ahci_run(a, i, 32);
	}
	fake_ahci_interrupt(a);
}

static u32 port_value(struct fake_port *p, u32 offset)
{
	switch (offset) {
	case 0x00:
		return p->clb;
	case 0x08:
		return p->fb;
	case 0x10:
		return p->is;
	case 0x14:
		return p->ie;
	case 0x18:
		return p->cmd;
	case 0x20:
		return p->tfd;
	case 0x24:
		return p->sig;
	case 0x28:
		return p->up ? 0x123 : 0;
	case 0x2C:
		return p->sctl;
	case 0x30:
		return p->serr;
	case 0x34:
		return p->sact;
	case 0x38:
		return p->ci;
	default:
		return 0;
	}
}

static u64 read(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width)
{
	struct fake_ahci *a = of(f);

	assert_true(bar == 5 && width == 4);
	if (a->gone)
		return 0xFFFFFFFF;
	if (offset >= 0x100)
		return port_value(&a->port[(offset - 0x100) / 0x80], offset % 0x80);
	switch (offset) {
	case 0x00:
		return a->cap;
	case 0x04:
		return a->ghc;
	case 0x08:
		return pending(a);
	case 0x0C:
		return (1u << FAKE_PORTS) - 1;
	case 0x10:
		return a->version;
	case 0x24:
		return a->cap2;
	case 0x28:
		if ((a->bohc & 2) && a->bios_waits && --a->bios_waits == 0)
			a->bohc &= ~1u;
		return a->bohc;
	default:
		return 0;
	}
}

static void write_cmd(struct fake_ahci *a, unsigned int i, u32 value)
{
	struct fake_port *p = &a->port[i];
	bool starts = (value & 1) && !(p->cmd & 1), stops = !(value & 1) && (p->cmd & 1);

	if (starts) {
		assert_true(value & 0x10);          /* FIS reception first */
		assert_int_equal(p->tfd & 0x88, 0); /* the device is ready */
		assert_false(p->cmd & 1u << 15);    /* it had stopped */
		assert_non_null(fake_dma(&a->f, p->clb, 1024));
		p->cmd |= 1u << 15;
	}
	if (stops) {
		p->ci = p->sact = 0;
		p->failed = false;
		if (!p->stuck)
			p->cmd &= ~(1u << 15);
	}
	if (!(p->cmd & 2) && (value & 2) && (a->cap >> 27 & 1))
		link_reset(a, i); /* spin-up */
	p->cmd = (value & 0x1F) | (p->cmd & 1u << 15) | (value & 0x10 ? 1u << 14 : 0);
	if (value & 0x10)
		assert_non_null(fake_dma(&a->f, p->fb, 256));
}

static void write_issue(struct fake_ahci *a, struct fake_port *p, u32 value)
{
	assert_true(p->cmd & 1);
	assert_int_equal(p->ci & value, 0);
	assert_true((value & 0xFFFFFFFF) < 1ull << ((a->cap >> 8 & 0x1F) + 1));
	p->ci |= value;
	a->told++;
	if ((unsigned int)__builtin_popcount(value) > a->largest_batch)
		a->largest_batch = (unsigned int)__builtin_popcount(value);
}

static void write_port(struct fake_ahci *a, unsigned int i, u32 offset, u32 value)
{
	struct fake_port *p = &a->port[i];

	switch (offset) {
	case 0x00:
	case 0x08:
		assert_false(p->cmd & (offset ? 1u << 14 : 1u << 15)); /* not while in use */
		*(offset ? &p->fb : &p->clb) = value;
		break;
	case 0x10:
		p->is &= ~value;
		break;
	case 0x14:
		p->ie = value;
		break;
	case 0x18:
		write_cmd(a, i, value);
		break;
	case 0x2C:
		if ((p->sctl & 0xF) == 1 && (value & 0xF) == 0)
			link_reset(a, i);
		if ((value & 0xF) == 1) {
			assert_false(p->cmd & 1); /* the engine stands still */
			p->up = false;
		}
		p->sctl = value;
		break;
	case 0x30:
		p->serr &= ~value;
		break;
	case 0x34:
		assert_true(p->cmd & 1);
		p->sact |= value;
		break;
	case 0x38:
		write_issue(a, p, value);
		break;
	default:
		break;
	}
}

static void hba_reset(struct fake_ahci *a)
{
	a->hba_resets++;
	a->is = 0;
	a->ghc = 0x80000000;
	for (unsigned int i = 0; i < FAKE_PORTS; i++) {
		struct fake_port *p = &a->port[i];

		p->clb = p->fb = p->ie = p->cmd = p->sctl = p->serr = p->sact = p->ci = 0;
		p->stuck = false;
		p->up = false;
		if (!(a->cap >> 27 & 1))
			link_reset(a, i);
		p->is = 0;
	}
}

static void write(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width,
		  u64 value)
{
	struct fake_ahci *a = of(f);

	assert_true(bar == 5 && width == 4);
	if (a->gone)
		return;
	if (offset >= 0x100) {
		write_port(a, (offset - 0x100) / 0x80, offset % 0x80, (u32)value);
		return;
	}
	if (offset == 0x04 && (value & 1)) {
		if (a->reset_hangs)
			a->ghc = 0x80000001;
		else
			hba_reset(a);
	} else if (offset == 0x04) {
		a->ghc = (u32)value;
	} else if (offset == 0x08) {
		a->is &= ~(u32)value;
	} else if (offset == 0x28) {
		a->bohc = (u32)value;
	}
}

void fake_ahci_init(struct fake_ahci *a)
{
	memset(a, 0, sizeof(*a));
	fake_device_init(&a->f, &ahci_driver, a);
	a->f.d.bar_size[5] = 0x100 + FAKE_PORTS * 0x80;
	a->f.d.id = (struct device_id){.class_code = 1, .subclass = 6, .prog_if = 1};
	a->f.read = read;
	a->f.write = write;
	a->f.tick = tick;
	a->cap = 1u << 31 | 1u << 30 | 31u << 8 | (FAKE_PORTS - 1);
	a->version = 0x00010301;
	a->automatic = true;
}
