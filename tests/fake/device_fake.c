/* SPDX-License-Identifier: BSD-2-Clause */
/* The device that drivers see in host tests. */
#include <device_fake.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All memory that some device may reach. */
struct piece {
	struct piece *next;
	struct fake_device *f;
	u8 *p;
	u64 bus;
	size_t bytes;
	bool own; /* made by dma_alloc */
};

static struct piece *pieces;
static u64 next_bus;

static struct fake_device *fake_of(struct device *d)
{
	return (struct fake_device *)(void *)d;
}

static u64 fake_read(struct device *d, unsigned int bar, u32 offset, unsigned int width)
{
	assert_true(bar < DEVICE_BARS && offset % width == 0);
	assert_true(offset + width <= d->bar_size[bar]);
	return fake_of(d)->read(fake_of(d), bar, offset, width);
}

static void fake_write(struct device *d, unsigned int bar, u32 offset, unsigned int width, u64 v)
{
	assert_true(bar < DEVICE_BARS && offset % width == 0);
	assert_true(offset + width <= d->bar_size[bar]);
	fake_of(d)->write(fake_of(d), bar, offset, width, v);
}

static u32 fake_config_read(struct device *d, u32 offset, unsigned int width)
{
	u32 v = 0;

	assert_true(offset + width <= sizeof(fake_of(d)->config) && offset % width == 0);
	memcpy(&v, fake_of(d)->config + offset, width);
	return v;
}

static void fake_config_write(struct device *d, u32 offset, unsigned int width, u32 v)
{
	assert_true(offset + width <= sizeof(fake_of(d)->config) && offset % width == 0);
	memcpy(fake_of(d)->config + offset, &v, width);
}

static struct piece *add(struct fake_device *f, void *p, size_t bytes, u64 bus, bool own)
{
	struct piece *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	*n = (struct piece){.next = pieces, .f = f, .p = p, .bus = bus, .bytes = bytes, .own = own};
	pieces = n;
	return n;
}

static void *fake_dma_alloc(struct device *d, size_t bytes, size_t align, u64 *bus)
{
	struct fake_device *f = fake_of(d);
	void *p;

	assert_true(bytes && align && (align & (align - 1)) == 0 && align <= 65536);
	if (f->out_of_memory)
		return NULL;
	p = aligned_alloc(align < 64 ? 64 : align, align_up(bytes, align < 64 ? 64 : align));
	assert_non_null(p);
	memset(p, 0, bytes);
	*bus = align_up(next_bus, align);
	next_bus = align_up(*bus + bytes, 4096) + 4096;
	add(f, p, bytes, *bus, true);
	f->dma_allocations++;
	return p;
}

static bool take(struct fake_device *f, const void *p, bool own)
{
	for (struct piece **l = &pieces; *l; l = &(*l)->next)
		if ((*l)->f == f && (*l)->p == p && (*l)->own == own) {
			struct piece *gone = *l;

			*l = gone->next;
			free(gone);
			return true;
		}
	return false;
}

static void fake_dma_free(struct device *d, void *p, size_t bytes)
{
	(void)bytes;
	assert_true(take(fake_of(d), p, true));
	fake_of(d)->dma_allocations--;
	free(p);
}

static void *fake_alloc(struct device *d, size_t bytes)
{
	if (fake_of(d)->out_of_memory)
		return NULL;
	fake_of(d)->allocations++;
	return calloc(1, bytes);
}

static void fake_free(struct device *d, void *p)
{
	if (!p)
		return;
	fake_of(d)->allocations--;
	free(p);
}

static unsigned int fake_irq_request(struct device *d, unsigned int wanted)
{
	struct fake_device *f = fake_of(d);

	f->interrupts_given = wanted < f->interrupts ? wanted : f->interrupts;
	return f->interrupts_given;
}

static u64 fake_now(struct device *d)
{
	return fake_of(d)->now;
}

static void fake_timer_set(struct device *d, u64 abs_ns)
{
	fake_of(d)->timer_at = abs_ns;
}

/* One step of time: what it brings about, services aside. */
static void step_to(struct fake_device *f, u64 to)
{
	f->now = to;
	if (f->tick)
		f->tick(f);
	if (f->timer_at && f->timer_at <= f->now) {
		f->timer_at = 0;
		f->d.driver->timer(&f->d);
	}
}

static void fake_sleep(struct device *d, u64 ns)
{
	struct fake_device *f = fake_of(d);
	u64 end = f->now + ns;

	for (int i = 1; i < 4; i++)
		step_to(f, end - ns + ns * (u64)i / 4);
	step_to(f, end);
}

static void fake_need_service(struct device *d)
{
	fake_of(d)->service_wanted = true;
}

static int fake_block_add(struct device *d, struct block_device *b, const char *name)
{
	struct fake_device *f = fake_of(d);

	for (unsigned int i = 0; i < FAKE_DISKS; i++)
		if (f->disks[i] == b) {
			assert_string_equal(f->disk_names[i], name);
			f->changed++;
			return 0;
		}
	for (unsigned int i = 0; i < FAKE_DISKS; i++) {
		if (f->disks[i])
			continue;
		f->disks[i] = b;
		snprintf(f->disk_names[i], sizeof(f->disk_names[i]), "%s", name);
		f->disk_count++;
		f->added++;
		return 0;
	}
	return -1;
}

static void fake_block_remove(struct device *d, struct block_device *b)
{
	struct fake_device *f = fake_of(d);

	for (unsigned int i = 0; i < FAKE_DISKS; i++)
		if (f->disks[i] == b) {
			f->disks[i] = NULL;
			f->disk_count--;
			f->removed++;
			return;
		}
	fail_msg("a disk is removed that was not there");
}

static void fake_log(struct device *d, const char *fmt, ...)
{
	struct fake_device *f = fake_of(d);
	size_t n = strlen(f->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->log + n, sizeof(f->log) - n - 1, fmt, ap);
	va_end(ap);
	strcat(f->log, "\n");
}

static const struct device_ops ops = {
	.read = fake_read,
	.write = fake_write,
	.config_read = fake_config_read,
	.config_write = fake_config_write,
	.dma_alloc = fake_dma_alloc,
	.dma_free = fake_dma_free,
	.alloc = fake_alloc,
	.free = fake_free,
	.irq_request = fake_irq_request,
	.now = fake_now,
	.timer_set = fake_timer_set,
	.sleep = fake_sleep,
	.need_service = fake_need_service,
	.block_add = fake_block_add,
	.block_remove = fake_block_remove,
	.log = fake_log,
};

void fake_device_init(struct fake_device *f, const struct driver *driver, void *model)
{
	*f = (struct fake_device){.d = {.ops = &ops, .driver = driver},
				  .model = model,
				  .interrupts = 1,
				  .now = 1000000};
	if (!next_bus)
		next_bus = 0x10000000;
}

static void serve(struct fake_device *f)
{
	for (int i = 0; f->service_wanted; i++) {
		assert_true(i < 1000);
		f->service_wanted = false;
		f->d.driver->service(&f->d);
	}
}

int fake_device_attach(struct fake_device *f)
{
	int rc = f->d.driver->attach(&f->d);

	serve(f);
	return rc;
}

void fake_device_pass(struct fake_device *f, u64 ns, u64 step)
{
	u64 end = f->now + ns;

	while (f->now < end) {
		step_to(f, f->now + step < end ? f->now + step : end);
		serve(f);
	}
}

void fake_device_irq(struct fake_device *f, unsigned int index)
{
	if (index >= f->interrupts_given)
		return;
	f->d.driver->irq(&f->d, index);
	serve(f);
}

u64 fake_dma_add(struct fake_device *f, void *p, size_t bytes, u64 at)
{
	u64 bus = at ? at : next_bus + ((u64)(uintptr_t)p & 4095);

	if (!at)
		next_bus = align_up(bus + bytes, 4096) + 4096;
	add(f, p, bytes, bus, false);
	return bus;
}

void fake_dma_remove(struct fake_device *f, void *p)
{
	assert_true(take(f, p, false));
}

void *fake_dma(struct fake_device *f, u64 bus, size_t bytes)
{
	for (struct piece *i = pieces; i; i = i->next)
		if (i->f == f && bus >= i->bus && bytes <= i->bytes &&
		    bus - i->bus <= i->bytes - bytes)
			return i->p + (bus - i->bus);
	f->stray++;
	return NULL;
}

void fake_device_end(struct fake_device *f)
{
	for (struct piece *i = pieces, *next; i; i = next) {
		next = i->next;
		if (i->f == f && !i->own)
			fake_dma_remove(f, i->p);
	}
	assert_int_equal(f->allocations, 0);
	assert_int_equal(f->dma_allocations, 0);
	assert_int_equal(f->disk_count, 0);
	assert_int_equal(f->stray, 0);
}
