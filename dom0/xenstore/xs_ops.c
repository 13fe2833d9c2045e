/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client can do with nodes, alike for the wire and the local client. */
#include <dom0/xenstore/xs_ops.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct xs_change {
	int (*apply)(const struct xs_op *op, const struct xs_ref *ref, const struct xs_change *c);
	const void *value;
	size_t len;
	const struct xs_perm *perms;
	size_t perm_count;
};

/* A missing node is judged by the deepest one above, so that nobody learns what is in a directory
 * that he may not read. */
static int xs_ref_check(const struct xs_op *op, const struct xs_ref *ref, unsigned int need)
{
	if ((xs_perm_access(op->xs, op->dom, ref->near) & need) != need)
		return -EACCES;
	return ref->data != NULL ? 0 : -ENOENT;
}

static int xs_op_find(const struct xs_op *op, const char *path, struct xs_ref *ref)
{
	char absolute[XS_PATH_SIZE];
	size_t prefix;
	int rc = xs_path_absolute(op->dom->domid, path, absolute, &prefix);

	if (rc == 0)
		rc = xs_tx_walk(op->xs, op->tx, absolute, ref);
	if (rc == 0)
		rc = xs_ref_check(op, ref, XS_ACCESS_READ);
	return rc;
}

int xs_op_get(const struct xs_op *op, const char *path, const struct xs_data **data)
{
	struct xs_ref ref;
	int rc = xs_op_find(op, path, &ref);

	if (rc == 0)
		*data = ref.data;
	return rc;
}

/* The store's children that the transaction has not removed. */
static int xs_list_store(const struct xs_op *op, const struct xs_ref *ref, xs_list_fn fn, void *arg)
{
	int rc = 0;

	for (struct xn_node *n = ref->b->link.first; n != NULL && rc == 0; n = n->next) {
		const struct xs_tnode *t = NULL;

		if (ref->t != NULL)
			t = (struct xs_tnode *)xn_find(&op->tx->names, &ref->t->link, n->name,
						       n->name_len);
		if (t == NULL || !t->hides || t->exists)
			rc = fn(arg, n->name, n->name_len);
	}
	return rc;
}

/* The transaction's children that the store does not have. */
static int xs_list_new(const struct xs_op *op, const struct xs_ref *ref, xs_list_fn fn, void *arg)
{
	int rc = 0;

	for (struct xn_node *n = ref->t->link.first; n != NULL && rc == 0; n = n->next) {
		if (!((struct xs_tnode *)n)->exists)
			continue;
		if (ref->b == NULL || xs_node_child(op->xs, ref->b, n->name, n->name_len) == NULL)
			rc = fn(arg, n->name, n->name_len);
	}
	return rc;
}

int xs_op_list(const struct xs_op *op, const char *path, xs_list_fn fn, void *arg, u64 *gen)
{
	struct xs_ref ref;
	int rc = xs_op_find(op, path, &ref);

	if (rc != 0)
		return rc;
	xs_tx_see_dir(&ref);
	*gen = ref.b != NULL ? ref.b->dir_gen : 0;
	if (ref.b != NULL)
		rc = xs_list_store(op, &ref, fn, arg);
	if (ref.t != NULL) {
		*gen += ref.t->dir_changes;
		if (rc == 0)
			rc = xs_list_new(op, &ref, fn, arg);
	}
	return rc;
}

static int xs_change_in(const struct xs_op *op, const char *path, const struct xs_change *c)
{
	struct xs_ref ref;
	int rc = xs_tx_walk(op->xs, op->tx, path, &ref);

	return rc != 0 ? rc : c->apply(op, &ref, c);
}

/* A change outside of a transaction is one of its own, so it too is done whole or not at all. */
static int xs_change_run(const struct xs_op *op, const char *path, const struct xs_change *c)
{
	char absolute[XS_PATH_SIZE];
	struct xs_tx tx;
	struct xs_op single = {op->xs, op->dom, &tx};
	size_t prefix;
	int rc = xs_path_absolute(op->dom->domid, path, absolute, &prefix);

	if (rc != 0)
		return rc;
	if (op->tx != NULL)
		return xs_change_in(op, absolute, c);
	rc = xs_tx_begin(op->xs, op->dom, &tx);
	if (rc != 0)
		return rc;
	rc = xs_change_in(&single, absolute, c);
	if (rc == 0)
		rc = xs_tx_commit(op->xs, &tx);
	xs_tx_fini(&tx);
	return rc;
}

/* Completes data (its perms are set) with a copy of the value and hands it to the overlay. */
static int xs_change_put(const struct xs_op *op, struct xs_tnode *t, struct xs_data *data,
			 const void *value, size_t len, bool fire)
{
	size_t size = t->link.name_len + len + data->perm_count * sizeof(*data->perms);
	int rc = -ENOSPC;

	if (!op->dom->privileged && size > XS_QUOTA_NODE_BYTES)
		goto fail;
	rc = -ENOMEM;
	if (len > 0) {
		data->value = malloc(len);
		if (data->value == NULL)
			goto fail;
		memcpy(data->value, value, len);
		data->value_len = (u32)len;
	}
	data->perms_gen = op->xs->gen;
	return xs_tx_put(op->tx, t, data, fire);
fail:
	xs_data_free(data);
	return rc;
}

/* Makes the missing nodes of the path; the last one gets the value. */
static int xs_change_create(const struct xs_op *op, const struct xs_ref *ref, const void *value,
			    size_t len)
{
	const char *cursor = ref->near_rest, *name;
	struct xs_tnode *t = ref->near_t;
	size_t name_len;

	while (xs_path_next(&cursor, &name, &name_len)) {
		struct xs_data data = {0};
		bool last = *cursor == '\0';
		int rc = -ENOMEM;

		t = (struct xs_tnode *)xn_find(&op->tx->names, &t->link, name, name_len);
		data.perms = xs_perm_copy(op->xs, ref->near, &data.perm_count);
		if (data.perms != NULL) {
			if (!op->dom->privileged)
				data.perms[0].domid = op->dom->domid;
			rc = xs_change_put(op, t, &data, value, last ? len : 0, last);
		}
		if (rc != 0) {
			op->tx->error = rc; /* some nodes may be made already */
			return rc;
		}
	}
	return 0;
}

static int xs_apply_write(const struct xs_op *op, const struct xs_ref *ref,
			  const struct xs_change *c)
{
	struct xs_data data = {0};
	int rc = xs_ref_check(op, ref, XS_ACCESS_WRITE);

	if (rc == -ENOENT)
		return xs_change_create(op, ref, c->value, c->len);
	if (rc != 0)
		return rc;
	data.perms = xs_perm_copy(op->xs, ref->data, &data.perm_count);
	if (data.perms == NULL)
		return -ENOMEM;
	return xs_change_put(op, ref->t, &data, c->value, c->len, true);
}

static int xs_apply_mkdir(const struct xs_op *op, const struct xs_ref *ref,
			  const struct xs_change *c)
{
	int rc = xs_ref_check(op, ref, XS_ACCESS_WRITE);

	(void)c;
	return rc == -ENOENT ? xs_change_create(op, ref, NULL, 0) : rc;
}

static int xs_apply_rm(const struct xs_op *op, const struct xs_ref *ref, const struct xs_change *c)
{
	const char *cursor = ref->near_rest, *name;
	size_t len;
	int rc = xs_ref_check(op, ref, XS_ACCESS_WRITE);

	(void)c;
	if (ref->t->link.parent == NULL)
		return -EINVAL; /* the root */
	if (rc == -ENOENT && xs_path_next(&cursor, &name, &len) && *cursor == '\0')
		return 0;
	if (rc == 0)
		xs_tx_remove(op->tx, ref);
	return rc;
}

static int xs_apply_perms(const struct xs_op *op, const struct xs_ref *ref,
			  const struct xs_change *c)
{
	struct xs_data data = {0};
	int rc = xs_ref_check(op, ref, XS_ACCESS_OWNER);

	if (rc != 0)
		return rc;
	if (!op->dom->privileged && c->perms[0].domid != ref->data->perms[0].domid)
		return -EPERM;
	data.perms = malloc(c->perm_count * sizeof(*data.perms));
	if (data.perms == NULL)
		return -ENOMEM;
	memcpy(data.perms, c->perms, c->perm_count * sizeof(*data.perms));
	data.perm_count = (u32)c->perm_count;
	return xs_change_put(op, ref->t, &data, ref->data->value, ref->data->value_len, true);
}

int xs_op_write(const struct xs_op *op, const char *path, const void *value, size_t len)
{
	const struct xs_change c = {.apply = xs_apply_write, .value = value, .len = len};

	return len <= XS_PAYLOAD_MAX ? xs_change_run(op, path, &c) : -E2BIG;
}

int xs_op_mkdir(const struct xs_op *op, const char *path)
{
	const struct xs_change c = {.apply = xs_apply_mkdir};

	return xs_change_run(op, path, &c);
}

int xs_op_rm(const struct xs_op *op, const char *path)
{
	const struct xs_change c = {.apply = xs_apply_rm};

	return xs_change_run(op, path, &c);
}

int xs_op_set_perms(const struct xs_op *op, const char *path, const struct xs_perm *perms,
		    size_t count)
{
	const struct xs_change c = {.apply = xs_apply_perms, .perms = perms, .perm_count = count};

	if (count == 0 || perms[0].domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (!xs_perm_letter_valid(perms[i].letter))
			return -EINVAL;
	}
	if (count > XS_PAYLOAD_MAX || (!op->dom->privileged && count > XS_QUOTA_PERMS))
		return -ENOSPC;
	return xs_change_run(op, path, &c);
}
