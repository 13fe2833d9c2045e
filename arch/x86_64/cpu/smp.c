/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting the other CPUs. Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3,
 * "Multiple-Processor (MP) Initialization". */
#include <arch/x86_64/cpu/smp.h>

#include <arch/x86_64/cpu/desc.h>
#include <arch/x86_64/cpu/features.h>
#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/traps.h>
#include <arch/x86_64/irq/lapic.h>
#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/acpi.h>
#include <arch/x86_64/platform/clock.h>
#include <boot/memory.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>
#include <core/lib/string.h>
#include <core/mm/frame.h>
#include <core/start.h>

#define INIT_DELAY_US  10000u
#define SIPI_RETRY_US  2000u
#define SIPI_GIVEUP_US 200000u
#define AREA_ORDER     3u
#define WARP_ROUNDS    200u

/* All memory that belongs to one CPU from its first C instruction on. */
struct cpu_area {
	struct pcpu pcpu;
	struct cpu_tables tables;
	u8 nmi_stack[PAGE_SIZE] __attribute__((aligned(4096)));
	u8 fatal_stack[PAGE_SIZE]; /* #DF and #MC: none of them returns */
	u8 guard[PAGE_SIZE];       /* not mapped below the stack that is in use */
	u8 stack[CPU_STACK_SIZE];
};
_Static_assert(sizeof(struct cpu_area) == CPU_AREA_SIZE, "the start-up code's stack top");
_Static_assert(CPU_AREA_SIZE == PAGE_SIZE << AREA_ORDER, "allocated as one block");

struct trampoline_args {
	u64 root, stack, cpu, entry;
};
extern const u8 trampoline_start[], trampoline_args[], trampoline_end[];

struct cpu_area boot_cpu_area __attribute__((section(".bss.page_aligned")));
u32 cpu_count;

static struct pcpu *cpus[MAX_CPUS];
static u32 online; /* CPUs that came up, the boot CPU included */
static bool released;

/* The check of the TSCs: two CPUs take turns and must never see an earlier value. */
static struct {
	spinlock_t lock;
	u64 last;
	u32 rounds; /* of the new CPU */
	bool warped;
} warp;

struct pcpu *cpu_by_id(u32 id)
{
	return cpus[id];
}

static struct pcpu *area_setup(struct cpu_area *a, u32 id, u32 apic_id)
{
	struct pcpu *p = &a->pcpu;

	p->self = p;
	p->id = id;
	p->apic_id = apic_id;
	p->arch = &a->tables;
	desc_setup(p, a->nmi_stack + PAGE_SIZE, a->fatal_stack + PAGE_SIZE);
	cpus[id] = p;
	return p;
}

void smp_init_boot_cpu(void)
{
	idt_init();
	desc_load(area_setup(&boot_cpu_area, 0, 0));
	cpu_count = online = 1;
}

static void warp_round(void)
{
	u64 now;

	spin_lock(&warp.lock);
	now = rdtsc_ordered();
	if (now < warp.last)
		warp.warped = true;
	warp.last = now;
	spin_unlock(&warp.lock);
}

/* A new CPU's first C, on its own stack. */
noreturn_fn static void cpu_entry(struct pcpu *p)
{
	desc_load(p);
	features_enable();
	lapic_init_cpu();
	__atomic_fetch_add(&online, 1, __ATOMIC_RELEASE);
	for (u32 i = 0; i < WARP_ROUNDS; i++)
		warp_round();
	__atomic_store_n(&warp.rounds, WARP_ROUNDS, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		sti_hlt_cli();
	write_cr3(paging_root().v); /* forget the trampoline */
	core_start_cpu();
}

static bool wait_online(u32 count, u32 us)
{
	u64 end = clock_ns() + us * 1000ull;

	while (__atomic_load_n(&online, __ATOMIC_ACQUIRE) < count) {
		if (clock_ns() > end)
			return false;
		cpu_relax();
	}
	return true;
}

/* Sends the startup interrupt, once more if need be. A CPU that does not come is put back to
 * waiting, so that it cannot come later, on somebody else's stack. */
static bool start_cpu(struct pcpu *p, u8 page)
{
	lapic_send(p->apic_id, LAPIC_STARTUP | page);
	if (!wait_online(p->id + 1, SIPI_RETRY_US)) {
		lapic_send(p->apic_id, LAPIC_STARTUP | page);
		if (!wait_online(p->id + 1, SIPI_GIVEUP_US)) {
			lapic_send(p->apic_id, LAPIC_INIT);
			return false;
		}
	}
	while (__atomic_load_n(&warp.rounds, __ATOMIC_ACQUIRE) == 0)
		warp_round();
	warp.rounds = 0;
	return true;
}

static size_t code_offset(const u8 *p)
{
	return (uintptr_t)p - (uintptr_t)trampoline_start;
}

static void start_one(u32 apic_id, hpa_t page)
{
	struct trampoline_args args = {.root = paging_root().v, .entry = (u64)(uintptr_t)cpu_entry};
	struct cpu_area *area = page_alloc(AREA_ORDER);
	u8 *code = phys_to_virt(page);
	u8 *stack =
		area != NULL ? paging_map_stack(virt_to_phys(area->stack), CPU_STACK_SIZE) : NULL;

	if (stack == NULL) {
		log_line("smp: no memory for the CPU with APIC id %u", apic_id);
		return;
	}
	args.cpu = (u64)(uintptr_t)area_setup(area, cpu_count, apic_id);
	args.stack = (u64)(uintptr_t)(stack + CPU_STACK_SIZE);
	memcpy(code + code_offset(trampoline_args), &args, sizeof(args));
	if (start_cpu(&area->pcpu, (u8)(page.v >> PAGE_SHIFT))) {
		cpu_count++;
	} else {
		log_line("smp: the CPU with APIC id %u does not start: left out", apic_id);
		cpus[cpu_count] = NULL;
		page_free(area, AREA_ORDER);
	}
}

static bool startable(u32 apic_id)
{
	return apic_id != this_cpu()->apic_id && (apic_id < 255 || lapic_is_x2apic());
}

static void start_others(hpa_t page)
{
	u8 saved[PAGE_SIZE / 8];
	size_t size = code_offset(trampoline_end);
	u8 *code = phys_to_virt(page);

	assert(size <= sizeof(saved));
	memcpy(saved, code, size); /* it may be the firmware's after all */
	memcpy(code, trampoline_start, size);
	for (u32 i = 0; i < acpi_info.cpu_count; i++)
		if (startable(acpi_info.cpus[i]))
			lapic_send(acpi_info.cpus[i], LAPIC_INIT);
	clock_delay_us(INIT_DELAY_US);
	for (u32 i = 0; i < acpi_info.cpu_count && cpu_count < MAX_CPUS; i++)
		if (startable(acpi_info.cpus[i]))
			start_one(acpi_info.cpus[i], page);
	memcpy(code, saved, size);
}

void smp_start_all(const struct boot_info *bi)
{
	u32 others = acpi_info.cpu_count > 1 ? acpi_info.cpu_count - 1 : 0;
	hpa_t page;

	cpus[0]->apic_id = lapic_id();
	paging_unmap(boot_cpu_area.guard);
	if (others > 0 && memory_low_page(bi, &page) && paging_map_trampoline(page)) {
		start_others(page);
		paging_unmap((const void *)(uintptr_t)page.v);
	}
	clock_tsc_stable = !warp.warped;
	if (cpu_count <= others)
		log_line("smp: %u CPUs of the MADT are not used", others + 1 - cpu_count);
	log_line("smp: %u CPUs, TSCs %s", cpu_count, clock_tsc_stable ? "agree" : "DISAGREE");
}

void smp_release(void)
{
	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
	for (u32 i = 1; i < cpu_count; i++)
		ipi_kick(i);
}

void ipi_kick(u32 cpu)
{
	lapic_send(cpus[cpu]->apic_id, VECTOR_KICK);
}

void ipi_halt_all(void)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (cpus[i] != this_cpu())
			lapic_send(cpus[i]->apic_id, LAPIC_NMI);
}
