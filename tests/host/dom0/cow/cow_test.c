/* SPDX-License-Identifier: BSD-2-Clause */
/* Overlays: what is read and written, what a loss of power leaves, what is refused. */
// links: dom0/cow/cow.c dom0/cow/log.c dom0/cow/request.c dom0/cow/crc32c.c dom0/block/slice.c
// links: dom0/loop/fiber.c dom0/loop/fiber_switch.S tests/fake/disk_fake.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <disk_fake.h>
#include <dom0/cow/cow.h>
#include <dom0/cow/format.h>
#include <dom0/fs/fs.h>
#include <dom0/loop/fiber.h>

#define SECTORS       (16u * 128 + 77) /* the last cluster is not whole */
#define OVERLAY_BYTES (3u << 20)
#define FLUSHES       24u
#define CUTS          400u

static struct fake_disk *base, *over;
static u8 got[SECTORS * 512], base_copy[SECTORS * 512];
static char why[BLOCK_WHY_MAX];
static struct block_target target = {
	.kind = BLOCK_COW, .name = "base", .overlay = "over", .write = true};

int fs_stat(const char *name, struct fs_stat *st, char w[BLOCK_WHY_MAX])
{
	(void)name;
	(void)st;
	(void)w;
	abort();
}
int fs_create(const char *name, u64 bytes, char w[BLOCK_WHY_MAX])
{
	(void)name;
	(void)bytes;
	(void)w;
	abort();
}
static struct block_device *no_file(const char *name, bool write, const char *holder,
				    char w[BLOCK_WHY_MAX])
{
	(void)name;
	(void)write;
	(void)holder;
	snprintf(w, BLOCK_WHY_MAX, "no file");
	return NULL;
}

static void make_sector(u8 *to, u32 number, u32 sector)
{
	for (unsigned int i = 0; i < 512; i += 8) {
		memcpy(to + i, &number, 4);
		memcpy(to + i + 4, &sector, 4);
	}
}

static int set_up(void **state)
{
	(void)state;
	fake_seed = 5;
	fake_log[0] = '\0';
	fake_file_open = no_file;
	target.write = true;
	base = fake_disk_new("base", SECTORS * 512);
	over = fake_disk_new("over", OVERLAY_BYTES);
	for (u32 s = 0; s < SECTORS; s++)
		make_sector(base->data + (size_t)s * 512, 0, s);
	memcpy(base_copy, base->data, sizeof(base_copy));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_memory_equal(base->data, base_copy, sizeof(base_copy));
	assert_int_equal(base->uses, 0);
	assert_int_equal(over->uses, 0);
	fake_disk_free(base);
	fake_disk_free(over);
	return 0;
}

/* What each sector has: the number of the write; and what it had when a flush ended. */
static u32 newest[SECTORS], discarded_at[SECTORS], write_count;
static struct {
	unsigned int events;
	u32 writes;
	u32 newest[SECTORS];
} flushed[FLUSHES];
static unsigned int flush_count;
#define DISCARDED 0x80000000u

static void begin_writes(void)
{
	memset(newest, 0, sizeof(newest));
	memset(discarded_at, 0, sizeof(discarded_at));
	write_count = flush_count = 0;
}

/* Several requests at once; no two on the same sector. */
struct shot {
	struct block_request request;
	struct block_segment segments[2];
	u8 data[200 * 512];
	bool done;
	enum block_status status;
};
static struct shot shots[8];
static struct fiber *shooter;

static void shot_done(struct block_request *r, enum block_status status)
{
	struct shot *s = r->ctx;

	s->done = true;
	s->status = status;
	fiber_wake(shooter);
}

static void shoot(struct block_device *dev, struct shot *s, u32 sector, u32 count)
{
	u32 half = count / 2 * 512;

	write_count++;
	for (u32 i = 0; i < count; i++) {
		make_sector(s->data + i * 512, write_count, sector + i);
		newest[sector + i] = write_count;
	}
	s->done = false;
	s->segments[0] = (struct block_segment){(u64)s->data, NULL, half ? half : 512};
	s->segments[1] = (struct block_segment){(u64)s->data + half, NULL, count * 512 - half};
	s->request = (struct block_request){.op = BLOCK_WRITE,
					    .sector = sector,
					    .count = count,
					    .segments = s->segments,
					    .segment_count = half ? 2 : 1,
					    .done = shot_done,
					    .ctx = s};
	dev->ops->submit(dev, &s->request);
}

static void write_some(struct block_device *dev)
{
	u32 at = fake_random() % 400, n = 0;

	shooter = fiber_self();
	for (; n < ARRAY_SIZE(shots); n++) {
		u32 count = 1 + fake_random() % 190;

		if (fake_random() % 4 == 0) { /* a whole cluster */
			at = (at + 127) & ~127u;
			count = 128;
		}
		if (at + count > SECTORS)
			break;
		shoot(dev, &shots[n], at, count);
		at += count + fake_random() % 2 * 60;
	}
	dev->ops->kick(dev);
	for (u32 i = 0; i < n; i++) {
		while (!shots[i].done)
			fiber_wait();
		assert_int_equal(shots[i].status, BLOCK_OK);
	}
}

static void discard_some(struct block_device *dev)
{
	u32 first = fake_random() % 14 * 128, count = 128 * (1 + fake_random() % 2);

	assert_int_equal(fake_io(dev, BLOCK_DISCARD, first, NULL, count), BLOCK_OK);
	write_count++;
	for (u32 i = 0; i < count; i++) {
		newest[first + i] = DISCARDED;
		discarded_at[first + i] = write_count;
	}
}

static void note_flush(struct block_device *dev)
{
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	flushed[flush_count].events = over->event_count;
	flushed[flush_count].writes = write_count;
	memcpy(flushed[flush_count++].newest, newest, sizeof(newest));
}

static struct block_device *open_it(void)
{
	struct block_device *dev = cow_open(&target, "guest a", why);

	if (!dev)
		fail_msg("%s", why);
	return dev;
}

static void read_whole(struct block_device *dev)
{
	for (u32 s = 0; s < SECTORS; s += 200)
		assert_int_equal(fake_io(dev, BLOCK_READ, s, got + (size_t)s * 512,
					 min_u64(200, SECTORS - s)),
				 BLOCK_OK);
}

/* Sectors have what they had after write number `writes`, or what was written after. What was given
 * up since may be anything. */
static void check_content(const u32 *least, const u32 *most, u32 writes)
{
	u8 whole[512];

	for (u32 s = 0; s < SECTORS; s++) {
		const u8 *at = got + (size_t)s * 512;
		u32 number;
		bool zero = true;

		if (least[s] & DISCARDED || most[s] & DISCARDED || discarded_at[s] > writes)
			continue;
		memcpy(&number, at, 4);
		make_sector(whole, number, s);
		for (unsigned int i = 0; i < 512; i++)
			zero = zero && !at[i];
		if (number < least[s] || number > most[s] ||
		    (memcmp(at, whole, 512) != 0 && !(zero && s == 0)))
			fail_msg("sector %u has %u, not %u to %u", s, number, least[s], most[s]);
	}
}

static void check_exactly(struct block_device *dev)
{
	static const u8 zeroes[512];

	read_whole(dev);
	check_content(newest, newest, write_count);
	for (u32 s = 0; s < SECTORS; s++)
		if (newest[s] == DISCARDED)
			assert_memory_equal(got + (size_t)s * 512, zeroes, 512);
}

static void use_it(void *ctx)
{
	struct block_device *dev = open_it();

	(void)ctx;
	begin_writes();
	assert_int_equal(dev->sectors, SECTORS);
	assert_false(dev->needs_cpu);
	check_exactly(dev);
	for (unsigned int i = 0; i < 200; i++) {
		write_some(dev);
		if (i % 3 == 0)
			discard_some(dev);
		if (i % 5 == 0)
			assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
		if (i % 20 == 0)
			check_exactly(dev);
	}
	check_exactly(dev);
	cow_close(dev);
	dev = open_it();
	check_exactly(dev);
	cow_close(dev);
	target.write = false;
	dev = open_it();
	assert_true(dev->read_only);
	check_exactly(dev);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 0, got, 1), BLOCK_INVALID);
	cow_close(dev);
}

static void what_is_written_is_read_and_the_base_stays(void **state)
{
	(void)state;
	fake_run(use_it, NULL);
}

static void flush_often(void *ctx)
{
	struct block_device *dev = open_it();
	struct cow_header before, after;

	(void)ctx;
	begin_writes();
	memcpy(&before, over->data, sizeof(before));
	/* Each flush has a record: far more than one log holds. */
	for (unsigned int i = 0; i < 3000; i++) {
		discard_some(dev);
		shooter = fiber_self();
		shoot(dev, &shots[0], fake_random() % (SECTORS - 20), 1 + fake_random() % 20);
		while (!shots[0].done)
			fiber_wait();
		assert_int_equal(shots[0].status, BLOCK_OK);
		assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	}
	check_exactly(dev);
	cow_close(dev);
	memcpy(&after, over->data + 4096, sizeof(after));
	assert_true(after.generation > before.generation);
	dev = open_it();
	check_exactly(dev);
	cow_close(dev);
}

static void the_log_is_written_anew_before_it_fills_the_overlay(void **state)
{
	(void)state;
	fake_run(flush_often, NULL);
}

static void crash_work(void *ctx)
{
	struct block_device *dev = open_it();
	bool with_discards = ctx != NULL;

	begin_writes();
	note_flush(dev);
	while (flush_count < FLUSHES) {
		write_some(dev);
		if (with_discards && fake_random() % 2)
			discard_some(dev);
		if (fake_random() % 2)
			note_flush(dev);
	}
	cow_close(dev);
}

static u32 least_writes;

static void after_crash(void *ctx)
{
	struct block_device *dev = open_it();
	const u32 *least = ctx;

	read_whole(dev);
	check_content(least, newest, least_writes);
	/* What is written now does not bring back what had been lost. */
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 5, got + 5 * 512, 1), BLOCK_OK);
	cow_close(dev);
	dev = open_it();
	read_whole(dev);
	check_content(least, newest, least_writes);
	cow_close(dev);
}

static void crash(const void *discards)
{
	static u8 medium[OVERLAY_BYTES], empty[OVERLAY_BYTES];
	unsigned int events;
	struct fake_disk *recorded = over;

	over->record = true;
	fake_run(crash_work, (void *)(uintptr_t)discards);
	over->record = false;
	over->name = "";
	for (unsigned int i = 0; i < CUTS; i++) {
		static const u32 nothing[SECTORS];
		const u32 *least = nothing;

		least_writes = 0;
		events = flushed[0].events +
			 fake_random() % (recorded->event_count + 1 - flushed[0].events);
		for (unsigned int k = 0; k < flush_count; k++)
			if (flushed[k].events <= events) {
				least = flushed[k].newest;
				least_writes = flushed[k].writes;
			}
		fake_disk_crash(recorded, empty, events, medium);
		over = fake_disk_new("over", OVERLAY_BYTES);
		memcpy(over->data, medium, OVERLAY_BYTES);
		fake_run(after_crash, (void *)(uintptr_t)least);
		fake_disk_free(over);
	}
	over = recorded;
}

static void a_loss_of_power_loses_nothing_flushed(void **state)
{
	(void)state;
	crash(NULL);
}

static void nor_with_discards(void **state)
{
	(void)state;
	crash("");
}

static void expect_refusal(void *ctx)
{
	struct block_device *dev = cow_open(&target, "guest a", why);

	assert_null(dev);
	if (!strstr(why, ctx))
		fail_msg("\"%s\" does not say \"%s\"", why, (const char *)ctx);
}

static void open_and_close(void *ctx)
{
	(void)ctx;
	cow_close(open_it());
}

static void seal(struct cow_header *h)
{
	h->checksum = cow_crc32c(h, offsetof(struct cow_header, checksum));
}

static void what_does_not_fit_is_refused(void **state)
{
	struct cow_header *h = (struct cow_header *)over->data, good;

	(void)state;
	over->data[700] = 1;
	fake_run(expect_refusal, "something else than an overlay");
	assert_int_equal(over->writes, 0);
	over->data[700] = 0;
	target.write = false;
	fake_run(expect_refusal, "there is no overlay");
	target.write = true;
	fake_run(open_and_close, NULL);
	good = *h;

	h->base_sectors--;
	seal(h);
	fake_run(expect_refusal, "base of another size");
	*h = good;
	h->base_id[3]++;
	seal(h);
	fake_run(expect_refusal, "another base");
	*h = good;
	h->version = 2;
	seal(h);
	fake_run(expect_refusal, "newer version");
	*h = good;
	h->shift = 40;
	seal(h);
	fake_run(expect_refusal, "makes no sense");
	*h = good;
	h->log = 1ull << 40;
	seal(h);
	fake_run(expect_refusal, "lies outside");
	*h = good;
	h->generation++;
	fake_run(expect_refusal, "damaged");
	*h = good;
	target.overlay = NULL;
	fake_run(expect_refusal, "say where");
	target.overlay = "base";
	fake_run(expect_refusal, "in use");
	target.overlay = "over";
	fake_run(open_and_close, NULL);
}

static void fill_up(void *ctx)
{
	struct block_device *dev = open_it();
	unsigned int good = 0, full = 0;

	(void)ctx;
	for (u32 s = 0; s + 128 <= SECTORS; s += 128) {
		enum block_status status = fake_io(dev, BLOCK_WRITE, s, got, 128);

		good += status == BLOCK_OK;
		full += status == BLOCK_NO_SPACE;
	}
	assert_int_equal(good + full, SECTORS / 128);
	assert_true(good > 0 && full > 0);
	/* What found room is kept. */
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 0, got, 128), BLOCK_OK);
	/* What is given up is room again, after a flush. */
	assert_int_equal(fake_io(dev, BLOCK_DISCARD, 0, NULL, 128), BLOCK_OK);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 0, got, 3), BLOCK_NO_SPACE);
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_OK);
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 128 * 15, got, 128), BLOCK_OK);
	cow_close(dev);
}

static void a_full_overlay_says_so(void **state)
{
	(void)state;
	over->device.sectors = 20 * 128;
	fake_run(fill_up, NULL);
}

static void fail_writes(void *ctx)
{
	struct block_device *dev = open_it();

	(void)ctx;
	over->fail_writes = true;
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 1, got, 1), BLOCK_ERROR);
	over->fail_writes = false;
	assert_int_equal(fake_io(dev, BLOCK_READ, 1, got, 1), BLOCK_OK);
	assert_memory_equal(got, base_copy + 512, 512);
	base->fail_reads = true;
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 1, got, 1), BLOCK_ERROR);
	assert_int_equal(fake_io(dev, BLOCK_READ, 1, got, 1), BLOCK_ERROR);
	base->fail_reads = false;
	assert_int_equal(fake_io(dev, BLOCK_WRITE, 1, got, 1), BLOCK_OK);
	over->fail_writes = true;
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_ERROR);
	over->fail_writes = false;
	/* The log has a gap now: a later flush must not say that all is well. */
	assert_int_equal(fake_io(dev, BLOCK_FLUSH, 0, NULL, 0), BLOCK_ERROR);
	cow_close(dev);
}

static void errors_of_the_disks_reach_the_guest(void **state)
{
	(void)state;
	fake_run(fail_writes, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read_and_the_base_stays, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_log_is_written_anew_before_it_fills_the_overlay,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_loss_of_power_loses_nothing_flushed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nor_with_discards, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_overlay_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors_of_the_disks_reach_the_guest, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
