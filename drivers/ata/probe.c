/* SPDX-License-Identifier: BSD-2-Clause */
/* Which drives are on a channel, and whether they still answer after a reset. */
#include <drivers/ata/channel.h>

#include <string.h>

#define US 1000ull
#define MS (1000 * US)

#define WAIT_RESET    (31000 * MS) /* ATA/ATAPI-6, "Software reset protocol" */
#define WAIT_IDENTIFY (5000 * MS)
#define SRST_TIME     (1 * MS) /* at least 5 us */
#define AFTER_SRST    (3 * MS) /* at least 2 ms */
#define STEP          (1 * MS)
#define NOTHING       0xFFu /* an empty channel's status, and that of a gone controller */
#define FLOATING      0x7Fu /* likewise, where BSY is pulled down */

void ide_drive_name(const struct ide_drive *v, char name[3])
{
	name[0] = v->channel->index ? 's' : 'p';
	name[1] = (char)('0' + v->index);
	name[2] = '\0';
}

static void say(struct ide_drive *v, const char *what)
{
	char name[3];

	ide_drive_name(v, name);
	v->channel->d->ops->log(v->channel->d, "%s: %s", name, what);
}

/* Returns the status, busy or not. */
static u8 wait_ready(struct ide_channel *c, u64 limit)
{
	u64 since = c->d->ops->now(c->d);
	u8 status = ide_alternate(c);

	while ((status & ATA_STATUS_BSY) && status != NOTHING) {
		if (c->d->ops->now(c->d) - since > limit)
			break;
		c->d->ops->sleep(c->d, STEP);
		status = ide_alternate(c);
	}
	return status;
}

static void reset(struct ide_channel *c)
{
	ide_stop_dma(c);
	ide_control(c, CONTROL_SRST | CONTROL_NIEN);
	c->d->ops->sleep(c->d, SRST_TIME);
	ide_control(c, CONTROL_NIEN);
	c->d->ops->sleep(c->d, AFTER_SRST);
	c->selected = 0; /* ATA/ATAPI-6, "Signature and persistence": the first drive is */
	(void)wait_ready(c, WAIT_RESET);
}

/* A command without data, or up to where data can be moved. */
static bool polled_command(struct ide_channel *c, const struct ata_command *command, u8 *status)
{
	ide_write_command(c, command);
	for (unsigned int i = 0; i < 5; i++)
		(void)ide_alternate(c); /* 400 ns until BSY is true */
	*status = wait_ready(c, WAIT_IDENTIFY);
	return *status != 0 && *status != NOTHING &&
	       !(*status & (ATA_STATUS_BSY | ATA_STATUS_ERR | ATA_STATUS_DF));
}

/* What is there: NULL for a disk, "" for nothing, else why it is left alone. */
static const char *identify(struct ide_drive *v, struct ata_identity *id)
{
	static const struct ata_command command = {.opcode = ATA_IDENTIFY_DEVICE};
	struct ide_channel *c = v->channel;
	u16 words[ATA_IDENTIFY_WORDS];
	u8 status;
	u32 signature;

	ide_select(c, v->index);
	status = wait_ready(c, WAIT_RESET);
	if (status == NOTHING || status == FLOATING)
		return "";
	if (status & (ATA_STATUS_BSY | ATA_STATUS_DRQ))
		return "a drive that does not become ready; left alone";
	/* An ATAPI device's status is 0 until its first command, as that of no drive is. */
	signature = ide_read(c, IDE_LBA_MID) | (u32)ide_read(c, IDE_LBA_HIGH) << 8;
	if (signature == SIGNATURE_ATAPI)
		return "an ATAPI device; left alone";
	if (status == 0)
		return "";
	if (!polled_command(c, &command, &status))
		return "";
	if (!(status & ATA_STATUS_DRQ))
		return "";
	ide_move(c, words, sizeof(words), false);
	(void)ide_read(c, IDE_STATUS);
	return ata_identify_parse(words, id);
}

/* The firmware has chosen a mode of transfer; where it has not, the slowest one fits any timing
 * that the controller is set to. */
static bool choose_dma(struct ide_drive *v)
{
	static const struct ata_command command = {
		.opcode = ATA_SET_FEATURES,
		.features = ATA_FEATURE_TRANSFER_MODE,
		.count = ATA_MODE_MULTIWORD_DMA,
	};
	u8 status;
	bool ok;

	if (!v->channel->dma || !v->id.dma)
		return false;
	if (v->id.dma_selected)
		return true;
	ok = polled_command(v->channel, &command, &status);
	(void)ide_read(v->channel, IDE_STATUS);
	return ok;
}

static void describe(struct ide_drive *v)
{
	u32 most = v->dma ? ata_max_bytes(&v->id) : IDE_PIO_BYTES;

	v->disk = (struct block_device){
		.ops = &ide_disk_ops,
		.owner = v,
		.needs_cpu = !v->dma,
		.max_segments = IDE_PRDS,
		.max_bytes = most,
		.max_segment = PRD_MAX_BYTES,
		.segment_boundary = v->dma ? PRD_BOUNDARY : 0,
		.address_limit = v->dma ? 0xFFFFFFFF : ~0ull,
		.queue_depth = 1,
	};
	ata_describe(&v->id, &v->disk);
	/* The list of ranges goes by DMA only. */
	v->disk.discard = v->disk.discard && v->dma;
}

static void add(struct ide_drive *v)
{
	char name[3];

	ide_drive_name(v, name);
	v->dma = choose_dma(v);
	describe(v);
	v->listed = true;
	v->channel->d->ops->log(v->channel->d, "%s: %s, %llu MiB, %s", name, v->id.model,
				(unsigned long long)(v->id.sectors >> 11), v->dma ? "DMA" : "PIO");
	if (v->channel->d->ops->block_add(v->channel->d, &v->disk, name) == 0)
		return;
	v->listed = false;
	ide_fail_all(v, BLOCK_GONE);
	say(v, "nobody takes it; left alone");
}

void ide_drop(struct ide_drive *v, enum block_status status)
{
	bool was = v->listed;

	v->listed = false;
	ide_fail_all(v, status);
	if (was)
		v->channel->d->ops->block_remove(v->channel->d, &v->disk);
}

/* Interrupts again, and requests. */
static void release(struct ide_channel *c)
{
	(void)ide_read(c, IDE_STATUS);
	ide_stop_dma(c);
	ide_control(c, 0);
	c->held = false;
	ide_go_on(c);
}

void ide_probe(struct ide_channel *c)
{
	bool found[IDE_DRIVES] = {false};

	c->held = true;
	ide_control(c, CONTROL_NIEN);
	reset(c);
	for (unsigned int i = 0; i < IDE_DRIVES; i++) {
		struct ide_drive *v = &c->drive[i];
		const char *why = identify(v, &v->id);

		found[i] = !why;
		if (why && *why)
			say(v, why);
	}
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		if (found[i]) {
			ide_select(c, i);
			add(&c->drive[i]);
		}
	release(c);
}

/* Only the drive that was there goes on; what else answers now is a stranger to those who wrote. */
static bool still_there(struct ide_drive *v)
{
	struct ata_identity id;

	if (identify(v, &id))
		return false;
	return ata_same_disk(&id, &v->id) && (!v->dma || choose_dma(v));
}

void ide_recover(struct ide_channel *c)
{
	bool fine[IDE_DRIVES] = {false};

	c->d->ops->log(c->d, "channel %u: %s; status %x, bus master %x; it is reset", c->index,
		       c->late ? "a command takes too long" : "a drive is out of step",
		       ide_alternate(c), bm_read(c, BM_STATUS));
	for (unsigned int tries = 0; tries < IDE_TRIES; tries++) {
		bool all = true;

		reset(c);
		if (tries == 0)
			ide_put_back(c); /* nothing moves its data any more */
		for (unsigned int i = 0; i < IDE_DRIVES; i++) {
			fine[i] = c->drive[i].listed && still_there(&c->drive[i]);
			all = all && (fine[i] || !c->drive[i].listed);
		}
		if (all)
			break;
	}
	for (unsigned int i = 0; i < IDE_DRIVES; i++)
		if (c->drive[i].listed && !fine[i]) {
			say(&c->drive[i], "it does not come back; given up");
			ide_drop(&c->drive[i], BLOCK_GONE);
		}
	release(c);
}
