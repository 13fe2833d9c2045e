/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client can do with nodes, alike for the wire and the local client. */
#ifndef DOM0_XENSTORE_XS_OPS_H
#define DOM0_XENSTORE_XS_OPS_H

#include <dom0/xenstore/xs_transaction.h>

/* Who asks, and in which transaction (NULL: none). Paths are as the client gave them. */
struct xs_op {
	struct xenstore *xs;
	struct xs_domain *dom;
	struct xs_tx *tx;
};

/* Errors of all: -EINVAL bad path, -EACCES, -ENOENT (only for those who may read or write the
 * deepest node that exists), -ENOSPC quota, -ENOMEM. */

/* *data stays valid until the next change. */
int xs_op_get(const struct xs_op *op, const char *path, const struct xs_data **data) must_use;
/* Calls fn for each child until it returns an error. *gen changes whenever the list does. */
typedef int (*xs_list_fn)(void *arg, const char *name, size_t len);
int xs_op_list(const struct xs_op *op, const char *path, xs_list_fn fn, void *arg,
	       u64 *gen) must_use;
int xs_op_write(const struct xs_op *op, const char *path, const void *value, size_t len) must_use;
int xs_op_mkdir(const struct xs_op *op, const char *path) must_use;
int xs_op_rm(const struct xs_op *op, const char *path) must_use;
/* -EPERM: only the control domain gives a node to another owner. */
int xs_op_set_perms(const struct xs_op *op, const char *path, const struct xs_perm *perms,
		    size_t count) must_use;

#endif
