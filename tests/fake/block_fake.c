/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk for host tests, and what of the control domain the block layer needs. */
#include <block_fake.h>

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dom0/console/machine_console.h>
#include <dom0/entry/paging.h>

#define HIGH   (1ull << 48)
#define WINDOW (64ull << 20)

char fake_log[65536];

static u64 seed = 88172645463325252ull;
static u64 windows[32]; /* of host addresses, in units of WINDOW; their place is the bus address */
static unsigned int window_count;

u64 fake_random(u64 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

gpa_t paging_gpa(const void *p)
{
	u64 at = (u64)(uintptr_t)p;
	unsigned int i = 0;

	while (i < window_count && windows[i] != at / WINDOW)
		i++;
	assert_true(i < ARRAY_SIZE(windows));
	if (i == window_count)
		windows[window_count++] = at / WINDOW;
	return gpa((i + 1) * WINDOW + at % WINDOW);
}

u64 fake_high_bus(const void *p)
{
	return HIGH + (u64)(uintptr_t)p;
}

static void *host(u64 bus)
{
	if (bus >= HIGH)
		return (void *)(uintptr_t)(bus - HIGH);
	assert_true(bus >= WINDOW && bus / WINDOW - 1 < window_count);
	return (void *)(uintptr_t)(windows[bus / WINDOW - 1] * WINDOW + bus % WINDOW);
}

void machine_console_line(const char *fmt, ...)
{
	size_t n = strlen(fake_log);
	va_list ap;

	if (n > sizeof(fake_log) - 1024)
		n = 0;
	va_start(ap, fmt);
	vsnprintf(fake_log + n, sizeof(fake_log) - n - 1, fmt, ap);
	va_end(ap);
	strcat(fake_log, "\n");
}

/* Fails the test if r is more than the device takes. */
static void check_data(const struct block_device *d, const struct block_request *r)
{
	u64 bytes = 0;

	assert_true(r->segment_count && r->segment_count <= d->max_segments);
	for (unsigned int i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];
		u64 last = s->bus + s->bytes - 1;

		assert_true(s->bytes && s->bytes % BLOCK_SECTOR == 0);
		assert_true(s->bytes <= d->max_segment);
		assert_true(!d->needs_cpu || s->cpu);
		assert_true(d->needs_cpu || s->bus % 4 == 0);
		assert_true(!d->address_limit || last <= d->address_limit);
		if (d->segment_boundary)
			assert_true((s->bus & ~d->segment_boundary) ==
				    (last & ~d->segment_boundary));
		assert_true(i == 0 || (s->bus & d->page_mask) == 0);
		assert_true(i + 1 == r->segment_count || ((last + 1) & d->page_mask) == 0);
		bytes += s->bytes;
	}
	assert_true(bytes == r->count * BLOCK_SECTOR && bytes <= d->max_bytes);
}

static void check(const struct block_fake *f, const struct block_request *r)
{
	const struct block_device *d = &f->dev;
	u64 unit = d->sector_size / BLOCK_SECTOR;

	assert_true(r->count <= d->sectors && r->sector <= d->sectors - r->count);
	assert_true(r->sector % unit == 0 && r->count % unit == 0);
	switch (r->op) {
	case BLOCK_WRITE:
		assert_false(d->read_only);
		check_data(d, r);
		return;
	case BLOCK_READ:
		check_data(d, r);
		return;
	case BLOCK_FLUSH:
		assert_true(d->write_cache && r->count == 0);
		return;
	case BLOCK_DISCARD:
		assert_true(d->discard && r->count);
		assert_true(!d->max_discard || r->count <= d->max_discard);
		if (d->discard_granularity)
			assert_true(r->sector * BLOCK_SECTOR % d->discard_granularity == 0 &&
				    r->count * BLOCK_SECTOR % d->discard_granularity == 0);
		return;
	}
	fail_msg("an unknown operation");
}

static void move(struct block_fake *f, const struct block_request *r)
{
	u8 *at = f->data + r->sector * BLOCK_SECTOR;

	if (r->op == BLOCK_FLUSH)
		f->flushes++;
	if (r->op == BLOCK_DISCARD)
		memset(at, 0, r->count * BLOCK_SECTOR);
	for (unsigned int i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];
		void *theirs = f->dev.needs_cpu ? s->cpu : host(s->bus);

		if (r->op == BLOCK_READ)
			memcpy(theirs, at, s->bytes);
		else
			memcpy(at, theirs, s->bytes);
		at += s->bytes;
	}
}

static void complete(struct block_fake *f, struct block_request *r)
{
	bool bad = f->fail_one_in && fake_random(f->fail_one_in) == 0;

	bad |= f->bad_sector >= r->sector && f->bad_sector < r->sector + r->count;
	if (f->gone) {
		r->done(r, BLOCK_GONE);
	} else if (bad) {
		f->failed++;
		r->done(r, BLOCK_ERROR);
	} else {
		move(f, r);
		r->done(r, BLOCK_OK);
	}
}

static void fake_submit(struct block_device *b, struct block_request *r)
{
	struct block_fake *f = (struct block_fake *)(void *)b;

	check(f, r);
	f->requests++;
	f->unkicked = true;
	r->deadline = fake_random(~0ull); /* the device may write what belongs to it */
	r->tag = (u32)r->deadline;
	r->next = r;
	if (f->at_once || f->gone) {
		complete(f, r);
		return;
	}
	assert_true(f->queued < BLOCK_FAKE_QUEUE);
	f->queue[f->queued++] = r;
}

static void fake_kick(struct block_device *b)
{
	struct block_fake *f = (struct block_fake *)(void *)b;

	f->kicks++;
	f->unkicked = false;
}

static const struct block_device_ops ops = {.submit = fake_submit, .kick = fake_kick};

bool block_fake_complete(struct block_fake *f)
{
	unsigned int i;
	struct block_request *r;

	if (!f->queued)
		return false;
	/* What is not kicked would never be worked on. */
	assert_false(f->unkicked);
	i = (unsigned int)fake_random(f->queued);
	r = f->queue[i];
	f->queue[i] = f->queue[--f->queued];
	complete(f, r);
	return true;
}

void block_fake_init(struct block_fake *f, u64 sectors, u32 sector_size)
{
	memset(f, 0, sizeof(*f));
	f->dev = (struct block_device){.ops = &ops,
				       .owner = f,
				       .sectors = sectors,
				       .sector_size = sector_size,
				       .physical_sector_size = sector_size,
				       .write_cache = true,
				       .max_segments = 128,
				       .max_bytes = 512u << 10,
				       .max_segment = 512u << 10,
				       .queue_depth = 32};
	f->bad_sector = ~0ull;
	f->data = calloc(sectors, BLOCK_SECTOR);
	assert_non_null(f->data);
}

void block_fake_free(struct block_fake *f)
{
	assert_int_equal(f->queued, 0);
	free(f->data);
}
