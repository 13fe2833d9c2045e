/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of host tests. */
#include <block_client_fake.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

struct client_request client[CLIENT_REQUESTS];

void client_init(struct fake_device *f)
{
	memset(client, 0, sizeof(client));
	for (unsigned int i = 0; i < CLIENT_REQUESTS; i++) {
		client[i].segment.bus = fake_dma_add(f, client[i].data, CLIENT_BYTES, 0);
		client[i].segment.cpu = client[i].data;
	}
}

static void done(struct block_request *r, enum block_status status)
{
	struct client_request *c = (struct client_request *)(void *)r;

	assert_true(c->under_way); /* once */
	c->under_way = false;
	c->status = status;
	c->done++;
	memset(&r->next, 0xEE, sizeof(r->next)); /* ours again: nobody looks at it */
	if (c->then)
		c->then(c);
}

void client_submit(struct block_device *b, unsigned int i, enum block_op op, u64 sector, u64 count)
{
	struct client_request *c = &client[i];
	bool data = op == BLOCK_READ || op == BLOCK_WRITE;

	assert_false(c->under_way);
	c->segment.bytes = data ? (u32)(count * BLOCK_SECTOR) : 0;
	c->r = (struct block_request){
		.op = op,
		.sector = sector,
		.count = count,
		.segments = &c->segment,
		.segment_count = data ? 1 : 0,
		.done = done,
	};
	c->under_way = true;
	b->ops->submit(b, &c->r);
}

void client_fill(unsigned int i, u8 seed)
{
	for (unsigned int k = 0; k < CLIENT_BYTES; k++)
		client[i].data[k] = (u8)(seed + k / BLOCK_SECTOR + k % 7);
}

bool client_has(unsigned int i, u8 seed)
{
	for (unsigned int k = 0; k < CLIENT_BYTES; k++)
		if (client[i].data[k] != (u8)(seed + k / BLOCK_SECTOR + k % 7))
			return false;
	return true;
}

void client_expect(unsigned int n, enum block_status status)
{
	for (unsigned int i = 0; i < n; i++) {
		assert_false(client[i].under_way);
		assert_int_equal(client[i].done, 1);
		assert_int_equal(client[i].status, status);
		client[i].done = 0;
	}
}
