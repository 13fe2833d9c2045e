/* SPDX-License-Identifier: BSD-2-Clause */
/* A stick as Bulk-Only Transport 1.0 and SBC-3 want it, and a hub. */
#include <usb/usb_fake.h>

#include <stdlib.h>
#include <string.h>

enum { COMMAND, DATA, STATUS };

static u32 be(const u8 *p, unsigned int n)
{
	u32 v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static void put_be32(u8 *p, u32 v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (u8)(v >> (24 - 8 * i));
}

static void describe(struct fake_usb *u, u8 class_code, u8 packet0)
{
	const u8 d[18] = {18,   1,    0,    2, class_code, 0, 0, packet0, 0x34,
			  0x12, 0x78, 0x56, 0, 1,          1, 2, 3,       1};

	memcpy(u->device, d, sizeof(d));
}

void fake_stick(struct fake_usb *u, enum usb_speed speed, u8 *disk, u32 block_bytes, u32 blocks)
{
	static const u8 config[] = {9, 2, 44, 0, 1, 7, 0, 0x80, 50, 9, 4, 0, 0, 2, 8, 6, 0x50, 0};
	static const u16 sizes[] = {8, 64, 512, 1024};
	u8 *p = u->config;

	*u = (struct fake_usb){.speed = speed,
			       .disk = disk,
			       .block_bytes = block_bytes,
			       .blocks = blocks,
			       .cached = true,
			       .removable = true,
			       .unit_attention = 0x29};
	describe(u, 0, speed == USB_SUPER ? 9 : 64);
	memcpy(p, config, sizeof(config));
	p += sizeof(config);
	for (int i = 0; i < 2; i++) {
		const u8 e[13] = {7,
				  5,
				  i ? 0x02 : 0x81,
				  2,
				  (u8)sizes[speed],
				  (u8)(sizes[speed] >> 8),
				  0,
				  6,
				  0x30,
				  15,
				  0,
				  0,
				  0};

		memcpy(p, e, sizeof(e));
		p += sizeof(e);
	}
	u->config_bytes = 44;
}

void fake_hub(struct fake_usb *u, enum usb_speed speed, unsigned int ports)
{
	static const u8 config[] = {9, 2, 25, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0,
				    1, 9, 0,  0, 0, 7, 5, 0x81, 3,  1, 0, 12};

	*u = (struct fake_usb){.speed = speed, .ports = ports};
	describe(u, 9, speed == USB_SUPER ? 9 : 64);
	memcpy(u->config, config, sizeof(config));
	u->config_bytes = sizeof(config);
}

void fake_hub_plug(struct fake_usb *hub, unsigned int port, struct fake_usb *child)
{
	hub->child[port - 1] = child;
	hub->port_status[port - 1] = 1u << 16 | 1u << 8 | (child ? 1 : 0);
}

void fake_usb_reset(struct fake_usb *u)
{
	u->port_resets++;
	u->address = 0;
	u->configuration = 0;
	u->hard = u->dead = false;
	u->halted[0] = u->halted[1] = false;
	u->toggle[0] = u->toggle[1] = 0;
	u->stage = COMMAND;
	u->unit_attention = 0x29;
}

/* --- control requests --- */

static int give(u8 *data, size_t wanted, const void *p, size_t n)
{
	n = n < wanted ? n : wanted;
	memcpy(data, p, n);
	return (int)n;
}

static int get_descriptor(struct fake_usb *u, const u8 *s, u8 *data, size_t n)
{
	static const u8 serial[] = {10, 3, 'A', 0, 'B', 0, '1', 0, '2', 0};
	const u8 hub[] = {9, 0x29, (u8)u->ports, 0, 0, 1, 0, 0, 0xFF};

	switch (s[3]) {
	case 1:
		return give(data, n, u->device, 18);
	case 2:
		return s[2] == 0 ? give(data, n, u->config, u->config_bytes) : FAKE_STALL;
	case 3:
		return s[2] == 3 ? give(data, n, serial, sizeof(serial)) : FAKE_STALL;
	case 0x29:
	case 0x2A:
		return u->ports ? give(data, n, hub, sizeof(hub)) : FAKE_STALL;
	default:
		return FAKE_STALL;
	}
}

static int port_request(struct fake_usb *u, const u8 *s, u8 *data)
{
	unsigned int i = s[4] - 1u;

	if (i >= u->ports)
		return FAKE_STALL;
	if (s[1] == USB_GET_STATUS) {
		memcpy(data, &u->port_status[i], 4);
		return 4;
	}
	if (s[1] == USB_SET_FEATURE && s[2] == 4 && u->child[i]) {
		static const u32 speeds[] = {1u << 9, 0, 1u << 10, 0};

		fake_usb_reset(u->child[i]);
		u->port_status[i] |= 1u << 20 | 2 | speeds[u->child[i]->speed];
	}
	if (s[1] == USB_CLEAR_FEATURE)
		u->port_status[i] &= ~(1u << s[2]);
	return 0;
}

static int clear_halt(struct fake_usb *u, u8 address)
{
	int i = address & 0x80 ? 0 : 1;

	u->halted[i] = false;
	u->toggle[i] = 0;
	return 0;
}

int fake_usb_control(struct fake_usb *u, const u8 s[8], u8 *data)
{
	size_t n = s[6] | (size_t)s[7] << 8;

	if (u->hard)
		return FAKE_NAK;
	switch (s[0] << 8 | s[1]) {
	case 0x8006:
	case 0xA006:
		return get_descriptor(u, s, data, n);
	case 0x0005:
		u->address = s[2];
		return 0;
	case 0x0009:
		if (s[2] != u->config[5])
			return FAKE_STALL;
		u->configuration = s[2];
		return 0;
	case 0x0201:
		return clear_halt(u, s[4]);
	case 0x21FF:
		u->resets++;
		u->stage = COMMAND;
		u->dead = false;
		return 0;
	case 0xA1FE:
		return u->last_lun == 0xFF ? FAKE_STALL : give(data, n, &u->last_lun, 1);
	case 0xA300:
	case 0x2303:
	case 0x2301:
		return port_request(u, s, data);
	case 0x200C:
		return 0;
	default:
		return FAKE_STALL;
	}
}

/* --- SCSI --- */

static void set_sense(struct fake_usb *u, u8 key, u8 asc, u8 ascq)
{
	u->sense[0] = key;
	u->sense[1] = asc;
	u->sense[2] = ascq;
}

static void answer(struct fake_usb *u, size_t n)
{
	u->data = u->answer;
	u->data_bytes = n;
	u->data_in = true;
}

static void answer_inquiry(struct fake_usb *u)
{
	memcpy(u->answer, "\0\0\4\2\37\0\0\0Plinth  Test stick      1.00", 36);
	u->answer[1] = u->removable ? 0x80 : 0;
	answer(u, 36);
}

static bool answer_mode(struct fake_usb *u)
{
	const u8 mode[] = {23, 0, u->protected ? 0x80 : 0, 0, 8, 18, u->cached ? 4 : 0};

	if (u->no_mode)
		return false;
	memcpy(u->answer, mode, sizeof(mode));
	answer(u, 24);
	return true;
}

static bool read_write(struct fake_usb *u, const u8 *cdb)
{
	bool write = cdb[0] == 0x2A;
	u64 lba = be(cdb + 2, 4), count = be(cdb + 7, 2);

	if (lba + count > u->blocks || (write && u->protected)) {
		set_sense(u, write && u->protected ? 7 : 5, 0x21, 0);
		return false;
	}
	u->data = u->disk + lba * u->block_bytes;
	u->data_bytes = count * u->block_bytes;
	u->data_in = !write;
	*(write ? &u->writes : &u->reads) += 1;
	return true;
}

/* false: CHECK CONDITION, sense is set. */
static bool command(struct fake_usb *u, const u8 *cdb)
{
	u8 op = cdb[0];

	u->data_bytes = 0;
	if (op == 0x03) {
		const u8 b[18] = {0x70, 0, u->sense[0], 0, 0, 0,           0,
				  10,   0, 0,           0, 0, u->sense[1], u->sense[2]};

		memcpy(u->answer, b, sizeof(b));
		answer(u, sizeof(b));
		return true;
	}
	if (op != 0x12 && u->unit_attention) {
		set_sense(u, 6, u->unit_attention, 0);
		u->unit_attention = 0;
		return false;
	}
	set_sense(u, 2, 0x3A, 0);
	if (op != 0x12 && u->no_medium)
		return false;
	set_sense(u, 5, 0x20, 0);
	switch (op) {
	case 0x00:
		return true;
	case 0x12:
		answer_inquiry(u);
		return true;
	case 0x1A:
		return answer_mode(u);
	case 0x25:
		put_be32(u->answer, u->blocks - 1);
		put_be32(u->answer + 4, u->block_bytes);
		answer(u, 8);
		return true;
	case 0x28:
	case 0x2A:
		return read_write(u, cdb);
	case 0x35:
		u->syncs++;
		return !u->no_sync;
	default:
		return false;
	}
}

static enum fake_fault take_fault(struct fake_usb *u, u8 op)
{
	if (op != 0x28 && op != 0x2A && op != 0x35)
		return FAKE_FINE;
	u->commands++;
	if (u->fault == FAKE_FINE)
		return FAKE_FINE;
	if (u->at > 1) {
		u->at--;
		return FAKE_FINE;
	}
	if (u->times) {
		u->times--;
		return u->fault;
	}
	return FAKE_FINE;
}

static void put_status(struct fake_usb *u, bool good, u32 residue)
{
	memcpy(u->csw, "USBS", 4);
	memcpy(u->csw + 4, u->cbw + 4, 4);
	memcpy(u->csw + 8, &residue, 4);
	u->csw[12] = good ? 0 : 1;
	u->csw_bytes = 13;
	u->empty_first = u->now == FAKE_CSW_EMPTY;
	if (u->now == FAKE_CSW_SIGNATURE)
		u->csw[0] = 'X';
	if (u->now == FAKE_CSW_TAG)
		u->csw[4] ^= 0xFF;
	if (u->now == FAKE_CSW_SHORT)
		u->csw_bytes = 12;
	if (u->now == FAKE_PHASE)
		u->csw[12] = 2;
	if (u->now == FAKE_RESIDUE)
		memset(u->csw + 8, 0x7F, 4);
}

static int take_cbw(struct fake_usb *u, const u8 *p, size_t n)
{
	u32 wanted;
	bool good;

	if (n != 31 || memcmp(p, "USBC", 4) != 0 || p[13] > (u->last_lun & 15) || p[14] > 16) {
		u->halted[0] = u->halted[1] = true;
		return FAKE_STALL;
	}
	memcpy(u->cbw, p, 31);
	memcpy(&wanted, p + 8, 4);
	u->now = take_fault(u, p[15]);
	good = u->now != FAKE_CHECK && command(u, p + 15);
	if (u->now == FAKE_CHECK) {
		u->data_bytes = 0;
		set_sense(u, 3, 0x11, 0);
	}
	if (u->now == FAKE_PART)
		u->data_bytes /= 2;
	if (u->now == FAKE_HANG || u->now == FAKE_HANG_HARD)
		u->dead = true;
	u->hard = u->now == FAKE_HANG_HARD;
	if (!good)
		u->data_bytes = 0;
	put_status(u, good, wanted - (u32)u->data_bytes);
	u->stage = wanted ? DATA : STATUS;
	u->data_in = wanted ? p[12] & 0x80 : false;
	u->data_left = wanted;
	if (u->now == FAKE_CSW_STALL && u->stage == STATUS)
		u->halted[0] = true;
	return 31;
}

static void data_done(struct fake_usb *u)
{
	u->stage = STATUS;
	if (u->now == FAKE_CSW_STALL)
		u->halted[0] = true;
}

/* A controller may ask in several steps. */
static void take_data(struct fake_usb *u, size_t n)
{
	u->data += n;
	u->data_bytes -= n;
	u->data_left -= n < u->data_left ? n : u->data_left;
	if (u->data_bytes == 0 && (u->data_left == 0 || u->data_in))
		data_done(u);
}

u8 fake_usb_toggle(const struct fake_usb *u, u8 toggle, size_t n)
{
	static const u16 sizes[] = {8, 64, 512, 1024};
	size_t packets = n ? (n + sizes[u->speed] - 1) / sizes[u->speed] : 1;

	return toggle ^ (packets & 1);
}

int fake_usb_out(struct fake_usb *u, u8 host_toggle, const u8 *p, size_t n)
{
	int rc = (int)n;

	if (u->halted[1])
		return FAKE_STALL;
	if (u->dead || host_toggle != u->toggle[1])
		return FAKE_NAK;
	if (u->stage == COMMAND) {
		rc = take_cbw(u, p, n);
	} else if (u->stage == DATA && !u->data_in) {
		if (u->now == FAKE_TRANSACTION)
			return FAKE_BROKEN;
		if (u->now == FAKE_DATA_STALL || u->data_bytes < n) {
			u->halted[1] = true;
			data_done(u);
			return FAKE_STALL;
		}
		memcpy(u->data, p, n);
		take_data(u, n);
	} else {
		return FAKE_NAK;
	}
	if (rc >= 0)
		u->toggle[1] = fake_usb_toggle(u, u->toggle[1], n);
	return rc;
}

int fake_usb_in(struct fake_usb *u, u8 host_toggle, u8 *p, size_t n)
{
	size_t bytes = 0;

	if (u->halted[0])
		return FAKE_STALL;
	if (u->dead || host_toggle != u->toggle[0] || u->stage == COMMAND)
		return FAKE_NAK;
	if (u->stage == DATA && u->data_in) {
		if (u->now == FAKE_TRANSACTION)
			return FAKE_BROKEN;
		if (u->now == FAKE_DATA_STALL || u->data_bytes == 0) {
			u->halted[0] = true;
			u->stage = STATUS;
			return FAKE_STALL;
		}
		bytes = u->data_bytes < n ? u->data_bytes : n;
		memcpy(p, u->data, bytes);
		/* What is short of the packet ends the data. */
		take_data(u, bytes == n ? bytes : u->data_bytes);
	} else if (u->stage == STATUS && u->empty_first) {
		u->empty_first = false;
	} else if (u->stage == STATUS) {
		bytes = u->csw_bytes < n ? u->csw_bytes : n;
		memcpy(p, u->csw, bytes);
		u->stage = COMMAND;
		u->dead = u->now == FAKE_PHASE; /* until it is reset */
	} else {
		return FAKE_NAK;
	}
	u->toggle[0] = fake_usb_toggle(u, u->toggle[0], bytes);
	return (int)bytes;
}
