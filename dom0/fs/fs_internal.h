/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file system layer's own files share: a mounted file system, its journal, an open file.
 */
#ifndef DOM0_FS_FS_INTERNAL_H
#define DOM0_FS_FS_INTERNAL_H

#include <dom0/fs/fs.h>
#include <dom0/fs/io_block.h>
#include <dom0/fs/libext2fs.h>
#include <dom0/loop/fiber.h>

#define FS_LOG_BLOCKS 1024u /* of a journal, at most so many are used */
#define FS_LOG_RUNS   32u
#define FS_MAP_MAX    2048u /* runs of a file that are known at a time */

/* Blocks that lie side by side. In a file's map pblk 0 is a hole, and unwritten blocks read as
 * zeroes. */
struct fs_run {
	u64 pblk;
	u32 lblk, count;
	bool unwritten;
};

struct fs_journal {
	bool present;
	struct fs_run runs[FS_LOG_RUNS]; /* where the log lies */
	unsigned int run_count;
	u32 first, end, head; /* blocks of the log: the first, one behind the last, the next */
	u32 sequence;         /* of the next transaction */
	u8 uuid[16];
	u8 *super; /* its superblock, a block */
};

struct fs_waiter {
	struct fs_waiter *next;
	struct fiber *fiber;
};

struct fs {
	struct fs *next;
	char device[128];
	struct block_use *use;
	struct io_block io;
	ext2_filsys e2;
	char why_not[BLOCK_WHY_MAX]; /* why it cannot be written; empty: it can */
	bool writing;                /* marked as such on the medium */
	bool uncommitted;            /* there are changes that a commit has to write */
	bool freeing;                /* one of them gives blocks up */
	bool broken;                 /* a commit failed: nothing more is written */
	u8 *dirty_groups;            /* a bit for each group whose bitmap changed */
	struct fs_journal journal;
	struct fs_file *files;
	unsigned int users; /* files, and operations on names under way */
	/* Only one fiber at a time is inside libext2fs. */
	bool locked;
	struct fs_waiter *lock_queue;
	/* Requests that need libext2fs are done by a fiber of the file system's own. */
	struct fiber *worker;
	bool worker_stops;
	struct fiber *stopper; /* waits for the worker's end */
	struct fs_job *work, **work_end;
};

/* --- mount.c --- */

/* The file system on that device, mounted if it was not; NULL: why. */
struct fs *fs_mount(const char *device, char why[BLOCK_WHY_MAX]) must_use;
/* Ends what fs_mount() began; the last one unmounts. */
void fs_release(struct fs *fs);
/* From now on it will be written. */
int fs_begin_writing(struct fs *fs, char why[BLOCK_WHY_MAX]) must_use;
void fs_lock(struct fs *fs);
void fs_unlock(struct fs *fs);
/* Splits "/DEVICE/PATH"; *path points into name, at the second slash. */
bool fs_split_name(const char *name, char device[128], const char **path) must_use;

/* --- commit.c --- */

/* Learns of allocated and freed blocks from now on. */
errcode_t fs_track(struct fs *fs) must_use;
/* All changes so far are on the medium afterwards, with the data that they lead to. */
errcode_t fs_commit(struct fs *fs) must_use;
/* Puts the superblock and the descriptors of changed groups into the cache. */
errcode_t fs_write_super(struct fs *fs) must_use;

/* --- journal.c --- */

/* Finds the log; the journal is empty. 0 or an error with why. */
int fs_journal_open(struct fs *fs, char why[BLOCK_WHY_MAX]) must_use;
/* The dirty blocks of the cache as one transaction; they may be written to their places after. */
errcode_t fs_journal_commit(struct fs *fs) must_use;
/* All that was committed is in its place: the log is empty again. last: for good. */
errcode_t fs_journal_empty(struct fs *fs, bool last) must_use;
void fs_journal_close(struct fs *fs);

/* --- file.c, data.c, map.c --- */

#define FS_PARTS         48u
#define FS_PART_SEGMENTS 34u
#define FS_MAX_BYTES     131072u

/* A request on its way. */
struct fs_job {
	struct fs_job *next;
	struct fs_file *file;
	struct block_request *request;
	u64 at, end; /* sectors of the file that are to be done */
	unsigned int outstanding;
	bool advancing;
	enum block_status status;
};

/* A piece of one, on the device. */
struct fs_part {
	struct block_request request; /* first */
	struct fs_part *next;
	struct fs_job *job;
	struct fiber *waiter; /* the worker, if it is its part */
	bool done;
	struct block_segment segments[FS_PART_SEGMENTS];
};

struct fs_file {
	struct block_device device; /* first */
	struct fs_file *next;
	struct fs *fs;
	ext2_ino_t ino;
	struct ext2_inode_large inode;
	bool write;
	char holder[64];
	char name[96];
	u32 block_sectors;
	struct fs_run *map;
	unsigned int map_count, map_room;
	struct fs_part *parts; /* those that are free */
	struct fs_part *part_memory;
	struct fs_job *jobs; /* those that are free */
	struct fs_job *job_memory;
	struct fs_part *reserved;                     /* the worker's */
	struct fs_job *stalled, **stalled_end;        /* wait for a part */
	struct block_request *waiting, **waiting_end; /* wait for a job */
	unsigned int busy;                            /* parts under way */
	bool frozen;                                  /* nothing new is begun */
	struct fiber *drained;                        /* waits for busy to be 0 */
};

/* Where block lblk lies; NULL: not known now. */
const struct fs_run *fs_map_find(const struct fs_file *f, u64 lblk);
/* Makes it known, asking libext2fs. */
errcode_t fs_map_load(struct fs_file *f, u64 lblk) must_use;
void fs_map_forget(struct fs_file *f);
/* Gives blocks of a hole, or of unwritten ones, a place; *run says which. Zeroes are not written.
 */
errcode_t fs_map_allocate(struct fs_file *f, u64 lblk, u32 count, struct fs_run *run) must_use;
/* They have content now. */
errcode_t fs_map_written(struct fs_file *f, const struct fs_run *run) must_use;

extern const struct block_device_ops fs_file_ops;
bool fs_data_init(struct fs_file *f) must_use;
void fs_data_end(struct fs_file *f);
bool fs_worker_start(struct fs *fs) must_use;
void fs_worker_stop(struct fs *fs);

#endif
