/* SPDX-License-Identifier: BSD-2-Clause */
/* Syntax of node paths. */
#include <dom0/xenstore/xs_path.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <dom0/xenstore/xs_limits.h>

static bool xs_path_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '/' || c == '_' || c == '@';
}

static bool xs_path_valid(const char *path, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!xs_path_char(path[i]) || (path[i] == '/' && path[i + 1] == '/'))
			return false;
	}
	return len == 1 || path[len - 1] != '/';
}

int xs_path_absolute(domid_t domid, const char *path, char *buf, size_t *prefix)
{
	size_t max = path[0] == '/' ? XS_ABS_PATH_MAX : XS_REL_PATH_MAX;
	size_t len = strnlen(path, max + 1);

	if (len == 0 || len > max || path[0] == '@' || !xs_path_valid(path, len))
		return -EINVAL;
	*prefix = 0;
	if (path[0] != '/')
		*prefix = (size_t)snprintf(buf, XS_PATH_SIZE, "/local/domain/%u/",
					   (unsigned int)domid);
	memcpy(buf + *prefix, path, len + 1);
	return 0;
}

bool xs_path_is_special(const char *path)
{
	return strcmp(path, XS_INTRODUCE_EVENT) == 0 || strcmp(path, XS_RELEASE_EVENT) == 0;
}

bool xs_path_next(const char **cursor, const char **name, size_t *len)
{
	const char *p = *cursor;

	if (*p == '/')
		p++;
	if (*p == '\0')
		return false;
	*name = p;
	while (*p != '\0' && *p != '/')
		p++;
	*len = (size_t)(p - *name);
	*cursor = p;
	return true;
}

bool xs_parse_decimal(const char *text, size_t len, u64 max, u64 *value)
{
	u64 v = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || v > UINT64_MAX / 10 - 1)
			return false;
		v = v * 10 + (u64)(text[i] - '0');
	}
	*value = v;
	return len > 0 && v <= max;
}
