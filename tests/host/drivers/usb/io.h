/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to the first disk of a fake controller. */
#ifndef TESTS_HOST_DRIVERS_USB_IO_H
#define TESTS_HOST_DRIVERS_USB_IO_H

#include <device_fake.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <drivers/usb/usb.h>
#include <string.h>

#define SEC NS_PER_SEC

static struct fake_device *machine;
static u8 memory[USB_TRANSFER_MAX] __attribute__((aligned(65536)));
static u64 first_address = 1ull << 32; /* of segments, for the device */

struct io {
	struct block_request r;
	struct block_segment s[USB_SEGMENTS_MAX];
	unsigned int done;
	enum block_status status;
};

static void io_done(struct block_request *r, enum block_status status)
{
	struct io *io = r->ctx;

	io->done++;
	io->status = status;
}

static void fill(u8 *p, size_t n, unsigned int seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)((i * 2654435761u + seed * 97) >> 11);
}

/* In pieces of `piece` bytes. */
static void submit(struct io *io, enum block_op op, u64 sector, u8 *p, u32 bytes, u32 piece)
{
	static u64 next;
	struct block_device *b = machine->disks[0];

	memset(io, 0, sizeof(*io));
	io->r = (struct block_request){.op = op,
				       .sector = sector,
				       .count = bytes / 512,
				       .segments = io->s,
				       .done = io_done,
				       .ctx = io};
	if (!next)
		next = first_address;
	/* Pages apart, and as the limits want it. */
	for (u32 at = 0; at < bytes; at += piece, next += 1 << 17)
		io->s[io->r.segment_count++] = (struct block_segment){
			fake_dma_add(machine, p + at, piece, next), p + at, piece};
	b->ops->submit(b, &io->r);
	b->ops->kick(b);
}

static void forget(struct io *io)
{
	for (unsigned int i = 0; i < io->r.segment_count; i++)
		fake_dma_remove(machine, io->s[i].cpu);
}

/* Lets time pass until all are done, and a little more. */
static void finish(const struct io *io, unsigned int n)
{
	for (unsigned int i = 0, k = 0; i < n && k < 1200; k++) {
		fake_device_pass(machine, SEC / 10, SEC / 100);
		while (i < n && io[i].done)
			i++;
	}
	fake_device_pass(machine, SEC / 10, SEC / 100);
}

static enum block_status do_io(enum block_op op, u64 sector, u8 *p, u32 bytes, u32 piece)
{
	static struct io io;

	submit(&io, op, sector, p, bytes, piece);
	finish(&io, 1);
	assert_int_equal(io.done, 1);
	forget(&io);
	return io.status;
}

#endif
