/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUs of a test guest: its entry in C, the MADT, INIT and STARTUP, the local APIC. */
#include <tests/guest/lib/trap.h>

extern char cpu_stacks[];
extern u64 ap_stack;
void guest_main(void);
void ap_main(void);

hypercall_fn hypercall_native;
u64 hypercall_page_address;
static u32 cpus;
static u32 apic_ids[CPU_MAX];

struct cpu *cpu_get(u32 id)
{
	return (struct cpu *)(void *)(cpu_stacks + (u64)id * CPU_STACK);
}
u32 cpu_count(void)
{
	return cpus;
}
u32 cpu_apic_id(u32 id)
{
	return apic_ids[id];
}

bool on_xen(void)
{
	struct cpuid r = cpuid(0x40000000, 0);

	return r.ebx == 0x566E6558 && r.ecx == 0x65584D4D && r.edx == 0x4D4D566E;
}

static u32 read32(u64 at)
{
	return *(const u32 *)at;
}

static void madt_read(u64 madt)
{
	u64 end = madt + read32(madt + 4);

	for (u64 p = madt + 44; p + 2 <= end && *(const u8 *)(p + 1); p += *(const u8 *)(p + 1)) {
		const u8 *e = (const u8 *)p;

		if (e[0] != 0 || !(e[4] & 1))
			continue;
		if (e[2] < CPU_MAX)
			apic_ids[e[2]] = e[3];
		cpus++;
	}
}

static void acpi_read(void)
{
	u64 rsdp = start_info()->rsdp_paddr, xsdt;
	bool wide;

	if (rsdp) {
		wide = *(const u8 *)(rsdp + 15) >= 2;
		xsdt = wide ? *(const u64 *)(rsdp + 24) : read32(rsdp + 16);
		for (u64 p = xsdt + 36; p < xsdt + read32(xsdt + 4); p += wide ? 8 : 4) {
			u64 table = wide ? *(const u64 *)p : read32(p);

			if (read32(table) == 0x43495041) /* APIC */
				madt_read(table);
		}
	}
	if (!cpus)
		cpus = 1;
	if (cpus > CPU_MAX)
		cpus = CPU_MAX;
}

static void cpu_loop(struct cpu *c)
{
	c->fn(c->arg);
	__atomic_store_n(&c->running, 2, __ATOMIC_RELEASE);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void guest_main(void)
{
	struct cpu *c = this_cpu();
	struct cpuid vendor = cpuid(0, 0);

	/* "Auth" of AMD, "Hygo" of Hygon. */
	hypercall_native = vendor.ebx == 0x68747541 || vendor.ebx == 0x6F677948 ? hypercall_vmmcall
										: hypercall_vmcall;
	trap_init_cpu(c);
	if (start_info()->magic != XEN_HVM_START_MAGIC)
		test_error("no start info at %lx", start_info_address);
	if (!on_xen()) { /* a plain emulator has an interrupt controller that the firmware set up */
		outb(0x21, 0xFF);
		outb(0xA1, 0xFF);
	}
	acpi_read();
	c->apic_id = apic_ids[0];
	test_main();
	test_pass();
}

void ap_main(void)
{
	struct cpu *c = this_cpu();

	trap_init_cpu(c);
	__atomic_store_n(&c->running, 1, __ATOMIC_RELEASE);
	cpu_loop(c);
}

void cpu_start(u32 id, void (*fn)(void *arg), void *arg)
{
	struct cpu *c = cpu_get(id);
	u64 end;

	memcpy((void *)(u64)TRAMPOLINE, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	c->id = id;
	c->apic_id = apic_ids[id];
	c->fn = fn;
	c->arg = arg;
	c->guard = NULL;
	__atomic_store_n(&c->running, 0, __ATOMIC_RELEASE);
	ap_stack = (u64)cpu_get(id) + CPU_STACK;
	apic_icr(apic_ids[id], ICR_INIT | ICR_ASSERT);
	apic_icr(apic_ids[id], ICR_STARTUP | TRAMPOLINE >> 12);
	end = clock_ns() + 20000000000ull;
	while (!__atomic_load_n(&c->running, __ATOMIC_ACQUIRE)) {
		if (clock_ns() > end)
			test_fail("CPU %u did not start after INIT and STARTUP", id);
		cpu_relax();
	}
}

void cpu_start_all(void (*fn)(void *arg), void *arg)
{
	for (u32 i = 1; i < cpus; i++)
		cpu_start(i, fn, arg);
}

void cpu_join(u32 id)
{
	while (__atomic_load_n(&cpu_get(id)->running, __ATOMIC_ACQUIRE) != 2)
		cpu_relax();
}

bool apic_x2_mode(void)
{
	return rdmsr(MSR_APIC_BASE) >> 10 & 1;
}

u32 apic_read(u32 offset)
{
	return apic_x2_mode() ? (u32)rdmsr(0x800 + (offset >> 4)) : *apic_mmio(offset);
}

void apic_write(u32 offset, u32 value)
{
	if (apic_x2_mode())
		wrmsr(0x800 + (offset >> 4), value);
	else
		*apic_mmio(offset) = value;
}

void apic_icr(u32 dest, u32 low)
{
	if (apic_x2_mode()) {
		wrmsr(0x830, (u64)dest << 32 | low);
		return;
	}
	*apic_mmio(APIC_ICR2) = dest << 24;
	*apic_mmio(APIC_ICR) = low;
}

bool apic_bit(u32 bank, u8 vector)
{
	return apic_read(bank + (vector / 32u) * 16) >> (vector % 32) & 1;
}

void apic_enable(void)
{
	apic_write(APIC_SVR, 0x1FF);
}
