/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O APICs. Intel 82093AA I/O Advanced Programmable Interrupt Controller data sheet. */
#include <arch/x86_64/irq/ioapic.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/percpu.h>
#include <arch/x86_64/mm/paging.h>
#include <arch/x86_64/platform/acpi.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>
#include <xen/errno.h>

#define SELECT      0x00 /* MMIO: which register */
#define WINDOW      0x10
#define REG_VERSION 0x01
#define REG_ENTRY   0x10    /* two for each input */
#define ENTRY_LOW   0x2000u /* polarity */
#define ENTRY_LEVEL 0x8000u
#define ENTRY_MASK  0x10000u

static struct ioapic {
	u8 *registers;
	u32 gsi_base, inputs;
} ioapics[ACPI_MAX_IOAPICS];
static u32 ioapic_count;
static spinlock_t ioapic_lock; /* select and window go together; nothing is locked inside */

static u32 reg_read(const struct ioapic *a, u32 reg)
{
	mmio_write32(a->registers + SELECT, reg);
	return mmio_read32(a->registers + WINDOW);
}

static void reg_write(const struct ioapic *a, u32 reg, u32 v)
{
	mmio_write32(a->registers + SELECT, reg);
	mmio_write32(a->registers + WINDOW, v);
}

void ioapic_init(void)
{
	for (u32 i = 0; i < acpi_info.ioapic_count; i++) {
		const struct acpi_ioapic *found = &acpi_info.ioapics[i];
		struct ioapic *a = &ioapics[ioapic_count];

		a->registers = mmio_map(hpa(found->address), PAGE_SIZE);
		if (a->registers == NULL)
			panic("no memory to map an I/O APIC");
		a->gsi_base = found->gsi_base;
		a->inputs = ((reg_read(a, REG_VERSION) >> 16) & 0xff) + 1;
		for (u32 n = 0; n < a->inputs; n++)
			reg_write(a, REG_ENTRY + 2 * n, ENTRY_MASK);
		ioapic_count++;
		log_line("ioapic: %u inputs from GSI %u", a->inputs, a->gsi_base);
	}
}

/* *reg: the low half of gsi's redirection entry. */
static struct ioapic *find(u32 gsi, u32 *reg)
{
	for (u32 i = 0; i < ioapic_count; i++) {
		*reg = REG_ENTRY + 2 * (gsi - ioapics[i].gsi_base);
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].inputs)
			return &ioapics[i];
	}
	return NULL;
}

int ioapic_route(u32 gsi, u8 vector, u32 cpu, bool level, bool low)
{
	u32 reg, apic_id;
	struct ioapic *a = find(gsi, &reg);

	if (a == NULL)
		return -XEN_ENOENT;
	if (cpu >= cpu_count || cpu_by_id(cpu)->apic_id > 254)
		return -XEN_EINVAL;
	apic_id = cpu_by_id(cpu)->apic_id;
	spin_lock(&ioapic_lock);
	reg_write(a, reg, ENTRY_MASK); /* first, so that no half-written entry is live */
	reg_write(a, reg + 1, apic_id << 24);
	reg_write(a, reg, ENTRY_MASK | vector | (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0));
	spin_unlock(&ioapic_lock);
	return 0;
}

void ioapic_mask(u32 gsi, bool mask)
{
	u32 reg;
	struct ioapic *a = find(gsi, &reg);

	if (a == NULL)
		return;
	spin_lock(&ioapic_lock);
	reg_write(a, reg, (reg_read(a, reg) & ~ENTRY_MASK) | (mask ? ENTRY_MASK : 0));
	spin_unlock(&ioapic_lock);
}

u32 irq_isa_to_gsi(u8 irq, bool *level, bool *low)
{
	*level = *low = false;
	for (u32 i = 0; i < acpi_info.override_count; i++) {
		const struct acpi_override *o = &acpi_info.overrides[i];

		if (o->irq == irq) {
			*level = o->level;
			*low = o->low;
			return o->gsi;
		}
	}
	return irq;
}
