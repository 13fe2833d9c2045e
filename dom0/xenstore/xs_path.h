/* SPDX-License-Identifier: BSD-2-Clause */
/* Syntax of node paths. */
#ifndef DOM0_XENSTORE_XS_PATH_H
#define DOM0_XENSTORE_XS_PATH_H

#include <core/types.h>
#include <xen/hypercall.h>

#define XS_INTRODUCE_EVENT "@introduceDomain"
#define XS_RELEASE_EVENT   "@releaseDomain"

/* Checks a path of a client and writes the absolute form to a buffer of XS_PATH_SIZE. *prefix: how
 * many bytes were put in front of a relative path, 0 if it was absolute. -EINVAL. */
int xs_path_absolute(domid_t domid, const char *path, char *buf, size_t *prefix) must_use;
/* True for the names of the two events that are no nodes. */
bool xs_path_is_special(const char *path);
/* Takes the next element off an absolute path; *cursor starts at the path. False at the end. */
bool xs_path_next(const char **cursor, const char **name, size_t *len);
/* Strict unsigned decimal: digits only, at least one, at most max. */
bool xs_parse_decimal(const char *text, size_t len, u64 max, u64 *value);

#endif
