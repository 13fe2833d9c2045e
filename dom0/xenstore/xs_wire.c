/* SPDX-License-Identifier: BSD-2-Clause */
/* The messages of the protocol: one request in, one reply out. */
#include <dom0/xenstore/xs_wire.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_ops.h>
#include <dom0/xenstore/xs_watch.h>

struct xs_request {
	struct xs_op op;
	const char *body;
	size_t len;
	u8 *out; /* XS_PAYLOAD_MAX */
	size_t out_len;
};

static int xs_reply_add(struct xs_request *rq, const void *bytes, size_t len)
{
	if (len > XS_PAYLOAD_MAX - rq->out_len)
		return -E2BIG;
	if (len > 0)
		memcpy(rq->out + rq->out_len, bytes, len);
	rq->out_len += len;
	return 0;
}

static int xs_reply_string(struct xs_request *rq, const char *text)
{
	return xs_reply_add(rq, text, strlen(text) + 1);
}

/* For requests that answer no more than that. */
static int xs_reply_ok(struct xs_request *rq, int rc)
{
	return rc == 0 ? xs_reply_string(rq, "OK") : rc;
}

/* Takes a string with its NUL off the body; NULL if there is none. */
static const char *xs_body_string(struct xs_request *rq)
{
	const char *text = rq->body;
	const char *end = rq->len > 0 ? memchr(text, '\0', rq->len) : NULL;

	if (end == NULL)
		return NULL;
	rq->len -= (size_t)(end - text) + 1;
	rq->body = end + 1;
	return text;
}

/* The body must be exactly so many strings. */
static bool xs_body_strings(struct xs_request *rq, const char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		texts[i] = xs_body_string(rq);
		if (texts[i] == NULL)
			return false;
	}
	return rq->len == 0;
}

static int xs_body_domid(struct xs_request *rq, domid_t *domid)
{
	const char *text;
	u64 value;

	if (!xs_body_strings(rq, &text, 1) ||
	    !xs_parse_decimal(text, strlen(text), DOMID_FIRST_RESERVED - 1, &value))
		return -EINVAL;
	*domid = (domid_t)value;
	return 0;
}

static int xs_list_reply(void *arg, const char *name, size_t len)
{
	struct xs_request *rq = arg;

	return xs_reply_add(rq, name, len + 1);
}

static int xs_do_directory(struct xs_request *rq)
{
	const char *path;
	u64 gen;

	if (!xs_body_strings(rq, &path, 1))
		return -EINVAL;
	return xs_op_list(&rq->op, path, xs_list_reply, rq, &gen);
}

/* Takes what fits of the list from an offset on; the end is marked by an empty name. */
struct xs_part {
	u64 skip;
	size_t used;
	bool full;
	char names[XS_PAYLOAD_MAX];
};

static int xs_list_part(void *arg, const char *name, size_t len)
{
	struct xs_part *part = arg;
	size_t size = len + 1;

	if (part->skip >= size) {
		part->skip -= size;
		return 0;
	}
	/* Room is left for the generation and the final mark. */
	if (part->full || size - part->skip > sizeof(part->names) - part->used - 32) {
		part->full = true;
		return 0;
	}
	memcpy(part->names + part->used, name + part->skip, size - part->skip);
	part->used += size - part->skip;
	part->skip = 0;
	return 0;
}

static int xs_do_directory_part(struct xs_request *rq)
{
	struct xs_part part = {.skip = 0};
	const char *texts[2];
	char text[24];
	u64 gen;
	int rc;

	if (!xs_body_strings(rq, texts, 2) ||
	    !xs_parse_decimal(texts[1], strlen(texts[1]), UINT32_MAX, &part.skip))
		return -EINVAL;
	rc = xs_op_list(&rq->op, texts[0], xs_list_part, &part, &gen);
	if (rc != 0)
		return rc;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)gen);
	rc = xs_reply_string(rq, text);
	if (rc == 0)
		rc = xs_reply_add(rq, part.names, part.used);
	if (rc == 0 && !part.full)
		rc = xs_reply_add(rq, "", 1);
	return rc;
}

static int xs_do_read(struct xs_request *rq)
{
	const struct xs_data *data;
	const char *path;
	int rc;

	if (!xs_body_strings(rq, &path, 1))
		return -EINVAL;
	rc = xs_op_get(&rq->op, path, &data);
	return rc != 0 ? rc : xs_reply_add(rq, data->value, data->value_len);
}

static int xs_do_write(struct xs_request *rq)
{
	const char *path = xs_body_string(rq);

	if (path == NULL)
		return -EINVAL;
	return xs_reply_ok(rq, xs_op_write(&rq->op, path, rq->body, rq->len));
}

static int xs_do_mkdir(struct xs_request *rq)
{
	const char *path;

	if (!xs_body_strings(rq, &path, 1))
		return -EINVAL;
	return xs_reply_ok(rq, xs_op_mkdir(&rq->op, path));
}

static int xs_do_rm(struct xs_request *rq)
{
	const char *path;

	if (!xs_body_strings(rq, &path, 1))
		return -EINVAL;
	return xs_reply_ok(rq, xs_op_rm(&rq->op, path));
}

static int xs_do_get_perms(struct xs_request *rq)
{
	const struct xs_data *data;
	struct xs_data now = {0};
	const char *path;
	int rc;

	if (!xs_body_strings(rq, &path, 1))
		return -EINVAL;
	rc = xs_op_get(&rq->op, path, &data);
	if (rc != 0)
		return rc;
	now.perms = xs_perm_copy(rq->op.xs, data, &now.perm_count);
	if (now.perms == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < now.perm_count && rc == 0; i++) {
		char text[8];

		(void)snprintf(text, sizeof(text), "%c%u", now.perms[i].letter,
			       (unsigned int)now.perms[i].domid);
		rc = xs_reply_string(rq, text);
	}
	xs_data_free(&now);
	return rc;
}

static int xs_do_set_perms(struct xs_request *rq)
{
	struct xs_perm perms[XS_PAYLOAD_MAX / 3]; /* the shortest is "n0" and its NUL */
	const char *path = xs_body_string(rq), *text;
	size_t count = 0;

	if (path == NULL || rq->len == 0)
		return -EINVAL;
	while (rq->len > 0) {
		u64 domid;

		text = xs_body_string(rq);
		if (text == NULL || text[0] == '\0' ||
		    !xs_parse_decimal(text + 1, strlen(text + 1), UINT16_MAX, &domid))
			return -EINVAL;
		perms[count++] = (struct xs_perm){text[0], (domid_t)domid};
	}
	return xs_reply_ok(rq, xs_op_set_perms(&rq->op, path, perms, count));
}

static int xs_do_watch(struct xs_request *rq)
{
	const char *texts[2];

	if (!xs_body_strings(rq, texts, 2))
		return -EINVAL;
	return xs_reply_ok(rq, xs_watch_add(rq->op.xs, rq->op.dom, texts[0], texts[1], NULL, NULL));
}

static int xs_do_unwatch(struct xs_request *rq)
{
	const char *texts[2];

	if (!xs_body_strings(rq, texts, 2))
		return -EINVAL;
	return xs_reply_ok(rq, xs_watch_remove(rq->op.xs, rq->op.dom, texts[0], texts[1]));
}

static int xs_do_reset_watches(struct xs_request *rq)
{
	xs_domain_reset(rq->op.xs, rq->op.dom);
	return xs_reply_ok(rq, 0);
}

static int xs_do_transaction_start(struct xs_request *rq)
{
	struct xs_tx *tx;
	char text[12];
	int rc;

	if (rq->op.tx != NULL)
		return -EBUSY;
	rc = xs_tx_open(rq->op.xs, rq->op.dom, &tx);
	if (rc != 0)
		return rc;
	(void)snprintf(text, sizeof(text), "%u", (unsigned int)tx->id);
	return xs_reply_string(rq, text);
}

static int xs_do_transaction_end(struct xs_request *rq)
{
	const char *text;
	int rc = 0;

	if (!xs_body_strings(rq, &text, 1) || (strcmp(text, "T") != 0 && strcmp(text, "F") != 0))
		return -EINVAL;
	if (rq->op.tx == NULL)
		return -ENOENT;
	if (text[0] == 'T')
		rc = xs_tx_commit(rq->op.xs, rq->op.tx);
	xs_tx_free(rq->op.tx);
	return xs_reply_ok(rq, rc);
}

static int xs_do_get_domain_path(struct xs_request *rq)
{
	char path[32];
	domid_t domid;
	int rc = xs_body_domid(rq, &domid);

	if (rc != 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/local/domain/%u", (unsigned int)domid);
	return xs_reply_string(rq, path);
}

static int xs_do_is_introduced(struct xs_request *rq)
{
	domid_t domid;
	int rc = xs_body_domid(rq, &domid);

	if (rc != 0)
		return rc;
	return xs_reply_string(rq, xs_domain_introduced(rq->op.xs, domid) ? "T" : "F");
}

/* The tool stack is in this process and has calls for these. */
static int xs_do_refuse(struct xs_request *rq)
{
	(void)rq;
	return -ENOSYS;
}

static const struct {
	int (*handle)(struct xs_request *rq);
	bool privileged;
} xs_requests[] = {
	[XS_CONTROL] = {xs_do_refuse, true},
	[XS_DIRECTORY] = {xs_do_directory, false},
	[XS_READ] = {xs_do_read, false},
	[XS_GET_PERMS] = {xs_do_get_perms, false},
	[XS_WATCH] = {xs_do_watch, false},
	[XS_UNWATCH] = {xs_do_unwatch, false},
	[XS_TRANSACTION_START] = {xs_do_transaction_start, false},
	[XS_TRANSACTION_END] = {xs_do_transaction_end, false},
	[XS_INTRODUCE] = {xs_do_refuse, true},
	[XS_RELEASE] = {xs_do_refuse, true},
	[XS_GET_DOMAIN_PATH] = {xs_do_get_domain_path, false},
	[XS_WRITE] = {xs_do_write, false},
	[XS_MKDIR] = {xs_do_mkdir, false},
	[XS_RM] = {xs_do_rm, false},
	[XS_SET_PERMS] = {xs_do_set_perms, false},
	[XS_IS_DOMAIN_INTRODUCED] = {xs_do_is_introduced, true},
	[XS_RESUME] = {xs_do_refuse, true},
	[XS_SET_TARGET] = {xs_do_refuse, true},
	[XS_RESET_WATCHES] = {xs_do_reset_watches, false},
	[XS_DIRECTORY_PART] = {xs_do_directory_part, false},
};

static int xs_wire_dispatch(struct xs_request *rq, const struct xs_header *header)
{
	if (header->type >= ARRAY_SIZE(xs_requests) || xs_requests[header->type].handle == NULL)
		return -ENOSYS;
	if (xs_requests[header->type].privileged && !rq->op.dom->privileged)
		return -EACCES;
	if (header->tx_id != 0) {
		rq->op.tx = xs_tx_find(rq->op.dom, header->tx_id);
		if (rq->op.tx == NULL)
			return -ENOENT;
	}
	return xs_requests[header->type].handle(rq);
}

static const char *xs_error_name(int rc)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{EINVAL, "EINVAL"}, {EACCES, "EACCES"}, {EEXIST, "EEXIST"}, {ENOENT, "ENOENT"},
		{ENOMEM, "ENOMEM"}, {ENOSPC, "ENOSPC"}, {ENOSYS, "ENOSYS"}, {EBUSY, "EBUSY"},
		{EAGAIN, "EAGAIN"}, {E2BIG, "E2BIG"},   {EPERM, "EPERM"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].code == -rc)
			return names[i].name;
	}
	return "EIO";
}

size_t xs_wire_handle(struct xenstore *xs, struct xs_domain *dom, const struct xs_header *header,
		      const char *body, u8 *reply)
{
	struct xs_header answer = *header;
	struct xs_request rq = {
		.op = {xs, dom, NULL},
		.body = body,
		.len = header->len,
		.out = reply + sizeof(answer),
	};
	int rc = xs_wire_dispatch(&rq, header);

	if (rc != 0) {
		const char *name = xs_error_name(rc);

		answer.type = XS_ERROR;
		rq.out_len = strlen(name) + 1;
		memcpy(rq.out, name, rq.out_len);
	}
	answer.len = (u32)rq.out_len;
	memcpy(reply, &answer, sizeof(answer));
	return sizeof(answer) + rq.out_len;
}
