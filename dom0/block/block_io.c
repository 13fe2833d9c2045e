/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the control domain's own fibers. */
#include <dom0/block/block_internal.h>

#include <dom0/entry/paging.h>
#include <dom0/loop/fiber.h>

struct waiter {
	struct fiber *fiber;
	enum block_status status;
	bool done;
};

static void io_done(struct block_request *r, enum block_status status)
{
	struct waiter *w = r->ctx;

	w->status = status;
	w->done = true;
	fiber_wake(w->fiber);
}

static enum block_status io_once(struct block_use *u, enum block_op op, u64 sector, void *data,
				 u32 bytes, u64 count)
{
	struct waiter w = {.fiber = fiber_self()};
	struct block_segment s = {.bus = paging_gpa(data).v, .cpu = data, .bytes = bytes};
	struct block_request r = {.op = op,
				  .sector = sector,
				  .count = count,
				  .segments = &s,
				  .segment_count = bytes ? 1 : 0,
				  .done = io_done,
				  .ctx = &w};

	block_submit(u, &r);
	block_kick(u);
	while (!w.done)
		fiber_wait();
	return w.status;
}

enum block_status block_io(struct block_use *u, enum block_op op, u64 sector, void *data,
			   size_t bytes)
{
	const size_t most = 1u << 30; /* a segment's length has 32 bits */

	if (op == BLOCK_FLUSH)
		return io_once(u, op, 0, NULL, 0, 0);
	if (bytes % BLOCK_SECTOR)
		return BLOCK_INVALID;
	if (op == BLOCK_DISCARD)
		return io_once(u, op, sector, NULL, 0, bytes / BLOCK_SECTOR);
	while (bytes) {
		u32 n = (u32)min_u64(bytes, most);
		enum block_status status = io_once(u, op, sector, data, n, n / BLOCK_SECTOR);

		if (status != BLOCK_OK)
			return status;
		data = (u8 *)data + n;
		sector += n / BLOCK_SECTOR;
		bytes -= n;
	}
	return BLOCK_OK;
}
