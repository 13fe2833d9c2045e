/* SPDX-License-Identifier: BSD-2-Clause */
/* File systems made with e2fsprogs' own tools, and what they say of them afterwards. */
#ifndef HOST_FS_IMAGES_H
#define HOST_FS_IMAGES_H

#include <disk_fake.h>

#define IMAGE_BYTES (12u << 20)

/* A folder of the test's own, removed at its end. */
void images_begin(void);
void images_end(void);
/* A file in that folder: its path is valid until the next call. */
const char *images_path(const char *name);
void images_write(const char *name, const void *data, size_t bytes);
/* A hole of that size, for images_make() to take. */
void images_hole(const char *name, u64 bytes);
/* A file system with what is in the folder "root", made with these options of mke2fs. */
void images_make(struct fake_disk *d, const char *options);
/* Runs e2fsck on the medium, with -fn or -fy; returns its status. The medium is changed by -fy. */
int images_check(u8 *medium, const char *how);
/* What it said last. */
const char *images_log(void);
/* Copies a file of a file system out; returns its size. */
size_t images_dump(const u8 *medium, const char *path, u8 *to, size_t most);
/* What debugfs prints. */
const char *images_ask(const u8 *medium, const char *request);

#endif
