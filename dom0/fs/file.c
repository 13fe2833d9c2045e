/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, making and closing files that are disk images. */
#include <dom0/fs/fs_internal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/loop/loop.h>

#define QUEUE_DEPTH 32u

static int say(char why[BLOCK_WHY_MAX], const char *name, const char *what)
{
	snprintf(why, BLOCK_WHY_MAX, "%.150s: %.90s", name, what);
	return -1;
}

static int find_inode(struct fs *fs, const char *name, const char *path, ext2_ino_t *ino,
		      struct ext2_inode_large *inode, char why[BLOCK_WHY_MAX])
{
	errcode_t err = ext2fs_namei_follow(fs->e2, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ino);

	if (!err)
		err = ext2fs_read_inode_full(fs->e2, *ino, (struct ext2_inode *)inode,
					     sizeof(*inode));
	if (err == EXT2_ET_FILE_NOT_FOUND) {
		(void)say(why, name, "there is no such file");
		return 1;
	}
	return err ? say(why, name, error_message(err)) : 0;
}

/* What kind of inode cannot be a disk; NULL: it can. */
static const char *unfit(const struct ext2_inode_large *inode, bool write)
{
	if (LINUX_S_ISDIR(inode->i_mode))
		return "is a folder";
	if (!LINUX_S_ISREG(inode->i_mode))
		return "is not a regular file";
	if (inode->i_flags & EXT4_ENCRYPT_FL)
		return "is encrypted";
	if (inode->i_flags & EXT4_INLINE_DATA_FL)
		return "is so small that it lies in its inode (inline_data)";
	if (inode->i_flags & EXT2_COMPR_FL)
		return "is compressed";
	if (write && inode->i_flags & EXT4_VERITY_FL)
		return "is sealed (verity)";
	if (write && inode->i_flags & (EXT2_IMMUTABLE_FL | EXT2_APPEND_FL))
		return "must not be changed (immutable or append-only)";
	return NULL;
}

static int may_open(const struct fs *fs, ext2_ino_t ino, bool write, const char *name,
		    char why[BLOCK_WHY_MAX])
{
	for (const struct fs_file *f = fs->files; f; f = f->next) {
		if (f->ino != ino || (!write && !f->write))
			continue;
		snprintf(why, BLOCK_WHY_MAX, "%.120s is in use by %.60s%s", name, f->holder,
			 f->write ? " for writing" : "");
		return -1;
	}
	return 0;
}

/* Whether some of its blocks have no place or no content. */
static bool is_sparse(struct fs_file *f)
{
	u64 blocks = (f->device.sectors + f->block_sectors - 1) / f->block_sectors;
	u64 here = 0;
	struct ext2fs_extent e;
	ext2_extent_handle_t handle;
	errcode_t err;

	if (!(f->inode.i_flags & EXT4_EXTENTS_FL)) /* those for its tree are counted as well */
		return ext2fs_get_stat_i_blocks(f->fs->e2, (struct ext2_inode *)&f->inode) <
		       blocks * f->block_sectors + (blocks > 12 ? f->block_sectors : 0);
	if (ext2fs_extent_open2(f->fs->e2, f->ino, (struct ext2_inode *)&f->inode, &handle))
		return true;
	err = ext2fs_extent_get(handle, EXT2_EXTENT_ROOT, &e);
	while (!err) {
		if (e.e_flags & EXT2_EXTENT_FLAGS_LEAF && !(e.e_flags & EXT2_EXTENT_FLAGS_UNINIT) &&
		    e.e_lblk < blocks)
			here += min_u64(e.e_len, blocks - e.e_lblk);
		err = ext2fs_extent_get(handle, EXT2_EXTENT_NEXT_LEAF, &e);
	}
	ext2fs_extent_free(handle);
	return here < blocks;
}

static void describe(struct fs_file *f)
{
	const struct block_device *below = block_device_of(f->fs->use);
	u64 bytes = EXT2_I_SIZE(&f->inode);
	bool sparse;

	f->block_sectors = f->fs->e2->blocksize / BLOCK_SECTOR;
	f->device = (struct block_device){
		.ops = &fs_file_ops,
		.owner = f,
		.sectors = bytes / below->sector_size * (below->sector_size / BLOCK_SECTOR),
		.sector_size = below->sector_size,
		.physical_sector_size =
			(u32)max_u64(below->physical_sector_size, f->fs->e2->blocksize),
		.read_only = !f->write,
		.write_cache = f->write,
		.max_segments = FS_PART_SEGMENTS - 1,
		.max_bytes = FS_MAX_BYTES,
		.max_segment = FS_MAX_BYTES,
		.address_limit = ~0ull,
		.queue_depth = QUEUE_DEPTH,
	};
	sparse = is_sparse(f);
	f->device.needs_cpu = sparse || below->needs_cpu;
	/* A file without holes was made so on purpose, and stays so. */
	f->device.discard = f->write && sparse;
	f->device.discard_granularity = f->fs->e2->blocksize;
	snprintf(f->device.model, sizeof(f->device.model), "file");
	if (bytes % below->sector_size)
		machine_console_line("%s: its last %u bytes are less than a sector and left out",
				     f->name, (unsigned int)(bytes % below->sector_size));
}

static errcode_t touch(struct fs_file *f)
{
	f->inode.i_mtime = f->inode.i_ctime = (u32)loop_wall_seconds();
	f->fs->uncommitted = true;
	return ext2fs_write_inode_full(
		f->fs->e2, f->ino, (struct ext2_inode *)&f->inode,
		(int)min_u64(sizeof(f->inode), EXT2_INODE_SIZE(f->fs->e2->super)));
}

static int prepare(struct fs_file *f, const char *path, char why[BLOCK_WHY_MAX])
{
	const char *no;
	errcode_t err;

	if (find_inode(f->fs, f->name, path, &f->ino, &f->inode, why))
		return -1;
	no = unfit(&f->inode, f->write);
	if (no)
		return say(why, f->name, no);
	if (may_open(f->fs, f->ino, f->write, f->name, why))
		return -1;
	if (f->write && fs_begin_writing(f->fs, why))
		return -1;
	if (!fs_worker_start(f->fs) || !fs_data_init(f))
		return say(why, f->name, "out of memory");
	describe(f);
	if (f->device.sectors == 0) {
		fs_data_end(f);
		return say(why, f->name, "is empty");
	}
	err = f->write ? touch(f) : 0;
	if (err) {
		fs_data_end(f);
		return say(why, f->name, error_message(err));
	}
	f->next = f->fs->files;
	f->fs->files = f;
	return 0;
}

static struct fs *mount_of(const char *name, const char **path, char why[BLOCK_WHY_MAX])
{
	char device[128];

	if (!fs_split_name(name, device, path)) {
		snprintf(why, BLOCK_WHY_MAX, "%.150s is not of the form /DEVICE/PATH", name);
		return NULL;
	}
	return fs_mount(device, why);
}

struct block_device *fs_file_open(const char *name, bool write, const char *holder,
				  char why[BLOCK_WHY_MAX])
{
	struct fs_file *f = calloc(1, sizeof(*f));
	const char *path;
	int err;

	if (!f) {
		(void)say(why, name, "out of memory");
		return NULL;
	}
	f->fs = mount_of(name, &path, why);
	if (!f->fs) {
		free(f);
		return NULL;
	}
	f->write = write;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->holder, sizeof(f->holder), "%s", holder);
	fs_lock(f->fs);
	err = prepare(f, path, why);
	fs_unlock(f->fs);
	if (!err)
		return &f->device;
	fs_release(f->fs);
	free(f);
	return NULL;
}

/* What cannot grow; NULL: it can. */
static const char *ungrowable(const struct fs_file *f, u64 bytes)
{
	if (!f->write)
		return "is open for reading only";
	if (bytes % f->fs->e2->blocksize)
		return "grows by whole blocks of its file system only";
	if (bytes < EXT2_I_SIZE(&f->inode))
		return "cannot shrink";
	/* Holes are filled by the CPU, which its user has not made ready for. */
	if (!f->device.needs_cpu)
		return "has no holes, and cannot get one while it is open";
	return NULL;
}

int fs_file_grow(struct block_device *dev, u64 bytes, char why[BLOCK_WHY_MAX])
{
	struct fs_file *f = (struct fs_file *)dev;
	errcode_t err = 0;
	const char *no;

	fs_lock(f->fs);
	no = ungrowable(f, bytes);
	if (!no) {
		err = ext2fs_inode_size_set(f->fs->e2, (struct ext2_inode *)&f->inode, (s64)bytes);
		if (!err)
			err = touch(f);
		if (!err)
			err = fs_commit(f->fs);
		no = err ? error_message(err) : NULL;
	}
	if (!no)
		f->device.sectors = bytes / BLOCK_SECTOR;
	fs_unlock(f->fs);
	return no ? say(why, f->name, no) : 0;
}

void fs_file_close(struct block_device *dev)
{
	struct fs_file *f = (struct fs_file *)dev;
	struct fs *fs = f->fs;

	fs_lock(fs);
	if (f->write && !fs->broken && fs_commit(fs))
		machine_console_line("%s: what was written last is lost", f->name);
	for (struct fs_file **l = &fs->files; *l; l = &(*l)->next)
		if (*l == f) {
			*l = f->next;
			break;
		}
	fs_data_end(f);
	free(f);
	fs_unlock(fs);
	fs_release(fs);
}

/* --- making one --- */

static errcode_t write_new_inode(struct fs *fs, ext2_ino_t ino, u64 bytes)
{
	struct ext2_inode inode = {.i_mode = LINUX_S_IFREG | 0600, .i_links_count = 1};
	ext2_extent_handle_t handle;
	u32 now = (u32)loop_wall_seconds();
	errcode_t err;

	inode.i_atime = inode.i_ctime = inode.i_mtime = now;
	err = ext2fs_inode_size_set(fs->e2, &inode, (s64)bytes);
	if (!err && ext2fs_has_feature_extents(fs->e2->super)) {
		inode.i_flags |= EXT4_EXTENTS_FL;
		err = ext2fs_extent_open2(fs->e2, ino, &inode, &handle);
		if (!err)
			ext2fs_extent_free(handle); /* it made an empty tree's head in inode */
	}
	return err ? err : ext2fs_write_new_inode(fs->e2, ino, &inode);
}

/* A folder that is full grows by a block. */
static errcode_t link_into(struct fs *fs, ext2_ino_t folder, const char *base, ext2_ino_t ino)
{
	errcode_t err = ext2fs_link(fs->e2, folder, base, ino, EXT2_FT_REG_FILE);

	if (err != EXT2_ET_DIR_NO_SPACE)
		return err;
	err = ext2fs_expand_dir(fs->e2, folder);
	return err ? err : ext2fs_link(fs->e2, folder, base, ino, EXT2_FT_REG_FILE);
}

static errcode_t write_inode_bitmap(struct fs *fs, ext2_ino_t ino)
{
	ext2_filsys e2 = fs->e2;
	dgrp_t group = (dgrp_t)ext2fs_group_of_ino(e2, ino);
	u32 bits = EXT2_INODES_PER_GROUP(e2->super);
	u64 place = ext2fs_inode_bitmap_loc(e2, group);
	char *buffer = malloc(e2->blocksize);
	errcode_t err;

	if (!buffer)
		return EXT2_ET_NO_MEMORY;
	memset(buffer, 0xFF, e2->blocksize);
	err = ext2fs_get_inode_bitmap_range2(e2->inode_map, 1 + (u64)group * bits, bits, buffer);
	if (!err)
		err = ext2fs_inode_bitmap_csum_set(e2, group, buffer, (int)((bits + 7) / 8));
	if (!err)
		err = io_channel_write_blk64(e2->io, place, 1, buffer);
	io_block_rank(&fs->io, place, IO_FRESH);
	fs->dirty_groups[group / 8] |= (u8)(1u << group % 8);
	free(buffer);
	return err;
}

static errcode_t create(struct fs *fs, const char *folder_name, const char *base, u64 bytes)
{
	ext2_ino_t folder, ino;
	errcode_t err =
		ext2fs_namei_follow(fs->e2, EXT2_ROOT_INO, EXT2_ROOT_INO, folder_name, &folder);

	if (!err && !fs->e2->inode_map)
		err = ext2fs_read_inode_bitmap(fs->e2);
	if (!err)
		err = ext2fs_new_inode(fs->e2, folder, LINUX_S_IFREG, NULL, &ino);
	if (err)
		return err;
	fs->uncommitted = true;
	ext2fs_inode_alloc_stats2(fs->e2, ino, 1, 0);
	err = write_inode_bitmap(fs, ino);
	if (!err)
		err = write_new_inode(fs, ino, bytes);
	if (!err)
		err = link_into(fs, folder, base, ino);
	return err ? err : fs_commit(fs);
}

static int create_locked(struct fs *fs, const char *name, const char *path, u64 bytes,
			 char why[BLOCK_WHY_MAX])
{
	const char *base = strrchr(path, '/') + 1;
	char folder[256];
	struct ext2_inode_large inode;
	ext2_ino_t ino;
	errcode_t err;
	int found = find_inode(fs, name, path, &ino, &inode, why);

	if (found == 0)
		return say(why, name, "is there already");
	if (found < 0)
		return -1;
	if ((size_t)(base - path) >= sizeof(folder) || strlen(base) > EXT2_NAME_LEN || !*base)
		return say(why, name, "is too long a name, or none");
	if (fs_begin_writing(fs, why))
		return -1;
	snprintf(folder, sizeof(folder), "%.*s", (int)(base - path), path);
	err = create(fs, folder, base, bytes);
	return err ? say(why, name, error_message(err)) : 0;
}

int fs_create(const char *name, u64 bytes, char why[BLOCK_WHY_MAX])
{
	const char *path;
	struct fs *fs = mount_of(name, &path, why);
	int err;

	if (!fs)
		return -1;
	fs_lock(fs);
	err = create_locked(fs, name, path, bytes, why);
	fs_unlock(fs);
	fs_release(fs);
	return err;
}

/* --- reading --- */

int fs_stat(const char *name, struct fs_stat *st, char why[BLOCK_WHY_MAX])
{
	struct ext2_inode_large inode;
	const char *path;
	ext2_ino_t ino;
	struct fs *fs = mount_of(name, &path, why);
	int err;

	if (!fs)
		return -1;
	fs_lock(fs);
	err = find_inode(fs, name, path, &ino, &inode, why);
	if (!err) {
		*st = (struct fs_stat){.bytes = EXT2_I_SIZE(&inode),
				       .modified = inode.i_mtime,
				       .inode = ino,
				       .generation = inode.i_generation,
				       .directory = LINUX_S_ISDIR(inode.i_mode)};
		memcpy(st->uuid, fs->e2->super->s_uuid, sizeof(st->uuid));
	}
	fs_unlock(fs);
	fs_release(fs);
	return err;
}
