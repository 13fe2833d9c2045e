/* SPDX-License-Identifier: BSD-2-Clause */
/* Two hostile guests send messages and raw bytes through their rings, and spoil their indices. */
// links: dom0/xenstore/xs_commit.c dom0/xenstore/xs_domain.c dom0/xenstore/xs_event.c
// links: dom0/xenstore/xs_guest_tree.c dom0/xenstore/xs_local.c dom0/xenstore/xs_names.c
// links: dom0/xenstore/xs_ops.c dom0/xenstore/xs_path.c dom0/xenstore/xs_perm.c
// links: dom0/xenstore/xs_ring.c dom0/xenstore/xs_transaction.c dom0/xenstore/xs_tree.c
// links: dom0/xenstore/xs_watch.c dom0/xenstore/xs_wire.c

#include <stdlib.h>
#include <string.h>

#include <dom0/xenstore/xenstore.h>
#include <dom0/xenstore/xs_domain.h>
#include <dom0/xenstore/xs_limits.h>
#include <dom0/xenstore/xs_wire.h>

#define GUESTS 2u
#define RING   1024u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

struct fuzz {
	struct xenstore *xs;
	struct xenstore_domain_interface page[GUESTS];
};

static void check(bool good)
{
	if (!good)
		abort();
}

static u8 take(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static void notify(void *ctx, domid_t domid)
{
	(void)ctx;
	check(domid == 1 || domid == 2);
}

static void changed(void *ctx, const char *path, const char *token)
{
	(void)ctx;
	check(strlen(path) <= XS_ABS_PATH_MAX && strlen(token) == 1);
}

static void introduce(struct fuzz *f, unsigned int guest)
{
	memset(&f->page[guest], 0, sizeof(f->page[guest]));
	check(xs_domain_introduce(f->xs, (domid_t)(guest + 1), &f->page[guest], notify, NULL) == 0);
}

static void put(struct xenstore_domain_interface *page, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0 && page->req_prod - page->req_cons < RING) {
		page->req[page->req_prod++ % RING] = *p++;
		len--;
	}
}

/* Elements that make requests of the two guests meet. */
static const char *const words[] = {
	"/local/domain/1",
	"/local/domain/2",
	"/a",
	"/b",
	"/c",
	"a",
	"b",
	"data",
	"/shared",
	"/",
	"n1",
	"n2",
	"r1",
	"b2",
	"w0",
	"T",
	"F",
	"t",
	"0",
	"1",
};

static void message(struct fuzz *f, unsigned int guest, struct input *in)
{
	static const u8 types[] = {1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 21, 22, 9, 0};
	char body[512];
	size_t len = 0;
	unsigned int count;
	struct xs_header header = {0};

	header.type = types[take(in) % sizeof(types)];
	header.tx_id = take(in) % 4u;
	header.req_id = 7;
	for (count = take(in) % 8u; count > 0; count--) {
		u8 pick = take(in);
		const char *word = words[pick % ARRAY_SIZE(words)];

		memcpy(body + len, word, strlen(word));
		len += strlen(word);
		if (pick < 160)
			body[len++] = '\0';
	}
	header.len = (u32)len;
	put(&f->page[guest], &header, sizeof(header));
	put(&f->page[guest], body, len);
}

static void raw(struct fuzz *f, unsigned int guest, struct input *in)
{
	for (unsigned int count = take(in) % 64u; count > 0; count--) {
		u8 byte = take(in);

		put(&f->page[guest], &byte, 1);
	}
}

static void drain(struct xenstore_domain_interface *page)
{
	page->rsp_cons = page->rsp_prod;
}

static void spoil(struct xenstore_domain_interface *page, struct input *in)
{
	u32 value = take(in) * 0x01010101u;

	switch (take(in) % 6u) {
	case 0:
		page->req_prod += value;
		break;
	case 1:
		page->rsp_cons -= value;
		break;
	case 2:
		page->req_cons = value;
		break;
	case 3:
		page->rsp_prod = value;
		break;
	case 4:
		page->connection = value;
		break;
	default:
		page->server_features = page->error = value;
		break;
	}
}

static void again(struct fuzz *f, unsigned int guest)
{
	xs_domain_release(f->xs, (domid_t)(guest + 1));
	check(xs_domain_find(f->xs, (domid_t)(guest + 1)) == NULL);
	introduce(f, guest);
}

static void local(struct fuzz *f, struct input *in)
{
	const struct xs_perm perms[] = {{'n', 0}, {'b', 1}, {'b', 2}};
	int rc = 0;

	switch (take(in) % 4u) {
	case 0:
		rc = xs_local_write(f->xs, XS_NO_TX, "/shared/a", "x", 1);
		break;
	case 1:
		rc = xs_local_rm(f->xs, XS_NO_TX, "/shared");
		break;
	case 2:
		rc = xs_local_mkdir(f->xs, XS_NO_TX, "/shared");
		if (rc == 0)
			rc = xs_local_set_perms(f->xs, XS_NO_TX, "/shared", perms, 3);
		break;
	default:
		(void)xs_local_dispatch(f->xs);
		break;
	}
	check(rc == 0);
}

static void invariants(const struct fuzz *f)
{
	for (domid_t id = 1; id <= GUESTS; id++) {
		const struct xs_domain *dom = xs_domain_find(f->xs, id);

		check(dom->node_count <= XS_QUOTA_NODES + 100);
		check(dom->watch_count <= XS_QUOTA_WATCHES);
		check(dom->tx_count <= XS_QUOTA_TRANSACTIONS);
		check(dom->work_bytes <= XS_QUOTA_WORK_BYTES);
		check(dom->event_count <= XS_QUOTA_EVENTS);
		check((dom->owned == NULL) == (dom->node_count == 0));
	}
}

static void step(struct fuzz *f, struct input *in)
{
	u8 op = take(in);
	unsigned int guest = op & 1u;

	switch (op >> 1) {
	case 0:
		raw(f, guest, in);
		break;
	case 1:
		spoil(&f->page[guest], in);
		break;
	case 2:
		again(f, guest);
		break;
	case 3:
	case 4:
		local(f, in);
		break;
	default:
		message(f, guest, in);
		break;
	}
	if ((op & 0x80u) == 0)
		(void)!xs_domain_service(f->xs, (domid_t)(guest + 1));
	if ((op & 0x40u) == 0)
		drain(&f->page[guest]);
	invariants(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct xenstore_config config = {.hash_seed = 1};
	const struct xs_perm owner[GUESTS] = {{'n', 1}, {'n', 2}};
	static struct fuzz f;
	struct input in = {data, size};

	f.xs = xenstore_create(&config);
	check(f.xs != NULL);
	check(xs_local_watch(f.xs, "/", "t", changed, NULL) == 0);
	for (unsigned int i = 0; i < GUESTS; i++) {
		char path[] = "/local/domain/1";

		path[sizeof(path) - 2] = (char)('1' + i);
		introduce(&f, i);
		check(xs_local_mkdir(f.xs, XS_NO_TX, path) == 0);
		check(xs_local_set_perms(f.xs, XS_NO_TX, path, &owner[i], 1) == 0);
	}
	while (in.size > 0)
		step(&f, &in);
	xenstore_destroy(f.xs);
	return 0;
}
