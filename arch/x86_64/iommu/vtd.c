/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-d: Intel Virtualization Technology for Directed I/O Specification; section titles are given.
 * Legacy mode. One context table serves every bus and one page table every device. */
#include <arch/x86_64/iommu/unit.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/mm/paging.h>
#include <core/lib/print.h>
#include <core/mm/frame.h>

/* "Register Descriptions" */
#define REG_VERSION   0x00u
#define REG_CAP       0x08u
#define REG_ECAP      0x10u
#define REG_COMMAND   0x18u
#define REG_STATUS    0x1Cu
#define REG_ROOT      0x20u
#define REG_CONTEXT   0x28u
#define REG_FAULTS    0x34u
#define REG_PROTECTED 0x64u
#define REG_TAIL      0x88u
#define REG_QUEUE     0x90u

#define CAP_WRITE_BACK       bit64(4)
#define CAP_PROTECTED        (bit64(5) | bit64(6))
#define CAP_CACHING          bit64(7)
#define CAP_LEVELS(cap)      ((u32)((cap) >> 8) & 0x1Fu) /* bit 1: 3 levels, bit 2: 4 */
#define CAP_FAULTS(cap)      ((u32)((cap) >> 24) & 0x3FFu)
#define CAP_FAULT_COUNT(cap) (((u32)((cap) >> 40) & 0xFFu) + 1)
#define ECAP_COHERENT        bit64(0)
#define ECAP_QUEUED          bit64(1)
#define ECAP_IOTLB(ecap)     ((u32)((ecap) >> 8) & 0x3FFu)

/* Command and status: the same bits. */
#define GLOBAL_TRANSLATE  (1u << 31)
#define GLOBAL_ROOT       (1u << 30)
#define GLOBAL_WRITE_BACK (1u << 27)
#define GLOBAL_QUEUED     (1u << 26)
#define GLOBAL_LASTING    0x96FFFFFFu /* status bits that a command has to repeat */

#define FAULTS_LOST    (1u << 0)
#define FAULTS_PENDING (1u << 1)
#define FAULT_SET      (1u << 31) /* in the fourth word of a record */
#define FAULT_READ     (1u << 30)

#define CONTEXT_ALL (bit64(63) | bit64(61))
#define IOTLB_ALL   (bit64(63) | bit64(60) | bit64(49) | bit64(48)) /* drains reads and writes */
#define DOING       (1u << 31)                                      /* in the upper word */

/* "Queued Invalidation Interface", descriptors of 16 bytes */
#define QUEUE_ENTRIES 256u
#define QUEUE_CONTEXT (1ull | 1ull << 4)
#define QUEUE_IOTLB   (2ull | 1ull << 4 | 1ull << 6 | 1ull << 7)
#define QUEUE_WAIT    (5ull | 1ull << 5) /* writes the upper half to memory */
#define WAIT_DONE     1u

#define TABLE_PRESENT 1ull
#define DOMAIN_ID     1ull /* 0 stands for nothing where a unit caches holes */
#define ENTRIES       256u

struct vtd_unit {
	u64 base, bytes;
	u8 *regs;
	u64 cap, ecap;
	u64 *queue; /* NULL: by registers */
	u32 tail;
	u32 done;
};
static struct vtd_unit units[IOMMU_MAX_UNITS];
static u32 unit_count;

static u32 status(const struct vtd_unit *u)
{
	return mmio_read32(u->regs + REG_STATUS);
}

/* Sets or clears a bit and waits until the unit says so. */
static bool command(struct vtd_unit *u, u32 bit, bool on)
{
	u32 lasting = status(u) & GLOBAL_LASTING;

	mmio_write32(u->regs + REG_COMMAND, on ? lasting | bit : lasting & ~bit);
	return iommu_wait(u->regs + REG_STATUS, bit, on ? bit : 0);
}

/* --- invalidation --- */

static bool by_queue(struct vtd_unit *u, u64 what)
{
	u64 *slot = &u->queue[u->tail * 2];

	WRITE_ONCE(u->done, 0);
	slot[0] = what;
	slot[1] = 0;
	slot[2] = QUEUE_WAIT | (u64)WAIT_DONE << 32;
	slot[3] = virt_to_phys(&u->done).v;
	u->tail = (u->tail + 2) % QUEUE_ENTRIES;
	barrier();
	mmio_write64(u->regs + REG_TAIL, (u64)u->tail << 4);
	return iommu_wait(&u->done, ~0u, WAIT_DONE);
}

static bool by_register(struct vtd_unit *u, u32 reg, u64 what)
{
	mmio_write64(u->regs + reg, what);
	return iommu_wait(u->regs + reg + 4, DOING, 0);
}

static bool drop_iotlb(struct vtd_unit *u)
{
	if (u->queue)
		return by_queue(u, QUEUE_IOTLB);
	return by_register(u, ECAP_IOTLB(u->ecap) * 16 + 8, IOTLB_ALL);
}

static bool drop_contexts(struct vtd_unit *u)
{
	return u->queue ? by_queue(u, QUEUE_CONTEXT) : by_register(u, REG_CONTEXT, CONTEXT_ALL);
}

/* "Write Buffer Flushing" */
static bool write_back(struct vtd_unit *u)
{
	u32 lasting = status(u) & GLOBAL_LASTING;

	if (!(u->cap & CAP_WRITE_BACK))
		return true;
	mmio_write32(u->regs + REG_COMMAND, lasting | GLOBAL_WRITE_BACK);
	return iommu_wait(u->regs + REG_STATUS, GLOBAL_WRITE_BACK, 0);
}

/* One domain: all its translations are all there are. A unit that does not answer may let devices
 * into memory that is somebody else's by now. */
static void vtd_flush(void)
{
	for (u32 i = 0; i < unit_count; i++)
		if (!write_back(&units[i]) || !drop_iotlb(&units[i]))
			panic("IOMMU at %#lx does not answer", units[i].base);
}

/* --- start --- */

static u64 room_needed(const struct vtd_unit *u)
{
	u64 faults = CAP_FAULTS(u->cap) * 16ull + CAP_FAULT_COUNT(u->cap) * 16ull;

	return align_up(max_u64(max_u64(faults, ECAP_IOTLB(u->ecap) * 16ull + 16), PAGE_SIZE),
			PAGE_SIZE);
}

static const char *open(struct vtd_unit *u, u64 base)
{
	*u = (struct vtd_unit){.base = base, .bytes = PAGE_SIZE};
	u->regs = mmio_map(hpa(base), PAGE_SIZE);
	if (!u->regs)
		return "no room for its registers";
	u->cap = mmio_read64(u->regs + REG_CAP);
	u->ecap = mmio_read64(u->regs + REG_ECAP);
	if (mmio_read32(u->regs + REG_VERSION) == 0 || u->cap == ~0ull || u->ecap == ~0ull)
		return "VT-d registers that are not there";
	u->bytes = room_needed(u);
	if (u->bytes > PAGE_SIZE)
		u->regs = mmio_map(hpa(base), u->bytes);
	return u->regs ? NULL : "no room for its registers";
}

static const char *vtd_prepare(const struct iommu_tables *t, struct iommu_space *s)
{
	u32 levels = ~0u;

	*s = (struct iommu_space){.format = &vtd_format, .coherent = true};
	for (unit_count = 0; unit_count < t->unit_count; unit_count++) {
		struct vtd_unit *u = &units[unit_count];
		const char *wrong = open(u, t->units[unit_count]);

		if (wrong)
			return wrong;
		levels &= CAP_LEVELS(u->cap);
		s->coherent = s->coherent && (u->ecap & ECAP_COHERENT);
		s->settle_when_new |= (u->cap & (CAP_CACHING | CAP_WRITE_BACK)) != 0;
	}
	s->levels = levels & 4 ? 4 : 3;
	return levels & 6 ? NULL : "VT-d without tables of 3 or 4 levels";
}

/* "DMA Remapping": root table, context table. Physical address of the root table, 0: no memory. */
static u64 make_contexts(const struct iommu_space *s)
{
	u64 *root = page_alloc(0), *context = page_alloc(0);

	if (!root || !context)
		return 0;
	for (u32 i = 0; i < ENTRIES; i++) {
		root[2 * i] = virt_to_phys(context).v | TABLE_PRESENT;
		context[2 * i] = virt_to_phys(s->root).v | TABLE_PRESENT;
		context[2 * i + 1] = DOMAIN_ID << 8 | (s->levels - 2);
	}
	iommu_space_written(s, root, PAGE_SIZE);
	iommu_space_written(s, context, PAGE_SIZE);
	return virt_to_phys(root).v;
}

static bool use_queue(struct vtd_unit *u)
{
	if (!command(u, GLOBAL_QUEUED, false)) /* the firmware's */
		return false;
	if (!(u->ecap & ECAP_QUEUED))
		return true;
	u->queue = page_alloc(0);
	if (!u->queue)
		return false;
	mmio_write64(u->regs + REG_TAIL, 0);
	mmio_write64(u->regs + REG_QUEUE, virt_to_phys(u->queue).v);
	return command(u, GLOBAL_QUEUED, true);
}

/* What the firmware kept devices from until now. */
static bool open_protected(struct vtd_unit *u)
{
	if (!(u->cap & CAP_PROTECTED))
		return true;
	mmio_write32(u->regs + REG_PROTECTED, 0);
	return iommu_wait(u->regs + REG_PROTECTED, 1, 0);
}

static bool turn_on(struct vtd_unit *u, u64 root)
{
	if (!command(u, GLOBAL_TRANSLATE, false) || !use_queue(u) || !write_back(u))
		return false;
	mmio_write64(u->regs + REG_ROOT, root);
	return command(u, GLOBAL_ROOT, true) && drop_contexts(u) && drop_iotlb(u) &&
	       command(u, GLOBAL_TRANSLATE, true) && open_protected(u);
}

static const char *vtd_enable(const struct iommu_space *s)
{
	u64 root = make_contexts(s);
	u32 on = 0;

	while (root && on < unit_count && turn_on(&units[on], root))
		on++;
	if (on == unit_count)
		return NULL;
	for (u32 i = 0; i <= on; i++)
		(void)!command(&units[i], GLOBAL_TRANSLATE, false);
	return root ? "a VT-d unit that does not answer" : "too little memory for its tables";
}

static bool vtd_owns(u64 page)
{
	for (u32 i = 0; i < unit_count; i++)
		if (page - units[i].base < units[i].bytes)
			return true;
	return false;
}

/* "Primary Fault Logging" */
static void poll_unit(struct vtd_unit *u)
{
	u32 faults = mmio_read32(u->regs + REG_FAULTS);

	if (!(faults & (FAULTS_PENDING | FAULTS_LOST)))
		return;
	for (u32 i = 0; i < CAP_FAULT_COUNT(u->cap); i++) {
		u8 *record = u->regs + CAP_FAULTS(u->cap) * 16 + i * 16;
		u32 last = mmio_read32(record + 12);

		if (!(last & FAULT_SET))
			continue;
		iommu_blocked((u16)mmio_read32(record + 8), !(last & FAULT_READ),
			      mmio_read64(record) & ~PAGE_MASK, "reason", last & 0xFFu);
		mmio_write32(record + 12, FAULT_SET);
	}
	if (faults & FAULTS_LOST)
		iommu_blocked_more();
	mmio_write32(u->regs + REG_FAULTS, FAULTS_LOST);
}

static void vtd_poll(void)
{
	for (u32 i = 0; i < unit_count; i++)
		poll_unit(&units[i]);
}

const struct iommu_kind vtd_kind = {
	.name = "VT-d",
	.parse = iommu_parse_dmar,
	.prepare = vtd_prepare,
	.enable = vtd_enable,
	.flush = vtd_flush,
	.poll = vtd_poll,
	.owns = vtd_owns,
};
