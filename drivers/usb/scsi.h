/* SPDX-License-Identifier: BSD-2-Clause */
/* SCSI commands as bytes, and what their answers say: SPC-4 and SBC-3. No state, no device. */
#ifndef DRIVERS_USB_SCSI_H
#define DRIVERS_USB_SCSI_H

#include <core/types.h>

#define SCSI_CDB_MAX        16u
#define SCSI_INQUIRY_BYTES  36u
#define SCSI_SENSE_BYTES    18u
#define SCSI_CAPACITY_BYTES 32u /* of READ CAPACITY (16); the short one has 8 */
#define SCSI_MODE_BYTES     192u

struct scsi_cdb {
	u8 b[SCSI_CDB_MAX];
	u8 bytes;
};

struct scsi_cdb scsi_test_unit_ready(void);
struct scsi_cdb scsi_request_sense(void);
struct scsi_cdb scsi_inquiry(void);
struct scsi_cdb scsi_mode_sense(void); /* all pages */
struct scsi_cdb scsi_read_capacity10(void);
struct scsi_cdb scsi_read_capacity16(void);
struct scsi_cdb scsi_synchronize_cache(void); /* the whole medium */
/* blocks up to 65535; the 16-byte form where the short one does not reach. */
struct scsi_cdb scsi_read_write(bool write, u64 lba, u32 blocks);

struct scsi_sense {
	u8 key, asc, ascq;
};
enum {
	SENSE_NONE = 0,
	SENSE_RECOVERED = 1,
	SENSE_NOT_READY = 2,
	SENSE_ILLEGAL_REQUEST = 5,
	SENSE_UNIT_ATTENTION = 6,
	SENSE_DATA_PROTECT = 7
};
enum { ASC_BECOMING_READY = 0x04, ASC_MEDIUM_CHANGED = 0x28, ASC_NO_MEDIUM = 0x3A };
/* Fixed or descriptor format. false: neither. */
must_use bool scsi_parse_sense(const u8 *p, size_t n, struct scsi_sense *out);

struct scsi_inquiry {
	u8 type; /* 0: a disk; 0x1F also if the unit is not there */
	bool removable;
	char model[41]; /* vendor, product */
};
must_use bool scsi_parse_inquiry(const u8 *p, size_t n, struct scsi_inquiry *out);

struct scsi_capacity {
	u64 blocks;
	u32 block_bytes, physical_bytes;
};
/* Of READ CAPACITY (10). false: nonsense. blocks 0: more than it can say. */
must_use bool scsi_parse_capacity10(const u8 *p, size_t n, struct scsi_capacity *out);
must_use bool scsi_parse_capacity16(const u8 *p, size_t n, struct scsi_capacity *out);

struct scsi_mode {
	bool write_protected;
	bool write_cache; /* also if there is nothing about it */
};
/* Of MODE SENSE (6), which may be cut. */
void scsi_parse_mode(const u8 *p, size_t n, struct scsi_mode *out);

#endif
