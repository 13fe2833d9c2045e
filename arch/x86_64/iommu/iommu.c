/* SPDX-License-Identifier: BSD-2-Clause */
/* One space for all devices, kept for whichever kind of IOMMU the machine has; and the log of what
 * was blocked. */
#include <arch/x86_64/iommu/iommu.h>
#include <arch/x86_64/iommu/unit.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/platform/acpi.h>
#include <arch/x86_64/platform/clock.h>
#include <boot/multiboot2.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/timer.h>

#define POLL_NS        100000000ull
#define LINES_A_SECOND 10u
#define POLLS_A_SECOND 10u
#define NOBODY         (~0u)

static const struct iommu_kind *kind; /* NULL: off */
static struct iommu_space space;
static spinlock_t
	lock; /* guards space and owed; a leaf but for the frame allocator's and the log's */
static bool owed;
static struct timer poll_timer;
static u32 lines_left, not_shown, polls;
static struct blocked {
	u64 page;
	u32 source; /* NOBODY: none in this second */
	bool write;
} last = {.source = NOBODY};

int iommu_allow(hfn_t f, bool write)
{
	int err;

	if (!kind)
		return 0;
	spin_lock(&lock);
	err = iommu_space_add(&space, f, write, &owed);
	spin_unlock(&lock);
	return err;
}

void iommu_revoke(hfn_t f, bool write)
{
	if (!kind)
		return;
	spin_lock(&lock);
	iommu_space_remove(&space, f, write, &owed);
	spin_unlock(&lock);
}

/* Another CPU may be about to do what this one owes: the lock is free only when it is done. */
void iommu_settle(void)
{
	if (!kind)
		return;
	spin_lock(&lock);
	if (owed)
		kind->flush();
	owed = false;
	spin_unlock(&lock);
}

bool iommu_owns(u64 page)
{
	return kind && kind->owns(page);
}

bool iommu_wait(const volatile void *reg, u32 mask, u32 value)
{
	u64 end = clock_ns() + NS_PER_SEC;

	while ((mmio_read32(reg) & mask) != value) {
		if (clock_ns() > end)
			return false;
		cpu_relax();
	}
	return true;
}

/* --- the log --- */

/* A device that wants a page goes on wanting it: a line each second for one page. */
void iommu_blocked(u16 source, bool write, u64 address, const char *what, u32 reason)
{
	struct blocked b = {.source = source, .write = write, .page = address >> PAGE_SHIFT};

	if (lines_left == 0 ||
	    (b.source == last.source && b.write == last.write && b.page == last.page)) {
		not_shown++;
		return;
	}
	last = b;
	lines_left--;
	log_line("IOMMU: device %02x:%02x.%u: %s of %#lx blocked: %s %#x", source >> 8,
		 source >> 3 & 0x1Fu, source & 7u, write ? "write" : "read", address, what, reason);
}

void iommu_blocked_more(void)
{
	not_shown++;
}

/* By time and not by interrupt: a device cannot keep a CPU busy with what it may not do, and no
 * register that the control domain can write decides whether it is heard. */
static void poll(struct timer *t)
{
	kind->poll();
	if (++polls == POLLS_A_SECOND) {
		if (not_shown)
			log_line("IOMMU: %u or more others blocked", not_shown);
		polls = not_shown = 0;
		lines_left = LINES_A_SECOND;
		last.source = NOBODY;
	}
	timer_set(t, clock_ns() + POLL_NS);
}

/* --- start --- */

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; strnlen(p, n) == n; p++)
		if ((p == text || p[-1] == ' ') && memcmp(p, word, n) == 0 &&
		    (p[n] == ' ' || p[n] == 0))
			return true;
	return false;
}

static const char *allow_range(u64 start, u64 end)
{
	for (u64 a = align_down(start, PAGE_SIZE); a < end; a += PAGE_SIZE)
		if (iommu_space_add(&space, hpa_to_hfn(hpa(a)), true, &owed))
			return "too little memory for its tables";
	return NULL;
}

/* What the firmware's tables demand is granted where it is nobody's memory. */
static const char *fill(const struct boot_info *bi, const struct iommu_tables *t, hpa_t own,
			u64 bytes)
{
	const char *wrong;

	space.root = page_alloc(0);
	if (!space.root)
		return "too little memory for its tables";
	iommu_space_written(&space, space.root, PAGE_SIZE);
	wrong = allow_range(own.v, own.v + bytes);
	for (u32 i = 0; !wrong && i < t->range_count; i++) {
		const struct iommu_range *r = &t->ranges[i];
		bool ram = boot_overlaps_ram(bi, r->start, r->end);

		log_line("IOMMU: the firmware wants devices to reach %#lx to %#lx%s", r->start,
			 r->end - 1, ram ? ": refused, that is RAM" : "");
		if (!ram)
			wrong = allow_range(r->start, r->end);
	}
	return wrong;
}

static const char *start(const struct boot_info *bi, hpa_t own, u64 bytes)
{
	bool intel = acpi_info.dmar.bytes != NULL;
	const struct iommu_kind *k = intel ? &vtd_kind : &amdvi_kind;
	struct acpi_table table = intel ? acpi_info.dmar : acpi_info.ivrs;
	struct iommu_tables t;
	const char *wrong;

	if (!table.bytes)
		return "none";
	if (has_word(bi->cmdline, "iommu=off"))
		return "left off by the command line";
	wrong = k->parse(&t, table.bytes, table.size);
	if (!wrong)
		wrong = k->prepare(&t, &space);
	if (!wrong)
		wrong = fill(bi, &t, own, bytes);
	if (!wrong)
		wrong = k->enable(&space);
	if (wrong)
		return wrong;
	kind = k;
	for (u32 i = 0; i < t.unit_count; i++)
		log_line("IOMMU: %s at %#lx, %u-level tables: devices reach the control domain's "
			 "memory and what is granted",
			 k->name, t.units[i], space.levels);
	return NULL;
}

void iommu_init(const struct boot_info *bi, hpa_t own, u64 bytes)
{
	const char *wrong = start(bi, own, bytes);

	if (wrong) {
		log_line("IOMMU: %s: devices can reach all memory", wrong);
		return;
	}
	lines_left = LINES_A_SECOND;
	timer_init(&poll_timer, poll);
	timer_set(&poll_timer, clock_ns() + POLL_NS);
}
