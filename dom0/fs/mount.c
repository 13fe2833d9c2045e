/* SPDX-License-Identifier: BSD-2-Clause */
/* File systems that are mounted, on demand, and the marks on the medium that say so. */
#include <dom0/fs/fs_internal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dom0/console/machine_console.h>
#include <dom0/loop/loop.h>

static struct fs *mounted;

bool fs_split_name(const char *name, char device[128], const char **path)
{
	const char *slash = name[0] == '/' ? strchr(name + 1, '/') : NULL;
	size_t n = slash ? (size_t)(slash - name - 1) : 0;

	if (n == 0 || n >= 128 || slash[1] == '\0')
		return false;
	memcpy(device, name + 1, n);
	device[n] = '\0';
	*path = slash;
	return true;
}

void fs_lock(struct fs *fs)
{
	struct fs_waiter w = {.fiber = fiber_self()};
	struct fs_waiter **l = &fs->lock_queue;

	if (!fs->locked) {
		fs->locked = true;
		return;
	}
	while (*l)
		l = &(*l)->next;
	*l = &w;
	/* fs_unlock() hands the lock over and takes w out. */
	while (w.fiber)
		fiber_wait();
}

void fs_unlock(struct fs *fs)
{
	struct fs_waiter *w = fs->lock_queue;
	struct fiber *next;

	if (!w) {
		fs->locked = false;
		return;
	}
	fs->lock_queue = w->next;
	next = w->fiber;
	w->fiber = NULL;
	fiber_wake(next);
}

static int fail(struct fs *fs, char why[BLOCK_WHY_MAX], errcode_t err)
{
	const struct ext2_super_block *s = NULL;

	if (fs->e2)
		s = fs->e2->super;
	switch (err) {
	case EXT2_ET_BAD_MAGIC:
		snprintf(why, BLOCK_WHY_MAX, "there is no ext2, ext3 or ext4 file system on %s",
			 fs->device);
		break;
	case EXT2_ET_UNSUPP_FEATURE:
		snprintf(why, BLOCK_WHY_MAX,
			 "the file system on %s has features that are not known here (or is a "
			 "journal)",
			 fs->device);
		break;
	default:
		snprintf(why, BLOCK_WHY_MAX, "the file system on %s cannot be read: %s%s",
			 fs->device, error_message(err),
			 s && s->s_state & EXT2_ERROR_FS ? " (marked as having errors)" : "");
	}
	return -1;
}

/* Why its features or its state forbid writing; NULL: nothing does. */
static const char *cannot_write(ext2_filsys e2)
{
	if (e2->super->s_state & EXT2_ERROR_FS)
		return "is marked as having errors: repair it with e2fsck";
	if (ext2fs_has_feature_bigalloc(e2->super))
		return "allocates in clusters (bigalloc), which is supported for reading only";
	if (ext2fs_has_feature_quota(e2->super) || ext2fs_has_feature_project(e2->super))
		return "keeps quotas, which is supported for reading only";
	if (ext2fs_has_feature_shared_blocks(e2->super))
		return "shares blocks between files, which is supported for reading only";
	if (ext2fs_blocks_count(e2->super) >> 32)
		return "has 2^32 blocks or more, which is supported for reading only";
	if (ext2fs_has_feature_journal(e2->super) && !e2->super->s_journal_inum)
		return "has its journal on another device, which is supported for reading only";
	if (e2->blocksize > 4096)
		return "has blocks of more than 4096 bytes";
	return NULL;
}

static errcode_t open_with(struct fs *fs, int flags)
{
	return ext2fs_open2(fs->device, "", EXT2_FLAG_64BITS | flags, 0, 0, io_block_manager,
			    &fs->e2);
}

static int replay(struct fs *fs, bool writable, char why[BLOCK_WHY_MAX])
{
	errcode_t err;

	if (!ext2fs_has_feature_journal_needs_recovery(fs->e2->super))
		return 0;
	if (!writable) {
		snprintf(why, BLOCK_WHY_MAX,
			 "the file system on %s was not closed: its journal must be replayed, but "
			 "the device cannot be written",
			 fs->device);
		return -1;
	}
	machine_console_line("%s: replaying the file system's journal", fs->device);
	err = ext2fs_run_ext3_journal(&fs->e2);
	if (!err)
		err = fs_write_super(fs);
	if (!err)
		err = io_block_write_back(&fs->io, IO_LATE);
	if (!err)
		err = io_block_flush(&fs->io);
	if (!err)
		return 0;
	snprintf(why, BLOCK_WHY_MAX, "the journal of %s cannot be replayed: %s", fs->device,
		 error_message(err));
	return -1;
}

/* The superblock and its checksum lie in two sectors, and a loss of power may leave one old and one
 * new. The journal has it whole; else the checksum is made anew, as e2fsck does. libext2fs checks
 * the rest of it for plausibility. */
static errcode_t open_checked(struct fs *fs, int flags)
{
	errcode_t err = open_with(fs, flags);

	if (err != EXT2_ET_SB_CSUM_INVALID)
		return err;
	err = open_with(fs, flags | EXT2_FLAG_IGNORE_CSUM_ERRORS);
	if (err)
		return err;
	machine_console_line("%s: the superblock's checksum is wrong, as after a loss of power",
			     fs->device);
	if (!(flags & EXT2_FLAG_RW)) {
		fs->e2->flags &= ~EXT2_FLAG_IGNORE_CSUM_ERRORS;
		return 0;
	}
	if (ext2fs_has_feature_journal_needs_recovery(fs->e2->super))
		err = ext2fs_run_ext3_journal(&fs->e2);
	if (!err)
		err = fs_write_super(fs);
	if (!err)
		err = io_block_write_back(&fs->io, IO_LATE);
	ext2fs_free(fs->e2);
	return err ? err : open_with(fs, flags);
}

static int open_e2(struct fs *fs, bool writable, char why[BLOCK_WHY_MAX])
{
	const char *no;
	errcode_t err = open_checked(fs, writable ? EXT2_FLAG_RW : 0);

	if (err == EXT2_ET_RO_UNSUPP_FEATURE) {
		snprintf(fs->why_not, sizeof(fs->why_not),
			 "the file system on %s has features with which it can only be read",
			 fs->device);
		writable = false;
		err = open_checked(fs, 0);
	}
	if (err) {
		fs->e2 = NULL;
		return fail(fs, why, err);
	}
	if (replay(fs, writable, why))
		return -1;
	if (fs->e2->blocksize < block_device_of(fs->use)->sector_size) {
		snprintf(why, BLOCK_WHY_MAX,
			 "the file system on %s has blocks smaller than the device's sectors",
			 fs->device);
		return -1;
	}
	no = cannot_write(fs->e2);
	if (no && !fs->why_not[0])
		snprintf(fs->why_not, sizeof(fs->why_not), "the file system on %s %s", fs->device,
			 no);
	fs->io.hold = true;
	return 0;
}

/* For writing if that is allowed now: a file may be opened for writing later. */
static int open_device(struct fs *fs, char why[BLOCK_WHY_MAX])
{
	struct block_target t = {.kind = BLOCK_PHY, .name = fs->device, .write = true};
	char holder[64];

	snprintf(holder, sizeof(holder), "the file system on %.40s", fs->device);
	fs->use = block_open(&t, holder, fs->why_not);
	if (fs->use) {
		fs->why_not[0] = '\0';
		return 0;
	}
	t.write = false;
	fs->use = block_open(&t, holder, why);
	return fs->use ? 0 : -1;
}

static void unmount(struct fs *fs)
{
	if (fs->e2)
		ext2fs_free(fs->e2);
	fs->e2 = NULL;
	if (fs->use) {
		io_block_unregister(&fs->io);
		block_close(fs->use);
	}
	free(fs->dirty_groups);
	for (struct fs **l = &mounted; *l; l = &(*l)->next)
		if (*l == fs) {
			*l = fs->next;
			break;
		}
	free(fs);
}

static struct fs *find(const char *device)
{
	struct fs *fs = mounted;

	while (fs && strcmp(fs->device, device) != 0)
		fs = fs->next;
	return fs;
}

static int mount(struct fs *fs, char why[BLOCK_WHY_MAX])
{
	if (open_device(fs, why))
		return -1;
	fs->io.name = fs->device;
	fs->io.use = fs->use;
	io_block_register(&fs->io);
	return open_e2(fs, fs->why_not[0] == '\0', why);
}

struct fs *fs_mount(const char *device, char why[BLOCK_WHY_MAX])
{
	struct fs *fs = find(device);
	int err = 0;

	if (!fs) {
		fs = calloc(1, sizeof(*fs));
		if (!fs) {
			snprintf(why, BLOCK_WHY_MAX, "out of memory");
			return NULL;
		}
		snprintf(fs->device, sizeof(fs->device), "%s", device);
		fs->work_end = &fs->work;
		fs->next = mounted;
		mounted = fs;
	}
	/* Another fiber that wants it meanwhile finds it and waits here. */
	fs->users++;
	fs_lock(fs);
	if (!fs->e2)
		err = mount(fs, why);
	fs_unlock(fs);
	if (!err)
		return fs;
	if (fs->use && !fs->e2) {
		io_block_unregister(&fs->io);
		block_close(fs->use);
		fs->use = NULL;
	}
	fs_release(fs);
	return NULL;
}

/* What a clean file system says: nothing to replay, or the valid flag. */
static errcode_t mark(struct fs *fs, bool clean)
{
	struct ext2_super_block *s = fs->e2->super;
	errcode_t err;

	if (fs->journal.present && !clean)
		ext2fs_set_feature_journal_needs_recovery(s);
	if (fs->journal.present && clean)
		ext2fs_clear_feature_journal_needs_recovery(s);
	if (!fs->journal.present && !clean)
		s->s_state &= (u16)~EXT2_VALID_FS;
	if (!fs->journal.present && clean)
		s->s_state |= EXT2_VALID_FS;
	err = fs_write_super(fs);
	if (!err)
		err = io_block_write_back(&fs->io, IO_LATE);
	return err ? err : io_block_flush(&fs->io);
}

int fs_begin_writing(struct fs *fs, char why[BLOCK_WHY_MAX])
{
	struct ext2_super_block *s = fs->e2->super;
	errcode_t err;

	if (fs->why_not[0]) {
		snprintf(why, BLOCK_WHY_MAX, "%s", fs->why_not);
		return -1;
	}
	if (fs->writing)
		return 0;
	if (fs_journal_open(fs, why))
		return -1;
	if (!fs->journal.present && !(s->s_state & EXT2_VALID_FS))
		machine_console_line("%s: was not closed and has no journal: e2fsck should be run",
				     fs->device);
	s->s_mtime = (u32)loop_wall_seconds();
	s->s_mnt_count++;
	fs->e2->now = (time_t)loop_wall_seconds();
	err = fs_track(fs);
	if (!err)
		err = mark(fs, false);
	if (!err && fs->journal.present)
		err = fs_journal_empty(fs, false);
	if (err) {
		fs->broken = true;
		snprintf(why, BLOCK_WHY_MAX, "the file system on %s cannot be written: %s",
			 fs->device, error_message(err));
		return -1;
	}
	fs->writing = true;
	return 0;
}

/* Left as it is after an error: with a mark that makes the next mount or e2fsck look. */
static void end_writing(struct fs *fs)
{
	errcode_t err = fs_commit(fs);

	if (!err && fs->journal.present)
		err = fs_journal_empty(fs, true);
	if (!err)
		err = mark(fs, true);
	if (err)
		machine_console_line("%s: the file system cannot be closed cleanly: %s", fs->device,
				     error_message(err));
	fs_journal_close(fs);
	fs->writing = false;
}

void fs_release(struct fs *fs)
{
	fs_lock(fs);
	if (fs->users == 1 && fs->e2) {
		fs_worker_stop(fs);
		if (fs->writing)
			end_writing(fs);
	}
	fs->users--;
	fs_unlock(fs);
	if (fs->users == 0 && !fs->locked)
		unmount(fs);
}
