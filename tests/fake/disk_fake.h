/* SPDX-License-Identifier: BSD-2-Clause */
/* The block layer, the event loop and disks in memory, for host tests of what lies above: requests
 * end later, in an order by chance, and each write and flush is remembered, so that a test can make
 * the medium that a loss of power at any moment would leave. */
#ifndef FAKE_DISK_FAKE_H
#define FAKE_DISK_FAKE_H

#include <dom0/block/block.h>

struct disk_event {
	u64 sector, count; /* count 0: a flush had ended, of the events before number `sector` */
	u8 *data;
};

struct fake_disk {
	struct block_device device; /* first */
	struct fake_disk *next;
	const char *name;
	u8 *data;
	struct disk_event *events;
	unsigned int event_count, event_room;
	bool record;
	unsigned int reads, writes, flushes, discards;
	u64 bytes_read, bytes_written;
	bool fail_writes, fail_reads;
	unsigned int uses, write_uses;
};

extern char fake_log[8192];
extern unsigned int fake_seed;
unsigned int fake_random(void);

struct fake_disk *fake_disk_new(const char *name, u64 bytes);
void fake_disk_free(struct fake_disk *d);
/* What may be on the medium if power is lost when `events` of the recorded events had been: flushed
 * writes are there, of others some, in part, by chance. base: the data when recording began. */
void fake_disk_crash(const struct fake_disk *d, const u8 *base, unsigned int events, u8 *medium);
void fake_disk_forget(struct fake_disk *d);

/* Runs fn in a fiber and turns the loop until it ends. */
void fake_run(void (*fn)(void *ctx), void *ctx);
/* One turn: fibers that may go on do, a request ends. false: there was nothing to do. */
bool fake_turn(void);
/* How BLOCK_FILE is opened; a test that links file systems sets them. */
extern struct block_device *(*fake_file_open)(const char *name, bool write, const char *holder,
					      char why[BLOCK_WHY_MAX]);
extern void (*fake_file_close)(struct block_device *dev);
/* One operation on any device, as a guest's back end does it; from a fiber. */
enum block_status fake_io(struct block_device *dev, enum block_op op, u64 sector, void *data,
			  u64 sectors);

#endif
