/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's end of the xenstore ring, for tests. */
#include <tests/host/dom0/xenstore/xs_client.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RING 1024u

const char *client_stop_reason;

static void client_stopped(void *ctx, domid_t domid, const char *reason)
{
	(void)ctx;
	(void)domid;
	client_stop_reason = reason;
}

struct xenstore *client_server(void)
{
	const struct xenstore_config config = {.hash_seed = 0x1234567890abcdefull,
					       .stopped = client_stopped};
	struct xenstore *xs = xenstore_create(&config);

	assert_non_null(xs);
	client_stop_reason = NULL;
	return xs;
}

static void client_notify(void *ctx, domid_t domid)
{
	struct client *c = ctx;

	assert_int_equal(domid, c->domid);
	c->notified++;
}

struct client *client_open(struct xenstore *xs, domid_t domid)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->xs = xs;
	c->domid = domid;
	assert_int_equal(xs_domain_introduce(xs, domid, &c->page, client_notify, c), 0);
	return c;
}

void client_free(struct client *c)
{
	free(c->events);
	free(c);
}

size_t client_push(struct client *c, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t done = 0;

	while (done < len && c->page.req_prod - c->page.req_cons < RING)
		c->page.req[c->page.req_prod++ % RING] = p[done++];
	return done;
}

static void client_pull(struct client *c, size_t want)
{
	while (c->partial_len < want && c->page.rsp_cons != c->page.rsp_prod)
		c->partial[c->partial_len++] = c->page.rsp[c->page.rsp_cons++ % RING];
}

bool client_pull_message(struct client *c, struct client_message *m)
{
	client_pull(c, sizeof(m->header));
	if (c->partial_len < sizeof(m->header))
		return false;
	memcpy(&m->header, c->partial, sizeof(m->header));
	assert_true(m->header.len <= XS_PAYLOAD_MAX);
	client_pull(c, sizeof(m->header) + m->header.len);
	if (c->partial_len < sizeof(m->header) + m->header.len)
		return false;
	memcpy(m->body, c->partial + sizeof(m->header), m->header.len);
	m->body[m->header.len] = '\0';
	c->partial_len = 0;
	return true;
}

static void client_keep(struct client *c, const struct client_message *m)
{
	c->events = realloc(c->events, (c->event_count + 1) * sizeof(*m));
	assert_non_null(c->events);
	c->events[c->event_count++] = *m;
}

bool client_send(struct client *c, u32 type, u32 tx, const void *body, size_t len)
{
	const struct xs_header header = {type, ++c->last_id, tx, (u32)len};

	if (RING - (c->page.req_prod - c->page.req_cons) < sizeof(header) + len)
		return false;
	(void)client_push(c, &header, sizeof(header));
	(void)client_push(c, body, len);
	return true;
}

/* The next message that is no event, into c->reply. */
static void client_wait(struct client *c)
{
	for (unsigned int tries = 0; tries < 100000; tries++) {
		if (!client_pull_message(c, &c->reply)) {
			assert_true(xs_domain_service(c->xs, c->domid) >= 0);
			continue;
		}
		if (c->reply.header.type != XS_WATCH_EVENT)
			return;
		client_keep(c, &c->reply);
	}
	fail_msg("no reply");
}

const struct client_message *client_call(struct client *c, u32 type, u32 tx, const void *body,
					 size_t len)
{
	const struct xs_header header = {type, ++c->last_id, tx, (u32)len};
	const char *p = body;
	size_t done = 0;

	assert_int_equal(client_push(c, &header, sizeof(header)), sizeof(header));
	while (done < len) {
		done += client_push(c, p + done, len - done);
		if (done < len)
			assert_int_equal(xs_domain_service(c->xs, c->domid), 0);
	}
	client_wait(c);
	assert_int_equal(c->reply.header.req_id, c->last_id);
	assert_int_equal(c->reply.header.tx_id, tx);
	return &c->reply;
}

static const struct client_message *client_call_join(struct client *c, u32 type, u32 tx,
						     const char *join)
{
	char body[XS_PAYLOAD_MAX];
	size_t len = strlen(join) + 1;

	assert_true(len <= sizeof(body));
	memcpy(body, join, len);
	for (size_t i = 0; i < len; i++) {
		if (body[i] == '|')
			body[i] = '\0';
	}
	return client_call(c, type, tx, body, len);
}

void client_answer(struct client *c, u32 type, u32 tx, const char *join, const char *answer)
{
	struct client_message m = *client_call_join(c, type, tx, join);

	for (size_t i = 0; i < m.header.len; i++) {
		if (m.body[i] == '\0')
			m.body[i] = '|';
	}
	assert_string_equal(m.body, answer);
	assert_int_equal(m.header.type, type);
}

void client_ok(struct client *c, u32 type, u32 tx, const char *join)
{
	client_answer(c, type, tx, join, "OK|");
}

void client_error(struct client *c, u32 type, u32 tx, const char *join, const char *name)
{
	const struct client_message *m = client_call_join(c, type, tx, join);

	assert_int_equal(m->header.type, XS_ERROR);
	assert_int_equal(m->header.len, strlen(name) + 1);
	assert_string_equal(m->body, name);
}

void client_write(struct client *c, u32 tx, const char *path, const char *value)
{
	char body[XS_PAYLOAD_MAX];
	int len = snprintf(body, sizeof(body), "%s%c%s", path, '\0', value);
	const struct client_message *m = client_call(c, XS_WRITE, tx, body, (size_t)len);

	assert_string_equal(m->body, "OK");
	assert_int_equal(m->header.type, XS_WRITE);
}

void client_reads(struct client *c, u32 tx, const char *path, const char *value)
{
	client_answer(c, XS_READ, tx, path, value);
}

u32 client_begin(struct client *c)
{
	const struct client_message *m = client_call(c, XS_TRANSACTION_START, 0, "", 1);
	u32 tx = (u32)strtoul(m->body, NULL, 10);

	assert_int_equal(m->header.type, XS_TRANSACTION_START);
	assert_int_not_equal(tx, 0);
	return tx;
}

void client_end(struct client *c, u32 tx, bool commit, const char *result)
{
	const struct client_message *m =
		client_call(c, XS_TRANSACTION_END, tx, commit ? "T" : "F", 2);

	assert_string_equal(m->body, result);
}

static void client_collect(struct client *c)
{
	struct client_message m;

	do {
		while (client_pull_message(c, &m)) {
			assert_int_equal(m.header.type, XS_WATCH_EVENT);
			client_keep(c, &m);
		}
		assert_true(xs_domain_service(c->xs, c->domid) >= 0);
	} while (c->page.rsp_cons != c->page.rsp_prod);
}

void client_event(struct client *c, const char *path, const char *token)
{
	const struct client_message *m;

	client_collect(c);
	assert_true(c->event_count > 0);
	m = &c->events[0];
	assert_string_equal(m->body, path);
	assert_string_equal(m->body + strlen(path) + 1, token);
	assert_int_equal(m->header.len, strlen(path) + strlen(token) + 2);
	assert_int_equal(m->header.req_id, 0);
	assert_int_equal(m->header.tx_id, 0);
	c->event_count--;
	memmove(c->events, c->events + 1, c->event_count * sizeof(*c->events));
}

void client_no_event(struct client *c)
{
	client_collect(c);
	if (c->event_count > 0)
		fail_msg("unexpected event %s", c->events[0].body);
}

void local_reads(struct xenstore *xs, const char *path, const char *value)
{
	char buf[XS_PAYLOAD_MAX + 1];

	assert_int_equal(xs_local_read(xs, XS_NO_TX, path, buf, sizeof(buf)), strlen(value));
	assert_string_equal(buf, value);
}

void local_missing(struct xenstore *xs, const char *path)
{
	struct xs_perm perm;

	assert_int_equal(xs_local_get_perms(xs, XS_NO_TX, path, &perm, 1), -2 /* ENOENT */);
}

void local_write(struct xenstore *xs, const char *path, const char *value)
{
	assert_int_equal(xs_local_write(xs, XS_NO_TX, path, value, strlen(value)), 0);
}

void local_perms(struct xenstore *xs, const char *path, const char *perms)
{
	struct xs_perm list[16];
	size_t count = 0;

	while (*perms != '\0') {
		char *end;

		list[count].letter = *perms;
		list[count++].domid = (domid_t)strtoul(perms + 1, &end, 10);
		perms = *end == ' ' ? end + 1 : end;
	}
	assert_int_equal(xs_local_set_perms(xs, XS_NO_TX, path, list, count), 0);
}

void local_lists(struct xenstore *xs, xs_tx_id tx, const char *path, const char *names)
{
	char joined[8192] = "", *list, *name;
	size_t count;

	assert_int_equal(xs_local_directory(xs, tx, path, &list, &count), 0);
	name = list;
	for (size_t i = 0; i < count; i++) {
		strcat(joined, i > 0 ? "|" : "");
		strcat(joined, name);
		name += strlen(name) + 1;
	}
	free(list);
	assert_string_equal(joined, names);
}
