/* SPDX-License-Identifier: BSD-2-Clause */
/* Building and reading SCSI's bytes; all numbers are big-endian. */
#include <drivers/usb/scsi.h>

enum {
	TEST_UNIT_READY = 0x00,
	REQUEST_SENSE = 0x03,
	INQUIRY = 0x12,
	MODE_SENSE6 = 0x1A,
	READ_CAPACITY10 = 0x25,
	READ10 = 0x28,
	WRITE10 = 0x2A,
	SYNCHRONIZE_CACHE10 = 0x35,
	READ16 = 0x88,
	WRITE16 = 0x8A,
	SERVICE_ACTION_IN16 = 0x9E
};

#define BLOCK_BYTES_MIN 512u
#define BLOCK_BYTES_MAX 4096u
#define CACHING_PAGE    0x08

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void put_be(u8 *p, u64 v, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[i] = (u8)(v >> (8 * (bytes - 1 - i)));
}

struct scsi_cdb scsi_test_unit_ready(void)
{
	return (struct scsi_cdb){.b = {TEST_UNIT_READY}, .bytes = 6};
}

struct scsi_cdb scsi_request_sense(void)
{
	return (struct scsi_cdb){.b = {REQUEST_SENSE, 0, 0, 0, SCSI_SENSE_BYTES}, .bytes = 6};
}

struct scsi_cdb scsi_inquiry(void)
{
	return (struct scsi_cdb){.b = {INQUIRY, 0, 0, 0, SCSI_INQUIRY_BYTES}, .bytes = 6};
}

struct scsi_cdb scsi_mode_sense(void)
{
	return (struct scsi_cdb){.b = {MODE_SENSE6, 0, 0x3F, 0, SCSI_MODE_BYTES}, .bytes = 6};
}

struct scsi_cdb scsi_read_capacity10(void)
{
	return (struct scsi_cdb){.b = {READ_CAPACITY10}, .bytes = 10};
}

struct scsi_cdb scsi_read_capacity16(void)
{
	return (struct scsi_cdb){.b = {SERVICE_ACTION_IN16, 0x10, [13] = SCSI_CAPACITY_BYTES},
				 .bytes = 16};
}

struct scsi_cdb scsi_synchronize_cache(void)
{
	return (struct scsi_cdb){.b = {SYNCHRONIZE_CACHE10}, .bytes = 10};
}

struct scsi_cdb scsi_read_write(bool write, u64 lba, u32 blocks)
{
	struct scsi_cdb c = {0};

	if (lba + blocks <= 1ull << 32) {
		c.b[0] = write ? WRITE10 : READ10;
		put_be(c.b + 2, lba, 4);
		put_be(c.b + 7, blocks, 2);
		c.bytes = 10;
	} else {
		c.b[0] = write ? WRITE16 : READ16;
		put_be(c.b + 2, lba, 8);
		put_be(c.b + 10, blocks, 4);
		c.bytes = 16;
	}
	return c;
}

bool scsi_parse_sense(const u8 *p, size_t n, struct scsi_sense *out)
{
	u8 format = n ? p[0] & 0x7F : 0;

	if ((format == 0x70 || format == 0x71) && n >= 3) {
		*out = (struct scsi_sense){.key = p[2] & 0x0F};
		if (n >= 14) {
			out->asc = p[12];
			out->ascq = p[13];
		}
		return true;
	}
	if ((format == 0x72 || format == 0x73) && n >= 4) {
		*out = (struct scsi_sense){p[1] & 0x0F, p[2], p[3]};
		return true;
	}
	return false;
}

/* A field of fixed width, without the spaces that fill it; returns the new length. */
static size_t add_text(char *out, size_t at, size_t room, const u8 *p, size_t n)
{
	while (n && (p[n - 1] == ' ' || p[n - 1] == 0))
		n--;
	for (size_t i = 0; i < n && at + 1 < room; i++)
		out[at++] = p[i] >= 0x20 && p[i] < 0x7F ? (char)p[i] : '?';
	out[at] = 0;
	return at;
}

bool scsi_parse_inquiry(const u8 *p, size_t n, struct scsi_inquiry *out)
{
	size_t at;

	if (n < 5)
		return false;
	*out = (struct scsi_inquiry){.type = p[0] & 0x1F, .removable = p[1] & 0x80};
	if (p[0] & 0xE0)
		out->type = 0x1F;
	if (n < SCSI_INQUIRY_BYTES)
		return true;
	at = add_text(out->model, 0, sizeof(out->model), p + 8, 8);
	if (at)
		out->model[at++] = ' ';
	add_text(out->model, at, sizeof(out->model), p + 16, 16);
	return true;
}

static bool block_bytes_valid(u32 n)
{
	return n >= BLOCK_BYTES_MIN && n <= BLOCK_BYTES_MAX && (n & (n - 1)) == 0;
}

bool scsi_parse_capacity10(const u8 *p, size_t n, struct scsi_capacity *out)
{
	u32 last;

	if (n < 8 || !block_bytes_valid(be32(p + 4)))
		return false;
	last = be32(p);
	*out = (struct scsi_capacity){.blocks = last == 0xFFFFFFFF ? 0 : (u64)last + 1,
				      .block_bytes = be32(p + 4),
				      .physical_bytes = be32(p + 4)};
	return true;
}

bool scsi_parse_capacity16(const u8 *p, size_t n, struct scsi_capacity *out)
{
	u64 last;

	if (n < 12 || !block_bytes_valid(be32(p + 8)))
		return false;
	last = (u64)be32(p) << 32 | be32(p + 4);
	/* In sectors of 512 bytes it still has to be a number that can be reckoned with. */
	if (last >= 1ull << 52)
		return false;
	*out = (struct scsi_capacity){.blocks = last + 1, .block_bytes = be32(p + 8)};
	out->physical_bytes = out->block_bytes;
	if (n >= 14 && (p[13] & 15) <= 7)
		out->physical_bytes <<= p[13] & 15;
	return true;
}

void scsi_parse_mode(const u8 *p, size_t n, struct scsi_mode *out)
{
	size_t end, at;

	*out = (struct scsi_mode){.write_cache = true};
	if (n < 4)
		return;
	out->write_protected = p[2] & 0x80;
	end = min_u64(n, (u64)p[0] + 1);
	at = 4 + (size_t)p[3];
	while (at + 3 <= end) {
		if ((p[at] & 0x3F) == CACHING_PAGE && !(p[at] & 0x40) && p[at + 1] >= 1) {
			out->write_cache = p[at + 2] & 4;
			return;
		}
		at += 2 + (size_t)p[at + 1];
	}
}
