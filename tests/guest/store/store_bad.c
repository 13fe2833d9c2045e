/* SPDX-License-Identifier: BSD-2-Clause */
/* Malformed messages, floods and wild indices on the xenstore ring: an error or silence, no harm.
 */
#include <tests/guest/store/xs.h>

const char test_title[] = "xenstore: malformed input";

static char big[4200];

static u32 raw(u32 type, u32 tx, const void *body, u32 len)
{
	struct xs_header h = {.type = type, .req_id = ++xs_next_id, .tx_id = tx, .len = len};

	CHECK(xs_put(&h, sizeof(h)) && xs_put(body, len), "request taken");
	return xs_answer(false, NULL);
}

void test_main(void)
{
	xs_init();
	memset(big, 'a', sizeof(big));
	for (u32 type = 0; type < 30; type++) {
		if (type == XS_TRANSACTION_START)
			continue;
		(void)raw(type, 0, "", 0);
		(void)raw(type, 0, "x", 1);
		(void)raw(type, 0, "\0\0\0", 3);
		(void)raw(type, 0xFFFFFFFF, "data", 5);
	}
	CHECK_EQ(raw(0xFFFFFFFF, 0, "data", 5), XS_ERROR, "type 2^32 - 1");
	CHECK_EQ(raw(XS_READ, 0, "data", 4), XS_ERROR, "path without its NUL");
	CHECK_EQ(raw(XS_READ, 0, big, 4096), XS_ERROR, "path of 4,096 bytes");
	CHECK_EQ(raw(XS_SET_PERMS, 0, "data\0zz\0", 8), XS_ERROR, "permissions that are none");
	CHECK_EQ(raw(XS_SET_PERMS, 0, "data\0n99999999999999\0", 21), XS_ERROR, "a wild domid");
	CHECK_EQ(raw(XS_TRANSACTION_END, 0, "T", 2), XS_ERROR, "end of no transaction");
	CHECK_EQ(raw(XS_TRANSACTION_END, 0, "X", 2), XS_ERROR, "neither T nor F");
	/* Quotas: nodes, watches, transactions, sizes. None may be without end. */
	u32 refused = 0;
	for (u32 i = 0; i < 3000 && refused < 3; i++) {
		char path[32] = "data/n0000";

		for (u32 k = 0, n = i; k < 4; k++, n /= 10)
			path[9 - k] = (char)('0' + n % 10);
		refused += xs_request(XS_WRITE, 0, path, "v", false) == XS_ERROR;
	}
	CHECK(refused, "nodes have a quota");
	for (u32 i = 0, r = 0; r < 3; i++) {
		CHECK(i < 2000, "transactions have a quota");
		r += xs_request(XS_TRANSACTION_START, 0, "", NULL, false) == XS_ERROR;
	}
	for (u32 i = 0, r = 0; r < 3; i++) {
		char token[8] = "t0000";

		CHECK(i < 5000, "watches have a quota");
		for (u32 k = 0, n = i; k < 4; k++, n /= 10)
			token[4 - k] = (char)('0' + n % 10);
		r += xs_request(XS_WATCH, 0, "data", token, true) == XS_ERROR;
	}
	/* Still served. */
	CHECK_EQ(xs_request(XS_READ, 0, "name", NULL, false), XS_READ, "served after all that");
	/* A length beyond the limit, then wild indices: the store stops serving this guest alone.
	 */
	struct xs_header h = {XS_READ, ++xs_next_id, 0, 0xFFFFFFF0};
	(void)xs_put(&h, sizeof(h));
	delay_ns(3000000);
	xs_ring->req_prod = xs_ring->req_cons + 70000;
	xs_ring->rsp_cons = xs_ring->rsp_prod + 99;
	for (u32 i = 0; i < 20; i++)
		(void)event_send((u32)xs_port);
	delay_ns(5000000);
}
