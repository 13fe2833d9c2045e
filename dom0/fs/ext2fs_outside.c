/* SPDX-License-Identifier: BSD-2-Clause */
/* What libext2fs and its journal replay expect of other libraries: texts of errors, UUIDs as text,
 * and answers that here no device has another's journal or is mounted by someone else. */
#include <dom0/fs/libext2fs.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <dom0/fs/ext2fs_config/blkid/blkid.h>
#include <core/types.h>
#include <dom0/console/machine_console.h>
#include <dom0/fs/io_block.h>
#include <dom0/fs/ext2fs_config/uuid/uuid.h>

/* libext2fs names it as the way to a journal on another device. */
extern io_manager unix_io_manager;
io_manager unix_io_manager;

extern const struct error_table et_ext2_error_table;
struct et_list *_et_list;

char const *error_message(long code)
{
	const struct error_table *t = &et_ext2_error_table;

	if (code >= t->base && code < t->base + t->n_msgs)
		return t->msgs[code - t->base];
	return code == ENOMEM ? "out of memory" : strerror((int)code);
}

void com_err(const char *who, long code, const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	machine_console_line("file system: %s: %s: %s", who, text, error_message(code));
}

int uuid_is_null(const uuid_t uu)
{
	for (unsigned int i = 0; i < sizeof(uuid_t); i++)
		if (uu[i])
			return 0;
	return 1;
}

void uuid_unparse(const uuid_t uu, char *out)
{
	for (unsigned int i = 0; i < sizeof(uuid_t); i++) {
		out += sprintf(out, "%02x", uu[i]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*out++ = '-';
	}
	*out = '\0';
}

int blkid_get_cache(blkid_cache *cache, const char *file)
{
	(void)file;
	*cache = NULL;
	return -1;
}

void blkid_put_cache(blkid_cache cache)
{
	(void)cache;
}

char *blkid_get_devname(blkid_cache cache, const char *token, const char *value)
{
	(void)cache;
	(void)token;
	(void)value;
	return NULL;
}

char *blkid_devno_to_devname(dev_t devno)
{
	(void)devno;
	return NULL;
}

errcode_t ext2fs_check_mount_point(const char *device, int *mount_flags, char *where, int where_len)
{
	(void)device;
	if (where && where_len)
		*where = '\0';
	*mount_flags = 0; /* the block layer gives a device to one writer */
	return 0;
}
