/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-Vi: AMD I/O Virtualization Technology (IOMMU) Specification; section titles are given. One
 * device table for all units; each of its 65,536 entries names the one page table. */
#include <arch/x86_64/iommu/unit.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/mm/paging.h>
#include <core/lib/print.h>
#include <core/mm/frame.h>

/* "MMIO Registers" */
#define REG_DEVICES      0x00u
#define REG_COMMANDS     0x08u
#define REG_EVENTS       0x10u
#define REG_CONTROL      0x18u
#define REG_FEATURES     0x30u
#define REG_COMMAND_HEAD 0x2000u
#define REG_COMMAND_TAIL 0x2008u
#define REG_EVENT_HEAD   0x2010u
#define REG_EVENT_TAIL   0x2018u
#define REG_STATUS       0x2020u
#define REGS_SMALL       KIB(16)
#define REGS_LARGE       KIB(512) /* with counters */

#define CONTROL_ON       bit64(0)
#define CONTROL_EVENTS   bit64(2)
#define CONTROL_COHERENT bit64(10)
#define CONTROL_COMMANDS bit64(12)
#define FEATURE_ALL      bit64(6) /* INVALIDATE_IOMMU_ALL */
#define FEATURE_COUNTERS bit64(9)
#define STATUS_LOST      bit64(0) /* events */

/* Both rings: a page, 256 entries of 16 bytes. */
#define RING_ENTRIES 256u
#define RING_OFFSET  (RING_ENTRIES * 16u - 16u) /* mask of a place in it */
#define RING_SIZE    (8ull << 56)

/* "Commands": the operation is in bits 31:28 of the second word. */
#define COMMAND(op)       ((u64)(op) << 60)
#define COMPLETION_WAIT   (COMMAND(1) | 1u) /* store */
#define INVALIDATE_DEVICE COMMAND(2)
#define INVALIDATE_PAGES  (COMMAND(3) | DOMAIN_ID << 32)
#define INVALIDATE_ALL    COMMAND(8)
#define EVERY_PAGE        (0x7FFFFFFFFFFFF000ull | 3u) /* a size of all, and of tables too */

/* "Device Table Entry Format", 32 bytes. Interrupts are not remapped. */
#define DEVICES          65536u
#define DEVICE_WORDS     4u
#define DEVICES_ORDER    ORDER_2M
#define DEVICES_SIZE     0x1FFull
#define DEVICE_VALID     (bit64(0) | bit64(1))
#define DEVICE_LEVELS(n) ((u64)(n) << 9)
#define DEVICE_RW        (bit64(61) | bit64(62))
#define DOMAIN_ID        1ull

/* "Event Log" */
#define EVENT_CODE(word) ((u32)((word) >> 60))
#define EVENT_WRITE      bit64(53)

struct amdvi_unit {
	u64 base, bytes;
	u8 *regs;
	u64 features;
	u64 *commands, *events;
	u64 tail; /* of commands, in bytes */
	u64 done; /* what the last COMPLETION_WAIT stores */
};
static struct amdvi_unit units[IOMMU_MAX_UNITS];
static u32 unit_count;

static void give(struct amdvi_unit *u, u64 first, u64 second)
{
	u->commands[u->tail / 8] = first;
	u->commands[u->tail / 8 + 1] = second;
	u->tail = (u->tail + 16) & RING_OFFSET;
}

/* All that was given is done; it must leave room in the ring for one more. */
static bool complete(struct amdvi_unit *u)
{
	WRITE_ONCE(u->done, 0);
	give(u, COMPLETION_WAIT | virt_to_phys(&u->done).v, 1);
	barrier();
	mmio_write64(u->regs + REG_COMMAND_TAIL, u->tail);
	return iommu_wait(&u->done, 1, 1);
}

static bool drop_pages(struct amdvi_unit *u)
{
	give(u, INVALIDATE_PAGES, EVERY_PAGE);
	return complete(u);
}

/* A unit that does not answer may let devices into memory that is somebody else's by now. */
static void amdvi_flush(void)
{
	for (u32 i = 0; i < unit_count; i++)
		if (!drop_pages(&units[i]))
			panic("IOMMU at %#lx does not answer", units[i].base);
}

/* What the firmware may have left in the unit. */
static bool drop_all(struct amdvi_unit *u)
{
	if (u->features & FEATURE_ALL) {
		give(u, INVALIDATE_ALL, 0);
		return complete(u);
	}
	for (u32 id = 0; id < DEVICES; id++) {
		give(u, INVALIDATE_DEVICE | id, 0);
		if (id % (RING_ENTRIES / 2) == 0 && !complete(u))
			return false;
	}
	return drop_pages(u);
}

static const char *open(struct amdvi_unit *u, u64 base)
{
	*u = (struct amdvi_unit){.base = base};
	u->regs = mmio_map(hpa(base), REGS_SMALL);
	u->commands = page_alloc(0);
	u->events = page_alloc(0);
	if (!u->regs || !u->commands || !u->events)
		return "too little memory for its tables";
	u->features = mmio_read64(u->regs + REG_FEATURES);
	u->bytes = u->features & FEATURE_COUNTERS ? REGS_LARGE : REGS_SMALL;
	return u->features == ~0ull ? "AMD-Vi registers that are not there" : NULL;
}

static const char *amdvi_prepare(const struct iommu_tables *t, struct iommu_space *s)
{
	*s = (struct iommu_space){.format = &amdvi_format, .levels = 4, .coherent = true};
	for (unit_count = 0; unit_count < t->unit_count; unit_count++) {
		const char *wrong = open(&units[unit_count], t->units[unit_count]);

		if (wrong)
			return wrong;
	}
	return NULL;
}

static bool turn_on(struct amdvi_unit *u, u64 devices)
{
	mmio_write64(u->regs + REG_CONTROL, 0);
	mmio_write64(u->regs + REG_DEVICES, devices | DEVICES_SIZE);
	mmio_write64(u->regs + REG_COMMANDS, virt_to_phys(u->commands).v | RING_SIZE);
	mmio_write64(u->regs + REG_EVENTS, virt_to_phys(u->events).v | RING_SIZE);
	mmio_write64(u->regs + REG_COMMAND_HEAD, 0);
	mmio_write64(u->regs + REG_COMMAND_TAIL, 0);
	mmio_write64(u->regs + REG_EVENT_HEAD, 0);
	mmio_write64(u->regs + REG_EVENT_TAIL, 0);
	mmio_write64(u->regs + REG_CONTROL,
		     CONTROL_ON | CONTROL_EVENTS | CONTROL_COHERENT | CONTROL_COMMANDS);
	return drop_all(u);
}

static const char *amdvi_enable(const struct iommu_space *s)
{
	u64 *devices = page_alloc(DEVICES_ORDER);
	u32 on = 0;

	if (!devices)
		return "too little memory for its tables";
	for (u32 id = 0; id < DEVICES; id++) {
		devices[id * DEVICE_WORDS] = virt_to_phys(s->root).v | DEVICE_VALID |
					     DEVICE_LEVELS(s->levels) | DEVICE_RW;
		devices[id * DEVICE_WORDS + 1] = DOMAIN_ID;
	}
	while (on < unit_count && turn_on(&units[on], virt_to_phys(devices).v))
		on++;
	if (on == unit_count)
		return NULL;
	for (u32 i = 0; i <= on; i++)
		mmio_write64(units[i].regs + REG_CONTROL, 0);
	return "an AMD-Vi unit that does not answer";
}

static bool amdvi_owns(u64 page)
{
	for (u32 i = 0; i < unit_count; i++)
		if (page - units[i].base < units[i].bytes)
			return true;
	return false;
}

/* "Event Log": the unit stops writing when it is full, and starts again with the log turned off and
 * on. */
static void poll_unit(struct amdvi_unit *u)
{
	u64 head = mmio_read64(u->regs + REG_EVENT_HEAD) & RING_OFFSET;
	u64 tail = mmio_read64(u->regs + REG_EVENT_TAIL) & RING_OFFSET;
	u64 control = mmio_read64(u->regs + REG_CONTROL);

	for (; head != tail; head = (head + 16) & RING_OFFSET) {
		const u64 *event = &u->events[head / 8];

		iommu_blocked((u16)event[0], event[0] & EVENT_WRITE, event[1], "event",
			      EVENT_CODE(event[0]));
	}
	mmio_write64(u->regs + REG_EVENT_HEAD, head);
	if (!(mmio_read64(u->regs + REG_STATUS) & STATUS_LOST))
		return;
	iommu_blocked_more();
	mmio_write64(u->regs + REG_CONTROL, control & ~CONTROL_EVENTS);
	mmio_write64(u->regs + REG_STATUS, STATUS_LOST);
	mmio_write64(u->regs + REG_CONTROL, control);
}

static void amdvi_poll(void)
{
	for (u32 i = 0; i < unit_count; i++)
		poll_unit(&units[i]);
}

const struct iommu_kind amdvi_kind = {
	.name = "AMD-Vi",
	.parse = iommu_parse_ivrs,
	.prepare = amdvi_prepare,
	.enable = amdvi_enable,
	.flush = amdvi_flush,
	.poll = amdvi_poll,
	.owns = amdvi_owns,
};
