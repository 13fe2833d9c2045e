/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake IDE controller. */
#include "ide_fake.h"

#include <drivers/ata/ata.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define BSY  0x80u
#define DRDY 0x40u
#define DRQ  0x08u
#define ERR  0x01u

static struct fake_ide *of(struct fake_device *f)
{
	return (struct fake_ide *)(void *)f;
}

static unsigned int selected(const struct fake_ide_channel *c)
{
	return c->reg[6] >> 4 & 1;
}

static bool populated(const struct fake_ide_channel *c)
{
	return c->drive[0] || c->drive[1];
}

static void raise(struct fake_ide *ide, struct fake_ide_channel *c)
{
	if (c->control & 2)
		return;
	c->irq = true;
	if (!ide->mute)
		c->bm_status |= 4;
}

void fake_ide_interrupt(struct fake_ide *ide)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct fake_ide_channel *c = &ide->channel[i];
		unsigned int index = ide->f.interrupts_given == 2 ? i : 0;

		if (c->irq && !ide->mute && ide->f.interrupts_given)
			ide->f.d.driver->irq(&ide->f.d, index);
	}
}

static void end(struct fake_ide *ide, struct fake_ide_channel *c, bool ok)
{
	c->status = ok ? DRDY : DRDY | ERR;
	c->error = ok ? 0 : 0x40;
	raise(ide, c);
}

/* The table of the bus master: moves data, checks its rules. Returns how much. */
static size_t by_table(struct fake_ide *ide, struct fake_ide_channel *c, u8 *data, size_t bytes)
{
	size_t at = 0;

	assert_int_equal(c->bm_table & 3, 0);
	for (u32 i = 0;; i++) {
		const u8 *prd = fake_dma(&ide->f, c->bm_table + i * 8, 8);
		u32 bus, n;
		u8 *p;

		assert_non_null(prd);
		memcpy(&bus, prd, 4);
		n = prd[4] | (u32)prd[5] << 8;
		n = n ? n : 65536;
		assert_int_equal(bus & 1, 0);
		assert_int_equal(bus >> 16, (bus + n - 1) >> 16); /* crosses no boundary */
		p = fake_dma(&ide->f, bus, n);
		assert_non_null(p);
		assert_true(at + n <= bytes);
		if (c->bm_command & 8)
			memcpy(p, data + at, n);
		else
			memcpy(data + at, p, n);
		at += n;
		if (prd[7] & 0x80)
			return at;
	}
}

static void dma(struct fake_ide *ide, struct fake_ide_channel *c, struct fake_ata_command *cmd,
		size_t bytes, bool write)
{
	u8 *data = calloc(1, bytes);
	bool ok = true;

	assert_int_equal(c->bm_command & 8, write ? 0 : 8);
	if (c->bus_error) {
		c->bus_error = false;
		c->bm_status |= 2;
		c->bm_status &= ~1u;
		end(ide, c, false);
		free(data);
		return;
	}
	if (write)
		assert_int_equal(by_table(ide, c, data, bytes), bytes);
	if (c->short_dma) {
		c->short_dma = false; /* the bus master waits for the rest */
		end(ide, c, true);
		free(data);
		return;
	}
	ok = fake_ata_execute(c->drive[selected(c)], cmd, data);
	if (ok && !write)
		assert_int_equal(by_table(ide, c, data, bytes), bytes);
	free(data);
	if (ok)
		c->bm_status &= ~1u;
	end(ide, c, ok);
}

static void begin_pio(struct fake_ide *ide, struct fake_ide_channel *c,
		      struct fake_ata_command *cmd, size_t bytes, bool write)
{
	free(c->buffer);
	c->buffer = calloc(1, bytes);
	c->bytes = bytes;
	c->at = 0;
	c->to_drive = write;
	if (!write && !fake_ata_execute(c->drive[selected(c)], cmd, c->buffer)) {
		end(ide, c, false);
		return;
	}
	c->status = DRDY | DRQ;
	if (!write)
		raise(ide, c);
}

static struct fake_ata_command command_of(const struct fake_ide_channel *c, u8 opcode)
{
	return (struct fake_ata_command){
		.opcode = opcode,
		.device = c->reg[6],
		.features = (u16)(c->reg[1] | c->old[1] << 8),
		.count = (u16)(c->reg[2] | c->old[2] << 8),
		.lba = c->reg[3] | (u64)c->reg[4] << 8 | (u64)c->reg[5] << 16 |
		       (u64)c->old[3] << 24 | (u64)c->old[4] << 32 | (u64)c->old[5] << 40,
	};
}

static bool uses_dma(u8 opcode)
{
	return opcode == 0xC8 || opcode == 0xCA || opcode == 0x25 || opcode == 0x35 ||
	       opcode == 0x06;
}

bool fake_ide_run(struct fake_ide *ide, unsigned int channel)
{
	struct fake_ide_channel *c = &ide->channel[channel];
	struct fake_ata_command cmd;
	struct fake_ata_disk *disk = c->drive[selected(c)];
	u8 opcode = c->reg[0];
	size_t bytes;
	bool write;

	if (!c->pending || c->wedged || (uses_dma(opcode) && !(c->bm_command & 1)))
		return false;
	c->pending = false;
	cmd = command_of(c, opcode);
	if (c->atapi[selected(c)]) {
		c->signature = 0xEB14;
		c->signed_now = true;
		end(ide, c, false);
		return true;
	}
	assert_true(fake_ata_shape(disk, &cmd, &bytes, &write));
	if (uses_dma(opcode))
		dma(ide, c, &cmd, bytes, write);
	else if (bytes)
		begin_pio(ide, c, &cmd, bytes, write);
	else
		end(ide, c, fake_ata_execute(disk, &cmd, NULL));
	return true;
}

static void tick(struct fake_device *f)
{
	struct fake_ide *ide = of(f);

	if (ide->gone)
		return;
	for (unsigned int i = 0; i < 2 && ide->automatic; i++)
		fake_ide_run(ide, i);
	fake_ide_interrupt(ide);
}

/* One sector of PIO data went through the register. */
static void sector_moved(struct fake_ide *ide, struct fake_ide_channel *c)
{
	struct fake_ata_command cmd = command_of(c, c->reg[0]);

	if (c->at < c->bytes) {
		raise(ide, c);
		return;
	}
	if (c->to_drive)
		end(ide, c, fake_ata_execute(c->drive[selected(c)], &cmd, c->buffer));
	else
		c->status = DRDY;
}

static u64 data(struct fake_ide *ide, struct fake_ide_channel *c, u64 value, bool write)
{
	u16 v = (u16)value;
	u32 size = c->drive[selected(c)]->sector_size;

	assert_true((c->status & DRQ) && c->at + 2 <= c->bytes && c->to_drive == write);
	if (c->reg[0] == 0xEC)
		size = 512;
	if (write)
		memcpy(c->buffer + c->at, &v, 2);
	else
		memcpy(&v, c->buffer + c->at, 2);
	c->at += 2;
	if (c->at % size == 0)
		sector_moved(ide, c);
	return v;
}

static u8 status_of(const struct fake_ide_channel *c)
{
	if (!populated(c))
		return 0x7F;
	/* An ATAPI device's is 0 until its first command. */
	if (!c->drive[selected(c)] || (c->atapi[selected(c)] && c->signed_now))
		return 0;
	return c->status;
}

static u64 read(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width)
{
	struct fake_ide *ide = of(f);
	struct fake_ide_channel *c = &ide->channel[bar == 4 ? offset / 8 : bar / 2];

	if (ide->gone)
		return width == 1 ? 0xFF : 0xFFFF;
	if (bar == 4) {
		assert_int_equal(width, 1);
		return offset % 8 == 2 ? c->bm_status : offset % 8 == 0 ? c->bm_command : 0;
	}
	if (bar & 1) {
		assert_true(offset == 2 && width == 1);
		return status_of(c);
	}
	if (offset == 0) {
		assert_int_equal(width, 2);
		return data(ide, c, 0, false);
	}
	assert_int_equal(width, 1);
	if (offset == 7) {
		c->irq = false;
		return status_of(c);
	}
	if (offset == 1)
		return c->error;
	if ((offset == 4 || offset == 5) && c->signed_now)
		return c->atapi[selected(c)] ? (offset == 4 ? 0x14 : 0xEB) : 0;
	return c->reg[offset];
}

static void write_control(struct fake_ide_channel *c, u8 value)
{
	if ((c->control & 4) && !(value & 4)) {
		c->resets++;
		c->status = c->dead_after_reset ? BSY : DRDY;
		c->wedged = c->pending = c->irq = false;
		c->signed_now = true;
		c->reg[6] = 0;
		c->error = 1;
	}
	if (value & 4)
		c->status = BSY;
	c->control = value;
	if (value & 2)
		c->irq = false;
}

static void write_bm(struct fake_ide_channel *c, u32 offset, unsigned int width, u64 value)
{
	switch (offset) {
	case 0:
		if (value & 1)
			c->bm_status |= 1;
		else
			c->bm_status &= ~1u;
		c->bm_command = (u8)value;
		break;
	case 2:
		c->bm_status = (u8)((c->bm_status & ~(value & 6) & 0x87) | (value & 0x60));
		break;
	case 4:
		assert_int_equal(width, 4);
		c->bm_table = (u32)value;
		break;
	default:
		fail();
	}
}

static void write(struct fake_device *f, unsigned int bar, u32 offset, unsigned int width,
		  u64 value)
{
	struct fake_ide *ide = of(f);
	struct fake_ide_channel *c = &ide->channel[bar == 4 ? offset / 8 : bar / 2];

	if (ide->gone)
		return;
	if (bar == 4) {
		write_bm(c, offset % 8, width, value);
	} else if (bar & 1) {
		assert_true(offset == 2);
		write_control(c, (u8)value);
	} else if (offset == 0) {
		assert_int_equal(width, 2);
		data(ide, c, value, true);
	} else if (offset == 7) {
		if (!c->drive[selected(c)])
			return;
		assert_int_equal(c->status & (BSY | DRQ), 0);
		c->reg[0] = (u8)value;
		c->commands++;
		c->status = BSY;
		c->pending = true;
		c->signed_now = false;
		if (value == 0x30 || value == 0x34) /* asks for data at once */
			fake_ide_run(ide, bar / 2);
	} else {
		if (offset != 6)
			assert_int_equal(c->status & (BSY | DRQ), 0);
		c->old[offset] = c->reg[offset];
		c->reg[offset] = (u8)value;
	}
}

void fake_ide_init(struct fake_ide *ide)
{
	memset(ide, 0, sizeof(*ide));
	fake_device_init(&ide->f, &ata_driver, ide);
	for (int i = 0; i < 4; i++) {
		ide->f.d.bar_size[i] = i & 1 ? 4 : 8;
		ide->f.d.bar_is_port[i] = true;
	}
	ide->f.d.bar_size[4] = 16;
	ide->f.d.bar_is_port[4] = true;
	ide->f.d.id = (struct device_id){.class_code = 1, .subclass = 1, .prog_if = 0x80};
	ide->f.interrupts = 2;
	ide->f.read = read;
	ide->f.write = write;
	ide->f.tick = tick;
	ide->automatic = true;
	for (int i = 0; i < 2; i++) {
		ide->channel[i].status = DRDY;
		ide->channel[i].bm_status = 0x60;
	}
}

void fake_ide_free(struct fake_ide *ide)
{
	free(ide->channel[0].buffer);
	free(ide->channel[1].buffer);
}
