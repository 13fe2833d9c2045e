/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files and folders. */
#include <dom0/fs/fs_internal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fs *mount_of(const char *name, ext2_ino_t *ino, char why[BLOCK_WHY_MAX])
{
	char device[128];
	const char *path;
	struct fs *fs;
	errcode_t err;

	if (!fs_split_name(name, device, &path)) {
		snprintf(why, BLOCK_WHY_MAX, "%.150s is not of the form /DEVICE/PATH", name);
		return NULL;
	}
	fs = fs_mount(device, why);
	if (!fs)
		return NULL;
	fs_lock(fs);
	err = ext2fs_namei_follow(fs->e2, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ino);
	if (!err)
		return fs;
	fs_unlock(fs);
	fs_release(fs);
	snprintf(why, BLOCK_WHY_MAX, "%.150s: %s", name, error_message(err));
	return NULL;
}

static void leave(struct fs *fs)
{
	fs_unlock(fs);
	fs_release(fs);
}

/* A piece at a time: a file of libext2fs goes through the cache of metadata. */
static errcode_t read_all(ext2_file_t file, u8 *data, size_t bytes)
{
	while (bytes) {
		unsigned int n = (unsigned int)min_u64(bytes, 65536), got = 0;
		errcode_t err = ext2fs_file_read(file, data, n, &got);

		if (err)
			return err;
		if (got == 0)
			return EXT2_ET_SHORT_READ;
		data += got;
		bytes -= got;
	}
	return 0;
}

static errcode_t read_file(struct fs *fs, ext2_ino_t ino, size_t most, u8 **data, size_t *size)
{
	ext2_file_t file;
	__u64 bytes;
	errcode_t err = ext2fs_file_open(fs->e2, ino, 0, &file);

	if (err)
		return err;
	err = ext2fs_file_get_lsize(file, &bytes);
	if (!err && bytes > most)
		err = EXT2_ET_FILE_TOO_BIG;
	if (!err) {
		*size = bytes;
		*data = malloc(bytes + 1);
		err = *data ? read_all(file, *data, bytes) : EXT2_ET_NO_MEMORY;
	}
	(void)ext2fs_file_close(file); /* it was only read */
	return err;
}

int fs_read_file(const char *name, size_t most, void **data, size_t *size, char why[BLOCK_WHY_MAX])
{
	ext2_ino_t ino;
	struct ext2_inode inode;
	u8 *bytes = NULL;
	errcode_t err;
	struct fs *fs = mount_of(name, &ino, why);

	if (!fs)
		return -1;
	err = ext2fs_read_inode(fs->e2, ino, &inode);
	if (!err && !LINUX_S_ISREG(inode.i_mode))
		err = EXT2_ET_FILE_NOT_FOUND;
	if (!err)
		err = read_file(fs, ino, most, &bytes, size);
	leave(fs);
	if (err) {
		free(bytes);
		snprintf(why, BLOCK_WHY_MAX, "%.150s: %s", name, error_message(err));
		return -1;
	}
	bytes[*size] = '\0';
	*data = bytes;
	return 0;
}

struct listing {
	void (*fn)(void *ctx, const char *name, bool directory);
	void *ctx;
	ext2_filsys e2;
};

static bool entry_is_directory(ext2_filsys e2, const struct ext2_dir_entry *d)
{
	struct ext2_inode inode;

	if (ext2fs_has_feature_filetype(e2->super))
		return ext2fs_dirent_file_type(d) == EXT2_FT_DIR;
	return !ext2fs_read_inode(e2, d->inode, &inode) && LINUX_S_ISDIR(inode.i_mode);
}

static int list_entry(struct ext2_dir_entry *d, int offset, int block_bytes, char *buffer,
		      void *ctx)
{
	struct listing *l = ctx;
	char name[EXT2_NAME_LEN + 1];
	int n = ext2fs_dirent_name_len(d);

	(void)offset;
	(void)block_bytes;
	(void)buffer;
	snprintf(name, sizeof(name), "%.*s", n, d->name);
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		l->fn(l->ctx, name, entry_is_directory(l->e2, d));
	return 0;
}

int fs_list(const char *name, void (*fn)(void *ctx, const char *name, bool directory), void *ctx,
	    char why[BLOCK_WHY_MAX])
{
	struct listing l = {.fn = fn, .ctx = ctx};
	ext2_ino_t ino;
	errcode_t err;
	struct fs *fs = mount_of(name, &ino, why);

	if (!fs)
		return -1;
	l.e2 = fs->e2;
	err = ext2fs_dir_iterate(fs->e2, ino, 0, NULL, list_entry, &l);
	leave(fs);
	if (!err)
		return 0;
	snprintf(why, BLOCK_WHY_MAX, "%.150s: %s", name, error_message(err));
	return -1;
}
