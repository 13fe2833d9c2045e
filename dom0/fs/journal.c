/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing to an ext file system's own journal, so that Linux, e2fsck and our next mount replay what
 * had not reached its place. The format is that of Linux's jbd2 (its documentation: "Journal
 * (jbd2)" in "ext4 Data Structures and Algorithms"), without checksums and for 32-bit block
 * numbers: each transaction is a descriptor, copies of blocks, and a commit block after a flush.
 * The log is used from its beginning; when it is full, all is in its place, and it begins anew. */
#include <dom0/fs/fs_internal.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/loop/loop.h>

#define JOURNAL_MAGIC 0xC03B3998u

enum { DESCRIPTOR = 1, COMMIT = 2, SUPER_V1 = 3, SUPER_V2 = 4 };
enum { TAG_ESCAPED = 1, TAG_SAME_UUID = 2, TAG_LAST = 8 };
#define FEATURE_REVOKE 1u

/* All big-endian. */
struct journal_header {
	u32 magic, type, sequence;
};
struct journal_super {
	struct journal_header header;
	u32 block_bytes, blocks, first;
	u32 sequence, start;
	u32 error;
	u32 compat, incompat, ro_compat;
	u8 uuid[16];
	u32 users, dynamic_super, max_transaction, max_data;
	u8 checksum_type, reserved1[3];
	u32 fast_commit_blocks, head, reserved2[40];
	u32 checksum;
};
_Static_assert(offsetof(struct journal_super, checksum) == 0xFC, "jbd2's superblock");
struct journal_tag {
	u32 block;
	u16 checksum, flags;
};
struct journal_commit {
	struct journal_header header;
	u8 checksum_type, checksum_size, reserved[2];
	u32 checksum[8];
	u64 seconds;
	u32 nanoseconds;
};

static u32 be32(u32 v)
{
	return __builtin_bswap32(v);
}

static u64 place_of(const struct fs_journal *j, u32 block)
{
	for (unsigned int i = 0; i < j->run_count; i++)
		if (block - j->runs[i].lblk < j->runs[i].count)
			return j->runs[i].pblk + (block - j->runs[i].lblk);
	return 0;
}

/* Past the cache: the log is only read after a crash. */
static errcode_t log_write(struct fs *fs, u32 block, void *data)
{
	u64 place = place_of(&fs->journal, block);
	u32 bytes = fs->e2->blocksize;
	enum block_status s;

	if (!place)
		return EXT2_ET_CORRUPT_JOURNAL_SB;
	s = block_io(fs->use, BLOCK_WRITE, place * (bytes / BLOCK_SECTOR), data, bytes);
	return s == BLOCK_OK ? 0 : EXT2_ET_SHORT_WRITE;
}

static errcode_t write_journal_super(struct fs *fs, u32 start)
{
	struct journal_super *js = (struct journal_super *)fs->journal.super;

	js->sequence = be32(fs->journal.sequence);
	js->start = be32(start);
	return log_write(fs, 0, js);
}

static errcode_t map_log(struct fs *fs, u32 blocks)
{
	struct fs_journal *j = &fs->journal;

	j->run_count = 0;
	for (u32 b = 0; b < blocks; b++) {
		struct fs_run *last = j->run_count ? &j->runs[j->run_count - 1] : NULL;
		blk64_t place = 0;
		errcode_t err = ext2fs_bmap2(fs->e2, fs->e2->super->s_journal_inum, NULL, NULL, 0,
					     b, NULL, &place);

		if (err)
			return err;
		if (!place)
			return EXT2_ET_CORRUPT_JOURNAL_SB;
		if (last && last->pblk + last->count == place) {
			last->count++;
			continue;
		}
		if (j->run_count == FS_LOG_RUNS) {
			j->end = b; /* what is mapped is enough */
			return 0;
		}
		j->runs[j->run_count++] = (struct fs_run){.lblk = b, .count = 1, .pblk = place};
	}
	j->end = blocks;
	return 0;
}

static errcode_t read_super(struct fs *fs)
{
	struct fs_journal *j = &fs->journal;
	u32 bytes = fs->e2->blocksize;
	struct journal_super *js;
	u32 type;
	errcode_t err = map_log(fs, 1);

	if (err)
		return err;
	j->super = calloc(1, bytes);
	if (!j->super)
		return EXT2_ET_NO_MEMORY;
	err = io_block_error(block_io(fs->use, BLOCK_READ, j->runs[0].pblk * (bytes / BLOCK_SECTOR),
				      j->super, bytes));
	if (err)
		return err;
	js = (struct journal_super *)j->super;
	type = be32(js->header.type);
	if (js->header.magic != be32(JOURNAL_MAGIC) || (type != SUPER_V1 && type != SUPER_V2) ||
	    js->block_bytes != be32(bytes) || js->start != 0)
		return EXT2_ET_CORRUPT_JOURNAL_SB;
	j->sequence = be32(js->sequence);
	j->first = be32(js->first);
	return map_log(fs, (u32)min_u64(be32(js->blocks), FS_LOG_BLOCKS));
}

int fs_journal_open(struct fs *fs, char why[BLOCK_WHY_MAX])
{
	struct fs_journal *j = &fs->journal;
	struct journal_super *js;
	errcode_t err;

	if (!ext2fs_has_feature_journal(fs->e2->super))
		return 0;
	err = read_super(fs);
	if (!err && (j->first == 0 || j->end < j->first + 256))
		err = EXT2_ET_JOURNAL_TOO_SMALL;
	if (err) {
		snprintf(why, BLOCK_WHY_MAX, "the journal of %s cannot be used: %s", fs->device,
			 error_message(err));
		fs_journal_close(fs);
		return -1;
	}
	/* An empty journal may change its format; Linux does so at its next mount. */
	js = (struct journal_super *)j->super;
	js->header.type = be32(SUPER_V2);
	js->incompat = be32(FEATURE_REVOKE);
	js->compat = js->ro_compat = 0;
	js->checksum = 0;
	js->checksum_type = 0;
	js->fast_commit_blocks = 0;
	memcpy(j->uuid, js->uuid, sizeof(j->uuid));
	j->head = j->first;
	j->present = true;
	return 0;
}

errcode_t fs_journal_empty(struct fs *fs, bool last)
{
	struct fs_journal *j = &fs->journal;
	errcode_t err = io_block_flush(&fs->io);

	if (err)
		return err;
	j->head = j->first;
	err = write_journal_super(fs, last ? 0 : j->first);
	return err ? err : io_block_flush(&fs->io);
}

static void make_header(void *block, u32 bytes, u32 type, u32 sequence)
{
	struct journal_header h = {be32(JOURNAL_MAGIC), be32(type), be32(sequence)};

	memset(block, 0, bytes);
	memcpy(block, &h, sizeof(h));
}

/* One copy, with the magic that would make it look like a header taken out. */
static errcode_t log_copy(struct fs *fs, u32 block, const struct io_entry *e, u8 *copy, u16 *flags)
{
	u32 bytes = fs->e2->blocksize, magic = be32(JOURNAL_MAGIC);

	if (memcmp(e->data, &magic, sizeof(magic)) != 0)
		return log_write(fs, block, e->data);
	*flags |= TAG_ESCAPED;
	memcpy(copy, e->data, bytes);
	memset(copy, 0, sizeof(magic));
	return log_write(fs, block, copy);
}

static unsigned int tags_of_descriptor(const struct fs *fs)
{
	return (unsigned int)((fs->e2->blocksize - sizeof(struct journal_header) - 16) /
			      sizeof(struct journal_tag));
}

static struct io_entry *next_dirty(struct io_entry *e)
{
	while (e && !e->dirty)
		e = e->next;
	return e;
}

/* A descriptor and the blocks that it names; *e moves on. */
static errcode_t log_descriptor(struct fs *fs, struct io_entry **e, u8 *block, u8 *copy)
{
	struct fs_journal *j = &fs->journal;
	u32 descriptor = j->head++;
	u8 *at = block + sizeof(struct journal_header);
	unsigned int room = tags_of_descriptor(fs);

	make_header(block, fs->e2->blocksize, DESCRIPTOR, j->sequence);
	for (unsigned int i = 0; *e && i < room; i++) {
		struct io_entry *next = next_dirty((*e)->next);
		struct journal_tag tag = {.block = be32((u32)(*e)->unit)};
		u16 flags = i ? TAG_SAME_UUID : 0;
		errcode_t err = log_copy(fs, j->head++, *e, copy, &flags);

		if (err)
			return err;
		if (!next || i + 1 == room)
			flags |= TAG_LAST;
		tag.flags = __builtin_bswap16(flags);
		memcpy(at, &tag, sizeof(tag));
		at += sizeof(tag);
		if (i == 0) {
			memcpy(at, j->uuid, sizeof(j->uuid));
			at += sizeof(j->uuid);
		}
		*e = next;
	}
	return log_write(fs, descriptor, block);
}

static errcode_t log_commit(struct fs *fs, u8 *block)
{
	struct fs_journal *j = &fs->journal;
	struct journal_commit *c = (struct journal_commit *)block;
	errcode_t err;

	make_header(block, fs->e2->blocksize, COMMIT, j->sequence);
	c->seconds = __builtin_bswap64(loop_wall_seconds());
	/* Also the data that the transaction leads to. */
	err = io_block_flush(&fs->io);
	if (!err)
		err = log_write(fs, j->head++, block);
	if (!err)
		err = io_block_flush(&fs->io);
	j->sequence++;
	return err;
}

errcode_t fs_journal_commit(struct fs *fs)
{
	struct fs_journal *j = &fs->journal;
	struct io_entry *e = next_dirty(fs->io.entries);
	u32 need = fs->io.dirty + fs->io.dirty / tags_of_descriptor(fs) + 2;
	u8 *block;
	errcode_t err = 0;

	if (!e)
		return io_block_flush(&fs->io);
	if (need > j->end - j->first)
		return EXT2_ET_JOURNAL_TOO_SMALL;
	if (need > j->end - j->head)
		err = fs_journal_empty(fs, false);
	if (err)
		return err;
	block = malloc(2 * (size_t)fs->e2->blocksize);
	if (!block)
		return EXT2_ET_NO_MEMORY;
	while (!err && e)
		err = log_descriptor(fs, &e, block, block + fs->e2->blocksize);
	if (!err)
		err = log_commit(fs, block);
	free(block);
	return err;
}

void fs_journal_close(struct fs *fs)
{
	free(fs->journal.super);
	fs->journal.super = NULL;
	fs->journal.present = false;
}
