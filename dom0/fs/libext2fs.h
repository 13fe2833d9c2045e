/* SPDX-License-Identifier: BSD-2-Clause */
/* libext2fs's header, without the one macro of it that is a name of the block layer's too. */
#ifndef DOM0_FS_LIBEXT2FS_H
#define DOM0_FS_LIBEXT2FS_H

#include <ext2fs/ext2fs.h>

#undef BLOCK_ERROR

/* debugfs/journal.c of e2fsprogs: replays the journal and opens the file system anew. */
errcode_t ext2fs_run_ext3_journal(ext2_filsys *fs);

#endif
