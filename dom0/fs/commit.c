/* SPDX-License-Identifier: BSD-2-Clause */
/* From changes in memory to changes on the medium, so that at each instant what was committed
 * before can be read: through the journal if there is one, else in an order of writing. */
#include <dom0/fs/fs_internal.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/loop/loop.h>

static struct fs *fs_of(ext2_filsys e2)
{
	return e2->priv_data;
}

/* libext2fs calls it when a block was allocated or freed. */
static void block_changed(ext2_filsys e2, blk64_t block, int in_use)
{
	struct fs *fs = fs_of(e2);
	dgrp_t group = (dgrp_t)ext2fs_group_of_blk2(e2, block);

	fs->dirty_groups[group / 8] |= (u8)(1u << group % 8);
	fs->uncommitted = true;
	if (in_use > 0) {
		io_block_rank(&fs->io, block, IO_FRESH);
	} else {
		fs->freeing = true;
		io_block_forget(&fs->io, block, 1);
	}
}

errcode_t fs_track(struct fs *fs)
{
	errcode_t err = 0;

	if (fs->dirty_groups)
		return 0;
	fs->dirty_groups = calloc(1, (fs->e2->group_desc_count + 7) / 8);
	if (!fs->dirty_groups)
		return EXT2_ET_NO_MEMORY;
	fs->e2->priv_data = fs;
	if (!fs->e2->block_map)
		err = ext2fs_read_block_bitmap(fs->e2);
	ext2fs_set_block_alloc_stats_callback(fs->e2, block_changed, NULL);
	return err;
}

static bool group_dirty(const struct fs *fs, dgrp_t group)
{
	return fs->dirty_groups && (fs->dirty_groups[group / 8] & 1u << group % 8);
}

static enum io_rank bitmap_rank(const struct fs *fs)
{
	return fs->freeing ? IO_LATE : IO_FRESH;
}

/* The padding behind the last block of the last group is all ones. */
static void pad_last(ext2_filsys e2, dgrp_t group, char *bitmap)
{
	u64 in_last = (ext2fs_blocks_count(e2->super) - e2->super->s_first_data_block) %
		      EXT2_BLOCKS_PER_GROUP(e2->super);

	if (group + 1 != e2->group_desc_count || !in_last)
		return;
	for (u64 i = in_last; i < (u64)e2->blocksize * 8; i++)
		ext2fs_set_bit((unsigned int)i, bitmap);
}

static errcode_t write_bitmap(struct fs *fs, dgrp_t group, char *buffer)
{
	ext2_filsys e2 = fs->e2;
	u32 bits = EXT2_BLOCKS_PER_GROUP(e2->super);
	u64 first = e2->super->s_first_data_block + (u64)group * bits;
	u64 place = ext2fs_block_bitmap_loc(e2, group);
	errcode_t err;

	memset(buffer, 0xFF, e2->blocksize);
	err = ext2fs_get_block_bitmap_range2(e2->block_map, first, bits, buffer);
	if (err)
		return err;
	pad_last(e2, group, buffer);
	err = ext2fs_block_bitmap_csum_set(e2, group, buffer, (int)(bits / 8));
	if (err)
		return err;
	ext2fs_group_desc_csum_set(e2, group);
	err = io_channel_write_blk64(e2->io, place, 1, buffer);
	io_block_rank(&fs->io, place, bitmap_rank(fs));
	return err;
}

/* The block of descriptors that has this group's. */
static errcode_t write_descriptors(struct fs *fs, dgrp_t group)
{
	ext2_filsys e2 = fs->e2;
	u32 index = group / (u32)EXT2_DESC_PER_BLOCK(e2->super);
	u64 place = ext2fs_descriptor_block_loc2(e2, e2->super->s_first_data_block, index);
	const char *from = (const char *)e2->group_desc + (size_t)index * e2->blocksize;
	errcode_t err = io_channel_write_blk64(e2->io, place, 1, from);

	io_block_rank(&fs->io, place, bitmap_rank(fs));
	return err;
}

static errcode_t write_groups(struct fs *fs)
{
	char *buffer = malloc(fs->e2->blocksize);
	errcode_t err = buffer ? 0 : EXT2_ET_NO_MEMORY;

	for (dgrp_t g = 0; !err && g < fs->e2->group_desc_count; g++) {
		if (!group_dirty(fs, g))
			continue;
		err = write_bitmap(fs, g, buffer);
		if (!err)
			err = write_descriptors(fs, g);
	}
	free(buffer);
	return err;
}

errcode_t fs_write_super(struct fs *fs)
{
	ext2_filsys e2 = fs->e2;
	errcode_t err;

	e2->super->s_wtime = (u32)loop_wall_seconds();
	err = ext2fs_superblock_csum_set(e2, e2->super);
	if (err)
		return err;
	err = io_block_manager->write_byte(e2->io, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, e2->super);
	io_block_rank(&fs->io, SUPERBLOCK_OFFSET / fs->io.unit_bytes, bitmap_rank(fs));
	return err;
}

/* Without a journal: what is new and nothing refers to yet, then what refers to it, then what says
 * that others may have what was given up. */
static errcode_t write_in_order(struct fs *fs)
{
	for (enum io_rank rank = IO_FRESH; rank <= IO_LATE; rank++) {
		errcode_t err = io_block_write_back(&fs->io, rank);

		if (!err && (fs->io.written || rank == IO_FRESH))
			err = io_block_flush(&fs->io);
		if (err)
			return err;
	}
	return 0;
}

static errcode_t commit(struct fs *fs)
{
	errcode_t err;

	fs->e2->now = (time_t)loop_wall_seconds();
	err = write_groups(fs);
	if (!err)
		err = fs_write_super(fs);
	if (err)
		return err;
	if (!fs->journal.present) {
		/* Data first: nothing may lead to what a block had before. */
		err = io_block_flush(&fs->io);
		return err ? err : write_in_order(fs);
	}
	err = fs_journal_commit(fs);
	if (!err)
		err = io_block_write_back(&fs->io, IO_LATE);
	/* A block that was given up may become data, which a replay must not overwrite. */
	if (!err && fs->freeing)
		err = fs_journal_empty(fs, false);
	return err;
}

errcode_t fs_commit(struct fs *fs)
{
	errcode_t err;

	if (fs->broken)
		return EXT2_ET_SHORT_WRITE;
	if (!fs->uncommitted)
		return io_block_flush(&fs->io);
	err = commit(fs);
	if (err) {
		fs->broken = true;
		return err;
	}
	memset(fs->dirty_groups, 0, (fs->e2->group_desc_count + 7) / 8);
	fs->uncommitted = fs->freeing = false;
	return 0;
}
