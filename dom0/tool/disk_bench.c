/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps a number of requests under way until as many as asked for are done. Completions only note
 * which request is free again; what is free is submitted in one batch, as a back end does. */
#include <dom0/tool/disk_bench.h>

#include <stdlib.h>
#include <string.h>
#include <dom0/block/block.h>
#include <dom0/console/machine_console.h>
#include <dom0/entry/paging.h>
#include <dom0/loop/fiber.h>
#include <dom0/loop/loop.h>

struct bench_slot {
	struct block_request r;
	struct block_segment segment;
	struct bench_slot *next_idle;
};

static struct {
	struct disk_bench b;
	bool running;
	struct block_use *use;
	struct fiber *fiber;
	struct loop_work work;
	struct bench_slot *slots, *idle;
	u8 *memory;
	u64 blocks; /* of the disk */
	u64 seed;
	u32 issued, done, failed;
} bench;

static void slot_done(struct block_request *r, enum block_status status)
{
	struct bench_slot *s = r->ctx;

	bench.done++;
	bench.failed += status != BLOCK_OK;
	s->next_idle = bench.idle;
	bench.idle = s;
	if (bench.done == bench.b.count)
		fiber_wake(bench.fiber);
	else
		bench.work.due = true;
}

static u64 next_block(void)
{
	if (!bench.b.random)
		return bench.issued % bench.blocks;
	bench.seed ^= bench.seed << 13;
	bench.seed ^= bench.seed >> 7;
	bench.seed ^= bench.seed << 17;
	return bench.seed % bench.blocks;
}

static bool submit_idle(void *ctx)
{
	(void)ctx;
	while (bench.idle && bench.issued < bench.b.count) {
		struct bench_slot *s = bench.idle;

		bench.idle = s->next_idle;
		s->r.sector = next_block() * (bench.b.bytes / BLOCK_SECTOR);
		bench.issued++;
		block_submit(bench.use, &s->r);
	}
	block_kick(bench.use);
	return false;
}

static bool make_slots(void)
{
	const struct disk_bench *b = &bench.b;
	size_t each = align_up(b->bytes, PAGE_SIZE);
	u8 *p;

	bench.slots = calloc(b->depth, sizeof(*bench.slots));
	bench.memory = calloc(1, each * b->depth + PAGE_SIZE);
	if (!bench.slots || !bench.memory)
		return false;
	p = bench.memory + (PAGE_SIZE - ((uintptr_t)bench.memory & PAGE_MASK));
	bench.idle = NULL;
	for (u32 i = 0; i < b->depth; i++, p += each) {
		struct bench_slot *s = &bench.slots[i];

		s->segment =
			(struct block_segment){.bus = paging_gpa(p).v, .cpu = p, .bytes = b->bytes};
		s->r = (struct block_request){.op = b->write ? BLOCK_WRITE : BLOCK_READ,
					      .count = b->bytes / BLOCK_SECTOR,
					      .segments = &s->segment,
					      .segment_count = 1,
					      .done = slot_done,
					      .ctx = s};
		s->next_idle = bench.idle;
		bench.idle = s;
	}
	return true;
}

static void report(u64 ns)
{
	const struct disk_bench *b = &bench.b;
	u64 bytes = (u64)b->count * b->bytes;
	/* In hundredths, without a floating point's formats. */
	u64 rate = (u64)((unsigned __int128)bytes * 100000 / (ns ? ns : 1));
	u64 iops = (u64)((unsigned __int128)b->count * NS_PER_SEC / (ns ? ns : 1));

	machine_console_line("disk-bench: %s %s %s: %u requests of %u bytes at depth %u, %llu "
			     "bytes, %llu ns, %llu.%02llu MB/s, %llu IOPS, %u failed",
			     b->device, b->random ? "random" : "sequential",
			     b->write ? "write" : "read", b->count, b->bytes, b->depth,
			     (unsigned long long)bytes, (unsigned long long)ns,
			     (unsigned long long)(rate / 100), (unsigned long long)(rate % 100),
			     (unsigned long long)iops, bench.failed);
}

static void run(void)
{
	u64 start;

	bench.issued = bench.done = bench.failed = 0;
	bench.seed = 88172645463325252ull;
	bench.work = (struct loop_work){.fn = submit_idle, .due = true};
	start = loop_now();
	loop_add_work(&bench.work);
	while (bench.done < bench.b.count)
		fiber_wait();
	report(loop_now() - start);
	loop_remove_work(&bench.work);
}

static void bench_fiber(void *ctx)
{
	const struct block_target t = {
		.kind = BLOCK_PHY, .name = bench.b.device, .write = bench.b.write};
	const struct block_device *dev;
	char why[BLOCK_WHY_MAX];

	(void)ctx;
	bench.fiber = fiber_self();
	bench.use = block_open(&t, "disk-bench", why);
	if (!bench.use) {
		machine_console_line("disk-bench: %s", why);
		bench.running = false;
		return;
	}
	dev = block_device_of(bench.use);
	bench.blocks = dev->sectors * BLOCK_SECTOR / bench.b.bytes;
	if (bench.b.bytes % dev->sector_size || !bench.blocks)
		machine_console_line("disk-bench: %s has sectors of %u bytes, and %llu of 512",
				     bench.b.device, dev->sector_size,
				     (unsigned long long)dev->sectors);
	else if (!make_slots())
		machine_console_line("disk-bench: out of memory");
	else
		run();
	free(bench.slots);
	free(bench.memory);
	bench.slots = NULL;
	bench.memory = NULL;
	block_close(bench.use);
	bench.running = false;
}

bool disk_bench_start(const struct disk_bench *b)
{
	if (bench.running)
		return false;
	bench.b = *b;
	bench.running = fiber_start(bench_fiber, NULL);
	return bench.running;
}
