/* SPDX-License-Identifier: BSD-2-Clause */
/* What surrounds the block back end, for tests and the fuzzer. */
#define _GNU_SOURCE /* memfd_create() */
#include <tests/host/dom0/vbd/world.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <dom0/console/machine_console.h>
#include <dom0/entry/paging.h>
#include <dom0/entry/panic.h>
#include <dom0/hyper/foreign.h>
#include <dom0/hyper/hypercall.h>
#include <dom0/loop/loop.h>

#define BUS_BASE     0x5500000000ull
#define WINDOW_PAGES 16384u

struct world world;
static int guest_fd = -1;
static u8 *window;
static struct loop_work *works;
static struct loop_timer *timers;
static struct loop_work dispatch;
static struct {
	loop_fn fn;
	void *ctx;
} handlers[WORLD_PORTS];

void world_check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "world: %s\n", what);
	abort();
}

void panic(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	abort();
}

void machine_console_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(world.log, sizeof(world.log), fmt, ap);
	va_end(ap);
	world.log_lines++;
}

/* --- memory ----------------------------------------------------------------------------------- */

gpa_t paging_gpa(const void *p)
{
	return gpa((u64)(uintptr_t)p);
}

void *paging_reach(gpa_t at, u64 size)
{
	(void)size;
	return (void *)(uintptr_t)at.v;
}

int control_mem_all(struct plinth_control *c, enum plinth_control_cmd cmd)
{
	(void)c;
	(void)cmd;
	panic("not used here");
}

void *world_page(u32 gfn)
{
	world_check(gfn < WORLD_PAGES, "test: no such page");
	return world.guest + gfn * PAGE_SIZE;
}

static void make_memory(void)
{
	void *p;

	guest_fd = memfd_create("guest", 0);
	world_check(guest_fd >= 0 && ftruncate(guest_fd, WORLD_PAGES * PAGE_SIZE) == 0, "memfd");
	world.guest = mmap(NULL, WORLD_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   guest_fd, 0);
	p = mmap(NULL, (WINDOW_PAGES + 512) * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	world_check(world.guest != MAP_FAILED && p != MAP_FAILED, "mmap");
	window = (u8 *)(uintptr_t)align_up((u64)(uintptr_t)p, MIB(2));
	foreign_init((u64)(uintptr_t)window >> PAGE_SHIFT, WINDOW_PAGES);
}

/* --- grants ----------------------------------------------------------------------------------- */

void world_grant(u32 ref, u32 gfn, bool readonly)
{
	world_check(ref < WORLD_REFS, "test: no such reference");
	world.ref[ref] = (struct world_ref){.granted = true, .readonly = readonly, .gfn = gfn};
}

static s16 check_ref(domid_t dom, u32 ref, bool write)
{
	if (dom != WORLD_DOMID)
		return GNTST_bad_domain;
	if (ref >= WORLD_REFS || !world.ref[ref].granted || world.ref[ref].gfn >= WORLD_PAGES)
		return GNTST_bad_gntref;
	return write && world.ref[ref].readonly ? GNTST_permission_denied : GNTST_okay;
}

static void map_host(u64 at, u32 gfn, bool readonly)
{
	void *p = (void *)(uintptr_t)at;

	world_check((u8 *)p >= window + 512 * PAGE_SIZE &&
			    (u8 *)p < window + WINDOW_PAGES * PAGE_SIZE && !(at & PAGE_MASK),
		    "a grant is mapped outside the window");
	for (unsigned int i = 0; i < world.handle_top; i++)
		world_check(!world.handle[i].active || world.handle[i].host != at,
			    "a grant is mapped over another");
	p = mmap(p, PAGE_SIZE, readonly ? PROT_READ : PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, guest_fd, (off_t)(gfn * PAGE_SIZE));
	world_check(p != MAP_FAILED, "mmap of a grant");
}

static void map_one(struct gnttab_map_grant_ref *op)
{
	bool readonly = op->flags & GNTMAP_readonly;
	u32 h = 0;

	if (world.refuse_maps) {
		world.refuse_maps--;
		op->status = GNTST_no_space;
		return;
	}
	op->status = check_ref(op->dom, op->ref, !readonly);
	if (op->status != GNTST_okay)
		return;
	while (h < WORLD_HANDLES && world.handle[h].active)
		h++;
	world_check(h < WORLD_HANDLES, "out of handles");
	if (h >= world.handle_top)
		world.handle_top = h + 1;
	world_check(op->flags & (GNTMAP_host_map | GNTMAP_device_map), "maps for nobody");
	if (op->flags & GNTMAP_host_map)
		map_host(op->host_addr, world.ref[op->ref].gfn, readonly);
	else
		world_check(!op->host_addr, "host address without a host mapping");
	world.handle[h] = (struct world_handle){.active = true,
						.readonly = readonly,
						.device = op->flags & GNTMAP_device_map,
						.ref = op->ref,
						.host = op->host_addr};
	world.ref[op->ref].pins++;
	world.ref[op->ref].write_pins += !readonly;
	world.mapped++;
	op->handle = h;
	op->dev_bus_addr = BUS_BASE + world.ref[op->ref].gfn * PAGE_SIZE;
}

int hyper_grant_map(struct gnttab_map_grant_ref *ops, unsigned int count)
{
	world.map_calls++;
	if (count > world.longest_map)
		world.longest_map = count;
	if (world.meanwhile)
		world.meanwhile();
	for (unsigned int i = 0; i < count; i++)
		map_one(&ops[i]);
	return 0;
}

static void unmap_one(struct gnttab_unmap_grant_ref *op)
{
	struct world_handle *h = op->handle < WORLD_HANDLES ? &world.handle[op->handle] : NULL;

	op->status = GNTST_bad_handle;
	if (!h || !h->active)
		return;
	op->status = GNTST_bad_virt_addr;
	if (h->host != op->host_addr)
		return;
	if (h->host)
		world_check(mmap((void *)(uintptr_t)h->host, PAGE_SIZE, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
			    "munmap of a grant");
	h->active = false;
	world.mapped--;
	world.ref[h->ref].pins--;
	world.ref[h->ref].write_pins -= !h->readonly;
	op->status = GNTST_okay;
}

int hyper_grant_unmap(struct gnttab_unmap_grant_ref *ops, unsigned int count)
{
	world.unmap_calls++;
	if (count > world.longest_unmap)
		world.longest_unmap = count;
	for (unsigned int i = 0; i < count; i++)
		unmap_one(&ops[i]);
	if (world.meanwhile)
		world.meanwhile();
	return 0;
}

int hyper_grant_copy(struct gnttab_copy *ops, unsigned int count)
{
	world.copy_calls++;
	for (unsigned int i = 0; i < count; i++) {
		struct gnttab_copy *op = &ops[i];
		u8 *to = (u8 *)(uintptr_t)((op->dest.u.gmfn << PAGE_SHIFT) + op->dest.offset);

		op->status = GNTST_bad_copy_arg;
		if (op->dest.offset + op->len > PAGE_SIZE ||
		    op->source.offset + op->len > PAGE_SIZE)
			continue;
		op->status = check_ref(op->source.domid, op->source.u.ref, false);
		if (op->status == GNTST_okay)
			memcpy(to,
			       (u8 *)world_page(world.ref[op->source.u.ref].gfn) +
				       op->source.offset,
			       op->len);
		if (world.meanwhile)
			world.meanwhile();
	}
	return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

int hyper_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_port_t *local)
{
	*local = 0;
	if (remote != WORLD_DOMID || remote_port == 0 || remote_port >= WORLD_PORTS ||
	    world.port_bound[remote_port])
		return -XEN_EINVAL;
	world.port_bound[remote_port] = true;
	*local = remote_port;
	return 0;
}

void hyper_event_close(evtchn_port_t port)
{
	world_check(port < WORLD_PORTS && world.port_bound[port], "closes what is not bound");
	world_check(!handlers[port].fn, "closes what it listens to");
	world.port_bound[port] = false;
}

void hyper_event_send(evtchn_port_t port)
{
	world_check(port < WORLD_PORTS && world.port_bound[port], "notifies what is not bound");
	world.notified[port]++;
	if (world.meanwhile)
		world.meanwhile();
}

void world_event(unsigned int port)
{
	if (port < WORLD_PORTS && handlers[port].fn)
		handlers[port].fn(handlers[port].ctx);
}

/* --- the loop --------------------------------------------------------------------------------- */

void loop_on_event(evtchn_port_t port, loop_fn fn, void *ctx)
{
	world_check(port < WORLD_PORTS && world.port_bound[port], "listens to what is not bound");
	handlers[port].fn = fn;
	handlers[port].ctx = ctx;
}

void loop_forget_event(evtchn_port_t port)
{
	world_check(port < WORLD_PORTS, "forgets no port");
	handlers[port].fn = NULL;
}

void loop_add_work(struct loop_work *w)
{
	w->next = works;
	works = w;
	world.works++;
}

void loop_remove_work(struct loop_work *w)
{
	for (struct loop_work **l = &works; *l; l = &(*l)->next)
		if (*l == w) {
			*l = w->next;
			world.works--;
			return;
		}
}

void loop_set_timer(struct loop_timer *t, u64 abs_ns)
{
	loop_stop_timer(t);
	t->at = abs_ns ? abs_ns : 1;
	t->next = timers;
	timers = t;
	world.timers++;
	world.timer_sets++;
}

void loop_stop_timer(struct loop_timer *t)
{
	for (struct loop_timer **l = &timers; *l; l = &(*l)->next)
		if (*l == t) {
			*l = t->next;
			world.timers--;
			break;
		}
	t->at = 0;
}

u64 loop_now(void)
{
	return world.now;
}

static bool run_one(void)
{
	struct loop_work *w = works, **end = &works;

	while (w && !w->due)
		w = w->next;
	if (!w)
		return false;
	loop_remove_work(w);
	while (*end)
		end = &(*end)->next;
	*end = w;
	w->next = NULL;
	world.works++;
	w->due = false;
	if (w->fn(w->ctx))
		w->due = true;
	return true;
}

void world_run(void)
{
	unsigned int n = 0;

	dispatch.due = xs_local_pending(world.xs);
	while (run_one()) {
		if (!dispatch.due)
			dispatch.due = xs_local_pending(world.xs);
		world_check(n++ < 100000, "the loop does not come to rest");
	}
}

void world_pass(u64 ns)
{
	u64 end = world.now + ns;

	for (unsigned int n = 0;; n++) {
		struct loop_timer *first = timers;

		world_check(n < 1000000, "timers without an end");
		for (struct loop_timer *t = timers; t; t = t->next)
			if (t->at < first->at)
				first = t;
		if (!first || first->at > end)
			break;
		world.now = max_u64(world.now, first->at);
		loop_stop_timer(first);
		first->fn(first->ctx);
		world_run();
	}
	world.now = end;
	world_run();
}

static bool dispatch_store(void *ctx)
{
	(void)ctx;
	return xs_local_dispatch(world.xs);
}

/* --- the disk --------------------------------------------------------------------------------- */

static void submit(struct block_device *b, struct block_request *r)
{
	(void)b;
	(void)r;
	panic("a driver's function is called by who is no block layer");
}

static void kick(struct block_device *b)
{
	(void)b;
}

static const struct block_device_ops disk_ops = {submit, kick};

const struct block_device *block_device_of(const struct block_use *u)
{
	return &u->device;
}

void block_on_change(struct block_use *u, void (*fn)(void *ctx, enum block_change what), void *ctx)
{
	u->on_change = fn;
	u->ctx = ctx;
}

/* Where a device's access goes: only what is granted and mapped for devices at this moment. */
static u8 *reach(const struct block_segment *s, bool write)
{
	u64 gfn = (s->bus - BUS_BASE) >> PAGE_SHIFT;

	world_check(s->bytes && s->bytes % BLOCK_SECTOR == 0 &&
			    (s->bus & PAGE_MASK) + s->bytes <= PAGE_SIZE,
		    "a segment leaves its page");
	for (unsigned int i = 0; i < world.handle_top; i++) {
		const struct world_handle *h = &world.handle[i];

		if (h->active && h->device && world.ref[h->ref].gfn == gfn &&
		    (!write || !h->readonly))
			return (u8 *)world_page((u32)gfn) + (s->bus & PAGE_MASK);
	}
	world_check(false, "the device touches memory that is not granted to it");
	return NULL;
}

static enum block_status move(struct block_use *u, struct block_request *r)
{
	u8 *at = u->data + r->sector * BLOCK_SECTOR;
	u64 bytes = 0;

	world_check(r->sector <= WORLD_SECTORS && r->count <= WORLD_SECTORS - r->sector,
		    "a request outside the disk");
	for (unsigned int i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];
		u8 *p = reach(s, r->op == BLOCK_READ);

		world_check(!u->device.needs_cpu || s->cpu, "no address for the processor");
		if (u->device.needs_cpu)
			p = s->cpu;
		bytes += s->bytes;
		world_check(bytes <= r->count * BLOCK_SECTOR, "segments exceed the count");
		if (r->op == BLOCK_READ)
			memcpy(p, at, s->bytes);
		else
			memcpy(at, p, s->bytes);
		at += s->bytes;
	}
	world_check(bytes == r->count * BLOCK_SECTOR, "segments do not sum up");
	return BLOCK_OK;
}

static enum block_status perform(struct block_use *u, struct block_request *r)
{
	if (u->order_length < sizeof(u->order))
		u->order[u->order_length++] = (u8)r->op;
	if (u->result != BLOCK_OK)
		return u->result;
	switch (r->op) {
	case BLOCK_FLUSH:
		u->flushes++;
		return BLOCK_OK;
	case BLOCK_DISCARD:
		world_check(u->device.discard && r->sector <= WORLD_SECTORS &&
				    r->count <= WORLD_SECTORS - r->sector,
			    "a bad discard");
		memset(u->data + r->sector * BLOCK_SECTOR, 0, r->count * BLOCK_SECTOR);
		u->discards++;
		return BLOCK_OK;
	default:
		world_check(r->op == BLOCK_READ || !u->device.read_only,
			    "writes to a read-only disk");
		return move(u, r);
	}
}

void block_submit(struct block_use *u, struct block_request *r)
{
	u->submitted++;
	if (u->at_once) {
		r->done(r, perform(u, r));
		return;
	}
	r->next = NULL;
	*u->end = r;
	u->end = &r->next;
	u->queued++;
}

void block_kick(struct block_use *u)
{
	u->kicks++;
}

unsigned int world_complete(struct block_use *u, unsigned int n)
{
	unsigned int done = 0;

	while (done < n && u->first) {
		struct block_request *r = u->first;

		u->first = r->next;
		if (!u->first)
			u->end = &u->first;
		u->queued--;
		done++;
		r->done(r, perform(u, r));
	}
	return done;
}

static void make_disk(struct block_use *u)
{
	*u = (struct block_use){.device = {.ops = &disk_ops,
					   .sectors = WORLD_SECTORS,
					   .sector_size = 512,
					   .physical_sector_size = 4096,
					   .write_cache = true,
					   .discard = true,
					   .discard_granularity = 512,
					   .queue_depth = 32},
				.data = calloc(WORLD_SECTORS, BLOCK_SECTOR)};
	u->end = &u->first;
	world_check(u->data != NULL, "out of memory");
}

/* --- all -------------------------------------------------------------------------------------- */

void world_begin(void)
{
	const struct xenstore_config config = {.hash_seed = 1};

	if (guest_fd < 0) {
		make_memory();
	} else {
		u8 *guest = world.guest;

		world = (struct world){.guest = guest};
		memset(guest, 0, WORLD_PAGES * PAGE_SIZE);
	}
	memset(handlers, 0, sizeof(handlers));
	world.now = NS_PER_SEC;
	world.xs = xenstore_create(&config);
	world_check(world.xs != NULL, "out of memory");
	make_disk(&world.disk[0]);
	make_disk(&world.disk[1]);
	dispatch = (struct loop_work){.fn = dispatch_store};
	loop_add_work(&dispatch);
}

void world_end(void)
{
	loop_remove_work(&dispatch);
	world_check(world.works == 0, "a work is left");
	world_check(world.timers == 0, "a timer is left");
	world_check(world.mapped == 0, "a grant is left mapped");
	for (unsigned int i = 0; i < WORLD_PORTS; i++)
		world_check(!world.port_bound[i] && !handlers[i].fn, "a port is left bound");
	for (unsigned int i = 0; i < 2; i++) {
		world_check(!world.disk[i].first, "a request is left");
		world_check(!world.disk[i].on_change, "somebody still looks at the disk");
		free(world.disk[i].data);
	}
	xenstore_destroy(world.xs);
}
