/* SPDX-License-Identifier: BSD-2-Clause */
/* The one file and the one overlay that there are in host tests of the block layer. */
#ifndef FAKE_FILES_FAKE_H
#define FAKE_FILES_FAKE_H

#include <drivers/block.h>

/* What fs_file_open() and cow_open() return; NULL: they fail, with a reason. */
extern struct block_device *files_fake_file, *files_fake_overlay;
extern unsigned int files_fake_open; /* opened and not closed again */

#endif
