/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests' time: pvclock and wall clock, runstate, and the areas guests register for them. */
#include <core/clock.h>

#include <arch/x86_64/platform/clock.h>
#include <core/domain.h>
#include <core/guest_access.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/mm/p2m.h>
#include <xen/errno.h>

/* The same constants always: system_time 0 at the TSC value where clock_ns() was 0. They serve for
 * the whole life of the machine: the guest scales its delta with 96 bits. */
static struct vcpu_time_info time_info(u32 version)
{
	struct vcpu_time_info t = {.version = version};
	u32 khz;

	clock_params(&t.tsc_to_system_mul, &t.tsc_shift, &t.tsc_timestamp, &khz);
	t.flags = clock_tsc_stable ? XEN_PVCLOCK_TSC_STABLE : 0;
	return t;
}

void clock_write_time(struct vcpu_time_info *t)
{
	u32 odd = (READ_ONCE(t->version) + 1) | 1; /* whatever the guest left there */
	struct vcpu_time_info now = time_info(odd);

	WRITE_ONCE(t->version, odd);
	barrier(); /* x86 keeps stores in order */
	t->tsc_timestamp = now.tsc_timestamp;
	t->system_time = now.system_time;
	t->tsc_to_system_mul = now.tsc_to_system_mul;
	t->tsc_shift = now.tsc_shift;
	t->flags = now.flags;
	barrier();
	WRITE_ONCE(t->version, odd + 1);
}

void clock_write_wall(struct shared_info *s)
{
	u64 utc = clock_utc_boot_ns(), seconds = utc / NS_PER_SEC;
	u32 odd = (READ_ONCE(s->wc_version) + 1) | 1;

	WRITE_ONCE(s->wc_version, odd);
	barrier();
	s->wc_sec = (u32)seconds;
	s->wc_sec_hi = (u32)(seconds >> 32);
	s->wc_nsec = (u32)(utc % NS_PER_SEC);
	barrier();
	WRITE_ONCE(s->wc_version, odd + 1);
}

/* Areas */

/* n bytes of src to offset `at` of the area, in order of address; a multiple of 8 bytes goes as
 * whole words, so that an aligned reader sees no half of one. */
static void area_write(const struct guest_area *area, u32 at, const void *src, u32 n)
{
	const u8 *from = src;
	u32 offset = area->offset + at;

	while (n) {
		unsigned int which = offset >> PAGE_SHIFT;
		u32 within = offset & (u32)PAGE_MASK;
		u32 piece = (u32)min_u64(n, PAGE_SIZE - within);
		u8 *page = frame_map(area->frame[which]);
		u8 *to = page + within;

		n -= piece;
		offset += piece;
		for (; piece >= 8; piece -= 8, to += 8, from += 8)
			__builtin_memcpy(to, from, 8);
		for (; piece; piece--)
			*to++ = *from++;
		frame_unmap(page);
	}
}

static void area_put(const struct guest_area *area, u32 size)
{
	if (!area->valid)
		return;
	frame_put(area->frame[0]);
	if (area->offset + size > PAGE_SIZE)
		frame_put(area->frame[1]);
}

static int area_frame(struct vcpu *cur, u64 at, hfn_t *frame)
{
	gpa_t physical;
	u32 fault;
	int err = guest_walk(cur, gva(at), ACCESS_WRITE, &physical, &fault);

	return err ? err : p2m_get_ram(cur->domain, gpa_to_gfn(physical), true, frame);
}

/* Translates now and never again: later, other page tables may be in use (guest-abi, trap 9). */
static int area_get(struct vcpu *cur, u64 at, u32 size, struct guest_area *area)
{
	int err;

	*area = (struct guest_area){.offset = (u32)(at & PAGE_MASK)};
	if (at == 0)
		return 0;
	err = area_frame(cur, at, &area->frame[0]);
	if (!err && area->offset + size > PAGE_SIZE) {
		err = area_frame(cur, align_up(at, PAGE_SIZE), &area->frame[1]);
		if (err)
			frame_put(area->frame[0]);
	}
	area->valid = !err;
	return err;
}

/* Runstate */

/* With vm_assist 5 bit 63 of state_entry_time is set while the area is written; entry and states
 * then belong together for whoever reads it clear before and after. */
static void publish(struct vcpu *v)
{
	const struct guest_area *area = &v->runstate_area;
	const u32 entry_at = offsetof(struct vcpu_runstate_info, state_entry_time);
	struct vcpu_runstate_info info = v->runstate;

	if (READ_ONCE(v->domain->runstate_flag)) {
		info.state_entry_time |= XEN_RUNSTATE_UPDATE;
		area_write(area, entry_at, &info.state_entry_time, 8);
		barrier();
		area_write(area, 0, &info, sizeof(info));
		barrier();
		info.state_entry_time &= ~XEN_RUNSTATE_UPDATE;
		area_write(area, entry_at, &info.state_entry_time, 8);
	} else {
		area_write(area, 0, &info, sizeof(info));
	}
}

void clock_runstate(struct vcpu *v, int state, u64 now, bool write_area)
{
	struct vcpu_runstate_info *r = &v->runstate;

	spin_lock(&v->runstate_lock);
	/* Another CPU's clock may be behind by its skew: time never runs backwards here. */
	if (now > r->state_entry_time) {
		r->time[r->state] += now - r->state_entry_time;
		r->state_entry_time = now;
	}
	r->state = state;
	if (write_area && v->runstate_area.valid)
		publish(v);
	spin_unlock(&v->runstate_lock);
}

static void publish_time(struct vcpu *v)
{
	struct vcpu_time_info t = time_info(1);
	const u32 even = 2;

	area_write(&v->time_area, 0, &t, sizeof(t));
	barrier();
	area_write(&v->time_area, 0, &even, sizeof(even));
}

/* Registration */

/* Two vCPUs may register for the same one at once. */
static int area_register(struct vcpu *cur, struct vcpu *v, struct guest_area *slot, u64 addr,
			 u32 size, void (*fill)(struct vcpu *v))
{
	struct guest_area area, old;
	int err = area_get(cur, addr, size, &area);

	if (err)
		return err;
	spin_lock(&v->runstate_lock);
	old = *slot;
	*slot = area;
	if (area.valid)
		fill(v);
	spin_unlock(&v->runstate_lock);
	area_put(&old, size);
	return 0;
}

int clock_register_runstate(struct vcpu *cur, struct vcpu *v, gva_t addr)
{
	return area_register(cur, v, &v->runstate_area, addr.v, sizeof(struct vcpu_runstate_info),
			     publish);
}

int clock_register_time(struct vcpu *cur, struct vcpu *v, gva_t addr)
{
	return area_register(cur, v, &v->time_area, addr.v, sizeof(struct vcpu_time_info),
			     publish_time);
}

void clock_release_areas(struct vcpu *v)
{
	area_put(&v->runstate_area, sizeof(struct vcpu_runstate_info));
	area_put(&v->time_area, sizeof(struct vcpu_time_info));
	v->runstate_area.valid = v->time_area.valid = false;
}
