/* SPDX-License-Identifier: BSD-2-Clause */
/* The local client: the tool stack and the back ends of this process, as domain 0. */
#include <dom0/xenstore/xenstore.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_event.h>
#include <dom0/xenstore/xs_ops.h>
#include <dom0/xenstore/xs_wire.h>

#define XS_LOCAL_FORMAT_MAX 1024u

static int xs_local_op(struct xenstore *xs, xs_tx_id tx, struct xs_op *op)
{
	*op = (struct xs_op){xs, xs->local, NULL};
	if (tx == XS_NO_TX)
		return 0;
	op->tx = xs_tx_find(xs->local, tx);
	return op->tx != NULL ? 0 : -ENOENT;
}

int xs_local_read(struct xenstore *xs, xs_tx_id tx, const char *path, char *buf, size_t size)
{
	const struct xs_data *data;
	struct xs_op op;
	int rc = xs_local_op(xs, tx, &op);

	if (rc == 0)
		rc = xs_op_get(&op, path, &data);
	if (rc != 0)
		return rc;
	if (data->value_len >= size)
		return -E2BIG;
	if (data->value_len > 0)
		memcpy(buf, data->value, data->value_len);
	buf[data->value_len] = '\0';
	return (int)data->value_len;
}

int xs_local_read_u64(struct xenstore *xs, xs_tx_id tx, const char *path, u64 *value)
{
	char text[24];
	int rc = xs_local_read(xs, tx, path, text, sizeof(text));

	if (rc == -E2BIG || (rc >= 0 && !xs_parse_decimal(text, (size_t)rc, UINT64_MAX, value)))
		return -EINVAL;
	return rc < 0 ? rc : 0;
}

int xs_local_write(struct xenstore *xs, xs_tx_id tx, const char *path, const void *value,
		   size_t len)
{
	struct xs_op op;
	int rc = xs_local_op(xs, tx, &op);

	if (rc == 0)
		rc = xs_op_write(&op, path, value, len);
	xs_domain_flush(xs);
	return rc;
}

int xs_local_writef(struct xenstore *xs, xs_tx_id tx, const char *path, const char *format, ...)
{
	char text[XS_LOCAL_FORMAT_MAX];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return -EINVAL;
	if ((size_t)len >= sizeof(text))
		return -E2BIG;
	return xs_local_write(xs, tx, path, text, (size_t)len);
}

int xs_local_mkdir(struct xenstore *xs, xs_tx_id tx, const char *path)
{
	struct xs_op op;
	int rc = xs_local_op(xs, tx, &op);

	if (rc == 0)
		rc = xs_op_mkdir(&op, path);
	xs_domain_flush(xs);
	return rc;
}

int xs_local_rm(struct xenstore *xs, xs_tx_id tx, const char *path)
{
	struct xs_op op;
	int rc = xs_local_op(xs, tx, &op);

	if (rc == 0)
		rc = xs_op_rm(&op, path);
	xs_domain_flush(xs);
	return rc;
}

int xs_local_set_perms(struct xenstore *xs, xs_tx_id tx, const char *path,
		       const struct xs_perm *perms, size_t count)
{
	struct xs_op op;
	int rc = xs_local_op(xs, tx, &op);

	if (rc == 0)
		rc = xs_op_set_perms(&op, path, perms, count);
	xs_domain_flush(xs);
	return rc;
}

int xs_local_get_perms(struct xenstore *xs, xs_tx_id tx, const char *path, struct xs_perm *perms,
		       size_t max)
{
	const struct xs_data *data;
	struct xs_data now = {0};
	struct xs_op op;
	int rc = xs_local_op(xs, tx, &op);

	if (rc == 0)
		rc = xs_op_get(&op, path, &data);
	if (rc != 0)
		return rc;
	now.perms = xs_perm_copy(xs, data, &now.perm_count);
	if (now.perms == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < now.perm_count && i < max; i++)
		perms[i] = now.perms[i];
	xs_data_free(&now);
	return (int)now.perm_count;
}

struct xs_name_list {
	char *names; /* NULL: only count */
	size_t bytes, count;
};

static int xs_local_list(void *arg, const char *name, size_t len)
{
	struct xs_name_list *list = arg;

	if (list->names != NULL)
		memcpy(list->names + list->bytes, name, len + 1);
	list->bytes += len + 1;
	list->count++;
	return 0;
}

int xs_local_directory(struct xenstore *xs, xs_tx_id tx, const char *path, char **names,
		       size_t *count)
{
	struct xs_name_list sizes = {0}, list = {0};
	struct xs_op op;
	u64 gen;
	int rc = xs_local_op(xs, tx, &op);

	*names = NULL;
	*count = 0;
	if (rc == 0)
		rc = xs_op_list(&op, path, xs_local_list, &sizes, &gen);
	if (rc != 0 || sizes.count == 0)
		return rc;
	list.names = malloc(sizes.bytes);
	if (list.names == NULL)
		return -ENOMEM;
	rc = xs_op_list(&op, path, xs_local_list, &list, &gen);
	if (rc != 0) {
		free(list.names);
		return rc;
	}
	*names = list.names;
	*count = list.count;
	return 0;
}

int xs_local_tx_start(struct xenstore *xs, xs_tx_id *tx)
{
	struct xs_tx *opened;
	int rc = xs_tx_open(xs, xs->local, &opened);

	if (rc == 0)
		*tx = opened->id;
	return rc;
}

int xs_local_tx_end(struct xenstore *xs, xs_tx_id tx, bool commit)
{
	struct xs_tx *open = xs_tx_find(xs->local, tx);
	int rc = 0;

	if (open == NULL)
		return -ENOENT;
	if (commit)
		rc = xs_tx_commit(xs, open);
	xs_tx_free(open);
	xs_domain_flush(xs);
	return rc;
}

int xs_local_watch(struct xenstore *xs, const char *path, const char *token, xs_local_watch_fn fn,
		   void *ctx)
{
	return fn != NULL ? xs_watch_add(xs, xs->local, path, token, fn, ctx) : -EINVAL;
}

int xs_local_unwatch(struct xenstore *xs, const char *path, const char *token)
{
	return xs_watch_remove(xs, xs->local, path, token);
}

bool xs_local_pending(const struct xenstore *xs)
{
	return xs_event_pending(xs->local);
}

bool xs_local_dispatch(struct xenstore *xs)
{
	for (unsigned int i = 0; i < XS_DISPATCH_EVENTS; i++) {
		struct xs_event *event = xs_event_take(xs->local);
		xs_local_watch_fn fn;
		const char *path;

		if (event == NULL)
			break;
		/* The callback may end the watch, so nothing of it is used afterwards; the strings
		 * are the event's own. */
		fn = event->watch->fn;
		path = (const char *)event->bytes + sizeof(struct xs_header);
		if (fn != NULL)
			fn(event->watch->ctx, path, path + strlen(path) + 1);
		free(event);
	}
	return xs_local_pending(xs);
}
