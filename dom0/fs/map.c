/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a file's blocks lie: a bounded number of runs in memory, asked of libext2fs when needed. */
#include <dom0/fs/fs_internal.h>

#include <stdlib.h>
#include <string.h>

#define LOOK_AHEAD 256u /* blocks of a file without extents that are looked up at a time */

/* The index of the first run that ends behind lblk. */
static unsigned int place_in(const struct fs_file *f, u64 lblk)
{
	unsigned int low = 0, high = f->map_count;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if ((u64)f->map[mid].lblk + f->map[mid].count <= lblk)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct fs_run *fs_map_find(const struct fs_file *f, u64 lblk)
{
	unsigned int i = place_in(f, lblk);

	return i < f->map_count && f->map[i].lblk <= lblk ? &f->map[i] : NULL;
}

void fs_map_forget(struct fs_file *f)
{
	f->map_count = 0;
}

static bool continues(const struct fs_run *a, const struct fs_run *b)
{
	return (u64)a->lblk + a->count == b->lblk && a->unwritten == b->unwritten &&
	       (a->pblk ? b->pblk == a->pblk + a->count : b->pblk == 0);
}

static errcode_t grow(struct fs_file *f, unsigned int more)
{
	unsigned int room = f->map_room ? f->map_room * 2 : 64;
	struct fs_run *map;

	if (f->map_count + more <= f->map_room)
		return 0;
	if (room > FS_MAP_MAX) {
		f->map_count = 0; /* what is needed again is loaded again */
		return 0;
	}
	map = realloc(f->map, room * sizeof(*map));
	if (!map)
		return EXT2_ET_NO_MEMORY;
	f->map = map;
	f->map_room = room;
	return 0;
}

/* Takes [lblk, lblk + count) out of the map. */
static errcode_t cut_out(struct fs_file *f, u64 lblk, u64 count)
{
	unsigned int i = place_in(f, lblk);
	u64 end = lblk + count;
	errcode_t err = grow(f, 2);

	if (err)
		return err;
	while (i < f->map_count && f->map[i].lblk < end) {
		struct fs_run *r = &f->map[i];
		u64 run_end = (u64)r->lblk + r->count;
		struct fs_run tail = *r;

		tail.lblk = (u32)end;
		tail.count = run_end > end ? (u32)(run_end - end) : 0;
		if (tail.pblk)
			tail.pblk += end - r->lblk;
		if (r->lblk < lblk) {
			r->count = (u32)(lblk - r->lblk);
			r = &f->map[++i];
			if (!tail.count)
				continue;
			memmove(r + 1, r, (f->map_count++ - i) * sizeof(*r));
			*r = tail;
			break;
		}
		if (tail.count) {
			*r = tail;
			break;
		}
		memmove(r, r + 1, (--f->map_count - i) * sizeof(*r));
	}
	return 0;
}

static errcode_t put(struct fs_file *f, const struct fs_run *run)
{
	errcode_t err = cut_out(f, run->lblk, run->count);
	unsigned int i;

	if (!err)
		err = grow(f, 1);
	if (err)
		return err;
	i = place_in(f, run->lblk);
	if (i > 0 && continues(&f->map[i - 1], run)) {
		f->map[i - 1].count += run->count;
		return 0;
	}
	memmove(&f->map[i + 1], &f->map[i], (f->map_count++ - i) * sizeof(*run));
	f->map[i] = *run;
	return 0;
}

static struct ext2_inode *inode_of(struct fs_file *f)
{
	return (struct ext2_inode *)&f->inode;
}

static u64 file_blocks(const struct fs_file *f)
{
	return (f->device.sectors + f->block_sectors - 1) / f->block_sectors;
}

/* The run around lblk, or the hole up to the next one, from an extent tree. */
static errcode_t extent_at(struct fs_file *f, u64 lblk, struct fs_run *run)
{
	struct ext2fs_extent e = {0};
	ext2_extent_handle_t handle;
	u64 hole_end = file_blocks(f);
	errcode_t err = ext2fs_extent_open2(f->fs->e2, f->ino, inode_of(f), &handle);

	if (err)
		return err;
	err = ext2fs_extent_goto(handle, lblk);
	if (!err)
		err = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &e);
	if (!err && lblk >= e.e_lblk && lblk - e.e_lblk < e.e_len) {
		*run = (struct fs_run){.lblk = (u32)e.e_lblk,
				       .count = e.e_len,
				       .pblk = e.e_pblk,
				       .unwritten = e.e_flags & EXT2_EXTENT_FLAGS_UNINIT};
		ext2fs_extent_free(handle);
		return 0;
	}
	/* In a hole the handle stands at the run before it, or, if there is none, at the first. */
	if (err == EXT2_ET_EXTENT_NOT_FOUND)
		err = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &e);
	while (!err && ((e.e_flags & EXT2_EXTENT_FLAGS_LEAF) == 0 || e.e_lblk <= lblk))
		err = ext2fs_extent_get(handle, EXT2_EXTENT_NEXT_LEAF, &e);
	ext2fs_extent_free(handle);
	if (!err)
		hole_end = min_u64(hole_end, e.e_lblk);
	else if (err != EXT2_ET_EXTENT_NO_NEXT && err != EXT2_ET_NO_CURRENT_NODE)
		return err;
	if (hole_end <= lblk)
		return EXT2_ET_EXTENT_INVALID_LENGTH;
	*run = (struct fs_run){.lblk = (u32)lblk, .count = (u32)(hole_end - lblk)};
	return 0;
}

/* The same from a tree of single blocks. */
static errcode_t blocks_at(struct fs_file *f, u64 lblk, struct fs_run *run)
{
	u64 end = min_u64(lblk + LOOK_AHEAD, file_blocks(f));

	*run = (struct fs_run){.lblk = (u32)lblk};
	for (u64 b = lblk; b < end; b++) {
		blk64_t place = 0;
		errcode_t err =
			ext2fs_bmap2(f->fs->e2, f->ino, inode_of(f), NULL, 0, b, NULL, &place);
		struct fs_run next = {.lblk = (u32)b, .pblk = place};

		if (err)
			return err;
		if (b == lblk)
			run->pblk = place;
		else if (!continues(run, &next))
			break;
		run->count++;
	}
	return 0;
}

/* What is on the medium may lie. */
static bool plausible(const struct fs_file *f, const struct fs_run *run)
{
	const struct ext2_super_block *s = f->fs->e2->super;
	u64 blocks = ext2fs_blocks_count(f->fs->e2->super);

	if (!run->pblk)
		return run->count != 0;
	return run->count && run->pblk > s->s_first_data_block && run->pblk < blocks &&
	       run->count <= blocks - run->pblk;
}

errcode_t fs_map_load(struct fs_file *f, u64 lblk)
{
	struct fs_run run;
	errcode_t err;

	if (lblk >= file_blocks(f))
		return EXT2_ET_FILE_TOO_BIG;
	if (f->inode.i_flags & EXT4_EXTENTS_FL)
		err = extent_at(f, lblk, &run);
	else
		err = blocks_at(f, lblk, &run);
	if (err)
		return err;
	if (!plausible(f, &run))
		return EXT2_ET_EXTENT_INVALID_LENGTH;
	return put(f, &run);
}

/* Blocks of a file without extents cannot be marked as unwritten. */
static errcode_t zero_block(struct fs_file *f, u64 place)
{
	static u8 zeroes[EXT2_MAX_BLOCK_SIZE / 16];
	u32 bytes = f->fs->e2->blocksize;

	return io_block_error(
		block_io(f->fs->use, BLOCK_WRITE, place * (bytes / BLOCK_SECTOR), zeroes, bytes));
}

errcode_t fs_map_allocate(struct fs_file *f, u64 lblk, u32 count, struct fs_run *run)
{
	errcode_t err = 0;

	*run = (struct fs_run){.lblk = (u32)lblk, .unwritten = true};
	f->fs->uncommitted = true;
	while (run->count < count) {
		blk64_t place = 0;

		err = ext2fs_bmap2(f->fs->e2, f->ino, inode_of(f), NULL, BMAP_ALLOC | BMAP_UNINIT,
				   lblk + run->count, NULL, &place);
		if (err)
			break;
		/* libext2fs zeroes a new block in the cache; its content goes another way. */
		io_block_forget(&f->fs->io, place, 1);
		if (run->count && place != run->pblk + run->count) {
			/* It stands in the tree: the next call finds it. */
			if (!(f->inode.i_flags & EXT4_EXTENTS_FL))
				err = zero_block(f, place);
			return err;
		}
		if (!run->count)
			run->pblk = place;
		run->count++;
	}
	return run->count ? 0 : err;
}

errcode_t fs_map_written(struct fs_file *f, const struct fs_run *run)
{
	struct fs_run written = *run;
	ext2_extent_handle_t handle;
	errcode_t err = 0;

	written.unwritten = false;
	if (f->inode.i_flags & EXT4_EXTENTS_FL) {
		err = ext2fs_extent_open2(f->fs->e2, f->ino, inode_of(f), &handle);
		for (u32 i = 0; !err && i < run->count; i++)
			err = ext2fs_extent_set_bmap(handle, run->lblk + i, run->pblk + i, 0);
		ext2fs_extent_free(handle);
		if (!err)
			err = ext2fs_read_inode(f->fs->e2, f->ino, inode_of(f));
	}
	return err ? err : put(f, &written);
}
